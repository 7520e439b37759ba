"""What a machine's memories hold, as far as its host knows; what is there is not written again.

A host knows the words that it has read or written since the machine last ran an entry point whose
program may write there (`sordino.isa.hazards.written_from`).
"""

from collections.abc import Iterable
from weakref import WeakKeyDictionary, ref

import numpy as np
from numpy.typing import NDArray

from sordino.engines.engine import OpenEngine
from sordino.image.host import Range
from sordino.image.image import Image
from sordino.isa.fields import Store
from sordino.isa.hazards import Region, written_from

__all__ = ["Held"]

_Ints = NDArray[np.int64]
_users: "WeakKeyDictionary[OpenEngine, ref[Held]]" = WeakKeyDictionary()
"""Who used an engine last; neither is kept by being here."""


class Held:
    """The memories of an engine that runs an image.

    Where another `Held` has used the engine meanwhile, nothing is known any longer; `alone` says
    whether none has. Who uses the engine without one is not seen.

    `read_words` and `written_words` count what has passed between host and machine. With `remember`
    false all that is to be written is written.
    """

    def __init__(
        self, image: Image, engine: OpenEngine, entries: Iterable[str], *, remember: bool = True
    ) -> None:
        self._engine, self._remember = engine, remember
        self._words: dict[Region, _Ints] = {}
        self._written = {
            entry: written_from(image.program, image.entry(entry), image.config)
            for entry in entries
        }
        self.read_words = self.written_words = 0

    def forget(self) -> None:
        """Know nothing: somebody else may have used the machine."""
        self._words.clear()

    @property
    def alone(self) -> bool:
        """Whether no other `Held` has used the engine since this one did."""
        user = _users.get(self._engine)
        return user is not None and user() is self

    def _use(self) -> None:
        if not self.alone:
            self.forget()
            _users[self._engine] = ref(self)

    def before(self, entry: str) -> None:
        """Know nothing of what a run from an entry point may write."""
        self._use()
        for region in self._written[entry]:
            self._drop(region)

    def read(self, store: Store, words: Range) -> _Ints:
        """The words of a range."""
        self._use()
        found = self._engine.read(store, *words)
        self.read_words += words[1]
        self._keep(Region(store, *words), found)
        return found

    def write(self, store: Store, words: Range, values: _Ints) -> None:
        """Have a range hold these values."""
        self._use()
        region = Region(store, *words)
        known = self._words.get(region)
        if known is not None and np.array_equal(known, values):
            return
        self._drop(region)  # it holds neither, if the writing fails
        self._engine.write(store, words[0], values)
        self.written_words += words[1]
        self._keep(region, values)

    def _keep(self, region: Region, values: _Ints) -> None:
        if self._remember:
            self._words[region] = np.array(values)  # a copy: callers may change theirs

    def _drop(self, region: Region) -> None:
        end = region.base + region.count
        gone = [
            known
            for known in self._words
            if known.store is region.store
            and known.base < end
            and region.base < known.base + known.count
        ]
        for known in gone:
            del self._words[known]
