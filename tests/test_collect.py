"""The whole road over real HTTP, real Scrapy processes and real databases: from a listing to rows."""

from __future__ import annotations

import datetime as dt
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from crawler.source_files import load_source
from flows import collect as collecting
from flows import plan, readers, report
from flows.collect import SourceReport, collect, collect_all
from flows.demo import Stage
from flows.demo_site import Block, Document, Visit
from flows.settings import Settings
from flows.steps import PLAIN
from storage import coverage, ledger, lookup, models
from storage.archive import Archive
from storage.database import Database, DatabaseError, batches
from storage.days import days_of
from storage.transcript import Transcript, parse, render
from storage.warc import Location
from tests.conftest import TODAY
from tests.site import (
    MisbehavingMinistry,
    Misbehaviour,
    challenge,
    copy_of,
    empty_listing,
    forbidden,
    gone,
    hang,
    hang_up,
    html_error,
    linked,
    not_found,
    notice,
    redirect,
    repeated_listing,
    robots_forbid,
    robots_of,
    same_text,
    server_error,
    times,
    truncated,
    unavailable,
    without_date,
)

WINDOW = (TODAY - dt.timedelta(45), TODAY)


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The day on which the test site publishes."""
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)


def run(settings: Settings, since: dt.date = WINDOW[0], until: dt.date = WINDOW[1]) -> SourceReport:
    """One backfill of the test site."""
    (order,) = plan.backfill(settings, since, until)
    return collect(order, settings)


def night(settings: Settings) -> SourceReport:
    """One night of the test site."""
    (order,) = plan.night(settings)
    return collect(order, settings)


def texts(settings: Settings) -> dict[str, list[str]]:
    """Every stored text by its document's key, oldest revision first."""
    database = Database(settings.database_url)
    out: dict[str, list[str]] = {}
    with database.read() as session:
        for transcript in session.scalars(select(models.Transcript)):
            stored = [render(lookup.transcript_of(revision)) for revision in transcript.revisions]
            out[transcript.key] = stored
    database.close()
    return out


def rows(settings: Settings) -> dict[str, int]:
    """How many rows the archive holds."""
    database = Database(settings.database_url)
    with database.read() as session:
        found = lookup.counts(session)
    database.close()
    return found


def pages(settings: Settings, run_id: int) -> dict[str, tuple[str | None, str | None]]:
    """Disposition and reason of every page of a run, by key."""
    database = Database(settings.database_url)
    with database.read() as session:
        found = {page.key: (page.disposition, page.reason) for page in ledger.pages_of(session, run_id)}
    database.close()
    return found


def expected(site: MisbehavingMinistry, since: dt.date, until: dt.date) -> dict[str, list[str]]:
    """What a window should come to, word for word."""
    return {
        document.path.rsplit("/", 1)[1]: [render(document.transcript)]
        for document in site.documents
        if since <= document.date <= until
    }


def test_every_document_of_the_window_is_stored_word_for_word(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    found = run(settings)
    assert texts(settings) == expected(site, *WINDOW)
    assert (found.state, found.reasons) == ("completed", ())
    assert found.tally.counts == {"new": len(site.documents)} and found.tally.unsettled == 0


def test_running_twice_adds_nothing(settings: Settings) -> None:
    run(settings)
    before = rows(settings)
    again = run(settings)
    after = rows(settings)
    assert again.tally.counts == {"unchanged": again.tally.discovered}
    assert after | {"captures": 0} == before | {"captures": 0}


@pytest.mark.slow
def test_a_window_equals_its_halves(site: MisbehavingMinistry, settings: Settings) -> None:
    middle = TODAY - dt.timedelta(15)
    run(settings, WINDOW[0], middle)
    assert texts(settings) == expected(site, WINDOW[0], middle)
    run(settings, middle + dt.timedelta(1), WINDOW[1])
    assert texts(settings) == expected(site, *WINDOW)


def test_an_old_window_is_walked_by_calendar_and_asks_for_nothing_outside_it(
    site: MisbehavingMinistry, place: Stage
) -> None:
    since, until = TODAY - dt.timedelta(44), TODAY - dt.timedelta(35)
    found = run(place.settings, since, until)
    assert texts(place.settings) == expected(site, since, until)
    assert found.state == "completed"
    asked = {request.path for request in site.requests}
    assert not any(path.startswith("/briefings/page/") or path == "/feed.xml" for path in asked)


def test_a_night_takes_the_trailing_window_and_reaches_back_to_the_night_before(
    site: MisbehavingMinistry, place: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    night(place.settings)
    assert texts(place.settings) == expected(site, TODAY - dt.timedelta(14), TODAY)
    later = TODAY + dt.timedelta(30)
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: later)
    (order,) = plan.night(place.settings)
    assert (order.since, order.until) == (TODAY, later)


@pytest.mark.slow
def test_an_id_that_stands_for_many_addresses_is_noted(site: MisbehavingMinistry, place: Stage) -> None:
    assert run(place.settings, *WINDOW).notes == ()
    file = place.folder / "sources" / "demo.toml"
    told = file.read_text(encoding="utf-8")
    file.write_text(told.replace(r"(?P<id>\d+)", r"(?P<id>\d)\d*"), encoding="utf-8")
    (note,) = run(place.settings, *WINDOW).notes
    assert "may be too short (1: /briefings/112, /briefings/113, /briefings/114)" in note


@pytest.mark.slow
def test_what_a_night_could_not_look_at_is_owed_to_the_next(
    site: MisbehavingMinistry, place: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def night_after(days: int) -> SourceReport:
        day = TODAY + dt.timedelta(days)
        monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: day)
        return night(place.settings)

    assert night_after(-40).state == "completed"
    site.misbehave("/briefings/page/*", server_error())
    site.misbehave("/briefings/by-date/*", server_error())
    found = night_after(0)
    assert found.state == "degraded"
    assert any(f"days from {TODAY - dt.timedelta(39)}" in reason for reason in found.reasons)
    again = night_after(1)  # what lies beyond the usual window is told once
    assert "still not proved complete: 26 days from 2026-02-09 to 2026-03-06" in again.notes
    assert not any("from 2026-02" in reason for reason in again.reasons)
    site.behave()
    assert night_after(2).state == "completed"
    assert texts(place.settings) == expected(site, TODAY - dt.timedelta(54), TODAY)


@pytest.mark.slow
def test_a_night_reaches_back_to_the_first_one_where_every_one_failed(
    site: MisbehavingMinistry, place: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.stop()
    assert night(place.settings).state == "failed"
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY + dt.timedelta(1))
    assert night(place.settings).state == "failed"
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY + dt.timedelta(9))
    (order,) = plan.night(place.settings)
    assert order.since == TODAY - dt.timedelta(14)
    found = collect(order, place.settings)
    assert f"not proved complete: {coverage.spelt(days_of(TODAY, order.until))}" in found.reasons


def test_a_report_tells_of_every_arrival_the_newest_first(
    site: MisbehavingMinistry, place: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "batches", lambda ids: batches(ids, 3))
    found = run(place.settings).arrivals
    assert {each.url for each in found} == {f"{site.base}{document.path}" for document in site.documents}
    assert len(found) == len(site.documents) > 3
    assert [each.date for each in found] == sorted((each.date for each in found), reverse=True)
    assert {each.disposition for each in found} == {"new"}


def test_an_edit_becomes_a_revision_and_both_texts_stay(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    run(settings)
    changed = site.correct()
    key = changed.path.rsplit("/", 1)[1]
    before = texts(settings)
    found = night(settings)
    assert found.tally.counts["revised"] == 1
    after = texts(settings)
    assert after.pop(key) == [*before.pop(key), render(changed.transcript)]
    assert after == before


def test_the_same_text_at_a_second_address_is_one_transcript(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    run(settings)
    first = max(site.documents, key=lambda document: len(document.transcript.turns))
    site.publish(replace(first, id=905))
    before = texts(settings)
    found = run(settings)
    assert found.tally.counts["duplicate"] == 1
    assert texts(settings) == before
    assert rows(settings)["appearances"] == rows(settings)["transcripts"] + 1


def test_what_happened_to_each_page_is_in_the_ledger_and_adds_up(
    site: MisbehavingMinistry, place: Stage
) -> None:
    site.misbehave("/briefings/114", forbidden())
    site.misbehave("/briefings/113", gone())
    site.misbehave("/briefings/112", html_error())
    site.misbehave("/briefings/111", without_date())
    site.misbehave("/briefings/110", server_error())
    site.misbehave("/briefings/108", hang_up())
    site.misbehave("/briefings/107", truncated())
    site.misbehave("/briefings/106", redirect("/briefings/"))
    found = run(place.settings)
    said = pages(place.settings, found.run_id)
    wanted = {
        "114": "blocked",
        "113": "gone",
        "112": "rejected",
        "111": "rejected",
        "110": "failed",
        "108": "failed",
        "107": "failed",
        "106": "rejected",
    }
    assert {key: said[key][0] for key in wanted} == wanted
    assert all(said[key][1] for key in wanted)
    assert found.tally.discovered == len(site.documents) == sum(found.tally.counts.values())
    assert set(texts(place.settings)) == set(expected(site, *WINDOW)) - set(wanted)
    assert found.state == "degraded" and report.exit_status([found]) == 1


@pytest.mark.slow
def test_a_new_layout_is_told_though_most_of_a_nights_pages_are_old(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    settings = settings.model_copy(update={"window_days": 45})
    newest = max(site.documents, key=lambda document: document.published)
    for number in (901, 902, 903):
        site.misbehave(f"/briefings/{number}", without_date())
        later = newest.published + dt.timedelta(1)
        site.publish(replace(newest, id=number, title=f"Boat {number}", published=later))
    found = night(settings)
    assert found.tally.counts["rejected"] == 3
    assert found.reasons == ("the newest 3 pages were all rejected: a new layout?",)


@pytest.mark.slow
def test_a_night_names_a_new_page_that_it_could_not_read_once(
    site: MisbehavingMinistry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = max(site.documents, key=lambda document: document.published)
    site.publish(replace(newest, id=901, title="Boat 901"))
    site.misbehave("/briefings/901", without_date())
    found = night(settings)
    assert found.state == "completed"
    (told,) = [note for note in found.notes if "not read" in note]
    assert told.startswith(f"new, and not read: 1 page, such as {site.base}/briefings/901: no date: ")
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY + dt.timedelta(1))
    assert not [note for note in night(settings).notes if "not read" in note]


@pytest.mark.slow
def test_a_night_names_a_known_page_that_it_can_read_no_more_once_until_it_is_read_again(
    site: MisbehavingMinistry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    night(settings)
    newest = max(site.documents, key=lambda document: document.published)
    told = []
    for day, lost in enumerate((True, True, False, True), 1):
        site.behave()
        if lost:
            site.misbehave(f"/briefings/{newest.id}", without_date())
        today = TODAY + dt.timedelta(day)
        monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None, today=today: today)
        told.append([note for note in night(settings).notes if "not read" in note])
    assert told[1:3] == [[], []]
    for (note,) in (told[0], told[3]):
        assert note.startswith(
            f"known, and not read any more: 1 page, such as {site.base}/briefings/{newest.id}: no date"
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "days"), [("compare", 1), ("extract", 2)], ids=["tried again", "read on the next day"]
)
def test_a_night_that_broke_off_leaves_it_to_the_next_one_to_name_a_known_page_that_it_could_not_read(
    site: MisbehavingMinistry, settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str, days: int
) -> None:
    def breaks(*_given: object) -> None:
        raise DatabaseError("gone")

    night(settings)
    newest = max(site.documents, key=lambda document: document.published)
    site.misbehave(f"/briefings/{newest.id}", without_date())
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY + dt.timedelta(1))
    (order,) = plan.night(settings)
    with pytest.raises(DatabaseError):
        collect(order, settings, steps=replace(PLAIN, **{step: breaks}))
    told = []
    for day in (days, days + 1):
        monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None, day=day: TODAY + dt.timedelta(day))
        told.append([note for note in night(settings).notes if "not read any more" in note])
    assert list(map(len, told)) == [1, 0]


@pytest.mark.slow
def test_an_error_in_place_of_the_text_is_no_revision_of_many_documents(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    night(settings)
    before = texts(settings)
    site.misbehave("/briefings/1*", same_text())
    found = night(settings)
    count = found.tally.counts["rejected"]
    assert count >= 3 and texts(settings) == before
    assert f"{count} pages came to one and the same text: an error in its place?" in found.reasons
    site.behave()
    assert night(settings).state == "completed" and texts(settings) == before


@pytest.mark.slow
def test_a_notice_in_place_of_known_pages_is_no_revision_of_them(
    site: MisbehavingMinistry, place: Stage
) -> None:
    settings = place.settings
    night(settings)
    before = texts(settings)
    site.misbehave("/briefings/11[0-4]", notice())
    found = night(settings)
    assert found.tally.counts["rejected"] == 3 and texts(settings) == before
    assert found.state == "degraded"
    site.behave()
    assert night(settings).state == "completed" and texts(settings) == before


@pytest.mark.slow
def test_an_edit_of_a_text_at_three_addresses_is_one_revision(
    site: MisbehavingMinistry, place: Stage
) -> None:
    others = "/briefings/7001", "/briefings/7002"
    site.misbehave("/briefings/", linked(*others))
    for other in others:
        site.misbehave(other, copy_of("/briefings/114"))
    assert night(place.settings).state == "completed"
    site.edit("/briefings/114", "three sailings a day", "four sailings a day")
    found = night(place.settings)
    assert (found.state, found.tally.counts["revised"], found.tally.counts["duplicate"]) == (
        "completed",
        1,
        2,
    )
    assert len(texts(place.settings)["114"]) == 2


@pytest.mark.slow
def test_a_page_that_leads_to_a_notice_is_not_there(site: MisbehavingMinistry, place: Stage) -> None:
    night(place.settings)
    site.misbehave("/briefings/114", redirect("/briefings/999"))
    site.misbehave("/briefings/999", notice())
    found = night(place.settings)
    disposition, reason = pages(place.settings, found.run_id)["114"]
    assert disposition == "failed" and "not there, on 1 of 3 days" in (reason or "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        pytest.param(same_text(), id="one text"),
        pytest.param(not_found(), id="not found"),
    ],
)
def test_a_window_is_not_done_in_which_every_page_is_wrong(
    site: MisbehavingMinistry, place: Stage, how: Misbehaviour
) -> None:
    settings = place.settings
    site.misbehave("/briefings/1*", how)
    found = run(settings)
    assert found.state == "degraded" and not texts(settings)
    site.behave()
    assert run(settings).state == "completed"
    assert {key: text[-1] for key, text in texts(settings).items()} == {
        key: text[-1] for key, text in expected(site, *WINDOW).items()
    }


@pytest.mark.slow
def test_texts_that_fit_no_layout_are_told_by_the_run_that_loads_them(
    site: MisbehavingMinistry, place: Stage
) -> None:
    site.misbehave("/briefings/1*", notice())
    found = run(place.settings)
    count = found.tally.counts["new"]
    assert (
        f"{count} of {count} texts fit no layout of their source: a new layout, or a wall?" in found.reasons
    )


@pytest.mark.slow
def test_known_pages_that_lead_to_one_other_are_not_there_and_no_error(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    night(settings)
    for number in (112, 113, 114):
        site.misbehave(f"/briefings/{number}", redirect("/briefings/111"))
    said = pages(settings, night(settings).run_id)
    assert {said[str(number)][0] for number in (112, 113, 114)} == {"failed"}
    assert all("not there, on 1 of 3 days" in said[str(number)][1] for number in (112, 113, 114))


@pytest.mark.slow
def test_pages_that_are_gone_in_numbers_are_told_by_a_night(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    site.misbehave("/briefings/10[0-5]", gone())
    settings = settings.model_copy(update={"window_days": 45})
    found = night(settings)
    count = found.tally.counts["gone"]
    assert count >= 5
    assert f"{count} of {found.tally.discovered} pages gone: has the site moved?" in found.reasons
    old = run(settings)  # an old list may have dead links
    assert old.tally.counts["gone"] >= 5 and old.state == "completed"


@pytest.fixture
def night_after(
    site: MisbehavingMinistry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], set[str]]:
    """A night so many days later; what it asked for."""

    def run_then(days: int) -> set[str]:
        day = TODAY + dt.timedelta(days)
        monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: day)
        site.requests.clear()
        night(settings)
        return {request.path for request in site.requests}

    return run_then


@pytest.mark.slow
def test_a_page_that_no_night_could_read_is_asked_for_when_it_is_listed_no_more(
    site: MisbehavingMinistry, settings: Settings, night_after: Callable[[int], set[str]]
) -> None:
    site.misbehave("/briefings/114", server_error())
    site.misbehave("/briefings/113", without_date())  # its text comes late
    site.misbehave("/briefings/112", redirect("/briefings/", lasting=True))  # and here will never be any
    site.misbehave("/briefings/111", redirect("/briefings/"))  # where the site says "back soon"
    night_after(0)
    site.misbehave("/briefings/11*", without_date())
    late = night_after(20)  # the window begins after them
    lost = {"/briefings/114", "/briefings/113", "/briefings/111"}
    assert lost <= late and "/briefings/112" not in late
    site.behave()
    assert not lost & night_after(21)
    assert lost <= night_after(27)
    assert {"114", "113", "111"} <= texts(settings).keys() and "112" not in texts(settings)
    assert not lost & night_after(28)


@pytest.mark.slow
def test_a_refused_revisit_is_put_off_and_stands_before_no_other(
    site: MisbehavingMinistry, night_after: Callable[[int], set[str]]
) -> None:
    night_after(0)
    site.misbehave("/briefings/114", server_error())
    assert "/briefings/114" in night_after(20)
    assert "/briefings/114" not in night_after(21)
    assert "/briefings/114" in night_after(27)
    site.behave()
    assert "/briefings/114" in night_after(34)
    assert "/briefings/114" not in night_after(50)


@pytest.mark.slow
def test_what_was_missed_is_found_by_the_next_run(site: MisbehavingMinistry, place: Stage) -> None:
    site.misbehave("/briefings/11*", challenge())
    run(place.settings)
    site.behave()
    found = run(place.settings)
    assert texts(place.settings) == expected(site, *WINDOW)
    assert found.state == "completed"


@pytest.mark.parametrize(
    "how",
    [
        challenge,
        empty_listing,
        *(pytest.param(way, marks=pytest.mark.slow) for way in (server_error, repeated_listing, hang_up)),
    ],
)
def test_a_listing_that_is_none_never_ends_a_window_as_complete(
    site: MisbehavingMinistry, place: Stage, how: Callable[[], Misbehaviour]
) -> None:
    site.misbehave("/briefings/page/*", how())
    site.misbehave("/briefings/by-date/*", server_error())
    found = run(place.settings)
    assert found.state == "degraded"
    assert any("not proved complete" in reason for reason in found.reasons)


@pytest.mark.slow
def test_a_site_that_answers_nothing_fails_the_run(site: MisbehavingMinistry, place: Stage) -> None:
    site.misbehave("*", challenge())
    found = run(place.settings)
    assert found.state in ("degraded", "failed")
    assert report.exit_status([found]) != 0
    site.stop()
    found = run(place.settings)
    assert found.state == "failed" and report.exit_status([found]) == 3
    assert texts(place.settings) == {}


def test_robots_txt_is_obeyed(site: MisbehavingMinistry, place: Stage) -> None:
    site.misbehave("/robots.txt", robots_forbid("/briefings/1"))
    found = run(place.settings)
    assert found.tally.counts == {"blocked": found.tally.discovered}
    assert not any(request.path.startswith("/briefings/1") for request in site.requests)


@pytest.mark.slow
def test_what_robots_txt_asks_of_others_is_not_asked_of_us(site: MisbehavingMinistry, place: Stage) -> None:
    # Words of our user agent, which say what we are.
    site.misbehave("/robots.txt", robots_of("archive", "Disallow: /", "", "User-agent: press", "Disallow: /"))
    assert night(place.settings).state == "completed"
    site.misbehave("/robots.txt", robots_of("PODIUM", "Disallow: /"))
    assert night(place.settings).state == "failed"


@pytest.mark.slow
def test_a_fault_that_passes_is_tried_again(site: MisbehavingMinistry, place: Stage) -> None:
    site.misbehave("/briefings/114", times(2, unavailable()))
    assert run(place.settings).state == "completed"


def test_every_response_is_archived_before_it_is_read(site: MisbehavingMinistry, place: Stage) -> None:
    site.misbehave("/briefings/114", challenge())
    run(place.settings)
    database = Database(place.settings.database_url)
    with database.read() as session:
        captures = list(session.scalars(select(models.Capture)))
    database.close()
    archive = Archive(place.settings.archive)
    urls = set()
    for capture in captures:
        where = Location(capture.warc, capture.offset, capture.length)
        record = archive.read(where, digest=capture.digest)
        assert (record.url, record.status, len(record.body)) == (capture.url, capture.status, capture.size)
        urls.add(capture.url.removeprefix(site.base))
    asked = {request.path for request in site.requests}
    assert urls == asked


def test_the_user_agent_says_who_and_where_to_complain_and_the_sources_language_is_asked_for(
    site: MisbehavingMinistry, place: Stage
) -> None:
    settings = place.settings.model_copy(update={"contact": "archive@example.org"})
    file = place.folder / "sources" / "demo.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace('language = "en"', 'language = "fr"'), encoding="utf-8"
    )
    languages = set[str]()

    def notice(ministry: MisbehavingMinistry, visit: Visit) -> None:
        languages.add(visit.headers["Accept-Language"])
        visit.give(ministry.answer(visit.path))

    site.misbehave("/briefings/*", notice)
    night(settings)
    assert languages == {"fr, *;q=0.1"}
    agents = {request.user_agent for request in site.requests}
    assert all(agent.startswith("Podium/") and "archive@example.org" in agent for agent in agents)


@pytest.mark.slow
def test_a_crawl_whose_caller_is_killed_ends_and_the_next_run_makes_up_for_it(
    site: MisbehavingMinistry, place: Stage
) -> None:
    site.misbehave("/briefings/", hang(60))
    code = "import sys; from flows.cli import main; sys.argv = ['podium', 'backfill', *sys.argv[1:]]; main()"
    window = ["--since", "2020-01-01"]
    caller = subprocess.Popen(
        [sys.executable, "-c", code, *window],
        env=os.environ | place.settings.environment(),
        cwd=Path(__file__).parent.parent,
    )
    wait_for(lambda: any(request.path == "/briefings/" for request in site.requests))
    spiders = children(caller.pid)
    assert spiders
    os.kill(caller.pid, signal.SIGKILL)
    caller.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in spiders))
    site.behave()
    run(place.settings)
    assert texts(place.settings) == expected(site, *WINDOW)
    database = Database(place.settings.database_url)
    with database.read() as session:
        newest, killed = lookup.recent_runs(session, 2)
        assert (newest.state, killed.state) == ("completed", "failed")
    database.close()


def test_what_reads_ends_with_the_process_that_it_reads_for_though_that_is_killed() -> None:
    program = """
import os, signal
from flows.readers import FEW, Readers
pool = Readers().pool_for(range(FEW + 1))
print(*{pool.submit(os.getpid).result() for _ in range(4)}, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    # Whoever reads what it says, as cron does, hears its end only when nobody has the pipe any more.
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == -signal.SIGKILL
    reading = done.stdout.split()
    assert reading
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in reading))


@pytest.mark.slow
def test_ctrl_c_ends_the_crawl_and_the_run_within_seconds(site: MisbehavingMinistry, place: Stage) -> None:
    site.misbehave("/briefings/", hang(60))
    podium = Path(sys.executable).parent / "podium"
    caller = subprocess.Popen(
        [podium, "backfill", "--since", "2020-01-01"],
        env=os.environ | place.settings.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: any(request.path == "/briefings/" for request in site.requests))
    spiders = children(caller.pid)
    caller.send_signal(signal.SIGINT)
    _, told = caller.communicate(timeout=15)
    assert (caller.returncode, told) == (130, "podium: interrupted\n")
    assert spiders and not any(Path(f"/proc/{pid}").exists() for pid in spiders)
    database = Database(place.settings.database_url)
    with database.read() as session:
        (ended,) = lookup.recent_runs(session, 2)
        assert ended.state == "failed" and "Cancelled: told to stop" in ended.reasons
    database.close()


def test_ctrl_c_is_not_for_the_processes_that_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "FEW", -1)
    with readers.Readers() as several:
        pool = several.pool_for([])
        assert pool is not None
        os.kill(pool.submit(os.getpid).result(), signal.SIGINT)
        assert all(pool.submit(os.getpid).result() for _ in range(4))


def test_two_runs_at_once_neither_duplicate_nor_fail(site: MisbehavingMinistry, settings: Settings) -> None:
    (order,) = plan.backfill(settings, *WINDOW)
    with ThreadPoolExecutor() as threads:
        found = list(threads.map(collect, [order, order], [settings, settings]))
    assert [each.state for each in found] == ["completed", "completed"]
    assert texts(settings) == expected(site, *WINDOW)


@pytest.mark.slow
def test_a_source_that_fails_never_stops_another(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    file = tmp_path / "silent.toml"
    text = site.source_toml().replace('id = "demo"', 'id = "silent"')
    # Nothing listens on the discard port.
    file.write_text(text.replace(site.base, "http://127.0.0.1:9"), encoding="utf-8")
    (good,) = plan.backfill(place.settings, *WINDOW)
    bad = replace(good, source=load_source(file))
    found = collect_all([bad, good], lambda one, _stop: collect(one, place.settings))
    assert [each.state for each in found] == ["failed", "completed"]
    assert texts(place.settings) == expected(site, *WINDOW)


def test_a_page_that_holds_the_samples_text_gives_back_its_bytes(
    site: MisbehavingMinistry, settings: Settings, corpus: Path
) -> None:
    """The page is of the test site; the text is the file that fixed the format."""
    (sample,) = (corpus.parent / "seed").glob("*.txt")
    text = sample.read_text(encoding="utf-8")
    first = site.documents[0]
    like = parse(text)
    site.publish(page_of(first, like))
    since = until = like.date
    found = run(settings, since, until)
    assert found.tally.counts == {"new": 1}
    assert texts(settings)["906"] == [text]


# --- what the tests above wait and look with -------------------------------------------------------


def page_of(first: Document, like: Transcript) -> Document:
    """A document of the test site with another transcript's date and words."""
    noon = dt.datetime.combine(like.date, dt.time(12), tzinfo=first.published.tzinfo)
    blocks = [
        Block(paragraph, turn.label if n == 0 else None)
        for turn in like.turns
        for n, paragraph in enumerate(turn.paragraphs)
    ]
    plain = {"lead": None, "number": None, "event_date": None, "contents": False}
    return replace(
        first, id=906, published=noon, modified=noon, title=like.title, blocks=tuple(blocks), **plain
    )


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Until a condition holds; fails after some seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    """The processes that a process has started (Linux)."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for task in tasks for word in task.read_text().split()]


def test_a_traceback_of_a_crawl_is_one_record_of_the_runs_log(
    site: MisbehavingMinistry, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    site.misbehave("/robots.txt", hang_up())
    with caplog.at_level(logging.DEBUG, "podium.crawl"):
        night(settings)
    assert min(each.levelno for each in caplog.records if each.name == "podium.crawl") == logging.INFO
    told = [each.getMessage() for each in caplog.records if "Traceback" in each.getMessage()]
    assert told and all("\n  File " in each and each.splitlines()[-1][0] != " " for each in told)
    assert not [each for each in caplog.records if each.getMessage().startswith((" ", "Traceback"))]


@pytest.mark.slow
def test_what_has_been_fetched_is_loaded_while_the_crawl_goes_on(
    site: MisbehavingMinistry, place: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "BATCH", 2)
    settings = place.settings.model_copy(update={"delay": 0.2})
    (order,) = plan.backfill(settings, *WINDOW)
    seen: list[tuple[str, int]] = []
    collect(
        order,
        settings,
        progress=lambda _source, step, tally: seen.append((step, tally.counts.get("new", 0) if tally else 0)),
    )
    assert texts(settings) == expected(site, *WINDOW)
    assert any(step == "crawl" and new for step, new in seen)
