"""Serial ports of tests: the simulated board behind pipes, and noise on the line."""

import os
import select
import subprocess
import threading
import time

import numpy as np

from fewbit.host.protocol import Parser


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
        """Return ``(packets that reached the board, pieces that were none)``, by the protocol's definition in
        Python."""
        parser = Parser()
        return parser.feed(b"".join(noisy for _, noisy in self.sent)), parser.damaged

    def fates(self):
        """Return, by packet that was written, ``(touched, arrived, reported)``, the last if a piece of it was
        counted."""
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
        """Return the packets that the board sent."""
        parser = Parser()
        packets = parser.feed(bytes(self.received))
        assert parser.damaged == 0, "the board sent what is no packet"
        return packets


class BadPort:
    """A port behind which something else goes on than a board that answers at once.

    Parameters
    ----------
    board : host port or None
        What requests go to; None: nothing.
    flood : function or None
        Bytes that come whenever one looks, as a function of what was written last.
    after : int
        Requests that are answered as they should be, before anything bad happens.
    late : float
        Seconds that an answer takes.
    lost : exception or None
        What a read raises, as the ports of pyserial do when they are pulled out.
    patience : float
        Seconds after which a test fails that goes on reading: a hang has a name.
    """

    def __init__(self, board=None, *, flood=None, after=0, late=0.0, lost=None, patience=10.0):
        self._board, self._flood, self.after, self.late, self._lost = board, flood, after, late, lost
        self._due, self._last, self._end = [], b"", time.monotonic() + patience
        self.written, self.closed = [], False

    def write(self, data):
        assert time.monotonic() < self._end, "the program goes on writing to a port that is none"
        self.written.append(data)
        self._last = data
        if self._board and (self._lost is None or len(self.written) <= self.after):
            self._board.write(data)
            self._due.append((time.monotonic() + self.late, self._board.read(1 << 16)))

    def deliver(self):
        """Let what is late come now."""
        self._due = [(0.0, data) for _, data in self._due]

    def read(self, size):
        assert time.monotonic() < self._end, "the program goes on reading from a port that is none"
        data = b""
        while self._due and self._due[0][0] <= time.monotonic():
            data += self._due.pop(0)[1]
        if len(self.written) > self.after:
            if self._lost:
                raise self._lost
            if self._flood:
                data += self._flood(self._last)
        if not data:
            time.sleep(0.001)
        return data

    @property
    def in_waiting(self):
        return 1 << 30

    def close(self):
        self.closed = True
        if self._lost:
            raise self._lost


def within(seconds, action):
    """Return the result of an action in a thread of its own; the test fails if it takes longer than a hang is told
    by."""
    found = []

    def run():
        try:
            found.append((action(), None))
        except Exception as error:
            found.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"still waiting after {seconds} s"
    result, error = found[0]
    if error:
        raise error
    return result
