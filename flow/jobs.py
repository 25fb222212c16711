"""Some pieces of work done at the same time, each with a line of progress of its own."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from .reporting import Report, ReportedJob

__all__ = ["run_jobs"]

_Found = TypeVar("_Found")


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
    workers = workers or max(1, min(2, os.cpu_count() or 1))
    found: dict[str, _Found] = {}
    running: list[ReportedJob] = []
    with report.jobs(what, steps * len(names)) as start, ThreadPoolExecutor(workers) as pool:

        def one(name):
            job = start(name, steps)
            running.append(job)
            try:
                found[name] = work(name, job)
            finally:
                job.end()

        futures = [pool.submit(one, name) for name in names]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for failure in (f.exception() for f in done):
                if failure is not None:
                    raise failure
        except BaseException:
            for future in futures:
                future.cancel()
            while not all(f.done() for f in futures):
                for job in list(running):
                    job.stopped = True
                wait(futures, timeout=0.2)
            raise
    return {name: found[name] for name in names}
