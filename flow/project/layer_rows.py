"""What there is to say of each layer of a network in its folding."""

from dataclasses import dataclass

from fewbit.flow.results import JsonResult

from .folded_model import FoldedModel

__all__ = ["LayerRow", "layer_rows"]


@dataclass(frozen=True, kw_only=True)
class LayerRow(JsonResult):
    """A layer of a model.

    Attributes
    ----------
    layer : str
        Its name in manifests, foldings and tables.
    pixels, groups, inputs, neurons : int
        Pixels of a frame; groups of channels; inputs of a neuron; neurons of all groups together.
    parameters : int
        Weights.
    weight_bits : int
        Bits that they take in their format.
    macs : int
        Multiplications of a frame.
    activations, weights, output : str
        Formats of what it reads, of its weights, and of what it gives.
    pe, simd, cycles : int
        Its folding, and the cycles a frame that it takes.
    """

    layer: str
    pixels: int
    groups: int
    inputs: int
    neurons: int
    parameters: int
    weight_bits: int
    macs: int
    activations: str
    weights: str
    output: str
    pe: int
    simd: int
    cycles: int


def layer_rows(project: FoldedModel) -> list[LayerRow]:
    """Return the layers of a project, in the order of the pipeline.

    Raises
    ------
    ValueError
        If there is no hardware for the network in its folding.
    """
    rows = []
    for name, plan in project.layer_plans.items():
        pixels, weights = project.network.edges()[plan.dense.y].pixels, plan.dense.weights
        rows.append(LayerRow(
            layer=name, pixels=pixels, groups=plan.dense.groups, inputs=plan.inputs, neurons=len(weights),
            parameters=weights.size, weight_bits=weights.size * plan.dense.weight_format.bits,
            macs=pixels * weights.size, activations=str(plan.x_format), weights=str(plan.dense.weight_format),
            output=str(plan.format), pe=plan.pe, simd=plan.simd, cycles=plan.cycles,
        ))  # fmt: skip
    return rows
