"""Components that stand in a design many times and in its Verilog once, each as a module of its own."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import count

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Fragment, Instance, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from .definition import EmittedModule, ModuleDefinition

__all__ = ["ModuleLibrary", "SharedComponent"]


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
    """

    def __init__(self, top: Elaboratable, name: str):
        self.top, self._name = top, name
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

    def _new_name(self, definition):
        stem = name = f"{self._name}_{definition.stem}"
        for n in count(2):
            if name not in self._names.values():
                return name
            name = f"{stem}_{n}"

    def _made(self, component, definition):
        """Return the text of a module, in Yosys's RTLIL."""
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

    @property
    def rtlil(self) -> str:
        """The text of all modules, in Yosys's RTLIL."""
        return "".join(self._texts)

    def modules(self) -> tuple[EmittedModule, ...]:
        """Return the modules, in the order in which the design first uses them."""

        @cache
        def instances(definition):
            if definition is None:
                return 1
            return sum(n * instances(user) for (user, used), n in self._uses.items() if used == definition)

        return tuple(EmittedModule(name, d, instances(d)) for d, name in self._names.items())


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
