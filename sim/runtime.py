"""Verilator's own runtime, compiled once: the same C++ files stand behind every simulator, and take most of a build."""

import hashlib
import os
import secrets
import shutil
import subprocess
from pathlib import Path

__all__ = ["keep_runtime", "reuse_runtime", "runtime_folder"]


def runtime_folder(cache, include, options):
    """Folder under ``cache`` for the objects of ``include``'s sources with these build options and this compiler."""
    compiler = subprocess.run(["c++", "--version"], capture_output=True, text=True, check=False).stdout
    sources = [(p.name, hashlib.sha256(p.read_bytes()).hexdigest()) for p in sorted(Path(include).glob("verilated*"))
               if p.is_file()]  # fmt: skip
    return Path(cache) / hashlib.sha256(repr((compiler, sources, options)).encode()).hexdigest()[:20]


def reuse_runtime(store, folder):
    """Put the kept objects into ``folder``; returns their names.

    make has to be told that these are old files: its rules have them depend on the makefile that Verilator writes.
    """
    names = sorted(path.name for path in store.glob("verilated*.o"))
    for name in names:
        shutil.copyfile(store / name, folder / name)
    return names


def keep_runtime(folder, store):
    """Keep the objects of a build that succeeded. Each appears whole: two builds may end at once."""
    store.mkdir(parents=True, exist_ok=True)
    for made in folder.glob("verilated*.o"):
        if not (store / made.name).exists():
            draft = store / f".{made.name}.{secrets.token_hex(4)}"
            shutil.copyfile(made, draft)
            os.replace(draft, store / made.name)
