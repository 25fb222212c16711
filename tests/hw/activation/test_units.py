# amaranth: UnusedElaboratable=no
"""Each activation against a few lines of NumPy, with gaps, and its latency to the cycle."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.hdl import signed, unsigned

from fewbit.flow.eda.synth import synthesize
from fewbit.golden.numbers import float32
from fewbit.hw.activation.affine_plan import AffinePlan
from fewbit.hw.activation.plans import (
    CodeTablePlan,
    FloatReluPlan,
    SearchPlan,
    SignPlan,
    StoredTablePlan,
    WholePlan,
)
from fewbit.hw.memory.placement import LARGE
from fewbit.hw.targets.named import target_named
from tests.support.activation_bench import check_activation
from tests.support.stream_bench import assert_varied

SHAPES = [(1, 1), (1, 5), (4, 3)]  # lanes, beats
VECTORS = 20


@pytest.mark.sampled(3)
@pytest.mark.parametrize("depth, kind", [
    (1, "rising"), (2, "rising"), (3, "rising"), (4, "signed"), (2, "signed"), (8, "rising"), (1, "codes"),
    (2, "codes"), (3, "codes"), (5, "codes"),
])  # fmt: skip
@pytest.mark.parametrize("lanes, beats", SHAPES)
def test_search(lanes, beats, depth, kind):
    rng = np.random.default_rng(depth * 100 + lanes * 10 + beats)
    neurons, size, bits = lanes * beats, 2**depth, max(5, depth + 2)
    # Equal thresholds skip an index; one at zero or at 2**bits is always or never reached.
    thresholds = np.sort(rng.integers(0, 2**bits + 1, (neurons, size - 1)), axis=1)
    if depth == 1:
        thresholds = rng.integers(2**bits // 3, 2 * 2**bits // 3, (neurons, 1))
    accs = rng.integers(0, 2**bits, (VECTORS, neurons))
    near = thresholds[np.arange(neurons), rng.integers(0, size - 1, accs.shape)] - rng.integers(0, 2, accs.shape)
    accs = np.where(rng.random(accs.shape) < 0.5, near.clip(0, 2**bits - 1), accs)
    codes = rng.integers(0, 8, (neurons, size)) if kind == "codes" else None
    if kind == "codes" and depth == 1:
        codes = np.stack([rng.integers(0, 4, neurons), rng.integers(4, 8, neurons)], axis=1)
    xor = size // 2 if kind == "signed" else 0
    index = (thresholds <= accs[:, :, None]).sum(axis=2)
    want = index ^ xor if codes is None else codes[np.arange(neurons), index]
    assert_varied(index)
    out_bits = depth if codes is None else 3
    plan = SearchPlan(
        acc_shape=unsigned(bits), bits=out_bits, lanes=lanes, beats=beats, thresholds=thresholds.tolist(), xor=xor,
        codes=None if codes is None else codes.tolist(),
    )  # fmt: skip
    # A level whose thresholds are many is read from block RAM.
    sizes = [int(thresholds.max()).bit_length() * beats * 2**level for level in range(depth)]
    latency = 2 if depth < 3 else sum(2 + (size >= LARGE) for size in sizes)
    latency += codes is not None
    check_activation(plan, accs, want, latency=latency, lanes=lanes, bits=bits, out_bits=out_bits)


@pytest.mark.parametrize("flipped", ["none", "some", "all"])
@pytest.mark.parametrize("lanes, beats", SHAPES)
def test_sign(lanes, beats, flipped):
    rng = np.random.default_rng(lanes + 10 * beats)
    neurons = lanes * beats
    accs = rng.integers(-3, 4, (VECTORS, neurons))
    flips = {"none": np.zeros(neurons, int), "some": 1 - np.arange(neurons) % 2, "all": np.ones(neurons, int)}[flipped]
    want = (accs >= 0) ^ flips
    assert_varied(want)
    plan = SignPlan(acc_shape=signed(3), lanes=lanes, beats=beats, flips=flips.tolist())
    check_activation(plan, accs, want, latency=int(flipped != "none"), lanes=lanes, bits=3, out_bits=1)


def test_sign_of_accumulators_that_are_never_negative():
    accs = np.arange(8).reshape(4, 2)
    plan = SignPlan(acc_shape=unsigned(3), lanes=2, beats=1, flips=[0, 1])
    check_activation(plan, accs, np.tile([1, 0], (4, 1)), latency=1, lanes=2, bits=3, out_bits=1)


@pytest.mark.parametrize("scale, rests", [(1, "none"), (2, "none"), (2, "same"), (2, "differing")])
@pytest.mark.parametrize("lanes, beats", SHAPES[1:])
@pytest.mark.parametrize("acc_shape", [signed(5), unsigned(5)], ids=str)
def test_whole(acc_shape, lanes, beats, scale, rests):
    rng = np.random.default_rng(lanes + 10 * beats)
    neurons = lanes * beats
    rest = {"none": np.zeros(neurons, int), "same": np.ones(neurons, int), "differing": np.arange(neurons) % 2}[rests]
    accs = rng.integers(-16 if acc_shape.signed else 0, 16 if acc_shape.signed else 32, (VECTORS, neurons))
    want = scale * accs + rest
    assert_varied(want)
    plan = WholePlan(acc_shape=acc_shape, bits=7, lanes=lanes, beats=beats, scale=scale, rests=rest.tolist())
    check_activation(plan, accs, want & 127, latency=int(rests == "differing"), lanes=lanes, bits=5, out_bits=7)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("lanes, beats", SHAPES[1:])
@pytest.mark.parametrize("factors", ["ones", "positive", "mixed"])
@pytest.mark.parametrize("acc_shape, bits, limits", [
    (signed(9), 4, dict(shift=6, lo=-8, hi=7)), (unsigned(8), 4, dict(shift=6, lo=0, hi=15)),
    (unsigned(8), 4, dict(shift=5, lo=-7, hi=7)), (signed(9), 17, {}), (unsigned(8), 17, {}), (signed(6), 17, {}),
])  # fmt: skip
def test_affine(acc_shape, bits, limits, factors, lanes, beats):
    rng = np.random.default_rng(lanes + 10 * beats + acc_shape.width)
    neurons = lanes * beats
    low, high = {"ones": (1, 2), "positive": (1, 9), "mixed": (-8, 9)}[factors]
    multipliers = rng.integers(low, high, neurons)
    if factors != "ones":
        multipliers[0] = low if low != 1 else 8
    lowest = -(2 ** (acc_shape.width - 1)) if acc_shape.signed else 0
    accs = rng.integers(lowest, lowest + 2**acc_shape.width, (VECTORS, neurons))
    # The middle accumulator shall land in the middle of the codes, and the others around it.
    shift = limits.get("shift", 0)
    middle = sum(limits[k] for k in ("lo", "hi")) / 2 if limits else 0
    addends = np.rint(middle * 2**shift - multipliers * (lowest + 2 ** (acc_shape.width - 1))).astype(int)
    addends += rng.integers(0, 2 ** (shift + 1), neurons)
    want = (accs * multipliers + addends) >> shift
    if limits:
        want = want.clip(limits["lo"], limits["hi"])
    assert_varied(want)
    plan = AffinePlan(
        acc_shape=acc_shape, bits=bits, lanes=lanes, beats=beats, multipliers=multipliers.tolist(),
        addends=addends.tolist(), **limits,
    )  # fmt: skip
    latency = 2 + bool(limits) + (0 if factors == "ones" else 2)
    check_activation(
        plan, accs, want & (2**bits - 1), latency=latency, lanes=lanes, bits=acc_shape.width, out_bits=bits
    )


@pytest.mark.parametrize("acc_shape, bits, latency", [
    (unsigned(17), 16, 4), (unsigned(18), 21, 6), (signed(18), 12, 4), (signed(21), 20, 6), (unsigned(40), 21, 7),
    (signed(12), 36, 6),
])  # fmt: skip
@pytest.mark.parametrize("sign", [0, -1])
def test_affine_of_wide_operands(acc_shape, bits, latency, sign):
    """Products of more than a DSP block takes; ``latency`` without a sign of the multipliers."""
    rng = np.random.default_rng(acc_shape.width + bits)
    lowest = -(2 ** (acc_shape.width - 1)) if acc_shape.signed else 0
    accs = rng.integers(lowest, lowest + 2**acc_shape.width, (VECTORS, 6)).astype(object)
    accs[0], accs[1] = lowest, lowest + 2**acc_shape.width - 1
    multipliers = rng.integers(sign * 2**bits, 2**bits, 6).tolist()
    multipliers[0], multipliers[1] = 2**bits - 1, max(1, sign * -(2**bits - 1))
    if sign:
        multipliers[2] = 1 - 2**bits
    addends = rng.integers(0, 2**bits, 6).tolist()
    out_bits = acc_shape.width + bits + 2
    plan = AffinePlan(acc_shape=acc_shape, bits=out_bits, lanes=2, beats=3, multipliers=multipliers, addends=addends)
    want = accs * np.array(multipliers, dtype=object) + np.array(addends, dtype=object)
    want = np.array([[int(v) & (2**out_bits - 1) for v in row] for row in want], dtype=object)
    assert_varied(want)
    if not sign:
        assert latency == plan.latency
    check_activation(plan, accs, want, latency=plan.latency, lanes=2, bits=acc_shape.width, out_bits=out_bits)


# On the wider port of a DSP block a factor of 24 bits is whole, or one of 26; so is an accumulator.
@pytest.mark.parametrize("target, acc_shape, bits, dsps, latency", [
    ("xilinx", signed(18), 24, 1, 4), ("xilinx", signed(20), 24, 2, 5), ("xilinx", signed(25), 17, 1, 4),
    ("xilinx", unsigned(24), 30, 2, 5), ("xilinx", signed(28), 31, 4, 6), ("ultrascale", signed(27), 17, 1, 4),
    ("ultrascale", signed(34), 26, 2, 5), ("portable", signed(20), 24, 4, 6),
])  # fmt: skip
def test_the_wider_port_of_a_multiplier(target, acc_shape, bits, dsps, latency):
    rng = np.random.default_rng(bits)
    lowest = -(2 ** (acc_shape.width - 1)) if acc_shape.signed else 0
    accs = rng.integers(lowest, lowest + 2**acc_shape.width, (VECTORS, 4)).astype(object)
    accs[0], accs[1] = lowest, lowest + 2**acc_shape.width - 1
    multipliers = [2**bits - 1, 2 ** (bits - 1) + 1, *rng.integers(1, 2**bits, 2).tolist()]
    addends, out_bits = rng.integers(0, 2**bits, 4).tolist(), acc_shape.width + bits + 2
    family = target_named(target)
    if family.netlists:  # Amaranth's simulator has no models of primitives
        family = replace(family, as_expressions=True)
    plan = AffinePlan(
        target=family, acc_shape=acc_shape, bits=out_bits, lanes=1, beats=4, multipliers=multipliers, addends=addends
    )
    assert plan.dsps == dsps
    want = accs * np.array(multipliers, dtype=object) + np.array(addends, dtype=object)
    want = np.array([[int(v) & (2**out_bits - 1) for v in row] for row in want], dtype=object)
    check_activation(plan, accs, want, latency=latency, lanes=1, bits=acc_shape.width, out_bits=out_bits)


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("target, family, acc, bits", [
    ("xilinx", "xc7", 18, 24), ("xilinx", "xc7", 20, 24), ("xilinx", "xc7", 25, 17), ("xilinx", "xc7", 28, 24),
    ("xilinx", "xc7", 24, 30), ("xilinx", "xc7", 20, 18), ("ultrascale", "xcup", 27, 17),
    ("ultrascale", "xcup", 34, 26),
])  # fmt: skip
def test_synthesis_takes_as_many_dsps(scratch, target, family, acc, bits):
    plan = AffinePlan(
        target=target_named(target), acc_shape=signed(acc), bits=8, lanes=1, beats=2, lo=-128, hi=127, shift=bits,
        multipliers=[2**bits - 3, 2**bits - 5], addends=[1, 7],
    )  # fmt: skip
    (scratch / "affine.v").write_text(verilog.convert(plan.make(), name="affine", emit_src=False))
    assert synthesize(scratch / "affine.v", "affine", directory=scratch, family=family).dsp == plan.dsps


@pytest.mark.parametrize("relu", [False, True])
def test_float(relu):
    rng = np.random.default_rng(1)
    accs = float32.flush(rng.normal(size=(VECTORS, 6))).view(np.uint32).astype(np.int64)
    values = accs.astype(np.uint32).view(np.float32)
    want = (float32.relu(values) if relu else values).view(np.uint32)
    assert_varied(values > 0)
    plan = FloatReluPlan(lanes=2, beats=3, relu=relu)
    check_activation(plan, accs, want, latency=0, lanes=2, bits=32, out_bits=32)


@pytest.mark.parametrize("kind, change, message", [
    (SignPlan, {"lanes": 0}, "Lanes must be at least 1"),
    (SignPlan, {"beats": 0}, "Beats must be at least 1"),
    (SignPlan, {"flips": [0] * 5}, "Flips must be 6, one for each neuron, not 5"),
    (WholePlan, {"scale": 3}, "Scale must be 1 or 2"),
    (WholePlan, {"rests": [0]}, "Rests must be 6"),
    (SearchPlan, {"bits": 0}, "Bits must be at least 1"),
    (SearchPlan, {"thresholds": [[1, 2]] * 6}, r"must be 2\*\*n - 1 a neuron"),
    (SearchPlan, {"thresholds": [[1, 2, 3]] * 5 + [[1]]}, r"must be 2\*\*n - 1 a neuron"),
    (SearchPlan, {"thresholds": [[1]] * 4}, "Threshold rows must be 6"),
    (SearchPlan, {"thresholds": [[-1, 2, 3]] * 6}, "must not be negative"),
    (SearchPlan, {"acc_shape": signed(4)}, "must not be negative"),
    (SearchPlan, {"codes": [[0] * 3] * 6}, "Codes must be 4 a neuron"),
    (SearchPlan, {"codes": [[0] * 4] * 5}, "Code rows must be 6"),
    (AffinePlan, {"multipliers": [1] * 7}, "Multipliers must be 6"),
    (AffinePlan, {"addends": []}, "Addends must be 6"),
    (AffinePlan, {"shift": -1}, "Shift must not be negative"),
])  # fmt: skip
def test_parameters(kind, change, message):
    right = {"acc_shape": unsigned(4), "bits": 2, "lanes": 2, "beats": 3}
    right |= {
        SignPlan: {"flips": [0] * 6}, WholePlan: {"scale": 1, "rests": [0] * 6},
        SearchPlan: {"thresholds": [[1, 2, 3]] * 6},
        AffinePlan: {"multipliers": [1] * 6, "addends": [0] * 6},
    }[kind]  # fmt: skip
    if kind is SignPlan:
        del right["bits"]
    kind(**right)
    with pytest.raises(ValueError, match=message):
        kind(**right | change)


@pytest.mark.parametrize("lanes, beats", [(1, 1), (2, 3), (4, 1)])
def test_a_table(lanes, beats):
    rng = np.random.default_rng(lanes)
    words, codes = rng.integers(0, 8, 16), rng.integers(0, 16, (12, lanes * beats))
    assert_varied(words[codes])
    plan = CodeTablePlan(acc_shape=unsigned(4), bits=3, lanes=lanes, beats=beats, words=words.tolist())
    check_activation(plan, codes, words[codes], latency=1, lanes=lanes, bits=4, out_bits=3)


@pytest.mark.parametrize("lanes, beats", [(1, 2), (3, 1)])
@pytest.mark.parametrize("bits, latency", [(6, 1), (11, 2)], ids=["luts", "blocks"])
def test_a_stored_table(lanes, beats, bits, latency):
    """In LUTs, and in block RAM, which takes a cycle more."""
    rng = np.random.default_rng(lanes)
    words, codes = rng.integers(0, 1 << 12, 1 << bits), rng.integers(0, 1 << bits, (12, lanes * beats))
    plan = StoredTablePlan(acc_shape=unsigned(bits), bits=12, lanes=lanes, beats=beats, words=words.tolist())
    assert list(plan.memories) == [f"lane{k}" for k in range(lanes)]
    check_activation(plan, codes, words[codes], latency=latency, lanes=lanes, bits=bits, out_bits=12)


@pytest.mark.parametrize("change, message", [
    ({"lanes": 0}, "^Lanes must be at least 1, not 0$"), ({"bits": 0}, "^Bits must be at least 1, not 0$"),
])  # fmt: skip
def test_parameters_of_a_table(change, message):
    right = dict(acc_shape=unsigned(2), bits=1, lanes=1, beats=1, words=[0, 1, 1, 0])
    CodeTablePlan(**right)
    with pytest.raises(ValueError, match=message):
        CodeTablePlan(**right | change)
