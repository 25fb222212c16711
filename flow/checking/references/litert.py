"""LiteRT's interpreter with its reference kernels, for models of TensorFlow Lite."""

import os
from collections.abc import Mapping

import numpy as np

from fewbit.extras import needs
from fewbit.flow.checking.reference import reference_of
from fewbit.golden.importing.tflite.source import TfliteSource
from fewbit.golden.limits.limit import one_line
from fewbit.golden.model_file.file import ModelError

__all__ = ["Interpreted"]


@reference_of(TfliteSource)
class Interpreted:
    """The `flow.checking.reference.ReferenceExecutor` of a TensorFlow Lite model.

    Raises
    ------
    fewbit.extras.MissingPackage
        If ai-edge-litert is not installed.
    golden.model_file.file.ModelError
        If the interpreter refuses the model.
    """

    name, copies = "LiteRT's reference kernels", 1

    def __init__(self, source: TfliteSource):
        needs("tflite")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self._path = source.path
        try:
            self._interpreter = Interpreter(
                model_content=source.content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
            )
            self._input = self._interpreter.get_input_details()[0]
            self._interpreter.resize_tensor_input(self._input["index"], [1, *self._input["shape"][1:]])
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise self._error("prepare", error) from error
        self._outputs = self._interpreter.get_output_details()
        self.outputs = [detail["name"] for detail in self._outputs]

    def run(self, number: int, x: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return the outputs of one sample; an input of integers takes the sample's numbers as they are.

        Raises
        ------
        ModelError
            If the interpreter cannot run the model.
        """
        (sample,) = x.values()
        given = sample.reshape(1, *self._input["shape"][1:]).astype(self._input["dtype"])
        try:
            self._interpreter.set_tensor(self._input["index"], given)
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise self._error("run", error) from error
        return {detail["name"]: self._interpreter.get_tensor(detail["index"]) for detail in self._outputs}

    def _error(self, what: str, error: Exception) -> ModelError:
        return ModelError(f"{self._path}: LiteRT cannot {what} it: {one_line(error)}")
