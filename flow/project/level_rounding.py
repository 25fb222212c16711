"""What rounding levels that are in no whole ratios changes, measured on samples: beside a network of many more bits."""

from fewbit.golden.importing.importer import import_model
from fewbit.golden.importing.precision import PRECISE_BITS, changes
from fewbit.golden.network.execute import run

__all__ = ["rounding_of"]


def rounding_of(project, images, result):
    """Return the `golden.importing.precision.RoundingChanges` from the network of `PRECISE_BITS` bits to this one.

    ``None`` stands for a network whose levels are exact.
    """
    network = project.network
    if not network.notes:
        return None
    precise = import_model(project.source, project.input_option, output=project.output_option, precision=PRECISE_BITS)
    reference = run(precise, precise.encode(images.floats) if images.floats is not None else images.values)
    return changes(network, result, precise, reference)
