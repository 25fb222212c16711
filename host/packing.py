"""Codes to AXI4-Stream beats and back: lanes from bit 0 upwards without gaps, beats padded to whole bytes."""

import numpy as np

__all__ = ["pack_beats", "unpack_beats"]


def pack_beats(codes, bits, lanes):
    """Codes ``(F, length)`` as bytes ``uint8 (F, beats, bytes)``, little-endian; missing lanes are zero."""
    codes = np.asarray(codes, dtype=np.int64)
    frames, length = codes.shape
    beats = -(-length // lanes)
    padded = np.zeros((frames, beats * lanes), dtype=np.int64)
    padded[:, :length] = codes
    planes = (padded[..., None] >> np.arange(bits)) & 1
    flat = planes.reshape(frames, beats, lanes * bits).astype(np.uint8)
    return np.packbits(flat, axis=-1, bitorder="little")


def unpack_beats(data, bits, lanes, length):
    """The inverse: codes ``int64 (F, length)`` of bytes ``uint8 (F, beats, bytes)``."""
    planes = np.unpackbits(np.asarray(data, dtype=np.uint8), axis=-1, bitorder="little")[..., : lanes * bits]
    planes = planes.reshape(len(data), -1, bits).astype(np.int64)
    return (planes << np.arange(bits)).sum(axis=-1)[:, :length]
