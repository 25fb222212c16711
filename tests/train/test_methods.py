"""The same lines in NumPy and in JAX: equal values, bit for bit but for what XLA reorders; and rules are gradients.

What it does: means (`xnor`, `twn`) and `tanh` (`dorefa_weights`, `annealed`) differ in the last bits, so what follows
from them is compared where the rounding to a grid has taken these away; and a division by a constant (`quantize_k`)
becomes a multiplication, so there the integers in front of it are compared.
"""

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from fewbit.golden import methods  # noqa: E402
from fewbit.golden.methods import estimators, lqnets  # noqa: E402
from fewbit.train.autodiff import apply  # noqa: E402

RNG = np.random.default_rng(1)
X = RNG.normal(size=(64, 8)).astype(np.float32)
U = RNG.random(X.shape, dtype=np.float32)
BASIS = np.float32([[0.5, 1, 0.3]]) * np.arange(1, 9, dtype=np.float32)[:, None]
S = np.float32(0.37)

CASES = [
    (methods.sign, (X,), {}),
    (methods.sign, (X,), {"ste": estimators.bireal}),
    (methods.sign, (X,), {"ste": estimators.identity}),
    (methods.xnor, (X,), {"axis": (0,), "bits": 8}),
    (methods.xnor, (X,), {"bits": 8}),
    (methods.twn, (X,), {"axis": (0,), "bits": 8}),
    (methods.ternary, (X, S, np.float32(1.25), np.float32(0.75)), {}),
    (methods.ternary_learned, (X, S, np.float32(1.25)), {}),
    (methods.uniform, (X, S), {"lo": -3, "hi": 3}),
    (methods.lsq, (X, S), {"lo": -4, "hi": 3, "count": 512}),
    (methods.pact, (X, S), {"bits": 2}),
    (methods.symmetric, (X, S), {"levels": 5}),
    (methods.dorefa_activations, (X, np.float32(21 / 64)), {"bits": 2}),
    (methods.dorefa_weights, (X,), {"bits": 3, "step": 9 / 64}),
    (methods.dorefa_sign, (X,), {"bits": 8}),
    (methods.level_quant, (X, np.float32([-1, -0.2, 0.1, 3])), {}),
    (methods.basis_quant, (X, BASIS), {}),
    (methods.cluster, (X, np.float32([-1.1, 0, 0.2, 1]), np.float32([-1, -0.1, 0.1, 1])), {}),
    (methods.logarithmic, (X,), {"bits": 4}),
    (methods.stochastic_sign, (X, U), {"bits": 8}),
    (methods.stochastic_ternary, (X, U), {}),
    (methods.power_of_two, (X,), {}),
    (methods.rounded, (X,), {"bits": 8}),
]


@pytest.mark.parametrize(("method", "args", "fixed"), CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_numpy_is_jax_and_the_rule_is_the_gradient(method, args, fixed):
    weight = RNG.normal(size=args[0].shape).astype(np.float32)
    known = method(*args, **fixed)
    assert known.dtype == np.float32

    def loss(*args):
        y = apply(method, *args, **fixed)
        return (weight * y).sum(), y

    grads, y = jax.jit(jax.grad(loss, tuple(range(len(args))), has_aux=True))(*args)
    assert (np.asarray(y) == known).all()
    for found, rule, arg in zip(grads, method.gradients(weight, *args, **fixed), args, strict=True):
        assert found.shape == arg.shape
        assert np.allclose(found, np.zeros_like(arg) if rule is None else rule, rtol=1e-5, atol=1e-5)
    assert any(np.any(g) for g in grads)


def test_annealed_estimator_takes_the_progress():
    slopes = [
        jax.grad(lambda x, p=p: apply(methods.sign, x, p, ste=estimators.annealed).sum())(X) for p in (0.0, 0.5, 1.0)
    ]
    for p, slope in zip((0.0, 0.5, 1.0), slopes, strict=True):
        assert np.allclose(slope, estimators.annealed(X, p), rtol=1e-4, atol=1e-5)
    assert (slopes[0] != slopes[1]).any()


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_quantize_k_by_both(bits):
    found = np.asarray(jax.jit(lambda x: apply(methods.quantize_k, x, bits=bits))(U))
    known, top = methods.quantize_k(U, bits=bits), 2**bits - 1
    assert (np.rint(found * top) == np.rint(known * top)).all()
    assert np.allclose(found, known, rtol=1e-6)
    assert (jax.grad(lambda x: apply(methods.quantize_k, x, bits=bits).sum())(U) == 1).all()


def test_gradients_quantized_by_both():
    found = jax.jit(lambda g, u: methods.quantize_gradient(g, u, bits=4))(X, U)
    assert np.allclose(found, methods.quantize_gradient(X, U, bits=4), atol=1e-6)


def test_least_squares_by_both():
    found = jax.jit(lqnets.refine)(X, BASIS)
    assert np.allclose(found, lqnets.refine(X, BASIS), atol=1e-5)
    means = jax.jit(lambda x: methods.kmeans(x, 8, steps=4))(X)
    assert np.allclose(means, methods.kmeans(X, 8, steps=4), atol=1e-5)
