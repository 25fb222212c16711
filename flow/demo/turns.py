"""Work that is done by one thread, one piece after the other, with a bounded number of pieces that wait."""

import queue
import threading
from concurrent.futures import Future
from contextlib import suppress

__all__ = ["Busy", "Turns"]


class Busy(Exception):
    """As many pieces wait as may."""


class Turns:
    """Calls ``work`` with one argument after the other, in a thread that no program waits for at its end.

    Parameters
    ----------
    work : function of one argument
    waiting : int
        Arguments that wait at most.
    """

    def __init__(self, work, waiting):
        self._work, self._queue, self._ended = work, queue.Queue(waiting), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def submit(self, argument):
        """A `Future` of the result; one that is cancelled before its turn is left out."""
        future = Future()
        try:
            self._queue.put_nowait((future, argument))
        except queue.Full:
            raise Busy from None
        return future

    def close(self, seconds=2.0):
        """Begin nothing more, and wait for so long for what was begun."""
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
