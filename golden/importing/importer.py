"""Import of a trained network: from an ONNX or QONNX file to the integer network.

The graph is walked once, node by node. A tensor is either a constant or a *chain* of float operations behind an edge
of integers (`golden.importing.tensors`); nothing is rewritten and no scale is moved. Where a quantizer ends a chain,
the two together are one function of one integer per position: its thresholds are found by evaluating it. So nothing can
get stuck, and the integers are those of the model's own arithmetic.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import onnx

from fewbit.golden.bounds import walls
from fewbit.golden.model_file.domains import STANDARD_DOMAINS
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
from fewbit.golden.numbers.declaration import InputSpec, parse_input
from fewbit.golden.rewrite.outputs import lower_argmax
from fewbit.golden.rewrite.tidy import tidy

from .deferred import check_none_is_left
from .float_layers import float_layer_end
from .growing import GrowingNetwork
from .layout import Relayout
from .operators import every_operator, is_quantizer, operator_of, other_domains, rounds_data
from .precision import network_of_fewest_bits
from .registry import import_of
from .several_outputs import gathered
from .tensors import Closed, Constant, Tensor
from .whole_multiples import FIXED_POINT_BITS

__all__ = ["ModelError", "import_model"]


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
        (``fewbit.input``) or its input's integer type, and without either the hardware takes the codes of the first
        quantizer.
    output : "auto" or "label"
        What the hardware gives: what the model ends with, or the index of its largest output.
    precision : int or None
        Bits that the levels of non-uniform quantizers are rounded to where they are in no whole ratios; ``None`` for as
        few as `golden.importing.precision` finds.

    Raises
    ------
    ModelError
        One line that names the node, the reason, and what is supported. It is a `golden.bounds.limits.LimitError` where
        the import takes more time or memory than `golden.bounds.limits` allows.
    """
    if output not in ("auto", "label"):
        raise ModelError(f"output must be auto or label, not {output!r}")
    path = model.path if isinstance(model, SourceFile) else Path(model)
    try:
        with walls.walls(path):
            source = SourceFile.of(model)
            return import_of.of(source)(source, input_spec, output, precision)
    except ModelError:
        raise
    except Exception as error:  # a damaged file can break any assumption, and its user is not helped by a traceback
        raise ModelError(f"{path}: cannot be imported ({type(error).__name__}: {str(error)[:200]})") from error


@import_of(ModelSource)
def _of_onnx(source: ModelSource, input_spec: str | None, output: str, precision: int | None) -> Network:
    file = OnnxFile(source)
    make = partial(_network, file, _spec_of(file, input_spec), output)
    return network_of_fewest_bits(make) if precision is None else make(precision)


def _network(file: OnnxFile, spec: InputSpec | None, output: str, precision: int) -> Network:
    """Return the network of a walk, or of the second one where the first asks for another order of the input."""
    try:
        network = Importer(file, spec, precision=precision).network(output)
    except Relayout as layout:
        network = Importer(file, spec, layout, precision=precision).network(output)
    walls.entering("its network")
    return tidy(network)


def _spec_of(file: OnnxFile, text: str | None) -> InputSpec | None:
    """Return the input's declaration: the one given, the metadata's, or that of its integer type; None without one."""
    text = text or file.metadata.get(INPUT_KEY) or file.input_type
    if text is None:
        return None
    try:
        spec = parse_input(text)
    except ValueError as error:
        raise ModelError(error) from None
    if file.input_type and (spec.scale, spec.offset) != (1, 0):
        raise ModelError(
            f"input {file.input_name!r} is of type {file.input_type}: its integers are what the model takes, so it "
            f"cannot be declared as {text!r}"
        )
    return spec


class Importer(GrowingNetwork):
    """The walk over a model's graph, which makes the network.

    What a node becomes is its operator's affair (`golden.importing.operators`).

    Parameters
    ----------
    file : OnnxFile
    spec : InputSpec or None
        How raw integers become the model's floats; None where its first quantizer says which integers enter.
    layout : Relayout or None
        The order in which values enter, where a first walk has asked for one.
    precision : int
        Bits of levels, as of `import_model`.
    """

    def __init__(
        self,
        file: OnnxFile,
        spec: InputSpec | None,
        layout: Relayout | None = None,
        *,
        precision: int = FIXED_POINT_BITS,
    ):
        is_float = not (any(is_quantizer(node) for node in file.nodes) or rounds_data(file.nodes, file.input_name))
        order, size = (None, ()) if layout is None else (layout.order, layout.size)
        super().__init__(file, spec, is_float=is_float, precision=precision, order=order, size=size)

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
        return lower_argmax(self.result, output)

    def _visit(self, node: onnx.NodeProto) -> None:
        """Take the tensors that a node makes among those that are known."""
        walls.entering(describe(node))
        inputs = [self.tensors[i] if i else None for i in node.input]
        while inputs and inputs[-1] is None:
            inputs.pop()
        try:
            values = self._values(node, inputs)
        except ModelError as error:
            at = describe(node)
            raise (error if str(error).startswith(at) else ModelError(f"{at}: {error}")) from None
        except (ValueError, IndexError, TypeError, OverflowError) as error:  # NumPy refused the shapes
            raise ModelError(f"{describe(node)}: its operands do not fit: {error}") from None
        self.tensors.update({name: v for name, v in zip(node.output, values, strict=False) if name})

    def _values(self, node: onnx.NodeProto, inputs: list[Tensor | None]) -> Sequence[Tensor | None]:
        """Return the tensors that a node makes."""
        operator, standard = operator_of(node), node.domain in STANDARD_DOMAINS
        handled = operator is not None and operator.keeps_integers
        if standard and not handled and all(isinstance(t, Constant | None) for t in inputs):
            padded = inputs + [None] * (len(node.input) - len(inputs))
            arrays = [t.array if isinstance(t, Constant) else None for t in padded]
            return [Constant(a) for a in evaluate(self.file, node, arrays)]
        if operator is None:
            domain = "" if standard else f" of domain {node.domain!r}"
            raise ModelError(
                f"operation {node.op_type}{domain} is not supported on data; supported are "
                f"{', '.join(o.name for o in every_operator())}, with quantizers of domain {', '.join(other_domains())}"
            )
        return operator.handler(self, node, inputs, attributes_of(node))

    def _output(self, name: str) -> Output:
        """Return the output of that name, on the edge and behind the operations that the walk has found."""
        tensor = self.tensors[name]
        if isinstance(tensor, Constant):
            raise ModelError(f"output {name!r} does not depend on the input")
        data = tensor.data if isinstance(tensor, Closed) else tensor
        closing = tensor.closing if isinstance(tensor, Closed) else ()
        self.known(data)
        if data.edge == "input":
            raise ModelError(
                f"output {name!r} comes from the model's input without a layer, so there is nothing to build"
            )
        index = data.index
        if index.ndim == 0 or index.shape[0] != 1:
            if closing:
                raise ModelError(f"output {name!r} must have the batch as its first axis, not shape {index.shape}")
            index = index[None]
        if self.is_float:
            edge, chain = float_layer_end(self, data)
            return Output(name, edge, index, chain, closing)
        return Output(name, data.edge, index, data.chain, closing)
