"""The tables of parts: rows that agree with the architecture of their series, and files that are refused."""

import re

import pytest

from fewbit.hw.targets.named import USUAL, all_targets, target_named
from fewbit.hw.targets.part_list import COLUMNS, PartsError, built_in_parts, parts_of, parts_with, read_parts
from fewbit.hw.targets.parts import LUT_INPUTS

HEAD = ",".join(COLUMNS)
ROW = "MINE1,Mine,xc7,1000,2000,,8,0,4,my board"


def written(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_every_row_is_consistent():
    parts = built_in_parts()
    assert len(parts) > 80 and len({part.name.lower() for part in parts}) == len(parts)
    for part in parts:
        assert part.family in LUT_INPUTS and min(part.lut, part.bram18, part.dsp) > 0 <= part.uram, part
        assert part.bram18 % 2 == 0, f"{part}: its blocks come in pairs"
        assert re.fullmatch(r"(DS|FPGA-DS-)\d+", part.source), part
        # A slice of Xilinx has two flip-flops a LUT; one of ECP5 has one.
        assert part.ff == part.lut * (1 if part.family == "ecp5" else 2), part
        assert part.lutram is None or 0.1 < part.lutram / part.lut < 0.55, part
        assert (part.uram == 0) or part.family == "xcup", part


@pytest.mark.parametrize(
    "name, lut, lutram, bram18, uram, dsp",
    [
        ("XC7A35T", 20_800, 6_400, 100, 0, 90), ("XC7Z020", 53_200, 17_400, 280, 0, 220),
        ("XC7Z045", 218_600, 70_400, 1_090, 0, 900), ("XCZU3EG", 70_560, 28_800, 432, 0, 360),
        ("XCZU7EV", 230_400, 101_760, 624, 96, 1_728), ("XCK26", 117_120, 57_600, 288, 64, 1_248),
        ("XCU50", 871_680, 403_200, 2_688, 640, 5_952), ("LFE5U-85F", 83_640, 41_820, 208, 0, 156),
    ],
)  # fmt: skip
def test_figures_of_data_sheets(name, lut, lutram, bram18, uram, dsp):
    (part,) = (part for part in built_in_parts() if part.name == name)
    assert (part.lut, part.lutram, part.bram18, part.uram, part.dsp) == (lut, lutram, bram18, uram, dsp)


def test_the_same_silicon_has_the_same_figures():
    """Cards and modules have a device of another series."""
    by_name = {part.name: part for part in built_in_parts()}
    for one, other in [("XCU200", "XCVU9P"), ("XCU250", "XCVU13P"), ("XCU280", "XCVU37P"), ("XCU50", "XCVU35P"),
                       ("XCK26", "XCZU5EV"), ("XCKU15P", "XCZU19EG"), ("XCKU9P", "XCZU9EG")]:  # fmt: skip
        figures = [(p.lut, p.ff, p.lutram, p.bram18, p.uram, p.dsp) for p in (by_name[one], by_name[other])]
        assert figures[0] == figures[1], (one, other)


def test_targets_have_the_parts_of_their_families():
    assert set(USUAL.parts) == set(parts_of("xc7", "xcup")) and not any(USUAL.suits(p) for p in parts_of("ecp5"))
    assert set(target_named("ultrascale").parts) == set(parts_of("xcup"))
    for target in all_targets():
        assert all(target.suits(part) for part in target.parts)


def test_a_file_of_ones_own_is_beside_the_list(tmp_path):
    file = written(tmp_path / "own.csv", "# ours", HEAD, "", ROW, "MINE2,Mine,xcup,10,20,5,2,1,1,us")
    first, second = read_parts(file)
    assert (first.name, first.lut, first.lutram, first.source) == ("MINE1", 1000, None, "my board")
    assert (second.lutram, second.uram) == (5, 1)
    assert parts_with(file) == (*built_in_parts(), first, second) and parts_with(None) == built_in_parts()
    assert USUAL.suits(first) and USUAL.suits(second) and not target_named("ultrascale").suits(first)
    columns = HEAD.split(",")[::-1]
    turned = written(tmp_path / "turned.csv", ",".join(columns), ",".join(ROW.split(",")[::-1]))
    assert read_parts(turned) == (first,)


@pytest.mark.parametrize(
    "lines, message",
    [
        ([], "is empty; its first line must be part,"), ([HEAD], "has no parts"),
        ([HEAD.replace("uram,", ""), ROW], "the table lacks column 'uram'"),
        ([HEAD + ",price", ROW + ",3"], "fewbit does not know column 'price'"),
        ([HEAD + ",lut", ROW + ",3"], "column 'lut' is there twice"),
        ([HEAD, ROW + ",3"], "line 2: 11 cells, not the 10 of the first line"),
        ([HEAD, ROW, ROW.lower()], "line 3: part mine1 is in the file twice"),
        ([HEAD, ROW.replace("1000", "-1")], "line 2: lut must be a whole number from 1 to 1,000,000,000, not '-1'"),
        ([HEAD, ROW.replace("1000", "1e3")], "line 2: lut must be a whole number"),
        ([HEAD, ROW.replace("1000", "²")], "line 2: lut must be a whole number"),
        ([HEAD, ROW.replace("1000", "9" * 5000)], "line 2: lut must be a whole number"),
        ([HEAD, ROW.replace("2000,", "2000,1001")], "line 2: lutram, 1,001, is more than all LUTs, 1,000"),
        ([HEAD, ROW.replace("xc7", "ice40")], "line 2: family must be one of xc7, xcup, ecp5, not 'ice40'"),
        ([HEAD, ROW.replace("my board", " ")], "line 2: source must not be empty"),
        ([HEAD, '"' + ROW], "is no line of a CSV file"),
    ],
)  # fmt: skip
def test_files_that_cannot_be(tmp_path, lines, message):
    file = written(tmp_path / "own.csv", *lines)
    with pytest.raises(PartsError) as error:
        read_parts(file)
    assert str(error.value).startswith(str(file)) and message in str(error.value) and "\n" not in str(error.value)


def test_names_files_and_texts_that_cannot_be(tmp_path):
    with pytest.raises(PartsError, match="part xc7z020 is in fewbit's list already"):
        parts_with(written(tmp_path / "own.csv", HEAD, ROW.replace("MINE1", "xc7z020")))
    with pytest.raises(PartsError, match="there is no such file of parts"):
        parts_with(tmp_path)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PartsError, match="is no text in UTF-8"):
        parts_with(tmp_path / "b.csv")
    (tmp_path / "c.csv").write_bytes(b"," * (1 << 21))
    with pytest.raises(PartsError, match="is larger than 1,048,576 bytes"):
        parts_with(tmp_path / "c.csv")
