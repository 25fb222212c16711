"""The report as a whole: its sections' figures together, and the page that is made of them."""

from dataclasses import dataclass
from importlib import metadata
from typing import Any

from fewbit.flow.pages import render
from fewbit.flow.results import JsonResult

from .accuracy_section import AccuracyFigures, accuracy_figures
from .charts import explorer_chart, histogram, roofline_chart, timeline_chart
from .executed import executed_samples
from .explorer_section import ExplorerFigures, explorer_figures
from .format_section import FormatsFigures, formats_figures
from .headline_section import HeadlineFigures, headline_figures
from .layer_section import LayersFigures, layers_figures
from .limit_section import LimitFigures, limit_figures
from .model_section import ModelFigures, model_figures
from .obtained import NotRun, Obtained
from .part_section import PartsFigures, parts_figures
from .pipeline_section import PipelineFigures, draw_pipeline, pipeline_figures
from .queue_section import QueuesFigures, queues_figures
from .resource_section import ResourcesFigures, resources_figures
from .roofline_section import RooflineFigures, roofline_figures
from .subject import ReportSubject
from .timeline_section import TimelineFigures, timeline_figures
from .value_section import ValuesFigures, values_figures

__all__ = ["SECTIONS", "BuildReport", "build_report", "page_of"]


@dataclass(frozen=True, kw_only=True)
class BuildReport(JsonResult):
    """All that a report says of a build. A section that was not run is None, and ``not_run`` says why, by its name."""

    headline: HeadlineFigures
    model: ModelFigures
    pipeline: PipelineFigures
    layers: LayersFigures
    limit: LimitFigures
    timeline: TimelineFigures | None
    queues: QueuesFigures | None
    roofline: RooflineFigures
    resources: ResourcesFigures
    parts: PartsFigures | None
    accuracy: AccuracyFigures | None
    values: ValuesFigures | None
    formats: FormatsFigures | None
    explorer: ExplorerFigures | None
    not_run: dict[str, NotRun]


SECTIONS = {
    "model": "The model",
    "pipeline": "The pipeline",
    "layers": "Layers",
    "limit": "What limits it, and the next steps",
    "timeline": "Frames through the pipeline",
    "queues": "Queues",
    "roofline": "Roofline",
    "resources": "What it takes",
    "parts": "Parts that hold it",
    "accuracy": "Accuracy",
    "values": "Values and their ranges",
    "formats": "Other formats",
    "explorer": "Designs to choose from",
}
"""Titles of the sections by their names, in the order of the page."""


def build_report(subject: ReportSubject) -> BuildReport:
    """Return the figures of all sections of a build's report."""
    executed = executed_samples(subject)
    resources, accuracy = resources_figures(subject), accuracy_figures(subject, executed)
    formats = formats_figures(subject)
    found: dict[str, JsonResult] = {
        "model": model_figures(subject), "pipeline": pipeline_figures(subject), "layers": layers_figures(subject),
        "limit": limit_figures(subject), "timeline": timeline_figures(subject), "queues": queues_figures(subject),
        "roofline": roofline_figures(subject), "resources": resources, "parts": parts_figures(subject),
        "accuracy": accuracy, "values": values_figures(subject, executed), "formats": formats,
        "explorer": explorer_figures(subject, formats), "headline": headline_figures(subject, resources, accuracy),
    }  # fmt: skip
    missing = {name: figures for name, figures in found.items() if isinstance(figures, NotRun)}
    given: dict[str, Any] = {name: None if name in missing else figures for name, figures in found.items()}
    return BuildReport(**given, not_run=missing)


def page_of(report: BuildReport) -> str:
    """Return the page of a report: one HTML file that needs no other."""
    charts: dict[str, Any] = {"pipeline": draw_pipeline(report.pipeline.blocks)}
    charts["roofline"] = roofline_chart(report.roofline)
    if report.timeline is not None:
        charts["timeline"] = timeline_chart(report.timeline)
    if report.explorer is not None:
        charts["explorer"] = explorer_chart(report.explorer)
    if report.values is not None:
        charts["values"] = [histogram(one) for one in report.values.ranges]
    return render(
        __file__, "page.html", report=report, sections=SECTIONS, charts=charts, version=_version(),
        places={row.layer: number for number, row in enumerate(report.layers.layers)},
        methods=[(title, _obtained(getattr(report, name))) for name, title in SECTIONS.items()],
    )  # fmt: skip


def _obtained(figures: JsonResult | None) -> list[Obtained]:
    """Return how the figures of a section were obtained."""
    if isinstance(figures, ResourcesFigures):
        return [row.obtained for row in figures.rows]
    found = getattr(figures, "obtained", None)
    return [] if found is None else found if isinstance(found, list) else [found]


def _version() -> str:
    try:
        return metadata.version("fewbit")
    except metadata.PackageNotFoundError:  # a copy that is not installed
        return "unknown"
