"""Reading ONNX files: load, check, and evaluate what is constant, with errors that a person can act on."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
from onnx import checker, helper, numpy_helper

__all__ = ["INPUT_KEY", "ModelError", "ModelSource", "OnnxFile", "attributes_of", "describe", "evaluate"]

INPUT_KEY = "fewbit.input"  # of the model's metadata: how raw integers become its floats
STANDARD_DOMAINS = ("", "ai.onnx")
_MOST_INPUTS = 1 << 24  # values of one sample
_INPUT_TYPES = {  # what a model may take; None: float32
    onnx.TensorProto.FLOAT: None, onnx.TensorProto.UINT8: "uint8", onnx.TensorProto.INT8: "int8",
    onnx.TensorProto.UINT16: "uint16", onnx.TensorProto.INT16: "int16",
}  # fmt: skip


class ModelError(ValueError):
    """A model that cannot be imported; the message is one line: what, where, and what to do."""

    def __init__(self, message):
        super().__init__(" ".join(str(message).split()))


def attributes_of(node):
    """The node's attributes as Python values, strings decoded."""
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}


def describe(node):
    """How an error names a node."""
    if node.name:
        return f"node {node.name!r} ({node.op_type})"
    return (
        f"node {node.op_type} that makes {node.output[0]!r}" if node.output else f"node {node.op_type} without outputs"
    )


class ModelSource:
    """A model as its files were when it was read, once: whatever is made of it is made of these bytes, so that a file
    that is replaced meanwhile cannot give half of each.

    Attributes
    ----------
    path : Path
    content : bytes
        Of the file itself.
    proto : ModelProto
        With the external data of its tensors inside; not to be changed.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.content, self.proto = _load(self.path)

    @classmethod
    def of(cls, model):
        """``model`` itself if it is a `ModelSource`, else the one of this path."""
        return model if isinstance(model, cls) else cls(model)

    @property
    def sha256(self):
        """Of the file itself, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def whole(self):
        """The model as bytes, external data inside: what keys of kept results are made from."""
        return self.proto.SerializeToString(deterministic=True)


class OnnxFile:
    """A checked model: its nodes in order, constants by name, the input and the outputs.

    Parameters
    ----------
    model : path or ModelSource

    Attributes
    ----------
    path, name : where it came from; the file's stem
    nodes : list of NodeProto in topological order; what no output depends on is left out
    constants : dict of name to ndarray
    input_name, input_shape : the one input, with its batch axis as 1
    batch : int
        The batch size that it was exported for; 0 if any.
    input_type : str or None
        ``uint8`` and the like for an input of integers, ``None`` for float32.
    outputs : list of names
    metadata : dict
    opset : int
        Version of the standard operations.
    """

    def __init__(self, model):
        source = ModelSource.of(model)
        self.path = source.path
        self.name = self.path.stem
        model = _inlined(source)
        graph = model.graph
        if not graph.node or not graph.output:
            raise ModelError(f"{self.path}: the graph is empty (no {'outputs' if graph.node else 'nodes'})")
        versions = [o.version for o in model.opset_import if o.domain in STANDARD_DOMAINS]
        if not versions:
            raise ModelError(f"{self.path}: the model does not say which ONNX opset it uses")
        self.opset = max(versions)
        self.metadata = {p.key: p.value for p in model.metadata_props}
        self.constants = {tensor.name: self._array(tensor) for tensor in graph.initializer}
        self._take_input([i for i in graph.input if i.name not in self.constants])
        self.outputs = [o.name for o in graph.output]
        self.nodes = _needed(_sorted(graph, set(self.constants) | {self.input_name}), self.outputs)
        for node in self.nodes:
            self._check(node, model.ir_version)

    def _take_input(self, inputs):
        if len(inputs) != 1:
            names = ", ".join(i.name for i in inputs) or "none"
            raise ModelError(f"{self.path}: a model must have exactly one input, this one has {len(inputs)} ({names})")
        tensor, self.input_name = inputs[0].type.tensor_type, inputs[0].name
        where = f"{self.path}: input {self.input_name!r}"
        if tensor.elem_type not in _INPUT_TYPES:
            raise ModelError(f"{where} must be float32, or (u)int8 or (u)int16, not of ONNX type {tensor.elem_type}")
        self.input_type = _INPUT_TYPES[tensor.elem_type]
        if not tensor.HasField("shape"):
            raise ModelError(f"{where} has no shape; export the model with one")
        dims = [d.dim_value if d.HasField("dim_value") else 0 for d in tensor.shape.dim]
        if len(dims) < 2 or any(d <= 0 for d in dims[1:]):
            raise ModelError(f"{where} must have the shape (batch, ...) with known sizes, not {tuple(dims)}")
        self.batch, self.input_shape = max(0, dims[0]), (1, *dims[1:])
        if np.prod([float(d) for d in dims[1:]]) > _MOST_INPUTS:
            raise ModelError(f"{where} must have at most {_MOST_INPUTS} values a sample, not shape {tuple(dims)}")

    def _array(self, tensor):
        try:
            array = numpy_helper.to_array(tensor, base_dir=str(self.path.parent))
        except Exception as error:  # onnx raises many kinds for a damaged or missing tensor
            raise ModelError(
                f"{self.path}: the data of tensor {tensor.name!r} cannot be read: {_line(error)}"
            ) from None
        # A single infinite number may be the open bound of a Clip; elsewhere it is refused where it is used.
        if array.dtype.kind == "f" and (np.isnan(array).any() or (array.size > 1 and np.isinf(array).any())):
            raise ModelError(f"{self.path}: tensor {tensor.name!r} holds NaN or infinite values; retrain or repair it")
        return array

    def _check(self, node, ir_version):
        """Attributes and number of operands against ONNX's own schema, where it has one."""
        if node.domain not in STANDARD_DOMAINS or not onnx.defs.has(node.op_type):
            return
        context = checker.C.CheckerContext()
        context.ir_version = ir_version
        context.opset_imports = {"": self.opset}
        try:
            checker.check_node(node, context)
        except Exception as error:  # of a damaged node, more kinds than ValidationError
            raise ModelError(f"{describe(node)}: not valid in opset {self.opset}: {_line(error)}") from None


def _line(error):
    return " ".join(str(error).split())[:200]


def _load(path):
    """``(bytes of the file, ModelProto with its external data)``."""
    if not path.is_file():
        raise ModelError(f"{path}: {'a folder, not an ONNX file' if path.is_dir() else 'no such file'}")
    try:
        content = path.read_bytes()
        model = onnx.load_model_from_string(content)
        empty = not (model.graph.node or model.graph.output)
        texts = (t for n in model.graph.node for t in (n.op_type, n.domain, n.name, *n.input, *n.output))
        if not all(isinstance(t, str) for t in texts):  # onnx gives bytes that are not UTF-8 as they are
            raise ValueError("a name in it is not UTF-8")
    except Exception as error:  # the protobuf library raises its own kinds for a damaged file
        raise ModelError(f"{path}: not a readable ONNX file: {_line(error)}") from None
    if empty:
        raise ModelError(f"{path}: not an ONNX file, or its graph is empty")
    try:
        onnx.external_data_helper.load_external_data_for_model(model, str(path.parent))
    except Exception as error:
        raise ModelError(
            f"{path}: the external data of its tensors cannot be read (it must lie beside the model): {_line(error)}"
        ) from None
    return content, model


def _inlined(source):
    """The model without functions of its own: PyTorch's dynamo exporter leaves some."""
    if not source.proto.functions:
        return source.proto
    try:
        return onnx.inliner.inline_local_functions(source.proto)
    except Exception as error:  # of onnx's own kinds
        raise ModelError(f"{source.path}: not a readable ONNX file: {_line(error)}") from None


def _sorted(graph, known):
    """Nodes in an order in which every input is made before it is read (exporters promise it, editors break it)."""
    made = known | {""}
    waiting, order = list(graph.node), []
    while waiting:
        ready = [n for n in waiting if all(i in made for i in n.input)]
        if not ready:
            node = waiting[0]
            missing = next(i for i in node.input if i not in made)
            raise ModelError(f"{describe(node)}: its input {missing!r} is made by no node (or the graph has a cycle)")
        order += ready
        for node in ready:
            for name in node.output:
                if name and name in made:
                    raise ModelError(f"{describe(node)}: its output {name!r} is made a second time")
                made.add(name)
        done = {id(n) for n in ready}
        waiting = [n for n in waiting if id(n) not in done]
    for output in graph.output:
        if output.name not in made or not output.name:
            raise ModelError(f"output {output.name!r} is made by no node")
    return order


def _needed(order, outputs):
    """The nodes that an output depends on."""
    wanted, needed = set(outputs), []
    for node in reversed(order):
        if wanted.intersection(o for o in node.output if o):
            wanted.update(node.input)
            needed.append(node)
    return needed[::-1]


def evaluate(file, node, inputs):
    """Outputs of ``node`` for constant ``inputs`` (arrays, ``None`` where left out), by onnxruntime."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    alone = onnx.NodeProto()
    alone.CopyFrom(node)
    named = {name: array for name, array in zip(node.input, inputs, strict=True) if name}
    try:
        graph = helper.make_graph(
            [alone], "constant", [], [helper.make_empty_tensor_value_info(o) for o in node.output if o],
            [numpy_helper.from_array(np.asarray(a, order="C"), n) for n, a in named.items()],
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", file.opset)], ir_version=8)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        values = session.run(None, {})
    except Exception as error:  # onnxruntime's exceptions share no public base class
        raise ModelError(f"{describe(node)}: cannot be evaluated: {_line(error)}") from None
    given = iter(values)
    return [next(given) if o else None for o in node.output]
