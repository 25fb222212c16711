"""What simulators need to know of the Xilinx primitives; synthesis and the vendor's simulators have them already."""

from .dsp48 import DSP48E1, DSP48E2, REGISTERS

__all__ = ["DSP_MODELS", "MODELS", "models_of"]


def models_of(*, sums: bool = False) -> str:
    """Return the modules of LUTs and carry chains, and of DSP48s if a design has ``sums`` in them."""
    return MODELS + (DSP_MODELS if sums else "")


def _for_simulators(modules):
    """Return the Verilog text of ``modules`` that only simulators without the vendor's library read.

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


MODELS = _for_simulators("""\
module LUT6_2 #(parameter [63:0] INIT = 0) (
  input wire I0, input wire I1, input wire I2, input wire I3, input wire I4, input wire I5,
  output wire O5, output wire O6
);
`ifdef VERILATOR
  assign O5 = INIT[{1'b0, I4, I3, I2, I1, I0}];
  assign O6 = INIT[{I5, I4, I3, I2, I1, I0}];
`else
  // With an X among the inputs, an output is X only where it depends on that input, as in the vendor's model: else an
  // accumulator that was X once would stay so when it is loaded.
  wire [5:0] i = {I5, I4, I3, I2, I1, I0};
  reg [63:0] t;
  reg o5, o6, awake;
  initial awake <= 1'b1;
  assign O5 = o5, O6 = o6;
  always @(i or awake)
    if (^i !== 1'bx) begin
      o5 = INIT[i[4:0]];
      o6 = INIT[i];
    end else begin
      t = i[4] ? {INIT[63:48], INIT[31:16]} : {INIT[47:32], INIT[15:0]};
      t = i[3] ? {t[31:24], t[15:8]} : {t[23:16], t[7:0]};
      t = i[2] ? {t[15:12], t[7:4]} : {t[11:8], t[3:0]};
      t = i[1] ? {t[7:6], t[3:2]} : {t[5:4], t[1:0]};
      t = i[0] ? {t[3], t[1]} : {t[2], t[0]};
      o5 = t[0];
      o6 = i[5] ? t[1] : t[0];
    end
`endif
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


def _dsp48(kind):
    """Return what a simulator needs to know of a DSP48 in this use."""
    inputs = "".join(f", input wire [{bits - 1}:0] {name}" for name, bits in kind.idle.items())
    return f"""
module {kind.name} #(
  parameter {", ".join(f"{name} = 1" for name in REGISTERS)},
  parameter PREG = 1, parameter USE_MULT = "MULTIPLY", parameter USE_SIMD = "ONE48"
) (
  input wire CLK, input wire CEP, input wire [{kind.opmode_bits - 1}:0] OPMODE,
  input wire [29:0] A, input wire [17:0] B, input wire [47:0] C, output reg [47:0] P{inputs}
);
  localparam PART = USE_SIMD == "FOUR12" ? 12 : USE_SIMD == "TWO24" ? 24 : 48;
  wire [47:0] x = {{A, B}}, z = OPMODE[5] ? P : 48'd0;
  integer k;
  always @(posedge CLK) if (CEP)
    for (k = 0; k < 48; k = k + PART) P[k +: PART] <= x[k +: PART] + C[k +: PART] + z[k +: PART];
endmodule
"""


DSP_MODELS = _for_simulators(_dsp48(DSP48E1) + _dsp48(DSP48E2))
