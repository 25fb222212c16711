"""What Xilinx primitives do between clock edges: which output waits for which input, and about how long.

Delays are picoseconds of an Artix-7 of the slowest grade, as Project X-Ray published them from the vendor's timing
files (prjxray-db, artix7/timings) and as Yosys's own models of the cells hold them. Pins differ; one figure a kind
stands for all of them. Nets are not known before place and route: every pin that the general routing reaches is
assumed to wait ``NET`` more. Between a LUT and the carry chain, the wide multiplexer or the flip-flop beside it, and
between carry cells, there is no such net.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["CLOCKED", "NET", "Arc", "Bit", "Cell", "arcs", "ends", "starts", "what"]

Bit = int | tuple[int, int]
"""A bit of a netlist: its number, or, between positions of a carry chain, the cell and the position."""
Cell = Mapping[str, Any]
"""A cell as Yosys's ``write_json`` has it: ``type``, ``parameters``, ``port_directions``, ``connections``."""
Arc = tuple[Bit, Bit, int, str | None]
"""Two bits, the second of which waits for the first, the picoseconds between them, and what that counts as."""

NET = 600  # an assumption: a short route and its switches
LUT = 420  # mean of the six pins, 127 to 642
MUXF, MUXF_SELECT = 200, 290
CARRY_IN = 310  # the LUT's output to the carry beside it, beyond that carry's own bit
CARRY_INIT = 480
CARRY_BIT = 30  # CI to CO[3] is 114
CARRY_SUM = 220
FLIP_FLOP, ENABLE, RESET = 303, 109, 404
RAM_READ, SHIFT_READ, RAM_WRITE = 1153, 1472, 170
BLOCK_READ, BLOCK_READ_REGISTERED, BLOCK_WRITE = 2454, 882, 740
CLOCKED = FLIP_FLOP  # a port counts as a flip-flop

_DSP_CLOCKED = {"P": 329, "M": 1671, "A": 2952}  # by that register, from it to P
_DSP_THROUGH = {"A": 2823, "B": 2690, "D": 3717, "C": 1325, "PCIN": 1100, "CARRYIN": 1325}
_DSP_TO_M = {"A": 1416, "B": 1285, "D": 2310}
_DSP_SETUP = 300

_KINDS = (
    (r"LUT[1-6]|LUT6_2|INV", "LUT"),
    (r"MUXF[789]", "wide multiplexer"),
    (r"CARRY[48]", "carry"),
    (r"FD[RSCP]E(_1)?", "flip-flop"),
    (r"LD[CP]E", "latch"),
    (r"SRL.*", "shift register"),
    (r"RAMB(18|36)E[12]", "block RAM"),
    (r"RAM\d.*", "distributed RAM"),
    (r"DSP48E[12]", "DSP"),
    (r"[IO]?BUFG?|IBUFG", "buffer"),
)
_known: dict[str, str] = {}


def what(kind: str) -> str:
    """Return in words what a kind of cell is; "module" if it is not known."""
    if kind not in _known:
        _known[kind] = next((name for pattern, name in _KINDS if re.fullmatch(pattern, kind)), "module")
    return _known[kind]


def _nets(cell: Cell, *pattern: str) -> list[int]:
    """Return the bits of all ports whose whole names match one of the patterns, constants left out."""
    return [
        bit
        for port, bits in cell["connections"].items()
        if any(re.fullmatch(p, port) for p in pattern)
        for bit in bits
        if isinstance(bit, int)
    ]


def arcs(cell: Cell) -> Iterable[Arc]:
    """Return ``(input, output, picoseconds, counts as)`` for every pair of bits of which the second waits for the
    first.

    The last is "lut", "muxf", "carry", "dsp" or None. A carry chain's bits inside its cell are named by the cell.
    """
    rule = {
        "LUT": _lut, "wide multiplexer": _muxf, "carry": _carry, "shift register": _memory, "distributed RAM": _memory,
        "DSP": _dsp, "buffer": _buffer,
    }.get(what(cell["type"]))  # fmt: skip
    return rule(cell) if rule else ()


def starts(cell: Cell) -> Iterator[tuple[int, int]]:
    """Yield ``(bit, picoseconds)`` for each output that comes from a register, its clock-to-output time included."""
    kind, found = what(cell["type"]), cell["connections"]
    outputs = [port for port, way in cell["port_directions"].items() if way == "output"]
    if kind in ("flip-flop", "latch"):
        delay = dict.fromkeys(outputs, FLIP_FLOP)
    elif kind in ("shift register", "distributed RAM"):
        delay = dict.fromkeys(outputs, SHIFT_READ if kind == "shift register" else RAM_READ)
    elif kind == "block RAM":
        delay = {p: BLOCK_READ_REGISTERED if _on(cell, f"DO{_side(p)}_REG") else BLOCK_READ for p in outputs}
    elif kind == "DSP":
        delay = dict.fromkeys(outputs, _dsp_clocked(cell))
    elif kind == "module":
        delay = dict.fromkeys(outputs, CLOCKED)
    else:
        return
    for port, picoseconds in delay.items():
        if picoseconds is not None:
            yield from ((bit, picoseconds) for bit in found.get(port, ()) if isinstance(bit, int))


def ends(cell: Cell) -> Iterator[tuple[int, int]]:
    """Yield ``(bit, picoseconds)`` for each input that a register takes, net and setup time included."""
    kind = what(cell["type"])
    if kind in ("flip-flop", "latch"):
        setup = {"D": 0, "CE|GE": NET + ENABLE, "R|S|CLR|PRE": NET + RESET}
    elif kind in ("shift register", "distributed RAM"):
        setup = {"D|DI.*|WE|CE|A[D\\d]?.*": NET + RAM_WRITE}
    elif kind == "block RAM":
        setup = {"(?!CLK).*": NET + BLOCK_WRITE}
    elif kind == "DSP":
        yield from _dsp_ends(cell)
        return
    elif kind == "module":
        setup = {".*": 0}
    else:
        return
    for port, bits in cell["connections"].items():
        if cell["port_directions"].get(port) != "input":
            continue
        for pattern, picoseconds in setup.items():
            if re.fullmatch(pattern, port):
                yield from ((bit, picoseconds) for bit in bits if isinstance(bit, int))


# LUTs


def _lut(cell):
    found = cell["connections"]
    if cell["type"] == "INV":
        table, inputs = 1, [found["I"][0]]
    else:
        table = int(cell["parameters"]["INIT"].replace("x", "0"), 2)
        inputs = [found[f"I{k}"][0] for k in range(6) if f"I{k}" in found]
    outputs = {"O5": (table & 0xFFFFFFFF, inputs[:5]), "O6": (table, inputs), "O": (table, inputs)}
    for port in outputs.keys() & found.keys():
        for output in found[port]:
            for bit in _needed(*outputs[port]):
                yield bit, output, NET + LUT, "lut"


def _needed(table, inputs):
    """Return the bits among ``inputs`` that a truth table depends on, those that are constant set to what they are."""
    size = 1 << len(inputs)
    mask = (1 << size) - 1
    for k, bit in enumerate(inputs):
        if not isinstance(bit, int):
            half = (table >> (1 << k) if bit == "1" else table) & _LOW[k] & mask
            table = half | half << (1 << k)
    return [bit for k, bit in enumerate(inputs)
            if isinstance(bit, int) and (table ^ table >> (1 << k)) & _LOW[k] & mask]  # fmt: skip


# By k, the set of those indices of six bits in which bit k is 0.
_LOW = [sum(1 << n for n in range(64) if not n >> k & 1) for k in range(6)]


def _muxf(cell):
    (output,) = cell["connections"]["O"]
    for bit in _nets(cell, "I[01]"):
        yield bit, output, MUXF, "muxf"
    for bit in _nets(cell, "S"):
        yield bit, output, NET + MUXF_SELECT, "muxf"


def _buffer(cell):
    for bit in _nets(cell, "I"):
        yield bit, cell["connections"]["O"][0], 0, None


# Carry chains


def _carry(cell: Cell) -> Iterator[Arc]:
    """Yield the arcs of a carry chain's cell, with a bit for each multiplexer passed.

    From S or DI of position i to CO of position j these are j - i + 1, to O one less.
    """
    found = cell["connections"]
    sums, after = found.get("O", []), found.get("CO", [])
    before: list[tuple[Bit, int]] = [(bit, NET + CARRY_INIT) for bit in _nets(cell, "CYINIT")]
    before += [(bit, 0) for bit in _nets(cell, "CI")]
    for k, (s, di) in enumerate(zip(found["S"], found["DI"], strict=True)):
        if k == 4 and cell["parameters"].get("CARRY_TYPE") == "DUAL_CY4":
            before = [(bit, 0) for bit in _nets(cell, "CI_TOP")]
        carry = after[k] if k < len(after) and isinstance(after[k], int) else (id(cell), k)
        if k < len(sums) and isinstance(sums[k], int):
            yield from ((bit, sums[k], delay + CARRY_SUM, None) for bit, delay in before)
            if isinstance(s, int):
                yield s, sums[k], CARRY_SUM, None
        # S = 0 lets nothing through from below, S = 1 nothing from DI.
        if s != "0":
            yield from ((bit, carry, delay + CARRY_BIT, "carry") for bit, delay in before)
        for bit in (s, di if s != "1" else None):
            if isinstance(bit, int):
                yield bit, carry, CARRY_IN + CARRY_BIT, "carry"
        before = [(carry, 0)]


# Memories


def _memory(cell):
    """Yield the arcs of a memory, which is read without a clock, from the address of the port.

    What is beyond 64 words goes through wide multiplexers, which are cells of their own.
    """
    found, ways = cell["connections"], cell["port_directions"]
    for port in (p for p in found if ways.get(p) == "output"):
        letter = re.fullmatch(r"DO([A-H])", port)
        if port in ("Q31", "Q15"):
            continue
        own = f"ADDR{letter[1]}" if letter and f"ADDR{letter[1]}" in found else None
        address = _nets(cell, own or (r"DPRA\d*" if port == "DPO" else r"A\d*|ADDR[A-H]"))
        yield from ((bit, output, NET + LUT, "lut") for bit in address for output in found[port]
                    if isinstance(output, int))  # fmt: skip


def _side(port):
    """Return which half of a block RAM an output belongs to."""
    return "B" if re.match(r"DO(UT)?P?B", port) else "A"


# DSPs


def _on(cell, *names):
    """Return whether one of the parameters ``names`` of a cell has a bit that is 1."""
    return any("1" in str(cell["parameters"].get(name, "0")) for name in names)


def _dsp_clocked(cell):
    """Return the picoseconds from the last register inside a DSP to P; None if there is none."""
    if _on(cell, "PREG"):
        return _DSP_CLOCKED["P"]
    if _on(cell, "MREG", "CREG"):
        return _DSP_CLOCKED["M"]
    return _DSP_CLOCKED["A"] if _on(cell, "AREG", "BREG", "DREG", "ADREG") else None


def _dsp_paths(cell):
    """Yield ``(port, whether it has a register, whether the multiplier's register is behind it)``."""
    for port in ("A", "B", "D", "C", "PCIN", "CARRYIN"):
        register = {"PCIN": None, "D": "DREG", "CARRYIN": "CARRYINREG"}.get(port, f"{port}REG")
        held = register is not None and _on(cell, register)
        yield port, held, port in "ABD" and _on(cell, "MREG")


def _dsp(cell):
    if _on(cell, "PREG"):
        return
    outputs = _nets(cell, "P|PCOUT|CARRYOUT|PATTERNDETECT")
    for port, held, multiplied in _dsp_paths(cell):
        if not held and not multiplied:
            delay = _DSP_THROUGH[port] + (NET if port != "PCIN" else 0)
            yield from ((bit, output, delay, "dsp") for bit in set(_nets(cell, port)) for output in outputs)


def _dsp_ends(cell):
    for port, held, multiplied in _dsp_paths(cell):
        net = NET if port != "PCIN" else 0
        if held:
            setup = _DSP_SETUP
        elif multiplied:
            setup = _DSP_TO_M[port]
        elif _on(cell, "PREG"):
            setup = _DSP_THROUGH[port]
        else:
            continue
        yield from ((bit, net + setup) for bit in _nets(cell, port))
