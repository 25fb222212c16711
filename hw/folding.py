"""Folding: how many neurons (PE) by how many inputs (SIMD) of each layer are computed in a cycle, and how.

A folding's file is JSON of which every key is known, and stands once:
``{"layers": {"dense0": {"pe": 4, "simd": 8}}}``, with ``"dsp": true`` for products in DSPs, ``"dsp": "sums"`` for
accumulators in DSPs, or ``"products"`` for another of `PRODUCTS`; ``"memory"`` says where weights live, one of
`MEMORIES`. Beside the layers, ``"ultra"`` lists the stages whose buffers are UltraRAM.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["MEMORIES", "PRODUCTS", "Folding", "FoldingError", "LayerFolding", "short"]

PRODUCTS = ("plain", "decode", "shift", "planes", "dsp", "sums")
MEMORIES = ("luts", "lutram", "block", "ultra")
_IN_DSPS: dict[str, bool | str] = {"dsp": True, "sums": "sums"}  # what a file says under "dsp", by products


class FoldingError(ValueError):
    """A folding that does not fit the network, or a file that holds none; the message says which values do."""


@dataclass(frozen=True)
class LayerFolding:
    """The folding of one layer.

    Whether it fits the layer is not looked at here: `hw.layer.shape.LayerShape` does that.

    Attributes
    ----------
    pe : int
        Neurons that are computed at a time.
    simd : int
        Inputs of each of them that are taken in a cycle.
    products : str or None
        How products are made, one of `PRODUCTS`: ``dsp`` in DSPs, several by each (`hw.arrays.dsp_products`); ``sums``
        with accumulators in DSPs (`hw.arrays.dsp_sums`); the others as in `hw.layer.ways`. ``None`` is what takes the
        fewest LUTs.
    memory : str or None
        Where weights live, one of `MEMORIES`: in tables of LUTs or in block RAM. ``None`` is what costs less, a block
        RAM counted as `hw.memory.placement.BRAM18_LUTS`.
    """

    pe: int
    simd: int
    products: str | None = None
    memory: str | None = None

    @property
    def multipliers(self) -> int:
        """Products that are made in a cycle."""
        return self.pe * self.simd

    @property
    def size(self) -> dict[str, int]:
        """PE and SIMD alone, as reports list them."""
        return {"pe": self.pe, "simd": self.simd}

    def to_dict(self) -> dict[str, object]:
        """Return what a file says of the layer."""
        found: dict[str, object] = {**self.size}
        if self.products in _IN_DSPS:
            found["dsp"] = _IN_DSPS[self.products]
        elif self.products is not None:
            found["products"] = self.products
        if self.memory is not None:
            found["memory"] = self.memory
        return found

    @classmethod
    def from_dict(cls, written: Mapping[str, Any], where: str) -> "LayerFolding":
        """Return the folding of what a file says of a layer; errors call it ``where``.

        Raises
        ------
        FoldingError
            If keys are unknown, missing, or at odds with each other.
        """
        _known(where, written, ("pe", "simd", "dsp", "products", "memory"))
        for key in "pe", "simd":
            if key not in written:
                raise FoldingError(f"{where}: has no {key!r}")
        dsp, products = written.get("dsp", False), written.get("products")
        if not isinstance(dsp, bool) and dsp != "sums":
            raise FoldingError(f'{where}: dsp must be true (products), "sums" or false, not {short(dsp)}')
        if dsp and products is not None:
            raise FoldingError(f"{where}: has both dsp and products; give one of them")
        if dsp:
            products = "sums" if dsp == "sums" else "dsp"
        memory = written.get("memory")
        if memory is not None and memory not in MEMORIES:
            raise FoldingError(f"{where}: memory must be one of {', '.join(MEMORIES)}, not {short(memory)}")
        return cls(written["pe"], written["simd"], products, memory)


class Folding(Mapping[str, LayerFolding]):
    """The folding of a network: the `LayerFolding` of every layer, by name. It never changes.

    Parameters
    ----------
    layers : mapping of str to LayerFolding
    ultra : iterable of str
        Names of the pipeline's stages whose buffers are UltraRAM: windows, queues, and layers that replay vectors.

    Raises
    ------
    TypeError
        If a layer has something else.
    """

    def __init__(self, layers: Mapping[str, LayerFolding] | None = None, ultra: Iterable[str] = ()):
        self._layers = dict(layers or {})
        self.ultra = frozenset(ultra)
        for name, layer in self._layers.items():
            if not isinstance(layer, LayerFolding):
                raise TypeError(f"{name}: must have a LayerFolding, not {layer!r}")

    @classmethod
    def of(cls, **layers: tuple[Any, ...]) -> "Folding":
        """Return a folding by the arguments of every `LayerFolding`: ``Folding.of(dense0=(4, 8, "dsp"))``."""
        return cls({name: LayerFolding(*arguments) for name, arguments in layers.items()})

    def __getitem__(self, name: str) -> LayerFolding:
        return self._layers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def __repr__(self):
        return f"Folding({self._layers!r}{f', ultra={sorted(self.ultra)!r}' if self.ultra else ''})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Folding):
            return NotImplemented
        return self._layers == other._layers and self.ultra == other.ultra

    def __hash__(self) -> int:
        return hash((frozenset(self._layers.items()), self.ultra))

    @property
    def multipliers(self) -> int:
        """Products that all layers together make in a cycle."""
        return sum(layer.multipliers for layer in self.values())

    @property
    def sizes(self) -> dict[str, dict[str, int]]:
        """PE and SIMD of every layer, as reports list them."""
        return {name: layer.size for name, layer in self.items()}

    def with_products(self, products: Mapping[str, str | None]) -> "Folding":
        """Return PE and SIMD of this folding with the ``products`` of some layers, and the default of the others."""
        layers = {name: replace(layer, products=products.get(name)) for name, layer in self.items()}
        return Folding(layers, self.ultra)

    def with_ultra(self, stages: Iterable[str]) -> "Folding":
        """Return the same folding with the buffers of these ``stages`` in UltraRAM, and of no other."""
        return Folding(self._layers, stages)

    def to_json(self) -> str:
        """Return the text of a file, for a person to edit."""
        written: dict[str, object] = {"layers": {name: layer.to_dict() for name, layer in self.items()}}
        if self.ultra:
            written["ultra"] = sorted(self.ultra)
        return json.dumps(written, indent=2) + "\n"

    @classmethod
    def from_json(cls, content: bytes, path: object) -> "Folding":
        """Return the folding that a file holds; ``content`` is its bytes, and ``path`` what errors call it.

        Whether the numbers fit a network, or are numbers at all, is not looked at.

        Raises
        ------
        FoldingError
            If the content is not such JSON.
        """
        try:
            found = json.loads(content, object_pairs_hook=_once, parse_constant=_no_number)
        except _Twice as error:
            raise FoldingError(f"{path}: has {error.args[0]!r} twice") from None
        except (ValueError, RecursionError):
            found = None
        layers = found.get("layers") if isinstance(found, dict) else None
        if not isinstance(layers, dict) or not all(isinstance(layer, dict) for layer in layers.values()):
            raise FoldingError(f'{path}: must be JSON like {{"layers": {{"dense0": {{"pe": 4, "simd": 8}}}}}}')
        _known(path, found, ("layers", "ultra"))
        ultra = found.get("ultra", [])
        if not isinstance(ultra, list) or not all(isinstance(name, str) for name in ultra):
            raise FoldingError(f"{path}: ultra must be a list of names of stages, not {short(ultra)}")
        return cls({name: LayerFolding.from_dict(layer, f"{path}: {name}") for name, layer in layers.items()}, ultra)


class _Twice(Exception):
    """A key that an object has twice: JSON keeps the last one, and says nothing."""


def _once(pairs):
    keys = set()
    for key, _ in pairs:
        if key in keys:
            raise _Twice(key)
        keys.add(key)
    return dict(pairs)


def _no_number(text):
    raise ValueError(f"{text} is no number of JSON")


def _known(where, given, keys):
    unknown = [key for key in given if key not in keys]
    if unknown:
        raise FoldingError(f"{where}: has {short(unknown[0])}, which is none of {', '.join(keys)}")


def short(value: object) -> str:
    """Return a value of a file for a message; in the file it may be of any length."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else "a number of more than 64 bits"
    return text if len(text) <= 80 else text[:80] + "…"
