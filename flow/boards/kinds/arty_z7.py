"""Arty Z7-20 with a Zynq-7020."""

from amaranth_boards.arty_z7 import ArtyZ720Platform

from ..board import register
from ..makers.zynq import ZynqBoard, part_of

register("arty-z7", ZynqBoard("Arty Z7-20", part_of(ArtyZ720Platform), "digilentinc.com:arty-z7-20:part0:1.1"))
