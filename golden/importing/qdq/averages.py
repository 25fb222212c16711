"""Import of onnxruntime's averages of integers: ``QLinearGlobalAveragePool`` and ``QLinearAveragePool``."""

from dataclasses import replace

import numpy as np
import onnx

from fewbit.golden.importing.ops.pools import average_pool, global_average_pool
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import FLOAT32, Constant
from fewbit.golden.model_file.domains import MICROSOFT
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew

from .operands import integer_data, one_scale, one_zero, type_name
from .products import as_it_was, channels_first, rounded_codes, shifted
from .quantizers import requantized

F32 = np.float32


def _operands(inputs, attributes):
    """Return the tensor, its scale and zero point, and the output's."""
    x, x_scale, x_zero, y_scale, y_zero = [*inputs, None][:5]
    if not isinstance(y_zero, Constant):
        raise ModelError("its output's zero point, which gives the type of its codes, must be a constant")
    return (
        channels_first(x, attributes),
        one_scale(x_scale, "its input's scale"),
        one_zero(x_zero, "its input's zero point"),
        y_scale,
        y_zero,
    )


@handles("QLinearGlobalAveragePool", domains=(MICROSOFT,), role=Role.AVERAGE, takes_integers=True, is_quantized=True)
def q_linear_global_average_pool(importer, node, inputs, attributes):
    """Import onnxruntime's ``QLinearGlobalAveragePool``: the sum times ``x_scale / (y_scale * count)``.

    Each step is rounded to float32.
    """
    x, x_scale, x_zero, y_scale, y_zero = _operands(inputs, attributes)
    count = int(np.prod(x.shape[2:]))
    (y,) = global_average_pool(importer, node, [shifted(x, x_zero)], {})
    (mean,) = y.chain
    y = replace(y, chain=(ew.Dequantize(np.rint(mean.scale * count), mean.zero),))
    factor = F32(x_scale / F32(one_scale(y_scale, "its output's scale") * F32(count)))
    return [as_it_was(rounded_codes(importer, y, np.asarray(factor), (y_scale, y_zero)), attributes)]


@handles("QLinearAveragePool", domains=(MICROSOFT,), role=Role.AVERAGE, takes_integers=True, is_quantized=True)
def q_linear_average_pool(importer, node, inputs, attributes):
    """Import onnxruntime's ``QLinearAveragePool``: ``round(float32(mean) / y_scale + zero)``.

    The mean is that of the exact sum, where onnxruntime adds floats one after the other.
    """
    x, x_scale, x_zero, y_scale, y_zero = _operands(inputs, attributes)
    given = (ew.Dequantize(np.full(1, float(x_scale)), np.full(1, float(x_zero))),)
    data = replace(integer_data(x), chain=given, dtype=FLOAT32)
    plain = onnx.helper.make_node("AveragePool", node.input[:1], node.output[:1])
    plain.attribute.extend(a for a in node.attribute if a.name != "channels_last")
    (y,) = average_pool(importer, plain, [data], attributes)
    zero = np.full(1, one_zero(y_zero, "its output's zero point"), dtype=F32)
    scale = np.full(1, one_scale(y_scale, "its output's scale"), dtype=F32)
    y = y.then(ew.WithConstant("div", scale), ew.WithConstant("add", zero))
    return [as_it_was(requantized(importer, y, F32(1), F32(0), type_name(y_zero.array.dtype)), attributes)]
