"""flow.jobs and flow.workers: units of work, what their keys depend on, and threads and processes that do them."""

from contextlib import contextmanager

import pytest

from fewbit.flow import jobs
from fewbit.flow.jobs import Processes, SharedArgument, Threads, WorkUnit, reference_of, run_units
from fewbit.flow.workers import workers_of
from tests.support import cluster_units
from tests.support.cluster_units import failing, log_of, square


class Told:
    """A report that writes down how many steps of progress were counted, and what was said."""

    def __init__(self):
        self.said, self.total, self.steps, self.open = [], 0, 0, 0

    def say(self, text):
        self.said.append(text)

    @contextmanager
    def jobs(self, what, steps):
        self.total += steps
        yield self.start

    def start(self, name, steps):
        self.open += 1
        return _ToldJob(self, steps)


class _ToldJob:
    stopped = False

    def __init__(self, told, left):
        self.told, self.left = told, left

    def now(self, what):
        if self.stopped:
            raise InterruptedError(what)

    def done(self, what, steps=0):
        steps = min(steps, self.left)
        self.left -= steps
        self.told.steps += steps

    def end(self):
        self.done("", self.left)
        self.told.open -= 1


class Keeping(Threads):
    """Threads whose results are kept, as those of a cluster are."""

    def __init__(self):
        super().__init__(keeps=True)


def units(folder, numbers, function=square, steps=2):
    shared = SharedArgument(value=str(folder), contents=("folder",))
    return [
        WorkUnit(name=f"unit {n}", function=function, arguments=(shared, n), contents=(n,), steps=steps)
        for n in numbers
    ]


def expected(numbers):
    return {f"unit {n}": {"square": n**2, "root": n**0.5} for n in numbers}


@pytest.mark.parametrize("workers", [Threads(), Threads(3), Processes(2)], ids=["one", "threads", "processes"])
def test_results_are_in_the_order_of_the_units(scratch, workers):
    report, told, numbers = Told(), [], [5, 3, 8, 1]
    found = run_units(report, "squaring", units(scratch, numbers), workers, tell=told.append)
    assert found == expected(numbers) and list(found) == list(expected(numbers))
    assert told == list(found.values())
    assert (report.total, report.steps, report.open, report.said) == (8, 8, 0, [])
    assert log_of(scratch)[0] == {("begun", n): 1 for n in numbers}


@pytest.mark.parametrize("workers", [Threads(), Threads(2), Processes(2)], ids=["one", "threads", "processes"])
def test_what_a_unit_raises_is_raised(scratch, workers):
    with pytest.raises(ValueError, match="2 cannot be done"):
        run_units(Told(), "failing", units(scratch, [2], failing) + units(scratch, [3]), workers)


def test_what_is_kept_is_not_done_again(scratch, monkeypatch):
    monkeypatch.setattr(jobs, "CACHE", scratch / "cache")
    first = run_units(Told(), "squaring", units(scratch, [1, 2]), Keeping())
    report = Told()
    again = run_units(report, "squaring", units(scratch, [1, 2, 3]), Keeping())
    assert first == expected([1, 2]) and again == expected([1, 2, 3]) and list(again) == list(expected([1, 2, 3]))
    assert report.said == ["squaring: 2 of 3 results are in the cache"] and report.total == 2
    assert log_of(scratch)[0] == {("begun", n): 1 for n in (1, 2, 3)}
    run_units(Told(), "squaring", units(scratch, [1]), Threads())
    run_units(Told(), "squaring", units(scratch, [2]), Keeping(), keep=False)
    run_units(Told(), "squaring", units(scratch, [4]), Keeping(), good=lambda _: False)
    run_units(Told(), "squaring", units(scratch, [4]), Keeping())
    assert log_of(scratch)[0] == {("begun", 1): 2, ("begun", 2): 2, ("begun", 3): 1, ("begun", 4): 2}


def test_what_came_before_an_error_is_kept(scratch, monkeypatch):
    monkeypatch.setattr(jobs, "CACHE", scratch / "cache")
    with pytest.raises(ValueError):
        run_units(Told(), "some", units(scratch, [1]) + units(scratch, [2], failing), Keeping())
    assert run_units(Told(), "some", units(scratch, [1]), Keeping()) == expected([1])
    assert log_of(scratch)[0] == {("begun", 1): 1}


def test_a_key_is_that_of_all_that_the_result_depends_on(scratch, monkeypatch):
    (one,) = units(scratch, [1])
    assert one.key == units("elsewhere", [1])[0].key  # the folder is not of its contents
    others = [
        units(scratch, [2])[0],
        units(scratch, [1], failing)[0],
        WorkUnit(name="", function=square, arguments=(SharedArgument(value="", contents=("other",)), 1), contents=(1,)),
    ]
    for name, value in (("versions", lambda: {"numpy": "0"}), ("own_source", lambda: "changed")):
        with monkeypatch.context() as patch:
            patch.setattr(jobs, name, value)
            others.append(units(scratch, [1])[0])
            assert others[-1].key  # as it is now
    assert len({one.key, *(other.key for other in others)}) == 6


def test_a_function_must_stand_in_a_module():
    assert reference_of(square) == (cluster_units.__name__, "square")
    with pytest.raises(ValueError, match="must stand in a module"):
        reference_of(lambda job: None)


def test_options_say_who_works():
    with workers_of(None, None, print, count=3) as workers:
        assert isinstance(workers, Threads) and workers.count == 3
    with workers_of(4, None, print, Processes, 2) as workers:
        assert isinstance(workers, Processes) and workers.count == 4
    with pytest.raises(ValueError, match="--jobs is of this machine and --cluster of others"):
        workers_of(2, "local:2", print)
    for wrong in ("local", "local:0", "local:two", "host:8786", "tcp://host", "tcp://:1", "http://host:1", ""):
        with pytest.raises(ValueError, match="--cluster must be local:N, as local:8, or tcp://HOST:PORT"):
            workers_of(None, wrong, print)
