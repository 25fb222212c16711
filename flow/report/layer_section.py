"""Section: a table of the layers, under the model's own names."""

from dataclasses import dataclass

from fewbit.flow.project.synthesized import Used
from fewbit.flow.results import JsonResult

from .blocks import pipeline_blocks
from .obtained import Means, Obtained
from .subject import ReportSubject

__all__ = ["LayerFigures", "LayersFigures", "layers_figures"]


@dataclass(frozen=True, kw_only=True)
class LayerFigures(JsonResult):
    """A layer.

    Attributes
    ----------
    name : str
    pixels, groups, neurons, inputs : int
        Pixels of a frame, groups of channels, neurons of all groups, and inputs of each neuron.
    kernel : list of int
        Rows and columns of the window in front of it; empty for none.
    macs, weight_bits : int
        Multiplications of a frame; bits of its weights.
    activations, weights, output : str
        Formats of what it reads, of its weights, and of what it gives.
    pe, simd : int
    cycles : int
        Cycles of a frame.
    busy : float
        Their share of the cycles between frames.
    cost : dict of str to int
        What it takes by the estimate, with the window in front of it, by the resource.
    synthesized : dict of str to int, or None
        What synthesis counted of the layer with what feeds it alone, its window and its gearbox.
    reported : dict of str to int, or None
        What Vivado counted of the layer with what feeds it, if that was imported.
    weights_in, products_in : str
        Where its weights are, and what makes its products.
    """

    name: str
    pixels: int
    groups: int
    neurons: int
    inputs: int
    kernel: list[int]
    macs: int
    weight_bits: int
    activations: str
    weights: str
    output: str
    pe: int
    simd: int
    cycles: int
    busy: float
    cost: dict[str, int]
    synthesized: dict[str, int] | None
    reported: dict[str, int] | None
    weights_in: str
    products_in: str


@dataclass(frozen=True, kw_only=True)
class LayersFigures(JsonResult):
    """All layers, in the order of the pipeline, and how their figures were obtained."""

    layers: list[LayerFigures]
    obtained: list[Obtained]


_COUNTED = ("lut", "ff", "bram18", "bram36", "dsp")


def layers_figures(subject: ReportSubject) -> LayersFigures:
    """Return the layers of a build."""
    project, synthesized, reported = subject.project, subject.synthesized, subject.reported
    inside = {block.name: block.stages for block in pipeline_blocks(subject)}
    rows = []
    for name, plan in project.layer_plans.items():
        layer, folded = subject.layers[name], project.folding[name]
        stages = [] if synthesized is None else [synthesized.stages.get(one) for one in inside[name]]
        vivado = None if reported is None else reported.layers.get(name)
        rows.append(LayerFigures(
            name=name, pixels=layer.pixels, groups=layer.groups, neurons=layer.groups * layer.neurons,
            inputs=layer.inputs, kernel=[] if layer.window is None else list(layer.window.window.kernel),
            macs=layer.macs, weight_bits=subject.weight_bits(name),
            activations=str(plan.x_format), weights=str(layer.weight_format), output=str(plan.format),
            pe=plan.pe, simd=plan.simd, cycles=layer.cycles(folded),
            busy=round(layer.cycles(folded) / subject.interval, 4), cost=subject.design.layers[name].by_resource,
            synthesized=_together(stages),
            reported=None if vivado is None else vivado.reported, weights_in=plan.weights_in,
            products_in=plan.products_in,
        ))  # fmt: skip
    return LayersFigures(layers=rows, obtained=list(_obtained(subject)))


def _together(stages: list[Used | None]) -> dict[str, int] | None:
    """Return what stages take together; None where there are none, or synthesis did not count one."""
    if not stages or None in stages:
        return None
    return {kind: sum(getattr(stage, kind) for stage in stages) for kind in _COUNTED}


def _obtained(subject):
    """Yield how the columns of the table were obtained."""
    yield Obtained(
        means=Means.COMPUTED, text="cycles and busy time: by the cycle model, which simulation confirms to the cycle",
        command=subject.simulate,
    )  # fmt: skip
    yield Obtained(
        means=Means.ESTIMATED, text="LUTs and flip-flops by formulas, memories and DSPs by the plan of the hardware",
        command=subject.model_command("fold"),
    )  # fmt: skip
    if subject.synthesized is not None:
        yield Obtained(
            means=Means.SYNTHESIZED, text="by Yosys, the layer with its window and its gearbox",
            command=subject.command("synth"),
        )  # fmt: skip
    if subject.reported is not None:
        yield Obtained(means=Means.REPORTED, text=f"by Vivado {subject.reported.vivado}, {subject.reported.state}",
                       command=subject.command("import-reports"))  # fmt: skip
