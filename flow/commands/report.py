"""What the command prints: tables for people, or JSON alone; progress goes to standard error."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.table import Table

from fewbit.flow.reporting import Stopped
from fewbit.flow.results import JsonResult

if TYPE_CHECKING:  # it takes a while to import
    from rich.progress import Progress, TaskID

__all__ = ["Job", "Reporter", "Stopped"]

_Shown = TypeVar("_Shown", bound=JsonResult)


class Reporter:
    """One command's output: a `flow.reporting.Report`, and what prints the command's result.

    Parameters
    ----------
    as_json : bool
        Print nothing but JSON on standard output; all else still goes to standard error.
    """

    def __init__(self, as_json: bool = False):
        self.as_json = as_json
        self.out = Console(highlight=False, soft_wrap=True)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a line about what is being done."""
        self.err.print(f"fewbit: {text}", markup=False)

    def step(self, what: str, fresh: bool, where: object) -> None:
        """Say that the stage ``what`` was made at ``where``, or, if not ``fresh``, that it was up to date."""
        self.say(f"{what}: {'made' if fresh else 'up to date,'} {where}")

    def json(self, value: Any) -> None:
        """Print what JSON can hold."""
        print(json.dumps(value, indent=2))

    @contextmanager
    def _display(self, columns, **options):
        """Show a display that goes when the step ends, and that a terminal alone is shown.

        ``columns`` makes what it has of `rich.progress`, which takes a while to import.
        """
        from rich import progress

        options |= {"console": self.err, "transient": True, "disable": not self.err.is_terminal}
        with progress.Progress(*columns(progress), **options) as shown:
            yield shown

    @contextmanager
    def _bar(
        self, what: str, total: float | None, columns: Callable[[Any], tuple]
    ) -> Iterator[Callable[[float], None]]:
        """Show a display of one task; yield ``progress(done)``."""
        with self._display(columns) as shown:
            task = shown.add_task(what, total=total)
            yield lambda done: shown.update(task, completed=done)

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show a spinner and the time, for a step that is mostly short."""
        with self._bar(what, None, _spinner):
            yield

    @contextmanager
    def stepping(self, what: str) -> Iterator[Callable[[float, str], None]]:
        """Show a spinner, the time, and the step that a tool is at; yield ``progress(seconds, step)``."""
        with self._display(_spinner) as shown:
            task = shown.add_task(what, total=None)
            yield lambda _, step: shown.update(task, description=f"{what}: {step}")

    @contextmanager
    def estimating(self, what: str, seconds: float) -> Iterator[Callable[[], None]]:
        """Show a bar with the time left, for a step of about ``seconds``; yield a function to call meanwhile."""
        began = time.monotonic()

        def columns(p):
            return p.TextColumn("{task.description}"), p.BarColumn(), p.TextColumn("about"), p.TimeRemainingColumn()

        with self._bar(what, seconds, columns) as progress:
            yield lambda: progress(min(time.monotonic() - began, 0.99 * seconds))

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar with the time left; yield ``progress(done)``."""

        def columns(p):
            return p.TextColumn("{task.description}"), p.BarColumn(), p.MofNCompleteColumn(), p.TimeRemainingColumn()

        with self._bar(what, total, columns) as progress:
            yield progress

    @contextmanager
    def jobs(self, what: str, steps: int) -> Iterator[Callable[[str, int], "Job"]]:
        """Show a bar over ``steps`` of work with the time left, and below it a line for each job.

        Yields ``start(name, steps)``, which gives a `Job`. Jobs may run in threads of their own.
        """

        def columns(p):
            return (p.SpinnerColumn(), p.TextColumn("{task.description}"), p.BarColumn(bar_width=24),
                    p.TimeElapsedColumn(), p.TextColumn("{task.fields[left]}"), p.TimeRemainingColumn())  # fmt: skip

        # Steps take minutes, so the speed must be that of the whole run.
        with self._display(columns, speed_estimate_period=3600) as shown:
            whole = shown.add_task(what, total=steps, left="left:")
            yield lambda name, total: Job(self, shown, whole, name, total)

    def show(self, result: _Shown, table: "Callable[[Reporter, _Shown], None]") -> None:
        """Print a result: as JSON, or as ``table(self, result)`` prints it."""
        if self.as_json:
            self.json(result.to_dict())
        else:
            table(self, result)

    def line(self, text: str) -> None:
        """Print a line of the result."""
        self.out.print(text, markup=False)

    def notes(self, notes: Iterable[str]) -> None:
        """Print where golden is not exactly the model."""
        for note in notes:
            self.line(f"note: {note}")

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table of cells, whatever they are."""
        self.out.print(_table_of(heads, rows))

    def wide_table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print one table, or where the terminal is too narrow for it, two.

        The second begins with the first column again.
        """
        whole = _table_of(head, rows)
        width = self.out.measure(whole, options=self.out.options.update(width=1000)).maximum
        if width <= self.out.width or not self.out.is_terminal:
            Console(file=self.out.file, width=max(width, self.out.width), highlight=False).print(whole)
            return
        middle = len(head) // 2
        self.table(head[:middle], [row[:middle] for row in rows])
        self.table([*head[:1], *head[middle:]], [[*row[:1], *row[middle:]] for row in rows])


class Job:
    """One of several things that are done at once, a `flow.reporting.ReportedJob`.

    Parameters
    ----------
    report : Reporter
    progress : rich.progress.Progress
    whole : rich.progress.TaskID
        The task of all jobs together.
    name : str
    total : int
        Steps of the whole that the job stands for.
    """

    def __init__(self, report: Reporter, progress: "Progress", whole: "TaskID", name: str, total: int):
        self.report, self.progress, self.whole, self.name = report, progress, whole, name
        self.left, self.stopped, self.began = total, False, time.monotonic()
        self.task = progress.add_task(name, total=None, left="")

    def now(self, what: str) -> None:
        """Say what is being done.

        Raises
        ------
        Stopped
            If the job shall not go on.
        """
        if self.stopped:
            raise Stopped(self.name)
        self.progress.update(self.task, description=f"{self.name}: {what}")

    def done(self, what: str, steps: int = 0) -> None:
        """Say what has been done, and count ``steps`` of the total."""
        steps = min(steps, self.left)
        self.left -= steps
        self.progress.advance(self.whole, steps)
        self.report.say(f"{self.name}: {what} ({time.monotonic() - self.began:.0f} s)")

    def end(self) -> None:
        """Count what is left, and take the line away."""
        self.progress.advance(self.whole, self.left)
        self.progress.remove_task(self.task)


def _spinner(p):
    """Return a spinner, the task, and the time."""
    return p.SpinnerColumn(), p.TextColumn("{task.description}"), p.TimeElapsedColumn()


def _table_of(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a rich table of cells, whatever they are."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table
