"""The exact machine on small programs written by hand, one matter a test."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.engines.engine import Engine
from sordino.golden.machine import Golden
from sordino.image.host import HostSection
from sordino.image.image import ImageError
from sordino.isa.choices import Condition, Space
from sordino.isa.fields import Store
from sordino.isa.operations import (
    Branch,
    Call,
    Emit,
    Fill,
    Halt,
    Input,
    Jump,
    Loop,
    Return,
    Set,
    Use,
)
from sordino.isa.registers import COUNTERS, Error
from sordino.testing.images.by_hand import NO_FEATURES, PLAIN, program_image, written_values
from sordino.testing.images.programs import ProgramBuilder


def features(*rows: Sequence[int]) -> NDArray[np.int8]:
    return np.array(rows, np.int8)


def test_it_is_an_engine() -> None:
    engine: Engine = Golden(program_image())
    result = engine.run(NO_FEATURES)
    assert engine.name == "golden"
    assert (result.error, result.code, result.tokens, result.records) == (Error.NONE, 0, [], None)
    assert set(result.counters) == {c.name for c in COUNTERS if not c.timed}
    assert result.counters == {**dict.fromkeys(result.counters, 0), "instructions": 1}
    shapes = {store: array.shape for store, array in result.final.items()}
    assert shapes == {
        Store.ACTIVATION: (128,),
        Store.STATE: (64,),
        Store.BANK0: (4, 8),
        Store.BANK1: (4, 8),
        Store.REGISTER: (8,),
    }
    assert {array.dtype for array in result.final.values()} == {np.dtype(np.int64)}


def test_halt_code() -> None:
    builder = ProgramBuilder(PLAIN)
    builder.add(Halt, code=201)
    result = Golden(builder.image()).run(NO_FEATURES, record=True)
    assert (result.code, result.error, written_values(result.records)) == (201, Error.NONE, [[]])


def test_set_emit_and_records() -> None:
    image = program_image(
        (Set, {"register": 3, "value": 65535}),
        (Emit, {"register": 3}),
        (Emit, {"register": 4}),
    )
    result = Golden(image).run(NO_FEATURES, record=True)
    assert result.tokens == [65535, 0]
    assert result.counters["tokens"] == 2
    assert written_values(result.records) == [[65535], [65535], [0], []]
    assert result.final[Store.REGISTER].tolist() == [0, 0, 0, 65535, 0, 0, 0, 0]
    assert [(r.index, r.pc) for r in result.records or ()] == [(0, 0), (1, 1), (2, 2), (3, 3)]


def test_callback_sees_each_record_as_it_is_made() -> None:
    golden = Golden(program_image((Set, {"register": 0, "value": 5}), (Emit, {})))
    seen: list[tuple[int, list[int], int]] = []
    result = golden.run(
        NO_FEATURES,
        record=lambda r: seen.append((r.pc, r.values.tolist(), len(golden.state.tokens))),
    )
    assert result.records is None
    assert seen == [(0, [5], 0), (1, [5], 1), (2, [], 1)]


def test_step_by_step() -> None:
    golden = Golden(program_image((Set, {"register": 0, "value": 5}), (Emit, {})))
    with pytest.raises(ValueError, match="the machine has stopped; start it first"):
        golden.step()
    golden.start(NO_FEATURES)
    assert golden.step() is None
    assert (golden.state.pc, golden.state.registers[0], golden.state.running) == (1, 5, True)
    record = golden.step(record=True)
    assert record is not None
    assert (record.index, record.pc, record.values.tolist()) == (1, 1, [5])
    golden.step()
    assert not golden.state.running


def test_jump_and_entry_points() -> None:
    builder = ProgramBuilder(PLAIN)
    builder.add(Halt, code=1)
    builder.label("main")
    builder.add(Jump, target="there")
    builder.add(Halt, code=2)
    builder.label("there")
    builder.add(Halt, code=3)
    golden = Golden(builder.image())
    result = golden.run(NO_FEATURES, record=True)
    assert (result.code, written_values(result.records)) == (3, [[3], []])
    with pytest.raises(ImageError, match=r"^no entry point 'joint'; the image has main$"):
        golden.run(NO_FEATURES, entry="joint")
    assert Golden(replace(golden.image, host=HostSection())).run(NO_FEATURES).code == 1
    other = replace(golden.image, host=HostSection(entries={"joint": 2}))
    assert Golden(other).run(NO_FEATURES, entry="joint").code == 2


@pytest.mark.parametrize("count", [1, 2, 7])
def test_loop(count: int) -> None:
    image = program_image(
        (Set, {"register": 1, "value": count}),
        (Emit, {"register": 1}),
        (Loop, {"register": 1, "target": "again"}),
        again=1,
    )
    result = Golden(image).run(NO_FEATURES, record=True)
    assert result.tokens == list(range(count, 0, -1))
    loops = [r.values.tolist() for r in result.records or () if r.pc == 2]
    assert loops == [[left, 1] for left in range(count - 1, 0, -1)] + [[0, 3]]


def test_loop_on_zero_wraps() -> None:
    image = program_image((Loop, {"register": 1, "target": "out"}), (Halt, {}), out=1)
    result = Golden(image).run(NO_FEATURES, record=True)
    assert written_values(result.records)[0] == [65535, 1]


@pytest.mark.parametrize("condition", list(Condition))
@pytest.mark.parametrize(("held", "value"), [(5, 5), (4, 5), (6, 5), (0x8000, 5), (5, 0xFFFF)])
def test_branch(condition: Condition, held: int, value: int) -> None:
    image = program_image(
        (Set, {"register": 6, "value": held}),
        (
            Branch,
            {"register": 6, "condition": condition, "value": value, "target": "taken"},
        ),
        (Halt, {"code": 1}),
        (Halt, {"code": 2}),
        taken=3,
    )
    holds = {
        Condition.EQ: held == value,
        Condition.NE: held != value,
        Condition.LT: held < value,
        Condition.GE: held >= value,
    }[condition]
    result = Golden(image).run(NO_FEATURES, record=True)
    assert result.code == (2 if holds else 1)
    assert written_values(result.records)[1] == [3 if holds else 2]


@pytest.mark.parametrize("checked", [set(), {5}, {4}, {6, 4, 7}])
def test_use_goes_on_only_where_its_own_segment_is_checked(checked: set[int]) -> None:
    """What is checked outlasts runs."""
    image = program_image(
        (Use, {"segment": 5, "otherwise": "without"}),
        (Halt, {"code": 1}),
        (Halt, {"code": 2}),
        without=2,
    )
    golden = Golden(image)
    golden.state.checked.clear()
    golden.state.checked |= checked
    for _ in range(2):
        result = golden.run(NO_FEATURES, record=True)
        assert result.code == (1 if 5 in checked else 2)
        assert written_values(result.records)[0] == [1 if 5 in checked else 2]
    assert golden.state.checked == checked


@pytest.mark.parametrize("depth", [1, 4, 5])
def test_calls_nest_four_deep(depth: int) -> None:
    builder = ProgramBuilder(PLAIN)
    builder.add(Call, target="sub1")
    builder.add(Halt, code=9)
    for level in range(1, depth + 1):
        builder.label(f"sub{level}")
        builder.add(Set, register=0, value=level)
        builder.add(Emit)
        if level < depth:
            builder.add(Call, target=f"sub{level + 1}")
        builder.add(Return)
    golden = Golden(builder.image())
    result = golden.run(NO_FEATURES)
    assert result.tokens == list(range(1, min(depth, 4) + 1))
    if depth <= 4:
        assert (result.error, result.code) == (Error.NONE, 9)
    else:
        assert (result.error, result.code) == (Error.STACK, 0)
        assert isinstance(golden.image.program[golden.state.pc], Call)
        assert result.counters["instructions"] == 12, "the fifth call does not retire"


def test_return_without_call() -> None:
    golden = Golden(program_image((Set, {"register": 0, "value": 1}), (Return, {})))
    result = golden.run(NO_FEATURES, record=True)
    assert (result.error, golden.state.pc, written_values(result.records)) == (
        Error.STACK,
        1,
        [[1]],
    )


def test_stack_is_empty_after_start() -> None:
    golden = Golden(program_image((Call, {"target": 1}), (Return, {})))
    for _ in range(2):
        assert golden.run(NO_FEATURES).error is Error.STACK
        assert golden.run(NO_FEATURES, cycle_limit=1).error is Error.LIMIT


INPUT = (
    (Input, {"destination": 7, "count": 3, "end": "end"}),
    (Jump, {"target": 0}),
    (Halt, {"code": 5}),
)


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_input_until_the_end(frames: int) -> None:
    vectors = np.arange(3 * frames, dtype=np.int8).reshape(frames, 3) - 4
    result = Golden(program_image(*INPUT, end=2)).run(vectors, record=True)
    assert (result.error, result.code, result.counters["frames"]) == (Error.NONE, 5, frames)
    inputs = [r.values.tolist() for r in result.records or () if r.pc == 0]
    assert inputs == [*vectors.tolist(), [2]], "the end of input writes the next address alone"
    assert result.counters["instructions"] == 2 * frames + 2
    if frames:
        assert result.final[Store.ACTIVATION][7:10].tolist() == vectors[-1].tolist()


def test_input_that_ends_in_a_vector() -> None:
    golden = Golden(program_image(*INPUT, end=2))
    result = golden.run(features([1, 2], [3, 4], [5, -6], [7, 8]), record=True)
    assert (result.error, result.code, golden.state.pc) == (Error.INPUT, 0, 0)
    assert written_values(result.records) == [[1, 2, 3], [0], [4, 5, -6], [0]]
    assert result.counters["frames"] == 2
    assert result.final[Store.ACTIVATION][7:10].tolist() == [7, 8, -6]


def test_features_must_be_int8() -> None:
    with pytest.raises(ValueError, match=r"^wanted features to be int8, got float64$"):
        Golden(program_image()).run(np.zeros((1, 3)))


@pytest.mark.parametrize("limit", [1, 2, 10, 11])
def test_limit_counts_instructions(limit: int) -> None:
    code = [(Set, {"register": 0, "value": k}) for k in range(10)]
    result = Golden(program_image(*code)).run(NO_FEATURES, cycle_limit=limit)
    assert result.counters["instructions"] == limit
    assert result.error is (Error.NONE if limit == 11 else Error.LIMIT)


def test_limit_ends_an_endless_program() -> None:
    assert Golden(program_image((Jump, {"target": 0}))).run(NO_FEATURES, cycle_limit=99).error is (
        Error.LIMIT
    )


def test_memories_outlast_a_run_and_clear_empties_them() -> None:
    fill = (Fill, {"space": Space.STATE, "destination": 0, "count": 1, "value": 9})
    image = program_image(fill, (Halt, {}))
    golden = Golden(replace(image, host=HostSection(entries={"main": 0, "rest": 1})))
    golden.run(NO_FEATURES)
    assert golden.run(NO_FEATURES, entry="rest").final[Store.STATE][0] == 9
    golden.state.memory.clear()
    assert golden.run(NO_FEATURES, entry="rest").final[Store.STATE][0] == 0


def test_final_state_is_a_copy() -> None:
    golden = Golden(program_image())
    final = golden.run(NO_FEATURES).final
    golden.state.memory.activation[0] = 5
    assert final[Store.ACTIVATION][0] == 0
