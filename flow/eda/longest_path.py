"""The longest path of a mapped netlist, from register to register: LUT levels, wide multiplexers and carry bits on it.

"Longest" is by the delays of `flow.eda.primitive_timing`: an estimate before place and route that says where
a clock is lost, not how fast a device is. Ports count as registers, out of context.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fewbit.flow.results import JsonResult

from .primitive_timing import CLOCKED, Bit, Cell, arcs, ends, starts, what

__all__ = ["LongestPath", "longest_path", "longest_paths"]

_NOT_CIRCUIT = ("$scopeinfo", "VCC", "GND")


@dataclass(frozen=True, kw_only=True)
class LongestPath(JsonResult):
    """The path of a module that takes longest, from register to register.

    Attributes
    ----------
    ns : float
        Estimated time, clock-to-output and setup included.
    lut, muxf, carry, dsp : int
        LUTs (memories read as such too), wide multiplexers, carry bits and unregistered DSPs on it.
    start, end : str
        The registers or ports where it starts and ends, in words.
    levels : int
        The most LUTs on any path of the module, be it longer or shorter than this one.
    """

    ns: float
    lut: int
    muxf: int
    carry: int
    dsp: int
    start: str
    levels: int
    end: str


def longest_paths(netlist: Mapping[str, Any]) -> dict[str, LongestPath | None]:
    """Return the `longest_path` of every module of a netlist, by name.

    The netlist is what Yosys's ``write_json`` wrote, as `json.loads` reads it.
    """
    return {name: longest_path(module) for name, module in netlist["modules"].items()}


def longest_path(module: Mapping[str, Any]) -> LongestPath | None:
    """Return the path of a module that takes longest; None if there is no path at all.

    Raises
    ------
    ValueError
        If the module has a combinational loop.
    """
    cells = {name: cell for name, cell in module["cells"].items() if cell["type"] not in _NOT_CIRCUIT}
    begin: dict[Bit, tuple[int, str]] = {}
    for name, cell in cells.items():
        for bit, delay in starts(cell):
            if delay > begin.get(bit, (0,))[0]:
                begin[bit] = delay, name
    for name, port in module["ports"].items():
        if port["direction"] == "input":
            begin.update(
                (bit, (CLOCKED, _indexed(name, port["bits"], k, "input"))) for k, bit in enumerate(port["bits"])
            )
    arrival, before, levels = _arrivals(cells, begin)
    found = max(_ends(module, cells, arrival), key=lambda end: end[0], default=None)
    if found is None:
        return None
    delay, last, end_name = found
    counts: Counter[str | None] = Counter()
    first = last
    while first in before:
        first, kind = before[first]
        counts[kind] += 1
    names = _names(module, [first])
    cell = cells.get(begin[first][1])
    start = f"{what(cell['type'])} {_called(names, first, begin[first][1])}" if cell else begin[first][1]
    return LongestPath(
        ns=round(delay / 1000, 2), lut=counts["lut"], muxf=counts["muxf"], carry=counts["carry"], dsp=counts["dsp"],
        start=start, levels=max(levels.values()), end=_end_in_words(module, cells, end_name),
    )  # fmt: skip


def _arrivals(
    cells: Mapping[str, Cell], begin: Mapping[Bit, tuple[int, str]]
) -> tuple[dict[Bit, int], dict[Bit, tuple[Bit, str | None]], dict[Bit, int]]:
    """Return when bits arrive, what each of them came through, and its LUT levels.

    The first is in picoseconds, for every bit that a register reaches; the second, for those behind logic, has the bit
    before it and what it counts as. In topological order: a bit is done when all that it waits for are.
    """
    after: dict[Bit, list[tuple[Bit, int, str | None]]] = {}
    waits: Counter[Bit] = Counter()
    for cell in cells.values():
        for source, bit, delay, kind in arcs(cell):
            after.setdefault(source, []).append((bit, delay, kind))
            waits[bit] += 1
    arrival = {bit: delay for bit, (delay, _) in begin.items()}
    before: dict[Bit, tuple[Bit, str | None]] = {}
    levels = dict.fromkeys(begin, 0)
    ready = [bit for bit in dict.fromkeys([*begin, *after]) if not waits[bit]]
    for bit in ready:  # it grows
        now = arrival.get(bit)
        for target, delay, kind in after.get(bit, ()):
            if now is not None:
                levels[target] = max(levels.get(target, 0), levels[bit] + (kind == "lut"))
                if now + delay > arrival.get(target, 0):
                    arrival[target], before[target] = now + delay, (bit, kind)
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    if any(waits.values()):
        raise ValueError(f"The netlist has a combinational loop through {sum(n > 0 for n in waits.values())} bits")
    return arrival, before, levels


def _ends(
    module: Mapping[str, Any], cells: Mapping[str, Cell], arrival: Mapping[Bit, int]
) -> Iterator[tuple[int, Bit, str]]:
    """Yield ``(picoseconds, bit, cell or port)`` of the end of every path."""
    for name, cell in cells.items():
        yield from ((arrival[bit] + setup, bit, name) for bit, setup in ends(cell) if bit in arrival)
    for name, port in module["ports"].items():
        if port["direction"] == "output":
            for k, bit in enumerate(port["bits"]):
                if bit in arrival:
                    yield arrival[bit], bit, _indexed(name, port["bits"], k, "output")


# Names


def _indexed(name, bits, k, word=None):
    text = f"{name}[{k}]" if len(bits) > 1 else name
    return f"{word} {text}" if word else text


def _names(module: Mapping[str, Any], bits: list[Bit]) -> dict[Bit, str]:
    """Return the names of bits by their innermost nets, as far as Yosys kept one that a person gave."""
    wanted = set(bits)
    found: dict[Bit, tuple[tuple, str]] = {}
    for name, net in module["netnames"].items():
        for k, bit in enumerate(net["bits"]):
            if bit in wanted:
                rank = bool(net["hide_name"]), "$" in name, -name.count("."), len(name), name
                if bit not in found or rank < found[bit][0]:
                    found[bit] = rank, _indexed(name, net["bits"], k)
    return {bit: text for bit, (rank, text) in found.items() if not rank[0]}


def _called(names: Mapping[Bit, str], bit: Bit | None, cell_name: str) -> str:
    """Return the name of a register by its net; else by where it is, or whatever Yosys calls its cell."""
    if bit is not None and bit in names:
        return names[bit].removeprefix("\\")
    scope = [part for part in re.findall(r"\\([^$\\]+)", cell_name) if part.strip(".")]
    if scope:
        return "in " + "".join(scope).strip(".")
    return "without a name" if cell_name.startswith("$") else cell_name


def _end_in_words(module, cells, name):
    if name not in cells:
        return name
    cell = cells[name]
    outputs = [bit for bit, _ in starts(cell)]
    names = _names(module, outputs[:1])
    return f"{what(cell['type'])} {_called(names, outputs[0] if outputs else None, name)}"
