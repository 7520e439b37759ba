"""Random RNN-Ts through compiler and exact machine, against integers computed without either."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino import arith
from sordino.arch import PRESETS, Config
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.prune import prune_model
from sordino.compiler.passes.quantise import QuantisedGraph
from sordino.compiler.passes.rounded import quantise_model
from sordino.compiler.programs.transducer import Transducer
from sordino.golden.machine import Golden
from sordino.image.host import InputFormat, Stacking
from sordino.image.image import Image
from sordino.isa.operations import Cell, Matvec
from sordino.isa.registers import Error
from sordino.layers.base.integers import QuantisedLayer
from sordino.model.random_rnnt import random_model
from sordino.model.reference import FloatRnnt
from sordino.model.rnnt import RnntModel
from sordino.speech.wer import word_error_rate

Ints = NDArray[np.int64]
CURVES = {
    curve: (np.array(curve.knots), np.array(curve.slopes)) for curve in (arith.TANH, arith.SIGMOID)
}


def tanh(z: Ints) -> Ints:
    return arith.tanh(z, *CURVES[arith.TANH])


def sigmoid(z: Ints) -> Ints:
    return arith.sigmoid(z, *CURVES[arith.SIGMOID])


def start(layers: Sequence[QuantisedLayer]) -> list[Any]:
    """h and c of zeros."""
    sizes = [layer.matrices[1].values.shape[1] for layer in layers]
    return [(np.zeros(n, np.int64), np.zeros(n, np.int64)) for n in sizes]


class Reference:
    """The contract's arithmetic on undealt integers."""

    def __init__(self, model: RnntModel, quantised: QuantisedGraph) -> None:
        self.model, self.nodes = model, quantised.nodes
        self.encoder, self.prediction = (
            [self.nodes[f"{part}.{number}"] for number in range(count)]
            for part, count in (
                ("encoder", len(model.encoder)),
                ("prediction", len(model.prediction)),
            )
        )
        self.output = self.nodes["joint.output"]
        table = self.nodes["prediction.embedding"].table
        assert table is not None
        self.embedding = table.astype(np.int64)

    def accumulate(self, layer: QuantisedLayer, *inputs: Ints) -> Ints:
        return sum(
            (m.values.astype(np.int64) @ x) << m.shift
            for m, x in zip(layer.matrices, inputs, strict=True)
        )

    def lstm(self, layer: QuantisedLayer, x: Ints, h: Ints, c: Ints) -> tuple[Ints, Ints]:
        acc = self.accumulate(layer, x, h)
        z = arith.gate_preactivation(acc, layer.bias, layer.multiplier, layer.shift)
        i, f, g, o = np.split(z, 4)
        c = arith.cell_state(sigmoid(i), sigmoid(f), tanh(g), c)
        return arith.cell_hidden(sigmoid(o), tanh(arith.joint_preactivation(c))), c

    def stack(self, layers: Sequence[QuantisedLayer], x: Ints, state: list[Any]) -> Ints:
        for number, layer in enumerate(layers):
            x, c = self.lstm(layer, x, *state[number])
            state[number] = (x, c)
        return x

    def encode(self, features: NDArray[np.int8]) -> Iterator[Ints]:
        """One vector a group of frames; in the last group zeros stand for missing ones."""
        after, factor = self.model.time_reduction.after, self.model.time_reduction.factor
        before, rest = self.encoder[:after], self.encoder[after:]
        early, late = start(before), start(rest)
        frames = features.astype(np.int64)
        for first in range(0, len(frames), factor):
            group = [self.stack(before, x, early) for x in frames[first : first + factor]]
            missing = [np.zeros_like(group[0])] * (factor - len(group))
            yield self.stack(rest, np.concatenate([*group, *missing]), late)

    def half(self, layer: QuantisedLayer, x: Ints) -> Ints:
        total = self.accumulate(layer, x) + layer.bias
        return arith.saturate(arith.requantise(total, layer.multiplier, layer.shift), 16)

    def join(self, a: Ints, b: Ints) -> int:
        v = arith.add_joint(a, b)
        if self.model.activation == "relu":
            positive = np.maximum(v, 0)
            total = self.nodes["joint"]
            v = arith.drain_int8(arith.requantise(positive, total.multiplier, total.shift))
        else:
            v = arith.hidden_int8(tanh(arith.joint_preactivation(v)))
        return int((self.accumulate(self.output, v) + self.output.bias).argmax())

    def run(self, features: NDArray[np.int8]) -> list[int]:
        predicted = start(self.prediction)

        def predict(token: int) -> Ints:
            row = self.stack(self.prediction, self.embedding[token], predicted)
            return self.half(self.nodes["joint.prediction"], row)

        tokens: list[int] = []
        b = predict(self.model.blank)
        for encoded in self.encode(features):
            a = self.half(self.nodes["joint.encoder"], encoded)
            for _ in range(self.model.max_symbols):
                token = self.join(a, b)
                if token == self.model.blank:
                    break
                tokens.append(token)
                b = predict(token)
        return tokens


def machine(lanes: int = 8, group: int = 4, **more: int) -> Config:
    return PRESETS["small"].with_settings(
        {"name": "test", "lanes": lanes, "group": group, "tables": 64, "matrices": 63, **more}
    )


CASES: dict[str, tuple[Config, dict[str, Any], CompileOptions]] = {
    "plain": (machine(), {}, CompileOptions()),
    "one of everything": (
        machine(4, 1),
        {"inputs": 1, "encoder": (1,), "embedding": 1, "prediction": (1,), "joint": 1, "tokens": 2},
        CompileOptions(),
    ),
    "odd sizes": (
        machine(16, 1),
        {"inputs": 5, "encoder": (3, 17), "prediction": (5, 2), "joint": 29, "tokens": 29},
        CompileOptions(weight_bits=5),
    ),
    "pairs": (machine(8, 2), {"encoder": (11,), "zeros": 0.7}, CompileOptions(weight_bits=3)),
    "one group": (machine(16, 16), {"encoder": (21,), "joint": 31}, CompileOptions()),
    "tiles": (
        machine(4, 4, rows_per_lane=3),
        {"encoder": (7, 8), "prediction": (10,), "joint": 17, "tokens": 12, "zeros": 0.5},
        CompileOptions(weight_bits=6),
    ),
    "Lloyd-Max values, more bits for the joint": (
        machine(8, 4),
        {"encoder": (11, 9), "zeros": 0.5},
        CompileOptions(weight_bits=3, codebook="lloyd-max", layer_bits=(("joint.*", 6),)),
    ),
    "relu": (machine(), {"activation": "relu", "encoder": (9, 6)}, CompileOptions()),
    "pruned": (machine(8, 1), {"encoder": (9,)}, CompileOptions(weight_bits=5, sparsity=0.6)),
    "pruned groups": (machine(), {"encoder": (9,)}, CompileOptions(weight_bits=4, sparsity=0.5)),
    "pruned where least is lost": (
        machine(),
        {"encoder": (9,)},
        CompileOptions(sparsity=0.5, shares="layer_adaptive"),
    ),
    "a lower blank": (machine(), {"encoder": (9,)}, CompileOptions(blank_penalty=0.75)),
    "one slot": (
        machine(value_slots=1, run_slots=1),
        {"encoder": (6, 6)},
        CompileOptions(weight_bits=2),
    ),
    "all slots": (machine(value_slots=16, run_slots=16), {"encoder": (6, 6)}, CompileOptions()),
    "saturating": (machine(), {"scale": 12.0, "encoder": (13,)}, CompileOptions()),
    "nothing but zeros": (machine(), {"zeros": 1.0}, CompileOptions()),
    "everything pruned": (machine(), {}, CompileOptions(sparsity=1.0)),
    "pairs of frames": (
        machine(16, 4),
        {"encoder": (11, 9, 8, 10, 7), "prediction": (6, 5), "time_reduction": (2, 2)},
        CompileOptions(weight_bits=5),
    ),
    "five frames after one layer": (
        machine(8, 1),
        {"encoder": (5, 9), "time_reduction": (1, 5)},
        CompileOptions(),
    ),
    "three frames, tiles": (
        machine(4, 4, rows_per_lane=3),
        {"encoder": (7, 3, 8, 5), "time_reduction": (3, 3), "zeros": 0.5},
        CompileOptions(weight_bits=6),
    ),
    "cut": (
        machine(8, 4),
        {"encoder": (131,), "joint": 20, "zeros": 0.5},
        CompileOptions(weight_bits=5),
    ),
    "one symbol a frame": (machine(), {"scale": 3.0}, CompileOptions(max_symbols=1)),
}


@pytest.mark.filterwarnings("ignore::sordino.errors.InputWarning")  # so few bits
@pytest.mark.parametrize("case", CASES)
def test_machine_computes_the_contract(case: str) -> None:
    config, sizes, options = CASES[case]
    emitted = 0
    for seed in range(2):
        model = random_model(seed, **sizes)
        compiled = compile_model(model, config, options)
        image = Image.from_bytes(compiled.image.to_bytes())
        if options.max_symbols is not None:
            model = model.with_max_symbols(options.max_symbols)
        if options.blank_penalty:
            model = model.with_blank_penalty(options.blank_penalty)
        pruned = model
        if options.sparsity is not None:
            pruned = prune_model(model, options.sparsity, config.group, options.shares)
        reference = Reference(
            model,
            quantise_model(
                pruned,
                options.precision(Precision.of(model.meta.quantise)),
                config.accumulator_bits,
            ),
        )
        rng = np.random.default_rng(seed)
        features = rng.integers(-128, 128, (12 + seed, model.inputs)).astype(np.int8)
        golden = Golden(image)
        for _ in range(2):  # the second run finds what the first has left
            result = golden.run(features)
            assert (result.error, result.code) == (Error.NONE, 0)
            assert result.tokens == reference.run(features)
            assert result.counters["frames"] == 12 + seed
        emitted += len(result.tokens)
    if "zeros" not in case and "everything" not in case:
        assert emitted, "a case without tokens shows little"


def test_encoder_state_is_bit_exact_in_storage_order() -> None:
    """Every h and c after every frame, not only tokens."""
    config = machine(16, 4)
    model = random_model(4, encoder=(19,), inputs=7, zeros=0.4)
    compiled = compile_model(model, config, CompileOptions(weight_bits=5))
    features = np.random.default_rng(4).integers(-128, 128, (9, 7)).astype(np.int8)
    golden = Golden(compiled.image)
    seen: list[NDArray[np.int64]] = []

    def keep(record: Any) -> None:
        instruction = compiled.image.program[record.pc]
        if isinstance(instruction, Cell) and instruction.layer == "encoder.0":
            seen.append(record.values[: 2 * 19].reshape(2, 19))

    golden.run(features, record=keep)
    quantised = quantise_model(model, 5, 32)
    reference = Reference(model, quantised)
    c = h = np.zeros(19, np.int64)
    order = None
    for x, (machine_c, machine_h) in zip(features.astype(np.int64), seen, strict=True):
        h, c = reference.lstm(quantised.nodes["encoder.0"], x, h, c)
        if order is None:
            order = [
                int(np.flatnonzero((c == a) & (h == b))[0])
                for a, b in zip(machine_c, machine_h, strict=True)
            ]
            assert sorted(order) == list(range(19))
        assert np.array_equal(machine_c, c[order])
        assert np.array_equal(machine_h, h[order])
    assert len(seen) == 9


def test_eight_bits_say_what_floats_say() -> None:
    wanted, got = [], []
    for seed in range(6):
        model = random_model(seed, encoder=(24,), joint=20, scale=1.5)
        golden = Golden(compile_model(model, machine()).image)
        features = np.random.default_rng(seed).integers(-64, 64, (20, model.inputs)).astype(np.int8)
        tokens = FloatRnnt(model.arrays(), model.meta).transcribe(features / 32.0)
        wanted.append(" ".join(map(str, tokens)))
        got.append(" ".join(map(str, golden.run(features).tokens)))
    score = word_error_rate(wanted, got)
    assert score.words > 200
    assert score.wer < 0.05


def test_ties_go_to_the_lowest_index_however_rows_are_dealt() -> None:
    model = random_model(0, tokens=13)
    model.joint_output.weight[:] = 0.0
    model.joint_output.bias[:] = 0.0
    model.joint_output.bias[[4, 9, 11]] = 1.0
    tokens = Golden(compile_model(model, machine()).image).run(np.zeros((1, 6), np.int8)).tokens
    assert tokens == [4, 4, 4]


def test_image_is_reproducible_and_holds_what_a_host_needs() -> None:
    model = random_model(3)
    first, second = (compile_model(model, machine()).image.to_bytes() for _ in range(2))
    assert first == second
    host = Image.from_bytes(first).network
    assert host.tokens == tuple(model.tokens)
    assert list(host.entries) == sorted(Transducer(0, 1).entries)
    assert host.entry("main") == 0
    assert host.need_search().scores[1] >= len(model.tokens)
    assert (host.blank, host.max_symbols) == (0, 3)
    assert host.input == InputFormat(count=6, fraction=5)
    assert host.model.float32_bytes == 4 * model.parameters()
    assert "features" not in host.as_dict()
    assert "time_reduction" not in host.model.as_dict()


def test_the_image_says_what_is_stacked() -> None:
    model = random_model(3, encoder=(5, 6, 4), time_reduction=(2, 3))
    compiled = compile_model(model, machine())
    assert compiled.summary()["time_reduction"] == {"after": 2, "factor": 3}
    assert compiled.image.network.model.time_reduction == Stacking(after=2, factor=3)
    assert [layer.columns for layer in compiled.layers[:6:2]] == [6, 5, 18]


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"activation_words": 16}, "activation_words to 36"),
        ({"state_words": 16}, "state_words to 56"),
        ({"parameter_words": 4}, "parameter_words to"),
        ({"program_words": 16}, "program_words to"),
        ({"lane_words": 4}, "lane_words to"),
        ({"group_words": 4}, "group_words to"),
        ({"matrices": 6}, "matrices to 7"),
        ({"rows_per_lane": 1, "lanes": 4, "group": 4}, "rows_per_lane to 2"),
        ({"accumulator_bits": 24}, "accumulator_bits to"),
    ],
)
def test_what_does_not_fit_names_the_parameter(change: dict[str, int], parameter: str) -> None:
    model = random_model(1)
    if "accumulator_bits" in change:
        model = random_model(1, inputs=700, encoder=(2,))
        model.encoder[0].weight_ih[:] = 1.0
    with pytest.raises(CompileError, match=parameter) as caught:
        compile_model(model, machine().with_settings(change))
    assert "\n" not in str(caught.value)
    wanted = str(caught.value).rsplit(" ", 1)[1]
    field = parameter.split(" ")[0]
    enough = machine().with_settings({**change, field: int(wanted)})
    compile_model(model, enough.with_settings({"tables": 64, "matrices": 63}))


@pytest.mark.parametrize(
    "options",
    [
        {"weight_bits": 1},
        {"weight_bits": 9},
        {"codebook": "random"},
        {"layer_bits": (("joint.*", 9),)},
        {"sparsity": 1.1},
        {"sparsity": float("nan")},
        {"max_symbols": 0},
    ],
)
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(CompileError, match=r"^wanted "):
        CompileOptions(**options)


def test_a_cut_matrix_is_one_in_the_report() -> None:
    model = random_model(0, encoder=(131,), zeros=0.5)
    compiled = compile_model(model, machine(8, 4), CompileOptions(weight_bits=5))
    w, u, *_ = compiled.layers
    assert (w.tiles, u.tiles) == (2, 2)
    assert (u.columns, u.weights) == (131, 4 * 131 * 131)
    products = [
        (i.columns, i.rows)
        for i in compiled.image.program[: compiled.image.entry("reset")]
        if isinstance(i, Matvec) and i.layer == "encoder.0.weight_hh"
    ]
    # 66 rows of two units: 33 a tile, 66 units in the first one.
    assert sorted(products) == [(65, 33), (66, 33), (131, 33)]
    numbers = {i.matrix for i in compiled.image.program if isinstance(i, Matvec)}
    assert u.non_zeros == sum(
        compiled.image.host.non_zeros[n] for n in sorted(numbers)[:5] if n not in (0, 3)
    )
    assert u.balance > 0.95


def test_report_counts_the_model(tmp_path: Path) -> None:
    model = random_model(2, encoder=(9, 8), zeros=0.3)
    compiled = compile_model(model, machine(rows_per_lane=3), CompileOptions(weight_bits=5))
    compiled.write_report(tmp_path / "new")
    report = json.loads((tmp_path / "new" / "layers.json").read_text())
    assert "MATVEC" in (tmp_path / "new" / "listing.txt").read_text()
    names = [name for name in model.arrays() if "weight" in name and "embedding" not in name]
    assert sorted(layer["name"] for layer in report["layers"]) == sorted(names)
    for layer in report["layers"]:
        shape = model.arrays()[layer["name"]].shape
        assert (layer["rows"], layer["columns"]) == shape
        assert layer["weights"] == shape[0] * shape[1]
        assert 0 < layer["balance"] <= 1
        assert 0 <= layer["zero_groups"] <= layer["zeros"] < 1
        assert layer["values"] <= 31
    summary = report["summary"]
    assert summary["weights"] == sum(layer["weights"] for layer in report["layers"])
    streams = sum(layer["position_bits"] + layer["value_bits"] for layer in report["layers"])
    stored = 8 * (summary["sections"]["values"] + summary["sections"]["positions"])
    assert stored == streams + compiled.encoded.rounding_bits
    for layer in report["layers"]:
        assert 0 <= 8 * layer["bytes"] - layer["position_bits"] - layer["value_bits"] < 8
    assert any(layer["tiles"] > 1 for layer in report["layers"])
