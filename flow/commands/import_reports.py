"""``fewbit import-reports``: what a user's Vivado reported of a build, beside its estimates."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Build, Showing
from .registry import command

__all__ = ["import_reports"]

_KINDS = {"lut": "LUTs", "ff": "FFs", "lutram": "LUT RAM", "bram18": "BRAM18", "uram": "URAM", "dsp": "DSPs"}


@command(rank=45, epilog="Example: `fewbit import-reports build/w1a1 --reports vivado/impl_1`")
def import_reports(
    *, directory: Build,
    reports: Annotated[
        list[Path] | None,
        typer.Option("--reports", metavar="PATH", show_default=False,
                     help="A report, or a folder of them; may stand several times. Default: those of the build's own."),
    ] = None,
    showing: Showing,
):  # fmt: skip
    """Read utilization and timing reports that your Vivado wrote, and put them beside the estimates."""
    from fewbit.flow.project.imported_reports import import_vivado_reports

    report = showing.reporter()
    report.show(import_vivado_reports(directory, reports or ()), _table)


def _counted(used, kind):
    """Return a resource of a report or an estimate as text; a block RAM of 36 Kbit counts as two of 18."""
    if used is None or kind not in used:
        return "–"
    return f"{used[kind] + (2 * used.get('bram36', 0) if kind == 'bram18' else 0):,}"


def _table(report, r):
    report.line(f"Vivado {r.vivado or 'of unknown version'}, design {r.design or '?'} on {r.device or '?'}: "
                f"{r.state.lower() or 'of unknown state'}")  # fmt: skip
    rows = [(name, layer.estimate, layer.reported) for name, layer in r.layers.items()]
    if r.reported:
        rows.append(("in all" if r.layers else "the design", r.estimate, r.reported))
    kinds = [kind for kind in _KINDS if any((used.get(kind) or kind in (e or {})) for _, e, used in rows)]
    estimated = {kind for kind in kinds if any(kind in (e or {}) for _, e, _ in rows)}
    heads, cells = ["layer"], [[name] for name, _, _ in rows]
    for kind in kinds:
        heads += [f"{_KINDS[kind]}, estimated"] if kind in estimated else []
        heads.append(f"{_KINDS[kind]}, reported")
        for row, (_, estimate, used) in zip(cells, rows, strict=True):
            row += [_counted(estimate, kind)] if kind in estimated else []
            row += [_counted(used, kind)]
    if rows:
        few = [head for kind in ("lutram", "uram", "ff") for head in heads if head.startswith(f"{_KINDS[kind]},")]
        report.table(heads, cells, least=few)
    for kind, available in r.available.items():
        if kind in _KINDS and r.reported.get(kind):
            report.line(f"of {available:,} {_KINDS[kind]} of the device: {r.reported[kind] / available:.1%}")
    if r.timing is not None:
        _timing(report, r.timing)
    report.line(f"written to {r.directory / r.written}")


def _timing(report, t):
    if t.wns is None:
        report.line("timing: nothing is constrained, as no clock is")
        return
    clock = "" if t.period_ns is None else f" at {1000 / t.period_ns:.4g} MHz"
    reached = "" if t.fmax_mhz is None else f"; the worst path allows {t.fmax_mhz:g} MHz"
    verdict = "met" if t.met else f"MISSED by {t.failing} of {t.endpoints} endpoints"
    report.line(f"timing{clock}: {verdict}, worst slack "
                f"{t.wns:g} ns{reached}")  # fmt: skip
