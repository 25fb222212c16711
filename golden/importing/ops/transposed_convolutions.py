"""Import of ``ConvTranspose``."""

from collections.abc import Sequence

import numpy as np

from fewbit.golden.importing.layout import by_channel, image
from fewbit.golden.importing.operands import constant, data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant, Data, Integers
from fewbit.golden.importing.transposed import TransposedAxis, TransposedWindow
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew


@handles("ConvTranspose", role=Role.PRODUCT)
def conv_transpose(importer, node, inputs, attributes):
    """Import ONNX ``ConvTranspose`` of one or two dimensions."""
    data = data_of(inputs[0])
    if not isinstance(inputs[1], Constant):
        raise ModelError("weights must be a constant")
    shape, groups = constant(inputs[1], "weights").shape, attributes.get("group", 1)
    if len(shape) not in (3, 4) or len(shape) != len(data.shape):
        raise ModelError(
            f"only transposed convolutions of one or two dimensions are supported, not data of shape {data.shape} and "
            f"weights of shape {shape}"
        )
    if groups < 1 or data.shape[1] != shape[0] or shape[0] % groups or 0 in shape:
        raise ModelError(f"{groups} groups, data of shape {data.shape} and weights of shape {shape} do not fit")
    signal = len(shape) == 3
    axes = _axes(data.shape[2:], shape[2:], attributes)
    weights = inputs[1].reshaped(lambda w: w[:, :, None, :]) if signal else inputs[1]
    if signal:
        axes = [TransposedAxis(size=1, out=1, taps=1, stride=1, dilation=1, pad=0), *axes]
    data = image(importer, data)
    transposed = TransposedWindow(axes, groups)
    edge, chain = importer.builder.convolution(data, _by_block(weights, transposed), transposed.window, groups)
    index = transposed.index(shape[1])
    y = Data(edge, index[:, :, 0] if signal else index, chain)
    if len(inputs) > 2 and inputs[2] is not None:
        bias = constant(inputs[2], "bias").astype(np.float32)
        if bias.shape != (groups * shape[1],):
            raise ModelError(f"a bias of shape {bias.shape} does not fit {groups * shape[1]} channels")
        y, bias = by_channel(importer, y, bias.reshape(1, -1, *[1] * (len(shape) - 2)))
        y = y.then(ew.WithConstant("add", bias))
    return [y]


def _axes(size: Sequence[int], kernel: Sequence[int], attributes) -> list[TransposedAxis]:
    """Return the axes, with the output's size as ONNX defines it."""
    rank = len(size)

    def values(name: str, default: int) -> list[int]:
        given = list(attributes.get(name) or [default] * rank)
        if len(given) != rank:
            raise ModelError(f"{name} must be {rank} numbers, not {given}")
        return given

    strides, dilations, extra = values("strides", 1), values("dilations", 1), values("output_padding", 0)
    named = tuple(values("kernel_shape", 0))
    if min(strides + dilations) < 1 or min(extra) < 0 or named not in (tuple(kernel), (0,) * rank):
        raise ModelError(f"strides {strides}, dilations {dilations} or kernel_shape do not fit a kernel of {kernel}")
    pads, auto = list(attributes.get("pads") or [0] * 2 * rank), attributes.get("auto_pad", "NOTSET")
    wanted = attributes.get("output_shape")
    found = []
    for k in range(rank):
        full = strides[k] * (size[k] - 1) + extra[k] + (kernel[k] - 1) * dilations[k] + 1
        if wanted or auto in ("SAME_UPPER", "SAME_LOWER"):
            out = wanted[-rank + k] if wanted else size[k] * strides[k]
            total = max(0, full - out)
            before = total // 2 if auto == "SAME_UPPER" else total - total // 2
        else:
            before, after = (0, 0) if auto == "VALID" else (pads[k], pads[rank + k])
            out = full - before - after
        if out < 1 or before < 0:
            raise ModelError(f"pads {pads} of a kernel of {kernel} leave nothing of its output")
        found.append(
            TransposedAxis(size=size[k], out=out, taps=kernel[k], stride=strides[k], dilation=dilations[k], pad=before)
        )
    return found


def _by_block(b: Constant, transposed: TransposedWindow) -> Constant:
    """Return weights (C, N/groups, kh, kw) as rows of a convolution."""
    there = transposed.there(b.array.shape)
    array = np.where(there, transposed.rows(b.array), np.zeros(1, dtype=b.array.dtype))
    if b.integers is None:
        return Constant(array)
    codes, scale, zero = (transposed.rows(v) for v in (b.integers.codes, b.integers.scale, b.integers.zero))
    codes = np.where(there, codes, np.rint(zero).astype(np.int64))
    return Constant(array, Integers(codes, scale, np.where(there, zero, np.rint(zero))))
