"""The end of a network: what the hardware gives, and what is left to the host."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.argmax import ArgMax
from fewbit.golden.network.closings import AlongAxis
from fewbit.golden.network.graph import Edge, Network, Node, Output
from fewbit.golden.network.pointwise import Score
from fewbit.golden.network.spatial import View
from fewbit.golden.numbers.elementwise import Chain, apply, mapped

__all__ = ["lower_argmax"]

Ending = tuple[Sequence[Node] | None, str | None]  # the nodes that find a label, or why there are none

_MOST_VALUES = 1 << 22  # that ordering the logits of all classes may visit
_MOST_SCORE = 1 << 31
_GAP = 1e-6  # between logits, so that Softmax cannot make two of them equal
_NORMS = {"Softmax", "LogSoftmax"}


def lower_argmax(network: Network, output: str) -> Network:
    """Move an ArgMax at the end into the hardware where the integers provably have the order of the floats.

    With ``output="label"`` the hardware gives the index of the largest logit, whatever the model ends with. The network
    may be changed in place; the one that is returned counts.

    Raises
    ------
    ModelError
        If the hardware cannot give a label that is asked for; the message says why.
    """
    if output == "label":
        return _label(network)
    if len(network.outputs) == 1 and _names(network.outputs[0])[-1:] == ["ArgMax"]:
        out = network.outputs[0]
        normed = bool(_NORMS & set(_names(out)))
        gap = _GAP if normed else 0
        return _lower(network, out, _ending(network, out, gap)[0]) if _is_whole(out) else _by_pixel(network, out, gap)
    return network


def _names(out: Output) -> list[str]:
    """Return the operations that the host computes at an output, but for those that only lay it out anew."""
    return [name for name, _ in out.closing if name != "Reshape"]


def _is_whole(out: Output) -> bool:
    """Say whether all functions along an axis that the host computes see all of a sample at once."""
    y, whole = np.zeros(out.index.shape, dtype=np.float32), True
    for _, function in out.closing:
        if isinstance(function, AlongAxis):
            whole = whole and y.shape[function.axis] == y.size
        y = function(y)
    return whole


def _by_pixel(network: Network, out: Output, gap: float) -> Network:
    """Return the network with an ArgMax of every pixel, if its channels are the classes; else as it was."""
    edge, axes = network.edges()[out.edge], {f.axis for _, f in out.closing if isinstance(f, AlongAxis)}
    if len(axes) != 1 or not all(isinstance(f, AlongAxis) for _, f in out.closing):
        return network
    (axis,) = axes
    rows = np.moveaxis(out.index, axis, -1).reshape(-1, out.index.shape[axis])
    pixels, first = np.divmod(rows[:, :1], edge.channels)
    if rows.shape[1] != edge.channels or first.any() or (rows != rows[:, :1] + np.arange(edge.channels)).any():
        return network
    nodes, _ = _ordering(replace(edge, size=()), out, gap)
    if nodes is None:
        return network
    return _ending_in(network, out, nodes, pixels.reshape(_shape(out)))


def _label(network: Network) -> Network:
    """Return the network that gives a label in hardware."""
    out = next((o for o in network.outputs if _names(o)[-1:] == ["ArgMax"]), network.outputs[0])
    for other in network.outputs:
        same = other.edge == out.edge and other.chain == out.chain and np.array_equal(other.index, out.index)
        if not same or "BottomK" in _names(other):
            raise ModelError(
                f"output {other.name!r}: a model with output label must end in one tensor of logits, with or without "
                "Softmax, LogSoftmax, ArgMax or TopK behind it"
            )
    if out.index.size < 2:
        raise ModelError(f"output {out.name!r} is a single number, which has no largest entry; use output auto")
    if not _is_whole(out):
        raise ModelError(
            f"output {out.name!r} has probabilities or labels of many rows, so it has no single label; use output auto"
        )
    nodes, reason = _ending(network, out, gap=0)
    if nodes is None:
        raise ModelError(f"output {out.name!r} cannot become a label in hardware: {reason}; use output auto")
    if _names(out)[-1:] != ["ArgMax"]:
        out = replace(out, closing=())
    network.outputs = [out]
    return _lower(network, out, nodes)


def _lower(network: Network, out: Output, nodes: Sequence[Node] | None) -> Network:
    """Return the network with ``nodes`` behind its edge; the output keeps the shape that its closing functions gave it.

    Without nodes it is the network as it was.
    """
    if nodes is None:
        return network
    shape = _shape(out) if out.closing else (1, 1)
    return _ending_in(network, out, nodes, np.zeros(shape, dtype=np.int64))


def _shape(out: Output) -> tuple[int, ...]:
    """Return the shape that an output's closing functions give it."""
    y = np.zeros(out.index.shape, dtype=np.float32)
    for _, function in out.closing:
        y = function(y)
    return y.shape


def _ending_in(network: Network, out: Output, nodes: Sequence[Node], index: np.ndarray) -> Network:
    """Return the network with ``nodes`` at its end, of whose last edge the output takes the positions ``index``."""
    network.nodes += nodes
    network.outputs[0] = replace(out, edge=nodes[-1].y, index=index, chain=(), closing=(), scores=False)
    return network


def _ending(network: Network, out: Output, gap: float) -> Ending:
    """Return the nodes that find the largest logit and None, or None and the reason why there are none.

    ``gap`` is the least difference of unequal logits that is accepted.
    """
    edge = network.edges()[out.edge]
    if not np.array_equal(out.index.reshape(-1), np.arange(edge.length)):
        return None, "its positions are not those of the last layer, in order"
    if edge.pixels > 1:
        nodes, reason = _ending(*_flat(network, out, edge), gap)
        return nodes and [View("view_label", out.edge, "view_label"), *nodes], reason
    return _ordering(edge, out, gap)


def _ordering(edge: Edge, out: Output, gap: float) -> Ending:
    """Return what `_ending` does for an edge of one pixel, whose channels are the classes."""
    argmax = ArgMax("argmax0", out.edge, "argmax0")
    if not edge.format.integral:
        folded = not out.chain
        return ([argmax], None) if folded else (None, "float operations stand behind the last layer")
    if all((p == p.flat[0]).all() for op in out.chain for p in op.parameters):
        # One function for all classes: it must rise strictly, so that what is tied as a float is tied as an integer.
        lo, hi = int(edge.lo.min()), int(edge.hi.max())
        if hi - lo < _MOST_VALUES:
            y = _column(out.chain, np.arange(lo, hi + 1), 0, edge.length).astype(np.float64)
            if (np.diff(y) > gap).all():
                return [argmax], None
    if int((edge.hi - edge.lo + 1).sum()) > _MOST_VALUES:
        return None, f"its classes reach more than {_MOST_VALUES} integers, too many to prove their order"
    return _scored(edge, out, argmax, gap)


def _flat(network: Network, out: Output, edge: Edge) -> tuple[Network, Output]:
    """Return the network and the output with all pixels of the last layer as one vector."""
    view = View("view_label", out.edge, "view_label")
    chain = mapped(out.chain, lambda p: np.tile(p, edge.pixels) if p.size == edge.channels else p)
    return network.with_nodes([*network.nodes, view]), replace(out, edge=view.y, chain=chain)


def _scored(edge: Edge, out: Output, argmax: ArgMax, gap: float) -> Ending:
    """Return what `_ending` does for classes whose functions differ: an ArgMax of the integers, or of their scores.

    All integers of all classes are put into the order of their floats, which scores must keep.
    """
    values = [np.arange(lo, hi + 1) for lo, hi in zip(edge.lo, edge.hi, strict=True)]
    floats = [_column(out.chain, v, c, edge.length) for c, v in enumerate(values)]
    x, y = np.concatenate(values), np.concatenate(floats).astype(np.float64)
    owner = np.repeat(np.arange(edge.length), [len(v) for v in values])
    failed: Ending = None, "its integers do not have the order of its floats"
    if np.isnan(y).any() or (np.diff(np.unique(y)) < gap).any():
        return failed
    rank = np.lexsort((-owner, y))
    if _same_order(x, owner, rank):
        return [argmax], None
    slope = np.array([(f[-1] - f[0]) / max(1, v[-1] - v[0]) for f, v in
                      zip((f.astype(np.float64) for f in floats), values, strict=True)])  # fmt: skip
    fixed = np.array([len(v) == 1 for v in values])
    if not (np.isfinite(slope).all() and (slope[~fixed] > 0).all() and not fixed.all()):
        return failed
    shift = np.array([float(f[0]) - s * v[0] for f, s, v in zip(floats, slope, values, strict=True)])
    for bits in range(1, 25):
        unit = slope.max() / 2**bits
        if np.abs(shift).max() / unit > 2**40:
            break
        multiplier, addend = np.rint(slope / unit).astype(np.int64), np.rint(shift / unit).astype(np.int64)
        score = x * multiplier[owner] + addend[owner] - addend.min()
        if max(-int(score.min()), int(score.max())) >= _MOST_SCORE:
            break
        if _same_order(score, owner, rank):
            return [
                Score("score0", out.edge, "score0", multiplier, addend - addend.min()),
                replace(argmax, x="score0"),
            ], None
    return failed


def _column(chain: Chain, values: np.ndarray, c: int, length: int) -> np.ndarray:
    """Return the chain's floats for all ``values`` of class ``c`` of ``length`` classes."""
    rows = max(1, (1 << 22) // length)
    parts = []
    for start in range(0, len(values), rows):
        x = np.zeros((len(values[start : start + rows]), length), dtype=np.int64)
        x[:, c] = values[start : start + rows]
        parts.append(apply(chain, x)[:, c])
    return np.concatenate(parts)


def _same_order(score: np.ndarray, owner: np.ndarray, rank: np.ndarray) -> bool:
    """Say whether of any two classes the winner by (score, first of equals) is that by (float, first of equals).

    ``rank`` sorts by (float, -owner), so the later of two wins. Two values of one class never meet: they may be in any
    order.
    """
    score, owner = score[rank], owner[rank]
    classes = int(owner.max()) + 1
    key = score * classes - owner  # ties go to the smaller class
    for c in range(classes):
        mine = owner == c
        before = np.maximum.accumulate(np.where(mine, np.iinfo(np.int64).min, key))
        if (before[mine] > key[mine]).any():
            return False
    return True
