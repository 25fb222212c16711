"""Serial ports of tests: the simulated board behind pipes, and noise on the line."""

import os
import select
import subprocess

import numpy as np

from host.protocol import Parser


class ModelPort:
    """The design behind its serial port, in Verilator, with the members of pyserial's ``Serial`` that we use."""

    def __init__(self, program):
        self._process = subprocess.Popen([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        os.set_blocking(self._process.stdout.fileno(), False)

    def read(self, size):
        ready, _, _ = select.select([self._process.stdout], [], [], 0.02)
        return (self._process.stdout.read(max(size, 4096)) or b"") if ready else b""

    def write(self, data):
        self._process.stdin.write(data)

    @property
    def in_waiting(self):
        return 1

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=20)


class NoisyPort:
    """A port on whose line bytes are flipped, dropped and inserted, both ways.

    Attributes
    ----------
    sent : list of (bytes, bytes)
        What was written at a time, before and after the damage.
    received : bytearray
        What the board said, before the damage.
    """

    def __init__(self, port, rate, seed=1):
        self._port, self._rate, self._random = port, rate, np.random.default_rng(seed)
        self.sent, self.received = [], bytearray()

    def damaged(self, data):
        out = bytearray()
        draws, kinds = self._random.random(len(data)), self._random.integers(3, size=len(data))
        for byte, draw, kind in zip(data, draws, kinds, strict=True):
            if draw >= self._rate or kind == 2:
                out.append(byte)
            if draw < self._rate and kind == 0:
                out.append(byte ^ int(self._random.integers(1, 256)))
            if draw < self._rate and kind == 2:
                out.append(int(self._random.integers(256)))
        return bytes(out)

    def write(self, data):
        noisy = self.damaged(data)
        self.sent.append((data, noisy))
        self._port.write(noisy)

    def read(self, size):
        data = self._port.read(size)
        self.received += data
        return self.damaged(data)

    @property
    def in_waiting(self):
        return self._port.in_waiting

    def close(self):
        self._port.close()

    # What an independent observer of the line knows

    def arrived(self):
        """``(packets that reached the board, pieces that were none)``, by the protocol's definition in Python."""
        parser = Parser()
        return parser.feed(b"".join(noisy for _, noisy in self.sent)), parser.damaged

    def fates(self):
        """By packet that was written: ``(touched, arrived, reported)``, the last if a piece of it was counted."""
        parser, meant, came, counts = Parser(), [], [], [0]
        for before, noisy in self.sent:
            meant += Parser().feed(before)
            came.append(parser.feed(noisy))
            counts.append(parser.damaged)
        # A packet whose own last delimiter was hurt ends where the next one begins.
        came.append([])
        counts.append(parser.damaged)
        return [
            (before != noisy, meant[k] in came[k] + came[k + 1], counts[k + 2] > counts[k])
            for k, (before, noisy) in enumerate(self.sent)
        ]

    def answered(self):
        """Packets that the board sent."""
        parser = Parser()
        packets = parser.feed(bytes(self.received))
        assert parser.damaged == 0, "the board sent what is no packet"
        return packets
