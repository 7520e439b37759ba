"""Lattices ranked again: the same code in a service's workers and where there is no service."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sordino.decode.arpa import load_arpa
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.lattice.coding.owner import image_vocabulary
from sordino.lattice.coding.vocabulary import Vocabulary
from sordino.lattice.coding.wire import unpack
from sordino.lattice.graph import END, STEPS, Arc, Lattice, State
from sordino.rerank.mixture import Mixture
from sordino.rerank.model_file import load_models
from sordino.rerank.ngram_words import NgramWords
from sordino.rerank.reranker import Reranker, shipped_reranker
from sordino.serve.protocol import Refused, limit

__all__ = ["Ranked", "Ranking", "Recipe", "encode", "make_reranker"]


_WORD = Lattice((State((Arc("A", 1, 0),)), State((Arc(None, END, 0),))), STEPS[0])


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A sequence of words that may have been said, as an answer has it.

    text        the words with spaces between them
    confidence  its share of the probability among all paths that were scored
    transducer  nats that it costs in the lattice more than the device's own best path
    language    nats by the larger language model, weight and bonus in them
    """

    text: str
    confidence: float
    transducer: float
    language: float


class Ranking:
    """A re-ranker that reads the bytes of lattices of one vocabulary."""

    def __init__(self, vocabulary: Vocabulary, reranker: Reranker) -> None:
        self.vocabulary, self._reranker = vocabulary, reranker

    def of(self, data: bytes) -> list[Ranked]:
        """The best paths of a lattice, best first; InputError where it is none."""
        found = self._reranker.rerank(unpack(data, self.vocabulary), limit("alternatives"))
        return [
            Ranked(
                text=each.text,
                confidence=each.posterior,
                transducer=each.transducer,
                language=each.language,
            )
            for each in found
        ]

    def warm(self) -> None:
        """Rank a word, so that what models compute once is there before the first lattice."""
        with suppress(InputError):  # a model may lack it
            self._reranker.rerank(_WORD)


def encode(ranked: list[Ranked]) -> bytes:
    """Alternatives as JSON, the last ones left out where they are too long for an answer.

    Refused where the first one alone is.
    """
    for count in range(len(ranked), 0, -1):
        values = [asdict(each) for each in ranked[:count]]
        data = json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
        if len(data) <= limit("answer"):
            return data
    raise Refused(413, f"wanted words of at most {limit('answer'):,} bytes in all, got more")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a ranking is made of, as paths: an image, and the files of n-grams."""

    image: str
    words: str | None = None
    models: tuple[str, ...] = ()

    def as_json(self) -> bytes:
        """Text from which `from_json` makes it again."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Recipe":
        """The recipe in a text that `as_json` made."""
        found = json.loads(data)
        return cls(image=found["image"], words=found["words"], models=tuple(found["models"]))

    def load(self) -> Ranking:
        """The ranking; InputError or ImageError for a file that is not as it should be."""
        words = None if self.words is None else Path(self.words)
        vocabulary = image_vocabulary(Image.load(self.image), words)
        return Ranking(vocabulary, make_reranker(tuple(map(Path, self.models))))


def make_reranker(models: tuple[Path, ...]) -> Reranker:
    """The re-ranker of n-grams as ARPA, which count alike, or of several models as one TOML file.

    Without any, the one that ships. InputError for a file that is not as it should be.
    """
    if not models:
        return shipped_reranker()
    if any(path.suffix == ".toml" for path in models):
        if len(models) > 1:
            raise InputError(
                f"wanted one TOML file of models, or n-grams alone, got {len(models)} files; name "
                "the n-gram in the TOML file"
            )
        several = load_models(models[0])
        return Reranker(several.mixture(), simpler=several.simpler)
    ngrams = [NgramWords(load_arpa(path)) for path in models]
    return Reranker(ngrams[0] if len(ngrams) == 1 else Mixture(ngrams, [1.0] * len(ngrams)))
