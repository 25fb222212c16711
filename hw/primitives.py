"""What simulators need to know of the Xilinx primitives; synthesis and the vendor's simulators have them already."""

__all__ = ["MODELS", "for_simulators"]


def for_simulators(modules):
    """Verilog text of ``modules`` that only simulators without the vendor's library read.

    Verilator and Icarus say by a macro of their own who they are; any other one reads them where ``FEWBIT_MODELS`` is
    defined.
    """
    return f"""
`ifdef VERILATOR
`define FEWBIT_MODELS
`endif
`ifdef __ICARUS__
`define FEWBIT_MODELS
`endif
`ifdef FEWBIT_MODELS
{modules}`endif
"""


MODELS = for_simulators("""\
module LUT6_2 #(parameter [63:0] INIT = 0) (
  input wire I0, input wire I1, input wire I2, input wire I3, input wire I4, input wire I5,
  output wire O5, output wire O6
);
  assign O5 = INIT[{1'b0, I4, I3, I2, I1, I0}];
  assign O6 = INIT[{I5, I4, I3, I2, I1, I0}];
endmodule

module CARRY4 (
  input wire CI, input wire CYINIT, input wire [3:0] DI, input wire [3:0] S, output wire [3:0] O, output wire [3:0] CO
);
  wire [4:0] c;
  assign c[0] = CI | CYINIT;
  genvar i;
  generate for (i = 0; i < 4; i = i + 1) begin : position
    assign c[i + 1] = S[i] ? c[i] : DI[i];
  end endgenerate
  assign O = S ^ c[3:0];
  assign CO = c[4:1];
endmodule

module CARRY8 #(parameter CARRY_TYPE = "SINGLE_CY8") (
  input wire CI, input wire CI_TOP, input wire [7:0] DI, input wire [7:0] S, output wire [7:0] O, output wire [7:0] CO
);
  wire [8:0] c;
  assign c[0] = CI;
  genvar i;
  generate for (i = 0; i < 8; i = i + 1) begin : position
    assign c[i + 1] = S[i] ? c[i] : DI[i];
  end endgenerate
  assign O = S ^ c[7:0];
  assign CO = c[8:1];
endmodule

module MUXF7 (input wire I0, input wire I1, input wire S, output wire O);
  assign O = S ? I1 : I0;
endmodule

module MUXF8 (input wire I0, input wire I1, input wire S, output wire O);
  assign O = S ? I1 : I0;
endmodule
""")
