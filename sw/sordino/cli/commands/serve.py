"""`sordino serve`."""

from collections.abc import Callable
from pathlib import Path

import click

from sordino.cli.shared.options import IMAGE, path_type
from sordino.cli.shared.output import echo
from sordino.errors import warn
from sordino.extras import needs
from sordino.serve.ranking import Recipe

__all__ = ["serve_command"]


@click.command(
    "serve",
    epilog="\b\nExamples:\n"
    "  sordino serve model.sordino\n"
    "  sordino serve model.sordino --lm large.arpa --port 0\n"
    "  sordino serve model.sordino --host 0.0.0.0 --port 8075 --workers 4",
)
@IMAGE
@click.option(
    "--words",
    type=path_type,
    help="Word n-gram as an ARPA file, as the devices have it.  [default: the one that ships]",
)
@click.option(
    "--lm",
    "models",
    type=path_type,
    multiple=True,
    help="Word n-gram as an ARPA file to rank with, of which several count alike, or models as a "
    "TOML file, see docs/rerank.md.  [default: the larger model that ships]",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; the default is for programs on this computer alone.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8075,
    show_default=True,
    help="Port to listen on; 0: one that is free, which is printed.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that rank, each with the language model in its memory.",
)
def serve_command(
    image: Path,
    words: Path | None,
    models: tuple[Path, ...],
    host: str,
    port: int,
    workers: int,
) -> None:
    """Rank the lattices of devices with a larger language model, over HTTP.

    IMAGE is the one that the devices run: lattices of another one are refused. `sordino rerank` is
    a client, and docs/service.md says what others send. The service ends in order on SIGTERM and
    Ctrl-C, with exit code 0.
    """
    with needs("the service", "serve"):
        from sordino.serve.pool import Pool
        from sordino.serve.server import bind, is_loopback, make_room, serve, url_of
    recipe = Recipe(
        image=str(image),
        words=None if words is None else str(words),
        models=tuple(str(path) for path in models),
    )
    identity = recipe.load().vocabulary.identity
    if not is_loopback(host):
        warn(
            f"{host} is reached from other computers, without encryption or password; put a proxy "
            "that has both before it"
        )
    make_room(workers)
    with bind(host, port) as listening:
        said = f"listening on {url_of(listening)}, vocabulary {identity.hex()}, workers {workers}"

        def on_start(_end: Callable[[], None]) -> None:
            echo(said)

        serve(listening, Pool(recipe, identity, workers), identity, on_start)
    echo("ended")
