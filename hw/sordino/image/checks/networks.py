"""What an image says of its networks must fit its program and its machine."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NoReturn

from sordino.image.host import NetworkSection
from sordino.image.image import Image, ImageError
from sordino.image.section.networks import ImageNetwork, Kept, NetworkTokens, Range, Search
from sordino.isa.fields import SETTINGS, Store
from sordino.isa.operations import Emit, Input
from sordino.isa.parameters import PARAMETER_BYTES
from sordino.isa.registers import REFUSED

__all__ = ["check_said", "kept_ranges", "overlapping"]

_STORES: Mapping[str, Store] = {
    "activation": Store.ACTIVATION,
    "state": Store.STATE,
    "bank1": Store.BANK1,
}


def check_said(image: Image) -> None:
    """Raise ImageError unless networks and searches are those of the program and the machine.

    Entry points and channels are the program's, ranges lie inside the memories, and no two networks
    keep something in the same word unless both say so.
    """
    checks = _Checks(image)
    for name, network in image.host.networks.items():
        checks.check(name, network)
    _check_shares(image.host.networks)
    _check_requests(image.host.networks)
    if isinstance(image.host, NetworkSection) and image.host.search is not None:
        checks.check_search("search", image.host.search)


def kept_ranges(kept: Kept) -> Iterator[tuple[Store, Range]]:
    """All ranges of what a network keeps, each with its memory."""
    for name, store in _STORES.items():
        for words in getattr(kept, name):
            yield store, words


def overlapping(one: Kept, other: Kept) -> str | None:
    """The first word that two networks both keep something in, in words; None if there is none."""
    for store, (first, count) in kept_ranges(one):
        for its, (begin, words) in kept_ranges(other):
            if store is its and max(first, begin) < min(first + count, begin + words):
                return f"word {max(first, begin)} of {store.name}"
    return None


def _fail(where: str, wanted: str, got: str) -> NoReturn:
    raise ImageError(f"wanted the image's {where} {wanted}, got {got}; compile again")


class _Checks:
    """The program and the machine of an image, for checks of what is said of them."""

    def __init__(self, image: Image) -> None:
        self.image, self.config = image, image.config
        self.inputs = [i for i in image.program if isinstance(i, Input)]
        self.emitted = {i.channel for i in image.program if isinstance(i, Emit)}

    def check(self, name: str, network: ImageNetwork) -> None:
        at = f"networks.{name}."
        known = ", ".join(self.image.host.entries)
        if not network.entries:
            _fail(f"{at}entries", f"to name one of {known} or more", "none")
        for role, entry in network.entries.items():
            if entry not in self.image.host.entries:
                _fail(f"{at}entries.{role}", f"as one of {known}", repr(entry))
        if network.input is not None:
            self._check_input(f"{at}input", network.input.channel, network.input.count)
        if network.request is not None and not any(i.request for i in self.inputs):
            _fail(f"{at}request", "of a program that takes requests", "one that takes none")
        if network.tokens is not None:
            self._check_tokens(f"{at}tokens", network.tokens)
        for layer, result in network.results.items():
            store = _STORES[result.memory]
            for word in result.words:
                self._check_words(f"{at}results.{layer}", store, (word, 1))
        for store, words in kept_ranges(network.state):
            self._check_words(f"{at}state", store, words)
        for addresses in network.program:
            size = len(self.image.program)
            self._check_range(f"{at}program", addresses, size, "instructions")
        if network.search is not None:
            self.check_search(f"{at}search", network.search)

    def _check_input(self, where: str, channel: int, count: int) -> None:
        if channel >= self.config.channels:
            wanted = f"on a channel of the machine, 0 to {self.config.channels - 1}"
            _fail(where, wanted, f"channel {channel}")
        found = sorted({i.count for i in self.inputs if i.channel == channel})
        if count not in found:
            read = " or ".join(map(str, found)) or "no"
            _fail(
                where, f"with {read} values, as the program reads on channel {channel}", f"{count}"
            )

    def _check_tokens(self, where: str, tokens: NetworkTokens) -> None:
        first, count = tokens.numbers
        if tokens.channel not in self.emitted:
            known = ", ".join(map(str, sorted(self.emitted))) or "none"
            _fail(where, f"on a channel that the program emits on ({known})", f"{tokens.channel}")
        if not count:
            _fail(f"{where}.numbers", "with one token or more", "none")
        if first + count > REFUSED:
            wanted = f"below {REFUSED}, which says that nothing was found"
            _fail(f"{where}.numbers", wanted, f"{first} to {first + count - 1}")
        if tokens.texts and len(tokens.texts) != count:
            _fail(f"{where}.texts", f"of {count} tokens", f"{len(tokens.texts)}")
        if tokens.blank is not None and not first <= tokens.blank < first + count:
            _fail(f"{where}.blank", f"as {first} to {first + count - 1}", f"{tokens.blank}")

    def _check_words(self, where: str, store: Store, words: Range) -> None:
        size = getattr(self.config, SETTINGS[store])
        self._check_range(where, words, size, f"{store.name} words")

    def _check_range(self, where: str, words: Range, size: int, what: str) -> None:
        first, count = words
        if not count:
            _fail(where, f"with one of the {what} or more", f"none from {first} on")
        if first + count > size:
            _fail(where, f"in {what} 0 to {size - 1}", f"{first} to {first + count - 1}")

    def check_search(self, at: str, search: Search) -> None:
        """Check that all ranges of a search lie in their memories."""
        for name, store in (("hidden", Store.ACTIVATION), ("cells", Store.STATE)):
            for words in getattr(search, name):
                self._check_words(f"{at}.{name}", store, words)
        for name in ("predicted", "encoded", "scores"):
            self._check_words(f"{at}.{name}", Store.STATE, getattr(search, name))
        size = len(self.image.parameters) // PARAMETER_BYTES
        first, stride, _ = search.embedding
        self._check_range(f"{at}.embedding", (first, stride), size, "parameter words")
        self._check_range(f"{at}.index_table", (search.index_table, 1), size, "parameter words")


def _check_shares(networks: Mapping[str, ImageNetwork]) -> None:
    """Raise ImageError where networks keep something in one word without saying so."""
    for name, network in networks.items():
        for other in network.shares:
            if other not in networks or other == name:
                known = ", ".join(one for one in networks if one != name) or "none"
                _fail(f"networks.{name}.shares", f"as other networks of it ({known})", repr(other))
    for one, other in combinations(networks, 2):
        said = (other in networks[one].shares, one in networks[other].shares)
        found = overlapping(networks[one].state, networks[other].state)
        if all(said) != any(said) or (found is not None) != any(said):
            got = "nothing that both keep" if found is None else f"{found} in both"
            wanted = (
                f"and networks.{other}.shares to name each other where both keep something and "
                "nowhere else"
            )
            _fail(f"networks.{one}.shares", wanted, got)


def _check_requests(networks: Mapping[str, ImageNetwork]) -> None:
    """Raise ImageError where one request is that of two networks of an entry point."""
    for one, other in combinations(networks, 2):
        first, second = networks[one], networks[other]
        common = set(first.entries.values()) & set(second.entries.values())
        if common and first.request == second.request is not None:
            _fail(f"networks.{other}.request", f"other than that of {one}", f"{second.request}")
