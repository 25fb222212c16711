"""Memory outside the device in Amaranth's simulator, and networks some of whose weights are there."""

from collections import deque

import numpy as np

from bench.networks.integer import IntegerNetwork
from fewbit.golden.numbers.formats import Signed, Unsigned
from fewbit.hw.folding import Folding, LayerFolding
from fewbit.hw.packing import pack

LATENCY = 5


class Memory:
    """What a bench steps beside a port ``axi`` with the members of `hw.memory.read_ports.axi_read_ports`.

    It takes a burst in every cycle and gives its first beat ``latency`` cycles later, then one a cycle; each of both
    stalls with a probability. Bursts must lie in the image, which begins at ``base``, and cross no 4 KiB.
    """

    def __init__(self, image, *, bus, base=0, latency=LATENCY, stall=0.0, seed=0):
        self.image, self.bus, self.base, self.latency, self.stall = image, bus, base, latency, stall
        self.bursts, self.rng, self.cycle, self.asked = deque(), np.random.default_rng(seed), 0, []
        self.ready = self.offered = False
        self.response = 0

    def drive(self, ctx, axi):
        """Set what the port sees in this cycle."""
        due = bool(self.bursts) and self.bursts[0][0] <= self.cycle
        self.offered = self.offered or (due and self.rng.random() >= self.stall)
        self.ready = bool(self.rng.random() >= self.stall)
        ctx.set(axi.arready, self.ready)
        ctx.set(axi.rvalid, self.offered)
        if self.offered:
            beats = self.bursts[0][1]
            ctx.set(axi.rdata, beats[0])
            ctx.set(axi.rlast, len(beats) == 1)
            ctx.set(axi.rresp, self.response)

    def observe(self, ctx, axi):
        """Take note of what the port does in this cycle, before the clock's edge."""
        if self.offered and ctx.get(axi.rready):
            self.bursts[0][1].popleft()
            if not self.bursts[0][1]:
                self.bursts.popleft()
            self.offered = False
        if ctx.get(axi.arvalid) and self.ready:
            address, beats, size = ctx.get(axi.araddr), ctx.get(axi.arlen) + 1, self.bus // 8
            begin, count = address - self.base, beats * size
            assert begin >= 0 and begin + count <= len(self.image), f"a burst at {address:#x} outside of the image"
            assert address // 4096 == (address + count - 1) // 4096, f"a burst at {address:#x} crosses 4 KiB"
            assert (1 << ctx.get(axi.arsize), ctx.get(axi.arburst)) == (size, 1)
            data = self.image[begin : begin + count]
            words = [int.from_bytes(data[k : k + size], "little") for k in range(0, count, size)]
            self.bursts.append((self.cycle + self.latency, deque(words)))
            self.asked.append((self.cycle, begin, beats))
        self.cycle += 1


def region_of(words, channel):
    """Return the bytes of a channel's region, which has these words, ``steps*rows`` of them."""
    rows = np.asarray(words, dtype=object).reshape(channel.rows, channel.steps)
    lines = [row[k : k + channel.words] for row in rows for k in range(0, channel.steps, channel.words)]
    size = channel.words * channel.word_bits // 8
    return b"".join(pack(line, channel.word_bits).to_bytes(size, "little") for line in lines)


def random_words(channel, seed=0):
    """Return random words of a channel, ``steps*rows`` of them."""
    rng = np.random.default_rng([seed, channel.width, channel.steps])
    count = channel.steps * channel.rows
    return [int.from_bytes(rng.bytes(-(-channel.width // 8)), "little") % 2**channel.width for _ in range(count)]


def in_order(words, channel, passes):
    """Return the words that leave in so many tiles: each row once for every vector."""
    rows = [words[k : k + channel.steps] for k in range(0, len(words), channel.steps)]
    return [word for row in rows for word in row * channel.tile] * passes


def small_network():
    """Return a network of four layers, the third of which is an average, and the names of its layers."""
    net = IntegerNetwork("small", (6, 6, 4), Unsigned(4))
    net.conv(12, 3, Signed(4, True))
    net.quantize(Unsigned(4))
    net.conv(10, 1, Signed(4, True))
    net.quantize(Unsigned(4))
    net.average()
    net.quantize(Unsigned(4))
    net.dense(10, Signed(4, True))
    network = net.done()
    return network, [node.name for node in network.nodes if hasattr(node, "weights")]


def small_folding(names, *, bus=64, conv=(4, 4, 6), middle=(4, 6, 12), last=(2, 3, 1)):
    """Return a folding of `small_network`, of three of whose layers the weights are outside: PE, SIMD and tile."""
    outside = dict(zip((names[0], names[1], names[3]), (conv, middle, last), strict=True))
    layers = {name: LayerFolding(pe, simd, weights="external", tile=tile) for name, (pe, simd, tile) in outside.items()}
    return Folding({name: layers.get(name, LayerFolding(1, 1)) for name in names}, bus=bus)
