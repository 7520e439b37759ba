"""An engine that only this file has: it satisfies the protocol, and golden is its measure."""

import inspect
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.engines.cosim import compare
from sordino.engines.engine import (
    Engine,
    Features,
    Record,
    Requests,
    RunResult,
    by_channel,
    in_order,
)
from sordino.golden.execution import SEMANTICS, Context, bind
from sordino.golden.machine import Golden
from sordino.golden.state import State, Stop
from sordino.golden.weights import WeightStore
from sordino.image.image import Image, ImageError
from sordino.isa.fields import Store
from sordino.isa.hazards import writes
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.registers import Error
from sordino.testing.images.programs import random_config, random_features, random_program

MEMORIES = (Store.ACTIVATION, Store.STATE, Store.BANK0, Store.BANK1)


class Stepping:
    """Binds each instruction when it comes to it; `wrong` is an address whose result it spoils."""

    name = "stepping"

    def __init__(self, image: Image, wrong: int | None = None) -> None:
        self.image, self.wrong = image, wrong
        self.state = State.of(image.config, image.rooms)
        self.weights = WeightStore(image)

    def run(
        self,
        features: Features,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
        requests: Requests = (),
    ) -> RunResult:
        state, kept = self.state, list[Record]()
        sink = record if callable(record) else kept.append
        channels = by_channel(features, self.image.config)
        state.start(channels, self.image.entry(entry), in_order(requests))
        while state.running:
            address, state.ended = state.pc, False
            i = self.image.program[address]
            try:
                state.pc = bind(Context(self.image, self.weights, state, address), SEMANTICS)()
            except Stop as stop:
                state.running, state.error = False, stop.error
                break
            if address == self.wrong:
                state.memory.activation[i.destination] ^= 1
            if record:
                sink(Record(state.counters["instructions"], address, self.written(i)))
            state.counters["instructions"] += 1
            if state.running and state.counters["instructions"] == cycle_limit:
                state.running, state.error = False, Error.LIMIT
        return RunResult(
            tokens=list(state.tokens),
            channels=list(state.channels),
            error=state.error,
            code=state.code,
            counters=dict(state.counters),
            records=kept if record is True else None,
            final={store: state.memory.store(store).copy() for store in MEMORIES}
            | {Store.REGISTER: np.array(state.registers, np.int64)},
        )

    def token(self) -> list[int]:
        tokens, channels = self.state.tokens, self.state.channels
        return [tokens[-1] | channels[-1] << 16] if tokens else []

    def written(self, i: Instruction) -> NDArray[np.int64]:
        state = self.state
        alone = {Store.PC: [state.pc], Store.TOKEN: self.token()}
        if state.ended:
            return np.array([state.pc], np.int64)
        parts: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        for region in writes(i, self.image.config):
            if region.store in alone:
                parts.append(np.array(alone[region.store], np.int64))
            elif region.store is Store.REGISTER:
                parts.append(np.array([state.registers[region.base]], np.int64))
            else:
                words = state.memory.store(region.store)
                parts.append(words[region.base : region.base + region.count].reshape(-1))
        return np.concatenate(parts).astype(np.int64)


def program(seed: int) -> tuple[Image, NDArray[np.int8]]:
    rng = np.random.default_rng(seed)
    image = random_program(rng, random_config(rng))
    return image, random_features(rng, image, 3)


def test_it_has_the_signature_of_the_protocol() -> None:
    assert inspect.signature(Stepping.run) == inspect.signature(Engine.run)
    assert isinstance(Stepping.name, str)


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_golden(seed: int) -> None:
    image, features = program(seed)
    found = compare(image, Golden(image), Stepping(image), features)
    assert found.identical, found.first_difference
    assert found.records_compared == found.results[0].counters["instructions"] > 10
    short = compare(image, Golden(image), Stepping(image), features, cycle_limit=7)
    assert short.identical
    assert short.results[1].error is Error.LIMIT


def test_a_difference_is_named() -> None:
    image, features = program(0)
    spoiled = next(
        at
        for at, i in enumerate(image.program)
        if i.unit is Unit.VECTOR and writes(i, image.config)[0].store is Store.ACTIVATION
    )
    i = image.program[spoiled]
    found = compare(image, Golden(image), Stepping(image, wrong=spoiled), features)
    assert found.first_difference is not None
    assert f"(address {spoiled}, {i.mnemonic}" in found.first_difference
    assert f": activation[{i.destination}]: golden " in found.first_difference


def test_an_entry_point_that_is_not_there_is_refused() -> None:
    image, features = program(0)
    with pytest.raises(ImageError):
        Stepping(image).run(features, entry="nowhere")
