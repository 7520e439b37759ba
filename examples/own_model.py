"""From your own arrays to words, bits and cycles, in Python.

Makes a small RNN-T (random, so it babbles) as numpy arrays with a meta, saves it as npz and
safetensors, compiles it, and runs features and a recording on the exact machine and in RTL:

    python examples/own_model.py                 # both engines
    python examples/own_model.py --engine golden # no C++ compiler needed

A model of your own goes the same way: put its tensors under these names.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.engines.cosim import compare
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.model.load import load_model
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import load_input
from sordino.speech.text import Speller

WAV = Path(__file__).parents[1] / "models" / "utterances" / "yes.wav"
TOKENS = ["<blank>", " ", *"ABCDEFGHIJ"]
UNITS, JOINT, EMBEDDING = 16, 16, 8
FRAMES_AN_INPUT = 3
INPUTS = 3 * 13 * FRAMES_AN_INPUT  # cepstra, deltas and their deltas of three frames

META = {
    "tokens": TOKENS,
    "blank": 0,
    "max_symbols_per_frame": 2,
    "joint": {"activation": "tanh"},
    "features": {"kind": "sphinx-mfcc", "stack": FRAMES_AN_INPUT},
    "licence": "Apache-2.0",
}


def make_arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Tensors by name, shapes as PyTorch's: LSTM gates in the order i, f, g, o."""

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (rng.normal(size=(rows, columns)) * 2 / np.sqrt(columns)).astype(np.float32)

    def vector(size: int) -> np.ndarray:
        return rng.normal(size=size).astype(np.float32)

    arrays = {"prediction.embedding.weight": matrix(len(TOKENS), EMBEDDING)}
    for part, width in (("encoder", INPUTS), ("prediction", EMBEDDING)):
        arrays |= {
            f"{part}.0.weight_ih": matrix(4 * UNITS, width),
            f"{part}.0.weight_hh": matrix(4 * UNITS, UNITS),
            f"{part}.0.bias_ih": vector(4 * UNITS),
            f"{part}.0.bias_hh": vector(4 * UNITS),
            f"joint.{part}.weight": matrix(JOINT, UNITS),
            f"joint.{part}.bias": vector(JOINT),
        }
    arrays["joint.output.weight"] = matrix(len(TOKENS), JOINT)
    arrays["joint.output.bias"] = vector(len(TOKENS))
    # Normalisation of the cepstra: (c - means) / features.std.
    arrays["features.mean"] = np.zeros(13, np.float32)
    arrays["features.std"] = np.full(13, 2, np.float32)
    return arrays


def save(folder: Path) -> tuple[Path, Path]:
    """The model as npz and as safetensors; both hold the meta as JSON text."""
    arrays, meta = make_arrays(np.random.default_rng(1)), json.dumps(META)
    npz, tensors = folder / "own.npz", folder / "own.safetensors"
    np.savez(npz, meta=np.array(meta), **arrays)
    save_file(arrays, tensors, metadata={"meta": meta})
    return npz, tensors


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--engine", choices=["golden", "both"], default="both")
    both = parser.parse_args().engine == "both"
    with tempfile.TemporaryDirectory() as folder:
        npz, tensors = save(Path(folder))
        model = load_model(npz)
        machine, options = PRESETS["tiny"], CompileOptions(weight_bits=5, sparsity=0.5)
        compiled = compile_model(model, machine, options)
        again = compile_model(load_model(tensors), machine, options)
    image = compiled.image
    assert image.values == again.image.values, "both files hold the same model"

    print(f"{'matrix':24} {'size':>9} {'zeros':>6} {'bits/weight':>11} {'bytes':>6}")
    for layer in compiled.layers:
        size = f"{layer.rows} × {layer.columns}"
        print(
            f"{layer.name:24} {size:>9} {layer.zeros:6.1%} {layer.bits_per_weight:11.3f} "
            f"{layer.bytes:6,}"
        )
    print(f"image: {len(image.to_bytes()):,} bytes for {machine.name}")

    golden, speller = Golden(image), Speller(image.network.tokens, image.network.blank)
    features = np.random.default_rng(2).integers(-128, 128, (4, INPUTS)).astype(np.int8)
    print(f"features {features.shape}: {speller.text(golden.run(features).tokens)!r}")
    recording = load_input(WAV, FeatureDefinition.of_image(image))
    print(f"{WAV.name} {recording.shape}: {speller.text(golden.run(recording).tokens)!r}")
    if not both:
        return

    circuit = Rtl(image)  # compiled once (about half a minute), then cached
    outcome = compare(image, golden, circuit, recording)
    assert outcome.identical, outcome.first_difference
    cycles = outcome.results[1].counters["cycles"]
    print(
        f"rtl: {speller.text(outcome.results[1].tokens)!r}, {cycles:,} cycles, "
        f"{outcome.words_compared:,} words identical"
    )


if __name__ == "__main__":
    main()
