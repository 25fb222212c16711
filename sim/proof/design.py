"""A design for simulation: its emitted Verilog, with the behaviour of every module of which it is proved."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from fewbit.sim.design import digest_of
from fewbit.sim.memory_files import with_memory_files

from .behaviour import Behaviour
from .kinds import behaviour_of, parts_of
from .matrices import Matrix, matrix_text, prove_matrix
from .netlist import ModuleNetlist, Unreadable, netlist_of
from .reading import PRIMITIVES, instances_in, modules_of, read_modules
from .sums import prove
from .tables import table_of, table_text
from .timed import Unproved
from .verilog import behaviour_text

__all__ = ["ELEMENT", "MATRIX", "MEMORY", "ModuleProof", "SimulatedDesign", "behaviour_design", "primitives_in"]

ELEMENT, MEMORY, MATRIX = "processing element", "memory", "matrix"
Behave = Callable[[ModuleNetlist], tuple[str, dict[str, str]]]  # proves a module, and gives its behaviour and files

_DEFINED = re.compile(r"^// (.*)\nmodule (\S+?) ?\(", re.MULTILINE)  # a module that says over itself what it is
_MEMORY = re.compile(r"rom: .*\bdepth (\d+), latency (\d+), contents ([0-9a-f]+)")


@dataclass(frozen=True)
class ModuleProof:
    """What came of one module: that it is proved equal to its behaviour, or why not.

    Attributes
    ----------
    name : str
    kind : str
        ``"processing element"``, ``"memory"``, ``"matrix"`` for a group of neurons with constant weights, or
        ``"array"`` for one of a layer that has none of these.
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


def primitives_in(text: str, top: str) -> int:
    """Return how many primitives of a device the module ``top`` of some Verilog has, in all of its instances."""
    used = {name: Counter(instances_in(module)) for name, module in modules_of(text).items()}

    @cache
    def count(name):
        if name in PRIMITIVES:
            return 1
        return sum(times * count(other) for other, times in used.get(name, {}).items())

    return count(top)


def behaviour_design(text: str, plan: Any) -> SimulatedDesign:
    """Return a design for simulation: what is proved of emitted Verilog is its behaviour, memories are words of files.

    Parameters
    ----------
    text : str
        Emitted Verilog, in which modules say what they are.
    plan : hw.pipeline.accelerator_plan.AcceleratorPlan
        Its plan. Where a processing element is not proved, those that it consists of are tried.

    Raises
    ------
    SimulationError
        If Yosys does not read the text.
    """
    names, modules = {found[1]: found[2] for found in _DEFINED.finditer(text)}, modules_of(text)
    elements = _elements(names, plan)
    others = {name: _words(found) for what, name in names.items() if (found := _MEMORY.match(what))}
    others |= _matrices(modules, plan)
    wanted = [names[what] for what, (behaviour, _) in elements.items() if behaviour]
    read = read_modules(text, [*wanted, *others])
    design, inner = SimulatedDesign(text), set[str]()

    def attempt(name: str, kind: str, behave: Behave) -> bool:
        """Swap a module for its behaviour, if it is proved."""
        try:
            own, files = behave(netlist_of(name, read[name]))
        except (Unreadable, Unproved) as error:
            design.proofs.append(ModuleProof(name, kind, str(error)))
            return False
        design.text = design.text.replace(modules[name], own, 1)
        design.files |= files
        design.proofs.append(ModuleProof(name, kind))
        return True

    for what, (behaviour, parts) in elements.items():  # parts come behind what they are parts of
        if what in inner:
            inner |= parts
        elif behaviour is None:
            design.proofs.append(ModuleProof(names[what], ELEMENT, "there is no proof for its kind"))
        elif attempt(names[what], ELEMENT, _sums(behaviour)):
            inner |= parts
    for name, behave in others.items():
        attempt(name, MEMORY if name in names.values() else MATRIX, behave)
    design.proofs += _without_proof(plan)
    design.text, files = with_memory_files(design.text, _first_words)
    design.files |= {name.removeprefix("../"): content for name, content in files.items()}
    return design


def _first_words(_: int, content: str) -> str:
    """Return the name of a file for what a memory holds at first."""
    return f"../first-{digest_of(content.encode())[:32]}.hex"


def _elements(names: dict[str, str], plan: Any) -> dict[str, tuple[Behaviour | None, set[str]]]:
    """Return the behaviour of each processing element that is a module, by what it is, and the parts that it has."""
    found: dict[str, tuple[Behaviour | None, set[str]]] = {}
    waiting = [pe for layer in plan.layers.values() for pe in getattr(layer.array, "pes", {}).values()]
    while waiting:
        pe = waiting.pop(0)
        what, parts = str(pe.definition), parts_of(pe)
        if what in names and what not in found:
            found[what] = behaviour_of(pe), {str(part.definition) for part in parts}
            waiting += parts
    return found


def _sums(behaviour: Behaviour) -> Behave:
    """Return what proves a processing element and writes it."""

    def behave(netlist):
        prove(netlist, behaviour)
        return behaviour_text(behaviour, netlist.name, netlist.ports), {}

    return behave


def _words(found: re.Match[str]) -> Behave:
    """Return what proves a memory, by what it says of itself, and writes it."""
    depth, latency, contents = int(found[1]), int(found[2]), found[3]

    def behave(netlist):
        table = table_of(netlist, depth=depth, latency=latency, contents=contents)
        name = f"words-{contents}.hex"
        text, words = table_text(table, netlist.name, netlist.ports, f"../{name}")
        return text, {name: words}

    return behave


def _matrices(modules: Collection[str], plan: Any) -> dict[str, Behave]:
    """Return what proves and writes the groups of arrays of constants, by the names of their modules."""

    def of_group(matrix):
        def behave(netlist):
            prove_matrix(netlist, matrix)
            return matrix_text(matrix, netlist), {}

        return behave

    return {
        name: of_group(Matrix.of_product(product, layer.array.matrices[g].latency + 1))
        for each, layer in plan.layers.items()
        for g, product in enumerate(getattr(layer.array, "products", ()))
        for name in modules
        if name.endswith(f".{each}.array.group{g}")
    }


def _without_proof(plan: Any) -> Iterator[ModuleProof]:
    """Yield the arrays that have no modules of which there are proofs, by the names of their layers."""
    for name, layer in plan.layers.items():
        if not hasattr(layer.array, "pes") and not hasattr(layer.array, "products"):
            kind = type(layer.array).__name__.removesuffix("Plan")
            yield ModuleProof(name, "array", f"there is no proof for a {kind}")
