"""Section: designs that none beats in frames a second, LUTs and bits of weights, to be explored."""

from dataclasses import dataclass

from fewbit.flow.folding.search import pareto
from fewbit.flow.results import JsonResult

from .format_section import FormatsFigures, searched
from .obtained import Means, NotRun, Obtained
from .subject import ReportSubject

__all__ = ["ExplorerFigures", "ExplorerPoint", "explorer_figures", "undominated_points"]

_FOLDINGS = 24


@dataclass(frozen=True, kw_only=True)
class ExplorerPoint(JsonResult):
    """A design: what it is in words, its figures, how these were obtained, and the command that leads to it.

    ``accuracy`` is None where it was not measured.
    """

    name: str
    kind: str
    fps: float
    luts: int
    bits: int
    accuracy: float | None
    means: str
    command: str


@dataclass(frozen=True, kw_only=True)
class ExplorerFigures(JsonResult):
    """The designs of which none is as good as another in all and better in one, the fastest first, and this build."""

    points: list[ExplorerPoint]
    here: ExplorerPoint
    clock_mhz: float
    obtained: Obtained


def explorer_figures(subject: ReportSubject, formats: FormatsFigures | NotRun) -> ExplorerFigures | NotRun:
    """Return the designs that a user may choose from: foldings of the model, and formats that were measured."""
    bits = sum(subject.weight_bits(name) for name in subject.dense)
    clock = subject.clock
    found = subject.kept.get("foldings", ExplorerFigures, clock)
    if found is None and not subject.whole:
        return NotRun(reason="the foldings of the model were not laid out", command=subject.command("report"))
    here = ExplorerPoint(
        name="this build", kind="build", fps=subject.fps, luts=round(subject.design.total.lut), bits=bits,
        accuracy=None, means=Means.ESTIMATED, command=subject.command("report"),
    )  # fmt: skip
    how = Obtained(means=Means.COMPUTED, text=f"foldings by the cycle model and estimated LUTs, at {clock:g} MHz",
                   command=subject.model_command("fold"))  # fmt: skip
    if found is None:
        points = [
            ExplorerPoint(
                name=f"{point.cycles:,} cycle{'s' * (point.cycles > 1)}", kind="folding",
                fps=clock * 1e6 / point.cycles, luts=round(point.cost.lut), bits=bits, accuracy=None,
                means=Means.ESTIMATED, command=subject.model_command("fold", "--max-cycles", str(point.cycles),
                                              "--clock", f"{clock:g}"),
            )
            for point in pareto(subject.layers, clock, _FOLDINGS)
        ]  # fmt: skip
        found = subject.kept.put(
            "foldings", ExplorerFigures(points=points, here=here, clock_mhz=clock, obtained=how), clock
        )
    others = [*_compared(subject, formats), *_searched(subject)]
    return ExplorerFigures(points=undominated_points([*found.points, *others]), here=here, clock_mhz=clock,
                           obtained=how)  # fmt: skip


def undominated_points(points: list[ExplorerPoint]) -> list[ExplorerPoint]:
    """Return the points that no other one beats, the fastest first."""

    def beats(a: ExplorerPoint, b: ExplorerPoint) -> bool:
        return (a.fps, -a.luts, -a.bits) != (b.fps, -b.luts, -b.bits) and (
            a.fps >= b.fps and a.luts <= b.luts and a.bits <= b.bits and (a.accuracy or 0) >= (b.accuracy or 0)
        )

    kept = [one for one in points if not any(beats(other, one) for other in points)]
    return sorted(kept, key=lambda point: (-point.fps, point.luts))


def _compared(subject, formats):
    """Yield the designs of a comparison that fill its part."""
    if isinstance(formats, NotRun):
        return
    for row in formats.rows:
        if row.interval is not None and row.filled_luts is not None:
            yield ExplorerPoint(
                name=f"{row.format} filling {formats.part}", kind="format", fps=subject.clock * 1e6 / row.interval,
                luts=row.filled_luts, bits=row.weight_bits, accuracy=row.accuracy, means=Means.SYNTHESIZED,
                command=formats.obtained[0].command,
            )  # fmt: skip


def _searched(subject):
    """Yield the Pareto set of a search of formats."""
    found = searched(subject)
    if found is None:
        return
    for candidate in found.pareto:
        kinds = ", ".join(dict.fromkeys(candidate.formats.values()))
        yield ExplorerPoint(
            name=f"searched: {kinds}", kind="search", fps=subject.clock * 1e6 / found.cycles, luts=candidate.luts,
            bits=candidate.weight_bits, accuracy=candidate.accuracy, means=Means.ESTIMATED,
            command=f"fewbit build {candidate.file}" if candidate.file else subject.model_command("search"),
        )  # fmt: skip
