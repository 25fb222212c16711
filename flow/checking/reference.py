"""What executes a model in the world that it comes from: an answer that nothing of ours had a part in."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from fewbit.golden.registry import ByClass

__all__ = ["ReferenceExecutor", "reference_of"]

reference_of = ByClass("reference to check with")
"""Functions from a `golden.model_file.source.SourceFile` to its `ReferenceExecutor`, by the class of the file."""


class ReferenceExecutor(Protocol):
    """The executor of one model.

    Attributes
    ----------
    name : str
        What executes it, as the result says it.
    outputs : list of str
        Names of the model's outputs, in their order.
    copies : int
        Copies of a sample that the model takes at a time.
    """

    @property
    def name(self) -> str: ...

    @property
    def outputs(self) -> Sequence[str]: ...

    @property
    def copies(self) -> int: ...

    def run(self, number: int, x: np.ndarray) -> Mapping[str, np.ndarray]:
        """Return the outputs for one sample, and whatever other tensors are known, by name.

        Their first values are the sample's: an executor may need copies of it behind them.

        Parameters
        ----------
        number : int
            Number of the sample, from 0 on.
        x : float32 array (1, ...)
            The sample as the model takes it.

        Raises
        ------
        golden.model_file.file.ModelError
            If the executor cannot run the model.
        """
