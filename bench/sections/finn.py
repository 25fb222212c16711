"""The FINN paper's three networks at its three foldings, synthesized, beside what the paper says of them.

``python -m bench.sections.finn`` measures them, keeps ``docs/benchmarks/finn.json`` and writes the page.
"""

from dataclasses import asdict

from bench import page
from bench.networks.cnv import cnv
from bench.networks.mlp import LFC, SFC, mlp
from fewbit.flow.eda.synth import synthesize
from fewbit.flow.folding.folding import fold
from fewbit.flow.project.project import Project
from fewbit.hw.folding import Folding
from fewbit.hw.targets.named import USUAL, all_parts
from fewbit.places import BUILD
from fewbit.sim.cycles.model import predict_steady

NAME, HEADING = "finn", "The networks of the FINN paper"
FOLDER = BUILD / "bench" / "finn"
PART = all_parts()["xc7z045"]
CLOCK = 200e6  # Hz
TIMEOUT = 1800

# Published: cycles a frame, frames/s, latency in µs, LUTs, block RAMs of 36 Kbit, and which of these were not re-read.
PAPER = {
    "SFC-max": (16, 12.3e6, 0.31, 91_131, 4.5, ()),
    "LFC-max": (128, 1.56e6, 2.44, 82_988, 396, ("lut", "bram")),
    "CNV-max": (9130, 21_906, 283, 46_253, 186, ("lut", "bram")),
}
WRITERS = {"SFC-max": lambda p: mlp(p, SFC), "LFC-max": lambda p: mlp(p, LFC), "CNV-max": cnv}


def measure():
    """Return our figures, by name: timing, resources in all and by stage."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    results = {}
    for name, write in WRITERS.items():
        print(f"bench: {name}", flush=True)
        model = FOLDER / f"{name}.onnx"
        write(model)
        results[name] = measured(model, PAPER[name][0])
    return results


def measured(model, cycles):
    """Return a model's figures, folded to so many cycles a frame."""
    project = Project(model, folding=Folding(), directory=model.with_suffix(""), target=USUAL)
    project.folding = fold(project.network, cycles)
    timing = predict_steady(project.plan)
    project.generate()
    whole = synthesize(project.verilog, "accelerator", family=PART.family, timeout=TIMEOUT)
    numbers = asdict(whole)
    return {
        "interval": timing.interval,
        "latency": timing.latency,
        "resources": {kind: numbers[kind] for kind in ("lut", "lutram", "ff", "carry4", "bram18", "bram36")},
        "arrays": whole.cells["LUT6_2"],
        "layers": {
            name: {"pe": plan.pe, "simd": plan.simd, "words": plan.shape.words,
                   "bits": plan.shape.words * plan.pe * plan.simd * plan.numbers.weight_bits}
            for name, plan in project.plan.layers.items()
        },
    }  # fmt: skip


def render(results):
    """Return the section as Markdown."""
    rows, layers = [], []
    for name, r in results.items():
        cycles, rate, latency, lut, bram, unread = PAPER[name]
        ours, mark = r["resources"], {kind: " (not re-read)" if kind in unread else "" for kind in ("lut", "bram")}
        blocks = (ours["bram18"] + 2 * ours["bram36"]) / 2
        rows += [
            [name, "FINN", cycles, f"{rate:,.0f}", f"{latency:.2f} µs", f"{lut:,}{mark['lut']}", "",
             f"{bram:g}{mark['bram']}", f"{lut / PART.lut:.0%}"],
            ["", "fewbit", r["interval"], f"{CLOCK / r['interval']:,.0f}", f"{r['latency'] / CLOCK * 1e6:.2f} µs",
             f"{ours['lut']:,}", ours["ff"], f"{blocks:g}", f"{ours['lut'] / PART.lut:.0%}"],
        ]  # fmt: skip
        products = sum(n["pe"] * n["simd"] for n in r["layers"].values())
        folding = ", ".join(f"{n['pe']} x {n['simd']} ({n['words']:,})" for n in r["layers"].values())
        rest = ours["lut"] - r["arrays"] - ours["lutram"]
        layers.append([name, folding, products, r["arrays"], ours["lutram"], rest, ours["lut"] / products])
    heads = ["network", "", "cycles a frame", "frames/s at 200 MHz", "latency", "LUT", "FF", "BRAM36", "LUT of part"]
    return TEXT.format(
        table=page.table(heads, rows), part=PART.name,
        layers=page.table(["network", "PE x SIMD (words of weights) by layer", "products a cycle",
                           "LUT6_2: arrays, weights", "LUTRAM", "other LUTs", "LUT a product"], layers),
    )  # fmt: skip


TEXT = """FINN's figures are published (Umuroglu and others, FPGA 2017; ZC706 with the {part}, 200 MHz); those marked
"not re-read" are from memory and were not checked against the paper. Ours are `fewbit build --target xilinx`, folded to
the same cycles a frame, and `synth_xilinx`. SFC is 784-256-256-256-10 and LFC 784-1024-1024-1024-10, one bit a
pixel, declared as `bipolar`, with an ArgMax at the end; CNV takes raw 8-bit pixels and gives ten sums. Weights and
activations have one bit, with batch norm between a product and its activation.

{table}

What differs, besides the designs: FINN's figures are Vivado's, of trained weights; ours are Yosys's before packing and
placement, a LUT6_2 as one, of random weights, of which no synthesis can leave any out, and with the AXI4-Stream shell.
Our frames a second are the cycle model's interval at 200 MHz; no place and route has shown that clock for these
designs. Latency is ours from the first input's beat to the last result's, with all registers between LUT levels; where
it is longer than FINN's, it is for these and for queues. Block RAMs of 18 Kbit count as half.

Where our LUTs go: dot products, accumulators and the weights that are in LUTs are LUT6_2, made one by one by the
generator; other LUTs are windows, gearboxes and control.

{layers}"""


if __name__ == "__main__":
    page.section("bench.sections.finn")
