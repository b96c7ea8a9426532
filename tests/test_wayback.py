"""A backfill from an index of captures, against a machine that speaks its protocol over real HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt
import json

import pytest
from sqlalchemy import select

from crawler.sheets import Sheet
from crawler.source_files import load_sources
from crawler.wayback import Wayback, read_index
from flows import plan
from flows.collect import SourceReport, collect
from flows.demo import Stage
from flows.demo_site import pages as site_pages
from flows.demo_site.content import Document
from flows.settings import Settings
from storage import models
from storage.archive import Archive
from storage.database import Database
from storage.ledger import Found
from storage.transcript import render
from storage.warc import Location
from tests.command import podium
from tests.conftest import TODAY
from tests.site import MisbehavingMinistry
from tests.test_collect import WINDOW, expected, pages, rows, texts
from tests.wayback import Held, Machine

pytestmark = pytest.mark.slow  # many crawls one after the other

NOON = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(1)


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The day on which the test site publishes."""
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)


def held(site: MisbehavingMinistry, document: Document, moment: dt.datetime = NOON) -> Held:
    """A capture of one of the site's documents."""
    return Held(f"{site.base}{document.path}", moment, site_pages.document(document, views=1).encode())


def run(
    settings: Settings, machine: Machine, since: dt.date = WINDOW[0], until: dt.date = WINDOW[1]
) -> SourceReport:
    """One backfill of the test site from the machine."""
    there = settings.model_copy(update={"wayback": machine.base})
    (order,) = plan.backfill(there, since, until, via="wayback")
    return collect(order, there)


def asked(machine: Machine) -> list[str]:
    """The captures that were fetched."""
    return [path for path in machine.requests if path.startswith("/web/")]


def test_what_the_index_holds_is_stored_word_for_word_and_the_site_is_left_alone(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    others = [
        Held(f"{site.base}/briefings/", NOON, b"<p>a listing</p>"),
        Held("http://elsewhere.example/briefings/7", NOON, b"<p>another site</p>"),
        Held(f"{site.base}/briefings/901", NOON, b"gone", status=404),
    ]
    with Machine(*(held(site, each) for each in site.documents), *others, rows=3) as machine:
        found = run(settings, machine)
        assert texts(settings) == expected(site, *WINDOW)
        assert found.tally.counts == {"new": len(site.documents)}
        index = [path for path in machine.requests if path.startswith("/cdx/")]
        assert len(index) == found.listings > 2
        assert ["resumeKey" in path for path in index] == [False] + [True] * (len(index) - 1)
        assert len(asked(machine)) == len(site.documents)
        before = rows(settings)
        assert run(settings, machine).tally.counts == {"unchanged": len(site.documents)}
        assert rows(settings) | {"captures": 0} == before | {"captures": 0}
    assert site.requests == []
    # An index proves no day complete, and the run says so.
    assert found.state == "degraded" and [r for r in found.reasons if "not proved complete" in r]
    assert len(found.reasons) == 1


def test_a_copied_capture_is_archived_under_its_own_address_and_moment_and_says_where_it_is_from(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    moment = NOON - 3 * DAY
    capture = held(site, site.documents[-1], moment)
    with Machine(capture) as machine:
        run(settings, machine)
        origin = f"{machine.base}/web/{moment:%Y%m%d%H%M%S}id_/{capture.original}"
    database = Database(settings.database_url)
    with database.read() as session:
        (row,) = session.scalars(select(models.Capture).where(models.Capture.url == capture.original))
        (revision,) = session.scalars(select(models.Revision))
        assert revision.capture_id == row.id
    database.close()
    where = Location(row.warc, row.offset, row.length)
    record = Archive(settings.archive).read(where, digest=row.digest)
    assert (record.url, record.fetched_at, record.body) == (capture.original, moment, capture.body)
    assert record.origin == origin


def test_captures_of_one_page_become_its_revisions_and_stay_below_what_was_crawled_later(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    first = site.document("/briefings/114")
    second = first.edited("three sailings a day", "two sailings a day", NOON)
    third = site.correct()
    (order,) = plan.backfill(settings, *WINDOW)
    collect(order, settings)
    versions = [held(site, second, NOON - DAY), held(site, first, NOON - 2 * DAY), held(site, first, NOON)]
    with Machine(*versions) as machine:
        found = run(settings, machine)
        again = run(settings, machine)
    assert found.tally.counts == {"revised": 3}
    assert again.tally.counts == {"unchanged": 3}
    assert texts(settings)["114"] == [render(each.transcript) for each in (first, second, first, third)]


def test_a_capture_of_the_evening_before_in_utc_is_asked_for(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    document = site.document("/briefings/114")
    day = document.published.date()
    evening = dt.datetime.combine(day - dt.timedelta(1), dt.time(22), dt.UTC)
    with Machine(held(site, document, evening)) as machine:
        assert run(settings, machine, day, day).tally.counts == {"new": 1}


def test_a_page_dated_outside_the_window_is_not_loaded_and_the_ledger_says_so(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    since, until = TODAY - dt.timedelta(20), TODAY - dt.timedelta(5)
    with Machine(*(held(site, each) for each in site.documents)) as machine:
        found = run(settings, machine, since, until)
    wanted = expected(site, since, until)
    assert texts(settings) == wanted
    count = len(site.documents) - len(wanted)
    assert found.tally.counts == {"new": len(wanted), "rejected": count}
    assert f"outside the window: {count} pages" in found.notes
    assert not any("rejected" in reason for reason in found.reasons)
    reasons = {reason for said, reason in pages(settings, found.run_id).values() if said == "rejected"}
    assert all("outside the window" in str(reason) for reason in reasons)


def test_only_captures_of_the_window_and_the_year_after_it_are_asked_for(
    site: MisbehavingMinistry, place: Stage
) -> None:
    document = site.documents[-1]
    since = until = document.date
    moments = [NOON - 400 * DAY, NOON, NOON + 400 * DAY]
    with Machine(*(held(site, document, moment) for moment in moments)) as machine:
        found = run(place.settings, machine, since, until)
        assert len(asked(machine)) == 1
    assert found.tally.counts == {"new": 1}


def test_a_busy_machine_is_asked_again_and_what_it_withholds_is_in_the_ledger(
    site: MisbehavingMinistry, place: Stage
) -> None:
    first, second = (held(site, each) for each in site.documents[:2])
    with Machine(first, second) as machine:
        machine.busy["/cdx/search/cdx"] = 2
        machine.busy[f"/web/{first.timestamp}id_/{first.original}"] = 1
        machine.busy[f"/web/{second.timestamp}id_/{second.original}"] = 99
        found = run(place.settings, machine)
    assert found.tally.counts == {"new": 1, "blocked": 1}
    assert "1 page blocked" in found.reasons
    database = Database(place.settings.database_url)
    with database.read() as session:
        captures = list(session.scalars(select(models.Capture)))
    database.close()
    # What the machine answers for itself is never taken for what the site said.
    assert {capture.status for capture in captures if capture.url.startswith(site.base)} == {200}


@pytest.mark.parametrize(
    ("index", "told"),
    [
        ("[]", "has no capture of a document of demo"),
        ("", "has no capture of a document of demo"),
        ("<html>down for maintenance</html>", "not the answer of a CDX server"),
        ('{"error": "x"}', "not the answer of a CDX server"),
        ('[["timestamp","original"],["1"]]', "other fields than were asked for"),
        ('[["timestamp","original"],["x","http://127.0.0.1/briefings/1"],[],["k"]]', "repeats itself"),
    ],
)
def test_an_index_that_holds_nothing_or_is_none_never_ends_as_complete(
    place: Stage, index: str, told: str
) -> None:
    with Machine() as machine:
        machine.index = index
        found = run(place.settings, machine)
    assert found.state in ("degraded", "failed")
    assert any(told in reason for reason in found.reasons)
    assert texts(place.settings) == {}


def test_an_index_that_does_not_answer_fails_the_run(place: Stage) -> None:
    with Machine() as machine:
        machine.busy["/cdx/search/cdx"] = 99
        found = run(place.settings, machine)
    assert found.state == "failed" and any("HTTP 429" in reason for reason in found.reasons)


def test_an_address_with_the_schemes_own_port_is_the_same_address() -> None:
    kremlin = load_sources()["kremlin"]
    spelt = "http://en.kremlin.ru:80/events/president/news/63951"
    others = ["http://en.kremlin.ru:8080/events/president/news/63951", "http://[", "http://en.kremlin.ru:x/"]

    async def fetch(url: str) -> Sheet:
        rows = [["timestamp", "original"], *(["20200810120000", each] for each in [spelt, *others])]
        return Sheet(url, json.dumps(rows))

    async def walk() -> list[Found]:
        day = dt.date(2020, 8, 10)
        return [
            found async for found in Wayback("https://w.example", kremlin, day, day, TODAY, fetch).found()
        ]

    (found,) = asyncio.run(walk())
    assert (found.key, found.url) == ("63951", spelt.replace(":80/", "/"))


def test_an_answer_of_the_index_is_read_strictly() -> None:
    head = ["timestamp", "original"]
    rows = [["20200810120000", "http://a.example/"], ["20200810120001", "http://b.example/"]]
    assert read_index(json.dumps([head, *rows])) == (rows, None)
    assert read_index(json.dumps([head, *rows, [], ["example,a)/ 2020"]])) == (rows, "example,a)/ 2020")
    for wrong in (
        [head, ["1", 2]],
        [head[::-1]],
        [head, *rows, [], [7]],
        [head, [], 7],
        [head, [], []],
        "x",
        7,
        [[]],
        [head, None],
    ):
        with pytest.raises(ValueError, match=r"index|CDX"):
            read_index(json.dumps(wrong))


def test_the_command_asks_the_machine_that_the_settings_name(site: MisbehavingMinistry, place: Stage) -> None:
    with Machine(*(held(site, each) for each in site.documents)) as machine:
        words = ["backfill", "--since", "2026-01-01", "--until", "2026-03-20", "--via", "wayback"]
        done = podium(*words, PODIUM_WAYBACK="nowhere")
        assert done.returncode == 2 and "wayback" in done.stderr
        done = podium(*words, settings=place.settings)
        assert done.returncode == 2 and "no contact" in done.stderr
        there = place.settings.model_copy(update={"wayback": machine.base + "/"})
        done = podium(*words, settings=there)
        assert done.returncode == 1, done.stdout + done.stderr
        assert f"{len(site.documents)} discovered = {len(site.documents)} new" in done.stdout
    for more in (["--via", "carrier-pigeon"], ["--via", "wayback", "--replay", "x.warc.gz"]):
        wrong = podium("backfill", "--since", "2026-01-01", *more, settings=place.settings)
        assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1
