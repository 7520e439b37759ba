"""Every constant of `isa.timing` is the circuit's: with one more or one less a named test fails."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from sordino.isa import timing

ROOT = Path(__file__).parents[2]
SOURCE = Path(timing.__file__)

BLOCKS = "tests/hw/rtl/test_latencies.py::"
MACHINE = "tests/hw/rtl/test_latencies_machine.py::"
MATVEC = "tests/hw/rtl/test_latencies_matvec.py::"

NODES = {
    "SEQUENCER_CYCLES": f"{MACHINE}test_own_instructions_follow_one_another",
    "UNIT_START": f"{MACHINE}test_units_start_and_are_free_again",
    "UNIT_FREE": f"{MACHINE}test_units_start_and_are_free_again",
    "TABLE_READ": f"{BLOCKS}test_table_loader",
    "table_cycles": f"{BLOCKS}test_table_loader",
    "FETCH": f"{BLOCKS}test_fetch",
    "REQUANTISE": f"{BLOCKS}test_requantise",
    "CURVE": f"{BLOCKS}test_curve",
    "ARGMAX": f"{BLOCKS}test_argmax",
    "CELL_UPDATE": f"{BLOCKS}test_cell[i-state]",
    "CELL_OUTPUT": f"{BLOCKS}test_cell[o-hidden]",
    "CELL_CANDIDATE": f"{BLOCKS}test_cell[g-squashed]",
    "CELL_STATE": f"{BLOCKS}test_cell[c-state]",
    "CELL_HIDDEN": f"{BLOCKS}test_cell[g-hidden]",
    "CELL_LATE": f"{BLOCKS}test_gru[h]",
    "FIRST_ELEMENT": f"{BLOCKS}test_vector_instruction[fill]",
    "DONE": f"{BLOCKS}test_vector_instruction[fill]",
    "EMBED_ROW": f"{BLOCKS}test_vector_instruction[embed]",
    "INPUT_END": f"{BLOCKS}test_input_at_the_end_of_input[1]",
    "VECTOR_INPUT": f"{BLOCKS}test_vector_instruction[input]",
    "VECTOR_FILL": f"{BLOCKS}test_vector_instruction[fill]",
    "VECTOR_COPY": f"{BLOCKS}test_vector_instruction[copy]",
    "VECTOR_EMBED": f"{BLOCKS}test_vector_instruction[embed]",
    "VECTOR_VALUE": f"{BLOCKS}test_vector_instruction[drain]",
    "VECTOR_CURVE": f"{BLOCKS}test_vector_instruction[add-tanh]",
    "VECTOR_STATE": f"{BLOCKS}test_vector_instruction[cell]",
    "VECTOR_CELL": f"{BLOCKS}test_vector_instruction[cell]",
    "VECTOR_LATE": f"{BLOCKS}test_vector_instruction[gru]",
    "VECTOR_ARGMAX": f"{BLOCKS}test_vector_instruction[argmax]",
    "VECTOR_OVERHEAD": f"{MACHINE}test_the_slowest_vector_instruction",
    "SERIAL_UNIT": f"{BLOCKS}test_serial_vector_instruction[cell]",
    "SERIAL_STATE": f"{BLOCKS}test_serial_vector_instruction[cell]",
    "SERIAL_CELL": f"{BLOCKS}test_serial_vector_instruction[cell]",
    "SERIAL_LATE": f"{BLOCKS}test_serial_vector_instruction[gru]",
    "SERIAL_ROW": f"{BLOCKS}test_serial_vector_instruction[embed]",
    "MATVEC_RUN": f"{MATVEC}test_no_places",
    "DECODER_START": f"{MATVEC}test_a_place_a_cycle",
    "SYMBOL": f"{MATVEC}test_a_place_a_cycle",
    "WALK": f"{MATVEC}test_a_place_a_cycle",
    "DEPTH": f"{MATVEC}test_a_place_a_cycle",
    "VALUE": f"{MATVEC}test_streamed[two outstanding]",
    "FIRST_COLUMN": f"{MATVEC}test_places_wait_for_the_broadcast",
    "FIRST_PLACE": f"{MATVEC}test_a_place_a_cycle",
    "ARRIVAL": f"{MATVEC}test_places_wait_for_the_broadcast",
    "RELEASE": f"{MATVEC}test_the_broadcast_waits_for_room",
    "LANE": f"{BLOCKS}test_lane",
    "SETTLING": f"{MATVEC}test_no_places",
    "SETTLE": f"{MATVEC}test_a_place_a_cycle",
    "NOTHING": f"{MATVEC}test_no_places",
    "MATVEC_OVERHEAD": f"{MATVEC}test_a_place_a_cycle",
    "COUNTS": f"{MACHINE}test_a_matvec_counts_before_it_is_done",
    "ASK": f"{MATVEC}test_streamed[one burst after the other]",
    "ISSUE": f"{MATVEC}test_streamed[one burst after the other]",
    "LAND": f"{MATVEC}test_streamed[one burst after the other]",
    "ROOM": f"{MATVEC}test_streamed[full rings]",
    "RETURN": f"{MATVEC}test_streamed[two outstanding]",
    "AHEAD": f"{MATVEC}test_streamed[two outstanding]",
}
"""The test of the circuit that fails if a constant changes by one."""

RUNNER = """
import ast, importlib.util, sys
import pytest

name, more, path, *nodes = sys.argv[1:]
tree = ast.parse(open(path, encoding="utf-8").read())


def changed(value):
    return ast.BinOp(value, ast.Add(), ast.Constant(int(more)))


for node in tree.body:
    if isinstance(node, ast.Assign) and node.targets[0].id == name:
        node.value = changed(node.value)
    if isinstance(node, ast.FunctionDef) and node.name == name:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Return):
                inner.value = changed(inner.value)
spec = importlib.util.spec_from_file_location("sordino.isa.timing", path)
module = importlib.util.module_from_spec(spec)
exec(compile(ast.fix_missing_locations(tree), path, "exec"), module.__dict__)
import sordino.isa

sys.modules[spec.name] = sordino.isa.timing = module
plain = ("--noconftest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line")
sys.exit(pytest.main([*plain, *nodes]))
"""
"""Run tests with `name`, defined in `path`, larger by `more`; what is derived from it follows."""


def run(name: str, more: int, nodes: Iterable[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUNNER, name, str(more), str(SOURCE), *nodes],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_public_constant_has_its_test() -> None:
    public = {name for name in vars(timing) if name[0] != "_" and name != "Config"}
    assert public == set(timing.__all__) == set(NODES)


def test_as_it_is_all_of_them_pass() -> None:
    done = run("", 0, dict.fromkeys(NODES.values()))
    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr


def fails(name: str, more: int) -> None:
    done = run(name, more, [NODES[name]])
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert "1 failed" in done.stdout


@pytest.mark.parametrize("name", NODES)
def test_one_more_is_noticed(name: str) -> None:
    fails(name, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", NODES)
def test_one_less_is_noticed(name: str) -> None:
    fails(name, -1)
