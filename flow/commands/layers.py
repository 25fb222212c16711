"""``fewbit layers``: what the layers are called here and in the model."""

from dataclasses import dataclass
from typing import Annotated

import typer

from fewbit.flow.results import JsonResult

from .options import Input, Model, Output, Showing
from .registry import command

__all__ = ["NamedNode", "NamedNodes"]


@dataclass(frozen=True, kw_only=True)
class NamedNode(JsonResult):
    """A node of the network, with what it is called.

    Attributes
    ----------
    name : str
        Its name in tables, folding files, Verilog and waveforms.
    model_name : str or None
        The operator that it comes from: its name in the model, or its kind and number where it has none. None of what
        the importer adds at the end.
    operator : str or None
        That operator's kind.
    known_as : str
        Its name by kind and number, which folding files may use, too.
    kind : str
        What it is in the network.
    neurons, inputs : int or None
        Of a layer: its size.
    """

    name: str
    model_name: str | None
    operator: str | None
    known_as: str
    kind: str
    neurons: int | None
    inputs: int | None


@dataclass(frozen=True, kw_only=True)
class NamedNodes(JsonResult):
    """The layers of a model, or all its nodes, in order."""

    model: str
    nodes: list[NamedNode]


@command(rank=15, epilog="Example: `fewbit layers examples/fashion/resnet.onnx`")
def layers(
    *, model: Model, input_spec: Input = None, output: Output = "auto",
    every: Annotated[
        bool, typer.Option("--all", help="All nodes of the network, not only those with weights.")
    ] = False,
    showing: Showing,
):  # fmt: skip
    """List the layers: their names in folding files and Verilog, and the nodes of the model that they come from."""
    from fewbit.golden.importing.importer import import_model
    from fewbit.golden.network.dense import Dense, FloatDense

    report = showing.reporter()
    network = import_model(model, input_spec, output=output)
    nodes = []
    for node in network.nodes:
        shape = node.weights.shape if isinstance(node, Dense | FloatDense) else None
        if every or shape:
            nodes.append(_named(network, node, shape or (None, None)))
    report.show(NamedNodes(model=str(model), nodes=nodes), _table)


def _named(network, node, shape):
    origin, (neurons, inputs) = network.origins.get(node.name), shape
    return NamedNode(
        name=node.name, model_name=origin and origin.name, operator=origin and origin.operator,
        known_as=origin.known_as if origin else node.name, kind=type(node).__name__, neurons=neurons, inputs=inputs,
    )  # fmt: skip


def _table(report, r):
    rows = [
        (n.name, n.model_name or "–", n.operator or "–", n.known_as,
         n.kind if n.neurons is None else f"{n.inputs} → {n.neurons}")
        for n in r.nodes
    ]  # fmt: skip
    report.table(["layer", "node of the model", "operator", "also", "size"], rows, least=("size", "operator"))
