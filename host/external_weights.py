"""The image of external weights is put into a board's memory, and its accelerator is told where it is."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .memory_image import ImageKind, MemoryImage, MemoryImageError

__all__ = ["ALIGNED", "ExternalWeights", "ExternalWeightsError", "checked_image"]

ALIGNED = 4096
"""Bytes of which the image's address must be a multiple: no burst crosses one."""


class ExternalWeightsError(ValueError):
    """An image is not the one that the hardware expects, or memory for it is not as it must be; the line says which."""


def checked_image(path: Path, expected: Mapping[str, Any]) -> MemoryImage:
    """Return the image in a file, which must be the one that a manifest's ``external`` describes.

    Raises
    ------
    ExternalWeightsError
        If there is none, it is damaged, or it is another network's.
    """
    try:
        image = MemoryImage.read(path)
    except MemoryImageError as error:
        raise ExternalWeightsError(str(error)) from None
    wanted = bytes.fromhex(expected["structure"])
    if image.kind != ImageKind.EXTERNAL:
        raise ExternalWeightsError(f"{path}: is an image of {image.kind.name.lower()} weights, not of external ones")
    if image.structure != wanted or hashlib.sha256(image.payload).digest() != wanted:
        raise ExternalWeightsError(
            f"{path}: is the image of another network or folding ({image.structure.hex()[:16]}…) than this build's "
            f"({wanted.hex()[:16]}…); `fewbit build` writes the right one"
        )
    return image


class ExternalWeights:
    """An image in a board's memory, which the accelerator reads as long as this is open.

    Parameters
    ----------
    image : MemoryImage
        As `checked_image` gives it.
    registers : mapping
        The registers of the manifest, by name.
    read, write : callable
        ``read(offset)`` and ``write(offset, value)`` of the block's registers, in bytes and words of 32 bits.
    allocate : callable
        ``pynq.allocate``: contiguous memory that the accelerator reaches.

    Raises
    ------
    ExternalWeightsError
        If the hardware expects another image, or the memory does not begin at a multiple of `ALIGNED`.
    """

    def __init__(
        self, image: MemoryImage, registers: Mapping[str, Any], *, read: Callable[[int], int],
        write: Callable[[int, int], None], allocate: Callable[..., Any],
    ):  # fmt: skip
        self._registers, self._write = registers, write
        digest = registers["WEIGHTS_DIGEST"]
        words = [read(digest["offset"] + 4 * k) for k in range(digest["words"])]
        said = b"".join(word.to_bytes(4, "big") for word in words)
        if said != image.structure[: len(said)]:
            raise ExternalWeightsError(
                f"the hardware expects the image {said.hex()[:16]}…, not {image.structure.hex()[:16]}…: its bitstream "
                "is of another build"
            )
        self._set("WEIGHTS_CONTROL", 0)
        self._buffer = allocate((len(image.payload),), dtype=np.uint8)
        address = int(getattr(self._buffer, "device_address", None) or self._buffer.physical_address)
        if address % ALIGNED:
            self._buffer.freebuffer()
            raise ExternalWeightsError(f"memory at {address:#x} was given for weights, at no multiple of {ALIGNED}")
        self._buffer[:] = np.frombuffer(image.payload, np.uint8)
        self._buffer.flush()
        self._set("WEIGHTS_BASE", address & 0xFFFFFFFF)
        self._set("WEIGHTS_BASE_HIGH", address >> 32)
        self._set("WEIGHTS_CONTROL", 1 << registers["WEIGHTS_CONTROL"]["fields"]["VALID"])

    def close(self) -> None:
        """Let the accelerator read no further burst. The memory stays: bursts may be under way, and rings are full."""
        self._set("WEIGHTS_CONTROL", 0)

    def _set(self, name: str, value: int) -> None:
        self._write(self._registers[name]["offset"], value)
