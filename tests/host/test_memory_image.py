"""Images of weights: written, read back, and refused where a byte is not as it was."""

import numpy as np
import pytest

from fewbit.host.memory_image import HEADER_BYTES, ImageKind, MemoryImage, MemoryImageError

WORDS = np.random.default_rng(1).integers(0, 1 << 32, 37, dtype=np.uint32)
IMAGE = MemoryImage(ImageKind.LOADABLE, bytes(range(32)), WORDS.tobytes(), {"model": "w4a4.onnx", "scale": [0.5]})


def test_the_layout_of_a_file():
    content = IMAGE.to_bytes()
    assert content[:8] == b"FBWI\1\0\1\0" and content[8:40] == bytes(range(32))
    assert int.from_bytes(content[40:48], "little") == 4 * 37 and HEADER_BYTES == 64
    assert content[64 : 64 + 148] == WORDS.tobytes() and content[212:] == b'{"model": "w4a4.onnx", "scale": [0.5]}'


@pytest.mark.parametrize("name", ["weights.bin", "weights.npz", "weights"])
def test_what_is_written_is_read(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(IMAGE.to_file(path))
    again = MemoryImage.read(path)
    assert again == IMAGE and again.words.tolist() == WORDS.tolist() and again.checksum == IMAGE.checksum


def test_every_damaged_bit_is_seen():
    content = IMAGE.to_bytes()
    for bit in range(8 * len(content)):
        if bit // 8 in range(60, 64):  # what nothing reads
            continue
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(MemoryImageError, match="^here: "):
            MemoryImage.from_bytes(bytes(damaged), "here")


@pytest.mark.parametrize("suffix", ["bin", "npz"])
@pytest.mark.parametrize("size", [0, 2, 5, 63, 64, 100, 150, 240])
def test_a_file_that_is_cut_off_is_refused(tmp_path, suffix, size):
    path = tmp_path / f"w.{suffix}"
    path.write_bytes(IMAGE.to_file(path)[:size])
    with pytest.raises(MemoryImageError, match=r"w\.(bin|npz)") as error:
        MemoryImage.read(path)
    assert "\n" not in str(error.value)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(MemoryImageError, match="none.bin"):
        MemoryImage.read(tmp_path / "none.bin")
    np.savez(tmp_path / "other.npz", x=np.arange(3))
    with pytest.raises(MemoryImageError, match="other.npz: is no image of weights"):
        MemoryImage.read(tmp_path / "other.npz")
    with pytest.raises(MemoryImageError, match="^x: is no image of weights"):
        MemoryImage.from_bytes(b"something else", "x")
    newer = bytearray(IMAGE.to_bytes())
    newer[4] = 2
    with pytest.raises(MemoryImageError, match="version 2 of the format; this fewbit reads version 1"):
        MemoryImage.from_bytes(bytes(newer), "x")


def test_another_kind_or_structure_is_refused():
    IMAGE.expect(ImageKind.LOADABLE, bytes(range(32)), "w.bin", "build/mine")
    with pytest.raises(MemoryImageError, match="^w.bin: is an image of loadable weights, not external$"):
        IMAGE.expect(ImageKind.EXTERNAL, bytes(range(32)), "w.bin", "build/mine")
    with pytest.raises(MemoryImageError, match="^w.bin: is of a network or folding of another shape .* build/mine"):
        IMAGE.expect(ImageKind.LOADABLE, bytes(32), "w.bin", "build/mine")
    with pytest.raises(ValueError, match="^Structure must be 32 bytes, not 3$"):
        MemoryImage(ImageKind.LOADABLE, b"abc", b"")
    with pytest.raises(MemoryImageError, match="^3 bytes are no whole number of words"):
        MemoryImage(ImageKind.LOADABLE, bytes(32), b"abc").words  # noqa: B018
