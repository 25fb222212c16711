"""Import of a trained network: from an ONNX or QONNX file to the integer network.

The graph is walked once, node by node. A tensor is either a constant or a *chain* of float operations behind an edge
of integers (`golden.importing.tensors`); nothing is rewritten and no scale is moved. Where a quantizer ends a chain,
the two together are one function of one integer per position: its thresholds are found by evaluating it. So nothing can
get stuck, and the integers are those of the model's own arithmetic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import onnx

from fewbit.golden.limits import time_and_memory
from fewbit.golden.model_file.domains import MICROSOFT, STANDARD_DOMAINS
from fewbit.golden.model_file.file import (
    INPUT_KEY,
    ModelError,
    ModelSource,
    OnnxFile,
    attributes_of,
    describe,
    evaluate,
)
from fewbit.golden.model_file.source import SourceFile
from fewbit.golden.network.graph import Network, Output
from fewbit.golden.numbers.declaration import UNDECLARED, InputSpec, Normalization, parse_input, parse_inputs
from fewbit.golden.numbers.elementwise import WithConstant, float16
from fewbit.golden.rewrite.outputs import lower_argmax
from fewbit.golden.rewrite.tidy import tidy

from .deferred import check_none_is_left
from .float_builder import FloatBuilder
from .import_state import Layout
from .layout import Relayout, by_channel
from .model_names import with_model_names
from .onnx_import_state import OnnxImportState
from .operators import Role, is_quantizer, operator_of, rounds_data
from .precision import network_of_fewest_bits
from .quantized_builder import QuantizedBuilder
from .refused import refusal, refusal_of_scale
from .registry import import_of
from .several_outputs import gathered
from .tensors import FLOAT32, Closed, Constant, Data, Tensor
from .walk import Walk, walk_of
from .whole_multiples import FIXED_POINT_BITS

__all__ = ["ModelError", "import_model", "walked"]

# What these do to values of another type is what they do to float32 of the same numbers.
_MOVES = {Role.MOVE, Role.COPY, Role.CONCATENATION}
_OF_INTEGERS = {*_MOVES, Role.FUNCTION}


def import_model(
    model: Path | str | SourceFile,
    input_spec: str | None = None,
    *,
    output: str = "auto",
    precision: int | None = None,
) -> Network:
    """Return the integer `Network` of a model file.

    Parameters
    ----------
    model : path of a ``.onnx`` or ``.tflite`` file, or `golden.model_file.source.SourceFile`
    input_spec : str or None
        How raw integers become the model's floats (`golden.numbers.declaration`); ``None`` takes the model's metadata
        (``fewbit.input``) or its inputs' integer types, and without either the hardware takes the codes of the first
        quantizer.
    output : "auto" or "label"
        What the hardware gives: what the model ends with, or the index of its largest output.
    precision : int or None
        Bits that the levels of non-uniform quantizers are rounded to where they are in no whole ratios; ``None`` for as
        few as `golden.importing.precision` finds.

    Raises
    ------
    ModelError
        One line that names the node, the reason, and what is supported. It is a `golden.limits.limit.LimitError` where
        the import takes more time or memory than `golden.limits.limit` allows.
    """
    if output not in ("auto", "label"):
        raise ModelError(f"output must be auto or label, not {output!r}")
    path = model.path if isinstance(model, SourceFile) else Path(model)
    try:
        with time_and_memory.walls(path):
            source = SourceFile.of(model)
            return import_of.of(source)(source, input_spec, output, precision)
    except ModelError:
        raise
    except Exception as error:  # a damaged file can break any assumption, and its user is not helped by a traceback
        raise ModelError(f"{path}: cannot be imported ({type(error).__name__}: {str(error)[:200]})") from error


@import_of(ModelSource)
def _of_onnx(source: ModelSource, input_spec: str | None, output: str, precision: int | None) -> Network:
    file = OnnxFile(source)
    make = partial(_network, file, _specs_of(file, input_spec), output)
    return network_of_fewest_bits(make) if precision is None else make(precision)


def _network(file: OnnxFile, specs: Mapping[str, InputSpec], output: str, precision: int) -> Network:
    network = _walk(file, specs, output, precision).network
    time_and_memory.entering("its network")
    return with_model_names(tidy(network))


@walk_of(ModelSource)
def walked(source: ModelSource, input_spec: str | None = None) -> Walk:
    """Return the `Walk` over a model; arguments and errors are those of `import_model`."""
    with time_and_memory.walls(source.path):
        file = OnnxFile(source)
        return _walk(file, _specs_of(file, input_spec), "auto", FIXED_POINT_BITS).by_model_names()


def _walk(file: OnnxFile, specs: Mapping[str, InputSpec], output: str, precision: int) -> Walk:
    """Return a walk; one that asks for another order of an input begins again."""
    layouts: dict[str, Layout] = {}
    while True:
        importer = Importer(file, specs, layouts, precision=precision)
        try:
            return Walk(importer.network(output), importer.tensors)
        except Relayout as more:  # of inputs that have none yet, so there is an end
            layouts |= more.layouts


def _specs_of(file: OnnxFile, text: str | None) -> dict[str, InputSpec]:
    """Return the declarations of inputs: those given, the metadata's, or those of their integer types."""
    names = [one.name for one in file.inputs]
    try:
        texts = [parse_inputs(t or "", names) for t in (text, file.metadata.get(INPUT_KEY))]
        found = {one.name: next((t[one.name] for t in texts if one.name in t), one.type) for one in file.inputs}
        specs = {name: parse_input(t) for name, t in found.items() if t is not None and t not in UNDECLARED}
    except ValueError as error:
        raise ModelError(error) from None
    for one in file.inputs:
        spec = specs.get(one.name)
        if spec and one.type and not spec.is_plain:
            raise ModelError(
                f"input {one.name!r} is of type {one.type}: its integers are what the model takes, so it "
                f"cannot be declared as {spec.text!r}"
            )
    return specs


class Importer(OnnxImportState):
    """The walk over a model's graph, which makes the network.

    What a node becomes is its operator's affair (`golden.importing.operators`).

    Parameters
    ----------
    file : OnnxFile
    specs : dict of InputSpec
        How raw integers become the model's floats, as of `OnnxImportState`.
    layouts : dict of Layout
        The order in which the values of inputs enter, where an earlier walk has asked for one.
    precision : int
        Bits of levels, as of `import_model`.
    """

    def __init__(
        self,
        file: OnnxFile,
        specs: Mapping[str, InputSpec],
        layouts: Mapping[str, Layout] | None = None,
        *,
        precision: int,
    ):
        names = {one.name for one in file.inputs}
        quantized = any(is_quantizer(node) for node in file.nodes) or rounds_data(file.nodes, names)
        builder = QuantizedBuilder if quantized else FloatBuilder
        super().__init__(file, specs, builder, precision=precision, layouts=layouts)
        for one in file.inputs:
            data, form = self.tensors[one.name], self.builder.input_form(specs.get(one.name))
            assert isinstance(data, Data)
            if form.normalization is not None:
                data = self._normalized(data, form.normalization)
            self.tensors[one.name] = data.then(float16()) if data.dtype == "float16" else data

    def _normalized(self, data: Data, normalization: Normalization) -> Data:
        """Return an input behind the declared normalization, whose numbers must fit its shape."""
        try:
            placed = normalization.placed(data.shape[1:])
        except ValueError as error:
            raise ModelError(error) from None
        for kind, numbers in zip(("sub", "div"), placed, strict=True):
            data, c = by_channel(self, data, numbers)
            data = data.then(WithConstant(kind, c))
        return data

    def network(self, output: str) -> Network:
        """Walk the whole graph and return the finished network.

        Parameters
        ----------
        output : "auto" or "label"
            What the hardware gives, as of `import_model`.

        Raises
        ------
        ModelError
            If a node cannot be imported.
        Relayout
            If the walk must start again with another order of the input's values.
        """
        for node in self.file.nodes:
            self._visit(node)
        self.result.outputs += gathered(self, [self._output(name) for name in self.file.outputs])
        check_none_is_left(self.result)
        return lower_argmax(self.used(self.result), output)

    def _visit(self, node: onnx.NodeProto) -> None:
        """Take the tensors that a node makes among those that are known."""
        time_and_memory.entering(describe(node))
        self.visiting(node.op_type, node.name)
        inputs = [self.tensors[i] if i else None for i in node.input]
        while inputs and inputs[-1] is None:
            inputs.pop()
        try:
            values = self._values(node, inputs)
        except ModelError as error:
            at, scale = describe(node), refusal_of_scale(self.file.nodes, node, inputs)
            if scale is not None:
                raise ModelError(f"{at}: {scale}") from None
            raise (error if str(error).startswith(at) else ModelError(f"{at}: {error}")) from None
        except (ValueError, IndexError, TypeError, OverflowError) as error:  # NumPy refused the shapes
            raise ModelError(f"{describe(node)}: its operands do not fit: {error}") from None
        self.tensors.update({name: v for name, v in zip(node.output, values, strict=False) if name})

    def _values(self, node: onnx.NodeProto, inputs: list[Tensor | None]) -> Sequence[Tensor | None]:
        """Return the tensors that a node makes."""
        operator, standard = operator_of(node), node.domain in STANDARD_DOMAINS
        handled = operator is not None and operator.keeps_integers
        evaluated = standard or node.domain == MICROSOFT
        if evaluated and not handled and all(isinstance(t, Constant | None) for t in inputs):
            padded = inputs + [None] * (len(node.input) - len(inputs))
            arrays = [t.array if isinstance(t, Constant) else None for t in padded]
            return [Constant(a) for a in evaluate(self.file, node, arrays)]
        if operator is None:
            raise ModelError(refusal(node.op_type, node.domain))
        types = {t.dtype for t in inputs if isinstance(t, Data)}
        roles = _OF_INTEGERS if any(isinstance(t, Data) and t.is_whole for t in inputs) else _MOVES
        if operator.takes_integers or types <= {FLOAT32} or operator.role not in roles:
            return operator.handler(self, node, inputs, attributes_of(node))
        if len(types) > 1:
            raise ModelError(f"its operands are of different types, {' and '.join(sorted(types))}")
        floats = [replace(t, dtype=FLOAT32) if isinstance(t, Data) else t for t in inputs]
        made = operator.handler(self, node, floats, attributes_of(node))
        return [replace(t, dtype=min(types)) if isinstance(t, Data) else t for t in made]

    def _output(self, name: str) -> Output:
        """Return the output of that name, on the edge and behind the operations that the walk has found."""
        tensor = self.tensors[name]
        if isinstance(tensor, Constant):
            raise ModelError(f"output {name!r} does not depend on the input")
        data = tensor.data if isinstance(tensor, Closed) else tensor
        closing = tensor.closing if isinstance(tensor, Closed) else ()
        self.known(data)
        if self.input_on(data.edge):
            raise ModelError(
                f"output {name!r} comes from the model's input without a layer, so there is nothing to build"
            )
        index = data.index
        if index.ndim == 0 or index.shape[0] != 1:
            if closing:
                raise ModelError(f"output {name!r} must have the batch as its first axis, not shape {index.shape}")
            index = index[None]
        data = self.builder.settled(data)
        return Output(name, data.edge, index, data.chain, closing)
