"""The pictures of the reading room in `docs/browse.md`: ``python -m tests.pictures`` takes them anew."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from storage.database import Database
from tests.command import PODIUM
from tests.library import stock, write_sources

IMAGES = Path(__file__).parent.parent / "docs" / "images"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 375, "height": 800}
LAPTOP = {"width": 1200, "height": 760}
Scheme = Literal["light", "dark"]
SHOWN: dict[str, tuple[str, Scheme, dict[str, int]]] = {
    "search": ("/?q=pier", "light", LAPTOP),
    "search-phone": ("/?q=pier", "dark", PHONE),
    "transcript": ("/transcripts/14", "light", LAPTOP),
    "transcript-phone": ("/transcripts/16", "dark", PHONE),
    "changes": ("/transcripts/14/changes/2", "dark", {**LAPTOP, "height": 560}),
    "calendar": ("/sources/demo/2026", "light", LAPTOP),
}
"""Pictures by name: the page, the colour scheme, and the window."""


@contextmanager
def opened(database_url: str, folder: Path) -> Iterator[str]:
    """The address of a reading room of its own process."""
    env = os.environ | {
        "PODIUM_DATABASE_URL": database_url,
        "PODIUM_ARCHIVE": str(folder / "archive"),
        "PODIUM_SOURCES": str(write_sources(folder / "sources")),
    }
    room = subprocess.Popen(
        [PODIUM, "browse", "--port", "0"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert room.stdout is not None
    try:
        yield room.stdout.readline().split()[-1].rstrip("/")
    finally:
        room.terminate()
        try:
            room.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            room.kill()
            room.communicate()


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        try:
            yield chromium
        finally:
            chromium.close()


def take(chromium: Any, base: str, folder: Path) -> None:
    """Take every picture.

    Args:
        chromium: the browser.
        base: address of a reading room with the small archive.
        folder: that they are written to.
    """
    for name, (path, scheme, window) in SHOWN.items():
        page = chromium.new_page(viewport=window, color_scheme=scheme)
        page.goto(f"{base}{path}")
        page.screenshot(path=folder / f"room-{name}.png")
        page.close()


def main(folder: Path) -> None:
    """Stock an archive, open its reading room, and take the pictures into a folder."""
    folder.mkdir(exist_ok=True)
    with TemporaryDirectory() as name:
        kept = Path(name)
        url = f"sqlite:///{kept / 'podium.db'}"
        database = Database(url)
        stock(database, kept / "archive")
        database.close()
        with opened(url, kept) as base, browser() as chromium:
            take(chromium, base, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
