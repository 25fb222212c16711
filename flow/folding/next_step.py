"""Why a folding is not better: what limits it, what the next step would take, and what would make a network fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fewbit.hw.targets.parts import ListedPart

from .formulas import FormulaSearch
from .layers import slowest
from .limits import RESOURCES, limits_of
from .planned import PlannedFolding
from .ways import COLUMNS

__all__ = ["NextStep", "next_step", "reason_why_none"]


@dataclass(frozen=True)
class NextStep:
    """What the next faster folding would take.

    Attributes
    ----------
    cycles : int
        Cycles between frames.
    resource : str
        What is short, by its name in `hw.cost.Cost`; of several, what is exceeded most.
    needed, most : int
        How many of it that takes, and the most that an estimate may say; where nothing is short, as the goal is few
        LUTs, the LUTs of the folding that is chosen.
    layer : str
        The layer that had to become faster, the slowest one.
    """

    cycles: int
    resource: str
    needed: int
    most: int
    layer: str


def next_step(search: FormulaSearch, built: PlannedFolding) -> NextStep | None:
    """Return what the next faster folding would take: of the resource that is short, or of LUTs if these are to be few
    and none is; None where no layer can be faster, or nothing is limited."""
    limits, layers = search.limits, search.layers
    now = max(slowest(layers, built.folding), search.floor)
    faster = [c for c in search.speeds if search.floor <= c < now]
    if not faster or not limits.resources:
        return None
    layer = max(built.folding, key=lambda name: layers[name].cycles(built.folding[name]))
    if limits.goal == "luts":
        least = search.fewest(faster[-1], float("inf"), "lut")
        if least is not None:
            return NextStep(faster[-1], "lut", round(least.taken[0]), round(built.design.total.lut), layer)
    for cycles in reversed(faster):
        found = search.chosen(cycles, search.most())
        if found is not None and not found.fits:
            name, needed = _worst(search, found.taken)
            return NextStep(cycles, name, needed, int(limits.most(name)), layer)
    return None


def reason_why_none(search: FormulaSearch, listed: Sequence[ListedPart] = ()) -> str:
    """Say which limit even the folding that is nearest to all of them does not keep, which of the ``listed`` parts is
    the smallest that has one, and what would make the network fit."""
    found = search.chosen(search.speeds[-1], search.most())
    assert found is not None  # as every layer has a way that is as slow as the slowest speed
    limits = search.limits
    name, needed = _worst(search, found.taken)
    speed = "" if limits.cycles is None else f" at {limits.cycles:,} cycles a frame"
    limit = limits.resources[name]
    said = (
        f"no folding{speed} is within {int(limit.aim):,} {RESOURCES[name]} ({limit}): the nearest takes about "
        f"{needed:,}"
    )
    return "; ".join([said, *_holder(search, listed), f"what would make it fit: {_advice(search, name)}"])


def _holder(search: FormulaSearch, listed: Sequence[ListedPart]) -> list[str]:
    """Say which listed part is the smallest that has a folding, in the same share."""
    limits = search.limits
    if limits.part is None or not listed:
        return []
    for part in sorted(listed, key=lambda part: (part.lut, part.dsp, part.bram18, part.name)):
        other = limits_of(part=part, shares={name: 100 * share for name, share in limits.shares.items()})
        found = search.chosen(search.speeds[-1], np.array([*map(other.most, RESOURCES), np.inf, np.inf]))
        if found is not None and found.fits:
            return [f"the smallest listed part that holds it is {part.name}"]
    return ["no listed part holds it"]


def _advice(search: FormulaSearch, resource: str) -> str:
    """Say what would make less of a resource do."""
    weights = sum(
        layer.neurons * layer.groups * layer.inputs * layer.weight_format.bits for layer in search.layers.values()
    )
    images = sum(
        layer.source.size[1] * layer.window.window.kernel[0] * layer.channels * layer.groups * layer.x_format.bits
        for layer in search.layers.values()
        if layer.window is not None
    )
    steps = ["fewer bits (`fewbit search`)"]
    if search.limits.cycles is not None:
        steps.insert(0, "fewer frames a second")
    if resource in ("bram18", "lut", "lutram", "uram") and weights >= images and not search.ways.outside:
        steps.append("weights in memory outside (`--weights external`)")
    if images > 0:
        steps.append("a smaller input")
    return ", ".join(steps[:-1]) + f" or {steps[-1]}" if len(steps) > 1 else steps[0]


def _worst(search: FormulaSearch, taken: np.ndarray) -> tuple[str, int]:
    """Return the resource whose limit is exceeded most, or is nearest, and how many are taken."""
    shares = {name: taken[k] / max(0.5, search.limits.most(name)) for k, name in enumerate(RESOURCES)}
    name = max(shares, key=lambda name: shares[name])
    return name, round(taken[COLUMNS.index(name)])
