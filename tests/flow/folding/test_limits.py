"""FoldingLimits as options say them: shares of a part, numbers, speeds, and the goal under them."""

import pytest

from fewbit.flow.folding.limits import MARGINS, RESOURCES, limits_of
from fewbit.hw.cost import Cost
from fewbit.hw.folding import FoldingError
from fewbit.hw.targets.part_choice import find_part
from fewbit.hw.targets.part_list import built_in_parts

PART = find_part("xc7a35t", built_in_parts())


def test_shares_of_a_part():
    limits = limits_of(part=PART, share=70, shares={"dsp": 50, "bram18": None})
    assert {name: limit.most for name, limit in limits.resources.items()} == {
        "lut": 14560, "ff": 29120, "lutram": 4480, "bram18": 70, "uram": 0, "dsp": 45
    }  # fmt: skip
    assert limits.most("dsp") == 45 and limits.most("lut") == 14560 / (1 + MARGINS["lut"])
    assert str(limits.resources["dsp"]) == "50 % of XC7A35T"
    assert str(limits.resources["lut"]).startswith("70 % of XC7A35T less 6 %")
    assert limits.family == "xc7" and limits_of().family == "xc7"


def test_the_lower_of_two_limits_counts():
    limits = limits_of(part=PART, most={"lut": 5000, "dsp": 500, "ff": None}, cycles=[400, None, 300])
    assert limits.most("lut") == 5000 and limits.most("dsp") == PART.dsp and limits.cycles == 300


def test_what_is_not_known_of_a_part_is_not_limited():
    part = find_part("xc7z030", built_in_parts())
    assert part.lutram is None and "lutram" not in limits_of(part=part).resources
    assert limits_of(part=part).most("lutram") == float("inf")


@pytest.mark.parametrize(("options", "goal"), [
    ({}, "fps"), ({"cycles": [100]}, "luts"), ({"latency": 9}, "luts"),
    ({"cycles": [100], "goal": "latency"}, "latency"),
])  # fmt: skip
def test_the_goal_without_a_word(options, goal):
    assert limits_of(**options).goal == goal


def test_what_is_over():
    limits = limits_of(most={"lut": 100, "bram18": 2, "uram": 0})
    assert limits.over(Cost(100.4, 2, 50)) == {}
    assert limits.over(Cost(101, 4, 50, uram=1)) == {"lut": 1, "bram18": 2, "uram": 1}
    assert set(Cost().by_resource) == set(RESOURCES)


def test_a_share_needs_a_part():
    for options in ({"share": 50}, {"shares": {"lut": 50}}):
        with pytest.raises(FoldingError, match="a share is of a part's resources: name the part with --part"):
            limits_of(**options)
