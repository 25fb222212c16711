"""Import of pools: the largest of a window, and averages."""

import numpy as np

from fewbit.golden.importing.layout import image
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Data
from fewbit.golden.importing.windows import spread_out, whole, window_of
from fewbit.golden.model_file.file import ModelError, describe, evaluate
from fewbit.golden.network.window import Window

__all__ = ["largest"]

# The largest


@handles("MaxPool", role=Role.MOVE)
def max_pool(importer, node, inputs, attributes):
    """Import ONNX ``MaxPool``."""
    if attributes.get("storage_order", 0) or len([o for o in node.output if o]) > 1:
        raise ModelError("indices of the largest values are not supported")
    data, signal, window = _windowed(importer, inputs, attributes)
    return [largest(importer, data, window, signal, describe(node))]


@handles("GlobalMaxPool", role=Role.MOVE)
def global_max_pool(importer, node, inputs, attributes):
    """Import ONNX ``GlobalMaxPool``."""
    data, signal = _image_of(importer, inputs)
    return [largest(importer, data, whole(data), signal, describe(node))]


def _image_of(importer, inputs):
    """Return the data of a pool as an image, and whether it is a signal of one dimension."""
    data = data_of(inputs[0])
    return image(importer, data), len(data.shape) == 3


def _windowed(importer, inputs, attributes):
    """Return what `_image_of` does, and the window of the attributes."""
    data, signal = _image_of(importer, inputs)
    kernel = attributes["kernel_shape"]
    kernel = (1, *kernel) if signal else tuple(kernel)
    return data, signal, window_of(data, kernel, attributes, signal, ceil=bool(attributes.get("ceil_mode", 0)))


def largest(importer: OnnxImportState, data: Data, window: Window, signal: bool, where: str) -> Data:
    """Return the largest value of each of an image's windows, by channel.

    Parameters
    ----------
    importer : OnnxImportState
    data : Data
        The image, of shape (1, C, H, W).
    window : Window
    signal : bool
        Whether the result has one dimension, the width.
    where : str
        How errors that show later name the node.

    Raises
    ------
    ModelError
        If the floats have no order that the edge's numbers have.
    """
    if window.taps_count == 1 and window.stride == (1, 1) and not any(window.pads):
        return data.reshaped(lambda a: a[:, :, 0]) if signal else data
    edge, chain = importer.builder.largest(data, window, where)
    return Data(edge, spread_out(window, data.shape[1], signal), chain)


# Averages


@handles("AveragePool", role=Role.AVERAGE)
def average_pool(importer, node, inputs, attributes):
    """Import ONNX ``AveragePool``."""
    data, signal, window = _windowed(importer, inputs, attributes)
    # How many values onnxruntime divides by follows from its average of ones.
    ones = np.ones((1, 1, data.shape[3]) if signal else (1, 1, *data.shape[2:]), dtype=np.float32)
    average = evaluate(importer.file, node, [ones])[0].reshape(-1).astype(np.float64)
    inside = (window.taps() >= 0).sum(axis=1)
    if average.shape != inside.shape:
        raise ModelError(f"its output is not {window.out_size} pixels, as its attributes say")
    divisors = np.where(inside > 0, np.rint(inside / np.where(average > 0, average, 1)), 1)
    return [importer.builder.averaged(data, window, divisors, signal=signal)]


@handles("GlobalAveragePool", role=Role.AVERAGE)
def global_average_pool(importer, node, inputs, attributes):
    """Import ONNX ``GlobalAveragePool``."""
    data, signal = _image_of(importer, inputs)
    window = whole(data)
    return [importer.builder.averaged(data, window, np.array([window.taps_count]), signal=signal)]
