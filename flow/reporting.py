"""Progress of long work, as it is told to a `flow.commands.report.Reporter`, or to whatever stands for one."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

__all__ = ["Report", "ReportedJob", "Stopped"]


class Stopped(Exception):
    """A job was ended because another one has failed or the user has stopped the work."""


class ReportedJob(Protocol):
    """One of several things that are done at once, with a line of progress of its own.

    Attributes
    ----------
    stopped : bool
        Whether the job shall not go on; `now` raises `Stopped` then.
    """

    stopped: bool

    def now(self, what: str) -> None:
        """Say what is being done."""

    def done(self, what: str, steps: int = 0) -> None:
        """Say what has been done, and count ``steps`` of the total."""

    def end(self) -> None:
        """Count what is left, and take the line away."""


class Report(Protocol):
    """Lines about what is being done, and displays of progress, each of which is there within its ``with``."""

    def say(self, text: str) -> None:
        """Print a line about what is being done."""

    def step(self, what: str, fresh: bool, where: object) -> None:
        """Say that the stage ``what`` was made at ``where``, or, if not ``fresh``, that it was up to date."""

    def working(self, what: str) -> AbstractContextManager[None]:
        """Show that a step is being done which is mostly short."""

    def stepping(self, what: str) -> AbstractContextManager[Callable[[float, str], None]]:
        """Show that a tool is at work; the function that it gives is told seconds and the step that the tool is at."""

    def estimating(self, what: str, seconds: float) -> AbstractContextManager[Callable[[], None]]:
        """Show a bar for a step that takes about ``seconds``; the function that it gives is called meanwhile."""

    def counting(self, what: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show a bar of ``total`` pieces; the function that it gives is told how many are done."""

    def jobs(self, what: str, steps: int) -> AbstractContextManager[Callable[[str, int], ReportedJob]]:
        """Show a bar over ``steps`` of work, and a line for each job.

        The function that it gives is called as ``start(name, steps)`` and returns the job.
        """
