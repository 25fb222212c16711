"""The block design: for every processor and mode, each pin and bus is connected once, to something that is there."""

from collections import Counter

import pytest

from fewbit.flow.ip.destination import destination
from fewbit.flow.project.project import Project
from fewbit.hw.folding import Folding
from tests.support.block_design import BlockDesign
from tests.support.several_inputs import several
from tests.support.small_network import SPEC, small
from tests.support.targets import XILINX
from tests.support.tcl import TclError

PARTS = {"zynq": "xc7z020clg400-1", "zynqmp": "xczu3eg-sbva484-1-e", "microblaze": "xc7a35tcpg236-1",
         "none": "xc7a35tcpg236-1"}  # fmt: skip


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("designs")
    made = several("three", folder / "three.onnx")
    folding = Folding.of(dense0=(1, 5), dense1=(2, 3))  # beats of 4 bytes in: 25 bits
    options = dict(target=XILINX, destination=destination(XILINX, clock=125.0))
    return {
        "one": Project(small(folder / "one.onnx"), input_spec=SPEC, directory=folder / "a", folding=folding, **options),
        "three": Project(folder / "three.onnx", input_spec=made.spec, directory=folder / "b", **options),
    }


def designed(project, processor, mode):
    project.generate_ip()
    file = project.directory / "ip" / "block_design.tcl"
    return BlockDesign(file.read_text(), file, argv=[processor, mode, PARTS[processor]])


@pytest.mark.sampled(5)
@pytest.mark.tools
@pytest.mark.parametrize("mode", ["simple", "sg"])
@pytest.mark.parametrize("processor", PARTS)
@pytest.mark.parametrize("name", ["one", "three"])
def test_everything_is_connected_once(projects, name, processor, mode):
    project = projects[name]
    found, block = designed(project, processor, mode), project.block
    cells = set(found.cells)
    assert found.cells["accelerator"] == block.vlnv
    dmas = {cell for cell, ip in found.cells.items() if ip == "xilinx.com:ip:axi_dma"}
    assert dmas == {f"dma_{k}" for k in range(len(block.inputs))}
    assert len(cells) == len([call for call in found.called if call[0] == "create_bd_cell"])  # no name twice
    buses = Counter(end for pair in found.interfaces for end in pair)
    assert max(buses.values()) == 1  # no bus has two others
    driven = Counter(to for _, to in found.nets)
    assert max(driven.values()) == 1
    # The block as a whole
    ours = {i.name for i in block.interfaces if i.kind[0] == "interface"}
    assert {end.split("/")[1] for end in buses if end.startswith("accelerator/")} == ours
    pins = {end.split("/")[1] for pair in found.nets for end in pair if end.startswith("accelerator/")}
    assert pins == {"aclk", "aresetn", "interrupt"}
    # All clocks are one, and every cell that has one is at it
    clocks = {to for source, to in found.nets if source in ("ps/FCLK_CLK0", "ps/pl_clk0", "clock")}
    clocked = {end.split("/")[0] for end in clocks}
    without = {"interrupts", "debug", "program", "frames_memory"}
    assert clocked == cells - without
    # Interconnects: as many ports as settings say, each used
    for interconnect, kinds in (("control", ("SI", "MI")), ("memory", ("SI", "MI"))):
        settings = _settings(found, interconnect)
        for kind in kinds:
            used = {end for end in buses if end.startswith(f"{interconnect}/{kind[0]}")}
            letters = [f"{interconnect}/{kind[0]}{k:02}_AXI" for k in range(int(settings[f"CONFIG.NUM_{kind}"]))]
            assert sorted(used) == letters, (interconnect, kind)
    ports = int(_settings(found, "interrupts")["CONFIG.NUM_PORTS"])
    assert {to for _, to in found.nets if to.startswith("interrupts/In")} == {f"interrupts/In{k}" for k in range(ports)}
    assert any(source == "interrupts/dout" for source, _ in found.nets)
    # DMAs
    for k, layout in enumerate(block.inputs):
        settings = _settings(found, f"dma_{k}")
        assert settings["CONFIG.c_include_sg"] == str(int(mode == "sg"))
        assert settings["CONFIG.c_include_s2mm"] == str(int(k == 0))
        width = int(settings["CONFIG.c_m_axis_mm2s_tdata_width"]) // 8
        assert width & (width - 1) == 0 and (width >= layout.bytes or width == 128)
        assert (f"to_{layout.stream}" in cells) == (width != layout.bytes)
        assert ([f"dma_{k}/M_AXI_SG"] == [e for e in buses if e == f"dma_{k}/M_AXI_SG"]) == (mode == "sg")
    names = [call[0] for call in found.called]
    assert names.index("assign_bd_address") < names.index("validate_bd_design") < names.index("generate_target")


def _settings(found, cell):
    """The settings of a cell."""
    call = next(c for c in found.called if c[:2] == ["set_property", "-dict"] and c[3] == cell)
    words = call[2].split()
    return dict(zip(words[::2], words[1::2], strict=True))


@pytest.mark.tools
def test_the_clock_and_the_usual_processor(projects):
    project = projects["one"]
    project.generate_ip()
    file = project.directory / "ip" / "block_design.tcl"
    found = BlockDesign(file.read_text(), file)
    assert "cpu" in found.cells and [
        "create_bd_port",
        "-dir",
        "I",
        "-type",
        "clk",
        "-freq_hz",
        "125000000",
        "clock",
    ] in (found.called)
    assert ["CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ", "125"] in [
        list(pair) for pair in designed(project, "zynq", "simple").settings
    ]


@pytest.mark.tools
@pytest.mark.parametrize(
    ("argv", "said"),
    [(["risc"], "must be zynq, zynqmp, microblaze or none, not risc"), (["none", "fast"], "must be simple or sg"),
     (["zynq"], "xc7a35tcpg236-1 has no processor of zynq"), (["zynqmp", "sg", "xc7z020clg400-1"], "no processor of")],
)  # fmt: skip
def test_refused(projects, argv, said):
    project = projects["one"]
    project.generate_ip()
    file = project.directory / "ip" / "block_design.tcl"
    with pytest.raises(TclError, match=said):
        BlockDesign(file.read_text(), file, argv=argv)
