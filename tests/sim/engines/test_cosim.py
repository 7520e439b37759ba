"""The comparison: equal runs are identical, whatever differs is found and named."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.engines.cosim import compare
from sordino.engines.engine import Record, RunResult
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.image.loading import load_sections
from sordino.image.tans import expand
from sordino.isa.fields import Store
from sordino.isa.instruction import Instruction
from sordino.isa.operations import (
    Argmax,
    Cell,
    Drain,
    Emit,
    Fill,
    Halt,
    Input,
    Jump,
    Matvec,
)
from sordino.isa.registers import COUNTERS, Error, LoadTarget
from sordino.testing.images.random_images import LayerSizes, layers_image, random_matrix
from sordino.tools.trials import MACHINES

FRAMES = 3
LIMIT = 100_000
SIZES = LayerSizes(inputs=5, units=9, outputs=29, densities=(0.8, 0.8, 0.8, 0.8))


@pytest.fixture(scope="module")
def image() -> Image:
    return layers_image(np.random.default_rng(5), MACHINES["g1"], SIZES)


@pytest.fixture(scope="module")
def features() -> NDArray[np.int8]:
    return random_matrix(np.random.default_rng(6), (FRAMES, SIZES.inputs), bits=8, zeros=0.0)


@pytest.fixture(scope="module")
def loaded(image: Image) -> Rtl:
    return Rtl(image)


class Changed:
    """The exact machine whose records and result pass through a function each."""

    name = "changed"

    def __init__(
        self,
        image: Image,
        record: Callable[[Record], list[Record]] = lambda record: [record],
        result: Callable[[RunResult], RunResult] = lambda result: result,
    ) -> None:
        self._golden, self._record, self._result = Golden(image), record, result

    def run(
        self,
        features: NDArray[np.int8],
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
    ) -> RunResult:
        assert callable(record)

        def pass_on(one: Record) -> None:
            for changed in self._record(one):
                record(changed)

        return self._result(self._golden.run(features, record=pass_on))


def difference(image: Image, features: NDArray[np.int8], **changes: Callable) -> str:
    outcome = compare(image, Golden(image), Changed(image, **changes), features)
    assert not outcome.identical
    assert outcome.first_difference is not None
    return outcome.first_difference


def find(image: Image, operation: type[Instruction], nth: int = 0) -> int:
    return [at for at, i in enumerate(image.program) if isinstance(i, operation)][nth]


def test_equal_runs_are_identical(image: Image, features: NDArray[np.int8], loaded: Rtl) -> None:
    seen: list[Record] = []
    outcome = compare(image, Golden(image), loaded, features, on_record=seen.append)
    assert outcome.identical
    assert outcome.first_difference is None
    assert [record.index for record in seen] == list(range(outcome.records_compared))
    golden, circuit = outcome.results
    assert outcome.records_compared == len(seen) == circuit.counters["instructions"]
    words = sum(len(record.values) for record in seen) + len(golden.tokens)
    words += sum(not counter.timed for counter in COUNTERS)
    words += sum(memory.size for memory in golden.final.values())
    assert outcome.words_compared == words
    assert set(golden.final) == set(circuit.final)


# Every kind of difference, made by hand.


def flip(at: int, word: int) -> Callable[[Record], list[Record]]:
    """Change one word of the first record from address `at`."""
    done: list[int] = []

    def change(record: Record) -> list[Record]:
        if record.pc != at or done:
            return [record]
        done.append(record.index)
        values = record.values.copy()
        values[word] += 1
        return [replace(record, values=values)]

    return change


@pytest.mark.parametrize(
    ("operation", "word", "place"),
    [
        (Input, 3, r"INPUT, input\): activation\[3\]"),
        (Cell, 2, r"CELL, cell\): state\[2\]"),
        (Cell, 9, r"CELL, cell\): activation\[5\]"),
        (Cell, 18 + 8 + 3, r"CELL, cell\): bank[01] row 1 lane 3"),
        (Matvec, 2 * 8 + 7, r"MATVEC\): bank[01] row 2 lane 7"),
        (Drain, 31, r"DRAIN\): activation\[45\]"),
        (Drain, 32 + 8, r"DRAIN\): bank0 row 1 lane 0"),
        (Argmax, 0, r"ARGMAX\): register\[3\]"),
        (Argmax, 1 + 9, r"ARGMAX\): bank1 row 1 lane 1"),
        (Emit, 0, r"EMIT\): token\[0\]"),
        (Jump, 0, r"JUMP\): pc\[0\]"),
        (Fill, 100, r"FILL\): activation\[100\]"),
    ],
)
def test_a_changed_word_is_named(
    image: Image, features: NDArray[np.int8], operation: type[Instruction], word: int, place: str
) -> None:
    at = find(image, operation)
    text = difference(image, features, record=flip(at, word))
    pattern = rf"^instruction \d+ \(address {at}, {place}: golden (-?\d+), changed (-?\d+)$"
    found = re.search(pattern, text)
    assert found, text
    assert int(found[2]) == int(found[1]) + 1


def test_an_input_that_meets_the_end_is_compared_by_its_address(
    image: Image, features: NDArray[np.int8]
) -> None:
    def at_the_end(record: Record) -> list[Record]:
        if isinstance(image.program[record.pc], Input) and len(record.values) == 1:
            return [replace(record, values=record.values + 1)]
        return [record]

    done = image.program[find(image, Input)].end
    text = difference(image, features, record=at_the_end)
    assert text.endswith(f"INPUT, input): pc[0]: golden {done}, changed {done + 1}")


def test_missing_and_surplus_words_and_instructions(
    image: Image, features: NDArray[np.int8]
) -> None:
    cell = find(image, Cell)

    def shorter(record: Record) -> list[Record]:
        return [replace(record, values=record.values[:4])] if record.pc == cell else [record]

    def twice(record: Record) -> list[Record]:
        return [record, record] if record.pc == cell else [record]

    def never(record: Record) -> list[Record]:
        return [] if record.pc == cell else [record]

    def last_twice(record: Record) -> list[Record]:
        return [record] * (2 if isinstance(image.program[record.pc], Halt) else 1)

    def no_last(record: Record) -> list[Record]:
        return [record] * (not isinstance(image.program[record.pc], Halt))

    assert "CELL, cell): golden wrote" in difference(image, features, record=shorter)
    for change, second in ((twice, cell), (never, cell + 1)):
        text = difference(image, features, record=change)
        assert f"changed at {second}" in text or f"changed is at address {second}" in text, text
    count = Golden(image).run(features).counters["instructions"]
    text = difference(image, features, record=last_twice)
    assert text == f"changed retired more than golden's {count} instructions"
    text = difference(image, features, record=no_last)
    at = find(image, Halt)
    assert text == (
        f"instruction {count - 1} (address {at}, HALT): changed stopped there with NONE, "
        "golden wrote 0 words"
    )


@pytest.mark.parametrize("counter", [c for c in COUNTERS if not c.timed], ids=lambda c: c.name)
def test_a_counter_that_differs_is_named(image: Image, features: NDArray[np.int8], counter) -> None:
    def change(result: RunResult) -> RunResult:
        counters = {**result.counters, counter.name: result.counters[counter.name] + 1}
        return replace(result, counters=counters)

    text = difference(image, features, result=change)
    assert text.startswith(f"counter {counter.name}: golden ")


def test_tokens_and_the_end_are_compared(image: Image, features: NDArray[np.int8]) -> None:
    tokens = Golden(image).run(features).tokens
    assert len(tokens) == FRAMES

    def told(**fields: object) -> str:
        return difference(image, features, result=lambda result: replace(result, **fields))

    other = tokens[1] + 1
    assert told(tokens=[tokens[0], other, tokens[2]]) == (
        f"token 1: golden {tokens[1]}, changed {other}"
    )
    assert told(tokens=tokens[:2]) == f"token 2: golden {tokens[2]}, changed None"
    assert told(tokens=[*tokens, 7]) == "token 3: golden None, changed 7"
    assert told(code=9) == "end: golden NONE code 0, changed NONE code 9"
    assert told(error=Error.LIMIT) == "end: golden NONE code 0, changed LIMIT code 0"


@pytest.mark.parametrize(
    ("store", "place"),
    [
        (Store.ACTIVATION, "activation[21]"),
        (Store.STATE, "state[21]"),
        (Store.BANK0, "bank0 row 2 lane 5"),
        (Store.BANK1, "bank1 row 2 lane 5"),
    ],
)
def test_memories_are_compared_at_the_end(
    image: Image, features: NDArray[np.int8], store: Store, place: str
) -> None:
    def change(result: RunResult) -> RunResult:
        memory = result.final[store].copy()
        memory.reshape(-1)[21] ^= 1
        return replace(result, final={**result.final, store: memory})

    assert difference(image, features, result=change).startswith(f"at the end: {place}: golden ")


# Faults in the circuit's memories.


def fault(loaded: Rtl, features: NDArray[np.int8], *words: tuple[LoadTarget, int, int, int]) -> str:
    """The difference with `words` (target, unit, address, word) in the circuit; then put back."""
    image, sections = loaded.image, contents(loaded.image)
    try:
        for target, unit, address, word in words:
            loaded.poke(target, unit, address, word)
        outcome = compare(image, Golden(image), loaded, features, cycle_limit=LIMIT)
    finally:
        for target, unit, address, _ in words:
            loaded.poke(target, unit, address, sections[target, unit][address])
    assert outcome.first_difference is not None
    return outcome.first_difference


def contents(image: Image) -> dict[tuple[LoadTarget, int], list[int]]:
    """What loading writes, by target and unit: 32-bit words, of streams 16-bit words."""
    return {
        (section.target, section.unit): np.frombuffer(
            section.words,
            "<u2" if section.target in (LoadTarget.POSITIONS, LoadTarget.VALUES) else "<u4",
        ).tolist()
        for section in load_sections(image)
    }


def test_a_wrong_bias_is_found_in_its_unit(
    image: Image, features: NDArray[np.int8], loaded: Rtl
) -> None:
    cell = find(image, Cell)
    for unit in (0, 4, 8):
        # Gate g of the unit: its bias decides what the cell adds; both extremes, so that it shows.
        address = 4 * image.program[cell].parameters + 4 * unit + 2
        texts = []
        for word in (0x7FFF_FFFF, 0x8000_0000):
            try:
                texts.append(fault(loaded, features, (LoadTarget.PARAMETERS, 0, address, word)))
            except AssertionError:
                continue
        assert texts, "neither extreme shows"
        for text in texts:
            assert f"(address {cell}, CELL, cell): state[{unit}]: golden " in text


def test_a_wrong_program_word_is_found_at_its_address(
    image: Image, features: NDArray[np.int8], loaded: Rtl
) -> None:
    """Another shift in the first MATVEC; another target in the JUMP; another opcode."""
    matvec, jump = find(image, Matvec), find(image, Jump)
    for at, other in (
        (matvec, replace_fields(image, matvec, shift=image.program[matvec].shift ^ 4)),
        (jump, replace_fields(image, jump, target=find(image, Halt))),
    ):
        words = [
            (LoadTarget.PROGRAM, 0, 4 * at + k, other >> 32 * k & 0xFFFF_FFFF) for k in range(4)
        ]
        text = fault(loaded, features, *words)
        assert f"(address {at}, {image.program[at].mnemonic})" in text
    text = fault(loaded, features, (LoadTarget.PROGRAM, 0, 4 * matvec, 0x1F))
    where = f"instruction {matvec} (address {matvec}, MATVEC): rtl stopped there with ILLEGAL, "
    assert text.startswith(where)


def replace_fields(image: Image, at: int, **fields: int) -> int:
    instruction = image.program[at]
    changed = instruction.replace(**fields)
    return int(changed.encode())


def test_a_wrong_table_entry_is_found_in_a_product(
    image: Image, features: NDArray[np.int8], loaded: Rtl
) -> None:
    """Another value in all entries of the symbol that W's decoders meet most."""
    config, matvec = image.config, find(image, Matvec)
    entries = expand(image.tables[1], config.state_bits)
    numbers = [entry.symbol.base for entry in entries]
    common = max(set(numbers), key=numbers.count)
    words, tables = [], contents(image)[LoadTarget.TABLES, 0]
    for state in (state for state, number in enumerate(numbers) if number == common):
        # The high half begins within the value: its lowest bit stands for 2.
        address = 2 * (config.states + state) + 1
        words.append((LoadTarget.TABLES, 0, address, tables[address] ^ 1))
    text = fault(loaded, features, *words)
    found = re.search(
        rf"\(address {matvec}, MATVEC\): bank[01] row \d lane \d: golden (.+), rtl (.+)$", text
    )
    assert found, text
    assert (int(found[1]) - int(found[2])) % 2 == 0


def test_a_wrong_stream_word_is_found_in_its_lane_or_group(
    image: Image, features: NDArray[np.int8], loaded: Rtl
) -> None:
    matvec, sections = find(image, Matvec), contents(image)
    for lane in (0, 3, 7):
        word = sections[LoadTarget.VALUES, lane][1] ^ 0x0100
        text = fault(loaded, features, (LoadTarget.VALUES, lane, 1, word))
        assert f"(address {matvec}, MATVEC): bank" in text or "with STREAM" in text
        assert "with STREAM" in text or f"lane {lane}: " in text
        word = sections[LoadTarget.POSITIONS, lane][0] ^ 0x0300
        text = fault(loaded, features, (LoadTarget.POSITIONS, lane, 0, word))
        assert f"(address {matvec}, MATVEC): bank" in text or "with STREAM" in text


def test_after_all_faults_the_circuit_is_itself_again(
    image: Image, features: NDArray[np.int8], loaded: Rtl
) -> None:
    assert compare(image, Golden(image), loaded, features).identical
