"""The layers of a model as a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fewbit.flow.project.folded_model import FoldedModel
from fewbit.flow.project.layer_rows import LayerRow, layer_rows
from fewbit.flow.results import JsonResult

__all__ = ["LayerRow", "LayerTable", "layer_table"]


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
    return LayerTable(
        model=project.model,
        input=project.network.input_spec,
        layers=layer_rows(project),
        notes=list(project.network.notes),
    )
