"""The generated Verilog of the examples is what was recorded, to the byte."""

import pytest

from tests.support.emitted import CASES, digest_of, recorded

QUICK = {f"digits/{name} default xilinx" for name in ("w1a1", "ternary", "w4a4", "float32")}
QUICK |= {"digits/w8a8 dsps xilinx", "digits/w1a1 default portable"}


@pytest.mark.sampled(6)
@pytest.mark.tools
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[] if case in QUICK else pytest.mark.slow) for case in CASES]
)
def test_the_verilog_is_the_recorded_one(case):
    assert digest_of(case) == recorded()[case]


def test_every_case_is_recorded():
    assert set(recorded()) == set(CASES) and set(CASES) >= QUICK
