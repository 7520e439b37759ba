"""Look-up tables and flip-flops of a machine, from least squares over synthesised samples."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from sordino.arch import Config
from sordino.errors import InputError
from sordino.tools.estimate.logic_features import FEATURES, RESOURCES, features

__all__ = ["COEFFICIENTS", "Fit", "Sample", "estimate_logic", "fit_logic"]

COEFFICIENTS = Path(__file__).parent / "coefficients.json"
"""Where the campaign writes its samples and fit; the only place."""
Coefficients = dict[str, dict[str, tuple[float, ...]]]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What synthesis counted: of one group, or for block `rest` of the whole machine."""

    block: str
    config: Config
    luts: int
    flip_flops: int
    block_rams: int
    multipliers: int


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Samples, coefficients by block and resource, and what each sample would have been without it.

    left_out  for every sample LUTs and flip-flops from a fit to all the others
    """

    samples: tuple[Sample, ...]
    coefficients: Coefficients
    left_out: tuple[dict[str, float], ...]

    def error(self, resource: str) -> float:
        """Largest error of a whole machine that the fit has not seen, as a share."""
        return max(
            abs(estimate[resource] / float(getattr(sample, resource)) - 1)
            for sample, estimate in zip(self.samples, self.left_out, strict=True)
            if sample.block == "rest"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    @cache
    def load(cls) -> "Fit":
        """The fit that ships; InputError where it is missing or not what this version writes."""
        try:
            stored = json.loads(COEFFICIENTS.read_text())
            fit = cls(
                samples=tuple(
                    Sample(**{**sample, "config": Config(**sample["config"])})
                    for sample in stored["samples"]
                ),
                coefficients={
                    block: {name: tuple(numbers) for name, numbers in of.items()}
                    for block, of in stored["coefficients"].items()
                },
                left_out=tuple(stored["left_out"]),
            )
            for (block, names), resource in product(FEATURES.items(), RESOURCES):
                if len(fit.coefficients[block][resource]) != len(names):
                    raise ValueError(f"{block} has other features")
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(
                f"wanted the fit of synthesis in {COEFFICIENTS}, cannot read it: {error}; "
                "run `make estimate`"
            ) from None
        return fit


def _value(coefficients: Coefficients, block: str, resource: str, config: Config) -> float:
    return float(np.dot(coefficients[block][resource], features(block, config)))


def estimate_logic(config: Config, coefficients: Coefficients | None = None) -> dict[str, float]:
    """LUTs and flip-flops of a whole machine, host interface included."""
    found = coefficients or Fit.load().coefficients
    return {
        resource: config.groups * _value(found, "group", resource, config)
        + _value(found, "rest", resource, config)
        for resource in RESOURCES
    }


def _solve(samples: Sequence[Sample]) -> Coefficients:
    """Groups first; the rest is what whole machines have beside their groups."""
    found: Coefficients = {}
    for block in FEATURES:
        mine = [sample for sample in samples if sample.block == block]
        matrix = np.array([features(block, sample.config) for sample in mine])
        found[block] = {}
        for resource in RESOURCES:
            counts = np.array([float(getattr(sample, resource)) for sample in mine])
            if block == "rest":
                counts -= [
                    s.config.groups * _value(found, "group", resource, s.config) for s in mine
                ]
            solution = np.linalg.lstsq(matrix, counts, rcond=None)[0]
            found[block][resource] = tuple(float(number) for number in solution)
    return found


def fit_logic(samples: Sequence[Sample]) -> Fit:
    """Fit coefficients to all samples, and once more without each to find the error."""
    left_out = []
    for sample in samples:
        without = _solve([other for other in samples if other is not sample])
        if sample.block == "rest":
            left_out.append(estimate_logic(sample.config, without))
        else:
            left_out.append({r: _value(without, sample.block, r, sample.config) for r in RESOURCES})
    return Fit(samples=tuple(samples), coefficients=_solve(samples), left_out=tuple(left_out))
