"""What is probably a mistake in a model that can be used."""

from collections.abc import Collection, Iterator

from sordino.meta.table import Meta
from sordino.model.tensor_names import STATISTICS

__all__ = ["doubts"]

_BLANKS = ("<blank>", "<blk>", "<b>", "[blank]", "<eps>", "<epsilon>", "ε", "∅", "blank")
_ALIKE = 1e-6


def doubts(meta: Meta, tensors: Collection[str]) -> Iterator[str]:
    """Yield sentences for `warn` about a meta that has been read, and names of the tensors."""
    tokens, blank = meta.tokens, meta.blank
    said = [n for n, token in enumerate(tokens) if token.strip().lower() in _BLANKS]
    if said and blank not in said:
        yield (
            f"meta blank is token {blank}, {tokens[blank]!r}, but token {said[0]} says "
            f"{tokens[said[0]]!r}; transcripts are probably nonsense, correct blank"
        )
    elif not meta.states("blank") and not said and tokens[blank].strip():
        yield (
            f"meta has no blank, so token {blank}, {tokens[blank]!r}, is taken for it; say which is"
        )
    first: dict[str, int] = {}
    for number, token in enumerate(tokens):
        if first.setdefault(token, number) != number:
            yield (
                f"meta tokens {first[token]} and {number} are both {token!r}, which transcripts "
                "cannot tell apart; correct tokens"
            )
            break
    features = meta.features
    if features is None and not {*STATISTICS}.isdisjoint(tensors):
        yield (
            "the model has features.mean or features.std, but its meta no features, so images of "
            "it take no recordings; add features, see docs/meta.md"
        )
    weights = {} if features is None else features.mean_weights()
    if weights and abs(sum(weights.values()) - 1) > _ALIKE:
        yield (
            "meta features subtract "
            + " and ".join(
                f"{weight:g} of the {name[: name.index('_')]} mean"
                for name, weight in weights.items()
            )
            + ", which do not make 1: cepstra keep a part of the mean; correct the weights unless "
            "the model was trained so"
        )
