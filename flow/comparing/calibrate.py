"""Values of a graph's tensors on samples, and the quantizers that follow from them."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from fewbit.golden.importing.qonnx.quantizers import BipolarQuantizer, UniformQuantizer
from fewbit.golden.methods.ranges import step
from fewbit.golden.model_file.builder import ModelBuilder
from fewbit.golden.model_file.file import ModelError, OnnxFile, describe
from fewbit.golden.numbers.format import IntegerFormat

__all__ = ["evaluate_all", "quantized", "scale_of"]


def scale_of(values: np.ndarray, fmt: IntegerFormat) -> np.ndarray:
    """Return the scale of least squared error for rounding ``values`` to a format, an array without axes."""
    return step(values.reshape(-1), fmt)[()]


def quantized(quantizer: UniformQuantizer | BipolarQuantizer, values: np.ndarray) -> np.ndarray:
    """Return the floats that ``quantizer`` makes of ``values``, with its own scale and zero point."""
    return ((quantizer.codes(values) - quantizer.zero) * quantizer.scale).astype(np.float32)


def evaluate_all(
    file: OnnxFile,
    node: onnx.NodeProto,
    values: Mapping[str, Sequence[np.ndarray]],
    constants: Mapping[str, np.ndarray],
) -> dict[str, list[np.ndarray]]:
    """Return what a node gives for every sample, by its outputs, evaluated in one onnxruntime session.

    Parameters
    ----------
    file : golden.model_file.file.OnnxFile
        The model that the node is of.
    node : onnx.NodeProto
    values : mapping of str to sequence of array
        Tensors that samples change: an array a sample.
    constants : mapping of str to array
        Tensors that no sample changes.

    Raises
    ------
    golden.model_file.file.ModelError
        If the node cannot be evaluated.
    """
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    given = list(dict.fromkeys(i for i in node.input if i in values))
    fixed = dict.fromkeys(i for i in node.input if i and i not in values)
    made = [o for o in node.output if o]
    try:
        alone = ModelBuilder(opset=file.opset, name="one")
        alone.append(node)
        for name in given:
            alone.add_input(name, values[name][0].shape, values[name][0].dtype)
        for name in made:
            alone.add_output(name, dtype=None)
        for name in fixed:
            alone.constant(constants[name], name, np.asarray(constants[name]).dtype)
        model = alone.model()
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        rows = zip(*(values[i] for i in given), strict=True)
        results = [session.run(made, dict(zip(given, row, strict=True))) for row in rows]
    except Exception as error:  # onnxruntime's exceptions share no public base class
        raise ModelError(f"{describe(node)}: cannot be evaluated: {error}") from None
    return {name: [r[k] for r in results] for k, name in enumerate(made)}
