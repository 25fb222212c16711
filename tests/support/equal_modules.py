"""Structural and behavioural modules side by side in Verilator, on random operands."""

import subprocess
from pathlib import Path

from fewbit.host.processes import run
from fewbit.sim.simulators.program import build_program

__all__ = ["differing_cycles"]

CYCLES = 3000


def differing_cycles(folder, verilog, units):
    """Return in how many cycles two forms of modules differ, and in how many they were compared.

    Parameters
    ----------
    folder : Path
    verilog : str
        Both forms.
    units : list of (str, str, dict of str to sim.proof.netlist.PortBits, int)
        Names of a module's two forms, its ports, and its latency.
    """
    body = [_compared(n, *unit) for n, unit in enumerate(units)]
    declared = "\n".join(body)
    errors = " + ".join(f"(ready{n} & differs{n})" for n in range(len(units)))
    compared = " + ".join(f"ready{n}" for n in range(len(units)))
    bench = f"""
module bench(input clk, output reg [31:0] errors, output reg [31:0] compared);
  reg [15:0] cycle = 0;
  initial begin errors = 0; compared = 0; end
  always @(posedge clk) begin
    cycle <= cycle + 1;
    errors <= errors + 32'd0 + {errors};
    compared <= compared + 32'd0 + {compared};
  end
{declared}
endmodule
"""
    sources = {"modules.v": verilog.encode(), "bench.v": bench.encode()}
    program = build_program(
        folder, Path(__file__).with_name("equal.cpp"), sources, top="bench", shape={"CYCLES": CYCLES}, quick=True
    )
    found = run([program], stdout=subprocess.PIPE).stdout.decode().split()
    return int(found[0]), int(found[2])


def _compared(n, one, other, ports, latency):
    """Return Verilog that drives both forms alike; sums of two rows are compared as sums."""
    inputs = {name: port for name, port in ports.items() if not port.output and name not in ("clk", "rst")}
    outputs = {name: port for name, port in ports.items() if port.output}
    lines = [f"  wire [31:0] ready{n} = cycle > {latency + 8};"]
    for name, port in inputs.items():
        words = ", ".join(["$urandom"] * -(-len(port.bits) // 32))
        value = f"{{{words}}}" + (f" | {{31'd0, cycle < {latency + 4}}}" if name in ("load", "enable") else "")
        lines.append(f"  reg [{len(port.bits) - 1}:0] u{n}_{name} = 0; always @(posedge clk) u{n}_{name} <= {value};")
    for form, module in ("s", one), ("b", other):
        lines += [f"  wire [{len(port.bits) - 1}:0] u{n}_{form}_{name};" for name, port in outputs.items()]
        wires = [f".{name}(u{n}_{name})" for name in inputs] + [f".{name}(u{n}_{form}_{name})" for name in outputs]
        wires += [f".{name}({value})" for name, value in (("clk", "clk"), ("rst", "1'b0")) if name in ports]
        lines.append(f"  {module} unit{n}_{form}({', '.join(wires)});")
    size = max(len(port.bits) for port in outputs.values())
    for form in "sb":
        total = " + ".join(f"u{n}_{form}_{name}" for name in outputs)
        lines.append(f"  wire [{size - 1}:0] u{n}_{form} = {total};")
    return "\n".join([*lines, f"  wire [31:0] differs{n} = u{n}_s != u{n}_b;"])
