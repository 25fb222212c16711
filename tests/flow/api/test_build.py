"""A build is simulated, synthesized, placed and put on a board by calls that give what the commands print."""

import json

import pytest

import fewbit as package
from tests.flow.api.test_model import as_json, printed
from tests.support.small_network import SPEC, samples, small


@pytest.fixture
def build(scratch):
    small(scratch / "m.onnx")
    return package.load(scratch / "m.onnx", input=SPEC).build(scratch / "b", ip=True)


@pytest.mark.slow
@pytest.mark.tools
def test_simulations_are_those_of_sim(fewbit, build, scratch):
    import numpy as np

    np.savez(scratch / "s.npz", x=samples())
    command = ["sim", scratch / "m.onnx", "--input", SPEC, "--images", scratch / "s.npz", "-o", scratch / "b"]
    want = printed(fewbit, *command, "--frames", "9")
    found = build.simulate(scratch / "s.npz", frames=9)
    assert found.ok and found.cycles_exact and as_json(found) | {"seconds": 0} == want | {"seconds": 0}
    assert build.simulate(samples(), stall=0.4, seed=3).cycles_exact is None
    again = package.load_build(scratch / "b").simulate(samples(), frames=9)
    assert again.latency == found.latency and again.ok and again.source == "samples"


@pytest.mark.tools
@pytest.mark.slow
def test_the_ip_block_is_simulated(build):
    found = build.simulate_ip(samples())
    assert found.ok and found.resets == 4


@pytest.mark.tools
@pytest.mark.slow
def test_synthesis_placement_and_boards_are_those_of_the_commands(fewbit, build, scratch):
    folder = scratch / "b"
    assert as_json(build.synthesize("xc7z020")) == printed(fewbit, "synth", folder, "--part", "xc7z020")
    assert as_json(build.place_and_route("ecp5-25k")) == printed(fewbit, "pnr", folder, "--device", "ecp5-25k")
    assert as_json(build.board("pynq-z2")) == printed(fewbit, "board", "pynq-z2", folder)
    files = build.board("ulx3s", run=False)
    assert files.bitstream is None and json.loads((files.directory / "board.json").read_text()) == as_json(files)
    with pytest.raises(ValueError, match="board must be one of .*pynq-z2"):
        build.board("pynq")
    with pytest.raises(ValueError, match="device must be one of"):
        build.place_and_route("ice40")
