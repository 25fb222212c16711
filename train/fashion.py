"""This module trains the networks of ``examples/fashion``: ``python -m fewbit.train.fashion``.

With ``--validate`` it writes nothing, trains on nine tenths of the training images and prints the accuracy on the rest:
hyperparameters are chosen by that, never by the test images.
"""

from dataclasses import replace

from .examples import Example
from .fashion_data import FASHION
from .layers import Average, Conv, DenseLayer, Pool, Residual
from .quantize import Binary, Float, Uniform, ternary
from .recipe import Recipe

__all__ = ["EXAMPLE", "RECIPES"]

# Raw pixels into the first layer throughout: of black and white ones it would make too little.
_ALL = Recipe("all", input=Float(), steps=6000, batch=128, copies=2, smoothing=0.1, calibration=4096)
_CNN = (Conv(32), Pool(), Conv(32), Conv(64), Pool(), DenseLayer(64))
_SEPARABLE = tuple(
    layer
    for channels, stride in ((32, 2), (64, 2), (64, 1))
    for layer in (Conv(None, stride=stride, pad=1), Conv(channels, kernel=1))
)
_RESNET = (
    Conv(16, pad=1),
    Pool(),
    Residual((Conv(16, pad=1), Conv(16, pad=1))),
    Residual((Conv(32, stride=2, pad=1), Conv(32, pad=1)), Conv(32, kernel=1, stride=2)),
    Residual((Conv(32, pad=1), Conv(32, pad=1))),
    Pool(7),
)
_FOUR_BITS = replace(_ALL, weight=Uniform(4, signed=True), act=Uniform(4), rate=3e-3)
RECIPES = {
    recipe.name: recipe
    for recipe in (
        replace(_ALL, name="w1a1", layers=_CNN, weight=Binary(), act=Binary(), rate=1e-2, gain=0.1),
        replace(_ALL, name="w2a2", layers=_CNN, weight=ternary(), act=Uniform(2, scale=1.0), rate=3e-3, gain=0.1),
        replace(_FOUR_BITS, name="separable", layers=(Conv(16, stride=2, pad=1), *_SEPARABLE, Average())),
        replace(_FOUR_BITS, name="resnet", layers=_RESNET, branch=Uniform(4, signed=True)),
    )
}
EXAMPLE = Example("fashion", FASHION, RECIPES, samples=500)

if __name__ == "__main__":
    EXAMPLE.command("fashion", __doc__)
