"""Folding files: JSON of which every key is known, and stands once."""

import json

__all__ = ["FoldingError", "layers_written", "short"]


class FoldingError(ValueError):
    """A folding that does not fit the network; the message says which values do."""


def layers_written(content, path):
    """What a file says of every layer, by name: ``(pe, simd)``, or ``(pe, simd, products)``.

    ``content`` is its bytes, and ``path`` what errors call it. Whether the numbers fit a network is not looked at.
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
    _known(path, found, ("layers",))
    return {name: _read_layer(f"{path}: {name}", layer) for name, layer in layers.items()}


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


def _read_layer(where, layer):
    """``(pe, simd)`` or ``(pe, simd, products)`` of what is written of a layer."""
    _known(where, layer, ("pe", "simd", "dsp", "products"))
    for key in "pe", "simd":
        if key not in layer:
            raise FoldingError(f"{where}: has no {key!r}")
    dsp, products = layer.get("dsp", False), layer.get("products")
    if not isinstance(dsp, bool) and dsp != "sums":
        raise FoldingError(f'{where}: dsp must be true (products), "sums" or false, not {short(dsp)}')
    if dsp and products is not None:
        raise FoldingError(f"{where}: has both dsp and products; give one of them")
    if dsp:
        products = "sums" if dsp == "sums" else "dsp"
    return (layer["pe"], layer["simd"]) if products is None else (layer["pe"], layer["simd"], products)


def short(value):
    """A value of the file for a message, which may be of any length."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else "a number of more than 64 bits"
    return text if len(text) <= 80 else text[:80] + "…"
