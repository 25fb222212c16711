"""Clusters of Dask (https://distributed.dask.org) that do units of work (`flow.jobs`).

Dask gives units to workers, and has those of a worker that is gone done by others. What a unit needs goes to the
workers as bytes, and what it gives comes back as JSON; so scheduler and workers need the same fewbit and no common
files.
"""

import json
import logging
import pickle
import re
import secrets
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from importlib import import_module
from typing import Any

from fewbit.extras import needs
from fewbit.places import HOME

from .cache import digest
from .jobs import SharedArgument, Start, WorkUnit, own_source, reference_of, source_of, versions
from .reporting import ReportedJob

__all__ = ["ClusterError", "DaskCluster"]

_SECONDS = 5  # that a cluster may take to answer, and to have a worker
_LOCAL = re.compile(r"local:([1-9]\d{0,3})")
_ADDRESS = re.compile(r"(?:tcp|tls|ws|wss)://([^\s/]+):(\d{1,5})")
_SILENT = logging.CRITICAL + 1
_PROGRESS = "fewbit-progress"
"""The topic of Dask's events by which units tell how far they are."""
_EVENTS = "all"
"""The topic of Dask's own events, of workers that come and go among others."""


class ClusterError(OSError):
    """A cluster is not there, has no workers, or cannot do a unit."""


class DaskCluster:
    """Workers of a cluster, within a ``with``; `flow.jobs.Workers` has what they do.

    Parameters
    ----------
    where : str
        ``local:N``: N processes of this machine, for as long as the ``with``. Else the address of a Dask scheduler, as
        ``tcp://host:8786``.
    say : callable
        Gets a line about what the cluster is, and one for each worker that is lost.

    Raises
    ------
    ValueError
        If ``where`` is neither.
    fewbit.extras.MissingPackage
        If Dask is not installed.
    ClusterError
        On entry, if no scheduler answers within some seconds, or it has no workers.
    """

    keeps = True

    def __init__(self, where: str, say: Callable[[str], object]):
        if not (_LOCAL.fullmatch(where) or _ADDRESS.fullmatch(where)):
            raise ValueError(f"--cluster must be local:N, as local:8, or tcp://HOST:PORT, not {where[:60]!r}")
        needs("cluster")
        self.where, self._say = where, say
        self._held = ExitStack()
        self._client: Any = None
        # Arguments that units have in common, by key. They stay to the end: the next units have them too.
        self._shared: dict[str, Any] = {}
        self._jobs: dict[str, ReportedJob] = {}  # of what is being done, by the key of the task
        self._start: Callable[[str], ReportedJob] | None = None

    def __enter__(self) -> "DaskCluster":
        # Dask tells of lost workers and of what it does about it; `say` does that in a line.
        for name in ("distributed", "distributed.nanny", "distributed.scheduler", "distributed.worker", "tornado"):
            logging.getLogger(name).setLevel(_SILENT)
        with ExitStack() as held:
            held.enter_context(_quiet())
            local = _LOCAL.fullmatch(self.where)
            self._client = held.enter_context(_local(int(local[1])) if local else self._distant())
            self._client.subscribe_topic(_PROGRESS, self._progressed)
            self._client.subscribe_topic(_EVENTS, self._happened)
            # Or the scheduler has events for a client that is gone already.
            held.callback(self._client.unsubscribe_topic, _EVENTS)
            self._held = held.pop_all()
        info = self._client.scheduler_info(n_workers=-1)
        count = len(info["workers"])
        dashboard = f"dashboard {self._client.dashboard_link}" if "dashboard" in info["services"] else "no dashboard"
        self._say(f"cluster {self.where}: {count} worker{'s' * (count != 1)}, {dashboard}")
        return self

    def __exit__(self, *_: object) -> None:
        self._shared.clear()
        self._held.close()

    def _distant(self) -> Any:
        """Return a client of a scheduler that is there, and has workers."""
        from distributed import Client

        try:
            _knock(self.where)  # Dask tries again and again, also where a connection is refused
            client = Client(self.where, timeout=_SECONDS, set_as_default=False)
        except (OSError, ValueError, RuntimeError) as error:
            reason = "no answer" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
            raise ClusterError(
                f"there is no cluster at {self.where} ({_short(reason)}): start one there with `dask scheduler`"
            ) from None
        try:
            client.wait_for_workers(1, timeout=_SECONDS)
        except TimeoutError:
            client.close()
            raise ClusterError(
                f"the cluster at {self.where} has no workers: start some with `dask worker {self.where} --nthreads 1`"
            ) from None
        return client

    # Units

    def each(self, units: Sequence[WorkUnit], start: Start) -> Iterator[tuple[WorkUnit, Any]]:
        """Yield each unit with its result, as `flow.jobs.Workers.each` does; equal ones are done once."""
        from distributed import as_completed

        by_key: dict[str, list[WorkUnit]] = {}
        run = secrets.token_hex(4)  # units that come again are done again: Dask may still know their keys
        for unit in units:
            by_key.setdefault(f"fewbit-{unit.key}-{run}", []).append(unit)
        self._start = lambda key: start(by_key[key][0])
        futures: list[Any] = []
        done = False
        try:
            for key, (unit, *_) in by_key.items():
                futures.append(self._submit(key, unit))
            for future in as_completed(futures, loop=self._client.loop):
                result = self._result(future, by_key[future.key][0])
                self._end(future.key)
                for unit in by_key[future.key]:
                    yield unit, result
                future.release()  # nothing of it stays with the workers
            done = True
        finally:
            self._start = None
            if not done:
                with suppress(Exception):  # a cluster that is gone has nothing to cancel
                    self._client.cancel(futures)
            for key in list(self._jobs):
                self._end(key)

    def _submit(self, key: str, unit: WorkUnit) -> Any:
        """Give a unit to the cluster, and return the future of its result."""
        places: list[Any] = []
        for argument in unit.arguments:
            if not isinstance(argument, SharedArgument):
                places.append(pickle.dumps(argument))
                continue
            if argument.key not in self._shared:
                # A task, and not scattered data: what a lost worker had of it Dask makes again.
                content = pickle.dumps(argument.value)
                self._shared[argument.key] = self._client.submit(
                    _loaded, content, key=f"fewbit-shared-{digest(content)}", pure=False
                )
            places.append(self._shared[argument.key])
        same = source_of(unit.function), versions()
        return self._client.submit(_do, reference_of(unit.function), same, unit.name, *places, key=key, pure=False)

    def _result(self, future: Any, unit: WorkUnit) -> Any:
        """Return what a future gave.

        Raises
        ------
        Exception
            What the unit raised.
        ClusterError
            If each worker that began it was lost, or it was cancelled.
        """
        from distributed import KilledWorker

        if future.status == "cancelled":
            raise ClusterError(f"{unit.name}: the cluster at {self.where} has lost it: is its scheduler still there?")
        error = future.exception()
        if isinstance(error, KilledWorker):
            raise ClusterError(f"{unit.name}: {error.allowed_failures + 1} workers were lost, each while it did this")
        if error is not None:
            raise error
        return json.loads(future.result())

    # Events, in a thread of Dask's

    def _progressed(self, event: tuple[float, dict[str, Any]]) -> None:
        """Show what a unit tells of itself; what others have begun on the same scheduler is not ours."""
        _, told = event
        key, start = told["key"], self._start
        if start is None:
            return
        if key not in self._jobs:
            try:
                self._jobs[key] = start(key)
            except KeyError:
                return
        job = self._jobs[key]
        if told["steps"] is None:
            job.now(told["what"])
        else:
            job.done(told["what"], told["steps"])

    def _happened(self, event: tuple[float, dict[str, Any]]) -> None:
        """Say that a worker was lost in the middle of work."""
        _, what = event
        if self._start is not None and what.get("action") == "remove-worker" and not what.get("expected"):
            self._say(f"worker {what['worker']} was lost: what it had not finished is done again")

    def _end(self, key: str) -> None:
        job = self._jobs.pop(key, None)
        if job is None and self._start is not None:
            with suppress(KeyError):
                job = self._start(key)  # it has told nothing; its steps count all the same
        if job is not None:
            job.end()


def _knock(address: str) -> None:
    """Connect to an address, and end the connection.

    Raises
    ------
    OSError
        If nobody is there, or the host is not known.
    """
    found = _ADDRESS.fullmatch(address)
    assert found is not None  # as the constructor has seen
    try:
        socket.create_connection((found[1].strip("[]"), int(found[2])), timeout=_SECONDS).close()
    except OverflowError:
        raise OSError(f"port {found[2]} is none") from None
    except TimeoutError:
        raise
    except OSError as error:
        raise OSError(error.strerror or str(error)) from None


def _local(count: int) -> Any:
    """Return a client of a cluster of so many processes of this machine, which ends with it."""
    from distributed import Client, LocalCluster

    held = ExitStack()
    cluster = held.enter_context(
        LocalCluster(
            n_workers=count, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0",
            memory_limit=0, silence_logs=_SILENT,
        )
    )  # fmt: skip
    held.enter_context(client := Client(cluster, set_as_default=False))
    return _Owned(client, held)


class _Owned:
    """A client together with what ends with it."""

    def __init__(self, client: Any, held: ExitStack):
        self._client, self._held = client, held

    def __enter__(self) -> Any:
        return self._client

    def __exit__(self, *_: object) -> None:
        self._held.close()


def _quiet() -> Any:
    """Return a context in which Dask does not warn of what is as it should be here: large arguments are few."""
    import dask
    import distributed  # whose own settings must be there, or the end of this context takes all of them away

    assert distributed.__name__ in dask.config.config
    return dask.config.set({"distributed.admin.large-graph-warning-threshold": "64GB"})


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:80] + "…"


# On the workers

_OTHER_SOURCE = (
    "a worker of the cluster has another version of fewbit's source: install the same one for all, and start scheduler "
    "and workers again"
)


def _loaded(content: bytes) -> Any:
    _reachable()
    return pickle.loads(content)


def _do(reference: tuple[str, str], same: tuple[Any, Any], name: str, *places: Any) -> str:
    """Do a unit, and return its result as JSON; of the arguments, what is bytes is pickled.

    Raises
    ------
    ClusterError
        If the client has another source, or other packages, than this worker: results would not be its own.
    """
    (source, beside), packages = same
    own = {package: versions().get(package) for package in packages}
    if own != packages:
        package = next(package for package in packages if own[package] != packages[package])
        raise ClusterError(
            f"a worker of the cluster has {package} {own[package] or 'not installed'}, and here it is "
            f"{packages[package]}: install the same packages for all, as constraints.txt has them"
        )
    if source != own_source():
        raise ClusterError(_OTHER_SOURCE)
    _reachable()
    module, attribute = reference
    function = getattr(import_module(module), attribute)
    if (source, beside) != source_of(function):
        raise ClusterError(_OTHER_SOURCE)
    arguments = [pickle.loads(place) if isinstance(place, bytes) else place for place in places]
    return json.dumps(function(*arguments, _DistantJob(name)))


def _reachable() -> None:
    """Let ``bench`` and ``tests`` be imported, which are no part of the package, where there is a checkout."""
    if (HOME / "bench").is_dir() and str(HOME) not in sys.path:
        sys.path.append(str(HOME))


class _DistantJob:
    """The `flow.reporting.ReportedJob` of a unit that a worker does: what it says are events of Dask.

    Attributes
    ----------
    stopped : bool
        Whether nobody waits for the unit any more.
    """

    def __init__(self, name: str):
        from distributed import get_worker

        self._name, self._worker = name, get_worker()
        self._key = self._worker.get_current_task()
        self._send("begun", None)

    @property
    def stopped(self) -> bool:
        task = self._worker.state.tasks.get(self._key)
        return task is None or task.state == "cancelled"

    def _send(self, what, steps):
        self._worker.log_event(_PROGRESS, {"key": self._key, "what": what, "steps": steps})

    def now(self, what: str) -> None:
        """Say what is being done.

        Raises
        ------
        ClusterError
            If nobody waits for it any more.
        """
        if self.stopped:
            raise ClusterError(f"{self._name}: nobody waits for it any more")
        self._send(what, None)

    def done(self, what: str, steps: int = 0) -> None:
        """Say what has been done, and count ``steps`` of the total."""
        self._send(what, steps)

    def end(self) -> None:
        """Nothing: who asked for the unit ends the line."""
