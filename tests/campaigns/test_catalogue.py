"""The list of campaigns: whole, independent of the working directory, and on the results' pages."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from campaigns.__main__ import campaigns
from campaigns.catalogue import CAMPAIGNS, lines
from campaigns.common import MODELS, ROOT, find_model
from sordino.cli.main import main
from sordino.errors import InputError

RESULTS = ROOT / "docs" / "results"
BY_NAME = {campaign.name: campaign for campaign in CAMPAIGNS}


def program(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh Python in the folder `/`, where nothing of ours is."""
    path = os.pathsep.join(str(ROOT / part) for part in ("hw", "sw", "sim"))
    inherited = {k: v for k, v in os.environ.items() if not k.endswith(("DATA", "MODELS", "RUNS"))}
    return subprocess.run(
        [sys.executable, "-W", "error", *map(str, arguments)],
        cwd="/",
        env={**inherited, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_module_with_a_command_is_listed_once() -> None:
    modules = sorted(
        path.stem
        for path in (ROOT / "campaigns").glob("*.py")
        if re.search(r"^def main\(", path.read_text(), re.M)
    )
    assert sorted(campaign.module for campaign in CAMPAIGNS) == modules
    assert len(BY_NAME) == len(CAMPAIGNS)
    assert [line.split()[0] for line in lines()] == list(BY_NAME)


def test_every_page_of_results_is_of_one_campaign() -> None:
    """The report is `make report`'s, which is no campaign; `readings.md` is a log kept by hand."""
    pages = sorted(campaign.page for campaign in CAMPAIGNS if campaign.page)
    assert pages == sorted(path.name for path in RESULTS.glob("*.md") if path.name != "readings.md")


@pytest.mark.parametrize("campaign", [c for c in CAMPAIGNS if c.page], ids=lambda c: c.name)
def test_a_page_names_the_command_that_made_it(campaign) -> None:
    made = re.search(r"^Made by `(.*)`\.$", (RESULTS / campaign.page).read_text(), re.M)
    assert made is not None
    assert (made[1] + " ").startswith(
        (f"make {campaign.name} ", f"python -m campaigns run {campaign.name} ")
    )


def test_the_list_as_a_table_and_as_json() -> None:
    table = program(ROOT / "campaigns", "list")
    assert table.returncode == 0
    assert all(f" {name} " in table.stdout for name in BY_NAME)
    listed = program("-m", "campaigns", "list", "--json", PYTHONPATH=str(ROOT) + os.pathsep +
                     os.pathsep.join(str(ROOT / part) for part in ("hw", "sw", "sim")))  # fmt: skip
    rows = json.loads(listed.stdout)["campaigns"]
    assert [row["name"] for row in rows] == list(BY_NAME)
    assert rows[0] == {
        "name": "wer",
        "shows": "word error rates, in float and on the exact machine",
        "takes": "minutes",
        "needs": ["recordings", "float model"],
        "extra": None,
        "page": "docs/results/wer.md",
    }


def test_make_help_needs_nothing_installed() -> None:
    listed = program("-S", ROOT / "campaigns" / "catalogue.py")
    assert listed.stdout.splitlines() == [f"make {line}" for line in lines()]


def test_make_knows_every_campaign_and_what_it_needs() -> None:
    """Names alone are targets, and an extra's packages are installed where one is needed."""
    makefile = (ROOT / "Makefile").read_text()
    (names,) = re.findall(r"^CAMPAIGNS := ((?:.*\\\n)*.*)$", makefile, re.M)
    assert sorted(names.replace("\\\n", " ").split()) == sorted(BY_NAME)
    needs = dict(re.findall(r"^NEEDS_(\S+) := \$\((\w+)\)$", makefile, re.M))
    wanted = {c.name: c.extra.upper() for c in CAMPAIGNS if c.extra}
    assert needs == wanted
    lists = dict(re.findall(r"^(\w+) := \$\(STAMPS\)/(\S+)$", makefile, re.M))
    for extra in wanted.values():
        assert lists[extra].split(",")[0] == "sim"
        assert lists[extra].split(",")[-1] == extra.lower()


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("target", ["fuzz", "campaign-fuzz", "bench", "training"])
def test_make_runs_a_campaign(target: str) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "-n", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    name = target.removeprefix("campaign-")
    assert done.stdout.splitlines()[-1] == f".venv/bin/python -m campaigns run {name}"


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_help_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    told = re.findall(r"^make (\S+)", done.stdout, re.M)
    targets = re.findall(r"^([a-z]+):(?!=)", makefile, re.M)
    assert told == [*targets, *BY_NAME]


def test_no_campaign_needs_an_optional_package_to_say_what_it_takes() -> None:
    """Every module is imported, with what only extras bring out of reach."""
    script = (
        "import importlib, sys\n"
        "for name in ('torch', 'tensorboard', 'sentencepiece', 'joblib', 'ethosu'):\n"
        "    sys.modules[name] = None\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from campaigns.catalogue import CAMPAIGNS\n"
        "print(*(importlib.import_module(f'campaigns.{c.module}').main.name for c in CAMPAIGNS))\n"
    )
    done = program("-c", script)
    assert done.stdout.split() == ["main"] * len(CAMPAIGNS), done.stderr


@pytest.mark.parametrize("name", list(BY_NAME))
def test_results_go_to_the_repository_whatever_the_working_directory(name: str) -> None:
    run = campaigns.get_command(click.Context(campaigns), "run")
    assert isinstance(run, click.Group)
    command = run.get_command(click.Context(run), name)
    assert command is not None
    options = {option.name: option for option in command.params}
    page = BY_NAME[name].page
    if page is not None:
        assert options["output"].default == RESULTS / page
    for option in command.params:
        if isinstance(option.default, Path) and not isinstance(option, click.Argument):
            assert option.default.is_relative_to(ROOT)
    if "recordings" in BY_NAME[name].needs:
        assert options["data"].envvar == ["DATA", "SORDINO_DATA"]


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["run", "wer"], {}, "wanted the folder of the recordings, .*, got none; give --data"),
        (["run", "wer"], {"DATA": "/none"}, "a folder for --data, but /none is none; correct"),
        (["run", "wer"], {"DATA": ""}, "got none; give --data FOLDER, or set DATA"),
        (["run", "codec", "--models", "/none"], {}, "a folder for --models, but /none is none"),
        (["run", "sweep"], {}, "wanted the folder of the recordings, .*, got none; give --data"),
        (["run", "wet"], {}, "No such command 'wet'.*; see `python -m campaigns run --help`"),
        (["ran"], {}, "No such command 'ran'"),
        (["run", "wer", "--loud"], {}, "No such option.*--loud.*"),
    ],
)
def test_what_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    environment: dict[str, str],
    said: str,
) -> None:
    for name in ("DATA", "SORDINO_DATA", "MODELS", "SORDINO_MODELS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(arguments, command=campaigns, name="python -m campaigns")
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert err.startswith("sordino: ")
    assert err.count("\n") == 1
    assert re.search(said, err)


def test_a_model_that_is_in_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"wanted none\.npz in .*, got no such file.*--models"):
        find_model("none.npz", tmp_path)
    (tmp_path / "own.npz").touch()
    assert find_model("own.npz", tmp_path) == tmp_path / "own.npz"
    assert find_model("an4_rnnt_causal.npz", tmp_path).parent == MODELS


def test_a_page_says_what_it_was_told_to_measure(tmp_path: Path) -> None:
    """Where nothing was told, `make` makes it; where things are, it does not say."""
    from campaigns import common

    @click.command()
    @common.runs_option
    @common.output_option("fuzz.md")
    @click.option("-n", "--trials", default=200)
    @click.option("--again/--stored", default=True)
    @click.argument("names", nargs=-1)
    def page(runs: Path, output: Path, trials: int, again: bool, names: tuple[str, ...]) -> None:
        common.write_page(output, "Title", ["text"])

    assert page.callback is not None
    page.callback.__module__ = "campaigns.fuzz"
    path = tmp_path / "page.md"
    for told, made in (
        ([], "make fuzz"),
        (["--runs", "/runs"], "make fuzz"),
        (["--trials", "7"], "python -m campaigns run fuzz --trials 7"),
        (["--stored", "a", "b"], "python -m campaigns run fuzz --stored a b"),
    ):
        page.main(["-o", str(path), *told], standalone_mode=False)
        assert path.read_text() == f"# Title\n\nMade by `{made}`.\n\ntext"


def test_no_path_of_a_workshop_is_left() -> None:
    """Data and models come from options and variables, never from beside the repository."""
    found = []
    for part in ("hw", "sw", "sim", "campaigns", "tests", "docs", "recipes", "examples"):
        for path in (ROOT / part).rglob("*"):
            if (
                path.suffix in (".py", ".md", ".toml", ".cpp", ".hpp", ".sh")
                and path != Path(__file__).resolve()
            ):
                text = path.read_text()
                found += [path] * bool(
                    re.search(r"\.\./shared|parent / .shared|/ .shared. /", text)
                )
    for name in ("Makefile", "README.md", "pyproject.toml"):
        found += [name] * ("../shared" in (ROOT / name).read_text())
    assert not found
