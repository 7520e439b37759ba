"""The cache of compiled machines: what makes another one, and what is said if none can be made."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import fields, replace
from pathlib import Path

import pytest

from sordino.arch import PRESETS
from sordino.engines.errors import ToolError
from sordino.engines.native import compiled
from sordino.engines.native.compiled import MACHINE, build, compiler, is_cached
from sordino.errors import InputError
from sordino.locks import exclusive
from sordino.rtl.vector.stages.curve import tanh

TINY = PRESETS["tiny"]
OTHER = {
    **{field.name: getattr(TINY, field.name) + 4 for field in fields(TINY) if field.type is int},
    **{"group": 2, "x_fifo": 32, "state_bits": 9, "accumulator_bits": 31, "feature_fifo": 1024},
    **{"token_fifo": 32, "vector_gates": 1},
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
    netlist = tmp_path / "netlist"
    netlist.write_text("1")
    monkeypatch.setattr(
        compiled, "_netlist", lambda config, design: f"{netlist.read_text()} {config}"
    )
    monkeypatch.setattr(compiled, "_cplusplus", lambda netlist, debug: "int design;")
    return notes


def test_a_machine_is_built_once(builds: Path) -> None:
    assert not is_cached(TINY)
    library = build(TINY)
    assert library.read_text() == "made\n"
    assert is_cached(TINY)
    assert build(TINY) == library
    assert len(builds.read_text().splitlines()) == 1
    of_circuit = library.parent.glob("*-circuit-*.so")
    assert sorted(library.parent.iterdir()) == sorted([library, *of_circuit])


def test_sources_that_make_the_same_circuit_share_a_library(builds: Path, tmp_path) -> None:
    library = build(TINY)
    (tmp_path / "source.py").write_text("1  # a comment")
    assert not is_cached(TINY)
    assert (again := build(TINY)) != library
    assert os.path.samefile(again, library)
    assert is_cached(TINY)
    assert len(builds.read_text().splitlines()) == 1
    build(TINY, debug=True)
    assert len(builds.read_text().splitlines()) == 2
    (tmp_path / "source.py").write_text("2")
    (tmp_path / "netlist").write_text("2")
    build(TINY)
    assert len(builds.read_text().splitlines()) == 3


def test_a_library_is_copied_where_there_are_no_links(builds: Path, monkeypatch) -> None:
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    assert build(TINY).read_text() == "made\n"
    assert is_cached(TINY)


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
    assert not is_cached(TINY, design=replace(MACHINE, harness=harness))
    assert not is_cached(TINY, design=replace(MACHINE, name="other"))
    assert not is_cached(TINY, design=replace(MACHINE, sources=(harness,)))
    assert is_cached(TINY, design=replace(MACHINE))
    monkeypatch.setattr(compiled, "headers", lambda: {"sordino.h": "// other"})
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
        "operations.py",
        "header.py",
    } <= names


def test_a_machine_that_one_evaluation_does_not_settle_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(compiled, "run_yosys", lambda script: "bool converged = false;")
    with pytest.raises(ToolError, match="one evaluation does not settle it"):
        compiled._cplusplus("", debug=False)


def test_another_yosys_of_the_path_is_not_asked(tmp_path, monkeypatch) -> None:
    script = tmp_path / "yosys"
    script.write_text(
        f"#!/bin/sh\necho called >> {tmp_path / 'mark'}\n"
        'case "$*" in *-V*) echo "Yosys 0.99+1 (git)";; *) cat > /dev/null; '
        'echo "bool converged = true;";; esac\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), os.environ["PATH"])))
    monkeypatch.setenv("YOSYS", str(script))
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "system")
    monkeypatch.setattr("sordino.rtl.machine.Machine", lambda config: tanh())
    design = compiled._cplusplus(compiled._netlist(TINY), debug=False)
    assert "#include <cxxrtl/cxxrtl.h>" in design
    assert not (tmp_path / "mark").exists()


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
    assert list((tmp_path / "cache").iterdir()) == [], "nothing half-made stays"


@pytest.mark.parametrize("wrong", ["/no/such/c++", "no-such-c++ -O2", "."])
def test_a_compiler_that_cxx_names_wrongly_is_no_other_one(
    builds: Path, monkeypatch, wrong
) -> None:
    monkeypatch.setenv("CXX", wrong)
    with pytest.raises(InputError, match=r"wanted a C\+\+ compiler in CXX, got"):
        compiler()


def test_cxx_may_have_arguments(builds: Path, monkeypatch) -> None:
    monkeypatch.setenv("CXX", f"{os.environ['CXX']} --fast 'a b'")
    build(TINY)
    assert builds.read_text().startswith("--fast a b ")


def test_an_unclosed_quote_in_cxx(builds: Path, monkeypatch) -> None:
    monkeypatch.setenv("CXX", "g++ 'x")
    with pytest.raises(InputError, match="cannot read CXX as a command"):
        compiler()


def test_a_compiler_that_is_ended_says_so(builds: Path, tmp_path) -> None:
    (tmp_path / "c++").write_text("#!/bin/sh\nkill -9 $$\n")
    with pytest.raises(ToolError, match="was ended by SIGKILL while it compiled"):
        build(TINY)
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_cannot_be_started_is_no_compiler(builds: Path, tmp_path) -> None:
    (tmp_path / "c++").write_bytes(b"\x7fELF no program")
    with pytest.raises(ToolError, match=r"cannot start .*c\+\+: Exec format error"):
        build(TINY)


@pytest.mark.parametrize("damage", [b"", b"mad", b"made\n\n"])
def test_a_damaged_library_is_built_again(builds: Path, damage) -> None:
    library = build(TINY)
    library.write_bytes(damage)
    assert not is_cached(TINY)
    assert build(TINY) == library
    assert library.read_text() == "made\n"


def test_another_processor_has_its_own_library(builds: Path, monkeypatch) -> None:
    build(TINY)
    monkeypatch.setattr("platform.machine", lambda: "pdp11")
    assert not is_cached(TINY)


def test_a_killed_build_is_cleared_by_the_next_one(builds: Path, tmp_path) -> None:
    cache = tmp_path / "cache"
    own = cache / f"{compiled._stem(TINY, False)}.build"
    for left in (own, cache / "old.build"):
        left.mkdir(parents=True)
        (left / "design.cc").write_text("half")
    running = cache / "busy.build"
    running.mkdir()
    with exclusive(cache / "busy.lock", "a build"):
        library = build(TINY)
    of_circuit = cache.glob("*-circuit-*.so")
    assert sorted(cache.iterdir()) == sorted([library, *of_circuit, running])


def test_an_interrupted_build_ends_its_compiler(builds: Path, tmp_path) -> None:
    """Killed with all that it has started; what is left is gone after the next build."""
    beginning = tmp_path / "beginning"
    (tmp_path / "c++").write_text(f"#!/bin/sh\necho $$ > {beginning}\nsleep 600 & wait\n")
    program = (
        "import pathlib, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from sordino.engines.native import compiled\n"
        "compiled._call(pathlib.Path(sys.argv[1]), [sys.argv[2]])\n"
    )
    line = [sys.executable, "-c", program, str(tmp_path), str(tmp_path / "c++")]
    with subprocess.Popen(line, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while not (beginning.exists() and beginning.read_text()) and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.5)  # the script is faster than the call that starts it
        process.send_signal(signal.SIGINT)
        process.wait(30)
    with pytest.raises(ProcessLookupError):
        os.kill(int(beginning.read_text()), 0)


def test_a_cache_that_cannot_be_made_is_named_with_what_moves_it(builds, tmp_path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ToolError, match=r"cannot use the cache of simulators .*set SORDINO_CACHE"):
        build(TINY)


def test_a_cache_that_cannot_be_locked_is_named_with_what_moves_it(
    builds, tmp_path, monkeypatch
) -> None:
    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refused)
    with pytest.raises(InputError, match=r"set SORDINO_CACHE .*Permission denied"):
        build(TINY)


def test_a_full_disk_is_named(builds: Path, monkeypatch) -> None:
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ToolError, match=r"No space left on device; set SORDINO_CACHE"):
        build(TINY)


def test_where_the_cache_is(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("SORDINO_CACHE", str(tmp_path))
    assert compiled.cache_directory() == tmp_path / "cxxrtl"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SORDINO_CACHE", "here")
    assert compiled.cache_directory() == tmp_path / "here" / "cxxrtl"
    monkeypatch.setenv("SORDINO_CACHE", "")
    assert compiled.cache_directory().is_absolute()


def test_no_home_at_all(monkeypatch) -> None:
    monkeypatch.delenv("SORDINO_CACHE", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: "~/.cache/sordino")
    with pytest.raises(ToolError, match=r"needs a folder .* set SORDINO_CACHE"):
        compiled.cache_directory()


def test_a_library_that_cannot_be_loaded_is_named(builds: Path) -> None:
    with pytest.raises(ToolError, match=r"cannot load the simulator .*\.so: .*SORDINO_CACHE"):
        compiled.load(TINY)


@pytest.mark.parametrize(
    ("script", "said"),
    [("exit 3", "exit code 3 and no message"), ("exit 0", "ended without a library")],
)
def test_a_program_that_is_no_compiler_is_named(builds: Path, tmp_path, script, said) -> None:
    (tmp_path / "c++").write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(ToolError, match=said):
        build(PRESETS["tiny"])
