"""Import of a TensorFlow Lite model of integers: one walk over its operators, in their order.

Tensors are codes, so there are no chains: what a kernel does to a sum, a 32-bit multiplier with two roundings and a
saturation, is a function of one integer a channel, whose thresholds are found as everywhere
(`golden.numbers.thresholds`). The reference are LiteRT's reference kernels.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from fewbit.golden.importing.import_state import ImportState
from fewbit.golden.importing.model_names import with_model_names
from fewbit.golden.importing.quantized_builder import QuantizedBuilder
from fewbit.golden.importing.refused import refusal
from fewbit.golden.importing.several_outputs import gathered
from fewbit.golden.importing.tensors import ON_HOST, Closed, Constant, Data, Tensor
from fewbit.golden.importing.walk import Walk
from fewbit.golden.limits import time_and_memory
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.graph import Network, NetworkInput, Output
from fewbit.golden.numbers.declaration import parse_input
from fewbit.golden.rewrite.outputs import lower_argmax
from fewbit.golden.rewrite.tidy import tidy

from .file import TfliteFile, TfliteOperator, TfliteTensor
from .operands import KERNELS, Operand, format_of

__all__ = ["TfliteImporter", "import_tflite", "walked_tflite"]

_UNKNOWN: Any = None  # format and encoding of an input of floats until its QUANTIZE gives them
_CODES = {"INT8": "int8", "UINT8": "uint8", "INT16": "int16"}  # types of inputs, as declarations


def import_tflite(content: bytes, name: str, *, output: str = "auto") -> Network:
    """Return the network of a TensorFlow Lite file.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        The network's name.
    output : "auto" or "label"
        As `golden.importing.importer.import_model` takes it.

    Raises
    ------
    ModelError
        Where the file is damaged, or an operator is not supported; the line names it.
    """
    return with_model_names(tidy(TfliteImporter(TfliteFile(content), name).network(output)))


def walked_tflite(content: bytes, name: str) -> Walk:
    """Return the `Walk` over a TensorFlow Lite file; arguments and errors are those of `import_tflite`.

    Of tensors that share a name, all but the first have their numbers behind it, as ``name:7``.
    """
    importer = TfliteImporter(TfliteFile(content), name)
    network = importer.network("auto")
    tensors: dict[str, Tensor] = {}
    for number, value in importer.values.items():
        tensor = importer.file.tensors[number]
        known = tensor.name if tensor.name not in tensors else f"{tensor.name}:{number}"
        tensors[known] = importer.typed(tensor, value)
    return Walk(network, tensors).by_model_names()


class TfliteImporter(ImportState):
    """The walk: what is known of every tensor so far, and the network made so far.

    Handlers get the importer, the `TfliteOperator`, its operands as `Operand` (None where one is left out) and the
    tensors that it gives; they return what these are.

    Raises
    ------
    ModelError
        If the model has no input, or one of a type that cannot be an input.
    """

    def __init__(self, file: TfliteFile, name: str):
        self.file = file
        read = [number for number in file.inputs if file.readers[number]] or file.inputs
        if not read:
            raise ModelError("the model has no input")
        given = tuple(_given(file.tensors[number], k) for k, number in enumerate(read))
        super().__init__(Network(name, given))
        self.builder = QuantizedBuilder(self)
        self.laid_out = {one.edge for one in given}  # channels are innermost in the file, too
        self.values: dict[int, Tensor] = {
            tensor.number: Constant(tensor.data) for tensor in file.tensors if tensor.data is not None
        }
        for number, one in zip(read, given, strict=True):
            self.values[number] = Data(one.edge, np.arange(one.length).reshape(1, *one.shape))

    def network(self, output: str) -> Network:
        """Walk over all operators and return the network.

        Raises
        ------
        ModelError
            If an operator or an output cannot be imported; the message names it.
        """
        for node in self.file.operators:
            time_and_memory.entering(_describe(node))
            try:
                self._visit(node)
            except ModelError as error:
                raise ModelError(f"{_describe(node)}: {error}") from None
            except (ValueError, IndexError, TypeError, OverflowError) as error:  # NumPy refused the shapes
                raise ModelError(f"{_describe(node)}: its operands do not fit: {error}") from None
        self.result.outputs += gathered(self, [self._output(number) for number in self.file.outputs])
        self.result.inputs = tuple(i for i in self.result.inputs if self.result.readers(i.edge))
        return lower_argmax(self.result, output)

    def _visit(self, node: TfliteOperator) -> None:
        if node.name not in KERNELS:
            raise ModelError(refusal(node.name))
        self.visiting(node.name)
        operands = [self._operand(number) for number in node.inputs]
        outputs = [self.file.tensors[number] for number in node.outputs]
        found = KERNELS[node.name](self, node, operands, outputs)
        self.values.update((n, tensor) for n, tensor in zip(node.outputs, found, strict=True) if tensor is not None)

    def _operand(self, number: int) -> Operand | None:
        if number < 0:
            return None
        if number not in self.values:
            raise ModelError(f"tensor {self.file.tensors[number].name!r} is neither a constant nor made by an operator")
        return Operand(self.file.tensors[number], self.values[number])

    def known(self, data: Data) -> None:
        """Raise a `ModelError` for floats that no QUANTIZE has made codes."""
        given = self.input_on(data.edge)
        if given is not None and given.format is None:
            raise ModelError("its input is of floats; convert the model with full integer quantization")

    def typed(self, tensor: TfliteTensor, value: Tensor) -> Tensor:
        """Return what is known of a tensor with the type that the file gives it; an input's floats are on the host."""
        if not isinstance(value, Data):
            return value
        floats = tensor.type == "FLOAT32"
        on_host = floats and not value.chain and self.input_on(value.edge) is not None
        return replace(value, dtype=tensor.type.lower(), edge=ON_HOST + value.edge if on_host else value.edge)

    def _output(self, number: int) -> Output:
        tensor, value = self.file.tensors[number], self.values.get(number)
        if value is None or isinstance(value, Constant):
            raise ModelError(f"output {tensor.name!r} does not depend on the input")
        data, closing = (value.data, value.closing) if isinstance(value, Closed) else (value, ())
        self.known(data)
        if self.input_on(data.edge):
            raise ModelError(f"output {tensor.name!r} is the model's input, so there is nothing to build")
        scores = not (isinstance(value, Closed) and value.is_label)
        index = data.index if data.index.shape[0] == 1 else data.index[None]
        return Output(tensor.name, data.edge, index, data.chain, closing, scores=scores)


def _given(tensor: TfliteTensor, number: int) -> NetworkInput:
    """Return the input of the network that a tensor is, the one of that number."""
    shape, edge = tensor.shape[1:] or (1,), f"input{number or ''}"
    size = shape[:2] if len(shape) == 3 else ()
    if tensor.type == "FLOAT32":  # a QUANTIZE behind it says what its codes are
        return NetworkInput(tensor.name, shape, _UNKNOWN, _UNKNOWN, "codes", edge, size)
    if tensor.type not in _CODES:
        format_of(tensor)  # says what is wrong
        raise ModelError(f"tensor {tensor.name!r} is of type {tensor.type}, which cannot be an input")
    spec = parse_input(_CODES[tensor.type])
    return NetworkInput(tensor.name, shape, spec.format, spec.encode, spec.text, edge, size)


def _describe(node: TfliteOperator) -> str:
    return f"operator {node.number} ({node.name})"
