"""Stochastic quantizers of data: a `Threshold` finds the probability, a whole number, and a node draws.

Binary (Courbariaux and others 2015) and ternary (Lin and others 2016). The probability is the model's own float32
function of an accumulator, so its places are found like any threshold's; what is left is a comparison with a random
number (`golden.numbers.random`), of which golden and hardware draw the same.
"""

from dataclasses import dataclass

import numpy as np

from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import all_operands, constant, data_of
from fewbit.golden.importing.quantizers import quantized_data
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant, Data, Integers
from fewbit.golden.model_file import exchange
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.draws import Draw, chance_format
from fewbit.golden.numbers.formats import Format
from fewbit.golden.numbers.random import LinearGenerator, generator_named

from .levels import DOMAINS

__all__ = ["ChanceQuantizer"]


@dataclass(frozen=True, eq=False)
class ChanceQuantizer:
    """The function from data to probabilities, a `golden.importing.code_quantizer.CodeQuantizer`.

    ``kind`` is "bipolar" or "ternary"; ``bits`` are those of a draw.
    """

    scale: np.ndarray
    kind: str
    bits: int
    zero = np.zeros(1, dtype=np.float32)

    @property
    def format(self) -> Format:
        """The format of the probabilities."""
        return chance_format(self.kind, self.bits)

    def codes(self, x: np.ndarray, scale: np.ndarray | None = None, zero: np.ndarray | None = None) -> np.ndarray:
        """Return the probability (int64) of each float32 of ``x``, as `golden.model_file.exchange.chance` has it."""
        return exchange.chance(x, self.scale if scale is None else scale, kind=self.kind, bits=self.bits)


@handles("StochasticQuant", domains=DOMAINS, role=Role.QUANTIZER, keeps_integers=True)
def stochastic(importer, node, inputs, attributes):
    """Import exchange ``StochasticQuant``."""
    x, scale = all_operands(inputs, 2)
    scale = np.asarray(constant(scale, "scale"), dtype=np.float32)
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
    if isinstance(x, Constant):
        return [_of_constant(x.array, scale, dict(kind=kind, bits=bits, seed=seed, generator=name))]
    return [_drawn(importer, data_of(x), ChanceQuantizer(scale, kind, bits), generator, seed)]


def _drawn(
    importer: OnnxImportState, data: Data, quantizer: ChanceQuantizer, generator: LinearGenerator, seed: int
) -> Data:
    """Return the data behind a `Threshold` that finds probabilities and a `Draw` that takes codes by them."""
    if not importer.declared(data):
        raise ModelError("the model's input cannot be drawn on the host; put another quantizer first, or declare it")
    data = quantized_data(importer, data, quantizer)
    index = data.index if data.index.ndim < 3 else np.moveaxis(data.index, 1, -1)
    if not np.array_equal(index.reshape(-1), np.arange(importer.length(data))):
        raise ModelError(
            "its values must be in the order in which the hardware has them, with channels innermost; "
            "put it in front of Flatten, Reshape or Transpose"
        )
    edge = importer.new("draw")
    importer.add(Draw(edge, data.edge, edge, quantizer.kind, generator, seed))
    return Data(edge, data.index, data.chain)


def _of_constant(array, scale, attributes):
    """Return weights that are drawn once: what frame 0 of the operator gives."""
    if array.ndim < 2:
        raise ModelError("a constant must have two axes or more")
    values = exchange.stochastic_quant(array, scale, **attributes)
    scale = np.broadcast_to(scale, array.shape).astype(np.float64)
    return Constant(values, Integers(np.rint(values / scale).astype(np.int64), scale, np.zeros(array.shape)))
