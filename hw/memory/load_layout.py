"""Where the words go that software loads memories with, before there is any hardware."""

from collections.abc import Mapping
from itertools import accumulate

import numpy as np

from .buffers import LOAD_BITS
from .placement import Contents

__all__ = ["LoadLayout"]


class LoadLayout:
    """Where the words go that memories are loaded with.

    Parameters
    ----------
    memories : dict of str to Contents

    Attributes
    ----------
    depths : list of int
        Rows of every slice, in the order in which words fill them.
    places : dict of str to slice
        The slices of each memory.
    rows : int
        Rows of the deepest slice.
    count : int
        Words of all slices.
    """

    def __init__(self, memories: Mapping[str, Contents]):
        self._memories = dict(memories)
        counts = [-(-c.width // LOAD_BITS) for c in memories.values()]
        ends = list(accumulate(counts))
        self.depths = [len(c.words) for c, n in zip(memories.values(), counts, strict=True) for _ in range(n)]
        self.places = {name: slice(end - n, end) for name, n, end in zip(memories, counts, ends, strict=True)}
        self.rows, self.count = max(self.depths, default=0), sum(self.depths)

    def words(self) -> np.ndarray:
        """Return the words that give the memories their contents, uint32 ``(count,)``."""
        found = [_slices(contents) for contents in self._memories.values()]
        return np.concatenate([np.zeros(0, np.uint32), *found])


def _slices(contents):
    """Return the words of a memory, slice by slice."""
    size = 4 * -(-contents.width // LOAD_BITS)
    data = b"".join(int(word).to_bytes(size, "little") for word in contents.words)
    return np.frombuffer(data, "<u4").reshape(len(contents.words), -1).T.reshape(-1).astype(np.uint32)
