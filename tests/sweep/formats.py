"""Formats and weights of the sweep: what a layer of each kind can have, drawn at random."""

import numpy as np

from fewbit.golden.numbers.coding import Coding
from fewbit.golden.numbers.formats import Bipolar, Levels, Signed, Ternary, Unsigned

__all__ = ["coding_of", "draw_activations", "draw_weights", "format_of_weights"]

BIPOLAR, TERNARY = Bipolar(), Ternary()
# Levels of a basis of two, of a basis of three whose codes are not the signs' bits, and of no basis.
LEVELS = (
    Levels((-18, -8, 8, 18), (5, 13)),
    Levels((-20, -10, -8, -2, 2, 8, 10, 20), (5, 9, 6)),
    Levels((-4, 0, 1, 2, 8)),
)
# Of the methods whose weights are codes: LQ-Nets, DoReFa, TTQ, clusters a neuron, one codebook for all, powers of two.
CODINGS = {
    "decode": ("codebook", "dorefa", "power"), "shift": ("power",),
    "planes": ("lq2", "lq3", "dorefa", "ttq", "cluster", "codebook", "power"),
}  # fmt: skip


def draw_activations(rng, kind):
    """A format of activations that a layer of this kind takes."""
    if kind == "dsp":
        bits = int(rng.integers(2, 9))
        return [Unsigned(bits), Signed(bits), Signed(bits, narrow=True)][rng.integers(3)]
    if rng.random() < 0.25:
        return [BIPOLAR, TERNARY][rng.integers(2)]
    if rng.random() < 0.15 and kind not in ("sums", "constant"):
        return LEVELS[rng.integers(len(LEVELS))]
    bits = int(rng.choice([1, 2, 3, 4, 5, 6, 8], p=[0.1, 0.25, 0.15, 0.2, 0.1, 0.05, 0.15]))
    return _integers(rng, bits)


def format_of_weights(rng, kind):
    """A format of plain integer weights that a layer of this kind takes."""
    if kind == "dsp":
        return _integers(rng, int(rng.integers(2, 9)))
    if rng.random() < 0.4:
        return [BIPOLAR, TERNARY][rng.integers(2)]
    return _integers(rng, int(rng.choice([1, 2, 3, 4, 5, 8], p=[0.1, 0.25, 0.2, 0.2, 0.1, 0.15])))


def _integers(rng, bits):
    kinds = [Unsigned(bits), Signed(bits), *([Signed(bits, narrow=True)] if bits > 1 else [])]
    return kinds[rng.integers(len(kinds))]


def draw_weights(rng, fmt, shape):
    """Integers of ``fmt``, its ends among them, so that it is the smallest format that holds them."""
    weights = rng.choice(fmt.values, shape)
    weights.flat[rng.permutation(weights.size)[:2]] = [fmt.hi, fmt.lo][: weights.size]
    return weights.astype(np.int64)


def _signs(count):
    patterns = np.arange(1 << count)
    return np.array([2 * (patterns >> i & 1) - 1 for i in range(count)])


def coding_of(method, rng, n, k):
    """A `golden.numbers.coding.Coding` of random weights in the style of a method."""
    size, count = (n, k), {"lq2": 2, "lq3": 3}.get(method)
    if count:
        return Coding(rng.integers(0, 1 << count, size), _signs(count), rng.integers(1, 30, (n, count)))
    if method == "dorefa":
        return Coding(rng.integers(0, 8, size), _signs(3), np.tile([1, 2, 4], (n, 1)))
    if method == "ttq":
        coefficients = rng.integers(1, 30, (n, 2)) * [1, -1]
        return Coding(rng.integers(0, 3, size), np.array([[0, 1, 0], [0, 0, 1]]), coefficients)
    if method == "cluster":
        return Coding(rng.integers(0, 4, size), np.eye(4, dtype=np.int64), rng.integers(-30, 31, (n, 4)))
    if method == "codebook":
        return Coding(rng.integers(0, 8, size), np.eye(8, dtype=np.int64), np.tile(rng.integers(-60, 61, 8), (n, 1)))
    table = np.array([-8, -2, -1, 0, 1, 4, 16])
    return Coding(rng.integers(0, 7, size), np.eye(7, dtype=np.int64), np.tile(table, (n, 1)))
