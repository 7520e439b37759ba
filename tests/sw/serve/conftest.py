"""Lattices of real speech, a service without workers, and one that runs."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from sordino.decode.beam import BeamOptions
from sordino.decode.decoder import Decoder
from sordino.decode.machine_transducer import MachineTransducer
from sordino.image.image import Image
from sordino.lattice.build import WIRE, listen
from sordino.lattice.coding.owner import image_vocabulary
from sordino.lattice.coding.wire import pack
from sordino.serve import protocol
from sordino.serve.pool import Pool
from sordino.serve.ranking import Ranking, Recipe, make_reranker
from sordino.speech.transcript import hear
from tests.sw.serve.calls import IMAGE, MODELS, Running


@pytest.fixture(scope="session")
def ranking() -> Ranking:
    """The re-ranker that ships, for the shipped image."""
    return Ranking(image_vocabulary(Image.load(IMAGE)), make_reranker(()))


@pytest.fixture(scope="session")
def lattices(ranking: Ranking) -> list[bytes]:
    """Wire lattices of two utterances."""
    image = Image.load(IMAGE)
    decoder = Decoder(transducer=MachineTransducer(image), options=BeamOptions(beam=4), fusion=None)
    names = ("rubout-g-m-e-f", "yes")
    heard = [hear(image, MODELS / "utterances" / f"{name}.wav").quantised for name in names]
    return [pack(listen(decoder, x)[1].lattice(WIRE), ranking.vocabulary) for x in heard]


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change limits by their names, `_` for a space."""

    def change(**values: float) -> None:
        changed = [
            replace(each, value=values.get(each.name.replace(" ", "_"), each.value))  # type: ignore[arg-type]
            for each in protocol.LIMITS
        ]
        monkeypatch.setattr(protocol, "LIMITS", tuple(changed))

    return change


@pytest.fixture
def still(ranking: Ranking) -> Pool:
    """A pool without workers: a test ends its jobs."""
    return Pool(Recipe(image=str(IMAGE)), ranking.vocabulary.identity)


@pytest.fixture(scope="session")
def start(ranking: Ranking) -> Iterator[Callable[[Pool], Running]]:
    """Run services in threads; all are ended at the end."""
    from sordino.serve.server import bind, serve

    running: list[Running] = []

    def run(pool: Pool) -> Running:
        listening, ready = bind("127.0.0.1", 0), threading.Event()
        ends: list[Callable[[], None]] = []

        def on_start(end: Callable[[], None]) -> None:
            ends.append(end)
            ready.set()

        identity = ranking.vocabulary.identity
        thread = threading.Thread(target=serve, args=(listening, pool, identity, on_start))
        port = listening.getsockname()[1]
        thread.start()
        assert ready.wait(60)
        running.append(Running(port, ends[0], thread))
        return running[-1]

    yield run
    for each in running:
        each.end()
        each.thread.join(60)
        assert not each.thread.is_alive()


@pytest.fixture(scope="session")
def service(start: Callable[[Pool], Running], ranking: Ranking) -> Running:
    """A service with one worker."""
    return start(Pool(Recipe(image=str(IMAGE)), ranking.vocabulary.identity))
