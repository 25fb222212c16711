"""Import of the operations that only lay out the same positions anew, or pick some of them."""

from dataclasses import replace

import numpy as np

from fewbit.golden.importing.operands import constant, data_of, shape_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant
from fewbit.golden.model_file.file import ModelError, evaluate


@handles("Reshape", role=Role.MOVE, keeps_integers=True)
def reshape(importer, node, inputs, attributes):
    """Import ONNX ``Reshape``."""
    shape = [int(d) for d in constant(inputs[1], "shape")]
    old = shape_of(inputs[0])
    if not attributes.get("allowzero", 0):
        shape = [old[i] if d == 0 else d for i, d in enumerate(shape)]
    if not isinstance(inputs[0], Constant) and len(shape) > 1 and shape[0] == importer.file.batch:
        shape[0] = 1  # exported for a fixed batch; the graph is walked for one sample
    return [inputs[0].reshaped(lambda a: a.reshape(shape))]


@handles("Flatten", role=Role.MOVE, keeps_integers=True)
def flatten(importer, node, inputs, attributes):
    """Import ONNX ``Flatten``."""
    shape, axis = shape_of(inputs[0]), attributes.get("axis", 1)
    axis = axis if axis >= 0 else axis + len(shape)
    rows = int(np.prod(shape[:axis]))
    return [inputs[0].reshaped(lambda a: a.reshape(rows, -1))]


@handles("Transpose", role=Role.MOVE, keeps_integers=True)
def transpose(importer, node, inputs, attributes):
    """Import ONNX ``Transpose``."""
    perm = attributes.get("perm") or tuple(reversed(range(len(shape_of(inputs[0])))))
    return [inputs[0].reshaped(lambda a: a.transpose(perm))]


@handles("Squeeze", "Unsqueeze", role=Role.MOVE, keeps_integers=True)
def squeeze(importer, node, inputs, attributes):
    """Import ONNX ``Squeeze`` and ``Unsqueeze``."""
    axes = attributes.get("axes")
    if len(inputs) > 1 and inputs[1] is not None:
        axes = constant(inputs[1], "axes")
    if node.op_type == "Squeeze":
        axes = None if axes is None else tuple(int(a) for a in axes)
        return [inputs[0].reshaped(lambda a: a.squeeze(axes))]
    axes = tuple(int(a) for a in axes)
    return [inputs[0].reshaped(lambda a: np.expand_dims(a, axes))]


@handles("Slice", "Split", "Gather", role=Role.MOVE)
def taken(importer, node, inputs, attributes):
    """Import ONNX ``Slice``, ``Split`` and ``Gather``: what onnxruntime takes of the positions."""
    data = data_of(inputs[0])
    operands = [None if t is None else constant(t, "its range") for t in inputs[1:]]
    operands += [None] * (len(node.input) - 1 - len(operands))
    parts = evaluate(importer.file, node, [data.index.astype(np.int64), *operands])
    if any(p is not None and (p.size == 0 or p.shape[:1] != data.shape[:1]) for p in parts):
        raise ModelError(f"it must leave the batch axis of data of shape {data.shape} as it is, and some values")
    return [None if p is None else replace(data, index=p) for p in parts]


@handles("DepthToSpace", role=Role.MOVE)
def depth_to_space(importer, node, inputs, attributes):
    """Import ONNX ``DepthToSpace`` of either mode."""
    block = attributes["blocksize"]
    _, channels, height, width = shape_of(inputs[0])
    if block < 1 or channels % block**2:
        raise ModelError(f"blocks of {block} x {block} pixels do not divide {channels} channels")
    columns_first = attributes.get("mode", "DCR") == "DCR"
    parts = (block, block, -1) if columns_first else (-1, block, block)
    order = (0, 3, 4, 1, 5, 2) if columns_first else (0, 1, 4, 2, 5, 3)
    return [
        data_of(inputs[0]).reshaped(
            lambda i: i.reshape(1, *parts, height, width).transpose(order).reshape(1, -1, height * block, width * block)
        )
    ]


@handles("SpaceToDepth", role=Role.MOVE)
def space_to_depth(importer, node, inputs, attributes):
    """Import ONNX ``SpaceToDepth``."""
    block = attributes["blocksize"]
    _, channels, height, width = shape_of(inputs[0])
    if block < 1 or height % block or width % block:
        raise ModelError(f"blocks of {block} x {block} pixels do not divide an image of {height} x {width}")
    parts = 1, channels, height // block, block, width // block, block
    return [
        data_of(inputs[0]).reshaped(
            lambda i: i.reshape(parts).transpose(0, 3, 5, 1, 2, 4).reshape(1, -1, height // block, width // block)
        )
    ]


@handles("Expand", "Tile", role=Role.MOVE)
def repeated(importer, node, inputs, attributes):
    """Import ONNX ``Expand`` and ``Tile``: the same values several times."""
    data = data_of(inputs[0])
    operand = tuple(int(d) for d in constant(inputs[1], "its shape or repeats"))
    if node.op_type == "Tile":
        y = data.reshaped(lambda i: np.tile(i, operand))
    else:
        shape = np.broadcast_shapes(data.shape, operand)
        y = data.reshaped(lambda i: np.broadcast_to(i, shape).copy())
    if y.index.size == 0 or y.shape[:1] != data.shape[:1]:
        raise ModelError(f"it must leave the batch axis of data of shape {data.shape} as it is, and some values")
    return [y]


@handles("Shape", role=Role.SHAPE)
def shape(importer, node, inputs, attributes):
    """Import ONNX ``Shape``."""
    start, end = attributes.get("start", 0), attributes.get("end")
    return [Constant(np.array(shape_of(inputs[0])[start:end], dtype=np.int64))]


@handles("Identity", "Dropout", role=Role.COPY, keeps_integers=True)
def identity(importer, node, inputs, attributes):
    """Import ONNX ``Identity``, and ``Dropout``, which does nothing in inference."""
    if len(inputs) > 2 and inputs[2] is not None and constant(inputs[2], "training mode").any():
        raise ModelError("the model was exported for training; export it for inference")
    return [inputs[0]]
