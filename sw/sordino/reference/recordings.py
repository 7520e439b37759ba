"""The page about recordings, from the bounds that `sordino.speech` declares."""

import numpy as np

from sordino.reference.markdown import NOTE, as_table, docstring, table
from sordino.speech import doubts
from sordino.speech.files import audio, source
from sordino.speech.files.level import Audio
from sordino.speech.files.matrix_files import MOST_FRAMES

__all__ = ["recordings_page"]

_START = """\
# Recordings and features

What `sordino run`, `cosim`, `eval` and `train` read, what they refuse, and what they doubt.

"""
_READ = (
    (
        "WAV, FLAC, NIST Sphere, and what else libsndfile reads",
        "sound at any rate in the bounds below; channels are averaged",
    ),
    ("`.mfc`", "cepstra as CMU Sphinx writes them, in either byte order"),
    (
        "`.npy`",
        "float frames × cepstra; float frames × model input; or int8 frames × model input, which "
        "passes as it is",
    ),
    (
        "`-` (`run`, `cosim`)",
        "standard input: sound, or a `.npy` matrix; once in a command. `run -` alone hears it as "
        "it comes, and raw 16-bit samples, too",
    ),
)
_INPUTS = """
An image without feature definition (its model's meta had no `features`) takes int8 model input as
`.npy` and nothing else: only such a definition says how sound becomes numbers. How long a vector
lasts is then unknown, and `seconds` is null.

## Several inputs

Each input is read once. One that cannot be read is refused in a line of its own; the others go on,
and the exit code is 2. In `--json` every input has its entry, with the reason under `refused` (null
where all is well); `error` is what stopped the machine. `eval` leaves such utterances out, says so,
and lists them under `refused`. Where there is but one input, or `eval` can read none, the command
itself is refused: one line, and no JSON.

## Refused

What a header declares is compared with these bounds before memory is taken.

"""
_NO_SOUND = """
What is no sound is refused, too: NaN and infinity, floats beyond 2^31, an Ogg stream without its
end.

"""
_DOUBTS = """\
## Doubts

Beyond these bounds an input is taken, and a warning says what is wrong with it: probably nothing
good comes of it. `--json` has the values of every input, and the phrases under `doubts`.
`eval --json` has over its set `saturated`, `lowest_level_dbfs`, and by file `silent`, `missing` and
`doubts`. Training warns of what is wrong with the sound, whatever the model. In Python,
`sordino.speech.inputs.read_input` gives them all.

"""


def _number(value: float) -> str:
    return "" if np.isinf(value) else f"{value:g}"


def recordings_page() -> str:
    """What is read, with the bounds beyond which it is refused or doubted."""
    low, high = audio.RATES
    refused = table(
        ("what", "taken"),
        [
            ("sample rate", f"{low:,} to {high:,} Hz"),
            ("channels", f"up to {audio.MOST_CHANNELS}"),
            ("length of a recording", f"up to {audio.MOST_SECONDS:,} seconds"),
            ("frames of features", f"up to {MOST_FRAMES:,}"),
            ("bytes from a pipe or standard input", f"up to {source.MOST_BYTES:,}"),
        ],
    )
    bounds = table(
        ("key", "from", "to", "why"),
        [(f"`{k}`", _number(b.low), _number(b.high), b.why) for k, b in doubts.BOUNDS.items()],
    )
    return (
        NOTE
        + _START
        + table(("file", "what is read"), _READ)
        + _INPUTS
        + refused
        + _NO_SOUND
        + _DOUBTS
        + bounds
        + f"\n{docstring(doubts)}\n\n"
        + "## Keys of `audio`\n\n"
        + as_table(docstring(Audio), ("key", "meaning"))
        + "\n## Keys beside `audio`\n\n"
        + "`saturated` is the share of the model's int8 input at -128 or 127.\n\n"
        + as_table(docstring(doubts.Likeness), ("key", "meaning"))
    )
