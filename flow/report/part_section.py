"""Section: the build against each part of the list."""

from dataclasses import dataclass

from fewbit.flow.folding.design import cost_of_design
from fewbit.flow.results import JsonResult
from fewbit.hw.cost import Cost
from fewbit.hw.targets.part_choice import smallest_part

from .obtained import Means, NotRun, Obtained
from .subject import ReportSubject

__all__ = ["PartFigures", "PartsFigures", "parts_figures"]


@dataclass(frozen=True, kw_only=True)
class PartFigures(JsonResult):
    """A part: what share of each of its resources the build takes, and what it lacks of them.

    Shares of what a part does not have, and of what its table does not say, are not there.
    """

    name: str
    series: str
    shares: dict[str, float]
    lacks: dict[str, int]

    @property
    def fits(self) -> bool:
        """Whether the estimate fits into the part."""
        return not self.lacks

    @property
    def fullest(self) -> float:
        """The share of the resource that is scarcest."""
        return max(self.shares.values())


@dataclass(frozen=True, kw_only=True)
class PartsFigures(JsonResult):
    """All parts that the build's target is for, by their size.

    Attributes
    ----------
    parts : list of PartFigures
    smallest : str or None
        The smallest that holds the build; None if none does.
    own : str or None
        The part that the build is for, if it was named.
    obtained : Obtained
    """

    parts: list[PartFigures]
    smallest: str | None
    own: str | None
    obtained: Obtained


def parts_figures(subject: ReportSubject) -> PartsFigures | NotRun:
    """Return what a build takes of each part of the list; an estimate for each family of parts."""
    names = [part.name for part in subject.parts]
    kept = subject.kept.get("parts", PartsFigures, names)
    if kept is not None:
        return kept
    if not subject.whole:
        return NotRun(reason="each family of parts takes an estimate of its own", command=subject.command("report"))
    project = subject.project
    suited = [part for part in subject.parts if project.target.suits(part) and part.family != "ecp5"]
    costs = {
        family: cost_of_design(subject.layers, project.folding, project.plan, family).total
        for family in dict.fromkeys(part.family for part in suited)
    }
    rows = [_of_part(part, costs[part.family]) for part in sorted(suited, key=lambda p: (p.lut, p.dsp, p.name))]
    fits = [part for part, row in zip(sorted(suited, key=lambda p: (p.lut, p.dsp, p.name)), rows, strict=True)
            if row.fits]  # fmt: skip
    smallest = smallest_part(fits, lut=0, bram18=0, dsp=0)
    return subject.kept.put("parts", PartsFigures(
        parts=rows, smallest=None if smallest is None else smallest.name,
        own=None if subject.part is None else subject.part.name,
        obtained=Obtained(
            means=Means.ESTIMATED, text="LUTs and flip-flops by formulas, memories and DSPs by the plan; place and "
            "route wants room beside them", command=subject.model_command("fold", "--part", "PART"),
        ),
    ), names)  # fmt: skip


def _of_part(part, cost: Cost) -> PartFigures:
    shares, lacks = {}, {}
    for kind, count in cost.by_resource.items():
        there = getattr(part, kind)
        if there:
            shares[kind] = round(count / there, 4)
        if there is not None and count > there:
            lacks[kind] = count - there
    return PartFigures(name=part.name, series=part.series, shares=shares, lacks=lacks)
