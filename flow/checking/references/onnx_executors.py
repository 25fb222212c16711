"""The executors of ONNX models: onnxruntime without optimizations, and qonnx's for operators that ONNX has not."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper

from fewbit.flow.checking.reference import reference_of
from fewbit.golden.importing.operators import Role, role_of
from fewbit.golden.limits.limit import one_line
from fewbit.golden.model_file.domains import QONNX, STANDARD_DOMAINS
from fewbit.golden.model_file.exchange import number_frames
from fewbit.golden.model_file.file import ModelError, OnnxFile, evaluate
from fewbit.golden.model_file.saturation import unsaturated
from fewbit.golden.model_file.source import ModelSource

__all__ = ["OnnxReference"]

_RUNTIME_DOMAINS = (*STANDARD_DOMAINS, "com.microsoft")
_NARROW = {
    number for name, number in onnx.TensorProto.DataType.items() if name in ("INT4", "UINT4", "INT2", "UINT2")
}  # older versions of onnx have not all of them
_QONNX_NAMES = ("Quant", "Trunc", "BipolarQuant")  # which some files put into another domain


@reference_of(ModelSource)
def _of_onnx(source: ModelSource) -> "OnnxReference":
    """Return onnxruntime where it has all operators of a model, else the qonnx executor."""
    file = OnnxFile(source)
    plain = all(
        node.domain in _RUNTIME_DOMAINS and (node.domain not in STANDARD_DOMAINS or onnx.defs.has(node.op_type))
        for node in file.nodes
    )
    return (_Runtime if plain else _Qonnx)(source, file)


class OnnxReference:
    """The `flow.checking.reference.ReferenceExecutor` of an ONNX model, which knows every tensor of it.

    What no output depends on is left out: the import has not looked at it.

    Attributes
    ----------
    file : OnnxFile
    copies : int
        Copies of a sample that the model takes at a time.
    data : set of str
        Names of the tensors that depend on the input's values.
    """

    name = ""

    def __init__(self, source: ModelSource, file: OnnxFile):
        self.file, self.outputs = file, file.outputs
        self.data = {one.name for one in file.inputs}
        for node in file.nodes:
            if role_of(node) is not Role.SHAPE and not self.data.isdisjoint(node.input):
                self.data.update(name for name in node.output if name)
        self._proto = onnx.ModelProto()
        self._proto.CopyFrom(source.proto)
        graph, given = self._proto.graph, {i.name: i for i in source.proto.graph.input}
        self.copies = max(1, file.batch)  # any, or what the model was exported for
        nodes = list(file.nodes)
        del graph.input[:], graph.node[:]  # initializers may be inputs too
        graph.input.extend(given[one.name] for one in file.inputs)
        graph.node.extend(nodes)
        for kept in graph.input:
            kept.type.tensor_type.shape.dim[0].dim_value = self.copies
        self._types = {i.name: helper.tensor_dtype_to_np_dtype(i.type.tensor_type.elem_type) for i in graph.input}
        self._quietly("prepare", self._prepare)

    def _prepare(self) -> None:
        """Make what `_execute` needs."""
        raise NotImplementedError

    def _execute(self, number: int, feeds: dict[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return every tensor for a batch of each input, as the model takes it."""
        raise NotImplementedError

    def evaluate(self, node: onnx.NodeProto, operands: Sequence[np.ndarray | None]) -> list[np.ndarray]:
        """Return what a node of the file makes of other operands than those that it had."""
        return evaluate(self.file, node, operands)

    def run(self, number: int, x: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return every tensor for a batch of as many copies of a sample as the model takes."""
        feeds = {
            one.name: np.repeat(x[one.name].reshape(one.shape), self.copies, axis=0).astype(self._types[one.name])
            for one in self.file.inputs
        }
        return self._quietly("run", lambda: self._execute(number, feeds))

    def _quietly(self, what, work):
        try:
            return work()
        except ModelError:
            raise
        except Exception as error:  # errors of onnxruntime and of operators share no base class
            raise ModelError(f"{self.file.path}: {self.name} cannot {what} it: {one_line(error)}") from error


class _Runtime(OnnxReference):
    """onnxruntime, whose graph optimizations are off, so that every node is computed as the model has it.

    Sums of products of codes do not saturate, whatever the processor.
    """

    name = "onnxruntime"

    def _prepare(self):
        import onnxruntime

        onnxruntime.set_default_logger_severity(4)
        graph = self._proto.graph
        known = {output.name for output in graph.output}
        names = dict.fromkeys(name for node in graph.node for name in node.output if name and name not in known)
        graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
        self._given = _in_bytes(self._proto)
        unsaturated(self._proto)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = onnxruntime.InferenceSession(
            self._proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def _execute(self, number, feeds):
        names = [self._given.get(output.name, output.name) for output in self._session.get_outputs()]
        found = dict(zip(names, self._session.run(None, feeds), strict=True))
        return self.file.constants | feeds | found


def _in_bytes(model: onnx.ModelProto) -> dict[str, str]:
    """Let a model give its outputs of less than a byte as int8, as onnxruntime's Python has no arrays of such.

    Returns
    -------
    dict of str to str
        The names that these outputs had, by the names that they have now.
    """
    graph = model.graph
    names: dict[str, str] = {}
    if not _has_narrow(graph):
        return names
    inferred = onnx.shape_inference.infer_shapes(model).graph
    kinds = {v.name: v.type.tensor_type.elem_type for v in (*inferred.value_info, *inferred.output)}
    for output in graph.output:
        if kinds.get(output.name) not in _NARROW:
            continue
        name = f"{output.name} in bytes"
        graph.node.append(helper.make_node("Cast", [output.name], [name], to=onnx.TensorProto.INT8))
        names[name] = output.name
        output.CopyFrom(helper.make_empty_tensor_value_info(name))
    return names


def _has_narrow(graph: onnx.GraphProto) -> bool:
    """Say whether a graph has integers of less than a byte: constants of such a type, or quantizers to one."""
    attributes = [a for node in graph.node for a in node.attribute]
    kinds = {tensor.data_type for tensor in graph.initializer} | {a.t.data_type for a in attributes if a.HasField("t")}
    kinds |= {a.i for a in attributes if a.name == "output_dtype"}
    return not kinds.isdisjoint(_NARROW)


class _Qonnx(OnnxReference):
    """The qonnx executor; what is constant is computed once."""

    name = "qonnx executor"

    def _prepare(self):
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.transformation.fold_constants import FoldConstants
        from qonnx.transformation.infer_shapes import InferShapes

        for node in self._proto.graph.node:
            if node.op_type in _QONNX_NAMES:
                node.domain = QONNX
        model = ModelWrapper(self._proto).transform(InferShapes())
        self._model = model.transform(FoldConstants(exclude_op_types=[]))

    def _execute(self, number, feeds):
        from qonnx.core.onnx_exec import execute_onnx

        number_frames(self._model.model, number)
        return execute_onnx(self._model, feeds, return_full_exec_context=True)

    def evaluate(self, node, operands):
        from qonnx.custom_op.registry import getCustomOp, is_custom_op

        own = onnx.NodeProto()
        own.CopyFrom(node)
        own.domain = QONNX if node.op_type in _QONNX_NAMES else node.domain
        if not is_custom_op(own.domain, own.op_type):
            return super().evaluate(node, operands)
        context = dict(zip(node.input, operands, strict=True))
        context |= {name: np.empty(0, dtype=np.float32) for name in node.output}
        version = self._model.get_opset_imports().get(own.domain)  # operators differ between versions
        getCustomOp(own, version).execute_node(context, self._model.graph)
        return [context[name] for name in node.output]
