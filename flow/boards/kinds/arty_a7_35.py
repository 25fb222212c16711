"""Arty A7 with an Artix-7 35T."""

from amaranth_boards.arty_a7 import ArtyA7_35Platform

from fewbit.hw.boards.plls.series7 import SERIES7
from fewbit.hw.boards.serial_boards import SerialBoard
from fewbit.hw.targets.named import USUAL

from ..board import register

register("arty-a7-35", SerialBoard("Arty A7-35T", ArtyA7_35Platform, SERIES7, 100.0, USUAL, open_tools=False))
