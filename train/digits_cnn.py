"""This module trains the convolutional networks of ``examples/digits-cnn``: ``python -m fewbit.train.digits_cnn``.

Options and split are those of `train.digits`; the images keep their shape, 8x8.
"""

from dataclasses import replace

from .data import DIGITS
from .examples import Example
from .layers import Conv, Pool
from .quantize import Binary, Float, Uniform, ternary
from .recipe import Recipe

__all__ = ["EXAMPLE", "RECIPES"]

_IMAGES = replace(DIGITS, shape=(8, 8, 1))
_FEW = Recipe("few", layers=(Conv(16), Conv(32), Pool()), steps=4000, rate=3e-3, gain=0.1, calibration=8192)
RECIPES = {
    recipe.name: recipe
    for recipe in (
        replace(_FEW, name="w1a1", weight=Binary(), act=Binary(), input=Float(), rate=1e-2),
        replace(_FEW, name="w2a2", weight=ternary(), act=Uniform(2, scale=1.0), input=Uniform(2, scale=1 / 4)),
    )
}
EXAMPLE = Example("digits-cnn", _IMAGES, RECIPES, samples=360)

if __name__ == "__main__":
    EXAMPLE.command("digits_cnn", __doc__)
