"""Codes to beats and back: lanes from bit 0 upwards, whole bytes, little-endian."""

import numpy as np
import pytest

from fewbit.host.packing import pack_beats, unpack_beats
from fewbit.hw.packing import pack


@pytest.mark.parametrize("length", [1, 7, 24])
@pytest.mark.parametrize("bits, lanes", [(1, 1), (1, 8), (1, 13), (2, 4), (3, 3), (5, 7), (8, 2), (17, 3), (32, 2)])
def test_there_and_back(bits, lanes, length):
    rng = np.random.default_rng(bits * lanes)
    codes = rng.integers(0, 2**bits, (6, length))
    data = pack_beats(codes, bits, lanes)
    assert data.dtype == np.uint8
    assert data.shape == (6, -(-length // lanes), -(-bits * lanes // 8))
    assert (unpack_beats(data, bits, lanes, length) == codes).all()
    # The hardware's own packing, another implementation, gives the same numbers.
    for frame, row in zip(data, codes, strict=True):
        for beat, at in zip(frame, range(0, length, lanes), strict=True):
            assert int.from_bytes(beat.tobytes(), "little") == pack(row[at : at + lanes], bits)


def test_an_example():
    beats = pack_beats([[1, 2, 3, 4, 5]], bits=3, lanes=4)
    assert beats.tolist() == [[[0b11_010_001, 0b1000], [5, 0]]]
