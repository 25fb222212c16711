"""The image of trained numbers that do not live in the bitstream: one file, made by fewbit, checked before it is used.

A ``.bin`` file has 64 bytes of header, the payload, and then the details. Numbers are little-endian::

    offset  bytes  what
    0       4      "FBWI"
    4       2      version of the format, 1
    6       2      kind: 1 words of loadable memories, 2 contents of memory outside the device
    8       32     structure: SHA-256 of all that the payload's layout depends on, of network and folding
    40      8      bytes of the payload
    48      4      CRC-32 (IEEE 802.3, as of zlib) of the payload
    52      4      bytes of the details
    56      4      CRC-32 of the bytes 0 to 55 and the details
    60      4      zero
    64             the payload, and behind it the details: JSON in UTF-8

The details say what software needs beside the payload, such as the name of the model and what its results mean. A
``.npz`` file holds the same in arrays: ``payload`` (uint8), ``structure`` (uint8, 32 of them), ``kind`` and
``checksum`` (uint32), and ``details`` (uint8).
"""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Self

import numpy as np

from fewbit.golden.limits.files import FileError, read_bounded

__all__ = ["HEADER_BYTES", "ImageKind", "MemoryImage", "MemoryImageError"]

_MAGIC, _VERSION = b"FBWI", 1
_HEADER = struct.Struct("<4sHH32sQII")  # up to the CRC of header and details
_CHECK = struct.Struct("<II")  # this CRC, and zero
HEADER_BYTES = _HEADER.size + _CHECK.size
"""Bytes in front of the payload of a ``.bin`` file."""
_STRUCTURE_BYTES = 32
_MOST_BYTES = 8 << 30  # that a file may have
_ARRAYS = ("payload", "structure", "kind", "checksum", "details")


class MemoryImageError(ValueError):
    """A file is no whole image, or is of another kind or structure; the message, one line, says which."""


class ImageKind(IntEnum):
    """What an image is loaded into."""

    LOADABLE = 1  # memories of the accelerator, which software writes while it waits
    EXTERNAL = 2  # memory outside the device, which the accelerator reads


@dataclass(frozen=True)
class MemoryImage:
    """An image of trained numbers.

    Attributes
    ----------
    kind : ImageKind
    structure : bytes
        SHA-256 of all that the layout of the payload depends on, 32 bytes; a build's manifest has the same.
    payload : bytes
    details : mapping
        What software needs beside the payload, as JSON can hold it.

    Raises
    ------
    ValueError
        If the structure is no SHA-256.
    """

    kind: ImageKind
    structure: bytes
    payload: bytes = field(repr=False)
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if len(self.structure) != _STRUCTURE_BYTES:
            raise ValueError(f"Structure must be {_STRUCTURE_BYTES} bytes, not {len(self.structure)}")

    @property
    def checksum(self) -> int:
        """CRC-32 of the payload."""
        return zlib.crc32(self.payload)

    @property
    def words(self) -> np.ndarray:
        """The payload as words of 32 bits, uint32.

        Raises
        ------
        MemoryImageError
            If it is no whole number of them.
        """
        if len(self.payload) % 4:
            raise MemoryImageError(f"{len(self.payload)} bytes are no whole number of words of 32 bits")
        return np.frombuffer(self.payload, dtype="<u4")

    def expect(self, kind: ImageKind, structure: bytes, what: str, of: str) -> None:
        """Refuse an image of another kind or structure; errors call it ``what``, and what it is for ``of``.

        Raises
        ------
        MemoryImageError
            If it is one.
        """
        if self.kind != kind:
            raise MemoryImageError(f"{what}: is an image of {self.kind.name.lower()} weights, not {kind.name.lower()}")
        if self.structure != structure:
            raise MemoryImageError(
                f"{what}: is of a network or folding of another shape ({self.structure.hex()[:16]}…) than {of} "
                f"({structure.hex()[:16]}…); make it with `fewbit weights MODEL --build`"
            )

    # Files

    def to_bytes(self) -> bytes:
        """Return the contents of a ``.bin`` file."""
        details = json.dumps(self.details).encode()
        head = _HEADER.pack(
            _MAGIC, _VERSION, self.kind, self.structure, len(self.payload), self.checksum, len(details)
        )  # fmt: skip
        return head + _CHECK.pack(zlib.crc32(head + details), 0) + self.payload + details

    def to_npz(self) -> bytes:
        """Return the contents of a ``.npz`` file."""
        content = io.BytesIO()
        np.savez_compressed(
            content, payload=np.frombuffer(self.payload, np.uint8), structure=np.frombuffer(self.structure, np.uint8),
            kind=np.uint32(self.kind), checksum=np.uint32(self.checksum),
            details=np.frombuffer(json.dumps(self.details).encode(), np.uint8),
        )  # fmt: skip
        return content.getvalue()

    def to_file(self, path: Path | str) -> bytes:
        """Return the contents of a file that has this name: of a ``.npz`` file, or else of a ``.bin`` file."""
        return self.to_npz() if Path(path).suffix == ".npz" else self.to_bytes()

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Return the image in a file, whatever its name.

        Raises
        ------
        MemoryImageError
            If there is no such file, or it is no whole image.
        """
        try:
            content = read_bounded(path, _MOST_BYTES, what="an image of weights")
        except FileError as error:
            raise MemoryImageError(str(error)) from None
        return cls.from_bytes(content, path)

    @classmethod
    def from_bytes(cls, content: bytes, path: object = "the image") -> Self:
        """Return the image that a file's bytes are; errors call it ``path``.

        Raises
        ------
        MemoryImageError
            If they are no whole image.
        """
        try:
            return cls._of_archive(content) if content[:2] == b"PK" else cls._of_bytes(content)
        except MemoryImageError as error:
            raise MemoryImageError(f"{path}: {error}") from None

    @classmethod
    def _of_bytes(cls, content):
        if content[:4] != _MAGIC:
            raise MemoryImageError("is no image of weights; make one with `fewbit weights`")
        if len(content) < HEADER_BYTES:
            raise MemoryImageError("is cut off")
        _, version, kind, structure, size, checksum, more = _HEADER.unpack_from(content)
        if version != _VERSION:
            raise MemoryImageError(f"has version {version} of the format; this fewbit reads version {_VERSION}")
        if len(content) != HEADER_BYTES + size + more:
            raise MemoryImageError(f"has {len(content)} bytes, not {HEADER_BYTES + size + more} as it says")
        check, _ = _CHECK.unpack_from(content, _HEADER.size)
        payload, details = content[HEADER_BYTES : HEADER_BYTES + size], content[HEADER_BYTES + size :]
        if zlib.crc32(content[: _HEADER.size] + details) != check:
            raise MemoryImageError("is damaged: its header does not have its checksum")
        return cls._checked(kind, structure, payload, checksum, details)

    @classmethod
    def _of_archive(cls, content):
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                found = {name: file[name] for name in _ARRAYS}
            parts = [found[name].astype(np.uint8).tobytes() for name in ("payload", "structure", "details")]
            kind, checksum = int(found["kind"]), int(found["checksum"])
        except (KeyError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error):
            raise MemoryImageError("is no image of weights, or is damaged; make one with `fewbit weights`") from None
        payload, structure, details = parts
        return cls._checked(kind, structure, payload, checksum, details)

    @classmethod
    def _checked(cls, kind, structure, payload, checksum, details):
        if zlib.crc32(payload) != checksum:
            raise MemoryImageError("is damaged: its payload does not have its checksum")
        try:
            said = json.loads(details)
            return cls(ImageKind(kind), structure, payload, dict(said))
        except (ValueError, TypeError):
            raise MemoryImageError("is of a kind, or has details, that this fewbit does not know") from None
