"""Many units in one design, so that one run of Yosys says what each of them takes."""

from amaranth.back import verilog
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from fewbit.flow.eda.synth import synthesize_parts

__all__ = ["resources_of"]


class Side(wiring.Component):
    """Units side by side, whose streams are all ports."""

    def __init__(self, units):
        self.units = units
        super().__init__({name: Out(unit.signature) for name, unit in units.items()})

    def elaborate(self, platform):
        m = Module()
        for name, unit in self.units.items():
            m.submodules[name] = unit
            wiring.connect(m, wiring.flipped(getattr(self, name)), unit)
        return m


def resources_of(units, path):
    """Return the `flow.eda.resources.Resources` of components by name; ``path`` is of a Verilog file to write."""
    path.write_text(verilog.convert(Side(units), name="side", strip_internal_attrs=True))
    return synthesize_parts(path, "side", {name: f"side.{name}" for name in units})
