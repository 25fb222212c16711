"""Section: the build in a few figures, each with how it was obtained."""

from dataclasses import dataclass

from fewbit.flow.results import JsonResult

from .accuracy_section import AccuracyFigures
from .obtained import Means, NotRun
from .resource_section import ResourcesFigures
from .subject import ReportSubject

__all__ = ["HeadlineFigure", "HeadlineFigures", "headline_figures"]


@dataclass(frozen=True, kw_only=True)
class HeadlineFigure(JsonResult):
    """A figure: what it is, its value in a unit, and how it was obtained; ``value`` is None where it is not known."""

    what: str
    value: float | None
    unit: str
    means: str


@dataclass(frozen=True, kw_only=True)
class HeadlineFigures(JsonResult):
    """The figures, and what the last simulation says of the Verilog in the folder.

    Attributes
    ----------
    figures : list of HeadlineFigure
    verified : bool or None
        Whether every bit and cycle of the simulation was as it should be; None where there was none.
    frames : int
        Frames of that simulation.
    damaged : int
        Damaged frames that it sent among others.
    problems : list of str
        What was wrong.
    command : str
        The command that simulates.
    """

    figures: list[HeadlineFigure]
    verified: bool | None
    frames: int
    damaged: int
    problems: list[str]
    command: str


def headline_figures(
    subject: ReportSubject, resources: ResourcesFigures, accuracy: AccuracyFigures | NotRun
) -> HeadlineFigures:
    """Return the figures of a build that stand first."""
    simulation = subject.simulation
    simulated = simulation is not None and simulation.ok and simulation.cycles_exact
    means = Means.SIMULATED if simulated else Means.COMPUTED
    surest = resources.rows[-1] if len(resources.rows) == 1 else _surest(resources)
    share, how = None, Means.EXECUTED
    if isinstance(accuracy, AccuracyFigures):
        share = accuracy.accuracy
        how = Means.SIMULATED if accuracy.simulated >= accuracy.samples else Means.EXECUTED
    elif simulation is not None and simulation.accuracy is not None:
        share, how = simulation.accuracy, Means.SIMULATED
    figures = [
        HeadlineFigure(what="frames a second", value=subject.fps, unit=f"at {subject.clock:g} MHz", means=means),
        HeadlineFigure(what="latency", value=subject.latency / subject.clock, unit="µs", means=means),
        HeadlineFigure(what="interval", value=subject.interval, unit="cycles", means=means),
        HeadlineFigure(what="LUTs", value=surest.counts.get("lut"), unit="", means=surest.obtained.means),
        HeadlineFigure(what="accuracy", value=None if share is None else 100 * share, unit="%", means=how),
    ]  # fmt: skip
    return HeadlineFigures(
        figures=figures, verified=None if simulation is None else simulation.ok,
        frames=0 if simulation is None else simulation.frames,
        damaged=0 if simulation is None else simulation.damaged.damaged,
        problems=[] if simulation is None else simulation.problems, command=subject.simulate,
    )  # fmt: skip


def _surest(resources):
    """Return the row that was obtained by the surest means that counts LUTs of six inputs."""
    order = list(Means)
    rows = [row for row in resources.rows if "lut" in row.counts]
    return min(rows, key=lambda row: order.index(Means(row.obtained.means)))
