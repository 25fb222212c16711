"""Folding: how many neurons (PE) by how many inputs (SIMD) of each layer are computed in a cycle, and how.

A folding's file may say under ``"devices"`` where the network is cut into several. It is JSON of which every key is
known, and stands once:
``{"layers": {"dense0": {"pe": 4, "simd": 8}}}``, with ``"dsp": true`` for products in DSPs, ``"dsp": "sums"`` for
accumulators in DSPs, or ``"products"`` for another of `PRODUCTS`; ``"memory"`` says where weights that are fixed live,
one of `MEMORIES`; ``"weights": "loadable"`` for another of `WEIGHTS`. With ``"weights": "external"`` a layer may have a
``"tile"``, and ``"bus"`` may stand beside ``"layers"``. There too, ``"ultra"`` lists the stages whose buffers are
UltraRAM, and with ``"ultra_ram": true`` all those are that take less there.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["MEMORIES", "PRODUCTS", "WEIGHTS", "DeviceFolding", "Folding", "FoldingError", "LayerFolding", "short"]

PRODUCTS = ("plain", "decode", "shift", "planes", "dsp", "sums")
MEMORIES = ("luts", "lutram", "block", "ultra")
WEIGHTS = ("fixed", "loadable", "external")
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
        with accumulators in DSPs (`hw.arrays.dsp_sums`); the others as in `hw.layer.product_forms`. ``None`` is what
        takes the fewest LUTs.
    memory : str or None
        Where weights live that are fixed, one of `MEMORIES`: in tables of LUTs or in block RAM. ``None`` is what costs
        less, a block RAM counted as `hw.memory.placement.BRAM18_LUTS`.
    weights : str
        Where the layer's trained numbers come from, one of `WEIGHTS`: ``fixed`` in the bitstream; ``loadable`` in
        memories that software writes while the accelerator waits; ``external`` in memory outside the device, from
        which each frame reads them.
    tile : int or None
        With external weights, the pixels that are computed each time they are read, a divisor of the layer's; ``None``
        is the fewest with which the port keeps up with this layer alone.
    """

    pe: int
    simd: int
    products: str | None = None
    memory: str | None = None
    weights: str = "fixed"
    tile: int | None = None

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
        said: dict[str, object] = {**self.size}
        if self.products in _IN_DSPS:
            said["dsp"] = _IN_DSPS[self.products]
        elif self.products is not None:
            said["products"] = self.products
        if self.memory is not None:
            said["memory"] = self.memory
        if self.weights != "fixed":
            said["weights"] = self.weights
        if self.tile is not None:
            said["tile"] = self.tile
        return said

    @classmethod
    def from_dict(cls, written: Mapping[str, Any], where: str) -> "LayerFolding":
        """Return the folding of what a file says of a layer; errors call it ``where``.

        Raises
        ------
        FoldingError
            If keys are unknown, missing, or at odds with each other.
        """
        _known(where, written, ("pe", "simd", "dsp", "products", "memory", "weights", "tile"))
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
        weights = written.get("weights", "fixed")
        if weights not in WEIGHTS:
            raise FoldingError(f"{where}: weights must be one of {', '.join(WEIGHTS)}, not {short(weights)}")
        tile = written.get("tile")
        if tile is not None and weights != "external":
            raise FoldingError(f"{where}: has a tile, which only external weights have")
        if tile is not None and (isinstance(tile, bool) or not isinstance(tile, int) or tile < 1):
            raise FoldingError(f"{where}: tile must be a whole number of pixels, not {short(tile)}")
        return cls(written["pe"], written["simd"], products, memory, weights, tile)


@dataclass(frozen=True)
class DeviceFolding:
    """One of several devices that a network is cut into.

    Attributes
    ----------
    until : str or None
        The name of the node that gives what leaves the device; None for the last one.
    part : str or None
        The name of its part, if it is known.
    """

    until: str | None = None
    part: str | None = None

    def to_dict(self) -> dict[str, str]:
        """Return what a file says of the device."""
        return ({} if self.until is None else {"until": self.until}) | (
            {} if self.part is None else {"part": self.part}
        )

    @classmethod
    def from_dict(cls, written: Mapping[str, Any], where: str, last: bool) -> "DeviceFolding":
        """Return the device of what a file says of it; errors call it ``where``.

        Raises
        ------
        FoldingError
            If a key is unknown or no text, or all but the last have no ``until``.
        """
        _known(where, written, ("until", "part"))
        for key, value in written.items():
            if value is not None and not isinstance(value, str):
                raise FoldingError(f"{where}: {key} must be a name, not {short(value)}")
        if (written.get("until") is None) != last:
            raise FoldingError(f"{where}: {'the last one has no' if last else 'must have'} 'until'")
        return cls(written.get("until"), written.get("part"))


class Folding(Mapping[str, LayerFolding]):
    """The folding of a network: the `LayerFolding` of every layer, by name. It never changes.

    Parameters
    ----------
    layers : mapping of str to LayerFolding
    devices : sequence of DeviceFolding
        The devices that the network is cut into, in order; none for one.
    bus : int or None
        Data bits of the port that external weights come through, one of `hw.memory.external_plan.BUS_BITS`; ``None`` is
        the default there.
    ultra : iterable of str
        Names of the pipeline's stages whose buffers are UltraRAM: windows, queues, and layers that replay vectors.
    ultra_ram : bool
        Whether all large buffers (tiles of external weights, lines of images, queues) are in UltraRAM that take less
        there; not every part has such.

    Raises
    ------
    TypeError
        If a layer has something else.
    """

    def __init__(
        self,
        layers: Mapping[str, LayerFolding] | None = None,
        devices: Sequence[DeviceFolding] = (),
        *,
        bus: int | None = None,
        ultra: Iterable[str] = (),
        ultra_ram: bool = False,
    ):
        self._layers, self.devices, self.bus = dict(layers or {}), tuple(devices), bus
        self.ultra, self.ultra_ram = frozenset(ultra), ultra_ram
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
        said = {"devices": self.devices, "bus": self.bus, "ultra": sorted(self.ultra), "ultra_ram": self.ultra_ram}
        more = "".join(f", {name}={value!r}" for name, value in said.items() if value)
        return f"Folding({self._layers!r}{more})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Folding):
            return NotImplemented
        return self._layers == other._layers and self._whole == other._whole

    def __hash__(self) -> int:
        return hash((frozenset(self._layers.items()), *self._whole.values()))

    @property
    def _whole(self) -> dict[str, Any]:
        """What is said of the whole network, as keyword arguments."""
        return {"devices": self.devices, "bus": self.bus, "ultra": self.ultra, "ultra_ram": self.ultra_ram}

    @property
    def external(self) -> list[str]:
        """Names of the layers whose weights are external."""
        return [name for name, layer in self.items() if layer.weights == "external"]

    @property
    def multipliers(self) -> int:
        """Products that all layers together make in a cycle."""
        return sum(layer.multipliers for layer in self.values())

    @property
    def sizes(self) -> dict[str, dict[str, int]]:
        """PE and SIMD of every layer, as reports list them."""
        return {name: layer.size for name, layer in self.items()}

    def renamed(self, names: Mapping[str, str]) -> "Folding":
        """Return the same folding, of which layers, stages and devices that ``names`` has are called as it says.

        Raises
        ------
        FoldingError
            If a layer would stand there twice.
        """
        layers = {names.get(name, name): layer for name, layer in self.items()}
        if len(layers) < len(self):
            twice = next(new for old, new in names.items() if old in self._layers and new in self._layers)
            raise FoldingError(f"layer {twice!r} stands there twice, once by its number")

        def stage(name: str) -> str:
            """Return the new name of a stage: a node, or the queue in front of it, or the tiles of a layer."""
            found = re.fullmatch(r"(queue_|tile_|)(.+?)((?<=\d)_\d+|)", name)
            return f"{found[1]}{names.get(found[2], found[2])}{found[3]}" if found else name

        devices = [replace(d, until=d.until and names.get(d.until, d.until)) for d in self.devices]
        return Folding(layers, **self._whole | {"devices": devices, "ultra": map(stage, self.ultra)})

    def with_products(self, products: Mapping[str, str | None]) -> "Folding":
        """Return PE and SIMD of this folding with the ``products`` of some layers, and the default of the others."""
        layers = {name: replace(layer, products=products.get(name)) for name, layer in self.items()}
        return Folding(layers, **self._whole)

    def with_ultra(self, stages: Iterable[str]) -> "Folding":
        """Return the same folding with the buffers of these ``stages`` in UltraRAM, and of no other."""
        return Folding(self, **self._whole | {"ultra": stages})

    def in_devices(self, devices: Sequence[DeviceFolding]) -> "Folding":
        """Return the same folding, cut into ``devices``."""
        return Folding(self, **self._whole | {"devices": devices})

    def with_weights(self, weights: str) -> "Folding":
        """Return this folding with the weights of all layers from one of `WEIGHTS`; only those that are fixed keep
        their memory, and only external ones their tiles, bus, and UltraRAM that takes less."""
        fixed, outside = weights == "fixed", weights == "external"
        layers = {
            name: replace(f, weights=weights, memory=f.memory if fixed else None, tile=f.tile if outside else None)
            for name, f in self.items()
        }
        more = {} if outside else {"bus": None, "ultra_ram": False}
        return Folding(layers, **self._whole | more)

    def to_json(self) -> str:
        """Return the text of a file, for a person to edit."""
        said: dict[str, Any] = {} if self.bus is None else {"bus": self.bus}
        if self.ultra_ram:
            said["ultra_ram"] = True
        said["layers"] = {name: layer.to_dict() for name, layer in self.items()}
        if self.ultra:
            said["ultra"] = sorted(self.ultra)
        if self.devices:
            said["devices"] = [device.to_dict() for device in self.devices]
        return json.dumps(said, indent=2) + "\n"

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
        _known(path, found, ("layers", "devices", "bus", "ultra", "ultra_ram"))
        devices = found.get("devices", [])
        if not isinstance(devices, list) or len(devices) == 1 or not all(isinstance(d, dict) for d in devices):
            raise FoldingError(
                f'{path}: devices must be a list of two or more, like {{"until": "dense0", "part": null}}'
            )
        ultra, ultra_ram = found.get("ultra", []), found.get("ultra_ram", False)
        if not isinstance(ultra, list) or not all(isinstance(name, str) for name in ultra):
            raise FoldingError(f"{path}: ultra must be a list of names of stages, not {short(ultra)}")
        if not isinstance(ultra_ram, bool):
            raise FoldingError(f"{path}: ultra_ram must be true or false, not {short(ultra_ram)}")
        return cls(
            {name: LayerFolding.from_dict(layer, f"{path}: {name}") for name, layer in layers.items()},
            [DeviceFolding.from_dict(d, f"{path}: device {k}", k == len(devices) - 1) for k, d in enumerate(devices)],
            bus=found.get("bus"),
            ultra=ultra,
            ultra_ram=ultra_ram,
        )


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
