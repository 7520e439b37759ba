"""The options of a beam search, for the commands that decode."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from sordino.cli.shared.options import path_type
from sordino.decode.arpa import load_arpa
from sordino.decode.beam import INTERNAL_WEIGHT, BeamOptions, Fusion
from sordino.decode.decoder import Decoder
from sordino.decode.fusion import FusionOptions, NgramFusion
from sordino.decode.phrases.fusion import PhraseFusion
from sordino.decode.phrases.listing import DEFAULT_BONUS, read_phrases
from sordino.decode.sum import FusionSum
from sordino.decode.transducer import Transducer
from sordino.speech.text import Speller

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

    The weights mean something beside `lm` alone, and `phrase_bonus` beside `phrases`; None: the
    default. A usage error where one is given and the other is not, and for phrases without a
    search.
    """

    beam: int | None
    lm: Path | None
    lm_weight: float | None
    word_bonus: float | None
    internal_weight: float | None
    phrases: Path | None
    phrase_bonus: float | None

    def __post_init__(self) -> None:
        given = [f"--{n.replace('_', '-')}" for n in _WEIGHTS if getattr(self, n) is not None]
        if given and self.lm is None:
            raise click.UsageError(f"wanted --lm FILE beside {' and '.join(given)}, got none")
        if self.phrase_bonus is not None and self.phrases is None:
            raise click.UsageError("wanted --phrases FILE beside --phrase-bonus, got none")
        if self.phrases is not None and (not self.wanted or self.beam == 1):
            raise click.UsageError(
                "wanted a beam of at least 2 beside --phrases, got "
                f"{'--beam 1' if self.beam else 'none'}: greedy decoding has nothing to choose "
                f"from; add --beam {_DEFAULTS.beam}"
            )

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
        beside = "".join(f" + {path.name}" for path in (self.lm, self.phrases) if path is not None)
        return f"beam {self.beam or _DEFAULTS.beam}{beside}"

    def _bonus(self) -> float:
        return DEFAULT_BONUS if self.phrase_bonus is None else self.phrase_bonus

    def decoder(self, transducer: Transducer[Any]) -> Decoder:
        """The decoder of a transducer; InputError for a file beside it that cannot be used."""
        parts, weights = list[Fusion](), self.weights()
        if self.lm is not None:
            options = FusionOptions(weight=weights["lm_weight"], word_bonus=weights["word_bonus"])
            model = load_arpa(self.lm)
            parts.append(NgramFusion(model, transducer.tokens, options, transducer.blank))
        if self.phrases is not None:
            speller = Speller(transducer.tokens, transducer.blank)
            listed = read_phrases(self.phrases, speller, self._bonus())
            parts.append(PhraseFusion(listed, transducer.tokens))
        fusion = FusionSum(parts) if len(parts) > 1 else next(iter(parts), None)
        return Decoder(
            transducer=transducer,
            options=BeamOptions(
                beam=self.beam or _DEFAULTS.beam,
                internal=weights["internal_weight"] if self.lm is not None else 0.0,
            ),
            fusion=fusion,
        )

    def as_dict(self, decoder: Decoder | None = None) -> dict[str, Any]:
        """The options for --json; None for what does not take part.

        `decoder` is what was made of them, and knows how many phrases there are.
        """
        return {
            "beam": (self.beam or _DEFAULTS.beam) if self.wanted else None,
            "lm": None if self.lm is None else str(self.lm),
            **(dict.fromkeys(_WEIGHTS) if self.lm is None else self.weights()),
            "phrases": None if self.phrases is None else str(self.phrases),
            "phrase_bonus": None if self.phrases is None else self._bonus(),
            "phrase_count": None
            if decoder is None or decoder.phrases is None
            else len(decoder.phrases.listed),
        }


def _chosen(name: str) -> str:
    return f"[default: {_WEIGHTS[name]:g}, chosen on AN4's development speakers]"


def search_options(command: _Command, *, always: bool = False) -> _Command:
    """Options --beam, --lm, --lm-weight, --word-bonus, --internal-weight, and those of phrases.

    `always`: the command searches, whatever it is told.
    """
    default = f"{_DEFAULTS.beam}" if always else f"greedy; {_DEFAULTS.beam} with --lm"
    for option in (
        click.option(
            "--phrase-bonus",
            type=click.FloatRange(0),
            metavar="NATS",
            help="With --phrases: nats for each letter of a phrase that has no bonus of its own in "
            f"the file.  [default: {DEFAULT_BONUS:g}, chosen on AN4's training speakers with "
            "noise]",
        ),
        click.option(
            "--phrases",
            type=path_type,
            help="Phrases that are likely, one a line: names, devices, whatever the utterances "
            "may be about. They need a beam.",
        ),
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
