# amaranth: UnusedElaboratable=no
"""A whole design: what is proved of its modules is their behaviour, and what is damaged stays as it is."""

import re

import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.hw.folding import Folding
from fewbit.hw.pipeline.accelerator import AcceleratorPlan
from fewbit.hw.shell.verilog import emit
from fewbit.hw.targets.named import USUAL
from fewbit.sim.proof.design import behaviour_design, primitives_in, processing_elements
from tests.support.small_network import SPEC, small

pytestmark = pytest.mark.tools
ELEMENT, MEMORY = "processing element", "memory"
FOLDING = Folding.of(dense0=(2, 3), dense1=(3, 2))


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    """The Verilog of a small network, and the plans of its processing elements."""
    network = import_model(small(tmp_path_factory.mktemp("model") / "small.onnx"), SPEC)
    plan = AcceleratorPlan(network, FOLDING, target=USUAL)
    return emit(plan), list(processing_elements(plan))


def test_all_modules_are_proved(design):
    text, plans = design
    found = behaviour_design(text, plans)
    assert {proof.kind for proof in found.proofs} == {ELEMENT, MEMORY}
    assert all(proof.reason is None for proof in found.proofs), found.proofs
    # What is left of primitives is what no proof is of.
    assert primitives_in(text, "accelerator") > 5 * primitives_in(found.text, "accelerator")
    assert set(re.findall(r'"\.\./(.*)"', found.text)) == set(found.files)


@pytest.mark.parametrize("kind, word", [(ELEMENT, "pe"), (MEMORY, "rom")])
def test_what_is_damaged_stays_as_it_is(design, kind, word):
    text, plans = design
    module = re.search(rf"^// {word}:.*?^endmodule", text, re.MULTILINE | re.DOTALL)
    damaged = re.sub(r"(?<=INIT\(64'h)[0-9a-f]{16}", lambda found: f"{int(found[0], 16) ^ 0x5555:016x}", module[0])
    assert damaged != module[0]
    found = behaviour_design(text.replace(module[0], damaged), plans)
    (refused,) = [proof for proof in found.proofs if proof.reason is not None]
    assert refused.kind == kind and refused.reason.startswith(f"module {refused.name}: ")
    assert damaged.partition("\n")[2] in found.text
