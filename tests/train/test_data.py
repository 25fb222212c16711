"""The split is fixed, stratified and disjoint; augmented images are on the pixel grid."""

import hashlib

import numpy as np
import pytest

pytest.importorskip("jax")

from fewbit.train import data


def rows(part):
    return {row.tobytes() for row in part.raw}


def test_split_is_whole_stratified_and_disjoint():
    train, test = data.load()
    assert (len(train), len(test)) == (1437, 360)
    assert np.bincount(test.label).tolist() == [36] * 10
    assert np.bincount(train.label).tolist() == [142, 146, 141, 147, 145, 146, 145, 143, 138, 144]
    assert len(rows(train)) == 1437
    assert len(rows(test)) == 360
    assert not rows(train) & rows(test)


def test_split_is_always_the_same():
    _, test = data.load()
    digest = hashlib.sha256(test.raw.tobytes() + test.label.astype(np.uint8).tobytes()).hexdigest()
    assert digest == "b09fb51607a46ae7673b23e745eafaad23e490187b721aac310341df2a72ad70"


def test_split_does_not_depend_on_the_order():
    train, test = data.load()
    whole = data.Split(np.concatenate([train.raw, test.raw]), np.concatenate([train.label, test.label]))
    order = np.random.default_rng(3).permutation(len(whole))
    chosen, rest = data.split(data.Split(whole.raw[order], whole.label[order]), 36)
    assert rows(chosen) == rows(test)
    assert rows(rest) == rows(train)


def test_validation_never_touches_the_test_split():
    train, test = data.load()
    smaller, held_out = data.load(validation=True)
    assert (len(smaller), len(held_out)) == (1077, 360)
    assert rows(smaller) | rows(held_out) == rows(train)
    assert not rows(smaller) & rows(held_out)


@pytest.mark.parametrize("per_class", [0, 174])
def test_split_is_checked(per_class):
    train, test = data.load()
    whole = data.Split(np.concatenate([train.raw, test.raw]), np.concatenate([train.label, test.label]))
    with pytest.raises(ValueError, match=rf"Images per class must be 1 to \d+ for class \d, not {per_class}"):
        data.split(whole, per_class)


def test_input_is_exact():
    raw = np.resize(np.arange(17, dtype=np.uint8), (17, 64))
    x = data.DIGITS.to_input(raw)
    assert x.dtype == np.float32
    assert (x * 16 == raw).all()


def test_augmented_images():
    raw = data.load()[0].raw[:50]
    images = data.augment(raw, copies=8, seed=5)
    assert images.shape == (8, 50, 64)
    assert images.dtype == np.uint8
    assert (images[0] == raw).all()
    assert images.max() == 16
    assert (images == data.augment(raw, copies=8, seed=5)).all()
    assert (images[1:] != data.augment(raw, copies=8, seed=6)[1:]).any()
    # Each is another picture of the same thing: neither itself nor far from it.
    change = np.abs(images[1:].astype(int) - raw).sum(-1) / raw.sum(-1)
    assert (change > 0).all()
    assert change.mean() < 0.5


def test_augmentation_interpolates_linearly(monkeypatch):
    """With only a shift by a quarter of a pixel down, a row takes 3/4 of itself and 1/4 of the one below."""

    class Fixed:
        draws = iter([0, 1, 0, 0])

        def uniform(self, low, high, shape):
            value = np.full(shape, next(self.draws), dtype=float)
            if len(shape) == 3:
                value[0] = 0.25
            return value

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Fixed())
    image = np.random.RandomState(1).randint(0, 17, (8, 8)).astype(np.uint8)
    expected = (3 * image.astype(int) + np.vstack([image[1:], np.zeros((1, 8), int)])) / 4
    result = data.augment(image.reshape(1, 64), copies=2, seed=0)[1, 0].reshape(8, 8)
    assert (result == np.rint(expected)).all()
