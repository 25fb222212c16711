"""Verilator's runtime: of builds that begin together one compiles it, and the others wait for that."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from fewbit.sim.simulators.runtime import keep_runtime, runtime_to_make


def test_the_first_makes_the_runtime_and_the_second_finds_it(scratch):
    store, held, order = scratch / "store", Event(), []

    def first():
        with runtime_to_make(store) as missing:
            assert missing
            held.set()
            assert waits.wait(10)
            (scratch / "verilated.o").write_bytes(b"object")
            keep_runtime(scratch, store)
            order.append("first")

    def second():
        assert held.wait(10)
        waits.set()
        with runtime_to_make(store) as missing:
            order.append("second")
            return missing

    waits = Event()
    with ThreadPoolExecutor(2) as pool:
        made, found = pool.submit(first), pool.submit(second)
        made.result(20)
        assert found.result(20) is False and order == ["first", "second"]


def test_who_finds_the_runtime_holds_nothing(scratch):
    (scratch / "verilated.o").write_bytes(b"object")
    with runtime_to_make(scratch) as one, runtime_to_make(scratch) as other, ThreadPoolExecutor(1) as pool:
        assert not one and not other and pool.submit(lambda: runtime_to_make(scratch).__enter__()).result(10) is False


def test_a_build_that_fails_leaves_it_to_the_next(scratch):
    store = scratch / "store"
    with pytest.raises(OSError, match="no compiler"), runtime_to_make(store):
        raise OSError("no compiler")
    with runtime_to_make(store) as missing:
        assert missing
