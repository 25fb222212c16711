"""flow.eda.longest_path: longest paths that are known beforehand."""

import pytest
from amaranth.back import verilog
from amaranth.hdl import unsigned

from fewbit.flow.cache import atomic_write
from fewbit.flow.eda.longest_path import longest_path
from fewbit.flow.eda.primitive_timing import arcs
from fewbit.flow.eda.synth import synthesize, synthesize_parts
from fewbit.golden.numbers.formats import Bipolar, Ternary
from fewbit.hw.xilinx.dot_product import best_pe
from fewbit.hw.xilinx.pe_plans import LutIntegerPEPlan
from tests.support.targets import XILINX

KINDS = ("lut", "muxf", "carry", "dsp")


@pytest.fixture
def path(scratch):
    """The longest path of a module ``top`` given as text."""

    def path(text, **options):
        file = atomic_write(scratch / "top.v", text)
        return synthesize(file, "top", directory=scratch / "kept", timeout=120, **options).path

    return path


def counted(path):
    return tuple(getattr(path, kind) for kind in KINDS)


@pytest.mark.tools
def test_an_adder_is_a_lut_and_its_carry_bits(path):
    found = path("""
module top(input clk, input [7:0] a, b, output [8:0] s);
  reg [7:0] x, y; reg [8:0] total;
  always @(posedge clk) begin x <= a; y <= b; total <= x + y; end
  assign s = total;
endmodule""")
    assert counted(found) == (1, 0, 8, 0)
    assert found.start in ("flip-flop x[0]", "flip-flop y[0]") and found.end == "flip-flop s[8]"
    # Clock to output, a LUT with its net, into the carry, eight bits, out of it.
    assert found.ns == pytest.approx((303 + 1020 + 310 + 8 * 30 + 220) / 1000, abs=0.01)


@pytest.mark.tools
def test_levels_of_instances_and_the_names_of_modules(path):
    luts = "\n".join(f"  LUT2 #(.INIT(4'h6)) l{k} (.I0(n[{k}]), .I1(held[{k + 1}]), .O(n[{k + 1}]));" for k in range(5))
    found = path(f"""
module chain(input clk, input [5:0] d, output reg q);
  reg [5:0] held; wire [5:0] n; assign n[0] = held[0];
{luts}
  always @(posedge clk) begin held <= d; q <= n[5]; end
endmodule
module top(input clk, input [5:0] d, output q);
  chain inner(.clk(clk), .d(d), .q(q));
endmodule""")
    assert counted(found) == (5, 0, 0, 0)
    assert found.start in ("flip-flop inner.held[0]", "flip-flop inner.n[0]") and found.end == "flip-flop inner.q"
    assert found.levels == 5


def test_o5_does_not_wait_for_i5_and_a_lut_only_for_what_its_table_reads(path):
    def cell(init, **nets):
        return {"type": "LUT6_2", "parameters": {"INIT": f"{init:064b}"}, "connections": nets,
                "port_directions": dict.fromkeys(nets, "input") | {"O5": "output", "O6": "output"}}  # fmt: skip

    nets = {f"I{k}": [k + 2] for k in range(6)} | {"O5": [10], "O6": [11]}
    parity5, parity6 = (sum((bin(n).count("1") & 1) << n for n in range(size)) for size in (32, 64))
    waits = [(source, bit) for source, bit, *_ in arcs(cell(parity6, **nets))]
    assert sorted(waits) == sorted([(k + 2, 10) for k in range(5)] + [(k + 2, 11) for k in range(6)])
    # With I5 = 1, O6 is the upper half, here input 0 alone, and the lower half is O5.
    first = sum(1 << n for n in range(32) if n & 1)
    waits = [(source, bit) for source, bit, *_ in arcs(cell(first << 32 | parity5, **nets | {"I5": ["1"]}))]
    assert sorted(waits) == sorted([(k + 2, 10) for k in range(5)] + [(2, 11)])


@pytest.mark.tools
def test_wide_multiplexers_count_by_themselves(path):
    found = path("""
module top(input clk, input [15:0] d, input [3:0] s, output reg q);
  wire [3:0] l; wire [1:0] m; wire o;
  genvar k;
  generate for (k = 0; k < 4; k = k + 1)
    LUT6 #(.INIT(64'hff00f0f0ccccaaaa)) a (
      .I0(d[4*k]), .I1(d[4*k+1]), .I2(d[4*k+2]), .I3(d[4*k+3]), .I4(s[0]), .I5(s[1]), .O(l[k]));
  endgenerate
  MUXF7 b (.I0(l[0]), .I1(l[1]), .S(s[2]), .O(m[0]));
  MUXF7 c (.I0(l[2]), .I1(l[3]), .S(s[2]), .O(m[1]));
  MUXF8 e (.I0(m[0]), .I1(m[1]), .S(s[3]), .O(o));
  always @(posedge clk) q <= o;
endmodule""")
    assert counted(found) == (1, 2, 0, 0)
    assert found.start.startswith("input ") and found.end == "flip-flop q"


@pytest.mark.slow
@pytest.mark.tools
def test_distributed_ram_is_read_from_its_address_and_block_ram_at_the_clock(path):
    small = path("""
module top(input clk, we, input [5:0] wa, ra, input [2:0] d, output reg [2:0] q);
  reg [2:0] ram [0:63]; reg [5:0] at;
  always @(posedge clk) begin if (we) ram[wa] <= d; at <= ra + 6'd1; q <= ~ram[at]; end
endmodule""")
    assert small.lut == 2 and small.start.startswith("flip-flop") and small.end.startswith("flip-flop q[")
    large = path("""
module top(input clk, we, input [11:0] wa, ra, input [7:0] d, output reg q);
  reg [7:0] ram [0:4095]; reg [7:0] word;
  always @(posedge clk) begin if (we) ram[wa] <= d; word <= ram[ra]; q <= ^word; end
endmodule""")
    assert large.lut == 2 and large.start.startswith("block RAM") and large.end == "flip-flop q"


@pytest.mark.tools
@pytest.mark.slow
def test_a_dsp_without_registers_is_on_the_path(path):
    text = """
module top(input clk, input signed [15:0] a, b, output signed [31:0] p);
  reg signed [15:0] x, y; reg signed [31:0] z{0};
  always @(posedge clk) begin x <= a; y <= b; {1} end
  assign p = z;
endmodule"""
    registered = path(text.format("", "z <= x * y;"))
    assert counted(registered) == (0, 0, 0, 0)
    later = path(text.format(", m", "z <= ~m;").replace("assign p", "always @* m = x * y;\n  assign p"))
    assert later.start.startswith("DSP") and later.lut == 1 and later.ns > 3 > registered.ns
    free = """
module top(input clk, input signed [15:0] a, b, output signed [31:0] p);
  assign p = a * b;
endmodule"""
    assert counted(path(free)) == (0, 0, 0, 1)


def test_a_loop_is_named():
    def inverter(i, o):
        return {"type": "INV", "parameters": {}, "connections": {"I": [i], "O": [o]},
                "port_directions": {"I": "input", "O": "output"}}  # fmt: skip

    with pytest.raises(ValueError, match="combinational loop through 2 bits"):
        longest_path({"cells": {"a": inverter(2, 3), "b": inverter(3, 2)}, "ports": {}, "netnames": {}})


def test_a_module_without_circuits_has_no_path():
    assert longest_path({"cells": {}, "ports": {}, "netnames": {}}) is None


@pytest.mark.sampled(2)
@pytest.mark.tools
@pytest.mark.parametrize(("x_format", "w_format"), [(Bipolar(), Bipolar()), (Ternary(), Ternary())], ids=str)
def test_as_many_levels_as_the_netlist_was_built_with(path, x_format, w_format):
    common = dict(x_format=x_format, w_format=w_format, simd=64)
    pe = LutIntegerPEPlan(**common, acc_shape=unsigned(16), target=XILINX).make()
    found = path(verilog.convert(pe, name="top", emit_src=False))
    levels, _ = best_pe(x_format, w_format, 64, 16, True).netlist.levels()
    assert found.levels == levels


@pytest.mark.tools
def test_parts_have_paths_of_their_own(scratch):
    text = """
module sum(input clk, input [7:0] a, b, output reg [8:0] s);
  always @(posedge clk) s <= a + b;
endmodule
module top(input clk, input [7:0] a, b, output [8:0] q);
  wire [8:0] s;
  sum first(.clk(clk), .a(a), .b(b), .s(s));
  assign q = ~s;
endmodule"""
    found = synthesize_parts(atomic_write(scratch / "top.v", text), "top", {"adder": "sum"}, directory=scratch / "kept")
    assert counted(found["adder"].path) == (1, 0, 8, 0)
    assert counted(found[""].path) == (1, 0, 0, 0) and found[""].path.start.startswith("module ")


@pytest.mark.slow
def test_large_netlists():
    """100,000 LUTs in 1,000 chains of 100."""
    cells, ports = {}, {"d": {"direction": "input", "bits": list(range(2, 8))}}
    for n in range(100_000):
        inputs = [n + 7 if n % 100 else 7, 2, 3, 4, 5, 6]
        nets = {f"I{k}": [bit] for k, bit in enumerate(inputs)} | {"O": [n + 8]}
        cells[f"lut{n}"] = {"type": "LUT6", "parameters": {"INIT": f"{0x6996966996696996:064b}"}, "connections": nets,
                            "port_directions": dict.fromkeys(nets, "input") | {"O": "output"}}  # fmt: skip
    ports["q"] = {"direction": "output", "bits": [100_007]}
    found = longest_path({"cells": cells, "ports": ports, "netnames": {}})
    assert found.lut == 100 and found.end == "output q"
