"""Commands register themselves: one file each, of the command's name, listed by their ranks."""

from dataclasses import dataclass
from inspect import signature
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fewbit.flow import commands
from fewbit.flow.commands import cli, registry

FOLDER = Path(commands.__file__).parent
SHARED = {
    "__init__", "cli", "float_options", "folding_options", "kinds", "options", "registry", "report", "steps", "usage",
    "version",
}  # fmt: skip


def test_a_command_is_a_file_of_its_name():
    names = {command.callback.__name__ for command in cli.app.registered_commands}
    assert {path.stem for path in FOLDER.glob("*.py")} - SHARED == names
    assert all(command.callback.__module__.endswith(f".{command.callback.__name__}")
               for command in cli.app.registered_commands)  # fmt: skip


def test_no_two_commands_have_one_rank():
    ranks = [rank for rank, *_ in registry._COMMANDS]
    assert len(set(ranks)) == len(ranks) == len(cli.app.registered_commands)


@dataclass(frozen=True)
class Where:
    place: str = "here"
    times: int = 2


@pytest.mark.parametrize("given, printed", [([], "here here 1"), (["--times", "1", "--more", "3"], "here 3")])
def test_a_dataclass_stands_for_its_options(given, printed):
    def work(*, where: Where, more: int = 1):
        print(" ".join([where.place] * where.times), more)

    app, flat = typer.Typer(), registry._flat(work)
    app.command()(flat)
    assert list(signature(flat).parameters) == ["place", "times", "more"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0 and result.output.strip() == printed
