"""No model file makes an import hang, take all memory, or end in anything but one line."""

import os
import resource
import signal
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from onnx import helper

from fewbit.golden.importing.importer import import_model
from fewbit.golden.limits import time_and_memory
from fewbit.golden.limits.files import FileError, read_bounded
from fewbit.golden.limits.limit import IMPORT_BYTES, IMPORT_SECONDS, LIMITS, LimitError, ModelError
from fewbit.golden.model_file.evaluate import evaluate
from fewbit.ptq.reader import read_model
from tests.support import hostile


@pytest.fixture(autouse=True)
def nothing_stays():
    """Neither a bound on memory nor an alarm is left behind."""
    before = resource.getrlimit(resource.RLIMIT_DATA), signal.getsignal(signal.SIGALRM)
    yield
    assert (resource.getrlimit(resource.RLIMIT_DATA), signal.getsignal(signal.SIGALRM)) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.sampled(3)
@pytest.mark.long
@pytest.mark.parametrize("what", hostile.MODELS)
def test_hostile_models(what, scratch, monkeypatch):
    monkeypatch.setenv(IMPORT_BYTES.variable, "1G")
    write, message = hostile.MODELS[what]
    path = write(scratch)
    for read in import_model, read_model:
        with pytest.raises(ModelError) as caught:
            read(path)
        text = str(caught.value)
        assert "\n" not in text and "cannot be imported" not in text and len(text) < 2100
        if read is import_model:
            assert message in text


def test_constants_of_every_operation_of_bounded_work_equal_those_of_a_process_apart():
    """Which way a constant is computed changes no bit of it."""
    from fewbit.golden.model_file.evaluate import _apart, _fed, _here, _model

    rng, checked = np.random.default_rng(1), 0
    for kind, inputs, attributes in (
        ("Einsum", [rng.normal(size=(3, 4)), rng.normal(size=(4, 5))], {"equation": "ij,jk->ik"}),
        ("NonZero", [np.array([[1.0, 0], [0, 2]])], {}),
        ("ReduceSum", [rng.normal(size=(300, 40))], {}),
        ("MatMul", [rng.normal(size=(9, 70)), rng.normal(size=(70, 8))], {}),
    ):
        inputs = [a.astype(np.float32) for a in inputs]
        names = [f"i{k}" for k in range(len(inputs))]
        node = helper.make_node(kind, names, ["o"], **attributes)
        found = evaluate(SimpleNamespace(opset=17), node, inputs)[0]
        given = dict(zip(names, inputs, strict=True))
        content = _model(node, given, 17), _fed(given), "node"
        assert np.array_equal(found, _here(*content)[0]) and np.array_equal(found, _apart(*content)[0])
        checked += found.size
    assert checked > 80


def endless():
    while True:
        pass


def greedy():
    kept = []
    while True:
        kept.append(np.ones(1 << 20))


@pytest.mark.parametrize(
    ("variable", "value", "act", "message"),
    [
        (IMPORT_SECONDS, "0.2", endless, "m.onnx: node 'n': the import takes too long; the limit is 0.2 seconds; "
         "set FEWBIT_IMPORT_SECONDS=600, say, to raise it"),
        (IMPORT_BYTES, "100M", greedy, "m.onnx: node 'n': the import takes too much memory; the limit is 100 MiB; "
         "set FEWBIT_IMPORT_BYTES=16G, say, to raise it"),
    ],
)  # fmt: skip
def test_the_walls(variable, value, act, message, monkeypatch):
    monkeypatch.setenv(variable.variable, value)
    with pytest.raises(LimitError) as caught, time_and_memory.walls("m.onnx"):
        time_and_memory.entering("node 'n'")
        try:
            act()
        except Exception as error:  # as code of an importer may catch what it does not know
            raise MemoryError from error
    assert str(caught.value) == message


def test_time_is_looked_at_in_other_threads_too(monkeypatch):
    monkeypatch.setenv(IMPORT_SECONDS.variable, "0.1")
    found = []

    def work():
        try:
            with time_and_memory.walls("m.onnx"):
                while True:
                    time_and_memory.entering("node 'n'")
                    time.sleep(0.01)
        except LimitError as error:
            found.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert len(found) == 1 and found[0].startswith("m.onnx: node 'n': the import takes too long")


def test_a_node_in_a_process_of_its_own_is_stopped(monkeypatch):
    """Work that no formula foretells ends with the time, in whatever thread."""
    monkeypatch.setenv(IMPORT_SECONDS.variable, "1")
    many = np.ones((8000, 8000), dtype=np.int8)
    node = helper.make_node("MatMulInteger", ["a", "a"], ["o"], name="e")
    with pytest.raises(
        LimitError, match=r"node 'e' \(MatMulInteger\): its value takes too long to compute; the limit is 1"
    ):
        evaluate(SimpleNamespace(opset=17), node, [many] * 2)


def test_a_run_of_a_float_model_has_a_bound(scratch, monkeypatch):
    """Weights made by a kilobyte of file can keep onnxruntime busy for hours; it cannot be interrupted."""
    path = hostile.saved(scratch, hostile.model_of(
        [hostile.node("ConstantOfShape", ["s"], ["w"]), hostile.node("Conv", ["x", "w"], ["y"])],
        [hostile.constant("s", [4, 1, 300, 300])], shape=("N", 1, 600, 600)))  # fmt: skip
    monkeypatch.setenv(IMPORT_SECONDS.variable, "20")
    with pytest.raises(LimitError, match=r"m.onnx: one run takes 3.3e\+10 products; the limit is 20 seconds"):
        read_model(path)


def test_constants_that_are_kept_take_what_they_hold(scratch, monkeypatch):
    """Hundreds of small constants fit in little memory: none keeps what computed it."""
    chain = [hostile.node("Neg", [f"t{i}"], [f"t{i + 1}"]) for i in range(400)]
    path = hostile.behind(*chain, hostile.node("Identity", ["t400"]), constants=[hostile.constant("t0", [1], "f4")])(
        scratch
    )
    monkeypatch.setenv(IMPORT_BYTES.variable, "150M")
    with pytest.raises(ModelError, match="without a layer, so there is nothing to build"):
        import_model(path)


def test_a_larger_limit_lets_a_model_pass(scratch, monkeypatch):
    path = hostile.behind(
        hostile.node("ConstantOfShape", ["s"], ["t"]), hostile.node("ReduceSum", ["t"]),
        constants=[hostile.constant("s", [1 << 22])],
    )(scratch)  # fmt: skip
    monkeypatch.setenv(IMPORT_BYTES.variable, "10M")
    with pytest.raises(LimitError, match="it makes 16 MiB of values; the limit is 10 MiB"):
        import_model(path)
    monkeypatch.setenv(IMPORT_BYTES.variable, "300M")
    with pytest.raises(ModelError, match="without a layer, so there is nothing to build"):
        import_model(path)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.variable)
@pytest.mark.parametrize("text", ["x", "-1", "0", "nan", "inf", "1e999", "1 G", "8g", "²"])
def test_limits_are_checked(limit, text, monkeypatch):
    monkeypatch.setenv(limit.variable, text)
    with pytest.raises(ValueError, match=f"{limit.variable} must be a number of (seconds|bytes) above 0"):
        _ = limit.value


def test_limits_are_read(monkeypatch):
    for text, value in {"": 4 << 30, "1000": 1000, "3K": 3072, "16G": 16 << 30, " 2T ": 2 << 40}.items():
        monkeypatch.setenv(IMPORT_BYTES.variable, text)
        assert IMPORT_BYTES.value == value
    monkeypatch.setenv(IMPORT_SECONDS.variable, "0.5")
    assert IMPORT_SECONDS.value == 0.5 and str(IMPORT_SECONDS) == "0.5 seconds"


def test_files_are_read_whole_or_refused(scratch):
    path = scratch / "file"
    path.write_bytes(bytes(range(100)))
    assert read_bounded(path, 100) == bytes(range(100))
    assert read_bounded(path, 10, offset=90) == bytes(range(90, 100))
    assert read_bounded(path, 10, offset=3, length=5) == bytes(range(3, 8))
    for options, reason in (
        ({"limit": 99}, "is 100 bytes, which is more than 99 bytes; do this"),
        ({"offset": 101}, "ends before byte 101"),
        ({"offset": 99, "length": 2}, "ends before byte 101"), ({"length": -1}, "ends before"),
    ):  # fmt: skip
        with pytest.raises(FileError, match=reason):
            read_bounded(path, **{"limit": 100, "advice": "do this", **options})
    os.mkfifo(scratch / "pipe")
    for name, reason in (
        (scratch / "pipe", "a device or pipe, not a file"), ("/dev/zero", "a device or pipe"),
        (scratch, "a folder, not a"),
        (scratch / "none", "no such file"), (path / "x", "cannot be read: Not a directory"), ("a\0b", "cannot be read"),
        ("x" * 5000, "cannot be read: File name too long"),
    ):  # fmt: skip
        with pytest.raises(FileError, match=reason):
            read_bounded(name, 100)
