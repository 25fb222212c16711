"""TensorFlow Lite models for tests, made operator by operator, and the interpreter's reference kernels to run them.

The schema's objects and the interpreter are those of ``ai-edge-litert``; nothing of the product is used here.
"""

import os
from dataclasses import dataclass, field

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

__all__ = ["Chain", "TfliteBuilder", "reference_tensors"]

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


OUT = float(np.float32(0.05))  # the scale behind a layer, of which 6 is 120 steps


class Chain:
    """A model of int8 that grows behind its last tensor; scales are such that codes spread."""

    def __init__(self, shape, seed=1, dtype=np.int8):
        self.rng, self.model, self.dtype = np.random.default_rng(seed), TfliteBuilder(), dtype
        self.x = self.tensor(shape)
        self.model.inputs = [self.x]

    def tensor(self, shape, scale=None, zero=None, dtype=None):
        dtype = self.dtype if dtype is None else dtype
        scale = float(np.float32(self.rng.uniform(0.01, 0.1))) if scale is None else scale
        zero = (0 if dtype == np.int16 else int(self.rng.integers(-30, 30))) if zero is None else zero
        return self.model.tensor(shape, dtype, scale=scale, zero=zero)

    def shape(self, number=None):
        return tuple(self.model.tensors[self.x if number is None else number].shape)

    def quantization(self, number=None):
        found = self.model.tensors[self.x if number is None else number].quantization
        return float(found.scale[0]), int(found.zeroPoint[0])

    def then(self, name, shape, *, inputs=None, scale=None, zero=None, dtype=None, constants=(), **options):
        y = self.tensor(shape, scale, zero, dtype)
        inputs = [self.x] if inputs is None else inputs
        self.model.operator(name, [*inputs, *constants], [y], **options)
        self.x = y
        return y

    def same(self, name, shape, **options):
        scale, zero = self.quantization()
        return self.then(name, shape, scale=scale, zero=zero, **options)

    def weights(self, shape, neurons, axis, per_channel, bits, mean):
        most = (1 << bits - 1) - 1
        scale = (mean * self.rng.uniform(0.5, 1.5, neurons if per_channel else 1)).astype(np.float32)
        values = self.rng.integers(-most, most + 1, shape)
        number = self.model.tensor(shape, np.int8, scale=scale, zero=0, axis=axis, data=values, packed=bits == 4)
        return number, scale

    def product(self, name, w_shape, neurons, out_shape, fan_in, *, axis=0, per_channel=True, bits=8, **options):
        scale, _ = self.quantization()
        # A sum of random products has a spread of the root of their number: that becomes half of the codes.
        mean = OUT / (scale * (1 << bits - 1) * 2 / 3 * fan_in**0.5)
        w, w_scale = self.weights(w_shape, neurons, axis, per_channel, bits, mean)
        dtype = np.int64 if self.dtype == np.int16 else np.int32
        values = self.rng.integers(-2000, 2000, neurons)
        bias = self.model.tensor((neurons,), dtype, scale=np.float32(scale) * w_scale, zero=0, data=values)
        return self.then(name, out_shape, inputs=[self.x, w, bias], scale=OUT, **options)

    def conv(self, neurons, kernel, *, stride=1, padding=0, act=0, per_channel=True, bits=8, dilation=1):
        n, h, w, c = self.shape()
        size = [-(-s // stride) if padding == 0 else (s - (kernel - 1) * dilation - 1) // stride + 1 for s in (h, w)]
        return self.product("CONV_2D", (neurons, kernel, kernel, c), neurons, (n, *size, neurons), kernel * kernel * c,
                            per_channel=per_channel, bits=bits, table="Conv2DOptions", padding=padding, strideH=stride,
                            strideW=stride, dilationHFactor=dilation, dilationWFactor=dilation,
                            fusedActivationFunction=act)  # fmt: skip

    def depthwise(self, kernel, multiplier=1, *, stride=1, act=0):
        n, h, w, c = self.shape()
        size = (-(-h // stride), -(-w // stride))
        return self.product("DEPTHWISE_CONV_2D", (1, kernel, kernel, c * multiplier), c * multiplier,
                            (n, *size, c * multiplier), kernel * kernel, axis=3, table="DepthwiseConv2DOptions",
                            padding=0, strideH=stride, strideW=stride, depthMultiplier=multiplier, dilationHFactor=1,
                            dilationWFactor=1, fusedActivationFunction=act)  # fmt: skip

    def transposed(self, neurons, kernel, *, stride=(2, 2), same=True, bias=True, per_channel=True):
        n, h, w, c = self.shape()
        size = [s * k if same else (s - 1) * k + t for s, k, t in zip((h, w), stride, kernel, strict=True)]
        out, (scale, _) = (n, *size, neurons), self.quantization()
        fan_in = max(1, kernel[0] * kernel[1] * c // (stride[0] * stride[1]))
        mean = OUT / (scale * 85 * fan_in**0.5)
        filters, of = self.weights((neurons, *kernel, c), neurons, 0, per_channel, 8, mean)
        constants = [self.model.tensor((4,), np.int32, data=out), filters, self.x]
        if bias:
            values = self.rng.integers(-2000, 2000, neurons)
            dtype = np.int64 if self.dtype == np.int16 else np.int32
            constants.append(self.model.tensor((neurons,), dtype, scale=np.float32(scale) * of, data=values))
        return self.then("TRANSPOSE_CONV", out, inputs=constants, scale=OUT, table="TransposeConvOptions",
                         padding=int(not same), strideH=stride[0], strideW=stride[1])  # fmt: skip

    def dense(self, neurons, *, per_channel=False, act=0, bits=8):
        inputs = int(np.prod(self.shape()[1:]))
        return self.product(
            "FULLY_CONNECTED", (neurons, inputs), neurons, (1, neurons), inputs, bits=bits, per_channel=per_channel,
            table="FullyConnectedOptions", fusedActivationFunction=act,
        )  # fmt: skip

    def dense_of_rows(self, neurons, *, keeps=True):
        *_, inputs = shape = self.shape()
        out = (*shape[:-1], neurons) if keeps else (int(np.prod(shape[:-1])), neurons)
        return self.product(
            "FULLY_CONNECTED", (neurons, inputs), neurons, out, inputs, per_channel=False,
            table="FullyConnectedOptions", keepNumDims=keeps,
        )  # fmt: skip

    def content(self):
        self.model.outputs = [self.x]
        return self.model.content()
