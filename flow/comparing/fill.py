"""The fastest folding of a network that fits into a share of a part, found by synthesis."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fewbit.flow.eda.resources import Resources
from fewbit.flow.folding import search
from fewbit.flow.folding.layers import layers_of, slowest
from fewbit.golden.network.graph import Network
from fewbit.hw.folding import Folding
from fewbit.hw.targets.named import all_parts
from fewbit.hw.targets.parts import Part

__all__ = ["LIMIT", "PART", "Point", "cycles_of", "fill"]

PART: Part = all_parts()["xc7a35t"]
"""The part that is filled unless another one is asked for."""
LIMIT = 0.7
"""The share of each of the part's resources that a design may take."""
_GOOD = 0.66  # a fill that is not worth another synthesis
_MOST = 5  # synthesis runs, where one of them has fitted


@dataclass(frozen=True, kw_only=True)
class Point:
    """A folding, the cycles a frame of its slowest layer, and its resources once it was synthesized."""

    cycles: int
    folding: Folding
    resources: Resources | None = None

    @property
    def synthesized(self) -> Resources:
        """The resources of a folding that was synthesized.

        Raises
        ------
        ValueError
            If it was not.
        """
        if self.resources is None:
            raise ValueError(f"the folding of {self.cycles} cycles was not synthesized")
        return self.resources


def cycles_of(network: Network, folding: Folding) -> int:
    """Return the cycles a frame of the slowest layer."""
    return slowest(layers_of(network), folding)


def _work(network: Network, folding: Folding) -> int:
    """Return what rises with a folding's cost: bit products a cycle, and what each row and lane brings with it."""
    layers = layers_of(network)
    return sum(f.multipliers * layers[n].bits + 16 * f.pe + 4 * f.simd for n, f in folding.items())


def candidates(network: Network) -> list[Point]:
    """Return foldings of a network by falling cycles."""
    return [Point(cycles=found.cycles, folding=found.folding) for found in reversed(search.candidates(network))]


def fill(
    network: Network, start: Point, measure: Callable[[Folding], Resources], *, part: Part = PART, limit: float = LIMIT
) -> tuple[Point | None, list[Point], bool]:
    """Return the fastest folding whose synthesis takes at most ``limit`` of every resource of a part.

    The next folding to synthesize is guessed on the log-log line through the two measured points beside it; what counts
    is its synthesis. A step over the limit narrows the search from above, a step under it from below.

    Parameters
    ----------
    network : golden.network.graph.Network
    start : Point
        A folding that was synthesized already.
    measure : callable
        Gives the `Resources` of a folding, by synthesis.
    part : hw.targets.parts.Part
    limit : float

    Returns
    -------
    best : Point or None
        The folding, None if none was small enough.
    tried : list of Point
        Every folding that was synthesized.
    counts_ram : bool
        Whether block RAM counted. Where the weights alone take more block RAM than the limit in ``start``, no folding
        changes that, and block RAM is left out.
    """
    counts_ram = part.use(start.synthesized)["bram18"] <= limit

    def use(point):
        return max(v for k, v in part.use(point.synthesized).items() if k != "bram18" or counts_ram)

    points = sorted([p for p in candidates(network) if p.cycles != start.cycles] + [start], key=lambda p: -p.cycles)
    work = np.log([_work(network, p.folding) for p in points])
    at = points.index(start)
    shares = {at: use(start)}
    while True:
        best = max((i for i, share in shares.items() if share <= limit), default=-1)
        over = min((i for i, share in shares.items() if share > limit), default=len(points))
        if best >= 0 and (shares[best] >= _GOOD or len(shares) > _MOST):
            break
        between = range(best + 1, over)
        if not between:
            break
        i = _next(between, work, shares, limit, shares.get(best))
        if i is None:
            break
        points[i] = Point(cycles=points[i].cycles, folding=points[i].folding, resources=measure(points[i].folding))
        shares[i] = use(points[i])
    tried = [points[i] for i in sorted(shares)]
    return (points[best] if best >= 0 else None), tried, counts_ram


def _next(between, work, shares, limit, best):
    """Return the index of the next folding to synthesize; None if ``best`` is good and nothing more will fit."""
    # From far below the limit the line is not to be trusted so far: the first step goes half of the way.
    aim = np.log(0.98 * limit if max(shares.values()) > limit / 3 else 0.5 * limit)
    fitting = [i for i in between if _line(work, shares, work[i]) <= aim]
    if fitting:
        return fitting[-1]
    return between[0] if best is None or best < 0.8 * limit else None


def _line(work, shares, x):
    """Return the log of the share at log work ``x``, on the line through the two nearest measured points."""
    near = sorted(shares, key=lambda i: abs(work[i] - x))[:2]
    a = near[0]
    # A small design is mostly what does not grow; a large one is nearly all arithmetic.
    least = 0.75 if shares[a] > 0.15 else 0.4
    slope = least + 0.2
    if len(near) == 2 and work[near[1]] != work[a]:
        slope = np.log(shares[near[1]] / shares[a]) / (work[near[1]] - work[a])
    return np.log(shares[a]) + np.clip(slope, least, 1.1) * (x - work[a])
