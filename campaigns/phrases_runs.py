"""What is searched for phrases: lists, what the searches are told, and their errors."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import jiwer
import numpy as np
from numpy.typing import NDArray

from campaigns.beam import ORDER, Recogniser, language_model, listen
from campaigns.fusion import Remembered
from sordino.decode.beam import BeamOptions, Fusion
from sordino.decode.decoder import Decoder
from sordino.decode.fusion import FusionOptions, NgramFusion
from sordino.decode.ngram import NgramModel
from sordino.decode.phrases.fusion import CONTRAST, PhraseFusion
from sordino.decode.phrases.listing import DEFAULT_BONUS, Phrase
from sordino.decode.sum import FusionSum
from sordino.speech.corpora.datasets import Utterance, load_dataset
from sordino.tools.bench.trained import SHIPPED

__all__ = [
    "ALIKE",
    "ALONE",
    "BEAM",
    "BESIDE",
    "BONUSES",
    "CONTRASTS",
    "DEFAULT",
    "FURTHER",
    "GREEDY",
    "GRIDS",
    "GROUPS",
    "JOBS",
    "NEVER",
    "NGRAMS",
    "OTHERS",
    "RUNS",
    "SEEDS",
    "Point",
    "look_alikes",
    "measure",
    "phrase_errors",
    "spelled_run",
    "without",
]

BEAM, SEEDS, OTHERS, ALIKE = 16, 5, 100, 20
GROUPS = ("BCDEGPTVZ", "AJKH", "FSXM", "MN", "IY", "QU")
"""Letters that look-alikes take one from, in place of another."""
BONUSES, CONTRASTS = (1.0, 1.5, 2.0), (2.0, 3.0, 4.0)
NGRAMS = (None, (0.2, 0.5), (0.4, 1.5))
"""Weight and word bonus of an n-gram beside."""
NEVER = 1e6
"""A contrast with which nothing counts that only sounds like a phrase."""
ALONE, BESIDE = "phrases alone", f"phrases and {ORDER}-gram"
_Errors = NDArray[np.int64]


@dataclass(frozen=True)
class Point:
    """What a search is told; `bonus` None: no phrases. `whole`: the bonus is of all letters."""

    bonus: float | None
    contrast: float = CONTRAST
    ngram: tuple[float, float] | None = None
    beam: int = BEAM
    whole: bool = False


RUNS = ("listed", "not listed", "others", "odd letters")
"""Which phrases an utterance's list has: its own and look-alikes of it; look-alikes; neither;
look-alikes by a letter that does not sound like the right one."""
GRIDS = {
    ALONE: [Point(b, c) for b, c in product(BONUSES, CONTRASTS)],
    BESIDE: [Point(b, c, n) for n in NGRAMS[1:] for b, c in product(BONUSES, CONTRASTS)],
}
DEFAULT, GREEDY = Point(DEFAULT_BONUS), Point(None, beam=1)
FURTHER = (
    *(Point(b, NEVER) for b in BONUSES),
    *(Point(nats, c, whole=True) for nats in (3.0, 6.0) for c in (NEVER, CONTRAST)),
    *(Point(DEFAULT_BONUS, beam=beam) for beam in (4, 8)),
)
"""What was tried beside the grids."""


def spelled_run(words: Sequence[str]) -> slice | None:
    """The longest run of two or more letters that stand alone, the first of equals."""
    best, begin = slice(0, 0), 0
    for end in range(len(words) + 1):
        if end == len(words) or len(words[end]) > 1:
            if end - begin > best.stop - best.start:
                best = slice(begin, end)
            begin = end + 1
    return best if best.stop - best.start > 1 else None


def phrase_errors(reference: str, hypothesis: str, run: slice) -> tuple[int, int]:
    """Word errors on a run of the reference's words, and on the others.

    Words are aligned with the fewest errors. What is inserted between two words of the run is the
    run's, all else that is inserted is not.
    """
    if not hypothesis:
        length = run.stop - run.start
        return length, len(reference.split()) - length
    own = other = 0
    for chunk in jiwer.process_words(reference, hypothesis).alignments[0]:
        if chunk.type == "equal":
            continue
        begin, end = chunk.ref_start_idx, chunk.ref_end_idx
        if chunk.type == "insert":
            count = chunk.hyp_end_idx - chunk.hyp_start_idx
            inside = count if run.start < begin < run.stop else 0
        else:
            count = end - begin
            inside = max(0, min(end, run.stop) - max(begin, run.start))
        own, other = own + inside, other + count - inside
    return own, other


def look_alikes(letters: Sequence[str], draw: random.Random, *, odd: bool = False) -> list[str]:
    """`ALIKE` strings that differ from one in a letter, or all there are.

    `odd`: in a letter that is in no group of the right one's.
    """
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    found = []
    for place, letter in enumerate(letters):
        near = {other for group in GROUPS if letter in group for other in group}
        for other in alphabet:
            if other != letter and (other in near) != odd:
                found.append(" ".join([*letters[:place], other, *letters[place + 1 :]]))
    return draw.sample(found, min(ALIKE, len(found)))


def _list(utterance: Utterance, strings: Sequence[str], seed: int, run: str) -> list[str]:
    """The phrases that an utterance is heard with."""
    draw = random.Random(f"{seed} {utterance.name}")
    words = utterance.text.split()
    place = spelled_run(words)
    own = [] if place is None else words[place]
    name = " ".join(own)
    listed = look_alikes(own, draw, odd=run == "odd letters") if run != "others" else []
    listed += draw.sample([each for each in strings if each != name], OTHERS)
    listed += [name] if run == "listed" else []
    return list(dict.fromkeys(listed))


def _fusion(point: Point, listed: Sequence[str], tokens: Remembered, lm: NgramModel) -> Fusion:
    parts: list[Fusion] = []
    if point.bonus is not None:
        letters = {text: len(text.replace(" ", "")) if point.whole else 1 for text in listed}
        phrases = [Phrase(text, point.bonus / letters[text]) for text in listed]
        parts.append(PhraseFusion(phrases, tokens.tokens, point.contrast))
    if point.ngram is not None:
        options = FusionOptions(weight=point.ngram[0], word_bonus=point.ngram[1])
        parts.append(NgramFusion(lm, tokens.tokens, options, tokens.blank))
    return FusionSum(parts)


def _jobs() -> list[tuple[Point, str, int]]:
    """All searches of an utterance: what it is told, the kind of its list, and its seed."""
    none = [(p, "others", 0) for p in (GREEDY, *(Point(None, ngram=n) for n in NGRAMS))]
    grids = [*GRIDS[ALONE], *GRIDS[BESIDE], *FURTHER]
    chosen = dict.fromkeys([*grids, DEFAULT])
    both = [(p, run, seed) for p in chosen for run in RUNS[:2] for seed in range(SEEDS)]
    beside = [DEFAULT, Point(DEFAULT_BONUS, ngram=NGRAMS[-1])]
    more = [(p, run, seed) for p in beside for run in RUNS[2:] for seed in range(SEEDS)]
    return list(dict.fromkeys([*none, *both, *more]))


JOBS = _jobs()


def measure(numbers: Sequence[int], data: Path, models: Path) -> _Errors:
    """Errors of some utterances (utterances, JOBS, 2): on the spelled run, and on other words.

    An utterance without one is heard without a list, and with lists of others.
    """
    utterances = [load_dataset(data / "an4", "dev")[number] for number in numbers]
    train, lm = load_dataset(data / "an4", "train"), language_model(data)
    strings = _strings(train)
    inner, inputs = listen(Recogniser(SHIPPED, "small", None), models, utterances)
    found = np.zeros((len(utterances), len(JOBS), 2), np.int64)
    for row, (utterance, x) in enumerate(zip(utterances, inputs, strict=True)):
        transducer = Remembered(inner, x)
        run = spelled_run(utterance.text.split())
        for column, (point, kind, seed) in enumerate(JOBS):
            if run is None and kind != "others":
                continue
            listed = [] if point.bonus is None else _list(utterance, strings, seed, kind)
            options = BeamOptions(beam=point.beam)
            fusion = _fusion(point, listed, transducer, lm)
            decoder = Decoder(transducer=transducer, options=options, fusion=fusion)
            said = decoder.text(np.zeros((1, 1)))
            found[row, column] = phrase_errors(utterance.text, said, run or slice(0, 0))
    return found


def _strings(utterances: Sequence[Utterance]) -> list[str]:
    """All different spelled strings."""
    found = set()
    for utterance in utterances:
        words = utterance.text.split()
        if (run := spelled_run(words)) is not None:
            found.add(" ".join(words[run]))
    return sorted(found)


def without(point: Point) -> Point:
    """The same search without phrases."""
    return Point(None, ngram=point.ngram)
