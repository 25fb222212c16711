"""Import of TensorFlow Lite's layers: sums of products, and the multiplier behind each."""

import numpy as np

from fewbit.golden.importing.layout import image, ordered, rows
from fewbit.golden.importing.tensors import Data
from fewbit.golden.importing.transposed import TransposedAxis, TransposedWindow
from fewbit.golden.importing.windows import add_windows, spread_out
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.window import Window

from .file import TfliteTensor
from .kernels import multiplied, multiplied_wide, quantized_multiplier, rounded
from .lines import RoundedLine
from .operands import Operand, activation_range, add_codes, format_of, kernel, second_rounding

__all__ = ["as_image", "window_of"]

_MOST_SUM = 1 << 31  # of the kernels' accumulators
_SAME = 0  # padding


def as_image(importer, data: Data) -> Data:
    """Return data of shape (1, H, W, C) as (1, C, H, W), on an edge whose pixels hold its channels in order.

    Raises
    ------
    ModelError
        If the data has not four dimensions.
    """
    if data.index.ndim != 4:
        raise ModelError(f"its input must be an image of four dimensions, not of shape {data.shape}")
    return image(importer, data.reshaped(lambda i: i.transpose(0, 3, 1, 2)))


def window_of(size, kernel_size, node, *, dilated: bool = False) -> Window:
    """Return the `Window` of a node's options: SAME pads as little as it can, the odd pixel behind."""
    stride = node.option("StrideH", 1), node.option("StrideW", 1)
    dilation = (node.option("DilationHFactor", 1), node.option("DilationWFactor", 1)) if dilated else (1, 1)
    pads = (0, 0, 0, 0)
    if node.option("Padding") == _SAME:
        beyond = [
            max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
            for n, s, k, d in zip(size, stride, kernel_size, dilation, strict=True)
        ]
        pads = (beyond[0] // 2, beyond[1] // 2, -(-beyond[0] // 2), -(-beyond[1] // 2))
    return Window(size=tuple(size), kernel=tuple(kernel_size), stride=stride, dilation=dilation, pads=pads)


@kernel("CONV_2D", "DEPTHWISE_CONV_2D")
def convolution(importer, node, operands, outputs):
    """Import ``CONV_2D`` (filters N, H, W, C) and ``DEPTHWISE_CONV_2D`` (filters 1, H, W, N)."""
    x, filters = operands[0], operands[1]
    data = as_image(importer, x.data)
    weights = _weights(filters, -1 if node.name == "DEPTHWISE_CONV_2D" else 0)
    channels = data.shape[1]
    if node.name == "CONV_2D":
        groups, rows = channels // weights.shape[3], weights.reshape(len(weights), -1)
    else:
        groups, rows = channels, weights.reshape(-1, weights.shape[3]).T
    window = window_of(data.shape[2:], weights.shape[1:3], node, dilated=True)
    edge = add_windows(importer, data.edge, window, pad=x.tensor.quantization[1], groups=groups)
    index = spread_out(window, len(rows), signal=False).transpose(0, 2, 3, 1)
    return [_layer(importer, node, Data(edge, index), rows, groups, operands, outputs[0], _multiplied)]


@kernel("TRANSPOSE_CONV")
def transposed_convolution(importer, node, operands, outputs):
    """Import ``TRANSPOSE_CONV`` (filters N, H, W, C), whose first operand is the shape of its output."""
    size, filters, x, *bias = operands
    data, shape = as_image(importer, x.data), size.constant.astype(int)
    weights = _weights(filters, 0).transpose(3, 0, 1, 2)
    strides = node.option("StrideH", 1), node.option("StrideW", 1)
    axes = []
    for given, out, taps, stride in zip(data.shape[2:], shape[1:3].tolist(), weights.shape[2:], strides, strict=True):
        beyond = (given - 1) * stride + taps - out if node.option("Padding") == _SAME else 0
        axes.append(TransposedAxis(size=given, out=out, taps=taps, stride=stride, dilation=1, pad=max(0, beyond) // 2))
    transposed = TransposedWindow(axes)
    rows = np.where(transposed.there(weights.shape), transposed.rows(weights), 0)
    edge = add_windows(importer, data.edge, transposed.window, pad=x.tensor.quantization[1])
    index = transposed.index(weights.shape[1]).transpose(0, 2, 3, 1)
    return [_layer(importer, node, Data(edge, index), rows, 1, [x, filters, *bias], outputs[0], _multiplied)]


@kernel("FULLY_CONNECTED")
def fully_connected(importer, node, operands, outputs):
    """Import ``FULLY_CONNECTED``: rows of as many values as the weights (N, K) take, one after the other."""
    data, weights = operands[0].data, _weights(operands[1], 0)
    neurons, inputs = weights.shape
    if data.index.size % inputs:
        raise ModelError(f"{data.index.size} values of a sample do not fit weights of shape {weights.shape}")
    count = data.index.size // inputs
    if count == 1:
        data = ordered(importer, data.reshaped(lambda i: i.reshape(1, inputs)))
        shape = (1,) * max(1, len(outputs[0].shape) - 1) + (neurons,)
    else:
        data = rows(importer, data.reshaped(lambda i: i.reshape(1, count, inputs)))
        shape = (1, count, neurons)
        if node.option("KeepNumDims"):
            shape = (1, *operands[0].tensor.shape[1:-1], neurons)
    index = np.arange(count * neurons).reshape(shape)
    return [_layer(importer, node, Data(data.edge, index), weights, 1, operands, outputs[0], _in_doubles)]


def _weights(filters: Operand, axis: int) -> np.ndarray:
    """Return the integers of a filter, their zero points taken off."""
    tensor, values = filters.tensor, filters.constant.astype(np.int64)
    if tensor.scales is None or tensor.zeros is None:
        raise ModelError(f"tensor {tensor.name!r} has no scale: its weights are not quantized")
    zeros = tensor.zeros
    if len(zeros) > 1:
        if len(zeros) != values.shape[axis] or tensor.axis != axis % values.ndim:
            raise ModelError(f"tensor {tensor.name!r} must have a scale for each neuron, along axis {axis}")
        zeros = zeros.reshape([-1 if k == axis % values.ndim else 1 for k in range(values.ndim)])
    return values - zeros


def _layer(importer, node, data, rows, groups, operands, out: TfliteTensor, rescaled):
    """Return the function of the product of ``rows`` and the data's pixels; ``data.index`` is the result's.

    Filters have a scale and a bias for each neuron, which is repeated where there are several rows of each.
    """
    x, filters = operands[0].tensor, operands[1].tensor
    (x_scale, x_zero), (out_scale, out_zero) = x.quantization, out.quantization
    name = importer.new("dense")
    importer.add(Dense(name, data.edge, name, rows, groups))
    bias = np.zeros(len(rows), dtype=np.int64)
    if len(operands) > 2 and operands[2] is not None:
        bias = operands[2].constant.astype(np.int64)
        bias = np.tile(bias, len(rows) // len(bias))
    offset, wide = bias - x_zero * rows.sum(axis=1), x.type == "INT16"
    if wide and len(operands) > 2 and operands[2] is not None and operands[2].tensor.type != "INT64":
        raise ModelError("with activations of 16 bits its bias must be of 64, which is what the kernels read")
    edge = importer.edge(name)
    if not wide and max(-int((edge.lo + offset).min()), int((edge.hi + offset).max())) >= _MOST_SUM:
        raise ModelError("its sums can be beyond 32 bits, where the kernels' results are not defined")
    scales = filters.scales.astype(np.float64)
    scales = np.tile(scales, len(rows) // len(scales))
    real = np.float64(x_scale) * scales / np.float64(out_scale)
    bounds = activation_range(node.option("FusedActivationFunction"), out)
    sums = edge.lo + offset, edge.hi + offset
    function, second, lines = rescaled(real, sums if wide else None, out)
    lines = [line.behind(past).raised(out_zero) for line, past in zip(lines, offset, strict=bool(lines))]
    return add_codes(
        importer, Data(name, data.index), lambda acc: np.clip(function(acc + offset) + out_zero, *bounds), out,
        second=second, lines=lines, clip=bounds,
    )  # fmt: skip


def _multiplied(real, wide, out):
    """Return what convolutions multiply by: a function of sums ``(n, N)``, its second rounding or None, and its lines.

    ``wide`` are the ends of sums of 64 bits, or None; there are lines of these only.
    """
    pairs = [quantized_multiplier(float(r)) for r in real]
    multiplier, exponent = np.array(pairs, dtype=np.int64).T
    if wide:
        return (
            lambda sums: multiplied_wide(sums, multiplier, exponent),
            None,
            [RoundedLine.wide(*pair) for pair in pairs],
        )
    return lambda sums: multiplied(sums, multiplier, exponent), second_rounding(exponent, out), []


def _in_doubles(real, wide, out):
    """Return what LiteRT's reference kernel does to sums of ``FULLY_CONNECTED``, as `_multiplied` does."""
    lines = []
    if wide:
        fmt, lo, hi = format_of(out), int(wide[0].min()), int(wide[1].max())
        found = {
            r: RoundedLine.through(lambda s, r=r: np.clip(rounded(s.astype(np.float64) * r), fmt.lo, fmt.hi), lo, hi)
            for r in np.unique(real)
        }
        lines = [found[r] for r in real] if None not in found.values() else []
    return lambda sums: rounded(sums.astype(np.float64) * real), None, lines
