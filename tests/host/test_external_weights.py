"""An image of external weights is checked, put into memory, and shown to the hardware."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from fewbit.host.external_weights import ALIGNED, ExternalWeights, ExternalWeightsError, checked_image
from fewbit.host.memory_image import ImageKind, MemoryImage

PAYLOAD = np.random.default_rng(1).bytes(8192)
DIGEST = hashlib.sha256(PAYLOAD).digest()
REGISTERS = {
    "WEIGHTS_DIGEST": {"offset": 0xC0, "words": 4}, "WEIGHTS_BASE": {"offset": 0xD0, "words": 1},
    "WEIGHTS_BASE_HIGH": {"offset": 0xD4, "words": 1},
    "WEIGHTS_CONTROL": {"offset": 0xD8, "words": 1, "fields": {"VALID": 0}},
}  # fmt: skip
EXPECTED = {"structure": DIGEST.hex(), "image": "weights.bin"}


class Buffer(np.ndarray):
    device_address = 0x3_0000_0000 + ALIGNED
    flushed = freed = False

    def flush(self):
        self.flushed = True

    def freebuffer(self):
        self.freed = True


class Block:
    """Registers of a block that expects an image of this SHA-256."""

    def __init__(self, digest=DIGEST):
        self.words = {0xC0 + 4 * k: int.from_bytes(digest[4 * k : 4 * k + 4], "big") for k in range(4)}
        self.written, self.buffer = [], None

    def read(self, offset):
        return self.words[offset]

    def write(self, offset, value):
        assert offset != 0xD8 or value == 0 or self.buffer.flushed  # the image is there before it is said to be
        self.written.append((offset, value))

    def allocate(self, shape, dtype):
        self.buffer = np.zeros(shape, dtype).view(Buffer)
        return self.buffer


def image(payload=PAYLOAD, kind=ImageKind.EXTERNAL, structure=None):
    return MemoryImage(kind, structure or hashlib.sha256(payload).digest(), payload)


def test_image_is_put_into_memory(tmp_path: Path):
    (tmp_path / "weights.bin").write_bytes(image().to_bytes())
    found, block = checked_image(tmp_path / "weights.bin", EXPECTED), Block()
    weights = ExternalWeights(found, REGISTERS, read=block.read, write=block.write, allocate=block.allocate)
    assert block.buffer.tobytes() == PAYLOAD
    assert block.written == [(0xD8, 0), (0xD0, ALIGNED), (0xD4, 3), (0xD8, 1)]
    weights.close()
    assert block.written[-1] == (0xD8, 0) and not block.buffer.freed


@pytest.mark.parametrize("content, reason", [
    (image(PAYLOAD[::-1]).to_bytes(), "is the image of another network or folding"),
    (image(PAYLOAD[::-1], structure=DIGEST).to_bytes(), "is the image of another network or folding"),
    (image(kind=ImageKind.LOADABLE).to_bytes(), "is an image of loadable weights, not of external ones"),
    (image().to_bytes()[:-100], "has .* bytes, not"),
    (b"nonsense", "is no image of weights"),
    (None, "no such file"),
])  # fmt: skip
def test_wrong_images(tmp_path, content, reason):
    path = tmp_path / "weights.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExternalWeightsError, match=reason) as error:
        checked_image(path, EXPECTED)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_hardware_of_another_build():
    block = Block(hashlib.sha256(b"other").digest())
    with pytest.raises(ExternalWeightsError, match="its bitstream is of another build"):
        ExternalWeights(image(), REGISTERS, read=block.read, write=block.write, allocate=block.allocate)
    assert block.written == [] and block.buffer is None


def test_memory_that_is_not_aligned(monkeypatch):
    block = Block()
    monkeypatch.setattr(Buffer, "device_address", 0x1234)
    with pytest.raises(ExternalWeightsError, match="memory at 0x1234 was given for weights"):
        ExternalWeights(image(), REGISTERS, read=block.read, write=block.write, allocate=block.allocate)
    assert block.buffer.freed and block.written == [(0xD8, 0)]
