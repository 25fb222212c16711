"""Random layers of the sweep: an array, what combines its planes, an activation, in any folding."""

import numpy as np

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.golden.numbers.formats import Bipolar, Float32, Levels, Signed, Ternary, Unsigned
from fewbit.hw.float32.units import FloatAdd
from fewbit.hw.folding import LayerFolding
from fewbit.hw.layer.matrix_vector_unit import MatrixVectorUnit
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.layer.product_forms import options_of
from fewbit.hw.targets.named import target_named
from tests.sweep.formats import CODINGS, LEVELS, coding_of, draw_activations, draw_weights, format_of_weights
from tests.sweep.unit import ANY, Stalls, Unit

__all__ = ["ARRAYS", "draw_layer"]

ARRAYS = ("plain", "dsp", "sums", "decode", "shift", "planes", "constant", "float32")
_CODES = (Bipolar(), Ternary(), Unsigned(1), Unsigned(2), Signed(2), Unsigned(3), Signed(3), Signed(4, True),
          Unsigned(5), *LEVELS)  # fmt: skip
_MOST_VALUES = 2500  # cycles of all vectors together, and codes that leave
_PRODUCT = {"decode": 3, "shift": 5, "planes": 4, "float32": 2}  # about as many bits a bit of an activation makes
_MOST_BITS = (20, 80, 600)  # of the products of a cycle


def draw_layer(rng, kind, target):
    """A `Unit` of one of `ARRAYS`, or None if what was drawn cannot be made in the way of its kind."""
    if kind == "dsp" and rng.random() < 0.02:  # in which neighbours on a multiplier have unlike latencies
        folding = dict(
            pe=2, simd=int(rng.choice([12, 18, 20, 48, 96])), steps=2, rows=2, groups=1, parallel=1, vectors=1
        )
        x_format, w_format, most = Signed(8), Signed(8, narrow=bool(rng.random() < 0.7)), 2 * 96 * 8
    else:
        folding = _draw_folding(rng, kind)
        x_format = Float32() if kind == "float32" else draw_activations(rng, kind)
        w_format, most = format_of_weights(rng, kind), int(rng.choice(_MOST_BITS, p=[0.8, 0.17, 0.03]))
    folding = _within(rng, folding, _PRODUCT.get(kind, 1) * x_format.bits, most)
    dense = _draw_dense(rng, kind, folding, w_format)
    if kind in CODINGS and (dense.coding is None or kind not in {o.name for o in options_of(dense, x_format)}):
        return None
    count = max(3, min(24, _MOST_VALUES // (folding["steps"] * folding["rows"] * folding["vectors"] * 4)))
    channels = dense.weights.shape[1] * dense.groups
    if kind == "float32":
        x, edge = _draw_floats(rng, count, channels)
        act = None
    else:
        x, edge = _draw_integers(rng, x_format, count, channels)
        act = _draw_activation(rng, kind, dense, x, edge)
    edges = {"x": edge, "acc": dense.out(edge)}
    y = execute(dense, x)
    if act is not None:
        edges[act.y], y = act.out(edges["acc"]), execute(act, y)
    products = None if kind in ("constant", "float32") else kind
    dsp = bool(rng.random() < 0.5) if kind == "float32" else True
    plan = LayerPlan(
        dense, act, edges, LayerFolding(folding["pe"], folding["simd"], products),
        target=target_named(target, dsp=dsp),
    )  # fmt: skip
    expected = _beats_out(plan, plan.format.encode(y))
    return Unit(
        kind=kind, target=target, words=_words(plan, x_format, act, len(x)), make=lambda: MatrixVectorUnit(plan),
        plan=plan, codes=[_beats_in(plan, x_format.encode(x))], bits=[x_format.bits], expected=expected,
        out_bits=plan.out_bits, stalls=Stalls.drawn(rng, 1), features=_features(plan),
    )  # fmt: skip


def _words(plan, x_format, act, vectors):
    behind = "nothing" if act is None else f"{type(act).__name__.lower()} to {plan.format}"
    groups = f", {plan.dense.groups} groups, {plan.parallel} at a time" if plan.dense.groups > 1 else ""
    return (
        f"{x_format} x {plan.dense.weight_format}, {plan.inputs} inputs, {len(plan.dense.weights)} neurons{groups}, "
        f"PE {plan.pe}, SIMD {plan.simd}, {behind} behind it, {vectors} vectors"
    )


def _features(plan):
    """Components of the unit behind its array, by the names of their classes."""
    return tuple(
        type(unit).__name__.removesuffix("Plan") for unit in (plan.combine, plan.activation) if unit is not None
    )


# Foldings


def _size(rng, large):
    """A size that is mostly small, and at times large or odd."""
    how = rng.random()
    if how < 0.65:
        return int(rng.integers(1, 7))
    return int(rng.integers(5, 16)) if how < 0.9 else int(rng.choice(large))


def _draw_folding(rng, kind):
    pe, simd = _size(rng, [16, 17, 24, 31]), _size(rng, [16, 23, 24, 27, 36, 47, 48, 64, 72, 95, 96, 97, 144])
    steps, rows = (int(rng.choice([1, 2, 3, 4, 7], p=[0.25, 0.3, 0.2, 0.15, 0.1])) for _ in range(2))
    folding = dict(pe=pe, simd=simd, steps=steps, rows=rows, groups=1, parallel=1, vectors=1)
    if rng.random() < 0.25:
        folding["groups"] = int(rng.choice([2, 3, 4, 6]))
        if rng.random() < 0.5:  # several at a time
            folding["parallel"] = int(
                rng.choice([n for n in range(2, folding["groups"] + 1) if folding["groups"] % n == 0])
            )
            folding["rows"] = 1
        folding["vectors"] = folding["groups"] // folding["parallel"]
    if kind == "constant":
        folding |= dict(steps=1, rows=1, vectors=1, parallel=folding["groups"])
    return folding


def _within(rng, folding, bits, most):
    """The folding, so small that it is quickly built: at most so many products a cycle times ``bits``."""
    folding = dict(folding)
    while folding["pe"] * folding["parallel"] * folding["simd"] * bits > most:
        if folding["pe"] > 2 or (folding["pe"] == 2 and folding["simd"] == 1):
            folding["pe"] //= 2
        elif folding["simd"] > 1:
            folding["simd"] -= 1
        else:
            break
    if folding["parallel"] > 1:
        folding["group"] = folding["pe"]
        folding["pe"] *= folding["parallel"]
    else:
        rest = int(rng.integers(folding["pe"])) if rng.random() < 0.4 else 0  # PEs of the last row that have nothing
        folding["group"] = folding["pe"] * folding["rows"] - (rest if folding["rows"] > 1 else 0)
    rest = int(rng.integers(folding["simd"])) if rng.random() < 0.4 and folding["steps"] > 1 else 0
    folding["inputs"] = folding["simd"] * folding["steps"] - rest
    return folding


# Nodes


def _draw_dense(rng, kind, folding, w_format):
    shape, groups = (folding["group"] * folding["groups"], folding["inputs"]), folding["groups"]
    if kind == "float32":
        weights, bias = (rng.normal(size=s).astype(np.float32) for s in (shape, shape[0]))
        return FloatDense(
            "dense", "x", "acc", weights, bias, bool(rng.random() < 0.5), folding["simd"], FloatAdd.LATENCY, groups
        )
    if kind in CODINGS:
        coding = coding_of(rng.choice(CODINGS[kind]), rng, *shape)
        return Dense("dense", "x", "acc", coding.weights(), groups, coding.tidied())
    return Dense("dense", "x", "acc", draw_weights(rng, w_format, shape), groups)


def _draw_integers(rng, fmt, count, channels):
    """Activations, and their edge: its ranges those of the format, or each channel's its own."""
    lo, hi = np.full(channels, fmt.lo), np.full(channels, fmt.hi)
    x = rng.choice(fmt.values, (count, channels))
    if rng.random() < 0.2:
        ends = np.sort(rng.choice(fmt.values, (2, channels)), axis=0)
        lo, hi = ends
        x = np.stack([rng.choice(fmt.values[(fmt.values >= a) & (fmt.values <= b)], count) for a, b in ends.T], axis=1)
    return x.astype(np.int64), Edge(fmt, lo, hi)


def _draw_floats(rng, count, channels):
    """Normal ones of some scale, and a few that are zero, large or very small."""
    x = rng.normal(size=(count, channels)).astype(np.float32) * np.float32(rng.choice([1e-3, 1, 1e4]))
    special = rng.random(x.shape) < 0.05
    x[special] = rng.choice(np.array([0, -0.0, 1, 1e30, -1e-30], dtype=np.float32), special.sum())
    bound = np.full(channels, np.inf)
    return x, Edge(Float32(), -bound, bound)


def _draw_activation(rng, kind, dense, x, edge):
    """A Threshold, Rescale or Score whose codes are spread over what the layer gives for ``x``, or None."""
    acc, y = dense.out(edge), execute(dense, x)
    how = rng.choice(["thresholds", "codes", "rescale", "score", "none"], p=[0.45, 0.15, 0.2, 0.1, 0.1])
    if how == "none" and kind != "sums":
        return None
    if how == "score":
        return Score("act", "acc", "y", rng.integers(-40, 41, len(dense.weights)), rng.integers(-300, 300, len(y[0])))
    spread = y.std(axis=0) + 0.5
    if how == "rescale":
        fmt = [Unsigned(4), Unsigned(8), Signed(8), Signed(6, True)][rng.integers(4)]
        shift = int(rng.integers(6, 20))
        factor = np.rint((fmt.hi - fmt.lo) / 3 / spread * 2**shift).astype(np.int64)
        factor *= rng.choice([1, 1, -1], len(factor))
        addend = np.rint((fmt.hi + fmt.lo) / 2 * 2**shift - y.mean(axis=0) * factor).astype(np.int64)
        return Rescale("act", "acc", "y", factor, addend, shift, fmt)
    fmt = _CODES[rng.integers(len(_CODES))]
    levels = fmt.levels + (int(rng.integers(0, 3)) if how == "codes" else 0)
    shared = rng.random() < 0.15
    mean = y.mean(keepdims=True).T if shared else y.mean(axis=0)[:, None]
    spread = np.array([[y.std() + 0.5]]) if shared else spread[:, None]
    cuts = np.linspace(-1.2, 1.2, levels + 1)[1:-1] + rng.normal(scale=0.1, size=(len(mean), levels - 1))
    cuts = np.sort(np.rint(mean + spread * cuts).astype(np.int64), axis=1).clip(acc.lo.min(), acc.hi.max() + 1)
    codes = None
    if how == "codes" or isinstance(fmt, Levels):
        codes = rng.choice(fmt.values, (len(cuts), levels))
        codes[::3] = np.sort(codes[::3], axis=1)[:, ::-1]
        if fmt.levels == 2:  # the hardware takes one change a channel where the code has one bit
            codes = np.sort(codes, axis=1)[:, :: rng.choice([-1, 1])]
    return Threshold("act", "acc", "y", cuts, codes, fmt)


# Streams


def _beats_in(plan, codes):
    """``(V, groups*K)`` codes as beats: of each vector step by step the lanes of every group of it, padded with 0."""
    codes = codes.reshape(-1, plan.parallel, plan.inputs)
    codes = np.pad(codes, ((0, 0), (0, 0), (0, plan.steps * plan.simd - plan.inputs)))
    codes = codes.reshape(len(codes), plan.parallel, plan.steps, plan.simd).swapaxes(1, 2)
    return codes.reshape(-1, plan.parallel * plan.simd)


def _beats_out(plan, codes):
    """``(V, N)`` codes as beats, those of padding `ANY`."""
    codes = codes.reshape(-1, plan.neurons)
    pad = plan.beats_out * plan.lanes - plan.neurons
    return np.pad(codes, ((0, 0), (0, pad)), constant_values=ANY).reshape(-1, plan.lanes)
