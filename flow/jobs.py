"""Some pieces of work done at the same time, each with a line of progress of its own."""

import os
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

__all__ = ["run_jobs"]


def run_jobs(report, what, names, steps, work, workers=None):
    """``{name: work(name, job)}``, in the order of ``names``, two at a time: Yosys and Verilator each take one core.

    Parameters
    ----------
    report : flow.commands.report.Reporter
    what : str
        What is being done, beside the bar of progress.
    steps : int
        Of progress that each of them counts for; ``work`` tells its `flow.commands.report.Job` of those done.
    workers : int
        How many at a time, if not two, or one where there is but one core.

    The first that fails ends the others, and its exception is raised.
    """
    workers = workers or max(1, min(2, os.cpu_count() or 1))
    found, running = {}, []
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
            failed = [f.exception() for f in done if f.exception()]
            if failed:
                raise failed[0]
        except BaseException:
            for future in futures:
                future.cancel()
            while not all(f.done() for f in futures):
                for job in list(running):
                    job.stopped = True
                wait(futures, timeout=0.2)
            raise
    return {name: found[name] for name in names}
