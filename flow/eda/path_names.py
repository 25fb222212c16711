"""A critical path in words: cells of a flattened netlist, back to the components that they come from."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fewbit.flow.results import JsonResult, key

__all__ = ["PathInWords", "PathStep", "describe", "hierarchy"]

_MODULE = re.compile(r"^module (\\\S+|\w+)", re.MULTILINE)
_INSTANCE = re.compile(r"^  (\\\S+|[A-Za-z_]\w*) +(?:#\(.*?\) *)?(\\\S+|[A-Za-z_]\w*) +\($", re.MULTILINE)
# What Yosys puts behind a signal's name to make a cell's.
_CELL = re.compile(r"_(TRELLIS_FF|TRELLIS_DPR16X4|LUT4|CCU2C|PFUMX|L6MUX21|DP16KD|MULT18X18D)(_|$|\$)|\$")
_WORDS = {"replay": "replay of vectors", "array": "array", "fifo": "output FIFO", "activation": "activation",
          "axi": "AXI4-Stream shell"}  # fmt: skip
_NUMBERED = {"pe": "PE", "weights": "weight ROM of PE", "init": "start value ROM of PE"}


@dataclass(frozen=True, kw_only=True)
class PathStep(JsonResult):
    """One delay of a path: through a cell, or over a net to one.

    Attributes
    ----------
    kind : str
        ``clk-to-q``, ``logic``, ``routing`` or ``setup``.
    ns : float
    cell : str
        The cell that the delay leads to.
    net : str or None
        The net of a delay by routing.
    """

    kind: str
    ns: float
    cell: str
    net: str | None


@dataclass(frozen=True, kw_only=True)
class PathInWords(JsonResult):
    """A path from one component to another.

    Attributes
    ----------
    words : str
        The whole path in a line.
    logic_ns, routing_ns : float
        Delays of its cells and of its nets.
    levels : int
        LUTs, multiplexers and carry chains that it passes.
    begin, through, end : str, list of str, str
        Components and the signals in them.
    """

    words: str
    logic_ns: float
    routing_ns: float
    levels: int
    begin: str = key("from")
    through: list[str]
    end: str = key("to")


def hierarchy(text: str, top: str) -> list[str]:
    """Return the dotted paths of all instances below module ``top`` of a Verilog ``text``, longest first."""
    starts = list(_MODULE.finditer(text))
    ends = [m.start() for m in starts[1:]] + [len(text)]
    bodies = {m[1].removeprefix("\\"): text[m.end() : end] for m, end in zip(starts, ends, strict=True)}
    found = []

    def walk(module, prefix):
        for kind, name in _INSTANCE.findall(bodies[module]):
            kind, name = kind.removeprefix("\\"), name.removeprefix("\\")
            if kind in bodies and kind != module:
                found.append(prefix + name)
                walk(kind, prefix + name + ".")

    walk(top, "")
    return sorted(found, key=len, reverse=True)


def describe(steps: Sequence[PathStep], paths: Sequence[str], layers: Iterable[str] = ()) -> PathInWords:
    """Return the critical path of a placed design in words; without any steps, one of nothing.

    Parameters
    ----------
    steps : sequence of PathStep
        The path, as `flow.eda.pnr.PlacedDesign` has it.
    paths : sequence of str
        Instances, as `hierarchy` gives them.
    layers : iterable of str
        Names of the network's layers.
    """
    if not steps:
        return PathInWords(words="", logic_ns=0.0, routing_ns=0.0, levels=0, begin="", through=[], end="")
    hops = [s for s in steps if s.kind == "routing"]
    places = [_place(s.cell, paths, layers) for s in hops]
    # A net of LUTs may bear the name of a register far behind it; registers bear their own.
    begin, end = (_place(steps[n].cell, paths, layers) for n in (0, -1))
    through: list[str] = []
    for place in places[:-1]:
        if place not in (begin, end) and place not in through:
            through.append(place)
    logic = sum(s.ns for s in steps if s.kind != "routing")
    routing = sum(s.ns for s in hops)
    levels = sum(s.kind == "logic" and not s.cell.endswith("$CCU2_COMB1") for s in steps)
    words = f"from {begin}" + (f" through {', '.join(through)}" if through else "") + f" to {end}"
    return PathInWords(
        words=f"{words}; {logic:.1f} ns logic + {routing:.1f} ns routing", logic_ns=round(logic, 2),
        routing_ns=round(routing, 2), levels=levels, begin=begin, through=through, end=end,
    )  # fmt: skip


def _place(name, paths, layers):
    """Return ``layer dense0: array, PE 3, acc`` for the net ``accelerator.dense0.array.pe3.acc_TRELLIS_FF_Q_4``."""
    path = next((p for p in paths if name == p or name.startswith(p + ".")), "")
    signal = _CELL.split(name[len(path) :].lstrip("."))[0].rstrip(".")
    parts = [p for p in path.split(".") if p and p != "accelerator"]
    words = [_part(p) for p in parts[1:]] + ([signal] if signal else [])
    if not parts:
        return ", ".join(["top level", *words])
    head = f"layer {parts[0]}" if parts[0] in layers else _WORDS.get(parts[0], f"stage {parts[0]}")
    return f"{head}: {', '.join(words)}" if words else head


def _part(name):
    numbered = re.fullmatch(r"([a-z]+)(\d+)", name)
    if numbered and numbered[1] in _NUMBERED:
        return f"{_NUMBERED[numbered[1]]} {numbered[2]}"
    return _WORDS.get(name, name)
