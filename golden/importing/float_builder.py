"""The builder of float32 networks, which quantized ones are compared with: layers, joins and pools of floats."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.joins import Concat, FloatAdd, FloatMultiply
from fewbit.golden.network.spatial import Largest
from fewbit.golden.network.window import Window
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.declaration import InputSpec
from fewbit.golden.numbers.elementwise import Chain
from fewbit.golden.numbers.formats import Float32

from .builder import Builder, InputForm
from .float_layers import FloatLayers
from .onnx_import_state import OnnxImportState
from .origins import origin
from .tensors import Constant, Data
from .windows import add_windows, spread_out

__all__ = ["FloatBuilder"]

_FAR = np.full((1, 1), 1e3)  # affine operations and a ReLU that rise from its negative to it rise everywhere


class FloatBuilder(Builder):
    """A `Builder` of float32, which says what its methods do.

    Data is affine operations, and perhaps a ReLU, behind an edge of floats: the layers in front of and behind them take
    them in.

    Parameters
    ----------
    importer : OnnxImportState
        The import whose network it adds nodes to.
    """

    def __init__(self, importer: OnnxImportState):
        self._importer = importer
        self._layers = FloatLayers(importer)

    # What stands behind an edge

    def input_form(self, spec: InputSpec | None) -> InputForm:
        return InputForm(Float32(), lambda x: np.asarray(x, dtype=np.float32), "float32")  # the floats as they are

    def coded(self, data: Data) -> Data:
        return data

    def settled(self, data: Data) -> Data:
        self._importer.known(data)
        edge, chain = self._layers.end(data)
        return replace(data, edge=edge, chain=chain)

    def origin(self, datas: Sequence[Data], *, joinable: bool) -> tuple[Data, list[Chain]] | None:
        # An operation on a chain that is not affine is none that a layer could take in, so what can be joined is.
        return None if joinable else origin(self._importer, datas, through=False)

    def order(self, data: Data) -> int | None:
        return None

    def are_for_the_host(self, datas: Sequence[Data]) -> bool:
        return False

    def with_level(self, data: Data, value: float) -> tuple[Data, float]:
        _, chain = self._layers.end(data)
        coefficients = ew.affine(chain)
        if coefficients is None or any(len(np.unique(c)) > 1 for c in coefficients):
            raise ModelError("in a float model only a Relu, or one scale and shift for all, may stand in front of Pad")
        a, b = (float(c.flat[0]) for c in coefficients)
        return data, float(np.float32((value - b) / a))

    # Layers

    def product(self, data: Data, weights: Constant, alpha: float) -> tuple[str, Chain]:
        rows = weights.array.astype(np.float64).T * alpha
        edge, scale, shift = self._layers.affine_before(data)
        matrix = np.zeros((len(rows), self._importer.channels(data)))
        matrix[:, data.index.reshape(-1, rows.shape[1])[0]] = rows
        return self._layers.add(edge, matrix * scale, matrix @ shift), ()

    def convolution(self, data: Data, weights: Constant, window: Window, groups: int) -> tuple[str, Chain]:
        edge, scale, shift = self._layers.affine_before(data)
        if any(window.pads) and (shift != 0).any():
            raise ModelError("in a float model nothing may be added in front of a convolution that pads")
        rows = weights.array.astype(np.float64)
        scale, shift = (_of_taps(v, window, groups, len(rows)) for v in (scale, shift))
        edge = add_windows(self._importer, edge, window, pad=0.0, groups=groups)
        return self._layers.add(edge, rows * scale, (rows * shift).sum(axis=1), groups=groups), ()

    def total(self, data: Data, divisor: int) -> tuple[str, Chain]:
        return self.product(data, Constant(np.full((data.shape[-1], 1), 1 / divisor)), 1.0)

    def averaged(self, data: Data, window: Window, divisors: np.ndarray, *, signal: bool) -> Data:
        if (divisors != divisors.flat[0]).any():
            raise ModelError("in a float model an average must be over as many values everywhere (count_include_pad)")
        channels = data.shape[1]
        ones = np.full((channels, window.taps_count), 1 / divisors.flat[0])
        edge, scale, shift = self._layers.affine_before(data)
        if any(window.pads) and (shift != 0).any():
            raise ModelError("in a float model nothing may be added in front of an average that pads")
        edge = add_windows(self._importer, edge, window, pad=0.0, groups=channels)
        bias = (ones * shift[:, None]).sum(axis=1)
        edge = self._layers.add(edge, ones * scale[:, None], bias, groups=channels)
        return Data(edge, spread_out(window, channels, signal))

    # Values by themselves, and the largest of them

    def powers(self, data: Data, p: int) -> Data:
        raise ModelError(f"only p 1 and 2 of quantized data are supported, not p {p}; use AveragePool or MaxPool")

    def rising(self, data: Data, *, alike: bool = False) -> Data:
        edge, chain = self._layers.end(data)
        if not (ew.is_monotone(chain) and (ew.apply(chain, -_FAR) <= ew.apply(chain, _FAR)).all()):
            raise ModelError(
                "in a float model a max pool may follow a Relu or affine operations that rise; fewbit quantize makes a "
                "model of few bits of it, in which any function is thresholds"
            )
        if alike and not ew.is_shared(chain):
            raise ModelError("in a float model the values of one maximum must have one scale and shift")
        return replace(data, edge=edge, chain=chain)

    def largest(self, data: Data, window: Window, where: str) -> tuple[str, Chain]:
        data = self.rising(data)
        edge = add_windows(self._importer, data.edge, window, pad=-np.inf, groups=data.shape[1])
        name = self._importer.new("largest")
        return self._importer.add(Largest(name, edge, name, window.taps_count)), data.chain

    # Joins

    def added(self, a: Data, b: Data) -> Data:
        ends = [self._layers.finished(data) for data in (a, b)]
        name = self._importer.new("add")
        return Data(self._importer.add(FloatAdd(name, ends[0], name, (ends[1],))), a.index)

    def subtracted(self, a: Data, b: Data) -> Data:
        raise ModelError("in a float model only Add of two tensors of data is supported")

    def multiplied(self, a: Data, b: Data) -> Data:
        ends = [self._layers.finished(data) for data in (a, b)]
        name = self._importer.new("multiply")
        return Data(self._importer.add(FloatMultiply(name, ends[0], name, (ends[1],))), a.index)

    def concatenated(self, datas: Sequence[Data], index: np.ndarray) -> Data:
        ends = [self._layers.finished(data) for data in datas]
        name = self._importer.new("concat")
        return Data(self._importer.add(Concat(name, ends[0], name, tuple(ends[1:]), Float32())), index)


def _of_taps(values: np.ndarray, window: Window, groups: int, neurons: int) -> np.ndarray:
    """Return one number a channel as (N, K): what each neuron reads of it."""
    rows = np.tile(np.reshape(values, (groups, 1, -1)), (1, window.taps_count, 1)).reshape(groups, -1)
    return np.repeat(rows, neurons // groups, axis=0)
