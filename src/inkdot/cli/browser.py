"""Opens a page in the user's browser, where there is somebody at a screen."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser

_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


def show_page(url: str, wanted: bool | None) -> None:
    """Open `url`; None: only at a terminal of a machine that has a screen. What goes wrong leaves the link on the terminal."""
    screen = sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in _SCREENS)
    if wanted or (wanted is None and screen and sys.stderr.isatty()):
        threading.Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True).start()
