"""Writing ONNX models: nodes, constants and quantizers of QONNX one after the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike
from onnx import helper, numpy_helper

from .domains import ONNX, QONNX, STANDARD_DOMAINS, VERSIONS
from .node_order import needed

__all__ = ["ModelBuilder"]

_OPSET = 13
_IR_VERSION = 8


class ModelBuilder:
    """An ONNX model under construction. Tensors are known by their names.

    Parameters
    ----------
    opset : int
        Version of ONNX's own operators. Versions of other domains are those of `golden.model_file.domains.VERSIONS`.
    name : str
        Name of the graph.
    ir_version : int
        Version of the file format.

    Attributes
    ----------
    nodes : list of NodeProto
        The nodes in the order in which they were added.
    constants : dict of arrays
        The initializers by the names of their tensors. They may be replaced until the model is made.
    inputs, outputs : list of ValueInfoProto
        The declared inputs and outputs.
    """

    def __init__(self, *, opset: int = _OPSET, name: str = "main", ir_version: int = _IR_VERSION):
        self.opset, self.name, self.ir_version = opset, name, ir_version
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

    # Tensors

    def add_input(self, name: str, shape: Sequence[int | str], dtype: DTypeLike = np.float32) -> str:
        """Declare an input and return its name.

        ``shape`` has a number or a name for every axis.
        """
        self.inputs.append(helper.make_tensor_value_info(name, _type_of(dtype), list(shape)))
        return name

    def add_output(
        self, name: str, shape: Sequence[int | str] | None = None, dtype: DTypeLike | None = np.float32
    ) -> None:
        """Declare a tensor as an output; without ``dtype`` neither its type nor its shape is said."""
        if dtype is None:
            self.outputs.append(helper.make_empty_tensor_value_info(name))
        else:
            self.outputs.append(helper.make_tensor_value_info(name, _type_of(dtype), shape and list(shape)))

    def constant(self, value: ArrayLike, name: str | None = None, dtype: DTypeLike = np.float32) -> str:
        """Add an initializer and return its name, which is made up where none is given.

        Raises
        ------
        ValueError
            If there is one of that name.
        """
        name = f"c{len(self.constants)}" if name is None else name
        if name in self.constants:
            raise ValueError(f"Model already has a constant {name!r}")
        self.constants[name] = np.asarray(value, dtype=dtype)
        return name

    # Nodes

    @overload
    def add(self, kind: str, /, *inputs: ArrayLike, y: str | None = None, name: str | None = None, domain: str = ONNX,
            **attributes: Any) -> str: ...  # fmt: skip

    @overload
    def add(self, kind: str, /, *inputs: ArrayLike, y: list[str], name: str | None = None, domain: str = ONNX,
            **attributes: Any) -> list[str]: ...  # fmt: skip

    def add(
        self,
        kind: str,
        /,
        *inputs: ArrayLike,
        y: str | list[str] | None = None,
        name: str | None = None,
        domain: str = ONNX,
        **attributes: Any,
    ) -> str | list[str]:
        """Add a node and return the name of its output, or the list of its outputs' names.

        Parameters
        ----------
        kind : str
            The operator's name.
        inputs : str or array-like
            Names of tensors; whatever is no name becomes a constant of float32.
        y : str, list of str, or None
            The name of the output, or of each of several outputs; it is made up where there is none.
        name : str or None
            The node's name; that of its output where there is none.
        domain : str
            The operator's domain.
        attributes
            The operator's attributes, as Python values.
        """
        y = f"{kind}{len(self.nodes)}" if y is None else y
        made = [y] if isinstance(y, str) else list(y)
        operands = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        name = made[0] if name is None else name
        self.nodes.append(helper.make_node(kind, operands, made, name=name, domain=domain or None, **attributes))
        return y

    def append(self, node: onnx.NodeProto) -> list[str]:
        """Add a node of another model as it is, and return its outputs' names."""
        copied = onnx.NodeProto()
        copied.CopyFrom(node)
        self.nodes.append(copied)
        return list(node.output)

    def quant(
        self,
        x: ArrayLike,
        scale: ArrayLike,
        zero: ArrayLike,
        bits: ArrayLike,
        *,
        signed: bool,
        narrow: bool = False,
        rounding: str = "ROUND",
        y: str | None = None,
        name: str | None = None,
        domain: str = QONNX,
    ) -> str:
        """Add QONNX's ``Quant`` (Pappalardo and others 2022) and return the name of its output.

        ``x``, ``scale``, ``zero`` and ``bits`` are names of tensors, or numbers.
        """
        return self.add("Quant", x, scale, zero, bits, y=y, name=name, domain=domain, signed=int(signed),
                        narrow=int(narrow), rounding_mode=rounding)  # fmt: skip

    def bipolar_quant(
        self, x: ArrayLike, scale: ArrayLike, *, y: str | None = None, name: str | None = None, domain: str = QONNX
    ) -> str:
        """Add QONNX's ``BipolarQuant`` and return the name of its output; ``x`` and ``scale`` as those of `quant`."""
        return self.add("BipolarQuant", x, scale, y=y, name=name, domain=domain)

    # The model

    def model(
        self, metadata: dict[str, str] | None = None, *, producer: str = "", only_needed: bool = False
    ) -> onnx.ModelProto:
        """Return the ``ModelProto``, which imports the domains that its nodes have.

        Parameters
        ----------
        metadata : dict of str, or None
            The model's properties.
        producer : str
            Name of the program that has made the model.
        only_needed : bool
            Whether nodes and constants that no output depends on are left out.
        """
        nodes, constants = self.nodes, self.constants
        if only_needed:
            ends = [output.name for output in self.outputs]
            nodes = needed(nodes, ends)
            used = {name for node in nodes for name in node.input}.union(ends)
            constants = {name: array for name, array in constants.items() if name in used}
        tensors = [numpy_helper.from_array(np.asarray(array, order="C"), name) for name, array in constants.items()]
        graph = helper.make_graph(nodes, self.name, self.inputs, self.outputs, tensors)
        opsets = [helper.make_opsetid(domain, version) for domain, version in self._versions(nodes).items()]
        more = {"producer_name": producer} if producer else {}
        model = helper.make_model(graph, opset_imports=opsets, ir_version=self.ir_version, **more)
        if metadata:
            helper.set_model_props(model, metadata)
        return model

    def save(self, path: Path, metadata: dict[str, str] | None = None, **options: Any) -> None:
        """Write what `model` returns for these arguments to a path; the same calls give the same bytes."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.model(metadata, **options).SerializeToString(deterministic=True))

    def _versions(self, nodes: list[onnx.NodeProto]) -> dict[str, int]:
        """Return the version of every domain that the nodes have, ONNX's own first."""
        used = {node.domain for node in nodes}.difference(STANDARD_DOMAINS)
        known = [domain for domain in VERSIONS if domain in used]
        return {ONNX: self.opset} | {domain: VERSIONS.get(domain, 1) for domain in [*known, *sorted(used - set(known))]}


def _type_of(dtype: DTypeLike) -> int:
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
