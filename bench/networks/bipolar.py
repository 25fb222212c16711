"""A builder of models of one bit with random weights."""

import numpy as np
from numpy.typing import ArrayLike

from fewbit.golden.model_file.builder import ModelBuilder

__all__ = ["BipolarModel"]


class BipolarModel(ModelBuilder):
    """A QONNX model under construction, whose weights and activations are bipolar.

    Parameters
    ----------
    seed : int
        Seed of the weights and of the batch norms.
    name : str
        Name of the graph.
    """

    def __init__(self, seed: int, name: str):
        super().__init__(name=name)
        self._rng = np.random.default_rng(seed)
        self._one = self.constant(1, "one")

    def signs(self, x: str | ArrayLike) -> str:
        """Return the signs, a tensor, of ``x``, the name of a tensor or an array."""
        return self.bipolar_quant(x, self._one)

    def weights(self, *shape: int) -> str:
        """Return random weights of this shape, a tensor."""
        return self.signs(self._rng.choice([-1.0, 1.0], shape))

    def activation(self, x: str, count: int, fan_in: int) -> str:
        """Return the signs of ``count`` channels of ``x``, sums of ``fan_in`` products each, behind a batch norm."""
        rng, spread = self._rng, fan_in**0.5
        norm = (rng.uniform(0.5, 1.5, count), rng.normal(0, 0.3, count), rng.normal(0, 0.3, count) * spread,
                rng.uniform(0.5, 1.5, count) * fan_in)  # fmt: skip
        return self.signs(self.add("BatchNormalization", x, *norm, epsilon=1e-5))
