"""`podium browse` as a person uses it: the command in its own process, and the room in a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from storage.database import Database
from tests.command import PODIUM, podium_process
from tests.library import ARABIC, stock
from tests.pictures import DESKTOP, PHONE, SHOWN, browser, opened, take

pytestmark = pytest.mark.slow  # a browser starts

needs_browser = pytest.mark.skipif(
    not (find_spec("playwright") and find_spec("axe_playwright_python") and shutil.which("chromium")),
    reason="no browser here: it needs what `make extras` installs, and Debian's chromium",
)
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
"""Level A and AA, as axe names the rules."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small archive."""
    folder = tmp_path_factory.mktemp("browse")
    database = Database(f"sqlite:///{folder / 'podium.db'}")
    stock(database, folder / "archive")
    database.close()
    return folder


@pytest.fixture(scope="module")
def base(folder: Path) -> Iterator[str]:
    """The address of its reading room."""
    with opened(f"sqlite:///{folder / 'podium.db'}", folder) as address:
        yield address


@pytest.fixture(scope="module")
def chromium(base: str) -> Iterator[Any]:
    """The browser; it ends before the room does."""
    with browser() as program:
        yield program


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page in a browser of a desk that may use the clipboard; whatever it complains of fails the test."""
    context = chromium.new_context(viewport=DESKTOP, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    yield page
    context.close()
    assert complaints == []


KINDS = (
    *("/", "/?q=ferry&source=demo", "/?q=nothingatall", "/sources", "/sources/demo/2026"),
    *("/sources/demo/days/2026-03-16", "/transcripts/1", "/transcripts/14", "/transcripts/14/revisions/1"),
    *("/transcripts/14/changes/2", "/transcripts/16", "/transcripts/17", "/transcripts/18/corrections/1"),
    "/transcripts/19",
)
"""A page of each kind: 14 was corrected, 16 is Arabic, 17 Chinese, 18 was read again, and 19 is hostile."""


# --- the command ---------------------------------------------------------------------------------


def test_ctrl_c_closes_the_room(folder: Path) -> None:
    env = os.environ | {"PODIUM_DATABASE_URL": f"sqlite:///{folder / 'podium.db'}"}
    room = subprocess.Popen(
        [PODIUM, "browse", "--port", "0"],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert room.stdout is not None
    assert room.stdout.readline().startswith("The reading room is open: http://127.0.0.1:")
    assert room.stdout.readline() == "Ctrl-C closes it.\n"
    room.send_signal(signal.SIGINT)
    out, err = room.communicate(timeout=20)
    assert (room.returncode, out, err) == (0, "The reading room is closed.\n", "")


def test_what_cant_be_opened_is_one_line_with_status_2(folder: Path) -> None:
    url = f"sqlite:///{folder / 'podium.db'}"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        cases = {
            "in use": podium_process("browse", "--port", port, "--database", url),
            "no such host": podium_process("browse", "--host", "nowhere.invalid", "--database", url),
            "can't listen": podium_process("browse", "--host", "192.0.2.1", "--database", url),
            "no database here yet": podium_process("browse", "--database", "sqlite:///none.db"),
        }
    for told, done in cases.items():
        assert (done.returncode, done.stdout) == (2, ""), told
        assert done.stderr.startswith("podium: ") and done.stderr.count("\n") == 1
        assert told in done.stderr


# --- in a browser --------------------------------------------------------------------------------


@needs_browser
def test_a_reader_searches_opens_reads_compares_takes_and_cites(page: Any, base: str, tmp_path: Path) -> None:
    page.goto(base)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the text"
    page.fill("#q", '"four sailings"')
    page.keyboard.press("Enter")
    page.click(".hits li:first-child a")
    assert "four sailings" in page.locator(":target .said").inner_text()
    assert (
        page.locator(".question .said").first.evaluate("e => getComputedStyle(e).borderInlineStartWidth")
        == "2px"
    )
    page.click("text=See what the last edit changed")
    assert (
        "three" in page.locator("del").last.inner_text() and "four" in page.locator("ins").last.inner_text()
    )
    page.go_back()
    with page.expect_download() as taken:
        page.click(".forms >> text=text")
    assert "four sailings" in taken.value.path().read_text(encoding="utf-8")
    page.click("text=Copy BibTeX")
    page.wait_for_selector("#copied:has-text('Copied.')", state="attached")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("@misc{") and "sha256:" in copied and copied.count("\n") == 9


@needs_browser
def test_a_page_is_fit_for_everybody_in_both_schemes_at_every_width(chromium: Any, base: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for scheme, window in product(("light", "dark"), (PHONE, DESKTOP)):
        page = chromium.new_page(viewport=window, color_scheme=scheme)
        for path in (*KINDS, "/nothing", "/?q=!"):
            page.goto(base + path)
            too_wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert too_wide <= 0, (path, window)
            checked = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}})
            wrong = [(each["id"], each["nodes"][0]["html"]) for each in checked.response["violations"]]
            assert wrong == [], (path, scheme, window)
        page.close()


@needs_browser
def test_the_room_needs_no_script(chromium: Any, base: str) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    page.goto(base)
    page.fill("#q", "ferry")
    page.keyboard.press("Enter")
    page.click(".hits li:first-child a")
    assert page.locator(".turn").count() > 5
    assert not page.locator("[data-copies]").first.is_visible()
    page.click("text=Revision 1")
    assert page.locator("text=three sailings").count() == 1
    context.close()


@needs_browser
def test_hostile_text_is_text_to_a_browser(page: Any, base: str) -> None:
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for path in (
        "/transcripts/19",
        "/captures/19",
        "/?q=owned",
        "/?q=%3Cscript%3Edocument.title%3D1%3C/script%3E",
    ):
        page.goto(base + path)
        assert page.title() not in ("owned", "1")
        assert page.locator("img").count() == 0
    page.goto(f"{base}/transcripts/19")
    assert "<script>" in page.locator("h1").inner_text() and "{{ 7*7 }}" in page.locator("h1").inner_text()
    assert page.locator("a[href^=javascript]").count() == 0
    assert {url.split("/")[2] for url in asked} == {base.split("/")[2]}


@needs_browser
def test_arabic_runs_from_the_right(page: Any, base: str) -> None:
    page.goto(f"{base}/transcripts/16")
    said = page.locator(".said").last
    assert said.evaluate("e => getComputedStyle(e).direction") == "rtl"
    assert said.get_attribute("lang") == "ar"
    assert ARABIC.title == page.locator("h1").inner_text()


@needs_browser
def test_a_printed_year_tells_what_is_known_of_each_day(page: Any, base: str) -> None:
    page.goto(f"{base}/sources/demo/2026")
    page.emulate_media(media="print")
    assert page.locator(".legend").is_visible()
    for mark in ("documents", "empty", "lost"):
        shown = page.locator(f".month .day.{mark}").first
        assert shown.evaluate("e => getComputedStyle(e).printColorAdjust") == "exact"


@needs_browser
def test_the_pictures_of_the_docs_are_small_enough_to_keep(chromium: Any, base: str, tmp_path: Path) -> None:
    take(chromium, base, tmp_path)
    kept = list(tmp_path.iterdir())
    assert {file.name for file in kept} == {f"room-{name}.png" for name in SHOWN}
    assert all(file.stat().st_size < 200_000 for file in kept)
