"""The names of a model's nodes change no hardware: the Verilog is the same but for them."""

import re

import pytest

from fewbit.flow.folding.folding import default_folding
from fewbit.golden.importing import importer
from fewbit.golden.importing.importer import import_model
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.verilog import emission
from fewbit.hw.targets.named import USUAL
from tests.conftest import ROOT


def by_number(model, monkeypatch):
    """Return the network of a model with nodes called by their kinds and numbers."""
    with monkeypatch.context() as patched:
        patched.setattr(importer, "with_model_names", lambda network: network)
        return import_model(model)


def modules(verilog):
    """Return the lines of each module by its name, sorted: Yosys writes instances in the order of their names.

    It numbers a register of its own by modules, which are in that order, too.
    """
    verilog = re.sub(r"dump_module\$\d+", "dump_module", verilog)
    found = {text.split("(")[0].strip(): sorted(text.splitlines()) for text in verilog.split("\nmodule ")[1:]}
    assert len(found) == len(re.findall(r"^module ", verilog, re.MULTILINE)) > 5
    return found


@pytest.mark.parametrize("example", [
    "digits/w1a1", *(pytest.param(name, marks=pytest.mark.slow) for name in ("digits-cnn/w2a2", "fashion/resnet")),
])  # fmt: skip
def test_verilog_is_the_same_but_for_names(example, monkeypatch):
    model = ROOT / "examples" / f"{example}.onnx"
    before, after = by_number(model, monkeypatch), import_model(model)
    names = {old.name: new.name for old, new in zip(before.nodes, after.nodes, strict=True)}
    assert all(old != new for old, new in names.items())
    folding = default_folding(before)
    plans = [
        AcceleratorPlan(network, known, target=USUAL)
        for network, known in ((before, folding), (after, folding.renamed(names)))
    ]
    one, other = (emission(plan) for plan in plans)
    # Gearboxes have no name of the model; forks and queues have one with more around it.
    some = rf"(fork_|queue_|)({'|'.join(names)})(?![A-Za-z0-9])"
    old = re.compile(rf"(?<=accelerator\.accelerator\.){some}|(?<=  ){some}(?=(?:_\d)? \($)", re.MULTILINE)
    assert old.search(one.text) and "dense0" not in other.text

    def by_model(found):
        prefix, name = (found[1], found[2]) if found[2] else (found[3], found[4])
        return f"{prefix}{names[name]}"

    assert modules(old.sub(by_model, one.text)) == modules(other.text)
    assert [(m.name, m.instances) for m in one.modules] == [(m.name, m.instances) for m in other.modules]
