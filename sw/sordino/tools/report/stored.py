"""The same program if nothing were skipped: every group stops at every place of its rows."""

import numpy as np

from sordino.cycles.durations import Durations
from sordino.cycles.matvec import MatvecCycles, matvec_cycles
from sordino.cycles.tables import Decoding
from sordino.golden.codec import GroupWalk
from sordino.image.image import Image

__all__ = ["StoredDurations"]


class StoredDurations(Durations):
    """What units take with every zero stored; all but MATVEC as it is."""

    def __init__(self, image: Image) -> None:
        super().__init__(image)
        self._dense: dict[tuple[int, int], MatvecCycles] = {}

    def matvec(self, address: int, tables: Decoding | None) -> MatvecCycles:
        """The cycles of the MATVEC at `address` if its groups stopped at every place."""
        i, config = self.image.program[address], self.image.config
        key = (i.rows, i.columns)
        if key not in self._dense:
            walk = GroupWalk(np.repeat(np.arange(i.columns), i.rows))
            self._dense[key] = matvec_cycles([walk] * config.groups, x_fifo=config.x_fifo)
        return self._dense[key]
