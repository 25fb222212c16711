"""Ports that are no board, or one that is gone: each is one error, in bounded time and memory."""

import os
import threading
import time
import tracemalloc
import tty
from contextlib import suppress

import numpy as np
import pytest

from fewbit.flow.project.project import Project
from fewbit.host import Accelerator, Build, HostError
from fewbit.host.protocol import HEADER, LONGEST, Kind, Packet, Parser, frame
from fewbit.host.serial_port import SerialConnection, SerialError
from tests.host.test_accelerator import written
from tests.support.board import PythonBoard
from tests.support.golden_connection import GoldenConnection
from tests.support.serial_ports import BadPort, within
from tests.support.small_network import SPEC, samples, small


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("badports")
    made = Project(small(folder / "m.onnx"), input_spec=SPEC, directory=folder)
    written(made, folder)
    return made


def other(kind, change=0):
    """Packets without end, of a kind, with the sequence number of the last request and a change."""

    def flood(last):
        packets = Parser().feed(last)
        number = (packets[0].sequence + change) % (1 << 16) if packets else 0
        return frame(kind, number, bytes(7)) * 20

    return flood


FLOODS = {
    "text": lambda last: b"login: " * 300,
    "long pieces": lambda last: b"\1" * 3000 + b"\0",
    "zeros": lambda last: bytes(4096),
    "an echo": lambda last: last,
    "other answers": other(Kind.RESULT),
    "other numbers": other(Kind.IDENTITY, change=5),
    "unknown kinds": other(0x77),
    "reports": lambda last: frame(Kind.ERROR, 0, b"\1\5\0\0\0") * 20,
    "reports cut short": lambda last: frame(Kind.ERROR, 0, b"\1") * 20,
}


@pytest.mark.parametrize("flood", FLOODS)
def test_what_sends_without_end_is_given_up(project, flood):
    port = BadPort(flood=FLOODS[flood])
    with pytest.raises(SerialError, match=r"no answer from the serial port .* bytes that are none"):
        Accelerator.serial(project.directory, port, timeout=0.05, attempts=4)
    assert port.closed and len(port.written) == 4


@pytest.mark.parametrize("flood", ["text", "an echo", "other numbers", "reports"])
def test_a_board_that_turns_into_something_else_is_given_up(project, flood):
    """The first request, for the identity, is answered, so that an exchange begins."""
    port = BadPort(PythonBoard(GoldenConnection(project)), flood=FLOODS[flood], after=1)
    with Accelerator.serial(project.directory, port, timeout=0.05, attempts=3) as accelerator:
        port._board = None
        with pytest.raises(SerialError, match="no answer from the serial port"):
            accelerator.infer(samples(4))


def test_noise_beside_a_board_is_no_matter(project):
    """Text that never ends, with whole answers in between."""
    port = BadPort(PythonBoard(GoldenConnection(project)), flood=lambda last: b"\0some text")
    with Accelerator.serial(project.directory, port, timeout=5) as accelerator:
        values = samples(12)
        want = project.hardware_values(project.execute(values))
        assert np.array_equal(accelerator.infer(values).values, want.reshape(len(values), -1))


def test_answers_that_come_too_late_are_not_those_of_the_next_request(project):
    port = BadPort(PythonBoard(GoldenConnection(project)))
    with Accelerator.serial(project.directory, port, timeout=0.05, attempts=3) as accelerator:
        first, second = samples(8)[:1], samples(8)[5:6]
        want = [project.hardware_values(project.execute(x)).reshape(1, -1) for x in (first, second)]
        assert not np.array_equal(*want)
        port.late = 1000.0
        with pytest.raises(SerialError, match="no answer"):
            accelerator.infer(first)
        port.late = 0.0
        port.deliver()  # the answers to the first, in front of that to the second
        found = accelerator.infer(second)
        assert np.array_equal(found.values, want[1]) and found.details["stray"] == 6  # three, and three of counters


def test_the_line_may_be_slow(project):
    """What a packet takes on the line is no silence: 70 bytes take 2.3 s at 300 baud."""
    port = BadPort(PythonBoard(GoldenConnection(project)), late=0.4)
    with Accelerator.serial(project.directory, port, baud=300, timeout=0.01, attempts=1) as accelerator:
        assert accelerator.infer(samples(1)).details["lost"] == 0


def test_a_port_that_is_pulled_out(project):
    gone = OSError(5, "Input/output error")
    with pytest.raises(
        SerialError, match=r"the serial port failed: .*Input/output error: is the board still connected"
    ):
        Accelerator.serial(project.directory, BadPort(lost=gone))
    port = BadPort(PythonBoard(GoldenConnection(project)), lost=gone, after=3)
    with Accelerator.serial(project.directory, port) as accelerator:
        with pytest.raises(SerialError, match="Input/output error"):
            accelerator.infer(samples(40))
    assert port.closed


@pytest.fixture
def terminal():
    """``(file of our end, file of the other one, its name)`` of a pseudo terminal."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    yield ours, theirs, os.ttyname(theirs)
    for file in ours, theirs:
        with suppress(OSError):
            os.close(file)


def test_a_terminal_that_ends_in_the_middle_of_an_answer(project, terminal):
    ours, theirs, name = terminal

    def serve():
        request = os.read(ours, 4096)
        board = PythonBoard(GoldenConnection(project))
        board.write(request)
        os.write(ours, board.read(1 << 16)[:20])
        time.sleep(0.05)
        os.close(theirs)
        os.close(ours)

    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises(SerialError, match=f"{name} failed"):
        within(30, lambda: Accelerator.serial(project.directory, name, timeout=1, attempts=5))
    thread.join()


def test_a_terminal_that_takes_no_bytes(project, terminal):
    _, theirs, name = terminal
    os.set_blocking(theirs, False)
    for size in (4096, 1) * 3:  # what is behind it takes a moment to be full
        with pytest.raises(BlockingIOError):
            while True:
                os.write(theirs, bytes(size))
        time.sleep(0.02)
    os.set_blocking(theirs, True)
    with pytest.raises(SerialError, match=f"{name} failed: Write timeout"):
        within(30, lambda: Accelerator.serial(project.directory, name, timeout=0.05, attempts=2))


def test_ports_of_pyserial_that_would_wait_for_ever(project, terminal):
    import serial

    port = serial.Serial(terminal[2])  # as it is made without options: reads wait without end
    with pytest.raises(SerialError, match="no answer"):
        within(30, lambda: Accelerator.serial(project.directory, port, timeout=0.05, attempts=2))


@pytest.mark.parametrize("baud", [0, -9600])
def test_a_baud_rate_that_is_none(project, baud):
    with pytest.raises(ValueError, match="Baud must be at least 1"):
        Accelerator.serial(project.directory, BadPort(), baud=baud)


def test_a_baud_rate_that_no_port_has(project, terminal):
    with pytest.raises(SerialError, match="cannot be opened"):
        Accelerator.serial(project.directory, terminal[2], baud=1 << 40)


def test_frames_that_no_packet_holds(project):
    build = Build(project.directory)
    build.inputs[0].beats = LONGEST + 1
    with pytest.raises(HostError, match="a frame over a serial port must have 1 to 65535 bytes"):
        SerialConnection(BadPort(), build)


def test_windows_of_any_size(project):
    """A board may say that it holds 65535 requests; there are no more sequence numbers than that."""
    board = PythonBoard(GoldenConnection(project), window=65535)
    port = BadPort(board)
    with Accelerator.serial(project.directory, port) as accelerator:
        before = len(port.written)
        port.late = 1000.0
        with pytest.raises(SerialError):
            accelerator.connection.attempts, accelerator.connection._timeout = 1, 0.01
            accelerator.infer(samples(2000))
        assert len(port.written) - before <= 300


# The parser


def test_noise_takes_no_memory_and_one_packet_is_lost_by_it():
    parser, noise = Parser(), bytes(range(1, 256)) * 4
    tracemalloc.start()
    try:
        for _ in range(10_000_000 // len(noise)):
            assert parser.feed(noise) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * Parser.LONGEST_PIECE and parser.damaged == 0
    good = frame(Kind.COUNTERS, 9)
    assert parser.feed(good) == [Packet(Kind.COUNTERS, 9)] and parser.damaged == 1  # the good one begins with a zero
    assert parser.feed(good[1:]) == [Packet(Kind.COUNTERS, 9)] and parser.damaged == 1


def test_the_longest_packet_passes_and_a_longer_piece_does_not():
    rng = np.random.default_rng(1)
    for payload in bytes(LONGEST), b"\7" * LONGEST, rng.integers(0, 3, LONGEST).astype(np.uint8).tobytes():
        line, parser, got = frame(Kind.RESULT, 3, payload), Parser(), []
        for at in range(0, len(line), 1000):
            got += parser.feed(line[at : at + 1000])
        assert got == [Packet(Kind.RESULT, 3, payload)] and parser.damaged == 0
    parser = Parser()
    piece = b"\1" * (Parser.LONGEST_PIECE + 1)
    assert parser.feed(piece + b"\0" + frame(1, 2) + piece + b"\0") == [Packet(1, 2)] and parser.damaged == 2
    assert HEADER.size + LONGEST < Parser.LONGEST_PIECE < LONGEST + 300


def test_the_parsers_time_is_linear():
    """A line of single bytes without a delimiter, and another four times as long: four times the work, not sixteen."""

    def seconds(count):
        parser, best = Parser(), float("inf")
        for _ in range(3):
            begun = time.process_time()
            for _ in range(count):
                parser.feed(b"x" * 16)
            best = min(best, time.process_time() - begun)
            parser.feed(b"\0")
        return best

    assert seconds(80_000) < 9 * seconds(20_000)
