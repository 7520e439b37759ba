"""The options of a beam search, for the commands that decode."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from sordino.cli.shared.options import path_type
from sordino.decode.arpa import load_arpa
from sordino.decode.beam import INTERNAL_WEIGHT, BeamOptions
from sordino.decode.decoder import Decoder
from sordino.decode.fusion import FusionOptions, NgramFusion
from sordino.decode.transducer import Transducer

__all__ = ["SearchChoice", "search_options"]

_DEFAULTS, _FUSION = BeamOptions(), FusionOptions()
_WEIGHTS = {
    "lm_weight": _FUSION.weight,
    "word_bonus": _FUSION.word_bonus,
    "internal_weight": INTERNAL_WEIGHT,
}
"""Defaults of what is weighed beside a language model, by field."""
_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class SearchChoice:
    """What the command line says of the search; `beam` None and no `lm`: greedy decoding.

    The weights mean something beside `lm` alone; None: the default. A usage error where a weight
    is given and `lm` is not.
    """

    beam: int | None
    lm: Path | None
    lm_weight: float | None
    word_bonus: float | None
    internal_weight: float | None

    def __post_init__(self) -> None:
        given = [f"--{n.replace('_', '-')}" for n in _WEIGHTS if getattr(self, n) is not None]
        if given and self.lm is None:
            raise click.UsageError(f"wanted --lm FILE beside {' and '.join(given)}, got none")

    def weights(self) -> dict[str, float]:
        """The weights that hold: what is given, else the defaults."""
        given = {name: getattr(self, name) for name in _WEIGHTS}
        return {n: _WEIGHTS[n] if value is None else value for n, value in given.items()}

    @property
    def wanted(self) -> bool:
        """Whether it is more than greedy decoding."""
        return self.beam is not None or self.lm is not None

    def __str__(self) -> str:
        if not self.wanted:
            return "greedy"
        return f"beam {self.as_dict()['beam']}" + (f" + {self.lm.name}" if self.lm else "")

    def decoder(self, transducer: Transducer[Any]) -> Decoder:
        """The decoder of a transducer; InputError for a language model that cannot be read."""
        fusion, weights = None, self.weights()
        if self.lm is not None:
            options = FusionOptions(weight=weights["lm_weight"], word_bonus=weights["word_bonus"])
            fusion = NgramFusion(load_arpa(self.lm), transducer.tokens, options, transducer.blank)
        return Decoder(
            transducer=transducer,
            options=BeamOptions(
                beam=self.beam or _DEFAULTS.beam,
                internal=weights["internal_weight"] if self.lm is not None else 0.0,
            ),
            fusion=fusion,
        )

    def as_dict(self) -> dict[str, Any]:
        """The options for --json; None where decoding is greedy or there is no language model."""
        return {
            "beam": (self.beam or _DEFAULTS.beam) if self.wanted else None,
            "lm": None if self.lm is None else str(self.lm),
            **(dict.fromkeys(_WEIGHTS) if self.lm is None else self.weights()),
        }


def _chosen(name: str) -> str:
    return f"[default: {_WEIGHTS[name]:g}, chosen on AN4's development speakers]"


def search_options(command: _Command, *, always: bool = False) -> _Command:
    """Options --beam, --lm, --lm-weight, --word-bonus and --internal-weight.

    `always`: the command searches, whatever it is told.
    """
    default = f"{_DEFAULTS.beam}" if always else f"greedy; {_DEFAULTS.beam} with --lm"
    for option in (
        click.option(
            "--internal-weight",
            type=click.FloatRange(0),
            help="With --lm: weight of the network's own language model, which is taken off.  "
            f"{_chosen('internal_weight')}",
        ),
        click.option(
            "--word-bonus",
            type=float,
            help="With --lm: nats added for every word; a large bonus inserts words.  "
            f"{_chosen('word_bonus')}",
        ),
        click.option(
            "--lm-weight",
            type=click.FloatRange(0),
            help=f"With --lm: weight of its logarithms.  {_chosen('lm_weight')}",
        ),
        click.option(
            "--lm",
            type=path_type,
            help="Word n-gram as an ARPA file (`sordino lm`), fused into the search.",
        ),
        click.option(
            "--beam",
            type=click.IntRange(1),
            default=_DEFAULTS.beam if always else None,
            help=f"Beam search on the host, so many hypotheses wide.  [default: {default}]",
        ),
    ):
        command = option(command)
    return command
