"""flow.eda.resources: what cells take of a device."""

import pytest

from fewbit.flow.eda.resources import count


def test_count_adds_up_every_kind():
    cells = {"LUT1": 1, "LUT6": 2, "LUT6_2": 3, "INV": 1, "RAM32M": 2, "RAM128X1D": 1, "SRLC32E": 5, "FDSE": 7}
    cells |= {"FDCE_1": 1, "MUXF7": 2, "MUXF8": 1, "RAMB18E1": 3, "RAMB36E1": 4, "DSP48E1": 5, "CARRY8": 2, "BUFG": 1}
    found = count(cells)
    assert (found.lut, found.lutram) == (7 + 17, 17)
    assert (found.ff, found.muxf, found.bram18, found.bram36, found.dsp) == (8, 3, 3, 4, 5)
    assert (found.carry4, found.carry8) == (0, 2)
    assert found.cells == cells


def test_count_refuses_a_memory_cell_that_it_cannot_weigh():
    with pytest.raises(ValueError, match="Memory cell must be one of"):
        count({"RAM1024X9Q": 1})
