"""The parts of an accelerator that a quantization method pays for, synthesized alone."""

from amaranth.back import verilog
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from flow.cache import BUILD, atomic_write, digest
from flow.measure import ELABORATION, numbers
from flow.synth import synthesize
from hw.layerplan import LayerPlan

__all__ = ["FLOAT_LANES", "LANES", "Units", "array_cost", "unit_cost"]

LANES, FLOAT_LANES = 64, 8


class Units(wiring.Component):
    """Components side by side, each with its own ports: ``u0``, ``u1``, …"""

    def __init__(self, units):
        self._units = units
        super().__init__({f"u{k}": Out(unit.signature) for k, unit in enumerate(units)})

    def elaborate(self, platform):
        m = Module()
        for k, unit in enumerate(self._units):
            m.submodules[f"unit{k}"] = unit
            wiring.connect(m, wiring.flipped(getattr(self, f"u{k}")), unit)
        return m


def unit_cost(plan, *, dsp=True):
    """What the units behind the hidden layers take that make codes of accumulators, with their thresholds and, where
    they need one, their random generator; counts as of `flow.measure.numbers`, None if there are none.

    Parameters
    ----------
    plan : hw.accelerator.AcceleratorPlan
    """
    hidden = [p for p in plan.layers.values() if p.act is not None or (p.is_float and p.dense.relu)]
    if not hidden:
        return None
    with ELABORATION:
        path = _written(Units([p.make_activation() for p in hidden]))
    return numbers(synthesize(path, "top", dsp=dsp))


def array_cost(plan, *, dsp=True):
    """``(lanes, counts)`` of one processing element, its accumulator included, of the second layer's formats (or the
    only one's): `LANES` inputs a cycle, of float32 `FLOAT_LANES`."""
    layers = list(plan.layers.values())
    p = layers[min(1, len(layers) - 1)]
    lanes = min(FLOAT_LANES if p.is_float else LANES, p.inputs)
    with ELABORATION:
        edges = plan.network.edges()
        array = LayerPlan(p.dense, p.act, edges, pe=1, simd=lanes, target=plan.target).make_array()
        path = _written(array)
    return lanes, numbers(synthesize(path, "top", dsp=dsp))


def _written(component):
    text = verilog.convert(component, name="top", emit_src=False, strip_internal_attrs=True)
    path = BUILD / "survey" / "units" / f"{digest(text)}.v"
    return path if path.exists() else atomic_write(path, text)
