"""``make fuzz``: sweep units of the hardware against golden, as many as wanted, each from its seed alone."""

import argparse
import gc
import json
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

from tests.sweep.bundle import compare
from tests.sweep.case import ARRAYS, KINDS, TARGETS, case_of, kind_of, target_of
from tests.sweep.page import write_page

__all__ = ["found_of", "seeds_of", "sweep", "sweep_batch"]

from fewbit.extras import MissingPackage
from fewbit.flow.cluster import ClusterError
from fewbit.flow.commands.report import Reporter
from fewbit.flow.jobs import Processes, WorkUnit, run_units
from fewbit.flow.workers import add_options, workers_of
from fewbit.places import HOME

ROOT = HOME
FOLDER = ROOT / "build" / "sweep"
WORKERS = 2  # builds at a time
_BATCH = 52  # units of one build: fewer repeat what each build takes, more take memory


def seeds_of(first, count, kind=None, target=None):
    """``count`` seeds from ``first`` on, of one kind and one target if these are given."""
    seeds, seed = [], first
    while len(seeds) < count:
        if kind in (None, kind_of(seed)) and target in (None, target_of(seed)):
            seeds.append(seed)
        seed += 1
    return seeds


def sweep_batch(seeds, folder=None):
    """What was found for each of these seeds, in one build: a dict with its kind, target, what it is, and ``wrong``.

    Where something ends with an error, halves of them are built again, down to the seed that does it.
    """
    gc.disable()  # designs are many objects that live as long as their build
    folder = FOLDER / f"{seeds[0]}-{len(seeds)}" if folder is None else Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        units = [case_of(seed) for seed in seeds]
        found = compare(units, folder)
    except Exception as error:  # whatever it is, it is of one of the seeds, and told with it
        if len(seeds) == 1:
            wrong = [f"{type(error).__name__}: {error}"]
            return [dict(seed=seeds[0], kind=kind_of(seeds[0]), target=target_of(seeds[0]), words="", wrong=wrong)]
        half = len(seeds) // 2
        return sweep_batch(seeds[:half]) + sweep_batch(seeds[half:])
    finally:
        gc.enable()
    if not any(found):
        shutil.rmtree(folder, ignore_errors=True)
    return [
        dict(
            seed=seed, kind=unit.kind, target=unit.target, words=unit.words, features=unit.features, wrong=wrong,
            codes=int((unit.expected >= 0).sum()), pe=getattr(unit.plan, "pe", None),
            simd=getattr(unit.plan, "simd", None), groups=unit.plan.dense.groups if unit.kind in ARRAYS else None,
        )
        for seed, unit, wrong in zip(seeds, units, found, strict=True)
    ]  # fmt: skip


def found_of(seeds, job):
    """The findings of `sweep_batch` for these seeds, as a unit of work."""
    job.now(f"{len(seeds)} units from seed {seeds[0]}")
    try:
        return sweep_batch(seeds)
    finally:
        gc.collect()  # a worker of a cluster goes on


def sweep(seeds, workers, tell=lambda _: None):
    """The findings of `sweep_batch` for all seeds, by workers of `flow.jobs`; ``tell(findings)`` after each batch."""
    batches = [seeds[n : n + _BATCH] for n in range(0, len(seeds), _BATCH)]
    units = [
        WorkUnit(name=f"batch {n + 1}", function=found_of, arguments=(batch,), contents=(batch,), steps=len(batch))
        for n, batch in enumerate(batches)
    ]
    found = run_units(
        Reporter(), "sweeping", units, workers, tell=tell, good=lambda findings: not any(f["wrong"] for f in findings)
    )
    return [finding for findings in found.values() for finding in findings]


def _positive(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)


def _seed(text):
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}")
    return int(text)


def _arguments(argv):
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=…", description=__doc__, allow_abbrev=False)
    parser.add_argument("--count", type=_positive, default=3400, help="units (default: %(default)s)")
    parser.add_argument("--first", type=_seed, default=0, help="first seed (default: %(default)s)")
    parser.add_argument("--kind", choices=KINDS, help="one kind only")
    parser.add_argument("--target", choices=TARGETS, help="one target only")
    add_options(parser, str(WORKERS))
    parser.add_argument("--page", action="store_true", help="write docs/sweep.md")
    return parser.parse_args(argv)


def main(argv=None):
    """Run the sweep; exit status 1 if a unit is not equal to golden."""
    options, start, done = _arguments(argv), time.monotonic(), Counter()
    seeds = seeds_of(options.first, options.count, options.kind, options.target)
    FOLDER.mkdir(parents=True, exist_ok=True)
    log = FOLDER / "found.jsonl"
    log.write_text("")

    def tell(findings):
        with open(log, "a") as out:
            out.writelines(json.dumps(f) + "\n" for f in findings)
        for f in findings:
            done["units"] += 1
            done["arrays"] += f["kind"] in ARRAYS
            if f["wrong"]:
                done["wrong"] += 1
                print(
                    f"seed {f['seed']}: {f['kind']}, {f['target']}, {f['words']}: {'; '.join(f['wrong'])}", flush=True
                )
                with open(FOLDER / "failed.txt", "a") as out:
                    out.write(f"{f['seed']}\n")
        print(
            f"{done['units']} of {len(seeds)} units, {done['arrays']} arrays, {done['wrong']} not equal to golden, "
            f"{time.monotonic() - start:.0f} s", flush=True,
        )  # fmt: skip

    try:
        with workers_of(options.jobs, options.cluster, _say, Processes, WORKERS) as workers:
            found = sweep(seeds, workers, tell)
    except (ValueError, MissingPackage, ClusterError) as error:
        print(f"fewbit: {error}", file=sys.stderr)
        return 2
    if options.page:
        write_page(ROOT / "docs" / "sweep.md", found, round(time.monotonic() - start), _command(options))
    if done["wrong"]:
        print(f"fewbit: seeds that failed are in {FOLDER / 'failed.txt'}; run one with ARGS='--count 1 --first SEED', "
              "and keep it in tests/sweep/kept.json once it is mended", file=sys.stderr)  # fmt: skip
    return 1 if done["wrong"] else 0


def _say(text):
    print(f"fewbit: {text}", file=sys.stderr, flush=True)


def _command(options):
    words = [f"--count {options.count}"] + [f"--first {options.first}"] * (options.first > 0)
    words += [f"--{name} {value}" for name in ("kind", "target") if (value := getattr(options, name))]
    return f"make fuzz ARGS='{' '.join(words)} --page'"


if __name__ == "__main__":
    sys.exit(main())
