"""Work that is done by one thread, one piece after the other, with a bounded number of pieces that wait."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Generic, TypeVar

__all__ = ["Busy", "Turns"]

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class Busy(Exception):
    """There are as many pieces of work that wait as there may be."""


class Turns(Generic[_Given, _Made]):
    """Work that is done on one argument after the other, in a thread that no program waits for at its end.

    Parameters
    ----------
    work : function of one argument
    waiting : int
        Arguments that wait at most.
    """

    def __init__(self, work: Callable[[_Given], _Made], waiting: int):
        self._work, self._ended = work, threading.Event()
        self._queue: queue.Queue[tuple[Future[_Made], _Given] | None] = queue.Queue(waiting)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def submit(self, argument: _Given) -> "Future[_Made]":
        """Return the future of the result; one that is cancelled before its turn is left out.

        Raises
        ------
        Busy
            If as many arguments wait as may.
        """
        future: Future[_Made] = Future()
        try:
            self._queue.put_nowait((future, argument))
        except queue.Full:
            raise Busy from None
        return future

    def close(self, seconds: float = 2.0) -> None:
        """Begin nothing more, and wait up to ``seconds`` for what was begun."""
        self._ended.set()
        with suppress(queue.Full):  # the thread is at work then, and looks at the event after it
            self._queue.put_nowait(None)
        self._thread.join(seconds)

    def _run(self):
        while (piece := self._queue.get()) and not self._ended.is_set():
            future, argument = piece
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(self._work(argument))
                except BaseException as error:
                    future.set_exception(error)
