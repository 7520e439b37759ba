"""End-pointers of the AN4 development speakers: rules and networks, curves, words, time saved."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np

from campaigns.beam import ORDER, language_model
from campaigns.common import corpus_in, data_option, output_option, runs_option, write_page
from campaigns.endpoints_apart import BEHIND, digit_strings, voices
from campaigns.endpoints_data import GAINS, NOISES, Sets
from campaigns.endpoints_rules import (
    SOONER,
    WITHIN,
    Found,
    Network,
    load_network,
    network_rule,
    rule_rows,
)
from campaigns.endpoints_tables import (
    FRAME,
    HEADER,
    LOOK_AHEAD,
    apart_row,
    curve,
    hangover,
    loud,
    row,
    saved_rows,
)
from campaigns.endpoints_train import MODEL
from campaigns.endpoints_words import SOME, Heard, heard_behind
from campaigns.voices.corpus import DRAWN
from sordino.endpoint.decisions import Level
from sordino.endpoint.export import save_endpointer
from sordino.endpoint.judge import LONGEST, Judged
from sordino.endpoint.sets import Example, load_examples, read
from sordino.errors import InputError
from sordino.reference.markdown import table
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.text import Speller

__all__ = ["main"]

MOST = (0.02, 0.01)
"""Shares cut early that may be chosen."""
FSDD = ("george", "jackson", "lucas", "nicolas")
"""Those of FSDD's speakers whom a training may hear."""


def _ship(network: Network, found: Found, output: Path, sets: Sets) -> dict[str, Level]:
    """Write a network with the levels that all speakers together choose."""
    final, (spoken, _) = found.on_all(MOST[0])
    chosen = {"speculative": found.points[spoken], "final": found.points[final]}
    widths = [read(found.examples[0], (one,)).shape[1] for one in network.recipe.inputs]
    save_endpointer(
        output, network.tensors, network.recipe, widths, chosen,
        transducer=sets.sha256, frame_ms=float(FRAME), recipe=network.meta["recipe"],
        licence="Apache-2.0",
    )  # fmt: skip
    return chosen


def _apart(sets: Sets, data: Path, runs: Path) -> dict[str, list[Example]]:
    """Waveforms that nothing is spliced into; synthetic voices where they have been made."""
    said = repr([one.name for one in load_dataset(data / "fsdd", "train")]) + repr(FSDD)
    strings = sets.sounds("fsdd", said, lambda: digit_strings(data / "fsdd", FSDD))
    found = {"FSDD, digits in a row": strings}
    drawn, kept = runs / "voices" / DRAWN, sorted(sets.folder.glob("voices-*.npz"))
    if drawn.is_file():
        source = hashlib.sha256(drawn.read_bytes()).hexdigest()
        found["synthetic voices"] = sets.sounds("voices", source, lambda: voices(runs / "voices"))
    elif len(kept) == 1:
        found["synthetic voices"] = load_examples(kept[0])
    return found


def _introduction(examples: Sequence[Example], sets: Sets) -> list[str]:
    return [
        f"{len(examples)} utterances of 9 speakers, beside `{sets.path.name}` in the machine's "
        f"integers, with {BEHIND:g} s of silence behind, made of each one's own leading frames. "
        "The end of speech is the frame in which the last token of the transcript is written, by "
        "alignment. A decision is early before that frame, or before the last token is written. "
        "Waits are over utterances that were not cut, and do not have the "
        f"{LOOK_AHEAD} ms in them that features look ahead. A speculation is right where nothing "
        "is written after it; none counts as wrong. Intervals: bootstrap over utterances.\n",
        "Each speaker is judged with what the other eight choose: of all points that cut at most "
        f"so many utterances early and wait {WITHIN * FRAME:.0f} ms at most on average (else the "
        f"one that waits shortest), the one before which speculations {SOONER[0] * FRAME} and "
        f"{SOONER[1] * FRAME} ms sooner, in the median, are right most often. A point of a network "
        "is a threshold, frames in a row, and for how long without a token at most it is waited "
        f"({LONGEST[1] * FRAME} to {LONGEST[-1] * FRAME} ms, or for ever).\n",
        f"The n-gram is the {ORDER}-gram of the training speakers' transcripts. Networks differ "
        "in what was drawn alone. They were trained on the other 65 speakers. An end token in the "
        "transducer was left out: it would have to be trained again.\n",
    ]


def _decisions(rows: Sequence[Found], first: Found, judged: Judged) -> list[str]:
    ms, (frames, longest) = loud(first, judged), hangover(first, judged)
    case = f", in any case {longest * FRAME} ms behind the last token" if longest else ""
    return [
        f"## Final, and speculative {SOONER[0] * FRAME} and {SOONER[1] * FRAME} ms sooner\n",
        table(HEADER, [row(one, most) for most in MOST for one in rows]),
        "\nFrom the last loud sound to the decision of the first network, with what features "
        f"look ahead, it is {ms.mean():.0f} ms on average, {np.quantile(ms, 0.9):.0f} ms at the "
        "90th percentile.\n",
        "## Curve\n",
        f"The first network, {frames} frames in a row{case}: share cut early / mean wait in ms, "
        "by what most words of an utterance are.\n",
        table(("threshold", "all", "command", "spelling", "digits"), curve(first, frames, longest)),
    ]


def _words_and_time(said: Mapping[str, Heard], judged: Judged) -> list[str]:
    return [
        "\n## Words\n",
        f"Word errors with {SOME[0]:g} to {SOME[1]:g} s behind: without end-pointing, and cut at "
        "the first network's final decisions. What is said behind an end is in the next utterance, "
        "which begins with the machine's memories cleared. So the words are those of all "
        "utterances; who takes the first one alone loses what an early end cuts off. The "
        "difference is that of all utterances to the recording as it ends. Louder silence is "
        f"{GAINS[0]:g} to {GAINS[1]:g} dB above the own one. Noise begins with the file's end, "
        f"{NOISES[0]:g} to {NOISES[1]:g} dB below the speech.\n",
        table(
            (
                "behind",
                "as it ends",
                "with what is behind",
                "the first utterance",
                "all utterances",
                "difference",
            ),
            [one.row(name) for name, one in said.items()],
        ),
        "\nErrors more, or fewer: of what is heard behind the end, of what ends change, and of "
        "what is in later utterances.\n",
        table(
            ("behind", "by what is behind", "by ends", "the first utterance alone"),
            [one.split(name) for name, one in said.items()],
        ),
        "\n## Milliseconds saved downstream\n",
        "What comes downstream begins with the speculation, and is begun anew where the final "
        "words are others. Where it is right, the answer comes sooner by the time between both "
        "decisions, at most by what it takes. The first row is the re-ranking service as "
        "[measured](serve-load.md) with one client; the others are stand-ins.\n",
        table(
            ("downstream", "takes, ms", "a reset, ms", "saved at 200 ms", "at 120 ms"),
            saved_rows(judged),
        ),
    ]


def _elsewhere(network: Network, first: Found, sets: dict[str, list[Example]]) -> list[str]:
    final, (spoken, _) = first.on_all(MOST[0])
    rows = [
        apart_row(name, network_rule(network, examples), final, spoken)
        for name, examples in sets.items()
    ]
    return [
        "\n## Waveforms that nothing is spliced into\n",
        "The first network at the levels that all development speakers choose. Noise lies evenly "
        "under all of a recording; the end is that of the sound. The end-pointer was not "
        "trained on such voices; `voices_rnnt_causal` was, and on these speakers of FSDD.\n",
        table(
            ("what", "utterances", "cut early", "wait, mean ms", "right", "sooner, ms",
             "640 ms of blanks: early", "wait, mean ms"),
            rows,
        ),
    ]  # fmt: skip


def _size(networks: Sequence[Network]) -> list[str]:
    rows = [
        (n.name, str(n.recipe.units), " + ".join((*n.recipe.inputs, "run")), str(n.recipe.bits),
         f"{n.places:,}")
        for n in networks
    ]  # fmt: skip
    return [
        "\n## Size\n",
        table(("network", "units", "reads", "bits", "places"), rows),
        "A place is a unit and a column whose four weights are not all zero.\n",
    ]


@click.command()
@data_option
@runs_option
@output_option("endpoints.md")
@click.option(
    "--model",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    default=MODEL,
    help="The transducer.  [default: the repository's models/voices_rnnt_causal.npz]",
)
@click.option("--name", default="endpointer", show_default=True,
              help="What the files of `endpoints-train` begin with.")  # fmt: skip
@click.option("--ship", type=click.Path(path_type=Path),
              help="Write the first network there, at levels that all choose.")  # fmt: skip
def main(data: Path, runs: Path, output: Path, model: Path, name: str, ship: Path | None) -> None:
    """Judge end-pointers on the development speakers, each with what the others choose."""
    sets = Sets(model, corpus_in(data), runs)
    files = sorted(sets.folder.glob(f"{name}[0-9].endpoint.npz"))
    if not files:
        raise InputError(
            f"wanted {name}0.endpoint.npz in {sets.folder}, got none; run endpoints-train first"
        )
    examples = sets.behind("dev")
    speller = Speller(sets.model.tokens, sets.model.blank)
    networks = [load_network(path) for path in files]
    rules = rule_rows(examples, language_model(data), speller)
    found = [network_rule(network, examples) for network in networks]
    judged = found[0].judged(MOST[0])
    said = {
        what: heard_behind(sets, networks[0], found[0], judged, what, speller)
        for what in ("silence", "louder", "noise")
    }
    parts = [
        *_introduction(examples, sets),
        *_decisions([*rules, *found], found[0], judged),
        *_words_and_time(said, judged),
        *_elsewhere(networks[0], found[0], _apart(sets, data, runs)),
        *_size(networks),
    ]
    write_page(output, "End-pointers", parts)
    if ship is not None:
        chosen = _ship(networks[0], found[0], ship, sets)
        click.echo(f"{ship}: " + ", ".join(f"{key} {level}" for key, level in chosen.items()))
