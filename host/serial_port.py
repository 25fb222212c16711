"""The connection over a serial port. `docs/uart.md` has the protocol."""

import random
from collections import OrderedDict, deque
from typing import Any

import numpy as np

from .build import Build, HostError
from .protocol import (
    COUNTERS,
    IDENTITY,
    LONGEST,
    MAGIC,
    REPORT,
    VERSION,
    Counters,
    Identity,
    Kind,
    Packet,
    Problem,
    line_bytes,
)
from .serial_line import Line, Patience, SerialError

__all__ = ["SerialConnection", "SerialError"]

WINDOW = 256  # requests on their way at most, however many the board says it holds: far fewer than sequence numbers


class SerialConnection:
    """The connection over a serial port: as many frames on their way as the board holds, and again what was lost.

    Answers come in the order of the requests, so an answer tells that every earlier request without one was lost. A
    request for counters now and then, and behind the last frame, tells it of the frames in front of it.

    Parameters
    ----------
    port : str or object
        As `host.serial_line.Line` takes it.
    build : host.build.Build
    baud : int
    timeout : float
        Seconds without an answer after which everything on its way counts as lost. They count from the request, or
        from the answer to the one in front of it; the time that both take on the line is added. Whatever else comes
        meanwhile makes no difference.
    attempts : int
        How often a frame is sent, and how often no answer is taken, before it is an error.

    Attributes
    ----------
    identity : host.protocol.Identity
    build, attempts
        As given.
    lost : int
        Requests whose answer did not come.
    stray : int
        Answers to no request of ours.
    damaged : int
        Pieces from the board that were no packet.
    reported : int
        Damaged pieces that the board has counted, by its latest report.
    unneeded : set of int
        Sequence numbers of requests for counters whose answers may still come, and are no matter.

    Raises
    ------
    SerialError
        If nothing answers, or what does is no accelerator of this version of the protocol.
    HostError
        If a frame or a result is too long for a packet, or pyserial is missing.
    """

    def __init__(self, port: Any, build: Build, *, baud: int = 1_000_000, timeout: float = 1.0, attempts: int = 50):
        for what, size in ("frame", build.frame_bytes), ("result", build.result_bytes):
            if size not in range(1, LONGEST + 1):
                raise HostError(f"a {what} over a serial port must have 1 to {LONGEST} bytes, not {size}")
        self._line = Line(port, baud, timeout, build.frame_bytes)
        self.build, self.attempts, self._baud, self._timeout = build, attempts, baud, timeout
        self._waiting: deque[Packet] = deque()
        self.unneeded: set[int] = set()
        # Whatever an earlier program left on its way has other numbers.
        self._sequence = random.randrange(1 << 16)
        self.lost = self.stray = self.reported = 0
        try:
            self.identity = Identity(self._ask(Kind.IDENTIFY, Kind.IDENTITY, IDENTITY.size))
            self._check()
        except BaseException:
            self._line.close()
            raise

    @property
    def damaged(self) -> int:
        """Pieces from the board that were no packet."""
        return self._line.damaged

    def counters(self) -> Counters:
        """Ask the board for its `Counters`, and return them."""
        return Counters(*COUNTERS.unpack(self._ask(Kind.COUNTERS, Kind.COUNTS, COUNTERS.size)))

    def exchange(self, frames: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
        """Return the results of frames, ``uint8 (N, result_bytes)``, in their order, and what was lost meanwhile.

        Raises
        ------
        SerialError
            If a frame is lost too often, no answer comes any more, or the board refuses a frame.
        """
        before = self._counted()
        results = _Exchange(self, [bytes(row) for row in np.ascontiguousarray(frames, dtype=np.uint8)]).run()
        details = {name: now - then for (name, now), then in zip(self._counted().items(), before.values(), strict=True)}
        return np.frombuffer(b"".join(results), dtype=np.uint8).reshape(len(frames), -1), details

    def load(self, words: np.ndarray) -> int:
        """Raise `HostError`: the serial link has no packets for weights."""
        raise HostError("weights cannot be loaded over a serial port; use the IP block, or build with fixed weights")

    def close(self) -> None:
        """Close the port."""
        self._line.close()

    # What an exchange takes

    def send(self, kind: int, payload: bytes = b"") -> int:
        """Send a request, and return its sequence number."""
        self._sequence = (self._sequence + 1) % (1 << 16)
        self._line.write(kind, self._sequence, payload)
        return self._sequence

    def patience(self, requests: int, request_bytes: int, answer_bytes: int) -> Patience:
        """Return the time within which the next answer must come, from now, to so many requests of such payloads."""
        count = requests * (line_bytes(request_bytes) + line_bytes(answer_bytes))
        return Patience(self._timeout + self._line.seconds(count))

    def receive(self, patience: Patience) -> Packet | None:
        """Return the next packet that is an answer, or None once ``patience`` is over.

        Reports of damage, and counters that are not needed, are taken aside.
        """
        while True:
            while self._waiting:
                packet = self._waiting.popleft()
                if _is_report(packet):
                    self.reported = max(self.reported, REPORT.unpack(packet.payload)[1])
                elif packet.kind == Kind.COUNTS and packet.sequence in self.unneeded:
                    self.unneeded.remove(packet.sequence)
                else:
                    return packet
            if patience.over():
                return None
            self._waiting.extend(self._line.read())

    def answered(self) -> None:
        """Note that what was heard so far was no mere noise."""
        self._line.heard = 0

    def silent(self) -> SerialError:
        """Return the error of a line that gives no answer."""
        noise = f", only {self._line.heard:,} bytes that are none" if self._line.heard else ""
        return SerialError(
            f"no answer from {self._line.name} at {self._baud:,} baud in {self.attempts} attempts of "
            f"{self._timeout:g} s{noise}: "
            f"is the board connected, and is it programmed with the bitstream of {self.build.directory}?"
        )

    def _ask(self, kind: int, answer: int, size: int) -> bytes:
        """Return the payload of the answer to a request, sent again until it comes."""
        self.answered()
        for _ in range(self.attempts):
            sequence = self.send(kind)
            patience = self.patience(1, 0, size)
            while packet := self.receive(patience):
                if packet.kind == answer and packet.sequence == sequence and len(packet.payload) == size:
                    return packet.payload
                self.stray += 1
        raise self.silent()

    def _check(self):
        if self.identity.magic != MAGIC:
            raise SerialError(f"what answers at {self._line.name} is no accelerator of fewbit")
        if self.identity.version != VERSION:
            raise SerialError(
                f"the board speaks version {self.identity.version} of the protocol, this software {VERSION}: "
                "make the bitstream again, or take the software that it was made with"
            )

    def _counted(self):
        return {"lost": self.lost, "reported": self.reported, "damaged answers": self.damaged, "stray": self.stray}


class _Exchange:
    """One batch of frames on its way to the board and back."""

    def __init__(self, link: SerialConnection, frames: list[bytes]):
        self._link, self._frames = link, frames
        self._todo = deque(range(len(frames)))
        self._answers: list[bytes] = [b""] * len(frames)
        self._sent, self._left = [0] * len(frames), len(frames)
        # By sequence number: the number of the frame, or None for counters.
        self._way: OrderedDict[int, int | None] = OrderedDict()
        self._unfenced = 0  # frames on their way behind the last request for counters

    def run(self) -> list[bytes]:
        """Return the payload of every frame's result, in the order of the frames.

        Raises
        ------
        SerialError
            If a frame is lost too often, no answer comes any more, or the board refuses a frame.
        """
        silences = 0
        while self._left:
            self._send()
            if self._answered():
                silences = 0
                continue
            silences += 1
            if silences == self._link.attempts:
                raise self._link.silent()
            self._lose(list(self._way))
        self._link.unneeded = set(self._way)
        return self._answers

    def _answered(self) -> bool:
        """Wait until one of the requests on their way is answered; return whether one was, in time."""
        build = self._link.build
        patience = self._link.patience(len(self._way), build.frame_bytes, max(build.result_bytes, COUNTERS.size))
        while packet := self._link.receive(patience):
            if self._take(packet):
                return True
            self._link.stray += 1
        return False

    def _send(self) -> None:
        """Send frames until as many are on their way as may be, with requests for counters among them."""
        window = min(max(1, self._link.identity.window), WINDOW)
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

    def _fence(self) -> None:
        """Ask for counters, so that an answer comes even if all frames in front were lost."""
        self._way[self._link.send(Kind.COUNTERS)] = None
        self._unfenced = 0

    def _take(self, packet: Packet) -> bool:
        """Use an answer to a request on its way; return whether it was one."""
        if packet.sequence not in self._way:
            return False
        number = self._way[packet.sequence]
        if packet.kind not in ((Kind.COUNTS if number is None else Kind.RESULT), Kind.ERROR):
            return False  # such as our own requests, where the line ends in a terminal that echoes them
        before = []
        for sequence in self._way:
            if sequence == packet.sequence:
                break
            before.append(sequence)
        self._lose(before)
        del self._way[packet.sequence]
        self._link.answered()
        if number is not None:
            self._use(packet, number)
        return True

    def _use(self, packet: Packet, number: int) -> None:
        """Keep the result of a frame, or send again a frame that the board dropped."""
        if packet.kind == Kind.RESULT and len(packet.payload) == self._link.build.result_bytes:
            self._answers[number], self._left = packet.payload, self._left - 1
        elif packet.kind == Kind.ERROR and packet.payload[:1] == bytes([Problem.OVERRUN]):
            self._todo.append(number)
        else:
            raise SerialError(f"the board refused frame {number}: {packet.kind:#x} {packet.payload[:16].hex()}")

    def _lose(self, sequences: list[int]) -> None:
        """Count requests as lost that will not be answered any more, and put their frames back."""
        for sequence in sequences:
            self._link.lost += 1
            number = self._way.pop(sequence)
            if number is not None:
                self._todo.append(number)


def _is_report(packet: Packet) -> bool:
    """Return whether a packet is an error that tells of damaged packets."""
    return (
        packet.kind == Kind.ERROR
        and len(packet.payload) == REPORT.size
        and REPORT.unpack(packet.payload)[0] == Problem.DAMAGED
    )
