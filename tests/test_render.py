"""Sites whose text a script puts in: fetched with a real browser, which is as careful as every other crawl."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path

import pytest
from sqlalchemy import select

from crawler.browser import browser_for
from crawler.source import SourceError
from crawler.source_files import load_source
from flows import plan
from flows.demo import Stage
from flows.demo_site import Answer, Visit
from flows.settings import Settings
from storage import models
from storage.address import host_of
from storage.archive import Archive
from storage.database import Database
from storage.warc import Location
from tests.conftest import TODAY
from tests.site import MisbehavingMinistry, Misbehaviour, hang, redirect
from tests.test_collect import expected, pages, run, texts
from tests.test_courtesy import again, gaps

pytestmark = pytest.mark.slow  # many crawls one after the other

WINDOW = (TODAY - dt.timedelta(4), TODAY)


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The day on which the test site publishes."""
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)


@pytest.fixture
def settings(place: Stage) -> Settings:
    """Settings to collect the site with a browser."""
    changed = again(place, "loopback = true", "loopback = true\nrender = true")
    source = load_source(place.folder / "sources" / "demo.toml")
    try:
        browser_for(source, None)
    except SourceError as problem:
        pytest.skip(str(problem))
    return changed.model_copy(update={"timeout": 30.0})


def by_script(more: str = "", *, fetched: bool = False) -> Misbehaviour:
    """The page's body comes by a script of its own, from the page itself or from another address."""

    def scripted(site: MisbehavingMinistry, visit: Visit) -> None:
        answer = site.answer(visit.path)
        head, opening, body = answer.body.decode().partition("<body")
        if visit.path.endswith("?body") or not opening:
            visit.give(Answer(body.encode() or answer.body))
            return
        held = json.dumps(body).replace("</", r"<\/")
        data = "fetch(location + '?body').then(it => it.text())" if fetched else f"Promise.resolve({held})"
        fill = f"{data}.then(it => document.body.innerHTML = it.slice(it.indexOf('>') + 1));"
        visit.give(Answer(f"{head}<body><script>{fill}</script>{more}</body></html>".encode()))

    return scripted


@pytest.mark.parametrize("fetched", [False, True])
def test_a_text_that_a_script_puts_in_is_stored_word_for_word(
    site: MisbehavingMinistry, settings: Settings, fetched: bool
) -> None:
    site.misbehave("/briefings/*", by_script(fetched=fetched))
    site.misbehave("/briefings/", by_script(fetched=fetched))
    found = run(settings, *WINDOW)
    assert found.state == "completed", (found.reasons, pages(settings, found.run_id))
    assert texts(settings) == expected(site, *WINDOW)


def test_without_a_browser_there_is_no_text(site: MisbehavingMinistry, place: Stage) -> None:
    site.misbehave("/briefings/*", by_script())
    found = run(place.settings, *WINDOW)
    assert texts(place.settings) == {} and found.state != "completed"


def test_what_is_archived_is_the_page_as_rendered_and_says_so(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    site.misbehave("/briefings/*", by_script())
    run(settings, *WINDOW)
    database = Database(settings.database_url)
    with database.read() as session:
        captures = list(session.scalars(select(models.Capture)))
    database.close()
    marked = {}
    for capture in captures:
        place = Location(capture.warc, capture.offset, capture.length)
        record = Archive(settings.archive).read(place, digest=capture.digest)
        marked[capture.url.removeprefix(site.base)] = record.header("X-Podium-Rendered")
    assert marked["/robots.txt"] == marked["/feed.xml"] == ""
    assert {value.split()[0] for path, value in marked.items() if "/briefings/1" in path} == {"Chromium"}


def test_a_page_asks_nobody_but_its_own_site_and_not_for_pictures(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    with MisbehavingMinistry(TODAY) as other:
        elsewhere = other.base.replace("127.0.0.1", "localhost")
        site.misbehave("/moved.js", redirect(f"{elsewhere}/moved"))
        site.misbehave(
            "/briefings/*",
            by_script(
                f'<script src="{elsewhere}/a.js"></script><img src="/picture.png">'
                f'<script src="/moved.js"></script><iframe src="{elsewhere}/frame"></iframe>'
                f"<script>new WebSocket('{elsewhere.replace('http', 'ws')}/socket')</script>"
            ),
        )
        site.misbehave("/briefings/114", redirect(f"{elsewhere}/briefings/114"))
        found = run(settings, *WINDOW)
        assert other.requests == []
    paths = {visit.path for visit in site.requests}
    assert "/moved.js" in paths and "/picture.png" not in paths
    assert pages(settings, found.run_id)["114"][0] == "failed"


def test_a_page_whose_script_never_ends_fails_by_itself(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    site.misbehave("/briefings/114", by_script("<script>for (;;) {}</script>"))
    found = run(settings.model_copy(update={"timeout": 8.0}), *WINDOW)
    disposition, reason = pages(settings, found.run_id)["114"]
    assert disposition == "failed" and reason is not None and "longer than 8.0 seconds" in reason
    others = {key: text for key, text in expected(site, *WINDOW).items() if key != "114"}
    assert texts(settings) == others


def test_no_page_finds_what_another_left_behind(site: MisbehavingMinistry, settings: Settings) -> None:
    seen: list[str | None] = []

    def bake(_site: MisbehavingMinistry, visit: Visit) -> None:
        seen.append(visit.headers.get("Cookie"))
        by_script("<script>document.cookie = 'visitor=1'</script>")(_site, visit)

    site.misbehave("/briefings/*", bake)
    run(settings, *WINDOW)
    assert len(seen) > 3 and set(seen) == {None}


def test_a_delay_holds_for_pages_of_a_browser_too(site: MisbehavingMinistry, settings: Settings) -> None:
    site.misbehave("/briefings/*", by_script())
    assert run(settings.model_copy(update={"delay": 0.5}), *WINDOW).state == "completed"
    assert min(gaps(site)) > 0.35


def test_a_source_that_needs_a_browser_is_refused_where_there_is_none(
    place: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = again(place, "loopback = true", "loopback = true\nrender = true")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match=r"^demo: its pages need a browser: install"):
        plan.night(settings)
    if find_spec("scrapy_playwright"):
        missing = settings.model_copy(update={"chromium": tmp_path / "chromium"})
        with pytest.raises(SourceError, match=r"chromium is no program$"):
            plan.night(missing)
        (tmp_path / "chromium").touch(0o755)
        assert os.access(tmp_path / "chromium", os.X_OK) and plan.night(settings)


@pytest.fixture
def inside() -> Iterator[str]:
    """The address of a page on this machine's own address in its network, which is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing, and shows from where it would
        except OSError:
            pytest.skip("this machine is in no network")
        own = probe.getsockname()[0]
    if ip_address(own).is_global or ip_address(own).is_loopback:
        pytest.skip(f"this machine's address is {own}, which is not inside a network")
    server = HTTPServer((own, 0), SimpleHTTPRequestHandler)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"http://{own}:{server.server_port}/"
    server.shutdown()
    serving.join()
    server.server_close()


def test_a_page_from_inside_a_network_is_not_kept(
    site: MisbehavingMinistry, place: Stage, settings: Settings, inside: str
) -> None:
    """The browser resolves names itself, so the address is looked at once the page is here."""
    again(place, 'hosts = ["127.0.0.1"]', f'hosts = ["127.0.0.1", "{host_of(inside)}"]')
    site.misbehave("/briefings/114", redirect(inside))
    found = run(settings, *WINDOW)
    disposition, reason = pages(settings, found.run_id)["114"]
    assert disposition == "failed"
    assert reason is not None and f"it was served from {host_of(inside)}" in reason


def test_no_packet_of_a_page_reaches_an_address_that_its_script_names(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inside:
        inside.bind(("127.0.0.1", 0))
        inside.settimeout(0.1)
        server = f"stun:127.0.0.1:{inside.getsockname()[1]}"
        call = (
            f"const it = new RTCPeerConnection({{iceServers: [{{urls: '{server}'}}]}});"
            "it.createDataChannel('x'); it.createOffer().then(offer => it.setLocalDescription(offer));"
            "for (let end = Date.now() + 100; Date.now() < end;);"
        )
        wait = "fetch('/slow')"
        site.misbehave("/slow", hang(3))
        site.misbehave("/briefings/*", by_script(f"<script>{call}{wait}</script>"))
        run(settings, *WINDOW)
        with pytest.raises(TimeoutError):
            inside.recv(2000)


def test_half_a_letter_in_a_page_keeps_none_of_it_from_being_read(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    site.misbehave("/briefings/*", by_script(r"<script>document.title += '\ud83d'</script>"))
    found = run(settings, *WINDOW)
    assert found.state == "completed", (found.reasons, pages(settings, found.run_id))
    assert texts(settings) == expected(site, *WINDOW)
