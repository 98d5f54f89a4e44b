"""Executors: the same work here, in other processes, or on a Dask cluster, with one result."""

from __future__ import annotations

from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from riskmap.errors import InputError, importing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from riskmap.typing import Mapper


def connect(address: str, *, timeout: float = 10.0) -> Any:
    """Return a client of a Dask scheduler.

    Parameters
    ----------
    address
        Such as ``tcp://127.0.0.1:8786``.
    timeout
        Seconds to wait for an answer.

    Raises
    ------
    InputError
        When nothing answers there.
    MissingDependencyError
        When `distributed` is not installed (extra ``dask``).
    """
    with importing("distributed", extra="dask"):
        from distributed import Client
    make: Any = Client
    try:
        return make(address, timeout=timeout)
    except (OSError, ValueError) as error:
        raise InputError("no scheduler answers", met=address, expected=str(error)) from error


def map_on(client: Any) -> Mapper:
    """Return what maps like :func:`map`, on the workers of a cluster.

    Results come in the order of the items. The items of a worker that dies are given to another.

    Parameters
    ----------
    client
        A ``distributed.Client``; None for :func:`map` itself.

    Examples
    --------
    >>> list(map_on(None)(abs, [-1, 2]))
    [1, 2]
    """
    if client is None:
        return map

    def mapper(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        # what a function carries with it is sent once, not with every item
        sent = client.scatter(function, broadcast=True, hash=False)
        todo = list(items)
        futures = client.map(_call, [sent] * len(todo), todo, pure=False)
        for item, future in zip(todo, futures, strict=True):
            try:
                found = future.result()
            except CancelledError:  # what was sent went down with its worker: it is sent once more
                found = client.submit(function, item, pure=False).result()
            future.release()
            yield found

    return mapper


def _call(function: Callable[[Any], Any], item: Any) -> Any:
    return function(item)


@contextmanager
def open_executor(jobs: int = 1, scheduler: str | None = None) -> Iterator[Mapper]:
    """Yield what maps like :func:`map`: here, in other processes, or on a cluster.

    Parameters
    ----------
    jobs
        Processes on this machine.
    scheduler
        Address of a Dask scheduler, which goes before `jobs`.

    Raises
    ------
    InputError
        When no scheduler answers.

    Examples
    --------
    >>> with open_executor() as mapper:
    ...     list(mapper(abs, [-1, 2]))
    [1, 2]
    """
    if scheduler is not None:
        with connect(scheduler) as client:
            yield map_on(client)
    elif jobs > 1:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        # spawned, because a forked process may inherit a held lock
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            yield pool.map
    else:
        yield map
