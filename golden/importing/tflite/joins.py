"""Import of TensorFlow Lite's sums, differences and products of two tensors, and of channels side by side."""

from dataclasses import replace

import numpy as np

from fewbit.golden.importing.broadcasting import alike
from fewbit.golden.importing.layout import by_channel
from fewbit.golden.importing.ops.concatenation import side_by_side
from fewbit.golden.importing.tensors import Constant, Data
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.joins import Add, Multiply
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.thresholds import steps_of
from fewbit.golden.rewrite.sums import separating_sum

from .kernels import (
    SUM_BITS,
    power_of_two,
    product,
    product_multiplier,
    scaled_product,
    total,
    total_multipliers,
)
from .lines import RoundedLine, add_lines
from .operands import activation_range, add_codes, format_of, kernel, second_rounding

_PAST = {"ADD": "added", "SUB": "subtracted", "MUL": "multiplied"}  # for messages


@kernel("ADD", "SUB", "MUL")
def binary(importer, node, operands, outputs):
    """Import ``ADD``, ``SUB`` and ``MUL`` of two tensors of codes, one of which may be a constant."""
    out = outputs[0]
    quantizations = [operand.tensor.quantization for operand in operands] + [out.quantization]
    types = {tensor.type for tensor in (*(operand.tensor for operand in operands), out)}
    if len(types) > 1 or format_of(out).bits not in SUM_BITS:
        raise ModelError(
            f"{node.name} is supported for codes of one type, of 8 or 16 bits, not {' and '.join(sorted(types))}"
        )
    kernel_of = _Product if node.name == "MUL" else _Sum
    function = kernel_of(node, quantizations, activation_range(node.option("FusedActivationFunction"), out), out)
    constants = [isinstance(operand.value, Constant) for operand in operands]
    if any(constants):
        return [_with_constant(importer, operands, constants.index(True), function.codes, out)]
    a, b = (operand.data for operand in operands)
    a, b = alike(importer, a, b, _PAST[node.name], channels_last=True, one_sample=True)
    return [function.joined(importer, a, b)]


def _with_constant(importer, operands, at, codes, out):
    """Return the data behind a function of one code, which differs between channels as the constant does."""
    data, values = operands[1 - at].data, operands[at].constant.astype(np.int64)
    values = np.broadcast_to(values.reshape((1,) * (data.index.ndim - values.ndim) + values.shape), data.shape)
    data, values = by_channel(importer, data, values, dtype=np.int64)

    def function(x):
        return codes(values, x) if at == 0 else codes(x, values)

    return add_codes(importer, data, function, out, shared=len(values) == 1)


class _Join:
    """What a kernel makes of two codes.

    Parameters
    ----------
    node : TfliteOperator
    quantizations : list of (scale, zero point), of both operands and of the result
    bounds : (int, int)
        The smallest and the largest code of the result.
    out : TfliteTensor
        The result.
    """

    def __init__(self, node, quantizations, bounds, out):
        self.node, self.quantizations, self.bounds, self.out = node, quantizations, bounds, out
        self.format = format_of(out)

    def codes(self, a, b):
        """Return the codes for integers of both operands, arrays that broadcast."""
        raise NotImplementedError

    def joined(self, importer, a: Data, b: Data) -> Data:
        """Append the nodes for data of one shape, and return the data behind them."""
        raise NotImplementedError


class _Product(_Join):
    """``MUL``: the exact product of both codes, less their zero points, by a multiplier."""

    def codes(self, a, b):
        return np.clip(product(a, b, *self.quantizations), *self.bounds)

    def joined(self, importer, a, b):
        name = importer.new("multiply")
        zeros = np.array([zero for _, zero in self.quantizations[:2]], dtype=np.int64)[:, None]
        zeros = np.repeat(zeros, importer.channels(a), axis=1)
        importer.add(Multiply(name, a.edge, name, (b.edge,), np.ones_like(zeros), zeros))
        multiplier, exponent = product_multiplier(*self.quantizations)
        if self.format.bits > 8:
            line = RoundedLine.of(multiplier, exponent).raised(self.quantizations[2][1])
            return add_lines(importer, Data(name, a.index), [line], fmt=self.format, clip=self.bounds)
        return add_codes(
            importer, Data(name, a.index), lambda x: np.clip(scaled_product(x, *self.quantizations), *self.bounds),
            self.out, shared=True, second=second_rounding(exponent, self.out),
        )  # fmt: skip


class _Sum(_Join):
    """``ADD`` and ``SUB``: both operands at one finer scale, and their sum by a multiplier."""

    def __init__(self, node, quantizations, bounds, out):
        super().__init__(node, quantizations, bounds, out)
        self.sign = -1 if node.name == "SUB" else 1
        self.scales = [float(scale) for scale, _ in quantizations]

    def codes(self, a, b):
        if self.format.bits > 8:
            *lines, whole = self._lines()
            terms = [
                line.values(x - zero) for line, x, (_, zero) in zip(lines, (a, b), self.quantizations, strict=False)
            ]
            found = whole.values(terms[0] + self.sign * terms[1]) + self.quantizations[2][1]
        else:
            found = total(a, b, *self.quantizations, sign=self.sign)
        return np.clip(found, *self.bounds)

    def joined(self, importer, a, b):
        found = None if self.format.bits > 8 else self._separated(importer, a, b)
        return self._line_by_line(importer, a, b) if found is None else found

    def _lines(self):
        """Return the lines of both operands, and that of their sum."""
        powers = [power_of_two(scale) for scale in self.scales]
        if self.format.bits == 16 and None not in powers and self.node.option("PotScaleInt16", True):
            shifts = [powers[2] - power for power in powers[:2]]
            if min(shifts) != 0:
                raise ModelError(f"of its scales, {self.scales}, one operand's must be that of the result, none larger")
            return [RoundedLine.halved(shift) for shift in (*shifts, 0)]
        bits = SUM_BITS[self.format.bits]
        *each, whole = total_multipliers(*self.scales, bits)
        return [RoundedLine.of(*multiplier, by=1 << bits) for multiplier in each] + [RoundedLine.of(*whole)]

    def _line_by_line(self, importer, a, b):
        """Return the sum of what a line makes of each operand, but where that is a whole multiple."""
        *lines, whole = self._lines()
        terms, multiples, zeros = [], [], [zero for _, zero in self.quantizations[:2]]
        for data, line, zero in zip((a, b), lines, zeros, strict=True):
            multiple = line.multiple
            terms.append(data if multiple is not None else add_lines(importer, data, [line.behind(-zero)]))
            multiples.append(1 if multiple is None else multiple)
        offset = sum(
            sign * multiple * zero * (term is data) for sign, multiple, zero, term, data in
            zip((1, self.sign), multiples, zeros, terms, (a, b), strict=True)
        )  # fmt: skip
        name = importer.new("add")
        multipliers = np.array([multiples[0], self.sign * multiples[1]], dtype=np.int64)[:, None]
        multipliers = np.repeat(multipliers, importer.channels(a), axis=1)
        importer.add(Add(name, terms[0].edge, name, (terms[1].edge,), multipliers))
        whole = whole.behind(-offset).raised(self.quantizations[2][1])
        return add_lines(importer, Data(name, a.index), [whole], fmt=self.format, clip=self.bounds)

    def _separated(self, importer, a, b):
        """Return a sum of whole multiples of both codes, behind thresholds that give the kernel's code for every pair.

        ``None`` where none near the ratio of the scales keeps all pairs of different codes apart.
        """
        values = []
        for data in (a, b):
            edge = importer.edge(data.edge)
            values.append(np.arange(edge.lo.min(), edge.hi.max() + 1))
        ratio = self.scales[0] / self.scales[1] * self.sign
        found = separating_sum(*values, self.codes(values[0][:, None], values[1][None]), ratio)
        if found is None:
            return None
        multipliers, thresholds, table = found
        name = importer.new("add")
        repeated = np.repeat(np.array(multipliers, dtype=np.int64)[:, None], importer.channels(a), axis=1)
        importer.add(Add(name, a.edge, name, (b.edge,), repeated))
        edge = importer.edge(name)
        thresholds, table = thresholds[None], table[None]
        lo, hi = edge.lo.min(keepdims=True), edge.hi.max(keepdims=True)
        steps = steps_of(thresholds, table, lo, hi, self.format)
        act = importer.new("threshold")
        _, last = total_multipliers(*self.scales, SUM_BITS[8])[2]
        importer.add(
            Threshold(act, name, act, *((thresholds, table) if steps is None else (steps, None)), self.format,
                      second_rounding(last, self.out))
        )  # fmt: skip
        return Data(act, a.index)


@kernel("CONCATENATION")
def concatenation(importer, node, operands, outputs):
    """Import ``CONCATENATION`` along any axis but the batch."""
    datas, out = [operand.data for operand in operands], outputs[0]
    if any(operand.tensor.quantization != out.quantization for operand in operands):
        raise ModelError("its inputs and its output must have the same scale and zero point")
    if node.option("FusedActivationFunction"):
        raise ModelError("a fused activation function is not supported")
    return [replace(side_by_side(importer, datas, node.option("Axis")), chain=())]


@kernel("PACK")
def pack(importer, node, operands, outputs):
    """Import ``PACK``: tensors of one shape, one behind the other along a new axis."""
    axis = node.option("Axis") % len(outputs[0].shape)
    datas = [operand.data.reshaped(lambda i: np.expand_dims(i, axis)) for operand in operands]
    return [replace(side_by_side(importer, datas, axis), chain=())]
