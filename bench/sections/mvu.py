"""One matrix-vector unit, one bit by one bit, in many sizes, beside BISMO's formula for its dot product array.

``python -m bench.sections.mvu`` measures them, keeps ``docs/benchmarks/mvu.json`` and writes the page.
"""

import warnings

import numpy as np
from amaranth.back import verilog

from bench import page
from fewbit.flow.cache import atomic_write
from fewbit.flow.eda.synth import synthesize
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.formats import Bipolar
from fewbit.hw.folding import LayerFolding
from fewbit.hw.layer.matrix_vector_unit import MatrixVectorUnit
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.targets.named import DEFAULT, USUAL
from fewbit.places import BUILD

NAME, HEADING = "mvu", "Matrix-vector units and BISMO's formula"
FOLDER = BUILD / "bench" / "mvu"
PES, SIMDS = (1, 4, 16), (32, 64, 128, 256, 512)
TARGETS = {target.name: target for target in (USUAL, DEFAULT)}
STEPS, ROWS = 8, 64  # of the layer: 512 words of weights, the depth of a block RAM

# BISMO v2, from its source: LUTs of a dot product unit by its bits, and of what stands around each.
ALPHA, BETA, AROUND = 1.17, 44.1, 120.1


def bismo_unit(simd):
    """Return the LUTs of BISMO's dot product unit of so many bits."""
    return ALPHA * simd + BETA


def bismo_array(pe, simd):
    """Return the LUTs of BISMO's array of ``pe`` dot product units: ``Dm*Dn*(1.17*Dk + 44.1 + 120.1)``."""
    return pe * (bismo_unit(simd) + AROUND)


def layer_plan(pe, simd, target, steps=STEPS, rows=ROWS):
    """Return the plan of a layer that this unit goes through in ``steps*rows`` cycles.

    Weights and thresholds are random.
    """
    rng = np.random.default_rng([pe, simd])
    dense = Dense("dense", "x", "acc", rng.choice([-1, 1], (rows * pe, steps * simd)))
    edges = {"x": Edge(Bipolar(), -np.ones(steps * simd, int), np.ones(steps * simd, int))}
    edges["acc"] = dense.out(edges["x"])
    spread = int((steps * simd) ** 0.5)
    cuts = rng.integers(-spread, spread + 1, (rows * pe, 1))
    act = Threshold("act", "acc", "y", cuts, None, Bipolar())
    edges["y"] = act.out(edges["acc"])
    return LayerPlan(dense, act, edges, LayerFolding(pe, simd), target=target)


def unit(plan):
    """Return the plan of the PE of a layer's plan alone."""
    return plan.target.integer_pe(
        x_format=plan.x_format, w_format=Bipolar(), simd=plan.simd, acc_shape=plan.numbers.acc_shape, feedback=True
    )


def resources(component, name):
    """Return `flow.eda.resources.Resources` of a component."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = verilog.convert(component, name=name, emit_src=False, strip_internal_attrs=True)
    return synthesize(atomic_write(FOLDER / f"{name}.v", text), name)


def measured(pe, simd, target):
    """Return the LUTs of a unit, and of its PE alone."""
    plan = layer_plan(pe, simd, TARGETS[target])
    whole = resources(MatrixVectorUnit(plan), f"mvu_{target}_{pe}_{simd}")
    alone = resources(unit(plan).make(), f"pe_{target}_{simd}")
    return {
        "pe": pe, "simd": simd, "target": target, "lut": whole.lut, "lutram": whole.lutram, "ff": whole.ff,
        "carry4": whole.carry4, "bram36": (whole.bram18 + 2 * whole.bram36) / 2, "unit": alone.lut,
        "accumulator": plan.numbers.acc_shape.width,
    }  # fmt: skip


def measure():
    """Return `measured` of every size and target."""
    results = []
    for target in TARGETS:
        for simd in SIMDS:
            for pe in PES:
                results.append(measured(pe, simd, target))
                print(f"bench: {target} PE {pe} SIMD {simd}: {results[-1]['lut']} LUTs", flush=True)
    return results


def render(results):
    """Return the section as Markdown."""
    found = {(r["target"], r["pe"], r["simd"]): r for r in results}
    pes, simds = sorted({r["pe"] for r in results}), sorted({r["simd"] for r in results})
    units = []
    for simd in simds:
        x, p = (found[target, pes[0], simd] for target in TARGETS)
        units.append([simd, f"{bismo_unit(simd):.0f}", x["unit"], p["unit"], bismo_unit(simd) / simd,
                      x["unit"] / simd, p["unit"] / simd, x["accumulator"]])  # fmt: skip
    whole = []
    for pe in pes:
        for simd in simds:
            x, p, published = found["xilinx", pe, simd], found["portable", pe, simd], bismo_array(pe, simd)
            whole.append([pe, simd, f"{published:,.0f}", x["lut"], p["lut"], x["lut"] / published, x["lut"] / pe / simd,
                          x["lutram"], x["ff"], x["carry4"], f"{x['bram36']:g}"])  # fmt: skip
    return TEXT.format(
        units=page.table(["bits", "BISMO", "xilinx", "portable", "BISMO a bit", "xilinx a bit", "portable a bit",
                          "accumulator bits"], units),
        whole=page.table(["PE", "SIMD", "BISMO", "xilinx", "portable", "xilinx / BISMO", "xilinx a bit", "LUTRAM", "FF",
                          "CARRY4", "BRAM36"], whole),
        alpha=ALPHA, beta=BETA, around=AROUND, steps=STEPS, rows=ROWS,
    )  # fmt: skip


TEXT = """BISMO v2 is the best published generator of arrays of binary dot products. Its source gives the LUTs of a dot
product unit of Dk bits as {alpha}·Dk + {beta}, and of an array as Dm·Dn·({alpha}·Dk + {beta} + {around}); ours are
counted by `synth_xilinx`, a LUT6_2 as one.

LUTs of one dot product unit:

{units}

BISMO's unit has an AND for each bit, popcount, shifter, negation and a 32-bit accumulator, as it goes through
operands of any width bit by bit. Ours is a processing element: XNOR for each bit, popcount, and an accumulator as wide
as the layer needs that can start with a preset. It does not shift, as its formats are fixed when it is generated.

LUTs of a whole unit, on a layer of {rows}·PE neurons by {steps}·SIMD inputs, so that a weight memory has 512 words:

{whole}

BISMO's formula holds the units and what each brings with it (its {around} LUTs), without its operand buffers, which are
block RAMs, and without its fetch, execute and result stages. Ours holds all: replay buffer of the vector (*LUTRAM*),
weights, preset accumulators (which stand for batch norm and threshold), one-bit activations, queue, control."""


if __name__ == "__main__":
    page.section("bench.sections.mvu")
