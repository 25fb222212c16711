"""Import of the operators that only lay out the same codes anew, or pick, repeat or surround them."""

import numpy as np

from fewbit.golden.importing.tensors import Closed, Constant, Data
from fewbit.golden.importing.windows import add_windows, spread_out
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.spatial import Upsample
from fewbit.golden.network.window import Window

from .operands import kernel, shape_without_batch
from .products import as_image


@kernel("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def reshape(importer, node, operands, outputs):
    """Import ``RESHAPE``, ``SQUEEZE`` and ``EXPAND_DIMS``: the shape that the file gives the result."""
    value = operands[0].value
    if isinstance(value, Closed):
        return [value.reshaped(lambda a: a.reshape(outputs[0].shape))]
    shape = shape_without_batch(outputs[0], operands[0].value)
    return [value.reshaped(lambda i: i.reshape(shape))]


@kernel("TRANSPOSE")
def transpose(importer, node, operands, outputs):
    """Import ``TRANSPOSE`` of all axes but the batch."""
    order = [int(n) for n in operands[1].constant]
    if order[:1] != [0]:
        raise ModelError(f"the batch must stay the first axis, not {order}")
    return [operands[0].value.reshaped(lambda i: i.transpose(order))]


@kernel("SLICE")
def slice_(importer, node, operands, outputs):
    """Import ``SLICE``: a block of the codes."""
    begins, sizes = (operands[k].constant.astype(int) for k in (1, 2))
    parts = tuple(
        slice(None) if k == 0 else slice(b, None if n < 0 else b + n)
        for k, (b, n) in enumerate(zip(begins, sizes, strict=True))
    )
    return [_some(operands[0].data, parts)]


@kernel("STRIDED_SLICE")
def strided_slice(importer, node, operands, outputs):
    """Import ``STRIDED_SLICE`` without new axes and ellipses."""
    if node.option("NewAxisMask") or node.option("EllipsisMask"):
        raise ModelError("new axes and ellipses are not supported")
    begins, ends, strides = (operands[k].constant.astype(int) for k in (1, 2, 3))
    parts = []
    for k, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        first, last = (node.option(f"{name}Mask") >> k & 1 for name in ("Begin", "End"))
        if node.option("ShrinkAxisMask") >> k & 1:
            parts.append(int(begin))
        else:
            parts.append(slice(None if first else begin, None if last else end, stride))
    parts[0] = slice(None)
    return [_some(operands[0].data, tuple(parts))]


@kernel("SPLIT")
def split(importer, node, operands, outputs):
    """Import ``SPLIT`` into equal parts."""
    data = operands[1].data
    axis = _axis(data, operands[0].constant.reshape(()))
    return [Data(data.edge, part) for part in np.split(data.index, len(outputs), axis=axis)]


@kernel("SPLIT_V")
def split_at(importer, node, operands, outputs):
    """Import ``SPLIT_V`` into parts of given sizes."""
    data, sizes = operands[0].data, operands[1].constant.astype(int).reshape(-1)
    axis = _axis(data, operands[2].constant.reshape(()))
    sizes = np.where(sizes < 0, data.shape[axis] - sizes[sizes >= 0].sum(), sizes)
    return [Data(data.edge, part) for part in np.split(data.index, np.cumsum(sizes)[:-1], axis=axis)]


@kernel("UNPACK")
def unpack(importer, node, operands, outputs):
    """Import ``UNPACK``: the parts along an axis, without it."""
    data = operands[0].data
    axis = _axis(data, node.option("Axis"))
    return [Data(data.edge, np.take(data.index, k, axis=axis)) for k in range(len(outputs))]


@kernel("GATHER")
def gather(importer, node, operands, outputs):
    """Import ``GATHER`` of constant places along an axis."""
    data, places = operands[0].data, operands[1].constant.astype(int)
    if node.option("BatchDims"):
        raise ModelError("batch dimensions are not supported")
    return [Data(data.edge, np.take(data.index, places, axis=_axis(data, node.option("Axis"))))]


@kernel("TILE")
def tile(importer, node, operands, outputs):
    """Import ``TILE``: the codes several times along axes."""
    counts = operands[1].constant.astype(int).reshape(-1)
    if counts[0] != 1:
        raise ModelError("it must leave the batch, the first axis, as it is")
    return [operands[0].data.reshaped(lambda i: np.tile(i, counts))]


@kernel("REVERSE_V2")
def reverse(importer, node, operands, outputs):
    """Import ``REVERSE_V2``: the codes in the opposite order along axes."""
    data = operands[0].data
    axes = tuple(_axis(data, number) for number in operands[1].constant.reshape(-1))
    return [data.reshaped(lambda i: np.flip(i, axes))]


def _axis(data, number) -> int:
    """Return the axis of that number, which must not be the batch."""
    axis = int(number) % data.index.ndim
    if axis == 0:
        raise ModelError("it must leave the batch, the first axis, as it is")
    return axis


@kernel("DEPTH_TO_SPACE")
def depth_to_space(importer, node, operands, outputs):
    """Import ``DEPTH_TO_SPACE``: groups of channels become blocks of pixels."""
    data, block = operands[0].data, node.option("BlockSize")
    _, height, width, channels = data.shape
    index = data.index.reshape(height, width, block, block, channels // block**2).transpose(0, 2, 1, 3, 4)
    return [Data(data.edge, index.reshape(1, height * block, width * block, -1))]


@kernel("SPACE_TO_DEPTH")
def space_to_depth(importer, node, operands, outputs):
    """Import ``SPACE_TO_DEPTH``: blocks of pixels become groups of channels."""
    data, block = operands[0].data, node.option("BlockSize")
    _, height, width, channels = data.shape
    index = data.index.reshape(height // block, block, width // block, block, channels).transpose(0, 2, 1, 3, 4)
    return [Data(data.edge, index.reshape(1, height // block, width // block, -1))]


@kernel("MIRROR_PAD")
def mirror_pad(importer, node, operands, outputs):
    """Import ``MIRROR_PAD``, which reflects the codes at the edges, with or without those that stand there."""
    data, pads = operands[0].data, operands[1].constant.astype(int)
    if pads[0].any():
        raise ModelError("the batch cannot be padded")
    return [data.reshaped(lambda i: np.pad(i, pads, mode="symmetric" if node.option("Mode") else "reflect"))]


def _some(data, parts):
    index = data.index[parts]
    if not index.size or index.shape[0] != 1:
        raise ModelError(f"of data of shape {data.shape} it must leave the batch as it is, and some values")
    return Data(data.edge, index)


@kernel("PAD", "PADV2")
def pad(importer, node, operands, outputs):
    """Import ``PAD``, with the zero point, and ``PADV2``, with a constant, around an image."""
    x, pads = operands[0], operands[1].constant.astype(int)
    value = x.tensor.quantization[1] if node.name == "PAD" else int(operands[2].constant.reshape(()))
    if pads.shape != (4, 2) or pads[[0, 3]].any():
        raise ModelError(
            f"only height and width of an image can be padded, not shape {x.data.shape} by {pads.tolist()}"
        )
    data = as_image(importer, x.data)
    (top, bottom), (left, right) = pads[1:3].tolist()
    window = Window(size=data.shape[2:], kernel=(1, 1), pads=(top, left, bottom, right))
    edge = add_windows(importer, data.edge, window, pad=value)
    return [Data(edge, spread_out(window, data.shape[1], signal=False).transpose(0, 2, 3, 1))]


@kernel("RESIZE_NEAREST_NEIGHBOR")
def resize_nearest_neighbor(importer, node, operands, outputs):
    """Import ``RESIZE_NEAREST_NEIGHBOR``: every pixel repeated as often, or pixels picked one by one."""
    data, new = operands[0].data, tuple(int(n) for n in operands[1].constant)
    size, options = data.shape[1:3], (node.option("AlignCorners"), node.option("HalfPixelCenters"))
    sources = [_sources(n, s, *options) for n, s in zip(new, size, strict=True)]
    factors = tuple(max(1, n // s) for n, s in zip(new, size, strict=True))
    if any(not np.array_equal(s, np.arange(n) // f) for s, n, f in zip(sources, new, factors, strict=True)):
        return [data.reshaped(lambda i: i[:, sources[0]][:, :, sources[1]])]
    if factors == (1, 1):
        return [data]
    data = as_image(importer, data)
    name = importer.new("upsample")
    importer.add(Upsample(name, data.edge, name, size, factors))
    window = Window(size=new, kernel=(1, 1))
    return [Data(name, spread_out(window, data.shape[1], signal=False).transpose(0, 2, 3, 1))]


def _sources(new, old, aligned, centred):
    """Return which row of the input each row of the output repeats."""
    scale = np.float32(old - 1) / np.float32(new - 1) if aligned and new > 1 else np.float32(old) / np.float32(new)
    place = (np.arange(new, dtype=np.float32) + np.float32(0.5 if centred else 0)) * scale
    return np.minimum((np.round(place) if aligned else np.floor(place)).astype(int), old - 1)


@kernel("SHAPE")
def shape(importer, node, operands, outputs):
    """Import ``SHAPE``."""
    return [Constant(np.array(operands[0].tensor.shape, dtype=np.int32))]
