"""Results of the cycle model that took long are kept by content in the user's cache."""

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from time import process_time

from fewbit.places import CACHE

from .timing import Timing

__all__ = ["kept"]

_LONG = 0.1  # seconds from which on a result is worth a file


def kept(content: object, find: Callable[[], Timing], *, folder: Path = CACHE / "cycles") -> Timing:
    """Return the `Timing` that an earlier call has found, or what ``find()`` gives now.

    Everything that the times depend on is ``content``, whose ``repr`` says all of it, and the model's own source.
    """
    path = folder / f"{hashlib.sha256(repr((_source(), content)).encode()).hexdigest()}.json"
    with suppress(OSError, ValueError, TypeError):
        return Timing(**json.loads(path.read_text(encoding="utf-8")))
    began = process_time()
    timing = find()
    if process_time() - began > _LONG:
        _write(path, json.dumps({"entered": timing.entered, "left": timing.left}))
    return timing


@lru_cache
def _source() -> str:
    """Return the digest of the cycle model's source."""
    room, total = Path(__file__).resolve().parent, hashlib.sha256()
    for path in sorted(p for p in room.rglob("*") if p.suffix in (".py", ".cpp", ".h")):
        content = path.read_bytes()
        total.update(f"{path.relative_to(room).as_posix()} {len(content)}\n".encode() + content)
    return total.hexdigest()


def _write(path: Path, text: str) -> None:
    """Write a file whole, as two processes may find the same at once; where nothing can be written, nothing is kept."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
