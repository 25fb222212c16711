"""Reading ONNX files: load, check, and evaluate what is constant, with errors that a person can act on."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

__all__ = ["ModelError", "OnnxFile", "attributes_of", "evaluate"]

INPUT_KEY = "fewbit.input"  # of the model's metadata: how raw integers become its floats


class ModelError(ValueError):
    """A model that cannot be imported; the message is one line: what, where, and what to do."""


def attributes_of(node):
    """The node's attributes as Python values, strings decoded."""
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}


def describe(node):
    """How an error names a node."""
    return f"node {node.name!r} ({node.op_type})" if node.name else f"node {node.op_type} that makes {node.output[0]!r}"


class OnnxFile:
    """A checked model: its nodes in order, constants by name, the input and the outputs.

    Attributes
    ----------
    path, name : where it came from; the file's stem
    nodes : list of NodeProto in topological order
    constants : dict of name to ndarray
    input_name, input_shape : the one input, with its batch axis as 1
    outputs : list of names
    metadata : dict
    opsets : list of opset imports, for evaluating single nodes
    """

    def __init__(self, path):
        self.path = Path(path)
        self.name = self.path.stem
        model = _load(self.path)
        graph = model.graph
        self.opsets = [o for o in model.opset_import if o.domain in ("", "ai.onnx")]
        self.metadata = {p.key: p.value for p in model.metadata_props}
        self.constants = {}
        for tensor in graph.initializer:
            self.constants[tensor.name] = self._array(tensor)
        self.nodes = _sorted(graph, self.constants)
        self.outputs = [o.name for o in graph.output]
        inputs = [i for i in graph.input if i.name not in self.constants]
        if not graph.node or not self.outputs:
            raise ModelError(f"{self.path}: the graph is empty (no {'outputs' if graph.node else 'nodes'})")
        if len(inputs) != 1:
            names = ", ".join(i.name for i in inputs) or "none"
            raise ModelError(f"{self.path}: a model must have exactly one input, this one has {len(inputs)} ({names})")
        self.input_name = inputs[0].name
        self.input_shape = _shape_of(self.path, inputs[0])

    def _array(self, tensor):
        try:
            array = numpy_helper.to_array(tensor, base_dir=str(self.path.parent))
        except Exception as error:  # onnx raises many kinds for a damaged or missing tensor
            raise ModelError(f"{self.path}: the data of tensor {tensor.name!r} cannot be read: {_line(error)}") from None
        if array.dtype in (np.float64, np.float16):
            array = array.astype(np.float32)
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            # Infinite bounds of a Clip are fine; anything else must be finite and is refused where it is used.
            if array.size > 1 or np.isnan(array).any():
                raise ModelError(f"{self.path}: tensor {tensor.name!r} holds NaN or infinite values; retrain or repair it")
        return array


def _line(error):
    return " ".join(str(error).split())[:200]


def _load(path):
    if not path.is_file():
        raise ModelError(f"{path}: no such file")
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # the protobuf library raises its own kinds for a damaged file
        raise ModelError(f"{path}: not a readable ONNX file: {_line(error)}") from None
    if not model.HasField("graph") or not (model.graph.node or model.graph.output or model.graph.input):
        raise ModelError(f"{path}: not a readable ONNX file, or its graph is empty")
    try:
        onnx.external_data_helper.load_external_data_for_model(model, str(path.parent))
    except Exception as error:
        raise ModelError(f"{path}: the external data of its tensors cannot be read: {_line(error)}") from None
    return model


def _sorted(graph, constants):
    """Nodes in an order in which every input is made before it is read (exporters promise it, editors break it)."""
    made = set(constants) | {i.name for i in graph.input} | {""}
    waiting, order = list(graph.node), []
    while waiting:
        ready = [n for n in waiting if all(i in made for i in n.input)]
        if not ready:
            node = waiting[0]
            missing = next(i for i in node.input if i not in made)
            raise ModelError(f"{describe(node)}: its input {missing!r} is made by no node (or the graph has a cycle)")
        order += ready
        made.update(o for n in ready for o in n.output)
        done = {id(n) for n in ready}
        waiting = [n for n in waiting if id(n) not in done]
    for output in graph.output:
        if output.name not in made:
            raise ModelError(f"output {output.name!r} is made by no node")
    return order


def _shape_of(path, value):
    if not value.type.tensor_type.HasField("shape"):
        raise ModelError(f"{path}: input {value.name!r} has no shape; export the model with one")
    dims = [d.dim_value if d.HasField("dim_value") else 0 for d in value.type.tensor_type.shape.dim]
    if dims:
        dims[0] = 1
    if len(dims) < 2 or any(d <= 0 for d in dims):
        raise ModelError(f"{path}: input {value.name!r} must have the shape (batch, ...) with known sizes, not {dims}")
    return tuple(dims)


def evaluate(file, node, inputs):
    """Outputs of ``node`` for constant ``inputs`` (arrays, ``None`` where left out), by onnxruntime."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    alone = onnx.NodeProto()
    alone.CopyFrom(node)
    named = {name: array for name, array in zip(node.input, inputs, strict=True) if name}
    graph = helper.make_graph(
        [alone], "constant", [], [helper.make_empty_tensor_value_info(o) for o in node.output if o],
        [numpy_helper.from_array(np.asarray(a, order="C"), n) for n, a in named.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=file.opsets or [helper.make_opsetid("", 13)], ir_version=8)
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        values = session.run(None, {})
    except Exception as error:  # onnxruntime's exceptions share no public base class
        raise ModelError(f"{describe(node)}: cannot be evaluated: {_line(error)}") from None
    given = iter(values)
    return [next(given) if o else None for o in node.output]
