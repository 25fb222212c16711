"""A wrapper of the IP block for LiteX: a module in Python that stands beside the Verilog."""

import re

from .block import Block

__all__ = ["litex_module"]


def litex_module(block: Block) -> str:
    """Return the text of a Python module with a ``LiteXModule`` of the block, for a design without Vivado.

    It needs nothing of fewbit, only LiteX, and the Verilog beside it.
    """
    filled = {
        "@TITLE@": block.model.replace("\\", "/").replace('"', "'"),
        "@TOP@": block.top,
        "@WORDS@": str(block.registers.address_bits),
        "@SIZE@": hex(block.registers.size),
        "@INPUTS@": ", ".join(f'"{one.stream}": {8 * one.bytes}' for one in block.inputs),
        "@FRAMES@": ", ".join(f'"{one.stream}": {one.frame_bytes}' for one in block.inputs),
        "@OUTPUT@": str(8 * block.results.bytes),
        "@RESULT@": str(block.results.frame_bytes),
    }
    return re.sub("@[A-Z]+@", lambda found: filled[found[0]], _MODULE)


_MODULE = '''\
"""LiteX wrapper of the accelerator of @TITLE@, made by fewbit.

In a design:

    accelerator = Accelerator(platform)
    soc.add_module("accelerator", accelerator)
    accelerator.add_to(soc, "accelerator")      # registers; the interrupt, if the design has a processor
    accelerator.add_dmas(soc, "accelerator")    # frames and results by DMA; or connect sinks and source yourself
"""

from pathlib import Path

from litex.gen import LiteXModule
from litex.soc.cores.dma import WishboneDMAReader, WishboneDMAWriter
from litex.soc.integration.soc import SoCRegion
from litex.soc.interconnect import axi, stream, wishbone
from litex.soc.interconnect.csr_eventmanager import EventManager, EventSourceLevel
from migen import ClockSignal, Instance, ResetSignal, Signal

VERILOG = Path(__file__).with_name("@TOP@.v")


class Accelerator(LiteXModule):
    """The block: its registers at ``bus`` (AXI4-Lite), its streams at ``sinks`` and ``source``.

    Attributes
    ----------
    bus : litex.soc.interconnect.axi.AXILiteInterface
        Registers, as fewbit.h or registers.md beside this file list them.
    sinks : dict of str to litex.soc.interconnect.stream.Endpoint
        Frames of each input; ``last`` ends a frame.
    source : litex.soc.interconnect.stream.Endpoint
        Results; ``last`` ends one.
    marked : Signal
        High with the last beat of a result whose frame was too short or too long.
    interrupt : Signal
    """

    SIZE = @SIZE@
    INPUTS = {@INPUTS@}  # bits of a beat
    OUTPUT = @OUTPUT@
    FRAME_BYTES = {@FRAMES@}
    RESULT_BYTES = @RESULT@

    def __init__(self, platform):
        self.bus = bus = axi.AXILiteInterface(data_width=32, address_width=32)
        self.sinks = {name: stream.Endpoint([("data", bits)]) for name, bits in self.INPUTS.items()}
        self.source = source = stream.Endpoint([("data", self.OUTPUT)])
        self.marked, self.interrupt = Signal(), Signal()
        ports = {
            "i_aclk": ClockSignal("sys"), "i_aresetn": ~ResetSignal("sys"), "o_interrupt": self.interrupt,
            "o_m_axis_tdata": source.data, "o_m_axis_tvalid": source.valid, "i_m_axis_tready": source.ready,
            "o_m_axis_tlast": source.last, "o_m_axis_tuser": self.marked,
        }
        for name, sink in self.sinks.items():
            ports |= {
                f"i_{name}_tdata": sink.data, f"i_{name}_tvalid": sink.valid, f"o_{name}_tready": sink.ready,
                f"i_{name}_tlast": sink.last,
            }
        control = "s_axi_control_"
        for channel, fields in {"aw": ("addr",), "w": ("data", "strb"), "ar": ("addr",)}.items():
            endpoint = getattr(bus, channel)
            for field in fields:
                value = getattr(endpoint, field)
                ports[f"i_{control}{channel}{field}"] = value[:@WORDS@] if field == "addr" else value
            ports[f"i_{control}{channel}valid"], ports[f"o_{control}{channel}ready"] = endpoint.valid, endpoint.ready
        for channel, fields in {"b": ("resp",), "r": ("data", "resp")}.items():
            endpoint = getattr(bus, channel)
            for field in fields:
                ports[f"o_{control}{channel}{field}"] = getattr(endpoint, field)
            ports[f"o_{control}{channel}valid"], ports[f"i_{control}{channel}ready"] = endpoint.valid, endpoint.ready
        ports |= {f"i_{control}awprot": 0, f"i_{control}arprot": 0}
        self.specials += Instance("@TOP@", **ports)
        platform.add_source(str(VERILOG))

    def add_to(self, soc, name, origin=None):
        """Put the registers on the bus of ``soc`` as ``name``, and the interrupt at its processor, if it has one.

        ``soc`` must have this module already (``soc.add_module``). The interrupt is an event of its own manager; its
        level is that of the block, so software clears INTERRUPT_STATUS before the event.
        """
        self.ev = EventManager()
        self.ev.result = EventSourceLevel()
        self.ev.finalize()
        self.comb += self.ev.result.trigger.eq(self.interrupt)
        soc.bus.add_slave(name, self.bus, SoCRegion(origin=origin, size=self.SIZE, cached=False))
        if soc.irq.enabled:
            soc.irq.add(name, use_loc_if_exists=True)

    def add_dmas(self, soc, name):
        """Put a DMA at every stream, with CSRs of its own: a reader for each input, a writer for results.

        A transfer is one frame, a result one transfer; both are whole words of the bus, and what is beyond a result's
        bytes in its last word is not to be used.

        Raises
        ------
        ValueError
            If the bus is no multiple of a beat and a beat no multiple of the bus, or a frame is no whole words.
        """
        word = soc.bus.data_width
        for bits in (*self.INPUTS.values(), self.OUTPUT):
            if word % bits and bits % word:
                raise ValueError(f"a beat of {bits} bits and a bus of {word} bits are in no whole ratio: connect the "
                                 "streams with a converter of your own")
        for stream_name, size in self.FRAME_BYTES.items():
            if 8 * size % word:
                raise ValueError(f"a frame of {stream_name} has {size} bytes, which are no whole words of {word} bits: "
                                 "connect the stream with a DMA of your own")

        def interface():
            return wishbone.Interface(data_width=word, address_width=soc.bus.address_width, addressing="word")

        for number, (stream_name, sink) in enumerate(self.sinks.items()):
            reader = WishboneDMAReader(interface(), endianness="big", with_csr=True)  # which leaves bytes as they are
            converter = stream.Converter(word, self.INPUTS[stream_name])
            setattr(self, f"reader{number}", reader)
            setattr(self, f"narrow{number}", converter)
            self.comb += [reader.source.connect(converter.sink), converter.source.connect(sink)]
            soc.bus.add_master(name=f"{name}_reader{number}", master=reader.bus)
        self.writer = writer = WishboneDMAWriter(interface(), endianness="big", with_csr=True)
        self.wide = wide = stream.Converter(self.OUTPUT, word)
        self.comb += [self.source.connect(wide.sink), wide.source.connect(writer.sink)]
        soc.bus.add_master(name=f"{name}_writer", master=writer.bus)
'''
