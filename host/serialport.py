"""The connection over a serial port. `docs/uart.md` has the protocol."""

import random
import time
from collections import OrderedDict, deque

import numpy as np

from .build import HostError
from .protocol import COUNTERS, IDENTITY, MAGIC, REPORT, VERSION, Counters, Identity, Kind, Parser, Problem, frame

__all__ = ["SerialConnection", "SerialError"]


class SerialError(HostError):
    """Nothing, or nothing that makes sense, comes over the line."""


class SerialConnection:
    """Sends frames, keeps as many on their way as the board holds, and sends again what was lost.

    Answers come in the order of the requests, so an answer tells that every earlier request without one was lost. A
    request for counters now and then, and behind the last frame, tells it of the frames in front of it.

    Parameters
    ----------
    port : str or object
        Name of a port for pyserial; or an open one with pyserial's ``read``, ``write``, ``in_waiting`` and ``close``,
        whose ``read`` waits for a moment only.
    build : host.build.Build
    baud : int
    timeout : float
        Seconds of silence after which everything on its way counts as lost.
    attempts : int
        How often a frame is sent, and how often silence is taken, before it is an error.

    Attributes
    ----------
    build, attempts
        As given.
    lost, stray, damaged : int
        Requests whose answer did not come; answers to no request of ours; pieces from the board that were no packet.
    reported : int
        Damaged pieces that the board has counted, by its latest report.
    """

    def __init__(self, port, build, *, baud=1_000_000, timeout=1.0, attempts=50):
        self._port, self._name = (_open(port, baud), port) if isinstance(port, str) else (port, "the serial port")
        self.build, self.attempts, self._baud, self._timeout = build, attempts, baud, timeout
        self._parser, self._waiting = Parser(), deque()
        # Whatever an earlier program left on its way has other numbers.
        self._sequence = random.randrange(1 << 16)
        self.lost = self.stray = self.reported = 0
        try:
            self.identity = Identity(self._ask(Kind.IDENTIFY, Kind.IDENTITY, IDENTITY.size))
            self._check()
        except BaseException:
            self._port.close()
            raise

    @property
    def damaged(self):
        return self._parser.damaged

    def counters(self):
        """The board's `Counters`."""
        return Counters(*COUNTERS.unpack(self._ask(Kind.COUNTERS, Kind.COUNTS, COUNTERS.size)))

    def exchange(self, frames):
        """Results of frames, in their order, and what was lost meanwhile."""
        before = self._counted()
        results = _Exchange(self, [bytes(row) for row in np.ascontiguousarray(frames, dtype=np.uint8)]).run()
        details = {name: now - then for (name, now), then in zip(self._counted().items(), before.values(), strict=True)}
        return np.frombuffer(b"".join(results), dtype=np.uint8).reshape(len(frames), -1), details

    def close(self):
        self._port.close()

    # For an exchange

    def send(self, kind, payload=b""):
        """Send a request; returns its sequence number."""
        self._sequence = (self._sequence + 1) % (1 << 16)
        self._port.write(frame(kind, self._sequence, payload))
        return self._sequence

    def receive(self):
        """The next packet, reports of damage aside; None after ``timeout`` seconds of silence."""
        end = time.monotonic() + self._timeout
        while True:
            while self._waiting:
                packet = self._waiting.popleft()
                if packet.kind != Kind.ERROR or packet.payload[:1] != bytes([Problem.DAMAGED]):
                    return packet
                self.reported = max(self.reported, REPORT.unpack(packet.payload)[1])
            data = self._port.read(max(1, self._port.in_waiting))
            self._waiting.extend(self._parser.feed(data))
            if data:
                end = time.monotonic() + self._timeout
            elif time.monotonic() > end:
                return None

    def silent(self):
        """The error of a line that says nothing."""
        return SerialError(
            f"no answer from {self._name} at {self._baud:,} baud in {self.attempts} attempts of {self._timeout:g} s: "
            f"is the board connected, and is it programmed with the bitstream of {self.build.directory}?"
        )

    def _ask(self, kind, answer, size):
        """The payload of the answer to a request, sent again until it comes."""
        for _ in range(self.attempts):
            sequence = self.send(kind)
            while packet := self.receive():
                if packet.kind == answer and packet.sequence == sequence and len(packet.payload) == size:
                    return packet.payload
                self.stray += 1
        raise self.silent()

    def _check(self):
        if self.identity.magic != MAGIC:
            raise SerialError(f"what answers at {self._name} is no accelerator of fewbit")
        if self.identity.version != VERSION:
            raise SerialError(
                f"the board speaks version {self.identity.version} of the protocol, this software {VERSION}: "
                "make the bitstream again, or take the software that it was made with"
            )

    def _counted(self):
        return {"lost": self.lost, "reported": self.reported, "damaged answers": self.damaged, "stray": self.stray}


class _Exchange:
    """One batch on its way."""

    def __init__(self, link, frames):
        self._link, self._frames = link, frames
        self._todo, self._answers = deque(range(len(frames))), [None] * len(frames)
        self._sent, self._left = [0] * len(frames), len(frames)
        self._way = OrderedDict()  # number of the frame, or None for counters, by sequence number
        self._unfenced = 0  # frames on their way behind the last request for counters

    def run(self):
        silences = 0
        while self._left:
            self._send()
            packet = self._link.receive()
            if packet is None:
                silences += 1
                if silences == self._link.attempts:
                    raise self._link.silent()
                self._lose(list(self._way))
            else:
                silences = 0 if self._take(packet) else silences
        return self._answers

    def _send(self):
        window = max(1, self._link.identity.window)
        while self._todo and len(self._way) < window:
            number = self._todo.popleft()
            self._sent[number] += 1
            if self._sent[number] > self._link.attempts:
                raise SerialError(f"frame {number} was lost {self._link.attempts} times: the line is too noisy")
            self._way[self._link.send(Kind.INFER, self._frames[number])] = number
            self._unfenced += 1
            if self._unfenced >= max(1, window // 2):
                self._fence()
        if self._unfenced and not self._todo:
            self._fence()

    def _fence(self):
        self._way[self._link.send(Kind.COUNTERS)] = None
        self._unfenced = 0

    def _take(self, packet):
        """Use an answer; returns whether it was one."""
        if packet.sequence not in self._way:
            self._link.stray += 1
            return False
        before = []
        for sequence in self._way:
            if sequence == packet.sequence:
                break
            before.append(sequence)
        self._lose(before)
        number = self._way.pop(packet.sequence)
        if number is None:
            return True
        if packet.kind == Kind.RESULT and len(packet.payload) == self._link.build.result_bytes:
            self._answers[number], self._left = packet.payload, self._left - 1
        elif packet.kind == Kind.ERROR and packet.payload[:1] == bytes([Problem.OVERRUN]):
            self._todo.append(number)
        else:
            raise SerialError(f"the board refused frame {number}: {packet.kind:#x} {packet.payload.hex()}")
        return True

    def _lose(self, sequences):
        """Requests that will not be answered any more."""
        for sequence in sequences:
            self._link.lost += 1
            number = self._way.pop(sequence)
            if number is not None:
                self._todo.append(number)


def _open(port, baud):
    try:
        import serial
    except ModuleNotFoundError:
        raise HostError("a serial port needs the package pyserial: pip install pyserial") from None
    try:
        return serial.Serial(port, baud, timeout=0.02)
    except (serial.SerialException, ValueError, OSError) as error:
        raise SerialError(f"{port}: cannot be opened: {error}") from None
