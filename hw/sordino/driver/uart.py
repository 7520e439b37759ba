"""A bus over a serial line: frames of `sordino.frames.format`, sent again until they are answered.

Nothing is lost and nothing happens twice, whatever the line does to single bytes. Writes of many
words are on their way several frames at a time, so that no frame waits for the answer to another.
"""

import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, NoReturn, ParamSpec, Protocol, TypeVar

from sordino.driver.bus import WHOLE_WORD, Refused, settled
from sordino.driver.errors import LinkLost, NoAnswer, WrongBridge
from sordino.driver.steps import at_once
from sordino.frames.codec import Decoder, encode, pack, unpack
from sordino.frames.format import MOST_WORDS, VERSION, Answer, Command, Outcome, Request

__all__ = ["AsyncUart", "Port", "Traffic", "Uart"]

_WORD_BYTES = 4
_NUMBERS = 256
"""Requests are numbered modulo this."""
_WINDOW = 8
"""Requests on their way at most; their answers fit any system's buffer."""
_LINE_BITS = 10
"""Bits of a byte on the line."""
_SMALL = 32
"""Bytes of an answer without words, and more."""

P = ParamSpec("P")
T = TypeVar("T")


class Port(Protocol):
    """A serial line: any object with these two methods, which return at once or are awaited.

    It may have `reopen()`, which opens it again after it was lost.
    """

    def write(self, data: bytes, /) -> Any:
        """Send bytes."""

    def read(self, seconds: float, /) -> Any:
        """The bytes that have come, some as soon as there are any; none after `seconds`."""


@dataclass
class Traffic:
    """What has passed over a line since it was opened.

    Attributes
    ----------
    sent, received
        Bytes.
    repeated
        Requests that were sent again.
    """

    sent: int = 0
    received: int = 0
    repeated: int = 0


@dataclass
class _Asked:
    """A request, and its answer."""

    frame: bytes
    sequence: int
    answer: Any = None
    words: Sequence[int] = ()
    expects: int = _SMALL


class AsyncUart:
    """A bus for `sordino.driver.AsyncHost` over a port whose methods may be awaited.

    Errors are `NoAnswer` where the board does not answer, `LinkLost` where it was reset or somebody
    else has used it, `WrongBridge` where it speaks another version.

    Parameters
    ----------
    port
        See `Port`.
    baud
        Bits a second on the line, from which follows how long an answer takes.
    timeout
        Seconds that an answer may take longer than its bytes take on the line.
    tries
        How often a request is sent before the board is said not to answer.
    wait
        Seconds that `interrupt` waits for the machine's interrupt line.
    """

    def __init__(
        self,
        port: Port,
        *,
        baud: int = 1_000_000,
        timeout: float = 0.25,
        tries: int = 16,
        wait: float = 60.0,
    ) -> None:
        self.port, self.baud = port, baud
        self.timeout, self.tries, self.wait = timeout, tries, wait
        self.traffic = Traffic()
        self._extra: Any = port
        self._decoder = Decoder()
        self._came: list[list[int]] = []
        self._sequence: int | None = None
        """Number of the last request; None before there is a connection."""
        self._most = MOST_WORDS
        self._raised = False
        """The interrupt line, as the board has told it last."""

    # What a host calls

    async def read(self, address: int) -> int:
        """The word at `address`."""
        (word,) = await self.read_many(address, 1)
        return word

    async def read_many(self, address: int, count: int, *, advance: bool = False) -> list[int]:
        """Several words of one register, or, with `advance`, of those from it on."""
        words: list[int] = []
        while len(words) < count:
            few = min(count - len(words), self._most)
            at = address + advance * _WORD_BYTES * len(words)
            (asked,) = await self._ask(
                (Command.READ, [few], {"address": at, "advance": advance}), expects=few
            )
            words += asked.words
            if asked.answer.outcome is not Outcome.DONE:
                raise Refused(at + advance * _WORD_BYTES * asked.answer.index)
        return words

    async def write(self, address: int, value: int, strobe: int = WHOLE_WORD) -> None:
        """Write the bytes of `value` in `strobe`."""
        await self._write(address, [value], strobe)

    async def write_many(self, address: int, values: Sequence[int]) -> None:
        """Write words to one register, in order; those behind a refused one are not written."""
        await self._write(address, values, WHOLE_WORD)

    async def interrupt(self) -> None:
        """Return when the interrupt line is high; NoAnswer after `wait` seconds."""
        waited = 0.0
        while not self._raised:
            if self._came:
                self._take(None)
                continue
            if waited > self.wait:
                raise NoAnswer(
                    f"wanted an interrupt, got none in {self.wait:g} s; the machine neither stops "
                    "nor asks for anything: feed it, take its tokens, or abort it"
                )
            if not await self._receive(self.timeout):
                waited += self.timeout
                await self.connect()  # news may be lost on the line: ask

    async def reconnect(self) -> None:
        """Open the port again, where it can be, and begin anew with the board."""
        if hasattr(self.port, "reopen"):
            await settled(self._extra.reopen())
        self._sequence = None
        await self.connect()

    async def connect(self) -> None:
        """Agree with the board on numbers; what was under way before is forgotten."""
        while await self._receive(0):
            pass
        self._came.clear()
        number = random.randrange(_NUMBERS) if self._sequence is None else self._sequence + 1
        nonce = random.getrandbits(32)
        self._sequence = number % _NUMBERS
        header = pack(Request, sequence=self._sequence, command=Command.SYNC)
        asked = _Asked(encode([header, nonce]), self._sequence)
        try:
            while list(asked.words) != [nonce]:  # else it is an old answer
                asked.answer = None
                await self._answered([asked])
        except BaseException:
            self._sequence = None
            raise
        self._most = min(asked.answer.index, MOST_WORDS)

    # Requests

    async def _write(self, address: int, values: Sequence[int], strobe: int) -> None:
        if not values:
            return
        parts = [values[at : at + self._most] for at in range(0, len(values), self._most)]
        wanted = [
            (
                Command.WRITE,
                [int(value) for value in part],
                {"address": address, "strobe": strobe, "chained": bool(number)},
            )
            for number, part in enumerate(parts)
        ]
        rows = await self._ask(*wanted)
        last = rows[-1].answer
        if last.outcome is not Outcome.DONE:
            number = (last.refused - rows[0].sequence) % _NUMBERS
            raise Refused(address, int(parts[number][last.index]))

    async def _ask(
        self, *wanted: tuple[Command, Sequence[int], dict[str, Any]], expects: int = 0
    ) -> list[_Asked]:
        """Requests with their answers; those before the last may have none, as it tells of all."""
        if self._sequence is None:
            await self.connect()
        rows: list[_Asked] = []
        for begin in range(0, len(wanted), _NUMBERS // 2):
            part = []
            for command, words, fields in wanted[begin : begin + _NUMBERS // 2]:
                assert self._sequence is not None
                self._sequence = (self._sequence + 1) % _NUMBERS
                header = pack(Request, sequence=self._sequence, command=command, **fields)
                asked = _Asked(encode([header, *words]), self._sequence)
                asked.expects = _SMALL + 2 * _WORD_BYTES * expects
                part.append(asked)
            try:
                await self._answered(part)
            except BaseException:
                self._sequence = None  # what has happened is not known
                raise
            rows += part
            if part[-1].answer.outcome is not Outcome.DONE:
                return part
        return rows

    async def _answered(self, rows: Sequence[_Asked]) -> None:
        """Send requests, some at a time, and again where need be, until the last is answered."""
        done = sent = tries = 0
        turned: int | None = None
        """The row from which on to send again, once all that is under way has been answered."""
        expected = 0
        while done < len(rows):
            while turned is None and sent < len(rows) and sent - done < _WINDOW:
                await self._send(rows[sent].frame)
                sent, expected = sent + 1, expected + 1
            under_way = rows[done:sent]
            took = sum(len(row.frame) + row.expects for row in under_way) * _LINE_BITS / self.baud
            silent = not self._came and not await self._receive(self.timeout + took)
            if silent or (turned is not None and not expected):
                tries += 1
                if tries >= self.tries:
                    self._give_up(turned is not None)
                sent, turned, expected = done if turned is None else turned, None, 0
                self.traffic.repeated += 1
                continue
            answer = self._take(rows)
            if answer is None:
                continue
            expected -= 1
            number = next((n for n, row in enumerate(rows) if row.sequence == answer.sequence), -1)
            if answer.outcome is Outcome.RESET:
                self._lost("it was reset")
            if answer.outcome is Outcome.TURN:
                before = answer.sequence == (rows[0].sequence - 1) % _NUMBERS
                turned = number if number >= done else done if before or number >= 0 else -1
                if turned < 0:
                    self._lost("another program has used it")
            elif done <= number < sent:
                done, tries = number + 1, 0
                if turned is not None:
                    turned = max(turned, done)

    def _take(self, rows: Sequence[_Asked] | None) -> Any:
        """The header of the next answer, whose words its request keeps; None for news."""
        first, *words = self._came.pop(0)
        try:
            answer = unpack(Answer, first)
            outcome = answer.outcome
        except ValueError:
            outcome = None
        if outcome is None or answer.version != VERSION:
            raise WrongBridge(
                f"wanted a bridge that speaks version {VERSION} of the frames, got an answer "
                f"{first:#010x} of another one; build the bitstream with this Sordino"
            )
        self._raised = bool(answer.interrupt)
        if outcome is Outcome.EVENT or rows is None:
            return None
        for row in rows:
            if row.sequence == answer.sequence and outcome not in (Outcome.TURN, Outcome.RESET):
                row.answer, row.words = answer, words
        return answer

    async def _send(self, data: bytes) -> None:
        self.traffic.sent += len(data)
        await settled(self.port.write(data))

    async def _receive(self, seconds: float) -> bool:
        """Take what comes, and whether there is a whole frame among it; False after `seconds`."""
        while True:
            data = await settled(self.port.read(seconds))
            if not data:
                return False
            self.traffic.received += len(data)
            self._came += self._decoder.push(data)
            if self._came:
                return True

    def _lost(self, reason: str) -> NoReturn:
        raise LinkLost(
            f"wanted the board to go on where it was, got one that does not: {reason}; reconnect, "
            "and load the image again"
        )

    def _give_up(self, turning: bool) -> None:
        """Raise NoAnswer."""
        if self._decoder.dropped and not self._came:
            what = f"got {self._decoder.dropped} pieces that are no frame"
        else:
            what = "got requests that do not arrive" if turning else "got none"
        where = getattr(self.port, "name", "the port")
        raise NoAnswer(
            f"wanted an answer from the board at {where}, {what} in {self.tries} tries of "
            f"{self.timeout:g} s; see that it is powered and configured, that nobody else uses "
            f"the port, and that its bridge was built for {self.baud:,} baud"
        )


def _now(
    method: Callable[Concatenate[AsyncUart, P], Coroutine[Any, Any, T]],
) -> "Callable[Concatenate[Uart, P], T]":
    """A method of Uart that runs a method of AsyncUart to its end."""

    @wraps(method)
    def call(self: "Uart", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return at_once(method(self.line, *args, **kwargs), "a port whose methods return at once")

    return call


class Uart:
    """A bus for `sordino.driver.Host` over a port whose methods return at once.

    `AsyncUart` says what the parameters mean.

    Example
    -------
    ::

        host = Host(Uart(SerialPort("/dev/ttyUSB0", baud=1_000_000)))
    """

    def __init__(self, port: Port, **options: Any) -> None:
        self.line = AsyncUart(port, **options)

    @property
    def traffic(self) -> Traffic:
        """What has passed over the line."""
        return self.line.traffic

    read = _now(AsyncUart.read)
    read_many = _now(AsyncUart.read_many)
    write = _now(AsyncUart.write)
    write_many = _now(AsyncUart.write_many)
    interrupt = _now(AsyncUart.interrupt)
    connect = _now(AsyncUart.connect)
    reconnect = _now(AsyncUart.reconnect)
