"""Folding: how many neurons (PE) by how many inputs (SIMD) each layer computes in a cycle."""

import json
from pathlib import Path

from golden.formats import Float32
from golden.network import Dense, FloatDense

__all__ = ["FoldingError", "default_folding", "fold", "layer_sizes", "read_folding", "write_folding"]

# Bit products a cycle that a design gets by default: a few thousand LUTs in any format.
DEFAULT_BIT_PRODUCTS = 1024
_FLOAT_BIT_PRODUCTS = 24 * 24  # a float32 product counts as its mantissas'


class FoldingError(ValueError):
    """A folding that does not fit the network; the message says which values do."""


def layer_sizes(network):
    """``{name: (neurons, inputs, bit products of one multiplication)}`` of the network's dense layers."""
    edges = network.edges()
    sizes = {}
    for node in network.nodes:
        if isinstance(node, Dense | FloatDense):
            x = edges[node.x].format
            bits = _FLOAT_BIT_PRODUCTS if isinstance(x, Float32) else x.bits * node.weight_format.bits
            sizes[node.name] = (*node.weights.shape, bits)
    return sizes


def _candidates(size):
    """Every degree of parallelism that is not slower for being smaller."""
    return sorted({-(-size // cycles) for cycles in range(1, size + 1)})


def fold(network, cycles):
    """The cheapest folding in which no layer takes more than ``cycles``, as ``{name: (pe, simd)}``.

    The cost is that of products, accumulators and stream lanes, and of a PE or SIMD that does not divide the layer. A
    SIMD is always the smallest that meets the cycles with its PE.
    """
    result = {}
    for name, (neurons, inputs, bits) in layer_sizes(network).items():
        best = None
        for pe in _candidates(neurons):
            rows = -(-neurons // pe)
            if rows > cycles:
                continue
            steps = min(inputs, max(1, cycles // rows))
            simd = -(-inputs // steps)
            uneven = (inputs % simd > 0) * simd * 4 + (neurons % pe > 0) * pe * 4
            cost = pe * simd * bits * 1.3 + pe * 20 + simd * 4 + uneven
            if best is None or cost < best[0]:
                best = cost, pe, simd
        if best is None:
            raise FoldingError(f"layer {name} cannot be folded to {cycles} cycles")
        result[name] = best[1:]
    return result


def default_folding(network):
    """The fastest folding, in powers of two of cycles, within `DEFAULT_BIT_PRODUCTS` a cycle."""
    total = sum(n * k * bits for n, k, bits in layer_sizes(network).values())
    cycles = 1
    while total > cycles * DEFAULT_BIT_PRODUCTS:
        cycles *= 2
    return fold(network, cycles)


def write_folding(folding):
    """The folding as JSON text, for a person to edit."""
    return json.dumps({"layers": {n: {"pe": pe, "simd": simd} for n, (pe, simd) in folding.items()}}, indent=2) + "\n"


def read_folding(path, network):
    """The folding in the file at ``path``; `FoldingError` if it does not fit the network."""
    path = Path(path)
    try:
        layers = json.loads(path.read_text())["layers"]
        given = {name: (layer["pe"], layer["simd"]) for name, layer in layers.items()}
    except OSError as error:
        raise FoldingError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FoldingError(f'{path}: must be JSON like {{"layers": {{"dense0": {{"pe": 4, "simd": 8}}}}}}') from None
    sizes = layer_sizes(network)
    for name in sorted(sizes.keys() ^ given.keys()):
        problem = "is missing" if name in sizes else "is not in the model"
        raise FoldingError(f"{path}: layer {name!r} {problem}; the model has {', '.join(sizes)}")
    for name, (pe, simd) in given.items():
        neurons, inputs, _ = sizes[name]
        for what, value, most in ("pe", pe, neurons), ("simd", simd, inputs):
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
                raise FoldingError(f"{path}: {name}: {what} must be a whole number from 1 to {most}, not {value!r}")
    return given
