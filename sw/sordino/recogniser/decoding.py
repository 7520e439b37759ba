"""Input vectors made to tokens, one by one: greedily on the machine, or by a search."""

from collections.abc import Callable
from numbers import Integral
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sordino.decode.beam import BeamOptions, BeamSearch, Fusion, Hypothesis
from sordino.decode.machine_transducer import MachineTransducer
from sordino.decode.scout import Scout
from sordino.decode.trace import Trace
from sordino.engines.engine import Engine, Record, RunResult
from sordino.engines.session import Session, session_of
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.registers import Error
from sordino.lattice.build import WIRE, word_graph
from sordino.lattice.coding.vocabulary import Vocabulary
from sordino.lattice.coding.wire import pack
from sordino.recogniser.ends import FOLLOW, end_pointer_of
from sordino.speech.text import spell
from sordino.speech.transcript import heard_network

__all__ = ["Beam", "Decoding", "Greedy", "expect_image"]

_Vectors = NDArray[np.int8]


def _expect_run(engine: Any, cycle_limit: Any, record: Any) -> None:
    """InputError for what runs nothing, for no cycle limit, and for what takes no records."""
    if engine is not None and not hasattr(engine, "run"):
        raise InputError(
            f"wanted an engine with an image in it, got {type(engine).__name__}; make one, such as "
            "Cycles(image)"
        )
    whole = isinstance(cycle_limit, Integral) and not isinstance(cycle_limit, bool)
    if not whole or int(cycle_limit) < 0:
        raise InputError(
            f"wanted a cycle limit as a whole number, 0 for none, got {cycle_limit!r}; round it"
        )
    if record is not None and not callable(record):
        raise InputError(
            f"wanted a function that takes records, or None, got {type(record).__name__}"
        )


def expect_image(image: Any) -> None:
    """InputError for anything but an image."""
    if not isinstance(image, Image):
        raise InputError(
            f"wanted an image, got {type(image).__name__}; read one with Image.load(path)"
        )


class Decoding(Protocol):
    """What decodes one utterance after the other."""

    @property
    def image(self) -> Image:
        """The image that decodes."""

    @property
    def running(self) -> bool:
        """Whether the machine goes on; after an error, or a program's own end, it does not."""

    @property
    def tokens(self) -> list[int]:
        """The tokens of the utterance so far, or of the last one."""

    @property
    def error(self) -> str | None:
        """The name of the error that stopped the machine in the last utterance, if one did."""

    @property
    def wrote(self) -> bool:
        """Whether the program writes a token behind the last vector."""

    @property
    def decided(self) -> tuple[int, ...]:
        """The tokens of the image's end-pointer that came with the last vector, if it is asked."""

    @property
    def lattice(self) -> bytes | None:
        """The lattice of the last utterance, where lattices are made."""

    def guess(self) -> tuple[tuple[int, ...], bytes | None]:
        """The tokens and the lattice as they were if the utterance ended here."""

    def begin(self) -> None:
        """Begin an utterance."""

    def follow(self) -> None:
        """Begin an utterance behind another one, whose encoder's state is kept."""

    def step(self, vector: _Vectors) -> bool:
        """Hear one more vector (1, dim); whether the tokens are others now."""

    def finish(self) -> None:
        """End the utterance."""


class Greedy:
    """The program's own decoding, on any engine; the exact machine if none is given.

    Of an image with several networks it gives the tokens of the one that hears recordings.

    `cycle_limit` is that of a whole utterance, and `record` gets every instruction's record, as in
    `Engine.run`. `result` is how the last utterance's run ended.
    """

    def __init__(
        self,
        image: Image,
        engine: Engine | None = None,
        *,
        cycle_limit: int = 0,
        record: Callable[[Record], None] | None = None,
    ) -> None:
        expect_image(image)
        _expect_run(engine, cycle_limit, record)
        self.image, self.engine = image, Golden(image) if engine is None else engine
        self.tokens: list[int] = []
        self.decided: tuple[int, ...] = ()
        self.wrote = False
        self.lattice: bytes | None = None
        self.result: RunResult | None = None
        self.cycle_limit, self._record = cycle_limit, record
        self._session: Session | None = None
        name = heard_network(image)
        channels = image.host.token_channels("main")
        self._channel = None if name is None else channels.get(name)
        ends = end_pointer_of(image)
        self._ends = None if ends is None or ends.tokens is None else ends.tokens.channel

    @property
    def running(self) -> bool:
        """Whether the machine goes on."""
        return self._session is not None and self._session.running

    @property
    def error(self) -> str | None:
        """The error of the last run."""
        if self.result is None or self.result.error is Error.NONE:
            return None
        return self.result.error.name

    def begin(self) -> None:
        """Start the machine."""
        self._start("main")

    def follow(self) -> None:
        """Start the machine behind another utterance, where the image can."""
        ends = end_pointer_of(self.image)
        assert ends is not None
        self._start(ends.entries[FOLLOW])

    def _start(self, entry: str) -> None:
        self._session = session_of(
            self.engine, cycle_limit=self.cycle_limit, record=self._record or False, entry=entry
        )
        self.tokens, self.result, self.decided = [], None, ()

    def step(self, vector: _Vectors) -> bool:
        """Give the machine a vector."""
        assert self._session is not None
        emitted = self._session.feed(vector)
        came = [one.token for one in emitted if self._hears(one.channel)]
        self.decided = tuple(one.token for one in emitted if one.channel == self._ends)
        self.tokens += came
        self.wrote = bool(came)
        return self.wrote

    def guess(self) -> tuple[tuple[int, ...], bytes | None]:
        """The tokens so far; no lattice."""
        return tuple(self.tokens), None

    def finish(self) -> None:
        """End the machine's input, and wait until it stops."""
        assert self._session is not None
        self.result = self._session.finish()
        result, self._session = self.result, None
        self.tokens = result.tokens if self._channel is None else result.on(self._channel)

    def _hears(self, channel: int) -> bool:
        """Whether the tokens of a channel are those of the network that hears recordings."""
        return self._channel in (None, channel)


class Beam:
    """The host's search through a machine's entry points.

    `hypotheses` are those of the last utterance, best first. With `vocabulary` lattices are made.
    With `scouts` the machine also decodes greedily, so that ends are found where the program finds
    them; with `asks` beside it the image's end-pointer is asked.
    """

    def __init__(
        self,
        machine: MachineTransducer,
        options: BeamOptions | None = None,
        fusion: Fusion | None = None,
        *,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        options = BeamOptions() if options is None else options
        for name, value, kind in (
            ("a MachineTransducer", machine, MachineTransducer),
            ("BeamOptions", options, BeamOptions),
        ):
            if not isinstance(value, kind):
                raise InputError(f"wanted {name} for Beam, got {type(value).__name__}; make one")
        if fusion is not None and not hasattr(fusion, "advance"):
            raise InputError(
                f"wanted a fusion for Beam, such as NgramFusion, got {type(fusion).__name__}"
            )
        if vocabulary is not None and not isinstance(vocabulary, Vocabulary):
            raise InputError(
                f"wanted a vocabulary for lattices, got {type(vocabulary).__name__}; make one with "
                "sordino.lattice.coding.owner.image_vocabulary"
            )
        if vocabulary is not None and not options.merge:
            raise InputError("wanted a search that merges paths for lattices, got one without")
        self.machine, self.image = machine, machine.image
        self.vocabulary = vocabulary
        self.scouts = self.asks = self.wrote = False
        self.decided: tuple[int, ...] = ()
        self.lattice: bytes | None = None
        self.tokens: list[int] = []
        self.error: str | None = None
        self.running = False
        self.hypotheses: list[Hypothesis] = []
        self._options, self._fusion = options, fusion
        self._search: BeamSearch[Any] | None = None
        self._trace: Trace | None = None
        self._scout: Scout | None = None
        self._waiting: list[_Vectors] = []

    def begin(self) -> None:
        """Begin a search; the machine's encoder has heard nothing."""
        self.machine.begin()
        self._start()

    def follow(self) -> None:
        """Begin a search behind another utterance, whose encoder's state is kept."""
        self.machine.follow()
        self._start()

    def _start(self) -> None:
        self._trace = None if self.vocabulary is None else Trace()
        self._search = BeamSearch(self.machine, self._options, self._fusion, self._trace)
        self._scout = Scout(self.machine, asks=self.asks) if self.scouts else None
        self.decided, self.wrote, self.lattice = (), False, None
        self.tokens, self.hypotheses, self._waiting, self.running = [], [], [], True

    def step(self, vector: _Vectors) -> bool:
        """Search on with a vector, or with the frame that it completes."""
        self._waiting.append(vector)
        self.decided, self.wrote = (), False
        if len(self._waiting) < self.machine.frames_at_once:
            return False
        return self._heard(self._push())

    def finish(self) -> None:
        """End the search."""
        search = self._push() if self._waiting else self._search
        assert search is not None
        self.hypotheses = search.finish()
        self.tokens = list(self.hypotheses[0].tokens)
        self.lattice = self._lattice(self.hypotheses[0], self._trace)
        self._search, self._scout, self.running = None, None, False

    def guess(self) -> tuple[tuple[int, ...], bytes | None]:
        """The tokens and the lattice of the search as it were finished here; it goes on."""
        assert self._search is not None
        trace = None if self._trace is None else self._trace.fork()
        best, *_ = self._search.fork(trace).finish()
        return best.tokens, self._lattice(best, trace)

    def _lattice(self, best: Hypothesis, trace: Trace | None) -> bytes | None:
        """The bytes of what is sent of a finished search."""
        if trace is None or self.vocabulary is None:
            return None
        tokens = self.machine.tokens
        words = spell(tokens[token] for token in best.tokens).split()
        signed = self._fusion is not None or self._options.internal > 0
        graph = word_graph(trace, tokens, best, words, signed=signed)
        return pack(graph.lattice(WIRE), self.vocabulary)

    def _push(self) -> BeamSearch[Any]:
        assert self._search is not None
        encoded = self.machine.encode_more(np.concatenate(self._waiting))
        self._search.push(encoded)
        if self._scout is not None:
            self._scout.hear(encoded)
            self.decided, self.wrote = self._scout.decided, self._scout.wrote
        self._waiting = []
        return self._search

    def _heard(self, search: BeamSearch[Any]) -> bool:
        best = list(search.best)
        changed, self.tokens = best != self.tokens, best
        return changed
