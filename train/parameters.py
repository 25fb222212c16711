"""Types that the files of `train` share: the parameters of a network, and where random numbers come from."""

from typing import Protocol, TypedDict

import jax
import numpy as np

__all__ = ["Array", "Generated", "LayerParameters", "Parameters", "RandomNumbers", "State"]

Array = jax.Array | np.ndarray
State = dict[str, jax.Array]  # the numbers that a quantizer learns, by their names


class LayerParameters(TypedDict, total=False):
    """The parameters of one product or of one sum of branches (`model`); each is there only where it is needed."""

    weight: Array
    gamma: Array
    beta: Array
    mean: Array
    var: Array
    weight_state: State
    act_state: State


Parameters = list[LayerParameters]


class Generated(Protocol):
    """What says which random numbers the hardware draws: ``bits`` a draw, and the generator with its seed."""

    @property
    def bits(self) -> int: ...

    @property
    def seed(self) -> int: ...

    @property
    def generator(self) -> str: ...


class RandomNumbers(Protocol):
    """Where random numbers come from: `stochastic.Draws` while training, `stochastic.HardwareDraws` in inference.

    Attributes
    ----------
    training : bool
        Whether weights are random too.
    progress : float
        How far the training is, 0 to 1.
    """

    @property
    def training(self) -> bool: ...

    @property
    def progress(self) -> float: ...

    def uniform(self, shape: tuple[int, ...], generator: Generated) -> Array:
        """Return numbers from [0, 1) of a shape, samples first, others in each call."""
