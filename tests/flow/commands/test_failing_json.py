"""A command that fails with ``--json`` says so in JSON, with the status and the line that it has without."""

import json

import pytest

from fewbit.flow.commands.options import Making
from fewbit.host.processes import Terminated
from fewbit.places import HOME

MODEL = HOME / "examples" / "digits" / "w1a1.onnx"
FAILING = {
    "no model": ["build", "none.onnx"],
    "a bad option": ["run", MODEL, "--frames", "0"],
    "no such option": ["run", MODEL, "--frmes", "1"],
    "no such command": ["biuld", MODEL],
    "no argument": ["build"],
    "a name of control characters": ["build", '\x1b[2J\n"é.onnx'],
}


@pytest.mark.parametrize("case", FAILING)
def test_an_error(fewbit, case):
    status, out, err = fewbit(*FAILING[case])
    assert (status, out) == (2, "") and err.count("\n") == 1
    failed, printed, said = fewbit(*FAILING[case], "--json")
    assert (failed, said) == (status, err) and printed.count("\n") == 1
    assert json.loads(printed) == {"error": err.removeprefix("fewbit: ").rstrip("\n")}


@pytest.mark.parametrize(
    "error, status, said",
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (Terminated(15), 143, "ended by SIGTERM"),
        (MemoryError(), 2, "memory"),
    ],
)
def test_an_end_from_outside(fewbit, monkeypatch, error, status, said):
    def end(*_):
        raise error

    monkeypatch.setattr(Making, "project", end)
    ended, out, err = fewbit("build", MODEL, "--json")
    assert ended == status and said in err and json.loads(out)["error"] == err.removeprefix("fewbit: ").rstrip("\n")


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch, capfd):
    from fewbit.flow.commands import cli

    def fault(*_):
        raise KeyError("x\ny")

    monkeypatch.setattr(Making, "project", fault)
    for options, printed in ((), None), (("--json",), {"error": "a fault of fewbit: KeyError('x\\ny')"}):
        monkeypatch.setattr("sys.argv", ["fewbit", "build", str(MODEL), *options])
        with pytest.raises(KeyError):
            cli.main()
        out = capfd.readouterr().out
        assert (json.loads(out) if out else None) == printed


def test_a_file_of_that_name_is_no_option(fewbit):
    assert fewbit("build", "--", "--json") == (2, "", "fewbit: --json: no such file\n")
