"""TensorFlow Lite models for tests, made operator by operator, and the interpreter's reference kernels to run them.

The schema's objects and the interpreter are those of ``ai-edge-litert``; nothing of the product is used here.
"""

import os
from dataclasses import dataclass, field

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

__all__ = ["TfliteBuilder", "reference_tensors"]

_TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
}


@dataclass
class TfliteBuilder:
    """A model that grows tensor by tensor and operator by operator; `content` is the file.

    Attributes
    ----------
    tensors, operators : lists of the schema's objects
    inputs, outputs : lists of int
        Numbers of tensors.
    """

    tensors: list = field(default_factory=list)
    operators: list = field(default_factory=list)
    inputs: list = field(default_factory=list)
    outputs: list = field(default_factory=list)
    _buffers: list = field(default_factory=lambda: [schema.BufferT()])
    _codes: list = field(default_factory=list)

    def tensor(self, shape, dtype=np.int8, *, scale=None, zero=0, axis=0, data=None, packed=False):
        """Add a tensor and return its number.

        Parameters
        ----------
        scale, zero : float or array, int or array, or None
            Its quantization; arrays for one each along ``axis``.
        data : array or None
            The values of a constant.
        packed : bool
            Whether the values are of 4 bits, two a byte, the first in the low half.
        """
        made = schema.TensorT()
        made.name, made.shape = f"t{len(self.tensors)}".encode(), list(shape)
        made.type = schema.TensorType.INT4 if packed else _TYPES[np.dtype(dtype)]
        made.buffer = 0
        if scale is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.atleast_1d(np.asarray(scale, dtype=np.float32)).tolist()
            zeros = np.broadcast_to(zero, len(made.quantization.scale))
            made.quantization.zeroPoint = [int(z) for z in zeros]
            made.quantization.quantizedDimension = axis
        if data is not None:
            buffer = schema.BufferT()
            values = np.ascontiguousarray(data, dtype=dtype)
            if packed:
                halves = np.append(values.reshape(-1), [0] * (values.size % 2)).astype(np.uint8) & 15
                values = halves[::2] | halves[1::2] << 4
            buffer.data = list(values.tobytes())
            made.buffer = len(self._buffers)
            self._buffers.append(buffer)
        self.tensors.append(made)
        return len(self.tensors) - 1

    def operator(self, name, inputs, outputs, **options):
        """Add an operator; options are the fields of its options table, ``table`` its name where it is another one."""
        code = getattr(schema.BuiltinOperator, name)
        if code not in self._codes:
            self._codes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = self._codes.index(code), list(inputs), list(outputs)
        table = options.pop("table", None)
        if table:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            made.builtinOptions = getattr(schema, table + "T")()
            for key, value in options.items():
                assert hasattr(made.builtinOptions, key), f"{table} has no {key}"
                setattr(made.builtinOptions, key, value)
        self.operators.append(made)

    def content(self):
        """The file's bytes."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators, graph.inputs, graph.outputs = (
            self.tensors, self.operators, self.inputs, self.outputs
        )  # fmt: skip
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [graph], self._buffers
        model.operatorCodes = []
        for code in self._codes:
            made = schema.OperatorCodeT()
            made.builtinCode, made.deprecatedBuiltinCode, made.version = code, min(code, 127), 1
            model.operatorCodes.append(made)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def reference_tensors(content, *inputs, reference=True):
    """Every tensor of a model by number, as the interpreter gives it for one batch of inputs.

    Its kernels are the reference ones, or, where there is none, those that it takes by default.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_REF if reference else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=kernels,
        experimental_preserve_all_tensors=True,
    )  # fmt: skip
    details = interpreter.get_input_details()
    for detail, value in zip(details, inputs, strict=True):
        interpreter.resize_tensor_input(detail["index"], value.shape)
    interpreter.allocate_tensors()
    for detail, value in zip(details, inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    found = {}
    for detail in interpreter.get_tensor_details():
        try:
            found[detail["index"]] = interpreter.get_tensor(detail["index"])
        except ValueError:  # temporary ones of a kernel
            continue
    return found
