"""All of a report, from an image."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sordino.cycles.bounds import Bounds, entry_bounds, frame_bounds
from sordino.cycles.stalls import Stalls
from sordino.cycles.timeline import Timeline, frame_timeline
from sordino.cycles.trace import Timer
from sordino.errors import InputError
from sordino.golden.codec import StreamError
from sordino.image.checks.verify import verify
from sordino.image.image import Image, ImageError
from sordino.speech.features import FeatureDefinition
from sordino.tools.report.host_work import HostWork, host_work
from sordino.tools.report.layers import LayerTime, layer_times
from sordino.tools.report.matrices import MatrixReport, report_matrices
from sordino.tools.report.memory_map import MemoryUse, memory_map
from sordino.tools.report.steps import Savings, weight_steps
from sordino.tools.report.stored import StoredDurations
from sordino.tools.report.summary import image_summary
from sordino.tools.report.usage import speech_trace

__all__ = ["Report", "Speech", "make_report"]

_SPEECH_SECONDS = 10
_WITHOUT_FEATURES = 300
"""Input vectors where nobody knows how long one lasts."""


@dataclass(frozen=True, kw_only=True)
class Speech:
    """A stretch of speech at a stated rate of tokens, from START to HALT.

    seconds, real_time_factor   None where the image has no feature definition
    """

    vectors: int
    tokens: int
    tokens_per_second: float
    cycles: int
    clock_hz: int
    seconds: float | None
    real_time_factor: float | None

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Report:
    """What `sordino report` shows of one image; `as_dict` is its JSON.

    head      what `sordino info --json` says of the image
    limiters  by name of a matrix, what limits its products
    """

    head: dict[str, Any]
    matrices: tuple[MatrixReport, ...]
    limiters: dict[str, str]
    layers: tuple[LayerTime, ...]
    bounds: Bounds
    timelines: tuple[Timeline, ...]
    memory: tuple[MemoryUse, ...]
    savings: Savings
    speech: Speech
    host: HostWork | None

    @property
    def total(self) -> Stalls:
        """The cycles of the whole stretch of speech."""
        return self.layers[-1].stalls

    def summary(self) -> dict[str, Any]:
        """The image in a few numbers."""
        weights = sum(matrix.weights for matrix in self.matrices)
        non_zeros = sum(matrix.non_zeros for matrix in self.matrices)
        places = sum(matrix.places for matrix in self.matrices)
        config = self.head["config"]
        lane_cycles = config["lanes"] * sum(matrix.cycles for matrix in self.matrices)
        coded = self.savings.steps[-1].bytes
        return {
            "bytes": self.head["bytes"],
            "weights": weights,
            "zeros": 1 - non_zeros / weights,
            "bits_per_weight": 8 * coded / weights,
            "h0": 8 * self.savings.entropy_bytes / weights,
            "frame_best": self.bounds.frame.best,
            "frame_worst": self.bounds.frame.worst,
            "utilisation": places * config["group"] / lane_cycles,
            "useful": non_zeros / lane_cycles,
            "real_time_factor": self.speech.real_time_factor,
            "memory_bits": sum(memory.bits for memory in self.memory),
        }

    def matrix_rows(self) -> list[dict[str, Any]]:
        """One dictionary a matrix, limiter included: the rows of the CSV."""
        return [{**m.as_dict(), "limiter": self.limiters[m.name]} for m in self.matrices]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **self.head,
            "summary": self.summary(),
            "weight_matrices": self.matrix_rows(),
            "layers": [layer.as_dict() for layer in self.layers],
            "timelines": [timeline.as_dict() for timeline in self.timelines],
            "memory": [memory.as_dict() for memory in self.memory],
            "savings": self.savings.as_dict(),
            "speech": self.speech.as_dict(),
            "host_work": None if self.host is None else self.host.as_dict(),
        }


def make_report(
    image: Image,
    name: str,
    *,
    tokens_per_second: float,
    clock_hz: int | None = None,
    on_matrix: Callable[[int], None] = lambda _: None,
) -> Report:
    """The report of an image called `name`; ImageError or InputError where there is none to make.

    Times are the cycle model's, which are the circuit's. `on_matrix` is called with 1 after each
    entry of the directory.
    """
    verify(image)
    definition = _definition(image)
    speech_vectors, tokens, seconds = _stretch(image, definition, tokens_per_second)
    trace = speech_trace(image, speech_vectors, tokens)
    timer, stored = Timer(image), StoredDurations(image)
    try:
        matrices = report_matrices(image, timer.durations, stored, on_matrix)
    except StreamError as error:
        raise ImageError(f"{error}; compile the model again") from None
    profile = timer.time(trace)
    bounds = frame_bounds(image, durations=timer.durations)
    if bounds is None or not matrices:
        raise InputError("wanted an image that reads input and has matrices; compile a model")
    entries = entry_bounds(image, durations=timer.durations)
    layers = layer_times(profile)
    clock = clock_hz or image.config.clock_hz
    counted = {layer.name: layer.stalls.limiter for layer in layers}
    timelines = [
        frame_timeline(image, n, durations=timer.durations)
        for n in range(min(1, image.network.max_symbols) + 1)
    ]
    dense = frame_timeline(image, 0, durations=stored)
    return Report(
        head=image_summary(image, name, len(image.to_bytes()), bounds, entries),
        matrices=tuple(matrices),
        limiters={m.name: counted.get(m.name, "–") for m in matrices},
        layers=tuple(layers),
        bounds=bounds,
        timelines=tuple(timelines),
        memory=tuple(memory_map(image)),
        savings=weight_steps(image, matrices, stored=dense.cycles, skipped=timelines[0].cycles),
        speech=Speech(
            vectors=speech_vectors,
            tokens=tokens,
            tokens_per_second=tokens_per_second,
            cycles=profile.cycles,
            clock_hz=clock,
            seconds=seconds,
            real_time_factor=None if seconds is None else profile.cycles / clock / seconds,
        ),
        host=None if definition is None else host_work(image, definition, tokens_per_second),
    )


def _definition(image: Image) -> FeatureDefinition | None:
    return None if image.host.features is None else FeatureDefinition.of_image(image)


def _stretch(
    image: Image, definition: FeatureDefinition | None, rate: float
) -> tuple[int, int, float | None]:
    """Input vectors, tokens and seconds of the speech that is timed."""
    if definition is None:
        vectors = _WITHOUT_FEATURES
        return vectors, min(vectors, round(rate * _SPEECH_SECONDS)), None
    vectors = round(_SPEECH_SECONDS * definition.front_end.frame_rate / definition.stack)
    seconds = vectors * definition.stack / definition.front_end.frame_rate
    return vectors, round(rate * seconds), seconds
