"""``fewbit model``: the program that stands for a build, for software that drives it; hidden from people."""

from fewbit.extras import needs

from .options import Build
from .registry import command

__all__ = ["model"]


@command(rank=80, hidden=True)
def model(*, directory: Build):
    """Compile the program that stands for a build in `Accelerator.verilator`, if need be, and print its path."""
    needs("sim")
    from fewbit.flow.boards.verilator_models import model_of

    print(model_of(directory))
