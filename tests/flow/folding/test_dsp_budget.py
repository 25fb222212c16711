"""``fewbit fold --dsp N``: N is of the whole accelerator, with the multipliers of its activations."""

import numpy as np
import pytest

from fewbit.flow.eda.synth import synthesize
from fewbit.flow.folding.folding import default_folding, fold
from fewbit.flow.folding.search import with_dsps
from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.joins import Add
from fewbit.golden.numbers.formats import Signed, Unsigned
from fewbit.hw.activation.affine_plan import AffinePlan
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shapes import IntShape
from fewbit.hw.shell.verilog import emit
from fewbit.hw.stages.join_plan import JoinPlan
from fewbit.hw.targets.named import USUAL
from tests.flow.commands.test_cli import ROOT

W8A8 = ROOT / "examples" / "digits" / "w8a8.onnx"


def plan_of(network, folding):
    return AcceleratorPlan(network, folding, target=USUAL)


@pytest.mark.long
@pytest.mark.parametrize("wanted", [1, 6, 20, 60, 200])
def test_activations_count(wanted):
    """Of 8-bit layers every activation multiplies: what is left of the DSPs is for products."""
    network = import_model(W8A8)
    folding = fold(network, 100)
    alone = plan_of(network, folding)
    assert alone.dsps == sum(layer.activation.dsps for layer in alone.layers.values()) >= 4
    found = with_dsps(network, folding, wanted)
    assert plan_of(network, found).dsps <= max(wanted, alone.dsps)
    assert (found == folding) == (wanted < alone.dsps + 2)


def test_none_leaves_the_folding_alone():
    network = import_model(W8A8)
    assert with_dsps(network, folding := default_folding(network), 0) == folding


def affine(bits, multipliers):
    return AffinePlan(
        acc_shape=IntShape(bits), bits=8, lanes=2, beats=2, multipliers=multipliers, addends=[0] * 4, shift=8
    )


@pytest.mark.parametrize(("bits", "multipliers", "dsps"), [
    (12, [1, 1, 1, 1], 0), (12, [300, 7, 9, 10], 2), (20, [300, 7, 9, 10], 4), (20, [1 << 18, 5, 5, 5], 6),
    (4, [3, 5, 6, 7], 0),
])  # fmt: skip
def test_multipliers_of_an_activation(bits, multipliers, dsps):
    """Parts of 17 bits; a product of fewer than 9 bits is LUTs."""
    assert affine(bits, multipliers).dsps == dsps


@pytest.mark.parametrize(("formats", "factors", "dsps"), [
    ((Unsigned(8), Signed(8)), [[3, 5, 7, 9], [2, 2, 2, 2]], 2), ((Unsigned(8), Signed(8)), [[5] * 4, [3, 4, 5, 6]], 4),
    ((Unsigned(4), Unsigned(4)), [[3, 5, 7, 9], [1, 2, 3, 4]], 0),
])  # fmt: skip
def test_multipliers_of_a_sum_of_branches(formats, factors, dsps):
    edges = {n: Edge(f, np.full(4, f.lo), np.full(4, f.hi)) for n, f in zip("ab", formats, strict=True)}
    node = Add("add", "a", "y", ("b",), np.array(factors))
    edges["y"] = node.out(edges["a"], edges["b"])
    assert JoinPlan(node, edges, lanes=2).dsps == dsps


@pytest.mark.tools
@pytest.mark.slow
def test_synthesis_counts_as_many(scratch):
    """Yosys takes no more than the plan says, with products in DSPs and without, and no more than were wanted."""
    network = import_model(W8A8)
    folding = fold(network, 400)
    for wanted in 0, 20:
        plan = plan_of(network, with_dsps(network, folding, wanted))
        (scratch / "accelerator.v").write_text(emit(plan))
        found = synthesize(scratch / "accelerator.v", "accelerator", directory=scratch)
        assert found.dsp == plan.dsps and (not wanted or found.dsp <= wanted)
