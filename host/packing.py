"""Codes to AXI4-Stream beats and back: lanes from bit 0 upwards without gaps, beats padded to whole bytes."""

import numpy as np

__all__ = ["pack_beats", "unpack_beats"]


def pack_beats(codes: np.ndarray, bits: int, lanes: int) -> np.ndarray:
    """Return codes ``(F, length)`` as the bytes of their beats, ``uint8 (F, beats, bytes)``, little-endian.

    Each code has ``bits`` bits, and a beat has ``lanes`` of them; lanes that are left in the last beat are zero.
    """
    codes = np.asarray(codes, dtype=np.int64)
    frames, length = codes.shape
    beats = -(-length // lanes)
    padded = np.zeros((frames, beats * lanes), dtype=np.int64)
    padded[:, :length] = codes
    planes = (padded[..., None] >> np.arange(bits)) & 1
    flat = planes.reshape(frames, beats, lanes * bits).astype(np.uint8)
    return np.packbits(flat, axis=-1, bitorder="little")


def unpack_beats(data: np.ndarray, bits: int, lanes: int, length: int) -> np.ndarray:
    """Return the codes, ``int64 (F, length)``, in the bytes of beats, ``uint8 (F, beats, bytes)``; see `pack_beats`."""
    planes = np.unpackbits(np.asarray(data, dtype=np.uint8), axis=-1, bitorder="little")[..., : lanes * bits]
    planes = planes.reshape(len(data), -1, bits).astype(np.int64)
    return (planes << np.arange(bits)).sum(axis=-1)[:, :length]
