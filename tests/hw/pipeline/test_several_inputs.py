# amaranth: UnusedElaboratable=no
"""Accelerators with several inputs: every result is golden's, at full rate in the cycle that is predicted."""

import numpy as np
import pytest

from fewbit.flow.folding.folding import default_folding
from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.execute import run
from fewbit.hw.pipeline.accelerator import Accelerator
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.stream_names import input_streams
from fewbit.sim.cycles.model import predict
from fewbit.sim.cycles.queues import size_queues
from tests.support.several_inputs import several
from tests.support.stream_bench import STALLS, entry_beats, from_beats, streams


@pytest.mark.sampled(9)
@pytest.mark.parametrize("stalls", ["full rate", "both"])
@pytest.mark.parametrize("name", ["image_and_features", "codes_and_raw", "read_twice", "three"])
def test_results_and_cycles(name, stalls, scratch):
    made = several(name, scratch / "m.onnx", count=5)
    network = import_model(scratch / "m.onnx", made.spec)
    folding = default_folding(network)
    plan = AcceleratorPlan(network, folding)
    plan = plan.with_depths(size_queues(plan))
    values = network.encode(network.together(list(made.x.values())))
    want = run(network, values).edges[network.outputs[0].edge]
    beats = {port: entry_beats(plan, values, k) for k, port in enumerate(plan.ports)}
    ends = streams(Accelerator(plan), beats, {"o": len(values) * plan.beats_out}, stalls=STALLS[stalls])
    codes = from_beats(ends["o"].payloads, plan.lanes_out, plan.format.bits, len(values))[:, : plan.length_out]
    assert np.array_equal(plan.format.decode(codes), want) and len(np.unique(want)) > 4
    if stalls == "full rate":
        timing = predict(plan, len(values))
        first = [ends[port].taken[:: entry.beats] for port, entry in zip(plan.ports, plan.entries, strict=True)]
        assert np.min(first, axis=0).tolist() == timing.entered
        assert ends["o"].given[plan.beats_out - 1 :: plan.beats_out] == timing.left


def test_names_of_streams(scratch):
    several("three", scratch / "m.onnx")
    network = import_model(scratch / "m.onnx")
    assert input_streams(network) == ["s_axis", "s_axis_1_second", "s_axis_third"]
