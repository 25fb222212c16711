import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from fewbit.golden.numbers.formats import Bipolar, Float32, Signed, Ternary, Unsigned
from fewbit.hw.heap.partial_products import PlaneTerms, SelectTerms, TernaryTerms, product_terms

FORMATS = [
    Bipolar(),
    Ternary(),
    *(Unsigned(n) for n in (1, 2, 3, 4, 8)),
    *(Signed(n) for n in (1, 2, 3, 4, 8, 16)),
    *(Signed(n, narrow=True) for n in (3, 4, 8)),
]
ALL = [
    Bipolar(),
    *(Unsigned(n) for n in range(1, 9)),
    *(Signed(n) for n in range(1, 17)),
    *(Signed(n, narrow=True) for n in range(2, 17)),
]


def sample(fmt, limit=300):
    """All values of ``fmt``, or both ends and a seeded choice of the rest."""
    if fmt.levels <= limit:
        return fmt.values
    inner = np.random.default_rng(fmt.bits).integers(fmt.lo, fmt.hi, size=limit, endpoint=True)
    return np.unique(np.concatenate([[fmt.lo, fmt.lo + 1, 0, 1, fmt.hi - 1, fmt.hi], inner]))


def planes(fmt, values):
    codes = fmt.encode(values)
    return [(codes >> i & 1).astype(bool) for i in range(fmt.bits)]


def heap_of(terms, x, w):
    """The sum of the terms, evaluated bit by bit: elementwise over values ``x`` and ``w``."""
    bits = terms.terms(planes(terms.x_format, x), planes(terms.w_format, w))
    return sum(bit.astype(np.int64) << exponent for bit, exponent in bits)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("x_format", ALL, ids=str)
def test_identity(x_format):
    """x * w == scale * heap + offset(w), for every pair of formats; heap and bounds as promised."""
    for w_format in ALL:
        terms = product_terms(x_format, w_format)
        x, w = np.meshgrid(sample(x_format, 150), sample(w_format, 150), indexing="ij")
        heap = heap_of(terms, x.ravel(), w.ravel()).reshape(x.shape)
        assert (x * w == terms.scale * heap + terms.offset(w)).all(), str(w_format)
        assert (heap == terms.heap(x, w)).all()
        ends = terms.heap(x_format.lo, w[0]), terms.heap(x_format.hi, w[0])
        lo, hi = np.minimum(*ends), np.maximum(*ends)
        assert (lo == heap.min(axis=0)).all() and (hi == heap.max(axis=0)).all() and lo.min() >= 0
        assert terms.offset(w).dtype == np.int64
        assert hi.max() <= sum(1 << e for e in terms.exponents)


@pytest.mark.parametrize("x_format", ALL, ids=str)
def test_pad(x_format):
    for w_format in ALL:
        terms = product_terms(x_format, w_format)
        x, w = x_format.decode([0]), w_format.decode([terms.pad_weight])
        assert w[0] in w_format.values  # of narrow formats, code 0 and 1 are there too
        code_planes = [np.array([False])] * x_format.bits, planes(w_format, w)
        heap = sum(bit.astype(np.int64) << e for bit, e in terms.terms(*code_planes))
        assert heap == terms.pad_heap
        assert x * w == terms.scale * terms.pad_heap + terms.offset(w)


def test_shapes():
    """Which bits the usual pairs make: the cost rests on it."""

    def shape(x_format, w_format):
        terms = product_terms(x_format, w_format)
        return type(terms), terms.scale, terms.exponents, terms.fan_in, terms.pad_weight, terms.pad_heap

    assert shape(Bipolar(), Bipolar()) == (SelectTerms, 2, (0,), 2, 1, 0)
    assert shape(Bipolar(), Ternary()) == (SelectTerms, 2, (0,), 3, 0, 0)
    assert shape(Ternary(), Ternary()) == (TernaryTerms, 1, (0, 1), 4, 0, 1)
    assert shape(Unsigned(3), Bipolar()) == (SelectTerms, 1, (0, 1, 2), 2, 1, 0)
    assert shape(Bipolar(), Unsigned(2)) == (PlaneTerms, 2, (0, 1), 2, 0, 0)
    assert shape(Unsigned(2), Signed(2)) == (PlaneTerms, 1, (0, 1, 1, 2), 2, 0, 6)
    assert product_terms(Bipolar(), Bipolar()).offset([-1, 1]).tolist() == [-1, -1]
    assert product_terms(Bipolar(), Ternary()).offset([-1, 0, 1]).tolist() == [-1, 0, -1]


class Lane(wiring.Component):
    """The terms of one lane as values: ``o`` is their sum."""

    def __init__(self, terms):
        self.terms = terms
        super().__init__({"x": In(terms.x_format.bits), "w": In(terms.w_format.bits), "o": Out(16)})

    def elaborate(self, platform):
        m = Module()
        bits = [(Signal(name=f"t{n}"), *term) for n, term in enumerate(self.terms.terms(self.x, self.w))]
        m.d.comb += [signal.eq(bit) for signal, bit, _ in bits]
        assert all(len(bit) == 1 for _, bit, _ in bits)
        m.d.comb += self.o.eq(sum(Cat(signal) << exponent for signal, _, exponent in bits))
        return m


@pytest.mark.parametrize("x_format", FORMATS[:6], ids=str)
@pytest.mark.parametrize("w_format", [Bipolar(), Ternary(), Unsigned(1), Unsigned(3), Signed(1), Signed(3)], ids=str)
def test_amaranth_values(x_format, w_format):
    """The same terms over Amaranth values, every pair of values."""
    terms = product_terms(x_format, w_format)
    dut = Lane(terms)
    results = []

    async def bench(ctx):
        for x in x_format.values:
            for w in w_format.values:
                ctx.set(dut.x, int(x_format.encode(x)))
                ctx.set(dut.w, int(w_format.encode(w)))
                await ctx.delay(1e-9)
                results.append((x * w, terms.scale * ctx.get(dut.o) + terms.offset(w)))

    sim = Simulator(dut)
    sim.add_testbench(bench)
    sim.run()
    assert len(results) == x_format.levels * w_format.levels
    assert all(expected == got for expected, got in results)


@pytest.mark.parametrize(
    "formats, message",
    [
        ((Float32(), Bipolar()), "Activation format must be Bipolar, Unsigned or Signed, not Float32"),
        ((Bipolar(), 3), "Weight format must be Bipolar, Unsigned or Signed, not 3"),
    ],
)
def test_errors(formats, message):
    with pytest.raises(ValueError, match=message):
        product_terms(*formats)
