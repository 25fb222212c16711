"""What a network is made of, and the one walk through it that starts, computes and exports it.

A `Maker` does the work of the walk: `model` has one that makes parameters and one that computes, `export` one that
writes nodes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from .parameters import LayerParameters
from .quantize import Quantizer

__all__ = ["Average", "ByLayer", "Choice", "Conv", "DenseLayer", "Layer", "Maker", "Pool", "Residual", "product_names",
           "quantizer_of", "walk"]  # fmt: skip

X = TypeVar("X")  # what a maker passes from one layer to the next


@dataclass(frozen=True)
class ByLayer:
    """A choice of a quantizer for each layer: ``ByLayer(default, fc1=.., last=..)``.

    Layers have the names that `product_names` gives, or ``first`` and ``last``; an activation has the name of the
    product in front of it.
    """

    default: Quantizer
    others: tuple[tuple[str, Quantizer], ...]

    def __init__(self, default: Quantizer, **others: Quantizer):
        object.__setattr__(self, "default", default)
        object.__setattr__(self, "others", tuple(sorted(others.items())))


Choice = Quantizer | ByLayer


def quantizer_of(choice: Choice, name: str, names: Sequence[str]) -> Quantizer:
    """Return the quantizer of the layer ``name`` of ``names``: ``choice`` itself, or what a `ByLayer` says."""
    if not isinstance(choice, ByLayer):
        return choice
    others = dict(choice.others)
    ends = {names[0]: "first", names[-1]: "last"}
    return others.get(name, others.get(ends.get(name, ""), choice.default))


@dataclass(frozen=True)
class DenseLayer:
    """A matrix product over all values, batch norm, ReLU (unless the activation takes both signs), activation.

    The layer has ``units`` neurons.
    """

    units: int


@dataclass(frozen=True)
class Conv:
    """A convolution of ``kernel`` x ``kernel``, batch norm, ReLU (unless the activation takes both signs), activation.

    It has ``channels`` neurons, and ``pad`` pixels of zeros around the image. A depthwise one has ``channels=None``: as
    many channels as come in, each convolved by itself.
    """

    channels: int | None
    kernel: int = 3
    stride: int = 1
    pad: int = 0


@dataclass(frozen=True)
class Pool:
    """A max pool: the largest of ``size`` x ``size`` pixels, by channel."""

    size: int = 2


@dataclass(frozen=True)
class Average:
    """The mean of each channel over the whole image."""


@dataclass(frozen=True)
class Residual:
    """A residual block (He and others 2016), ``act(relu(body(x) + shortcut(x)))``.

    The last layer of the body and the shortcut end in a quantizer of a branch, without a ReLU. ``shortcut=None`` adds
    ``x`` itself.
    """

    body: tuple["Layer", ...]
    shortcut: Conv | None = None


Layer = DenseLayer | Conv | Pool | Average | Residual


class Layered(Protocol):
    """What `walk` reads of a `recipe.Recipe`."""

    @property
    def layers(self) -> tuple[Layer, ...]: ...

    @property
    def weight(self) -> Choice: ...

    @property
    def act(self) -> Choice: ...

    @property
    def branch(self) -> Quantizer: ...


class Maker(Generic[X]):
    """What `walk` makes a network with. Every method gives the next ``x``; what that is, each maker decides.

    Names are those of the exported nodes, and ``p`` are the parameters of the layer at hand (`model`).
    """

    def input(self, x: X) -> X:
        """Quantize the input."""
        raise NotImplementedError

    def product(self, name: str, layer: DenseLayer | Conv, quantizer: Quantizer, p: LayerParameters, x: X) -> X:
        """Multiply by the weights of a layer, which the quantizer is for."""
        raise NotImplementedError

    def norm(self, name: str, p: LayerParameters, x: X) -> X:
        """Normalize by batch (Ioffe and Szegedy 2015)."""
        raise NotImplementedError

    def relu(self, name: str, x: X) -> X:
        """Set what is negative to zero."""
        raise NotImplementedError

    def act(self, name: str, quantizer: Quantizer, p: LayerParameters, x: X) -> X:
        """Quantize activations."""
        raise NotImplementedError

    def pool(self, name: str, size: int, x: X) -> X:
        """Take the largest of ``size`` x ``size`` pixels."""
        raise NotImplementedError

    def average(self, name: str, x: X) -> X:
        """Take the mean of each channel."""
        raise NotImplementedError

    def sum(self, name: str, a: X, b: X) -> X:
        """Add two branches up."""
        raise NotImplementedError


def product_names(layers: Iterable[Layer]) -> tuple[str, ...]:
    """Return the names of all matrix products and convolutions in the order of the walk, the last one included."""

    def kinds(layers: Iterable[Layer]) -> Iterator[str]:
        for layer in layers:
            match layer:
                case Residual():
                    yield from kinds(layer.body)
                    yield from ["conv"] * (layer.shortcut is not None)
                case DenseLayer():
                    yield "fc"
                case Conv():
                    yield "conv"

    return tuple(f"{kind}{number}" for number, kind in enumerate((*kinds(layers), "fc"), 1))


def walk(recipe: Layered, classes: int, params: Iterable[LayerParameters], x: X, maker: Maker[X]) -> X:
    """Return what ``maker`` makes of ``x`` on the way through all layers of a `recipe.Recipe` and the last one.

    Products are numbered from 1: ``fc1``, ``conv2``, with ``bn1``, ``relu1`` and ``act1``.

    Parameters
    ----------
    recipe : recipe.Recipe
    classes : int
        Neurons of the last layer, which gives a logit for each class.
    params : iterable of LayerParameters
        One for each product and one for each sum, in the order of the walk.
    x
        What the maker begins with.
    maker : Maker
    """
    rest, names = iter(params), product_names(recipe.layers)
    numbers = iter(range(len(names)))

    def product(layer, x):
        p, number = next(rest), next(numbers)
        quantizer = quantizer_of(recipe.weight, names[number], names)
        return p, number + 1, maker.product(names[number], layer, quantizer, p, x)

    def activated(layer, x, *, branch=False):
        p, number, x = product(layer, x)
        x = maker.norm(f"bn{number}", p, x)
        quantizer = recipe.branch if branch else quantizer_of(recipe.act, names[number - 1], names)
        if quantizer.rectified and not branch:
            x = maker.relu(f"relu{number}", x)
        return maker.act(f"act{number}", quantizer, p, x)

    def residual(layer, x, name):
        y = through(layer.body[:-1], x)
        y = activated(layer.body[-1], y, branch=True)
        x = activated(layer.shortcut, x, branch=True) if layer.shortcut else x
        x = maker.relu(f"{name}.relu", maker.sum(name, y, x))
        return maker.act(name, quantizer_of(recipe.act, name, names), next(rest), x)

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
    return product(DenseLayer(classes), x)[2]
