"""A design for simulation: its emitted Verilog, with the behaviour of every module of which it is proved."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from fewbit.sim.design import digest_of
from fewbit.sim.memory_files import with_memory_files

from .behaviour import Behaviour
from .kinds import behaviour_of, parts_of
from .netlist import Unreadable, netlist_of
from .reading import PRIMITIVES, instances_in, modules_of, read_modules
from .sums import prove
from .tables import table_of, table_text
from .timed import Unproved
from .verilog import behaviour_text

__all__ = ["ModuleProof", "SimulatedDesign", "behaviour_design", "other_arrays", "primitives_in", "processing_elements"]

_DEFINED = re.compile(r"^// (.*)\nmodule (\S+?) ?\(", re.MULTILINE)  # a module that says over itself what it is
_MEMORY = re.compile(r"rom: .*\bdepth (\d+), latency (\d+), contents ([0-9a-f]+)")


@dataclass(frozen=True)
class ModuleProof:
    """What came of one module: that it is proved equal to its behaviour, or why not.

    Attributes
    ----------
    name : str
    kind : str
        ``"processing element"``, ``"memory"``, or ``"array"`` for one of a layer without such processing elements.
    reason : str or None
        Why it is not proved.
    """

    name: str
    kind: str
    reason: str | None = None


@dataclass
class SimulatedDesign:
    """Verilog for simulators that does what emitted Verilog does.

    Attributes
    ----------
    text : str
    files : dict of str to str
        Words of memories by the name of their file, which is to stand in the folder above that of a run.
    proofs : list of ModuleProof
        All modules that were tried. Those that are proved are their behaviour in ``text``; all else is as it was.
    """

    text: str
    files: dict[str, str] = field(default_factory=dict)
    proofs: list[ModuleProof] = field(default_factory=list)


def processing_elements(plan: Any) -> Iterator[Any]:
    """Yield the plans of all processing elements of an accelerator, layer by layer."""
    for layer in plan.layers.values():
        yield from getattr(layer.array, "pes", {}).values()


def other_arrays(plan: Any) -> list[ModuleProof]:
    """Return the arrays of an accelerator of which there is no proof, by the names of their layers."""
    return [
        ModuleProof(name, "array", f"there is no proof for a {type(layer.array).__name__.removesuffix('Plan')}")
        for name, layer in plan.layers.items()
        if not getattr(layer.array, "pes", {})
    ]


def primitives_in(text: str, top: str) -> int:
    """Return how many primitives of a device the module ``top`` of some Verilog has, in all of its instances."""
    used = {name: Counter(instances_in(module)) for name, module in modules_of(text).items()}

    @cache
    def count(name):
        if name in PRIMITIVES:
            return 1
        return sum(times * count(other) for other, times in used.get(name, {}).items())

    return count(top)


def behaviour_design(text: str, plans: Sequence[Any]) -> SimulatedDesign:
    """Return a design for simulation: what is proved of emitted Verilog is its behaviour, memories are words of files.

    Parameters
    ----------
    text : str
        Emitted Verilog, in which modules say what they are.
    plans : list of plans
        All processing elements of the design. Where one is not proved, those that it consists of are tried.

    Raises
    ------
    SimulationError
        If Yosys does not read the text.
    """
    names = {found[1]: found[2] for found in _DEFINED.finditer(text)}
    elements = _elements(names, plans)
    memories = {name: found for what, name in names.items() if (found := _MEMORY.match(what))}
    wanted = [names[what] for what, (behaviour, _) in elements.items() if behaviour]
    read = read_modules(text, [*wanted, *memories])
    design, modules, inner = SimulatedDesign(text), modules_of(text), set[str]()

    def attempt(name, kind, make):
        """Swap a module for its behaviour, if it is proved."""
        try:
            own, files = make(netlist_of(name, read[name]))
        except (Unreadable, Unproved) as error:
            design.proofs.append(ModuleProof(name, kind, str(error)))
            return False
        design.text = design.text.replace(modules[name], own, 1)
        design.files |= files
        design.proofs.append(ModuleProof(name, kind))
        return True

    for what, (behaviour, parts) in elements.items():  # parts come behind what they are parts of
        name = names[what]
        if what in inner:
            inner |= parts
        elif behaviour is None:
            design.proofs.append(ModuleProof(name, "processing element", "there is no proof for its kind"))
        elif attempt(name, "processing element", lambda netlist, b=behaviour: (_proved(netlist, b), {})):
            inner |= parts
    for name, found in memories.items():
        attempt(name, "memory", lambda netlist, found=found: _words(netlist, found))
    design.text, files = with_memory_files(design.text, _first_words)
    design.files |= {name.removeprefix("../"): content for name, content in files.items()}
    return design


def _first_words(_: int, content: str) -> str:
    """Return the name of a file for what a memory holds at first."""
    return f"../first-{digest_of(content.encode())[:32]}.hex"


def _elements(names: dict[str, str], plans: Sequence[Any]) -> dict[str, tuple[Behaviour | None, set[str]]]:
    """Return the behaviour of each processing element that is a module, by what it is, and the parts that it has."""
    found: dict[str, tuple[Behaviour | None, set[str]]] = {}
    waiting = list(plans)
    while waiting:
        plan = waiting.pop(0)
        what, parts = str(plan.definition), parts_of(plan)
        if what in names and what not in found:
            found[what] = behaviour_of(plan), {str(part.definition) for part in parts}
            waiting += parts
    return found


def _proved(netlist, behaviour):
    prove(netlist, behaviour)
    return behaviour_text(behaviour, netlist.name, netlist.ports)


def _words(netlist, found):
    depth, latency, contents = int(found[1]), int(found[2]), found[3]
    table = table_of(netlist, depth=depth, latency=latency, contents=contents)
    name = f"words-{contents}.hex"
    text, words = table_text(table, netlist.name, netlist.ports, f"../{name}")
    return text, {name: words}
