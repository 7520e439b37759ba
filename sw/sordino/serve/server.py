"""The service's process: a socket, workers, and an end in order on SIGTERM and SIGINT."""

import asyncio
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn

from sordino.errors import InputError, warn
from sordino.serve.app import Service, make_app
from sordino.serve.connections import Connection
from sordino.serve.pool import Pool, WorkerEnded
from sordino.serve.protocol import limit

__all__ = ["bind", "is_loopback", "make_room", "serve", "url_of"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def is_loopback(host: str) -> bool:
    """Whether only programs on this computer reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, port 0 for one that is free; InputError where there cannot be one."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(
            f"wanted an address for --host, but {host!r} has none ({said}); correct it"
        ) from None
    try:
        return socket.create_server(address[:2], family=family, backlog=limit("backlog"))
    except OSError as error:
        raise InputError(
            f"cannot listen on {host} port {port}: {error.strerror}; give another --port, or 0"
        ) from None


def make_room(workers: int) -> None:
    """Let the process open as many files as its connections and workers may need.

    A warning says so where the system does not let it: connections beyond would be noise.
    """
    try:
        import resource
    except ImportError:  # not on this system
        return
    wanted = limit("connections") + limit("backlog") + 8 * workers + 64
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        warn(f"wanted {wanted} open files for all connections, got {hard}; raise `ulimit -n`")


def url_of(listening: socket.socket) -> str:
    """Where a listening socket is reached."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    listening: socket.socket,
    pool: Pool,
    identity: bytes,
    on_start: Callable[[Callable[[], None]], None],
) -> None:
    """Answer requests until SIGTERM or SIGINT; requests that run then are answered first.

    `on_start` is called once all workers are ready, with a function that any thread may call to end
    the service. InputError where a worker does not come up.
    """
    asyncio.run(_serve(listening, pool, identity, on_start))


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers, which would end the process by the signal again."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals as they are."""
        yield


def _server(pool: Pool, identity: bytes) -> _Server:
    return _Server(
        uvicorn.Config(
            make_app(Service(pool, identity)),
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            h11_max_incomplete_event_size=limit("head"),
            timeout_keep_alive=limit("idle"),
            timeout_graceful_shutdown=limit("ending"),
            backlog=limit("backlog"),
        )
    )


async def _serve(
    listening: socket.socket,
    pool: Pool,
    identity: bytes,
    on_start: Callable[[Callable[[], None]], None],
) -> None:
    loop, server = asyncio.get_running_loop(), _server(pool, identity)
    starting = asyncio.ensure_future(pool.start())

    def end() -> None:
        server.should_exit = True
        starting.cancel()
        pool.refuse()

    with _on_signals(end):
        try:
            await starting
            on_start(partial(_call, loop, end))
            await server.serve(sockets=[listening])
        except WorkerEnded as error:
            raise InputError(f"wanted a worker, but {error}; see the line before") from None
        except asyncio.CancelledError:
            if not server.should_exit:
                raise
        finally:
            listening.close()
            await pool.close()


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(function)


@contextmanager
def _on_signals(end: Callable[[], None]) -> Iterator[None]:
    """Call `end` on SIGTERM and SIGINT, in the main thread, where signals are heard."""
    loop = asyncio.get_running_loop()
    heard = _SIGNALS if threading.current_thread() is threading.main_thread() else ()
    for number in heard:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
