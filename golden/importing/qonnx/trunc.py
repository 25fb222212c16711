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

    def function(x):
        if len(operands) == 4:
            return trunc_v1(x, *operands, mode)
        scale, zero, bits, out_scale, out_bits = operands
        narrow, signed = bool(attributes.get("narrow", 0)), bool(attributes.get("signed", 1))
        return trunc_v2(x, scale, zero, bits, narrow, signed, out_scale, out_bits, mode)

    scale = float(operands[0][0] if len(operands) == 4 else operands[3][0])
    zero = float(operands[1][0])
    if len(operands) == 5:
        zero /= 2.0 ** np.round(np.log2(operands[3][0] / operands[0][0]))
    edge = importer.edge(data.edge)
    ends = [np.rint(function(ew.apply(data.chain, bound[None])).astype(np.float64) / scale + zero)
            for bound in (edge.lo, edge.hi)]  # fmt: skip
    lo, hi = int(min(e.min() for e in ends)), int(max(e.max() for e in ends))
    if hi - lo > _MOST_LEVELS:
        raise ModelError(f"it leaves more than {_MOST_LEVELS} levels")

    def codes(y):
        return np.rint(function(y).astype(np.float64) / scale + zero).astype(np.int64)

    name = add_function(importer, data, codes, format_for([lo, 0, hi] if hi - lo > 1 else [lo, hi]))
    return [Data(name, data.index, (ew.Dequantize(np.full(1, scale), np.full(1, zero)),))]
