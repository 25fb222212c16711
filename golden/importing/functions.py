"""Functions of one integer: a quantizer behind a chain becomes thresholds, what a product reads becomes integers."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.elementwise import (
    Chain,
    Dequantize,
    affine,
    apply,
    direction,
    ends_of,
    is_monotone,
    is_shared,
)
from fewbit.golden.numbers.formats import Format, format_for, levels_format
from fewbit.golden.numbers.thresholds import MOST_LEVELS, find_thresholds, steps_of
from fewbit.golden.rewrite.pairs import pair_function

from .clamps import clipped_codes
from .deferred import DeferredPool, deferred_behind
from .grids import grid_of
from .host_input import quantized_on_host
from .import_state import ImportState
from .plain_quantizers import whole_part
from .tensors import ON_HOST, Data

__all__ = ["add_function", "evenly_coded", "integers", "plainly_quantized", "tabulated"]

_MOST_VISITS = 1 << 28  # evaluations that a function that is not monotone may take
_MOST_LEVELS = 1 << 16  # values that a table may be tried for
_FAR = 1e30  # a float beyond all thresholds of a quantizer


def add_function(
    importer: ImportState,
    data: Data,
    codes: Callable[[np.ndarray], np.ndarray],
    fmt: Format,
    *,
    parameters: Sequence[np.ndarray] = (),
) -> str:
    """Append a `Threshold` for ``codes(chain(x))``, by channel or, where all are alike, one for all.

    Parameters
    ----------
    importer : ImportState
    data : tensors.Data
        The tensor that the function is applied to.
    codes : callable
        Function from float32 values ``(n, C)`` behind the data's chain to int64 codes.
    fmt : Format
        The format of the codes.
    parameters : sequence of arrays
        The arrays that ``codes`` holds by channel; with none of more than one number, all channels are alike.

    Returns
    -------
    str
        The name of the node's edge.

    Raises
    ------
    ModelError
        If floats behind the chain can be NaN, or too many integers would have to be visited.
    """
    if (pool := deferred_behind(importer, data)) is not None:
        return _in_front(importer, data, pool, codes, fmt, parameters)
    edge, chain = importer.edge(data.edge), data.chain
    lo, hi = edge.lo, edge.hi
    if data.index.size < edge.length:  # what nobody reads must not cost a search
        unused = np.setdiff1d(np.arange(edge.channels), data.index % edge.channels)
        lo, hi = lo.copy(), hi.copy()
        lo[unused] = hi[unused] = lo[data.index.flat[0] % edge.channels]
    branches = importer.sums.get(data.edge) if data.index.size == edge.length else None
    shared = is_shared(chain) and all(p.size == 1 for p in parameters)
    if shared and not (branches and branches.for_one_channel() is None):
        lo, hi = lo.min(keepdims=True), hi.max(keepdims=True)
    monotone = is_monotone(chain)
    if not monotone and (int((hi - lo).max()) + 1) * len(lo) > _MOST_VISITS:
        raise ModelError(f"a function that may fall and rise stands behind sums whose values are too many to try all "
                         f"(over {_MOST_VISITS:,} in its channels); put a quantizer in front of it")  # fmt: skip

    def function(x: np.ndarray) -> np.ndarray:
        return codes(_numbers(apply(chain, x)))

    x = data.edge
    found = branches and pair_function(
        branches, importer.edge, lambda y: codes(_numbers(apply(chain[1:], y))), shared=len(lo) == 1
    )
    if found:
        thresholds, table, lo, hi = found.thresholds, found.codes, found.lo, found.hi
        for node in found.nodes:
            x = node.y if any(n.y == node.y for n in importer.result.nodes) else importer.add(node)
    else:
        thresholds, table = find_thresholds(function, lo, hi, monotone=monotone)
    steps = steps_of(thresholds, table, lo, hi, fmt)
    name = importer.new("threshold")
    if steps is not None:
        return importer.add(Threshold(name, x, name, steps, None, fmt))
    return importer.add(Threshold(name, x, name, thresholds, table, fmt))


def _in_front(
    importer: ImportState,
    data: Data,
    pool: DeferredPool,
    codes: Callable[[np.ndarray], np.ndarray],
    fmt: Format,
    parameters: Sequence[np.ndarray],
) -> str:
    """Append a function that stands behind a pool in front of it, and the pool; return the pool's edge.

    That is the same if the function never falls with the floats that the pool compares.
    """
    behind = data.chain[len(pool.data.chain) :]
    slope = direction(behind)
    if slope is None or (slope < 0).any():
        raise ModelError("a max pool looks for the largest of a function that falls and rises, and what stands between "
                         "it and this quantizer does not rise; put a quantizer in front of the pool")  # fmt: skip
    ends = np.repeat(np.array([[-_FAR], [_FAR]], dtype=np.float32), importer.channels(data), axis=1)
    if (np.diff(codes(apply(behind, ends)), axis=0) < 0).any():
        raise ModelError("a max pool looks for the largest of a function that falls and rises, and the scale of the "
                         "quantizer behind it is negative; put a quantizer in front of the pool")  # fmt: skip
    rising = replace(pool.data, chain=pool.data.chain + behind)
    name = add_function(importer, rising, codes, fmt, parameters=parameters)
    return pool.pooled(importer, replace(pool.data, edge=name))


def _numbers(y: np.ndarray) -> np.ndarray:
    """Return ``y``, which must hold no NaN."""
    if np.isnan(y).any():
        raise ModelError("its input can be NaN")
    return y


def plainly_quantized(importer: ImportState, data: Data) -> Data:
    """Return data on an edge of codes if its chain has a quantizer in plain operators (Round, Clip), else as it is.

    All tensors that go through the same quantizer are on the new edge then.
    """
    head = data.chain[: whole_part(data.chain)]
    rounded = replace(data, chain=head)
    reached = _reached(importer, rounded) if head else None
    if reached is None or reached.max() - reached.min() >= _MOST_LEVELS:
        return data
    fmt = format_for(reached)
    make = add_function if importer.declared(data) else quantized_on_host
    edge = make(importer, rounded, _whole_codes, fmt)
    begins = Dequantize(np.ones(1), np.zeros(1))
    if data.index.size == importer.length(data):
        for name, t in importer.tensors.items():
            if isinstance(t, Data) and t.edge in (data.edge, ON_HOST + data.edge) and t.chain[: len(head)] == head:
                importer.tensors[name] = replace(t, edge=edge, chain=(begins, *t.chain[len(head) :]))
    return replace(data, edge=edge, chain=(begins, *data.chain[len(head) :]))


def _whole_codes(y: np.ndarray) -> np.ndarray:
    return np.rint(y).astype(np.int64)


def _reached(importer: ImportState, data: Data) -> np.ndarray | None:
    """Return whole numbers (int64) that a chain leads to, or the ends of their range; None where neither is known."""
    chain, largest = data.chain, float(np.finfo(np.float32).max)
    if not importer.declared(data):
        with np.errstate(all="ignore"):
            ends = ends_of(chain, -largest, largest)
        return None if ends is None or max(map(abs, ends)) >= _MOST_LEVELS else _with_zero(*map(int, ends))
    if is_monotone(chain):
        edge = importer.edge(data.edge)
        x = np.stack([edge.lo, edge.hi])
    else:
        found = _visited(importer, data)
        return None if found is None else found.astype(np.int64)
    y = apply(chain, x)[:, np.unique(data.index % importer.channels(data))]
    if not (is_monotone(chain) and np.isfinite(y).all() and np.abs(y).max() < _MOST_LEVELS):
        return None
    return _with_zero(int(y.min()), int(y.max()))


def _with_zero(lo: int, hi: int) -> np.ndarray:
    """Return the ends of a range, and zero where it lies between them."""
    return np.array([lo, min(max(lo, 0), hi), hi])


def _visited(importer: ImportState, data: Data) -> np.ndarray | None:
    """Return the floats behind a chain for all integers in front of it, each once; None where there are too many."""
    edge, found = importer.edge(data.edge), np.zeros(0, dtype=np.float32)
    lo, hi, used = int(edge.lo.min()), int(edge.hi.max()), np.unique(data.index % edge.channels)
    rows = max(1, (1 << 21) // edge.channels)
    if (hi - lo + 1) * edge.channels > _MOST_VISITS:
        return None
    for start in range(lo, hi + 1, rows):
        x = np.clip(np.arange(start, min(hi + 1, start + rows))[:, None], edge.lo, edge.hi)
        found = np.unique(np.r_[found, apply(data.chain, x)[:, used].reshape(-1)])
        if len(found) > _MOST_LEVELS or not np.isfinite(found).all():
            return None
    return found


def integers(importer: ImportState, data: Data) -> tuple[str, np.ndarray, np.ndarray]:
    """Return data as ``scale * (integer - zero)``: the edge, scale and zero, the latter two float64 by channel.

    A chain that is not affine on its edge's values (a ReLU behind a signed quantizer, say) becomes a table.

    Raises
    ------
    ModelError
        If the input is not declared, or the data is not quantized to evenly spaced levels.
    """
    data = plainly_quantized(importer, data)
    importer.known(data)
    edge = importer.edge(data.edge)
    coefficients = affine(data.chain)
    if coefficients is not None:
        a, b = (np.broadcast_to(c, edge.channels) for c in coefficients)
        if (a != 0).all() and np.isfinite(a).all() and np.isfinite(b).all():
            return data.edge, a, _snapped(-b / a)
    clipped = clipped_codes(importer, data) if edge.format.levels > MOST_LEVELS else None
    return tabulated(importer, data) if clipped is None else integers(importer, clipped)


def evenly_coded(importer: ImportState, edge: str) -> str:
    """Return the edge, or one of the same integers where its codes are indices of a table: what sums and joins take."""
    fmt = importer.edge(edge).format
    if fmt.linear:
        return edge
    name = importer.new("threshold")
    return importer.add(Threshold(name, edge, name, fmt.values[None, 1:], fmt.values[None], format_for(fmt.values)))


def tabulated(importer: ImportState, data: Data) -> tuple[str, np.ndarray, np.ndarray]:
    """Return what `integers` does, from a new edge of evenly spaced levels that rise with the floats.

    Raises
    ------
    ModelError
        If the floats are too many, not finite, or not evenly spaced.
    """
    edge = importer.edge(data.edge)
    lo, hi = int(edge.lo.min()), int(edge.hi.max())
    if hi - lo >= _MOST_LEVELS:
        raise ModelError(f"its input is not quantized (it can have {hi - lo + 1} different values)")
    x = np.arange(lo, hi + 1)[:, None]
    y = apply(data.chain, np.broadcast_to(x, (len(x), edge.channels)))[:, np.unique(data.index % edge.channels)]
    if not np.isfinite(y).all():
        raise ModelError("its input can be NaN or infinite")
    levels = np.unique(y.astype(np.float64))
    zero, step, m = grid_of(levels, _slopes(data.chain))
    ends, fmt = (levels[1:] + levels[:-1]) / 2, format_for(m) if np.abs(m).max() < 256 else levels_format(m)
    name = add_function(importer, data, lambda v: m[np.searchsorted(ends, v)], fmt)
    channels = importer.edge(name).channels
    return name, np.full(channels, step), np.full(channels, _snapped(-zero / step))


def _slopes(chain: Chain) -> np.ndarray:
    """Return the magnitudes of what a chain's affine operations scale by: a step of levels may be one of them."""
    found = affine([op for op in chain if op.coefficients is not None])
    return np.zeros(0) if found is None else np.unique(np.abs(found[0]))


def _snapped(zero: np.ndarray | float) -> np.ndarray:
    """Return a zero point, float64, moved to the multiple of 2**-16 beside it: 127.5 for 127.50000000000001."""
    near = np.rint(zero * 65536) / 65536
    return np.where(np.abs(near - zero) <= 1e-12 * np.abs(zero), near, zero)
