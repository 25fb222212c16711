"""Registers behind the block RAMs of an ECP5, put into the RAMs' own output registers.

A word leaves a block RAM 4.4 ns after the clock's edge, but 1 ns after it where the RAM's output register is used
(Lattice FPGA-TN-02204, ``REGMODE``). Vendors' synthesis takes a register behind a RAM into it; Yosys 0.70 does not.
"""

from collections import defaultdict

__all__ = ["use_output_registers"]

# Ports that read, by kind of RAM: the data and its width, and what else belongs to it.
_PORTS = {
    "DP16KD": [
        {"data": "DOA", "width": 18, "mode": "REGMODE_A", "clock": "CLKA", "clocked": "CLKAMUX", "enable": "OCEA"},
        {"data": "DOB", "width": 18, "mode": "REGMODE_B", "clock": "CLKB", "clocked": "CLKBMUX", "enable": "OCEB"},
    ],
    "PDPW16KD": [
        {"data": "DO", "width": 36, "mode": "REGMODE", "clock": "CLKR", "clocked": "CLKRMUX", "enable": "OCER"},
    ],
}


def use_output_registers(netlist):
    """Change a netlist of ``synth_ecp5``, as its JSON is read, in place; returns the number of flip-flops that went.

    A port gets ``REGMODE OUTREG`` where each bit that is read at all is read by one flip-flop only, and
    all of these have the RAM's clock, one clock enable, no reset, and begin at 0, as an output register does. It then
    gives what they gave, a cycle later than before.
    """
    gone = 0
    for module in netlist["modules"].values():
        cells, readers = module["cells"], _readers(module)
        for ram in [cell for cell in cells.values() if cell["type"] in _PORTS]:
            for port in _PORTS[ram["type"]]:
                registers = _registers(ram, port, cells, readers)
                gone += len(registers)
                for place, name in registers.items():
                    connections = cells.pop(name)["connections"]
                    ram["connections"][f"{port['data']}{place}"] = connections["Q"]
                    ram["connections"][port["enable"]] = connections.get("CE", ["1"])
                    ram["parameters"][port["mode"]] = "OUTREG"
    return gone


def _readers(module):
    """``(cell, port)`` of all that reads a net, by its number; the ports of the module read as cell None."""
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


def _registers(ram, port, cells, readers):
    """The flip-flops behind a port's bits, by the bit's place; empty where one of them is no such flip-flop."""
    connections, parameters = ram["connections"], ram["parameters"]
    is_plain = parameters[port["mode"]] == "NOREG" and connections[port["enable"]] == ["1"]
    if not is_plain or parameters[port["clocked"]] != port["clock"]:
        return {}
    found = {}
    for place in range(port["width"]):
        (bit,) = connections.get(f"{port['data']}{place}") or [None]
        behind = readers.get(bit, ())
        if not behind:
            continue
        name, where = behind[0]
        if len(behind) > 1 or where != "DI" or not _is_plain(cells[name], connections[port["clock"]]):
            return {}
        found[place] = name
    enables = {tuple(cells[name]["connections"].get("CE", ["1"])) for name in found.values()}
    return found if len(enables) == 1 else {}


def _is_plain(cell, clock):
    """Whether it is a flip-flop without reset that begins at 0."""
    parameters, connections = cell["parameters"], cell["connections"]
    return (
        cell["type"] == "TRELLIS_FF" and connections["CLK"] == clock and parameters["CLKMUX"] == "CLK"
        and connections.get("LSR", ["0"]) == ["0"] and parameters["LSRMUX"] == "LSR"
        and parameters["CEMUX"].strip() == ("CE" if "CE" in connections else "1") and parameters["REGSET"] == "RESET"
    )  # fmt: skip
