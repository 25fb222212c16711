"""Modules of emitted Verilog, read back by Yosys: gates and registers of what a simulator or a synthesis would read."""

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fewbit.sim.errors import SimulationError
from fewbit.sim.memory_files import with_memory_files
from fewbit.sim.simulators.process import run_module

__all__ = ["PRIMITIVES", "instances_in", "modules_of", "read_modules"]

PRIMITIVES = ("LUT6_2", "CARRY4", "CARRY8", "MUXF7", "MUXF8", "DSP48E1", "DSP48E2")
"""Modules that stay cells, though the text has models of them for simulators."""
_MODULE = re.compile(r"^module (\\\S+|\w+).*?^endmodule\n?", re.MULTILINE | re.DOTALL)
_INSTANCE = re.compile(r"^ +(\\\S+|\w+) +(?:#\($|\S+ +\($)", re.MULTILINE)
_SECONDS = 600  # that Yosys may take
# Operators become gates; registers stay words. Nothing is optimized but for wires and cells that nothing reads.
_SCRIPT = (
    "read_verilog modules.v",
    "proc",
    "memory_collect",
    "flatten -noscopeinfo",
    "simplemap t:$* t:$dff t:$mem_v2 %u %d",
    "opt_clean",
    "write_json modules.json",
)


def modules_of(text: str) -> dict[str, str]:
    """Return the modules of Verilog by name, each with its text."""
    return {found[1].removeprefix("\\"): found[0] for found in _MODULE.finditer(text)}


def instances_in(module: str) -> list[str]:
    """Return what a module's text has instances of, once for each."""
    return [found[1].removeprefix("\\") for found in _INSTANCE.finditer(module)]


def read_modules(text: str, names: Iterable[str]) -> dict[str, Any]:
    """Return modules of emitted Verilog by name, what they are made of included, as Yosys' JSON has them.

    `sim.proof.netlist.netlist_of` makes a netlist of each.

    Raises
    ------
    SimulationError
        If there is no such module, or Yosys does not read the text.
    """
    known, names = modules_of(text), list(names)
    needed: dict[str, str] = {}
    open_ones = list(names)
    while open_ones:
        name = open_ones.pop()
        if name not in known:
            raise SimulationError(f"the Verilog has no module {name}")
        if name not in needed:
            needed[name] = known[name]
            used = instances_in(known[name])
            open_ones += [other for other in used if other in known and other not in PRIMITIVES]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        verilog, files = with_memory_files("\n".join(needed.values()), lambda at, _: f"{at}.hex")
        for name, content in {**files, "modules.v": verilog}.items():
            (place / name).write_text(content, encoding="utf-8")
        run_module(__spec__.name, [], place, place / "yosys.log", what="Yosys", seconds=_SECONDS)
        found = json.loads((place / "modules.json").read_text())["modules"]
    return {name: found[name] for name in names}


def main() -> None:
    """Read ``modules.v`` of the working folder and write ``modules.json``, in a process of its own."""
    from pyosys import libyosys

    design = libyosys.Design()
    for command in _SCRIPT:
        libyosys.run_pass(command, design)
    sys.stdout.flush()
    os._exit(0)  # what the design holds needs no tidying up


if __name__ == "__main__":
    main()
