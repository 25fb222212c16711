"""Import of ``MultiThreshold``: a code is the number of thresholds that a value reaches."""

from dataclasses import dataclass, replace

import numpy as np

from fewbit.golden.importing.layout import by_channel
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import all_operands, constant, data_of, shape_of
from fewbit.golden.importing.quantizers import quantized_constant, quantized_data
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant, Data
from fewbit.golden.model_file.domains import QONNX_DOMAINS
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.formats import Format, levels_format

_MOST_THRESHOLDS = 65535
_LAYOUTS = {2: "NC", 3: "NWC", 4: "NCHW"}  # by rank, of a node that does not say its own


@dataclass(frozen=True, eq=False)
class ThresholdCounter:
    """``scale * (code - zero)``, where the code is ``k*step + origin``; k thresholds are not above x.

    Attributes
    ----------
    columns : tuple of float arrays
        Every threshold, as an array that broadcasts against the tensor, or is by channel of the data's edge.
    scale, zero : float32 arrays of one number
    step, origin : int
    """

    columns: tuple[np.ndarray, ...]
    scale: np.ndarray
    zero: np.ndarray
    step: int
    origin: int

    @classmethod
    def of(cls, columns: tuple[np.ndarray, ...], scale: float, bias: float) -> "ThresholdCounter":
        """Return the quantizer of ``scale*k + bias``: of signs, of whole numbers, or of a zero point in between."""
        numbers = (np.full(1, v, dtype=np.float32) for v in (scale, -bias / scale))
        if len(columns) == 1 and 2 * bias == -scale:
            return cls(columns, np.full(1, scale / 2, dtype=np.float32), np.zeros(1, dtype=np.float32), 2, -1)
        if bias / scale == np.rint(bias / scale):
            return cls(columns, next(numbers), np.zeros(1, dtype=np.float32), 1, int(bias / scale))
        return cls(columns, next(numbers), next(numbers), 1, 0)

    @property
    def format(self) -> Format:
        """The format of the codes."""
        return levels_format(self.step * np.arange(len(self.columns) + 1) + self.origin)

    def codes(self, x: np.ndarray, scale: np.ndarray | None = None, zero: np.ndarray | None = None) -> np.ndarray:
        """Return the codes (int64) of float32 ``x``."""
        count = np.zeros(np.shape(x), dtype=np.int64)
        for column in self.columns:
            count += x >= column
        return self.step * count + self.origin


@handles("MultiThreshold", domains=QONNX_DOMAINS, role=Role.QUANTIZER, keeps_integers=True)
def multi_threshold(importer, node, inputs, attributes):
    """Import QONNX ``MultiThreshold``, whose thresholds are a row a channel, or one row for all."""
    x, given = all_operands(inputs, 2)
    thresholds = constant(given, "its thresholds", infinite=True).astype(np.float32)
    shape = shape_of(x)
    layout = attributes.get("data_layout") or _LAYOUTS.get(len(shape), "NC")
    axis = layout.index("C") if "C" in layout else 1
    if thresholds.ndim != 2 or axis >= len(shape) or len(thresholds) not in (1, shape[axis]):
        raise ModelError(f"its thresholds must be one row a channel, not of shape {thresholds.shape}")
    if not 1 <= thresholds.shape[1] <= _MOST_THRESHOLDS or np.isnan(thresholds).any():
        raise ModelError(f"it must have 1 to {_MOST_THRESHOLDS} thresholds, none of them NaN")
    scale, bias = (float(attributes.get(name, default)) for name, default in (("out_scale", 1.0), ("out_bias", 0.0)))
    if not np.isfinite([scale, bias]).all() or scale == 0:
        raise ModelError(f"out_scale and out_bias must be finite, and out_scale not 0; not {scale} and {bias}")
    spread = [1] * len(shape)
    spread[axis] = len(thresholds)
    columns = tuple(column.reshape(spread) for column in np.sort(thresholds, axis=1).T)
    quantizer = ThresholdCounter.of(columns, scale, bias)
    if isinstance(x, Constant):
        return [quantized_constant(constant(x, "the tensor that it quantizes"), quantizer)]
    data = _counted(importer, data_of(x), quantizer)
    count = ew.Dequantize(np.full(1, 1 / quantizer.step), np.full(1, float(quantizer.origin)))
    scaled, added = (ew.WithConstant(kind, np.full(1, v, np.float32)) for kind, v in (("mul", scale), ("add", bias)))
    return [replace(data, chain=(count, *[scaled] * (scale != 1), *[added] * (bias != 0)))]


def _counted(importer: OnnxImportState, data: Data, quantizer: ThresholdCounter) -> Data:
    """Return data behind thresholds by channel of its edge."""
    for column in quantizer.columns:  # one of them may make the data flat
        data, _ = by_channel(importer, data, column)
    columns = tuple(by_channel(importer, data, column)[1] for column in quantizer.columns)
    return quantized_data(importer, data, replace(quantizer, columns=columns), parameters=columns)
