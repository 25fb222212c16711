"""The builder of networks of exact integers: every operation on data becomes one on the integers that it stands for."""

from collections.abc import Sequence

import numpy as np

from fewbit.golden.network.window import Window
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.branching import direction
from fewbit.golden.numbers.declaration import InputSpec
from fewbit.golden.numbers.elementwise import Chain

from . import quantized_joins, quantized_levels, quantized_pools, quantized_products
from .builder import Builder, InputForm
from .functions import plainly_quantized
from .import_state import ImportState
from .origins import origin
from .tensors import Constant, Data

__all__ = ["QuantizedBuilder"]


class QuantizedBuilder(Builder):
    """A `Builder` of exact integers, which says what its methods do.

    Data is ``scale * (integer - zero)`` behind an edge of integers, or a table makes such integers of it
    (`golden.importing.functions.integers`).

    Parameters
    ----------
    importer : ImportState
        The import whose network it adds nodes to.
    """

    def __init__(self, importer: ImportState):
        self._importer = importer

    # What stands behind an edge

    def input_form(self, spec: InputSpec | None) -> InputForm:
        if spec is None:
            return InputForm()
        return InputForm(spec.format, spec.encode, spec.text, (spec.dequantize(),), spec.normalization)

    def coded(self, data: Data) -> Data:
        data = plainly_quantized(self._importer, data)
        self._importer.known(data)
        return data

    def settled(self, data: Data) -> Data:
        self._importer.known(data)
        return data

    def origin(self, datas: Sequence[Data], *, joinable: bool) -> tuple[Data, list[Chain]] | None:
        return origin(self._importer, datas, through=not joinable)  # an adder is smaller than thresholds once more

    def order(self, data: Data) -> int | None:
        sign = direction(data.chain)
        return int(sign[0]) if sign is not None and ew.is_shared(data.chain) and sign.all() else None

    def are_for_the_host(self, datas: Sequence[Data]) -> bool:
        first = datas[0]
        if not self._importer.declared(first) or any(d.edge != first.edge for d in datas):
            return False
        return any(ew.affine(d.chain) is None for d in datas)

    def with_level(self, data: Data, value: float) -> tuple[Data, float]:
        return quantized_levels.with_level(self._importer, data, value)

    # Layers

    def product(self, data: Data, weights: Constant, alpha: float) -> tuple[str, Chain]:
        return quantized_products.product(self._importer, data, weights, alpha)

    def convolution(self, data: Data, weights: Constant, window: Window, groups: int) -> tuple[str, Chain]:
        return quantized_products.convolution(self._importer, data, weights, window, groups)

    def total(self, data: Data, divisor: int) -> tuple[str, Chain]:
        return quantized_products.total(self._importer, data, divisor)

    def averaged(self, data: Data, window: Window, divisors: np.ndarray, *, signal: bool) -> Data:
        return quantized_pools.averaged(self._importer, data, window, divisors, signal=signal)

    # Values by themselves, and the largest of them

    def powers(self, data: Data, p: int) -> Data:
        return quantized_levels.powers(self._importer, data, p)

    def rising(self, data: Data, *, alike: bool = False) -> Data:
        return quantized_pools.rising(self._importer, data, alike=alike)

    def largest(self, data: Data, window: Window, where: str) -> tuple[str, Chain]:
        return quantized_pools.largest(self._importer, data, window, where)

    # Joins

    def added(self, a: Data, b: Data) -> Data:
        return quantized_joins.summed(self._importer, a, b, np.add)

    def subtracted(self, a: Data, b: Data) -> Data:
        return quantized_joins.summed(self._importer, a, b, np.subtract)

    def multiplied(self, a: Data, b: Data) -> Data:
        return quantized_joins.multiplied(self._importer, a, b)

    def concatenated(self, datas: Sequence[Data], index: np.ndarray) -> Data:
        return quantized_joins.concatenated(self._importer, datas, index)
