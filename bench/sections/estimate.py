"""The formulas that folding goes by, against synthesis: every example's layers and its total.

``python -m bench.sections.estimate`` measures them, keeps ``docs/benchmarks/estimate.json`` and writes the page.
"""

from bench import page
from fewbit.flow.eda.synth import synthesize, synthesize_parts
from fewbit.flow.folding.cost import cost_of_unit
from fewbit.flow.folding.layers import layers_of
from fewbit.flow.folding.search import estimate_all
from fewbit.flow.project.project import Project
from fewbit.hw.targets.named import USUAL
from fewbit.places import BUILD, HOME

NAME, HEADING = "estimate", "Estimates against synthesis"
EXAMPLES = ("digits/float32", "digits/w1a1", "digits/w1a2", "digits/ternary", "digits/w4a4", "digits/w8a8",
            "digits-cnn/w1a1", "digits-cnn/w2a2", "fashion/w1a1", "fashion/w2a2", "fashion/separable",
            "fashion/resnet")  # fmt: skip
TOTAL, LAYER = 0.10, 0.15  # how far an estimate may be off


def measure(examples=EXAMPLES):
    """Return the LUTs by estimate and by synthesis, by example: of each layer's matrix-vector unit, and of all."""
    return {name: measured(name) for name in examples}


def measured(name):
    """Return the figures of one example in its default folding."""
    print(f"bench: {name}", flush=True)
    folder = BUILD / "bench" / "estimate" / name
    project = Project(HOME / "examples" / f"{name}.onnx", directory=folder, target=USUAL)
    project.generate()
    layers = layers_of(project.network)
    whole = synthesize(project.verilog, "accelerator")
    parts = synthesize_parts(project.verilog, "accelerator", {n: f"accelerator.accelerator.{n}" for n in layers})
    return {
        "layers": {n: (cost_of_unit(layer, project.folding[n]).lut, parts[n].lut) for n, layer in layers.items()},
        "total": (estimate_all(layers, project.folding).lut, whole.lut),
    }


def off(pair):
    """Return by how much the estimate is more than what was measured, as a share of that."""
    estimate, found = pair
    return estimate / found - 1


def render(results):
    """Return the section as Markdown."""
    rows = []
    for name, found in results.items():
        worst = max(found["layers"], key=lambda n: abs(off(found["layers"][n])))
        rows.append([
            name, round(found["total"][0]), found["total"][1], f"{off(found['total']):+.0%}",
            f"{worst}: {off(found['layers'][worst]):+.0%}",
        ])  # fmt: skip
    layers = [pair for found in results.values() for pair in found["layers"].values()]
    return TEXT.format(
        table=page.table(["example", "LUTs, estimated", "by Yosys", "off by", "layer furthest off"], rows),
        within=sum(abs(off(pair)) <= LAYER for pair in layers), count=len(layers), limit=LAYER,
        good=sum(abs(off(found["total"])) <= TOTAL for found in results.values()), all=len(results), total=TOTAL,
    )  # fmt: skip


TEXT = """What `fewbit fold` goes by (`flow/folding/cost.py`) for the target `xilinx`, and `synth_xilinx` of the same
design in its default folding, flattened; a layer is its matrix-vector unit, synthesized with its boundary kept.

{table}

Within {total:.0%}: {good} of {all} examples. Within {limit:.0%}: {within} of {count} layers."""


if __name__ == "__main__":
    page.section("bench.sections.estimate")
