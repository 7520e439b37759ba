"""What commands write: never over what they read, never twice, and checked before any work."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest

from sordino.cli.main import cli
from sordino.cli.shared.paths import InputPath, OutputFile, OutputFolder


def leaves(group=cli, path=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(leaves())
PARAMS = [(path, param) for path, command in COMMANDS.items() for param in command.params]


def is_output(param):
    return isinstance(param.type, OutputFile)


def is_input(param):
    return isinstance(param.type, InputPath) and not is_output(param)


OUTPUTS = [(path, param) for path, param in PARAMS if is_output(param)]
FILES = [(path, param) for path, param in OUTPUTS if not isinstance(param.type, OutputFolder)]
PAIRS = [
    (path, output, read)
    for path, output in OUTPUTS
    for p, read in PARAMS
    if p == path and is_input(read)
]


def identity(value):
    if isinstance(value, click.Parameter):
        return value.name
    return " ".join(value) if isinstance(value, tuple) else getattr(value, "__name__", None)


def option(param):
    return [] if isinstance(param, click.Argument) else [max(param.opts, key=len)]


def arguments(path, given, folder):
    """A command line with these values, and something for all else that it must have."""
    line = list(path)
    for param in COMMANDS[path].params:
        value = given.get(param.name)
        if value is None:
            if not param.required:
                continue
            value = folder / f"some-{param.name}"
            if is_input(param):
                value.write_bytes(b"some")
            if isinstance(param.type, click.Choice):
                value = param.type.choices[0]
        line += [*option(param), str(value)]
    return line


def test_every_path_is_declared_as_read_or_written():
    """A new command cannot have a plain path, whose use nobody knows."""
    for path, param in PARAMS:
        if isinstance(param.type, click.Path):
            assert isinstance(param.type, InputPath), (path, param.name)


def test_what_is_read_and_written():
    """An output declared as an input would not be checked: these are all."""
    assert {(" ".join(path), param.name) for path, param in OUTPUTS} == {
        ("compile", "output"),
        ("compile", "report"),
        ("run", "vcd"),
        ("cosim", "vcd"),
        ("report", "output"),
        ("report", "json_path"),
        ("report", "csv_path"),
        ("sweep", "output"),
        ("verilog", "output"),
        ("build", "output"),
        ("package", "output"),
        ("train", "output"),
        ("lattice", "output"),
        ("lm", "output"),
    }
    for path, param in PARAMS:
        if param.name in ("output", "vcd") or "rite" in (getattr(param, "help", None) or ""):
            assert is_output(param) or not isinstance(param.type, click.Path), (path, param.name)
    strings = {(" ".join(p), a.name) for p, a in PARAMS if isinstance(a, click.Argument)} - {
        (" ".join(p), a.name) for p, a in PARAMS if is_input(a)
    }
    assert strings == set()


def link(path, folder):
    (folder / "link").symlink_to(path)
    return folder / "link"


def hard_link(path, folder):
    (folder / "hard").hardlink_to(path)
    return folder / "hard"


def dotted(path, folder):
    return f"{path.parent}/./{path.name}"


def roundabout(path, folder):
    (folder / "other").mkdir()
    return f"{folder}/other/../{path.relative_to(folder)}"


def linked_folder(path, folder):
    (folder / "linked").symlink_to(path.parent)
    return folder / "linked" / path.name


def plain(path, folder):
    return path


SPELLINGS = [plain, link, hard_link, dotted, roundabout, linked_folder]


@pytest.mark.parametrize(
    ("path", "output", "read", "spelling"),
    [
        (*pair, s)
        for n, pair in enumerate(PAIRS)
        for s in (SPELLINGS if n < 4 else (plain, hard_link))
    ],
    ids=identity,
)
def test_no_command_writes_what_it_reads(sordino, tmp_path, path, output, read, spelling):
    folder = tmp_path / "in"
    folder.mkdir()
    if isinstance(output.type, OutputFolder):
        name = output.type.names[-1].replace("*", "x")
        source = folder / name
        source.parent.mkdir(exist_ok=True)
        source.write_bytes(b"precious")
        written = folder
        given = spelling(source, tmp_path)
    else:
        source = folder / "file.toml"
        source.write_bytes(b"precious")
        written = spelling(source, tmp_path)
        given = source
    line = arguments(path, {output.name: written, read.name: given}, tmp_path)
    said = sordino(*line).complaint()
    assert "cannot write" in said
    assert "reads" in said
    assert source.read_bytes() == b"precious"


@pytest.mark.parametrize(("path", "output", "read"), PAIRS, ids=identity)
def test_no_command_writes_into_the_folder_that_it_reads(sordino, tmp_path, path, output, read):
    folder = tmp_path / "in"
    folder.mkdir()
    old = folder / "transcripts.tsv"
    old.write_bytes(b"precious")
    written = folder if isinstance(output.type, OutputFolder) else old
    line = arguments(path, {output.name: written, read.name: folder}, tmp_path)
    said = sordino(*line).complaint()
    assert "cannot write" in said
    assert "reads" in said
    assert [p.read_bytes() for p in folder.iterdir()] == [b"precious"]


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize(
    ("path", "one", "other"),
    [(p, a, b) for p, a in FILES for q, b in OUTPUTS if p == q and a is not b],
    ids=identity,
)
def test_no_command_writes_a_file_twice(sordino, tmp_path, path, one, other, exists):
    folder = tmp_path / "out"
    folder.mkdir()
    is_folder = isinstance(other.type, OutputFolder)
    file = folder / (other.type.names[0] if is_folder else "x")
    if exists:
        file.write_text("old")
    given = {one.name: f"{folder}/./{file.name}", other.name: folder if is_folder else file}
    said = sordino(*arguments(path, given, tmp_path)).complaint()
    assert "writes" in said
    assert [p.read_text() for p in folder.iterdir()] == ["old"] * exists


@pytest.mark.parametrize(("path", "output"), OUTPUTS, ids=identity)
@pytest.mark.parametrize("name", ["", "-", "file/x", "loop", "loop/x"])
def test_what_cannot_be_written_is_found_first(sordino, tmp_path, monkeypatch, path, output, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("old")
    (tmp_path / "loop").symlink_to("loop")
    line = arguments(path, {output.name: name}, tmp_path)
    sordino(*line).complaint()
    assert not [p for p in tmp_path.iterdir() if p.name not in ("file", "loop")] or all(
        p.read_bytes() == b"some" for p in tmp_path.glob("some-*")
    )
    assert (tmp_path / "file").read_text() == "old"


@pytest.mark.parametrize("name", ["loop", "loop/x", "nowhere", "nowhere/x"])
def test_folders_behind_dead_links_are_found_before_any_work(sordino, tmp_path, monkeypatch, name):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("absent")
    monkeypatch.setattr("sordino.cli.commands.verilog.load_config", None)
    line = ("verilog", "--config", "tiny", "-o", tmp_path / name)
    assert "a link that leads nowhere" in sordino(*line).complaint()


@pytest.mark.parametrize(("path", "output"), OUTPUTS, ids=identity)
def test_no_permission_is_found_first(sordino, tmp_path, monkeypatch, path, output):
    monkeypatch.setattr(os, "access", lambda _path, kind: kind == os.R_OK)  # root may all
    line = arguments(path, {output.name: tmp_path / "x"}, tmp_path)
    assert "no permission in" in sordino(*line).complaint()


@pytest.mark.parametrize(("command", "suffix"), [("compile", ".sordino"), ("report", ".html")])
def test_default_outputs_are_no_inputs(
    sordino, small_model, small_image, tmp_path, command, suffix
):
    source = small_model if command == "compile" else small_image
    read, given = tmp_path / f"m{source.suffix}", tmp_path / f"m{suffix}"
    read.write_bytes(source.read_bytes())
    given.hardlink_to(read)
    assert "cannot write" in sordino(command, read).complaint()
    assert given.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("path", [".", "..", "/"])
def test_a_folder_has_no_default_output(sordino, path):
    sordino("report", path).complaint()
    sordino("compile", path).complaint()


def test_one_device_for_all(sordino, small_image):
    null = "/dev/null"
    if not Path(null).is_char_device():
        pytest.skip("no /dev/null")
    assert sordino("report", small_image, "-o", null, "--json", null, "--csv", null).code == 0
    assert Path(null).is_char_device()


def test_outputs_beside_inputs_are_fine(sordino, small_model, tmp_path):
    (tmp_path / "m.npz").write_bytes(small_model.read_bytes())
    assert sordino("compile", tmp_path / "m.npz", "--report", tmp_path).code == 0
    assert sordino("compile", tmp_path / "m.npz", "--report", tmp_path).code == 0
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["layers.json", "listing.txt", "m.npz", "m.sordino"]


def test_a_preset_is_no_file(sordino, tmp_path, monkeypatch):
    """A folder that has the name of a machine may be written into."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    monkeypatch.setitem(sys.modules, "sordino.rtl.export.verilog", None)
    with pytest.raises(ImportError):
        sordino("verilog", "--config", "tiny", "-o", "tiny")


MAIN = "from sordino.cli.main import main; main()"


def run(*line, **more):
    return subprocess.run(
        [sys.executable, "-c", MAIN, *map(str, line)], capture_output=True, **more
    )


def test_an_image_on_standard_output(small_model, small_image):
    """What the command has to say goes elsewhere."""
    if not os.path.exists("/dev/stdout"):
        pytest.skip("no /dev/stdout")
    line = ("compile", small_model, "--config", "tiny", "--weight-bits", 5, "-o", "/dev/stdout")
    done = run(*line)
    assert (done.returncode, done.stdout) == (0, small_image.read_bytes())
    assert b"/dev/stdout" in done.stderr
    done = run(*line, "--json")
    assert (done.returncode, done.stdout) == (0, small_image.read_bytes())
    assert b'"image": "/dev/stdout"' in done.stderr


def test_a_pipe_gets_the_image(sordino, small_model, small_image, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    found = []
    reader = threading.Thread(
        target=lambda: found.append((tmp_path / "pipe").read_bytes()), daemon=True
    )
    reader.start()
    line = ("compile", small_model, "--config", "tiny", "--weight-bits", 5, "-o")
    assert sordino(*line, tmp_path / "pipe").code == 0
    reader.join()
    assert found == [small_image.read_bytes()]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_leaves_no_temporary_file(small_image, small_features, tmp_path, signal):
    program = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "from sordino.cli.main import main\n"
        f"os.replace = lambda *_: os.kill(os.getpid(), signal.{signal})\n"
        "main(sys.argv[1:])\n"
    )
    line = [sys.executable, "-c", program, "report", str(small_image), "-o", str(tmp_path / "x")]
    done = subprocess.run(line, capture_output=True, text=True)
    code = {"SIGTERM": 143, "SIGINT": 130, "SIGHUP": 129}[signal]
    assert (done.returncode, done.stdout, done.stderr.strip()) == (code, "", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("cxx")
def test_a_waveform_on_a_full_disk(sordino, small_image, small_features):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    line = ("run", small_image, small_features, "--engine", "rtl")
    assert sordino(*line).code == 0  # built
    done = sordino(*line, "--vcd", "/dev/full")
    assert done.code == 2
    assert done.err.endswith("sordino: cannot write the waveform: No space left on device\n")


@pytest.mark.usefixtures("cxx")
def test_a_waveform_is_whole_or_not_there(sordino, small_image, small_features, tmp_path):
    """Stopped by the cycle limit it stays, without input that can be read there is none."""
    line = ("run", small_image, small_features, "--engine", "rtl", "--vcd")
    assert sordino(*line, tmp_path / "whole.vcd").code == 0
    assert sordino(*line, tmp_path / "limit.vcd", "--cycle-limit", 500).code == 1
    assert sordino(*line, tmp_path / "none.vcd", "--engine", "golden").code == 2
    assert sordino("run", small_image, tmp_path / "x.wav", *line[3:], tmp_path / "n.vcd").code == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["limit.vcd", "whole.vcd"]
    whole, limited = ((tmp_path / f"{name}.vcd").read_text() for name in ("whole", "limit"))
    assert whole.startswith(limited[:2000])
    assert whole.endswith("\n")
    assert limited.endswith("\n")
    assert len(limited) < len(whole)


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_what_links_in_a_corpus_lead_to_is_not_written(sordino, tmp_path, link):
    corpus, text = tmp_path / "corpus", tmp_path / "elsewhere.tsv"
    corpus.mkdir()
    text.write_text("file\ttranscript\na.wav\tyes\n")
    link(corpus / "transcripts.tsv", text)
    (corpus / "round").symlink_to(corpus)  # walked once
    said = sordino("lm", corpus, "-o", text).complaint()
    assert f"it is in {corpus}, which the command reads" in said
    assert text.read_text().startswith("file\t")


def test_an_output_file_is_no_folder(sordino, small_model, tmp_path):
    said = sordino("compile", small_model, "-o", f"{tmp_path}/new/").complaint()
    assert "wanted a file to write" in said
    assert not (tmp_path / "new").exists()


def test_an_output_folder_may_end_as_one(sordino, small_model, tmp_path):
    line = ("compile", small_model, "-o", tmp_path / "m.sordino", "--report", f"{tmp_path}/new/")
    assert sordino(*line).code == 0
    assert (tmp_path / "new" / "layers.json").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX shell")
def test_no_output_is_lost_in_a_closed_stream(small_model):
    code = "from sordino.cli.main import main; main()"
    line = f'"{sys.executable}" -c "{code}" compile "{small_model}" -o /dev/stdout >&-'
    done = subprocess.run(line, shell=True, capture_output=True, text=True)
    assert done.returncode == 2
    assert "standard output is closed" in done.stderr
