"""A corpus of models that compile to the bytes they have always compiled to.

SHA-256 of every image stands in `corpus.json`. Where a change of the bytes is meant, write the new
hashes with

    python tests/e2e/test_corpus.py --write

Nothing else writes them. Weights are multiples of 2^-10 made from raw words of PCG64, whose stream
numpy promises to keep, so that sums are exact in any order, on any machine.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import PRESETS, Config
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.compiler.limits.errors import DoesNotFit
from sordino.image.image import Image
from sordino.model.load import load_model, model_from_arrays
from sordino.model.rnnt import RnntModel

HASHES = Path(__file__).with_name("corpus.json")
MODELS = Path(__file__).parents[2] / "models"
GRID = 1 << 10
STREAMING: dict[str, Any] = {
    **{"stream_bus": 64, "stream_burst": 4, "stream_ring": 2, "stream_outstanding": 4},
    **{"lane_words": 4096, "group_words": 4096, "rows_per_lane": 256, "program_words": 1024},
}


def machine(lanes: int = 8, group: int = 4, **more: Any) -> Config:
    """The preset `small` with other lanes and groups, and room for any model of the corpus."""
    room = {"tables": 128, "matrices": 255, "program_words": 1024}
    return PRESETS["small"].with_settings(
        {"name": "corpus", "lanes": lanes, "group": group, **room, **more}
    )


class Weights:
    """Numbers of mean 0 that are multiples of 1 / GRID."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def _whole(self, *shape: int) -> NDArray[np.int64]:
        """Integers from 0 to 1023 of this shape."""
        raw = self._bits.random_raw(int(np.prod(shape)))
        return (raw >> np.uint64(54)).astype(np.int64).reshape(shape)

    def matrix(self, *shape: int, scale: float, zeros: float = 0.0) -> NDArray[np.float64]:
        """An array whose largest magnitudes are about `scale`, a share `zeros` of it 0."""
        bell = sum(self._whole(*shape) for _ in range(4)) - 2046
        kept = self._whole(*shape) >= round(zeros * 1024)
        whole = np.asarray(bell) * round(scale * GRID) // 1024
        return np.asarray(np.where(kept, whole, 0) / GRID)


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """One generated model; `reduction` says after how many layers how many frames are stacked."""

    seed: int = 1
    inputs: int = 6
    encoder: tuple[int, ...] = (9,)
    embedding: int = 5
    prediction: tuple[int, ...] = (8,)
    joint: int = 9
    tokens: int = 7
    zeros: float = 0.0
    scale: float = 0.5
    activation: str = "tanh"
    reduction: tuple[int, int] | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def model(self) -> RnntModel:
        """It with weights and meta."""
        weights, arrays = Weights(self.seed), {}
        after, factor = self.reduction or (0, 1)
        stacks = ("encoder", self.encoder, self.inputs), ("prediction", *self._prediction())
        for part, layers, width in stacks:
            for number, units in enumerate(layers):
                if part == "encoder" and number == after:
                    width *= factor
                for tensor, columns in (("weight_ih", width), ("weight_hh", units)):
                    arrays[f"{part}.{number}.{tensor}"] = weights.matrix(
                        4 * units, columns, scale=self.scale, zeros=self.zeros
                    )
                for tensor in ("bias_ih", "bias_hh"):
                    arrays[f"{part}.{number}.{tensor}"] = weights.matrix(4 * units, scale=0.5)
                width = units
            arrays[f"joint.{part}.weight"] = weights.matrix(
                self.joint, width, scale=self.scale, zeros=self.zeros
            )
            arrays[f"joint.{part}.bias"] = weights.matrix(self.joint, scale=0.5)
        arrays["prediction.embedding.weight"] = weights.matrix(
            self.tokens, self.embedding, scale=2.0
        )
        arrays["joint.output.weight"] = weights.matrix(
            self.tokens, self.joint, scale=2 * self.scale, zeros=self.zeros
        )
        arrays["joint.output.bias"] = weights.matrix(self.tokens, scale=0.5)
        if "features" in self.more:
            arrays["features.mean"] = weights.matrix(13, scale=2.0)
            arrays["features.std"] = 2 + weights.matrix(13, scale=1.0)
        return model_from_arrays(arrays, self._meta(), name="corpus")

    def _prediction(self) -> tuple[tuple[int, ...], int]:
        return self.prediction, self.embedding

    def _meta(self) -> dict[str, Any]:
        meta: dict[str, Any] = {
            "tokens": ["<blank>", *(f"t{number}" for number in range(1, self.tokens))],
            "blank": 0,
            "max_symbols_per_frame": 3,
            "joint": {"activation": self.activation},
            **self.more,
        }
        if self.reduction is not None:
            after, factor = self.reduction
            meta["encoder"] = {"time_reduction": {"after": after, "factor": factor}}
        return meta


HEARD = Sizes(
    inputs=117,
    encoder=(20, 16),
    zeros=0.75,
    more={"features": {"kind": "sphinx-mfcc", "stack": 3}, "licence": "Apache-2.0"},
)
ROWS = Sizes(encoder=(40, 24), prediction=(16,), joint=21, zeros=0.5)
BITS5, BITS6 = CompileOptions(weight_bits=5), CompileOptions(weight_bits=6)


def generated(sizes: Sizes, config: Config, options: CompileOptions = BITS5) -> Callable[[], Image]:
    """What compiles a generated model."""
    return lambda: compile_model(sizes.model(), config, options).image


def shipped(name: str, bits: int | None) -> Callable[[], Image]:
    """What compiles a model of the repository as it ships."""
    return lambda: (
        compile_model(
            load_model(MODELS / f"{name}.npz"), PRESETS["small"], CompileOptions(weight_bits=bits)
        ).image
    )


def streaming(lanes: int = 4, group: int = 2, **more: Any) -> Config:
    """A machine whose weights may come from external memory."""
    return machine(lanes, group, **{**STREAMING, **more})


def of_weights(weights: str, chunk: int = 1) -> CompileOptions:
    """Where weights lie, and for how many frames they are read once."""
    return CompileOptions(weight_bits=6, weights=weights, chunk=chunk)


class Draw:
    """Choices from raw words of PCG64, the same on any machine."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def whole(self, low: int, high: int) -> int:
        """One from `low` to `high`."""
        return low + int(self._bits.random_raw() >> 40) % (high - low + 1)

    def choice(self, *values: Any) -> Any:
        """One of the values."""
        return values[self.whole(0, len(values) - 1)]

    def units(self, most: int, high: int) -> tuple[int, ...]:
        """Units of one layer or more."""
        return tuple(self.whole(1, high) for _ in range(self.whole(1, most)))


def drawn(seed: int) -> Callable[[], Image]:
    """What compiles a model of drawn sizes for a machine that is just large enough for it."""
    draw = Draw(seed)
    encoder = draw.units(3, 40)
    if draw.whole(0, 6) == 0:
        encoder = (draw.whole(128, 180),)
    reduction = None
    if len(encoder) > 1 and draw.whole(0, 2) == 0:
        reduction = (draw.whole(1, len(encoder) - 1), draw.whole(2, 4))
    sizes = Sizes(
        seed=seed,
        inputs=draw.whole(1, 30),
        encoder=encoder,
        embedding=draw.whole(1, 20),
        prediction=draw.units(2, 30),
        joint=draw.whole(1, 40),
        tokens=draw.whole(2, 40),
        zeros=draw.choice(0.0, 0.5, 0.9),
        activation=draw.choice("tanh", "relu"),
        reduction=reduction,
    )
    settings: dict[str, Any] = {"name": "corpus", "rows_per_lane": draw.choice(3, 8, 16, 64)}
    settings |= {slots: draw.choice(1, 2, 3, 8) for slots in ("run_slots", "value_slots")}
    options: dict[str, Any] = {
        "weight_bits": draw.choice(4, 5, 8),
        "codebook": draw.choice("uniform", "uniform", "lloyd-max"),
        "sparsity": draw.choice(None, 0.5, 0.8),
        "shares": draw.choice("even", "layer_adaptive"),
    }
    if draw.whole(0, 1):
        settings |= {"stream_bus": draw.choice(64, 128), "stream_ring": 4}
        options["weights"] = draw.choice("auto", "streamed")
        if options["weights"] == "streamed" and reduction is None:
            options["chunk"] = draw.choice(1, 2, 3, 5)
    config = PRESETS[draw.choice("tiny", "tiny-unstructured", "small", "small-unstructured")]

    def image() -> Image:
        machine = config.with_settings(settings)
        for _ in range(8):
            try:
                return compile_model(sizes.model(), machine, CompileOptions(**options)).image
            except DoesNotFit as error:
                machine = machine.with_settings(error.needed)
        raise AssertionError("no machine is large enough")

    return image


CORPUS: dict[str, Callable[[], Image]] = {
    "shipped g4_80": shipped("an4_rnnt_g4_80", 5),
    "shipped causal": shipped("an4_rnnt_causal", None),
    "shipped voices": shipped("voices_rnnt_causal", None),
    **{
        f"heard, {preset}": generated(HEARD, config.with_settings({"tables": 32}))
        for preset, config in PRESETS.items()
    },
    "chunk of 2": generated(ROWS, streaming(), of_weights("streamed", 2)),
    "chunk of 4": generated(ROWS, streaming(), of_weights("streamed", 4)),
    "chunk of 8, relu, two layers of prediction": generated(
        replace(ROWS, activation="relu", prediction=(16, 12), seed=2),
        streaming(8, 4, stream_bus=128),
        of_weights("streamed", 8),
    ),
    "chunk of 4, some stay": generated(
        ROWS, streaming(lane_words=384, group_words=384), of_weights("auto", 4)
    ),
    "chunk of 3, no zeros": generated(
        replace(ROWS, zeros=0.0), streaming(4, 4), of_weights("streamed", 3)
    ),
    "chunk of 4, cut rows": generated(
        replace(ROWS, encoder=(131, 24)), streaming(rows_per_lane=300), of_weights("streamed", 4)
    ),
    "streamed": generated(ROWS, streaming(), of_weights("streamed")),
    "streamed, wide bus": generated(
        replace(ROWS, seed=3), streaming(16, 4, stream_bus=256), of_weights("streamed")
    ),
    "streamed where it does not fit": generated(
        ROWS, streaming(lane_words=384, group_words=384), of_weights("auto")
    ),
    "streamed, resident all the same": generated(ROWS, streaming(), of_weights("resident")),
    "streamed, pairs of frames": generated(
        replace(ROWS, encoder=(20, 16, 12), reduction=(1, 2)), streaming(), of_weights("streamed")
    ),
    "pairs of frames": generated(
        Sizes(encoder=(11, 9, 8, 10, 7), prediction=(6, 5), reduction=(2, 2)), machine(16, 4)
    ),
    "five frames after one layer": generated(
        Sizes(encoder=(5, 9), reduction=(1, 5)), machine(8, 1)
    ),
    "three frames, tiles, relu": generated(
        Sizes(encoder=(7, 3, 8, 5), reduction=(3, 3), zeros=0.5, activation="relu"),
        machine(4, 4, rows_per_lane=3),
        BITS6,
    ),
    "tiles of one wide layer": generated(Sizes(encoder=(131,), joint=20, zeros=0.5), machine()),
    "tiles of everything": generated(
        Sizes(encoder=(7, 8), prediction=(10,), joint=17, tokens=12, zeros=0.5),
        machine(4, 4, rows_per_lane=3),
        BITS6,
    ),
    "tiles, wide, no zeros": generated(
        Sizes(encoder=(150, 12), joint=40, activation="relu"), machine(8, 8, rows_per_lane=40)
    ),
    "lloyd-max": generated(
        Sizes(encoder=(11, 9), zeros=0.5),
        machine(),
        CompileOptions(weight_bits=5, codebook="lloyd-max", layer_bits=(("joint.*", 6),)),
    ),
    "lloyd-max, streamed, chunk of 2": generated(
        ROWS,
        streaming(),
        CompileOptions(weight_bits=5, codebook="lloyd-max", weights="streamed", chunk=2),
    ),
    "eight bits": generated(Sizes(encoder=(9, 6)), machine(), CompileOptions()),
    "eight bits, relu": generated(
        Sizes(encoder=(9, 6), activation="relu"), machine(), CompileOptions()
    ),
    "bits from meta": generated(
        Sizes(zeros=0.4, more={"quantise": {"bits": 6}}), machine(), CompileOptions()
    ),
    **{
        f"lanes {lanes}, group {group}": generated(
            Sizes(seed=lanes, encoder=(21, 13), joint=31, tokens=29, zeros=zeros),
            machine(lanes, group),
        )
        for lanes, group, zeros in (
            (4, 1, 0.0),
            (4, 4, 0.7),
            (8, 2, 0.7),
            (8, 8, 0.0),
            (12, 4, 0.5),
            (16, 1, 0.9),
            (16, 16, 0.5),
            (32, 4, 0.7),
            (64, 8, 0.7),
        )
    },
    "one of everything": generated(
        Sizes(inputs=1, encoder=(1,), embedding=1, prediction=(1,), joint=1, tokens=2),
        machine(4, 1),
    ),
    "one slot": generated(Sizes(encoder=(6, 6)), machine(value_slots=1, run_slots=1)),
    "sixteen slots": generated(Sizes(encoder=(6, 6)), machine(value_slots=16, run_slots=16)),
    "few states": generated(Sizes(encoder=(16,), zeros=0.6), machine(state_bits=6)),
    "pruned": generated(
        Sizes(encoder=(9, 12)), machine(8, 1), CompileOptions(weight_bits=6, sparsity=0.6)
    ),
    "pruned groups where least is lost, one symbol a frame": generated(
        Sizes(encoder=(9, 12)),
        machine(),
        CompileOptions(sparsity=0.5, shares="layer_adaptive", max_symbols=1),
    ),
    "a lower blank, clipped": generated(
        Sizes(encoder=(9,)), machine(), CompileOptions(blank_penalty=0.75, clip=3.0)
    ),
    "saturating": generated(Sizes(encoder=(13,), scale=12.0), machine(), CompileOptions()),
    "nothing but zeros": generated(Sizes(zeros=1.0), machine(), CompileOptions()),
    **{f"drawn {seed}": drawn(seed) for seed in range(32)},
}


def hashes() -> dict[str, str]:
    """SHA-256 of every image by its case, as written at the latest intended change."""
    found: dict[str, str] = json.loads(HASHES.read_text())
    return found


@pytest.mark.filterwarnings("ignore::sordino.errors.InputWarning")  # so few bits
@pytest.mark.parametrize("case", CORPUS)
def test_images_keep_their_bytes(case: str) -> None:
    image = CORPUS[case]()
    contents = image.to_bytes()
    assert sha256(contents).hexdigest() == hashes()[case], "or see the head of this file"
    assert Image.from_bytes(contents).to_bytes() == contents


def test_every_case_has_a_hash_and_no_two_the_same() -> None:
    found = hashes()
    assert list(found) == list(CORPUS)
    assert len(set(found.values())) == len(found)


def test_the_corpus_holds_both_kinds_of_matrix() -> None:
    kinds = {
        case: {matrix.streamed for matrix in CORPUS[case]().matrices}
        for case in ("chunk of 4", "chunk of 4, some stay", "tiles of everything")
    }
    assert list(kinds.values()) == [{True}, {True, False}, {False}]


def main() -> None:
    """Write the hashes, when told to, and say which are others."""
    if sys.argv[1:] != ["--write"]:
        sys.exit(f"usage: python {sys.argv[0]} --write")
    before = hashes() if HASHES.exists() else {}
    found = {case: sha256(make().to_bytes()).hexdigest() for case, make in CORPUS.items()}
    for case in found:
        if before.get(case) != found[case]:
            print(f"{'another' if case in before else 'new'}: {case}")
    HASHES.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
