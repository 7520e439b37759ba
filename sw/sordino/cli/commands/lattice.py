"""`sordino lattice`."""

import sys
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import click
from click.core import ParameterSource

from sordino.cli.shared.engines import ENGINES, make_open_engine
from sordino.cli.shared.lattices import (
    FORMATS,
    SYMBOLS,
    Inputs,
    Sent,
    planned,
    stem_of,
    write_files,
)
from sordino.cli.shared.options import IMAGE, INPUTS, json_option, path_type
from sordino.cli.shared.output import console, print_json, print_table
from sordino.cli.shared.paths import OutputFolder
from sordino.cli.shared.search import SearchChoice, search_options
from sordino.cli.shared.speech import check_inputs, complain, hear_all
from sordino.decode.decoder import Decoder
from sordino.decode.machine_transducer import MachineTransducer
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.lattice.build import RICH, WIRE, listen
from sordino.lattice.coding.owner import image_vocabulary
from sordino.lattice.coding.vocabulary import Vocabulary
from sordino.lattice.coding.wire import pack, unpack
from sordino.lattice.graph import END
from sordino.lattice.scored import WordModel, score

__all__ = ["lattice_command"]

_LISTENING = ("beam", "engine", "internal_weight")
"""Options that mean something for recordings alone."""


def _hear(
    image: Image,
    decoder: Decoder,
    vocabulary: Vocabulary,
    model: WordModel | None,
    path: str,
    piped: BinaryIO | None,
) -> tuple[dict[str, Any], Sent]:
    """The lattice of a recording, read from its own bytes, and what JSON has of the recording."""
    heard = hear_all(image, [path], piped)[0]
    found, graph = listen(decoder, heard.features)
    wire, rich = (pack(graph.lattice(form), vocabulary) for form in (WIRE, RICH))
    lattice = unpack(rich, vocabulary)
    facts = {"transcript": decoder.spelt(found[0]), "frames": lattice.frames, **heard.facts}
    return facts, Sent(wire, rich, lattice, score(lattice, model))


def _read(
    vocabulary: Vocabulary,
    model: WordModel | None,
    inputs: Inputs,
    path: str,
    formats: tuple[str, ...],
) -> tuple[dict[str, Any], Sent]:
    """A lattice that somebody sent; InputError where it cannot have one of the formats."""
    data, lattice = inputs.read(path, vocabulary)
    times = lattice.frames is not None
    if "rich" in formats and not times:
        raise InputError(
            f"wanted a recording or a rich lattice for --format rich, but {path} has no times; "
            "give the recording"
        )
    scored = score(lattice, model)
    sent = Sent(None if times else data, data if times else None, lattice, scored)
    said = " ".join(lattice.best if model is None else scored.best)
    return {"transcript": said, "frames": lattice.frames}, sent


def _all(
    image: Image,
    decoder: Decoder,
    vocabulary: Vocabulary,
    inputs: Inputs,
    formats: tuple[str, ...],
) -> tuple[list[dict[str, Any]], dict[str, Sent]]:
    """What JSON has of every input, and the lattices by stem; an only input's error is raised."""
    model: Any = decoder.fusion
    entries, sent = list[dict[str, Any]](), dict[str, Sent]()
    for path in inputs.paths:
        try:
            inputs.check(path)
            if inputs.is_lattice(path):
                facts, each = _read(vocabulary, model, inputs, path, formats)
            else:
                facts, each = _hear(image, decoder, vocabulary, model, path, inputs.piped)
        except InputError as error:
            if len(inputs.paths) == 1:
                raise
            complain(str(error))
            entries.append(_refused(path, str(error)))
            continue
        entries.append(_entry(path, facts, each, vocabulary))
        sent[stem_of(path)] = each
    return entries, sent


def _entry(path: str, facts: dict[str, Any], sent: Sent, vocabulary: Vocabulary) -> dict[str, Any]:
    """What JSON has of a lattice; `arcs` are its ways with words, and the ends have no word."""
    scored, lattice = sent.scored, sent.lattice
    ends, arcs = scored.ends(vocabulary.seconds), []
    for number, shares in enumerate(scored.posteriors()):
        for arc, share in zip(scored.states[number].arcs, shares, strict=True):
            arcs.append(
                {
                    "from": number,
                    "to": len(scored.states) if arc.target == END else arc.target,
                    "word": arc.word,
                    "transducer": arc.transducer,
                    "language": arc.language,
                    "posterior": share,
                    "end": ends[arc.target],
                }
            )
    return {
        "input": path,
        **facts,
        "bytes": {
            "wire": None if sent.wire is None else len(sent.wire),
            "rich": None if sent.rich is None else len(sent.rich),
        },
        "states": len(lattice.states),
        "ways": lattice.arcs,
        "paths": lattice.paths,
        "step": lattice.step,
        "best": scored.best,
        "arcs": arcs,
        "files": [],
        "refused": None,
    }


def _refused(path: str, message: str) -> dict[str, Any]:
    """What JSON has of an input that is no lattice and makes none."""
    return {
        "input": path,
        **dict.fromkeys(("transcript", "frames")),
        "bytes": {"wire": None, "rich": None},
        **dict.fromkeys(("states", "ways", "paths", "step", "best")),
        "arcs": [],
        "files": [],
        "refused": message,
    }


def _check_unheard() -> None:
    """A usage error for what says how recordings are searched, where there are none."""
    source, default = click.get_current_context().get_parameter_source, ParameterSource.DEFAULT
    given = [f"--{n.replace('_', '-')}" for n in _LISTENING if source(n) is not default]
    if given:
        raise click.UsageError(
            f"wanted a recording beside {' and '.join(given)}, got lattices alone, which are not "
            "searched"
        )


def _print(entry: dict[str, Any]) -> None:
    console.print(entry["transcript"] or "(nothing)", style="bold")
    sizes = ", ".join(f"{name} {n} bytes" for name, n in entry["bytes"].items() if n is not None)
    counts = ", ".join(
        f"{entry[name]:,} {name if entry[name] != 1 else name[:-1]}"
        for name in ("states", "ways", "paths")
    )
    console.print(f"  {entry['input']}: {sizes}; {counts}")
    print_table(
        ("from", "to", "word", "transducer", "language", "posterior", "ends at"),
        [
            (
                arc["from"],
                arc["to"],
                arc["word"] or "(end)",
                f"{arc['transducer']:.3f}",
                f"{arc['language']:.3f}",
                f"{arc['posterior']:.1%}",
                "" if arc["end"] is None else f"{arc['end']:.2f} s",
            )
            for arc in entry["arcs"]
        ],
    )
    for file in entry["files"]:
        console.print(f"  wrote {file}")


@click.command(
    "lattice",
    epilog="\b\nExamples:\n"
    "  sordino lattice model.sordino speech.wav\n"
    "  sordino lattice model.sordino *.wav --beam 16 -o lattices\n"
    "  sordino lattice model.sordino speech.wav -o lattices --format svg --format kaldi\n"
    "  sordino lattice model.sordino speech.wav --phrases names.txt\n"
    "  sordino lattice model.sordino lattices/speech.slat --lm an4.arpa --json\n"
    "  sordino lattice model.sordino - < lattices/speech.slat",
)
@IMAGE
@INPUTS
@click.option("-o", "--output", type=OutputFolder(SYMBOLS), help="Folder to write files to.")
@click.option(
    "--format",
    "formats",
    type=click.Choice(list(FORMATS)),
    multiple=True,
    help="What to write, as often as wanted: wire (to be sent), rich (more paths, and times), "
    "OpenFst as text or binary, Kaldi's CompactLattice, k2, HTK's SLF, or a drawing.  "
    "[default: wire]",
)
@click.option(
    "--words",
    type=path_type,
    help="Word n-gram as an ARPA file, by which words take few bytes; whoever reads a lattice "
    "needs the same.  [default: one of AN4's words that ships]",
)
@click.option("--engine", type=ENGINES, default="golden", show_default=True, help="As in `run`.")
@partial(search_options, always=True)
@json_option
def lattice_command(
    image: Path,
    inputs: tuple[str, ...],
    output: Path | None,
    formats: tuple[str, ...],
    words: Path | None,
    engine: str,
    as_json: bool,
    **search: Any,
) -> None:
    """Show what may have been said in INPUTS: a graph of words, with costs and probabilities.

    INPUTS are recordings and features as in `sordino run`, which the host searches through IMAGE's
    entry points, or lattices that were written (.slat). Standard input (-) may be either. One that
    cannot be read is refused in a line of its own; the others go on, and the exit code is 2.

    Everything shown and written is of the rich lattice, read back from its bytes, but for the wire
    form. With --lm or --phrases, what these say stands beside the transducer's costs; lattices hold
    the latter alone, since a reader can compute the others.
    """
    if formats and output is None:
        raise click.UsageError("wanted -o FOLDER beside --format, got none")
    check_inputs(inputs)
    given = Inputs(inputs)
    if given.written:
        _check_unheard()
    chosen = tuple(dict.fromkeys(formats)) or ("wire",)
    choice = SearchChoice(**search)
    program = Image.load(image)
    vocabulary = image_vocabulary(program, words)
    if output is not None:
        planned(output, inputs, chosen)
    machine = MachineTransducer(
        program, None if given.written else make_open_engine(engine, program)
    )
    decoder = choice.decoder(machine)
    entries, sent = _all(program, decoder, vocabulary, given, chosen)
    heard = [entry for entry in entries if entry["refused"] is None]
    if output is not None:
        files = write_files(output, sent, chosen, vocabulary)
        for entry in heard:
            entry["files"] = files[stem_of(entry["input"])]
    if as_json:
        said = {**choice.as_dict(decoder), **({"beam": None} if given.written else {})}
        print_json({"image": str(image), **said, "inputs": entries})
    else:
        for entry in heard:
            _print(entry)
    if len(heard) < len(entries):
        sys.exit(2)
