"""What a whole design takes, by its plan: memories and DSPs exactly, LUTs and flip-flops by formulas.

`flow.folding.cost` estimates a layer before there is a plan. Here the plan is there: which memories a design has, and
what synthesis for the part's family makes of each, follows from their shapes (`hw.memory.mapped`); so do DSPs.
"""

from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

from fewbit.hw.activation.affine_plan import AffinePlan
from fewbit.hw.activation.plans import ActivationPlan, CodeTablePlan, SearchPlan, StoredTablePlan
from fewbit.hw.arrays.constant_plan import ConstantArrayPlan
from fewbit.hw.arrays.cost import rom_placement
from fewbit.hw.arrays.dsp_plans import DspArrayPlan
from fewbit.hw.cost import Cost
from fewbit.hw.folding import Folding
from fewbit.hw.gearbox_plan import GearboxPlan
from fewbit.hw.layer.external import ExternalPlan
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.memory.buffers import choice_luts
from fewbit.hw.memory.mapped import MappedMemory, memory_cost
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.stages.pointwise_plan import PointwisePlan
from fewbit.hw.stages.routing_plan import ForkPlan, QueuePlan
from fewbit.hw.stages.window_columns_plan import ColumnsPlan

from .cost import cost_of_planned, cost_of_rows, cost_of_unit, luts_of_constants, total
from .layers import FoldableLayer, FoldableNetwork, slowest
from .search import costs_beside, costs_of_weights, known_cost

__all__ = ["DesignCost", "cost_of_design", "cost_of_stage"]

FLATTENED = 0.99
"""The share of LUTs that is left when synthesis looks across boundaries, where the gearboxes are known."""
_SHORTEST = 3  # registers in a row, from which on they are a shift register
_BY_FORMULA = "xc7"  # the family of which the formulas' memories are


@dataclass(frozen=True)
class DesignCost:
    """What a design takes in all, each layer's part of it by name, and where its buffers are that could be UltraRAM.

    Attributes
    ----------
    total : hw.cost.Cost
    layers : dict of str to hw.cost.Cost
        Each with the window in front of it.
    buffers : dict of str to list of hw.memory.mapped.MappedMemory
        Memories by stage.
    """

    total: Cost
    layers: dict[str, Cost]
    buffers: dict[str, list[MappedMemory]]


def cost_of_design(
    layers: FoldableNetwork, folding: Folding, plan: AcceleratorPlan, family: str
) -> DesignCost:  # fmt: skip
    """Return what a plan takes in parts of a family, as Yosys names that."""
    memories, has_ultra = plan.mapped(), bool(folding.ultra) or folding.ultra_ram
    mapped = {name: memory_cost(found, family, ultra=has_ultra) for name, found in memories.items()}
    by_layer = {}
    stages_by_name = {stage.name: stage.plan for stage in plan.stages}
    for name, layer in layers.items():
        window = None if layer.window is None else stages_by_name.get(layer.window.name)
        if isinstance(window, ColumnsPlan):
            found = known_cost(layers, cost_of_unit, name, folding) + _cost_of_columns(window)
        else:
            found = known_cost(layers, cost_of_planned, name, folding)
        found += _cost_of_waiting(plan.layers[name])
        mine = [mapped[s.name] for s in plan.stages if s.name in mapped and _is_of(s.name, layers[name])]
        exact = sum(mine, Cost())
        by_layer[name] = replace(
            found, lut=found.lut + _weights_beyond(layer, plan.layers[name]), bram18=exact.bram18, uram=exact.uram,
            dsp=plan.layers[name].dsps,
        )  # fmt: skip
    stages = [_cost_of_stage(stage.plan) for stage in plan.stages]
    beside = costs_beside(layers, slowest(layers, folding)) + costs_of_weights(layers, folding)
    whole = total([*by_layer.values(), *beside, *stages], FLATTENED)
    exact = sum(mapped.values(), Cost())
    usual = sum((memory_cost(found, _BY_FORMULA) for found in memories.values()), Cost())
    shifted = max(0.0, whole.lutram - usual.lutram)  # shift registers, of which no memory is
    return DesignCost(
        replace(
            whole, lut=whole.lut + FLATTENED * (exact.lut - usual.lut), lutram=exact.lutram + min(shifted, whole.lut),
            bram18=exact.bram18, uram=exact.uram, dsp=plan.dsps,
        ),
        by_layer,
        memories,
    )  # fmt: skip


def _cost_of_waiting(layer: LayerPlan) -> Cost:
    """Return the shift registers in which products in DSPs wait for those that are added up later, and what
    accumulators start with for all of them."""
    array, luts = layer.array, 0
    if isinstance(array, DspArrayPlan):
        firsts = array.groups * -(-(array.pe // array.groups) // array.packing.weights)
        for kind, count in zip(array.KINDS, (firsts, array.pe - firsts), strict=True):
            bits = array.simd * (array.packing.field + (array.packing.signed and kind != array.KINDS[0]))
            luts += count * bits if array.met.wait(kind) >= _SHORTEST else 0
        luts += array.pe * array.acc_shape.width
    return Cost(luts, lutram=luts)


def _cost_of_columns(plan: ColumnsPlan) -> Cost:
    """Return the cost of a window that has a memory for each of its rows, with the registers of whole windows."""
    width, memory = plan.bits * plan.lanes, memory_cost(plan.mapped(), _BY_FORMULA)
    taps = plan.window.kernel[0] * plan.window.span[1] * width if plan.whole else 0
    found = cost_of_rows(width, plan.rows, plan.window.kernel[0])
    return found + Cost(memory.lut, ff=taps, lutram=memory.lutram)


def _is_of(stage: str, layer: FoldableLayer) -> bool:
    """Return whether a stage is a layer, its window, or one of the buffers of its tiles."""
    return stage in (layer.name, f"tile_{layer.name}", f"order_{layer.name}") or (
        layer.window is not None and stage == layer.window.name
    )


def _weights_beyond(foldable: FoldableLayer, layer: LayerPlan) -> float:
    """Return the LUTs that a layer's weights take beyond those that formulas have: its table, or its constants."""
    if isinstance(layer.array, ConstantArrayPlan):
        return layer.array.luts - luts_of_constants(foldable, layer.shape)
    if layer.numbers.constant or layer.loadable or isinstance(layer, ExternalPlan):
        return 0
    width = layer.numbers.weight_bits * layer.pe * layer.simd
    guessed = rom_placement(width, layer.shape.words, layer.memory)
    return 0 if guessed is None else layer.weight_table.placement.luts - guessed.luts


def cost_of_stage(plan: Any) -> Cost:
    """Return the LUTs and flip-flops of a stage's plan that the estimate of a folding does not have."""
    return _cost_of_stage(plan)


@singledispatch
def _cost_of_stage(plan: Any) -> Cost:
    """Return the LUTs and flip-flops of a stage that the estimate of a folding does not have."""
    return Cost()


@_cost_of_stage.register
def _(plan: ForkPlan) -> Cost:
    return Cost(2 * plan.count, ff=plan.count)


@_cost_of_stage.register
def _(plan: GearboxPlan) -> Cost:
    return plan.cost


@_cost_of_stage.register
def _(plan: QueuePlan) -> Cost:
    (memory,) = plan.mapped()
    found, address = memory.cost(_BY_FORMULA), (plan.depth - 1).bit_length()
    control = 5 * address + 8
    chosen = choice_luts(plan.width, plan.depth - 1) if found.lut else 0
    held = plan.width if found.lut else 0
    return Cost(found.lut + control + chosen, ff=3 * address + held + 2, lutram=found.lut)


@_cost_of_stage.register
def _(plan: PointwisePlan) -> Cost:
    fifo = next(iter(plan.mapped())).cost(_BY_FORMULA).lut
    return _cost_of_function(plan.function) + Cost(fifo + 20, ff=16, lutram=fifo)


@singledispatch
def _cost_of_function(plan: ActivationPlan) -> Cost:
    """Return the LUTs and flip-flops of an activation that stands by itself; its memories are operators."""
    return Cost(plan.lanes * plan.acc_shape.width, ff=plan.lanes * plan.acc_shape.width)


@_cost_of_function.register
def _(plan: CodeTablePlan) -> Cost:
    tables = max(1, 1 << max(0, plan.acc_shape.width - 6))
    return Cost(plan.lanes * plan.bits * tables * 1.1, ff=plan.lanes * plan.bits)


@_cost_of_function.register
def _(plan: StoredTablePlan) -> Cost:
    return Cost(sum(memory.cost(_BY_FORMULA).lut for memory in plan.mapped()))


@_cost_of_function.register
def _(plan: SearchPlan) -> Cost:
    tables = sum(memory.cost(_BY_FORMULA).lut for memory in plan.mapped())
    acc, compared = plan.acc_shape.width, 2**plan.depth - 1 if plan.parallel else plan.depth
    return Cost(tables + plan.lanes * compared * acc * 0.6, ff=plan.lanes * (acc * (1 + 2 * (compared - 1)) + 4))


@_cost_of_function.register
def _(plan: AffinePlan) -> Cost:
    tables = sum(memory.cost(_BY_FORMULA).lut for memory in plan.mapped())
    acc = plan.acc_shape.width + plan.factor_shape.width * plan.scales
    return Cost(tables + plan.lanes * (2 * acc + 12), ff=plan.lanes * (3 * acc + 10))
