"""Bits of each layer, as a user asks for them: for all layers, the first and the last, and layers by name."""

from collections.abc import Iterable
from dataclasses import dataclass

from fewbit.flow.defaults import ACTIVATION_BITS, WEIGHT_BITS
from fewbit.golden.model_file.file import ModelError
from fewbit.ptq.graph import FloatModel
from fewbit.ptq.quantize import Bits
from fewbit.ptq.sites import Site

__all__ = ["Request", "bits_of", "parse_bits"]

_LEAST, _MOST = 1, 8


@dataclass(frozen=True, kw_only=True)
class Request:
    """Bits that a user asks for.

    Attributes
    ----------
    weights, activations : int
        Bits of all weights and activations.
    first, last : int or None
        Bits of the first and of the last layer, where they differ.
    weights_of, activations_of : tuple of str
        Bits of the weights of some layers and of the activations that they read, each ``LAYER=BITS``.
    """

    weights: int = WEIGHT_BITS
    activations: int = ACTIVATION_BITS
    first: int | None = None
    last: int | None = None
    weights_of: tuple[str, ...] = ()
    activations_of: tuple[str, ...] = ()


def bits_of(model: FloatModel, sites: Iterable[Site], request: Request) -> dict[str, Bits]:
    """Return the bits of every layer, by name.

    A layer that reads declared integers leaves them as they are, unless ``activations_of`` names it.

    Raises
    ------
    golden.model_file.file.ModelError
        If the model has no such layer, or it cannot have so many bits.
    """
    raw = {name for site in sites if site.raw for name in site.layers}
    weights: dict[str, int | None] = {layer.name: request.weights for layer in model.layers}
    activations = {name: None if name in raw else request.activations for name in weights}
    for end, wanted in ("last", request.last), ("first", request.first):
        if wanted is not None:
            name = model.layer(end).name
            weights[name] = wanted
            activations[name] = None if name in raw else wanted
    for table, asked in (weights, request.weights_of), (activations, request.activations_of):
        for text in asked:
            layer, _, bits = text.rpartition("=")
            if not layer:
                raise ModelError(f"bits of a layer are LAYER=BITS, for example first=8, not {text!r}")
            table[model.layer(layer).name] = parse_bits(bits, text)
    for name in weights:
        for n in (weights[name], activations[name]):
            if n is not None:
                parse_bits(str(n), f"{name}={n}")
    return {name: Bits(weights[name], activations[name]) for name in weights}


def parse_bits(text: str, where: str) -> int:
    """Return the number of bits, 1 to 8, that ``text`` is; errors say that it is in ``where``.

    Raises
    ------
    golden.model_file.file.ModelError
        If it is none.
    """
    try:
        bits = int(text)
    except ValueError:
        bits = 0
    if not _LEAST <= bits <= _MOST:
        raise ModelError(f"bits must be {_LEAST} to {_MOST}, not {text} (in {where!r})")
    return bits
