"""What an image takes of time, memory and logic, in seconds and without a vendor's tool."""

from dataclasses import asdict, dataclass
from typing import Any

from sordino.cycles.bounds import Bounds, frame_bounds
from sordino.image.checks.verify import verify
from sordino.image.image import Image
from sordino.speech.features import FeatureDefinition
from sordino.tools.estimate.blocks import products
from sordino.tools.estimate.devices import DEVICES, DeviceUse, use_of
from sordino.tools.estimate.logic import Fit, estimate_logic
from sordino.tools.estimate.memories import bits_by_kind

__all__ = ["Estimate", "LogicEstimate", "estimate_image", "frame_seconds"]


@dataclass(frozen=True, kw_only=True)
class LogicEstimate:
    """A fitted number and the largest error that the fit has of a machine it has not seen."""

    number: float
    error: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What one image takes on its own machine.

    bytes        of the image file
    cycles       of a frame, exact, as `sordino info`
    clock_hz, real_time_factor   at best and at worst, where the image says how long a frame is
    memory_bits  by kind, exact
    multipliers  operand widths and number, exact
    luts, flip_flops   estimated; without the read manager and the rings of a machine that streams
    devices      what it takes of known FPGAs
    """

    config: dict[str, Any]
    bytes: int
    cycles: Bounds | None
    clock_hz: int
    real_time_factor: tuple[float, float | None] | None
    memory_bits: dict[str, int]
    multipliers: dict[str, int]
    luts: LogicEstimate
    flip_flops: LogicEstimate
    devices: tuple[DeviceUse, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **asdict(self),
            "cycles": None if self.cycles is None else self.cycles.as_dict(),
            "devices": [device.as_dict() for device in self.devices],
        }


def frame_seconds(image: Image) -> float | None:
    """Seconds of speech in one input vector; None where the image does not say."""
    if image.host.features is None:
        return None
    definition = FeatureDefinition.of_image(image)
    return definition.stack / definition.front_end.frame_rate


def estimate_image(image: Image, clock_hz: int | None = None) -> Estimate:
    """Estimate; ImageError where no machine would run the image."""
    verify(image)
    config, clock = image.config, clock_hz or image.config.clock_hz
    bounds, seconds = frame_bounds(image), frame_seconds(image)
    fit, logic = Fit.load(), estimate_logic(config)
    factor: tuple[float, float | None] | None = None
    if bounds is not None and seconds is not None:
        chunk = image.host.chunk
        # Of a chunk most frames are an INPUT and no more; the last one takes the time of all.
        best = bounds.frame.best if chunk == 1 else bounds.tokens[0].worst or 0
        worst = bounds.frame.worst
        spoken = clock * seconds * chunk
        factor = (best / spoken, None if worst is None else worst / spoken)
    return Estimate(
        config=config.as_dict(),
        bytes=len(image.to_bytes()),
        cycles=bounds,
        clock_hz=clock,
        real_time_factor=factor,
        memory_bits=bits_by_kind(config),
        multipliers={f"{a} × {b}": count for a, b, count in products(config)},
        luts=LogicEstimate(number=logic["luts"], error=fit.error("luts")),
        flip_flops=LogicEstimate(number=logic["flip_flops"], error=fit.error("flip_flops")),
        devices=tuple(use_of(config, device) for device in DEVICES),
    )
