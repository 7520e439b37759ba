"""The paths of a decoded lattice, ranked by its own costs and by a language model together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path as FilePath
from typing import Any

from sordino.errors import InputError
from sordino.lattice.graph import Lattice
from sordino.lattice.scored import ScoredLattice, WordModel, score
from sordino.rerank.model_file import Models, load_models
from sordino.rerank.options import RerankOptions
from sordino.rerank.paths import Path, best_paths, total

__all__ = ["Alternative", "Reranker", "shipped_models", "shipped_reranker"]

_SHIPPED = FilePath(__file__).parent / "shipped" / "models.toml"


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """One sequence of words that may have been said.

    words       they alone
    transducer  nats, what it costs in the lattice more than the search's own best path
    language    nats by the language model, weight and bonus in them; less is better
    posterior   its share of the probability of all paths that were scored
    """

    words: tuple[str, ...]
    transducer: float
    language: float
    posterior: float

    @property
    def cost(self) -> float:
        """Both costs together, in nats."""
        return self.transducer + self.language

    @property
    def text(self) -> str:
        """The words with spaces between them."""
        return " ".join(self.words)


class _Weighted:
    """A language model's logarithms with the weight and the bonus of options."""

    def __init__(self, model: WordModel, options: RerankOptions) -> None:
        self._model, self._options = model, options
        self.start = model.start

    def say(self, state: Any, word: str) -> tuple[Any, float]:
        """The state after one more word, and its weighted nats with the bonus."""
        after, nats = self._model.say(state, word)
        _check(nats, repr(word))
        return after, self._options.weight * (nats + self._options.word_bonus)

    def finish(self, state: Any) -> float:
        """The weighted nats for an end here."""
        nats = self._model.finish(state)
        _check(nats, "an end")
        return self._options.weight * nats


def _check(nats: float, what: str) -> None:
    if not math.isfinite(nats):
        raise InputError(
            f"wanted a language model that says anything, however seldom, got one that says {what} "
            f"with {nats} nats; mix it with an n-gram"
        )


class Reranker:
    """A language model that ranks lattices.

    `model` says natural logarithms. All paths of a lattice are ranked, if the model's states are
    the same after many of them, as an n-gram's are. Else the `paths` best by the first model of
    `simpler` whose states are few enough are, or by the lattice's own costs: these the model is
    asked about, path by path. A model with `simpler` ones beside it is always asked so.
    InputError, when a lattice is ranked, for a model that never says one of its words, or no end.
    """

    def __init__(
        self,
        model: WordModel,
        options: RerankOptions | None = None,
        simpler: Sequence[WordModel] = (),
    ) -> None:
        self.options = options or RerankOptions()
        self._model = _Weighted(model, self.options)
        self._simpler = [_Weighted(each, self.options) for each in simpler]

    def rerank(self, lattice: Lattice, most: int = 10) -> list[Alternative]:
        """The best sequences of words, the best first: at least one, `most` at the most.

        Equal lattices have equal results. InputError for `most` below 1.
        """
        if most < 1:
            raise InputError(f"wanted at least 1 alternative of a lattice, got {most}")
        if not self._simpler:
            scored = _scored(lattice, self._model)
            if scored is not None:
                return _alternatives(list(islice(best_paths(scored), most)), total(scored))
        paths = self._asked(self._first(lattice))
        paths.sort(key=lambda path: path.cost)
        largest = -paths[0].cost
        whole = largest + math.log(sum(math.exp(-path.cost - largest) for path in paths))
        return _alternatives(paths[:most], whole)

    def _first(self, lattice: Lattice) -> ScoredLattice:
        """The lattice with the costs by which paths are chosen."""
        found = (_scored(lattice, model) for model in self._simpler)
        return next((scored for scored in found if scored is not None), score(lattice))

    def _asked(self, chosen: ScoredLattice) -> list[Path]:
        """The best paths, with what the model says of each."""
        states, nats = [self._model.start()], [0.0]
        after: dict[tuple[int, str], int] = {}
        found: list[Path] = []
        for path in islice(best_paths(chosen), self.options.paths):
            place = 0
            for word in path.words:
                if (place, word) not in after:
                    state, more = self._model.say(states[place], word)
                    after[place, word] = len(states)
                    states.append(state)
                    nats.append(nats[place] + more)
                place = after[place, word]
            language = 0.0 - nats[place] - self._model.finish(states[place])
            found.append(Path(path.words, path.transducer, language))
            if len(states) > self.options.words:
                break
        return found


def _scored(lattice: Lattice, model: WordModel) -> ScoredLattice | None:
    """The lattice with a model's costs; None where too many contexts are apart."""
    try:
        return score(lattice, model)
    except InputError:
        return None


def _alternatives(paths: Sequence[Path], whole: float) -> list[Alternative]:
    return [
        Alternative(
            words=path.words,
            transducer=path.transducer,
            language=path.language,
            posterior=min(math.exp(-path.cost - whole), 1.0),
        )
        for path in paths
    ]


@cache
def shipped_models() -> Models:
    """The language models that ship, read once: see docs/rerank.md for what they are made of."""
    return load_models(_SHIPPED)


@cache
def shipped_reranker() -> Reranker:
    """The larger language model that ships, with the default options; it needs numpy alone."""
    models = shipped_models()
    return Reranker(models.mixture(), simpler=models.simpler)
