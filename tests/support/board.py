"""A board in Python: the protocol's other end, written from its description, with a connection's results behind it."""

import os
import threading
import tty

import numpy as np

from fewbit.host.protocol import COUNTERS, IDENTITY, MAGIC, REPORT, VERSION, Kind, Parser, Problem, frame

WINDOW = 5


class PythonBoard:
    """A port with the members of pyserial's, at whose other end requests are answered at once.

    ``deaf`` is how many bytes are swallowed first; ``change`` may replace the fields of the identity.
    """

    def __init__(self, connection, *, deaf=0, **change):
        self._connection, self._parser, self._out, self._deaf = connection, Parser(), bytearray(), deaf
        names = ["magic", "version", "window", "model", "beats_in", "bytes_in", "beats_out", "bytes_out"]
        fields = {name: getattr(connection.identity, name) for name in names}
        fields |= {"magic": MAGIC, "version": VERSION, "window": WINDOW} | change
        self._identity, self._frame = IDENTITY.pack(*fields.values()), fields["beats_in"] * fields["bytes_in"]
        self.packets = self.results = self.most = 0
        self.closed = False

    def write(self, data):
        if self._deaf:
            self._deaf = max(0, self._deaf - len(data))
            return
        before = self._parser.damaged
        packets = self._parser.feed(data)
        self.most = max(self.most, len(packets))
        for packet in packets:
            self.packets += 1
            self._out += frame(*self._answer(packet))
        if self._parser.damaged > before:
            self._out += frame(Kind.ERROR, 0, REPORT.pack(Problem.DAMAGED, self._parser.damaged))

    def _answer(self, packet):
        if packet.kind == Kind.IDENTIFY:
            return Kind.IDENTITY, packet.sequence, self._identity
        if packet.kind == Kind.COUNTERS:
            return (
                Kind.COUNTS, packet.sequence, COUNTERS.pack(self.packets, self._parser.damaged, self.results, 0)
            )  # fmt: skip
        if len(packet.payload) != self._frame:
            return Kind.ERROR, packet.sequence, REPORT.pack(Problem.LENGTH, self._parser.damaged)
        self.results += 1
        row = np.frombuffer(packet.payload, dtype=np.uint8)[None]
        return Kind.RESULT, packet.sequence, self._connection.exchange(row)[0].tobytes()

    def read(self, size):
        data = bytes(self._out[:size])
        del self._out[:size]
        return data

    @property
    def in_waiting(self):
        return len(self._out)

    def close(self):
        self.closed = True


class Terminal:
    """A pseudo terminal with a `PythonBoard` behind it: ``name`` is the port to open."""

    def __init__(self, board):
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self.name = os.ttyname(self._theirs)
        self._board, self._thread = board, threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                data = os.read(self._ours, 4096)
            except OSError:
                return
            if data == b"\0end":
                return
            self._board.write(data)
            while waiting := self._board.in_waiting:
                os.write(self._ours, self._board.read(waiting))

    def close(self):
        os.close(self._theirs)
        self._thread.join(timeout=5)
        os.close(self._ours)
