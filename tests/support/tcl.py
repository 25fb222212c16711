"""A real Tcl interpreter for the scripts that we write, with the commands of Vivado replaced by some that record calls.

Python's own, if it came with one, else `tclsh`; the doctor says so if neither is there.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support import tools

try:
    import tkinter
except ModuleNotFoundError:
    tkinter = None

__all__ = ["TclError", "records"]

# What a script records comes back as text: no Tcl list needs to be read on our side.
_PRELUDE = r"""
set ::recorded {}
proc record args {
    set fields {}
    foreach field $args {
        lappend fields [string map [list \n \u2028] $field]
    }
    append ::recorded [join $fields \u241f] \n
}
"""


class TclError(AssertionError):
    """The interpreter did not accept a script."""


def records(stubs, script, file, argv=()):
    """Run ``script`` as if it were ``file``, behind ``stubs``; return the arguments of every call of ``record``.

    ``stubs`` defines the commands of the tool, and calls ``record`` in them.
    """
    text = "\n".join([
        _PRELUDE, f"set argv [list {' '.join(_word(a) for a in argv)}]", stubs, "rename info _info",
        f'proc info args {{ if {{$args eq "script"}} {{return {_word(str(file))}}}; uplevel 1 _info $args }}', script,
    ])  # fmt: skip
    tools.needs("Tcl")
    found = _within_python(text) if tkinter else _by_tclsh(text)
    return [line.replace("\u2028", "\n").split("\u241f") for line in found.split("\n") if line]


def _word(text):
    return "{" + text + "}"


def _within_python(text):
    interpreter = tkinter.Tcl()
    try:
        interpreter.eval(text)
    except tkinter.TclError as error:
        raise TclError(f"{error}: {interpreter.getvar('errorInfo')}") from None
    return str(interpreter.getvar("recorded"))


def _by_tclsh(text):
    if not shutil.which("tclsh"):
        raise TclError("there is no Tcl interpreter: install the Debian package tcl")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.tcl"
        file.write_text(f"{text}\nfconfigure stdout -encoding utf-8\nputs -nonewline $::recorded\n", encoding="utf-8")
        done = subprocess.run(["tclsh", "-encoding", "utf-8", str(file)], capture_output=True, text=True,
                              encoding="utf-8", timeout=60, check=False)  # fmt: skip
    if done.returncode:
        raise TclError(done.stderr)
    return done.stdout
