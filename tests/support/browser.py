"""Headless Chromium, driven by its WebDriver: pages are shown, measured and photographed in tests."""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest

__all__ = ["Browser"]

_SECONDS = 60  # that the driver may take to start


class Browser:
    """A browser without a window; a test that needs it is skipped, in a line, where Chromium is absent."""

    def __init__(self) -> None:
        driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
        if driver is None or chromium is None:
            pytest.skip("no Chromium: apt install chromium chromium-driver")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        quiet = subprocess.DEVNULL
        self._driver = subprocess.Popen([driver, f"--port={port}"], stdout=quiet, stderr=quiet)
        self._address = f"http://127.0.0.1:{port}"
        # The sandbox needs rights that a container may not have; pages are our own.
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        options = {"binary": chromium, "args": arguments}
        settings = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        wanted = {"capabilities": {"alwaysMatch": settings}}
        begin = time.monotonic()
        while True:
            try:
                self._session = "/session/" + self._call("/session", wanted)["sessionId"]
                return
            except OSError:
                if time.monotonic() - begin > _SECONDS:
                    self._driver.kill()
                    raise
                time.sleep(0.2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):
            self._call(self._session, method="DELETE")
        self._driver.terminate()
        self._driver.wait(timeout=20)

    def _call(self, path: str, body: Any = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._address + path, data, head, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())["value"]

    def _command(self, name: str, **parameters: Any) -> Any:
        return self._call(f"{self._session}/goog/cdp/execute", {"cmd": name, "params": parameters})

    def open(self, page: Path, *, width: int, dark: bool = False, paper: bool = False) -> None:
        """Show a page in a window of some width, light or dark, or as it is printed."""
        self._command("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._command("Emulation.setEmulatedMedia", media="print" if paper else "screen", features=[scheme])
        self._call(f"{self._session}/url", {"url": page.absolute().as_uri()})

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a function body in JavaScript returns."""
        return self._call(f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def wait_for(self, script: str) -> Any:
        """Return what a function body in JavaScript gives to its last argument, a callback."""
        return self._call(f"{self._session}/execute/async", {"script": script, "args": []})

    def said(self) -> list[str]:
        """Return what the page's scripts wrote to the console since this was asked last, errors among it."""
        return [entry["message"] for entry in self._call(f"{self._session}/se/log", {"type": "browser"})]

    def photograph(self, file: Path) -> None:
        """Write a picture of the whole page."""
        taken = self._command("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(taken["data"]))
