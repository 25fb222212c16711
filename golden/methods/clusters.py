"""Weight sharing (Han and others 2016, Deep Compression): k-means codebooks, centroids fine-tuned."""

from .level_tables import midpoints, select
from .method import Array, Method, namespace

__all__ = ["cluster", "kmeans"]


def kmeans(x: Array, count: int, *, steps: int = 30) -> Array:
    """Return ``count`` ascending centroids of all values of ``x``, by Lloyd's algorithm.

    It starts at equal distances from the smallest to the largest value, which Deep Compression found best: large
    weights, few but important, keep centroids of their own. A centroid without members stays where it is.
    """
    xp = namespace(x)
    lo, hi = xp.min(x), xp.max(x)
    spread = xp.asarray([i / (count - 1) for i in range(count)], dtype=x.dtype)
    centroids, values = lo + (hi - lo) * spread, xp.reshape(x, (-1,))
    for _ in range(steps):
        member = _members(values, centroids)
        size = xp.sum(member, axis=0)
        total = xp.sum(member * values[:, None], axis=0)
        centroids = xp.sort(xp.where(size > 0, total / xp.maximum(size, xp.ones_like(size)), centroids))
    return centroids


def _members(x: Array, anchors: Array) -> Array:
    """Return 1 where ``x`` belongs to one of L anchors, else 0: an array of ``x.shape + (L,)``."""
    xp = namespace(x)
    middle, end = midpoints(anchors), xp.asarray([xp.inf], dtype=x.dtype)
    lower, upper = xp.concat([-end, middle]), xp.concat([middle, end])
    return xp.astype((x[..., None] >= lower) & (x[..., None] < upper), x.dtype)


@Method
def cluster(x: Array, centroids: Array, anchors: Array) -> Array:
    """Return ``centroids[n]``, where ``anchors[n]`` is the anchor nearest to ``x`` (Han and others 2016).

    Anchors are the centroids as k-means left them, so which weights share a centroid stays as it was while the
    centroids move. The gradient for a centroid is the sum of those of its members; ``x`` and the anchors have none.
    """
    return select(x, midpoints(anchors), centroids)


@cluster.backward
def _(grad, x, centroids, anchors):
    xp = namespace(x)
    return None, xp.sum(_members(x, anchors) * grad[..., None], axis=tuple(range(x.ndim))), None
