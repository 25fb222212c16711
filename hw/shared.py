"""Components that stand in a design many times and in its Verilog once, each as a module of its own."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, ClockSignal, Const, Elaboratable, Fragment, Instance, Module, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from .definition import EmittedModule, ModuleDefinition

__all__ = ["ModuleLibrary", "SharedComponent"]

_MEMORY = "$mem_v2"  # Yosys's cell of a whole memory
# As Amaranth writes an instance of it: of a module of that name, and without the memory's own name.
_INSTANCE_OF_MEMORY = re.compile(r'cell \\\$mem_v2 \\(\S+)(\s+parameter \\MEMID )""')


class SharedComponent(wiring.Component):
    """A component of which equal ones are one module of the Verilog; a subclass says which are equal, and what it is.

    Emitted (`hw.shell.verilog`), it is an instance of a module with its members as ports, and ``clk``; everywhere
    else, as in Amaranth's simulator, it is a part of the design like any other. Its registers have no reset, and all
    are of the domain ``sync``.
    """

    @property
    def definition(self) -> ModuleDefinition | None:
        """What its circuit depends on, altogether; ``None`` for one that is too small to be a module."""
        raise NotImplementedError

    def circuit(self) -> Module:
        """Return the hardware."""
        raise NotImplementedError

    def text(self, name: str) -> str | None:
        """Return its module of this name in Yosys's RTLIL, if that is known without Amaranth: the same as is made of
        `circuit`, sooner."""
        return None

    def elaborate(self, platform):
        definition = self.definition
        if isinstance(platform, ModuleLibrary) and platform.top is not self and definition is not None:
            return platform.instance(self, definition)
        return self.circuit()


class ModuleLibrary:
    """The modules of one emission: what `SharedComponent` asks for its instance, given as Amaranth's ``platform``.

    Parameters
    ----------
    top : Elaboratable
        The design itself, which is no instance.
    name : str
        The name of its module, with which those of the modules begin: two designs in one project have none in common.
    viewing : bool
        Whether it is for waveforms: with modules that show what streams carry.

    Attributes
    ----------
    viewing : bool
    verilog : str
        Modules that are in Verilog already.
    """

    def __init__(self, top: Elaboratable, name: str, *, viewing: bool = False):
        self.top, self._name, self.viewing, self.verilog = top, name, viewing, ""
        self._names: dict[ModuleDefinition, str] = {}
        self._texts: list[str] = []
        self._inside: list[ModuleDefinition | None] = [None]  # the modules that are being made, the innermost last
        self._uses: Counter[tuple[ModuleDefinition | None, ModuleDefinition]] = Counter()  # by user and what it uses

    def instance(self, component: SharedComponent, definition: ModuleDefinition) -> Instance:
        """Return an instance of the component's module, which is made if ``definition`` is new.

        Raises
        ------
        ValueError
            If the component has a register with a reset, or one of another domain.
        """
        if definition not in self._names:
            self._names[definition] = self._new_name(definition)
            self._texts.append(self._made(component, definition))
        self._uses[self._inside[-1], definition] += 1
        ports = {f"{'i' if way == In else 'o'}_{name}": value for name, way, value in _members(component)}
        return Instance(self._names[definition], i_clk=ClockSignal(), **ports)

    def with_text(self, stem: str, module: Callable[[str], str]) -> str:
        """Return the name of a module whose Verilog is ``module(name)``, which is added."""
        name = f"{self._name}_{stem}"
        self.verilog += module(name)
        return name

    def get_memory(self, memory: Memory) -> Fragment:
        """Return what stands for a memory, as Amaranth asks a platform.

        One of integers that is only read, at one port, becomes Yosys's cell of a whole memory, with its words in one
        constant: Amaranth itself would write them bit by bit.
        """
        domains = [port.domain for port in memory.read_ports]
        if memory.write_ports or domains != ["sync"] or not isinstance(memory.shape, int):
            return memory.elaborate(None)
        return _read_only(memory)

    def _new_name(self, definition):
        stem = name = f"{self._name}_{definition.stem}"
        for n in count(2):
            if name not in self._names.values():
                return name
            name = f"{stem}_{n}"

    def _made(self, component, definition):
        """Return the text of a module, in Yosys's RTLIL."""
        known = component.text(self._names[definition])
        if known is not None:
            return known
        self._inside.append(definition)
        fragment = Fragment.get(component.circuit(), self)
        self._inside.pop()
        for signal, domain in _registers(fragment):
            if domain != "sync" or not signal.reset_less:
                raise ValueError(f"Register {signal.name} of {definition} must be of domain sync, and without reset")
        domain = ClockDomain("sync", reset_less=True)
        fragment.add_domains(domain)
        ports = {"clk": (domain.clk, None)} | {name: (value, None) for name, _, value in _members(component)}
        text, _ = rtlil.convert_fragment(fragment, ports, self._names[definition], emit_src=False)
        return text

    def convert(self) -> str:
        """Return the design and all of its modules in Yosys's RTLIL."""
        top = rtlil.convert(self.top, name=self._name, platform=self, emit_src=False)
        return _INSTANCE_OF_MEMORY.sub(rf'cell {_MEMORY} \\\1\2"\\\\\1"', "".join([top, *self._texts]))

    def modules(self) -> tuple[EmittedModule, ...]:
        """Return the modules, in the order in which the design first uses them."""

        @cache
        def instances(definition):
            if definition is None:
                return 1
            return sum(n * instances(user) for (user, used), n in self._uses.items() if used == definition)

        return tuple(EmittedModule(name, d, instances(d)) for d, name in self._names.items())


def _read_only(memory):
    """Return a memory of one read port as the cell that Yosys's ``memory_collect`` makes of it."""
    (port,), width, words = memory.read_ports, memory.shape, list(memory.init)
    init = Const(int("".join(f"{word:0{width}b}" for word in reversed(words)), 2), width * len(words))
    none, flag, unknown = Const(0, 0), Const(0, 1), rtlil.Undef(width)
    writes = {"CLK": none, "EN": none, "ADDR": none, "DATA": none}
    reads = {"CLK": ClockSignal(), "EN": port.en, "ARST": flag, "SRST": flag, "ADDR": port.addr}
    return Instance(
        _MEMORY, p_MEMID="", p_SIZE=len(words), p_OFFSET=0, p_ABITS=len(port.addr), p_WIDTH=width,
        p_INIT=init, p_RD_PORTS=1, p_RD_CLK_ENABLE=Const(1, 1), p_RD_CLK_POLARITY=Const(1, 1),
        p_RD_TRANSPARENCY_MASK=flag, p_RD_COLLISION_X_MASK=flag, p_RD_WIDE_CONTINUATION=flag, p_RD_CE_OVER_SRST=flag,
        p_RD_ARST_VALUE=unknown, p_RD_SRST_VALUE=unknown, p_RD_INIT_VALUE=unknown, p_WR_PORTS=0, p_WR_CLK_ENABLE=flag,
        p_WR_CLK_POLARITY=flag, p_WR_PRIORITY_MASK=flag, p_WR_WIDE_CONTINUATION=flag,
        **{f"i_RD_{name}": value for name, value in reads.items()},
        **{f"i_WR_{name}": value for name, value in writes.items()},
        **{f"a_{name}": value for name, value in memory.attrs.items()},
        o_RD_DATA=Value.cast(port.data),
    )  # fmt: skip


def _members(component) -> Iterator:
    """Yield the name, the direction and the value of every member."""
    for path, member, value in component.signature.flatten(component):
        yield "__".join(map(str, path)), member.flow, Value.cast(value)


def _registers(fragment):
    """Yield every register of a fragment, and its domain."""
    for domain, statements in fragment.statements.items():
        if domain != "comb":
            for statement in statements:
                yield from ((signal, domain) for signal in statement._lhs_signals())
    for inner, *_ in fragment.subfragments:
        yield from _registers(inner)
