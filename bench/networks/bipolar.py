"""What models of one bit with random weights are built of: weights and activations of their layers."""

import numpy as np

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

    def __init__(self, seed, name):
        super().__init__(name=name)
        self._rng = np.random.default_rng(seed)
        self._one = self.constant(1, "one")

    def signs(self, x):
        """Return the signs of ``x``, a tensor or an array."""
        return self.bipolar_quant(x, self._one)

    def weights(self, *shape):
        """Return random weights of this shape."""
        return self.signs(self._rng.choice([-1.0, 1.0], shape))

    def activation(self, x, count, fan_in):
        """Return the signs of ``count`` channels of ``x``, sums of ``fan_in`` products each, behind a batch norm."""
        rng, spread = self._rng, fan_in**0.5
        norm = (rng.uniform(0.5, 1.5, count), rng.normal(0, 0.3, count), rng.normal(0, 0.3, count) * spread,
                rng.uniform(0.5, 1.5, count) * fan_in)  # fmt: skip
        return self.signs(self.add("BatchNormalization", x, *norm, epsilon=1e-5))
