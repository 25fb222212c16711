"""A web server for one page on this machine. Every size, number and time is bounded before anything is kept for it.

What a request may cost, and who may send one, is decided here and in `flow.demo.conversation`. A connection has one
request. Every answer that is none of the page's is JSON, ``{"error": "one line"}``.
"""

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import h11

from .conversation import CHUNK, Conversation, Handler, Limits, Refusal

__all__ = ["Place", "WebServer"]

HOSTS = "127.0.0.1", "localhost", "[::1]"
BACKLOG = 128  # connections that the operating system holds


class Place:
    """A port of this machine alone, taken before anybody may connect. Use it as a context manager.

    Parameters
    ----------
    port : int
        The TCP port; 0 takes a free one.

    Attributes
    ----------
    port : int
        The port that was taken.
    socket : socket.socket

    Raises
    ------
    ValueError
        If the port cannot be had.
    """

    def __init__(self, port: int):
        self.port, self.socket = port, socket.socket()
        if os.name == "posix":  # elsewhere it would share the port with a program that has it
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._trying(self.socket.bind, (HOSTS[0], port))
        self.port = self.socket.getsockname()[1]

    def listen(self) -> None:
        """Let others connect.

        Raises
        ------
        ValueError
            If the port cannot be had.
        """
        self._trying(self.socket.listen, BACKLOG)

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _trying(self, action: Callable[[Any], None], argument: Any) -> None:
        try:
            action(argument)
        except (OSError, OverflowError) as error:
            self.socket.close()
            used = getattr(error, "errno", None) == errno.EADDRINUSE
            reason = "is in use by another program" if used else f"cannot be had ({error})"
            raise ValueError(f"port {self.port} {reason}: choose another with --port, or 0 for a free one") from None


class WebServer:
    """A server of ``routes`` on this machine alone. Who connects before it runs waits for it.

    Parameters
    ----------
    routes : mapping of str to (str, Handler)
        By path, the method and the handler: the method is GET, which implies HEAD, or POST, which takes JSON.
    place : Place
    limits : Limits or None

    Attributes
    ----------
    port : int
    """

    def __init__(self, routes: Mapping[str, tuple[str, Handler]], place: Place, limits: Limits | None = None):
        place.listen()
        self._routes, self._limits, self._place, self.port = routes, limits or Limits(), place, place.port
        names = [f"{host}:{self.port}" for host in HOSTS] + list(HOSTS if self.port == 80 else ())
        self._hosts, self._origins = set(names), {f"http://{name}" for name in names}
        self._tasks: set[asyncio.Task[None]] = set()
        self._serving, self._refusing = 0, 0
        # Both are there once it runs, which is when `_begun` is set.
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event
        self._begun = threading.Event()

    def run(self) -> None:
        """Serve until `stop` is called or the user interrupts; connections that are open then are dropped."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._begun.wait()
        self._loop.call_soon_threadsafe(self._end.set)

    async def _run(self):
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        # What goes wrong with a connection is told to its client, as far as it listens.
        self._loop.set_exception_handler(lambda *_: None)
        server = await asyncio.start_server(self._connected, sock=self._place.socket, limit=CHUNK, backlog=BACKLOG)
        self._begun.set()
        try:
            await self._end.wait()
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader, writer):
        task = self._loop.create_task(self._converse(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection from its beginning to its end."""
        conversation = Conversation(reader, writer, self._limits)
        try:
            # A client that is gone, or does not take its answer, is owed nothing.
            with suppress(OSError, TimeoutError):
                if self._serving < self._limits.connections:
                    self._serving += 1
                    try:
                        await conversation.answer(self._allowed)
                    finally:
                        self._serving -= 1
                elif self._refusing < self._limits.refused:
                    self._refusing += 1
                    try:
                        refusal = Refusal(503, "too many connections: try again", ("Retry-After", "1"))
                        await conversation.write(refusal.reply(), min(1.0, self._limits.writing))
                    finally:
                        self._refusing -= 1
        finally:
            writer.transport.abort()

    def _allowed(self, request: h11.Request) -> Handler:
        """Return the handler of a request that may be answered, by its headers alone.

        Raises
        ------
        Refusal
            If it may not.
        """
        headers: dict[str, list[str]] = {}
        for name, value in request.headers:
            headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1").strip().lower())
        size = len(request.target) + sum(len(name) + len(value) for name, value in request.headers)
        if len(request.headers) > self._limits.headers or size > self._limits.header:
            raise Refusal(431, f"more than {self._limits.headers} headers or {self._limits.header:,} bytes of them")
        if request.http_version not in (b"1.0", b"1.1"):
            raise Refusal(505, "only HTTP/1.1 is spoken here")
        if not set(headers.get("host", [""])) <= self._hosts:
            raise Refusal(403, f"only requests to http://{HOSTS[0]}:{self.port}/ are answered, by this very port")
        if not set(headers.get("origin", [])) <= self._origins:
            raise Refusal(403, "only requests of this server's own page are answered")
        path, method = request.target.decode("latin-1").partition("?")[0], request.method.decode("latin-1")
        if path not in self._routes:
            raise Refusal(404, f"there is no {path[:100]}")
        allowed, handler = self._routes[path]
        methods = ("GET", "HEAD") if allowed == "GET" else (allowed,)
        if method not in methods:
            raise Refusal(405, f"{path} takes {allowed} only", ("Allow", ", ".join(methods)))
        if "transfer-encoding" in headers or allowed == "POST" and "content-length" not in headers:
            raise Refusal(411, "a request must tell its Content-Length")
        if int(headers.get("content-length", ["0"])[0]) > self._limits.body:
            raise Refusal(413, f"a request may have {self._limits.body:,} bytes")
        kind = headers.get("content-type", [""])[0].partition(";")[0].strip()
        if allowed == "POST" and kind != "application/json":
            raise Refusal(415, "a request must have the Content-Type application/json")
        return handler
