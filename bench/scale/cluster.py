"""``python -m bench.scale.cluster`` measures what a cluster brings: its speed-up here, and its overhead a unit.

What is measured is `fewbit sensitivity` of the digits by this process and by one and two workers, in turns, the
cluster's start left out; and units that do nothing. The best of some runs counts, as others may use the machine.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fewbit.flow.cluster import DaskCluster
from fewbit.flow.commands.report import Reporter
from fewbit.flow.jobs import Threads, Workers, WorkUnit, run_units
from fewbit.flow.quantizing.float_model import FloatProject
from fewbit.flow.quantizing.sensitivity import sensitivity
from fewbit.flow.reporting import ReportedJob
from fewbit.places import HOME
from fewbit.ptq.quantize import Options

__all__ = ["ClusterTimes", "main", "measure", "nothing"]

EXAMPLE = HOME / "examples" / "digits" / "float32.onnx"
UNITS = 100  # that do nothing


@dataclass(frozen=True)
class ClusterTimes:
    """Seconds of the best run of each, and of a unit that does nothing.

    Attributes
    ----------
    here, one, two : float
        Of the work in this process, by one worker, and by two.
    units : int
        Units that the work is.
    start : float
        Of the start of two workers.
    overhead : float
        Of a unit, by two workers.
    """

    here: float
    one: float
    two: float
    units: int
    start: float
    overhead: float


def nothing(number: int, job: ReportedJob) -> int:
    """Do no work."""
    return number


def measure(runs: int = 5, bits: str = "8,4,2,1") -> ClusterTimes:
    """Measure the work of each in turns, ``runs`` times."""
    report = Reporter()
    project = FloatProject(EXAMPLE)
    found: dict[str, object] = {}

    def work(name: str, workers: Workers) -> Callable[[], None]:
        def one() -> None:
            result = sensitivity(project, Options(), report, bits=bits, workers=workers).to_dict()
            if found.setdefault("result", result) != result:
                raise ValueError(f"{name} gives another result")

        return one

    def idle(workers: Workers) -> None:
        units = [WorkUnit(name=str(n), function=nothing, arguments=(n,), contents=(n,)) for n in range(UNITS)]
        run_units(report, "nothing", units, workers)

    begin = time.monotonic()
    with DaskCluster("local:2", report.say) as two:
        start = time.monotonic() - begin
        with DaskCluster("local:1", report.say) as one:
            for cluster in (one, two):
                cluster.keeps = False  # each run is one
                work("warming up", cluster)()
            best = _best(runs, [work("here", Threads()), work("one", one), work("two", two), lambda: idle(two)])
    count = len(project.model.layers) * len(bits.split(","))
    return ClusterTimes(best[0], best[1], best[2], count, start, best[3] / UNITS)


def _best(runs: int, works: Sequence[Callable[[], None]]) -> list[float]:
    """Return the least seconds of each work, of ``runs`` in turns."""
    least = [float("inf")] * len(works)
    for _ in range(runs):
        for k, work in enumerate(works):
            begin = time.monotonic()
            work()
            least[k] = min(least[k], time.monotonic() - begin)
    return least


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.cluster", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="of which the best counts (default: %(default)s)")
    args = parser.parse_args()
    t = measure(args.runs)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, best of {args.runs} runs in turns")
    print(f"sensitivity of {EXAMPLE.relative_to(HOME)}, {t.units} units: "
          f"here {t.here:.2f} s, one worker {t.one:.2f} s, two {t.two:.2f} s")  # fmt: skip
    print(f"speed-up of two workers: {t.one / t.two:.2f} against one, {t.here / t.two:.2f} against none")
    print(f"start of two workers: {t.start:.1f} s; a unit that does nothing: {1000 * t.overhead:.1f} ms")


if __name__ == "__main__":
    main()
