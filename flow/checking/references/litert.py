"""LiteRT's interpreter with its reference kernels, for models of TensorFlow Lite."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fewbit.extras import needs
from fewbit.flow.checking.reference import reference_of
from fewbit.golden.importing.tflite.file import TfliteFile
from fewbit.golden.importing.tflite.kernels import BY_DEFAULT
from fewbit.golden.importing.tflite.source import TfliteSource
from fewbit.golden.limits.limit import one_line
from fewbit.golden.model_file.file import ModelError

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

__all__ = ["Interpreted"]


@reference_of(TfliteSource)
class Interpreted:
    """The `flow.checking.reference.ReferenceExecutor` of a TensorFlow Lite model.

    Operators without a right reference kernel are taken out of the model, and run one by one by the kernels that the
    interpreter takes by default; what they give are further inputs of the rest.

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

        self._path = source.path
        try:
            content, alone = _apart(source.content)
            self._whole = _interpreter(content, reference=True)
            self._alone = [_interpreter(one, reference=False) for one in alone]
        except (ValueError, RuntimeError) as error:
            raise self._error("prepare", error) from error
        self._inputs = self._whole.get_input_details()[: -len(alone) or None]
        self._outputs = self._whole.get_output_details()
        self.outputs = [detail["name"] for detail in self._outputs]

    def run(self, number: int, x: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return the outputs of one sample; an input of integers takes the sample's numbers as they are.

        An input that is not among those of the network has no influence, and is zero.

        Raises
        ------
        ModelError
            If the interpreter cannot run the model.
        """
        try:
            for given in self._inputs:
                shape = (1, *given["shape"][1:])
                sample = x.get(given["name"], np.zeros(shape)).reshape(shape)
                self._whole.set_tensor(given["index"], sample.astype(given["dtype"]))
            self._whole.invoke()
            for one in self._alone:  # in the order of the model
                (read,), (made,) = one.get_input_details(), one.get_output_details()
                one.set_tensor(read["index"], self._whole.get_tensor(read["index"]))
                one.invoke()
                self._whole.set_tensor(made["index"], one.get_tensor(made["index"]))
                self._whole.invoke()
        except (ValueError, RuntimeError) as error:
            raise self._error("run", error) from error
        return {detail["name"]: self._whole.get_tensor(detail["index"]) for detail in self._outputs}

    def _error(self, what: str, error: Exception) -> ModelError:
        return ModelError(f"{self._path}: LiteRT cannot {what} it: {one_line(error)}")


def _interpreter(content: bytes, *, reference: bool) -> "Interpreter":
    """Return an interpreter of a model for one sample, which keeps every tensor."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    made = Interpreter(
        model_content=content, experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=(
            OpResolverType.BUILTIN_REF if reference else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        ),
    )  # fmt: skip
    for given in made.get_input_details():
        made.resize_tensor_input(given["index"], [1, *given["shape"][1:]])
    made.allocate_tensors()
    return made


def _apart(content: bytes) -> tuple[bytes, list[bytes]]:
    """Return a model without the operators of `BY_DEFAULT`, and each of these as a model, with the same tensors."""
    numbers = [node.number for node in TfliteFile(content).operators if node.name in BY_DEFAULT]
    if not numbers:
        return content, []
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    graph = model.subgraphs[0]
    every, inputs, outputs, alone = graph.operators, [int(i) for i in graph.inputs], graph.outputs, []
    codes = model.operatorCodes
    for number in numbers:
        node = every[number]
        graph.operators, graph.inputs, graph.outputs = [node], [int(node.inputs[0])], [int(node.outputs[0])]
        alone.append(_packed(model, codes))
    graph.operators = [node for number, node in enumerate(every) if number not in numbers]
    graph.inputs, graph.outputs = [*inputs, *(int(every[number].outputs[0]) for number in numbers)], outputs
    return _packed(model, codes), alone


def _packed(model: Any, codes: list[Any]) -> bytes:
    """Return a model's bytes; of the codes of its operators, one that is used stands for those that are not."""
    import flatbuffers

    used = {node.opcodeIndex for node in model.subgraphs[0].operators} or {0}
    model.operatorCodes = [code if k in used else codes[min(used)] for k, code in enumerate(codes)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
