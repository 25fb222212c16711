"""flow.cluster: units of work on clusters of Dask whose workers die, fail, or are not there."""

import os
import signal
import socket
import threading
import time

import pytest

from fewbit.flow import cluster, jobs
from fewbit.flow.cluster import ClusterError, DaskCluster
from fewbit.flow.jobs import Threads, run_units
from tests.flow.test_jobs import Told, expected, units
from tests.support.cluster_units import counted, deadly, failing, log_of
from tests.support.small_float_models import dense

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def own_cache(scratch, monkeypatch):
    monkeypatch.setattr(jobs, "CACHE", scratch / "cache")
    return scratch / "cache"


@pytest.fixture(scope="module")
def scheduler():
    """The address of a scheduler with one worker, as another machine would have them."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as found:
        yield found.scheduler_address


def test_units_of_a_worker_that_is_killed_run_again_and_nothing_is_lost_or_counted_twice(scratch, own_cache):
    numbers, said, report, told = list(range(12)), [], Told(), []
    killed = []

    def kill():
        while len(log_of(scratch)[1]) < 2:  # both workers are in the middle of a unit
            time.sleep(0.05)
        number, pid = next(iter(log_of(scratch)[1].items()))
        os.kill(pid, signal.SIGKILL)
        killed.append(number)
        while log_of(scratch)[0].total() < 3:  # another worker has begun in its place
            time.sleep(0.05)
        (scratch / "go").touch()

    killer = threading.Thread(target=kill, daemon=True)
    with DaskCluster("local:2", said.append) as workers:
        killer.start()
        found = run_units(report, "counting", units(scratch, numbers, counted), workers, tell=told.append)
    killer.join(60)
    assert found == {f"unit {n}": n**2 for n in numbers} and list(found) == [f"unit {n}" for n in numbers]
    assert told == [n**2 for n in numbers]
    (lost,) = killed
    log, _ = log_of(scratch)
    assert {n: log["begun", n] for n in numbers} == {n: 2 if n == lost else 1 for n in numbers}
    assert {n: log["ended", n] for n in numbers} == dict.fromkeys(numbers, 1)
    assert (report.total, report.steps, report.open) == (24, 24, 0)
    assert said[0].startswith("cluster local:2: 2 workers, dashboard http://127.0.0.1:")
    assert [line for line in said[1:] if "was lost: what it had not finished is done again" in line] == said[1:] != []
    assert len(list((own_cache / "units").glob("*.json"))) == len(numbers)


def test_a_result_is_the_same_as_without_and_kept(scheduler, scratch, monkeypatch):
    numbers, said, report = [7, 2, 3, 2.5], [], Told()
    with DaskCluster(scheduler, said.append) as workers:
        found = run_units(report, "squaring", units(scratch, numbers), workers)
        again = run_units(report, "squaring", units(scratch, numbers), workers)
        for _ in range(3):  # what units have in common stays with the workers
            assert run_units(Told(), "squaring", units(scratch, numbers), workers, keep=False) == found
    assert found == again == expected(numbers) == run_units(Told(), "squaring", units(scratch, numbers), Threads())
    assert list(found) == list(again) == list(expected(numbers))
    assert said == [f"cluster {scheduler}: 1 worker, dashboard {said[0].rpartition(' ')[2]}"]
    assert report.said == ["squaring: 4 of 4 results are in the cache"] and report.steps == report.total == 8


@pytest.mark.parametrize("command", [
    ["sensitivity", "--bits", "4,1"],
    pytest.param(["search", "--formats", "w8a8,w3a3,w1a1"], marks=pytest.mark.slow),
])  # fmt: skip
def test_commands_print_the_same_to_the_byte(fewbit, scheduler, scratch, command):
    model = dense(scratch / "m.onnx")
    name, *options = command
    common = (name, model, "--images", scratch / "samples.npz", *options, "--json")
    if name == "search":
        common += ("--max-drop", 20, "-o", scratch / "found")
    found = {}
    for who in ([], ["--cluster", scheduler], ["--jobs", 2]):
        status, out, err = fewbit(*common, *who)
        assert status == 0, err
        files = {p.name: p.read_bytes() for p in sorted((scratch / "found").glob("*.*")) if p.name != ".lock"}
        found[tuple(who)] = out, files
    plain, on_cluster, threads = found.values()
    assert plain == on_cluster == threads and len(plain[0]) > 500
    assert "dashboard" not in on_cluster[0]
    status, out, err = fewbit(*common, "--cluster", scheduler)
    assert status == 0 and out == plain[0] and "results are in the cache" in err and "dashboard http://" in err


def test_an_error_of_a_unit_is_the_error(scheduler, scratch):
    with DaskCluster(scheduler, print) as workers:
        with pytest.raises(ValueError, match="^2 cannot be done$"):
            run_units(Told(), "failing", units(scratch, [2], failing), workers)
        assert run_units(Told(), "squaring", units(scratch, [3]), workers) == expected([3])


@pytest.mark.slow
def test_a_unit_that_kills_every_worker_ends_the_run(scratch):
    with DaskCluster("local:1", lambda _: None) as workers:
        with pytest.raises(ClusterError, match="unit 1: 4 workers were lost, each while it did this"):
            run_units(Told(), "killing", units(scratch, [1], deadly), workers)
    assert log_of(scratch)[0] == {("begun", 1): 4}


@pytest.mark.parametrize(
    "name, value, message",
    [("versions", lambda: {"numpy": "0.1"}, "has numpy .*, and here it is 0.1: install the same packages"),
     ("source_of", lambda _: ("x", ""), "has another version of fewbit's source: install the same one")],
)  # fmt: skip
def test_a_worker_that_is_not_the_same_is_refused(scheduler, scratch, monkeypatch, name, value, message):
    monkeypatch.setattr(cluster, name, value)
    with DaskCluster(scheduler, print) as workers, pytest.raises(ClusterError, match=message):
        run_units(Told(), "squaring", units(scratch, [17]), workers)


def test_a_cluster_that_is_not_there_is_told_within_seconds(fewbit, scratch):
    model = dense(scratch / "m.onnx")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    begin = time.monotonic()
    status, out, err = fewbit("sensitivity", model, "--images", scratch / "samples.npz", "--cluster", address)
    assert time.monotonic() - begin < 10
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert err.startswith(f"fewbit: there is no cluster at {address} (")
    assert err.endswith("): start one there with `dask scheduler`\n")


def test_a_cluster_without_workers_is_told(monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(cluster, "_SECONDS", 1)
    with LocalCluster(n_workers=0, processes=True, dashboard_address="127.0.0.1:0") as empty:
        with pytest.raises(ClusterError, match="has no workers: start some with `dask worker tcp://"):
            with DaskCluster(empty.scheduler_address, print):
                pass


@pytest.mark.parametrize("options", [["--cluster", "somewhere"], ["--cluster", "local:2", "--jobs", "2"]])
def test_options_that_are_none(fewbit, scratch, options):
    status, out, err = fewbit("sensitivity", dense(scratch / "m.onnx"), *options)
    assert (status, out) == (2, "") and err.count("\n") == 1 and "--cluster" in err
