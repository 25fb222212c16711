# amaranth: UnusedElaboratable=no
"""Verilog emission: every process runs at time 0 in an event-driven simulator, and primitives are as the vendor's."""

import itertools
import subprocess

import pytest
from amaranth.back import verilog
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.shell.verilog import EmissionError, convert, wake
from fewbit.hw.xilinx.models import MODELS
from fewbit.sim.simulators.kinds.icarus import STANDARDS

TEXT = """\
module top(a, y);
  reg \\$auto$verilog_backend.cc:1:dump_module$1  = 0;
  input a;
  wire a;
  output y;
  reg y;
  always @* begin
    if (\\$auto$verilog_backend.cc:1:dump_module$1 ) begin end
    y = a;
  end
endmodule
"""


class Constant(wiring.Component):
    """``o`` depends on registers only, which keep their initial values: it is 5, and so is ``q`` after an edge."""

    def __init__(self):
        super().__init__({"move": In(1), "o": Out(4), "q": Out(4)})

    def elaborate(self, platform):
        m = Module()
        state, held = Signal(2, init=2), Signal(4, reset_less=True)
        with m.If(self.move):
            m.d.sync += state.eq(0)
        with m.Switch(state):
            with m.Case(2):
                m.d.comb += self.o.eq(5)
        m.d.sync += held.eq(self.o)
        m.d.comb += self.q.eq(held)
        return m


def icarus(folder, text, standard):
    """What the simulation of ``text`` prints; it must end by itself."""
    (folder / "design.v").write_text(text)
    made = folder / "design.vvp"
    subprocess.run(["iverilog", f"-g{standard}", "-o", made, folder / "design.v"], check=True)
    return subprocess.run(["vvp", "-n", made], check=True, capture_output=True, text=True, timeout=60).stdout


CONSTANT_BENCH = """
module bench;
  reg clk = 0;
  wire [3:0] o, q;
  top dut(.clk(clk), .rst(1'b0), .move(1'b0), .o(o), .q(q));
  initial begin
    #1 $display("%b", o);
    clk = 1;
    #1 $display("%b", q);
  end
endmodule
"""


@pytest.mark.tools
@pytest.mark.parametrize("standard", STANDARDS)
def test_a_process_whose_inputs_never_change_runs(standard, scratch):
    assert icarus(scratch, convert(Constant(), "top") + CONSTANT_BENCH, standard).split() == ["0101", "0101"]


@pytest.mark.tools
def test_as_yosys_writes_it_such_a_process_does_not_run(scratch):
    """Else nothing would have to be done."""
    text = verilog.convert(Constant(), name="top", emit_src=False, strip_internal_attrs=True)
    assert "xxxx" in icarus(scratch, text + CONSTANT_BENCH, "2012")


def test_only_the_register_is_another():
    register = "\\$auto$verilog_backend.cc:1:dump_module$1"
    assert wake(TEXT) == TEXT.replace(f"reg {register}  = 0;", f"reg {register} ;\n  initial {register} <= 1'h1;")
    assert "  initial any_other_name <= 1'h1;\n" in wake(TEXT.replace(register + " ", "any_other_name"))
    untouched = "module top(a);\n  reg b = 0;\n  always @(posedge a)\n    b <= 1'h1;\nendmodule\n"
    assert wake(untouched) == untouched


@pytest.mark.parametrize(
    ("old", "new"),
    [("    if (\\$auto$verilog_backend.cc:1:dump_module$1 ) begin end\n", ""),
     ("dump_module$1 ) begin end", "dump_module$2 ) begin end"), ("always @* begin", "always_comb begin"),
     ("always @* begin", "always @(a) begin"), ("always @* begin", "always @(posedge a, y) begin"),
     ("always @* begin", "always @*"), ("  always @* begin", "  always  @* begin"), (" = 0;", ";"),
     ("  input a;", "endmodule\nmodule other(a);\n  input a;")],
)  # fmt: skip
def test_a_form_that_is_not_known_is_refused(old, new):
    assert old in TEXT
    with pytest.raises(EmissionError, match=r"never run, line \d+ .* 'module .*: 'always"):
        wake(TEXT.replace(old, new))


INITS = (0x8000000000000000, 0xFEDC123400FF8001, 0x6996966996696996, 0x00000000FFFFFFFF, 0xCAFEF00DD15EA5E0)
LUT_BENCH = """
module bench;
  reg [5:0] i;
  integer n, k, m;
  wire [1:0] %s;
  %s
  initial
    for (n = 0; n < 729; n = n + 1) begin
      m = n;
      for (k = 0; k < 6; k = k + 1) begin
        i[k] = m %% 3 == 2 ? 1'bx : m %% 3;
        m = m / 3;
      end
      #1 $display("%%b%s", i, %s);
    end
endmodule
"""


@pytest.mark.tools
@pytest.mark.parametrize("standard", ["2005", "2012"])
def test_a_lut_is_x_only_where_it_depends_on_an_x(standard, scratch):
    names = [f"o{n}" for n in range(len(INITS))]
    ports = ", ".join(f".I{k}(i[{k}])" for k in range(6))
    luts = [f"LUT6_2 #(.INIT(64'h{init:x})) lut{n}({ports}, .O5({name}[0]), .O6({name}[1]));"
            for n, (init, name) in enumerate(zip(INITS, names, strict=True))]  # fmt: skip
    text = LUT_BENCH % (", ".join(names), "\n  ".join(luts), " %b" * len(INITS), ", ".join(names))
    lines = icarus(scratch, MODELS + text, standard).splitlines()
    assert len(lines) == 729

    def output(table, inputs):
        """Of all inputs that it may be, 0 or 1, or x if these differ."""
        seen = {table >> int("".join(case), 2) & 1 for case in
                itertools.product(*("01" if c == "x" else c for c in inputs))}  # fmt: skip
        return str(seen.pop()) if len(seen) == 1 else "x"

    for line in lines:
        inputs, *got = line.split()
        want = [output(init, inputs) + output(init & 0xFFFFFFFF, inputs[1:]) for init in INITS]
        assert got == want, inputs


@pytest.mark.tools
@pytest.mark.parametrize(("before", "there"), [("", True), ("`undef __ICARUS__\n", False),
                                               ("`undef __ICARUS__\n`define FEWBIT_MODELS\n", True)])  # fmt: skip
def test_models_are_only_for_simulators_without_the_vendors_library(before, there, scratch):
    (scratch / "models.v").write_text(before + MODELS)
    done = subprocess.run(["iverilog", "-E", "-o", scratch / "out.v", scratch / "models.v"], check=True)
    assert done.returncode == 0 and ("module LUT6_2" in (scratch / "out.v").read_text()) is there
