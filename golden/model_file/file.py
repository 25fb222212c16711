"""Reading ONNX files: load, check, and evaluate what is constant, with errors that a person can act on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import checker, helper, numpy_helper

from fewbit.golden.limits import time_and_memory
from fewbit.golden.limits.limit import ModelError, one_line

from .describe import describe
from .domains import STANDARD_DOMAINS
from .evaluate import evaluate
from .metadata import INPUT_KEY
from .node_order import in_order, needed
from .source import ModelSource, names_of

__all__ = [
    "FLOAT_TYPES", "INPUT_KEY", "FileInput", "ModelError", "ModelSource", "OnnxFile", "attributes_of", "describe",
    "evaluate",
]  # fmt: skip

_ALL_TYPES = set(onnx.TensorProto.DataType.values())
_MOST_INPUTS = 1 << 24  # values of one sample
_MOST_STREAMS = 32  # inputs, each of which has ports of its own
FLOAT_TYPES: dict[int, str] = {
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.DOUBLE: "double",
    onnx.TensorProto.FLOAT16: "float16",
}
"""Types of floats by ONNX's number of them."""
_INTEGER_TYPES: dict[int, str] = {
    onnx.TensorProto.UINT8: "uint8", onnx.TensorProto.INT8: "int8",
    onnx.TensorProto.UINT16: "uint16", onnx.TensorProto.INT16: "int16",
}  # fmt: skip
_OPSETS = range(7, 26)  # of which nothing that is imported means something else than here


def attributes_of(node: onnx.NodeProto) -> dict[str, Any]:
    """Return the node's attributes by their names, as Python values with strings decoded."""
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}


@dataclass(frozen=True)
class FileInput:
    """An input of a model.

    Attributes
    ----------
    name : str
    shape : tuple of int
        Its shape, with 1 as the batch axis.
    dtype : str
        Its type: ``float32``, ``double`` or ``float16``, ``uint8`` and the like.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def type(self) -> str | None:
        """The type of an input of integers, None for floats."""
        return self.dtype if "int" in self.dtype else None


class OnnxFile:
    """A checked model: its nodes in order, constants by name, the inputs and the outputs.

    Parameters
    ----------
    model : path or ModelSource

    Attributes
    ----------
    path : Path
        The file that the model was read from.
    name : str
        The file's name without its ending.
    nodes : list of NodeProto
        The nodes in topological order; those that no output depends on are left out.
    constants : dict of arrays
        The initializers by the names of their tensors.
    inputs : tuple of FileInput
        The inputs that some node reads.
    batch : int
        The batch size that the model was exported for; 0 if any.
    outputs : list of str
        The names of the outputs.
    metadata : dict of str
        The model's properties.
    opset : int
        Version of ONNX's own operators.

    Raises
    ------
    ModelError
        If the file cannot be read, is not valid, or has no inputs of known shapes.
    """

    def __init__(self, model: Path | str | ModelSource):
        source = model if isinstance(model, ModelSource) else ModelSource(model)
        self.path = source.path
        self.name = self.path.stem
        time_and_memory.entering("its graph")
        proto = source.proto
        graph = proto.graph
        if not graph.node or not graph.output:
            raise ModelError(f"{self.path}: the graph is empty (no {'outputs' if graph.node else 'nodes'})")
        versions = [o.version for o in proto.opset_import if o.domain in STANDARD_DOMAINS]
        if not versions:
            raise ModelError(f"{self.path}: the model does not say which ONNX opset it uses")
        self.opset: int = max(versions)
        if self.opset not in _OPSETS:
            nearest = _OPSETS[0] if self.opset < _OPSETS[0] else _OPSETS[-1]
            raise ModelError(
                f"{self.path}: it is of ONNX opset {self.opset}, and {_OPSETS[0]} to {_OPSETS[-1]} are supported; "
                f"convert it with onnx.version_converter.convert_version(onnx.load(path), {nearest}), or export it so"
            )
        self.metadata: dict[str, str] = {p.key: p.value for p in proto.metadata_props}
        self.constants = {tensor.name: self._array(tensor) for tensor in graph.initializer}
        given = [i for i in graph.input if i.name not in self.constants]
        if not given:
            raise ModelError(f"{self.path}: the model has no input")
        self.outputs: list[str] = [o.name for o in graph.output]
        self.nodes = needed(in_order(graph, {*self.constants, *(i.name for i in given)}), self.outputs)
        self._take_inputs(given)
        for node in self.nodes:
            self._check(node, proto.ir_version)

    def _take_inputs(self, given: Sequence[onnx.ValueInfoProto]) -> None:
        """Check the inputs that are read, all of them if none is, and set ``inputs`` and ``batch``."""
        read = {name for node in self.nodes for name in node.input}
        given = [i for i in given if i.name in read] or given
        if len(given) > _MOST_STREAMS:
            names = names_of([i.name for i in given])
            raise ModelError(f"{self.path}: has {len(given)} inputs ({names}); {_MOST_STREAMS} are supported")
        self.inputs: tuple[FileInput, ...] = tuple(map(self._input, given))
        self.batch: int = max(_batch_of(i) for i in given)

    def _input(self, given: onnx.ValueInfoProto) -> "FileInput":
        tensor, where = given.type.tensor_type, f"{self.path}: input {given.name!r}"
        kind = (FLOAT_TYPES | _INTEGER_TYPES).get(tensor.elem_type)
        if kind is None:
            known = onnx.TensorProto.DataType.Name(tensor.elem_type) if tensor.elem_type in _ALL_TYPES else "unknown"
            raise ModelError(f"{where} must be of floats, or (u)int8 or (u)int16, not of ONNX type {known.lower()}")
        if not tensor.HasField("shape"):
            raise ModelError(f"{where} has no shape; export the model with one")
        dims = [d.dim_value if d.HasField("dim_value") else 0 for d in tensor.shape.dim]
        if len(dims) < 2 or any(d <= 0 for d in dims[1:]):
            raise ModelError(f"{where} must have the shape (batch, ...) with known sizes, not {tuple(dims)}")
        if np.prod([float(d) for d in dims[1:]]) > _MOST_INPUTS:
            raise ModelError(f"{where} must have at most {_MOST_INPUTS} values a sample, not shape {tuple(dims)}")
        return FileInput(given.name, (1, *dims[1:]), kind)

    @property
    def only(self) -> "FileInput":
        """The one input; raise `ModelError` if there are several."""
        if len(self.inputs) > 1:
            names = names_of([i.name for i in self.inputs])
            raise ModelError(f"{self.path}: has {len(self.inputs)} inputs ({names}); this takes models of one input")
        return self.inputs[0]

    def _array(self, tensor: onnx.TensorProto) -> np.ndarray:
        """Return the values of an initializer, of which only single numbers may be infinite."""
        try:
            array = numpy_helper.to_array(tensor, base_dir=str(self.path.parent))
        except MemoryError:
            raise
        except Exception as error:  # onnx raises many kinds for a damaged or missing tensor
            raise ModelError(
                f"{self.path}: the data of tensor {tensor.name!r} cannot be read: {one_line(error)}"
            ) from None
        # A single infinite number may be the open bound of a Clip; elsewhere it is refused where it is used.
        if array.dtype.kind == "f" and (np.isnan(array).any() or (array.size > 1 and np.isinf(array).any())):
            raise ModelError(f"{self.path}: tensor {tensor.name!r} holds NaN or infinite values; retrain or repair it")
        return array

    def _check(self, node: onnx.NodeProto, ir_version: int) -> None:
        """Check attributes and the number of operands against ONNX's own schema, where it has one."""
        if node.domain not in STANDARD_DOMAINS or not onnx.defs.has(node.op_type):
            return
        context = checker.C.CheckerContext()
        context.ir_version = ir_version
        context.opset_imports = {"": self.opset}
        try:
            checker.check_node(node, context)
        except Exception as error:  # of a damaged node, more kinds than ValidationError
            raise ModelError(f"{describe(node)}: not valid in opset {self.opset}: {one_line(error)}") from None


def _batch_of(given: onnx.ValueInfoProto) -> int:
    """Return the size of an input's first axis; 0 if it can be any."""
    dim = given.type.tensor_type.shape.dim[0]
    return max(0, dim.dim_value) if dim.HasField("dim_value") else 0
