"""Every command with every file that it reads missing, a folder, empty, damaged or unreadable."""

import builtins
import io
import os
from pathlib import Path

import click
import numpy as np
import pytest

from sordino.cli.main import cli
from sordino.cli.shared.paths import InputPath, MachinePath, OutputFile

RANDOM = np.random.default_rng(7).integers(0, 256, 3000, dtype=np.uint8).tobytes()
SUFFIXES = {
    ("compile", "model"): (".npz", ".safetensors", ".pt", ".txt"),
    ("sweep", "model"): (".npz",),
    ("estimate", "model"): (".npz", ".sordino"),
    ("eval", "model"): (".npz", ".sordino"),
    ("lm", "model"): (".npz", ".sordino"),
    ("run", "inputs"): (".wav", ".npy", ".mfc", ".sph", ".txt"),
    ("cosim", "inputs"): (".wav",),
    ("train", "recipe"): (".toml",),
    ("bench codec", "matrix"): (".npy",),
}
FOLDERS = {"data", "sources", "also", "wer", "start", "models"}
"""Where a folder is what is wanted."""


def leaves(group=cli, path=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def cases():
    for name, command in leaves():
        for param in command.params:
            if isinstance(param.type, InputPath) and not isinstance(param.type, OutputFile):
                default = ".toml" if isinstance(param.type, MachinePath) else ".x"
                for suffix in SUFFIXES.get((name, param.name), (default,)):
                    yield name, param.name, suffix


@pytest.fixture
def good(small_image, small_model, small_features, tmp_path):
    """For each parameter something that is right."""
    (tmp_path / "lm.txt").write_text("YES NO\n")
    np.save(tmp_path / "m.npy", np.eye(16, dtype=np.int8))
    project = Path(__file__).parents[3]
    return {
        "image": small_image,
        "model": small_model,
        "inputs": small_features,
        "data": project / "models" / "utterances",
        "recipe": project / "recipes" / "smoke.toml",
        "sources": tmp_path / "lm.txt",
        "matrix": tmp_path / "m.npy",
        "config": "tiny",
        "board": "ulx3s",
    }


def bad(kind, path):
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "garbage":
        path.write_bytes(RANDOM)
    elif kind == "text":
        path.write_text("\ufeffthis = is [no]\n\n{such} file\n" * 9)
    elif kind == "below a file":
        path.parent.joinpath("file").write_text("x")
        return path.parent / "file" / path.name
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "long name":
        return path.with_name("n" * 300 + path.suffix)
    return path


KINDS = (
    "missing",
    "folder",
    "empty",
    "garbage",
    "text",
    "below a file",
    "loop",
    "unreadable",
    "long name",
)


@pytest.mark.parametrize(("name", "wrong", "suffix"), list(cases()))
def test_bad_files_are_one_line(sordino, good, tmp_path, monkeypatch, name, wrong, suffix):
    for kind in KINDS:
        if kind == "folder" and wrong in FOLDERS:
            continue
        if kind in ("text", "empty") and (wrong == "config" or name == "lm"):
            continue  # a machine without changes; text without sentences has tests of its own
        place = tmp_path / kind
        place.mkdir()
        path = bad("garbage" if kind == "unreadable" else kind, place / f"bad{suffix}")
        with monkeypatch.context() as patch:
            if kind == "unreadable":
                unreadable(patch, path)
            sordino(*command_line(name, good | {wrong: path}, place / "out", wrong)).complaint()
        assert not (place / "out").exists() or not any((place / "out").iterdir()), kind


def command_line(name, given, output, wrong):
    if (name, wrong) == ("info", "config"):
        return ["info", "--config", given["config"]]
    line = name.split()
    for param in dict(leaves())[name].params:
        if param.name == wrong or param.required:
            option = [] if isinstance(param, click.Argument) else [max(param.opts, key=len)]
            written = isinstance(param.type, OutputFile)
            line += [*option, output if written else given[param.name]]
    return line + (["--beam", "2"] if wrong == "lm" else [])


def unreadable(monkeypatch, path):
    """Root may read anything: the calls that open a file refuse this one."""
    if os.geteuid():
        path.chmod(0)
        return
    original, low = io.open, os.open

    def refuse(file):
        if isinstance(file, str | bytes | os.PathLike) and os.fspath(file) == os.fspath(path):
            raise PermissionError(13, "Permission denied", str(path))

    def opened(file, *args, **more):
        refuse(file)
        return original(file, *args, **more)

    def opened_low(file, *args, **more):
        refuse(file)
        return low(file, *args, **more)

    monkeypatch.setattr(io, "open", opened)
    monkeypatch.setattr(builtins, "open", opened)
    monkeypatch.setattr(os, "open", opened_low)
