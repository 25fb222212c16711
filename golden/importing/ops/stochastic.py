"""Stochastic quantizers of data: a `Threshold` finds the probability, a whole number, and a node draws.

Binary (Courbariaux and others 2015) and ternary (Lin and others 2016). The probability is the model's own float32
function of an accumulator, so its places are found like any threshold's; what is left is a comparison with a random
number (`golden.numbers.random`), of which golden and hardware draw the same.
"""

from dataclasses import dataclass

import numpy as np

from fewbit.golden.importing.data_quantizers import quantized
from fewbit.golden.importing.registry import constant, data_of, handles
from fewbit.golden.importing.tensors import Constant, Integers
from fewbit.golden.model_file import domain as exchange
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.draws import Draw, chance_format
from fewbit.golden.numbers.formats import Format
from fewbit.golden.numbers.random import generator_named

__all__ = ["ChanceQuantizer"]


@dataclass(frozen=True, eq=False)
class ChanceQuantizer:
    """The function from data to probabilities, as `golden.importing.data_quantizers.quantized` takes quantizers."""

    scale: np.ndarray
    kind: str
    bits: int
    zero = np.zeros(1, dtype=np.float32)

    @property
    def format(self) -> Format:
        return chance_format(self.kind, self.bits)

    def codes(self, x, scale=None, zero=None):
        """`golden.model_file.domain.chance` of float32 ``x``."""
        return exchange.chance(x, self.scale if scale is None else scale, kind=self.kind, bits=self.bits)


@handles("StochasticQuant")
def stochastic(importer, node, inputs, attributes):
    if len(inputs) != 2 or None in inputs:
        raise ModelError(f"it must have 2 inputs, not {sum(i is not None for i in inputs)}")
    scale = np.asarray(constant(inputs[1], "scale"), dtype=np.float32)
    if not scale.size or not (np.isfinite(scale) & (scale > 0)).all():
        raise ModelError("its scale must be positive and finite")
    kind, bits = attributes.get("kind", "bipolar"), attributes.get("bits", 8)
    name, seed = attributes.get("generator", "lfsr"), attributes.get("seed", 1)
    if kind not in exchange.KINDS:
        raise ModelError(f"its kind must be one of {', '.join(exchange.KINDS)}, not {kind!r}")
    try:
        generator = generator_named(name, bits)
    except ValueError as error:
        raise ModelError(error) from None
    if isinstance(inputs[0], Constant):
        return [_of_constant(inputs[0].array, scale, dict(kind=kind, bits=bits, seed=seed, generator=name))]
    data = data_of(inputs[0])
    if importer.result.input_format is None:
        raise ModelError("the model's input cannot be drawn on the host; put another quantizer first, or declare it")
    data = quantized(importer, data, ChanceQuantizer(scale, kind, bits))
    index = data.index if data.index.ndim < 3 else np.moveaxis(data.index, 1, -1)
    if not np.array_equal(index.reshape(-1), np.arange(importer.length(data))):
        raise ModelError(
            "its values must be in the order in which the hardware has them, with channels innermost; "
            "put it in front of Flatten, Reshape or Transpose"
        )
    edge = importer.new("draw")
    importer.add(Draw(edge, data.edge, edge, kind, generator, seed))
    return [type(data)(edge, data.index, data.chain)]


def _of_constant(array, scale, attributes):
    """Weights that are drawn once: what frame 0 of the operator gives."""
    if array.ndim < 2:
        raise ModelError("a constant must have two axes or more")
    values = exchange.stochastic_quant(array, scale, **attributes)
    scale = np.broadcast_to(scale, array.shape).astype(np.float64)
    return Constant(values, Integers(np.rint(values / scale).astype(np.int64), scale, np.zeros(array.shape)))
