"""Parts by the names that people give them, and the smallest part that holds a design."""

import pytest

from fewbit.hw.targets.named import USUAL, all_targets
from fewbit.hw.targets.part_choice import few_of, find_part, nearest_part, smallest_part
from fewbit.hw.targets.part_list import PartsError, built_in_parts
from fewbit.hw.targets.parts import Part


@pytest.mark.parametrize(
    "text, name",
    [
        ("xc7z020", "XC7Z020"), ("XC7Z020", "XC7Z020"), ("xc7z020clg400-1", "XC7Z020"), ("7z020", "XC7Z020"),
        (" xc7z020-1CLG400C ", "XC7Z020"), ("xc7a100ticsg324-1L", "XC7A100T"), ("xc7a35tcpg236-1", "XC7A35T"),
        ("xczu3eg-sbva484-1-e", "XCZU3EG"), ("zu7ev", "XCZU7EV"), ("xczu9eg-ffvb1156-2-e", "XCZU9EG"),
        ("xck26-sfvc784-2LV-c", "XCK26"), ("U250", "XCU250"), ("xcu50-fsvh2104-2-e", "XCU50"),
        ("xcu280-fsvh2892-2L-e", "XCU280"), ("LFE5U-85F-6BG381C", "LFE5U-85F"), ("xcvu9p-flga2104-2L-e", "XCVU9P"),
        ("xc7k325tffg900-2", "XC7K325T"), ("xc7vx690tffg1761-3", "XC7VX690T"), ("xc7z020-1", "XC7Z020"),
    ],
)  # fmt: skip
def test_names_are_those_that_tools_and_people_use(text, name):
    assert find_part(text, built_in_parts()).name == name


@pytest.mark.parametrize(
    "text, near",
    [
        ("xc7z02", "xc7z020, "), ("xc7a35", "xc7a35t, "), ("zu9", "xczu9eg, "), ("xc7a35tea", "xc7a35t"),
        ("xc7z0201", "xc7z020, "), ("ice40", ""), ("", ""), ("x" * 5000, ""),
    ],
)  # fmt: skip
def test_a_name_that_no_part_has_gets_a_line_with_those_near_to_it(text, near):
    with pytest.raises(PartsError) as error:
        find_part(text, built_in_parts())
    said = str(error.value)
    assert said.startswith(f"there is no part {text[:60]!r}") and "\n" not in said and len(said) < 200
    assert ("near to it" in said) == bool(near) and near in said


@pytest.mark.parametrize(
    "lut, bram18, dsp, name",
    [
        (1_000, 1, 0, "XC7S6"), (20_800, 100, 90, "XC7A35T"), (20_801, 100, 90, "XC7A50T"), (30_000, 10, 0, "XC7A50T"),
        (1_000, 0, 500, "XCZU4CG"), (1_000, 4_400, 0, "XCU250"), (4_085_760, 4_320, 3_840, "XCVU19P"),
        (4_085_761, 0, 0, None), (0, 0, 12_289, None),
    ],
)  # fmt: skip
def test_the_smallest_part_that_has_room(lut, bram18, dsp, name):
    found = smallest_part(USUAL.parts, lut=lut, bram18=bram18, dsp=dsp)
    assert (found.name if found else None) == name
    if found:
        smaller = [part for part in USUAL.parts if part.lut < found.lut]
        assert not any(p.lut >= lut and p.bram18 >= bram18 and p.dsp >= dsp for p in smaller)


def test_what_the_nearest_part_lacks():
    large = nearest_part(USUAL.parts, lut=5_000_000, bram18=100, dsp=0)
    assert (large.part, large.lacks) == ("XCVU19P", {"lut": 5_000_000 - 4_085_760})
    deep = nearest_part(USUAL.parts, lut=100_000, bram18=6_000, dsp=13_000)
    assert str(deep) == "XCU250 comes nearest and lacks 624 BRAM18 and 712 DSPs"


def test_the_part_that_a_target_is_tried_on_is_listed():
    for target in all_targets():
        assert find_part(target.vivado_part, built_in_parts()) in target.parts


def test_messages_name_a_few():
    assert few_of(USUAL.parts) == ["xc7a35t", "xc7a100t", "xc7a200t", "xc7z020", "xc7z045", "xczu3eg"]
    own = [Part(name=f"N{n}", lut=1, ff=1, dsp=1, bram18=1) for n in range(9)]
    assert few_of(own) == ["n0", "n1", "n2", "n3", "n4", "n5"] and few_of(own[:1]) == ["n0"]
