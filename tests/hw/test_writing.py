"""Writing files: whole or not at all, through links and devices, with the permissions they have."""

import ast
import os
import resource
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sordino.errors import InputError
from sordino.files import output_path, remove_temporary, write_atomically

ROOT = Path(__file__).parents[2]
root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root makes devices"
)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_link_keeps_and_its_target_changes(tmp_path):
    target = tmp_path / "elsewhere" / "target"
    target.parent.mkdir()
    target.write_text("old")
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "second").symlink_to("link")
    write_atomically(tmp_path / "second", "new")
    assert (tmp_path / "second").is_symlink()
    assert (tmp_path / "link").is_symlink()
    assert target.read_text() == "new"
    assert [p.name for p in target.parent.iterdir()] == ["target"]


def test_a_dangling_link_gets_its_target(tmp_path):
    (tmp_path / "link").symlink_to(Path("later") / "target")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "later" / "target").read_bytes() == b"new"


def test_a_loop_of_links_is_one_line(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match=r"cannot write .*a: Too many levels of symbolic links"):
        write_atomically(tmp_path / "a", "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_other_hard_links_keep_the_old_contents(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    write_atomically(tmp_path / "a", "new")
    assert ((tmp_path / "a").read_text(), (tmp_path / "b").read_text()) == ("new", "old")


@pytest.mark.parametrize("permissions", [0o600, 0o640, 0o755, 0o664, 0o2755])
def test_permissions_stay(tmp_path, permissions):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(permissions)
    write_atomically(path, "new")
    assert (mode(path), path.read_text()) == (permissions, "new")


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_new_files_have_the_permissions_that_the_process_gives(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "a", "new")
    finally:
        os.umask(before)
    assert mode(tmp_path / "a") == 0o666 & ~umask


@root
def test_the_owner_stays(tmp_path):
    (tmp_path / "a").write_text("old")
    os.chown(tmp_path / "a", 12345, 54321)
    write_atomically(tmp_path / "a", "new")
    found = (tmp_path / "a").stat()
    assert (found.st_uid, found.st_gid) == (12345, 54321)


@root
def test_a_device_is_written_through(tmp_path):
    os.mknod(tmp_path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(tmp_path / "full", stat.S_IFCHR | 0o666, os.makedev(1, 7))
    (tmp_path / "link").symlink_to("null")
    try:
        write_atomically(tmp_path / "link", "x")
    except InputError:
        pytest.skip("devices cannot be opened in this folder")
    assert stat.S_ISCHR((tmp_path / "null").stat().st_mode)
    with pytest.raises(InputError, match="No space left on device"):
        write_atomically(tmp_path / "full", "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full", "link", "null"]


def reading(path, found):
    thread = threading.Thread(target=lambda: found.append(path.read_bytes()), daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("many", [False, True])
def test_a_pipe_is_written_through(tmp_path, many):
    os.mkfifo(tmp_path / "pipe")
    contents = b"x" * (1 << 20 if many else 3)
    found = []
    reader = threading.Thread(
        target=lambda: found.append((tmp_path / "pipe").read_bytes()), daemon=True
    )
    reader.start()
    with output_path(tmp_path / "pipe") as path:
        assert path == tmp_path / "pipe"
        path.write_bytes(contents)
    reader.join()
    reader = threading.Thread(
        target=lambda: found.append((tmp_path / "pipe").read_bytes()), daemon=True
    )
    reader.start()
    write_atomically(tmp_path / "pipe", contents)
    reader.join()
    assert found == [contents, contents]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_pipe_without_a_reader_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("sordino.files._READER_SECONDS", 0.2)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"cannot write .*pipe: it is a pipe, and no process"):
        write_atomically(tmp_path / "pipe", b"x")
    waveform = output_path(tmp_path / "pipe")
    with pytest.raises(InputError, match="no process reads it"), waveform:
        pass
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_reader_that_goes_away_is_one_line(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = threading.Thread(target=lambda: (tmp_path / "pipe").open("rb").close(), daemon=True)
    reader.start()
    with pytest.raises(InputError, match=r"cannot write .*pipe: Broken pipe"):
        write_atomically(tmp_path / "pipe", b"x" * (1 << 22))
    reader.join()


def test_a_socket_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # its name may have only some 100 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(InputError, match="cannot write socket: "):
            write_atomically("socket", "x")
    assert stat.S_ISSOCK(os.stat("socket").st_mode)


@pytest.mark.parametrize("kind", ["pipe", "file", "appended"])
def test_standard_output_by_its_name(tmp_path, kind):
    if not os.path.exists("/dev/stdout"):
        pytest.skip("no /dev/stdout")
    program = (
        "from sordino.files import write_atomically, output_path\n"
        "print('before')\n"
        "write_atomically('/dev/stdout', 'one\\n')\n"
        "with output_path('/dev/stdout') as path: path.write_text('two\\n')\n"
        "print('after')\n"
    )
    out = tmp_path / "out"
    out.write_text("old\n")
    with out.open("ab" if kind == "appended" else "wb") as file:
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE if kind == "pipe" else file,
            check=True,
        )
    found = done.stdout.decode() if kind == "pipe" else out.read_text()
    assert found == ("old\n" if kind == "appended" else "") + "before\none\ntwo\nafter\n"


def test_a_file_that_only_has_a_number(tmp_path):
    """A deleted file that is still open: its old name must not come back."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc")
    with (tmp_path / "gone").open("w+b") as file:
        (tmp_path / "gone").unlink()
        write_atomically(f"/proc/self/fd/{file.fileno()}", "x")
        assert file.read() == b"x"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127, "a\nb", "%s", "[bold]", "-", " "])
def test_any_name(tmp_path, name):
    write_atomically(tmp_path / name, "x")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_names_that_are_not_utf8(tmp_path):
    name = os.fsdecode(b"a\xff")
    write_atomically(tmp_path / name, f"{name}\n")
    assert (tmp_path / name).read_text() == "a\\udcff\n"


def test_folders_are_made(tmp_path):
    write_atomically(tmp_path / "a" / "b" / "c", "x")
    assert (tmp_path / "a" / "b" / "c").read_text() == "x"


@pytest.mark.parametrize("path", ["", "folder", "file/x", "n" * 256])
def test_what_cannot_be_written_is_one_line(tmp_path, path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old")
    with pytest.raises(InputError, match=r"wanted|cannot"):
        write_atomically(tmp_path / path, "x")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder"]


def test_a_read_only_file_stays(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anything
    with pytest.raises(InputError, match=r"cannot write .*a: the file is read-only"):
        write_atomically(path, "new")
    assert (path.read_text(), len(list(tmp_path.iterdir()))) == ("old", 1)


def test_a_full_disk_leaves_nothing(tmp_path):
    """A limit of a file's size stands for it: the write fails in the same place."""
    (tmp_path / "a").write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(InputError, match=r"cannot write .*a: File too large"):
            write_atomically(tmp_path / "a", b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "old")]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_an_interrupted_block_leaves_nothing(tmp_path, error):
    (tmp_path / "a").write_text("old")

    def interrupted():
        with output_path(tmp_path / "a") as path:
            path.write_text("half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "old")]


def test_what_a_killed_process_leaves_is_removed_and_nothing_else(tmp_path):
    with output_path(tmp_path / "a") as temporary:
        temporary.write_text("half")
        for name in (".notes.sordino", "a.sordino", "b"):
            (tmp_path / name).touch()
        remove_temporary(tmp_path)
        assert not temporary.exists()
        temporary.write_text("whole")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"a", ".notes.sordino", "a.sordino", "b"}


WRITERS = {
    "write_text",
    "write_bytes",
    "save",
    "savez",
    "savez_compressed",
    "savetxt",
    "tofile",
    "savefig",
    "save_file",
    "replace",
    "rename",
    "mkstemp",
    "copyfile",
    "copy",
    "move",
    "dump",
    "NamedTemporaryFile",
    "memmap",
    "open_memmap",
    "touch",
    "symlink_to",
    "hardlink_to",
}
MODES = ("w", "a", "x", "+")
EXEMPT = {
    ("hw/sordino/files.py", "os.replace"): "the function itself",
    ("hw/sordino/locks.py", "os.write"): "a lock file",
    ("sw/sordino/train/checkpoint.py", "torch.save"): "to memory",
    ("sw/sordino/model/save.py", "np.savez"): "to memory",
    ("sw/sordino/tools/peers/vela.py", "write_bytes"): "in a temporary folder",
    ("sw/sordino/train/log.py", "open"): "it grows while a training runs",
    ("sw/sordino/train/log.py", "os.replace"): "written anew, whole",
    ("sw/sordino/serve/worker.py", "os.write"): "to a pipe",
    ("sw/sordino/tools/sweep/plot.py", "figure.savefig"): "to memory",
    ("sim/sordino/engines/native/compiled.py", "write_text"): "in a temporary folder",
    ("sim/sordino/engines/native/compiled.py", "os.replace"): "the cache's, under its lock",
    ("campaigns/estimate.py", "write_text"): "in a temporary folder",
    ("campaigns/synthesis.py", "write_text"): "in a temporary folder",
    ("campaigns/mutants.py", "write_text"): "in a temporary folder",
    ("campaigns/mutants.py", "shutil.copy"): "in a temporary folder",
    ("campaigns/mlperf.py", "save"): "to memory",
    ("campaigns/voices/engines.py", "open"): "in a temporary folder",
    ("campaigns/voices/engines.py", "NamedTemporaryFile"): "a temporary file",
    ("sw/sordino/rerank/neural.py", "save"): "to memory",
    ("sw/sordino/train/corpus/cepstra_cache.py", "open"): "to the temporary name",
    ("campaigns/endpoints_data.py", "np.savez"): "to memory",
    ("sw/sordino/endpoint/sets.py", "np.savez"): "to memory",
    ("campaigns/cells.py", "write_text"): "in a temporary folder",
    ("campaigns/netlist.py", "write_text"): "in a folder of its own work",
    ("sim/sordino/netlist/board.py", "write_text"): "in a folder of its own work",
    ("sim/sordino/netlist/synthesis.py", "write_text"): "in a folder of its own work",
    ("hw/sordino/boards/flow.py", "write_text"): "in a temporary folder",
    ("hw/sordino/boards/tools.py", "open"): "a log in a temporary folder",
    ("hw/sordino/driver/mapped.py", "os.write"): "to a device",
    ("sim/sordino/engines/device/terminal.py", "os.write"): "to a terminal",
}


def written() -> set[tuple[str, str]]:
    """Every call that may write a file, by where it is."""
    found = set()
    for portion in ("hw", "sw", "sim", "campaigns"):
        for path in sorted((ROOT / portion).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and (name := writer(node)):
                    found.add((path.relative_to(ROOT).as_posix(), name))
    return found


def writer(call: ast.Call) -> str | None:
    function = call.func
    name = getattr(function, "attr", getattr(function, "id", ""))
    owner = getattr(getattr(function, "value", None), "id", "")
    modes = [
        a.value
        for a in [*call.args, *(k.value for k in call.keywords)]
        if isinstance(a, ast.Constant) and isinstance(a.value, str) and len(a.value) <= 3
    ]
    if name == "open" and any(set(MODES) & set(text) for text in modes):
        return "open"
    if name == "write" and owner == "os":
        return "os.write"
    if name not in WRITERS:
        return None
    modules = ("os", "shutil", "np", "torch", "json", "pickle", "figure")
    if name in ("replace", "copy", "move", "dump") and owner not in modules:
        return None  # of a text, an array or a dataclass
    return f"{owner}.{name}" if owner in modules else name


def test_every_file_is_written_in_one_place():
    assert {at for at in written() if at not in EXEMPT} == set()


def test_what_is_exempt_is_there():
    assert set(EXEMPT) - written() == set()
