"""What a folding may take, and how fast it must be: all limits at once, and the one goal under them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fewbit.hw.cost import Cost
from fewbit.hw.folding import FoldingError
from fewbit.hw.targets.parts import ListedPart

__all__ = ["GOALS", "MARGINS", "RESOURCES", "ResourceLimit", "FoldingLimits", "limits_of"]

RESOURCES = {
    "lut": "LUTs",
    "ff": "FFs",
    "lutram": "LUTs as RAM",
    "bram18": "BRAM18",
    "uram": "UltraRAMs",
    "dsp": "DSPs",
}
"""Resources by their names in `hw.cost.Cost`, and what messages call them."""
GOALS = ("fps", "latency", "luts")
MARGINS = {"lut": 0.06, "ff": 0.06, "lutram": 0.06}
"""How far the estimate keeps below a share of a part, of what is estimated by formulas; memories and DSPs are exact."""


@dataclass(frozen=True)
class ResourceLimit:
    """The most of a resource that a design may take, and in words where that is from: ``"70 % of XC7A35T"``.

    Estimates keep ``margin``, a share, below it.
    """

    most: int
    source: str
    margin: float = 0.0

    def __str__(self) -> str:
        return self.source + (f" less {100 * self.margin:g} %, as far as estimates may be off" if self.margin else "")

    @property
    def aim(self) -> float:
        """The most that an estimate may say."""
        return self.most / (1 + self.margin)


@dataclass(frozen=True, kw_only=True)
class FoldingLimits:
    """What a folding must keep to, and what it is to be best in.

    Attributes
    ----------
    resources : dict of str to Limit
        By the resource's name, one of `RESOURCES`; what is not there is not limited.
    cycles : int or None
        Cycles between frames, at most.
    latency : int or None
        Cycles of latency, at most.
    goal : str
        One of `GOALS`: most frames a second, least latency, or fewest LUTs.
    part : hw.targets.parts.ListedPart or None
        The part whose resources are shared out.
    shares : dict of str to float
        Share of each of its resources, of 1.
    """

    resources: Mapping[str, ResourceLimit] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    cycles: int | None = None
    latency: int | None = None
    goal: str = "fps"
    part: ListedPart | None = None

    @property
    def family(self) -> str:
        """The family of the part, as Yosys names it; without one that of the 7 series, by which costs are estimated."""
        return "xc7" if self.part is None else self.part.family

    def most(self, resource: str) -> float:
        """Return the most that an estimate of a resource may be; infinity where it is not limited."""
        limit = self.resources.get(resource)
        return float("inf") if limit is None else limit.aim

    def over(self, cost: Cost) -> dict[str, int]:
        """Return by how many a cost is over each limit that it does not keep, by resource."""
        return {
            name: n - int(self.most(name)) for name, n in cost.by_resource.items() if n > self.most(name)
        }  # fmt: skip


def limits_of(
    *,
    part: ListedPart | None = None,
    share: float | None = None,
    shares: Mapping[str, float | None] | None = None,
    most: Mapping[str, int | None] | None = None,
    cycles: Iterable[int | None] = (),
    latency: int | None = None,
    goal: str | None = None,
) -> FoldingLimits:
    """Return the limits that a user's options say.

    Parameters
    ----------
    part : ListedPart or None
    share : float or None
        Share of every resource of the part, in percent; 100 by default.
    shares : dict of str to (float or None)
        Shares of single resources, in percent.
    most : dict of str to (int or None)
        Numbers of single resources.
    cycles : iterable of (int or None)
        Cycles between frames, of which the least counts.
    latency : int or None
    goal : str or None
        By default it is fewest LUTs where a speed is asked for, else most frames a second.

    Raises
    ------
    FoldingError
        If shares are of no part.
    """
    given = {name: value for name, value in (shares or {}).items() if value is not None}
    if part is None and (share is not None or given):
        raise FoldingError("a share is of a part's resources: name the part with --part")
    found: dict[str, ResourceLimit] = {}
    parts = {name: given.get(name, 100 if share is None else share) / 100 for name in RESOURCES}
    if part is not None:
        for name in RESOURCES:
            total = getattr(part, name)
            if total is not None:  # of some parts it is not known how many LUTs can be memory
                found[name] = ResourceLimit(
                    int(total * parts[name] + 1e-6), f"{100 * parts[name]:g} % of {part.name}", MARGINS.get(name, 0.0)
                )
    for name, count in (most or {}).items():
        if count is not None and (name not in found or count < found[name].aim):
            found[name] = ResourceLimit(count, "as given")
    fastest = min((c for c in cycles if c is not None), default=None)
    if goal is None:
        goal = "luts" if fastest is not None or latency is not None else "fps"
    return FoldingLimits(resources=found, shares=parts, cycles=fastest, latency=latency, goal=goal, part=part)
