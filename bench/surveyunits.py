"""The parts of an accelerator that a quantization method pays for, synthesized alone."""

from amaranth.back import verilog
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from flow.cache import BUILD, atomic_write, digest
from flow.measure import ELABORATION, numbers
from flow.synth import synthesize_parts
from flow.unitcost import quantizers_of
from hw.layerplan import LayerPlan

__all__ = ["FLOAT_LANES", "LANES", "SideBySide", "part_costs"]

LANES, FLOAT_LANES = 64, 8


class SideBySide(wiring.Component):
    """Components by name, each with ports of its own."""

    def __init__(self, parts):
        self._parts = parts
        super().__init__({name: Out(part.signature) for name, part in parts.items()})

    def elaborate(self, platform):
        m = Module()
        for name, part in self._parts.items():
            m.submodules[name] = part
            wiring.connect(m, wiring.flipped(getattr(self, name)), part)
        return m


def part_costs(plan, *, dsp=True):
    """Counts as of `flow.measure.numbers`, in one run of Yosys: ``{"unit": …, "array": …, "array_lanes": n}``.

    ``unit`` are all units that make codes of sums, with their thresholds, and with random generators where there are
    any; None if there are none. ``array`` is one processing element, its accumulator included, of the second layer's
    formats (or of the only one's), with `LANES` inputs a cycle, of float32 `FLOAT_LANES`.

    Parameters
    ----------
    plan : hw.accelerator.AcceleratorPlan
    """
    layers = list(plan.layers.values())
    p = layers[min(1, len(layers) - 1)]
    lanes = min(FLOAT_LANES if p.is_float else LANES, p.inputs)
    with ELABORATION:
        units = list(quantizers_of(plan).values())
        units += [q.make_activation() for q in layers if q.is_float and q.dense.relu]
        element = LayerPlan(p.dense, p.act, plan.network.edges(), pe=1, simd=lanes, target=plan.target)
        parts = {"array": element.make_array()}
        if units:
            parts["unit"] = SideBySide({f"u{k}": unit for k, unit in enumerate(units)})
        text = verilog.convert(SideBySide(parts), name="top", emit_src=False, strip_internal_attrs=True)
    path = BUILD / "survey" / "parts" / f"{digest(text)}.v"
    if not path.exists():
        atomic_write(path, text)
    found = synthesize_parts(path, "top", {name: f"top.{name}" for name in parts}, dsp=dsp)
    return {name: numbers(found[name]) if name in found else None for name in ("unit", "array")} | {
        "array_lanes": lanes
    }
