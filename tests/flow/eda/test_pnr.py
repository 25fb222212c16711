"""flow.eda.pnr: a small design placed and routed for real, reports read, paths in words, and errors."""

import json
import re
import time

import pytest

from fewbit.flow.cache import atomic_write
from fewbit.flow.commands.report import Reporter
from fewbit.flow.eda import pnr
from fewbit.flow.eda.path_names import PathStep, describe, hierarchy
from fewbit.flow.eda.pnr import PlaceError, place, summarize
from fewbit.flow.project.placed import pnr_build
from fewbit.flow.project.project import Project
from fewbit.flow.project.synthesized import synth_build
from fewbit.host.build import HostError
from fewbit.hw.targets.named import USUAL
from tests.support.small_network import SPEC, small

DESIGN = """
module \\top.sum (clk, a, s);
  input clk; input [15:0] a; output reg [15:0] s;
  always @(posedge clk) s <= s + a;
endmodule

module top(input aclk, input [15:0] a, output reg [15:0] q);
  reg [15:0] x;
  wire [15:0] s;
  always @(posedge aclk) begin x <= a; q <= s; end
  \\top.sum  adder (
    .clk(aclk), .a(x), .s(s)
  );
endmodule
"""


@pytest.fixture
def design(scratch):
    return atomic_write(scratch / "a folder" / "top.v", DESIGN)


@pytest.mark.slow
@pytest.mark.tools
def test_a_design_is_placed_counted_and_kept(design, scratch, monkeypatch):
    steps = []
    found = place(design, "top", directory=scratch / "kept", timeout=300, progress=lambda _, text: steps.append(text))
    # Three registers of 16; a bit of a carry chain takes a LUT4 position, and where it begins or ends a few more.
    assert found.used["ff"] == 48 and 16 <= found.used["lut4"] <= 24
    assert (found.used["bram"], found.used["dsp"], found.clock) == (0, 0, "aclk")
    assert found.available == {"lut4": 83640, "ff": 83640, "lutram": 10455, "bram": 208, "dsp": 156}
    path = describe(found.critical, hierarchy(DESIGN, "top"))
    # Of 16 bits of carry, with setup and clock to output.
    assert 1000 / found.fmax_mhz == pytest.approx(path.logic_ns + path.routing_ns, abs=0.03)
    assert 100 < found.fmax_mhz < 1000 and "stage adder: s" in path.words and path.levels >= 1
    assert steps and {p.suffix for p in (scratch / "kept").iterdir()} == {".json", ".log"}
    monkeypatch.setattr(pnr, "_run", None)
    assert place(design, "top", directory=scratch / "kept", timeout=300) == found
    with pytest.raises(TypeError):  # another seed is another run
        place(design, "top", directory=scratch / "kept", timeout=300, seed=2)


@pytest.mark.tools
def test_failure_names_the_error_and_is_not_kept(design, scratch):
    design.write_text(DESIGN.replace("s + a", "s +"))
    with pytest.raises(PlaceError, match="could not place and route top: .*syntax error") as caught:
        place(design, "top", directory=scratch / "kept", timeout=300)
    assert "syntax error" in caught.value.log.read_text()
    assert not list((scratch / "kept").glob("*.json"))


@pytest.mark.tools
def test_time_is_bounded_and_nothing_is_left(design, scratch):
    start = time.monotonic()
    with pytest.raises(PlaceError, match="stopped after 0.2 seconds"):
        place(design, "top", directory=scratch / "kept", timeout=0.2)
    assert time.monotonic() - start < 20 and [p.suffix for p in (scratch / "kept").iterdir()] == [".log"]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"device": "ice40"}, "device must be one of ecp5-25k, ecp5-45k, ecp5-85k, not 'ice40'"),
        ({"speed": 5}, "speed must be one of 6, 7, 8, not 5"),
        ({"goal": 0}, "goal must be more than 0"),
        ({"timeout": 0}, "timeout must be more than 0"),
        ({"top": "a b"}, "Top must be the plain name"),
    ],
)
def test_parameters_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        place("top.v", **{"top": "top", **options})


def test_the_slowest_clock_and_its_own_path_are_kept(scratch):
    def step(kind, ns, cell):
        return {"type": kind, "delay": ns, "from": {"cell": "x"}, "to": {"cell": cell}, "net": "n"}

    report = {
        "fmax": {"a": {"achieved": 250.0}, "$glbnet$b": {"achieved": 125.004}},
        "utilization": {"TRELLIS_COMB": {"used": 3, "available": 9}},
        "critical_paths": [
            {"from": "<async>", "to": "posedge $glbnet$b", "path": [step("routing", 9.0, "pad")]},
            {"from": "posedge a", "to": "posedge a", "path": [step("logic", 4.0, "other")]},
            {"from": "posedge $glbnet$b", "to": "posedge $glbnet$b", "path": [step("logic", 8.0, "mine")]},
        ],
    }
    found = summarize(report, log=scratch / "log")
    assert (found.clock, found.fmax_mhz) == ("b", 125.0)
    assert found.critical == [PathStep(kind="logic", ns=8.0, cell="mine", net="n")]
    assert found.used == {"lut4": 3, "ff": 0, "lutram": 0, "bram": 0, "dsp": 0}
    with pytest.raises(PlaceError, match="no path from register to register"):
        summarize(report | {"fmax": {}}, log=scratch / "log")


def test_a_path_in_words():
    paths = ["accelerator.dense0.array.pe3", "accelerator.dense0.array", "accelerator.dense0", "accelerator"]
    steps = [
        PathStep(kind=kind, ns=ns, cell=cell, net=net)
        for kind, ns, cell, net in (
            ("clk-to-q", 0.5, "accelerator.dense0.row_count_TRELLIS_FF_Q_2", None),
            ("routing", 1.0, "accelerator.dense0.array.pe3.acc_TRELLIS_FF_Q_1_DI_CCU2C_S0$CCU2_COMB0", "x"),
            ("logic", 0.25, "accelerator.dense0.array.pe3.acc_CCU2C_S0$CCU2_COMB0", None),
            ("routing", 0.5, "guard.beat_TRELLIS_FF_Q", "y"),
            ("setup", 0.0, "guard.beat_TRELLIS_FF_Q", None),
        )
    ]
    found = describe(steps, ["guard", *paths], ["dense0"])
    assert found.words == (
        "from layer dense0: row_count through layer dense0: array, PE 3, acc to stage guard: beat; "
        "0.8 ns logic + 1.5 ns routing"
    )
    assert (found.logic_ns, found.routing_ns, found.levels) == (0.75, 1.5, 1)
    keys = ["words", "logic_ns", "routing_ns", "levels", "from", "through", "to"]
    assert list(found.to_dict()) == keys and found.to_dict()["from"] == "layer dense0: row_count"
    assert describe([], paths).words == ""


def test_hierarchy_of_instances():
    text = "module \\a.b (x);\nendmodule\n"
    text += "module a(x);\n  \\a.b  inner (\n  );\n  LUT4 #(.INIT(1)) lut (\n  );\nendmodule\n"
    assert hierarchy(text + "module top(x);\n  a one (\n  );\n  a two (\n  );\nendmodule\n", "top") == [
        "one.inner", "two.inner", "one", "two"
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.tools
def test_a_build_of_xilinx_primitives_is_made_again_of_operators(scratch, monkeypatch):
    """As `fewbit build` makes it without options, its Verilog stays; what is not an object is no manifest."""
    report, seen = Reporter(as_json=True), []

    def run(device="ecp5-85k"):
        return pnr_build(scratch / "out", device, 8, 1, 200.0, report)

    with pytest.raises(ValueError, match="is no build: make one with `fewbit build"):
        run()
    project = Project(small(scratch / "m.onnx"), input_spec=SPEC, directory=scratch / "out", target=USUAL)
    project.generate()
    with pytest.raises(ValueError, match="device must be one of"):
        run("ecp5-12k")
    primitives = re.compile(r"^ *(LUT6_2|CARRY4)\b.*\(", re.M)
    design = atomic_write(scratch / "top.v", DESIGN.replace("module top", "module accelerator"))

    def placed(verilog, *args, **options):
        seen.append(verilog.read_text())
        return place(design, *args, directory=scratch / "kept", timeout=300, **options)

    monkeypatch.setattr(pnr, "place", placed)
    found = run().to_dict()
    assert primitives.search(project.verilog.read_text()) and not primitives.search(seen[0])
    assert (found["built_for"], found["target"]) == ("xilinx", "portable")
    assert found == json.loads((scratch / "out" / "pnr.json").read_text())
    assert found["use"]["ff"] == round(48 / 83640, 4) and found["critical_path"]["words"].startswith("from ")
    atomic_write(scratch / "out" / "manifest.json", "[]")
    with pytest.raises(HostError, match="not the manifest of this version's builds"):
        run()
    with pytest.raises(HostError, match="not the manifest of this version's builds"):
        synth_build(scratch / "out", "XC7A35T", report)
