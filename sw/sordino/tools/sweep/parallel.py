"""Tasks on every core or on a cluster, as joblib's backends have it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, get_args

from sordino.errors import InputError
from sordino.extras import needs

__all__ = ["BACKENDS", "Backend", "Each", "parallel"]

Backend = Literal["loky", "threading", "dask", "ray"]
_CONNECT_SECONDS = 10
BACKENDS: tuple[str, ...] = get_args(Backend)
"""joblib's: processes or threads of this machine, a Dask or a Ray cluster."""
Each = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], Iterator[tuple[int, Any]]]
"""A function and arguments for each call; yields (number of the call, result) as they are done."""


@contextmanager
def parallel(
    backend: Backend, jobs: int, scheduler: str | None, shared: Sequence[Any] = ()
) -> Iterator[Each]:
    """Calls side by side; `shared` arguments go to a Dask cluster once, not with every call.

    `jobs` is joblib's n_jobs, `scheduler` the address of a Dask cluster. InputError where joblib or
    the backend is not installed, or no cluster answers.
    """
    with needs("a sweep"):
        import joblib

    def each(
        call: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[int, Any]]:
        tasks = (joblib.delayed(_numbered)(n, call, given) for n, given in enumerate(arguments))
        yield from joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks)

    if backend == "dask":
        with _dask(scheduler), joblib.parallel_config("dask", scatter=list(shared)):
            yield each
        return
    if backend == "ray":
        _register_ray()
    with joblib.parallel_config(backend):
        yield each


def _numbered(number: int, call: Callable[..., Any], given: tuple[Any, ...]) -> tuple[int, Any]:
    return number, call(*given)


@contextmanager
def _dask(scheduler: str | None) -> Iterator[None]:
    """A client of the cluster at that address, which joblib's backend finds by itself."""
    if scheduler is None:
        raise InputError("wanted --scheduler with the address of a Dask cluster, got none")
    with needs("backend dask"):
        from distributed import Client
    try:
        client = Client(scheduler, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise InputError(
            f"wanted a Dask cluster at {scheduler}, but none answers: {error}"
        ) from None
    with client:
        yield


def _register_ray() -> None:
    with needs("backend ray"):
        from ray.util.joblib import register_ray
    register_ray()
