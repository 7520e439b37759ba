"""`sordino serve`: what it refuses before it listens; tests/sw/serve has the rest."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="sordino[serve] is not installed")
pytest.importorskip("uvicorn", reason="sordino[serve] is not installed")

from sordino.serve import server
from sordino.serve.server import bind, is_loopback, url_of

MODELS = Path(__file__).parents[3] / "models"
IMAGE = MODELS / "an4_rnnt_causal.sordino"
SPEECH = MODELS / "utterances" / "yes.wav"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ([SPEECH], "yes.wav"),
        ([IMAGE, "--words", SPEECH], "wanted language model"),
        ([IMAGE, "--lm", SPEECH], "wanted language model"),
        ([IMAGE, "--port", 65536], "--port"),
        ([IMAGE, "--workers", 0], "--workers"),
        ([IMAGE, "--host", "a..b"], "wanted an address for --host, but 'a..b' has none"),
        ([IMAGE, "--host", ""], "wanted an address for --host, but '' has none"),
        ([IMAGE, "--host", "a\0b"], "wanted an address for --host"),
        ([IMAGE, "--host", "192.0.2.1"], "cannot listen on 192.0.2.1 port 8075: "),
    ],
)
def test_what_is_refused(sordino, line, said):
    assert said in sordino("serve", *line).err


def test_a_port_that_is_taken(sordino):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = sordino("serve", IMAGE, "--port", port).complaint()
    assert f"cannot listen on 127.0.0.1 port {port}: " in said
    assert "give another --port, or 0" in said


@pytest.mark.parametrize(("hard", "most"), [(4096, 712), (300, 300)])
def test_room_for_all_connections(hard, most):
    """In a process of its own, whose limits are low."""
    pytest.importorskip("resource", reason="not on this system")
    program = (
        "import resource\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (100, {hard}))\n"
        "from sordino.serve.server import make_room\n"
        "make_room(1)\n"
        "make_room(1)\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))\n"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.stdout == f"({most}, {hard})\n", done.stderr
    assert (f"wanted 712 open files for all connections, got {hard}" in done.stderr) == (most < 712)


def test_who_reaches_an_address():
    assert all(map(is_loopback, ("127.0.0.1", "127.3.2.1", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org", "")))


def test_urls():
    for host, begin in (("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")):
        try:
            listening = bind(host, 0)
        except server.InputError:
            pytest.skip(f"no address {host} on this computer")
        with listening:
            assert url_of(listening) == f"{begin}{listening.getsockname()[1]}"


def test_other_computers_are_warned_of(sordino, monkeypatch):
    """The socket is not opened here."""

    def refuse(host, port):
        raise server.InputError("wanted no more, got enough; this is the test's own")

    monkeypatch.setattr(server, "bind", refuse)
    done = sordino("serve", IMAGE, "--host", "0.0.0.0")
    first, second = done.err.splitlines()
    assert first.startswith("sordino: warning: 0.0.0.0 is reached from other computers")
    assert "the test's own" in second
