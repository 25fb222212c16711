"""A serial port as the protocol uses it: packets in and out, every wait bounded, every failure one kind of error."""

import time
from contextlib import suppress

from fewbit.extras import missing

from .build import HostError
from .protocol import Parser, frame, line_bytes

try:
    from termios import error as TerminalError
except ModuleNotFoundError:  # not on Windows
    TerminalError = OSError

__all__ = ["Line", "Patience", "SerialError"]

POLL = 0.02  # seconds that a read waits for a byte
MOST = 1 << 16  # bytes of a read
SYSTEM_BUFFER = 4096  # bytes that the operating system may still hold in front of what is written
FAILURES = OSError, TerminalError, OverflowError, ValueError


class SerialError(HostError):
    """Nothing, or nothing that makes sense, comes over the line."""


class Patience:
    """How long an answer is awaited, whatever else comes meanwhile: it counts from when it is made.

    What has come by its end is still read once, so that a program which was held up itself gives up no answer.
    """

    def __init__(self, seconds):
        self._end, self._over = time.monotonic() + seconds, False

    def over(self):
        """Whether to give up: after the end, from the second call on."""
        over, self._over = self._over, time.monotonic() > self._end
        return over


class Line:
    """A serial port.

    Parameters
    ----------
    port : str or object
        Name of a port for pyserial; or an open one with pyserial's ``read``, ``write``, ``in_waiting`` and ``close``,
        none of which may wait for long. Where it has pyserial's ``timeout`` and ``write_timeout``, they are set.
    baud : int
    timeout : float
        Seconds, beside those that the bytes take, after which a port that accepts no byte is given up.
    longest : int
        Bytes of payload of the longest packet that is sent.

    Attributes
    ----------
    name : str
    heard : int
        Bytes that came.
    """

    def __init__(self, port, baud, timeout, longest):
        if baud < 1:
            raise ValueError(f"Baud must be at least 1, not {baud!r}")
        self._baud, self._parser, self.heard = baud, Parser(), 0
        self.name = port if isinstance(port, str) else "the serial port"
        self._port = _open(port, baud) if isinstance(port, str) else port
        self._trying(self._bound, timeout + self.seconds(SYSTEM_BUFFER + line_bytes(longest)))

    @property
    def damaged(self):
        """Pieces that were no packet."""
        return self._parser.damaged

    def seconds(self, count):
        """Seconds that so many bytes take on the line: ten bits each."""
        return 10 * count / self._baud

    def write(self, kind, sequence, payload):
        """Send a packet."""
        self._trying(self._port.write, frame(kind, sequence, payload))

    def read(self):
        """The packets that have come, after a moment if there is none."""
        data = self._trying(lambda: self._port.read(min(max(1, self._port.in_waiting), MOST)))
        self.heard += len(data)
        return self._parser.feed(data)

    def close(self):
        with suppress(*FAILURES):  # what is gone need not be closed
            self._port.close()

    def _bound(self, seconds):
        for name, most in ("timeout", POLL), ("write_timeout", seconds):
            if hasattr(self._port, name):
                setattr(self._port, name, most)

    def _trying(self, action, *arguments):
        try:
            return action(*arguments)
        except FAILURES as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise SerialError(
                f"{self.name} failed: {reason}: is the board still connected, and does nothing else use the port?"
            ) from None


def _open(port, baud):
    try:
        import serial
    except ModuleNotFoundError:
        raise HostError(missing("serial")) from None
    try:
        return serial.Serial(port, baud)
    except FAILURES as error:
        raise SerialError(f"{port}: cannot be opened: {error}") from None
