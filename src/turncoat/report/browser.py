"""A browser without a window, where this machine has one: it prints pages to PDF."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from turncoat.refusal import Refusal

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
VARIABLE = "TURNCOAT_BROWSER"
"""The environment variable that names the browser where it is called otherwise."""
SECONDS = 120
NONE = (
    "there is no browser here to print with; install Chromium, or name yours by the environment variable "
    f"{VARIABLE}"
)


def find() -> str | None:
    """The browser's command; None if there is none."""
    asked = os.environ.get(VARIABLE)
    return shutil.which(asked) if asked else next(filter(None, map(shutil.which, NAMES)), None)


def printed(page: str) -> bytes:
    """A page as PDF; Refusal where there is no browser, or where it prints nothing."""
    with tempfile.TemporaryDirectory(prefix="turncoat-") as made:
        target = Path(made) / "page.pdf"
        run(page, Path(made), f"--print-to-pdf={target}", "--no-pdf-header-footer")
        if not target.is_file():
            raise Refusal("the browser printed no page; leave the format pdf out")
        return target.read_bytes()


def run(page: str, folder: Path, *options: str) -> str:
    """What the browser writes to standard output of a page that is put into a folder."""
    browser = find()
    if browser is None:
        raise Refusal(NONE)
    source = folder / "page.html"
    source.write_text(page, encoding="utf-8")
    command = [browser, "--headless", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", *options]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--no-sandbox")  # a browser refuses to be sandboxed as root, as in most containers
    try:
        ran = subprocess.run([*command, source.as_uri()], capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refusal(
            f"{browser} cannot be used ({type(error).__name__}); leave the format pdf out"
        ) from error
    return ran.stdout.decode("utf-8", "replace")
