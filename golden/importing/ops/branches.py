"""Import of what joins branches, and of enlargement and padding of images."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from fewbit.golden.importing.float_layers import float_finished, float_layer_end
from fewbit.golden.importing.functions import evenly_coded, integers, plainly_quantized
from fewbit.golden.importing.growing import GrowingNetwork
from fewbit.golden.importing.layout import flat, image, ordered
from fewbit.golden.importing.network_builder import NetworkBuilder
from fewbit.golden.importing.operands import constant, data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant, Data, Tensor
from fewbit.golden.model_file.file import ModelError, evaluate
from fewbit.golden.network.graph import Edge, accumulator_format
from fewbit.golden.network.joins import Add, Concat, FloatAdd
from fewbit.golden.network.pointwise import Rescale
from fewbit.golden.network.spatial import Upsample
from fewbit.golden.network.window import Window
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.formats import Float32, Format, Ternary
from fewbit.golden.rewrite.sums import BranchSum

from .convolutions import add_windows, spread_out, with_zero_pad

__all__ = ["joined", "one_format"]

_HALF_ULP = 2.0**-25  # of float32, relative
_MOST_BITS = 30  # of a multiplier


# Sums


def joined(importer: GrowingNetwork, kind: str, first: Tensor, second: Tensor) -> Data:
    """Return the sum or difference of two tensors that depend on the input; ``kind`` is the operator's name.

    Raises
    ------
    ModelError
        If their shapes differ, or their scales are too far apart, or the sum has too many bits.
    """
    a, b = data_of(first), data_of(second)
    if kind not in ("Add", "Sub"):
        raise ModelError("both operands depend on the input; only Add and Sub of two tensors of data are supported")
    if a.shape != b.shape:
        raise ModelError(f"data of shapes {a.shape} and {b.shape} cannot be added; they must be the same")
    if importer.is_float:
        return _float_sum(importer, kind, a, b)
    a, b = (plainly_quantized(importer, d) for d in (a, b))
    importer.known(a)
    importer.known(b)
    a, b = _alike(importer, a, b)
    (a_edge, a_scale, a_zero), (b_edge, b_scale, b_zero) = integers(importer, a), integers(importer, b)
    if kind == "Sub":
        b_scale = -b_scale
    ends = [_reach(importer.edge(e), s, z) for e, s, z in ((a_edge, a_scale, a_zero), (b_edge, b_scale, b_zero))]
    ratios = [_multipliers(*r) for r in zip(a_scale, b_scale, *ends, strict=True)]
    multipliers = np.array(ratios, dtype=np.int64).T
    chains = tuple(
        d.chain if edge == d.edge else (ew.Dequantize(_single(abs(scale)), _single(zero)),)
        for d, edge, scale, zero in ((a, a_edge, a_scale, a_zero), (b, b_edge, b_scale, b_zero))
    )
    a_edge, b_edge = (evenly_coded(importer, edge) for edge in (a_edge, b_edge))
    name = importer.new("add")
    node = Add(name, a_edge, name, (b_edge,), multipliers)
    importer.add(node)
    importer.sums[name] = BranchSum(node, chains, 1 if kind == "Add" else -1)
    try:
        importer.edge(name)
    except ValueError:
        raise ModelError("its sum has more than 32 bits; put quantizers of fewer bits in front of it") from None
    unit = b_scale / multipliers[1]
    zero = multipliers[0] * a_zero + multipliers[1] * b_zero
    return Data(name, a.index, (ew.Dequantize(_single(unit), _single(zero)),))


def _reach(edge: Edge, scale: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """Return the largest magnitude of each channel's float."""
    return np.maximum(np.abs(scale * (edge.lo - zero)), np.abs(scale * (edge.hi - zero)))


def _multipliers(a: float, b: float, a_reach: float, b_reach: float) -> tuple[int, int]:
    """Return whole (p, q) so that ``(b/q)*(p*x + q*y)`` is ``a*x + b*y`` for all that x and y reach.

    An error below float32's own is let through: half a unit in the last place of the largest sum.
    """
    ratio = Fraction(a) / Fraction(b)
    allowed = _HALF_ULP * (a_reach + b_reach)
    for bits in range(_MOST_BITS):
        near = ratio.limit_denominator(1 << bits)
        if near and float(abs(near / ratio - 1)) * a_reach <= allowed and abs(near.numerator) < 1 << _MOST_BITS:
            return near.numerator, near.denominator
    raise ModelError(f"the scales of its operands, {a} and {b}, are too far apart")


def _single(values: np.ndarray) -> np.ndarray:
    """Return one number in place of equal ones."""
    return values[:1] if (values == values[0]).all() else values


def _alike(importer: GrowingNetwork, a: Data, b: Data) -> tuple[Data, Data]:
    """Return both tensors on edges of the same shape, with the same positions."""
    same = np.array_equal(a.index, b.index)
    if same and importer.size(a) == importer.size(b):
        return a, b
    if same and a.index.size == importer.length(a):
        return flat(importer, a, vector=True), flat(importer, b, vector=True)
    shape = a.shape
    arrange = image if len(shape) in (3, 4) else ordered
    a, b = (arrange(importer, d) for d in (a, b))
    return replace(a, index=a.index.reshape(shape)), replace(b, index=b.index.reshape(shape))


def _float_sum(importer: GrowingNetwork, kind: str, a: Data, b: Data) -> Data:
    if kind == "Sub":
        raise ModelError("in a float model only Add of two tensors of data is supported")
    ends = [float_finished(importer, data) for data in _alike(importer, a, b)]
    name = importer.new("add")
    importer.add(FloatAdd(name, ends[0], name, (ends[1],)))
    return Data(name, a.index)


# Channels side by side


@handles("Concat", role=Role.CONCATENATION)
def concat(importer, node, inputs, attributes):
    """Import ONNX ``Concat`` of channels."""
    if any(isinstance(t, Constant) for t in inputs):
        raise ModelError("a constant beside data is not supported")
    datas = [data_of(t) for t in inputs]
    rank = len(datas[0].shape)
    if rank not in (2, 3, 4) or attributes["axis"] % rank != 1:
        raise ModelError(f"only channels (axis 1) can stand side by side, not axis {attributes['axis']}")
    if len({d.shape[2:] for d in datas}) > 1:
        raise ModelError(f"data of shapes {', '.join(str(d.shape) for d in datas)} cannot stand side by side")
    if len(datas) == 1:
        return datas
    if rank == 2:
        datas = [ordered(importer, d) for d in datas]
        size = ()
    else:
        datas = [image(importer, d) for d in datas]
        size = datas[0].shape[2:]
    channels = sum(d.shape[1] for d in datas)
    index = np.arange(channels * math.prod(size)).reshape(*(size or (1,)), channels)
    index = np.moveaxis(index, -1, 0)[None].reshape(1, channels, *datas[0].shape[2:])
    if rank == 3:
        index = index[:, :, 0]
    name = importer.new("concat")
    if importer.is_float:
        edges = [float_finished(importer, d) for d in datas]
        importer.add(Concat(name, edges[0], name, tuple(edges[1:]), Float32()))
        return [Data(name, index)]
    parts = [integers(importer, d) for d in datas]
    edges, fmt = one_format(importer, [p[0] for p in parts])
    importer.add(Concat(name, edges[0], name, tuple(edges[1:]), fmt))
    scale, zero = (_single(np.concatenate([p[k] for p in parts])) for k in (1, 2))
    return [Data(name, index, (ew.Dequantize(scale, zero),))]


def one_format(importer: NetworkBuilder, edges: list[str]) -> tuple[list[str], Format]:
    """Return the edges with values that one format holds, and that format: bipolar codes beside others become ternary.

    Float32 stays as it is.
    """
    formats = [importer.edge(e).format for e in edges]
    if len(set(formats)) == 1:
        return edges, formats[0]
    made, edges = [], [evenly_coded(importer, edge) for edge in edges]
    for edge, fmt in zip(edges, formats, strict=True):
        if fmt.is_sign:
            same = np.ones(importer.edge(edge).channels, dtype=np.int64)
            name = importer.new("rescale")
            edge = importer.add(Rescale(name, edge, name, same, 0 * same, 0, Ternary()))
        made.append(edge)
    formats = [importer.edge(e).format for e in made]
    if len(set(formats)) == 1:
        return made, formats[0]
    return made, accumulator_format([f.lo for f in formats], [f.hi for f in formats])


# Images


@handles("Upsample", "Resize", role=Role.MOVE)
def upsample(importer, node, inputs, attributes):
    """Import ONNX ``Resize``, ``Upsample`` in old opsets, that repeats pixels by whole factors."""
    data = data_of(inputs[0])
    if attributes.get("mode", "nearest") != "nearest":
        raise ModelError(f"only the mode nearest is supported, not {attributes['mode']}")
    shape = data.shape
    ramp = [np.arange(math.prod(shape), dtype=np.float32).reshape(shape)]
    operands = [None if t is None else constant(t, "scales and sizes", infinite=True) for t in inputs[1:]]
    if len(operands) == 3 and operands[2] is not None and len(operands[2]) and operands[2][0] == importer.file.batch:
        operands[2] = np.array([1, *operands[2][1:]])  # sizes of a model that was exported for a fixed batch
    y = evaluate(importer.file, node, ramp + operands + [None] * (len(node.input) - 1 - len(operands)))[0]
    factors = [b // a for a, b in zip(shape, y.shape, strict=True)]
    want = ramp[0]
    for axis, factor in enumerate(factors):
        want = want.repeat(max(1, factor), axis=axis)
    if factors[:2] != [1, 1] or want.shape != y.shape or (want != y).any():
        raise ModelError(f"only whole factors of height and width are supported, not {shape} to {y.shape}")
    if max(factors) == 1:
        return [data]
    signal = len(shape) == 3
    data = image(importer, data)
    factors = (1, *factors[2:]) if signal else tuple(factors[2:])
    edge, chain = float_layer_end(importer, data) if importer.is_float else (data.edge, data.chain)
    importer.known(data)
    name = importer.new("upsample")
    importer.add(Upsample(name, edge, name, data.shape[2:], factors))
    size = tuple(n * f for n, f in zip(data.shape[2:], factors, strict=True))
    return [Data(name, spread_out(Window(size=size, kernel=(1, 1)), data.shape[1], signal), chain)]


@handles("Pad", role=Role.MOVE)
def pad(importer, node, inputs, attributes):
    """Import ONNX ``Pad`` with zeros around an image."""
    data = data_of(inputs[0])
    pads = attributes.get("pads") or attributes.get("paddings")
    pads = constant(inputs[1], "pads").tolist() if pads is None else list(pads)
    value = attributes.get("value", 0.0)
    if len(inputs) > 2 and inputs[2] is not None:
        value = float(constant(inputs[2], "value").reshape(()))
    rank = len(data.shape)
    if len(inputs) > 3 and inputs[3] is not None:
        axes = constant(inputs[3], "axes").tolist()
        given, pads = pads, [0] * 2 * rank
        for k, axis in enumerate(axes):
            pads[axis % rank], pads[rank + axis % rank] = given[k], given[len(axes) + k]
    mode = attributes.get("mode", "constant")
    if mode != "constant" or value != 0 or min(pads) < 0 or len(pads) != 2 * rank:
        raise ModelError(f"only zeros around the image are supported, not mode {mode}, value {value}, pads {pads}")
    if not any(pads):
        return [data]
    if rank not in (3, 4) or any(pads[:2]) or any(pads[rank : rank + 2]):
        raise ModelError(f"only height and width can be padded, not data of shape {data.shape} by {pads}")
    signal = rank == 3
    data = image(importer, data)
    before, after = pads[2:rank], pads[rank + 2 :]
    border = (0, before[0], 0, after[0]) if signal else (*before, *after)
    window = Window(size=data.shape[2:], kernel=(1, 1), pads=border)
    if importer.is_float:
        edge, chain = float_layer_end(importer, data)
        if (ew.apply(chain, np.zeros((1, importer.channels(data)))) != 0).any():
            raise ModelError("in a float model nothing may be added in front of padding")
        code = 0.0
    else:
        edge, scale, zero, code = with_zero_pad(importer, data, window)
        chain = (ew.Dequantize(_single(scale), _single(zero)),)
    edge = add_windows(importer, edge, window, pad=code)
    return [Data(edge, spread_out(window, data.shape[1], signal), chain)]
