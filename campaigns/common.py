"""What the campaigns share: where things are, options, images made from a model, and a page."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from click.core import ParameterSource
from numpy.typing import NDArray

from campaigns.catalogue import CAMPAIGNS
from sordino.arch import PRESETS
from sordino.cli.main import cli
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.image.image import Image
from sordino.model.load import load_model
from sordino.speech.corpora.datasets import Utterance
from sordino.tools.bench.trained import find_trained

__all__ = [
    "BUILD",
    "MODELS",
    "RECIPES",
    "ROOT",
    "UTTERANCES",
    "choose_apart",
    "corpus_in",
    "data_option",
    "find_model",
    "find_run",
    "make_image",
    "models_option",
    "needed",
    "optional_data_option",
    "output_option",
    "runs_option",
    "sordino",
    "write_page",
]

ROOT = Path(__file__).resolve().parents[1]
"""The repository that this package lies in; the working directory does not matter."""
BUILD, MODELS, RECIPES = ROOT / "build", ROOT / "models", ROOT / "recipes"
RESULTS = ROOT / "docs" / "results"
UTTERANCES = MODELS / "utterances"
_PLACES = ("data", "models", "runs", "output")
"""Options that say where things are, not what is measured: pages do not repeat them."""

_path = click.Path(path_type=Path)


def _folder(_context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    if not value.is_dir():
        raise InputError(
            f"wanted a folder for {parameter.opts[0]}, but {value} is none; correct the path"
        )
    return value


def _no_data() -> InputError:
    return InputError(
        "wanted the folder of the recordings, with an4/ and fsdd/ in it, got none; give --data "
        "FOLDER, or set DATA"
    )


class _Data(click.Option):
    """An option that has to be given; the refusal names the variable that may stand for it."""

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """As click does."""
        try:
            return super().process_value(ctx, value)
        except click.MissingParameter:
            raise _no_data() from None


_variables = ["DATA", "SORDINO_DATA"]
_data_help = "Folder of the recordings, with an4/ and fsdd/ in it.  [default: variable DATA]"
data_option = click.option(
    "--data",
    cls=_Data,
    type=_path,
    required=True,
    envvar=_variables,
    callback=_folder,
    help=_data_help,
)
optional_data_option = click.option("--data", type=_path, envvar=_variables, help=_data_help)
"""For campaigns that need recordings unless they are given what they would make of them."""
models_option = click.option(
    "--models",
    type=_path,
    default=MODELS,
    envvar=["MODELS", "SORDINO_MODELS"],
    callback=_folder,
    help="Folder of the models; those not there are looked for in the repository's models/."
    "  [default: variable MODELS, else the repository's models/]",
)
runs_option = click.option(
    "--runs",
    type=_path,
    default=BUILD / "runs",
    envvar="RUNS",
    help="Folder of the trainings.  [default: variable RUNS, else the repository's build/runs]",
)


def needed(data: Path | None) -> Path:
    """The folder of the recordings; InputError for none."""
    if data is None:
        raise _no_data()
    return data


def find_run(run: Path, runs: Path) -> Path:
    """The folder of a training: a path, or the name of one in `runs`."""
    return run if run.is_dir() else runs / run


def output_option(page: str) -> Callable[[Any], Any]:
    """The option `-o` of a campaign that writes a page of the repository's docs/results."""
    return click.option(
        "-o",
        "--output",
        type=_path,
        default=RESULTS / page,
        help=f"The page to write.  [default: docs/results/{page} of the repository]",
    )


def corpus_in(data: Path) -> Path:
    """AN4 in the folder of all recordings; the folder itself where it has no an4/ in it."""
    inside = data / "an4"
    return inside if inside.is_dir() else data


def find_model(name: str, models: Path = MODELS) -> Path:
    """A model's file in a folder or in the repository's models/; InputError where it is in none."""
    path = find_trained(name, (models, MODELS))
    if path is None:
        raise InputError(
            f"wanted {name} in {models}, got no such file there; give --models FOLDER, or set "
            "MODELS, to a folder that has it"
        )
    return path


def make_image(model: Path, preset: str, bits: int | None, sparsity: float | None = None) -> Image:
    """Compile, through the file format, so that what runs is what a file would hold.

    bits  of the weights; None: as the model was trained
    """
    options = CompileOptions(weight_bits=bits, sparsity=sparsity)
    compiled = compile_model(load_model(model, None), PRESETS[preset], options)
    return Image.from_bytes(compiled.image.to_bytes())


def choose_apart(errors: NDArray[np.int64], utterances: Sequence[Utterance]) -> int:
    """Word errors where each speaker is decoded with what is best for all the others.

    `errors` (choices, utterances), of what there is to choose from.
    """
    speakers = np.array([u.speaker for u in utterances])
    total = 0
    for speaker in np.unique(speakers):
        own = speakers == speaker
        best = errors[:, ~own].sum(axis=1).argmin()
        total += int(errors[best, own].sum())
    return total


def sordino(*arguments: object) -> None:
    """Run a command of `sordino` in this process; its errors are raised."""
    cli.main([str(a) for a in arguments], prog_name="sordino", standalone_mode=False)


def _made_by() -> str:
    """How the running campaign was started: with make, where nothing that it measures is told."""
    context = click.get_current_context()
    assert context.command.callback is not None
    module = context.command.callback.__module__.rpartition(".")[2]
    name = next(c.name for c in CAMPAIGNS if c.module == module)
    told = []
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if source is ParameterSource.COMMANDLINE and parameter.name not in _PLACES:
            told += _words(parameter, context.params[str(parameter.name)])
    return " ".join([f"python -m campaigns run {name}", *told]) if told else f"make {name}"


def _words(parameter: click.Parameter, value: Any) -> list[str]:
    """An argument or option as it is typed."""
    values = value if isinstance(value, tuple) else [value]
    texts = [v.name if isinstance(v, Path) else f"{v:g}" if isinstance(v, float) else str(v)
             for v in values]  # fmt: skip
    if isinstance(parameter, click.Argument):
        return texts
    if isinstance(parameter, click.Option) and parameter.is_flag:
        return [(parameter.opts if value else parameter.secondary_opts)[0]]
    name = max(parameter.opts, key=len)
    return [word for text in texts for word in (name, text)]


def write_page(path: Path, title: str, parts: Sequence[str]) -> None:
    """A results page that names the command that made it."""
    text = f"# {title}\n\nMade by `{_made_by()}`.\n\n" + "\n".join(parts)
    write_atomically(path, text)
    click.echo(text)
