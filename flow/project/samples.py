"""The samples of a project: those that are given, those beside its model, or random ones."""

from fewbit.flow.defaults import RANDOM_SAMPLES
from fewbit.flow.images import Images, SamplesLike, find_images, images_of, random_images
from fewbit.flow.reporting import Report

from .folded_model import FoldedModel

__all__ = ["samples_of"]


def samples_of(
    project: FoldedModel, samples: SamplesLike | None, frames: int | None, report: Report, count: int = RANDOM_SAMPLES
) -> Images:
    """Return the samples of a project.

    They are those given, else those beside its model, else ``count`` random ones; only the first ``frames`` of them, if
    that is given.

    Raises
    ------
    flow.images.ImageError
        If the samples cannot be read, or do not fit the model.
    """
    if samples is None:
        samples = find_images(project.model)
    if samples is None:
        drawn = random_images(project.network, count if frames is None else frames)
        report.say(f"no samples beside the model and no --images: {len(drawn)} random ones, seeded")
        return drawn
    found = images_of(samples, project.network).first(frames)
    for name in found.zeros:
        report.say(f"{found.source}: has no array {name!r}: that input is zero in all samples")
    if found.floats is None:
        report.say(
            f"{found.source}: the integers of 'x' are taken for the codes of the model's first quantizer; where they "
            "are pixels, say how they become its floats, for example --input uint8/255"
        )
    return found
