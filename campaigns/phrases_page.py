"""What the errors of searches with phrases say, as a page."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from campaigns.beam import ORDER
from campaigns.phrases_runs import (
    ALIKE,
    ALONE,
    BEAM,
    BESIDE,
    BONUSES,
    CONTRASTS,
    DEFAULT,
    FURTHER,
    GREEDY,
    GRIDS,
    GROUPS,
    JOBS,
    NEVER,
    NGRAMS,
    OTHERS,
    RUNS,
    SEEDS,
    Point,
    spelled_run,
    without,
)
from sordino.decode.phrases.listing import DEFAULT_BONUS
from sordino.reference.markdown import table
from sordino.speech.corpora.datasets import Utterance
from sordino.speech.wer import paired_bootstrap

__all__ = ["Found", "choose", "page"]

_Errors = NDArray[np.int64]


class Found:
    """The errors of all searches, and what they say.

    errors      (utterances, JOBS, 2), as `measure` gives them
    utterances  in the same order
    """

    def __init__(self, errors: _Errors, utterances: Sequence[Utterance]) -> None:
        texts = [u.text.split() for u in utterances]
        runs = [spelled_run(words) for words in texts]
        self.spelled = np.array([run is not None for run in runs])
        self.words = np.array([0 if r is None else r.stop - r.start for r in runs])
        self.outside = np.array([len(words) for words in texts]) - self.words
        self.speakers = np.array([u.speaker for u in utterances])
        self._errors = errors

    def of(self, point: Point, kind: str, which: int = 0) -> _Errors:
        """Errors of all seeds together (utterances,): on the phrase's words, or 1: on others."""
        if point.bonus is None:
            return SEEDS * self._errors[:, JOBS.index((point, "others", 0)), which]
        jobs = [JOBS.index((point, kind, seed)) for seed in range(SEEDS)]
        return np.asarray(self._errors[:, jobs, which].sum(axis=1))

    def seeds(self, chosen: Sequence[Point], kind: str) -> list[int]:
        """Errors on the phrase's words for each seed, where utterances have these points."""
        return [
            sum(int(self._errors[u, JOBS.index((p, kind, seed)), 0]) for u, p in enumerate(chosen)
                if self.spelled[u])
            for seed in range(SEEDS)
        ]  # fmt: skip

    def apart(self, name: str) -> list[Point]:
        """For every utterance what the other speakers choose of a grid."""
        grid = GRIDS[name]
        return [grid[choose(self, grid, self.speakers != own)] for own in self.speakers]


def choose(found: Found, grid: Sequence[Point], whose: NDArray[np.bool_]) -> int:
    """The point with the fewest errors where phrases are listed, on some utterances.

    Only points count that make no more than one word of a hundred worse where they are not listed.
    Both are means over a point and its neighbours on the grid.
    """
    shape = (-1, len(BONUSES), len(CONTRASTS))
    whose = whose & found.spelled

    def smooth(kind: str) -> NDArray[np.float64]:
        sums = np.array([found.of(point, kind)[whose].sum() for point in grid]).reshape(shape)
        around = [
            sums[n, max(0, b - 1) : b + 2, max(0, c - 1) : c + 2].mean()
            for n, b, c in np.ndindex(sums.shape)
        ]
        return np.array(around)

    listed, absent = smooth("listed"), smooth("not listed")
    alone = np.array([found.of(without(point), "others")[whose].sum() for point in grid])
    most = alone + SEEDS * found.words[whose].sum() / 100
    order = np.lexsort((absent, listed, absent > most))
    return int(order[0])


def _rate(errors: int, words: int) -> str:
    return f"{errors / (SEEDS * words):.2%}"


def _row(found: Found, name: str, chosen: Sequence[Point]) -> list[tuple[str, ...]]:
    """Errors where every utterance is heard with its point: without phrases, listed, not listed."""
    rows: list[tuple[str, ...]] = []
    places = np.flatnonzero(found.spelled)
    words, outside = found.words[places], found.outside[places]
    greedy = found.of(GREEDY, "others")[places]
    for title, kind in (("no phrases", None), ("listed", "listed"), ("not listed", "not listed")):
        points = [without(p) if kind is None else p for p in chosen]
        errors, others = (
            np.array([found.of(points[u], kind or "others", which)[u] for u in places])
            for which in (0, 1)
        )
        low, high = paired_bootstrap(errors.tolist(), greedy.tolist(), (SEEDS * words).tolist())
        rows.append(
            (
                name,
                title,
                _rate(int(errors.sum()), int(words.sum())),
                str(int(errors.sum()) // SEEDS)
                if kind is None
                else ", ".join(map(str, found.seeds(chosen, kind))),
                f"{low:+.2%} to {high:+.2%}",
                _rate(int(others.sum()), int(outside.sum())),
            )
        )
    return rows


def _named(point: Point) -> str:
    beside = "" if point.ngram is None else f" / {point.ngram[0]:g} / {point.ngram[1]:g}"
    return f"{point.bonus:g} / {point.contrast:g}{beside}"


def _both(found: Found, point: Point) -> str:
    words = int(found.words.sum())
    return " / ".join(
        _rate(int(found.of(point, kind)[found.spelled].sum()), words) for kind in RUNS[:2]
    )


def _grid(found: Found, ngram: tuple[float, float] | None) -> str:
    rows = [(f"{b:g}", *(_both(found, Point(b, c, ngram)) for c in CONTRASTS)) for b in BONUSES]
    return table(("bonus", *(f"contrast {c:g}" for c in CONTRASTS)), rows)


def _tried(found: Found) -> list[tuple[str, str]]:
    """What was tried beside the grids, and its errors."""
    rows = [("as the command line has it", _both(found, DEFAULT))]
    for point in FURTHER:
        if point.whole:
            near = "nothing for what sounds alike" if point.contrast == NEVER else "contrast 3"
            name = f"{point.bonus:g} nats for a whole phrase, however long; {near}"
        elif point.contrast == NEVER:
            name = f"bonus {point.bonus:g}, nothing for what sounds alike"
        else:
            name = f"beam {point.beam}"
        rows.append((name, _both(found, point)))
    return rows


def _harm(found: Found) -> list[tuple[str, ...]]:
    """Errors of the defaults where the phrase is not listed, on different words."""
    rows = []
    spelled, everybody = found.spelled, np.ones_like(found.spelled)
    for name, ngram in ((ALONE, None), (BESIDE, NGRAMS[-1])):
        point = Point(DEFAULT_BONUS, ngram=ngram)
        for title, kind, whose, inside in (
            ("look-alikes by letters that sound alike", "not listed", spelled, True),
            ("look-alikes by other letters", "odd letters", spelled, True),
            ("no look-alikes", "others", spelled, True),
            ("no look-alikes, all words of all utterances", "others", everybody, False),
        ):
            rates = []
            for each in (without(point), point):
                errors, words = found.of(each, kind)[whose].sum(), found.words[whose].sum()
                if not inside:
                    errors += found.of(each, kind, 1)[whose].sum()
                    words += found.outside[whose].sum()
                rates.append(_rate(int(errors), int(words)))
            rows.append((name, title, *rates))
    return rows


def _chosen(found: Found, name: str) -> list[tuple[str, ...]]:
    points = dict(zip(found.speakers.tolist(), found.apart(name), strict=True))
    return [(name, speaker, _named(point)) for speaker, point in sorted(points.items())]


def _head(found: Found) -> list[str]:
    """What is measured."""
    spelled = int(found.spelled.sum())
    return [
        f"{spelled} of {len(found.spelled)} utterances of nine speakers that the model was not "
        "trained on spell a name or a string. Their longest run of letters that stand alone is the "
        f"phrase, {found.words.sum()} words in all. The model that ships, on the exact machine, "
        f"beam {BEAM}.\n",
        f"Listed: the phrase itself, {ALIKE} look-alikes and {OTHERS} other strings of the "
        "training transcripts. Not listed: the same without the phrase. A look-alike differs in "
        f"one letter, drawn from {', '.join(GROUPS)}. Look-alikes and others are drawn anew for "
        f"each of {SEEDS} seeds. Words are aligned with the fewest errors. What is inserted "
        "between two words of the phrase is the phrase's, what is inserted elsewhere is not.\n",
        "Each speaker is decoded with what the other eight choose: the fewest errors where phrases "
        "are listed, among what is no more than 1.0 point worse than without phrases where they "
        "are not. Both are means over a point and its neighbours on the grid.\n",
    ]


def _grids(found: Found) -> list[str]:
    """Both grids, the second one for each weight of the n-gram."""
    parts = ["Errors on the phrase's words, listed / not listed. Without n-gram:\n"]
    parts.append(_grid(found, None))
    for ngram in NGRAMS[1:]:
        assert ngram is not None
        alone = found.of(Point(None, ngram=ngram), "others")[found.spelled].sum()
        rate = _rate(int(alone), int(found.words.sum()))
        parts.append(
            f"\nWith the {ORDER}-gram, weight {ngram[0]:g}, word bonus {ngram[1]:g}; without "
            f"phrases {rate}:\n"
        )
        parts.append(_grid(found, ngram))
    return parts


def page(found: Found) -> list[str]:
    """The parts of the page."""
    defaults = [
        (f"{name}, defaults", [Point(DEFAULT_BONUS, ngram=n)] * len(found.spelled))
        for name, n in ((ALONE, None), (BESIDE, NGRAMS[-1]))
    ]
    shown = [*((name, found.apart(name)) for name in GRIDS), *defaults]
    everybody = np.ones_like(found.spelled)
    own = GRIDS[ALONE][choose(found, GRIDS[ALONE], everybody)]
    return [
        *_head(found),
        "## Errors on the phrase's words\n",
        table(
            ("search", "phrase", "errors", "words wrong, by seed", "against greedy", "other words"),
            [row for name, chosen in shown for row in _row(found, name, chosen)],
        ),
        "\nAgainst greedy: paired 95 % interval of the difference to greedy decoding, which has "
        f"{found.of(GREEDY, 'others')[found.spelled].sum() // SEEDS} words wrong. Other words: "
        f"the share of the same utterances' {found.outside[found.spelled].sum()} other words that "
        "is wrong.\n",
        "## What is chosen\n",
        "Bonus and contrast; beside an n-gram its weight and word bonus, too. Chosen on all nine "
        f"speakers, without n-gram: **{_named(own)}**. The defaults of the command line are "
        f"{_named(DEFAULT)}.\n",
        table(
            ("search", "speaker", "chosen on the others"),
            [row for name in GRIDS for row in _chosen(found, name)],
        ),
        "\n## The grid\n",
        *_grids(found),
        "\n## What else was tried\n",
        table(("search", "listed / not listed"), _tried(found)),
        "\n## Where phrases harm\n",
        "Errors where the phrase is not listed, without phrases and with them, as the command line "
        "has them.\n",
        table(("search", "list", "without", "with"), _harm(found)),
    ]
