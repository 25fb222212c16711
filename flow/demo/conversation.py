"""One HTTP request and its answer over a connection, of bounded size and time; h11 reads and writes HTTP/1.1."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import h11

__all__ = ["Conversation", "Handler", "Limits", "Refusal", "Reply"]

CHUNK = 1 << 14  # bytes of a read
SECURITY = [
    ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"), ("Cache-Control", "no-store"),
]  # fmt: skip
NOTHING = "default-src 'none'; frame-ancestors 'none'"


@dataclass(frozen=True)
class Limits:
    """What a connection may take.

    Attributes
    ----------
    header, headers : int
        Bytes of the request line and the headers together; number of headers.
    body : int
        Bytes.
    reading, writing : float
        Seconds from the beginning of a connection to the end of its request; seconds to take the answer.
    connections : int
        Connections at a time; more are answered 503.
    refused : int
        Connections at a time that are answered so; more are closed without an answer.
    """

    header: int = 16384
    headers: int = 64
    body: int = 1 << 18
    reading: float = 10.0
    writing: float = 10.0
    connections: int = 64
    refused: int = 400


@dataclass(frozen=True)
class Reply:
    """An answer: bytes of a media type, its status and headers, and what its page may load."""

    content: bytes
    kind: str = "application/json"
    status: int = 200
    policy: str = NOTHING
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> "Reply":
        """Return ``value`` as an answer in JSON."""
        return cls(json.dumps(value, allow_nan=False).encode(), status=status, headers=tuple(headers))


Handler = Callable[[bytes], Awaitable[Reply]]
"""What answers a request: a coroutine function of its body, which may raise a `Refusal`."""


class Refusal(Exception):
    """A request is not answered; the message says why, and the answer has this status and these headers."""

    def __init__(self, status: int, reason: str, *headers: tuple[str, str]):
        super().__init__(reason)
        self.status, self.headers = status, headers

    def reply(self) -> Reply:
        """Return the answer that says so."""
        return Reply.json({"error": " ".join(str(self).split())[:500]}, self.status, self.headers)


class Conversation:
    """One request and its answer over a connection.

    Parameters
    ----------
    reader : asyncio.StreamReader
    writer : asyncio.StreamWriter
    limits : Limits
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: Limits):
        self._reader, self._writer, self._limits = reader, writer, limits
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.header)
        self._head = False

    async def answer(self, allowed: Callable[[h11.Request], Handler]) -> None:
        """Answer the request, whatever it is.

        ``allowed`` gives the handler of a request by its headers, or raises a `Refusal`.

        Raises
        ------
        ConnectionError
            If the connection was closed without a request.
        """
        try:
            try:
                async with asyncio.timeout(self._limits.reading):
                    handler, body = await self._request(allowed)
            except TimeoutError:
                raise Refusal(408, f"no whole request within {self._limits.reading:g} s") from None
            reply = await handler(body)
        except Refusal as refusal:
            reply = refusal.reply()
        except h11.RemoteProtocolError as error:
            reply = Refusal(error.error_status_hint, f"not a request: {error}").reply()
        except ConnectionError:
            raise
        except Exception as error:
            reply = Refusal(500, f"the request failed: {type(error).__name__}: {error}").reply()
        await self.write(reply, self._limits.writing)

    async def write(self, reply: Reply, seconds: float) -> None:
        """Send an answer, and wait until the client has taken it.

        Raises
        ------
        TimeoutError
            If that takes longer than ``seconds``.
        """
        headers = [
            ("Content-Type", reply.kind), ("Content-Length", str(len(reply.content))), ("Connection", "close"),
            ("Content-Security-Policy", reply.policy), *SECURITY, *reply.headers,
        ]  # fmt: skip
        reason = HTTPStatus(reply.status).phrase
        self._writer.write(self._http.send(h11.Response(status_code=reply.status, headers=headers, reason=reason)))
        if not self._head:
            self._writer.write(self._http.send(h11.Data(reply.content)))
        async with asyncio.timeout(seconds):
            await self._writer.drain()
            self._writer.write_eof()
            # To close while there are bytes unread would take the answer away from the client.
            while await self._reader.read(CHUNK):
                pass

    async def _request(self, allowed: Callable[[h11.Request], Handler]) -> tuple[Handler, bytes]:
        """Return the handler of the request and its body, which is read no further than it is allowed."""
        request = await self._event()
        if not isinstance(request, h11.Request):
            raise ConnectionError("it was closed without a request")
        self._head = request.method == b"HEAD"
        handler = allowed(request)
        if request.method != b"POST":
            return handler, b""
        if self._http.they_are_waiting_for_100_continue:
            self._writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
        body = bytearray()
        while isinstance(part := await self._event(), h11.Data):
            body += part.data
        return handler, bytes(body)

    async def _event(self) -> Any:
        """Return the next event of the request."""
        while (found := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(CHUNK))
        return found
