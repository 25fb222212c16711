"""Files that a user names, read whole: regular ones only, and no more of them than was agreed."""

import os
import stat
from pathlib import Path

from .limit import in_bytes
from .near import did_you_mean, near_files

__all__ = ["FileError", "read_bounded"]


class FileError(ValueError):
    """A file that cannot be read; the message is one line that names it."""


def read_bounded(
    path: Path | str,
    limit: float,
    *,
    what: str = "a file",
    advice: str | None = None,
    offset: int = 0,
    length: int | None = None,
) -> bytes:
    """Return the content of a regular file, or a part of it.

    Devices, pipes and sockets are refused without being waited for: a pipe without a writer would block, and a device
    may have no end.

    Parameters
    ----------
    path : Path or str
    limit : float
        Largest number of bytes that is read.
    what : str
        What should be there, for messages: "an ONNX file".
    advice : str or None
        What messages tell the user to do where the file is larger.
    offset : int
        First byte that is read.
    length : int or None
        Number of bytes that are read; None for all that follow.

    Raises
    ------
    FileError
        If the file cannot be read, is no regular one, ends too early, or is larger than ``limit``.
    """
    path = Path(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: {_reason(path, error, what)}") from None
    try:
        with open(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise FileError(
                    f"{path}: {'a folder' if stat.S_ISDIR(found.st_mode) else 'a device or pipe'}, not {what}"
                )
            size = found.st_size - offset if length is None else length
            if offset < 0 or size < 0 or offset + size > found.st_size:
                raise FileError(f"{path}: ends before byte {offset + max(size, 0)}")
            if size > limit:
                more = f"more than {in_bytes(limit)}"
                raise FileError(f"{path}: is {in_bytes(size)}, which is {more}{'; ' + advice if advice else ''}")
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise FileError(f"{path}: {_reason(path, error, what)}") from None


def _reason(path: Path, error: Exception, what: str) -> str:
    """Return why a file cannot be read, in words of a message."""
    if isinstance(error, FileNotFoundError):
        return f"no such file{did_you_mean(near_files(path))}"
    if isinstance(error, IsADirectoryError) or (isinstance(error, PermissionError) and path.is_dir()):
        return f"a folder, not {what}"
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"
