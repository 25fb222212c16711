"""``fewbit demo``: draw an image in a page or in the terminal and see what the accelerator makes of it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from host import Accelerator
from host.build import Build, HostError

from .drawing import Canvas

__all__ = ["Demo", "run_demo", "serve"]

PAGE = Path(__file__).with_name("demo.html")
LONGEST = 1 << 22  # bytes of a request


class Demo:
    """An accelerator that answers drawings, and test images if there are any.

    Parameters
    ----------
    accelerator : host.Accelerator
    where : str
        What it runs on, for people.
    images : flow.images.Images or None
    """

    def __init__(self, accelerator, where, images=None):
        self.accelerator, self.where, self.images = accelerator, where, images
        self.canvas, self._lock = Canvas(accelerator.build), threading.Lock()

    def info(self):
        """What the page shows before the first drawing."""
        o = self.accelerator.build.manifest["output"]
        count = 1 << o["bits"] if o["meaning"] == "label" else len(o.get("positions", range(o["length"])))
        return {
            "model": self.accelerator.build.name, "backend": self.where, "size": self.canvas.size, "classes": count,
            "samples": 0 if self.images is None else len(self.images),
        }  # fmt: skip

    def answer(self, request):
        """The scores for a request: ``{"drawing": rows of ink}`` or ``{"sample": number}``."""
        if not isinstance(request, dict) or len({"drawing", "sample"} & set(request)) != 1:
            raise ValueError("A request must hold either a drawing or the number of a sample")
        true = None
        if "drawing" in request:
            ink = self.canvas.fitted(request["drawing"])
            image = self.canvas.image(ink)
        else:
            image, true = self._sample(request["sample"])
            ink = self.canvas.ink(image)
        with self._lock:
            result = self.accelerator.infer(image[None])
        detail = f"{1000 * result.seconds:.1f} ms"
        if "cycles" in result.details:
            detail += f", {result.details['cycles']:,} cycles"
        detail += "" if true is None else f"; it is a {true}"
        label = int(result.labels[0])
        scores = result.scores[0].astype(float).tolist()
        if self.accelerator.build.manifest["output"]["meaning"] == "label":
            scores = [float(k == label) for k in range(self.info()["classes"])]
        return {"label": label, "scores": scores, "pixels": ink.round(3).tolist(), "detail": detail}

    def _sample(self, number):
        if self.images is None or not isinstance(number, int) or number not in range(len(self.images)):
            raise ValueError(f"There is no sample {number!r}")
        labels = self.images.labels
        return np.asarray(self.images.values[number]), None if labels is None else int(labels[number])


def serve(demo, port=0):
    """A server of the page and its two calls on this machine alone; ``server_port`` is its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/":
                self._send(200, PAGE.read_bytes(), "text/html; charset=utf-8")
            elif self.path == "/api/info":
                self._json(200, demo.info())
            else:
                self._json(404, {"error": f"there is no {self.path}"})

        def do_POST(self):
            size = self.headers.get("Content-Length", "")
            if self.path != "/api/infer" or not size.isdigit() or int(size) > LONGEST:
                self._json(404 if self.path != "/api/infer" else 400, {"error": "not a request of the page"})
                return
            try:
                self._json(200, demo.answer(json.loads(self.rfile.read(int(size)))))
            except (ValueError, TypeError) as error:
                self._json(400, {"error": str(error)})
            except HostError as error:
                self._json(503, {"error": str(error)})

        def _json(self, status, value):
            self._send(status, json.dumps(value).encode(), "application/json")

        def _send(self, status, content, kind):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def connect(directory, serial, baud):
    """``(accelerator, where it is)``: behind the serial port if one is named, else Verilator's model of the build."""
    if serial:
        return Accelerator.serial(directory, serial, baud=baud), f"the board at {serial}"
    return Accelerator.verilator(directory), "a Verilator simulation of the generated hardware"


def run_demo(directory, report, *, serial=None, baud=1_000_000, port=8000, terminal=False, images=None):
    """Show the page, or the terminal's pad, until the user ends it.

    Parameters
    ----------
    directory : path
        Of a build.
    serial, baud
        Of a board; without a port it is the Verilator model, compiled first.
    port : int
        Of the page.
    images : path or None
        Samples to pick from.
    """
    Canvas(Build(directory))  # refuses what cannot be drawn before anything long begins
    samples = _samples(directory, images) if images else None
    with report.working("connecting" if serial else "building the Verilator model"):
        accelerator, where = connect(directory, serial, baud)
    with accelerator:
        demo = Demo(accelerator, where, samples)
        if terminal:
            from .terminal import run_terminal

            run_terminal(demo)
            return
        with serve(demo, port) as server:
            report.say(f"{where}: open http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)")
            server.serve_forever()


def _samples(directory, path):
    from flow.images import load_images
    from golden.importer import import_model

    return load_images(path, import_model(Path(directory) / "model.onnx"))
