"""LUTs and memory of a folded layer, by formulas: quick enough to search with, and close to what synthesis says."""

from dataclasses import dataclass

from golden.formats import Float32
from hw.products import product_terms
from hw.slidingplan import columns_of

__all__ = ["Cost", "cost_of_layer", "total"]

_TERM = 1.7  # LUTs of a bit of a heap, its share of the accumulator left out (Yosys, before two are packed into one)
_FLOAT = 560  # of a float32 multiplier with two DSPs, and its share of the additions
_ROM = 64  # bits of a LUT as memory
_BLOCK = 4096  # bits from which on a memory becomes block RAM
_BLOCK_BITS = 18 * 1024
_WIDEST = 36  # bits of a word of a block RAM of 18 Kbit


@dataclass(frozen=True)
class Cost:
    """LUTs, block RAMs of 18 Kbit, DSPs."""

    lut: float = 0
    bram18: int = 0
    dsp: int = 0

    def __add__(self, other):
        return Cost(self.lut + other.lut, self.bram18 + other.bram18, self.dsp + other.dsp)


def total(costs):
    """The sum of all."""
    return sum(costs, Cost())


def memory(width, depth):
    """A memory of ``depth`` words: LUTs, or block RAM where it is large."""
    if depth <= 1 or width == 0:
        return Cost()
    if depth * width < _BLOCK or depth < 32:
        return Cost(lut=width * -(-depth // _ROM) * 1.1)
    words = max(512, 1 << (depth - 1).bit_length())
    return Cost(bram18=max(-(-width // _WIDEST) * -(-depth // 512), 1) if words == 512 else
                -(-width * words // _BLOCK_BITS))  # fmt: skip


def cost_of_layer(layer, pe, simd, dsp=None):
    """The `Cost` of a `flow.folding.Layer` with its window, weights and activation; products in DSPs with ``dsp``."""
    parallel, abreast = layer.parallel(pe), layer.abreast(pe)
    steps = -(-layer.inputs // simd)
    rows = -(-layer.neurons * parallel * abreast // pe)
    vectors = layer.groups // parallel
    x, w = layer.x_format, layer.weight_format
    found = [_window(layer, simd, parallel, abreast)]
    if rows > 1:  # vectors are replayed
        found.append(memory(simd * parallel * x.bits, 2 * steps))
    weights = memory(simd * w.bits, steps * rows * vectors)
    found += [Cost(pe * weights.lut, pe * weights.bram18)]
    if isinstance(x, Float32):
        return total(found) + Cost(pe * simd * _FLOAT + pe * 450, dsp=2 * pe * simd)
    terms = len(product_terms(x, w).exponents)
    bits = layer.accumulator_bits
    lanes = next(n for n in range(1, pe + 1) if pe % n == 0 and pe // n <= steps)
    if dsp:
        found.append(Cost(dsp=layer.dsps(pe, simd)))
        terms = layer.packing.field + 1
    arithmetic = pe * (_TERM * terms * simd + 0.5 * bits + (bits if steps > 1 else 0))
    levels = min(layer.levels, 16)
    activation = lanes * bits * (levels - 2) * 0.8 if levels > 2 else 0
    thresholds = memory(lanes * bits * (levels - 1), rows * vectors * pe // lanes)
    return total(found) + Cost(arithmetic + activation + 60) + thresholds


def _window(layer, simd, parallel, abreast):
    if layer.window is None:
        return Cost()
    window, x = layer.window.window, layer.x_format
    lanes = layer.channels * parallel if parallel > 1 else min(simd, layer.channels)
    height, width = window.size
    words = min(height, window.span[0] + 1) * width * (layer.channels * layer.groups // lanes)
    if simd > layer.channels or abreast > 1:  # a memory a row
        taps, columns = simd // layer.channels, columns_of(window, abreast)
        return Cost(150 + taps * lanes * x.bits * (1 + abreast)) + Cost(
            lanes * columns * x.bits * (window.span[0] + 1) * -(-width // columns // _ROM) * 1.5
        )
    return Cost(150) + memory(lanes * x.bits, words)
