# amaranth: UnusedElaboratable=no
"""Quantizing units alone: what a random bit generator takes is known by construction."""

import pytest

from fewbit.flow.eda.unit_cost import generators_of, quantizer_costs, quantizers_of
from fewbit.flow.folding.folding import default_folding
from fewbit.golden.importing.importer import import_model
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from tests.golden.importing.exchange.test_stochastic import stochastic_model


@pytest.mark.tools
@pytest.mark.slow
def test_an_lfsr_takes_a_lut_a_bit_of_its_draws(scratch):
    stochastic_model("bipolar").save(scratch / "m.onnx")
    network = import_model(scratch / "m.onnx")
    plan = AcceleratorPlan(network, default_folding(network))
    assert list(quantizers_of(plan)) == ["threshold0", "draw0"] and list(generators_of(plan)) == ["draw0"]
    lanes = next(s.plan.lanes for s in plan.stages if s.plan.name == "draw0")
    assert lanes * 8 <= 28, "beyond the tap an XOR has more than two bits"
    found = quantizer_costs(plan)
    assert set(found) == {"threshold0", "draw0", "draw0.generator"}
    assert found["draw0.generator"].ff == 31 and found["draw0.generator"].lut <= 8 * lanes + 4
    assert found["draw0"].lut > found["draw0.generator"].lut
