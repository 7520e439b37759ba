"""The shipped model and a recording, words out: `python examples/transcribe.py [WAV]`."""

import sys
from pathlib import Path

from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import read_input
from sordino.speech.text import Speller

MODELS = Path(__file__).parents[1] / "models"
wav = Path(sys.argv[1]) if len(sys.argv) > 1 else MODELS / "utterances" / "enter-six-five.wav"

image = Image.load(MODELS / "voices_rnnt_causal.sordino")
heard = read_input(wav, FeatureDefinition.of_image(image))
for doubt in heard.doubts:
    print(f"{wav}: {doubt}", file=sys.stderr)
tokens = Golden(image).run(heard.quantised).tokens
print(Speller(image.network.tokens, image.network.blank).text(tokens))
