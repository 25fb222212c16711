"""What tests of commands share."""

import sys

import pytest

from fewbit.flow.commands import cli


@pytest.fixture
def fewbit(monkeypatch, capfd):
    """Call the command; returns (exit status, standard output, standard error)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["fewbit", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return ended.value.code or 0, out, err

    return call
