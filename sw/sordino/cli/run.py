"""`sordino run`, `sordino cosim` and `sordino eval`."""

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from sordino.cli.options import IMAGE, json_option, path_type
from sordino.cli.output import console, frequency, print_json, print_table, progress
from sordino.cli.speech import features_of, frame_seconds, load_definition, make_engine, text_of
from sordino.engines.bound import cycle_bound
from sordino.engines.compiled import is_cached
from sordino.engines.cosim import compare
from sordino.engines.engine import Record, RunResult
from sordino.engines.profile import layer_times
from sordino.engines.rtl import Rtl
from sordino.isa.image import Image
from sordino.isa.instructions import Opcode
from sordino.isa.registers import Error
from sordino.model.load import load_model
from sordino.speech.datasets import Utterance, load_dataset
from sordino.speech.features import load_features
from sordino.speech.reference import FloatRnnt
from sordino.speech.wer import Wer, word_error_rate

__all__ = ["cosim", "evaluate", "run"]

ENGINES = click.Choice(["golden", "rtl"])
_SIMULATORS = {"golden": "numpy", "rtl": "cxxrtl"}


def _announce_build(engines: tuple[str, ...], image: Image) -> None:
    if "rtl" in engines and not is_cached(image.config):
        click.echo(
            f"building the simulator of {image.config.name} once (up to a minute for 16 lanes) ...",
            err=True,
        )


def _frames(image: Image, features: NDArray[np.int8]) -> dict[str, Any]:
    return {"frames": len(features), "seconds": len(features) * frame_seconds(image)}


def _run_one(
    image: Image, engine: Any, path: str, clock: int, limit: int | None
) -> tuple[dict[str, Any], RunResult]:
    features, feature_seconds = features_of(image, path)
    bound = limit or cycle_bound(image, len(features))
    inputs = [number for number, i in enumerate(image.program) if i.opcode is Opcode.INPUT]
    with progress() as bar:
        task = bar.add_task(Path(path).name, total=len(features))

        def on_record(record: Record) -> None:
            if record.pc in inputs:
                bar.advance(task)

        result = engine.run(features, cycle_limit=bound, record=on_record)
    cycles = result.counters.get("cycles")
    entry = {
        "input": path,
        "transcript": text_of(image, result.tokens),
        "tokens": result.tokens,
        **_frames(image, features),
        "cycles": cycles,
        "clock_hz": clock,
        "real_time_factor": None,
        "engine": engine.name,
        "simulator": _SIMULATORS[engine.name],
        "feature_seconds": feature_seconds,
        "counters": result.counters,
        "error": None if result.error is Error.NONE else result.error.name,
    }
    if cycles is not None:
        entry["real_time_factor"] = cycles / clock / entry["seconds"]
    if isinstance(engine, Rtl):
        entry["layers"] = [time.as_dict() for time in layer_times(image, engine.profile())]
    return entry, result


def _print_run(entry: dict[str, Any]) -> None:
    console.print(f"[bold]{entry['transcript'] or '(nothing)'}[/bold]")
    line = f"  {entry['input']}: {entry['seconds']:.2f} s, {entry['frames']} frames"
    if entry["cycles"] is not None:
        line += (
            f", {entry['cycles']:,} cycles, real-time factor {entry['real_time_factor']:.3f} at "
            f"{entry['clock_hz'] / 1e6:g} MHz"
        )
    console.print(line + f"; features {entry['feature_seconds'] * 1e3:.0f} ms on the host")
    if "layers" in entry:
        print_table(
            ("layer", "times", "cycles", "share", "cycles each", "utilisation", "useful"),
            [
                (
                    layer["name"],
                    f"{layer['times']:,}",
                    f"{layer['cycles']:,}",
                    f"{layer['cycles'] / entry['cycles']:.1%}",
                    f"{layer['cycles'] / layer['times']:,.0f}",
                    "" if layer["utilisation"] is None else f"{layer['utilisation']:.3f}",
                    "" if layer["useful"] is None else f"{layer['useful']:.3f}",
                )
                for layer in entry["layers"]
            ],
        )
    if entry["error"]:
        console.print(f"  stopped: {entry['error']}")


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino run model.sordino speech.wav\n"
    "  sordino run model.sordino *.flac --engine rtl --clock 100MHz --json\n"
    "  sordino run model.sordino speech.wav --engine rtl --vcd speech.vcd",
)
@IMAGE
@click.argument("inputs", nargs=-1, required=True)
@click.option(
    "--engine",
    type=ENGINES,
    default="golden",
    show_default=True,
    help="Exact numpy machine, or the compiled circuit.",
)
@click.option(
    "--clock",
    callback=frequency,
    metavar="HZ",
    help="Clock for the real-time factor.  [default: the configuration's]",
)
@click.option(
    "--cycle-limit",
    type=click.IntRange(1),
    help="Stop after that many cycles.  [default: a bound of the program's longest path]",
)
@click.option(
    "--vcd",
    type=path_type,
    help="Write a waveform (rtl; large: use a short input).",
)
@json_option
def run(
    image: Path,
    inputs: tuple[str, ...],
    engine: str,
    clock: int | None,
    cycle_limit: int | None,
    vcd: Path | None,
    as_json: bool,
) -> None:
    """Transcribe INPUTS (WAV, FLAC, Sphere, Sphinx .mfc or .npy features) with IMAGE."""
    if vcd is not None and engine != "rtl":
        raise click.UsageError("--vcd needs --engine rtl")
    program = Image.load(image)
    for path in inputs:
        features_of(program, path)
    _announce_build((engine,), program)
    device = make_engine(engine, program, **({"vcd": vcd} if vcd else {}))
    entries = []
    for path in inputs:
        entry, _ = _run_one(program, device, path, clock or program.config.clock_hz, cycle_limit)
        entries.append(entry)
        if not as_json:
            _print_run(entry)
    if as_json:
        print_json({"image": str(image), "inputs": entries})
    if any(entry["error"] for entry in entries):
        sys.exit(1)


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino cosim model.sordino speech.wav\n"
    "  sordino cosim model.sordino speech.wav --until 5 --vcd speech.vcd",
)
@IMAGE
@click.argument("inputs", nargs=-1, required=True)
@click.option(
    "--engines", default="golden,rtl", show_default=True, help="Two engines, the reference first."
)
@click.option(
    "--until", type=click.IntRange(1), metavar="FRAME", help="Only the first FRAME input vectors."
)
@click.option("--vcd", type=path_type, help="Write a waveform of the rtl engine.")
@json_option
def cosim(
    image: Path,
    inputs: tuple[str, ...],
    engines: str,
    until: int | None,
    vcd: Path | None,
    as_json: bool,
) -> None:
    """Run INPUTS on two engines and compare every instruction's results; exit 1 if any differ."""
    names = tuple(engines.split(","))
    if len(names) != 2 or any(n not in ENGINES.choices for n in names):
        raise click.BadParameter(
            f"wanted two of golden and rtl, got {engines!r}", param_hint="--engines"
        )
    program = Image.load(image)
    loaded = [(path, features_of(program, path)[0][:until]) for path in inputs]
    _announce_build(names, program)
    options = [{"vcd": vcd} if vcd and name == "rtl" else {} for name in names]
    first, second = (make_engine(n, program, **o) for n, o in zip(names, options, strict=True))
    entries, words, difference = [], 0, None
    with progress() as bar:
        for path, features in loaded:
            task = bar.add_task(Path(path).name, total=len(features))
            inputs_at = {n for n, i in enumerate(program.program) if i.opcode is Opcode.INPUT}

            def on_record(record: Record, task: Any = task, at: set[int] = inputs_at) -> None:
                if record.pc in at:
                    bar.advance(task)

            outcome = compare(program, first, second, features, on_record=on_record)
            words += outcome.words_compared
            difference = difference or outcome.first_difference
            entries.append(
                {
                    "input": path,
                    "identical": outcome.identical,
                    "words_compared": outcome.words_compared,
                    "instructions": outcome.records_compared,
                    "transcript": text_of(program, outcome.results[0].tokens),
                    "cycles": outcome.results[1].counters.get("cycles"),
                    "first_difference": outcome.first_difference,
                }
            )
    if as_json:
        print_json(
            {
                "identical": difference is None,
                "words_compared": words,
                "engines": names,
                "inputs": entries,
                "first_difference": difference,
            }
        )
    else:
        for entry in entries:
            verdict = "identical" if entry["identical"] else "DIFFERENT"
            console.print(
                f"[bold]{verdict}[/bold]  {entry['input']}: {entry['words_compared']:,} state "
                f"words of {entry['instructions']:,} instructions compared, {' = '.join(names)}"
            )
            if entry["first_difference"]:
                console.print(f"  first difference: {entry['first_difference']}")
    if difference is not None:
        sys.exit(1)


def _transcribe(model: Path, engine: str, utterances: list[Utterance]) -> list[str]:
    texts = []
    with progress() as bar:
        task = bar.add_task(f"{model.name} ({engine})", total=len(utterances))
        if engine == "float":
            loaded = load_model(model, None)
            network = FloatRnnt(loaded.arrays(), loaded.meta)
            definition = loaded.feature_definition()
            for utterance in utterances:
                x = load_features(utterance.path, definition)
                texts.append(network.text(network.transcribe(x)))
                bar.advance(task)
        else:
            image = Image.load(model)
            load_definition(image)
            device = make_engine(engine, image)
            for utterance in utterances:
                result = device.run(features_of(image, utterance.path)[0])
                texts.append(text_of(image, result.tokens))
                bar.advance(task)
    return texts


@click.command(
    "eval",
    epilog="\b\nExamples:\n"
    "  sordino eval model.sordino --data an4\n"
    "  sordino eval model.npz --data an4 --engine float --json",
)
@click.argument("model", type=path_type)
@click.option(
    "--data",
    type=path_type,
    required=True,
    help="An AN4 tree or an FSDD recordings folder.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "dev", "test"]),
    default="dev",
    show_default=True,
    help="Utterances to use.",
)
@click.option(
    "--engine",
    type=click.Choice(["golden", "rtl", "float"]),
    help="[default: golden for an image, float for a model]",
)
@json_option
def evaluate(model: Path, data: Path, split: str, engine: str | None, as_json: bool) -> None:
    """Word error rate of MODEL (an image, or a float model) over a data set."""
    engine = engine or ("golden" if model.suffix == ".sordino" else "float")
    utterances = load_dataset(data, split)  # type: ignore[arg-type]
    texts = _transcribe(model, engine, utterances)
    score: Wer = word_error_rate([u.text for u in utterances], texts)
    if as_json:
        print_json(
            {
                "model": str(model),
                "engine": engine,
                "split": split,
                "wer": score.wer,
                "errors": score.errors,
                "words": score.words,
                "utterances": score.utterances,
                "utterance_errors": list(score.utterance_errors),
            }
        )
    else:
        print_table(
            ("model", "engine", "split", "WER", "errors", "words", "utterances"),
            [
                (
                    model.name,
                    engine,
                    split,
                    f"{score.wer:.2%}",
                    score.errors,
                    score.words,
                    score.utterances,
                )
            ],
        )
