"""The pipeline in blocks: a layer with what feeds it alone, or a stage beside layers, and what each takes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fewbit.flow.folding.cost import cost_of_pool
from fewbit.flow.folding.design import cost_of_stage
from fewbit.flow.folding.layers import slowest
from fewbit.flow.results import JsonResult
from fewbit.hw.gearbox_plan import GearboxPlan
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.stages.registry import cost_of
from fewbit.hw.stages.tile_plan import TileRepeatPlan
from fewbit.hw.stages.window_plan import SlidingPlan

from .obtained import Means
from .subject import ReportSubject

__all__ = ["PipelineBlock", "pipeline_blocks"]

_FEEDING = (GearboxPlan, SlidingPlan, TileRepeatPlan)  # of stages that belong to what they feed


@dataclass(frozen=True, kw_only=True)
class PipelineBlock(JsonResult):
    """A part of the pipeline.

    Attributes
    ----------
    name : str
        That of the layer or the stage.
    kind : str
        What it is: ``layer``, or the stage's own kind in lower case.
    stages : list of str
        The stages in it, in the order of their streams.
    luts : int
        What it takes.
    means : str
        How that was obtained (`flow.report.obtained.Means`).
    busy : float
        Share of the time in which it computes, or moves beats: of the cycles between two frames.
    after : list of int
        Numbers of the blocks that it reads; -1 for the accelerator's input.
    """

    name: str
    kind: str
    stages: list[str]
    luts: int
    means: str
    busy: float
    after: list[int]


def pipeline_blocks(subject: ReportSubject) -> list[PipelineBlock]:
    """Return the blocks of a build's pipeline, in order.

    Areas are those of synthesis where the build was synthesized for the same Verilog, else of the estimate.
    """
    plan, number = subject.project.plan, {-1: -1}
    waiting: dict[int, list[int]] = {}  # of a stage that belongs to its reader: it and what belongs to it
    found: list[PipelineBlock] = []
    for place, stage in enumerate(plan.stages):
        sources = [source for source, _ in stage.inputs]
        layer_of = stage.name.removeprefix("order_")
        if layer_of in plan.layers and layer_of != stage.name:  # it puts results of tiles back into order
            number[place] = number[sources[0]]
            before = found[number[place]]
            found[number[place]] = replace(before, stages=[*before.stages, stage.name])
            continue
        if _feeds_one(plan.stages, place):
            waiting[place] = [*(one for source in sources for one in waiting.get(source, [])), place]
            continue
        inside = [*(one for source in sources for one in waiting.get(source, [])), place]
        outer = [s for one in inside for s, _ in plan.stages[one].inputs if s not in inside]
        number[place] = len(found)
        layer = isinstance(stage.plan, LayerPlan)
        cycles = subject.layers[stage.name].cycles(subject.project.folding[stage.name]) if layer else stage.beats
        found.append(PipelineBlock(
            name=stage.name, kind="layer" if layer else type(stage.plan).__name__.removesuffix("Plan").lower(),
            stages=[plan.stages[one].name for one in inside], luts=0, means=Means.ESTIMATED,
            busy=round(min(1.0, cycles / subject.interval), 4), after=sorted({number[source] for source in outer}),
        ))  # fmt: skip
    estimated = _estimated(subject)
    return [_with_area(block, subject, estimated) for block in found]


def _feeds_one(stages: Any, place: int) -> bool:
    """Return whether a stage regroups beats, cuts windows or repeats tiles, for one reader."""
    readers = [stage for stage in stages if any(source == place for source, _ in stage.inputs)]
    return len(readers) == 1 and isinstance(stages[place].plan, _FEEDING)


def _with_area(block: PipelineBlock, subject: ReportSubject, estimated: Mapping[str, float]) -> PipelineBlock:
    synthesized = subject.synthesized
    if synthesized is not None and all(name in synthesized.stages for name in block.stages):
        counted = sum(synthesized.stages[name].lut for name in block.stages)
        return replace(block, luts=counted, means=Means.SYNTHESIZED)
    luts: float = sum(estimated[name] for name in block.stages)
    if block.kind == "layer":
        luts += subject.design.layers[block.name].lut
    return replace(block, luts=round(luts))


def _estimated(subject: ReportSubject) -> Mapping[str, float]:
    """Return about the LUTs of every stage that is no layer, by its name."""
    layers, cycles = subject.layers, slowest(subject.layers, subject.project.folding)
    luts = {stage.name: cost_of_stage(stage.plan).lut for stage in subject.project.plan.stages}
    port = subject.project.plan.weight_port
    if port is not None:
        luts[port.name] = port.cost.lut
    for window in layers.pools:
        luts[window.name] = cost_of_pool(window.window, layers.edges[window.x], cycles).lut
    for node in layers.others:
        if type(node) in cost_of and node.name in luts:
            luts[node.name] = cost_of.of(node)(node, layers.edges, cycles).lut
    return luts
