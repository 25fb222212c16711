"""The end of a network: what the hardware gives, and what is left to the host."""

from dataclasses import replace

import numpy as np

from .elementwise import apply
from .formats import Float32
from .network import ArgMax, FloatDense, Score
from .onnxfile import ModelError

__all__ = ["lower_argmax"]

_MOST_VALUES = 1 << 22  # that ordering the logits of all classes may visit
_GAP = 1e-6  # between logits, so that Softmax cannot make two of them equal


def lower_argmax(network, output):
    """ArgMax at the end moves into the hardware where the integers can be proved to have the order of the floats.

    With ``output="label"`` it is added to a model that ends in logits; an error says why where that cannot be.
    """
    for i, out in enumerate(network.outputs):
        names = [name for name, _ in out.closing]
        wanted = names in (["ArgMax"], ["Softmax", "ArgMax"], ["LogSoftmax", "ArgMax"])
        if output == "label" and len(network.outputs) == 1 and names in ([], ["Softmax"], ["LogSoftmax"]):
            wanted, out = True, replace(out, closing=())
            out = replace(out, index=out.index.reshape(1, -1))
        if not wanted:
            if output == "label":
                raise ModelError(f"output {out.name!r} has no single label to give ({' '.join(names) or 'several outputs'})")
            continue
        lowered = _lower(network, out, through=names[:-1] if names[-1:] == ["ArgMax"] else names)
        if lowered is None and output == "label":
            raise ModelError(f"output {out.name!r}: its integers do not have the order of its floats; use --output auto")
        if lowered is not None:
            shape = out.closing[-1][1](np.zeros(out.index.shape, dtype=np.float32)).shape if out.closing else (1, 1)
            network.nodes += lowered
            network.outputs[i] = replace(
                out, edge=lowered[-1].y, index=np.zeros(shape, dtype=np.int64), chain=(), closing=()
            )
    return network


def _lower(network, out, through):
    """The nodes to append, or None."""
    edge = network.edges()[out.edge]
    if not np.array_equal(out.index.reshape(-1), np.arange(edge.length)):
        return None
    argmax = ArgMax("argmax0", out.edge, "argmax0")
    if isinstance(edge.format, Float32):
        return _lower_float(network, out, argmax)
    if int((edge.hi - edge.lo + 1).sum()) > _MOST_VALUES:
        return None
    values = [np.arange(lo, hi + 1) for lo, hi in zip(edge.lo, edge.hi, strict=True)]
    floats = [_column(out.chain, v, c, edge.length) for c, v in enumerate(values)]
    x, y = np.concatenate(values), np.concatenate(floats)
    owner = np.repeat(np.arange(edge.length), [len(v) for v in values])
    gaps = np.diff(np.unique(y.astype(np.float64)))
    if through and (gaps < _GAP).any():
        return None
    rank = np.lexsort((-owner, y))
    if _same_order(x, y, owner, rank):
        return [argmax]
    slope = np.array([(f[-1].astype(np.float64) - f[0]) / max(1, v[-1] - v[0]) for f, v in zip(floats, values, strict=True)])
    if (slope <= 0).any():
        return None
    shift = np.array([f[0] - s * v[0] for f, s, v in zip(floats, slope, values, strict=True)], dtype=np.float64)
    for bits in range(1, 25):
        unit = slope.max() / 2**bits
        multiplier, addend = np.rint(slope / unit).astype(np.int64), np.rint(shift / unit).astype(np.int64)
        if _same_order(x * multiplier[owner] + addend[owner], y, owner, rank):
            score = Score("score0", out.edge, "score0", multiplier, addend - addend.min())
            return [score, replace(argmax, x="score0")]
    return None


def _column(chain, values, c, length):
    x = np.zeros((len(values), length), dtype=np.int64)
    x[:, c] = values
    return apply(chain, x)[:, c]


def _same_order(score, y, owner, rank):
    """Whether the winner by (score, first of equals) is the winner by (y, first of equals), whatever the two are.

    ``rank`` sorts by (y, -owner). Two values of one class never meet, so only neighbours of different classes must
    keep their order; a run of one class is compared through its largest and smallest score.
    """
    score, y, owner = score[rank], y[rank], owner[rank]
    classes = owner.max() + 1
    key = score * classes - owner  # ties go to the smaller class
    for c in range(classes):
        others = np.where(owner == c, np.iinfo(np.int64).min, key)
        before = np.maximum.accumulate(others)
        mine = owner == c
        if (before[mine] > key[mine]).any():
            return False
    return True


def _lower_float(network, out, argmax):
    """A float network's affine end is folded into its last layer, and the hardware compares floats."""
    last = network.nodes[-1]
    if out.chain or not isinstance(last, FloatDense):
        return None
    return [argmax]
