"""Import of a trained network: from an ONNX or QONNX file to the integer network.

The graph is walked once, node by node. A tensor is either a constant or a *chain* of float operations behind an edge
of integers (`golden.tensors`); nothing is rewritten and no scale is moved. Where a quantizer ends a chain, the two
together are one function of one integer per position: its thresholds are found by evaluating it. So nothing can get
stuck, and the integers are those of the model's own arithmetic.
"""

from pathlib import Path

import numpy as np

from .elementwise import Dequantize, affine, apply, is_monotone
from .formats import Float32, Format, format_for
from .inputspec import parse_input
from .network import Network, Output, Threshold
from .onnxfile import INPUT_KEY, ModelError, OnnxFile, attributes_of, describe, evaluate
from .tensors import Closed, Constant, Data
from .thresholds import find_thresholds, steps_of
from .tidy import tidy

__all__ = ["ModelError", "import_model"]

_QUANTIZERS = {"Quant", "IntQuant", "BipolarQuant"}


def import_model(path, input_spec=None, *, output="auto"):
    """The integer `Network` of the model at ``path``.

    Parameters
    ----------
    path : path of a ``.onnx`` file
    input_spec : str or None
        How raw integers become the model's floats (`golden.inputspec`); ``None`` takes the model's metadata
        (``fewbit.input``), and without that the hardware takes the codes of the first quantizer.
    output : "auto" or "label"
        What the hardware gives: what the model ends with, or the index of its largest output.

    Raises
    ------
    ModelError
        One line that names the node, the reason, and what is supported.
    """
    if output not in ("auto", "label"):
        raise ModelError(f"output must be auto or label, not {output!r}")
    file = OnnxFile(Path(path))
    spec = input_spec or file.metadata.get(INPUT_KEY)
    try:
        spec = parse_input(spec) if spec else None
    except ValueError as error:
        raise ModelError(str(error)) from None
    return tidy(Importer(file, spec).network(output))


class Importer:
    """The walk: tensors known so far, and the network made so far. Handlers of operations are in `golden.handlers`."""

    def __init__(self, file, spec):
        self.file = file
        self.spec = spec
        self.is_float = not any(n.op_type in _QUANTIZERS for n in file.nodes)
        self.tensors = {name: Constant(array) for name, array in file.constants.items()}
        size = int(np.prod(file.input_shape))
        start = Data("input", np.arange(size).reshape(file.input_shape))
        fmt, encode = None, None
        if self.is_float:
            fmt, encode, self.spec = Float32(), lambda x: np.asarray(x, dtype=np.float32), None
        elif spec is not None:
            fmt, encode = spec.format, spec.encode
            start = start.then(spec.dequantize())
        self.tensors[file.input_name] = start
        self.result = Network(file.name, fmt, file.input_shape[1:], encode, spec.text if spec and fmt else "codes")
        if self.is_float:
            self.result.input_spec = "float32"
        self.edges = {}

    def network(self, output):
        from .handlers import HANDLERS
        from .outputs import lower_argmax

        for node in self.file.nodes:
            self._visit(node, HANDLERS)
        for name in self.file.outputs:
            self.result.outputs.append(self._output(name))
        return lower_argmax(self.result, output)

    def _visit(self, node, handlers):
        inputs = [self.tensors[i] if i else None for i in node.input]
        try:
            if all(isinstance(t, Constant | None) for t in inputs) and node.op_type not in _QUANTIZERS | _SHAPERS:
                values = [Constant(a) for a in evaluate(self.file, node, [t and t.array for t in inputs])]
            else:
                if node.op_type not in handlers:
                    raise ModelError(
                        f"{describe(node)}: operation {node.op_type} is not supported here; supported are "
                        + ", ".join(sorted(handlers))
                    )
                values = handlers[node.op_type](self, node, inputs, attributes_of(node))
        except ModelError as error:
            at = describe(node)
            raise (error if str(error).startswith(at) else ModelError(f"{at}: {error}")) from None
        except (ValueError, IndexError, TypeError) as error:  # NumPy refused the shapes
            raise ModelError(f"{describe(node)}: its operands do not fit: {' '.join(str(error).split())}") from None
        self.tensors.update({name: v for name, v in zip(node.output, values, strict=False) if name})

    # What handlers use

    def edge(self, name):
        """The edge with its range; the importer keeps them as the network grows."""
        if name not in self.edges:
            self.edges = self.result.edges()
        return self.edges[name]

    def length(self, data):
        """Length of the data's edge, also of an input that has no format yet."""
        return int(np.prod(self.result.input_shape)) if data.edge == "input" else self.edge(data.edge).length

    def add(self, node):
        """Append a node; returns its edge's name."""
        self.result.nodes.append(node)
        return node.y

    def new(self, kind):
        """A fresh name for a node, and for the edge that it makes."""
        count = sum(n.name.startswith(kind) for n in self.result.nodes)
        return f"{kind}{count}"

    def known(self, data):
        """Refuse data behind an input whose integers are not declared."""
        if self.result.input_format is None:
            raise ModelError(
                f"input {self.file.input_name!r} gets here without a quantizer; declare how raw integers become its "
                "floats, for example --input uint8/255"
            )
        return data

    def quantize(self, data, quantizer):
        """The data behind ``quantizer``: a new edge of codes."""
        length = self.length(data)
        scale, zero = data.positions(quantizer.scale, length), data.positions(quantizer.zero, length)
        ends = Dequantize(scale.astype(np.float64), zero.astype(np.float64))
        if self.result.input_format is None:
            return self._quantize_input(data, quantizer, scale, zero, ends)
        edge = self.add_function(
            data, lambda y: quantizer.codes(y, scale, zero), quantizer.format, parameters=(scale, zero)
        )
        return Data(edge, data.index, (ends,))

    def _quantize_input(self, data, quantizer, scale, zero, ends):
        """The first quantizer of an undeclared input runs on the host; the hardware takes its codes."""
        result = self.result
        result.input_format = quantizer.format

        def encode(x):
            x = np.asarray(x, dtype=np.float32)
            y = apply(data.chain, x.reshape(len(x), -1))
            if not np.isfinite(y).all():
                raise ValueError("the input holds NaN or infinite values")
            return quantizer.codes(y, scale, zero).reshape(x.shape)

        result.encode = encode
        self.input_user = data
        for name, tensor in self.tensors.items():  # preprocessed floats that anybody else would read are gone
            if isinstance(tensor, Data) and tensor.edge == "input":
                self.tensors[name] = Data("preprocessed input", tensor.index)
        return Data("input", data.index, (ends,))

    def add_function(self, data, codes, fmt: Format, *, parameters=()):
        """A `Threshold` node for ``codes(chain(x))``, by position or, where all are alike, one for all."""
        edge = self.edge(data.edge)
        used = np.unique(data.index)
        lo, hi = edge.lo.copy(), edge.hi.copy()
        if len(used) < edge.length:
            unused = np.setdiff1d(np.arange(edge.length), used)
            lo[unused], hi[unused] = lo[used[0]], lo[used[0]]
        shared = all(getattr(p, "size", 1) == 1 for p in parameters) and _is_shared(data.chain)
        if shared:
            lo, hi = lo.min(keepdims=True), hi.max(keepdims=True)
        chain, monotone = data.chain, is_monotone(data.chain)
        if not monotone and int((hi - lo).max()) > 1 << 24:
            raise ModelError("a function that is not monotone stands behind a range of over 2**24 integers")
        thresholds, table = find_thresholds(lambda x: codes(apply(chain, x)), lo, hi, monotone=monotone)
        steps = steps_of(thresholds, table, lo, hi, fmt)
        name = self.new("threshold")
        return self.add(Threshold(name, data.edge, name, *((thresholds, table) if steps is None else (steps, None)), fmt))

    def integers(self, data):
        """The data as ``scale * (integer - zero)``: (edge, scale per position, zero per position), in double.

        A chain that is not affine on its edge's values (a ReLU behind a signed quantizer, say) becomes a table.
        """
        self.known(data)
        edge = self.edge(data.edge)
        coefficients = affine(data.chain)
        if coefficients is not None:
            a, b = (np.broadcast_to(c, edge.length) for c in coefficients)
            if (a != 0).all():
                return data.edge, a, -b / a
        return self._tabulate(data)

    def _tabulate(self, data):
        edge = self.edge(data.edge)
        lo, hi = int(edge.lo.min()), int(edge.hi.max())
        if hi - lo >= 1 << 16:
            raise ModelError(f"its input is not quantized (it can have {hi - lo + 1} different values)")
        x = np.arange(lo, hi + 1)[:, None]
        y = apply(data.chain, np.broadcast_to(x, (len(x), edge.length)))[:, np.unique(data.index)].astype(np.float64)
        levels = np.unique(y)
        step = np.diff(levels)[np.diff(levels) > 1e-6 * np.abs(levels).max(initial=1e-30)].min(initial=np.inf)
        zero = levels[np.abs(levels).argmin()] if len(levels) else 0.0
        if not np.isfinite(step):
            step = abs(zero) or 1.0
        zero = 0.0 if abs(zero / step - np.rint(zero / step)) < 1e-4 else zero
        m = np.rint((levels - zero) / step)
        if np.abs(m).max() > 255 or not np.allclose(m * step + zero, levels, rtol=1e-5, atol=1e-6 * step):
            raise ModelError("its input is not quantized to evenly spaced levels; put a quantizer in front of it")
        step = (levels[-1] - levels[0]) / max(1, m[-1] - m[0]) if len(levels) > 1 else step
        fmt = format_for(m.astype(np.int64))
        name = self.add_function(data, lambda v: np.rint((v - zero) / step).astype(np.int64), fmt)
        length = self.edge(name).length
        return name, np.full(length, step), np.full(length, -zero / step)

    def _output(self, name):
        tensor = self.tensors[name]
        if isinstance(tensor, Constant):
            raise ModelError(f"output {name!r} does not depend on the input")
        data, closing = (tensor.data, tensor.closing) if isinstance(tensor, Closed) else (tensor, ())
        self.known(data)
        return Output(name, data.edge, data.index, data.chain, closing)


_SHAPERS = {"Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Mul", "Div", "Dropout"}


def _is_shared(chain):
    """Whether every position of a tensor goes through the same function."""
    sizes = [p.size for op in chain for p in _parameters(op)]
    return all(size == 1 for size in sizes)


def _parameters(op):
    if isinstance(op, Dequantize):
        return (op.scale, op.zero)
    return (op.c,) if hasattr(op, "c") else op.parameters
