"""Import of TensorFlow Lite's largest and least values: of data and a constant, of several tensors, along axes."""

from dataclasses import replace

import numpy as np

from fewbit.golden.importing.layout import by_channel
from fewbit.golden.importing.ops.concatenation import side_by_side
from fewbit.golden.importing.tensors import Constant, Data
from fewbit.golden.model_file.file import ModelError

from .file import TfliteTensor
from .operands import add_codes, format_of, kernel, shape_without_batch
from .pools import axes_of, largest_along


@kernel("MAXIMUM", "MINIMUM")
def extreme(importer, node, operands, outputs):
    """Import ``MAXIMUM`` and ``MINIMUM`` of data and a constant, or of two tensors of data of one shape."""
    out = outputs[0]
    if any(operand.tensor.quantization != out.quantization for operand in operands):
        raise ModelError("its operands and its result must have the same scale and zero point")
    constants = [isinstance(operand.value, Constant) for operand in operands]
    if not any(constants):
        return [_of_both(importer, [operand.data for operand in operands], out, least=node.name == "MINIMUM")]
    at = constants.index(True)
    data, values = operands[1 - at].data, operands[at].constant.astype(np.int64)
    data, values = by_channel(importer, data, np.broadcast_to(values, (1, *data.shape[1:])), dtype=np.int64)
    chosen = np.maximum if node.name == "MAXIMUM" else np.minimum
    return [add_codes(importer, data, lambda x: chosen(x, values), out, shared=len(values) == 1)]


def _of_both(importer, datas: list[Data], out: TfliteTensor, *, least: bool) -> Data:
    """Return the larger, or smaller, codes of two tensors: the largest of rows that have one of each."""
    if datas[0].shape != datas[1].shape:
        raise ModelError(
            f"data of shapes {datas[0].shape} and {datas[1].shape} would broadcast, which is not supported"
        )
    parts = [(_turned(importer, d, out) if least else d).reshaped(lambda i: i[..., None]) for d in datas]
    axis = len(datas[0].shape)
    both = replace(side_by_side(importer, parts, axis), chain=())
    y = largest_along(importer, both, [axis])
    return _turned(importer, y, out) if least else y


@kernel("REDUCE_MIN")
def reduce_min(importer, node, operands, outputs):
    """Import ``REDUCE_MIN`` over any axes but the batch: the largest of codes counted from above."""
    x, out = operands[0], outputs[0]
    if x.tensor.quantization != out.quantization:
        raise ModelError("its input and output must have the same scale and zero point")
    found = largest_along(importer, _turned(importer, x.data, out), axes_of(operands))
    found = _turned(importer, found, out)
    return [found.reshaped(lambda i: i.reshape(shape_without_batch(out, found)))]


def _turned(importer, data: Data, out: TfliteTensor) -> Data:
    """Return codes counted from above: the largest for the smallest."""
    fmt = format_of(out)
    return add_codes(importer, data, lambda x: fmt.lo + fmt.hi - x, out, shared=True)
