"""The words of ``docs/cost.md``; `bench.cost.page` puts in what was measured."""

__all__ = ["TEXT"]

TEXT = """# What a multiplication costs

Made by `make cost`: every figure, those in the text too, comes from that run, but where a source is named. One tool
counts everything: Yosys (pyosys {tool}), `synth_xilinx` for 7-series parts, before place and route.

![LUTs of a multiplication by format, alone and with its sum and accumulator](cost.svg)

## What "200 times" means on today's LUTs

Courbariaux, Hubara and others (arXiv 1602.02830) say that a float32 multiplier takes about 200 slices of an FPGA and
an XNOR one. The slices are those of the Virtex-II era, two LUTs of four inputs each, and only the multiplier is
counted.

- **Multiplier alone.** On LUTs of six inputs, a float32 multiplier in operators takes {mul_operators} LUTs, an XNOR
  {xnor_operators}: {multiplier_operators} times, {over_operators} times the 200. Built for LUTs on purpose they take
  {mul_primitives} and {xnor_primitives} (a LUT6_2 makes two XNORs): {multiplier_primitives} times, {over_primitives}
  times the 200.
- **With what makes it a dot product.** A product is of use only in a sum. With popcount or adder, and accumulator, a
  float32 lane takes {fpe_operators} LUTs and a bipolar lane {pe_operators} in operators: {PE_operators} times;
  {fpe_primitives} and {pe_primitives} built on purpose: {PE_primitives} times. Built on purpose the XNOR has no LUT of
  its own: it is inside the LUT that adds.
- **With DSPs.** A float32 lane also has the DSPs that its part has anyway. Then its LUTs are {PE_operators_dsp} times
  those of a bipolar lane in operators, and {PE_primitives_dsp} times those of one built from primitives; {dsp_pe}
  DSPs a lane come on top, and of DSPs a part has hundreds where it has tens of thousands of LUTs.
- **Eight bits in DSPs** take {dsp8} DSP and {lut8} LUTs a lane ({lanes8} lanes with their sums and accumulators, two
  neurons to a multiplier), four bits {dsp4} and {lut4}; float32 takes {dsp_pe} and {fpe_dsp}.
- **Others' float unit.** Ehliar (FPT 2014) published {e_mul[0]} LUTs and {e_mul[1]} DSPs for a multiplier ({e_mul[2]}
  MHz) and {e_add[0]} LUTs for an adder ({e_add[2]} MHz) on a Kintex-7, counted by the vendor's tools: not our
  measurement. Both together are {e_ratio} times our bipolar lane of primitives.

## What is counted

A LUT6_2 counts as one LUT; small LUTs that place and route may still put into one are counted apart. *Operators*:
plain expressions, mapped by synthesis, for the float unit too (its `*` mapped without DSPs). *Primitives*: built from
LUTs on purpose: LUT6_2 and CARRY4 for low bits, radix-4 rows that fit a LUT6 for float32. Compared is always like
with like. *Smallest*: the fewest LUTs that primitives reach when nothing limits how many stand between two registers;
accelerators take the other, of at most 4 and a carry chain. *DSPs*: products in DSP48E1, of float32 as synthesis maps
them, of low bits as accelerators have them: several neurons share a multiplier, with weights of symmetric range, and
what corrects their fields goes into the sum. LUT levels are the most LUTs between two registers, or between a port
and a register; ports count as registers, so operands need none here, and flip-flops are those inside the unit.

The float32 units round to nearest even and flush subnormals; a multiplier and an adder have four cycles each. The PE
of several lanes has a tree of adders and one adder that accumulates; what adds up its interleaved partial sums at the
end of a row is not counted. The adder alone takes {adder} LUTs.

## Multipliers alone

Low-bit ones stand side by side, 64 or 8 of them, without registers. A bit of the product that equals a bit of an
operand takes no LUT.

{multipliers}

## float32's LUTs over those of each format

Without DSPs:

{without}

With DSPs: LUTs only, {dsp_mul} DSPs for a multiplier and {dsp_pe} for a lane come on top.

{with}

"With sum" leaves out the accumulator of the low-bit unit only: each float32 lane has an adder either way. Both are of
the most lanes measured.

## Processing elements: products, sum, accumulator

{pes}

## Sums without an accumulator

{sums}

## Memory

{memory}
"""
