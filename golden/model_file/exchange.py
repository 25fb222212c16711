"""Quantizers that QONNX has no operator for, in a domain of our own: what they compute, and nodes of them.

The functions are the reference: float32 throughout, NumPy only, by the definitions of `golden.methods`. The classes
make them operators that the qonnx executor runs once this module is imported. Parameters broadcast against x, those of
`LevelQuant` and `BasisQuant` with one more axis, the last, for levels or basis values: for weights ``(in, out)`` with
levels for every output ``(1, out, L)``.
docs/exchange.md describes the operators for who writes or reads such files.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import helper
from qonnx.custom_op.base import CustomOp
from qonnx.custom_op.registry import add_domain_alias

from fewbit.golden import methods
from fewbit.golden.numbers.random import generator_named

from .domains import EXCHANGE, VERSIONS

__all__ = ["KINDS", "BasisQuant", "LevelQuant", "StochasticQuant", "TernaryQuant",
           "basis_levels", "basis_quant", "chance", "digit_sums", "level_quant", "make_basis_quant", "make_level_quant",
           "make_opset", "make_stochastic_quant", "make_ternary_quant", "midpoints", "number_frames",
           "stochastic_quant", "ternary_quant"]  # fmt: skip

KINDS = ("bipolar", "ternary")
add_domain_alias(EXCHANGE, __name__)  # qonnx finds an operator as the class of its name in the domain's module

_F32 = np.float32


def _float32(values: ArrayLike) -> np.ndarray:
    return np.asarray(values, dtype=_F32)


def midpoints(levels: ArrayLike) -> np.ndarray:
    """Return ``(levels[i] + levels[i+1]) / 2`` in float32: (..., L - 1) for levels (..., L).

    Raises
    ------
    ValueError
        If levels are not finite, or fall along the last axis.
    """
    levels = _float32(levels)
    if levels.ndim < 1 or levels.shape[-1] < 1 or not np.isfinite(levels).all():
        raise ValueError("Levels must be finite numbers along a last axis")
    if (np.diff(levels, axis=-1) < 0).any():
        raise ValueError("Levels must be ascending along the last axis")
    return methods.midpoints(levels)


def level_quant(x: ArrayLike, levels: ArrayLike) -> np.ndarray:
    """Return ``levels[n]``, n the number of midpoints that are <= x: the nearest level, ties to the larger one.

    Raises
    ------
    ValueError
        As `midpoints` does.
    """
    midpoints(levels)  # checks them
    return methods.level_quant(_float32(x), _float32(levels))


def level_index(x: ArrayLike, middles: np.ndarray) -> np.ndarray:
    """Return how many along the last axis of ``middles`` are <= x: int64."""
    return methods.level_index(_float32(x), middles)


def digit_sums(basis: ArrayLike, digits: str = "bipolar") -> np.ndarray:
    """Return `golden.methods.digit_sums` in float32: in sum n digit i is the upper one where bit i of n is set."""
    return methods.digit_sums(_float32(basis), digits)


def basis_levels(basis: ArrayLike, digits: str = "bipolar") -> np.ndarray:
    """Return `digit_sums` in ascending order: the levels of LQ-Nets (Zhang and others 2018)."""
    return methods.basis_levels(_float32(basis), digits)[0]


def basis_quant(x: ArrayLike, basis: ArrayLike, *, digits: str = "bipolar") -> np.ndarray:
    """Return `level_quant` with the levels of ``basis``."""
    return level_quant(x, basis_levels(basis, digits))


def ternary_quant(x: ArrayLike, delta: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> np.ndarray:
    """Return ``positive`` where x > delta, ``-negative`` where x < -delta, else 0, in float32.

    These are the values of TWN (Li and others 2016) and TTQ (Zhu and others 2017).
    """
    return methods.ternary(*(_float32(v) for v in (x, delta, positive, negative)))


def chance(x: ArrayLike, scale: ArrayLike, *, kind: str, bits: int) -> np.ndarray:
    """Return the probability that a stochastic quantizer draws by, as a whole number of ``2**-bits``: int64.

    If ``kind`` is bipolar, it is that of +scale: ``rint(clip((x/scale + 1)/2, 0, 1) * 2**bits)``. If it is ternary, it
    is that of sign(x)*scale, with the sign of x: ``rint(clip(x/scale, -1, 1) * 2**bits)``.
    """
    with np.errstate(over="ignore"):
        x = np.asarray(_float32(x) / _float32(scale))
    return np.rint(methods.chance(x, kind=kind) * _F32(2**bits)).astype(np.int64)


def stochastic_quant(
    x: ArrayLike,
    scale: ArrayLike,
    *,
    kind: str = "bipolar",
    bits: int = 8,
    seed: int = 1,
    generator: str = "lfsr",
    frame: int = 0,
) -> np.ndarray:
    """Return +scale or -scale, or those and 0, at random, so that the mean is ``clip(x, -scale, scale)``.

    The bipolar kind is that of Courbariaux and others 2015, the ternary one that of Lin and others 2016.

    Parameters
    ----------
    x : array ``(N, C, ...)``
        N samples with their channels.
    scale : array that broadcasts against ``x``
    kind : "bipolar" or "ternary"
    bits : int
        Bits of a draw, and of a probability.
    seed : int
        Seed of the stream of draws.
    generator : str
        Name of the generator (`golden.numbers.random.generator_named`).
    frame : int
        Number of the first sample since reset: value n, with channels innermost and counted from sample ``-frame`` on,
        takes draw n of the stream.

    Raises
    ------
    ValueError
        If there is no such generator.
    """
    x = _float32(x)
    number = chance(x, scale, kind=kind, bits=bits)
    last = np.moveaxis(number, 1, -1) if number.ndim > 2 else number  # channels innermost
    first = int(frame) * (number.size // max(1, len(number))) if number.ndim else 0
    draws = generator_named(generator, bits).draws(seed, number.size, first).reshape(last.shape)
    draws = np.moveaxis(draws, -1, 1) if number.ndim > 2 else draws
    return methods.drawn(number, draws, kind=kind).astype(_F32) * _float32(scale)


class _Operation(CustomOp):
    """What the executor needs of an operator whose y has the shape and type of x."""

    def get_nodeattr_types(self):
        return {}

    def make_shape_compatible_op(self, model):
        return helper.make_node("Identity", [self.onnx_node.input[0]], [self.onnx_node.output[0]])

    def infer_node_datatype(self, model):
        pass  # float32, the default

    def verify_node(self):
        pass

    def execute_node(self, context, graph):
        operands = [context[name] for name in self.onnx_node.input]
        context[self.onnx_node.output[0]] = np.asarray(self.compute(*operands), dtype=_F32)


class LevelQuant(_Operation):
    """The operator of operands x and levels."""

    compute = staticmethod(level_quant)


class BasisQuant(_Operation):
    """The operator of operands x and basis, with the attribute digits."""

    def get_nodeattr_types(self):
        return {"digits": ("s", False, "bipolar", set(methods.DIGITS))}

    def compute(self, x, basis):
        return basis_quant(x, basis, digits=self.get_nodeattr("digits"))


class TernaryQuant(_Operation):
    """The operator of operands x, delta, positive and negative."""

    compute = staticmethod(ternary_quant)


class StochasticQuant(_Operation):
    """The operator of operands x and scale.

    Its attributes are kind, bits, seed, generator, and frame, the number of the batch's first sample.
    """

    def get_nodeattr_types(self):
        return {
            "kind": ("s", False, "bipolar", set(KINDS)), "bits": ("i", False, 8), "seed": ("i", False, 1),
            "generator": ("s", False, "lfsr"), "frame": ("i", False, 0),
        }  # fmt: skip

    def compute(self, x, scale):
        return stochastic_quant(x, scale, **{name: self.get_nodeattr(name) for name in self.get_nodeattr_types()})


def number_frames(model: onnx.ModelProto, first: int) -> None:
    """Write into every `StochasticQuant` of a model which frame the first sample of the next batch is."""
    for node in model.graph.node:
        if node.domain == EXCHANGE and node.op_type == "StochasticQuant":
            kept = [a for a in node.attribute if a.name != "frame"]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("frame", int(first))])


def make_opset() -> onnx.OperatorSetIdProto:
    """Return the opset import that a model with these operators needs."""
    return helper.make_opsetid(EXCHANGE, VERSIONS[EXCHANGE])


def _make(kind: str, inputs: Iterable[str], y: str, name: str | None, attributes: Mapping[str, Any]) -> onnx.NodeProto:
    return helper.make_node(kind, list(inputs), [y], name=name or f"{y}_quantizer", domain=EXCHANGE, **attributes)


def make_level_quant(x: str, levels: str, y: str, name: str | None = None) -> onnx.NodeProto:
    """Return a `LevelQuant` node; operands and result by their tensors' names."""
    return _make("LevelQuant", (x, levels), y, name, {})


def make_basis_quant(x: str, basis: str, y: str, name: str | None = None, *, digits: str = "bipolar") -> onnx.NodeProto:
    """Return a `BasisQuant` node; operands and result by their tensors' names."""
    return _make("BasisQuant", (x, basis), y, name, {} if digits == "bipolar" else {"digits": digits})


def make_ternary_quant(
    x: str, delta: str, positive: str, negative: str, y: str, name: str | None = None
) -> onnx.NodeProto:
    """Return a `TernaryQuant` node; operands and result by their tensors' names."""
    return _make("TernaryQuant", (x, delta, positive, negative), y, name, {})


def make_stochastic_quant(
    x: str,
    scale: str,
    y: str,
    name: str | None = None,
    *,
    kind: str = "bipolar",
    bits: int = 8,
    seed: int = 1,
    generator: str = "lfsr",
) -> onnx.NodeProto:
    """Return a `StochasticQuant` node; operands and result by their tensors' names.

    Every such node of a model should have a ``seed`` of its own. The other arguments are those of `stochastic_quant`.

    Raises
    ------
    ValueError
        If there is no such kind, or no such generator.
    """
    if kind not in KINDS:
        raise ValueError(f"Kind must be one of {', '.join(KINDS)}, not {kind!r}")
    generator_named(generator, bits)  # refuses what there is none of
    return _make("StochasticQuant", (x, scale), y, name,
                 {"kind": kind, "bits": bits, "seed": seed, "generator": generator})  # fmt: skip
