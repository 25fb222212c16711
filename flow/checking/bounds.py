"""How far a tensor of the reference may be from golden's: the rounding of its float32 sums, node by node.

Golden sums integers exactly and rounds once; the model's world rounds every product and partial sum to float32. Of K
terms ``w*x`` those roundings are about ``sqrt(K) * 2**-24 * sum |w||x|`` apart (a walk of K steps), and the operands
and the result have a few roundings of their own. Elementwise operations are the same in both, so they carry a distance
on as they carry two values.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from fewbit.golden.importing.operators import Role, role_of
from fewbit.golden.model_file.file import attributes_of

from .references.onnx_executors import OnnxReference

__all__ = ["FORMULA", "FloatBounds"]

UNIT = 2.0**-24  # half a unit in the last place of 1
_OWN = 4  # roundings besides those of the sum: of weights, activations, products and the result
FORMULA = f"(sqrt(K) + {_OWN}) * 2^-24 * sum |w||x|"
# What is approximated, differently for values that stand elsewhere: up to 1 where a difference of exponentials cancels.
_APPROXIMATED = ("Exp", "Log", "Sigmoid", "Tanh", "Erf", "Gelu", "Softsign", "Pow", "Sqrt", "Swish", "HardSwish")
_CANCELLING = ("Elu", "Selu", "Celu", "Softplus", "Mish")
_FUSED = {"FusedConv": "Conv", "FusedGemm": "Gemm"}  # products with an activation in them, and those without
_MOVES = (Role.MOVE, Role.COPY, Role.CONCATENATION)


class FloatBounds:
    """The bounds of the tensors of one sample, which quantizers set back to nothing.

    Parameters
    ----------
    reference : OnnxReference
    tensors : dict of arrays
        Every tensor of the sample by its name, as the reference gives them.
    """

    def __init__(self, reference: OnnxReference, tensors: Mapping[str, np.ndarray]):
        self._reference, self._tensors = reference, dict(tensors)
        self._makers = {name: node for node in reference.file.nodes for name in node.output if name}
        self._known: dict[str, np.ndarray] = {}
        self._data = reference.data

    def of(self, name: str) -> np.ndarray:
        """Return the bound (float64) of every value of a tensor, in the tensor's shape."""
        if name not in self._known:
            self._known[name] = self._found(name)
        return self._known[name]

    def scores_behind(self, name: str) -> str | None:
        """Return the name of what a label was chosen from; None where a tensor holds no labels."""
        node = self._makers.get(name)
        while node is not None and (role_of(node) in _MOVES or node.op_type == "Cast"):
            node = self._makers.get(node.input[0])
        return node.input[0] if node is not None and role_of(node) is Role.LABEL else None

    def _found(self, name: str) -> np.ndarray:
        y, node = self._tensor(name), self._makers.get(name)
        nothing = np.zeros(y.shape)
        if node is None or name not in self._data or y.dtype.kind != "f":
            return nothing
        role, of_data = role_of(node), [i for i in node.input if i in self._data]
        if role in (Role.PRODUCT, Role.AVERAGE):
            found = self._product(node, y)
        elif role in (Role.AFFINE, Role.FUNCTION):
            found = self._elementwise(node, of_data, y)
        elif role in _MOVES:
            found = self._moved(node, list(node.output).index(name))
        elif role is Role.PROBABILITIES:
            worst = 2 * self.of(of_data[0]).max()
            found = worst + UNIT * (abs(y) + y.size) if node.op_type.startswith("Log") else y * np.expm1(worst)
            found = found + (_OWN + math.sqrt(y.size)) * UNIT * abs(y)
        else:  # a quantizer, whose codes are compared by themselves, or what nothing is known of
            return nothing
        return np.broadcast_to(found, y.shape) if np.size(found) in (1, y.size) else nothing

    def average_of_codes(self, node: onnx.NodeProto) -> tuple[np.ndarray, np.ndarray]:
        """Return what a ``QLinearAveragePool`` rounds, in units of its codes (float64), and its bound."""
        x, x_scale, x_zero, y_scale, y_zero = (
            np.asarray(0 if a is None else a, dtype=np.float64) for a in self.operands(node)
        )
        floats = ((x - x_zero) * x_scale).astype(np.float32)
        plain = onnx.helper.make_node("AveragePool", node.input[:1], node.output[:1])
        plain.attribute.extend(a for a in node.attribute if a.name != "channels_last")
        mean, size = (
            np.asarray(self._reference.evaluate(plain, [v])[0], dtype=np.float64) for v in (floats, abs(floats))
        )
        terms = math.prod(attributes_of(node)["kernel_shape"])
        value = mean / y_scale + y_zero
        return value, (math.sqrt(terms) + _OWN) * UNIT * (size / y_scale + abs(value))

    def operands(self, node: onnx.NodeProto) -> list[np.ndarray | None]:
        """Return the tensors that a node reads; None for what is left out."""
        return [self._tensor(name) if name else None for name in node.input]

    def _tensor(self, name: str) -> np.ndarray:
        """Return a tensor, which is evaluated where the reference has none of that name, as it has merged nodes."""
        if name not in self._tensors and name in self._reference.file.constants:
            return self._reference.file.constants[name]
        if name not in self._tensors:
            node = self._makers[name]
            found = self._reference.evaluate(node, self.operands(node))
            self._tensors |= {n: np.asarray(a) for n, a in zip(node.output, found, strict=True) if n}
        return np.asarray(self._tensors[name])

    def _evaluated(self, node: onnx.NodeProto, operands: Sequence[np.ndarray | None], output: int = 0) -> np.ndarray:
        """Return an output of a node for operands of the types that its own have."""
        kinds = [None if own is None else own.dtype for own in self.operands(node)]
        given = [None if a is None else np.asarray(a, dtype=k) for a, k in zip(operands, kinds, strict=True)]
        return np.asarray(self._reference.evaluate(node, given)[output], dtype=np.float64)

    def _product(self, node: onnx.NodeProto, y: np.ndarray) -> np.ndarray:
        operands = self.operands(node)
        if node.op_type in _FUSED:
            return self._fused(node, y)
        if node.op_type == "MatMulNBits":
            node, operands = self._with_plain_weights(node, operands)
        sizes = [None if a is None or a.dtype.kind != "f" else abs(a) for a in operands]
        whole = [own if size is None else size for own, size in zip(operands, sizes, strict=True)]
        found = (math.sqrt(_terms(node, operands, y)) + _OWN) * UNIT * self._evaluated(node, whole)
        for place, name in enumerate(node.input):  # the distance of an operand goes through as a value does
            if name in self._data and self.of(name).any():
                carried: list[np.ndarray | None] = list(whole)
                carried[place] = self.of(name)
                if len(carried) > 2 and place < 2:  # without the bias
                    carried[2] = None if carried[2] is None else np.zeros_like(carried[2])
                found = found + self._evaluated(node, carried)
        return found

    def _fused(self, node: onnx.NodeProto, y: np.ndarray) -> np.ndarray:
        """Return the bound of a product with an activation in it, none of which is steeper than its ``alpha``."""
        attributes = attributes_of(node)
        plain = onnx.helper.make_node(_FUSED[node.op_type], node.input[:3], node.output)
        plain.attribute.extend(a for a in node.attribute if not a.name.startswith("activation"))
        found = self._product(plain, y)
        for name in node.input[3:]:
            found = found + self.of(name) + UNIT * (abs(self._tensor(name)) + abs(y))
        given = [attributes.get("activation_alpha", 0.0), *attributes.get("activation_params", [])]
        steep = 1.0 if attributes.get("activation") in ("Clip", b"Clip") else max(1.0, *map(abs, given))
        return steep * found + _OWN * UNIT * abs(y)

    def _with_plain_weights(
        self, node: onnx.NodeProto, operands: Sequence[np.ndarray | None]
    ) -> tuple[onnx.NodeProto, list[np.ndarray | None]]:
        """Return the product of a ``MatMulNBits`` as a ``MatMul``, and its operands, the weights as floats."""
        one = np.eye(attributes_of(node)["K"], dtype=np.float32)
        weights = np.asarray(self._reference.evaluate(node, [one, *operands[1:5], None][: len(node.input)])[0])
        name = f"{node.output[0]} weights"
        self._tensors[name] = weights
        return onnx.helper.make_node("MatMul", [node.input[0], name], node.output), [operands[0], weights]

    def _elementwise(self, node: onnx.NodeProto, of_data: Sequence[str], y: np.ndarray) -> np.ndarray:
        operands, found = self.operands(node), np.zeros(y.shape)
        for place, name in enumerate(node.input):
            if name in self._data and self.of(name).any():
                for sign in (-1, 1):
                    moved: list[np.ndarray | None] = list(operands)
                    moved[place] = np.asarray(operands[place], dtype=np.float64) + sign * self.of(name)
                    found = np.maximum(found, abs(self._evaluated(node, moved) - y))
        if node.op_type in _APPROXIMATED:
            found = found + _OWN * UNIT * abs(y)
        elif node.op_type in _CANCELLING:
            found = found + _OWN * UNIT * np.maximum(abs(y), 1)
        if len(set(of_data)) > 1:  # golden joins branches as integers and rounds once
            total = sum(abs(self._tensor(name).astype(np.float64)) for name in set(of_data))
            found = (len(set(of_data)) * found) + UNIT * (total + abs(y))
        return found

    def _moved(self, node: onnx.NodeProto, output: int) -> np.ndarray:
        operands = self.operands(node)
        for place, name in enumerate(node.input):
            own = operands[place]
            if name in self._data:
                operands[place] = self.of(name)
            elif own is not None and own.dtype.kind == "f" and node.op_type in ("Pad", "Concat"):
                operands[place] = np.zeros_like(own)  # what is put beside the data is exact
        return self._evaluated(node, operands, output)


def _terms(node: onnx.NodeProto, operands: Sequence[np.ndarray | None], y: np.ndarray) -> int:
    """Return how many numbers are summed for a value that a product or an average makes."""
    attributes = attributes_of(node)
    shapes = [() if a is None else a.shape for a in operands]
    if node.op_type in ("MatMul", "FusedMatMul"):
        return shapes[0][-1]
    if node.op_type == "Gemm":
        return shapes[0][0 if attributes.get("transA", 0) else -1] + 1
    if node.op_type in ("Conv", "ConvTranspose"):
        return math.prod(shapes[1][1 if node.op_type == "Conv" else 0 :]) + 1
    if node.op_type == "Einsum":  # (M, K) by (K, N), in whatever order their axes are
        return math.isqrt(math.prod(shapes[0]) * math.prod(shapes[1]) // max(1, y.size))
    if "kernel_shape" in attributes:
        return math.prod(attributes["kernel_shape"])
    return max(1, -(-math.prod(shapes[0]) // max(1, y.size)))
