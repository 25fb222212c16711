"""Proofs by Yosys's SAT solver, with pipeline registers as wires: two units are equal; a unit is a sum of products."""

import subprocess
import sys
from itertools import product

import numpy as np
from amaranth.back import verilog

from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.xilinx.models import MODELS

RUN = """
import sys
from pyosys import libyosys
libyosys.run_pass("script " + sys.argv[1], libyosys.Design())
print("proved")
"""
WIRES = """
(* techmap_celltype = "$dff" *) module wire_of_dff (CLK, D, Q);
  parameter WIDTH = 1; parameter CLK_POLARITY = 1;
  input CLK; input [WIDTH-1:0] D; output [WIDTH-1:0] Q;
  assign Q = D;
endmodule
"""


def proved(folder, commands):
    """Return whether Yosys goes through all commands, ``sat -verify`` among them."""
    script = folder / "proof.ys"
    script.write_text("\n".join(commands) + "\n")
    done = subprocess.run([sys.executable, "-c", RUN, str(script)], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.rstrip().endswith("proved")


def read(folder, name, unit):
    """Return the commands that read a unit as combinational module ``name``."""
    (folder / f"{name}.v").write_text(verilog.convert(unit, name=name, emit_src=False) + MODELS)
    (folder / "wires.v").write_text(WIRES)
    return [f"read_verilog -DVERILATOR {folder}/{name}.v", f"prep -flatten -top {name}",
            f"techmap -map {folder}/wires.v", "setattr -unset init w:*", "opt -full"]  # fmt: skip


def prove_equal(folder, gold, gate):
    """Return whether both give the same for every input, by one miter, which takes minutes beyond heaps of about 16
    bits."""
    commands = []
    for name, unit in ("gold", gold), ("gate", gate):
        commands += [*read(folder, name, unit), f"design -stash {name}"]
    commands += [*(f"design -copy-from {name} -as {name} {name}" for name in ("gold", "gate")),
                 "miter -equiv -flatten -make_assert gold gate miter", "hierarchy -top miter", "opt -full",
                 "sat -verify -prove-asserts -set-def-inputs miter"]  # fmt: skip
    return proved(folder, commands)


def prove_sum(folder, unit, x_format, w_format, lanes, width):
    """Return whether ``o == init + sum of the heap of every lane`` modulo ``2**width``, for every input.

    It is proved by induction over the lanes.

    With all codes zero the unit gives ``init`` and the heaps of zero codes. Then one more lane at a time is set free
    (of a lane whose heap has many bits, one more bit of its codes): the unit with it gives what it gives without it,
    plus that by which the lane's heap differs. Two copies of one unit share most of their logic, and what differs is
    a difference of one product, so each step takes the solver a fraction of a second where a miter of two different
    trees of counters takes hours. Units for which this holds are equal to each other.
    """
    heap = heap_table(x_format, w_format)
    planes = [("x", k) for k in range(x_format.bits)] + [("w", k) for k in range(w_format.bits)]
    together = len(planes) if max(heap).bit_length() < 5 else 1
    text = [_step(0, lanes, width, planes, {}, None, [lanes * heap[0]] * len(heap))]
    free = {}
    for lane in range(lanes):
        for start in range(0, len(planes), together):
            before, free = free, free | {(lane, k): True for k in range(start, start + together)}
            less, more = ((1 << n) - 1 for n in (start, start + together))
            rise = [heap[code & more] - heap[code & less] for code in range(len(heap))]
            text.append(_step(len(text), lanes, width, planes, free, (lane, before), rise))
    (folder / "steps.v").write_text("\n".join(text))
    commands = [*read(folder, "unit", unit), "techmap", "opt -full -mux_bool", "setattr -mod -unset top unit",
                f"read_verilog -formal {folder}/steps.v", "proc", "chformal -lower", "flatten",
                "delete unit"]  # fmt: skip
    for n in range(len(text)):
        commands += [f"select step{n}", "opt_expr", "opt_merge", "opt_clean",
                     f"sat -verify -prove-asserts -set-def-inputs step{n}"]  # fmt: skip
    return proved(folder, commands)


def heap_table(x_format, w_format):
    """Return the heap of a lane for every value of its codes' bits, those of ``x`` lowest: `hw.heap.partial_products`
    by truth table."""
    terms, bits = product_terms(x_format, w_format), x_format.bits + w_format.bits
    cases = np.array(list(product((False, True), repeat=bits)))[:, ::-1].T
    found = terms.terms(cases[: x_format.bits], cases[x_format.bits :])
    return sum(np.asarray(bit).astype(int) << exponent for bit, exponent in found).tolist()


def _step(number, lanes, width, planes, free, before, rise):
    """Return a module that asserts one step: with the bits in ``free``, and without those that are new in it."""

    def operand(name, free):
        bits = [f"{name}[{k}]" if (k % lanes, (name == "w") * x_bits + k // lanes) in free else "1'b0"
                for k in range(lanes * sum(p == name for p, _ in planes))]  # fmt: skip
        return f".{name}({{{', '.join(reversed(bits))}}})"

    x_bits = sum(name == "x" for name, _ in planes)
    mask, rest = (1 << width) - 1, ".init(init), .clk(1'b0), .rst(1'b0), .load(1'b1), .enable(1'b1)"
    constants = sum((value & mask) << k * width for k, value in enumerate(rise))
    lines = [
        f"module step{number}(input [{x_bits * lanes - 1}:0] x, input [{(len(planes) - x_bits) * lanes - 1}:0] w, "
        f"input [{width - 1}:0] init);",
        f"  wire [{width - 1}:0] with_it, without;",
        f"  wire [{len(rise) * width - 1}:0] rises = {len(rise) * width}'h{constants:x};",
        f"  unit more({operand('x', free)}, {operand('w', free)}, .o(with_it), {rest});",
    ]
    if before is None:
        lines += ["  assign without = init;", "  wire code = 0;"]
    else:
        lane, fixed = before
        code = ", ".join(f"{name}[{k * lanes + lane}]" for name, k in reversed(planes))
        lines += [
            f"  unit less({operand('x', fixed)}, {operand('w', fixed)}, .o(without), {rest});",
            f"  wire [{len(planes) - 1}:0] code = {{{code}}};",
        ]
    lines += [f"  always @* assert (with_it == without + rises[code * {width} +: {width}]);", "endmodule"]
    return "\n".join(lines)
