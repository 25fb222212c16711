"""Functions of one integer: a quantizer behind a chain becomes thresholds, what a product reads becomes integers."""

from collections.abc import Callable, Sequence

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.elementwise import affine, apply, is_monotone, is_shared
from fewbit.golden.numbers.formats import Format, format_for
from fewbit.golden.numbers.thresholds import find_thresholds, steps_of
from fewbit.golden.rewrite.pairs import pair_function

from .growing import GrowingNetwork
from .network_builder import NetworkBuilder
from .tensors import Data

__all__ = ["add_function", "evenly_coded", "integers", "tabulated"]

_MOST_VISITS = 1 << 28  # evaluations that a function that is not monotone may take
_MOST_LEVELS = 1 << 16  # values that a table may be tried for
_MOST_EVEN = 255  # steps between zero and the largest level of such a table


def add_function(
    importer: GrowingNetwork,
    data: Data,
    codes: Callable[[np.ndarray], np.ndarray],
    fmt: Format,
    *,
    parameters: Sequence[np.ndarray] = (),
) -> str:
    """Append a `Threshold` for ``codes(chain(x))``, by channel or, where all are alike, one for all.

    Parameters
    ----------
    importer : GrowingNetwork
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
        raise ModelError(f"a function that is not monotone stands behind a range of over {_MOST_VISITS} integers")

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


def _numbers(y: np.ndarray) -> np.ndarray:
    """Return ``y``, which must hold no NaN."""
    if np.isnan(y).any():
        raise ModelError("its input can be NaN")
    return y


def integers(importer: GrowingNetwork, data: Data) -> tuple[str, np.ndarray, np.ndarray]:
    """Return data as ``scale * (integer - zero)``: the edge, scale and zero, the latter two float64 by channel.

    A chain that is not affine on its edge's values (a ReLU behind a signed quantizer, say) becomes a table.

    Raises
    ------
    ModelError
        If the input is not declared, or the data is not quantized to evenly spaced levels.
    """
    importer.known(data)
    edge = importer.edge(data.edge)
    coefficients = affine(data.chain)
    if coefficients is not None:
        a, b = (np.broadcast_to(c, edge.channels) for c in coefficients)
        if (a != 0).all() and np.isfinite(a).all() and np.isfinite(b).all():
            return data.edge, a, _snapped(-b / a)
    return tabulated(importer, data)


def evenly_coded(importer: NetworkBuilder, edge: str) -> str:
    """Return the edge, or one of the same integers where its codes are indices of a table: what sums and joins take."""
    fmt = importer.edge(edge).format
    if fmt.linear:
        return edge
    name = importer.new("threshold")
    return importer.add(Threshold(name, edge, name, fmt.values[None, 1:], fmt.values[None], format_for(fmt.values)))


def tabulated(importer: GrowingNetwork, data: Data) -> tuple[str, np.ndarray, np.ndarray]:
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
    zero, step, m = _even_levels(np.unique(y.astype(np.float64)))
    name = add_function(importer, data, lambda v: np.rint((v - zero) / step).astype(np.int64), format_for(m))
    channels = importer.edge(name).channels
    return name, np.full(channels, step), np.full(channels, _snapped(-zero / step))


def _even_levels(levels: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Return zero, step and the whole numbers m (int64) of levels ``zero + step*m`` as float32 rounded them."""
    gaps = np.diff(levels)
    step = gaps[gaps > 1e-6 * np.abs(levels).max()].min(initial=np.inf)
    zero = levels[np.abs(levels).argmin()]
    if not np.isfinite(step):
        step = abs(zero) or 1.0
    zero = 0.0 if abs(zero / step - np.rint(zero / step)) < 1e-4 else zero
    m = np.rint((levels - zero) / step)
    if np.abs(m).max() > _MOST_EVEN or not np.allclose(m * step + zero, levels, rtol=1e-5, atol=1e-6 * step):
        raise ModelError("its input is not quantized to evenly spaced levels; put a quantizer in front of it")
    if m[-1] > m[0]:
        step = (levels[-1] - levels[0]) / (m[-1] - m[0])
    return zero, step, m.astype(np.int64)


def _snapped(zero: np.ndarray | float) -> np.ndarray:
    """Return a zero point, float64, moved to the multiple of 2**-16 beside it: 127.5 for 127.50000000000001."""
    near = np.rint(zero * 65536) / 65536
    return np.where(np.abs(near - zero) <= 1e-12 * np.abs(zero), near, zero)
