"""What the networks of an image say in a run, for commands that print it."""

from sordino.engines.engine import RunResult
from sordino.errors import warn
from sordino.image.host import MAIN
from sordino.image.image import Image
from sordino.speech.transcript import heard_network, speller_of

__all__ = ["heard_tokens", "other_texts", "warn_of_unfed"]


def heard_tokens(image: Image, result: RunResult) -> list[int]:
    """The tokens of the network that hears recordings; all where the image names no networks."""
    name = heard_network(image)
    channel = None if name is None else result.networks.get(name)
    return result.tokens if channel is None else result.on(channel)


def other_texts(image: Image, result: RunResult) -> dict[str, tuple[list[int], str | None]]:
    """What the networks said that hear no recordings: their tokens, and the text of these.

    The text is None where the tokens have none. A warning names a network that emits on a channel
    of others.
    """
    found = dict[str, tuple[list[int], str | None]]()
    own = heard_network(image)
    for name, channel in result.networks.items():
        if name == own:
            continue
        if list(result.networks.values()).count(channel) > 1:
            warn(
                f"{name} emits on channel {channel}, which is not its own, so that nobody can tell "
                "its tokens apart; compile with another channel"
            )
            continue
        tokens, said = image.host.named(name).tokens, result.on(name)
        assert tokens is not None
        first, speller = tokens.numbers[0], speller_of(image, name)
        known = [token - first for token in said if 0 <= token - first < len(speller.tokens)]
        found[name] = said, speller.text(known) if tokens.texts else None
    return found


def warn_of_unfed(image: Image) -> None:
    """Warn of networks that a run from `main` gives nothing to hear: their channel is another."""
    for name, network in image.host.networks.items():
        its = network.input
        if its is None or network.request is not None or MAIN not in network.entries.values():
            continue
        if its.channel:
            warn(
                f"{name} reads channel {its.channel}, on which nothing comes here; feed it with "
                "the driver"
            )
