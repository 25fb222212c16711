"""Verilator's own runtime is compiled once.

The same C++ files and headers stand behind every simulator, and take most of a build.
"""

import hashlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from fewbit.host.processes import run
from fewbit.sim.folders import locked

__all__ = ["ANY_FOLDER", "HEADER", "keep_runtime", "link_verilator", "reuse_header", "reuse_runtime", "runtime_folder",
           "runtime_to_make"]  # fmt: skip

HEADER = "verilated_all.h"  # the header that includes all of the runtime's
# Arguments of make: Verilator's makefiles refuse a folder with a space in its name, but use nothing of that name.
ANY_FOLDER = ["CURDIR=."]
_HEADERS = ("verilated.h", "verilated_dpi.h", "verilated_vpi.h")
# As the makefiles of Verilator have them: a compiler reads the headers themselves where one is different.
_MACROS = {"VERILATOR": 1, "VM_COVERAGE": 0, "VM_SC": 0, "VM_TIMING": 0, "VM_TRACE_FST": 0, "VM_TRACE_SAIF": 0,
           "VM_TRACE": 0, "VM_TRACE_VCD": 0}  # fmt: skip
_TRACE = {"VCD": ("VM_TRACE", "VM_TRACE_VCD"), "FST": ("VM_TRACE", "VM_TRACE_FST")}


def link_verilator(environment: Mapping[str, str], folder: Path | str = ".") -> dict[str, str]:
    """Give Verilator a name in ``folder``, where it is to work, and return the variables that tell it so.

    The makefiles that it writes hold that name, and a path may have characters that make or a shell would not leave.
    """
    os.symlink(environment["VERILATOR_ROOT"], Path(folder) / "verilator")
    # The second is for the script that starts the program: it does not quote its own place.
    return {"VERILATOR_ROOT": "verilator", "VERILATOR_BIN": "verilator/bin/verilator_bin"}


def runtime_folder(cache: Path | str, include: Path | str, options: object) -> Path:
    """Return the folder under ``cache`` for the objects of ``include``'s sources, these options and this compiler."""
    compiler = run(["c++", "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    sources = [(p.name, hashlib.sha256(p.read_bytes()).hexdigest()) for p in sorted(Path(include).glob("verilated*"))
               if p.is_file()]  # fmt: skip
    return Path(cache) / hashlib.sha256(repr((compiler, sources, options)).encode()).hexdigest()[:20]


@contextmanager
def runtime_to_make(store: Path) -> Iterator[bool]:
    """Say whether ``store`` has no objects yet; while it has none, hold it against other builds.

    They wait for the first, and then find what it has kept.
    """
    if not _has_objects(store):
        with locked(store):
            if not _has_objects(store):
                yield True
                return
    yield False


def _has_objects(store):
    return any(store.glob("verilated*.o"))


def reuse_runtime(store: Path, folder: Path) -> list[str]:
    """Put the kept objects into ``folder``, and return their names.

    make has to be told that these are old files: its rules have them depend on the makefile that Verilator writes.
    """
    names = sorted(path.name for path in store.glob("verilated*.o"))
    for name in names:
        shutil.copyfile(store / name, folder / name)
    return names


def keep_runtime(folder: Path, store: Path) -> None:
    """Keep the objects of a build that succeeded. Each appears whole: two builds may end at once."""
    store.mkdir(parents=True, exist_ok=True)
    for made in folder.glob("verilated*.o"):
        if not (store / made.name).exists():
            draft = store / f".{made.name}.{secrets.token_hex(4)}"
            shutil.copyfile(made, draft)
            os.replace(draft, store / made.name)


def reuse_header(store: Path, folder: Path, include: Path, flags: Sequence[str], waves: str = "") -> None:
    """Put a header of all of the runtime's headers into ``folder``, and what the compiler made of it beforehand.

    They are for ``-include``, so that not every file reads the headers again. Where that fails, all is as without it.

    Parameters
    ----------
    store, folder, include : Path
        Where it is kept, where it is wanted, and where the runtime's headers are.
    flags : list of str
        The flags of the compiler, each of which must be the same where the header is included.
    waves : str
        What the simulator writes signals as, ``VCD`` or ``FST``, on which the headers depend; empty for none.
    """
    store.mkdir(parents=True, exist_ok=True)
    text = "".join(f'#include "{name}"\n' for name in _HEADERS)
    (folder / HEADER).write_text(text)
    made = store / f"{HEADER}.gch"
    if not made.exists():
        macros = [f"-D{name}={value}" for name, value in (_MACROS | dict.fromkeys(_TRACE.get(waves, ()), 1)).items()]
        paths = [f"-I{include}", f"-I{include / 'vltstd'}"]
        draft = store / f".{HEADER}.{secrets.token_hex(4)}"
        done = run(["c++", *paths, *macros, *flags, "-x", "c++-header", folder / HEADER, "-o", draft],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        if done.returncode:
            draft.unlink(missing_ok=True)
            return
        os.replace(draft, made)
    (folder / made.name).unlink(missing_ok=True)
    (folder / made.name).symlink_to(made.resolve())
