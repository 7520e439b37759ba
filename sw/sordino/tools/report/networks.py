"""The networks of an image as rows of a table."""

from collections.abc import Iterator, Mapping

from sordino.image.section.networks import (
    Ends,
    ImageNetwork,
    Kept,
    NetworkResult,
    NetworkTokens,
)

__all__ = ["NETWORK_COLUMNS", "network_rows"]

NETWORK_COLUMNS = ("network", "entry points", "request", "input", "tokens", "results", "keeps")


def network_rows(networks: Mapping[str, ImageNetwork]) -> Iterator[tuple[str, ...]]:
    """Yield a row of texts for each network, as NETWORK_COLUMNS says."""
    for name, network in networks.items():
        its = network.input
        yield (
            name,
            " ".join(sorted(network.entries.values())),
            "" if network.request is None else str(network.request),
            "" if its is None else f"{its.count} Q{its.fraction} on {its.channel}",
            ("" if network.tokens is None else _tokens(network.tokens)) + _ends(network.ends),
            ", ".join(_result(layer, one) for layer, one in network.results.items()),
            _kept(network.state) + "".join(f", shared with {other}" for other in network.shares),
        )


def _tokens(tokens: NetworkTokens) -> str:
    first, count = tokens.numbers
    numbers = str(first) if count == 1 else f"{first} to {first + count - 1}"
    return f"{numbers} on {tokens.channel}{', with texts' if tokens.texts else ''}"


def _ends(ends: Ends | None) -> str:
    """When an end-pointer decides."""
    if ends is None:
        return ""
    levels = (("speculative", ends.speculative), ("final", ends.final))
    return "".join(
        f", {name} from {one.threshold:g} for {one.frames}"
        + (f" or after {one.longest}" if one.longest is not None else "")
        for name, one in levels
    )


def _result(layer: str, result: NetworkResult) -> str:
    return f"{layer}: {len(result.words)} × {result.step:g} in {result.memory}"


def _kept(kept: Kept) -> str:
    sizes = {name: sum(n for _, n in getattr(kept, name)) for name in ("activation", "state")}
    parts = [f"{words} {name}" for name, words in sizes.items() if words]
    if rows := sum(n for _, n in kept.bank1):
        parts.append(f"{rows} rows of bank 1")
    return " + ".join(parts) or "nothing"
