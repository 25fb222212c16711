"""The parts of an accelerator that a quantization method pays for, synthesized alone."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from amaranth.back import verilog
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from fewbit.flow.cache import atomic_write, digest
from fewbit.flow.comparing.measure import ELABORATION
from fewbit.flow.comparing.result import SynthesizedCost
from fewbit.flow.eda.synth import synthesize
from fewbit.flow.eda.unit_cost import generators_of, quantizers_of
from fewbit.hw.folding import LayerFolding
from fewbit.hw.layer.number_kinds import FloatNumbers
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.places import BUILD

__all__ = ["FLOAT_LANES", "LANES", "SideBySide", "part_costs"]

LANES, FLOAT_LANES = 64, 8  # inputs a cycle of the processing elements that are measured


class SideBySide(wiring.Component):
    """Components by name, each with ports of its own."""

    def __init__(self, parts: Mapping[str, wiring.Component]):
        self._parts = parts
        super().__init__({name: Out(part.signature) for name, part in parts.items()})

    def elaborate(self, platform):
        m = Module()
        for name, part in self._parts.items():
            m.submodules[name] = part
            wiring.connect(m, wiring.flipped(getattr(self, name)), part)
        return m


def part_costs(plan: AcceleratorPlan, *, dsp: bool = True) -> dict[str, Any]:
    """Return what parts take, ``{"unit": …, "generators": …, "array": …, "array_lanes": n}``.

    Each is a dict as of `flow.comparing.result.SynthesizedCost`. ``unit`` are all units that make codes of sums, with
    their thresholds, and with random generators where there are any; ``generators`` are those alone; None without any.
    ``array`` is one processing element, its accumulator included, of the second layer's formats (or of the only one's),
    with `LANES` inputs a cycle, of float32 `FLOAT_LANES`: its weights come through a port, so that rows of the same
    formats share a run of Yosys. ``dsp`` says whether synthesis may use DSPs.
    """
    layers = list(plan.layers.values())
    p = layers[min(1, len(layers) - 1)]
    lanes = min(FLOAT_LANES if isinstance(p.numbers, FloatNumbers) else LANES, p.inputs)
    with ELABORATION:
        units = list(quantizers_of(plan).values())
        units += [q.activation.make() for q in layers if isinstance(q.numbers, FloatNumbers) and q.dense.relu]
        element = LayerPlan(p.dense, p.act, plan.network.edges(), LayerFolding(1, lanes), target=plan.target)
        parts = {"array": element.array.make(), "unit": _together(units),
                 "generators": _together(generators_of(plan).values())}  # fmt: skip
        texts = {
            name: verilog.convert(part, name="top", emit_src=False, strip_internal_attrs=True)
            for name, part in parts.items()
            if part is not None
        }
    return {name: _cost(texts[name], dsp) if name in texts else None for name in parts} | {"array_lanes": lanes}


def _together(parts):
    """Return `SideBySide` of some components, None of none."""
    parts = {f"u{k}": part for k, part in enumerate(parts)}
    return SideBySide(parts) if parts else None


_locks = defaultdict(threading.Lock)


def _cost(text, dsp):
    """Return what a module takes; threads that ask for the same text wait for one run of Yosys."""
    name = digest(text)
    path = BUILD / "survey" / "parts" / f"{name}.v"
    with _locks[name]:
        if not path.exists():
            atomic_write(path, text)
        return SynthesizedCost.of(synthesize(path, "top", dsp=dsp)).to_dict()
