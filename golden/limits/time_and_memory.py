"""The last walls around an import: an alarm that ends it, and a bound on memory that the system holds.

What a node of a file takes is estimated before it is evaluated (`golden.model_file.evaluation_cost`). The walls are for
what no estimate foresees. They stand where Python can put them up: in the main thread, on systems that have them.
Elsewhere the time is looked at in front of every node.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType

from .limit import IMPORT_BYTES, IMPORT_SECONDS, LimitError

resource: ModuleType | None
try:
    import resource
except ImportError:  # not on Windows
    resource = None

__all__ = ["entering", "seconds_left", "walls"]

_AGAIN = 0.5  # seconds between alarms: one that falls into a destructor is lost


class _Expired(BaseException):
    """The time is over. No `except Exception` between here and the walls may take it for an error of its own."""


class _Walls:
    """Where an import is, and until when it may go on."""

    def __init__(self, what: object):
        self.what = what
        self.place: str | None = None
        self.seconds = IMPORT_SECONDS.value
        self.deadline = time.monotonic() + self.seconds

    def __str__(self) -> str:
        return f"{self.what}: {self.place}" if self.place else str(self.what)


_CURRENT: ContextVar[_Walls | None] = ContextVar("walls", default=None)


@contextmanager
def walls(what: object) -> Iterator[None]:
    """Bound the time and the memory of what happens inside. Walls inside other walls add nothing.

    Parameters
    ----------
    what : object
        What is imported; its text begins the message.

    Raises
    ------
    LimitError
        If time or memory do not suffice; it also names the node that was entered last.
    """
    if _CURRENT.get() is not None:
        yield
        return
    found = _Walls(what)
    token = _CURRENT.set(found)
    try:
        with _memory(), _alarm(found):
            yield
    except _Expired:
        raise LimitError(f"{found}: the import takes too long; {IMPORT_SECONDS.advice}") from None
    except MemoryError:
        raise LimitError(f"{found}: the import takes too much memory; {IMPORT_BYTES.advice}") from None
    finally:
        _CURRENT.reset(token)


def entering(place: str) -> None:
    """Note the place that an import is at, for messages.

    If the time of the import is over, it raises what `walls` turns into a `LimitError` that names the place.
    """
    found = _CURRENT.get()
    if found is not None:
        found.place = place
        if time.monotonic() > found.deadline:
            raise _Expired


def seconds_left() -> float:
    """Return the seconds that the import may still take."""
    found = _CURRENT.get()
    return IMPORT_SECONDS.value if found is None else max(0.01, found.deadline - time.monotonic())


def _here() -> bool:
    """Say whether walls can stand here: the system lets the main thread alone have them."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def _memory() -> Iterator[None]:
    """Let the process hold at most so many more bytes of data.

    Programs that other threads start would inherit the bound, so it is for the main thread, which starts none
    meanwhile.
    """
    used = _data_bytes() if resource and _here() else None
    if resource is None or used is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bounds = [b for b in (soft, hard, used + IMPORT_BYTES.value) if b != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int | None:
    """Return the bytes that Linux counts towards RLIMIT_DATA; None elsewhere."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None


@contextmanager
def _alarm(found: _Walls) -> Iterator[None]:
    """End what happens inside when its time is over, unless somebody else has set an alarm."""
    free = hasattr(signal, "setitimer") and _here() and not any(signal.getitimer(signal.ITIMER_REAL))
    before = signal.getsignal(signal.SIGALRM) if free else None
    if before is None:
        yield
        return
    armed = True

    def ring(*_: object) -> None:
        if armed:
            raise _Expired

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(0.001, found.deadline - time.monotonic()), _AGAIN)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
