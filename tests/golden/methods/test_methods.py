"""Every quantizer against its paper: worked values, closed forms against brute force, gradients by hand."""

import numpy as np
import pytest

from fewbit.golden import methods
from fewbit.golden.methods import estimators, lqnets
from fewbit.golden.methods import level_tables as levels
from fewbit.golden.methods.clusters import cluster, kmeans
from fewbit.golden.model_file import exchange


def f32(*values):
    return np.float32(values)


@pytest.fixture
def normal():
    return np.random.default_rng(1).normal(size=4000).astype(np.float32)


def ones(x):
    return np.ones_like(x)


# Binary


def test_sign_takes_zero_for_plus_one():
    assert methods.sign(f32(-2, -1e-30, -0.0, 0, 1e-30, 3)).tolist() == [-1, -1, 1, 1, 1, 1]


def test_xnor_scale_is_the_best_one(normal):
    x = normal.reshape(1000, 4) * f32(1, 2, 3, 0.1)
    y = methods.xnor(x, axis=(0,))
    alpha = y.max(0)
    assert (y == alpha * methods.sign(x)).all()
    for channel in range(4):
        tried = alpha[channel] * np.linspace(0.9, 1.1, 201)
        error = [((x[:, channel] - a * np.sign(x[:, channel])) ** 2).sum() for a in tried]
        assert np.argmin(error) == 100
    assert len(np.unique(np.abs(methods.xnor(x)))) == 1


def test_xnor_gradient():
    x = f32(-3, -0.5, 0.5, 1)  # alpha = 1.25, n = 4
    (found,) = methods.xnor.gradients(2 * ones(x), x)
    assert found.tolist() == [2 * (1 / 4), 2 * (1 / 4 + 1.25), 2 * (1 / 4 + 1.25), 2 * (1 / 4 + 1.25)]


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("bireal", lambda x, _: np.where(np.abs(x) >= 1, np.sign(x), np.where(x < 0, 2 * x + x * x, 2 * x - x * x))),
        ("annealed", lambda x, progress: max(10 ** (1 - 2 * progress), 1) * np.tanh(10 ** (2 * progress - 1) * x)),
        ("clipped", lambda x, _: np.clip(x, -1, 1)),
        ("identity", lambda x, _: x),
    ],
)
@pytest.mark.parametrize("progress", [0.0, 0.4, 1.0])
def test_estimators_are_the_slopes_of_their_functions(name, function, progress):
    x = np.linspace(-1.7, 1.7, 69) + 0.011  # not at a kink
    slope = (function(x + 1e-6, progress) - function(x - 1e-6, progress)) / 2e-6
    assert np.allclose(getattr(estimators, name)(x, progress), slope, atol=1e-4)
    (found,) = methods.sign.gradients(3 * ones(x), x, ste=estimators.clipped)
    assert (found == 3 * (np.abs(x) <= 1)).all()


# Ternary


def best_ternary(x):
    """The least error over every threshold, and that threshold: the k largest have the scale of their mean."""
    size = np.sort(np.abs(x.astype(np.float64)))[::-1]
    gain = np.cumsum(size) ** 2 / np.arange(1, len(size) + 1)
    k = gain.argmax()
    return (size**2).sum() - gain[k], (size[k] + size[k + 1]) / 2


def test_twn_against_brute_force(normal):
    uniform = np.random.default_rng(2).uniform(-1, 1, 4000).astype(np.float32)
    for x, optimum in ((normal, 0.75), (uniform, 2 / 3)):  # of E|x|: the paper's figures, about 0.7 for both
        least, threshold = best_ternary(x)
        assert threshold / np.abs(x).mean() == pytest.approx(optimum, abs=0.03)
        error = ((x - methods.twn(x)) ** 2).sum()
        assert least <= error <= 1.01 * least


def test_twn_by_hand():
    x = f32(-1, -0.25, 0.25, 0.5, 2, 0)  # E|x| = 2/3, threshold 0.4667, scale (1 + 0.5 + 2) / 3
    assert methods.twn_threshold(x)[0] == np.float32(0.7) * np.float32(4 / 6)
    scale = np.float32(3.5) / np.float32(3)
    assert methods.twn(x).tolist() == [-scale, 0, 0, scale, scale, 0]
    assert methods.twn(x, bits=3).tolist() == [-1.25, 0, 0, 1.25, 1.25, 0]
    assert methods.ternary_scale(x, np.float32(9)).tolist() == [0]


def test_ttq_values_and_gradients():
    x, g = f32(-2, -0.5, -0.1, 0.1, 0.5, 2), f32(1, 2, 3, 4, 5, 6)
    args = x, np.float32(0.2), np.float32(0.75), np.float32(1.5)
    assert methods.ternary(*args).tolist() == [-1.5, -1.5, 0, 0, 0.75, 0.75]
    to_x, to_delta, to_positive, to_negative = methods.ternary.gradients(g, *args)
    assert to_x.tolist() == [1.5, 3, 3, 4, 3.75, 4.5]
    assert to_delta is None
    assert (to_positive, to_negative) == (5 + 6, -(1 + 2))


def test_learned_threshold():
    x, g = f32(-3, -0.5, -0.25, 0.125, 0.5, 2), f32(1, 1, 2, 1, 1, 1)
    args = x, np.float32(0.25), np.float32(2)
    assert methods.ternary_learned(*args).tolist() == [-2, -2, 0, 0, 2, 2]
    to_x, to_delta, to_scale = methods.ternary_learned.gradients(g, *args)
    assert to_x.tolist() == [0, 4, 8, 4, 4, 0]  # scale / (2 * delta) inside
    assert to_delta == pytest.approx(-(4 * -0.5 + 8 * -0.25 + 4 * 0.125 + 4 * 0.5) / 0.25)
    assert to_scale == -1 - 1 + 1 + 1


# Uniform


def test_lsq_is_its_paper():
    """Equations 1 to 3 of Esser and others, with Q_N = 4 and Q_P = 3, for 7 weights."""
    step, low, high = np.float32(0.5), 4, 3
    v = f32(-3, -2, -0.9, 0.1, 0.625, 1.5, 4)
    code = np.rint(np.clip(v / step, -low, high))
    assert (methods.lsq(v, step, lo=-low, hi=high, count=7) == code * step).all()
    to_v, to_step = methods.lsq.gradients(ones(v), v, step, lo=-low, hi=high, count=7)
    ratio = v / step
    slope = [-low if r <= -low else high if r >= high else -r + np.rint(r) for r in ratio]
    assert to_step == pytest.approx(sum(slope) / np.sqrt(7 * high), rel=1e-6)
    assert to_v.tolist() == [0, 0, 1, 1, 1, 0, 0]
    assert methods.lsq_init(v, 4) == np.abs(v).mean()


def test_pact_is_its_paper():
    """Equations 1 to 3 of Choi and others, for 3 bits and alpha = 1.75."""
    alpha, step, x = 1.75, np.float32(0.25), f32(-1, 0, 0.1, 0.4, 1.2, 1.7, 1.75, 3)
    y = 0.5 * (np.abs(x) - np.abs(x - alpha) + alpha)
    assert (methods.pact(x, step, bits=3) == np.rint(y * 7 / alpha) * alpha / 7).all()
    to_x, to_step = methods.pact.gradients(ones(x), x, step, bits=3)
    assert to_x.tolist() == [0, 1, 1, 1, 1, 1, 0, 0]
    assert to_step == 7 * 2  # the slope to alpha is 1 for the two that are not below it


@pytest.mark.parametrize("count", [3, 5, 7])
def test_symmetric_levels(count, normal):
    d = 0.4
    found = methods.symmetric(normal, np.float32(d), levels=count)
    want = [np.sign(x) * d * min(round(abs(x) / d), (count - 1) // 2) for x in normal.tolist()]
    assert np.allclose(found, want, atol=1e-6) and len(np.unique(found)) == count
    top = (count - 1) // 2
    assert (found == methods.uniform(normal, np.float32(d), lo=-top, hi=top)).all()


# DoReFa


def test_dorefa_of_one_bit_passes_gradients_as_they_are():
    """Equations 7 and 8 of Zhou and others: ``E|w| sign(w)`` of the whole tensor, and dc/dw = dc/dy."""
    w = f32(-0.5, 0.25, 0, 1.25).reshape(2, 2)
    assert methods.dorefa_sign(w).tolist() == [[-0.5, 0.5], [0.5, 0.5]]
    (to_w,) = methods.dorefa_sign.gradients(f32(1, -2, 3, 4).reshape(2, 2), w)
    assert to_w.tolist() == [[1, -2], [3, 4]]


def test_quantize_k():
    x = np.linspace(0, 1, 13, dtype=np.float32)
    assert np.unique(methods.quantize_k(x, bits=2)).tolist() == f32(0, 1 / 3, 2 / 3, 1).tolist()
    assert methods.quantize_k(f32(0, 0.16, 0.17, 0.49, 0.51, 0.83, 0.84, 1), bits=2).tolist() == [
        float(np.float32(n) / np.float32(3)) for n in (0, 0, 1, 1, 2, 2, 3, 3)
    ]
    assert methods.quantize_k(f32(0.4, 0.6), bits=1).tolist() == [0, 1]
    assert methods.dorefa_activations(f32(-3, 0.3, 7), bits=2).tolist() == f32(0, 1 / 3, 1).tolist()
    assert methods.dorefa_activations.gradients(ones(f32(1, 2, 3)), f32(-1, 0.5, 2), bits=2)[0].tolist() == [0, 1, 0]


def test_dorefa_weights(normal):
    y = np.tanh(normal.astype(np.float64))
    want = 2 * np.rint(3 * (y / (2 * np.abs(y).max()) + 0.5)) / 3 - 1
    found = methods.dorefa_weights(normal, bits=2)
    assert np.allclose(found, want, atol=1e-6)
    assert np.allclose(np.unique(found), [-1, -1 / 3, 1 / 3, 1])
    coarse = methods.dorefa_weights(normal, bits=2, step=21 / 64)
    assert (coarse == np.rint(3 * found) * 21 / 64).all()
    (slope,) = methods.dorefa_weights.gradients(ones(normal), normal, bits=2)
    assert np.allclose(slope, (1 - y * y) / np.abs(y).max(), atol=1e-6)


def test_gradients_are_quantized_without_bias():
    rng = np.random.default_rng(3)
    g = np.tile(f32(-0.3, 0.05, 0.29, 0), (20000, 1))
    g[::2] *= 10  # each sample has its own range
    found = methods.quantize_gradient(g, rng.random(g.shape, dtype=np.float32), bits=3)
    for part, largest in ((found[::2], 3), (found[1::2], 0.3)):
        code = (part / (2 * largest) + 0.5) * 7
        assert np.allclose(code, np.rint(code), atol=1e-4) and np.rint(code).min() == 0
    # The largest is clipped on one side; the others lie on their means.
    assert np.allclose(found[1::2].mean(0)[1:], g[1][1:], atol=0.01)
    assert (methods.quantize_gradient(np.zeros((2, 3), np.float32), np.full((2, 3), 0.9), bits=2) == 0).all()


# Tables


def test_levels_are_nearest(normal):
    table = np.sort(np.random.default_rng(4).normal(size=9)).astype(np.float32)
    want = table[np.abs(normal[:, None].astype(np.float64) - table.astype(np.float64)).argmin(1)]
    assert (methods.level_quant(normal, table) == want).all()
    assert methods.level_quant(f32(0.5, 1.5, -9), f32(0, 1, 2)).tolist() == [1, 2, 0]  # ties go up
    assert methods.level_quant.gradients(f32(1, 1, 1), f32(-1, 1, 3), f32(0, 1, 2))[0].tolist() == [0, 1, 0]


def test_basis():
    found, codes = levels.basis_levels(f32(0.5, 2))
    assert found.tolist() == [-2.5, -1.5, 1.5, 2.5]
    assert codes.tolist() == [[-1, -1], [1, -1], [-1, 1], [1, 1]]
    assert methods.basis_quant(f32(-9, -0.1, 0, 1.9, 2), f32(0.5, 2)).tolist() == [-2.5, -1.5, 1.5, 1.5, 2.5]
    each = np.float32([[0.5, 2], [1, 0.25]])  # a basis a channel
    x = np.float32([[2.1, 0.1], [-0.1, -1.1]])
    assert methods.basis_quant(x, each).tolist() == [[2.5, 0.75], [-1.5, -1.25]]


def test_operators_are_the_definitions(normal):
    """What an exchange file's operators compute is what is trained."""
    x, rng = normal.reshape(-1, 4), np.random.default_rng(5)
    basis = rng.uniform(0.1, 2, (1, 4, 3)).astype(np.float32)
    table = np.sort(rng.normal(size=(4, 6)).astype(np.float32))
    assert (exchange.basis_quant(x, basis) == methods.basis_quant(x, basis)).all()
    assert (exchange.level_quant(x, table) == methods.level_quant(x, table)).all()
    scales = f32(0.3, 0.7, 1.1)
    assert (exchange.ternary_quant(x, *scales) == methods.ternary(x, *scales)).all()
    for kind, method in (("bipolar", methods.stochastic_sign), ("ternary", methods.stochastic_ternary)):
        draws = exchange.generator_named("lfsr", 5).draws(7, x.size).reshape(x.shape).astype(np.float32) / 32
        found = exchange.stochastic_quant(x, 1, kind=kind, bits=5, seed=7)
        assert (found == method(x, draws, bits=5)).all() and len(np.unique(found)) == 2 + (kind == "ternary")


def test_lq_nets_with_two_bits_is_lloyd_max(normal):
    """Max 1960: the best four levels for a normal distribution are ±0.4528 and ±1.510, with an error of 0.1175."""
    x = np.tile(np.float32(np.sort(normal)), 1)
    x = np.concatenate([x, -x])
    basis = lqnets.refine(x, lqnets.first_basis(x, 2), momentum=0, steps=60)
    assert np.allclose(np.abs(levels.basis_levels(basis)[0]), [1.510, 0.4528, 0.4528, 1.510], atol=0.04)
    assert lqnets.error(x, basis) ** 2 / (x**2).mean() == pytest.approx(0.1175, abs=0.003)


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_lq_nets_error_falls_and_is_below_uniform(bits, normal):
    basis, errors = lqnets.first_basis(normal, bits), []
    for _ in range(40):
        errors.append(lqnets.error(normal, basis))
        basis = lqnets.fit(normal, basis)
    assert (np.diff(errors) <= 1e-5).all()
    if bits == 1:
        assert basis[0] == pytest.approx(np.abs(normal).mean(), rel=1e-5)  # XNOR-Net's scale
        return
    assert errors[-1] < 0.999 * errors[0]
    codes = 2 * np.arange(2**bits) - (2**bits - 1)
    uniform = [
        np.sqrt(((normal - exchange.level_quant(normal, s * codes)) ** 2).mean()) for s in np.geomspace(0.02, 1, 200)
    ]
    assert errors[-1] < 0.999 * min(uniform)


def test_lq_nets_per_channel_is_lq_nets_of_each_channel(normal):
    x = normal.reshape(-1, 4) * f32(1, 2, 3, 4) + f32(0, 0, 1, 0)
    basis = lqnets.refine(x, lqnets.first_basis(x, 2, per_channel=True), steps=3)
    for channel in range(4):
        alone = lqnets.refine(x[:, channel], lqnets.first_basis(x[:, channel], 2), steps=3)
        assert np.allclose(basis[channel], alone, atol=1e-5)


def test_lq_nets_survives_codes_that_do_not_occur():
    assert np.isfinite(lqnets.refine(f32(3, 3, 3), f32(1, 1), momentum=0, steps=5)).all()
    assert np.isfinite(lqnets.refine(f32(0, 0), f32(0, 0), steps=2)).all()


def test_kmeans_is_scikit_learns(normal):
    sklearn = pytest.importorskip("sklearn.cluster")
    start = np.linspace(normal.min(), normal.max(), 8).reshape(-1, 1)
    known = sklearn.KMeans(8, init=start, n_init=1, max_iter=30, tol=0).fit(normal.reshape(-1, 1).astype(np.float64))
    assert np.allclose(kmeans(normal, 8), np.sort(known.cluster_centers_[:, 0]), atol=2e-3)


def test_clusters_of_deep_compressions_figure_3():
    weights = np.float32(
        [[2.09, -0.98, 1.48, 0.09], [0.05, -0.14, -1.08, 2.12], [-0.91, 1.92, 0, -1.03], [1.87, 0, 1.53, 1.49]]
    )
    gradient = np.float32(
        [[-3, -1, 3, 2], [-1, 1, -2, 12], [-1, 2, 4, 1], [-7, -2, 1, -2]]
    ) / np.float32(100)  # fmt: skip
    centroids = f32(-1, 0, 1.5, 2)
    number = np.array([[3, 0, 2, 1], [1, 1, 0, 3], [0, 3, 1, 0], [3, 1, 2, 2]])
    assert (cluster(weights, centroids, centroids) == centroids[number]).all()
    to_x, to_centroids, to_anchors = cluster.gradients(gradient, weights, centroids, centroids)
    assert to_x is None and to_anchors is None
    assert np.allclose(centroids - to_centroids, [-0.97, -0.04, 1.48, 1.96], atol=1e-6)
    moved = f32(3, 0, 1.5, 2)  # members stay where they were
    assert (cluster(weights, moved, centroids) == moved[number]).all()


def test_powers_of_two(normal):
    x = f32(0.8, 0.72, 0.70, 0.36, 0.35, 0.18, 0.17, 0.1, 0, -0.8, -0.36)
    assert methods.logarithmic(x, bits=3).tolist() == [1, 1, 0.5, 0.5, 0.25, 0.25, 0, 0, 0, -1, -0.5]
    assert methods.logarithmic_levels(x, 3).tolist() == [-1, -0.5, -0.25, 0, 0.25, 0.5, 1]
    exponent = np.rint(np.log2(np.abs(normal)))
    top = np.rint(np.log2(np.abs(normal).max()))
    want = np.where(exponent < top - 6, 0, np.sign(normal) * 2.0 ** np.minimum(exponent, top))
    assert (methods.logarithmic(normal, bits=4) == want).all()
    assert set(np.unique(want)) <= set(methods.logarithmic_levels(normal, 4).tolist())
    assert (methods.logarithmic(np.zeros(3, np.float32), bits=3) == 0).all()


# Stochastic, and the rest


def test_stochastic_probabilities():
    draws = ((np.arange(1000, dtype=np.float32) + 0.5) / 1000)[:, None]
    x = f32(-1.5, -1, -0.5, 0, 0.25, 1, 2)
    plus = (methods.stochastic_sign(np.tile(x, (1000, 1)), draws) == 1).mean(0)
    assert np.allclose(plus, np.clip((x + 1) / 2, 0, 1), atol=1e-3)
    y = methods.stochastic_ternary(np.tile(x, (1000, 1)), draws)
    assert np.allclose((y == 1).mean(0), np.clip(x, 0, 1), atol=1e-3)
    assert np.allclose((y == -1).mean(0), np.clip(-x, 0, 1), atol=1e-3)
    # Draws of two bits: 0.25 and 0.5 stay, 0.3 becomes 0.25.
    coarse = methods.stochastic_ternary(f32(0.3, 0.3, -0.5, -0.5), f32(0, 0.25, 0.25, 0.5), bits=2)
    assert coarse.tolist() == [1, 0, -1, 0]
    for method in (methods.stochastic_sign, methods.stochastic_ternary):
        assert method.gradients(ones(x), x, x)[0].tolist() == [0, 1, 1, 1, 1, 1, 0]


def test_grid(normal):
    for bits in (1, 5, 8):
        y = methods.to_grid(normal, bits)
        unit = 2.0 ** (np.frexp(np.abs(normal).max())[1] - bits)
        assert (y == np.rint(normal / unit) * unit).all() and np.abs(y - normal).max() <= unit / 2
        if bits > 1:  # with one, the largest became a power of two, of which the unit is twice as large
            assert (methods.to_grid(y, bits) == y).all()
    assert methods.to_grid(f32(1 / 3), 5).item() == 21 / 64
    assert methods.to_grid(f32(0, 0), 8).tolist() == [0, 0]
    assert methods.to_grid(normal, None) is normal


def test_exponents():
    assert methods.power_of_two(f32(-2, -1.51, 2.6)).tolist() == [0.25, 0.25, 8]
    assert methods.exponential(np.float32(-1.5849625), bits=5) == 21 / 64
    log = np.float32(np.log(2))
    assert methods.power_of_two.gradients(f32(1), f32(2.6))[0].tolist() == [8 * log]
    assert methods.exponential.gradients(f32(1), f32(1), bits=4)[0].tolist() == [2 * log]


def test_deviation():
    assert methods.deviation(f32(1, 2, 4), f32(1, 1, 2)) == np.float32(5) / 3
