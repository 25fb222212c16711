# amaranth: UnusedElaboratable=no
"""The PE x SIMD array with its accumulators in DSP blocks, four of 12 bits to each (or two of 24)."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Shape, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from fewbit.hw.target import Luts
from fewbit.hw.xilinx.dot_product import best_rows
from fewbit.hw.xilinx.instances import place
from fewbit.hw.xilinx.models import for_simulators

from .integer import IntegerArray

__all__ = ["DSP_MODELS", "DspSumArray", "SUMS", "Sums", "sums_of"]

_WIDTH = 48
SUMS = (4, 2, 1)  # how many ways a DSP48 splits its adder

# Inputs that are always zero, and their bits; the multiplier and all registers but the last are left out.
_IDLE = {
    "ACIN": 30, "BCIN": 18, "PCIN": 48, "D": 25, "ALUMODE": 4, "CARRYINSEL": 3, "INMODE": 5,
    **dict.fromkeys(("CARRYIN", "CARRYCASCIN", "MULTSIGNIN", "CEA1", "CEA2", "CEAD", "CEALUMODE", "CEB1", "CEB2", "CEC",
                     "CECARRYIN", "CECTRL", "CED", "CEINMODE", "CEM", "RSTA", "RSTALLCARRYIN", "RSTALUMODE", "RSTB",
                     "RSTC", "RSTCTRL", "RSTD", "RSTINMODE", "RSTM", "RSTP"), 1),
}  # fmt: skip
_REGISTERS = ("ACASCREG", "ADREG", "ALUMODEREG", "AREG", "BCASCREG", "BREG", "CARRYINREG", "CARRYINSELREG", "CREG",
              "DREG", "INMODEREG", "MREG", "OPMODEREG")  # fmt: skip
_KINDS = {Luts.INSTANCES: ("DSP48E1", {}), Luts.ULTRASCALE: ("DSP48E2", {"D": 27})}


def _model(kind, wider, opmode):
    """What a simulator needs to know of a DSP48 in this use."""
    inputs = "".join(f", input wire [{bits - 1}:0] {name}" for name, bits in (_IDLE | wider).items())
    return f"""
module {kind} #(
  parameter {", ".join(f"{name} = 1" for name in _REGISTERS)},
  parameter PREG = 1, parameter USE_MULT = "MULTIPLY", parameter USE_SIMD = "ONE48"
) (
  input wire CLK, input wire CEP, input wire [{opmode - 1}:0] OPMODE,
  input wire [29:0] A, input wire [17:0] B, input wire [47:0] C, output reg [47:0] P{inputs}
);
  localparam PART = USE_SIMD == "FOUR12" ? 12 : USE_SIMD == "TWO24" ? 24 : 48;
  wire [47:0] x = {{A, B}}, z = OPMODE[5] ? P : 48'd0;
  integer k;
  always @(posedge CLK) if (CEP)
    for (k = 0; k < 48; k = k + PART) P[k +: PART] <= x[k +: PART] + C[k +: PART] + z[k +: PART];
endmodule
"""


DSP_MODELS = for_simulators(_model("DSP48E1", {}, 7) + _model("DSP48E2", {"D": 27}, 9))


def sums_of(width):
    """How many accumulators of so many bits a DSP48 holds; ValueError if it holds none."""
    for count in SUMS:
        if width <= _WIDTH // count:
            return count
    raise ValueError(f"A sum in a DSP has at most {_WIDTH} bits, not {width}")


class Sums(wiring.Component):
    """Accumulators of one DSP48: ``o[k] = (0 if load else o[k]) + a[k] + b[k]``, modulo ``2**(48/count)``, if enabled.

    One step a cycle, latency 1. Its adder of three operands (UG479) is split into ``count`` parts: the rows of four PEs
    come in at A:B and C, and P is what it holds.

    Parameters
    ----------
    count : int
        4, 2 or 1.
    luts : hw.target.Luts
        Any but operators.

    Members
    -------
    a, b : ``In(ArrayLayout(unsigned(48/count), count))``
    load, enable : ``In(1)``
    o : ``Out(ArrayLayout(unsigned(48/count), count))``
    """

    LATENCY = 1

    def __init__(self, *, count, luts=Luts.INSTANCES):
        if count not in SUMS:
            raise ValueError(f"Count must be one of {', '.join(map(str, SUMS))}, not {count!r}")
        self._count, self._luts = count, luts
        parts = ArrayLayout(unsigned(_WIDTH // count), count)
        super().__init__({"a": In(parts), "b": In(parts), "load": In(1), "enable": In(1), "o": Out(parts)})

    def elaborate(self, platform):
        m = Module()
        if self._luts.instances:
            m.submodules.dsp = self._instance(Value.cast(self.a), Value.cast(self.b))
            return m
        with m.If(self.enable):
            for k in range(self._count):
                m.d.sync += self.o[k].eq(Mux(self.load, 0, self.o[k]) + self.a[k] + self.b[k])
        return m

    def _instance(self, a, b):
        kind, wider = _KINDS[self._luts]
        held = Cat(Const(0, 1), ~self.load, Const(0, 1))  # Z: P, or zero
        opmode = Cat(Const(0b1111, 4), held, Const(0, 2 if self._luts is Luts.ULTRASCALE else 0))  # X: A:B, Y: C
        idle = {f"i_{name}": Const(0, bits) for name, bits in (_IDLE | wider).items()}
        return Instance(
            kind, **{f"p_{name}": 0 for name in _REGISTERS}, p_PREG=1, p_USE_MULT="NONE",
            p_USE_SIMD={4: "FOUR12", 2: "TWO24", 1: "ONE48"}[self._count], **idle, i_A=a[18:], i_B=a[:18], i_C=b,
            i_OPMODE=opmode, i_CEP=self.enable, i_CLK=ClockSignal(), o_P=Value.cast(self.o),
        )  # fmt: skip


class _Rows(wiring.Component):
    """A `hw.xilinx.dot_product.LutRows` as hardware."""

    def __init__(self, *, rows, luts):
        self._rows, self._luts = rows, luts
        planes = {"x": rows.x, "w": rows.w}
        members = {name: In(ArrayLayout(unsigned(len(p[0])), len(p))) for name, p in planes.items()}
        super().__init__(members | {"a": Out(len(rows.rows[0])), "b": Out(len(rows.rows[0]))})

    @property
    def HEAP_LATENCY(self):
        return self._rows.latency

    def elaborate(self, platform):
        m = Module()
        bits = {0: Const(0, 1), 1: Const(1, 1)}
        for planes, member in ((self._rows.x, self.x), (self._rows.w, self.w)):
            bits.update((bit, member[k][lane]) for k, plane in enumerate(planes) for lane, bit in enumerate(plane))
        place(m, self._rows.netlist, bits, self._luts, keep=True)
        for output, row in zip((self.a, self.b), self._rows.rows, strict=True):
            m.d.comb += output.eq(Cat(bits[bit] for bit in row))
        return m


class DspSumArray(IntegerArray):
    """`IntegerArray` with its accumulators in DSPs. Parameters, members, timing and throughput are the same, but for
    ``init``, which must be zero: what a DSP adds in its three operands is two rows of bits and what it holds.
    """

    def _make_pe(self, kind):
        width = Shape.cast(self._acc_shape).width
        return _Rows(rows=best_rows(self._x_format, self._w_format, self._simd, width), luts=self._luts)

    @property
    def dsps(self):
        """DSPs that it takes."""
        return -(-self._pe // sums_of(Shape.cast(self._acc_shape).width))

    def _accumulated(self, m, first, valid):
        units, width = self._dot_products(m), Shape.cast(self._acc_shape).width
        count, sums = sums_of(width), []
        load = first[self.HEAP_LATENCY] if self._steps > 1 else 1
        for n in range(0, len(units), count):
            m.submodules[f"sums{n}"] = dsp = Sums(count=count, luts=self._luts)
            m.d.comb += [dsp.load.eq(load), dsp.enable.eq(valid[self.HEAP_LATENCY])]
            for k, unit in enumerate(units[n : n + count]):
                m.d.comb += [dsp.a[k].eq(unit.a), dsp.b[k].eq(unit.b)]
                sums.append(dsp.o[k][:width])
        return sums
