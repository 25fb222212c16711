"""Registers behind the block RAMs of an ECP5, put into the RAMs' own output registers.

A word leaves a block RAM 4.4 ns after the clock's edge, but 1 ns after it where the RAM's output register is used
(Lattice FPGA-TN-02204, ``REGMODE``). Vendors' synthesis takes a register behind a RAM into it; Yosys 0.70 does not.
"""

from collections import defaultdict
from typing import Any

__all__ = ["use_output_registers"]

_DATA = {side: [f"DO{side}{place}" for place in range(18)] for side in "AB"}
_WIDE = 36  # a port so wide is all that reads (port B) or all that writes, and has the outputs of both


def use_output_registers(netlist: dict[str, Any]) -> int:
    """Put registers behind block RAMs into these, in place, and return the number of flip-flops that went.

    The netlist is one of ``synth_ecp5``, as its JSON is read. A port of a ``DP16KD`` gets ``REGMODE OUTREG`` where each
    bit that is read at all is read by one flip-flop only, and all of these have the RAM's clock, one clock enable, no
    reset, and begin at 0, as an output register does. It then gives what they gave, a cycle later than before.
    """
    gone = 0
    for module in netlist["modules"].values():
        cells, readers = module["cells"], _readers(module)
        for ram in [cell for cell in cells.values() if cell["type"] == "DP16KD"]:
            widths = [int(ram["parameters"][f"DATA_WIDTH_{side}"], 2) for side in "AB"]
            for clock, sides in [("CLKB", "AB")] if _WIDE in widths else [("CLKA", "A"), ("CLKB", "B")]:
                registers = _registers(ram, clock, sides, cells, readers)
                gone += len(registers)
                for output, name in registers.items():
                    connections = cells.pop(name)["connections"]
                    ram["connections"][output] = connections["Q"]
                    for side in sides:
                        ram["connections"][f"OCE{side}"] = connections.get("CE", ["1"])
                        ram["parameters"][f"REGMODE_{side}"] = "OUTREG"
    return gone


def _readers(module):
    """Return ``(cell, port)`` of all that reads a net, by its number; the ports of the module read as cell None."""
    found = defaultdict(list)
    for port in module["ports"].values():
        for bit in port["bits"]:
            found[bit].append((None, None))
    for name, cell in module["cells"].items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "output":
                for bit in bits:
                    found[bit].append((name, port))
    return found


def _registers(ram, clock, sides, cells, readers):
    """Return the flip-flops behind the outputs of a port, by the output; none if one of them is no such flip-flop."""
    connections, parameters = ram["connections"], ram["parameters"]
    if parameters[f"{clock}MUX"] != clock or any(parameters[f"REGMODE_{side}"] != "NOREG" for side in sides):
        return {}
    found = {}
    for output in (name for side in sides for name in _DATA[side]):
        (bit,) = connections.get(output) or [None]
        behind = readers.get(bit, ())
        if not behind:
            continue
        name, where = behind[0]
        if len(behind) > 1 or where != "DI" or not _is_plain(cells[name], connections[clock]):
            return {}
        found[output] = name
    enables = {tuple(cells[name]["connections"].get("CE", ["1"])) for name in found.values()}
    return found if len(enables) == 1 else {}


def _is_plain(cell, clock):
    """Return whether a cell is a flip-flop of this clock, without reset, that begins at 0."""
    parameters, connections = cell["parameters"], cell["connections"]
    return (
        cell["type"] == "TRELLIS_FF" and connections["CLK"] == clock and parameters["CLKMUX"] == "CLK"
        and connections.get("LSR", ["0"]) == ["0"] and parameters["LSRMUX"] == "LSR"
        and parameters["CEMUX"].strip() == ("CE" if "CE" in connections else "1") and parameters["REGSET"] == "RESET"
    )  # fmt: skip
