"""What the command prints: tables for people, or JSON alone; progress goes to standard error."""

import csv
import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fewbit.flow.interruption import begin, keep
from fewbit.flow.reporting import Stopped
from fewbit.flow.results import JsonResult

if TYPE_CHECKING:  # it takes a while to import
    from rich.progress import Progress, Task, TaskID

__all__ = ["SECONDS", "Job", "Reporter", "Stopped"]

SECONDS = 30.0
"""Between two lines about progress, where there is no terminal for a display."""
_ANY_WIDTH = 10_000
_MANY = 3  # jobs that a line of progress names
_KEPT_SECONDS = 1.0  # less than any simulation or synthesis takes
_NOTHING = ("", "–")  # cells without a value
_PERCENT = re.compile(r"-?[\d,.]+ ?%")
_GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")

_Shown = TypeVar("_Shown", bound=JsonResult)


class Reporter:
    """One command's output: a `flow.reporting.Report`, and what prints the command's result.

    Parameters
    ----------
    as_json, as_csv : bool
        Print nothing but JSON, or but the tables as CSV, on standard output; all else goes to standard error.
    wide : bool
        Print all columns of tables, however wide they become.
    """

    def __init__(self, as_json: bool = False, *, as_csv: bool = False, wide: bool = False):
        self.as_json, self.as_csv, self.wide = as_json, as_csv, wide
        self._tables = 0
        begin()
        self.out = Console(highlight=False, soft_wrap=True)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a line about what is being done."""
        self.err.print(f"fewbit: {text}", markup=False)

    def step(self, what: str, fresh: bool, where: object) -> None:
        """Say that the stage ``what`` was made at ``where``, or, if not ``fresh``, that it was up to date."""
        self.say(f"{what}: {'made' if fresh else 'up to date,'} {where}")
        if fresh:
            keep(what, f"{what} in {where}")

    def json(self, value: Any) -> None:
        """Print what JSON can hold."""
        print(json.dumps(value, indent=2))

    @contextmanager
    def _display(self, columns, **options):
        """Show a display that goes when the step ends; where there is no terminal, a line now and then in its place.

        ``columns`` makes what it has of `rich.progress`, which takes a while to import.
        """
        from rich import progress

        options |= {"console": self.err, "transient": True, "disable": not self.err.is_terminal}
        with progress.Progress(*columns(progress), **options) as shown:
            if self.err.is_terminal:
                yield shown
                return
            with _now_and_then(lambda: self._say_tasks(shown)):
                yield shown

    def _say_tasks(self, shown):
        """Say in one line how far the first task is, which stands for the others."""
        if shown.tasks:
            self.say(_progress_line(shown.tasks[0], [task.description for task in shown.tasks[1:]]))

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
        """Print a line of the result; beside tables as CSV it goes to standard error."""
        (self.err if self.as_csv else self.out).print(text, markup=False)

    def notes(self, notes: Iterable[str]) -> None:
        """Print where golden is not exactly the model."""
        for note in notes:
            self.line(f"note: {note}")

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[object]], *, least: Sequence[str] = ()) -> None:
        """Print a table of cells, whatever they are.

        A table that is wider than the terminal, or than 80 columns where there is none, has its heads in several lines.
        If that is not enough it is printed without the columns whose heads are in ``least``, the first of them first,
        as far as it takes; a line says which are missing.
        """
        cells = [[str(cell) for cell in row] for row in rows]
        if self.as_csv:
            self._print_csv(heads, cells)
            return
        if self.wide:
            whole = _table_of(heads, cells)
            width = max(_width(self.out, whole), self.out.width)
            Console(file=self.out.file, width=width, highlight=False).print(whole)
            return
        shown, hidden = _fitting(self.out, heads, cells, least)
        self.out.print(shown)
        if hidden:
            self.line(f"more columns by --wide: {'; '.join(hidden)}")

    def _print_csv(self, heads, rows):
        """Print a table as CSV, behind an empty line if it is not the first; numbers are as programs read them."""
        columns = [_plain_column(head, [row[k] for row in rows]) for k, head in enumerate(heads)]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(zip(*columns, strict=True))
        print(("\n" if self._tables else "") + text.getvalue(), end="", flush=True)
        self._tables += 1


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

    _COUNTING = threading.Lock()  # jobs are in threads of their own

    def __init__(self, report: Reporter, progress: "Progress", whole: "TaskID", name: str, total: int):
        self.report, self.progress, self.whole, self.name = report, progress, whole, name
        self.left, self.stopped, self.began = total, False, time.monotonic()
        self._last = self.began
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
        """Say what has been done, and count ``steps`` of the total.

        What took no time was kept from before: it is taken off the total, as the time left is not to be judged by it.
        """
        steps, now = min(steps, self.left), time.monotonic()
        self.left -= steps
        if now - self._last < _KEPT_SECONDS:
            self._take_off(steps)
        else:
            self.progress.advance(self.whole, steps)
        self._last = now
        self.report.say(f"{self.name}: {what} ({time.monotonic() - self.began:.0f} s)")

    def end(self) -> None:
        """Count what is left, or take it off where less was to do than it stood for; take the line away."""
        if self._last > self.began:
            self._take_off(self.left)
        else:
            self.progress.advance(self.whole, self.left)
        self.left = 0
        self.progress.remove_task(self.task)

    def _take_off(self, steps: int) -> None:
        with self._COUNTING:
            whole = next(task for task in self.progress.tasks if task.id == self.whole)
            self.progress.update(self.whole, total=(whole.total or 0) - steps)


def _spinner(p):
    """Return a spinner, the task, and the time."""
    return p.SpinnerColumn(), p.TextColumn("{task.description}"), p.TimeElapsedColumn()


def _table_of(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a rich table of cells."""
    table = Table(*(escape(column) for column in columns))
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _width(console: Console, table: Table) -> int:
    return console.measure(table, options=console.options.update(width=_ANY_WIDTH)).maximum


def _fitting(
    console: Console, heads: Sequence[str], rows: Sequence[Sequence[str]], least: Sequence[str]
) -> tuple[Table, list[str]]:
    """Return a table without as many of the ``least`` columns as its width takes, and the heads of those."""
    hidden: list[str] = []
    for more in (None, *least):
        if more is not None and more in heads:
            hidden.append(more)
        places = [k for k, head in enumerate(heads) if head not in hidden]
        cells = [[row[k] for k in places] for row in rows]
        table = _table_of([heads[k] for k in places], cells)
        if _width(console, table) <= console.width:
            break
        table = _table_of([_wrapped(heads[k], [row[k] for row in rows]) for k in places], cells)
        if _width(console, table) <= console.width:
            break
    return table, hidden


def _wrapped(head: str, cells: Sequence[str]) -> str:
    """Return a head in as many lines as make it no wider than its column's cells, or than its longest word."""
    width = max(map(len, [*cells, *head.split(), ""]))
    return "\n".join(wrap(head, max(1, width), break_long_words=False, break_on_hyphens=False))


def _plain_column(head: str, cells: Sequence[str]) -> list[str]:
    """Return a column of CSV: numbers without commas, and a percent sign in the head in place of one in each cell."""
    known = [cell for cell in cells if cell not in _NOTHING]
    if known and all(_PERCENT.fullmatch(cell) for cell in known):
        head, cells = f"{head}, %", [cell.removesuffix("%").rstrip() for cell in cells]
    return [head, *(cell.replace(",", "") if _GROUPED.fullmatch(cell) else cell for cell in cells)]


@contextmanager
def _now_and_then(tell: Callable[[], None]) -> Iterator[None]:
    """Call a function every `SECONDS` as long as the context is entered, from a thread."""
    ended = threading.Event()

    def watch():
        while not ended.wait(SECONDS):
            tell()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _progress_line(task: "Task", running: Sequence[str]) -> str:
    """Return how far a task is, how long it has taken, what is left, and what is ``running``."""
    said = task.description.rstrip(":")
    if task.total:
        said += f": {task.completed / task.total:.0%} after {_time(task.elapsed or 0)}"
        if task.time_remaining is not None:
            said += f", about {_time(task.time_remaining)} left"
    else:
        said += f": {_time(task.elapsed or 0)}"
    return said + (f"; {', '.join(running[:_MANY])}" if running else "")


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
