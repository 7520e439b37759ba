"""The generated Verilog, driven by the one host over every bus, equals the exact machine.

Under Verilator, whose signals are 0 or 1, and under Icarus Verilog as Verilog 2005 and as
SystemVerilog, where no output may be unknown after reset.
"""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_graph, compile_model
from sordino.compiler.segment import compile_segment
from sordino.cycles.engine import Cycles
from sordino.decode.beam import BeamOptions, beam_search
from sordino.decode.machine_transducer import MachineTransducer
from sordino.engines.bus_clock import AxiLite, BusClock, price
from sordino.engines.errors import ToolError
from sordino.engines.native.toolchain import verilator_environment
from sordino.golden.machine import Golden
from sordino.image.segments.file import to_bytes
from sordino.image.segments.segment import with_segment, without_segment
from sordino.isa.fields import REGISTER_BITS
from sordino.isa.registers import REFUSED, Error
from sordino.model.load import load_model
from sordino.model.random_rnnt import random_model
from sordino.rtl.bridges.registry import BRIDGES, DEFAULT
from sordino.rtl.export.verilog import TOP, write_verilog
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import load_input
from sordino.testing.images.programs import random_features, random_program
from sordino.testing.images.streaming import STREAMING
from tests.sw.compiler.programs.test_segments import (
    LOOKUP,
    OPTIONS,
    machine,
    noise,
    with_catalogue,
)

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONFIG = PRESETS["tiny"]
FLAGS = (
    "-O3",
    "-CFLAGS",
    "-O2",
    # cocotb asks for every signal of the design to be public, which is much slower.
    "--no-public-flat-rw",
)
MODEL = ROOT / "models" / "an4_rnnt_g4_80.npz"
RECORDING = ROOT / "models" / "utterances" / "yes.wav"

pytestmark = [pytest.mark.cocotb, pytest.mark.slow, pytest.mark.timeout(1200)]


def need_cocotb():
    """Skip the test where cocotb or its bus models are not installed."""
    for package in ("cocotb", "cocotbext.axi"):
        try:
            missing = importlib.util.find_spec(package) is None
        except ModuleNotFoundError:
            missing = True
        if missing:
            pytest.skip(f"{package} is not installed; pip install 'sordino[cocotb]'")


def build(config, folder, *visible, bus="axi"):
    """A runner with the machine built in `folder`, with what the bench sees of it."""
    need_cocotb()
    try:
        environment = verilator_environment()
    except ToolError as error:
        pytest.skip(str(error))
    from cocotb_tools.runner import VerilatorControlFile, get_runner

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        runner = get_runner("verilator")
        runner.build(
            sources=[
                *(VerilatorControlFile(HERE / name) for name in visible),
                write_verilog(config, folder, bus=bus),
            ],
            hdl_toplevel=TOP,
            build_dir=folder / "build",
            build_args=list(FLAGS),
            log_file=folder / "build.log",
            always=True,
        )
        yield runner, folder


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    """A runner with `tiny` built, and its build folder."""
    yield from build(CONFIG, tmp_path_factory.mktemp("verilator"), "top.vlt")


@pytest.fixture(scope="module")
def streaming(tmp_path_factory):
    """The same for a small machine that streams."""
    yield from build(STREAMING, tmp_path_factory.mktemp("streaming"), "top.vlt", "external.vlt")


def build_icarus(config, folder, standard, bus="axi"):
    """The same in Icarus Verilog, which reads the file as the one or the other language."""
    need_cocotb()
    if shutil.which("iverilog") is None or shutil.which("vvp") is None:
        pytest.skip("Icarus Verilog (iverilog, vvp) is not on PATH")
    from cocotb_tools.runner import get_runner

    runner = get_runner("icarus")
    runner.build(
        sources=[write_verilog(config, folder, bus=bus)],
        hdl_toplevel=TOP,
        build_dir=folder / "build",
        build_args=[standard],
        timescale=("1ns", "1ps"),
        log_file=folder / "build.log",
        always=True,
    )
    return runner, folder


def simulate(
    simulator,
    folder,
    image,
    features,
    *,
    again,
    bench="bench_top",
    watch=False,
    bus="axi",
    more=None,
):
    """Run every test of a bench on `image` and `features`, against golden."""
    result = Golden(image).run(features)
    expected = {
        "entry": image.entry("main"),
        # As the register TOKEN shows them, with their channels.
        "tokens": [
            token | channel << REGISTER_BITS
            for token, channel in zip(result.tokens, result.channels, strict=True)
        ],
        "error": result.error.name,
        "code": result.code,
        "counters": result.counters,
        "again": again,
        **(more or {}),
    }
    (folder / "image.sordino").write_bytes(image.to_bytes())
    np.save(folder / "features.npy", features)
    (folder / "expected.json").write_text(json.dumps(expected))
    # Imported here: the fixture has skipped the test if it is not installed.
    from cocotb_tools.runner import get_results

    runner, build = simulator
    results = runner.test(
        hdl_toplevel=TOP,
        test_module=bench,
        test_dir=HERE,
        build_dir=build / "build",
        plusargs=[f"+job={folder}", f"+bus={bus}", *(["+watch"] if watch else [])],
        results_xml=str(folder / "results.xml"),
        # cocotbext-axi uses what cocotb 2 deprecates.
        extra_env={"COCOTB_LOG_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore"},
    )
    tests = (HERE / f"{bench}.py").read_text().count("@cocotb.test()")
    assert get_results(results) == (tests, 0)
    return result


@pytest.mark.parametrize("seed", [100, 200])
def test_random_program(simulator, tmp_path, seed):
    """The first program from `seed` on that multiplies, pads and emits different tokens."""
    for number in range(seed, seed + 100):
        rng = np.random.default_rng(number)
        image = random_program(rng, CONFIG, steps=6)
        features = random_features(rng, image, 40)
        result = Golden(image).run(features)
        if result.counters["useful"] and result.counters["padding"] and len(set(result.tokens)) > 2:
            break
    else:
        pytest.fail("no random program does enough")
    simulate(simulator, tmp_path, image, features, again=True)


STANDARDS = ("-g2005", "-g2012")
"""Verilog 2005 and SystemVerilog, cocotb's default with Icarus."""


def small_network():
    """A small model, and two vectors for it."""
    model = random_model(4, encoder=(4,), prediction=(4,), joint=4, zeros=0.5)
    image = compile_model(model, CONFIG, CompileOptions(weight_bits=4)).image
    return image, np.random.default_rng(1).integers(-128, 128, (2, model.inputs)).astype(np.int8)


@pytest.mark.parametrize("standard", STANDARDS)
def test_icarus(tmp_path, standard):
    """A small model; every output is known in every cycle after reset."""
    simulator = build_icarus(CONFIG, tmp_path, standard)
    result = simulate(simulator, tmp_path, *small_network(), again=True, watch=True)
    assert result.counters["useful"]
    assert result.tokens


def search(simulator, folder, seed):
    """What searches over a bus took, after they were found equal to golden's, and the image."""
    model = random_model(seed, encoder=(8, 5), prediction=(7, 6), scale=2.0)
    image = compile_model(model, CONFIG, CompileOptions(weight_bits=5)).image
    x = np.random.default_rng(seed).integers(-128, 128, (4, model.inputs)).astype(np.int8)
    simulate(simulator, folder, image, x, again=False, bench="bench_search")
    return json.loads((folder / "search.json").read_text()), image, x


@pytest.mark.parametrize("seed", [0, 1])
def test_search(simulator, tmp_path, seed):
    """Tokens and scores are golden's; what a host spends on them is known without the circuit."""
    took, image, x = search(simulator, tmp_path, seed)
    clock = BusClock(Cycles(image))
    timed = MachineTransducer(image, clock)
    before, calls = timed.work, clock.calls.copy()
    beam_search(timed, x, BeamOptions(beam=4))
    work = timed.work.since(before)
    for kind, interrupt in (("Interrupting", True), ("Polled", False)):
        its = took[kind]
        assert (its["cycles"], its["runs"]) == (work.cycles, work.runs), "no run waits for its host"
        assert (its["read"], its["written"]) == (work.read, work.written)
        spent = price(clock.calls - calls, image, AxiLite(interrupt=interrupt))
        assert (its["bus_reads"], its["bus_writes"]) == (spent.reads, spent.writes)
        assert its["all_cycles"] == spent.cycles
        assert spent.running == work.cycles


def other_buses():
    """All but the default, and the one that takes a thousand cycles for an access."""
    return [bus for bus in BRIDGES if bus not in (DEFAULT, "uart")]


@pytest.mark.parametrize("bus", other_buses())
def test_another_bus_in_icarus(tmp_path, bus):
    """The same bench, and all of it."""
    simulator = build_icarus(CONFIG, tmp_path, "-g2005", bus)
    result = simulate(simulator, tmp_path, *small_network(), again=True, watch=True, bus=bus)
    assert result.counters["useful"]
    assert result.tokens


@pytest.mark.parametrize("bus", other_buses())
def test_another_bus_in_verilator(tmp_path, bus):
    """Under the machine that streams, so that both buses are in use."""
    for simulator in build(STREAMING, tmp_path, "top.vlt", "external.vlt", bus=bus):
        image, features = streamed(3)
        result = simulate(
            simulator, tmp_path, image, features, again=True, bench="bench_streamed", bus=bus
        )
        assert result.counters["useful"]
        assert result.tokens


def streamed(frames, encoder=(40, 40), prediction=(16,), joint=24):
    """All matrices of a small model over AXI4, and some vectors."""
    model = random_model(4, encoder=encoder, prediction=prediction, joint=joint, zeros=0.5)
    options = CompileOptions(weight_bits=6, weights="streamed")
    image = compile_model(model, STREAMING, options).image
    rng = np.random.default_rng(1)
    return image, rng.integers(-128, 128, (frames, model.inputs)).astype(np.int8)


def test_streamed_weights_in_icarus(tmp_path):
    """Less of them, and every output is known here too."""
    simulator = build_icarus(STREAMING, tmp_path, "-g2012")
    image, features = streamed(1, encoder=(8,), prediction=(4,), joint=4)
    result = simulate(
        simulator, tmp_path, image, features, again=True, bench="bench_streamed", watch=True
    )
    assert result.counters["useful"]


def test_streamed_weights(streaming, tmp_path):
    """From a memory that is not ours, and one bit of it flipped."""
    image, features = streamed(3)
    result = simulate(streaming, tmp_path, image, features, again=True, bench="bench_streamed")
    assert result.counters["useful"]
    assert result.tokens


def test_a_segment_beside_a_transducer(tmp_path):
    """500 rows are loaded while frames are at work, used, replaced, refused, loaded again."""
    program, frames, rows, width = LOOKUP, 400, 500, 64
    graphs = [with_catalogue(seed, rows, rows, width) for seed in range(2)]
    full = compile_graph(graphs[0], program, machine(), OPTIONS).image
    image = without_segment(full, "catalogue")
    segments = [compile_segment(full, graph, program, "catalogue", OPTIONS) for graph in graphs]
    features, queries = noise(1, frames), noise(9, 5, width)
    for number, segment in enumerate(segments):
        (tmp_path / f"{number}.segment").write_bytes(to_bytes(segment, image.config))
    np.save(tmp_path / "queries.npy", queries)

    def row(segment, query):
        golden = Golden(with_segment(image, segment))
        (found,) = golden.run({1: query}, requests=[(0, 1)]).on(1)
        return found

    first, second = segments
    catalogue = [REFUSED, row(first, queries[1]), row(second, queries[2]), REFUSED]
    catalogue.append(row(first, queries[4]))
    assert len(set(catalogue)) == 4
    asked = [(1, 1), (2, first), (2, 1), (3, second), (3, 1)]
    result = Golden(image).run({0: features, 1: queries}, requests=asked)
    assert result.on(1) == catalogue[:3]
    assert len(set(result.on(0))) > 1
    expected = {"transducer": result.on(0), "catalogue": catalogue}
    for simulator in build(image.config, tmp_path, "top.vlt"):
        simulate(
            simulator, tmp_path, image, features, again=False, bench="bench_segment", more=expected
        )
        took = json.loads((tmp_path / "segment.json").read_text())
        assert all(load["cycles"] > 1_000 for load in took)


def test_utterance(simulator, tmp_path):
    """The speech model on a whole recording: weights, features and words are real."""
    image = compile_model(load_model(MODEL), CONFIG).image
    features = load_input(RECORDING, FeatureDefinition.of_image(image))
    result = simulate(simulator, tmp_path, image, features, again=False)
    assert result.error is Error.NONE
    assert "".join(image.host.tokens[token] for token in result.tokens).strip() == "YES"
