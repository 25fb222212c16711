"""``fewbit fold`` with a part and several limits: what it says, and how wrong use is refused."""

import json

import pytest

from fewbit.flow.commands.kinds import duration

MODEL = "examples/digits/w4a4.onnx"


def test_a_part_and_a_share(fewbit, scratch):
    fold = ["fold", MODEL, "--part", "xc7s15", "--share", "60%", "-o", scratch / "f.json"]
    status, out, _ = fewbit(*fold, "--json")
    found = json.loads(out)
    limited = found["limited"]
    assert status == 0 and limited["part"] == "XC7S15" and limited["goal"] == "fps"
    assert limited["limits"] == {"lut": 4800, "ff": 9600, "lutram": 1440, "bram18": 12, "uram": 0, "dsp": 12}
    assert all(limited["used"][name] <= most for name, most in limited["limits"].items())
    assert limited["used"] == found["estimate"] and limited["faster"]["cycles"] < found["interval"]
    status, out, _ = fewbit("build", MODEL, "--folding", scratch / "f.json", "-o", scratch / "b", "--json")
    assert status == 0 and json.loads(out)["cycles"]["interval"] == found["interval"]
    shown = fewbit(*fold)[1]
    assert "limited by " in shown and "the next step up, " in shown and "smallest part that holds it" in shown


def test_a_part_and_loadable_weights(fewbit, scratch):
    fold = ["fold", MODEL, "--part", "xc7s25", "--weights", "loadable", "-o", scratch / "f.json"]
    status, out, _ = fewbit(*fold, "--json")
    found = json.loads(out)
    limited = found["limited"]
    assert status == 0 and all(limited["used"][name] <= most for name, most in limited["limits"].items())
    assert {layer["weights"] for layer in found["layers"]} == {"loadable"}
    written = json.loads((scratch / "f.json").read_text())["layers"]
    assert all(layer["weights"] == "loadable" and "memory" not in layer for layer in written.values())
    status, out, _ = fewbit("build", MODEL, "--folding", scratch / "f.json", "-o", scratch / "b", "--json")
    assert status == 0 and json.loads(out)["cycles"]["interval"] == found["interval"]


def test_several_limits_without_a_part(fewbit, scratch):
    limits = ["--fps", "500000", "--max-luts", "3000", "--max-latency", "20us", "--max-dsps", "8"]
    status, out, _ = fewbit("fold", MODEL, *limits, "-o", scratch / "f.json", "--json")
    found = json.loads(out)
    assert status == 0 and found["fps"] >= 500000 and found["latency"] <= 4000
    assert found["estimate"]["lut"] <= 3000 and found["estimate"]["dsp"] <= 8
    assert found["limited"]["goal"] == "luts" and found["limited"]["part"] is None


@pytest.mark.parametrize(("options", "said"), [
    (["--part", "xc7a36t"], "there is no part 'xc7a36t'; near to it: "),
    (["--part", "xc7a35t", "--share", "120%"], "Invalid value for '--share': must be a share from 0 to 100 %, not "),
    (["--share", "50"], "a share is of a part's resources: name the part with --part"),
    (["--part", "xc7a35t", "--dsp", "5", "--max-dsps", "6"], "give one of --dsp and --max-dsps, not both"),
    (["--part", "xc7a35t", "--lut-share", "5", "--max-luts", "600"], "give one of --lut-share and a number of "),
    (["--max-luts", "100", "--fps", "100"], "no folding at "),
    (["--part", "xc7s6", "--share", "5%"], "no folding is within "),
    (["--part", "xc7a35t", "--fps", "1e11"], "1e+11 frames a second are more than one a cycle at 200 MHz"),
    (["--part", "xc7a35t", "--max-cycles", "1", "--lut-share", "2"], "no folding at 1 cycles a frame is within "),
    (["--max-latency", "soon"], "Invalid value for '--max-latency': must be a latency such as 100us, 2ms or 5000 "),
    (["--part", "xc7a35t", "--part", "xc7a15t"], "one device has one part: give --part once, or --devices too"),
    (["--devices", "2", "--max-brams", "5"], "several devices are folded to one of --fps, --max-cycles and "),
    (["--part", "xc7a35t", "--bus", "64"], "--bus and --ultra-ram are for external weights: give --weights external "),
    (["--part", "xc7s6", "--share", "5%", "--weights", "loadable"], "no folding is within "),
    (["--for", "beauty"], "Invalid value for '--for': "),
    (["--part", "xc7a35t", "--max-latency", "10ns"], "a latency of 2 cycles cannot be met within the limits"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")  # fmt: skip
def test_wrong_use_is_one_line(fewbit, scratch, options, said):
    file = scratch / "f.json"
    status, out, err = fewbit("fold", MODEL, *options, "-o", file)
    assert (status, out) == (2, "") and err.startswith(f"fewbit: {said}") and err.count("\n") == 1, err
    assert not file.exists()


@pytest.mark.parametrize(("text", "cycles"), [
    ("100us", 20_000), ("2 ms", 400_000), ("5000", 5000), ("50ns", 10), ("1s", 2 * 10**8),
])  # fmt: skip
def test_latencies(text, cycles):
    assert duration(text).cycles(200.0) == cycles


@pytest.mark.parametrize(("layer", "said"), [
    ({"memory": "ultra"}, "UltraRAM has no initial contents on UltraScale+ (UG901)"),
    ({"memory": "lutram"}, "weights that are fixed take fewer LUTs as tables"),
    ({"memory": "block", "weights": "loadable"}, "memory 'block' is for weights that are fixed"),
    ({"memory": "block", "weights": "external"}, "memory 'block' is for weights that are fixed"),
    ({"memory": "disk"}, "memory must be one of luts, lutram, block, ultra, not 'disk'"),
])  # fmt: skip
def test_where_weights_cannot_be(fewbit, scratch, layer, said):
    written = {name: {"pe": 1, "simd": 1} for name in ("fc1", "fc2", "logits")}
    written["fc2"] |= layer
    (scratch / "f.json").write_text(json.dumps({"layers": written}))
    status, out, err = fewbit("build", MODEL, "--folding", scratch / "f.json", "-o", scratch / "b")
    assert (status, out) == (2, "") and said in err and "fc2" in err and err.count("\n") == 1


def test_ultra_names_stages(fewbit, scratch):
    written = {"layers": {name: {"pe": 1, "simd": 1} for name in ("dense0", "dense1", "dense2")}, "ultra": ["nowhere"]}
    (scratch / "f.json").write_text(json.dumps(written))
    status, _, err = fewbit("build", MODEL, "--folding", scratch / "f.json", "-o", scratch / "b")
    assert status == 2 and "ultra: 'nowhere' is no stage whose buffers can be UltraRAM; those are fc1, " in err
