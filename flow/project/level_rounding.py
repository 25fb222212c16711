"""What rounding levels that are in no whole ratios changes, measured on samples against a network of many more bits."""

from fewbit.flow.images import Images
from fewbit.golden.importing.importer import import_model
from fewbit.golden.importing.precision import PRECISE_BITS, RoundingChanges, changes, compared_edges
from fewbit.golden.network.execute import Result, run

from .folded_model import FoldedModel

__all__ = ["rounding_of"]


def rounding_of(project: FoldedModel, images: Images, result: Result) -> RoundingChanges | None:
    """Return what rounding levels changes from the network of `PRECISE_BITS` bits to a project's network.

    ``result`` is what the golden model gives for ``images``. None stands for a network whose levels are exact.
    """
    network = project.network
    if not network.rounds_levels:
        return None
    precise = import_model(project.source, project.input_option, output=project.output_option, precision=PRECISE_BITS)
    values = precise.encode(images.floats) if images.floats is not None else images.values
    reference = run(precise, values, keep=compared_edges(precise))
    return changes(network, result, precise, reference)
