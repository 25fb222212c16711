"""Samples that a search does not choose by."""

import numpy as np

from fewbit.flow.images import ImageError, Images

__all__ = ["halves", "labelled", "without"]

_SEED = 1


def labelled(images: Images) -> Images:
    """Return images, which must have labels.

    Raises
    ------
    flow.images.ImageError
        If they have none.
    """
    if images.labels is None:
        raise ImageError(f"{images.source}: has no array 'label', and accuracy needs the classes")
    return images


def without(test: Images, used: Images) -> Images:
    """Return the images of ``test`` that are not among those that are ``used``; its note says how many were.

    Raises
    ------
    flow.images.ImageError
        If none is left.
    """
    known = {sample.tobytes() for sample in used.values}
    places = np.array([k for k, sample in enumerate(test.values) if sample.tobytes() not in known], dtype=int)
    if not len(places):
        raise ImageError(
            f"{test.source}: all its samples are among those of {used.source}, which the search chooses by; give "
            "others with --test, or leave it out, and half of the images are kept for it"
        )
    left = test.taking(places)
    if dropped := len(test) - len(left):
        said = f"{test.source}: {dropped} of {len(test)} samples are among those of {used.source}, and left out"
        left.note = said if test.note is None else f"{test.note}; {said}"
    return left


def halves(images: Images) -> tuple[Images, Images]:
    """Return two halves of labelled images: one to choose by, one to score on.

    Each class is shuffled, always in the same way, and dealt out in turn, so that both halves have about as many images
    of it; each half keeps the order of the file.

    Raises
    ------
    flow.images.ImageError
        If there are no labels, or fewer than two images.
    """
    labels = labelled(images).labels
    assert labels is not None  # `labelled` has seen to that
    if len(images) < 2:
        raise ImageError(
            f"{images.source}: has {len(images)} sample, and a search chooses by some and scores on others; give more, "
            "or those to score on with --test"
        )
    order = np.random.default_rng(_SEED).permutation(len(images))
    order = order[np.argsort(labels[order], kind="stable")]
    chosen, scored = (images.taking(np.sort(order[first::2])) for first in (0, 1))
    return chosen, scored
