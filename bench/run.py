"""``python -m bench.run`` measures every section of ``docs/benchmarks.md``, each in a process of its own, then the
networks of ``docs/scale.md``.

``python -m bench.run MODEL [--cycles N]`` is `bench.sections.steps` for that model, and ``--page`` only assembles the
page. Without a model, ``--cluster`` has sections and networks measured by a cluster, each by one worker.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.scale import run as scale
from bench.sections import steps
from fewbit.extras import MissingPackage
from fewbit.flow.cluster import ClusterError
from fewbit.flow.commands.report import Reporter
from fewbit.flow.jobs import Workers, WorkUnit, run_units
from fewbit.flow.reporting import Report, ReportedJob
from fewbit.flow.workers import add_options, workers_of
from fewbit.host.processes import run
from fewbit.places import HOME

from . import page

__all__ = ["main", "measure_section"]


def measure_section(module: str, job: ReportedJob) -> dict[str, Any] | None:
    """Measure a section in a process of its own, and return what `page.keep` keeps of it; None if that failed."""
    job.now("measuring")
    with tempfile.TemporaryDirectory(prefix="fewbit-bench-") as folder:
        file = Path(folder) / "found.json"
        code = run([sys.executable, "-m", "bench.run", "--section", module, "--to", file], cwd=HOME).returncode
        return None if code else json.loads(file.read_text(encoding="utf-8"))


def measure_sections(modules: Sequence[str], report: Report, workers: Workers) -> list[str]:
    """Measure sections and write the page as each comes; return those that failed."""
    todo = list(modules)

    def keep(found: dict[str, Any] | None) -> None:
        module = todo[len(seen)]
        seen.append(found is not None)
        if found is not None:
            page.keep(module, found)
            page.write()

    seen: list[bool] = []
    units = [WorkUnit(name=m, function=measure_section, arguments=(m,), contents=(m,)) for m in todo]
    run_units(report, "measuring", units, workers, tell=keep, keep=False)
    return [module for module, good in zip(todo, seen, strict=True) if not good]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    given = sys.argv[1:] if argv is None else list(argv)
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--page", action="store_true", help="only assemble the page")
    parser.add_argument("--section", help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    add_options(parser, "1: what runs beside a measurement disturbs it")
    args, others = parser.parse_known_args(given)
    if others:
        return steps.main()
    if args.page:
        return page.write()
    if args.section:
        args.to.write_text(json.dumps(page.measured(args.section)), encoding="utf-8")
        return None
    report = Reporter()
    try:
        with workers_of(args.jobs, args.cluster, report.say) as workers:
            failed = measure_sections([m for m in page.SECTIONS if not page.is_measured(m)], report, workers)
            scale.measure_networks(scale.changed(), report, workers)
    except (ValueError, MissingPackage, ClusterError) as error:
        parser.exit(2, f"fewbit: {error}\n")
    page.write()
    if failed:
        raise SystemExit(f"bench: failed: {', '.join(failed)}")
    return None


if __name__ == "__main__":
    main()
