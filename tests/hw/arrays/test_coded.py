# amaranth: UnusedElaboratable=no
"""Processing elements whose weights are codes, of one part or several, cycle by cycle."""

import numpy as np
import pytest

from fewbit.golden.numbers.formats import Bipolar, Signed, Unsigned
from fewbit.hw.arrays.coded_plan import CodedPEPlan, HeapPart
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.heap.pe_plans import IntegerPEPlan
from fewbit.hw.shapes import IntShape
from tests.support.pe_bench import bit_planes, check_pe
from tests.support.stream_bench import assert_varied
from tests.support.targets import EXPRESSIONS, PORTABLE, name_of

B, U, S = Bipolar(), Unsigned, Signed
CYCLES = 80


def part(x_format, w_format, x_bits, weights):
    """A `HeapPart` whose weight is ``weights[code]``."""
    return HeapPart(x_format, w_format, x_bits, tuple(w_format.encode(np.array(weights)).tolist()))


# Bits of a lane's code and of a weight's, the parts, and whether a register follows what decodes the weights.
CODINGS = {
    "a codebook": (2, 3, [part(U(2), S(4), (0, 1), [-8, -3, -1, 0, 1, 2, 5, 7])], True),
    "the code itself": (2, 2, [part(U(2), U(2), (0, 1), [0, 1, 2, 3])], False),
    "planes that are bits of the code": (1, 2, [part(B, B, (0,), [-1, 1, -1, 1]), part(B, B, (0,), [-1, -1, 1, 1])],
                                         False),
    "clusters": (2, 2, [part(U(2), U(1), (0, 1), np.eye(4, dtype=int)[k]) for k in range(4)], True),
    "planes of bits of x": (2, 1, [part(B, B, (0,), [-1, 1]), part(B, B, (1,), [-1, 1])], False),
    "parts of unlike latency": (4, 4, [part(U(4), S(4), (0, 1, 2, 3), range(-8, 8)), part(B, B, (3,), [-1, 1] * 8)],
                                True),
}  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize("target", [PORTABLE, EXPRESSIONS], ids=name_of)
@pytest.mark.parametrize("simd", [1, 6])
@pytest.mark.parametrize("name", CODINGS)
def test_coded_weights(name, simd, target):
    x_bits, w_bits, parts, registered = CODINGS[name]
    rng = np.random.default_rng([simd, x_bits, w_bits])
    x, w = (rng.integers(0, 1 << bits, (CYCLES, simd)) for bits in (x_bits, w_bits))
    heaps = []
    for p in parts:
        own = sum((x >> bit & 1) << k for k, bit in enumerate(p.x_bits))
        values = p.x_format.decode(own), p.w_format.decode(np.array(p.w_codes)[w])
        heaps.append(product_terms(p.x_format, p.w_format).heap(*values).sum(axis=1))
    assert_varied(sum(heaps))
    width = 12

    def unit_of(x_format, w_format, acc_shape):
        return IntegerPEPlan(x_format=x_format, w_format=w_format, simd=simd, acc_shape=acc_shape, target=target)

    plan = CodedPEPlan(parts=tuple(parts), unit_of=unit_of, x_bits=x_bits, w_bits=w_bits, simd=simd,
                  acc_shape=IntShape(width * len(parts)))  # fmt: skip
    alone = [unit_of(p.x_format, p.w_format, IntShape(width)).latency for p in parts]
    assert max(alone) + registered == plan.latency
    assert name != "parts of unlike latency" or len(set(alone)) == 2
    bits = {"x": [bit_planes(c, x_bits) for c in x], "w": [bit_planes(c, w_bits) for c in w]}
    check_pe(plan, bits, np.stack(heaps, axis=1), width=width, with_init=len(parts) == 1)


def test_parts_share_the_accumulator():
    *_, parts, _ = CODINGS["clusters"]
    with pytest.raises(ValueError, match="^The accumulator's 10 bits must be shared by 4 parts$"):
        CodedPEPlan(parts=tuple(parts), unit_of=None, x_bits=2, w_bits=2, simd=1, acc_shape=IntShape(10))
