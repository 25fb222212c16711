"""Reports that a user's Vivado wrote of a build, beside the estimates of the same build, layer by layer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fewbit.flow.cache import atomic_write
from fewbit.flow.eda.vivado_reports import (
    Instance,
    ReportError,
    TimingReport,
    UtilizationReport,
    VivadoReport,
    read_report,
)
from fewbit.flow.results import JsonResult
from fewbit.golden.model_file.source import SourceFile

from .folded_model import FoldedModel
from .rebuild import target_of

__all__ = ["KEPT", "ImportedReports", "ReportedLayer", "ReportedTiming", "import_vivado_reports"]

KEPT = "vivado.json"
"""Name of the file, in the folder of a build, that keeps what was imported last."""


@dataclass(frozen=True, kw_only=True)
class ReportedLayer(JsonResult):
    """A layer, or another stage, of the pipeline.

    Attributes
    ----------
    cycles : int or None
        Cycles of a frame; None of a stage that is no layer.
    estimate : dict or None
        What it takes by the estimate, which counts a layer with its gearbox and its window.
    reported : dict
        What Vivado counted of all of that, by the resource.
    """

    cycles: int | None
    estimate: dict[str, int] | None
    reported: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class ReportedTiming(JsonResult):
    """The timing of a design: slacks in ns, and the clock that it reaches, if there is one.

    Attributes
    ----------
    period_ns : float or None
        Period of the clock, if there is one alone.
    fmax_mhz : float or None
        The rate at which the worst path would meet it, ``1000/(period - wns)``.
    met : bool
        Whether no endpoint misses setup or hold.
    """

    file: Path
    state: str
    wns: float | None
    tns: float | None
    whs: float | None
    ths: float | None
    failing: int
    endpoints: int
    clocks: dict[str, float]
    period_ns: float | None
    fmax_mhz: float | None
    met: bool


@dataclass(frozen=True, kw_only=True)
class ImportedReports(JsonResult):
    """What Vivado reported of a build, beside what was estimated.

    Attributes
    ----------
    written : str
        Name of the file in the folder that keeps this.
    files : list of Path
        The reports that it is from.
    vivado, design, device, state : str
        Version of Vivado, top module, part, and how far the design had come.
    estimate : dict
        What all of it takes by the estimate.
    reported : dict
        What Vivado counted of the accelerator, by the resource; of the whole design if the report has no hierarchy.
    available : dict
        What the device has, if a report says it.
    layers : dict of `ReportedLayer`
        By name, in the order of the pipeline; empty without a hierarchical report.
    timing : ReportedTiming or None
        If there is a report of it.
    """

    directory: Path
    written: str
    files: list[Path]
    vivado: str
    design: str
    device: str
    state: str
    estimate: dict[str, int]
    reported: dict[str, int]
    available: dict[str, int]
    layers: dict[str, ReportedLayer]
    timing: ReportedTiming | None


def import_vivado_reports(directory: Path, given: Sequence[Path] = ()) -> ImportedReports:
    """Read reports, compare them with the estimates of a build, and keep the result in its folder.

    Parameters
    ----------
    directory : Path
        A folder that ``fewbit build`` wrote.
    given : sequence of Path
        Reports, or folders of them; the folders of the build that Vivado's scripts write reports into, if empty. Of
        several reports of a kind the one is taken whose design has come farthest, the newest of those.

    Raises
    ------
    host.build.HostError
        If the folder is no build.
    flow.eda.vivado_reports.ReportError
        If there are no reports, one is damaged, or they are of another design.
    """
    build, target = target_of(directory)
    manifest = build.manifest
    reports = _reports(directory, given)
    hierarchy = _best([r for r in reports if isinstance(r, UtilizationReport) and r.top is not None])
    summary = _best([r for r in reports if isinstance(r, UtilizationReport) and r.top is None])
    timing = _best([r for r in reports if isinstance(r, TimingReport)])
    model = FoldedModel(
        SourceFile.kept_in(directory), output=manifest["output_option"], folding=directory / "folding.json",
        target=target,
    )  # fmt: skip
    stages = manifest["control"]["registers"]["STALL"]["labels"]
    accelerator = None if hierarchy is None else _accelerator(hierarchy, stages)
    used, main = _used(hierarchy, accelerator, summary, timing, (manifest["top"], manifest["control"]["top"]))
    files = [r.head.file for r in (hierarchy, summary, timing) if r is not None]
    whole, layers = _estimates(model)
    result = ImportedReports(
        directory=directory, written=KEPT, files=files, vivado=main.head.version, design=main.head.design,
        device=main.head.device, state=main.head.state, estimate=whole, reported=used,
        available={} if summary is None else summary.available,
        layers={} if accelerator is None else _layers(accelerator[0], stages, layers, manifest["layers"]),
        timing=None if timing is None else _timing(timing),
    )  # fmt: skip
    atomic_write(directory / KEPT, json.dumps(result.to_dict(), indent=2) + "\n")
    return result


def _reports(directory: Path, given: Sequence[Path]) -> list[VivadoReport]:
    folders = [directory / name for name in ("verilog", "ip")] if not given else [p for p in given if p.is_dir()]
    found: list[VivadoReport] = []
    for path in given:
        if not path.is_dir():
            report = read_report(path)
            if report is None:
                raise ReportError(
                    f"{path}: is neither a report_utilization nor a report_timing_summary of Vivado as text"
                )
            found.append(report)
    for folder in folders:
        for file in sorted((*folder.glob("*.rpt"), *folder.glob("*.txt"))):
            if (report := read_report(file)) is not None:
                found.append(report)
    if not found:
        where = " and ".join(str(folder) for folder in folders)
        raise ReportError(
            f"{where}: no reports of Vivado: run `vivado -mode batch -source {directory / 'verilog' / 'vivado.tcl'}`, "
            "or name the files that report_utilization -hierarchical and report_timing_summary wrote by --reports"
        )
    return found


def _best(reports: list[Any]) -> Any:
    """Return the report of the design that has come farthest, the newest of those; None if there is none."""
    return max(reports, key=lambda r: (r.head.progress, r.head.file.stat().st_mtime), default=None)


def _accelerator(report: UtilizationReport, stages: Sequence[str]) -> tuple[Instance, Instance]:
    """Return the instance that has the stages of the pipeline inside it, and the one around it: the shell, whose
    streams and marks belong to the accelerator, too."""
    assert report.top is not None
    wanted = set(stages)
    best = max(report.top.every(), key=lambda i: len(wanted & {part.name for part in i.inside}))
    if not wanted & {part.name for part in best.inside}:
        names = ", ".join(stages[:4])
        raise ReportError(
            f"{report.head.file}: is of design {report.head.design or report.top.name!r}, in which nothing is named as "
            f"the stages of this build ({names}, …): it is another design's, or was made with -flatten_hierarchy full"
        )
    around = next((i for i in report.top.every() if any(part is best for part in i.inside)), best)
    return best, around


def _used(hierarchy, accelerator, summary, timing, tops):
    """Return what the accelerator takes, and the report that the head of the result is from."""
    if accelerator is not None:
        return accelerator[1].used, hierarchy
    if summary is not None:
        design = summary.head.design
        if design and design not in tops:
            raise ReportError(
                f"{summary.head.file}: is of design {design!r}, not of {tops[0]} or {tops[1]}: what the accelerator "
                "takes of it is in the report of report_utilization -hierarchical"
            )
        return summary.used, summary
    return {}, timing


def _estimates(model):
    """Return what all of it takes by the estimate, and what each layer does."""
    from fewbit.flow.folding.layers import layers_of
    from fewbit.flow.folding.search import estimate, estimate_all

    layers = layers_of(model.network)
    return estimate_all(layers, model.folding).row, {n: c.row for n, c in estimate(layers, model.folding).items()}


def _layers(accelerator, stages, estimates, manifest):
    """Return the layers of the result: of each, what it takes with what stands in front of it for it alone.

    A gearbox and a window feed the stage behind them, and the estimate of a layer counts both.
    """
    parts = {part.name: part.used for part in accelerator.inside}
    found: dict[str, ReportedLayer] = {}
    waiting: list[str] = []
    for stage in stages:
        if stage not in parts:
            continue
        waiting.append(stage)
        if stage in estimates or not _feeds_a_layer(stage):
            row = manifest.get(stage)
            found[stage] = ReportedLayer(
                cycles=row["cycles"] if row else None, estimate=estimates.get(stage),
                reported=_sum(parts[name] for name in waiting),
            )  # fmt: skip
            waiting = []
    for stage in waiting:
        found[stage] = ReportedLayer(cycles=None, estimate=None, reported=parts[stage])
    return found


def _feeds_a_layer(stage):
    return stage.rstrip("0123456789") in ("gearbox", "window", "windows")


def _sum(counts):
    total: dict[str, int] = {}
    for used in counts:
        for name, n in used.items():
            total[name] = total.get(name, 0) + n
    return total


def _timing(report):
    periods = list(report.clocks.values())
    period = periods[0] if len(periods) == 1 else None
    reached = None if period is None or report.wns is None else round(1000 / (period - report.wns), 2)
    return ReportedTiming(
        file=report.head.file, state=report.head.state, wns=report.wns, tns=report.tns, whs=report.whs, ths=report.ths,
        failing=report.failing, endpoints=report.endpoints, clocks=report.clocks, period_ns=period, fmax_mhz=reached,
        met=report.failing == 0 and report.wns is not None and report.wns >= 0 and (report.whs or 0) >= 0,
    )  # fmt: skip
