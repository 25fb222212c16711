"""A ReLU or Clip behind codes of many levels: a clip of the codes, where its bounds are some of their floats."""

from dataclasses import replace

import numpy as np

from fewbit.golden.network.pointwise import Rescale
from fewbit.golden.numbers.elementwise import Dequantize, apply
from fewbit.golden.numbers.formats import format_for

from .import_state import ImportState
from .tensors import Data

__all__ = ["clipped_codes"]

_CLAMPS = ("Relu", "Clip")


def clipped_codes(importer: ImportState, data: Data) -> Data | None:
    """Return data whose chain is ``scale*(code - zero)`` and clamps on an edge of clipped codes, without the clamps.

    The codes between the bounds are as they were, so a table of all of them is not needed. The result is None where
    the chain is another one, or a bound lies between two codes.
    """
    first, clamps = data.chain[0], data.chain[1:]
    if not clamps or not isinstance(first, Dequantize):
        return None
    edge = importer.edge(data.edge)
    if any(getattr(op, "name", None) not in _CLAMPS for op in clamps) or (first.scale <= 0).any():
        return None
    if any(parameter.size > 1 for parameter in (*first.parameters, *(p for op in clamps for p in op.parameters))):
        return None
    lo, hi = int(edge.lo.min()), int(edge.hi.max())
    bounds = apply(clamps, np.array([[-np.inf], [np.inf]]))
    ends = np.clip(np.rint(bounds / first.scale + first.zero), lo, hi).astype(np.int64)
    if (apply(data.chain, np.array([[lo], [hi]])) != apply((first,), ends)).any():
        return None
    least, most = ends.reshape(-1).tolist()
    fmt = format_for([least, min(least + 1, most), most])
    clip = None if (least, most) == (fmt.lo, fmt.hi) else (least, most)
    name, ones = importer.new("rescale"), np.ones(edge.channels, dtype=np.int64)
    importer.add(Rescale(name, data.edge, name, ones, 0 * ones, 0, fmt, clip))
    return replace(data, edge=name, chain=(first,))
