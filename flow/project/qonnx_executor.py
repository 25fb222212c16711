"""The qonnx executor beside the golden model: an answer that nothing of ours had a part in."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx

from fewbit.flow.images import ImageError, Images
from fewbit.flow.results import JsonResult
from fewbit.golden.model_file.exchange import number_frames
from fewbit.golden.model_file.file import ModelError, ModelSource, OnnxFile
from fewbit.golden.network.execute import Result as GoldenResult
from fewbit.golden.network.execute import labels_of

from .folded_model import FoldedModel

__all__ = ["ExecutorCheck", "check_with_executor"]


@dataclass(frozen=True, kw_only=True)
class ExecutorCheck(JsonResult):
    """How the qonnx executor compares with the golden model.

    Outputs may differ by rounding where the executor's float32 sums do; labels should not, but for ties: samples of
    which golden, exact, has two largest outputs, and rounding takes the executor to the other one.

    Attributes
    ----------
    samples : int
        Samples that were compared.
    labels_equal : int
        Samples with the executor's label.
    ties : int
        Samples whose labels differ by a tie.
    outputs_equal : int
        Samples of which every output float is the executor's.
    """

    samples: int
    labels_equal: int
    ties: int
    outputs_equal: int


def check_with_executor(
    project: FoldedModel, images: Images, result: GoldenResult, progress: Callable[[int], None]
) -> ExecutorCheck:
    """Run every sample through the qonnx executor (about 10 ms each), and compare it with golden's ``result``.

    ``progress`` is told the number of samples that are done.

    Raises
    ------
    flow.images.ImageError
        If the samples are not there as the model takes them.
    golden.model_file.file.ModelError
        If the executor cannot run the model.
    """
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.util.cleanup import cleanup_model

    if not isinstance(project.source, ModelSource):
        raise ModelError(f"{project.model}: --check runs the qonnx executor, which has no other models than ONNX's")
    if images.floats is None:
        raise ImageError("--check needs the samples as the model takes them (floats), or declared raw integers")
    proto, given_type = _needed(project.source)
    batch, dtype = given_type.shape.dim[0], onnx.helper.tensor_dtype_to_np_dtype(given_type.elem_type)
    batch.dim_value = copies = max(1, batch.dim_value)  # any, or what the model was exported for
    try:
        model = cleanup_model(ModelWrapper(proto))
    except Exception as error:  # errors of onnxruntime and of transformations share no base class
        raise ModelError(f"{project.model}: the qonnx executor cannot prepare it: {str(error)[:200]}") from error
    name = model.graph.input[0].name
    given = model.graph.output[0].name  # the clean-up renames tensors; their order stays
    outputs = []
    for number, x in enumerate(images.floats):
        number_frames(model.model, number)
        repeated = np.repeat(x.reshape(1, *project.network.input_shape), copies, axis=0).astype(dtype)
        try:
            outputs.append(execute_onnx(model, {name: repeated})[given][:1])
        except Exception as error:  # errors of onnxruntime and of operators share no base class
            raise ModelError(f"{project.model}: the qonnx executor cannot run it: {str(error)[:200]}") from error
        progress(number + 1)
    theirs, ours = np.concatenate(outputs), result.outputs[project.output.name]
    labels = labels_of(theirs)
    same = np.zeros(1, dtype=bool)
    if theirs.size == ours.size:
        same = (theirs.reshape(len(theirs), -1) == ours.reshape(len(ours), -1)).all(axis=1)
    mine = project.labels(result)
    return ExecutorCheck(
        samples=len(images),
        labels_equal=int((labels == mine).sum()),
        ties=int(_ties(ours.reshape(len(ours), -1), mine, labels).sum()),
        outputs_equal=int(np.sum(same)),
    )


def _needed(source):
    """Return the model, and the type of its input.

    What no output depends on is left out: the import has not looked at it, and the executor's clean-up would compute
    it.
    """
    proto, file = onnx.ModelProto(), OnnxFile(source)
    proto.CopyFrom(source.proto)
    del proto.graph.node[:]
    proto.graph.node.extend(file.nodes)
    return proto, next(i.type.tensor_type for i in proto.graph.input if i.name == file.input_name)


def _ties(outputs, mine, theirs):
    """Return for each sample whether its labels differ, and the outputs at both labels are the same."""
    if outputs.shape[1] == 1:
        return np.zeros(1, dtype=bool)
    number = np.arange(len(outputs))
    return (mine != theirs) & (outputs[number, mine] == outputs[number, theirs])
