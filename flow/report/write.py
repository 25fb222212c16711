"""The report of a build, written into its folder; and what ``build`` and ``sim`` leave for it."""

from dataclasses import dataclass
from pathlib import Path

from fewbit.extras import MissingPackage
from fewbit.flow.cache import atomic_write
from fewbit.flow.images import ImageError, Images, SamplesLike, find_images, images_of, load_images
from fewbit.flow.project.project import Project
from fewbit.flow.project.rebuild import project_in
from fewbit.flow.project.simulation_results import Simulation
from fewbit.flow.reporting import Report
from fewbit.flow.results import JsonResult, flat
from fewbit.hw.targets.part_list import parts_with

from .kept import KeptFigures
from .page import BuildReport, build_report, page_of
from .subject import Origin, ReportSubject

__all__ = ["PAGE", "WrittenReport", "report_after_build", "report_after_simulation", "report_of_build"]

PAGE = "report.html"
"""Name of the page in the folder of a build."""


@dataclass(frozen=True, kw_only=True)
class WrittenReport(JsonResult):
    """A report that was written: its file, and its figures."""

    file: Path
    report: BuildReport = flat()


def report_of_build(
    directory: Path,
    report: Report,
    *,
    images: SamplesLike | None = None,
    frames: int | None = None,
    clock: float | None = None,
    parts: Path | None = None,
) -> WrittenReport:
    """Write the whole report of the build in a folder, and return it.

    Parameters
    ----------
    directory : Path
        A folder that ``fewbit build`` wrote.
    report : flow.reporting.Report
    images : path, mapping, array or None
        Samples as `flow.images.images_of` takes them; None takes those of the last simulation, or those beside the
        model, if they are still there.
    frames : int or None
        Only the first so many.
    clock : float or None
        MHz; None is that which the build is for.
    parts : path or None
        A file of parts beside those of the list.

    Raises
    ------
    host.build.HostError
        If the folder is no build.
    flow.images.ImageError
        If the samples cannot be read, or do not fit the model.
    ValueError
        If the build is in several devices, or its model or folding changed since it was built.
    """
    project = project_in(directory)
    if project.folding.devices:
        raise ValueError(f"{directory}: is a build in several devices, of which there is no report yet; `fewbit fold` "
                         "shows what each takes")  # fmt: skip
    if not project.verilog.is_file():
        raise ValueError(f"{project.verilog}: no such file: make it with `fewbit build MODEL.onnx -o {directory}`")
    if not project.up_to_date:
        report.say(f"the Verilog in {directory} is of another version of fewbit; `fewbit build` makes it anew")
    subject = ReportSubject(project, clock=clock, parts=parts_with(parts))
    subject.images = _samples(subject, images, report)
    if subject.images is not None:
        subject.images = subject.images.first(frames)
    with report.working("report"):
        return _written(subject)


def _samples(subject: ReportSubject, given: SamplesLike | None, report: Report) -> Images | None:
    """Return the samples that were given, or those that are known of the build, as far as they can be read."""
    if given is not None:
        return images_of(given, subject.project.network)
    known = subject.origin.samples
    if known is None:
        return None
    try:
        return load_images(known, subject.project.network)
    except (ImageError, MissingPackage) as error:
        report.say(f"no samples: {error}")
        return None


def report_after_build(project: Project, report: Report) -> Path | None:
    """Write the report of what was built, as far as that takes no time, and return its file.

    Of a build in several devices there is none, and None is returned.
    """
    if project.folding.devices:
        return None
    found = find_images(project.model)
    samples = None if found is None else str(found.absolute())
    return _after(project, report, Origin(model=str(project.model.absolute()), samples=samples))


def report_after_simulation(project: Project, images: Images, simulation: Simulation, report: Report) -> Path | None:
    """Keep what a simulation found, and write the report as `report_after_build` does, with these samples."""
    if project.folding.devices:
        return None
    KeptFigures(project.directory, project.design()).put("simulation", simulation)
    source = images.source if images.source == "mnist" or Path(images.source).is_file() else None
    samples = source if source in (None, "mnist") else str(Path(source).absolute())
    origin = Origin(model=str(project.model.absolute()), samples=samples)
    return _after(project, report, origin, None if images.source == "random" else images)


def _after(project: Project, report: Report, origin: Origin, images: Images | None = None) -> Path:
    with report.working("report"), project.locked():
        subject = ReportSubject(project, images=images, whole=False)
        before = subject.origin
        if project.model.parent.resolve() == project.directory.resolve():  # the build's own copy says nothing new
            origin = Origin(model=before.model, samples=origin.samples or before.samples)
        origin = subject.kept.put("origin", Origin(model=origin.model, samples=origin.samples or before.samples))
        if images is None and origin.samples is not None:
            subject.images = _quietly(origin.samples, project)
        subject.origin = origin
        return _written(subject).file


def _quietly(path: str, project: Project) -> Images | None:
    """Return samples, or None where they are not those of this model."""
    try:
        return load_images(path, project.network)
    except (ImageError, MissingPackage, OSError):
        return None


def _written(subject: ReportSubject) -> WrittenReport:
    found, file = build_report(subject), subject.directory / PAGE
    page = page_of(found)
    if not file.is_file() or file.read_text(encoding="utf-8") != page:
        atomic_write(file, page)
    return WrittenReport(file=file, report=found)
