"""`sordino rerank`: here, with a service, and with what is none."""

import socket
from pathlib import Path

import pytest

from tests.sw.serve.calls import rogue

MODELS = Path(__file__).parents[3] / "models"
IMAGE = MODELS / "an4_rnnt_causal.sordino"
SHORT = MODELS / "utterances" / "yes.wav"
SPEECH = MODELS / "utterances" / "rubout-g-m-e-f.wav"
DEVICE = "RUBOUT G M B F"
"""The device's own best path; what the model that ships chooses is its own affair."""


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, Path]:
    """Lattices of one utterance, as files."""
    from sordino.cli.main import main

    folder = tmp_path_factory.mktemp("lattices")
    formats = ("--format", "wire", "--format", "rich")
    with pytest.raises(SystemExit) as exit:
        main(["lattice", str(IMAGE), str(SPEECH), "-o", str(folder), *formats])
    assert exit.value.code == 0
    return {"wire": folder / f"{SPEECH.stem}.slat", "rich": folder / f"{SPEECH.stem}.rich.slat"}


def test_here(sordino, written):
    printed = sordino("rerank", IMAGE, SPEECH)
    assert (printed.code, printed.err) == (0, "")
    size = written["wire"].stat().st_size
    assert f"lattice of {size} bytes; the device's own best path: {DEVICE}\n" in printed.out
    found = sordino("rerank", IMAGE, SPEECH, SHORT, "--json").json()
    assert (found["url"], found["beam"], found["warnings"]) == (None, 8, [])
    first, second = found["inputs"]
    assert (first["device"], first["reranked"]) == (DEVICE, True)
    assert first["bytes"] == size
    texts = [each["text"] for each in first["alternatives"]]
    assert first["transcript"] == texts[0]
    assert printed.out.startswith(f"{texts[0]}\n")
    assert DEVICE in texts
    shares = [each["confidence"] for each in first["alternatives"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1.000001
    own = next(each for each in first["alternatives"] if each["text"] == DEVICE)
    assert own["transducer"] == 0
    assert second["transcript"] == second["device"] == "YES"
    assert all(entry["failed"] is entry["refused"] is None for entry in found["inputs"])


def test_lattices_that_were_written(sordino, written):
    """Of a rich one the wire form is ranked, too, and is what would be sent."""
    found = sordino("rerank", IMAGE, *written.values(), SPEECH, "--json").json()["inputs"]
    wire, rich, heard = ((e["device"], e["transcript"]) for e in found)
    assert wire == rich == heard
    assert found[0]["alternatives"] == found[2]["alternatives"]
    assert found[1]["bytes"] > found[0]["bytes"], "a rich lattice has more paths"


def test_other_language_models(sordino, tmp_path):
    """One, two that count alike, and a file that says how much each counts."""
    said = {"own": "RUBOUT G M E F", "other": DEVICE}
    for name, text in said.items():
        (tmp_path / name).write_text(f"{text}\n" * 3)
        assert sordino("lm", tmp_path / name, "-o", tmp_path / f"{name}.arpa").code == 0
    models = tmp_path / "models.toml"
    models.write_text('[ngram]\nfile = "own.arpa"\nweight = 1.0\n')

    def first(*files: str) -> dict[str, object]:
        line = [word for file in files for word in ("--lm", tmp_path / file)]
        found = sordino("rerank", IMAGE, SPEECH, *line, "--json").json()["inputs"][0]
        return found["alternatives"][0]

    own, other = first("own.arpa"), first("other.arpa")
    assert (own["text"], other["text"]) == ("RUBOUT G M E F", DEVICE)
    same = first("models.toml")
    assert all(same[name] == own[name] for name in ("text", "transducer", "language"))
    both = first("own.arpa", "other.arpa")
    assert both == first("other.arpa", "own.arpa")
    assert both["language"] > min(own["language"], other["language"])
    line = ("rerank", IMAGE, SPEECH, "--lm", models, "--lm", tmp_path / "own.arpa")
    assert "wanted one TOML file of models, or n-grams alone, got 2" in sordino(*line).complaint()
    models.write_text("[ngram]\nfile = 5\nweight = 1.0\n")
    assert "models.toml" in sordino("rerank", IMAGE, SPEECH, "--lm", models).complaint()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--deadline", 5], "wanted --url beside --deadline, got none"),
        (["--url", "http://127.0.0.1:1", "--lm", SPEECH], "wanted --lm without --url, got both"),
        (["--url", "https://a"], "wanted the URL of a service such as http://127.0.0.1:8075, got"),
        (["--url", "http://a/b"], "give no path"),
        (["--url", "http://a:99999"], "got 'http://a:99999'"),
        (["--url", "http://a:0"], "got 'http://a:0'"),
        (["--url", "http://u@a"], "got 'http://u@a'"),
        (["--url", "http://a\r\nX: y"], "wanted the URL of a service"),
        (["--url", ""], "got ''"),
        (["--deadline", 0], "--deadline"),
        (["--deadline", 60_001], "--deadline"),
        (["--lm", SPEECH], "wanted language model"),
    ],
)
def test_what_is_refused(sordino, more, said):
    assert said in sordino("rerank", IMAGE, SPEECH, *more).complaint()


def test_lattices_alone_are_not_searched(sordino, written):
    said = sordino("rerank", IMAGE, written["wire"], "--beam", 4).complaint()
    assert "wanted a recording beside --beam, got lattices alone" in said


def test_what_is_no_input_is_refused_alone(sordino, written, tmp_path):
    damaged, other = tmp_path / "damaged.slat", MODELS / "an4_rnnt_g4_80.sordino"
    damaged.write_bytes(written["wire"].read_bytes()[:-1])
    assert "checksum" in sordino("rerank", IMAGE, damaged).complaint()
    assert "of the vocabulary" in sordino("rerank", other, written["wire"]).complaint()
    done = sordino("rerank", IMAGE, damaged, SHORT, "--json")
    assert (done.code, done.err.count("\n")) == (2, 1)
    refused, heard = done.json()["inputs"]
    assert "checksum" in refused["refused"]
    assert (refused["transcript"], refused["reranked"]) == (None, None)
    assert set(refused) <= set(heard)
    assert heard["transcript"] == "YES"


def goes_on(done, url: str, said: str) -> None:
    """The recogniser has gone on: one warning, and the device's own best path."""
    assert done.code == 0
    assert done.err.count("\n") == 1
    assert done.err.startswith(f"sordino: warning: the service at {url} did not rank: ")
    assert said in done.err
    assert "what is printed is the device's own best path" in done.err
    found = done.json()
    (entry,) = found["inputs"]
    assert (entry["transcript"], entry["device"], entry["reranked"]) == (DEVICE, DEVICE, False)
    assert (entry["alternatives"], entry["milliseconds"]) == ([], None)
    assert entry["failed"] in found["warnings"][0]


def test_a_service_that_is_not_there(sordino, written):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    goes_on(sordino("rerank", IMAGE, written["wire"], "--url", url, "--json"), url, "refused")
    printed = sordino("rerank", IMAGE, SPEECH, SHORT, "--url", url)
    assert printed.code == 0
    assert [line for line in printed.out.splitlines() if line[0] != " "] == [DEVICE, "YES"]
    assert printed.err.count("\n") == 1, "it is said once"


def test_a_service_that_dies_or_answers_garbage(sordino, written):
    """What a client believes, and what not, tests/sw/serve/test_client.py has."""
    for data, said in ((b"", "closed connection"), (b"SSH-2.0-x\r\n", "no HTTP")):

        def say(connection: socket.socket, data: bytes = data) -> None:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        with rogue(say) as server:
            line = ("rerank", IMAGE, written["wire"], "--url", server.url, "--deadline", 60_000)
            goes_on(sordino(*line, "--json"), server.url, said)
    with rogue(lambda _: None) as server:
        line = ("rerank", IMAGE, written["wire"], "--url", server.url, "--deadline", 1, "--json")
        goes_on(sordino(*line), server.url, "no answer within 1 ms")
