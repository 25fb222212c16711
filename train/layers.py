"""What a network is made of, and the one walk through it that starts, computes and exports it.

A maker does the work of the walk: `model` has one that makes parameters and one that computes, `export` one that writes
nodes. A maker has the methods ``input(x)``, ``product(name, layer, p, x)``, ``norm(name, p, x)``, ``relu(name, x)``,
``act(name, quantizer, p, x)``, ``pool(name, size, x)``, ``average(name, x)`` and ``sum(name, a, b)``, which give the
next ``x``; ``p`` are the parameters of the layer at hand.
"""

from dataclasses import dataclass
from itertools import count

from .quantize import Bipolar

__all__ = ["Average", "Conv", "Dense", "Pool", "Residual", "products", "walk"]


@dataclass(frozen=True)
class Dense:
    """A matrix product over all values, batch norm, ReLU (unless bipolar), activation."""

    units: int


@dataclass(frozen=True)
class Conv:
    """A convolution of ``kernel`` x ``kernel``, batch norm, ReLU (unless bipolar), activation.

    A depthwise one has ``channels=None``: as many as come in, each convolved by itself.
    """

    channels: int | None
    kernel: int = 3
    stride: int = 1
    pad: int = 0


@dataclass(frozen=True)
class Pool:
    """The largest of ``size`` x ``size``."""

    size: int = 2


@dataclass(frozen=True)
class Average:
    """The mean of each channel over the whole image."""


@dataclass(frozen=True)
class Residual:
    """``act(relu(body(x) + shortcut(x)))``: the last layer of the body and the shortcut end in a quantizer of a
    branch, without a ReLU. ``shortcut=None`` adds ``x`` itself."""

    body: tuple
    shortcut: Conv | None = None


def products(layers):
    """How many matrix products and convolutions there are."""
    total = 0
    for layer in layers:
        if isinstance(layer, Residual):
            total += products(layer.body) + (layer.shortcut is not None)
        else:
            total += isinstance(layer, Dense | Conv)
    return total


def walk(recipe, classes, params, x, maker):
    """What ``maker`` makes of ``x`` and an iterable of parameters, one dict for each product and for each sum.

    Products are numbered from 1: ``fc1``, ``conv2``, with ``bn1``, ``relu1`` and ``act1``.
    """
    params, numbers = iter(params), count(1)

    def product(layer, x):
        p, number = next(params), next(numbers)
        kind = "fc" if isinstance(layer, Dense) else "conv"
        return p, number, maker.product(f"{kind}{number}", layer, p, x)

    def activated(layer, x, *, branch=False):
        p, number, x = product(layer, x)
        x = maker.norm(f"bn{number}", p, x)
        if recipe.act != Bipolar() and not branch:
            x = maker.relu(f"relu{number}", x)
        return maker.act(f"act{number}", recipe.branch if branch else recipe.act, p, x)

    def residual(layer, x, name):
        y = through(layer.body[:-1], x)
        y = activated(layer.body[-1], y, branch=True)
        x = activated(layer.shortcut, x, branch=True) if layer.shortcut else x
        x = maker.relu(f"{name}.relu", maker.sum(name, y, x))
        return maker.act(name, recipe.act, next(params), x)

    def through(layers, x):
        for place, layer in enumerate(layers, 1):
            match layer:
                case Pool():
                    x = maker.pool(f"pool{place}", layer.size, x)
                case Average():
                    x = maker.average("average", x)
                case Residual():
                    x = residual(layer, x, f"sum{place}")
                case _:
                    x = activated(layer, x)
        return x

    x = through(recipe.layers, maker.input(x))
    return product(Dense(classes), x)[2]
