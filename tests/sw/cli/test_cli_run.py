"""`sordino run` and `sordino eval`: text, JSON, exit codes; with and without a C++ compiler."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.cli.shared import engines
from sordino.compiler.compile import compile_model
from sordino.engines.amaranth.amaranth_sim import AmaranthSim, estimate_cycles, estimate_seconds
from sordino.engines.engine import RunResult
from sordino.engines.errors import ToolError
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.registers import COUNTERS, Error
from sordino.model.load import model_from_arrays
from sordino.model.random_rnnt import random_arrays, random_meta

KEYS = {
    "input",
    "transcript",
    "tokens",
    "frames",
    "seconds",
    "cycles",
    "clock_hz",
    "real_time_factor",
    "engine",
    "simulator",
    "error",
}


def words(image, tokens):
    return " ".join("".join(image.host.tokens[token] for token in tokens).split())


def test_golden(sordino, small_image, recording, small_features):
    result = sordino("run", small_image, recording, small_features, "--json")
    assert (result.code, result.err) == (0, "")
    speech, features = result.json()["inputs"]
    for entry, name, frames in ((speech, recording, 33), (features, small_features, 2)):
        assert entry.keys() >= KEYS
        assert entry["input"] == str(name)
        assert entry["frames"] == frames
        assert entry["seconds"] == pytest.approx(frames * 0.03)
        assert entry["cycles"] is entry["real_time_factor"] is entry["error"] is None
        assert (entry["engine"], entry["simulator"]) == ("golden", "numpy")
        assert entry["clock_hz"] == PRESETS["tiny"].clock_hz
    image = Image.load(small_image)
    expected = Golden(image).run(np.load(small_features)).tokens
    assert features["tokens"] == expected
    assert features["transcript"] == words(image, expected) != ""


def test_text(sordino, small_image, small_features):
    (entry,) = sordino("run", small_image, small_features, "--json").json()["inputs"]
    lines = sordino("run", small_image, small_features).out.splitlines()
    assert lines[0] == entry["transcript"]
    assert f"{small_features}: 0.06 s, 2 frames" in lines[1]
    assert len(lines) == 2


def test_rtl(sordino, cxx, small_image, recording):
    command = ("run", small_image, recording, "--engine", "rtl", "--clock", "10MHz")
    (entry,) = sordino(*command, "--json").json()["inputs"]
    (golden,) = sordino("run", small_image, recording, "--json").json()["inputs"]
    assert entry.keys() >= KEYS
    assert (entry["engine"], entry["simulator"]) == ("rtl", "cxxrtl")
    assert entry["tokens"] == golden["tokens"]
    assert entry["clock_hz"] == 10_000_000
    assert entry["real_time_factor"] == entry["cycles"] / 10_000_000 / entry["seconds"]
    assert entry["counters"].keys() == {counter.name for counter in COUNTERS}
    assert entry["layers"][-1]["cycles"] == entry["cycles"]
    printed = sordino(*command).out
    assert f"{entry['cycles']:,} cycles, real-time factor {entry['real_time_factor']:.3f}" in (
        printed
    )
    assert "encoder.0" in printed
    assert "at 10 MHz" in printed


def test_cycles_says_what_the_circuit_says(sordino, cxx, small_image, recording):
    """And what the rest of the time went into."""
    (rtl,), (cycles,) = (
        sordino("run", small_image, recording, "--engine", name, "--json").json()["inputs"]
        for name in ("rtl", "cycles")
    )
    for name in ("tokens", "cycles", "counters", "layers", "real_time_factor"):
        assert cycles[name] == rtl[name]
    assert (cycles["engine"], cycles["simulator"]) == ("cycles", "numpy")
    times = {layer["name"]: layer["cycles"] for layer in rtl["layers"]}
    assert {stalls["name"]: stalls["cycles"] for stalls in cycles["stalls"]} == times
    total = cycles["stalls"][-1]
    assert sum(total[name] for name in ("matvec", "vector", "table", "control")) == rtl["cycles"]
    assert total["hidden"] > 0
    assert "stalls" not in rtl
    printed = sordino("run", small_image, recording, "--engine", "cycles").out
    for name in ("matvec", "hidden"):
        assert f" {total[name]:,} │" in printed
    groups = ("places", "padding", "wait_broadcast", "wait_fifo", "imbalance", "overhead")
    assert f" {total['overhead'] / sum(total[name] for name in groups):.1%} │" in printed


def test_cycle_limit(sordino, cxx, small_image, recording):
    for engine in ("golden", "rtl", "cycles"):
        command = ("run", small_image, recording, "--engine", engine, "--cycle-limit", 50)
        result = sordino(*command)
        assert result.code == 1
        assert "  stopped: LIMIT\n" in result.out
        result = sordino(*command, "--json")
        assert result.code == 1
        assert result.json()["inputs"][0]["error"] == "LIMIT"


def test_transcripts_and_names_are_printed_as_they_are(sordino, small_image, tmp_path):
    image = Image.load(small_image)
    tokens = ("<blank>", *["[red]:smile:["] * 11)
    image = replace(image, host=replace(image.host, tokens=tokens))
    path, features = tmp_path / "[odd].sordino", tmp_path / "[bold]x.npy"
    path.write_bytes(image.to_bytes())
    np.save(features, np.full((2, 117), 90, np.int8))
    result = sordino("run", path, features)
    assert result.out.startswith("[red]:smile:[")
    assert f"{features}: " in result.out


def test_an_image_whose_program_leaves_the_machine(sordino, cxx, small_image, recording, tmp_path):
    """Right to the last checksum, and yet not for any machine."""
    image = Image.load(small_image)
    path = tmp_path / "bad.sordino"
    path.write_bytes(
        Image(**{**vars(image), "program": image.program[:-1] + image.program[:1]}).to_bytes()
    )
    for engine in ("golden", "rtl", "cycles"):
        assert (
            "the program ends after it"
            in sordino("run", path, recording, "--engine", engine).complaint()
        )


# Without a C++ compiler


@pytest.fixture(scope="module")
def one_frame(tmp_path_factory):
    """A model and machine that are quick to simulate, and one input vector."""
    memories = {"lane_words": 512, "group_words": 128, "rows_per_lane": 32, "parameter_words": 32}
    config = PRESETS["tiny"].with_settings({**memories, "state_bits": 6})
    rng = np.random.default_rng(7)
    sizes = {"inputs": 39, "encoder": (4,), "embedding": 4, "prediction": (4,), "joint": 4}
    tensors = random_arrays(rng, **sizes, tokens=4, zeros=0.6)
    tensors |= {"features.mean": np.zeros(13), "features.std": np.ones(13)}
    meta = random_meta(4, features={"kind": "sphinx-mfcc", "stack": 1})
    folder = tmp_path_factory.mktemp("one")
    image, features = folder / "one.sordino", folder / "one.npy"
    compiled = compile_model(model_from_arrays(tensors, meta), config)
    image.write_bytes(compiled.image.to_bytes())
    np.save(features, rng.integers(-128, 128, (1, 39)).astype(np.int8))
    return image, features


@pytest.mark.usefixtures("no_compiler")
def test_amaranth_runs_what_is_short(sordino, one_frame):
    path, features = one_frame
    result = sordino("run", path, features, "--engine", "rtl", "--json")
    assert result.code == 0
    assert result.err.startswith("no C++ compiler: Amaranth's simulator takes about ")
    (entry,) = result.json()["inputs"]
    assert (entry["engine"], entry["simulator"]) == ("rtl", "amaranth")
    image = Image.load(path)
    assert entry["tokens"] == Golden(image).run(np.load(features)).tokens
    # The estimate is of the right size: every instruction once a frame.
    assert 0.5 < estimate_cycles(image, 1) / entry["cycles"] < 2


@pytest.mark.usefixtures("no_compiler")
def test_amaranth_is_told_where_the_waveform_goes(sordino, one_frame, tmp_path, monkeypatch):
    vcd, told = tmp_path / "wave" / "x.vcd", {}

    def run_machine(_image, _features, **options):
        told.update(options)
        return RunResult([], Error.NONE, 0, {"cycles": 1}, None, {})

    monkeypatch.setattr("sordino.engines.amaranth.amaranth_sim.run_machine", run_machine)
    result = sordino("run", *one_frame, "--engine", "rtl", "--vcd", vcd, "--cycle-limit", 40)
    assert result.code == 0
    assert (told["vcd"].parent, told["cycle_limit"]) == (vcd.parent, 40)  # under another name
    assert vcd.parent.is_dir()


@pytest.mark.usefixtures("no_compiler")
def test_amaranth_is_not_started_for_what_is_long(sordino, small_image, tmp_path, monkeypatch):
    features = tmp_path / "long.npy"
    np.save(features, np.zeros((900, 117), np.int8))
    seconds = estimate_seconds(Image.load(small_image), 900)
    assert seconds > 300
    for command in (["run", "--engine", "rtl"], ["cosim"]):
        complaint = sordino(*command, small_image, features).complaint()
        assert "needs a C++ compiler" in complaint
        assert f"would take about {seconds / 60:.0f} min" in complaint
        assert "--slow" in complaint

    def run(_self, features, **_more):
        return RunResult([1], Error.NONE, 0, {"cycles": len(features)}, None, {})

    monkeypatch.setattr(AmaranthSim, "run", run)
    result = sordino("run", small_image, features, "--engine", "rtl", "--slow", "--json")
    assert result.code == 0
    assert result.json()["inputs"][0]["cycles"] == 900


@pytest.mark.usefixtures("no_compiler")
def test_cosim_without_a_compiler(sordino, one_frame):
    """Both inputs are compared as from power-up."""
    path, features = one_frame
    report = sordino("cosim", path, features, features, "--json").json()
    assert report["identical"] is True
    assert report["simulators"] == ["numpy", "amaranth"]
    assert report["words_compared"] > 1000
    first, second = report["inputs"]
    assert first == second


@pytest.mark.usefixtures("no_compiler")
def test_cycles_need_no_compiler(sordino, one_frame):
    """Both inputs again, and every counter of the circuit with it."""
    path, features = one_frame
    command = ("cosim", path, features, features, "--engines", "cycles,rtl", "--json")
    report = sordino(*command).json()
    assert report["identical"] is True
    assert report["simulators"] == ["numpy", "amaranth"]


@pytest.mark.usefixtures("no_compiler")
def test_eval_needs_a_compiler(sordino, small_image, digits):
    command = ("eval", small_image, "--data", digits, "--split", "test", "--engine", "rtl")
    assert "needs a C++ compiler" in sordino(*command).complaint()


def test_durations():
    said = {7: "7 s", 99: "99 s", 120: "2 min", 3600: "60 min", 90_000: "25 h"}
    for seconds, wanted in said.items():
        assert engines._duration(seconds) == wanted


# Word error rates


@pytest.fixture
def digits(tmp_path, recording):
    """Two recordings as in FSDD."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name in ("7_ann_0.wav", "3_bob_1.wav", "3_bob_6.wav"):
        (folder / name).write_bytes(recording.read_bytes())
    return folder


@pytest.mark.parametrize("engine", [None, "golden", "cycles", "float"])
def test_eval(sordino, small_image, small_model, digits, engine):
    model = small_model if engine == "float" else small_image
    chosen = () if engine is None else ("--engine", engine)
    command = ("eval", model, "--data", digits, "--split", "test", *chosen)
    report = sordino(*command, "--json").json()
    assert {"wer", "errors", "words", "utterances"} <= report.keys()
    assert (report["words"], report["utterances"]) == (2, 2)
    assert report["wer"] == report["errors"] / 2
    assert report["engine"] == (engine or "golden")
    printed = sordino(*command).out
    assert f"{report['wer']:.2%}" in printed
    assert (report["real_time_factor"] is not None) is (engine == "cycles")
    if engine == "cycles":
        runs = sordino("run", small_image, *digits.glob("*_1.wav"), "--engine", engine, "--json")
        (entry,) = runs.json()["inputs"]
        assert report["real_time_factor"] == pytest.approx(entry["real_time_factor"])
        assert f"{report['real_time_factor']:.3f}" in printed


def test_eval_of_the_shipped_image(sordino, tmp_path, recording):
    root = recording.parents[1]
    path = next(root.glob("*.sordino"))
    folder = tmp_path / "an4"
    (folder / "etc").mkdir(parents=True)
    (folder / "wav" / "ann").mkdir(parents=True)
    (folder / "etc" / "an4_test.fileids").write_text("ann/yes\n")
    (folder / "etc" / "an4_test.transcription").write_text("<s> YES </s> (yes)\n")
    (folder / "wav" / "ann" / "yes.wav").write_bytes(recording.read_bytes())
    report = sordino("eval", path, "--data", folder, "--split", "test", "--json").json()
    assert (report["wer"], report["words"]) == (0, 1)


def test_eval_of_a_machine_that_stops(sordino, small_image, digits, monkeypatch):
    def run(_self, _features, **_more):
        return RunResult([], Error.STREAM, 0, {}, None, {})

    monkeypatch.setattr(Golden, "run", run)
    result = sordino("eval", small_image, "--data", digits, "--split", "test", "--json")
    assert result.code == 1
    assert json.loads(result.out)["stopped"] == {"3_bob_1": "STREAM", "7_ann_0": "STREAM"}
    assert "stopped in 2 utterances" in result.err


def test_eval_refuses(sordino, small_image, small_model, tmp_path):
    for data in (tmp_path / "none", tmp_path):
        assert str(data) in sordino("eval", small_image, "--data", data).complaint()
    (tmp_path / "3_bob_1.wav").write_bytes(b"")
    command = ("--data", tmp_path, "--split", "test")
    assert "3_bob_1.wav" in sordino("eval", small_image, *command).complaint()
    result = sordino("eval", small_model, *command, "--engine", "golden")
    assert "not a Sordino image" in result.complaint()
    result = sordino("eval", small_image, *command, "--engine", "float")
    assert "wanted a model as .npz" in result.complaint()


def test_a_simulator_that_cannot_be_built(sordino, small_image, recording, monkeypatch):
    def build(*_arguments, **_more):
        raise ToolError("c++ could not compile the machine: no space left")

    monkeypatch.setattr("sordino.engines.native.rtl.load", build)
    monkeypatch.setattr("sordino.cli.shared.engines.compiler", lambda: "c++")
    monkeypatch.setattr("sordino.cli.shared.engines.is_cached", lambda *_, **__: True)
    result = sordino("run", small_image, recording, "--engine", "rtl")
    assert "could not compile the machine" in result.complaint()
