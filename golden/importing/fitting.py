"""Constants beside data: by channel of the data's edge."""

import numpy as np

from fewbit.golden.model_file.file import ModelError

from .layout import by_channel
from .onnx_import_state import OnnxImportState
from .tensors import Data

__all__ = ["fitting"]


def fitting(importer: OnnxImportState, data: Data, c: np.ndarray) -> tuple[Data, np.ndarray]:
    """Return the data, and a constant (float32) by channel of its edge, which is a flat one where pixels differ in it.

    Raises
    ------
    ModelError
        If the constant does not fit the data's shape, or is not finite in float32.
    """
    extra = c.ndim - len(data.shape)
    if extra > 0 and c.shape[:extra] == (1,) * extra:
        raise ModelError(f"a constant of shape {c.shape} adds axes to data of shape {data.shape}")
    if np.broadcast_shapes(data.shape, c.shape) != data.shape:
        raise ModelError(f"a constant of shape {c.shape} does not fit data of shape {data.shape}")
    with np.errstate(over="ignore"):
        data, c = by_channel(importer, data, c)
    if not np.isfinite(c).all():
        raise ModelError("its constant is not finite in float32")
    return data, c
