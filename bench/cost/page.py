"""``docs/cost.md``, from what `bench.cost.measure` measured; no figure of ours is typed here."""

from collections.abc import Mapping
from importlib.metadata import version

from bench.markdown import filled, table

from .formats import FLOAT
from .results import CostTable, MeasuredDesign, per_lane

__all__ = ["page", "ratio"]

# Published, Kintex-7: A. Ehliar, "Area efficient floating-point adder and multiplier with IEEE-754 compatible
# semantics", FPT 2014. Not ours.
EHLIAR = {"multiply": (235, 2, 305), "add": (261, 0, 319)}
RAM_BITS = 36 * 1024
SURVEY = 200  # times that arXiv 1602.02830 says
FORMS = "operators", "primitives"
Kept = Mapping[tuple[str, str, str, int], MeasuredDesign]  # what was measured, by (format, unit, form, lanes)

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


def ratio(found: Kept, name: str, unit: str, form: str, *, dsp: bool) -> float | None:
    """Return how many times the LUTs of this format's unit the float32 unit takes; None if one was not measured.

    Like is compared with like: operators with the float unit in operators, primitives with the one that is built from
    LUTs on purpose. With DSPs there is one float unit; the DSPs that it takes come on top and are not in the ratio. A
    sum without its accumulator stands against the float PE, as each of its lanes has an adder too.
    """
    get = CostTable(found)
    other = get.lut(FLOAT, "PE" if unit == "sum" else unit, "DSPs" if dsp else form)
    own = get.lut(name, unit, form)
    return None if not own or other is None else other / own


def _times(value):
    return "–" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def cost_table(found: Kept, unit: str) -> str:
    """Return the table of every measurement of a unit, with its figures for one lane."""
    heads = ["activations x weights", "form", "lanes", "LUTs", "LUTs a lane", "FFs a lane", "DSPs a lane", "LUT levels"]
    rows = [
        [m.format, m.form, str(m.lanes), f"{m.lut:,}", per_lane(m.lut / m.lanes), per_lane(m.ff / m.lanes),
         f"{m.dsp / m.lanes:g}", str(m.levels)]
        for m in CostTable(found).rows(unit)
    ]  # fmt: skip
    return table(heads, rows, left=1)


def ratio_table(found: Kept, *, dsp: bool) -> str:
    """Return the table of float32's LUTs over each format's."""
    units = {"multiplier": "multiplier alone", "sum": "with sum", "PE": "with sum and accumulator"}
    heads = ["float32 = this x", *(f"{text}, {form}" for text in units.values() for form in FORMS)]
    rows = [
        [f.name, *(_times(ratio(found, f.name, unit, form, dsp=dsp)) for unit in units for form in FORMS)]
        for f in CostTable(found).formats()
    ]
    return table(heads, rows, left=1)


def memory_table(found: Kept) -> str:
    """Return the table of the bits of a weight, by the codes that the accelerator stores."""
    bits = {}
    for f in CostTable(found).formats():
        bits.setdefault(str(f.w), f.w.bits)
    bits[FLOAT] = 32
    rows = [[name, str(n), f"{32 / n:g}", f"{RAM_BITS // n:,}"] for name, n in bits.items()]
    return table(["weights", "bits a weight", "float32 = this x", "weights in 36 Kbit of block RAM"], rows, left=1)


def page(found: Kept) -> str:
    """Return the page as Markdown."""
    get = CostTable(found)
    one = "bipolar x bipolar"
    words = {
        "tool": version("pyosys"),
        "multipliers": cost_table(found, "multiplier"),
        "sums": cost_table(found, "sum"),
        "pes": cost_table(found, "PE"),
        "without": ratio_table(found, dsp=False),
        "with": ratio_table(found, dsp=True),
        "memory": memory_table(found),
        "adder": f"{get.lut(FLOAT, 'adder', 'operators'):,.0f}",
        "dsp_mul": f"{get.widest(FLOAT, 'multiplier', 'DSPs').dsp}",
        "dsp_pe": f"{get.widest(FLOAT, 'PE', 'DSPs').dsp / get.widest(FLOAT, 'PE', 'DSPs').lanes:g}",
        "e_mul": EHLIAR["multiply"], "e_add": EHLIAR["add"],
        "e_ratio": _times(sum(v[0] for v in EHLIAR.values()) / get.lut(one, "PE", "primitives")),
    }  # fmt: skip
    for bits in (4, 8):
        m = get.widest(f"{bits} x {bits} bits", "PE", "DSPs")
        words |= {f"dsp{bits}": f"{m.dsp / m.lanes:g}", f"lut{bits}": per_lane(m.lut / m.lanes)}
    words |= {"lanes8": m.lanes, "fpe_dsp": f"{get.lut(FLOAT, 'PE', 'DSPs'):,.0f}"}
    for form in FORMS:
        words[f"over_{form}"] = f"{ratio(found, one, 'multiplier', form, dsp=False) / SURVEY:.1f}"
        words[f"mul_{form}"] = f"{get.lut(FLOAT, 'multiplier', form):,.0f}"
        words[f"fpe_{form}"] = f"{get.lut(FLOAT, 'PE', form):,.0f}"
        words[f"xnor_{form}"] = f"{get.lut(one, 'multiplier', form):g}"
        words[f"pe_{form}"] = f"{get.lut(one, 'PE', form):.2f}"
        for unit in ("multiplier", "sum", "PE"):
            words[f"{unit}_{form}"] = _times(ratio(found, one, unit, form, dsp=False))
            words[f"{unit}_{form}_dsp"] = _times(ratio(found, one, unit, form, dsp=True))
    return "\n\n".join(filled(block) for block in TEXT.format(**words).split("\n\n"))
