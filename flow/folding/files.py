"""Folding files: read, and checked against the network that they are for."""

from collections.abc import Sequence
from pathlib import Path

from fewbit.golden.limits.files import FileError, read_bounded
from fewbit.golden.network.graph import Network
from fewbit.hw.folding import Folding, FoldingError, short
from fewbit.hw.memory.external_plan import DEFAULT_BUS, check_bus

from .cuts import check_devices
from .layers import FoldableLayer, layers_of

__all__ = ["folding_bytes", "parse_folding", "read_folding"]

_MOST_BYTES = 16 << 20  # that a folding file may have


def read_folding(path: Path | str, network: Network) -> Folding:
    """Return the folding in the file at ``path``.

    Raises
    ------
    FoldingError
        If the file cannot be read, or its folding does not fit the network.
    """
    return parse_folding(folding_bytes(path), path, network)


def folding_bytes(path: Path | str) -> bytes:
    """Return what the file at ``path`` holds, read once.

    Raises
    ------
    FoldingError
        If it is no file, or too large.
    """
    try:
        return read_bounded(path, _MOST_BYTES, what="a folding file")
    except FileError as error:
        raise FoldingError(error) from None


def parse_folding(content: bytes, path: Path | str, network: Network) -> Folding:
    """Return the folding that ``content``, the bytes of the file at ``path``, holds.

    Raises
    ------
    FoldingError
        If it is no folding, or one that does not fit the network; the message names ``path``.
    """
    layers = layers_of(network)
    given = _renamed(Folding.from_json(content, path), path, network)
    for name in sorted(layers.keys() ^ given.keys()):
        problem = "is missing" if name in layers else "is not in the model"
        raise FoldingError(f"{path}: layer {name!r} {problem}; the model has {', '.join(layers)}")
    for name, folded in given.items():
        _check(f"{path}: {name}: pe", folded.pe, layers[name].pes())
        _check(f"{path}: {name}: simd", folded.simd, layers[name].simds(folded.pe))
        _check_products(f"{path}: {name}", folded.products, layers[name])
        if folded.weights == "external":
            _check_external(path, given, layers[name])
    if given.bus is not None and not given.external:
        raise FoldingError(f"{path}: has a bus, and no layer with external weights")
    check_devices(network, given.devices, path)
    return given


def _renamed(given: Folding, path: Path | str, network: Network) -> Folding:
    """Return the folding by the names of the network, which may have been written by kinds and numbers."""
    try:
        return given.renamed(network.aliases)
    except FoldingError as error:
        raise FoldingError(f"{path}: {error}") from None


def _check_external(path: Path | str, given: Folding, layer: FoldableLayer) -> None:
    try:
        check_bus(DEFAULT_BUS if given.bus is None else given.bus)
        layer.channel(given[layer.name], given.bus)
    except ValueError as error:
        raise FoldingError(f"{path}: {error}") from None


def _check_products(where: str, products: object, layer: FoldableLayer) -> None:
    if products == "dsp":
        if layer.packing is None:
            raise FoldingError(f"{where}: dsp: products in DSPs take activations and weights of 2 to 16 bits")
    elif products == "sums":
        if layer.summed is None:
            raise FoldingError(f"{where}: dsp: sums in DSPs take a layer of integers with an activation behind it")
    elif products is not None and products not in [way.name for way in layer.ways]:
        ways = _listed([way.name for way in layer.ways]) if layer.ways else "left out"
        raise FoldingError(f"{where}: products must be {ways} of this layer, not {short(products)}")


def _check(what: str, value: object, legal: Sequence[int]) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value not in legal:
        run = next((n for n, v in enumerate(legal) if v != n + 1), len(legal))  # as many count up from 1
        values = [f"from 1 to {run}", *legal[run:]] if run > 2 else ["of " + str(legal[0]), *legal[1:]]
        raise FoldingError(f"{what} must be a whole number {_listed(values)}, not {short(value)}")


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(str, values[:-1])) + f" or {values[-1]}" if len(values) > 1 else str(values[0])
