"""flow.eda.output_registers: which registers behind a block RAM go into it, in netlists of synth_ecp5."""

import json

import pytest

from fewbit.flow.eda.output_registers import use_output_registers

pytestmark = pytest.mark.tools

ROM = """
module top(input clk, e, r, input [9:0] a, output reg [{top}:0] q, output o);
  reg [{top}:0] rom [0:1023], d;
  integer i;
  initial for (i = 0; i < 1024; i = i + 1) rom[i] = i * 64'd40503000017;
  always @(posedge clk) d <= rom[a];
  {more}
endmodule
"""
NOTHING = "assign o = 0;"


def netlist(tmp_path, more, top=17):
    from pyosys import libyosys

    path = tmp_path / "top.v"
    path.write_text(ROM.format(more=more, top=top))
    design = libyosys.Design()
    for command in (f'read_verilog "{path}"', f'synth_ecp5 -top top -json "{tmp_path / "top.json"}"'):
        libyosys.run_pass(command, design)
    return json.loads((tmp_path / "top.json").read_text())


def cells(found, kind):
    return [cell for cell in found["modules"]["top"]["cells"].values() if cell["type"] == kind]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("text", "enabled"),
    [("always @(posedge clk) q <= d; assign o = 0;", False), ("always @(posedge clk) if (e) q <= d;", True)],
)
def test_a_register_goes_into_the_memory(tmp_path, text, enabled):
    found = netlist(tmp_path, text)
    ports = found["modules"]["top"]["ports"]
    assert len(cells(found, "TRELLIS_FF")) == 18
    assert use_output_registers(found) == 18
    (ram,) = cells(found, "DP16KD")
    assert not cells(found, "TRELLIS_FF") and ram["parameters"]["REGMODE_A"] == "OUTREG"
    assert ram["connections"]["OCEA"] == (ports["e"]["bits"] if enabled else ["1"])
    assert {bit for n in range(18) for bit in ram["connections"][f"DOA{n}"]} == {*ports["q"]["bits"]}
    assert use_output_registers(found) == 0


def test_a_wide_memory_has_one_too(tmp_path):
    found = netlist(tmp_path, "always @(posedge clk) q <= d; assign o = 0;", top=35)
    assert use_output_registers(found) == 36 and not cells(found, "TRELLIS_FF")


@pytest.mark.sampled(8)
@pytest.mark.parametrize(
    "text",
    [
        "always @(posedge clk) q <= d; assign o = d[3];",  # read beside the register
        "always @(posedge clk) q <= d ^ 1; assign o = 0;",  # a LUT in between
        "always @(posedge clk) if (r) q <= 0; else q <= d;",
        "initial q = 1; always @(posedge clk) q <= d;",
        "always @(negedge clk) q <= d;",
        "always @(posedge e) q <= d;",  # another clock
        "always @(posedge clk) begin q[0] <= d[0]; if (e) q[17:1] <= d[17:1]; end",  # two clock enables
    ],
)
def test_any_other_register_stays(tmp_path, text):
    found = netlist(tmp_path, text)
    before = json.dumps(found)
    assert use_output_registers(found) == 0 and json.dumps(found) == before
