"""A design for simulation: its emitted Verilog, with the behaviour of every module of which it is proved."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .behaviour import Behaviour
from .kinds import behaviour_of, parts_of
from .netlist import Unreadable, netlist_of
from .reading import modules_of, read_modules
from .sums import prove
from .timed import Unproved
from .verilog import behaviour_text

__all__ = ["ModuleProof", "processing_elements", "prove_modules", "with_behaviour"]

_DEFINED = re.compile(r"^// (.*)\nmodule (\S+?) ?\(", re.MULTILINE)  # a module that says over itself what it is


@dataclass(frozen=True)
class ModuleProof:
    """What was tried of one module: that it is proved equal to its behaviour, or why not.

    Attributes
    ----------
    name : str
    what : str
        What it is, as the Verilog has it.
    behaviour : str or None
        The module that does the same, as Verilog, if it is proved.
    reason : str or None
        Why it is not.
    """

    name: str
    what: str
    behaviour: str | None
    reason: str | None = None


def processing_elements(plan: Any) -> Iterator[Any]:
    """Yield the plans of all processing elements of an accelerator, layer by layer."""
    for layer in plan.layers.values():
        yield from getattr(layer.array, "pes", {}).values()


def prove_modules(text: str, plans: Sequence[Any]) -> list[ModuleProof]:
    """Prove of the modules of emitted Verilog that are the hardware of ``plans`` that they are their behaviour.

    Where a processing element is not proved, those that it consists of are tried. Each module is tried once.

    Raises
    ------
    SimulationError
        If Yosys does not read the text.
    """
    names = {found[1]: found[2] for found in _DEFINED.finditer(text)}
    tried: dict[str, tuple[Any, Behaviour | None]] = {}
    waiting, parts = list(plans), {}
    while waiting:
        plan = waiting.pop(0)
        what = str(plan.definition)
        if what in names and what not in tried:
            tried[what] = plan, behaviour_of(plan)
            parts[what] = [str(part.definition) for part in parts_of(plan)]
            waiting += parts_of(plan)
    read = read_modules(text, [names[what] for what, (_, behaviour) in tried.items() if behaviour])
    proofs: dict[str, ModuleProof] = {}
    inner: set[str] = set()
    for what, (_, behaviour) in tried.items():  # parts come behind what they are parts of
        if what in inner:
            continue
        proofs[what] = _proof(names[what], what, behaviour, read)
        if proofs[what].behaviour is not None:
            inner |= set(parts[what]) - proofs.keys()
    return list(proofs.values())


def _proof(name: str, what: str, behaviour: Behaviour | None, read: dict[str, Any]) -> ModuleProof:
    if behaviour is None:
        return ModuleProof(name, what, None, "its kind has no proof")
    try:
        netlist = netlist_of(name, read[name])
        prove(netlist, behaviour)
    except (Unreadable, Unproved) as error:
        return ModuleProof(name, what, None, str(error))
    return ModuleProof(name, what, behaviour_text(behaviour, name, netlist.ports))


def with_behaviour(text: str, proofs: Sequence[ModuleProof]) -> str:
    """Return Verilog in which the modules that are proved are their behaviour; everything else is as it was."""
    modules = modules_of(text)
    for proof in proofs:
        if proof.behaviour is not None:
            text = text.replace(modules[proof.name], proof.behaviour, 1)
    return text
