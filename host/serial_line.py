"""A serial port as the protocol uses it: packets in and out, every wait bounded, every failure one kind of error."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fewbit.extras import missing

from .build import HostError
from .protocol import Packet, Parser, frame, line_bytes

__all__ = ["Line", "Patience", "SerialError"]

POLL = 0.02  # seconds that a read waits for a byte
MOST = 1 << 16  # bytes of a read
SYSTEM_BUFFER = 4096  # bytes that the operating system may still hold in front of what is written


def _terminal_errors() -> tuple[type[Exception], ...]:
    """Return the errors of a terminal's settings, where the system has terminals: Windows has none."""
    try:
        from termios import error
    except ModuleNotFoundError:
        return ()
    return (error,)


FAILURES: tuple[type[Exception], ...] = (OSError, *_terminal_errors(), OverflowError, ValueError)


class SerialError(HostError):
    """Nothing, or nothing that makes sense, came over the line."""


class Patience:
    """The time that an answer is awaited, whatever else comes meanwhile; it counts from when the object is made.

    What has come by its end is still read once, so that a program which was held up itself gives up no answer.

    Parameters
    ----------
    seconds : float
    """

    def __init__(self, seconds: float):
        self._end, self._over = time.monotonic() + seconds, False

    def over(self) -> bool:
        """Return whether to give up: after the end, from the second call on."""
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

    Raises
    ------
    ValueError
        If ``baud`` is less than 1.
    """

    def __init__(self, port: Any, baud: int, timeout: float, longest: int):
        if baud < 1:
            raise ValueError(f"Baud must be at least 1, not {baud!r}")
        self._baud, self._parser, self.heard = baud, Parser(), 0
        self.name = port if isinstance(port, str) else "the serial port"
        self._port = _open(port, baud) if isinstance(port, str) else port
        self._trying(self._bound, timeout + self.seconds(SYSTEM_BUFFER + line_bytes(longest)))

    @property
    def damaged(self) -> int:
        """Pieces that came and were no packet."""
        return self._parser.damaged

    def seconds(self, count: int) -> float:
        """Return the seconds that ``count`` bytes take on the line, at ten bits each."""
        return 10 * count / self._baud

    def write(self, kind: int, sequence: int, payload: bytes) -> None:
        """Send a packet.

        Raises
        ------
        SerialError
            If the port fails, or accepts no byte for too long.
        """
        self._trying(self._port.write, frame(kind, sequence, payload))

    def read(self) -> list[Packet]:
        """Return the packets that have come, after a moment if there is none.

        Raises
        ------
        SerialError
            If the port fails.
        """
        data = self._trying(lambda: self._port.read(min(max(1, self._port.in_waiting), MOST)))
        self.heard += len(data)
        return self._parser.feed(data)

    def close(self) -> None:
        """Close the port, as far as it is still there."""
        with suppress(*FAILURES):  # what is gone need not be closed
            self._port.close()

    def _bound(self, seconds):
        for name, most in ("timeout", POLL), ("write_timeout", seconds):
            if hasattr(self._port, name):
                setattr(self._port, name, most)

    def _trying(self, action: Callable[..., Any], *arguments: Any) -> Any:
        """Return what ``action`` gives; make every failure of the port a `SerialError`."""
        try:
            return action(*arguments)
        except FAILURES as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise SerialError(
                f"{self.name} failed: {reason}: is the board still connected, and does nothing else use the port?"
            ) from None


def _open(port: str, baud: int) -> Any:
    """Return the open port of pyserial's."""
    try:
        import serial
    except ModuleNotFoundError:
        raise HostError(missing("serial")) from None
    try:
        return serial.Serial(port, baud)
    except FAILURES as error:
        raise SerialError(f"{port}: cannot be opened: {error}") from None
