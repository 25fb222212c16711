"""``parts``: the list of FPGAs; and what ``fold`` and ``synth`` make of it and of a file of one's own."""

import json
from dataclasses import replace

import pytest

from fewbit.flow.eda.resources import Resources
from fewbit.hw.targets.part_list import COLUMNS, built_in_parts
from fewbit.places import HOME

MODEL = HOME / "examples" / "digits" / "w1a1.onnx"
HEAD = ",".join(COLUMNS)


@pytest.fixture
def own(scratch):
    file = scratch / "own.csv"
    file.write_text(f"{HEAD}\nTINY-1,Mine,xc7,900,1800,,4,0,2,my board\n")
    return file


def test_every_part_is_listed(fewbit):
    status, out, err = fewbit("parts", "--json")
    found = json.loads(out)["parts"]
    assert status == 0 and not err
    assert [part["part"] for part in found] == [part.name for part in built_in_parts()]
    assert {part["lut_inputs"] for part in found if part["series"] == "ECP5"} == {4}
    assert {part["lut_inputs"] for part in found if part["series"] != "ECP5"} == {6}
    status, out, _ = fewbit("parts")
    assert status == 0 and "XC7Z020" in out and "Zynq-7000 (LUTs of 6 inputs; DS190)" in out
    assert max(map(len, out.splitlines())) <= 80


def test_one_part_by_its_whole_name(fewbit):
    status, out, _ = fewbit("parts", "xc7z020clg400-1", "--json")
    (part,) = json.loads(out)["parts"]
    assert status == 0 and (part["part"], part["lut"], part["lutram"]) == ("XC7Z020", 53_200, 17_400)
    assert "–" in fewbit("parts", "xczu11eg")[1]
    status, out, err = fewbit("parts", "xc7z02")
    assert (status, out) == (2, "") and err.startswith("fewbit: there is no part 'xc7z02'; near to it: xc7z020, ")


def test_a_file_by_option_and_by_environment(fewbit, own, monkeypatch):
    assert json.loads(fewbit("parts", "tiny-1", "--parts", own, "--json")[1])["parts"][0]["source"] == "my board"
    monkeypatch.setenv("FEWBIT_PARTS", str(own))
    assert json.loads(fewbit("parts", "--json")[1])["parts"][-1]["part"] == "TINY-1"
    own.write_text(f"{HEAD}\nTINY-1,Mine,xc7,900\n")
    for command in (["parts"], ["fold", MODEL]):
        status, out, err = fewbit(*command)
        assert (status, out) == (2, "") and err.count("\n") == 1
        assert err == f"fewbit: {own}, line 2: 4 cells, not the {len(COLUMNS)} of the first line\n"


def test_fold_names_the_smallest_part(fewbit, own, scratch):
    fold = ["fold", MODEL, "--max-cycles", "242", "-o", scratch / "f.json"]
    found = json.loads(fewbit(*fold, "--json")[1])
    assert 600 < found["estimate"]["lut"] <= 900
    assert found["smallest_part"] == "XC7S6" and "nearest_part" not in found
    assert json.loads(fewbit(*fold, "--parts", own, "--json")[1])["smallest_part"] == "TINY-1"
    out = fewbit(*fold)[1]
    assert out.count("smallest part that holds it by that estimate: XC7S6") == 1


def test_fold_says_what_the_nearest_part_lacks(fewbit, scratch, monkeypatch):
    (small,) = (part for part in built_in_parts() if part.name == "XC7S6")
    small = replace(small, lut=100)
    monkeypatch.setattr("fewbit.flow.commands.fold.parts_with", lambda file: (small,))
    fold = ["fold", MODEL, "--max-cycles", "242", "-o", scratch / "f.json"]
    found = json.loads(fewbit(*fold, "--json")[1])
    lacks = found["estimate"]["lut"] - small.lut
    assert found["smallest_part"] is None and lacks > 0
    assert found["nearest_part"] == {"part": "XC7S6", "lacks": {"lut": lacks}}
    assert f"no listed part holds it by that estimate: XC7S6 comes nearest and lacks {lacks:,} LUTs" in fewbit(*fold)[1]


def test_synth_takes_any_part_of_the_list_and_of_a_file(fewbit, own, scratch, monkeypatch):
    """What Yosys would count is given: the part decides its family and the shares."""
    whole = Resources(lut=450, lutram=0, ff=180, carry4=1, muxf=0, bram18=1, bram36=1, dsp=1)
    families = []

    def synthesized(verilog, top, parts, family, report):
        families.append(family)
        return whole, {"": whole}

    monkeypatch.setattr("fewbit.flow.project.synthesized._synthesized", synthesized)
    assert fewbit("build", MODEL, "-o", scratch / "a")[0] == 0
    synth = ["synth", scratch / "a", "--json", "--part"]
    found = json.loads(fewbit(*synth, "tiny-1", "--parts", own)[1])
    assert (found["part"], found["use"]) == ("TINY-1", {"lut": 0.5, "ff": 0.1, "dsp": 0.5, "bram18": 0.75})
    assert json.loads(fewbit(*synth, "xczu7ev-ffvc1156-2-e")[1])["part"] == "XCZU7EV"
    assert families == ["xc7", "xcup"]
    assert "there is no part 'tiny-1'" in fewbit(*synth, "tiny-1")[2]
