"""Curves for TensorBoard: each point once, whatever a training was stopped by and how often.

One event file holds them all. When a training goes on, it is written anew, with the points up to
the checkpoint; so nothing depends on which points a killed process had written after that.
"""

import os
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from tensorboard.summary.writer.record_writer import RecordWriter

from sordino.errors import InputError, warn

__all__ = ["EPOCH_LOSS", "LEARNING_RATE", "STEP_LOSS", "WORD_ERRORS", "Log"]

STEP_LOSS, EPOCH_LOSS, LEARNING_RATE = "loss/step", "loss/epoch", "learning rate"
WORD_ERRORS = "word error rate"
"""Of a split, or after context: what follows in a curve's name says so."""
_FILES = "events.out.tfevents."
_PARTIAL = ".sordino-events"
_Key = tuple[int, str]


class Log:
    """Curves in folder `tensorboard` of a training that goes on after `step`.

    Points of later steps are dropped, since those steps are taken again. Every point is in the file
    when `add` returns. Raises InputError where the folder has other curves than a training's, or
    cannot be written.
    """

    def __init__(self, output: Path, step: int) -> None:
        self._folder = output / "tensorboard"
        self._kept: dict[str, float] = {}
        try:
            self._folder.mkdir(exist_ok=True)
            self._write_anew(self._read(step))
        except OSError as error:
            raise self._unwritable(error) from None
        if (steps := self._steps) < step:
            warn(
                f"TensorBoard's curves in {self._folder} have {steps} of the {step} steps that the "
                "checkpoint has; the others are lost, the model is not touched by that"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # what could not be written has been said
            self._file.close()

    def has(self, name: str, step: int) -> bool:
        """Whether curve `name` had a point at `step` when the training went on after that step."""
        return step == self._at and name in self._kept

    def add(self, name: str, value: float, step: int) -> None:
        """Add a point of curve `name`; it takes the place of one at the same step."""
        event = Event(wall_time=time.time(), step=step)
        event.summary.value.append(Summary.Value(tag=name, simple_value=value))
        try:
            if self.has(name, step):
                if self._kept[name] != event.summary.value[0].simple_value:
                    self._file.close()
                    self._write_anew(self._read(step) | {(step, name): event})
                return
            self._writer.write(event.SerializeToString())
            self._writer.flush()
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(
            f"cannot write TensorBoard's curves in {self._folder}: {error.strerror}; "
            "mend that, and the same command goes on from the last checkpoint"
        )

    def _files(self) -> list[Path]:
        return sorted(p for p in self._folder.iterdir() if p.name.startswith(_FILES))

    def _read(self, step: int) -> dict[_Key, Event]:
        """The points up to `step` of all files, later ones in place of earlier ones."""
        points: dict[_Key, Event] = {}
        for path in self._files():
            for event in _events(path):
                for value in event.summary.value:
                    if not _ours(value.tag):
                        raise InputError(
                            f"wanted the curves of a training in {self._folder}, but {path.name} "
                            f"has {value.tag!r}; choose another folder"
                        )
                    if event.step <= step:
                        point = Event(wall_time=event.wall_time, step=event.step)
                        point.summary.value.append(value)
                        points[event.step, value.tag] = point
        self._at = step
        return points

    def _write_anew(self, points: dict[_Key, Event]) -> None:
        """One file with these points, in the place of all others, and open for further ones."""
        before = self._files()
        partial = self._folder / _PARTIAL
        file = partial.open("wb")
        try:
            self._file, self._writer = file, RecordWriter(file)
            for event in (
                Event(wall_time=time.time(), file_version="brain.Event:2"),
                # What was shown of a restarted training is forgotten where TensorBoard is running.
                Event(session_log=SessionLog(status=SessionLog.START)),
                *(points[key] for key in sorted(points)),
            ):
                self._writer.write(event.SerializeToString())
            self._writer.flush()
            os.replace(partial, self._folder / _name(before))
        except BaseException:
            with suppress(OSError):
                file.close()
            raise
        for path in before:
            # A TensorBoard that is running gets past a file that ends, and not past one that is
            # gone; when there is another after the next one, it has.
            if path.stat().st_size:
                os.truncate(path, 0)
            else:
                path.unlink()
        last = {name: point for (at, name), point in points.items() if at == self._at}
        self._kept = {name: point.summary.value[0].simple_value for name, point in last.items()}
        self._steps = sum(name == STEP_LOSS for _, name in points)


def _ours(name: str) -> bool:
    return name in (STEP_LOSS, EPOCH_LOSS, LEARNING_RATE) or name.startswith(WORD_ERRORS)


def _name(before: list[Path]) -> str:
    """A name after those, in the order in which TensorBoard reads files."""
    times = [p.name.removeprefix(_FILES).split(".")[0] for p in before]
    latest = max((int(t) for t in times if t.isdecimal()), default=0)
    return f"{_FILES}{max(latest + 1, int(time.time())):010d}.sordino"


def _events(path: Path) -> Iterator[Event]:
    """The events of a file up to the first that is not whole: a killed process leaves such."""
    data, at = path.read_bytes(), 0
    while at + 16 <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        end = at + 12 + length
        if end + 4 > len(data):
            return
        record = data[at + 12 : end]
        if struct.pack("<I", masked_crc32c(record)) != data[end : end + 4]:
            return
        try:
            yield Event.FromString(record)
        except DecodeError:
            return
        at = end + 4
