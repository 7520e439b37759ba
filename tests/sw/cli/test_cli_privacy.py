"""What leaves the device: of `sordino rerank --url` the lattice, of other commands nothing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sordino.decode.beam import BeamOptions
from sordino.decode.decoder import Decoder
from sordino.decode.machine_transducer import MachineTransducer
from sordino.image.image import Image
from sordino.lattice.build import WIRE, listen
from sordino.lattice.coding.owner import image_vocabulary
from sordino.lattice.coding.wire import pack
from sordino.speech.transcript import hear
from tests.sw.serve.calls import http_answer, rogue

MODELS = Path(__file__).parents[3] / "models"
IMAGE = MODELS / "an4_rnnt_causal.sordino"
SPEECH = MODELS / "utterances" / "rubout-g-m-e-f.wav"

WATCHED = """
import atexit, json, pathlib, sys
seen = []
def hook(event, arguments):
    if event.startswith(("socket.", "urllib.", "http.", "ftplib.", "smtplib.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork")):
        found = [a for a in arguments if isinstance(a, (str, int, tuple, list, bytes, type(None)))]
        seen.append((event, json.loads(json.dumps(found, default=str))))
sys.addaudithook(hook)
atexit.register(lambda: pathlib.Path(sys.argv[1]).write_text(json.dumps(seen)))
from sordino.cli import main
main(sys.argv[2:])
"""  # noqa: E501
"""Python counts all that opens a connection, asks for an address or starts another program."""

ALLOWED = {
    "Host": r"127\.0\.0\.1:\d{1,5}",
    "Content-Type": r"application/vnd\.sordino\.lattice",
    "Content-Length": r"\d{1,5}",
    "Sordino-Deadline": r"\d{1,5}",
    "Connection": r"close",
}
"""Every header that is sent, and all that it may be."""


def watched(folder: Path, *arguments: object) -> tuple[list[tuple[str, list]], str]:
    """What a command did that may reach others, and what it printed."""
    seen = folder / "seen.json"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WATCHED, str(seen), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": path,
            "http_proxy": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "all_proxy": "http://127.0.0.1:9",
        },
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [(event, found) for event, found in json.loads(seen.read_text())], done.stdout


def test_nothing_but_a_lattice_leaves_the_device(tmp_path):
    image = Image.load(IMAGE)
    decoder = Decoder(transducer=MachineTransducer(image), options=BeamOptions(beam=4), fusion=None)
    _, graph = listen(decoder, hear(image, SPEECH).quantised)
    wanted = pack(graph.lattice(WIRE), image_vocabulary(image))
    with rogue(lambda connection: connection.sendall(http_answer("RUBOUT G M B F"))) as server:
        line = ("rerank", IMAGE, SPEECH, "--beam", 4, "--url", server.url)
        seen, printed = watched(tmp_path, *line)
    assert printed.startswith("RUBOUT G M B F\n")
    # One request, to the last byte.
    (got,) = server.got
    head, _, body = got.partition(b"\r\n\r\n")
    assert body == wanted
    first, *lines = head.decode("ascii").split("\r\n")
    assert first == "POST /v1/rerank HTTP/1.1"
    headers = [line.partition(": ") for line in lines]
    assert [name for name, _, _ in headers] == list(ALLOWED)
    for name, _, value in headers:
        assert re.fullmatch(ALLOWED[name], value), name
    assert f"Content-Length: {len(wanted)}" in lines
    # One connection, to that server, and nobody was asked for its address.
    port = int(server.url.rpartition(":")[2])
    events = [event for event, _ in seen]
    assert [each for each in seen if each[0] == "socket.connect"] == [
        ("socket.connect", [["127.0.0.1", port]])
    ]
    assert set(events) == {"socket.__new__", "socket.connect"}
    assert events.count("socket.__new__") == 1


def test_the_watch_sees_addresses_that_are_asked_for(tmp_path):
    """As it must where a service has a name."""
    seen, _ = watched(tmp_path, "rerank", IMAGE, SPEECH, "--beam", 1)
    assert seen == [], "without --url nothing leaves"
    with rogue(lambda connection: connection.sendall(http_answer("RUBOUT G M B F"))) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        seen, _ = watched(tmp_path, "rerank", IMAGE, SPEECH, "--beam", 4, "--url", url)
    assert "socket.getaddrinfo" in [event for event, _ in seen]


@pytest.mark.parametrize(
    "line",
    [
        ("run", "IMAGE", "SPEECH"),
        ("run", "IMAGE", "SPEECH", "--engine", "cycles"),
        ("lattice", "IMAGE", "SPEECH", "-o", "OUT"),
        ("eval", "IMAGE", "--data", "DATA", "--split", "train", "--beam", "2", "--lattice"),
        ("info", "IMAGE"),
    ],
    ids=" ".join,
)
def test_other_commands_open_no_connection(tmp_path, line):
    given = {"IMAGE": IMAGE, "SPEECH": SPEECH, "DATA": SPEECH.parent, "OUT": tmp_path / "out"}
    seen, printed = watched(tmp_path, *(given.get(word, word) for word in line))
    assert seen == []
    assert printed
