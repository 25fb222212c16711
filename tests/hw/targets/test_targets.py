"""What targets decide, the names and digests that must not change, and a family that is one class."""

import json
import re
from dataclasses import dataclass, replace

import pytest

from fewbit.flow.commands.report import Reporter
from fewbit.flow.project.project import Project
from fewbit.flow.project.rebuild import target_of
from fewbit.flow.project.synthesized import synth_build
from fewbit.golden.numbers.formats import Bipolar, Signed, Unsigned, powers_of_two
from fewbit.hw.shapes import IntShape
from fewbit.hw.targets.families.portable import Portable
from fewbit.hw.targets.families.ultrascale import UltraScale
from fewbit.hw.targets.families.xilinx import Xilinx
from fewbit.hw.targets.named import DEFAULT, USUAL, all_parts, all_targets, target_named
from fewbit.hw.targets.parts import Part
from fewbit.hw.targets.target import REGISTERED, register
from tests.support.small_network import SPEC, small
from tests.support.targets import EXPRESSIONS


def test_every_family_is_registered_by_its_file():
    assert [target.name for target in all_targets()] == ["portable", "xilinx", "ultrascale"]
    assert [type(target_named(target.name)) for target in all_targets()] == [Portable, Xilinx, UltraScale]
    assert (Portable(), Xilinx()) == (DEFAULT, USUAL) and target_named("portable", dsp=False) == Portable(dsp=False)


@pytest.mark.parametrize("name", ["Xilinx", "", None, [], "models"])
def test_a_name_that_no_target_has(name):
    message = f"target must be one of portable, xilinx, ultrascale, not {name!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        target_named(name)


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="target 'xilinx' is registered already"):
        register(type("Other", (Portable,), {"name": "xilinx"}))
    assert type(target_named("xilinx")) is Xilinx


def test_digests_of_builds_have_always_had_these_words():
    """Who changes them makes every build and every register of an IP block another one."""
    assert [target.fingerprint for target in all_targets()] == [
        "Target(luts=<Luts.OPERATORS: 'portable'>, dsp=True)",
        "Target(luts=<Luts.INSTANCES: 'xilinx'>, dsp=True)",
        "Target(luts=<Luts.ULTRASCALE: 'ultrascale'>, dsp=True)",
    ]
    assert replace(DEFAULT, dsp=False).fingerprint == "Target(luts=<Luts.OPERATORS: 'portable'>, dsp=False)"


def test_a_target_decides_what_a_processing_element_is():
    """Operators, or a netlist; powers of two have no netlist but for what is behind their products."""
    common = dict(x_format=Unsigned(4), simd=3, acc_shape=IntShape(12), feedback=True)
    powers = powers_of_two([[1, 2, -4]])
    kinds = {
        (target.name, str(w)): type(target.integer_pe(w_format=w, **common)).__name__
        for target in all_targets() for w in (Signed(3), powers)
    }  # fmt: skip
    assert kinds == {
        ("portable", str(Signed(3))): "IntegerPEPlan", ("portable", str(powers)): "IntegerPEPlan",
        ("xilinx", str(Signed(3))): "LutIntegerPEPlan", ("xilinx", str(powers)): "IntegerPEPlan",
        ("ultrascale", str(Signed(3))): "LutIntegerPEPlan", ("ultrascale", str(powers)): "IntegerPEPlan",
    }  # fmt: skip
    behind = USUAL.integer_pe(w_format=powers, **common)
    assert type(behind.sum).__name__ == "LutHeapPEPlan" and behind.latency == 1 + behind.sum.latency


def test_simulators_get_the_models_of_what_is_in_a_design():
    assert DEFAULT.models(sums=True) == EXPRESSIONS.models(sums=True) == ""
    for target in Xilinx(), UltraScale():
        assert "module LUT6_2" in target.models() and "module DSP48" not in target.models()
        assert f"module {target.dsp48.name}" in target.models(sums=True)


def test_expressions_have_the_structure_of_instances():
    common = dict(x_format=Bipolar(), w_format=Bipolar(), simd=40, acc_shape=IntShape(8), feedback=True)
    assert EXPRESSIONS.netlists and EXPRESSIONS.dsp48 is None
    assert EXPRESSIONS.integer_pe(**common).pe is USUAL.integer_pe(**common).pe


@pytest.fixture
def family():
    """A family that is defined here alone: portable, with a part of its own."""
    before = dict(REGISTERED)

    @register
    @dataclass(frozen=True)
    class Tiny(Portable):
        name, form, summary, title = "tiny", "TINY", "operators, for a tiny device", "Tiny"
        parts = (Part(name="TINY1", lut=1_000, ff=2_000, dsp=4, bram18=8),)
        ip_families = ("tiny",)
        vivado_part = "tiny1-csg"

    yield Tiny
    REGISTERED.clear()
    REGISTERED.update(before)


@pytest.mark.slow
@pytest.mark.tools
def test_a_family_is_one_class(family, scratch):
    """It is built, described and synthesized by its name and its part, and nothing else has to know it."""
    model = small(scratch / "m.onnx")
    project = Project(model, input_spec=SPEC, directory=scratch / "build", target=target_named("tiny"))
    project.generate()
    assert json.loads((scratch / "build" / "manifest.json").read_text())["target"] == "tiny"
    assert target_of(scratch / "build")[1] == family()
    assert project.block.families == ("tiny",) and "set part tiny1-csg\n" in (
        (scratch / "build" / "verilog" / "vivado.tcl").read_text()
    )  # fmt: skip
    plain = Project(model, input_spec=SPEC, directory=scratch / "plain")
    plain.generate()
    assert project.verilog.read_text() == plain.verilog.read_text() and project.digest != plain.digest
    assert all_parts()["tiny1"].lut == 1_000
    found = synth_build(scratch / "build", "tiny1", Reporter(True))
    assert (found.target, found.part) == ("tiny", "TINY1")
    assert found.use["lut"] == round(found.total.lut / 1_000, 4) > 0
    with pytest.raises(
        ValueError, match="made of cells of Tiny, which XC7A35T does not have.* or choose a part of Tiny .tiny1."
    ):
        synth_build(scratch / "build", "xc7a35t", Reporter(True))
