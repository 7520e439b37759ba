"""The cache of compiled machines: what makes another one, and what is said if none can be made."""

import os
import threading
from dataclasses import fields, replace
from pathlib import Path

import pytest

from sordino.arch import PRESETS
from sordino.engines import compiled
from sordino.engines.compiled import build, compiler, is_cached
from sordino.engines.errors import ToolError

TINY = PRESETS["tiny"]
OTHER = {
    **{field.name: getattr(TINY, field.name) + 4 for field in fields(TINY) if field.type is int},
    **{"group": 2, "x_fifo": 32, "state_bits": 9, "accumulator_bits": 31, "feature_fifo": 1024},
    "token_fifo": 32,
    **{"stream_bus": 128, "stream_burst": 16, "stream_outstanding": 32, "stream_ring": 8},
}
STREAMING = replace(TINY, stream_bus=64)
"""Without a bus the other settings of the bus make no other machine."""
FREE = ("name", "clock_hz")


@pytest.fixture
def builds(tmp_path, monkeypatch) -> Path:
    """A cache of its own, one source file, and a compiler that notes what it is asked to do.

    Returns the notes: one line a call.
    """
    notes = tmp_path / "notes"
    script = tmp_path / "c++"
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {notes}\nwhile [ "$1" != -o ]; do shift; done\necho made > "$2"\n'
    )
    script.chmod(0o755)
    (tmp_path / "source.py").write_text("1")
    monkeypatch.setenv("CXX", str(script))
    monkeypatch.setattr(compiled, "cache_directory", lambda: tmp_path / "cache")
    monkeypatch.setattr(compiled, "_sources", lambda: [tmp_path / "source.py"])
    monkeypatch.setattr(compiled, "_cplusplus", lambda config, debug: "int design;")
    return notes


def test_a_machine_is_built_once(builds: Path) -> None:
    assert not is_cached(TINY)
    library = build(TINY)
    assert library.read_text() == "made\n"
    assert is_cached(TINY)
    assert build(TINY) == library
    assert len(builds.read_text().splitlines()) == 1
    assert sorted(path.suffix for path in library.parent.iterdir()) == [".so"]


def test_threads_that_want_the_same_machine_build_it_once(builds: Path) -> None:
    threads = [threading.Thread(target=build, args=(TINY,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(builds.read_text().splitlines()) == 1


@pytest.mark.parametrize("field", [field.name for field in fields(TINY)])
def test_every_parameter_but_name_and_clock_makes_another_machine(builds: Path, field: str) -> None:
    base = STREAMING if field.startswith("stream") else TINY
    build(base)
    value = "other" if field == "name" else OTHER[field]
    assert value != getattr(base, field)
    assert is_cached(replace(base, **{field: value})) == (field in FREE)


def test_a_changed_source_harness_or_compiler_makes_another_machine(
    builds: Path, tmp_path, monkeypatch
) -> None:
    build(TINY)
    source = tmp_path / "source.py"
    source.write_text("2")
    assert not is_cached(TINY)
    source.write_text("1")
    assert is_cached(TINY)
    assert not is_cached(TINY, debug=True)
    harness = tmp_path / "harness.cpp"
    harness.write_text("// other")
    monkeypatch.setattr(compiled, "HARNESS", harness)
    assert not is_cached(TINY)
    monkeypatch.undo()


def test_the_key_covers_all_hardware() -> None:
    names = {path.name for path in compiled._sources()}
    assert {
        "machine.py",
        "sequencer.py",
        "lane.py",
        "arith.py",
        "tans.py",
        "instructions.py",
    } <= names


def test_a_machine_that_one_evaluation_does_not_settle_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(compiled, "run_yosys", lambda script: "bool converged = false;")
    monkeypatch.setattr("sordino.rtl.machine.Machine", lambda config: None)
    monkeypatch.setattr("sordino.rtl.emit.to_rtlil", lambda component: "")
    with pytest.raises(ToolError, match="one evaluation does not settle it"):
        compiled._cplusplus(TINY, debug=False)


def test_a_missing_compiler_is_named(builds: Path, monkeypatch) -> None:
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(ToolError, match=r"needs a C\+\+ compiler .* or use --engine golden$"):
        compiler()
    with pytest.raises(ToolError, match="found none"):
        build(TINY)


def test_what_the_compiler_says_is_passed_on(builds: Path, tmp_path) -> None:
    script = tmp_path / "c++"
    script.write_text('#!/bin/sh\necho "x.cc:1: note" >&2\necho "x.cc:2: error: no" >&2\nexit 1\n')
    with pytest.raises(ToolError, match=r"could not compile the machine: x.cc:2: error: no$"):
        build(TINY)
    assert not is_cached(TINY)
    left = [path.suffix for path in (tmp_path / "cache").iterdir()]
    assert left == [], "nothing half-made stays"
