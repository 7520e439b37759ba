"""One process at a time."""

import os
import socket
import subprocess
import sys

import pytest

from sordino.errors import InputError
from sordino.locks import exclusive, exclusive_folder

HOLD = """
import sys, time
from sordino.locks import exclusive, exclusive_folder
with exclusive(sys.argv[1], "a folder"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def holder(tmp_path):
    """Starts a process that holds the lock for so many seconds."""
    started = []

    def start(seconds):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path / "lock"), str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_holder_is_named(tmp_path, holder):
    process = holder(60)
    said = rf"cannot use training folder x: process {process.pid} on {socket.gethostname()} uses it"
    with pytest.raises(InputError, match=said), exclusive(tmp_path / "lock", "training folder x"):
        pass


def test_a_killed_holder_holds_nothing(tmp_path, holder):
    process = holder(60)
    process.kill()
    process.wait()
    with exclusive(tmp_path / "lock", "a folder"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_another_block_of_the_same_process_has_to_wait_too(tmp_path):
    lock = tmp_path / "lock"
    with (
        exclusive(lock, "a folder"),
        pytest.raises(InputError, match=f"process {os.getpid()} "),
        exclusive(lock, "it"),
    ):
        pass
    with exclusive(lock, "a folder"):
        pass


def test_waiting_ends_with_the_holder(tmp_path, holder):
    process = holder(0.5)
    with exclusive(tmp_path / "lock", "a folder", wait=True):
        process.wait()  # it has let go, and ends by itself


def test_many_wait_and_one_at_a_time_works(tmp_path):
    work = f"""
from sordino.locks import exclusive, exclusive_folder
for _ in range(30):
    with exclusive({str(tmp_path / "lock")!r}, "a count", wait=True):
        with open({str(tmp_path / "count")!r}, "r+") as file:
            number = int(file.read() or 0)
            file.seek(0)
            file.write(str(number + 1))
"""
    (tmp_path / "count").touch()
    workers = [subprocess.Popen([sys.executable, "-c", work]) for _ in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "90"


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    lock = exclusive(tmp_path / "none" / "lock", "a folder")
    with pytest.raises(InputError, match=r"cannot lock a folder: .*No such file"), lock:
        pass


def test_without_fcntl_the_lock_says_so(tmp_path, monkeypatch):
    if sys.platform == "win32":
        pytest.skip("Windows has locks of its own")
    monkeypatch.setitem(sys.modules, "fcntl", None)
    lock = exclusive(tmp_path / "lock", "a folder")
    with pytest.raises(InputError, match=r"no file locks \(fcntl\)"), lock:
        pass


def test_a_folder_is_made_and_removed_if_nothing_came_to_be_in_it(tmp_path):
    folder = tmp_path / "new" / "folder"
    with exclusive_folder(folder, "the folder of a test"):
        assert [p.name for p in folder.iterdir()] == [".lock"]
        with (
            pytest.raises(InputError, match=f"cannot use the folder of a test {folder}: process"),
            exclusive_folder(folder, "the folder of a test"),
        ):
            pass
    assert not folder.exists()
    with exclusive_folder(folder, "the folder of a test"):
        (folder / "result").write_text("it")
    assert [p.name for p in folder.iterdir()] == ["result"]
    (folder / "result").unlink()
    with exclusive_folder(folder, "the folder of a test"):
        pass
    assert folder.exists(), "it was there before"
