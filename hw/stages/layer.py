"""A layer in a pipeline: its window, and its matrix-vector unit."""

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.hw.layer.matrix_vector_unit import MatrixVectorUnit

from .registry import stage_of
from .windows import layer_window, windowed

__all__ = ["cycles_of_layer"]


def cycles_of_layer(edges, windows, plan):
    """Cycles a frame of a layer's `LayerPlan`, or of its window if they are more."""
    if plan.x not in windows:
        if plan.parallel > 1 and plan.simd != plan.inputs:
            raise ValueError(f"{plan.name}: SIMD must be {plan.inputs} with several groups at a time, not {plan.simd}")
        return plan.cycles
    window = layer_window(edges, windows[plan.x], plan)
    return max(plan.cycles, window.beats_in, window.cycles)


@stage_of(Dense, FloatDense)
def _(assembly, node):
    """As the folding says; the activation behind it is part of the unit."""
    plan, streams = assembly.layers[node.name], assembly.streams
    if plan.x in assembly.windows:
        window = assembly.windows[plan.x]
        flow = windowed(assembly, window, layer_window(assembly.edges, window, plan), plan.x)
    else:
        flow = streams.regrouped(streams.take(plan.x), plan.lanes_in, plan.inputs * plan.parallel)
    assembly.make(plan.y, plan, MatrixVectorUnit, flow, lanes=plan.lanes, unit=plan.neurons)
