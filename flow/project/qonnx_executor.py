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
    proto = _needed(project.source)
    given = {one.name: _Input(one.type.tensor_type) for one in proto.graph.input}
    try:
        model = cleanup_model(ModelWrapper(proto))
    except Exception as error:  # errors of onnxruntime and of transformations share no base class
        raise ModelError(f"{project.model}: the qonnx executor cannot prepare it: {str(error)[:200]}") from error
    names, ours = [one.name for one in model.graph.input], [one.name for one in project.network.inputs]
    made = model.graph.output[0].name  # the clean-up renames tensors; their order stays
    outputs = []
    for number in range(len(images)):
        number_frames(model.model, number)
        x = dict(zip(ours, project.network.apart(images.floats[number : number + 1]), strict=True))
        arrays = [one.batch(x.get(name, np.zeros(1))) for name, one in given.items()]
        try:
            outputs.append(execute_onnx(model, dict(zip(names, arrays, strict=True)))[made][:1])
        except Exception as error:  # errors of onnxruntime and of operators share no base class
            raise ModelError(f"{project.model}: the qonnx executor cannot run it: {str(error)[:200]}") from error
        progress(number + 1)
    theirs, golden = np.concatenate(outputs), result.outputs[project.output.name]
    labels = labels_of(theirs)
    same = np.zeros(1, dtype=bool)
    if theirs.size == golden.size:
        same = (theirs.reshape(len(theirs), -1) == golden.reshape(len(golden), -1)).all(axis=1)
    mine = project.labels(result)
    return ExecutorCheck(
        samples=len(images),
        labels_equal=int((labels == mine).sum()),
        ties=int(_ties(golden.reshape(len(golden), -1), mine, labels).sum()),
        outputs_equal=int(np.sum(same)),
    )


class _Input:
    """An input of the executor's model, whose batch is of one sample, or of as many as the model was exported for."""

    def __init__(self, given: onnx.TypeProto.Tensor):
        given.shape.dim[0].dim_value = max(1, given.shape.dim[0].dim_value)
        self._shape = [d.dim_value for d in given.shape.dim]
        self._type = onnx.helper.tensor_dtype_to_np_dtype(given.elem_type)

    def batch(self, x: np.ndarray) -> np.ndarray:
        """Return the batch in which every sample is ``x``."""
        return np.broadcast_to(x, self._shape).astype(self._type)


def _needed(source):
    """Return the model with the inputs that are read.

    What no output depends on is left out: the import has not looked at it, and the executor's clean-up would compute
    it.
    """
    proto, file = onnx.ModelProto(), OnnxFile(source)
    proto.CopyFrom(source.proto)
    del proto.graph.node[:]
    proto.graph.node.extend(file.nodes)
    del proto.graph.input[:]
    given = {i.name: i for i in source.proto.graph.input}
    proto.graph.input.extend(given[one.name] for one in file.inputs)
    proto.ir_version = max(proto.ir_version, 4)  # from which on initializers need not be inputs
    return proto


def _ties(outputs, mine, theirs):
    """Return for each sample whether its labels differ, and the outputs at both labels are the same."""
    if outputs.shape[1] == 1:
        return np.zeros(1, dtype=bool)
    number = np.arange(len(outputs))
    return (mine != theirs) & (outputs[number, mine] == outputs[number, theirs])
