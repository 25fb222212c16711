"""Waveforms show what golden computes: by layer, frame and beat, as viewers read them."""

import numpy as np
import pytest

from fewbit.flow.commands.report import Reporter
from fewbit.flow.images import Images
from fewbit.flow.project.project import Project
from fewbit.flow.project.simulation import simulate_project
from fewbit.flow.project.waveform import GTKWAVE, SURFER, view_places
from fewbit.golden.network.execute import run
from fewbit.hw.folding import Folding
from fewbit.hw.shell.verilog import emission
from fewbit.hw.targets.named import USUAL
from fewbit.sim.simulators.waves import FST, VCD, fst_problem, scopes, without_cells
from tests.support.small_network import SPEC, samples, small
from tests.support.waveforms import signals_in

PERIOD, MIDDLE = 10_000, 4_999  # ps of a cycle, and from its begin until before the edge
FRAMES = 6


def made(scratch, **options):
    folding = Folding.of(MatMul_3=(2, 3), MatMul_7=(3, 2))
    return Project(small(scratch / "m.onnx"), input_spec=SPEC, folding=folding, directory=scratch / "b", **options)


def frames_of(signals, place, lanes):
    """Return the values of every beat that was taken, by frame and beat, as a waveform has them."""

    def at(name, time):
        value = signals[f"{place}.{name}"].signal.value_at(time)
        return None if value is None or isinstance(value, str) else value - (value >> 31 << 32)

    found, time, quiet = {}, MIDDLE, 0
    while quiet < 2_000:
        if at("valid", time) and at("ready", time):
            key = at("frame", time), at("beat", time)
            assert key not in found
            found[key], quiet = [at(f"value{lane}", time) for lane in range(lanes)], 0
        time, quiet = time + PERIOD, quiet + 1
    return found


@pytest.mark.tools
@pytest.mark.parametrize("simulator", ["icarus", pytest.param("verilator", marks=pytest.mark.slow)])
def test_values_are_those_of_golden(scratch, simulator):
    project, values = made(scratch, target=USUAL), samples(FRAMES)
    images = Images(values, None, "test")
    result = simulate_project(project, images, Reporter(as_json=True), simulator=simulator, waves=True)
    assert result.ok and result.waves.name == (VCD if simulator == "verilator" and fst_problem() else FST)
    signals, edges = signals_in(result.waves), run(project.network, values).edges
    assert not any(".pe0." in path or "LUT6" in path for path in signals)
    places = view_places(emission(project.plan, viewing=True).text, "accelerator")
    for name, layer in project.plan.layers.items():
        flow = project.plan.results[name]
        found = frames_of(signals, places[name], flow.lanes)
        for frame in range(FRAMES):
            got = [value for beat in range(flow.beats) for value in found[frame, beat]]
            assert got == edges[layer.y][frame].tolist(), (name, frame)
        assert len({value for beat in found.values() for value in beat}) > 2
    gtkw, surfer = ((result.waves.parent / name).read_text() for name in (GTKWAVE, SURFER))
    for path in (line.split()[1] for line in surfer.splitlines() if line.startswith("variable_add")):
        assert path in signals and f"\n{path}" in gtkw
    assert all(f"divider_add {name}: " in surfer and f"-{name}: " in gtkw for name in project.plan.layers)


def test_cells_are_left_out_unless_asked_for(scratch):
    text = emission(made(scratch, target=USUAL).plan, viewing=True).text
    shown = without_cells(text, "accelerator")
    assert shown.count("\n") == text.count("\n")
    assert shown.replace("/*verilator tracing_off*/ ", "").replace("/*verilator tracing_on*/", "") == text
    hidden = [part.split("(")[0] for part in shown.split("/*verilator tracing_off*/ module ")[1:]]
    assert any(name.startswith("accelerator_pe_") for name in hidden) and any("LUT6" in name for name in hidden)
    paths = scopes(shown, "accelerator")
    assert paths[0] == "accelerator" and "accelerator.accelerator.view_MatMul_3" in paths
    assert not any("pe0" in path for path in paths) and scopes(text, "accelerator") == []


def test_views_are_in_no_design_that_is_shipped(scratch):
    project = made(scratch)
    project.generate()
    assert "view_" not in project.verilog.read_text()
    places = view_places(emission(project.plan, viewing=True).text, "accelerator")
    assert places == {name: f"accelerator.accelerator.view_{name}" for name in project.plan.results}
    assert np.all([name in places for name in project.plan.layers])
