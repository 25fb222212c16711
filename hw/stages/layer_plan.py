"""The place of a layer in a pipeline: its window, and its matrix-vector unit."""

from collections.abc import Mapping
from dataclasses import replace

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.spatial import Windows
from fewbit.hw.layer.external import ExternalPlan
from fewbit.hw.layer.plan import LayerPlan

from .registry import stage_of
from .tile_plan import TileRepeatPlan, tile_order
from .windows_plan import layer_window, windowed

__all__ = ["cycles_of_layer"]


def cycles_of_layer(edges: Mapping[str, Edge], windows: Mapping[str, Windows], plan: LayerPlan) -> int:
    """Return the cycles that a layer takes for a frame, or its window if these are more.

    Parameters
    ----------
    edges : dict of golden edges
    windows : dict of golden.network.spatial.Windows
        Nodes by the edge that holds their windows, as `hw.stages.windows_plan.windows_of` gives them.
    plan : hw.layer.plan.LayerPlan

    Raises
    ------
    ValueError
        If the layer's SIMD is none that its window, or its groups, can have.
    """
    if plan.x not in windows:
        if plan.parallel > 1 and plan.simd != plan.inputs:
            raise ValueError(f"{plan.name}: SIMD must be {plan.inputs} with several groups at a time, not {plan.simd}")
        return plan.cycles
    window = layer_window(edges, windows[plan.x], plan)
    return max(plan.cycles, window.beats_in, window.cycles)


@stage_of(Dense, FloatDense)
def _(assembly, node):
    """Make a `MatrixVectorUnit` as the folding says; the activation behind the layer is part of it."""
    plan, streams = assembly.layers[node.name], assembly.streams
    if plan.x in assembly.windows:
        window = assembly.windows[plan.x]
        flow = windowed(assembly, window, layer_window(assembly.edges, window, plan), plan.x)
    else:
        flow = streams.regrouped(streams.take(plan.x), plan.lanes_in, plan.inputs * plan.parallel)
    if isinstance(plan, ExternalPlan):
        _external(assembly, plan, flow)
        return
    assembly.make(plan.y, plan, flow, lanes=plan.lanes, unit=plan.neurons)


def _external(assembly, plan, flow):
    """Make an `ExternalUnit`, between what gives each tile once for every row and what puts results into order."""
    streams, weights = assembly.streams, assembly.weights[plan.name]
    if plan.rows > 1:
        repeat = TileRepeatPlan(
            name=f"tile_{plan.name}", bits=flow.format.bits, lanes=flow.lanes, beats=plan.tile * plan.steps,
            rows=plan.rows, attrs=plan.tiles.front.attrs,
        )  # fmt: skip
        flow = replace(flow, source=(streams.add(repeat.name, repeat, flow), 0))
    if plan.tile == 1:
        assembly.make(plan.y, plan, flow, weights, lanes=plan.lanes, unit=plan.neurons)
        return
    beats = plan.pixels * plan.rows * plan.row_beats
    number = streams.add(plan.name, plan, flow, weights, beats_out=beats)
    results = replace(
        flow, source=(number, 0), format=plan.format, lanes=plan.lanes, unit=plan.neurons,
        length=assembly.edges[plan.y].length,
    )  # fmt: skip
    order = tile_order(plan, assembly.edges)
    assembly.make(plan.y, order, results, lanes=plan.lanes, unit=plan.neurons)
