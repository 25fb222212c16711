"""Parts by Vivado's names."""

import pytest

from fewbit.hw.targets.named import all_targets
from fewbit.hw.targets.part_list import PartsError, built_in_parts
from fewbit.hw.targets.vivado_names import FAMILIES, vivado_part

# As people write parts, and the part of that name that Vivado has.
NAMES = {
    "xc7z020": ("xc7z020", False, "zynq"), "XC7Z020": ("xc7z020", False, "zynq"), "7z020": ("xc7z020", False, "zynq"),
    "xc7z020clg400-1": ("xc7z020clg400-1", True, "zynq"), "XC7Z020-1CLG400C": ("xc7z020clg400-1", True, "zynq"),
    "xc7a35ticsg324-1L": ("xc7a35ticsg324-1L", True, "artix7"),
    "XC7A35TICSG324-1l": ("xc7a35ticsg324-1L", True, "artix7"),
    "xc7k325tffg900-2": ("xc7k325tffg900-2", True, "kintex7"), "XC7S50": ("xc7s50", False, "spartan7"),
    "xczu3eg-sbva484-1-e": ("xczu3eg-sbva484-1-e", True, "zynquplus"),
    "XCZU3EG-1SBVA484E": ("xczu3eg-sbva484-1-e", True, "zynquplus"),
    "xcvu9p-flga2104-2L-e": ("xcvu9p-flga2104-2L-e", True, "virtexuplus"),
    "xck26-sfvc784-2LV-c": ("xck26-sfvc784-2LV-c", True, "zynquplus"),
    "xcu250-figd2104-2L-e": ("xcu250-figd2104-2L-e", True, "virtexuplus"),
    "xc7z020clg400": ("xc7z020", False, "zynq"),
}  # fmt: skip


@pytest.mark.parametrize("written", NAMES)
def test_names(written):
    found = vivado_part(written, built_in_parts())
    assert (found.name, found.whole, found.family) == NAMES[written]


def test_unknown_parts_are_refused_with_near_names():
    with pytest.raises(PartsError, match="there is no part 'xc7z02o'; near to it: xc7z02"):
        vivado_part("xc7z02o", built_in_parts())


def test_every_series_that_vivado_has_has_a_family():
    known = {family for target in all_targets() for family in target.ip_families}
    assert {part.series for part in built_in_parts() if part.family != "ecp5"} == set(FAMILIES)
    assert set(FAMILIES.values()) <= known
    (other,) = {vivado_part(part.name, (part,)).family for part in built_in_parts() if part.family == "ecp5"}
    assert other is None
