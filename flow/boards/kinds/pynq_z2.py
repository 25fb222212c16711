"""PYNQ-Z2 with a Zynq-7020, the part of the Arty Z7-20 in the same package."""

from amaranth_boards.arty_z7 import ArtyZ720Platform

from ..board import register
from ..makers.zynq import ZynqBoard, part_of

register("pynq-z2", ZynqBoard("PYNQ-Z2", part_of(ArtyZ720Platform), "tul.com.tw:pynq-z2:part0:1.0"))
