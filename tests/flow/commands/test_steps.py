"""``fewbit`` alone shows the steps of a user, whose commands there are."""

import subprocess
import sys

import pytest
import typer

from fewbit.flow.commands.cli import app
from fewbit.flow.commands.steps import STEPS

COMMANDS = [command for step in STEPS for command in step.commands]


def test_the_steps_are_in_order_and_fit_a_terminal(fewbit):
    status, out, err = fewbit()
    assert (status, err) == (0, "") and max(map(len, out.splitlines())) <= 80
    assert [step.name for step in STEPS] == ["model", "run", "fold", "build", "sim", "synth"]
    places = [out.index(f"{number}. {step.name}: ") for number, step in enumerate(STEPS, 1)]
    assert places == sorted(places) and "fewbit --help" in out and "fewbit board " in out


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_takes_these_options(line, scratch, monkeypatch):
    monkeypatch.chdir(scratch)
    name, *arguments = line.split()
    group = typer.main.get_command(app)
    group.commands[name].make_context(name, arguments)  # raises an error of usage


def test_nothing_heavy_is_imported_for_them():
    script = (
        "import atexit, sys; sys.argv[1:] = []\n"
        "atexit.register(lambda: print(*({'numpy', 'onnx', 'amaranth', 'rich.progress'} & set(sys.modules)), 'done'))\n"
        "import fewbit.flow.commands.cli as cli; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1].split() == ["done"]
