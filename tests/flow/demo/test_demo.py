"""The demo: drawings to images, its calls over HTTP, the terminal's pad, and the page in a browser."""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
import tracemalloc
import urllib.error
import urllib.request
from contextlib import contextmanager

import numpy as np
import pytest

from fewbit.flow.commands.report import Reporter
from fewbit.flow.demo.answer import Answer
from fewbit.flow.demo.demo import run_demo
from fewbit.flow.demo.drawing import Canvas
from fewbit.flow.demo.terminal import Pad
from fewbit.flow.project.project import Project
from fewbit.host import Build
from fewbit.places import HOME
from tests.host.test_accelerator import written
from tests.support.serving import served
from tests.support.small_network import SPEC, small


def stroke(*points, size=80, width=7):
    """A drawing of straight strokes, as the page sends it; points in 0 to 1."""
    y, x = np.mgrid[:size, :size] / size
    ink = np.zeros((size, size))
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        dx, dy = x1 - x0, y1 - y0
        t = np.clip(((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
        near = np.hypot(x - x0 - t * dx, y - y0 - t * dy) * size <= width
        ink[near] = 1
    return ink


def circle():
    turns = np.linspace(0, 2 * np.pi, 24)
    return stroke(*zip(0.5 + 0.24 * np.cos(turns), 0.5 + 0.34 * np.sin(turns), strict=True))


DIGITS = {0: circle(), 1: stroke((0.5, 0.1), (0.5, 0.9)), 7: stroke((0.25, 0.15), (0.75, 0.15), (0.4, 0.9))}


def test_drawings_are_centred_and_scaled(project):
    canvas = Canvas(Build(project.directory))
    ink = canvas.fitted(DIGITS[1])
    assert canvas.size == (8, 8) and ink.shape == (8, 8)
    assert ink[:, 3:5].min() > 0.4 and ink[:, :2].max() == ink[:, 6:].max() == 0
    corner = np.zeros((80, 80))
    corner[5:25, 50:60] = 1
    whole = np.zeros((20, 20))
    whole[:, 5:15] = 1
    assert np.allclose(canvas.fitted(corner), canvas.fitted(whole))  # where and how large it was drawn is no matter
    assert canvas.fitted(corner).sum() == pytest.approx(32)
    assert canvas.image(np.full((8, 8), 0.5)).reshape(-1).tolist() == [8] * 64  # uint5/16: 16 stands for 1.0
    wide = np.ones((1, 20_000))  # a square of it would take 3.2 GB
    tracemalloc.start()
    assert canvas.fitted(wide).sum() == pytest.approx(8 * 8 / 20_000)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    for drawing, reason in (
        ([[0.0]], "empty"), ([[2.0]], "from 0 to 1"), ([1.0], "rows of numbers"), ([[float("nan")]], "from 0 to 1"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=reason):
            canvas.fitted(drawing)


def test_images_of_channels_and_other_declarations(scratch):
    def build(**given):
        manifest = json.loads((scratch / "manifest.json").read_text())
        manifest["inputs"][0] |= given
        (scratch / "manifest.json").write_text(json.dumps(manifest))
        return Canvas(Build(scratch))

    written(Project(small(scratch / "m.onnx"), input_spec=SPEC, directory=scratch), scratch)
    ramp = np.linspace(0, 1, 24).reshape(4, 6)
    given = {"shape": [3, 4, 6], "size": [4, 6], "channels": "first", "format": "uint8", "declaration": "uint8/256"}
    image = build(**given).image(ramp)
    assert image.shape == (3, 4, 6) and (image == image[0]).all() and (image.min(), image.max()) == (0, 255)
    image = build(declaration="uint8/127.5-1", channels="last", shape=[4, 6, 3]).image(ramp)
    assert image.shape == (4, 6, 3) and (image.min(), image.max()) == (0, 255)
    assert set(np.unique(build(declaration="bipolar", format="bipolar").image(ramp))) == {-1, 1}
    assert build(declaration="float32", format="float32").image(ramp).dtype == np.float32
    assert np.ptp(build(declaration="codes", format="int4").image(ramp)) == 15
    with pytest.raises(ValueError, match="only an image can be drawn"):
        build(shape=[6], size=[])


def call(address, request=None):
    data = request if request is None or isinstance(request, bytes) else json.dumps(request).encode()
    headers = {} if request is None else {"Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_calls_over_http(demo, project):
    with served(demo) as address:
        status, page = call(f"{address}/")
        assert status == 200 and '<canvas id="pad"' in page and "http" not in re.sub(r"<!--.*?-->", "", page)
        info = json.loads(call(f"{address}/api/info")[1])
        assert info == {"model": "w1a1.onnx", "backend": "golden", "size": [8, 8], "pad": 80} | {
            "classes": 10, "samples": 360
        }  # fmt: skip
        for digit, drawing in DIGITS.items():
            status, text = call(f"{address}/api/infer", {"drawing": drawing.tolist()})
            result = json.loads(text)
            assert (status, result["label"], len(result["scores"])) == (200, digit, 10)
            assert np.shape(result["pixels"]) == (8, 8)
        want = project.execute(demo.images.values[:5])
        for k in range(5):
            result = json.loads(call(f"{address}/api/infer", {"sample": k})[1])
            assert result["scores"] == next(iter(want.outputs.values()))[k].tolist()
            assert result["detail"].endswith(f"it is a {demo.images.labels[k]}")
        for request in ({}, [], {"sample": 360}, {"sample": -1}, {"drawing": "x"}, {"drawing": [[0]]}, b"{"):
            status, text = call(f"{address}/api/infer", request)
            assert status == 400 and json.loads(text)["error"]
        assert call(f"{address}/nothing")[0] == call(f"{address}/nothing", {})[0] == 404


def test_a_backend_that_fails_is_told(demo):
    from fewbit.host import HostError

    def broken(frames):
        raise HostError("the board is gone")

    demo.accelerator.connection.exchange = broken
    with served(demo) as address:
        assert call(f"{address}/api/infer", {"sample": 1}) == (503, '{"error": "the board is gone"}')


def test_the_terminal_shows_scores_that_are_not_finite(demo):
    pad = Pad(demo)
    pad.answer = Answer(label=0, scores=[2.5, None, 1.0], pixels=[[0.0]], detail="1 ms")
    text = "\n".join(pad.lines())
    assert f"> 0 {'█' * 24} 2.5" in text and re.search(r"  1 +not finite", text)


def test_the_terminals_pad(demo):
    pad = Pad(demo)
    for key in ["up", "right", "right", "right", *[" ", "down"] * 8]:
        assert pad.key(key)
    assert pad.cells[:, 3].all() and pad.cells.sum() == 8 and pad.at == (7, 3)
    text = "\n".join(pad.lines())
    assert pad.answer.label == 1 and f"> {pad.answer.label} █" in text and text.count("██") >= 8
    pad.key("x")
    assert pad.cells.sum() == 7
    pad.key("c")
    assert pad.cells.sum() == 0 and "draw something" in "\n".join(pad.lines()) and not pad.key("q")


@contextmanager
def terminal(project):
    """``(our end, process)`` of the pad in a real terminal, which has no way to say that its window was closed."""
    code = (
        "from fewbit.flow.demo.demo import *; from fewbit.flow.demo.terminal import run_terminal\n"
        "from fewbit.flow.project.project import Project\n"
        "from fewbit.host import Accelerator; from tests.support.golden_connection import GoldenConnection\n"
        "p = Project('examples/digits/w1a1.onnx', directory='build/none')\n"
        f"run_terminal(Demo(Accelerator({str(project.directory)!r}, GoldenConnection(p)), 'golden'))"
    )
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "PYTHONPATH": str(HOME), "LINES": "30", "COLUMNS": "100"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=environment, cwd=HOME,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        with open(ours, "r+b", buffering=0) as end:
            yield end, process
    finally:
        process.kill()
        process.communicate()


def shows(end, awaited):
    """Wait until the terminal shows something."""
    seen, limit = b"", time.monotonic() + 90
    while awaited not in seen and time.monotonic() < limit:
        if select.select([end], [], [], 0.2)[0]:
            seen += os.read(end.fileno(), 65536)
    assert awaited in seen


def test_the_terminal(project):
    """A real terminal: draw, see the class, leave."""
    with terminal(project) as (end, process):
        shows(end, b"draw something")
        end.write(b"\x1bOC" * 3 + b" \x1bOB" * 8)
        shows(end, "> 1 █".encode())
        end.write(b"q")
        assert process.wait(timeout=30) == 0


def test_a_terminal_that_is_gone(project):
    with terminal(project) as (end, process):
        shows(end, b"draw something")
        end.close()
        _, said = process.communicate(timeout=30)
        assert (process.returncode, said) == (0, b"")


def test_a_model_that_cannot_be_drawn_is_refused(scratch):
    written(Project(small(scratch / "m.onnx"), input_spec=SPEC, directory=scratch), scratch)
    with pytest.raises(ValueError, match="only an image can be drawn"):
        run_demo(scratch, Reporter(as_json=True))


@pytest.mark.slow
def test_the_page_in_a_browser(demo, scratch):
    """Headless Chromium draws a one with the page's own pointer events and shows what the server says."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert browser, "this test needs Chromium: install the Debian package chromium"
    # A copy of the page that draws by itself once it is ready.
    script = """<script>
    const wait = setInterval(() => {
      if (document.body.dataset.ready !== "yes") return;
      clearInterval(wait);
      const pad = document.getElementById("pad"), box = pad.getBoundingClientRect();
      pad.setPointerCapture = () => {};
      const go = (name, x, y) => pad.dispatchEvent(new PointerEvent(name, {
        pointerId: 1, clientX: box.left + x * box.width, clientY: box.top + y * box.height, bubbles: true }));
      go("pointerdown", 0.5, 0.1);
      for (let k = 1; k <= 20; ++k) go("pointermove", 0.5, 0.1 + 0.04 * k);
      go("pointerup", 0.5, 0.9);
    }, 20);
    </script></html>"""
    import fewbit.flow.demo.demo

    page = scratch / "page.html"
    page.write_text(fewbit.flow.demo.demo.PAGE.read_text().replace("</html>", script))
    original, fewbit.flow.demo.demo.PAGE = fewbit.flow.demo.demo.PAGE, page
    try:
        with served(demo) as address:
            found = subprocess.run(
                [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 f"--user-data-dir={scratch / 'profile'}", "--virtual-time-budget=8000", "--dump-dom", f"{address}/"],
                capture_output=True, text=True, timeout=120, check=True,
            )  # fmt: skip
    finally:
        fewbit.flow.demo.demo.PAGE = original
    dom = found.stdout
    assert re.search(r'<div id="label">1</div>', dom) and '<li class="first"><span>1</span>' in dom
    assert len(re.findall(r'class="bar" style="width: ?[0-9]', dom)) == 10 and re.search(r'<p id="error"></p>', dom)
