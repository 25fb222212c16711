"""Models of ONNX's own quantization for tests, and what onnxruntime gives for every tensor of integers in them."""

import numpy as np
import onnx
import onnxruntime

from fewbit.golden.importing.qdq.operands import PLAIN
from fewbit.golden.importing.tensors import Data
from fewbit.golden.model_file.domains import MICROSOFT
from fewbit.golden.model_file.saturation import unsaturated
from fewbit.golden.network.execute import execute, output_of
from fewbit.golden.network.graph import Output
from tests.support.executor import raw_network
from tests.support.graphs import Graph


class QdqGraph(Graph):
    """A model that grows behind its last tensor, with scales such that codes spread. ``x`` is that tensor."""

    def __init__(self, shape, *, seed=1, opset=21, elem_type=onnx.TensorProto.FLOAT):
        super().__init__(["N", *shape], opset=opset, elem_type=elem_type)
        self.rng, self.x = np.random.default_rng(seed), "input"

    def scale(self, *shape, around=0.05):
        return (around * self.rng.uniform(0.5, 1.5, shape)).astype(np.float32)

    def codes(self, shape, dtype):
        info = np.iinfo(dtype)
        return self.rng.integers(info.min + 1, info.max + 1, shape).astype(dtype)

    def quantize(self, x=None, *, scale=None, zero=0, dtype=np.int8, **attributes):
        """Add QuantizeLinear, and return its output and the two operands, for the DequantizeLinear behind it."""
        scale = self.const(self.scale() if scale is None else scale)
        zero = self.const(np.asarray(zero), dtype)
        return self.op("QuantizeLinear", x or self.x, scale, zero, **attributes), scale, zero

    def pair(self, x=None, **options):
        """Add QuantizeLinear and DequantizeLinear."""
        attributes = {"axis": options["axis"]} if "axis" in options else {}
        self.x = self.op("DequantizeLinear", *self.quantize(x, **options), **attributes)
        return self.x

    def weights(self, shape, *, dtype=np.int8, axis=None, zero=0, around=0.02):
        """Return the floats of constant codes behind a DequantizeLinear; with ``axis``, a scale for each entry."""
        count = () if axis is None else (shape[axis],)
        zero = self.const(np.broadcast_to(np.asarray(zero), count), dtype)
        attributes = {} if axis is None else {"axis": axis}
        codes = self.const(self.codes(shape, dtype), dtype)
        return self.op("DequantizeLinear", codes, self.const(self.scale(*count, around=around)), zero, **attributes)

    def microsoft(self, kind, *inputs, **attributes):
        return self.op(kind, *inputs, domain=MICROSOFT, **attributes)

    def finish(self, x=None):
        self.add_output(x or self.x, None, None)
        return self


def reference(model, feeds, names):
    """Return the tensors of these names, by onnxruntime without optimizations, in one thread."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    given = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names if name not in given)
    unsaturated(model)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(names, feeds), strict=True))


def compared(path, x, spec=None):
    """Compare every tensor of integers of a model with onnxruntime's, but those that only a Clip reads.

    What follows a tensor is computed from onnxruntime's codes, so that a code that differs is counted once. Returns the
    number of codes, and of those that differ.
    """
    model = onnx.load(path)
    network, tensors = raw_network(path, spec)
    clipped = {node.input[0] for node in model.graph.node if node.op_type == "Clip"}
    of_edge = {}
    for name in (name for node in model.graph.node for name in node.output):
        data = tensors.get(name)
        if isinstance(data, Data) and data.is_whole and data.edge and name not in clipped:
            of_edge.setdefault(data.edge, {})[name] = data
    names = [name for found in of_edge.values() for name in found]
    assert names, "the model has no tensor of integers"
    wanted = reference(model, {model.graph.input[0].name: x}, names)
    values, counts = {}, np.zeros(2, dtype=np.int64)

    def take(edge, found):
        values[edge] = found
        for name, data in of_edge.get(edge, {}).items():
            got, codes = output_of(Output(name, edge, data.index, data.chain), found), wanted[name].astype(np.int64)
            assert got.shape == codes.shape, name
            counts[:] += got.size, (got != codes).sum()
            if data.chain == PLAIN:
                values[edge] = values[edge].copy()
                values[edge].reshape(len(x), -1)[:, data.index.reshape(-1)] = codes.reshape(len(x), -1)

    first = network.edges()["input"]
    take(
        "input",
        network.inputs[0].arranged(network.encode(x)).reshape(len(x), first.pixels, first.channels).astype(np.int64),
    )
    for node in network.nodes:
        take(node.y, execute(node, *(values[name] for name in node.inputs)))
    return tuple(counts.tolist())
