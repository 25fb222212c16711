"""Progress of a call, as its caller is told of it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fewbit.flow.reporting import Stopped

__all__ = ["Progress", "ProgressCallback", "Told", "ToldJob"]


@dataclass(frozen=True)
class Progress:
    """What a call is at.

    Attributes
    ----------
    what : str
        What is being done, or has been.
    done : float
        How much of it is done, in pieces, or in seconds of work that is estimated.
    total : float or None
        How much there is to do; None where that is not known.
    """

    what: str
    done: float = 0
    total: float | None = None

    @property
    def share(self) -> float | None:
        """The share that is done, 0 to 1; None where that is not known."""
        return min(1.0, self.done / self.total) if self.total else None


ProgressCallback = Callable[[Progress], object]
"""What a call with ``progress=`` takes. It may be called from other threads than the caller's, but only once at a time.
An exception that it raises ends the call, and leaves nothing half-written."""


class Told:
    """A `flow.reporting.Report` that prints nothing and tells a callback, if there is one.

    Parameters
    ----------
    progress : ProgressCallback or None
    """

    def __init__(self, progress: ProgressCallback | None = None):
        self._progress, self._lock = progress, threading.RLock()

    def tell(self, what: str, done: float = 0, total: float | None = None) -> None:
        """Tell the callback what is being done; one that has raised an exception is told nothing more."""
        with self._lock:
            if self._progress is None:
                return
            told, self._progress = self._progress, None
            told(Progress(what, done, total))
            self._progress = told

    def say(self, text: str) -> None:
        """Tell what there is to say of the work."""
        self.tell(text)

    def step(self, what: str, fresh: bool, where: object) -> None:
        """Tell that the stage ``what`` was made at ``where``, or was up to date."""
        self.tell(f"{what}: {'made' if fresh else 'up to date,'} {where}", 1, 1)

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Tell that a step begins, and that it has ended."""
        self.tell(what)
        yield
        self.tell(what, 1, 1)

    @contextmanager
    def stepping(self, what: str) -> Iterator[Callable[[float, str], None]]:
        """Tell that a tool is at work, and the steps that it is at."""
        self.tell(what)
        yield lambda seconds, step: self.tell(f"{what}: {step}")
        self.tell(what, 1, 1)

    @contextmanager
    def estimating(self, what: str, seconds: float) -> Iterator[Callable[[], None]]:
        """Tell of a step of about so many ``seconds`` how many have passed."""
        began = time.monotonic()
        self.tell(what, 0, seconds)
        yield lambda: self.tell(what, min(time.monotonic() - began, seconds), seconds)
        self.tell(what, seconds, seconds)

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Tell of pieces of work how many are done."""
        last = 0

        def progress(done: int) -> None:
            nonlocal last
            last = done
            self.tell(what, done, total)

        progress(0)
        yield progress
        if last != total:  # who asks a few times a second may not have seen the end
            progress(total)

    @contextmanager
    def jobs(self, what: str, steps: int) -> Iterator[Callable[[str, int], "ToldJob"]]:
        """Tell of several jobs, each by its name, how many steps of all of them are done."""
        self.tell(what, 0, steps)
        yield _Jobs(self, what, steps).start


class _Jobs:
    """Several jobs, and the steps of all that are done."""

    def __init__(self, told: Told, what: str, total: int):
        self._told, self._what, self._total, self._done, self._lock = told, what, total, 0, threading.Lock()

    def start(self, name: str, steps: int) -> "ToldJob":
        return ToldJob(self, name, steps)

    def tell(self, text: str, steps: int = 0) -> None:
        with self._lock:
            self._done += steps
            done = self._done
        self._told.tell(f"{self._what}: {text}", done, self._total)


class ToldJob:
    """One of several jobs, a `flow.reporting.ReportedJob`.

    Attributes
    ----------
    stopped : bool
    """

    def __init__(self, jobs: _Jobs, name: str, steps: int):
        self._jobs, self._name, self._left, self.stopped = jobs, name, steps, False

    def now(self, what: str) -> None:
        """Tell what is being done.

        Raises
        ------
        Stopped
            If the job shall not go on.
        """
        if self.stopped:
            raise Stopped(self._name)
        self._jobs.tell(f"{self._name}: {what}")

    def done(self, what: str, steps: int = 0) -> None:
        """Tell what has been done, and count ``steps`` of the total."""
        steps = min(steps, self._left)
        self._left -= steps
        self._jobs.tell(f"{self._name}: {what}", steps)

    def end(self) -> None:
        """Count what is left, unless another job has failed: nobody waits for the end of these any more."""
        if not self.stopped:
            left, self._left = self._left, 0
            self._jobs.tell(self._name, left)
