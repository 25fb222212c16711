"""``--part``, ``--clock`` and ``--prefix`` of the commands that write Verilog."""

import json

import pytest

from fewbit.hw.targets.part_list import COLUMNS
from tests.support.small_network import SPEC, small


def test_build_and_verilog_take_them(fewbit, scratch):
    options = (small(scratch / "m.onnx"), "--input", SPEC, "-o", scratch / "out")
    where = ("--part", "xc7z020clg400-1", "--clock", "150", "--prefix", "left")
    status, out, _ = fewbit("verilog", *options, *where, "--json")
    found = json.loads(out)
    assert status == 0 and found["top"] == "left_accelerator" and found["control"]["top"] == "left_accelerator_ip"
    assert found["destination"] == {
        "part": "xc7z020clg400-1", "family": "zynq", "clock": 150.0, "prefix": "left", "notes": [],
    }  # fmt: skip
    assert "-period 6.667 " in (scratch / "out" / "ip" / "left_accelerator_ip.xdc").read_text()
    assert "Verilog: up to date" in fewbit("build", *options, *where)[2]
    status, out, _ = fewbit("build", *options, "--json")  # without options it is as it always was
    assert json.loads(out)["top"] == "accelerator" and not json.loads(out)["up_to_date"]


@pytest.mark.parametrize(
    ("given", "said"),
    [(("--part", "xc7z02"), "there is no part 'xc7z02'; near to it: xc7z020"),
     (("--part", "xc7z020", "--target", "ultrascale"), "give --target xilinx, or choose another part (xczu3eg"),
     (("--prefix", "a b"), "prefix must be a letter"), (("--clock", "0"), "--clock"),
     (("--part", "x", "--parts", "no.csv"), "no.csv: there is no such file of parts")],
)  # fmt: skip
def test_refused_in_a_line(fewbit, scratch, given, said):
    status, out, err = fewbit("verilog", small(scratch / "m.onnx"), "--input", SPEC, "-o", scratch / "out", *given)
    assert (status, out, err.count("\n")) == (2, "", 1) and said in err
    assert not (scratch / "out").exists()


def test_notes_and_parts_of_ones_own(fewbit, scratch):
    file = scratch / "own.csv"
    file.write_text(f"{','.join(COLUMNS)}\nTINY-1,Mine,xc7,900,1800,,4,0,2,my board\n")
    options = (small(scratch / "m.onnx"), "--input", SPEC, "-o", scratch / "out")
    status, out, _ = fewbit("build", *options, "--part", "tiny-1", "--parts", file)
    assert status == 0 and "note: tiny-1 is a device without package and speed grade" in out
    assert "set part tiny-1\n" in (scratch / "out" / "verilog" / "vivado.tcl").read_text()
    status, out, _ = fewbit("build", *options, "--part", "xczu3eg-sbva484-1-e")
    assert status == 0 and "note: --target xilinx is made of CARRY4" in out


@pytest.mark.tools
@pytest.mark.slow
def test_a_build_with_a_prefix_is_simulated_and_counted(fewbit, scratch):
    options = (small(scratch / "m.onnx"), "--input", SPEC, "-o", scratch / "out")
    assert fewbit("verilog", *options, "--prefix", "left")[0] == 0
    for more in ((), ("--ip",)):
        status, out, _ = fewbit("sim", *options, "--json", *more)
        assert status == 0 and json.loads(out)["ok"]
        status, out, _ = fewbit("synth", scratch / "out", "--json", *more)
        assert status == 0 and json.loads(out)["stages"].keys() > {"the rest"}
    assert (scratch / "out" / "verilog" / "left_accelerator.v").is_file()
    assert not (scratch / "out" / "verilog" / "accelerator.v").exists()
    status, out, _ = fewbit("pnr", scratch / "out", "--json")
    assert status == 0 and json.loads(out)["fmax_mhz"] > 20
