"""Drives a headless Chromium through its debugging pipe: no driver, no socket, nothing to install."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Refused(Exception):
    """The browser cannot do what it was asked."""


class Browser:
    """One browser with one tab. ``console`` and ``requests`` hold what the page said and asked for."""

    def __init__(self, profile: Path) -> None:
        assert CHROMIUM is not None
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        command = [
            *("bash", "-c", 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"', "bash", str(to_read), str(to_write)),
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"),
            *(
                "--disable-background-networking",
                "--no-first-run",
                f"--user-data-dir={profile}",
                "about:blank",
            ),
        ]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, pass_fds=(to_read, to_write), stdout=quiet, stderr=quiet)
        os.close(to_read)
        os.close(to_write)
        self._number = 0
        self._rest = b""
        self._tab: str | None = None
        self.events: list[dict[str, Any]] = []
        tab = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._tab = self.call("Target.attachToTarget", targetId=tab["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._write)
        os.close(self._read)
        self._process.terminate()
        self._process.wait(timeout=20)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol, and its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._tab:
            message["sessionId"] = self._tab
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        if "error" in answer:
            raise Refused(f"{method}: {answer['error']}")
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + 30
        while b"\0" not in self._rest:
            assert time.monotonic() < deadline, "the browser does not answer"
            chunk = os.read(self._read, 1 << 20)
            assert chunk, "the browser has gone"
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(self, page: Path | str, width: int, scheme: str, height: int = 900, fragment: str = "") -> None:
        """Load a file or an address (at ``#fragment``) in a window of that width, preferring that scheme."""
        self.events.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)
        address = page if isinstance(page, str) else page.resolve().as_uri()
        self.call("Page.navigate", url=address + fragment)
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self._next())

    def evaluate(self, expression: str) -> Any:
        """The value of a script's expression, run by the debugger and not by the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Until the expression is true, which a page that leads elsewhere may take a while to make it."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(Refused):  # the page it was asked of has gone
                if self.evaluate(expression):
                    return
            time.sleep(0.05)
        raise AssertionError(f"never true: {expression}")

    def wait_until_quiet(self, seconds: float = 1.0) -> None:
        """Until the page has asked for nothing for so long."""
        deadline = time.monotonic() + 30
        count, since = -1, time.monotonic()
        while time.monotonic() < deadline:
            self.evaluate("0")  # takes in what happened meanwhile
            if len(self.requests()) != count:
                count, since = len(self.requests()), time.monotonic()
            elif time.monotonic() - since >= seconds:
                return
            time.sleep(0.05)
        raise AssertionError("the page goes on asking for things")

    def press(self, key: str, code: int, text: str = "") -> None:
        """One key; ``text`` is what it types, which Enter needs to press a button."""
        for kind, typed in (("keyDown", {"text": text} if text else {}), ("keyUp", {})):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **typed
            )

    def complaints(self) -> list[str]:
        """Console messages, exceptions and log entries since the page was opened."""
        names = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(e["params"]) for e in self.events if e.get("method") in names]

    def requests(self) -> list[str]:
        """Every address asked for since the page was opened."""
        asked = [e["params"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [p["request"]["url"] for p in asked]
