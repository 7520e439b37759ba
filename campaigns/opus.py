"""Wire lattices beside Opus at 16 kbit/s, of the same waveforms.

Opus is counted as it would be sent: the packets alone, without the container's pages and without
the two packets of headers (RFC 7845; pages are those of RFC 3533).
"""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import soundfile

from campaigns.common import MODELS, data_option, output_option, write_page
from campaigns.synthetic_speech import VOICES, Line, speak
from sordino.decode.beam import BeamOptions
from sordino.decode.decoder import Decoder
from sordino.decode.machine_transducer import MachineTransducer
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.lattice.build import WIRE, listen
from sordino.lattice.coding.owner import image_vocabulary
from sordino.lattice.coding.wire import pack
from sordino.reference.markdown import table
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.transcript import features_of, speller_of
from sordino.speech.wer import transcript_errors

__all__ = ["Sent", "main", "packet_sizes"]

MODEL = "an4_rnnt_causal"
BEAM = 16
KBIT = 16
REACH = 60
_HEADERS = 2
_PAGE, _HEAD = b"OggS", 27
_WHOLE = 255
"""A lacing value that says that the packet goes on."""


@dataclass(frozen=True)
class Sent:
    """An utterance's length, and its bytes as samples, as Opus and as a lattice."""

    seconds: float
    samples: int
    opus: int
    lattice: int


def packet_sizes(data: bytes) -> list[int]:
    """The bytes of each packet in an Ogg file of one stream; InputError for anything else."""
    sizes, at, open_packet = list[int](), 0, 0
    while at < len(data):
        head = data[at : at + _HEAD]
        lacing = data[at + _HEAD : at + _HEAD + head[-1]] if len(head) == _HEAD else b""
        if not head.startswith(_PAGE) or len(head) < _HEAD or len(lacing) < head[-1]:
            raise InputError(f"wanted a page of Ogg at byte {at}, got none; encode it again")
        for each in lacing:
            open_packet += each
            if each < _WHOLE:
                sizes.append(open_packet)
                open_packet = 0
        at += _HEAD + len(lacing) + sum(lacing)
    if at > len(data) or open_packet:
        raise InputError(
            "wanted whole packets of Ogg, got a file that ends in one; encode it again"
        )
    return sizes


def _encode(path: Path) -> int:
    """Encode a recording; the bytes of its packets of sound."""
    target = path.with_suffix(".opus")
    command = ["opusenc", "--quiet", "--bitrate", f"{KBIT}", str(path), str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or not target.is_file():
        raise InputError(
            f"wanted {path.name} as Opus, but opusenc failed: {done.stderr.strip()[:200]}"
        )
    return sum(packet_sizes(target.read_bytes())[_HEADERS:])


def _version(program: str) -> str:
    """What a program says of its version, in a line."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True)
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
    found = next((line for line in lines if program in line), program)
    return found.removeprefix("version: ")


def _check_programs() -> None:
    """InputError where a program is missing."""
    for program, does, package in (
        ("flite", "speaks", "flite"),
        ("opusenc", "encodes", "opus-tools"),
    ):
        if shutil.which(program) is None:
            raise InputError(
                f"wanted {program}, which {does}, found none; install it (Debian: {package})"
            )


def measure(texts: Sequence[str], folder: Path) -> tuple[list[Sent], list[str]]:
    """What the texts take, spoken by one voice after the other; and what was understood."""
    lines = [
        Line(
            words=tuple(text.split()),
            voice=VOICES[number % len(VOICES)],
            stretch=1.0,
            pitch=180.0 if VOICES[number % len(VOICES)] == "slt" else 110.0,
        )
        for number, text in enumerate(texts)
    ]
    speak(lines, folder)
    image = Image.load(MODELS / f"{MODEL}.sordino")
    options = BeamOptions(beam=BEAM)
    decoder = Decoder(transducer=MachineTransducer(image), options=options)
    vocabulary = image_vocabulary(image)
    sent, said = list[Sent](), list[str]()
    for path in sorted(folder.glob("*.wav")):
        about = soundfile.info(path)
        found, graph = listen(decoder, features_of(image, path))
        lattice = len(pack(graph.lattice(WIRE), vocabulary))
        sent.append(Sent(about.duration, 2 * about.frames, _encode(path), lattice))
        said.append(decoder.spelt(found[0]))
    return sent, said


def _parts(texts: Sequence[str], sent: Sequence[Sent], said: Sequence[str]) -> list[str]:
    """The page."""
    image = Image.load(MODELS / f"{MODEL}.sordino")
    score = transcript_errors(texts, said, speller_of(image))
    lattice = np.array([each.lattice for each in sent])
    seconds = sum(each.seconds for each in sent)
    rows = []
    for name, sizes in (
        ("samples of 16 bits", np.array([each.samples for each in sent])),
        (f"Opus, {KBIT} kbit/s", np.array([each.opus for each in sent])),
        ("wire lattice", lattice),
    ):
        ratios = sizes / lattice
        rows.append(
            (
                name,
                f"{sizes.mean():,.1f}",
                f"{8 * sizes.sum() / seconds / 1000:.2f}",
                f"{sizes.sum() / lattice.sum():,.1f}",
                f"{ratios.mean():,.1f}",
                f"{ratios.min():,.1f}",
            )
        )
    return [
        f"The {len(texts)} transcripts of AN4's development split, spoken by flite, one of its "
        f"voices {', '.join(VOICES)} after the other: {seconds / len(sent):.2f} seconds each. "
        f"Every waveform is encoded by `opusenc --bitrate {KBIT}`, and searched with the shipped "
        f"image `{MODEL}.sordino`, beam {BEAM}, without a language model. Opus is counted without "
        "its container: the packets of sound alone.\n",
        table(
            ("sent", "mean bytes", "kbit/s", "of all, against lattices", "mean ratio", "least"),
            rows,
        ),
        f"Of flite's {score.words} words {score.errors} are misheard ({score.wer:.2%}). Speech of "
        "these voices was among what the model was trained on (`make synthetic-speech`). Of AN4's "
        "own speakers, whose waveforms are not here, [lattices](../lattice.md) has the bytes and "
        "the words misheard.\n",
        f"{_version('flite')}; {_version('opusenc')}.\n",
    ]


@click.command()
@data_option
@output_option("opus.md")
def main(data: Path, output: Path) -> None:
    """Measure lattices, Opus and samples of the development transcripts."""
    _check_programs()
    texts = [u.text for u in load_dataset(data / "an4", "dev")]
    with tempfile.TemporaryDirectory() as folder:
        sent, said = measure(texts, Path(folder))
    write_page(output, "Wire lattices beside Opus", _parts(texts, sent, said))
    if sum(each.opus for each in sent) < REACH * sum(each.lattice for each in sent):
        raise SystemExit(1)
