"""A recipe's table for how much of each corpus is heard."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sordino.errors import InputError
from sordino.train.recipes.checks import shown, within

__all__ = ["OWN", "DataRecipe", "MixRecipe"]

OWN = "own"
"""How a mix calls the corpus that `sordino train --data` gives."""
_CLOSE = 1e-6


@dataclass(frozen=True, kw_only=True)
class MixRecipe:
    """One corpus of a mix.

    corpus  its name in `also`; own: the recipe's own, which --data gives
    share   of the utterances in an epoch that are of it
    """

    corpus: str
    share: float

    def __post_init__(self) -> None:
        within(self, "share", 1e-4, 1)


@dataclass(frozen=True, kw_only=True)
class DataRecipe:
    """The corpora of an epoch, in place of [augment] extra.

    mix     tables [[data.mix]], one for each corpus that is trained on, the own one among them; the
            sum of their shares is 1. All of the own corpus is heard in an epoch; of the others so
            many utterances that the shares hold are drawn anew each time, and those of a corpus
            that is too small for its share come again
    """

    mix: tuple[MixRecipe, ...] = ()

    def __post_init__(self) -> None:
        names = [part.corpus for part in self.mix]
        if twice := [name for n, name in enumerate(names) if name in names[:n]]:
            raise InputError(
                f"wanted each corpus once in [[data.mix]], got {shown(twice[0])} twice"
            )
        total = sum(part.share for part in self.mix)
        if self.mix and abs(total - 1) > _CLOSE:
            raise InputError(f"wanted shares in [[data.mix]] whose sum is 1, got {total:g}")

    def check(self, also: Iterable[str]) -> None:
        """Raise InputError unless a mix has the own corpus and each of `also`, and no other."""
        if not self.mix:
            return
        known, named = [OWN, *also], {part.corpus for part in self.mix}
        if OWN in known[1:]:
            raise InputError(
                f"wanted other names than {OWN!r} in also, but [[data.mix]] has it for the "
                "corpus of --data; name it otherwise"
            )
        for name in known:
            if name not in named:
                raise InputError(
                    f"wanted a share of each corpus in [[data.mix]], got none of {name!r}; add one"
                )
        if unknown := named - set(known):
            raise InputError(
                f"wanted corpora in [[data.mix]] among {', '.join(known)}, got "
                f"{shown(min(unknown))}; correct it, or name it in also"
            )

    def per_own(self, also: Iterable[str], counts: Sequence[int]) -> list[tuple[int, float]]:
        """The utterances of each further corpus, and how many are heard for each own one.

        `counts` has the utterances of each, in the order of `also`. Empty without a mix.
        InputError for more corpora than `also` names, which have no share.
        """
        if not self.mix:
            return []
        shares = {part.corpus: part.share for part in self.mix}
        names = list(also)
        if len(counts) != len(names):
            raise InputError(
                f"wanted the {len(names)} further corpora that [[data.mix]] has shares of, got "
                f"{len(counts)}; leave out --also, or give each a share in the recipe"
            )
        return [
            (count, shares[name] / shares[OWN]) for name, count in zip(names, counts, strict=True)
        ]
