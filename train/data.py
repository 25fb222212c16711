"""The 8x8 handwritten digits that scikit-learn ships, split once and for all.

1,797 scans of 64 pixels, integers 0 to 16 (Alpaydin and Kaynak 1998, UCI "Optical Recognition of Handwritten
Digits"). Within each class the images are ordered by the SHA-256 of their 64 pixel bytes, and the first 36 are the
test split: it is stratified, and independent of the order in which the data comes, of any seed and of any library's
random generator. No image occurs twice. Training never sees the test split.
"""

import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np

__all__ = ["CLASSES", "DIGITS", "TEST_PER_CLASS", "Dataset", "Split", "augment", "load", "split"]

CLASSES = 10
TEST_PER_CLASS = 36


@dataclass(frozen=True)
class Split:
    """Images, ``uint8`` ``(n, pixels)``, and their labels, ``int64`` ``(n,)``."""

    raw: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.label)


class Loader(Protocol):
    """A function that gives the `Split` to train with and the one to measure with."""

    def __call__(self, *, validation: bool = False) -> tuple[Split, Split]: ...


class Augmentation(Protocol):
    """A function that gives ``copies`` versions of each image, ``(copies, n, pixels)``, at random."""

    def __call__(self, raw: np.ndarray, *, copies: int, seed: int) -> np.ndarray: ...


@dataclass(frozen=True)
class Dataset:
    """Images of ten classes, and how a network takes them.

    Attributes
    ----------
    shape : tuple of int
        The shape of a sample: (features,), or (height, width, channels).
    declaration : str
        The integers that the pixels are, and what the model takes them for (`golden.numbers.declaration`), such as
        ``uint5/16``.
    load : Loader
        The function that gives the images. With ``validation`` the test images are left out.
    augment : Augmentation
        The function that varies images.
    """

    shape: tuple[int, ...]
    declaration: str
    load: Loader
    augment: Augmentation

    @property
    def divisor(self) -> np.float32:
        """What a pixel is divided by to become what the model takes: a power of two, so that this is exact."""
        return np.float32(self.declaration.partition("/")[2])

    def to_input(self, raw: np.ndarray) -> np.ndarray:
        """Return samples as `train.model` takes them, float32 ``(n, *shape)``, of pixels ``(n, ...)``."""
        return np.asarray(raw, dtype=np.float32).reshape(-1, *self.shape) / self.divisor

    def to_onnx(self, x: np.ndarray) -> np.ndarray:
        """Return samples ``(n, *shape)`` as the exported model takes them: channels come before rows and columns."""
        return np.moveaxis(x, -1, 1) if len(self.shape) == 3 else x


def split(whole: Split, per_class: int) -> tuple[Split, Split]:
    """Return two parts of the images: of each class the ``per_class`` whose pixels hash lowest, and the rest.

    Both parts keep the order of ``whole``.

    Raises
    ------
    ValueError
        If a class has too few images.
    """
    digest = np.array([hashlib.sha256(row.tobytes()).hexdigest() for row in whole.raw])
    chosen = np.zeros(len(whole), dtype=bool)
    for label in range(CLASSES):
        members = np.flatnonzero(whole.label == label)
        if per_class not in range(1, len(members)):
            raise ValueError(f"Images per class must be 1 to {len(members) - 1} for class {label}, not {per_class!r}")
        chosen[members[np.argsort(digest[members], kind="stable")[:per_class]]] = True
    return Split(whole.raw[chosen], whole.label[chosen]), Split(whole.raw[~chosen], whole.label[~chosen])


def load(*, validation: bool = False) -> tuple[Split, Split]:
    """Return ``(train, test)``, two `Split`: 1,437 and 360 images.

    With ``validation`` the test split is left out altogether: a second split of the training part, by the same rule,
    gives 1,077 and 360 images. Every choice of a hyperparameter is made on those.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    whole = Split(digits.data.astype(np.uint8), digits.target.astype(np.int64))
    test, train = split(whole, TEST_PER_CLASS)
    if validation:
        test, train = split(train, TEST_PER_CLASS)
    return train, test


def augment(raw: np.ndarray, *, copies: int, seed: int) -> np.ndarray:
    """Return ``copies`` versions of each image, ``uint8`` ``(copies, n, 64)``; the first is the image itself.

    The others are turned by up to 12 degrees, scaled by up to 10 %, sheared by up to 0.1 and shifted by up to 0.75
    pixels, then interpolated linearly and rounded to whole pixel values, so that they are on the grid of the real ones.
    """
    rng = np.random.default_rng(seed)
    count = (copies - 1, len(raw))
    turn = rng.uniform(-np.pi / 15, np.pi / 15, count)
    zoom = rng.uniform(0.9, 1.1, count)
    shear = rng.uniform(-0.1, 0.1, count)
    shift = rng.uniform(-0.75, 0.75, (2, *count))
    rows, cols = (grid.ravel() - 3.5 for grid in np.mgrid[:8, :8])
    cos, sin = (np.cos(turn) * zoom)[..., None], (np.sin(turn) * zoom)[..., None]
    y = cos * rows - sin * cols + shift[0][..., None] + 3.5
    x = sin * rows + cos * cols + shear[..., None] * rows + shift[1][..., None] + 3.5

    # One pixel of zeros all around; what lies further out is zero as well.
    padded = np.pad(raw.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1))).astype(np.float64)
    y, x = np.clip(y + 1, 0, 8.999), np.clip(x + 1, 0, 8.999)
    top, left = y.astype(int), x.astype(int)
    image = np.arange(len(raw))[None, :, None]
    result = sum(
        padded[image, top + down, left + right] * np.abs(1 - down - (y - top)) * np.abs(1 - right - (x - left))
        for down in (0, 1)
        for right in (0, 1)
    )
    return np.concatenate([raw[None], np.rint(result).astype(np.uint8)])


DIGITS = Dataset((64,), "uint5/16", load, augment)
