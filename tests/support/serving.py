"""A running demo, and raw bytes to it."""

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from fewbit.flow.demo.conversation import Limits
from fewbit.flow.demo.demo import serve


@contextmanager
def served(demo, **limits):
    """Give the address of a running server."""
    with serve(demo, limits=Limits(**limits)) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            server.stop()
            thread.join()


@dataclass
class Answer:
    """What came back before the server closed the connection."""

    raw: bytes

    @property
    def status(self):
        return int(self.raw.split(None, 2)[1])

    @property
    def headers(self):
        lines = self.raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    @property
    def body(self):
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def error(self):
        """Return the line of an error; nothing else may be in it."""
        value = json.loads(self.body)
        assert list(value) == ["error"] and value["error"] and "\n" not in value["error"]
        return value["error"]


def connected(address):
    """Return a socket to the server."""
    connection = socket.create_connection(("127.0.0.1", port_of(address)), timeout=20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def port_of(address):
    return int(address.rpartition(":")[2])


def heard(connection):
    """Return all that comes until the server ends."""
    data = b""
    with suppress(ConnectionError):  # after what came
        while part := connection.recv(1 << 16):
            data += part
    return Answer(data)


def talk(address, data):
    """Return the answer to bytes."""
    with connected(address) as connection:
        with suppress(ConnectionError):  # a server need not read everything
            connection.sendall(data)
        return heard(connection)


def request(address, method, path, *, body=b"", **headers):
    """Return the bytes of a request as the page sends it, other headers aside; None leaves one out."""
    given = {"Host": f"127.0.0.1:{port_of(address)}"}
    if method == "POST":
        given |= {"Content-Type": "application/json", "Content-Length": len(body)}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + body


def until(condition, seconds=30):
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"still not so after {seconds} s"
        time.sleep(0.02)
    return found
