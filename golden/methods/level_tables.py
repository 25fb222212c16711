"""Any ascending table of levels, thresholds midway; and the levels of a basis (LQ-Nets)."""

from itertools import product

from .method import Array, Method, namespace

__all__ = ["DIGITS", "basis_levels", "basis_quant", "code_table", "digit_sums", "level_index", "level_quant",
           "midpoints", "select"]  # fmt: skip

DIGITS = {"bipolar": (-1.0, 1.0), "binary": (0.0, 1.0)}  # what a digit of a code may be, the lower first


def midpoints(levels: Array) -> Array:
    """Return ``(levels[i] + levels[i+1]) / 2`` along the last axis: (..., L - 1) for levels (..., L)."""
    return (levels[..., :-1] + levels[..., 1:]) / 2


def level_index(x: Array, thresholds: Array) -> Array:
    """Return the number of ascending ``thresholds[..., i] <= x``, int64."""
    xp = namespace(x)
    n = xp.zeros(xp.broadcast_shapes(thresholds.shape[:-1], x.shape), dtype=xp.int64)
    for i in range(thresholds.shape[-1]):
        n = n + (x >= thresholds[..., i])
    return n


def select(x: Array, thresholds: Array, table: Array) -> Array:
    """Return ``table[..., n]`` for n of `level_index`, without an index: a vectorizing compiler does that faster."""
    xp = namespace(x)
    y = table[..., 0]
    for i in range(thresholds.shape[-1]):
        y = xp.where(x >= thresholds[..., i], table[..., i + 1], y)
    return xp.broadcast_to(y, xp.broadcast_shapes(y.shape, x.shape))


@Method
def level_quant(x: Array, levels: Array, *, clip: bool = True) -> Array:
    """Return the level nearest to ``x``, the upper one of two equally near: the operator ``LevelQuant``.

    ``levels``, ascending, are (..., L), where ``...`` broadcasts with ``x``. The gradient for ``x`` is 1, or with
    ``clip`` 1 from the lowest level to the highest and 0 elsewhere; the levels have none.
    """
    return select(x, midpoints(levels), levels)


@level_quant.backward
def _(grad, x, levels, *, clip=True):
    xp = namespace(x)
    if not clip:
        return grad
    return grad * xp.astype((x >= levels[..., 0]) & (x <= levels[..., -1]), grad.dtype)


def code_table(bits: int, digits: str = "bipolar") -> list[tuple[float, ...]]:
    """Return all codes of ``bits`` digits of `DIGITS`; the first digit changes fastest."""
    return [code[::-1] for code in product(DIGITS[digits], repeat=bits)]


def digit_sums(basis: Array, digits: str = "bipolar") -> Array:
    """Return ``sum_i basis_i * e_i`` for every code ``e`` of `code_table`, in its order.

    It is added up from the first basis value on. ``e`` is in {-1, +1}^K, the paper's (Zhang and others 2018, LQ-Nets),
    or with binary digits in {0, 1}^K, as for activations in its authors' program. ``basis`` is (..., K), the sums are
    (..., 2**K).
    """
    xp, (lower, upper) = namespace(basis), DIGITS[digits]
    sums = xp.zeros_like(basis[..., :1])
    for i in range(basis.shape[-1]):
        value = basis[..., i : i + 1]
        sums = xp.concat([sums + lower * value, sums + upper * value], axis=-1)
    return sums


def basis_levels(basis: Array, digits: str = "bipolar") -> tuple[Array, Array]:
    """Return `digit_sums` in ascending order, (..., 2**K), and the code ``e`` of each, (..., 2**K, K)."""
    xp = namespace(basis)
    codes = xp.asarray(code_table(basis.shape[-1], digits), dtype=basis.dtype)
    sums = digit_sums(basis, digits)
    order = xp.argsort(sums, axis=-1, stable=True)
    return xp.sort(sums, axis=-1), xp.take(codes, order, axis=0)


@Method
def basis_quant(x: Array, basis: Array, *, clip: bool = True, digits: str = "bipolar") -> Array:
    """Return `level_quant` with `basis_levels`: the operator ``BasisQuant`` (Zhang and others 2018, LQ-Nets).

    The gradient for ``x`` is that of `level_quant`; the basis has none, but a rule of its own (`lqnets.refine`).
    """
    return level_quant(x, basis_levels(basis, digits)[0])


@basis_quant.backward
def _(grad, x, basis, *, clip=True, digits="bipolar"):
    return level_quant.gradients(grad, x, basis_levels(basis, digits)[0], clip=clip)[0]
