"""The serial connection: against a board in Python, over a pseudo terminal, and against the hardware in Verilator."""

import numpy as np
import pytest

from fewbit.flow.images import load_images
from fewbit.flow.project.project import Project
from fewbit.host import Accelerator, HostError
from fewbit.host.build import Build
from fewbit.host.protocol import Kind
from fewbit.host.serial_port import SerialConnection, SerialError
from tests.host.test_accelerator import written
from tests.support.awake import asleep
from tests.support.board import PythonBoard, Terminal
from tests.support.golden_connection import GoldenConnection
from tests.support.serial_model import serial_model_of, serial_verilog_of
from tests.support.serial_ports import ModelPort, NoisyPort
from tests.support.small_network import SPEC, samples, small


@pytest.fixture
def project(scratch):
    made = Project(small(scratch / "m.onnx"), input_spec=SPEC, directory=scratch)
    written(made, scratch)
    return made


def check(project, port, accelerator, values):
    """Every result is golden's; what came through damaged was reported, and nothing else was lost."""
    want = project.hardware_values(project.execute(values))
    found = accelerator.infer(values)
    assert np.array_equal(found.values, want.reshape(len(values), -1))
    assert found.details["stray"] == 0
    return found


def test_a_clean_line_over_a_pseudo_terminal(project):
    board = PythonBoard(GoldenConnection(project))
    terminal = Terminal(board)
    with Accelerator.serial(project.directory, terminal.name, timeout=5) as accelerator:
        found = check(project, terminal, accelerator, samples(60))
        assert found.details == {"lost": 0, "reported": 0, "damaged answers": 0, "stray": 0}
        assert board.results == 60 and accelerator.connection.counters().results == 60
        for _ in range(2):  # what asked for counters behind the last frame is answered now, and no stray
            assert check(project, terminal, accelerator, samples(20)).details == found.details
    terminal.close()


def test_no_more_on_the_way_than_the_window(project):
    board = PythonBoard(GoldenConnection(project))
    connection = SerialConnection(board, Accelerator(project.directory, GoldenConnection(project)).build, timeout=0.1)
    way, most, send = set(), [0], connection.send

    def watched(kind, payload=b""):
        sequence = send(kind, payload)
        way.add(sequence)
        way.intersection_update({sequence} | {s for s in way if s not in answered})
        most[0] = max(most[0], len(way))
        return sequence

    answered, receive = set(), connection.receive

    def noted(patience):
        packet = receive(patience)
        answered.add(packet.sequence)
        return packet

    connection.send, connection.receive = watched, noted
    with Accelerator(project.directory, connection) as accelerator:
        check(project, board, accelerator, samples(40))
    assert 3 <= most[0] <= 7 and board.closed  # the window is 5, and counters may come on top


@pytest.mark.parametrize("rate", [0.01, 0.05])
def test_noise_costs_time_and_nothing_else(project, rate):
    port = NoisyPort(PythonBoard(GoldenConnection(project)), rate, seed=3)
    with Accelerator.serial(project.directory, port, timeout=0.01, attempts=200) as accelerator:
        found = check(project, port, accelerator, samples(150))
        assert found.details["lost"] > 10 and accelerator.connection.counters().damaged == port.arrived()[1] > 5


def test_what_is_no_board_is_told(project):
    golden = GoldenConnection(project)
    for board, reason in (
        (PythonBoard(golden, deaf=10**9), "no answer from the serial port at 9,600 baud in 3 attempts"),
        (PythonBoard(golden, magic=b"ABCD"), "no accelerator of fewbit"),
        (PythonBoard(golden, version=9), "speaks version 9 of the protocol, this software 1"),
        (PythonBoard(golden, model=b"other..."), "the hardware holds build 6f746865722e2e2e"),
    ):  # fmt: skip
        with pytest.raises(HostError, match=reason):
            Accelerator.serial(project.directory, board, baud=9600, timeout=0.01, attempts=3)
        assert board.closed
    with pytest.raises(SerialError, match="/dev/none: cannot be opened"):
        Accelerator.serial(project.directory, "/dev/none")


def test_a_line_that_dies(project):
    board = PythonBoard(GoldenConnection(project))
    with Accelerator.serial(project.directory, board, timeout=0.01, attempts=3) as accelerator:
        board._deaf = 10**9
        with pytest.raises(SerialError, match="no answer"):
            accelerator.infer(samples(4))
        board._deaf = 0
        check(project, board, accelerator, samples(10))


def test_a_board_that_refuses(project):
    board = PythonBoard(GoldenConnection(project))
    with Accelerator.serial(project.directory, board, timeout=0.01) as accelerator:
        board._frame += 1
        with pytest.raises(SerialError, match="the board refused frame 0"):
            accelerator.infer(samples(1))


def observed(port, project, values, found):
    """What an observer of the line says: the board told no lies, missed no good packet, and reported every other."""
    arrived, damaged = port.arrived()
    answers = port.answered()
    want = project.hardware_values(project.execute(values)).reshape(len(values), -1)
    frames = {row.tobytes(): k for k, row in enumerate(found.encode(values))}
    asked = {p.sequence: frames[p.payload] for p in arrived if p.kind == Kind.INFER}
    told = {p.sequence: p.payload for p in answers if p.kind == Kind.RESULT}
    assert asked.keys() == told.keys()
    for sequence, payload in told.items():
        row = np.frombuffer(payload, dtype=np.uint8)[None]
        assert np.array_equal(found.decode(row)[0], want[asked[sequence]])
    reports = [p.payload for p in answers if p.kind == Kind.ERROR]
    assert max(int.from_bytes(r[1:], "little") for r in reports) == damaged
    fates = port.fates()
    assert all(came for hurt, came, _ in fates if not hurt)  # no other was lost
    assert all(came or reported for hurt, came, reported in fates if hurt)  # every damaged one was reported
    return sum(hurt and not came for hurt, came, _ in fates)


def run_noisy_hardware(project, values, **options):
    """The hardware behind its UART, in Verilator, with 1 % of all bytes damaged, both ways."""
    port = NoisyPort(ModelPort(serial_model_of(project.directory)), 0.01, seed=5)
    assert not asleep(serial_verilog_of(Build(project.directory)))
    with Accelerator.serial(project.directory, port, timeout=2, attempts=200, **options) as accelerator:
        found = check(project, port, accelerator, values)
        counters = accelerator.connection.counters()
        assert counters.damaged == port.arrived()[1] and counters.broken_bytes == 0
        touched = observed(port, project, values, accelerator.build)
        assert found.details["lost"] >= 1 and touched >= 1
    return found


@pytest.mark.tools
@pytest.mark.slow
def test_the_hardware_on_a_noisy_line(scratch):
    project = Project(small(scratch / "m.onnx"), input_spec=SPEC, directory=scratch)
    project.generate()
    run_noisy_hardware(project, np.unique(samples(24), axis=0))


@pytest.mark.tools
@pytest.mark.slow
def test_all_digits_on_a_noisy_line(scratch):
    project = Project("examples/digits/w1a1.onnx", directory=scratch)
    project.generate()
    images = load_images("examples/digits/test.npz", project.network)
    found = run_noisy_hardware(project, images.values)
    assert len(images) == 360 and (found.labels == images.labels).mean() > 0.95
