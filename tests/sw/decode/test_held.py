"""A host that remembers what the machine holds hears what one that writes everything hears."""

import gc
import shutil
import weakref

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.decode.beam import BeamOptions, beam_search
from sordino.decode.held import Held
from sordino.decode.machine_transducer import MachineTransducer, PredictionState
from sordino.engines.native.rtl import Rtl
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.image.memories import MEMORIES, memory_shape
from sordino.isa.fields import Store
from sordino.isa.hazards import written_from
from sordino.model.random_rnnt import random_model

ENTRIES = ("reset", "encode", "advance", "score")


def image_of(seed: int, **more: object) -> Image:
    model = random_model(seed, encoder=(8, 5), prediction=(7, 6), scale=2.0, **more)
    return compile_model(model, PRESETS["tiny"], CompileOptions(weight_bits=5)).image


def values(state: PredictionState) -> list[list[int]]:
    return [x.tolist() for x in (*state.hidden, *state.cells, state.half)]


class Twins:
    """A host that remembers and one that does not, asked the same."""

    def __init__(self, image: Image, engine: type = Golden) -> None:
        self.both = [
            MachineTransducer(image, engine(image), remember=True),
            MachineTransducer(image, Golden(image), remember=False),
        ]
        self.states = [[machine.start() for machine in self.both]]
        self.frames: list[NDArray[np.int64]] = []

    def advance(self, number: int, token: int) -> None:
        pairs = zip(self.both, self.states[number], strict=True)
        self.states.append([machine.advance(state, token) for machine, state in pairs])
        one, other = map(values, self.states[-1])
        assert one == other

    def score(self, frame: int, number: int) -> None:
        one, other = (
            machine.logits(self.frames[frame], state)
            for machine, state in zip(self.both, self.states[number], strict=True)
        )
        assert one.tolist() == other.tolist()

    def encode(self, x: NDArray[np.int8]) -> None:
        one, other = (machine.encode_more(x) for machine in self.both)
        assert one.tolist() == other.tolist()
        self.frames += list(one)


def interleaved(twins: Twins, seed: int, steps: int) -> None:
    """The parts in any order, states and frames that were there before among them."""
    rng = np.random.default_rng(seed)
    machine = twins.both[0]
    width = machine.image.network.input.count
    for _ in range(steps):
        kind = int(rng.integers(10))
        number = int(rng.integers(max(0, len(twins.states) - 4), len(twins.states)))
        if kind == 0:
            for each in twins.both:
                each.begin()
        elif kind == 1:
            twins.states.append([each.start() for each in twins.both])
        elif kind < 4 or not twins.frames:
            frames = machine.frames_at_once * int(rng.integers(1, 3))
            twins.encode(rng.integers(-128, 128, (frames, width)).astype(np.int8))
        elif kind < 6:
            twins.advance(number, int(rng.integers(len(machine.tokens))))
        else:
            twins.score(int(rng.integers(max(0, len(twins.frames) - 3), len(twins.frames))), number)
    one, other = (each.work for each in twins.both)
    assert one.runs == other.runs
    assert one.read == other.read
    assert one.written < other.written


@pytest.mark.parametrize("seed", range(6))
def test_random_interleavings(seed: int) -> None:
    more = {"time_reduction": (1, 2)} if seed % 3 == 2 else {}
    more |= {"activation": "relu"} if seed % 2 else {}
    interleaved(Twins(image_of(seed, **more)), seed, 250)


def test_random_interleavings_on_the_circuit() -> None:
    if not (shutil.which("c++") or shutil.which("g++")):
        pytest.skip("no C++ compiler (c++ or g++) for the rtl engine")
    interleaved(Twins(image_of(0), Rtl), 7, 60)


@pytest.mark.parametrize("seed", range(3))
def test_what_runs_may_write(seed: int) -> None:
    """Entry points change no word that they are not said to write, whatever is there."""
    image = image_of(seed)
    rng = np.random.default_rng(seed)
    features = {"encode": image.network.input.count, "advance": image.network.search.embedding[2]}
    for entry in ENTRIES:
        golden, kept = Golden(image), {}
        golden.run(np.zeros((0, 1), np.int8), entry="reset")  # its tables, too
        regions = written_from(image.program, image.entry(entry), image.config)
        for store in MEMORIES:
            shape = memory_shape(image.config, store)
            size = (shape.words, shape.lanes)
            size = size if store in (Store.BANK0, Store.BANK1) else size[:1]
            kept[store] = rng.integers(-100, 100, size)
            golden.write(store, 0, kept[store])
        x = rng.integers(-128, 128, (1, features.get(entry, 0))).astype(np.int8)
        golden.run(x, entry=entry)
        for store in MEMORIES:
            same = golden.read(store, 0, len(kept[store])) == kept[store]
            for region in regions:
                if region.store is store:
                    same[region.base : region.base + region.count] = True
            assert same.all(), (entry, store)
        assert any(region.store is Store.STATE for region in regions)
    written = written_from(image.program, image.entry("score"), image.config)
    search = image.network.search
    for store, words in ((Store.STATE, search.encoded), (Store.STATE, search.predicted)):
        assert not any(
            r.store is store and r.base < sum(words) and words[0] < r.base + r.count
            for r in written
        ), "a score leaves both halves where they are"


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_a_run_may_have_changed_is_written_again(entry: str) -> None:
    """Every range of the memories that the host sees, a word at a time."""
    image = image_of(2)
    golden = Golden(image)
    golden.run(np.zeros((0, 1), np.int8), entry="reset")
    held = Held(image, golden, ENTRIES)
    changed, again = 0, 0
    widths = {"encode": image.network.input.count, "advance": image.network.search.embedding[2]}
    x = np.full((1, widths.get(entry, 0)), 77, np.int8)
    for store in (Store.ACTIVATION, Store.STATE):
        size = memory_shape(image.config, store).words
        for word in range(size):
            held.write(store, (word, 1), np.array([99]))
        held.before(entry)
        golden.run(x, entry=entry)
        changed += int((golden.read(store, 0, size) != 99).sum())
        again -= held.written_words
        for word in range(size):
            held.write(store, (word, 1), np.array([99]))
        again += held.written_words
        assert (golden.read(store, 0, size) == 99).all()
    words = sum(memory_shape(image.config, s).words for s in (Store.ACTIVATION, Store.STATE))
    assert 0 < changed <= again < words, "and what it leaves alone is not"


def test_somebody_else_between_two_utterances() -> None:
    """What a machine was used for in between does not matter, nor that frames were heard before."""
    image = image_of(1)
    engine = Golden(image)
    machine = MachineTransducer(image, engine)
    rng = np.random.default_rng(1)
    x, other = rng.integers(-128, 128, (2, 5, image.network.input.count)).astype(np.int8)
    wanted = beam_search(machine, x, BeamOptions(beam=4))
    engine.run(other)
    assert beam_search(machine, x, BeamOptions(beam=4)) == wanted
    frames = machine.encode(x)
    logits = machine.logits(frames[0], machine.start()).tolist()
    engine.run(other)
    assert machine.logits(frames[0], machine.start()).tolist() == logits


def test_two_transducers_take_turns_on_one_engine() -> None:
    """What one has left there is not what the other remembers; a stream in two is refused."""
    image = image_of(4)
    engine, random = Golden(image), np.random.default_rng(4)
    alone = MachineTransducer(image, remember=False)
    both = [MachineTransducer(image, engine) for _ in range(2)]
    x, y = random.integers(-90, 90, (2, 3, image.network.input.count)).astype(np.int8)
    heard = [machine.encode(z) for machine, z in zip(both, (x, y), strict=True)]
    states = [machine.start() for machine in both]
    for token in (1, 2, 0):
        for frame in range(3):
            for n, machine in enumerate(both):
                wanted = alone.logits(heard[n][frame], states[n]).tolist()
                assert machine.logits(heard[n][frame], states[n]).tolist() == wanted
        after = [machine.advance(state, token) for machine, state in zip(both, states, strict=True)]
        assert values(after[0]) == values(alone.advance(states[0], token))
        states = after
    both[0].begin()
    both[0].encode_more(x[:1])
    both[1].begin()
    with pytest.raises(InputError, match="wanted an engine that nobody else uses while"):
        both[0].encode_more(x[1:])
    assert both[1].encode_more(y).tolist() == alone.encode(y).tolist()


def test_engines_are_not_kept() -> None:
    image = image_of(4)
    engine = Golden(image)
    gone = weakref.ref(engine)
    machine = MachineTransducer(image, engine)
    del engine, machine
    gc.collect()
    assert gone() is None


def test_values_that_their_owner_changes_are_written_again() -> None:
    image = image_of(0)
    golden = Golden(image)
    held = Held(image, golden, ENTRIES)
    values = np.arange(4)
    held.write(Store.STATE, (2, 4), values)
    values[1] = 9
    held.write(Store.STATE, (2, 4), values)
    assert golden.read(Store.STATE, 2, 4).tolist() == [0, 9, 2, 3]
    assert held.written_words == 8


def test_ranges_that_overlap() -> None:
    """A word that two ranges have is in both."""
    image = image_of(0)
    golden = Golden(image)
    held = Held(image, golden, ENTRIES)
    held.write(Store.STATE, (0, 4), np.array([1, 2, 3, 4]))
    held.write(Store.STATE, (3, 2), np.array([7, 8]))
    held.write(Store.STATE, (0, 4), np.array([1, 2, 3, 4]))
    assert golden.read(Store.STATE, 0, 5).tolist() == [1, 2, 3, 4, 8]
    held.write(Store.STATE, (0, 4), np.array([1, 2, 3, 4]))
    held.write(Store.ACTIVATION, (0, 4), np.array([1, 2, 3, 4]))
    assert held.written_words == 4 + 2 + 4 + 4


def test_a_write_that_fails_leaves_nothing_known() -> None:
    image = image_of(0)
    golden = Golden(image)
    held = Held(image, golden, ENTRIES)
    held.write(Store.ACTIVATION, (0, 2), np.array([1, 2]))
    with pytest.raises(InputError, match="wanted values of"):
        held.write(Store.ACTIVATION, (0, 2), np.array([1, 1000]))
    held.write(Store.ACTIVATION, (0, 2), np.array([1, 2]))
    assert held.written_words == 4
