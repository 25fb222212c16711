"""Values of a graph's tensors on samples, and the quantizers that follow from them."""

import numpy as np
from onnx import helper, numpy_helper

from golden.formats import Bipolar, Signed, Unsigned
from golden.onnxfile import ModelError, describe

__all__ = ["evaluate_all", "format_of", "quantized", "scale_of"]


def _best_scale(values, lo, hi):
    """The scale of smallest squared error when ``values`` are rounded to integers from ``lo`` to ``hi``."""
    most = max(values.max(initial=0) / max(hi, 1), -values.min(initial=0) / max(-lo, 1))
    if not most > 0:
        return np.float32(1)
    scales = (most * np.linspace(1, 0.1, 46)).astype(np.float32)
    errors = [np.square(np.clip(np.rint(values / s), lo, hi) * s - values).sum() for s in scales]
    return scales[int(np.argmin(errors))]


def format_of(bits, signed):
    """The format that ``bits`` are used in: narrow if signed, and one bit is -1 and 1, or 0 and 1."""
    if bits == 1:
        return Bipolar() if signed else Unsigned(1)
    return Signed(bits, narrow=True) if signed else Unsigned(bits)


def scale_of(values, fmt):
    """The scale for rounding ``values`` to ``fmt``."""
    if isinstance(fmt, Bipolar):
        return np.float32(np.abs(values).mean() or 1)
    return _best_scale(values.astype(np.float64), fmt.lo, fmt.hi)


def quantized(quantizer, values):
    """The floats that ``quantizer`` makes of ``values``, with its own scale and zero point."""
    return ((quantizer.codes(values) - quantizer.zero) * quantizer.scale).astype(np.float32)


def evaluate_all(file, node, values, constants):
    """``{output: values}`` of ``node`` for every sample, in one onnxruntime session."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    given = list(dict.fromkeys(i for i in node.input if i in values))
    fixed = dict.fromkeys(i for i in node.input if i and i not in values)
    inputs = [
        helper.make_tensor_value_info(i, helper.np_dtype_to_tensor_dtype(values[i][0].dtype), values[i][0].shape)
        for i in given
    ]
    made = [o for o in node.output if o]
    try:
        graph = helper.make_graph(
            [node], "one", inputs, [helper.make_empty_tensor_value_info(o) for o in made],
            [numpy_helper.from_array(np.asarray(constants[n], order="C"), n) for n in fixed],
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", file.opset)], ir_version=8)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        rows = zip(*(values[i] for i in given), strict=True)
        results = [session.run(made, dict(zip(given, row, strict=True))) for row in rows]
    except Exception as error:  # onnxruntime's exceptions share no public base class
        raise ModelError(f"{describe(node)}: cannot be evaluated: {error}") from None
    return {name: [r[k] for r in results] for k, name in enumerate(made)}
