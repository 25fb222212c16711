"""What each ONNX operation does to the importer's tensors. One function an operation; `HANDLERS` is the whole list."""

import numpy as np

from . import elementwise as ew
from .network import Dense, FloatDense
from .onnxfile import ModelError
from .quantizers import BipolarQuantizer, UniformQuantizer
from .tensors import Closed, Constant, Data, Integers

__all__ = ["HANDLERS"]

HANDLERS = {}


def handles(*names):
    """Register a handler ``(importer, node, inputs, attributes) -> [tensors]`` for operations."""

    def register(function):
        HANDLERS.update(dict.fromkeys(names, function))
        return function

    return register


def constant(tensor, what):
    """The array of a constant operand, or an error that says which one is not."""
    if tensor is None:
        return None
    if not isinstance(tensor, Constant):
        raise ModelError(f"{what} must be a constant")
    return tensor.array


def data_of(tensor):
    """The data of a tensor that an elementwise or shaping operation may follow."""
    if isinstance(tensor, Closed):
        raise ModelError("only the end of the model may stand behind Softmax, LogSoftmax or TopK")
    if not isinstance(tensor, Data):
        raise ModelError("its first operand must depend on the input")
    return tensor


# Quantizers


@handles("Quant", "IntQuant", "BipolarQuant")
def quantize(importer, node, inputs, attributes):
    x, *operands = inputs
    scale = constant(operands[0], "scale")
    if node.op_type == "BipolarQuant":
        quantizer = BipolarQuantizer.of("BipolarQuant", scale)
    else:
        zero, bits = constant(operands[1], "zero point"), constant(operands[2], "bit width")
        quantizer = UniformQuantizer.of(
            "Quant", scale, zero, bits, signed=attributes.get("signed", 1), narrow=attributes.get("narrow", 0),
            rounding=attributes.get("rounding_mode", "ROUND"),
        )  # fmt: skip
    if isinstance(x, Constant):
        return [_quantized_constant(x.array, quantizer)]
    return [importer.quantize(data_of(x), quantizer)]


def _quantized_constant(array, quantizer):
    array = np.asarray(array, dtype=np.float32)
    scale = np.broadcast_to(quantizer.scale, array.shape).astype(np.float64)
    zero = np.broadcast_to(quantizer.zero, array.shape).astype(np.float64)
    codes = quantizer.codes(array)
    return Constant((scale * (codes - zero)).astype(np.float32), Integers(codes, scale, zero))


# Shapes: the same positions in another order


@handles("Reshape")
def reshape(importer, node, inputs, attributes):
    shape = [int(d) for d in constant(inputs[1], "shape")] if len(inputs) > 1 else list(attributes["shape"])
    old = _shape(inputs[0])
    if not attributes.get("allowzero", 0):
        shape = [old[i] if d == 0 else d for i, d in enumerate(shape)]
    return [inputs[0].reshaped(lambda a: a.reshape(shape))]


@handles("Flatten")
def flatten(importer, node, inputs, attributes):
    shape, axis = _shape(inputs[0]), attributes.get("axis", 1)
    axis = axis if axis >= 0 else axis + len(shape)
    rows = int(np.prod(shape[:axis]))
    return [inputs[0].reshaped(lambda a: a.reshape(rows, -1))]


@handles("Transpose")
def transpose(importer, node, inputs, attributes):
    perm = attributes.get("perm") or tuple(reversed(range(len(_shape(inputs[0])))))
    return [inputs[0].reshaped(lambda a: a.transpose(perm))]


@handles("Squeeze", "Unsqueeze")
def squeeze(importer, node, inputs, attributes):
    axes = attributes.get("axes")
    if len(inputs) > 1 and inputs[1] is not None:
        axes = constant(inputs[1], "axes")
    if node.op_type == "Squeeze":
        axes = None if axes is None else tuple(int(a) for a in axes)
        return [inputs[0].reshaped(lambda a: a.squeeze(axes))]
    axes = tuple(int(a) for a in axes)
    return [inputs[0].reshaped(lambda a: np.expand_dims(a, axes))]


@handles("Shape")
def shape_of(importer, node, inputs, attributes):
    start, end = attributes.get("start", 0), attributes.get("end")
    return [Constant(np.array(_shape(inputs[0])[start:end], dtype=np.int64))]


@handles("Identity", "Dropout")
def identity(importer, node, inputs, attributes):
    return [inputs[0]]


@handles("Cast")
def cast(importer, node, inputs, attributes):
    if attributes["to"] not in (1, 10, 11):
        raise ModelError("a Cast of data must be to a float type")
    return [data_of(inputs[0])]


def _shape(tensor):
    if isinstance(tensor, Closed):
        return tensor.shape
    return tensor.array.shape if isinstance(tensor, Constant) else tensor.shape


# Elementwise


@handles("Add", "Sub", "Mul", "Div")
def arithmetic(importer, node, inputs, attributes):
    a, b = inputs
    kind = node.op_type.lower()
    if isinstance(a, Constant) and isinstance(b, Constant):
        return [_scaled_constant(importer, node, a, b, kind)]
    if not isinstance(a, Constant) and not isinstance(b, Constant):
        raise ModelError("an operation on two tensors that both depend on the input (a branch) is not supported")
    data, c, swapped = (data_of(a), b.array, False) if isinstance(b, Constant) else (data_of(b), a.array, True)
    if np.broadcast_shapes(data.shape, c.shape) != data.shape:
        raise ModelError(f"a constant of shape {c.shape} does not fit data of shape {data.shape}")
    if swapped and kind == "div":
        raise ModelError("a constant divided by data is not supported")
    if swapped and kind == "sub":
        kind = "rsub"
    c = data.positions(c, importer.length(data))
    if kind == "div" and (c == 0).any():
        raise ModelError("division by zero")
    return [data.then(ew.Affine(kind, c))]


def _scaled_constant(importer, node, a, b, kind):
    """Constant arithmetic; quantized weights times or over a scale keep their integers."""
    from .onnxfile import evaluate

    result = evaluate(importer.file, node, [a.array, b.array])[0]
    if kind == "mul" and a.integers is None:
        a, b = b, a
    if a.integers is None or kind not in ("mul", "div") or result.shape != a.array.shape or (b.array == 0).any():
        return Constant(result)
    factor = b.array.astype(np.float64)
    i = a.integers
    return Constant(result, Integers(i.codes, i.scale * (factor if kind == "mul" else 1 / factor), i.zero))


@handles("BatchNormalization")
def batch_normalization(importer, node, inputs, attributes):
    data = data_of(inputs[0])
    names = "scale", "bias", "mean", "variance"
    operands = [constant(t, name).astype(np.float32) for t, name in zip(inputs[1:5], names, strict=True)]
    channels = data.shape[1] if len(data.shape) > 1 else 1
    if any(o.shape != (channels,) for o in operands):
        raise ModelError(f"its parameters must have {channels} entries, one a channel, not {operands[0].shape}")
    if (operands[3] < 0).any():
        raise ModelError("variance must not be negative")
    shape = (1, channels) + (1,) * (len(data.shape) - 2)
    length = importer.length(data)
    ops = ew.batch_normalization(*operands, attributes.get("epsilon", 1e-5))
    return [data.then(*(ew.Affine(op.kind, data.positions(op.c.reshape(shape), length)) for op in ops))]


@handles("Relu")
def relu(importer, node, inputs, attributes):
    return [data_of(inputs[0]).then(ew.relu())]


@handles("Clip")
def clip(importer, node, inputs, attributes):
    bounds = [attributes.get("min"), attributes.get("max")]
    for i, tensor in enumerate(inputs[1:]):
        if tensor is not None:
            bounds[i] = constant(tensor, "bound").reshape(())
    return [data_of(inputs[0]).then(ew.clip(*bounds))]


@handles("HardTanh", "Hardtanh")
def hard_tanh(importer, node, inputs, attributes):
    return [data_of(inputs[0]).then(ew.clip(attributes.get("min_val", -1.0), attributes.get("max_val", 1.0)))]


@handles("LeakyRelu")
def leaky_relu(importer, node, inputs, attributes):
    return [data_of(inputs[0]).then(ew.leaky_relu(attributes.get("alpha", 0.01)))]


@handles("PRelu")
def prelu(importer, node, inputs, attributes):
    data = data_of(inputs[0])
    return [data.then(ew.leaky_relu(data.positions(constant(inputs[1], "slope"), importer.length(data))))]


@handles("Sigmoid", "Tanh", "HardSigmoid", "Elu", "Selu", "Softplus", "Softsign", "Abs", "Neg", "Exp", "Floor", "Ceil",
         "Round", "Sign", "Sqrt", "Erf", "HardSwish", "Mish", "Gelu", "Celu", "ThresholdedRelu")  # fmt: skip
def call_onnxruntime(importer, node, inputs, attributes):
    """Functions whose float32 results are onnxruntime's own, so that no bit of them can differ."""
    from .onnxfile import evaluate

    def function(x):
        return evaluate(importer.file, node, [np.asarray(x, dtype=np.float32)])[0]

    return [data_of(inputs[0]).then(ew.Call(node.op_type, function, monotone=node.op_type in ("Floor", "Ceil")))]


# Matrix products


@handles("MatMul")
def matmul(importer, node, inputs, attributes):
    return [_product(importer, *inputs)]


@handles("Gemm")
def gemm(importer, node, inputs, attributes):
    a, b = inputs[:2]
    if attributes.get("transA", 0):
        a = a.reshaped(lambda x: x.T)
    if attributes.get("transB", 0):
        b = b.reshaped(lambda x: x.T)
    y = _product(importer, a, b, alpha=float(attributes.get("alpha", 1.0)))
    if len(inputs) > 2 and inputs[2] is not None:
        bias = constant(inputs[2], "bias").astype(np.float32) * np.float32(attributes.get("beta", 1.0))
        if np.broadcast_shapes(bias.shape, y.shape) != y.shape:
            raise ModelError(f"a bias of shape {bias.shape} does not fit an output of shape {y.shape}")
        y = y.then(ew.Affine("add", y.positions(bias, importer.length(y))))
    return y and [y]


def _product(importer, a, b, alpha=1.0):
    """``a @ b`` where one is data of one row (or column) and the other a constant matrix."""
    if isinstance(a, Constant) == isinstance(b, Constant):
        raise ModelError("one operand must be a constant, the weights, and the other depend on the input")
    if isinstance(a, Constant):  # weights @ column is (row @ weights.T).T
        turned = _product(importer, data_of(b).reshaped(lambda x: x.T), a.reshaped(lambda x: x.T), alpha)
        return turned.reshaped(lambda x: x.T)
    data, rows = data_of(a), int(np.prod(data_of(a).shape[:-1]))
    if b.array.ndim != 2 or data.shape[-1] != b.array.shape[0]:
        raise ModelError(f"data of shape {data.shape} and weights of shape {b.array.shape} do not fit")
    if rows != 1:
        raise ModelError(f"data must be one row a sample, not of shape {data.shape}")
    shape = data.shape[:-1] + (b.array.shape[1],)
    make = _float_dense if importer.is_float else _dense
    edge, chain = make(importer, data, b, alpha)
    return Data(edge, np.arange(shape[-1]).reshape(shape), chain)


def _dense(importer, data, b, alpha):
    weights, scale = _integer_weights(b)
    edge, x_scale, x_zero = importer.integers(data)
    index = data.index.reshape(-1)
    total = scale.T * x_scale[index] * alpha  # (N, K): of one product
    row, multiple = _common_scale(total)
    # Weights by position of the edge; a position that is read twice adds up, one that is not read is zero.
    matrix = np.zeros((weights.shape[1], importer.edge(edge).length), dtype=np.int64)
    np.add.at(matrix, (slice(None), index), weights.T * multiple)
    zero = matrix @ x_zero
    name = importer.new("dense")
    importer.add(Dense(name, edge, name, matrix))
    return name, (ew.Dequantize(row, zero),)


def _integer_weights(b):
    """(K, N) integers and their scales, from a quantizer or, of plain floats, found."""
    if b.integers is not None:
        i = b.integers
        values = i.codes - i.zero
        if (values != np.rint(values)).any():
            raise ModelError("the weights' zero point must be a whole number")
        return values.astype(np.int64), i.scale
    array = b.array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ModelError("its weights hold NaN or infinite values")
    nonzero = np.abs(array[array != 0])
    step = nonzero.min() if len(nonzero) else 1.0
    values = np.rint(array / step)
    if np.abs(values).max(initial=0) > 127 or (np.float32(1) * (values * step).astype(np.float32) != b.array).any():
        raise ModelError("its weights are not quantized; export the model with Quant or BipolarQuant on them")
    return values.astype(np.int64), np.full(array.shape, step)


def _common_scale(total):
    """Scales of products (N, K) as one scale a row times whole numbers (from per-channel input scales)."""
    row = np.abs(total).min(axis=1) * np.sign(total[:, 0])
    multiple = total / row[:, None]
    whole = np.rint(multiple)
    if (np.abs(multiple - whole) > 1e-9 * np.abs(whole)).any() or np.abs(whole).max() > 256:
        raise ModelError(
            "the scales of its inputs differ by other than whole multiples, so the sum is not one integer; use one scale "
            "for the whole tensor in front of it (and per output channel, not per input channel, on the weights)"
        )
    return row, whole.astype(np.int64)


# The float baseline


def _float_dense(importer, data, b, alpha):
    """Fold the affine operations between two products into the weights: of x in front, of the last layer behind."""
    weights = b.array.astype(np.float64).T * alpha
    if not np.isfinite(weights).all():
        raise ModelError("its weights hold NaN or infinite values")
    edge, chain = float_layer_end(importer, data)
    scale, shift = (np.broadcast_to(c, importer.length(data)) for c in ew.affine(chain))
    index = data.index.reshape(-1)
    matrix = np.zeros((len(weights), importer.length(data)))
    np.add.at(matrix, (slice(None), index), weights)
    name = importer.new("dense")
    bias = (matrix @ shift).astype(np.float32)
    importer.add(FloatDense(name, edge, name, (matrix * scale).astype(np.float32), bias, relu=False))
    return name, ()


def float_layer_end(importer, data):
    """Give the layer that made ``data`` its affine operations and its ReLU; returns the edge and what is left."""
    relus = [i for i, op in enumerate(data.chain) if getattr(op, "name", "") == "Relu"]
    if any(op.coefficients is None and getattr(op, "name", "") != "Relu" for op in data.chain) or len(relus) > 1:
        raise ModelError("between two products of a float model only affine operations and one Relu are supported")
    if data.edge == "input":
        if relus:
            raise ModelError("a Relu on the input of a float model is not supported")
        return data.edge, data.chain
    nodes = importer.result.nodes
    at = next(i for i, n in enumerate(nodes) if n.y == data.edge)
    end = relus[0] if relus else 0
    if not end and not relus:
        return data.edge, data.chain
    a, b = ew.affine(data.chain[:end])
    layer = nodes[at]
    weights = (layer.weights * np.broadcast_to(a, len(layer.weights))[:, None]).astype(np.float32)
    bias = (layer.bias * a + b).astype(np.float32)
    nodes[at] = FloatDense(layer.name, layer.x, layer.y, weights, np.broadcast_to(bias, len(weights)).copy(), relu=True)
    return data.edge, data.chain[end + 1 :]


# The end of a model


@handles("Softmax", "LogSoftmax")
def softmax(importer, node, inputs, attributes):
    data, axis = data_of(inputs[0]), attributes.get("axis", -1)
    rest = int(np.prod(data.shape)) // (data.shape[-1] or 1)
    if rest != 1:
        raise ModelError(f"data must be one row a sample, not of shape {data.shape}")
    log = node.op_type == "LogSoftmax"

    def function(y):
        shifted = y - y.max(axis=-1, keepdims=True)
        exp = np.exp(shifted)
        total = exp.sum(axis=-1, keepdims=True)
        return (shifted - np.log(total) if log else exp / total).astype(np.float32)

    if axis not in (-1, len(data.shape) - 1) and data.shape[axis] != data.shape[-1]:
        raise ModelError(f"its axis must be the last one, not {axis}")
    return [Closed(data, ((node.op_type, function),), data.shape)]


@handles("ArgMax", "TopK")
def arg_max(importer, node, inputs, attributes):
    tensor = inputs[0]
    data, closing = (tensor.data, tensor.closing) if isinstance(tensor, Closed) else (data_of(tensor), ())
    rank = len(data.shape)
    axis = attributes.get("axis", 0 if node.op_type == "ArgMax" else -1) % rank
    if data.shape[axis] != data.index.size:
        raise ModelError(f"its axis must be the one that holds the classes, not {axis} of {data.shape}")
    if node.op_type == "ArgMax":
        keep = bool(attributes.get("keepdims", 1))
        if attributes.get("select_last_index", 0):
            raise ModelError("select_last_index is not supported")
        shape = data.shape[:axis] + ((1,) if keep else ()) + data.shape[axis + 1 :]

        def index(y):
            y = y.argmax(axis=axis)
            return np.expand_dims(y, axis) if keep else y

        return [Closed(data, (*closing, ("ArgMax", index)), shape)]
    k = int(constant(inputs[1], "k").reshape(-1)[0]) if len(inputs) > 1 else int(attributes["k"])
    sign = -1 if attributes.get("largest", 1) else 1
    shape = data.shape[:axis] + (k,) + data.shape[axis + 1 :]

    def order(y):
        return np.take(np.argsort(sign * y, axis=axis, kind="stable"), range(k), axis=axis)

    def top(y):
        return np.take_along_axis(y, order(y), axis=axis)

    name = "ArgMax" if k == 1 and sign < 0 else "TopK"
    return [Closed(data, (*closing, ("TopK", top)), shape), Closed(data, (*closing, (name, order)), shape)]


