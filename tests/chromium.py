"""A real Chromium, driven over its debugging pipe: tabs, scrolling, keys, and its sudden death.

No driver stands between: nothing pretends that a hidden tab is visible, as test frameworks do.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Self

_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
    # Headless Chromium says so in its name and is rightly taken for a machine; a window would say this:
    "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
)  # fmt: skip
_SECONDS = 150.0


class Chromium:
    """One browser with a profile of its own."""

    def __init__(self, profile: Path, *flags: str) -> None:
        ours, theirs = os.pipe(), os.pipe()
        os.set_inheritable(ours[0], True)
        os.set_inheritable(theirs[1], True)

        def plug() -> None:  # the browser reads on descriptor 3 and writes on 4
            os.dup2(ours[0], 30)
            os.dup2(theirs[1], 31)
            os.dup2(30, 3)
            os.dup2(31, 4)

        self.process = subprocess.Popen(
            ["chromium", *_FLAGS, *flags, f"--user-data-dir={profile}", "about:blank"], close_fds=False,
            preexec_fn=plug,  # noqa: PLW1509 - one thread here
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        os.close(ours[0])
        os.close(theirs[1])
        self._to, self._from = ours[1], theirs[0]
        self._numbers, self._buffer, self._answers = itertools.count(1), b"", dict[int, dict[str, Any]]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it as a power failure would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)
        for fd in (self._to, self._from):
            if fd >= 0:
                os.close(fd)
        self._to = self._from = -1

    def tab(self, url: str, width: int = 1280, height: int = 860, before: str = "") -> Tab:
        """A new tab in front of the others, loaded; `before` is a script that runs before those of each page."""
        target = self.ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        tab = Tab(self, target, session)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        tab.ask("Emulation.setDeviceMetricsOverride", size)
        if before:
            tab.ask("Page.enable")
            tab.ask("Page.addScriptToEvaluateOnNewDocument", {"source": before})
        tab.go(url)
        return tab

    def ask(self, method: str, what: dict[str, Any] | None = None, session: str | None = None) -> dict[str, Any]:
        """One command; events that come in between are passed over."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": what or {}} | ({"sessionId": session} if session else {})
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _SECONDS
        while number not in self._answers:
            readable, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            assert readable, f"Chromium does not answer {method}"
            self._buffer += os.read(self._from, 1 << 20)
            *whole, self._buffer = self._buffer.split(b"\0")
            self._answers |= {m["id"]: m for m in map(json.loads, whole) if "id" in m}
        answer = self._answers.pop(number)
        assert "error" not in answer, answer
        return dict(answer["result"])


class Tab:
    """One tab."""

    def __init__(self, browser: Chromium, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    def ask(self, method: str, what: dict[str, Any] | None = None) -> dict[str, Any]:
        """One command to this tab."""
        return self._browser.ask(method, what, self._session)

    def go(self, url: str) -> None:
        """Open an address and wait until it is loaded."""
        self.ask("Page.navigate", {"url": url})
        deadline = time.monotonic() + _SECONDS
        while self.run("document.readyState") != "complete" or self.run("location.href") == "about:blank" != url:
            assert time.monotonic() < deadline, url
            time.sleep(0.02)

    def run(self, script: str) -> Any:
        """The value of an expression; promises are awaited."""
        answer = self.ask("Runtime.evaluate", {"expression": script, "returnByValue": True, "awaitPromise": True})
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def front(self) -> None:
        """Bring it before the others, which are hidden then."""
        self._browser.ask("Target.activateTarget", {"targetId": self._target})

    def press(self, key: str) -> None:
        """A key that makes no text, or one letter."""
        text = {"text": key} if len(key) == 1 else {}
        self.ask("Input.dispatchKeyEvent", {"type": "keyDown", "key": key, **text})
        self.ask("Input.dispatchKeyEvent", {"type": "keyUp", "key": key})

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.ask("Input.insertText", {"text": text})

    def move(self) -> None:
        """A move of the mouse over the page."""
        for x in (300, 310):
            self.ask("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": 500})

    def close(self) -> None:
        """Close it as a person does."""
        self._browser.ask("Target.closeTarget", {"targetId": self._target})

    def picture(self, path: Path) -> None:
        """What it shows, as a PNG."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))
