"""The demo's server and whoever else may find it: other pages, hasty and slow clients, bytes that are no request."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from base64 import b64encode
from hashlib import sha256

import numpy as np
import pytest

import fewbit.flow.demo.demo
from fewbit.flow.commands.report import Reporter
from fewbit.flow.demo.demo import run_demo
from fewbit.flow.demo.drawing import PAD
from fewbit.flow.demo.web_server import Place
from fewbit.host import HostError
from fewbit.places import HOME
from tests.support.serving import connected, heard, port_of, request, served, talk, until

SAMPLE = b'{"sample": 3}'
DRAWING = np.zeros((PAD, PAD))
DRAWING[10:70, 36:44] = 1


def infer(address, body=SAMPLE, **headers):
    return talk(address, request(address, "POST", "/api/infer", body=body, **headers))


def test_who_may_ask(demo):
    with served(demo) as address:
        port = port_of(address)
        for host in f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", f"LocalHost:{port}":
            assert infer(address, Host=host, Origin=f"http://{host}").status == 200
        for host in (
            "evil.example",
            f"evil.example:{port}",
            "127.0.0.1",
            f"127.0.0.1:{port + 1}",
            "",
            f"localhost:{port}0",
        ):
            for answer in infer(address, Host=host), talk(address, request(address, "GET", "/", Host=host)):
                assert answer.status == 403 and f"http://127.0.0.1:{port}/" in answer.error
        for origin in "http://evil.example", "null", f"https://localhost:{port}", f"http://localhost:{port + 1}", "":
            assert infer(address, Origin=origin).status == 403
        for kind in (
            None,
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/jsonx",
        ):
            assert infer(address, Content_Type=kind).status == 415
        assert infer(address, Content_Type="Application/JSON; charset=utf-8").status == 200
        assert talk(address, b"GET / HTTP/1.1\r\n\r\n").status == 400  # no Host
        assert talk(address, b"GET / HTTP/1.0\r\n\r\n").status == 403


def test_methods_and_paths(demo):
    with served(demo) as address:
        for method in "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "BREW", "get":
            answer = talk(address, request(address, method, "/"))
            assert answer.status == 405 and answer.headers["allow"] == "GET, HEAD" and answer.error
        for method in "GET", "HEAD", "OPTIONS":
            assert talk(address, request(address, method, "/api/infer")).headers["allow"] == "POST"
        for path in "/nothing", "/../etc/passwd", "//", "/api/", "*", "http://127.0.0.1/", "/" + "x" * 9000:
            for method in "GET", "POST":
                answer = talk(address, request(address, method, path))
                assert answer.status == 404 and len(answer.error) < 200
        for path in "/", "/api/info", "/?x=1":
            got, head = (talk(address, request(address, method, path)) for method in ("GET", "HEAD"))
            assert (got.status, head.status, head.body) == (200, 200, b"") and head.headers == got.headers
            assert int(got.headers["content-length"]) == len(got.body) > 0


def test_every_answer_protects_itself(demo):
    with served(demo) as address:
        page = talk(address, request(address, "GET", "/"))
        others = (
            infer(address),
            infer(address, b"{"),
            talk(address, b"\0\r\n\r\n"),
            talk(address, request(address, "GET", "/x")),
        )
        for answer in page, *others:
            headers = answer.headers
            assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
            assert headers["cache-control"] == "no-store" and headers["connection"] == "close"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert not any(name.startswith("access-control") for name in headers)
        for answer in others:
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["content-security-policy"].startswith("default-src 'none'; frame")
        policy, text = page.headers["content-security-policy"], page.body.decode()
        for tag in "script", "style":
            inside = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]
            assert f"{tag}-src 'sha256-{b64encode(sha256(inside.encode()).digest()).decode()}';" in policy
        assert (
            "unsafe" not in policy
            and " style=" not in text
            and "innerHTML" not in text
            and not re.search(r" on\w+=", text)
        )


def test_what_is_no_drawing(demo):
    rows = DRAWING.tolist()

    def with_first(value):
        return [[value, *rows[0][1:]], *rows[1:]]

    with served(demo) as address:
        assert infer(address, json.dumps({"drawing": rows}).encode()).status == 200
        for drawing in (
            [], [[]], [[0] * 20_000], rows[1:], [*rows, rows[0]], [row[1:] for row in rows], [*rows[1:], rows[0][1:]],
            rows[0], [*rows[1:], 0], [*rows[1:], "x" * PAD], "x", 5, None, {}, with_first(-0.01), with_first(1.01),
            with_first("1"), with_first(None), with_first(True), with_first([0]), with_first(float("nan")),
            with_first(float("inf")), with_first(10**400), np.zeros((PAD, PAD)).tolist(),
        ):  # fmt: skip
            answer = infer(address, json.dumps({"drawing": drawing}).encode())
            assert answer.status == 400 and len(answer.error) < 200, drawing
        for body in (
            b"", b"{", b"null", b"[]", b"3", b"\xff\xfe", b'{"sample": "\xc3\x28"}', b"{}", b'{"sample": 1, "x": 1}',
            b'{"sample": 1, "drawing": []}', b'{"sample": 360}', b'{"sample": -1}', b'{"sample": 1.0}',
            b'{"sample": true}', b'{"sample": null}', b'{"sample": NaN}',
            b'{"sample": %s}' % (b"9" * 5000), b'{"sample": %s}' % (b"9" * 400), b"[" * 100_000,
            b'{"a":' * 30_000, b"[[]," * 50_000, b'{"sample": 1}\0', b"\xef\xbb\xbf" + SAMPLE,
        ):  # fmt: skip
            answer = infer(address, body)
            assert answer.status == 400 and len(answer.error) <= 500, body[:40]
        assert infer(address).status == 200


def test_sizes_are_bounded_before_anything_is_kept(demo):
    with served(demo) as address:
        for headers, status in (
            ({"Content_Length": "999999999999"}, 413), ({"Content_Length": 1 << 18 | 1}, 413),
            ({"Content_Length": "9" * 15}, 413), ({"Content_Length": "9" * 5000}, 400), ({"Content_Length": "-5"}, 400),
            ({"Content_Length": "+5"}, 400), ({"Content_Length": "5.0"}, 400), ({"Content_Length": "0x5"}, 400),
            ({"Content_Length": "5, 6"}, 400), ({"Content_Length": ""}, 400), ({"Content_Length": None}, 411),
            ({"Content_Length": None, "Transfer_Encoding": "chunked"}, 411), ({"Transfer_Encoding": "chunked"}, 411),
            ({"Transfer_Encoding": "gzip"}, 501), ({"X": "x" * 20_000}, 431), ({"X": "x" * 500_000}, 431),
            ({f"X{k}": k for k in range(70)}, 431), ({"content-length": 5}, 400), ({"host": "b"}, 400),
            ({"X": "\0"}, 400),
        ):  # fmt: skip
            answer = infer(address, **headers)
            assert answer.status == status and answer.error, headers
        for data in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"GET /\r\n\r\n", b"\xff" * 100 + b"\r\n\r\n",
            b"x" * 500_000, b"GET /" + b"x" * 500_000, b"POST /api/infer HTTP/1.1\r\n" + b"X: y\r\n" * 9000,
            b"\r\n" * 9000, b"\0" * 500_000,
        ):  # fmt: skip
            answer = talk(address, data)
            assert answer.status in (400, 431) and answer.error
        assert talk(address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status == 505
        with connected(address) as connection:  # a body that is cut short
            connection.sendall(request(address, "POST", "/api/infer", Content_Length=100, body=b"{"))
            connection.shutdown(1)
            assert heard(connection).status == 400
        connected(address).close()
        with connected(address) as connection:  # a client that asks first, as curl does
            connection.sendall(
                request(address, "POST", "/api/infer", Content_Length=len(SAMPLE), Expect="100-continue")
            )
            assert connection.recv(100).startswith(b"HTTP/1.1 100")
            connection.sendall(SAMPLE)
            assert heard(connection).status == 200
        assert infer(address).status == 200


def test_memory_stays_bounded(demo):
    """Large bodies from many connections at once, wide drawings, and headers without end."""
    with served(demo) as address:
        infer(address)
        tracemalloc.start()
        try:
            wide = json.dumps({"drawing": [[1] * 6000]}).encode()  # a square of it would take 288 MB
            assert infer(address, wide).status == 400
            many = [connected(address) for _ in range(30)]
            for connection in many:
                connection.sendall(request(address, "POST", "/api/infer", Content_Length=200_000, body=b" " * 100_000))
            for connection in many:
                connection.close()
            talk(address, b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000_000)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 40e6  # the 10 MB of this test among them


def test_what_follows_a_request_is_not_looked_at(demo):
    with served(demo) as address:
        one = request(address, "GET", "/api/info")
        for more in one * 50, b"\0garbage\r\n\r\n" * 1000, b"x" * 1_000_000:
            answer = talk(address, one + more)
            assert (
                answer.status == 200
                and answer.raw.count(b"HTTP/1.1 ") == 1
                and json.loads(answer.body)["classes"] == 10
            )


def test_a_client_that_sends_a_byte_now_and_then_is_dropped(demo):
    """The time counts from its beginning: the head, the body, and a client that says nothing."""
    with served(demo, reading=0.5) as address:
        whole = request(address, "POST", "/api/infer", Content_Length=10_000)
        for begin, drip in (b"", b""), (whole[:5], b"a"), (whole, b" "):
            with connected(address) as connection:
                connection.sendall(begin)
                connection.settimeout(0.05)
                for _ in range(400):
                    try:
                        connection.sendall(drip)
                        answer = connection.recv(1 << 16)
                        break
                    except TimeoutError:
                        continue
                else:
                    pytest.fail("it was not dropped")
                connection.settimeout(20)
                answer += heard(connection).raw  # head and body may come one after the other
                assert answer.startswith(b"HTTP/1.1 408 ") and b"no whole request within 0.5 s" in answer


@pytest.mark.long
def test_a_good_client_is_served_in_spite_of_400_slow_ones(demo):
    with served(demo, reading=1.5, writing=1.0) as address:
        slow = [connected(address) for _ in range(400)]
        for connection in slow:
            connection.sendall(b"POST /api/infer HTTP/1.1\r\n")
        until(lambda: infer(address).status == 200)
        told = [heard(connection) for connection in slow]
        for connection in slow:
            connection.close()
        assert {answer.status for answer in told} == {408, 503}
        refused = [answer for answer in told if answer.status == 503]
        assert all(answer.error == "too many connections: try again" for answer in refused)
        assert all(answer.headers["retry-after"] == "1" for answer in refused) and len(told) - len(refused) >= 64
        assert infer(address).status == 200


def test_a_client_that_does_not_go_is_dropped(demo):
    with served(demo, connections=1, writing=0.3) as address:
        with connected(address) as connection:
            connection.sendall(request(address, "GET", "/"))
            assert b"200" in connection.recv(100)
            until(lambda: infer(address).status == 200)


class Blocked:
    """Makes an accelerator wait until it is told to go on."""

    def __init__(self, demo):
        self.go, self.begun, self._exchange = threading.Event(), threading.Event(), demo.accelerator.connection.exchange
        self.together = self.most = 0
        demo.accelerator.connection.exchange = self.exchange

    def exchange(self, frames):
        self.together += 1
        self.most = max(self.most, self.together)
        self.begun.set()
        assert self.go.wait(30)
        self.together -= 1
        return self._exchange(frames)


def test_the_accelerator_has_one_request_at_a_time_and_few_that_wait(demo, monkeypatch):
    monkeypatch.setattr(fewbit.flow.demo.demo, "WAITING", 3)
    blocked, answers = Blocked(demo), []
    with served(demo) as address:
        threads = [threading.Thread(target=lambda: answers.append(infer(address))) for _ in range(10)]
        threads[0].start()
        assert blocked.begun.wait(20)
        for thread in threads[1:]:
            thread.start()
        until(lambda: len(answers) == 6)
        assert all(answer.status == 503 and "busy" in answer.error for answer in answers)
        assert talk(address, request(address, "GET", "/")).status == 200  # the page is there meanwhile
        blocked.go.set()
        for thread in threads:
            thread.join()
        assert sorted(answer.status for answer in answers) == [200] * 4 + [503] * 6 and blocked.most == 1


def test_an_accelerator_that_gives_no_answer(demo, monkeypatch):
    monkeypatch.setattr(fewbit.flow.demo.demo, "ANSWERING", 0.3)
    blocked = Blocked(demo)
    with served(demo) as address:
        for _ in range(2):
            answer = infer(address)
            assert answer.status == 504 and answer.error == "the accelerator gave no answer within 0.3 s"
        blocked.go.set()
        until(lambda: infer(address).status == 200)


@pytest.mark.parametrize(
    "error",
    [HostError("the board is gone"), OSError("the board\nis gone"), KeyError("is gone"), MemoryError("is gone")],
)
def test_an_accelerator_that_fails(demo, error):
    def fail(frames):
        raise error

    exchange, demo.accelerator.connection.exchange = demo.accelerator.connection.exchange, fail
    with served(demo) as address:
        answer = infer(address)
        assert answer.status == 503 and "is gone" in answer.error and "Traceback" not in answer.error
        demo.accelerator.connection.exchange = exchange
        assert infer(address).status == 200


def test_scores_that_json_has_not(demo):
    infer_all = demo.accelerator.infer

    def changed(images):
        result = infer_all(images)
        result.scores[0, :2] = np.nan, np.inf
        return result

    demo.accelerator.infer = changed
    with served(demo) as address:
        scores = json.loads(infer(address).body)["scores"]
        assert scores[:2] == [None, None] and None not in scores[2:]


def test_a_server_that_fails_goes_on(demo):
    def fail():
        raise ZeroDivisionError("a fault\nof its own")

    demo.info = fail
    with served(demo) as address:
        answer = talk(address, request(address, "GET", "/api/info"))
        assert answer.status == 500 and answer.error == "the request failed: ZeroDivisionError: a fault of its own"
        assert infer(address).status == 200


def test_a_port_that_cannot_be_had(project, monkeypatch):
    """It is told before the accelerator is made."""
    monkeypatch.setattr(fewbit.flow.demo.demo, "connect", lambda *_: pytest.fail("this would take minutes"))
    with Place(0) as place:
        place.listen()
        with pytest.raises(
            ValueError, match=f"port {place.port} is in use by another program: choose another with --port"
        ):
            run_demo(project.directory, Reporter(as_json=True), port=place.port)
    for port in -1, 65536:
        with pytest.raises(ValueError, match=f"port {port} cannot be had .*: choose another with --port"):
            run_demo(project.directory, Reporter(as_json=True), port=port)


@pytest.mark.long
def test_ctrl_c_with_connections_open_and_an_accelerator_that_hangs(project):
    """The command itself, but for the accelerator; it ends in a line and leaves nothing behind."""
    code = (
        "import sys, threading, fewbit.flow.demo.demo, fewbit.flow.commands.cli\n"
        "from fewbit.flow.project.project import Project\n"
        "from fewbit.host import Accelerator; from tests.support.golden_connection import GoldenConnection\n"
        "c = GoldenConnection(Project('examples/digits/w1a1.onnx', directory='build/none'))\n"
        "c.exchange = lambda frames: threading.Event().wait()\n"
        "c.close = lambda: (print('closing', file=sys.stderr), threading.Event().wait())\n"
        "fewbit.flow.demo.demo.connect = lambda directory, *_: (Accelerator(directory, c), 'nothing')\n"
        f"sys.argv = ['fewbit', 'demo', {str(project.directory)!r}, '--port', '0']\n"
        "fewbit.flow.commands.cli.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HOME,
        env=os.environ | {"PYTHONPATH": str(HOME)}, start_new_session=True,
    )  # fmt: skip
    open_ones = []
    try:
        address = re.search(r"http://[\d.:]+", process.stderr.readline())[0]
        open_ones = [connected(address) for _ in range(20)]
        open_ones[0].sendall(
            request(address, "POST", "/api/infer", body=json.dumps({"drawing": DRAWING.tolist()}).encode())
        )
        open_ones[1].sendall(b"GET /")
        assert talk(address, request(address, "GET", "/")).status == 200
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
        for connection in open_ones:
            connection.close()
    assert process.returncode == 130 and said == ("", "closing\nfewbit: interrupted\n")
