"""The compiled engine is built once, by the compiler that Verilator uses, into the user's cache."""

import ctypes
import hashlib
import os
import platform
import secrets
import shlex
import shutil
import subprocess
from contextlib import suppress
from ctypes import POINTER, c_char_p, c_int64, c_void_p
from functools import lru_cache
from pathlib import Path

from fewbit.host.processes import run
from fewbit.places import CACHE

from .description import Description

__all__ = ["Library", "library"]

_SOURCE, _MAIN = Path(__file__).resolve().parent, "engine.cpp"
_OPTIONS = ["-std=c++17", "-O2", "-shared", "-fPIC"]
_SECONDS = 120  # that the compiler may take
_INTEGERS = POINTER(c_int64)


class Library:
    """The functions of ``engine.cpp``.

    Attributes
    ----------
    kinds : dict of str to int
        Numbers of the kinds of machines.
    begin, advance, results, end : callable
        ``cycles_begin`` and so on, as they are there.
    """

    def __init__(self, path: Path):
        loaded = ctypes.CDLL(str(path))
        loaded.cycles_kind.argtypes, loaded.cycles_kind.restype = [c_int64], c_char_p
        self.kinds: dict[str, int] = {}
        while name := loaded.cycles_kind(len(self.kinds)):
            self.kinds[name.decode()] = len(self.kinds)
        self.begin, self.advance = loaded.cycles_begin, loaded.cycles_advance
        self.results, self.end = loaded.cycles_results, loaded.cycles_end
        self.begin.argtypes, self.begin.restype = [_INTEGERS, c_int64, c_int64, _INTEGERS], c_void_p
        self.advance.argtypes, self.advance.restype = [c_void_p, c_int64], c_int64
        self.results.argtypes, self.results.restype = [c_void_p, *[_INTEGERS] * 4], None
        self.end.argtypes, self.end.restype = [c_void_p], None

    def knows(self, description: Description) -> bool:
        """Return whether it has every kind of machine of a pipeline."""
        return all(part.kind in self.kinds for part in description.parts)


@lru_cache
def library() -> Library | None:
    """Return the engine, built if need be; None where it cannot be, which no result depends on.

    The compiler is the one that ``CXX`` names, or ``c++``; an empty ``CXX`` stands for none.
    """
    return _library(shlex.split(os.environ.get("CXX", "c++")), CACHE / "cycles")


def _library(compiler: list[str], folder: Path) -> Library | None:
    """Return the engine that a compiler has made, or makes, in a folder; None if it cannot."""
    program = shutil.which(compiler[0]) if compiler else None
    if program is None:
        return None
    path = folder / f"engine-{_key(compiler, program)}.so"
    if not path.exists() and not _built(compiler, path):
        return None
    try:
        return Library(path)
    except (OSError, AttributeError):  # made on another machine, or by a compiler whose runtime is gone
        return None


def _key(compiler: list[str], program: str) -> str:
    """Return the digest of the engine's source, of the compiler, and of the machine that it is for."""
    made = os.stat(program)
    total = hashlib.sha256(repr(
        (compiler, os.path.realpath(program), made.st_size, made.st_mtime_ns, _OPTIONS, platform.machine())
    ).encode())  # fmt: skip
    for path in sorted(p for p in _SOURCE.iterdir() if p.suffix in (".cpp", ".h")):
        content = path.read_bytes()
        total.update(f"\n{path.name} {len(content)}\n".encode() + content)
    return total.hexdigest()[:20]


def _built(compiler: list[str], path: Path) -> bool:
    """Compile the engine, and say whether that went well. It appears whole: two processes may build it at once."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        done = run([*compiler, *_OPTIONS, _SOURCE / _MAIN, "-o", draft], timeout=_SECONDS,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        if done.returncode == 0:
            os.replace(draft, path)
        return done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
    finally:
        with suppress(OSError):
            draft.unlink()
