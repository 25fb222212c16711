"""Shells complete commands, options and what these may be."""

import pytest

from fewbit.flow.commands import cli

ASKED = {
    "fewbit s": {"sim", "synth", "search", "sensitivity", "supported-ops"},
    "fewbit lay": {"layers"},
    "fewbit build m.onnx --tar": {"--target"},
    "fewbit build m.onnx --target u": {"ultrascale"},
    "fewbit sim --wav": {"--waves"},
}


@pytest.mark.parametrize("line", ASKED)
def test_what_may_come_next(fewbit, monkeypatch, line):
    monkeypatch.setenv(cli.COMPLETING, "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
    status, out, err = fewbit()
    assert (status, err) == (0, "") and set(out.split()) == ASKED[line]


def test_the_script_of_a_shell(fewbit, monkeypatch):
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    status, out, _ = fewbit("--show-completion", "bash")
    assert status == 0 and f"{cli.COMPLETING}=complete_bash" in out and out.rstrip().endswith("fewbit")
