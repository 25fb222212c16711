"""Arrays out of ``.npz`` files: by name, with their size known before anything is unpacked."""

import io
import math
import zipfile
from collections.abc import Iterable
from pathlib import Path
from tokenize import TokenError

import numpy as np

from fewbit.golden.limits.files import FileError, read_bounded
from fewbit.golden.limits.limit import IMAGE_BYTES, in_bytes, one_line

__all__ = ["BYTES_A_VALUE", "ArchiveError", "archive_bytes", "arrays_of"]

# Of every value of an array, besides the array itself: integers, floats, and what makes the one of the other (24 to 29
# bytes, measured, for uint8, float32 and float64).
BYTES_A_VALUE = 32
_MAGIC = b"\x93NUMPY"


class ArchiveError(ValueError):
    """A file is no archive of arrays, or takes more memory than samples may; the message, one line, names it."""


def archive_bytes(path: Path | str) -> bytes:
    """Return what the file at ``path`` holds, read once.

    Raises
    ------
    ArchiveError
        If it is no file, or larger than samples may be.
    """
    try:
        return read_bounded(path, IMAGE_BYTES.value, what="an .npz file", advice=IMAGE_BYTES.advice)
    except FileError as error:
        raise ArchiveError(error) from None


def arrays_of(
    path: Path | str, names: Iterable[str], content: bytes | None = None
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the arrays of an archive by name, as far as it has them, and the names of its other members.

    Every array must say in its header how large it is, and be so; nothing is unpickled. Other members are left alone.

    Parameters
    ----------
    path : path
        The ``.npz`` file, which errors name.
    names : iterable of str
        Arrays that are wanted.
    content : bytes or None
        What the file holds, if it has been read already.

    Raises
    ------
    ArchiveError
        If the file cannot be read, is damaged, or holds something else than arrays of numbers of a bounded size.
    """
    limit = IMAGE_BYTES.value
    content = archive_bytes(path) if content is None else content
    if content[:6] == _MAGIC:
        raise ArchiveError(f"{path}: not a readable .npz file: a single array without a name, as of .npy")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {_name(info): info for info in archive.infolist()}
            if len(members) < len(archive.infolist()):
                raise ArchiveError(f"{path}: has two arrays of one name")
            found = {name: _array(path, archive, members[name], limit) for name in names if name in members}
    except ArchiveError:
        raise
    except zipfile.BadZipFile as error:
        kind = "damaged" if "CRC" in str(error) else "not a readable .npz file"
        raise ArchiveError(f"{path}: {kind}: {one_line(error)}") from None
    except MemoryError:
        raise ArchiveError(f"{path}: takes more memory than there is; {IMAGE_BYTES.advice}") from None
    except Exception as error:  # zipfile's and zlib's own kinds, for a damaged archive
        raise ArchiveError(f"{path}: damaged: {one_line(error) or type(error).__name__}") from None
    return found, [name for name in members if name not in found]


def _name(info):
    return info.filename.removesuffix(".npy")


def _array(path, archive, info, limit):
    """Return the array of one member, whose size is known before it is unpacked."""
    name = _name(info)
    if info.flag_bits & 1:
        raise ArchiveError(f"{path}: {name!r} is encrypted")
    with archive.open(info) as member:
        if member.read(len(_MAGIC)) != _MAGIC:
            raise ArchiveError(f"{path}: {name!r} is no array: it does not begin as a .npy file does")
    with archive.open(info) as member:
        try:
            version = np.lib.format.read_magic(member)
            read = {(1, 0): np.lib.format.read_array_header_1_0}.get(version, np.lib.format.read_array_header_2_0)
            shape, _, dtype = read(member)
        except (ValueError, TokenError, SyntaxError, UnicodeError, RecursionError, OverflowError, TypeError) as error:
            raise ArchiveError(f"{path}: the header of {name!r} cannot be read: {one_line(error)}") from None
    if dtype.hasobject:
        raise ArchiveError(f"{path}: not a readable .npz file: {name!r} holds Python objects, not numbers")
    values = math.prod(shape)
    needed = values * (dtype.itemsize + BYTES_A_VALUE)
    if min(shape, default=0) < 0 or needed > limit:
        raise ArchiveError(
            f"{path}: {name!r} of shape {_short(shape)} takes {in_bytes(needed)} of memory; {IMAGE_BYTES.advice}"
        )
    if info.file_size < values * dtype.itemsize:
        raise ArchiveError(f"{path}: damaged: {name!r} of shape {_short(shape)} has only {info.file_size} bytes")
    with archive.open(info) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _short(shape):
    return str(shape) if len(shape) <= 8 else f"of {len(shape)} dimensions"
