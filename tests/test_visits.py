"""Asking again: nothing is asked for twice without need, no edit is missed, and what vanishes is noticed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import select

from flows import plan
from flows.collect import SourceReport, collect
from flows.demo import Stage
from flows.demo_site import Answer
from flows.demo_site.content import spelt
from flows.settings import Settings
from flows.steps import CLOCK
from storage import models, visits
from storage.database import Database
from tests.conftest import TODAY
from tests.site import MisbehavingMinistry, clock, copy_of, gone, linked, redirect, same_etag
from tests.test_collect import pages, rows, texts

pytestmark = pytest.mark.slow  # many crawls one after the other

Night = Callable[[int], SourceReport]
WINDOW = (TODAY - dt.timedelta(45), TODAY)


@pytest.fixture
def settings(place: Stage) -> Settings:
    """On SQLite alone: nothing here asks a database for anything of its own kind."""
    return place.settings


@pytest.fixture
def night(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Night:
    """A night of the test site, so many days after the day on which it publishes."""

    def run(days: int) -> SourceReport:
        monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY + dt.timedelta(days))
        (order,) = plan.night(settings)
        return collect(order, settings)

    return run


@pytest.fixture
def backfill(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SourceReport]:
    """A backfill of all that the test site has, so many days later."""

    def run(days: int = 0, *, again: bool = False) -> SourceReport:
        monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY + dt.timedelta(days))
        (order,) = plan.backfill(settings, *WINDOW, again=again)
        return collect(order, settings)

    return run


def asked(site: MisbehavingMinistry) -> list[str]:
    """The documents that were asked for since this was last called."""
    paths = [request.path for request in site.requests]
    site.requests.clear()
    return sorted(path for path in paths if path.removeprefix("/briefings/").isdigit())


def told_apart_by(settings: Settings, pattern: str) -> None:
    """Give the source's file another pattern of its documents' addresses."""
    assert settings.sources is not None
    file = settings.sources / "demo.toml"
    file.write_text(re.sub("(?m)^document = .*$", lambda _: f"document = '{pattern}'", file.read_text()))


def age(site: MisbehavingMinistry, path: str) -> int:
    return (TODAY - site.document(path).date).days


def test_a_known_page_is_asked_for_at_each_run_of_its_first_week_then_weekly_and_then_monthly(
    site: MisbehavingMinistry, backfill: Callable[..., SourceReport]
) -> None:
    paths = [document.path for document in site.documents]
    backfill()
    assert asked(site) == sorted(paths)
    backfill()
    young = sorted(path for path in paths if age(site, path) < 7)
    assert 0 < len(young) < len(paths)
    assert asked(site) == young
    backfill(days=7)
    middle = sorted(path for path in paths if age(site, path) < 31)
    assert asked(site) == middle
    assert backfill(days=8).tally.counts == {"unchanged": len(paths)}
    assert asked(site) == []
    backfill(days=38)
    assert asked(site) == sorted(paths)


def test_what_is_not_due_is_asked_for_again_when_somebody_says_so(
    site: MisbehavingMinistry, settings: Settings, backfill: Callable[..., SourceReport]
) -> None:
    backfill()
    old = site.documents[-1].path
    words = site.document(old).transcript.turns[0].paragraphs[0].split()[0]
    site.edit(old, words, "Indeed")
    assert "revised" not in backfill().tally.counts
    found = backfill(again=True)
    assert found.tally.counts["revised"] == 1
    assert len(texts(settings)[old.rsplit("/", 1)[1]]) == 2


def test_a_page_that_did_not_change_is_not_sent_nor_archived_again(
    site: MisbehavingMinistry, settings: Settings, night: Night
) -> None:
    night(0)
    before = rows(settings)
    found = night(0)
    assert found.tally.counts == {"unchanged": found.tally.discovered}
    told = {reason for _, reason in pages(settings, found.run_id).values()}
    assert "HTTP 304: not modified" in told
    # Only the discovery's own pages were archived again.
    assert rows(settings)["captures"] - before["captures"] < 6
    assert rows(settings) | {"captures": 0} == before | {"captures": 0}


def test_an_edit_is_seen_though_the_site_says_that_nothing_changed(
    site: MisbehavingMinistry, settings: Settings, night: Night
) -> None:
    site.misbehave("/briefings/114", same_etag())
    night(0)
    site.correct()
    revised = [night(0).tally.counts.get("revised", 0) for _ in range(5)]
    assert revised == [0, 0, 0, 0, 1]
    assert len(texts(settings)["114"]) == 2


def test_a_page_that_is_due_is_asked_for_though_nothing_lists_it_any_more(
    site: MisbehavingMinistry, settings: Settings, backfill: Callable[..., SourceReport], night: Night
) -> None:
    backfill()
    asked(site)
    found = night(60)
    assert (found.since, found.tally.discovered) == (TODAY + dt.timedelta(46), len(site.documents))
    assert asked(site) == sorted(document.path for document in site.documents)
    assert found.tally.counts == {"unchanged": len(site.documents)}


def test_a_page_that_leads_to_its_longer_address_is_asked_for_there_no_more_often_than_any_other(
    site: MisbehavingMinistry, settings: Settings, night: Night
) -> None:
    told_apart_by(settings, r"/briefings/\d+")
    site.misbehave("/briefings/114", redirect("/briefings/114/on-ferries"))
    # As most sites do, it answers whole, whatever it is asked.
    page = Answer(site.answer("/briefings/114").body)
    site.misbehave("/briefings/114/on-ferries", lambda _site, visit: visit.give(page))
    night(0)

    def times_asked(days: int) -> int:
        site.requests.clear()
        night(days)
        return sum(each.path == "/briefings/114/on-ferries" for each in site.requests)

    assert [times_asked(days) for days in (20, 21, 26, 27, 28)] == [1, 0, 0, 1, 0]
    with Database(settings.database_url) as database, database.read() as session:
        key = models.Appearance.key.contains("/briefings/114")
        assert len(session.scalars(select(models.Appearance).where(key)).all()) == 1


def test_a_page_that_the_source_file_calls_no_document_any_more_is_not_asked_for(
    site: MisbehavingMinistry, settings: Settings, backfill: Callable[..., SourceReport], night: Night
) -> None:
    backfill()
    before, count = texts(settings), len(site.documents)
    told_apart_by(settings, "/briefings/(?P<id>114)$")
    asked(site)
    assert night(60).tally.counts == {"unchanged": 1}
    assert asked(site) == ["/briefings/114"] and count > 1
    assert texts(settings) == before


def test_an_edit_of_a_document_and_of_its_copy_that_was_found_on_another_day_is_one_revision(
    site: MisbehavingMinistry, settings: Settings, night: Night
) -> None:
    told_apart_by(settings, r"/briefings/\w+$")
    site.misbehave("/briefings/again", copy_of("/briefings/114"))
    age_today = age(site, "/briefings/114")
    night(7 - age_today)
    site.misbehave("/briefings/", linked("/briefings/again"))
    assert night(9 - age_today).tally.counts["duplicate"] == 1
    night(14 - age_today)
    site.correct()
    assert [night(day - age_today).tally.counts.get("new") for day in (16, 21)] == [None, None]
    said = [each for key, each in texts(settings).items() if key.endswith(("/114", "/again"))]
    assert [len(each) for each in said] == [2]


def test_a_page_that_vanishes_is_gone_after_three_days_and_can_come_back(
    site: MisbehavingMinistry, settings: Settings, night: Night
) -> None:
    night(0)
    site.misbehave("/briefings/114", gone())

    def told(days: int) -> tuple[str | None, str | None]:
        return pages(settings, night(days).run_id)["114"]

    assert told(1) == ("failed", "HTTP 410: not there, on 1 of 3 days")
    assert told(1) == ("failed", "HTTP 410: not there, on 1 of 3 days")  # the same day counts once
    assert told(2) == ("failed", "HTTP 410: not there, on 2 of 3 days")
    assert told(3) == ("gone", "HTTP 410: not there, on 3 days")
    assert told(4)[0] == "unchanged"  # not asked for
    assert len(texts(settings)["114"]) == 1
    site.behave()
    assert told(40)[0] == "unchanged"
    with Database(settings.database_url) as database, database.read() as session:
        page = session.scalars(select(models.Appearance).where(models.Appearance.key == "114")).one()
    assert (page.missing, page.visited_on) == (0, TODAY + dt.timedelta(40))


def test_a_listed_page_that_never_was_there_is_gone_and_a_new_one_may_yet_come(
    site: MisbehavingMinistry, settings: Settings, night: Night
) -> None:
    listed = site.document("/briefings/114").date
    site.misbehave("/briefings/114", gone())
    first = night((listed - TODAY).days + 2)
    assert pages(settings, first.run_id)["114"] == ("failed", "HTTP 410: not there yet")
    assert first.state == "degraded"
    later = night((listed - TODAY).days + 3)
    assert pages(settings, later.run_id)["114"] == ("gone", "HTTP 410: not there")


def test_a_page_that_was_refused_is_asked_for_again_whenever_it_is_listed(
    site: MisbehavingMinistry, settings: Settings, backfill: Callable[..., SourceReport]
) -> None:
    old = site.documents[-1].path
    site.misbehave(old, gone())
    backfill()
    site.behave()
    assert backfill(days=1).tally.counts["new"] == 1


def test_a_page_that_leads_to_another_document_is_not_there_and_keeps_its_text(
    site: MisbehavingMinistry, settings: Settings, night: Night
) -> None:
    night(0)
    before = texts(settings)
    site.misbehave("/briefings/114", redirect("/briefings/113"))
    disposition, reason = pages(settings, night(1).run_id)["114"]
    assert disposition == "failed"
    assert reason == f"redirected to {site.base}/briefings/113: not there, on 1 of 3 days"
    assert texts(settings) == before


@pytest.mark.parametrize("ahead", [0, 1], ids=["of its zone", "of a zone where it is tomorrow"])
def test_a_clock_in_place_of_a_pages_date_is_told_and_dates_nothing_anew(
    site: MisbehavingMinistry, settings: Settings, night: Night, ahead: int
) -> None:
    night(0)
    before = texts(settings)
    for day in (1, 2):
        site.misbehave("/briefings/1*", clock(TODAY + dt.timedelta(day + ahead)))
        found = night(day)
        assert found.state == "degraded" and set(found.tally.counts) == {"rejected", "unchanged"}
        assert pages(settings, found.run_id)["114"] == ("rejected", CLOCK)
        assert texts(settings) == before


def test_a_clock_on_a_copy_is_nothing_to_tell_as_the_copys_date_counts_for_nothing(
    site: MisbehavingMinistry, settings: Settings, night: Night
) -> None:
    told_apart_by(settings, r"/briefings/\w+$")
    copy = site.answer("/briefings/114")
    site.misbehave("/briefings/", linked("/briefings/again"))
    days = [site.document("/briefings/114").date, TODAY + dt.timedelta(1), TODAY + dt.timedelta(2)]
    told = []
    for day, shown in enumerate(days):
        head = f'<body>\n<time class="document__date">{spelt(shown)}</time>'.encode()
        page = replace(copy, body=copy.body.replace(b"<body>", head, 1), etag=None, modified=None)
        site.misbehave("/briefings/again", lambda _site, visit, page=page: visit.give(page))
        found = pages(settings, night(day).run_id)
        told += [each for key, (each, _) in found.items() if key.endswith("/again")]
    assert told == ["duplicate", "unchanged", "unchanged"]


def test_a_page_that_is_dated_anew_is_believed_once_its_date_is_not_todays(
    site: MisbehavingMinistry, settings: Settings, night: Night
) -> None:
    night(0)
    site.misbehave("/briefings/114", clock(TODAY + dt.timedelta(1)))
    told = [pages(settings, night(day).run_id)["114"][0] for day in (1, 2, 3)]
    assert told == ["rejected", "revised", "unchanged"]
    assert len(texts(settings)["114"]) == 2


def test_a_page_that_is_listed_with_a_later_date_is_asked_for_once_more() -> None:
    old = visits.Visit(due=False, published=TODAY - dt.timedelta(400), visited_on=TODAY - dt.timedelta(3))
    assert old.is_due(TODAY) and old.is_due(TODAY - dt.timedelta(3))
    assert not old.is_due(TODAY - dt.timedelta(4))  # it was visited since
    assert not old.is_due(TODAY - dt.timedelta(400)) and not old.is_due(None)
