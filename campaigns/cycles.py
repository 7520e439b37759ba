"""The cycle model against the circuit: every instruction, every counter, and the speed of both."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import click
import numpy as np
from numpy.typing import NDArray

from campaigns.common import MODELS, UTTERANCES, make_image, output_option, write_page
from sordino.arch import PRESETS
from sordino.cycles.bounds import Bounds, frame_bounds
from sordino.cycles.engine import Cycles
from sordino.cycles.path import decisions_of, follow
from sordino.cycles.trace import Profile, Timer, Trace
from sordino.engines.native.rtl import Rtl
from sordino.image.image import Image
from sordino.isa.operations import Emit, Input, Matvec
from sordino.reference.markdown import table
from sordino.speech.transcript import features_of
from sordino.testing.images.coupling import coupled_image
from sordino.testing.images.programs import overlapped
from sordino.tools.bench.trained import SHIPPED
from sordino.tools.trials import KINDS, MACHINES, make_trial

MODEL = MODELS / SHIPPED
_REPEATS = 20
_MATRICES = 16
_SEEDS, _SHORTEST = 50, 3
_LIMITS = 2
"""Runs of every random program that are cut short at a random cycle."""


@dataclass
class Score:
    """What was compared, how much of it differed, and how long the circuit took."""

    runs: int = 0
    instructions: int = 0
    matvecs: int = 0
    cycles: int = 0
    instruction_differences: int = 0
    counter_differences: int = 0
    seconds_rtl: float = 0.0

    def add(self, rtl: Rtl, model: Cycles, features: NDArray[np.int8], limit: int = 0) -> int:
        """Run both; the circuit's cycles."""
        begin = perf_counter()
        a = rtl.run(features, cycle_limit=limit)
        self.seconds_rtl += perf_counter() - begin
        b = model.run(features, cycle_limit=limit)
        found, expected = model.profile(), rtl.profile()
        is_matvec = np.array([isinstance(i, Matvec) for i in model.image.program])
        self.runs += 1
        self.instructions += int(expected[:, 0].sum())
        self.matvecs += int(expected[is_matvec, 0].sum())
        self.cycles += a.counters["cycles"]
        self.instruction_differences += int((found != expected).any(axis=1).sum())
        self.counter_differences += sum(a.counters[name] != b.counters[name] for name in a.counters)
        if a.error is not b.error or a.tokens != b.tokens:
            self.counter_differences += 1
        return a.counters["cycles"]

    @property
    def equal(self) -> bool:
        """Whether nothing differed."""
        return not self.instruction_differences and not self.counter_differences

    def row(self) -> tuple[str, ...]:
        """For the table."""
        return tuple(
            f"{n:,}"
            for n in (
                *(self.runs, self.instructions, self.matvecs, self.cycles),
                *(self.instruction_differences, self.counter_differences),
            )
        )


def _matrices(seeds: int) -> Score:
    score = Score()
    for number, machine in enumerate(MACHINES.values()):
        for seed in range(seeds):
            image = coupled_image(np.random.default_rng([seed, number, 1]), machine, _MATRICES)
            score.add(Rtl(image), Cycles(image), np.zeros((0, 1), np.int8))
    return score


def _programs(seeds: int) -> tuple[Score, Score]:
    """To their end, and cut short by a cycle limit; units overlap wherever they may, or partly."""
    whole, cut = Score(), Score()
    for machine in MACHINES:
        for kind in KINDS:
            for seed in range(seeds):
                trial, rng = make_trial(kind, machine, seed), np.random.default_rng(seed)
                image = overlapped(trial.image, rng if seed % 2 else None)
                rtl, model = Rtl(image), Cycles(image)
                cycles = whole.add(rtl, model, trial.features)
                for limit in rng.integers(1, cycles, _LIMITS).tolist():
                    cut.add(rtl, model, trial.features, limit)
    return whole, cut


@dataclass
class Real:
    """The trained model: what was compared, and seconds for its time alone.

    seconds_first  a `Timer` made, and the first utterance timed
    frames         cycles of every frame, by its tokens
    outside        frames that leave their bounds
    """

    score: Score
    bounds: Bounds
    seconds_trace: float = 0.0
    seconds_first: float = 0.0
    outside: int = 0
    frames: dict[int, set[int]] = field(default_factory=dict)

    def add_frames(self, tokens: list[list[int]], cycles: list[int]) -> None:
        """Cycles of every frame of an utterance, START and end around them."""
        start, *frames, end = cycles
        self.outside += not self.bounds.start.holds(start)
        self.outside += not self.bounds.end.holds(end)
        for emitted, took in zip(tokens, frames, strict=True):
            self.frames.setdefault(len(emitted), set()).add(took)
            self.outside += not self.bounds.tokens[len(emitted)].holds(took)


def _tokens_by_frame(image: Image, trace: Trace, tokens: Iterable[int]) -> list[list[int]]:
    frames: list[list[int]] = []
    left, ended = iter(tokens), set(trace.ended.tolist())
    for number, address in enumerate(trace.addresses.tolist()):
        i = image.program[address]
        if isinstance(i, Input) and number not in ended:
            frames.append([])
        elif isinstance(i, Emit):
            frames[-1].append(next(left))
    return frames


def _seconds(work: Callable[[], object], repeats: int) -> float:
    """Of one repetition."""
    start = perf_counter()
    for _ in range(repeats):
        work()
    return (perf_counter() - start) / repeats


def _real(preset: str, most: int) -> Real:
    """On the shortest utterances, so many at most."""
    image = make_image(MODEL, preset, None)
    bounds = frame_bounds(image)
    assert bounds is not None
    rtl, model, real, timer = Rtl(image), Cycles(image), Real(Score(), bounds), Timer(image)
    for path in sorted(UTTERANCES.glob("*.wav"), key=lambda path: path.stat().st_size)[:most]:
        features = features_of(image, path)
        real.score.add(rtl, model, features)
        found = model.run(features)
        frames = _tokens_by_frame(image, model.trace, found.tokens)

        def by_tokens(using: Timer, frames: list[list[int]] = frames) -> Profile:
            return using.time(follow(image, len(frames), decisions_of(image, frames)))

        if not real.seconds_first:
            real.seconds_first = _seconds(lambda: by_tokens(Timer(image)), 1)
        profile = by_tokens(timer)
        differ = (profile.table() != rtl.profile()).any(axis=1)
        real.score.instruction_differences += int(differ.sum())
        counters = profile.counters()
        real.score.counter_differences += sum(found.counters[n] != counters[n] for n in counters)
        real.add_frames(frames, timer.frames(model.trace))
        real.seconds_trace += _seconds(lambda: by_tokens(timer), _REPEATS)
    return real


def _speed_row(preset: str, real: Real) -> tuple[str, ...]:
    cycles = real.score.cycles
    return (
        preset,
        f"{cycles / real.score.seconds_rtl:,.0f}",
        f"{cycles / real.seconds_trace:,.0f}",
        f"{real.score.seconds_rtl / real.seconds_trace:,.0f}",
        f"{real.seconds_first:.2f}",
    )


def _bounds_rows(preset: str, real: Real) -> list[tuple[str, ...]]:
    clock = PRESETS[preset].clock_hz
    return [
        (
            *(preset, str(count), f"{span.best:,}", f"{span.worst:,}"),
            f"{(span.worst or 0) / clock * 1e3:.2f}",
            " to ".join(f"{n:,}" for n in (min(seen), max(seen))) if seen else "",
        )
        for count, span in real.bounds.tokens.items()
        for seen in [real.frames.get(count, set())]
    ]


@click.command()
@output_option("cycles.md")
@click.option("--seeds", default=_SEEDS, show_default=True, help="Images of each kind.")
@click.option("--utterances", default=_SHORTEST, show_default=True, help="The shortest ones.")
def main(output: Path, seeds: int, utterances: int) -> None:
    """Compare; exit 1 on any difference."""
    reals = {preset: _real(preset, utterances) for preset in ("tiny", "small")}
    whole, cut = _programs(max(1, seeds // 4))
    scores = {
        **{f"{MODEL.name} on `{p}`, shipped utterances": real.score for p, real in reals.items()},
        f"{_MATRICES} random matrices each, G = 1, 2, 4": _matrices(seeds),
        "random programs, matrices, layers, models": whole,
        "the same, ended by a random cycle limit": cut,
    }
    header = (
        "what",
        "runs",
        "instructions",
        "MATVECs",
        "cycles",
        "instructions that differ",
        "counters that differ",
    )
    outside = sum(real.outside for real in reals.values())
    frames = ("machine", "tokens", "best", "worst", "worst, ms", "in the utterances")
    write_page(
        output,
        "Cycle model against RTL",
        (
            "Compared: for every program address times retired and cycles, all counters, error "
            "and tokens; of the trained model also what the tokens of every frame alone give.\n",
            table(header, [(name, *score.row()) for name, score in scores.items()]),
            "\n## Speed\n\nCycles of the machine a second: the circuit under CXXRTL, and timing "
            "alone from the tokens of every frame. MATVECs are looked at once an image: that, with "
            "the first utterance, is the last column.\n",
            table(
                ("machine", "RTL", "timing alone", "ratio", "first, s"),
                [_speed_row(preset, real) for preset, real in reals.items()],
            ),
            "\n## One frame, from the program alone\n\nCycles from one INPUT's beginning to the "
            "next's, at best and at worst, and milliseconds at the preset's clock. Frames of the "
            f"utterances that leave their bounds: {outside}.\n",
            table(frames, [row for p, real in reals.items() for row in _bounds_rows(p, real)]),
        ),
    )
    raise SystemExit(bool(outside) or not all(score.equal for score in scores.values()))
