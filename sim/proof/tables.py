"""The words of a read-only memory, from its module: what it gives at every address, and that they are its plan's."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fewbit.hw.memory.placement import contents_digest

from .netlist import ModuleNetlist, PortBits
from .timed import Timed, Unproved

__all__ = ["Table", "table_of", "table_text"]

_MOST = 16  # bits of an address


@dataclass(frozen=True)
class Table:
    """What a read-only memory is.

    Attributes
    ----------
    words : list of int
        For every value of the address, also beyond the memory's depth.
    latency : int
        Cycles from an address to its word.
    """

    words: list[int]
    latency: int


def table_of(netlist: ModuleNetlist, *, latency: int, depth: int, contents: str) -> Table:
    """Return what a read-only memory gives at every address, each of which is tried.

    Parameters
    ----------
    netlist : ModuleNetlist
        A module with ports ``address`` and ``data``.
    latency, depth : int
        The cycles that it must take, and the words that it must have.
    contents : str
        `hw.memory.placement.contents_digest` of the words that it must have.

    Raises
    ------
    Unproved
        If it has other words or another latency, or too many addresses.
    """
    address, data = netlist.ports["address"].bits, netlist.ports["data"].bits
    if len(address) > _MOST:
        raise Unproved(f"module {netlist.name}: it has over {1 << _MOST} addresses")
    timed, cases = Timed(netlist, dict.fromkeys(address, 0)), np.arange(1 << len(address))
    values = {0: np.zeros_like(cases), 1: np.ones_like(cases)}
    values |= {bit: cases >> k & 1 for k, bit in enumerate(address)}
    try:
        outputs = timed.at(data, latency)
    except Unproved as error:
        raise Unproved(f"module {netlist.name}: {error}") from None
    for gate in timed.gates:
        index = sum((values[bit] << k for k, bit in enumerate(gate.inputs)), values[0])
        for bit, table in zip(gate.outputs, gate.tables, strict=True):
            values[bit] = _unpacked(table, len(gate.inputs))[index]
    words = [0] * len(cases)
    for k, bit in enumerate(outputs):
        for n in np.flatnonzero(values[bit]):
            words[n] |= 1 << k
    if contents_digest(words[:depth]) != contents:
        raise Unproved(f"module {netlist.name}: its words are not those of its plan")
    return Table(words, latency)


def _unpacked(table: int, inputs: int) -> np.ndarray:
    """Return the bits of an integer, the lowest first."""
    size = 1 << inputs
    raw = np.frombuffer(table.to_bytes(-(-size // 8), "little"), dtype=np.uint8)
    return np.unpackbits(raw, bitorder="little")[:size].astype(np.int64)


def table_text(table: Table, name: str, ports: Mapping[str, PortBits], file: str) -> tuple[str, str]:
    """Return a module ``name`` that gives the words of a table, which it reads from ``file``, and what that holds."""
    bits, address = len(ports["data"].bits), len(ports["address"].bits)
    header = ", ".join(
        f"{'output' if port.output else 'input'} wire [{len(port.bits) - 1}:0] {each}" for each, port in ports.items()
    )
    lines = [
        f"module \\{name} ({header});",
        f"  reg [{bits - 1}:0] words [0:{(1 << address) - 1}];",
        f'  initial $readmemh("{file}", words);',
    ]
    late = "words[address]"
    for k in range(table.latency):
        lines += [f"  reg [{bits - 1}:0] data_{k} = 0;", f"  always @(posedge clk) data_{k} <= {late};"]
        late = f"data_{k}"
    lines += [f"  assign data = {late};", "endmodule", ""]
    return "\n".join(lines), "\n".join(f"{word:x}" for word in table.words) + "\n"
