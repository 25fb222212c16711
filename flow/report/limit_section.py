"""Section: what limits the speed of a build, and the next three steps with what they cost."""

from dataclasses import dataclass, replace

from fewbit.flow.folding.cost import Cost
from fewbit.flow.folding.layers import FoldableNetwork, slowest
from fewbit.flow.folding.search import estimate_all
from fewbit.flow.results import JsonResult
from fewbit.hw.folding import Folding, LayerFolding

from .obtained import Means, Obtained
from .subject import ReportSubject

__all__ = ["FoldingStep", "LayerChange", "LimitFigures", "limit_figures"]

_STEPS = 3


@dataclass(frozen=True, kw_only=True)
class LayerChange(JsonResult):
    """A layer that gets another PE and SIMD."""

    layer: str
    pe: int
    simd: int
    new_pe: int
    new_simd: int


@dataclass(frozen=True, kw_only=True)
class FoldingStep(JsonResult):
    """A folding that is faster than the one before it.

    Attributes
    ----------
    cycles : int
        Cycles of a frame of its slowest layer.
    fps : float
    changes : list of LayerChange
        The layers that change, against the step before.
    more : dict of str to int
        What it takes beyond the build as it is, by the resource.
    limited_by : list of str
        Its slowest layers.
    """

    cycles: int
    fps: float
    changes: list[LayerChange]
    more: dict[str, int]
    limited_by: list[str]


@dataclass(frozen=True, kw_only=True)
class LimitFigures(JsonResult):
    """What limits a build.

    Attributes
    ----------
    kind : str
        ``layer``: the slowest layers, else ``stream``: a stream between the host and the layers, or between layers,
        which no folding of a layer makes faster.
    slowest : list of str
        The slowest layers.
    cycles : int
        Cycles of a frame that these take.
    bound : int
        Cycles of a frame that the slowest layer or stream takes.
    balance : float
        The share of the time in which multipliers are busy, on the average over all of them.
    steps : list of FoldingStep
        The next faster foldings; fewer than three where layers are unfolded.
    obtained : Obtained
    """

    kind: str
    slowest: list[str]
    cycles: int
    bound: int
    balance: float
    steps: list[FoldingStep]
    obtained: Obtained


def limit_figures(subject: ReportSubject) -> LimitFigures:
    """Return what limits a build, and what the next faster foldings take."""
    layers, folding = subject.layers, subject.project.folding
    cycles, bound = slowest(layers, folding), subject.manifest["cycles"]["bound"]
    made = {name: folded.pe * folded.simd for name, folded in folding.items()}
    busy = sum(made[name] * layers[name].cycles(folding[name]) for name in folding)
    return LimitFigures(
        kind="layer" if cycles >= bound else "stream", slowest=_slowest(layers, folding), cycles=cycles, bound=bound,
        balance=round(busy / (sum(made.values()) * subject.interval), 4), steps=list(_steps(subject)),
        obtained=Obtained(
            means=Means.ESTIMATED, text="the slowest layer gets the cheapest PE and SIMD that is faster; costs are "
            "differences of estimates", command=subject.model_command("fold", "--max-cycles", "CYCLES"),
        ),
    )  # fmt: skip


def _slowest(layers: FoldableNetwork, folding: Folding) -> list[str]:
    cycles = {name: layers[name].cycles(folded) for name, folded in folding.items()}
    return [name for name, count in cycles.items() if count == max(cycles.values())]


def _steps(subject):
    """Yield the next faster foldings, each in what changes against the one before."""
    layers, before = subject.layers, subject.project.folding
    whole = estimate_all(layers, before)
    for _ in range(_STEPS):
        after = _faster(layers, before, slowest(layers, before) - 1)
        if after is None:
            return
        cycles = slowest(layers, after)
        changes = [
            LayerChange(layer=name, pe=before[name].pe, simd=before[name].simd, new_pe=after[name].pe,
                        new_simd=after[name].simd)
            for name in after if after[name].size != before[name].size
        ]  # fmt: skip
        yield FoldingStep(
            cycles=cycles, fps=subject.clock * 1e6 / cycles, changes=changes,
            more=_difference(estimate_all(layers, after), whole), limited_by=_slowest(layers, after),
        )  # fmt: skip
        before = after


def _faster(layers: FoldableNetwork, folding: Folding, cycles: int) -> Folding | None:
    """Return the folding in which layers that take longer are the cheapest that do not; None if one cannot."""
    found: dict[str, LayerFolding] = {}
    for name, folded in folding.items():
        if layers[name].cycles(folded) > cycles:
            option = layers[name].cheapest(cycles)
            if option is None:
                return None
            folded = replace(folded, pe=option.pe, simd=option.simd, tile=None)
        found[name] = folded
    return Folding(found, folding.devices, bus=folding.bus, ultra=folding.ultra, ultra_ram=folding.ultra_ram)


def _difference(after: Cost, before: Cost) -> dict[str, int]:
    old = before.by_resource
    return {name: count - old[name] for name, count in after.by_resource.items()}
