"""ULX3S with an ECP5 of 85,000 LUTs, whose bitstream open tools make."""

from amaranth_boards.ulx3s import ULX3S_85F_Platform

from fewbit.hw.boards.plls.ecp5 import ECP5
from fewbit.hw.boards.serial_boards import SerialBoard
from fewbit.hw.targets.named import DEFAULT

from ..board import register

# Pin L2 is GPIO0 of the ESP32, which may reset the board if that falls.
register("ulx3s", SerialBoard("ULX3S 85F", ULX3S_85F_Platform, ECP5, 50.0, DEFAULT, open_tools=True, high=("L2",)))
