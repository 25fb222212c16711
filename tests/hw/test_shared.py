# amaranth: UnusedElaboratable=no
"""Equal components are one module of the Verilog, and parts of the design in a simulation."""

import pytest
from amaranth.back import verilog
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from fewbit.hw.definition import ModuleDefinition
from fewbit.hw.shared import SharedComponent
from fewbit.hw.shell.verilog import converted


class Step(SharedComponent):
    """``o = i + step``, a cycle later; with a reset only if asked."""

    def __init__(self, step, *, reset=False):
        self.step, self.reset = step, reset
        super().__init__({"i": In(8), "o": Out(8)})

    @property
    def definition(self):
        return ModuleDefinition.of("step", str(self.step)[0], step=self.step)

    def circuit(self):
        m = Module()
        held = Signal(8, reset_less=not self.reset)
        m.d.sync += held.eq(self.i + self.step)
        m.d.comb += self.o.eq(held)
        return m


class Steps(SharedComponent):
    """Steps one behind the other."""

    def __init__(self, *steps):
        self.steps = steps
        super().__init__({"i": In(8), "o": Out(8)})

    @property
    def definition(self):
        return ModuleDefinition.of("steps", "", steps=self.steps)

    def circuit(self):
        m, value = Module(), self.i
        for step in self.steps:
            m.submodules += (unit := Step(step))
            m.d.comb += unit.i.eq(value)
            value = unit.o
        m.d.comb += self.o.eq(value)
        return m


class Design(wiring.Component):
    """The sum of what its parts give."""

    def __init__(self, *parts):
        self.parts = parts
        super().__init__({"i": In(8), "o": Out(16)})

    def elaborate(self, platform):
        m = Module()
        for part in self.parts:
            m.submodules += part
            m.d.comb += part.i.eq(self.i)
        m.d.comb += self.o.eq(sum(part.o for part in self.parts))
        return m


def parts():
    return [Step(1), Steps(1, 1, 30), Step(1), Steps(1, 1, 30), Step(31)]


def test_each_stands_once_in_the_verilog():
    found = converted(Design(*parts()), "top")
    counts = {m.name: (m.definition.kind, m.instances) for m in found.modules}
    assert counts == {
        "top_step_1": ("step", 6), "top_steps": ("steps", 2), "top_step_3": ("step", 2), "top_step_3_2": ("step", 1),
    }  # fmt: skip
    for name in counts:
        assert found.text.count(f"\nmodule {name}(") == 1
    assert found.text.count("  top_step_1 ") == 4 and found.text.count("  top_step_3 ") == 1  # inside steps, too
    assert "\n// steps: steps (1, 1, 30)\nmodule top_steps(" in found.text
    assert converted(Design(*parts()), "top") == found


def test_it_is_no_instance_of_itself():
    found = converted(Step(3), "top")
    assert not found.modules and found.text.count("\nmodule ") == 1


def test_a_simulation_has_all_of_them(scratch):
    design, seen = Design(*parts()), []

    async def bench(ctx):
        for value in (5, 7, 9, 11, 13):
            ctx.set(design.i, value)
            await ctx.tick()
        seen.append(ctx.get(design.o))

    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [2 * (13 + 1) + (13 + 31) + 2 * (9 + 32)]


def test_a_register_with_a_reset_is_refused():
    with pytest.raises(ValueError, match="Register held of step: step 4 must be of domain sync, and without reset"):
        converted(Design(Step(4, reset=True)), "top")


class Memories(wiring.Component):
    """Words of a memory that is only read, and of one that is written, too."""

    def __init__(self, width, words, **attrs):
        self.width, self.words, self.attrs = width, words, attrs
        super().__init__({"address": In(range(max(2, len(words)))), "o": Out(width), "w": In(width), "p": Out(width)})

    def elaborate(self, platform):
        m = Module()
        for name, data in ("memory", self.o), ("other", self.p):
            memory = Memory(shape=self.width, depth=len(self.words), init=self.words, attrs=self.attrs)
            port = memory.read_port()
            m.submodules[name] = memory
            m.d.comb += [port.addr.eq(self.address), data.eq(port.data)]
        write = memory.write_port()
        m.d.comb += [write.addr.eq(self.address), write.data.eq(self.w), write.en.eq(1)]
        return m


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("width", "words", "attrs"),
    [(1, [1], {}), (3, [5, 0, 7], {}), (70, [3 << 60, 0, 1, 2**70 - 1], {"rom_style": "block"}), (2, [1, 2] * 300, {})],
)
def test_memories_are_as_amaranth_writes_them(width, words, attrs):
    design = Memories(width, words, **attrs)
    own = verilog.convert(design, name="top", emit_src=False, strip_internal_attrs=True)
    assert converted(design, "top").text == own and own.count("initial begin") >= 2
