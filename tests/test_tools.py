"""A test without the mark `tools` fails when it starts one, in whatever way; with the mark it does not."""

import subprocess
import sys
from contextlib import suppress

import pytest

from fewbit.host.processes import run
from tests.support import tools

Failed = pytest.fail.Exception


def imports():
    from pyosys import libyosys

    return libyosys


WAYS = {
    "a program": lambda: subprocess.run(["make", "--version"], check=False),
    "under supervision": lambda: run(["c++", "--version"]),
    "by its path": lambda: subprocess.run(["/usr/bin/g++", "--version"], check=False),
    "a shell's child": lambda: subprocess.run(["sh", "-c", "iverilog -V; true"], check=False),
    "our simulator": lambda: run([sys.executable, "-P", "-m", "fewbit.sim.simulators.run", "build"]),
    "our synthesis": lambda: run([sys.executable, "-m", "fewbit.flow.eda.synth", "{}"]),
    "an import": imports,
    "a child's import": lambda: subprocess.run([sys.executable, "-c", "from pyosys import libyosys"], check=False),
    "Tcl": lambda: tools.needs("Tcl"),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_tools_are_forbidden(way):
    with pytest.raises(Failed, match="it needs the mark `tools`"), tools.forbidden():
        way()


def test_they_are_even_where_the_failure_is_caught():
    with pytest.raises(Failed, match="The test starts make: it needs"), tools.forbidden():
        with suppress(Failed):
            WAYS["a program"]()


def test_a_program_of_the_test_itself_may_stand_for_a_tool(scratch, monkeypatch):
    (scratch / "iverilog").write_text("#!/bin/sh\nexit 7\n")
    (scratch / "iverilog").chmod(0o755)
    with tools.forbidden():
        monkeypatch.setenv("PATH", str(scratch))
        assert subprocess.run(["iverilog"], check=False).returncode == 7
        monkeypatch.undo()


@pytest.mark.tools
def test_the_mark_allows_them():
    assert WAYS["a program"]().returncode == 0
    assert imports().Design
