"""Fashion-MNIST (Xiao and others 2017): 70,000 images of clothes, 28x28 pixels of 0 to 255, ten classes.

The Debian package dataset-fashion-mnist carries the four files; else they are downloaded from the authors' repository.
"""

import gzip
import os
import urllib.request
from pathlib import Path

import numpy as np

from fewbit.places import BUILD

from .data import Dataset, Split, split

__all__ = ["FASHION", "DataError", "augment", "load"]

FOLDER = "FEWBIT_FASHION_MNIST"  # the environment variable that says where the files are
PLACES = (Path("/usr/share/datasets/fashion-mnist"), BUILD / "fashion-mnist")
URL = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
PER_CLASS = 600  # images of the validation split


class DataError(RuntimeError):
    """The files of the data are not here and cannot be downloaded, or they are damaged."""


def _file(name):
    given = os.environ.get(FOLDER)
    for place in [Path(given)] if given else PLACES:
        for path in (place / name, place / name.removesuffix(".gz")):
            if path.is_file():
                return path
    if given:
        raise DataError(f"{FOLDER} is {given}, but there is no {name}")
    path = PLACES[-1] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        urllib.request.urlretrieve(URL + name, part)
    except OSError as error:
        raise DataError(
            f"Fashion-MNIST is not here and cannot be downloaded ({error}): install the Debian package "
            f"dataset-fashion-mnist, or set {FOLDER} to the folder of its files"
        ) from None
    return part.rename(path)


def _array(name, magic):
    path = _file(name)
    content = path.read_bytes()
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    head = np.frombuffer(content[: 4 * (magic & 255) + 4], dtype=">u4")
    if head[0] != magic or len(content) != 4 * len(head) + np.prod(head[1:], dtype=np.int64):
        raise DataError(f"{path} is damaged")
    return np.frombuffer(content[4 * len(head) :], dtype=np.uint8).reshape(head[1:])


def _part(name):
    raw, label = _array(f"{name}-images-idx3-ubyte.gz", 0x803), _array(f"{name}-labels-idx1-ubyte.gz", 0x801)
    return Split(raw.reshape(len(raw), -1), label.astype(np.int64))


def load(*, validation: bool = False) -> tuple[Split, Split]:
    """Return ``(train, test)``: 60,000 and 10,000 images; with ``validation``, 54,000 and 6,000 of the first part.

    Raises
    ------
    DataError
        If the files are not here and cannot be downloaded, or are damaged.
    """
    train = _part("train")
    if not validation:
        return train, _part("t10k")
    held_out, train = split(train, PER_CLASS)
    return train, held_out


def augment(raw: np.ndarray, *, copies: int, seed: int) -> np.ndarray:
    """Return ``copies`` versions of each image, ``uint8`` ``(copies, n, 784)``.

    They are itself, its mirror image, then both in turn, shifted by up to two pixels.
    """
    rng = np.random.default_rng(seed)
    images = raw.reshape(-1, 28, 28)
    versions = [images, images[:, :, ::-1]][:copies]
    for k in range(2, copies):
        padded = np.pad(versions[k % 2], ((0, 0), (2, 2), (2, 2)))
        down, right = rng.integers(0, 5, (2, len(images), 1, 1))
        versions.append(
            padded[np.arange(len(images))[:, None, None], down + np.arange(28)[:, None], right + np.arange(28)]
        )
    return np.stack(versions).reshape(copies, len(images), -1)


FASHION = Dataset((28, 28, 1), "uint8/256", load, augment)
