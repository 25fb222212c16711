"""Import of matrix products of the float32 baseline: affine operations fold into the weights, a ReLU into the layer."""

from dataclasses import replace

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.dense import FloatDense
from fewbit.golden.network.joins import FloatAdd
from fewbit.golden.network.spatial import Windows
from fewbit.golden.network.window import Window
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.elementwise import Chain

from .growing import GrowingNetwork
from .tensors import Constant, Data

__all__ = ["float_average", "float_convolution", "float_dense", "float_finished", "float_layer_end", "settled"]

_UNSUPPORTED = (
    "between two products of a float model only affine operations and one Relu are supported; fewbit quantize makes a "
    "model of few bits of it, in which any function is thresholds"
)


def float_dense(importer: GrowingNetwork, data: Data, b: Constant, alpha: float) -> tuple[str, Chain]:
    """Append the product of data and weights ``alpha * b``, (K, N), and return its edge and chain.

    What is affine in front of it folds into its weights.

    Raises
    ------
    ModelError
        If something else stands in front of it, or a weight is not finite in float32.
    """
    weights = b.array.astype(np.float64).T * alpha
    edge, scale, shift = _affine_before(importer, data)
    matrix = np.zeros((len(weights), importer.channels(data)))
    matrix[:, data.index.reshape(-1, weights.shape[1])[0]] = weights
    return _layer(importer, edge, matrix * scale, matrix @ shift, 1), ()


def float_convolution(
    importer: GrowingNetwork, data: Data, b: Constant, window: Window, groups: int
) -> tuple[str, Chain]:
    """Append a convolution of weights (N, K) like the product of `float_dense`, and return its edge and chain.

    Raises
    ------
    ModelError
        As `float_dense`, or if it pads behind something that is added.
    """
    edge, scale, shift = _affine_before(importer, data)
    if any(window.pads) and (shift != 0).any():
        raise ModelError("in a float model nothing may be added in front of a convolution that pads")
    weights = b.array.astype(np.float64)
    scale, shift = (_of_taps(v, window, groups, len(weights)) for v in (scale, shift))
    edge = _windows(importer, edge, window, groups)
    return _layer(importer, edge, weights * scale, (weights * shift).sum(axis=1), groups), ()


def float_average(importer: GrowingNetwork, data: Data, window: Window, divisors: np.ndarray) -> tuple[str, Chain]:
    """Append an average, and return its edge and chain.

    It is a product of each channel by one over the number of values, which must be the same for every pixel.

    Raises
    ------
    ModelError
        As `float_convolution`, or if ``divisors`` differ.
    """
    if (divisors != divisors.flat[0]).any():
        raise ModelError("in a float model an average must be over as many values everywhere (count_include_pad)")
    channels = data.shape[1]
    b = np.full((channels, window.taps_count), 1 / divisors.flat[0])
    edge, scale, shift = _affine_before(importer, data)
    if any(window.pads) and (shift != 0).any():
        raise ModelError("in a float model nothing may be added in front of an average that pads")
    edge = _windows(importer, edge, window, channels)
    return _layer(importer, edge, b * scale[:, None], (b * shift[:, None]).sum(axis=1), channels), ()


def _windows(importer: GrowingNetwork, edge: str, window: Window, groups: int) -> str:
    if window.kernel == (1, 1) and window.stride == (1, 1) and not any(window.pads):
        return edge
    name = importer.new("windows")
    return importer.add(Windows(name, edge, name, window, 0.0, groups))


def _of_taps(values: np.ndarray, window: Window, groups: int, neurons: int) -> np.ndarray:
    """Return one number a channel as (N, K): what each neuron reads of it."""
    rows = np.tile(np.reshape(values, (groups, 1, -1)), (1, window.taps_count, 1)).reshape(groups, -1)
    return np.repeat(rows, neurons // groups, axis=0)


def _layer(importer: GrowingNetwork, edge: str, weights: np.ndarray, bias: np.ndarray, groups: int) -> str:
    name = importer.new("dense")
    return importer.add(FloatDense(name, edge, name, _finite(weights), _finite(bias), relu=False, groups=groups))


def _affine_before(importer: GrowingNetwork, data: Data) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the edge in front of a product, and the scale and shift by channel of what stands between them."""
    edge, chain = float_layer_end(importer, data)
    coefficients = ew.affine(chain)
    if coefficients is None:
        raise ModelError(_UNSUPPORTED)
    scale, shift = (np.broadcast_to(c, importer.channels(data)) for c in coefficients)
    return edge, scale, shift


def float_layer_end(importer: GrowingNetwork, data: Data) -> tuple[str, Chain]:
    """Give the layer that made ``data`` what is affine and the ReLU behind it; return the edge and what is left.

    A ReLU behind what is no layer (a pool, branches side by side) becomes a layer of one weight a channel.

    Raises
    ------
    ModelError
        If the layer is read both in front of its ReLU and behind it.
    """
    if importer.input_on(data.edge) and not _relu_of(data.chain):
        return data.edge, data.chain
    known = importer.folded.setdefault(data.edge, {})  # what was given for each chain that stood behind the edge
    if data.chain not in known:
        if any(edge == data.edge and left != chain for chain, (edge, left) in known.items()):
            raise ModelError("in a float model a layer's output may be read behind its ReLU only, not in front as well")
        known[data.chain] = _fold(importer, data, alone=not known and not _read_before(importer, data))
    return known[data.chain]


def settled(importer: GrowingNetwork, data: Data) -> Data:
    """Return data of any model as it must be before its edge is looked at in another way, or left.

    Its integers are known; in a float model, its layer has what `float_layer_end` gives it.

    Raises
    ------
    ModelError
        If its integers are not known, or as `float_layer_end`.
    """
    importer.known(data)
    if not importer.is_float:
        return data
    edge, chain = float_layer_end(importer, data)
    return replace(data, edge=edge, chain=chain)


def float_finished(importer: GrowingNetwork, data: Data) -> str:
    """Return the edge behind which nothing is left of the data's chain.

    Raises
    ------
    ModelError
        If that takes more than layers can do.
    """
    edge, chain = float_layer_end(importer, data)
    return _pointwise(importer, edge, chain, relu=False) if chain else edge


def _read_before(importer: GrowingNetwork, data: Data) -> bool:
    """Say whether the model also reads what stands in front of the chain's end."""
    return any(
        isinstance(t, Data) and t.edge == data.edge and len(t.chain) < len(data.chain) and importer.readers[name] > 1
        for name, t in importer.tensors.items()
    )


def _relu_of(chain: Chain) -> int:
    """Return how many operations stand in front of the ReLU, plus one; 0 if there is none."""
    return next((i + 1 for i, op in enumerate(chain) if getattr(op, "name", "") == "Relu"), 0)


def _fold(importer: GrowingNetwork, data: Data, alone: bool) -> tuple[str, Chain]:
    """Put the chain into the layer that made the data if nobody else reads that (``alone``), or into a new one.

    Return the edge and what is left of the chain.
    """
    chain, nodes = data.chain, importer.result.nodes
    relu = _relu_of(chain)
    end = relu - 1 if relu else len(chain)
    coefficients = ew.affine(chain[:end])
    if coefficients is None or not chain:
        return data.edge, chain
    at = next((i for i, node in enumerate(nodes) if node.y == data.edge), None)
    made = nodes[at] if at is not None else None
    if at is not None and isinstance(made, FloatAdd) and relu == 1 and alone:
        nodes[at] = replace(made, relu=True)
    elif at is not None and isinstance(made, FloatDense) and not made.relu and alone:
        scale, shift = (np.broadcast_to(c, len(made.weights)) for c in coefficients)
        weights, bias = _finite(made.weights * scale[:, None]), _finite(made.bias * scale + shift)
        nodes[at] = replace(made, weights=weights, bias=bias, relu=bool(relu))
    elif relu:
        return _pointwise(importer, data.edge, chain[:end], relu=True), chain[relu:]
    else:
        return data.edge, chain
    return data.edge, chain[end + bool(relu) :]


def _pointwise(importer: GrowingNetwork, edge: str, chain: Chain, *, relu: bool) -> str:
    """Append a layer that scales and shifts every channel by itself; return its edge."""
    coefficients = ew.affine(chain)
    if coefficients is None:
        raise ModelError(_UNSUPPORTED)
    scale, shift = (np.broadcast_to(c, importer.edge(edge).channels) for c in coefficients)
    name, weights = importer.new("dense"), _finite(scale[:, None])
    return importer.add(FloatDense(name, edge, name, weights, _finite(shift), relu=relu, groups=len(weights)))


def _finite(values: np.ndarray) -> np.ndarray:
    """Return weights or biases in float32, in which they must be finite."""
    with np.errstate(over="ignore"):
        values = np.asarray(values).astype(np.float32)
    if not np.isfinite(values).all():
        raise ModelError("its weights or biases are not finite in float32")
    return values
