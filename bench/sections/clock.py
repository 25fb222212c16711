"""The clock of the examples and of lone matrix-vector units, by place and route on an ECP5.

``python -m bench.sections.clock [NAME …]`` builds each with its default folding (target portable), places and routes
it, and prints a table. Names are those of the table's first column. Without any argument all are measured, for the
page.
"""

import argparse

import numpy as np

from bench import page
from fewbit.flow.cache import atomic_write
from fewbit.flow.eda.pnr import DEVICES, SPEEDS, place
from fewbit.flow.project.placed import placed
from fewbit.places import BUILD, HOME

__all__ = ["clock_of", "complete", "measure", "render"]

NAME, HEADING = "clock", "The clock"

EXAMPLES = (
    *(f"digits/{name}" for name in ("w1a1", "w1a2", "ternary", "w4a4", "w8a8")),
    "digits-cnn/w1a1", "digits-cnn/w2a2", *(f"fashion/{name}" for name in ("w1a1", "w2a2", "separable", "resnet")),
)  # fmt: skip
# Bits of activations and weights, PE, SIMD; four steps and four rows a vector, one-bit and four-bit results.
UNITS = {"MVU 10 x 128, 1 bit": (1, 10, 128), "MVU 8 x 32, 4 bits": (4, 8, 32)}
GOAL_EXAMPLE, GOAL_UNIT = 150, 200
SEEDS = (1, 2, 3)  # of the placement; the first one that meets the goal, as one does with any FPGA


def unit(bits, pe, simd, seed=1):
    """Return the Verilog of a lone matrix-vector unit with random weights and thresholds, as module ``mvu``."""
    from amaranth.back import verilog

    from fewbit.golden.network.dense import Dense
    from fewbit.golden.network.graph import Edge
    from fewbit.golden.network.pointwise import Threshold
    from fewbit.golden.numbers.formats import Bipolar, Signed, Unsigned
    from fewbit.hw.folding import LayerFolding
    from fewbit.hw.layer.matrix_vector_unit import MatrixVectorUnit
    from fewbit.hw.layer.plan import LayerPlan

    x, w = (Bipolar(), Bipolar()) if bits == 1 else (Unsigned(bits), Signed(bits))
    inputs, neurons = 4 * simd, 4 * pe
    rng = np.random.default_rng(seed)
    dense = Dense("dense", "x", "acc", rng.choice(w.values, (neurons, inputs)))
    edges = {"x": Edge(x, np.full(inputs, x.lo), np.full(inputs, x.hi))}
    edges["acc"] = dense.out(edges["x"])
    spread = np.sqrt(inputs) * np.std(x.values) * np.std(w.values)
    cuts = np.sort(np.rint(rng.normal(0, spread, (neurons, x.levels - 1))).astype(np.int64), axis=1)
    act = Threshold("act", "acc", "y", cuts, None, x)
    edges["y"] = act.out(edges["acc"])
    plan = LayerPlan(dense, act, edges, LayerFolding(pe, simd))
    return verilog.convert(MatrixVectorUnit(plan), name="mvu", emit_src=False, strip_internal_attrs=True)


def verilog_of(name):
    """Return ``(path, top, layers)`` of what ``name`` stands for."""
    if name in UNITS:
        path = BUILD / "bench" / "clock" / f"{'_'.join(map(str, UNITS[name]))}.v"
        atomic_write(path, unit(*UNITS[name]))
        return path, "mvu", ()
    from fewbit.flow.project.project import Project

    project = Project(HOME / "examples" / f"{name}.onnx", directory=BUILD / "bench" / "clock" / name)
    project.generate()
    return project.verilog, "accelerator", project.manifest()["layers"]


def clock_of(name, device, speed, seed):
    """Return what `flow.project.placed.placed` says of an example or a unit."""
    path, top, layers = verilog_of(name)
    found = place(path, top, device=device, speed=speed, seed=seed)
    result = placed(found, path.read_text(encoding="utf-8"), top, layers).to_dict()
    print(f"bench: {name}: {result['fmax_mhz']:.1f} MHz; {result['critical_path']['words']}", flush=True)
    return result


def goal_of(name):
    """Return the MHz that a design of the table should reach."""
    return GOAL_UNIT if name in UNITS else GOAL_EXAMPLE


def measure(names=(*EXAMPLES, *UNITS), device="ecp5-85k", speed=8, seeds=SEEDS):
    """Return the fastest `clock_of` of each design, by name, with the MHz of all ``seeds`` that were tried.

    The last of these is the first that meets the goal.
    """
    results = {}
    for name in names:
        tried = {}
        for seed in seeds:
            tried[seed] = clock_of(name, device, speed, seed)
            if tried[seed]["fmax_mhz"] >= goal_of(name):
                break
        best = max(tried.values(), key=lambda found: found["fmax_mhz"])
        results[name] = best | {"seeds": {str(seed): found["fmax_mhz"] for seed, found in tried.items()}}
    return results


def complete(results):
    """Say whether all designs have been measured."""
    return {*EXAMPLES, *UNITS} <= {*results}


def render(results):
    """Return the section as Markdown."""
    rows = []
    for name, r in results.items():
        goal, path = goal_of(name), r["critical_path"]
        rows.append([
            name, " / ".join(f"{mhz:.0f}" for mhz in r["seeds"].values()),
            goal if r["fmax_mhz"] >= goal else f"{goal}, missed",
            *(r["used"][kind] for kind in ("lut4", "ff", "bram", "dsp")), path["words"].replace("|", "/"),
        ])  # fmt: skip
    rows += [[name, "not measured yet", *[None] * 6] for name in (*EXAMPLES, *UNITS) if name not in results]
    heads = ["design", "MHz", "goal", "LUT4", "FF", "BRAM", "DSP", "critical path"]
    return TEXT.format(table=page.table(heads, rows))


TEXT = """\
`synth_ecp5` and nextpnr for an ECP5-85F, speed grade 8; `fewbit pnr` does the same for one model. Where several
clocks are given, they are of the seeds 1, 2 and 3 of the placement, up to the first that meets the goal. The
examples are in their default folding, target `portable`; the units are four steps by four rows of random weights
and thresholds. A register behind a block RAM is put into the RAM's own output register, as vendors' synthesis does
and Yosys does not (`flow/eda/output_registers.py`).

{table}

What limits a large unit is the way of one signal to all PEs. A unit of 16 x 64 at 4 bits, 63 % of the part, was not
brought to an end: routing still went on after an hour."""


def main():
    parser = argparse.ArgumentParser(prog="python -m bench.sections.clock", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join((*EXAMPLES, *UNITS))}")
    parser.add_argument("--device", choices=DEVICES, default="ecp5-85k")
    parser.add_argument("--speed", type=int, choices=SPEEDS, default=8)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    args = parser.parse_args()
    unknown = set(args.names) - {*EXAMPLES, *UNITS}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if args == parser.parse_args([]):
        page.section("bench.sections.clock")
    else:
        found = measure(args.names or (*EXAMPLES, *UNITS), args.device, args.speed, args.seeds)
        print(f"\n{render(found)}")


if __name__ == "__main__":
    main()
