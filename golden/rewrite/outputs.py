"""The end of a network: what the hardware gives, and what is left to the host."""

from dataclasses import replace

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.argmax import ArgMax
from fewbit.golden.network.pointwise import Score
from fewbit.golden.network.spatial import View
from fewbit.golden.numbers.elementwise import apply, mapped

__all__ = ["lower_argmax"]

_MOST_VALUES = 1 << 22  # that ordering the logits of all classes may visit
_MOST_SCORE = 1 << 31
_GAP = 1e-6  # between logits, so that Softmax cannot make two of them equal
_NORMS = {"Softmax", "LogSoftmax"}


def lower_argmax(network, output):
    """ArgMax at the end moves into the hardware where the integers can be proved to have the order of the floats.

    With ``output="label"`` the hardware gives the index of the largest logit, whatever the model ends with; an error
    says why where that cannot be.
    """
    if output == "label":
        return _label(network)
    if len(network.outputs) == 1 and _names(network.outputs[0])[-1:] == ["ArgMax"]:
        out = network.outputs[0]
        normed = bool(_NORMS & set(_names(out)))
        return _lower(network, out, _ending(network, out, gap=_GAP if normed else 0)[0])
    return network


def _names(out):
    return [name for name, _ in out.closing if name != "Reshape"]


def _label(network):
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
    nodes, reason = _ending(network, out, gap=0)
    if nodes is None:
        raise ModelError(f"output {out.name!r} cannot become a label in hardware: {reason}; use output auto")
    if _names(out)[-1:] != ["ArgMax"]:
        out = replace(out, closing=())
    network.outputs = [out]
    return _lower(network, out, nodes)


def _lower(network, out, nodes):
    """The network with ``nodes`` behind its edge; the output keeps the shape that its closing functions gave it."""
    if nodes is None:
        return network
    y = np.zeros(out.index.shape, dtype=np.float32)
    for _, function in out.closing:
        y = function(y)
    shape = y.shape if out.closing else (1, 1)
    network.nodes += nodes
    network.outputs[0] = replace(out, edge=nodes[-1].y, index=np.zeros(shape, dtype=np.int64), chain=(), closing=())
    return network


def _ending(network, out, gap):
    """(nodes to append, None), or (None, reason).

    ``gap`` is the least difference of unequal logits that is accepted.
    """
    edge = network.edges()[out.edge]
    if not np.array_equal(out.index.reshape(-1), np.arange(edge.length)):
        return None, "its positions are not those of the last layer, in order"
    if edge.pixels > 1:
        nodes, reason = _ending(*_flat(network, out, edge), gap)
        return nodes and [View("view_label", out.edge, "view_label"), *nodes], reason
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


def _flat(network, out, edge):
    """The network and the output with all pixels of the last layer as one vector."""
    view = View("view_label", out.edge, "view_label")
    chain = mapped(out.chain, lambda p: np.tile(p, edge.pixels) if p.size == edge.channels else p)
    return network.with_nodes([*network.nodes, view]), replace(out, edge=view.y, chain=chain)


def _scored(edge, out, argmax, gap):
    values = [np.arange(lo, hi + 1) for lo, hi in zip(edge.lo, edge.hi, strict=True)]
    floats = [_column(out.chain, v, c, edge.length) for c, v in enumerate(values)]
    x, y = np.concatenate(values), np.concatenate(floats).astype(np.float64)
    owner = np.repeat(np.arange(edge.length), [len(v) for v in values])
    failed = None, "its integers do not have the order of its floats"
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


def _column(chain, values, c, length):
    """The chain's floats for all ``values`` of class ``c``."""
    rows = max(1, (1 << 22) // length)
    parts = []
    for start in range(0, len(values), rows):
        x = np.zeros((len(values[start : start + rows]), length), dtype=np.int64)
        x[:, c] = values[start : start + rows]
        parts.append(apply(chain, x)[:, c])
    return np.concatenate(parts)


def _same_order(score, owner, rank):
    """Whether of any two classes the winner by (score, first of equals) is the winner by (float, first of equals).

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
