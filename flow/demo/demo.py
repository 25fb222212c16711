"""``fewbit demo``: draw an image in a page or in the terminal and see what the accelerator makes of it."""

import asyncio
import re
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from fewbit.flow.defaults import BAUD
from fewbit.flow.images import Images
from fewbit.flow.reporting import Report
from fewbit.host.accelerator import Accelerator, Results
from fewbit.host.build import Build, HostError

from .answer import Answer
from .conversation import Handler, Limits, Refusal, Reply
from .drawing import PAD, Canvas
from .request import parse_request
from .turns import Busy, Turns
from .web_server import Place, WebServer

__all__ = ["Demo", "run_demo", "serve"]

PAGE = Path(__file__).with_name("demo.html")
WAITING = 8  # requests that wait for the accelerator at most
ANSWERING = 90.0  # seconds that a request waits for its answer
CLOSING = 3.0  # seconds that the end waits for an accelerator


class Demo:
    """An accelerator that answers drawings, and test images if there are any.

    Parameters
    ----------
    accelerator : host.accelerator.Accelerator
    where : str
        What it runs on, for people.
    images : flow.images.Images or None

    Attributes
    ----------
    canvas : flow.demo.drawing.Canvas

    Raises
    ------
    ValueError
        If the model takes no images.
    """

    def __init__(self, accelerator: Accelerator, where: str, images: Images | None = None):
        self.accelerator, self.where, self.images = accelerator, where, images
        self.canvas = Canvas(accelerator.build)

    def info(self) -> dict[str, Any]:
        """Return what the page shows before the first drawing."""
        o = self.accelerator.build.manifest["output"]
        count = 1 << o["bits"] if o["meaning"] == "label" else len(o.get("positions", range(o["length"])))
        return {
            "model": self.accelerator.build.name, "backend": self.where, "size": self.canvas.size, "pad": PAD,
            "classes": count, "samples": 0 if self.images is None else len(self.images),
        }  # fmt: skip

    def answer(self, request: Mapping[str, Any]) -> Answer:
        """Return the `Answer` to a request.

        Parameters
        ----------
        request : mapping
            ``{"drawing": ink (rows, columns)}`` or ``{"sample": number}``.

        Raises
        ------
        ValueError
            If the request is no such thing.
        HostError
            If the accelerator fails.
        """
        true = None
        if "drawing" in request:
            ink = self.canvas.fitted(request["drawing"])
            image = self.canvas.image(ink)
        else:
            image, true = self._sample(request["sample"])
            ink = self.canvas.ink(image)
        result = self._infer(image)
        detail = f"{1000 * result.seconds:.1f} ms"
        if "cycles" in result.details:
            detail += f", {result.details['cycles']:,} cycles"
        detail += "" if true is None else f"; it is a {true}"
        label = int(result.labels[0])
        scores = [float(score) if np.isfinite(score) else None for score in result.scores[0]]
        if self.accelerator.build.manifest["output"]["meaning"] == "label":
            scores = [float(k == label) for k in range(self.info()["classes"])]
        return Answer(label=label, scores=scores, pixels=ink.round(3).tolist(), detail=detail)

    def _infer(self, image: np.ndarray) -> Results:
        try:
            return self.accelerator.infer(image[None])
        except HostError:
            raise
        except Exception as error:
            raise HostError(f"the accelerator failed: {type(error).__name__}: {error}") from error

    def _sample(self, number: Any) -> tuple[np.ndarray, int | None]:
        """Return a test image, and its class if that is known."""
        if self.images is None or not isinstance(number, int) or number not in range(len(self.images)):
            raise ValueError(f"There is no sample {number!r}")
        labels = self.images.labels
        return np.asarray(self.images.values[number]), None if labels is None else int(labels[number])


@contextmanager
def serve(demo: Demo, place: Place | None = None, limits: Limits | None = None) -> Iterator[WebServer]:
    """Yield the `WebServer` of the page and its two calls, at a `Place`, or at any."""
    turns = Turns(partial(_answer, demo), WAITING)
    try:
        with place or Place(0) as taken:
            yield WebServer(_Service(demo, turns).routes(), taken, limits)
    finally:
        turns.close()


def _answer(demo: Demo, body: bytes) -> Reply:
    """Return the reply to a call for an answer, in the thread that has the accelerator."""
    try:
        return Reply.json(demo.answer(parse_request(body)).to_dict())
    except ValueError as error:
        raise Refusal(400, str(error)) from None
    except HostError as error:
        raise Refusal(503, str(error)) from None


class _Service:
    """Handlers of what is served: the page, what it must know, and answers, for which requests wait in ``turns``."""

    def __init__(self, demo: Demo, turns: Turns[bytes, Reply]):
        self._demo, self._turns, content = demo, turns, PAGE.read_text(encoding="utf-8")
        self._page = Reply(content.encode(), "text/html; charset=utf-8", policy=_policy(content))

    def routes(self) -> dict[str, tuple[str, Handler]]:
        """Return the method and the handler of every path that is served."""
        return {"/": ("GET", self._show), "/api/info": ("GET", self._info), "/api/infer": ("POST", self._infer)}

    async def _show(self, _: bytes) -> Reply:
        return self._page

    async def _info(self, _: bytes) -> Reply:
        return Reply.json(self._demo.info())

    async def _infer(self, body: bytes) -> Reply:
        try:
            answer = asyncio.wrap_future(self._turns.submit(body))
        except Busy:
            raise Refusal(503, "the accelerator is busy: try again", ("Retry-After", "1")) from None
        try:
            return await asyncio.wait_for(answer, ANSWERING)
        except TimeoutError:
            raise Refusal(504, f"the accelerator gave no answer within {ANSWERING:g} s") from None


def _policy(page: str) -> str:
    """Return the content security policy of a page.

    It allows the page's own script and style, told by their hashes, and its own calls.
    """

    def own(tag):
        found = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        return " ".join(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in found)

    return (
        f"default-src 'none'; script-src {own('script')}; style-src {own('style')}; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def connect(directory: Path | str, serial: str | None, baud: int) -> tuple[Accelerator, str]:
    """Return the accelerator of a build, and where it is, in words.

    It is behind the serial port if one is named, else Verilator's model of the build.
    """
    if serial is not None:
        return Accelerator.serial(directory, serial, baud=baud), f"the board at {serial}"
    return Accelerator.verilator(directory), "a Verilator simulation of the generated hardware"


def run_demo(
    directory: Path | str,
    report: Report,
    *,
    serial: str | None = None,
    baud: int = BAUD,
    port: int = 8000,
    terminal: bool = False,
    images: Path | None = None,
) -> None:
    """Show the page, or the terminal's pad, until the user ends it.

    Parameters
    ----------
    directory : path
        The folder of a build.
    report : flow.reporting.Report
    serial : str or None
        Name of a board's serial port; without one it is the Verilator model, compiled first.
    baud : int
        Rate of the serial port.
    port : int
        TCP port of the page; 0 takes a free one.
    terminal : bool
        Whether to draw in the terminal instead.
    images : path or None
        Samples to pick from.

    Raises
    ------
    ValueError
        If the model takes no images, the TCP port is in use, or there is no terminal.
    HostError
        If there is no such build, or no accelerator of it.
    """
    Canvas(Build(directory))  # refuses what cannot be drawn before anything long begins
    samples = _samples(directory, images) if images else None
    with nullcontext() if terminal else Place(port) as place:  # a port in use is told before anything long begins
        with report.working("connecting" if serial is not None else "building the Verilator model"):
            accelerator, where = connect(directory, serial, baud)
        try:
            demo = Demo(accelerator, where, samples)
            if terminal:
                from .terminal import run_terminal

                run_terminal(demo)
                return
            with serve(demo, place) as server:
                report.say(f"{where}: open http://127.0.0.1:{server.port}/ (Ctrl-C ends it)")
                server.run()
        finally:
            _close(accelerator)


def _close(accelerator: Accelerator) -> None:
    """Close an accelerator; one that hangs, so that it cannot be closed, is left to the end of the program."""

    def close():
        with suppress(Exception):  # the program ends anyway
            accelerator.close()

    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    closing.join(CLOSING)


def _samples(directory: Path | str, path: Path) -> Images:
    from fewbit.flow.images import load_images
    from fewbit.golden.importing.importer import import_model
    from fewbit.golden.model_file.source import SourceFile

    return load_images(path, import_model(SourceFile.kept_in(Path(directory))))
