"""A layer in a pipeline: its window, and its matrix-vector unit."""

from collections.abc import Mapping

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.spatial import Windows
from fewbit.hw.layer.loadable_unit import LoadableMatrixVectorUnit
from fewbit.hw.layer.matrix_vector_unit import MatrixVectorUnit
from fewbit.hw.layer.plan import LayerPlan

from .registry import stage_of
from .windows import layer_window, windowed

__all__ = ["cycles_of_layer"]


def cycles_of_layer(edges: Mapping[str, Edge], windows: Mapping[str, Windows], plan: LayerPlan) -> int:
    """Return the cycles that a layer takes for a frame, or its window if these are more.

    Parameters
    ----------
    edges : dict of golden edges
    windows : dict of golden.network.spatial.Windows
        Nodes by the edge that holds their windows, as `hw.stages.windows.windows_of` gives them.
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
    kind = LoadableMatrixVectorUnit if plan.memories else MatrixVectorUnit
    assembly.make(plan.y, plan, kind, flow, lanes=plan.lanes, unit=plan.neurons)
