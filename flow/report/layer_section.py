"""Section: a table of the layers, under the model's own names."""

from dataclasses import dataclass

from fewbit.flow.project.layer_rows import LayerRow, layer_rows
from fewbit.flow.project.synthesized import Used
from fewbit.flow.results import JsonResult

from .blocks import pipeline_blocks
from .obtained import Means, Obtained
from .subject import ReportSubject

__all__ = ["LayerFigures", "LayersFigures", "layers_figures"]


@dataclass(frozen=True, kw_only=True)
class LayerFigures(LayerRow):
    """A layer of a build.

    Attributes
    ----------
    kernel : list of int
        Rows and columns of the window in front of it; empty for none.
    busy : float
        The share of the cycles between frames in which it works.
    cost : dict of str to int
        What it takes by the estimate, with the window in front of it, by the resource.
    synthesized : dict of str to int, or None
        What synthesis counted of the layer with what feeds it alone, its window and its gearbox.
    reported : dict of str to int, or None
        What Vivado counted of the layer with what feeds it, if that was imported.
    weights_in, products_in : str
        Where its weights are, and what makes its products.
    """

    kernel: list[int]
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
    for row in layer_rows(project):
        layer, plan = subject.layers[row.layer], project.layer_plans[row.layer]
        stages = [] if synthesized is None else [synthesized.stages.get(one) for one in inside[row.layer]]
        vivado = None if reported is None else reported.layers.get(row.layer)
        rows.append(LayerFigures(
            **vars(row), kernel=[] if layer.window is None else list(layer.window.window.kernel),
            busy=round(row.cycles / subject.interval, 4), cost=subject.design.layers[row.layer].by_resource,
            synthesized=_together(stages), reported=None if vivado is None else vivado.reported,
            weights_in=plan.weights_in, products_in=plan.products_in,
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
