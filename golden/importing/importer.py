"""Import of a trained network: from an ONNX or QONNX file to the integer network.

The graph is walked once, node by node. A tensor is either a constant or a *chain* of float operations behind an edge
of integers (`golden.importing.tensors`); nothing is rewritten and no scale is moved. Where a quantizer ends a chain,
the two together are one function of one integer per position: its thresholds are found by evaluating it. So nothing can
get stuck, and the integers are those of the model's own arithmetic.
"""

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

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
from fewbit.golden.numbers.declaration import parse_input
from fewbit.golden.numbers.formats import Float32
from fewbit.golden.rewrite.outputs import lower_argmax
from fewbit.golden.rewrite.tidy import tidy

from .float_layers import float_layer_end
from .growing import GrowingNetwork
from .layout import Relayout
from .operators import every_operator, is_quantizer, operator_of, other_domains
from .precision import network_of_fewest_bits
from .registry import import_of
from .several_outputs import gathered
from .tensors import Closed, Constant, Data
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
def _of_onnx(source, input_spec, output, precision):
    file = OnnxFile(source)
    make = partial(_network, file, _spec_of(file, input_spec), output)
    return network_of_fewest_bits(make) if precision is None else make(precision)


def _network(file, spec, output, precision):
    try:
        network = Importer(file, spec, precision=precision).network(output)
    except Relayout as layout:
        network = Importer(file, spec, layout, precision=precision).network(output)
    walls.entering("its network")
    return tidy(network)


def _spec_of(file, text):
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
    """The walk: tensors known so far, and the network made so far.

    What a node becomes is its operator's affair (`golden.importing.operators`).

    Attributes
    ----------
    file : OnnxFile
    precision : int
        Bits of levels, as of `import_model`.
    is_float : bool
        Whether nothing in the model is quantized: the float32 baseline.
    laid_out : bool
        Whether the order in which values enter has been chosen by a first walk.
    readers : Counter
        How often each tensor of the model is read.
    sums : dict
        A `golden.rewrite.sums.BranchSum` for the edge of every `Add`.
    folded : dict
        Of a float model: edges whose layer has got the operations behind it (`golden.importing.float_layers`).
    """

    def __init__(self, file, spec, layout=None, *, precision=FIXED_POINT_BITS):
        self.file, self.precision = file, precision
        self.is_float = not any(is_quantizer(node) for node in file.nodes)
        self.tensors = {name: Constant(array) for name, array in file.constants.items()}
        size = int(np.prod(file.input_shape))
        places = np.arange(size)
        self.laid_out = layout is not None
        if self.laid_out:
            places[layout.order] = np.arange(size)
        start = Data("input", places.reshape(file.input_shape), raw=file.input_type is not None)
        fmt, encode, text = None, None, "codes"
        if self.is_float:
            fmt, encode, text = Float32(), lambda x: np.asarray(x, dtype=np.float32), "float32"
        elif spec is not None:
            fmt, encode, text = spec.format, spec.encode, spec.text
            start = start.then(spec.dequantize())
        self.tensors[file.input_name] = start
        super().__init__(Network(file.name, fmt, file.input_shape[1:], encode, text))
        if self.laid_out:
            self.result.input_size, self.result.input_order = layout.size, layout.order
        self.sums, self.folded = {}, {}
        self.readers = Counter([name for node in file.nodes for name in node.input] + file.outputs)

    def network(self, output):
        """Walk the whole graph and return the finished network."""
        for node in self.file.nodes:
            self._visit(node)
        self.result.outputs += gathered(self, [self._output(name) for name in self.file.outputs])
        return lower_argmax(self.result, output)

    def _visit(self, node):
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

    def _values(self, node, inputs):
        """Return the tensors that a node makes."""
        operator, standard = operator_of(node), node.domain in STANDARD_DOMAINS
        handled = operator is not None and operator.keeps_integers
        if standard and not handled and all(isinstance(t, Constant | None) for t in inputs):
            padded = inputs + [None] * (len(node.input) - len(inputs))
            return [Constant(a) for a in evaluate(self.file, node, [t and t.array for t in padded])]
        if operator is None:
            domain = "" if standard else f" of domain {node.domain!r}"
            raise ModelError(
                f"operation {node.op_type}{domain} is not supported on data; supported are "
                f"{', '.join(o.name for o in every_operator())}, with quantizers of domain {', '.join(other_domains())}"
            )
        return operator.handler(self, node, inputs, attributes_of(node))

    # What handlers use besides `GrowingNetwork`'s

    def known(self, data):
        """Raise a `ModelError` for data behind an input whose integers are not declared."""
        if self.result.input_format is None or not data.edge:
            raise ModelError(
                f"input {self.file.input_name!r} gets here without a quantizer; declare how raw integers become its "
                "floats, for example --input uint8/255"
            )

    def _output(self, name):
        tensor = self.tensors[name]
        if isinstance(tensor, Constant):
            raise ModelError(f"output {name!r} does not depend on the input")
        data, closing = (tensor.data, tensor.closing) if isinstance(tensor, Closed) else (tensor, ())
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
