"""Samples that a search does not choose by."""

import json

import numpy as np
import pytest

from fewbit.flow.images import ImageError, Images
from fewbit.flow.quantizing.float_model import FloatProject
from fewbit.flow.quantizing.held_out import halves, without
from tests.support.small_float_models import dense


def images(count, classes=3, seed=1):
    rng = np.random.default_rng(seed)
    values = np.arange(2 * count).reshape(count, 2)
    return Images(values, rng.integers(0, classes, count), "samples.npz", values.astype(np.float32))


def rows(found):
    return {tuple(row) for row in found.values.tolist()}


@pytest.mark.parametrize("count", [2, 3, 40, 101])
def test_halves_have_every_sample_once_and_as_many_of_each_class(count):
    whole = images(count)
    chosen, scored = halves(whole)
    assert rows(chosen) | rows(scored) == rows(whole) and not rows(chosen) & rows(scored)
    assert abs(len(chosen) - len(scored)) <= 1
    for half in (chosen, scored):
        at = half.values[:, 0] // 2  # the number of the sample in the file
        assert (np.diff(at) > 0).all() and (half.labels == whole.labels[at]).all()
        assert (half.floats == half.values).all()
    counts = [np.bincount(half.labels, minlength=3) for half in (chosen, scored)]
    assert np.abs(counts[0] - counts[1]).max() <= 1


def test_halves_are_always_the_same_and_not_the_order_of_the_file():
    first, again = (halves(images(60))[0].values for _ in range(2))
    assert (first == again).all()
    assert not (first[:, 0] // 2 == np.arange(30)).all() and not (first[:, 0] // 4 == np.arange(30)).all()


def test_what_cannot_be_halved():
    with pytest.raises(ImageError, match="samples.npz: has 1 sample, and a search chooses by some and scores on"):
        halves(images(1))
    with pytest.raises(ImageError, match="has no array 'label'"):
        halves(Images(np.zeros((4, 2), dtype=np.int64), None, "samples.npz"))


def test_what_was_used_is_left_out():
    whole = images(10)
    used = whole.taking(np.array([0, 7]))
    left = without(whole, used)
    assert rows(left) == rows(whole) - rows(used)
    assert left.note == "samples.npz: 2 of 10 samples are among those of samples.npz, and left out"
    assert without(left, used).note == left.note and whole.note is None
    with pytest.raises(ImageError, match="all its samples are among those of samples.npz"):
        without(used, whole)


def test_neither_ranges_nor_formats_are_chosen_by_what_is_scored_on(scratch):
    model, file = dense(scratch / "m.onnx"), scratch / "samples.npz"
    project = FloatProject(model, images=file, holding_out=True)
    assert not rows(project.test) & (rows(project.images) | rows(project.samples))
    assert len(project.calibration.samples) == len(project.images) == len(project.test) == 60
    both = FloatProject(model, calibration=file, images=file)
    assert both.test is None and len(both.images) == 120


def test_a_search_scores_on_the_samples_of_test(fewbit, scratch):
    model = dense(scratch / "m.onnx")
    with np.load(scratch / "samples.npz") as file:
        x, label = file["x"], file["label"]
    np.savez(scratch / "choose.npz", x=x[:80], label=label[:80])
    np.savez(scratch / "test.npz", x=x[70:], label=label[70:])
    common = ("search", model, "--images", scratch / "choose.npz", "--formats", "w4a4,w1a1", "--cycles", 1000, "-o",
              scratch / "out", "--json", "--test")  # fmt: skip
    status, out, err = fewbit(*common, scratch / "test.npz")
    found = json.loads(out)
    assert status == 0 and "test.npz: 10 of 50 samples are among those of" in err
    assert (found["images"]["samples"], found["test"]["samples"]) == (80, 40)
    assert found["test"]["from"].endswith("test.npz")
    status, out, err = fewbit(*common, scratch / "choose.npz")
    assert status == 2 and "all its samples are among those of" in err and "--test" in err
