"""The layers of a model as a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fewbit.flow.project.folded_model import FoldedModel
from fewbit.flow.results import JsonResult

__all__ = ["LayerRow", "LayerTable", "layer_table"]


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
        Its default folding, and the cycles a frame that it then takes.
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


@dataclass(frozen=True, kw_only=True)
class LayerTable(JsonResult):
    """The layers of a model, in order: an iterable of `LayerRow`, also by name or number."""

    model: Path
    input: str
    layers: list[LayerRow]
    notes: list[str]

    def __iter__(self) -> Iterator[LayerRow]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, layer: str | int) -> LayerRow:
        if isinstance(layer, int):
            return self.layers[layer]
        found = next((row for row in self.layers if row.layer == layer), None)
        if found is None:
            raise KeyError(f"no layer {layer!r}; there are {', '.join(row.layer for row in self.layers)}")
        return found


def layer_table(project: FoldedModel) -> LayerTable:
    """Return the layers of a project, in its folding.

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
    return LayerTable(
        model=project.model, input=project.network.input_spec, layers=rows, notes=list(project.network.notes)
    )
