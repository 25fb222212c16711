"""Import of ``Pad``: constants around data, and its own values once more."""

import numpy as np

from fewbit.golden.importing.layout import image, is_natural, placed
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import constant, data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Data
from fewbit.golden.importing.windows import add_windows, spread_out
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.window import Window

_MODES = {"constant", "reflect", "edge", "wrap"}


@handles("Pad", role=Role.MOVE)
def pad(importer, node, inputs, attributes):
    """Import ONNX ``Pad`` of any axis but the batch: a constant, or values of the data; negative pads crop."""
    data = data_of(inputs[0])
    mode = attributes.get("mode", "constant")
    mode = mode.decode() if isinstance(mode, bytes) else mode
    if mode not in _MODES:
        raise ModelError(f"mode must be one of {', '.join(sorted(_MODES))}, not {mode}")
    widths = _widths(data, inputs, attributes)
    value = attributes.get("value", 0.0)
    if len(inputs) > 2 and inputs[2] is not None:
        value = float(constant(inputs[2], "value").reshape(()))
    before, after = np.maximum(-widths, 0).T
    ends = np.array(data.shape) - after
    data = data.reshaped(lambda i: i[tuple(slice(a, b) for a, b in zip(before, ends, strict=True))])
    if 0 in data.shape:
        raise ModelError(f"pads of {widths.tolist()} leave nothing of its data")
    widths = np.maximum(widths, 0)
    if not widths.any():
        return [data]
    if mode == "constant":
        return [_constant(importer, data, widths, value)]
    if mode == "reflect" and (widths >= np.array(data.shape)[:, None]).any():
        raise ModelError(f"data of shape {data.shape} is too small to be reflected by {widths.tolist()}")
    return [data.reshaped(lambda i: np.pad(i, widths, mode))]


def _widths(data: Data, inputs, attributes) -> np.ndarray:
    """Return how many values stand in front of and behind each axis, (rank, 2); negative ones are cropped."""
    pads = attributes.get("pads") or attributes.get("paddings")
    pads = constant(inputs[1], "pads").tolist() if pads is None else list(pads)
    rank = len(data.shape)
    axes = list(range(rank))
    if len(inputs) > 3 and inputs[3] is not None:
        axes = [a % rank for a in constant(inputs[3], "axes").tolist()]
    if len(pads) != 2 * len(axes):
        raise ModelError(f"{len(pads)} pads do not fit data of shape {data.shape}")
    widths = np.zeros((rank, 2), dtype=np.int64)
    widths[axes] = np.reshape(pads, (2, -1)).T
    if widths[0].any():
        raise ModelError("the batch axis cannot be padded")
    return widths


def _constant(importer: OnnxImportState, data: Data, widths: np.ndarray, value: float) -> Data:
    """Return data with ``value`` around it: an image by its windows, anything else by another order."""
    rank = len(data.shape)
    if rank == 4 and not widths[3].any() and is_natural(importer, data):  # channels last
        turned = _constant(importer, data.reshaped(lambda i: np.moveaxis(i, -1, 1)), widths[[0, 3, 1, 2]], value)
        return turned.reshaped(lambda i: np.moveaxis(i, 1, -1))
    if rank in (3, 4) and not widths[1].any():
        data, code = importer.builder.with_level(image(importer, data), value)
        data = importer.builder.settled(data)
        (top, bottom), (left, right) = widths[2:] if rank == 4 else ((0, 0), widths[2])
        window = Window(size=data.shape[2:], kernel=(1, 1), pads=(int(top), int(left), int(bottom), int(right)))
        edge = add_windows(importer, data.edge, window, pad=code)
        return Data(edge, spread_out(window, data.shape[1], rank == 3), data.chain)
    data, code = importer.builder.with_level(data, value)
    padded = data.reshaped(lambda i: np.pad(i, widths, constant_values=-1))
    if rank == 4:
        last = placed(importer, padded.reshaped(lambda i: np.moveaxis(i, 1, -1)), padded.shape[2:], fill=code)
        return last.reshaped(lambda i: np.moveaxis(i, -1, 1))
    return placed(importer, padded, (), fill=code)
