"""The client: what it sends, what it believes, and how long it waits."""

import socket
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sordino.errors import InputError
from sordino.lattice.coding.wire import unpack
from sordino.lattice.graph import Lattice
from sordino.serve.client import Answer, Client, ServiceError
from sordino.serve.protocol import limit
from tests.sw.lattice.shapes import every_path
from tests.sw.serve.calls import http, http_answer, rogue

DEVICE = "RUBOUT G M B F"


@pytest.fixture
def lattice(ranking, lattices) -> Lattice:
    return unpack(lattices[0], ranking.vocabulary)


def answer(**changed: object) -> bytes:
    """An answer of which something is changed."""
    return http_answer(str(changed.pop("text", DEVICE)), **changed)


LONG = b"x" * (limit("answer") + limit("head") + 5000)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
GARBAGE = {
    "nothing": (b"", "closed connection"),
    "no HTTP": (b"\x16\x03\x01\r\n\r\n", "no HTTP"),
    "another protocol": (b"SSH-2.0-x\r\n", "no HTTP (BadStatusLine"),
    "half an answer": (http(b"{}")[:-1], "no HTTP (IncompleteRead"),
    "a bad length": (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}", "answer that is none"),
    "a huge length": (http(b"{}").replace(b": 2", b": 9999999999999999"), "(IncompleteRead"),
    "a huge chunk": (CHUNKED + b"fffffffffffff\r\n{}", "no HTTP"),
    "a bad chunk": (CHUNKED + b"-5\r\n{}", "no HTTP"),
    "no chunk": (CHUNKED + b"x\r\n{}", "no HTTP"),
    "endless chunks": (CHUNKED + b"1\r\n \r\n" * 100_000, "too long"),
    "too long": (http(LONG), "too long"),
    "too long in headers": (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 101, "no HTTP"),
    "continue for ever": (b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000, "too long"),
    "a redirect": (http(b"", b"302 Found", b"Location: http://127.0.0.1:9/\r\n"), "status 302"),
    "an error": (http(b'{"error": "wanted\\n\\u001b[3m x"}', b"503 x"), "503: wanted [3m x"),
    "an error that is none": (http(b"[]", b"500 x"), "500: nothing that is understood"),
    "no JSON": (http(b"{"), "answer that is none"),
    "another encoding": (http(b'"\xff"'), "answer that is none"),
    "deep": (http(b"[" * 100_000), "answer that is none"),
    "a list": (http(b"[]"), "wanted alternatives, milliseconds, revision, utterance, got others"),
    "more keys": (answer(more=1), "got others"),
    "no alternatives": (answer(alternatives=[]), "got none or too many"),
    "too many": (answer(alternatives=[{}] * 11), "got none or too many"),
    "no text": (answer().replace(b'"RUBOUT G M B F"', b"5" * 16), "got others"),
    "a text of its own": (answer(text="RUBOUT ALL"), "wanted words of the lattice, got others"),
    "half a path": (answer(text="RUBOUT G"), "wanted words of the lattice"),
    "more than a path": (answer(text=f"{DEVICE} F"), "wanted words of the lattice"),
    "spaces": (answer(text=f" {DEVICE}"), "wanted words of the lattice"),
    "a sure one": (answer(confidence=1.5), "wanted a confidence from 0 to 1"),
    "true": (answer(transducer=True), "wanted a number"),
    "not a number": (answer(language=float("nan")), "wanted a number"),
    "endless": (answer(milliseconds=float("inf")), "wanted a number"),
    "larger than any": (answer(milliseconds=10**400), "wanted a number"),
    "a sure and large one": (answer(confidence=-(10**400)), "wanted a number"),
    "digits": (answer(language=0).replace(b'"language": 0', b'"language": ' + b"9" * 5000), "none"),
}  # fmt: skip


def believed(server, lattices, lattice, deadline: int = 60_000) -> Answer:
    """The answer of a server to a lattice."""
    return Client(server.url).rank(lattices[0], lattice, deadline)


def refused(*arguments, **more) -> str:
    """The one line of a server that is not believed."""
    with pytest.raises(ServiceError) as caught:
        believed(*arguments, **more)
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 400
    return line


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_not_believed(lattices, lattice, name):
    data, said = GARBAGE[name]

    def say(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    with rogue(say) as server:
        line = refused(server, lattices, lattice)
        assert line.startswith(f"the service at {server.url} did not rank: ")
        assert said in line
    assert len(server.got) == 1, "it is asked once, wherever it leads"


class Told(Client):
    """A client whose service says what it is told."""

    def __init__(self, said: bytes) -> None:
        super().__init__("http://127.0.0.1:1")
        self._said = said

    def _connect(self, end: float) -> socket.socket:
        here, there = socket.socketpair()
        with there:
            there.sendall(self._said)
            there.shutdown(socket.SHUT_WR)
            there.setblocking(False)
        return here


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_an_answer_with_something_changed(lattices, lattice, data):
    """It is no error of ours, and never believed to have other words."""
    said = bytearray(data.draw(st.sampled_from([answer(), CHUNKED + b"2\r\n{}\r\n0\r\n\r\n"])))
    for _ in range(data.draw(st.integers(0, 3))):
        place, width = data.draw(st.integers(0, len(said))), data.draw(st.integers(0, 4))
        said[place : place + width] = data.draw(st.binary(max_size=4) | st.just(b"9" * 20))
    with suppress(ServiceError):
        found = Told(bytes(said)).rank(lattices[0], lattice, 60_000)
        texts = {" ".join(words) for words, _ in every_path(lattice)}
        assert {each.text for each in found.alternatives} <= texts


def test_an_answer_as_it_should_be_is_believed(lattices, lattice):
    """Also where the service does not end the connection after it."""
    with rogue(lambda connection: connection.sendall(answer())) as server:
        found = believed(server, lattices, lattice)
    assert [each.text for each in found.alternatives] == [DEVICE]


def test_names_of_utterances(lattices, lattice):
    """A later lattice of the same utterance may follow."""
    named = answer(utterance="Xw3f", revision=2)
    with rogue(lambda connection: connection.sendall(named)) as server:
        client = Client(server.url)
        assert client.rank(lattices[0], lattice, 60_000, ("Xw3f", 2)).alternatives
        for name in (None, ("Xw3f", 1), ("other", 2)):
            with pytest.raises(ServiceError, match="this lattice, got another's"):
                client.rank(lattices[0], lattice, 60_000, name)
        assert b"\r\nSordino-Utterance: Xw3f\r\nSordino-Revision: 2\r\n" in server.got[0]
        assert b"Utterance" not in server.got[1]
        for name in (("a b", 1), ("a\r\nX: y", 1), ("a", -1), ("", 0)):
            with pytest.raises(InputError, match="wanted Sordino-"):
                client.rank(lattices[0], lattice, 60_000, name)
        for deadline in (0, -1, 60_001, 1e3, float("nan"), True):
            with pytest.raises(InputError, match="wanted Sordino-Deadline to be a whole number"):
                client.rank(lattices[0], lattice, deadline)
        assert len(server.got) == 4


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"])
def test_an_answer_that_is_late(lattices, lattice, begin):
    with rogue(lambda connection: connection.sendall(begin)) as server:
        assert "no answer within 1 ms" in refused(server, lattices, lattice, deadline=1)


def test_an_answer_that_trickles(lattices, lattice):
    """The time is that of the whole answer, not that between two bytes."""

    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        connection.settimeout(0.02)
        for _ in range(10_000):
            connection.sendall(b"a")
            with suppress(TimeoutError):
                if not connection.recv(1):
                    return

    with rogue(trickle) as server:
        assert "no answer within 1 ms" in refused(server, lattices, lattice, deadline=1)


def test_a_connection_that_is_reset(lattices, lattice):
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    with rogue(reset) as server:
        assert "reset by peer" in refused(server, lattices, lattice)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_names_and_addresses(lattices, lattice, host):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    client = Client(f"http://{host}:{port}/")
    assert client.url == f"http://{host}:{port}"
    with pytest.raises(ServiceError, match="did not rank"):
        client.rank(lattices[0], lattice, 60_000)
    assert Client(f"http://{host}").url == f"http://{host}"


URLS = """
a https://a http://a/b http://a:0 http://a:99999 http://u@a http://[a] http://a?b http://a:1:2
http://a#b http://[::1 http://:1 http://a..b http://\u00fc http://a:\u0661 http:// ftp://a //a
"""


@pytest.mark.parametrize(
    "url", [*URLS.split(), "", "http://a\r\nX: y", "http://a b", "http://" + "a" * 64]
)
def test_urls_that_are_none(url):
    with pytest.raises(InputError, match="wanted the URL of a service such as"):
        Client(url)
