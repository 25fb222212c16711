"""What the quantizing units of an accelerator cost by themselves: what turns sums into codes, synthesized alone."""

from amaranth.lib.wiring import Component

from fewbit.flow.cache import atomic_write, digest
from fewbit.golden.network.draws import Draw
from fewbit.hw.activation.draw import Generator
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.verilog import convert
from fewbit.hw.stages.pointwise_plan import PointwisePlan
from fewbit.places import BUILD

from .resources import Resources
from .synth import synthesize

__all__ = ["generators_of", "quantizer_costs", "quantizers_of"]


def quantizers_of(plan: AcceleratorPlan) -> dict[str, Component]:
    """Return the quantizing components of an accelerator's plan, by the name of their layer or unit.

    These are the activation of every layer that has one, and the function of every unit of single codes. One that draws
    random numbers has its generator inside.
    """
    found = {}
    for stage in plan.stages:
        unit = stage.plan
        if isinstance(unit, LayerPlan) and unit.act is not None:
            found[unit.act.name] = unit.activation.make()
        elif isinstance(unit, PointwisePlan):
            found[unit.name] = unit.function.make()
    return found


def generators_of(plan: AcceleratorPlan) -> dict[str, Component]:
    """Return the random bit generator of every unit that draws, by the unit's name."""
    return {
        unit.name: Generator(
            generator=unit.node.generator, seed=unit.node.seed, lanes=unit.lanes, length=unit.length
        )
        for unit in (stage.plan for stage in plan.stages)
        if isinstance(unit, PointwisePlan) and isinstance(unit.node, Draw)
    }  # fmt: skip


def quantizer_costs(plan: AcceleratorPlan, *, family: str = "xc7") -> dict[str, Resources]:
    """Return the `flow.eda.resources.Resources` of each of `quantizers_of`, by Yosys, with its registers and memories.

    Those of each of `generators_of` alone are there too, as ``NAME.generator``.

    Raises
    ------
    flow.eda.synth.SynthesisError
        If Yosys fails.
    """
    parts = quantizers_of(plan) | {f"{name}.generator": g for name, g in generators_of(plan).items()}
    return {name: _cost(component, plan.target, family) for name, component in parts.items()}


def _cost(component, target, family):
    text = convert(component, "top") + target.models()
    path = BUILD / "units" / f"{digest(text)}.v"
    if not path.exists():
        atomic_write(path, text)
    return synthesize(path, "top", family=family)
