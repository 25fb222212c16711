"""flow.eda.synth: small designs whose cost is known beforehand."""

import time

import pytest

from fewbit.flow.cache import atomic_write
from fewbit.flow.eda import synth
from fewbit.flow.eda.synth import SynthesisError, synthesize, synthesize_parts

ADDER = """
module top(input clk, input [7:0] a, b, output reg [8:0] s);
  always @(posedge clk) s <= a + b;
endmodule
"""

ROM = """
module top(input clk, input [10:0] a, output reg [8:0] q);
  reg [8:0] rom [0:2047];
  integer i;
  initial for (i = 0; i < 2048; i = i + 1) rom[i] = (i * 40503) >> 5;
  always @(posedge clk) q <= rom[a];
endmodule
"""

MULTIPLY = """
module top(input clk, input signed [11:0] a, b, output reg signed [23:0] p);
  reg signed [11:0] x, y;
  always @(posedge clk) begin x <= a; y <= b; p <= x * y; end
endmodule
"""

RAM = """
module top(input clk, we, input [5:0] wa, ra, input [2:0] d, output [2:0] q);
  reg [2:0] ram [0:63];
  always @(posedge clk) if (we) ram[wa] <= d;
  assign q = ram[ra];
endmodule
"""

DELAY = """
module top(input clk, d, output q);
  reg [15:0] line;
  always @(posedge clk) line <= {line[14:0], d};
  assign q = line[15];
endmodule
"""

PRIMITIVES = """
module top(input [5:0] i, output o5, o6);
  LUT6_2 #(.INIT(64'h6996966996696996)) lut (
    .I0(i[0]), .I1(i[1]), .I2(i[2]), .I3(i[3]), .I4(i[4]), .I5(i[5]), .O5(o5), .O6(o6));
endmodule
"""


PARTS = """
module sum(input clk, input [7:0] a, b, output reg [8:0] s);
  always @(posedge clk) s <= a + b;
endmodule

module hold(input clk, input [8:0] d, output reg [8:0] q);
  always @(posedge clk) q <= ~d;
endmodule

module top(input clk, input [7:0] a, b, output [8:0] q);
  wire [8:0] s;
  sum first(.clk(clk), .a(a), .b(b), .s(s));
  hold second(.clk(clk), .d(s), .q(q));
endmodule
"""


@pytest.fixture
def cost(scratch):
    """Resources of a module ``top`` given as text, with nothing kept from an earlier run."""

    def cost(text, **options):
        path = atomic_write(scratch / "a folder" / "top.v", text)
        return synthesize(path, "top", directory=scratch / "kept", timeout=120, **options)

    return cost


@pytest.mark.tools
def test_adder_takes_one_lut_a_bit_and_one_carry_per_four(cost):
    found = cost(ADDER)
    assert (found.lut, found.ff, found.carry4) == (8, 9, 3)
    assert (found.lutram, found.bram18, found.bram36, found.dsp, found.muxf) == (0, 0, 0, 0, 0)
    assert found.cells == {"CARRY4": 3, "FDRE": 9, "LUT2": 8}


@pytest.mark.tools
def test_parts_are_counted_by_themselves_and_kept(scratch, monkeypatch):
    path = atomic_write(scratch / "top.v", PARTS)

    def parts():
        return synthesize_parts(path, "top", {"adder": "sum", "register": "hold"}, directory=scratch / "kept")

    found = parts()
    assert list(found) == ["adder", "register", ""]
    assert (found["adder"].lut, found["adder"].ff, found["adder"].carry4) == (8, 9, 3)
    assert (found["register"].lut, found["register"].ff) == (9, 9)
    assert (found[""].lut, found[""].ff) == (0, 0)
    monkeypatch.setattr(synth, "_run", None)
    assert parts() == found


@pytest.mark.slow
@pytest.mark.tools
def test_large_rom_is_a_block_ram(cost):
    found = cost(ROM)
    assert (found.bram18, found.bram36, found.lut, found.ff) == (1, 0, 0, 0)


@pytest.mark.tools
def test_multiply_takes_dsps_only_when_allowed(cost):
    steps = []
    with_dsp = cost(MULTIPLY)
    without = cost(MULTIPLY, dsp=False, progress=lambda seconds, step: steps.append((seconds, step)))
    assert with_dsp.dsp == 1 and with_dsp.lut == 0
    assert without.dsp == 0 and without.lut > 150
    # The two operand registers and the product: 12 + 12 + 24.
    assert without.ff == 48
    assert steps == sorted(steps, key=lambda entry: entry[0])
    assert any(step.startswith("Executing") for _, step in steps)


@pytest.mark.tools
def test_distributed_ram_counts_as_luts(cost):
    found = cost(RAM)
    assert found.cells == {"RAM64M": 1}
    assert (found.lut, found.lutram) == (4, 4)


@pytest.mark.tools
def test_shift_register_counts_as_a_lut(cost):
    found = cost(DELAY)
    assert (found.lut, found.lutram) == (1, 1) and found.ff <= 1


@pytest.mark.tools
def test_instantiated_lut6_2_is_one_lut(cost):
    found = cost(PRIMITIVES)
    assert found.cells == {"LUT6_2": 1} and found.lut == 1


@pytest.mark.slow
@pytest.mark.tools
def test_any_cell_of_the_device_may_be_instantiated(cost):
    found = cost('module top(input clk, output o);\n  BUFR #(.BUFR_DIVIDE("2")) half(.I(clk), .O(o));\nendmodule\n')
    assert found.cells == {"BUFR": 1} and found.lut == 0


@pytest.mark.slow
@pytest.mark.tools
def test_other_family_has_its_own_block_ram(cost):
    found = cost(ROM, family="xcup")
    assert found.cells == {"RAMB18E2": 1} and found.bram18 == 1


@pytest.mark.tools
def test_second_run_comes_from_the_cache(cost, monkeypatch):
    first = cost(ADDER)

    def forbidden(*_):
        raise AssertionError("Yosys ran again")

    monkeypatch.setattr(synth, "_run", forbidden)
    assert cost(ADDER) == first
    with pytest.raises(AssertionError, match="Yosys ran again"):
        cost(ADDER, dsp=False)
    with pytest.raises(AssertionError, match="Yosys ran again"):
        cost(ADDER.replace("+", "-"))


@pytest.mark.tools
def test_failure_names_the_error_and_the_log_and_is_not_kept(cost):
    for _ in range(2):
        with pytest.raises(SynthesisError, match=r"design\.v:3: ERROR: .*syntax error") as caught:
            cost(ADDER.replace("a + b", "a +"))
        assert "syntax error" in caught.value.log.read_text()


@pytest.mark.tools
def test_missing_module_is_an_error(cost):
    with pytest.raises(SynthesisError, match="ERROR: Module .*nowhere"):
        cost("module top(input a, output b); nowhere n(.a(a), .b(b)); endmodule")


@pytest.mark.tools
def test_time_is_bounded(scratch):
    path = atomic_write(scratch / "top.v", MULTIPLY)
    start = time.monotonic()
    with pytest.raises(SynthesisError, match="stopped after 0.2 seconds"):
        synthesize(path, "top", timeout=0.2, directory=scratch)
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    "options, message",
    [
        ({"family": "ice40"}, "Family must be one of"),
        ({"top": "a b"}, "Top must be the plain name"),
        ({"timeout": 0}, "Timeout must be more than 0"),
    ],
)
def test_parameters_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        synthesize("top.v", **{"top": "top", **options})
