"""This module trains the networks of ``examples/digits``: ``python -m fewbit.train.digits``.

With ``--validate`` it writes nothing, trains on three quarters of the training images and prints the accuracy on the
rest: hyperparameters are chosen by that, never by the test split.
"""

from dataclasses import replace

from .data import DIGITS
from .examples import Example
from .quantize import Binary, Float, Uniform, ternary
from .recipe import Recipe

__all__ = ["EXAMPLE", "RECIPES"]

_FULL = Recipe("float32", steps=12000, rate=1e-3, decay=0.1)
_FEW = Recipe("few", steps=12000, rate=3e-3, gain=0.1)
_TWO_BITS = replace(_FEW, act=Uniform(2, scale=1.0), input=Uniform(2, scale=1 / 4))

RECIPES = {
    recipe.name: recipe
    for recipe in (
        _FULL,
        # Of 64 black or white pixels a bipolar first layer makes too little, so this one sees them all, at 5 bits.
        replace(_FEW, name="w1a1", weight=Binary(), act=Binary(), input=Float(), rate=1e-2),
        replace(_TWO_BITS, name="w1a2", weight=Binary(), steps=20000),
        replace(_TWO_BITS, name="ternary", weight=ternary()),
        replace(
            _FULL,
            name="w4a4",
            weight=Uniform(4, signed=True),
            act=Uniform(4),
            input=Uniform(4, scale=1 / 16),
            rate=3e-3,
            decay=0.0,
        ),
        replace(_FULL, name="w8a8", weight=Uniform(8, signed=True), act=Uniform(8), input=Uniform(8, scale=1 / 16)),
    )
}

EXAMPLE = Example("digits", DIGITS, RECIPES)

if __name__ == "__main__":
    EXAMPLE.command("digits", __doc__)
