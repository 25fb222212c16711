"""Import of QONNX's ``Trunc``, which takes the lowest bits away."""

import numpy as np
from qonnx.custom_op.general.quant import resolve_rounding_mode
from qonnx.custom_op.general.trunc import trunc_v1, trunc_v2

from fewbit.golden.importing.functions import add_function
from fewbit.golden.importing.operands import constant, data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Data
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.formats import format_for

from .quantizers import DOMAINS

_MOST_LEVELS = 1 << 16  # that a result may have


@handles("Trunc", domains=DOMAINS, role=Role.FUNCTION)
def trunc(importer, node, inputs, attributes):
    """Import QONNX ``Trunc`` with five or with six operands: the integers lose their lowest bits."""
    data = data_of(inputs[0])
    importer.known(data)
    function, scale, zero = _truncation(inputs, attributes)

    def levels(y):
        return np.rint(function(y).astype(np.float64) / scale + zero)

    edge = importer.edge(data.edge)
    ends = [levels(ew.apply(data.chain, bound[None])) for bound in (edge.lo, edge.hi)]
    lo, hi = int(min(e.min() for e in ends)), int(max(e.max() for e in ends))
    if hi - lo > _MOST_LEVELS:
        raise ModelError(f"it leaves more than {_MOST_LEVELS} levels")
    fmt = format_for([lo, 0, hi] if hi - lo > 1 else [lo, hi])
    name = add_function(importer, data, lambda y: levels(y).astype(np.int64), fmt)
    return [Data(name, data.index, (ew.Dequantize(np.full(1, scale), np.full(1, zero)),))]


def _truncation(inputs, attributes):
    """Return qonnx's own function of floats, and the scale and the zero point of what it gives."""
    if len(inputs) not in (5, 6):
        raise ModelError(f"it must have 5 or 6 inputs, not {len(inputs)}")
    operands = [np.asarray(constant(t, "an operand"), dtype=np.float32) for t in inputs[1:]]
    if any(o.size != 1 for o in operands):
        raise ModelError("its operands must be one number for the whole tensor")
    operands = [o.reshape(1) for o in operands]
    mode = attributes.get("rounding_mode", "FLOOR")
    try:
        resolve_rounding_mode(mode)
    except (ValueError, AttributeError):
        raise ModelError(f"its rounding mode {mode!r} is not known") from None
    if len(operands) == 4:
        scale, zero = (float(o[0]) for o in operands[:2])
        return (lambda x: trunc_v1(x, *operands, mode)), scale, zero
    scale, zero, bits, out_scale, out_bits = operands
    narrow, signed = bool(attributes.get("narrow", 0)), bool(attributes.get("signed", 1))

    def function(x):
        return trunc_v2(x, scale, zero, bits, narrow, signed, out_scale, out_bits, mode)

    return function, float(out_scale[0]), float(zero[0]) / 2.0 ** np.round(np.log2(out_scale[0] / scale[0]))
