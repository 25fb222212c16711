"""Processing elements on their own."""

from pathlib import Path

from fewbit.extras import needs
from fewbit.flow import defaults
from fewbit.flow.elements.processing_elements import ProcessingElements, write_elements
from fewbit.hw.targets.named import USUAL, target_named

from .progress import ProgressCallback, Told

__all__ = ["processing_elements"]


def processing_elements(
    weights: str, activations: str, *, simd: int = defaults.ELEMENT_LANES, pe: int = defaults.ELEMENTS,
    steps: int = defaults.ELEMENT_STEPS, acc: int | None = None, target: str = USUAL.name,
    directory: Path | str | None = None, run: bool = False, progress: ProgressCallback | None = None,
) -> ProcessingElements:  # fmt: skip
    """Write processing elements as Verilog with their cocotb bench, and return their LUTs, latency and ports.

    Parameters
    ----------
    weights, activations : str
        Formats, as ``ternary`` and ``uint4``.
    simd, pe, steps : int
        Products of a dot product a cycle; dot products at a time; cycles of a dot product, with 1 without accumulator.
    acc : int or None
        Bits of the accumulators; by default as many as no sum needs more.
    target : str
        What they are made of, as of `flow.api.model.Model.build`.
    directory : path or None
        Default ``build/pe``.
    run : bool
        Whether to run the bench in Verilator.
    progress : callable or None
        Told a `fewbit.Progress`.

    Raises
    ------
    ValueError
        If a format is none, or is not one of products, or a number is out of its range.
    fewbit.errors.ToolError, fewbit.errors.SimulationError, fewbit.errors.MissingPackage
    """
    needs(*(["sim"] if run else []))
    return write_elements(
        weights, activations, target_named(target), Told(progress), pe=pe, simd=simd, steps=steps, acc_bits=acc,
        directory=directory, run=run,
    )  # fmt: skip
