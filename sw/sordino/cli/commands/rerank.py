"""`sordino rerank`."""

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from sordino.cli.shared.lattices import Inputs, without_times
from sordino.cli.shared.options import IMAGE, INPUTS, json_option, path_type
from sordino.cli.shared.output import console, print_json, print_table
from sordino.cli.shared.speech import check_inputs, complain, hear_all
from sordino.decode.beam import BeamOptions
from sordino.decode.decoder import Decoder
from sordino.decode.machine_transducer import MachineTransducer
from sordino.errors import InputError, warn
from sordino.image.image import Image
from sordino.lattice.build import WIRE, listen
from sordino.lattice.coding.owner import image_vocabulary
from sordino.lattice.coding.vocabulary import Vocabulary
from sordino.lattice.coding.wire import pack, unpack
from sordino.lattice.graph import Lattice
from sordino.serve.client import DEFAULT_DEADLINE, MOST_DEADLINE, Client, ServiceError
from sordino.serve.ranking import Ranked, Ranking, make_reranker

__all__ = ["rerank_command"]


@dataclass(frozen=True, kw_only=True)
class _Sent:
    """A lattice, and the bytes that are sent of it; what JSON has of the recording."""

    data: bytes
    lattice: Lattice
    facts: dict[str, Any]


class _Here:
    """The re-ranker in this process, as a service would rank."""

    def __init__(self, vocabulary: Vocabulary, models: tuple[Path, ...]) -> None:
        self._ranking = Ranking(vocabulary, make_reranker(models))

    def rank(self, sent: _Sent) -> tuple[list[Ranked], float]:
        """Alternatives, and the milliseconds that they took."""
        begin = time.perf_counter()
        found = self._ranking.of(sent.data)
        return found, (time.perf_counter() - begin) * 1000


class _There:
    """A service; ServiceError where it does not answer."""

    def __init__(self, client: Client, deadline: int) -> None:
        self._client, self._deadline = client, deadline

    def rank(self, sent: _Sent) -> tuple[list[Ranked], float]:
        """Alternatives, and the milliseconds until they were here."""
        begin = time.perf_counter()
        answer = self._client.rank(sent.data, sent.lattice, self._deadline)
        return answer.alternatives, (time.perf_counter() - begin) * 1000


def _listen(
    image: Image, decoder: Decoder, vocabulary: Vocabulary, inputs: Inputs, path: str
) -> _Sent:
    """The wire lattice of an input: a recording, or a lattice that was written."""
    facts: dict[str, Any] = {"frames": None}
    inputs.check(path)
    if inputs.is_lattice(path):
        _, written = inputs.read(path, vocabulary)
        lattice = without_times(written)
    else:
        heard = hear_all(image, [path], inputs.piped)[0]
        _, graph = listen(decoder, heard.features)
        lattice = graph.lattice(WIRE)
        facts = {"frames": len(heard.features), **heard.facts}
    data = pack(lattice, vocabulary)
    return _Sent(data=data, lattice=unpack(data, vocabulary), facts=facts)


def _entry(path: str, sent: _Sent, ranker: _Here | _There) -> dict[str, Any]:
    """What JSON has of an input; without a service's answer, the device's own best path."""
    device = " ".join(sent.lattice.best)
    alternatives, milliseconds, failed = list[Ranked](), None, None
    try:
        alternatives, milliseconds = ranker.rank(sent)
    except ServiceError as error:
        failed = str(error)
        warn(f"{failed}; what is printed is the device's own best path")
    return {
        "input": path,
        "transcript": alternatives[0].text if alternatives else device,
        "device": device,
        "reranked": bool(alternatives),
        "bytes": len(sent.data),
        "milliseconds": milliseconds,
        "alternatives": [asdict(each) for each in alternatives],
        "failed": failed,
        "refused": None,
        **sent.facts,
    }


def _refused(path: str, message: str) -> dict[str, Any]:
    """What JSON has of an input of which there is no lattice."""
    names = ("transcript", "device", "reranked", "bytes", "milliseconds")
    return {
        "input": path,
        **dict.fromkeys(names),
        "alternatives": [],
        "failed": None,
        "refused": message,
        "frames": None,
    }


def _print(entry: dict[str, Any]) -> None:
    console.print(entry["transcript"] or "(nothing)", style="bold")
    line = f"  {entry['input']}: lattice of {entry['bytes']} bytes; the device's own best path: "
    console.print(line + (entry["device"] or "(nothing)"))
    if entry["alternatives"]:
        print_table(
            ("alternative", "confidence", "transducer", "language"),
            [
                (
                    each["text"] or "(nothing)",
                    f"{each['confidence']:.1%}",
                    f"{each['transducer']:.2f}",
                    f"{each['language']:.2f}",
                )
                for each in entry["alternatives"]
            ],
        )


@click.command(
    "rerank",
    epilog="\b\nExamples:\n"
    "  sordino rerank model.sordino speech.wav\n"
    "  sordino rerank model.sordino speech.wav --url http://127.0.0.1:8075\n"
    "  sordino rerank model.sordino lattices/*.slat --url http://127.0.0.1:8075 --json",
)
@IMAGE
@INPUTS
@click.option(
    "--url", help="A service, as `sordino serve` prints it.  [default: rank in this process]"
)
@click.option(
    "--beam",
    type=click.IntRange(1),
    help=f"Beam search on the host, so many hypotheses wide.  [default: {BeamOptions().beam}]",
)
@click.option(
    "--words",
    type=path_type,
    help="Word n-gram as an ARPA file, as the service has it.  [default: the one that ships]",
)
@click.option(
    "--lm",
    "models",
    type=path_type,
    multiple=True,
    help="Without --url: word n-gram as an ARPA file to rank with, of which several count alike, "
    "or models as a TOML file, see docs/rerank.md.  [default: the larger model that ships]",
)
@click.option(
    "--deadline",
    type=click.IntRange(1, MOST_DEADLINE),
    help=f"With --url: milliseconds after which an answer is of no use.  "
    f"[default: {DEFAULT_DEADLINE}]",
)
@json_option
def rerank_command(
    image: Path,
    inputs: tuple[str, ...],
    url: str | None,
    beam: int | None,
    words: Path | None,
    models: tuple[Path, ...],
    deadline: int | None,
    as_json: bool,
) -> None:
    """Rank what may have been said in INPUTS with a larger language model, here or elsewhere.

    INPUTS are recordings and features as in `sordino run`, or lattices that were written (.slat);
    standard input (-) may be either. With --url nothing but their wire lattices leaves this
    computer.

    A service that is not there, too late, or of no use changes nothing else: a warning says so, the
    device's own best path is printed, and the exit code is 0. It is 2 where an input is refused.
    """
    check_inputs(inputs)
    if url is None and deadline is not None:
        raise click.UsageError("wanted --url beside --deadline, got none")
    if url is not None and models:
        raise click.UsageError("wanted --lm without --url, got both; give --lm to `sordino serve`")
    given = Inputs(inputs)
    if beam is not None and given.written:
        raise click.UsageError(
            "wanted a recording beside --beam, got lattices alone, which are not searched"
        )
    client = None if url is None else Client(url)
    program = Image.load(image)
    vocabulary = image_vocabulary(program, words)
    ranker = _There(client, deadline or DEFAULT_DEADLINE) if client else _Here(vocabulary, models)
    options = BeamOptions() if beam is None else BeamOptions(beam=beam)
    decoder = Decoder(transducer=MachineTransducer(program), options=options, fusion=None)
    entries = []
    for path in inputs:
        try:
            entries.append(_entry(path, _listen(program, decoder, vocabulary, given, path), ranker))
        except InputError as error:
            if len(inputs) == 1:
                raise
            complain(str(error))
            entries.append(_refused(path, str(error)))
    if as_json:
        print_json({"image": str(image), "url": url, "beam": options.beam, "inputs": entries})
    else:
        for entry in entries:
            if entry["refused"] is None:
                _print(entry)
    if any(entry["refused"] is not None for entry in entries):
        sys.exit(2)
