"""Curves for TensorBoard."""

from pathlib import Path
from types import TracebackType
from typing import Self

from torch.utils.tensorboard import SummaryWriter

__all__ = ["Log"]


class Log:
    """Curves in folder `tensorboard` of a training, going on at `step` after a resumption."""

    def __init__(self, output: Path, step: int) -> None:
        self._writer = SummaryWriter(str(output / "tensorboard"), purge_step=step or None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def add(self, name: str, value: float, step: int) -> None:
        """A point of curve `name`."""
        self._writer.add_scalar(name, value, step)
