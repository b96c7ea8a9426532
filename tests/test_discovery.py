"""Discovery: a window's documents are all found, or its gaps are named; a hostile page is a complaint.

The pages come over real HTTP from the ministry's site, by a fetch that does what the crawl's does.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.accept import GONE
from crawler.discovery import Walk
from crawler.job import Bookmark
from crawler.sheets import Link, Sheet, read_feed, read_items
from crawler.source import Calendar, Feed, Listing, Source
from crawler.source_files import load_source
from crawler.ways import GIVE_UP, UNTOLD_PAGES, Missed
from flows.demo_site import Answer
from storage.ledger import Found
from tests.site import (
    MisbehavingMinistry,
    Misbehaviour,
    challenge,
    empty_listing,
    endless_calendar,
    hang_up,
    html_error,
    not_found,
    redirect,
    repeated_listing,
    server_error,
    soft_404,
    truncated,
)

TODAY = dt.date(2026, 3, 20)
KINDS: dict[str, type[Feed | Listing | Calendar]] = {"feed": Feed, "listing": Listing, "calendar": Calendar}


def ago(days: int) -> dt.date:
    return TODAY - dt.timedelta(days)


def days(since: dt.date, until: dt.date) -> list[dt.date]:
    return [since + dt.timedelta(n) for n in range((until - since).days + 1)]


async def fetch(url: str) -> Sheet:
    """A discovery page over real HTTP."""

    def get() -> Sheet:
        request = urllib.request.Request(url, headers={"User-Agent": "podium-tests", "Connection": "close"})
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return Sheet(reply.url, reply.read().decode(errors="replace"))
        except urllib.error.HTTPError as problem:
            problem.close()
            raise Missed(f"HTTP {problem.code}", absent=problem.code in GONE) from problem
        except (OSError, HTTPException) as problem:
            raise Missed(f"{type(problem).__name__}: {problem}") from problem

    return await asyncio.to_thread(get)


class Walked:
    """A walk that has come to its end."""

    def __init__(
        self,
        source: Source,
        since: dt.date,
        until: dt.date,
        today: dt.date = TODAY,
        bookmarks: Mapping[str, Bookmark] = {},
    ) -> None:
        self.walk = Walk(source, since, until, today, fetch, bookmarks=bookmarks)
        self.found = asyncio.run(self._all())
        self.keys = {found.key for found in self.found}
        self.gaps = self.walk.gaps
        self.complaints = self.walk.complaints

    async def _all(self) -> list[Found]:
        return [found async for found in self.walk.found()]


@pytest.fixture
def source(site: MisbehavingMinistry, tmp_path: Path) -> Source:
    """The ministry with all its ways to the documents."""
    path = tmp_path / "demo.toml"
    path.write_text(site.source_toml(), encoding="utf-8")
    return load_source(path)


def only(source: Source, *kinds: str, **facts: object) -> Source:
    """The source with some of its ways only, and other facts about them."""
    ways = tuple(
        entry.model_copy(
            update={name: value for name, value in facts.items() if name in type(entry).model_fields}
        )
        for entry in source.discover
        if entry.kind in kinds
    )
    return source.model_copy(update={"discover": ways})


def published(site: MisbehavingMinistry, since: dt.date, until: dt.date) -> set[str]:
    return {str(document.id) for document in site.documents if since <= document.date <= until}


# --- whole windows -------------------------------------------------------------------------------

WINDOWS = [
    (ago(14), TODAY),
    (ago(40), TODAY),
    (ago(40), ago(35)),
    (ago(20), ago(10)),
    (ago(1), ago(1)),
    (TODAY, TODAY),
]


@pytest.mark.parametrize(("since", "until"), WINDOWS)
@pytest.mark.parametrize(
    "kinds", [("listing",), ("calendar",), ("feed", "listing", "calendar")], ids="+".join
)
def test_exactly_the_documents_of_a_window_are_found(
    site: MisbehavingMinistry, source: Source, kinds: tuple[str, ...], since: dt.date, until: dt.date
) -> None:
    walked = Walked(only(source, *kinds, frame=".briefings"), since, until)
    assert walked.keys == published(site, since, until)
    assert walked.gaps == []
    assert walked.complaints == []
    for found in walked.found:
        assert found.date_hint == site.document(f"/briefings/{found.key}").date
        assert found.url == f"{site.base}/briefings/{found.key}"


def test_a_feed_is_complete_back_to_its_oldest_item_and_no_further(
    site: MisbehavingMinistry, source: Source
) -> None:
    oldest = site.documents[4].date  # the feed has five
    walked = Walked(only(source, "feed"), ago(30), TODAY)
    assert walked.keys == {str(document.id) for document in site.documents[:5]}
    assert walked.gaps == days(ago(30), oldest)


def test_nothing_more_is_asked_than_the_window_needs(site: MisbehavingMinistry, source: Source) -> None:
    newer, older = (
        site.documents[4].date,
        site.documents[5].date,
    )  # the first page of the listing ends between
    assert newer > older
    Walked(source, newer, TODAY)
    paths = [request.path for request in site.requests]
    assert paths == ["/feed.xml", "/briefings/", "/briefings/page/2"]


def test_a_window_ends_today(site: MisbehavingMinistry, source: Source) -> None:
    walked = Walked(source, ago(2), TODAY + dt.timedelta(30))
    assert walked.walk.until == TODAY
    assert walked.gaps == []


@pytest.mark.parametrize(
    "kinds", [("listing",), ("calendar",), ("feed", "listing", "calendar")], ids="+".join
)
@pytest.mark.parametrize("cut", [33, 20, 9, 1])
def test_a_window_is_what_its_halves_are(
    site: MisbehavingMinistry, source: Source, kinds: tuple[str, ...], cut: int
) -> None:
    ways = only(source, *kinds, frame=".briefings")
    whole = Walked(ways, ago(40), TODAY)
    older, newer = Walked(ways, ago(40), ago(cut)), Walked(ways, ago(cut), TODAY)
    assert whole.keys == older.keys | newer.keys
    assert whole.gaps == older.gaps == newer.gaps == []


# --- gaps ----------------------------------------------------------------------------------------


BAD = {
    "500": server_error(),
    "challenge": challenge(),
    "soft 404": soft_404(),
    "error page": html_error(),
    "empty": empty_listing(),
    "hang up": hang_up(),
    "truncated": truncated(),
    "repeated": repeated_listing(),
}
PLACES = ["/briefings/", "/briefings/page/2", "/briefings/page/3"]


@pytest.mark.parametrize(
    ("where", "how"),
    # The first page can't repeat an earlier one.
    [pair for pair in itertools.product(PLACES, BAD) if pair != ("/briefings/", "repeated")],
)
def test_a_listing_with_a_bad_page_is_never_taken_for_complete(
    site: MisbehavingMinistry, source: Source, where: str, how: str
) -> None:
    site.misbehave(where, BAD[how])
    walked = Walked(only(source, "listing"), ago(40), TODAY)
    lost = published(site, ago(40), TODAY) - walked.keys
    assert lost
    assert {site.document(f"/briefings/{key}").date for key in lost} <= set(walked.gaps)
    assert walked.complaints


def test_one_missing_page_of_a_numbered_listing_is_stepped_over(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("/briefings/page/2", server_error())
    walked = Walked(only(source, "listing"), ago(40), TODAY)
    hole = site.documents[5:10]
    assert published(site, ago(40), TODAY) - walked.keys == {str(document.id) for document in hole}
    assert {document.date for document in hole} <= set(walked.gaps)
    assert walked.complaints == [f"{site.base}/briefings/page/2: HTTP 500"]
    assert ago(40) not in walked.gaps


def test_a_listing_of_which_two_pages_in_a_row_are_missing_is_given_up(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("/briefings/page/*", not_found())
    walked = Walked(only(source, "listing", first=None), ago(400), TODAY)
    assert [request.path for request in site.requests] == [
        "/briefings/",
        "/briefings/page/2",
        "/briefings/page/3",
    ]
    assert ago(400) in walked.gaps
    assert len(walked.complaints) == 2


@pytest.mark.parametrize("how", [server_error(), challenge(), html_error(), soft_404(), not_found()])
def test_a_day_that_the_calendar_can_not_show_is_a_gap(
    site: MisbehavingMinistry, source: Source, how: Misbehaviour
) -> None:
    day = site.documents[3].date
    site.misbehave(f"/briefings/by-date/{day:%d.%m.%Y}", how)
    walked = Walked(only(source, "calendar", frame=".briefings"), ago(14), TODAY)
    assert walked.gaps == [day]
    assert len(walked.complaints) == 1
    assert walked.keys == published(site, ago(14), TODAY) - published(site, day, day)


def test_an_empty_day_is_believed_only_where_the_frame_of_a_listing_stands(
    site: MisbehavingMinistry, source: Source
) -> None:
    empty = [day for day in days(ago(14), TODAY) if not published(site, day, day)]
    assert Walked(only(source, "calendar", frame=None), ago(14), TODAY).gaps == empty
    assert Walked(only(source, "calendar", frame=".briefings"), ago(14), TODAY).gaps == []
    assert Walked(only(source, "calendar", frame=".unheard-of"), ago(14), TODAY).gaps == empty


def test_a_calendar_that_is_given_up_says_from_which_day_on(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("/briefings/by-date/*", server_error())
    walked = Walked(only(source, "calendar"), ago(14), TODAY)
    assert walked.complaints[-1] == (
        f"{site.base}/briefings/by-date/15.03.2026: not asked for, nor any day before 2026-03-15: "
        "5 failures in a row"
    )
    assert len(walked.gaps) == 15


def test_a_calendar_that_shows_the_same_page_for_every_day_proves_no_other_days(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("/briefings/by-date/*", redirect("/briefings/"))
    oldest = site.documents[4].date
    walked = Walked(only(source, "calendar", frame=None), ago(14), TODAY)
    assert set(walked.gaps) >= set(days(ago(14), oldest)) - {oldest}
    assert "lists other days than" in walked.complaints[0]


@pytest.mark.parametrize("window", [(ago(4), ago(4)), (ago(6), ago(4)), (ago(4), ago(2)), (ago(5), ago(5))])
def test_a_day_that_a_calendar_cuts_in_two_is_found_whole(
    site: MisbehavingMinistry, source: Source, window: tuple[dt.date, dt.date]
) -> None:
    ages = [1, 2, 4, 4, 4, 6, 7, 8]  # four a page; the page of a day is the one where the day begins

    def chunk(_site: MisbehavingMinistry, visit: object) -> None:
        asked = dt.datetime.strptime(visit.path.rpartition("/")[2], "%d.%m.%Y").date()  # type: ignore[attr-defined]
        first = next(n for n, age in enumerate(ages) if ago(age) <= asked) // 4 * 4
        made(lambda _: [(str(n), ago(ages[n])) for n in range(first, first + 4)])(_site, visit)  # type: ignore[arg-type]

    site.misbehave("/briefings/by-date/*", chunk)
    calendar = only(source, "calendar", frame=None)
    walked = Walked(calendar, *window)
    assert walked.gaps == []
    assert walked.keys == {str(n) for n, age in enumerate(ages) if window[0] <= ago(age) <= window[1]}
    site.misbehave(f"/briefings/by-date/{ago(6):%d.%m.%Y}", server_error())
    site.misbehave(f"/briefings/by-date/{ago(5):%d.%m.%Y}", server_error())
    walked = Walked(calendar, *window)
    assert min(window[1], ago(4)) in walked.gaps


def test_the_calendar_fills_what_the_listing_leaves_open(site: MisbehavingMinistry, source: Source) -> None:
    site.misbehave("/briefings/page/2", challenge())
    walked = Walked(only(source, "feed", "listing", "calendar", frame=".briefings"), ago(40), TODAY)
    assert walked.keys == published(site, ago(40), TODAY)
    assert walked.gaps == []
    assert walked.complaints  # the listing's trouble is told all the same


def test_an_old_window_is_walked_by_calendar_and_by_listing_where_that_fails(
    site: MisbehavingMinistry, source: Source
) -> None:
    ways = only(source, "feed", "listing", "calendar", frame=".briefings")
    assert Walked(ways, ago(40), ago(33)).gaps == []
    assert {request.path.split("/")[2] for request in site.requests} == {"by-date"}
    site.misbehave("/briefings/by-date/*", server_error())
    walked = Walked(ways, ago(40), ago(33))
    assert walked.keys == published(site, ago(40), ago(33))
    assert walked.gaps == []


def test_a_miss_in_a_replay_is_a_gap_and_no_complaint(source: Source) -> None:
    async def replayed(url: str) -> Sheet:
        raise Missed("not in the replayed capture", in_replay=True)

    async def drain() -> list[Found]:
        return [found async for found in walk.found()]

    walk = Walk(source, ago(3), TODAY, TODAY, replayed)
    assert asyncio.run(drain()) == []
    assert walk.gaps == days(ago(3), TODAY)
    assert walk.complaints == []


# --- sections ------------------------------------------------------------------------------------


@pytest.fixture
def sections(site: MisbehavingMinistry, source: Source) -> Source:
    """Two sections with a listing each: the ministry's own, and another of the same make."""
    (listing,) = only(source, "listing").discover
    other = {"section": "news", "url": f"{site.base}/news/", "page": f"{site.base}/news/page/{{page}}"}
    site.misbehave(
        "/news/*", lambda _site, visit: visit.give(_site.answer(visit.path.replace("/news/", "/briefings/")))
    )
    return source.model_copy(
        update={
            "discover": (
                listing.model_copy(update={"section": "briefings"}),
                listing.model_copy(update=other),
            )
        }
    )


def test_every_section_is_walked(site: MisbehavingMinistry, sections: Source) -> None:
    walked = Walked(sections, ago(40), TODAY)
    assert walked.gaps == []
    assert {request.path for request in site.requests} >= {"/briefings/page/3", "/news/page/3"}
    assert len(walked.found) == 2 * len(walked.keys)


@pytest.mark.parametrize("where", ["/news/*", "/briefings/*"])
@pytest.mark.parametrize("window", [(ago(39), TODAY), (ago(39), ago(35))], ids=["recent", "old"])
def test_a_section_that_fails_leaves_gaps_though_another_is_complete(
    site: MisbehavingMinistry, sections: Source, where: str, window: tuple[dt.date, dt.date]
) -> None:
    site.misbehave(where, challenge())
    assert Walked(sections, *window).gaps == days(*window)


def test_a_section_that_has_stopped_is_noted_though_another_goes_on(
    site: MisbehavingMinistry, sections: Source
) -> None:
    quiet = sections.expect.silent_days
    dead = [(str(n), ago(quiet + n)) for n in range(1, 5)]
    site.misbehave("/news/", made(lambda _: dead))
    assert Walked(sections, ago(5), TODAY).walk.notes == [
        f"{site.base}/news/: nothing newer than {ago(quiet + 1)}"
    ]
    assert Walked(sections, ago(45), ago(35)).walk.notes == []


# --- bookmarks -----------------------------------------------------------------------------------

NEXT = {"page": None, "pages": None, "next": 'a[rel="next"]'}


@pytest.fixture
def old(site: MisbehavingMinistry) -> MisbehavingMinistry:
    """The ministry with a document a week for two years."""
    first = site.documents[-1]
    for n in range(100):
        when = first.published - dt.timedelta(7 * (n + 1), hours=n)
        site.publish(replace(first, id=1000 + n, published=when, modified=when))
    site.requests.clear()
    return site


def listed(site: MisbehavingMinistry) -> list[int]:
    """The pages of the listing that were asked for since this was last called."""
    paths = [request.path for request in site.requests]
    site.requests.clear()
    return [1 if path == "/briefings/" else int(path.rpartition("/")[2]) for path in paths]


@pytest.mark.parametrize("facts", [{}, NEXT], ids=["numbered", "next"])
def test_an_older_window_is_walked_from_the_page_before_the_one_where_the_newer_one_was_left(
    old: MisbehavingMinistry, source: Source, facts: dict[str, object]
) -> None:
    ways = only(source, "listing", **facts)
    newer = Walked(ways, ago(300), TODAY)
    left = listed(old)[-1]
    older = Walked(ways, ago(400), ago(301), bookmarks=newer.walk.bookmarks)
    asked = listed(old)
    assert 8 < left - 2 <= asked[0] < left
    assert older.keys == published(old, ago(400), ago(301))
    assert older.gaps == older.complaints == []
    oldest = Walked(ways, ago(9000), ago(401), bookmarks=older.walk.bookmarks)
    assert asked[-1] - 2 <= listed(old)[0] < asked[-1]
    assert oldest.keys == published(old, ago(9000), ago(401)) and oldest.gaps == []
    before_all = Walked(ways, ago(9900), ago(9001), bookmarks=oldest.walk.bookmarks)
    assert before_all.keys == set() and before_all.gaps == []
    assert len(listed(old)) <= 3


@pytest.mark.parametrize("facts", [{}, NEXT], ids=["numbered", "next"])
@pytest.mark.parametrize("seed", range(3))
def test_windows_are_whole_however_the_listing_grows_and_shrinks_between_them(
    old: MisbehavingMinistry, source: Source, facts: dict[str, object], seed: int
) -> None:
    chance, ways = random.Random(seed), only(source, "listing", **facts)
    bookmarks: Mapping[str, Bookmark] = {}
    newest, until, identity = old.documents[0], TODAY, itertools.count(5000)
    while until > ago(700):
        since = until - dt.timedelta(chance.randint(1, 90))
        walked = Walked(ways, since, until, bookmarks=bookmarks)
        assert walked.keys == published(old, since, until)
        assert walked.gaps == walked.complaints == []
        bookmarks, until = walked.walk.bookmarks, since - dt.timedelta(1)
        for _ in range(chance.randint(0, 12)):
            if chance.random() < 0.5:
                old.publish(replace(newest, id=next(identity)))
            else:
                old.withdraw(chance.choice(old.documents[:40]).path)


def test_where_entries_were_taken_away_an_older_window_is_walked_from_the_first_page(
    old: MisbehavingMinistry, source: Source
) -> None:
    ways = only(source, "listing")
    newer = Walked(ways, ago(300), TODAY)
    for document in old.documents[:20]:
        old.withdraw(document.path)
    listed(old)
    older = Walked(ways, ago(400), ago(301), bookmarks=newer.walk.bookmarks)
    assert listed(old)[1] == 1
    assert older.keys == published(old, ago(400), ago(301)) and older.gaps == []


@pytest.mark.parametrize("how", [not_found(), challenge(), empty_listing()])
def test_a_bookmark_that_leads_nowhere_is_no_complaint(
    old: MisbehavingMinistry, source: Source, how: Misbehaviour
) -> None:
    ways = only(source, "listing")
    lost = {f"{old.base}/briefings/": Bookmark(page=900, url=f"{old.base}/briefings/page/900")}
    old.misbehave("/briefings/page/900", how)
    older = Walked(ways, ago(200), ago(100), bookmarks=lost)
    assert older.keys == published(old, ago(200), ago(100))
    assert older.gaps == older.complaints == []


def test_a_listing_that_is_out_of_order_gets_no_bookmark(site: MisbehavingMinistry, source: Source) -> None:
    """An old document may be pinned to its top, where an older window's walk has to see it."""
    site.misbehave(
        "/briefings/*", made(lambda n: [("9", ago(90)), ("1", ago(1))] if n == 1 else [(str(n), ago(n * 9))])
    )
    walked = Walked(only(source, "listing", pages=None), ago(40), TODAY)
    assert walked.gaps == [] and walked.walk.bookmarks == {}


# --- listings that don't end ---------------------------------------------------------------------


def made(pages: Callable[[int], Iterable[tuple[str, dt.date | None]]], more: str = "") -> Misbehaviour:
    """A listing whose page `n` has the documents that `pages(n)` names."""
    number = itertools.count(1)

    def serve(_site: MisbehavingMinistry, visit: object) -> None:
        items = ""
        for key, day in pages(next(number)):
            stamp = f'<time datetime="{day}"></time>' if day else ""
            items += f'<li class="briefings__item">{stamp}<a href="/briefings/{key}">x</a></li>'
        visit.give(Answer(f"<ul>{items}</ul>{more}".encode()))  # type: ignore[attr-defined]

    return serve


def test_an_endless_listing_ends(
    site: MisbehavingMinistry, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawler.ways.MOST_PAGES", 20)
    site.misbehave("/briefings/*", made(lambda n: [(str(n), TODAY)]))
    walked = Walked(only(source, "listing"), ago(5), TODAY)
    assert len(site.requests) == 20
    assert walked.gaps == days(ago(5), TODAY)
    assert "no end after 20 pages" in walked.complaints[0]


def test_a_listing_without_dates_is_walked_a_few_pages_and_proves_nothing(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("/briefings/*", made(lambda n: [(str(n), None)]))
    walked = Walked(only(source, "listing"), ago(5), TODAY)
    assert len(site.requests) == UNTOLD_PAGES
    assert walked.keys == {str(n) for n in range(1, UNTOLD_PAGES + 1)}
    assert walked.gaps == days(ago(5), TODAY)
    assert walked.walk.notes == [
        f"{site.base}/briefings/: left after 5 pages without dates, which prove no day"
    ]


@pytest.mark.parametrize("pages", [1, 3, 12])
def test_a_listing_with_the_oldest_first_proves_no_day_that_it_does_not_show(
    site: MisbehavingMinistry, source: Source, pages: int
) -> None:
    listed = [(str(n), ago(400 - n)) for n in range(pages * 10)]
    more = '<a rel="next" href="/briefings/page/{}">'

    def serve(site: MisbehavingMinistry, visit: Any) -> None:
        number = 1 if visit.path == "/briefings/" else int(visit.path.rpartition("/")[2])
        own = listed[10 * number - 10 : 10 * number]
        made(lambda _: own, more.format(number + 1) if number < pages else "")(site, visit)

    site.misbehave("/briefings/*", serve)
    ways = only(source, "listing", page=None, pages=None, next="a[rel=next]", first=None)
    for since, until in ((ago(10), TODAY), (ago(401), ago(300))):
        walked = Walked(ways, since, until)
        shown = {day for _, day in listed} if pages == 3 else set()  # all of it was seen
        proved = set(days(since, until)) - set(walked.gaps)
        assert all(day in shown or day > max(shown, default=TODAY) for day in proved), proved
    notes = [note for note in walked.walk.notes if "with the oldest first" in note]
    assert len(notes) == (pages == 12)


def test_a_listing_that_goes_in_circles_ends(site: MisbehavingMinistry, source: Source) -> None:
    site.misbehave(
        "/briefings/*", made(lambda _: [("1", TODAY)], '<a rel="next" href="/briefings/">Older</a>')
    )
    walked = Walked(only(source, "listing", page=None, pages=None, next="a[rel=next]"), ago(5), TODAY)
    assert len(site.requests) == 2
    assert walked.gaps == days(ago(5), TODAY)
    assert "repeats earlier pages" in walked.complaints[0]


def test_a_listing_that_shrinks_on_the_way_is_not_complete(site: MisbehavingMinistry, source: Source) -> None:
    dated = {1: ("1", ago(1)), 2: ("2", ago(2)), 3: ("3", ago(3))}

    def serve(_site: MisbehavingMinistry, visit: object) -> None:
        number = len(site.requests)
        count = 5 if number < 3 else 3
        made(lambda _: [dated[number]], f'<p data-pages="{count}">')(_site, visit)  # type: ignore[arg-type]

    site.misbehave("/briefings/*", serve)
    walked = Walked(only(source, "listing"), ago(30), TODAY)
    assert walked.keys == {"1", "2", "3"}
    assert walked.complaints == [
        f"{site.base}/briefings/page/3: the listing shrank from 5 to 3 pages on the way"
    ]
    assert ago(30) in walked.gaps and ago(3) in walked.gaps


def test_a_page_that_shows_nothing_because_it_is_a_challenge_is_told(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("*", challenge())
    for kind, page in (("feed", "/feed.xml"), ("listing", "/briefings/"), ("calendar", None)):
        walls: list[str] = []
        walk = Walk(only(source, kind), TODAY, TODAY, TODAY, fetch, lambda url, _: walls.append(url))  # noqa: B023

        async def drain(walk: Walk = walk) -> list[Found]:
            return [found async for found in walk.found()]

        assert asyncio.run(drain()) == []
        assert walls == [site.base + (page or f"/briefings/by-date/{TODAY:%d.%m.%Y}")]


def test_an_empty_page_is_no_challenge(site: MisbehavingMinistry, source: Source) -> None:
    site.misbehave("/briefings/", empty_listing())
    walls: list[str] = []
    walk = Walk(only(source, "listing"), TODAY, TODAY, TODAY, fetch, lambda url, _: walls.append(url))

    async def drain() -> list[Found]:
        return [found async for found in walk.found()]

    assert asyncio.run(drain()) == []
    assert walk.complaints and walls == []


def test_an_endless_calendar_is_asked_for_the_days_of_the_window_only(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("/briefings/by-date/*", endless_calendar())
    walked = Walked(only(source, "calendar"), ago(5), TODAY)
    assert len(site.requests) == 6
    assert walked.keys == {str(day.toordinal()) for day in days(ago(5), TODAY)}


def test_a_listing_is_walked_by_its_next_links(site: MisbehavingMinistry, source: Source) -> None:
    walked = Walked(only(source, "listing", page=None, pages=None, next="a[rel=next]"), ago(40), TODAY)
    assert walked.keys == published(site, ago(40), TODAY)
    assert walked.gaps == []


def test_a_page_that_has_no_way_to_another_may_be_the_first_of_many(
    site: MisbehavingMinistry, source: Source
) -> None:
    walked = Walked(only(source, "listing", page=None, pages=None, first=None), ago(40), TODAY)
    oldest = min(found.date_hint for found in walked.found if found.date_hint is not None)
    assert len(site.requests) == 1 and ago(40) < oldest
    assert walked.gaps == days(ago(40), oldest)


@pytest.mark.parametrize(
    "more", ["", '<a class="pager__next" href="/briefings/page/2">Older</a>'], ids=["one page", "renamed"]
)
def test_a_first_page_without_the_next_link_may_be_the_first_of_many(
    site: MisbehavingMinistry, source: Source, more: str
) -> None:
    site.misbehave("/briefings/", made(lambda _: [("2", ago(1)), ("1", ago(3))], more))
    walked = Walked(only(source, "listing", page=None, pages=None, next="a[rel=next]"), ago(39), TODAY)
    assert walked.keys == {"1", "2"} and walked.gaps == days(ago(39), ago(3))


@pytest.mark.parametrize("more", [None, "a[rel=next]"])
def test_a_list_of_one_page_is_whole_where_it_shows_the_sources_first_document(
    site: MisbehavingMinistry, source: Source, more: str | None
) -> None:
    site.misbehave("/briefings/", made(lambda _: [("2", ago(1)), ("1", ago(9))]))
    ways = only(source, "listing", page=None, pages=None, next=more, first=ago(9))
    assert Walked(ways, ago(39), TODAY).gaps == []
    later = only(source, "listing", page=None, pages=None, next=more, first=ago(10))
    assert Walked(later, ago(39), TODAY).gaps == days(ago(39), ago(9))


def test_a_list_that_ends_proves_no_day_before_its_oldest_document(
    site: MisbehavingMinistry, source: Source
) -> None:
    oldest = min(document.date for document in site.documents)
    before = oldest - dt.timedelta(30)
    walked = Walked(only(source, "listing", first=None), before, TODAY)
    assert walked.gaps == days(before, oldest - dt.timedelta(1)) and walked.complaints == []
    told = f"the list ends with {oldest}; if the site has none that is older, say so with `first`"
    assert walked.walk.notes == [f"{site.base}/briefings/: {told}"]
    whole = Walked(only(source, "listing", first=oldest), before, TODAY)
    assert whole.gaps == [] and whole.walk.notes == []


def test_a_listing_that_breaks_off_is_told_and_proves_nothing_behind_the_break(
    site: MisbehavingMinistry, source: Source
) -> None:
    def serve(ministry: MisbehavingMinistry, visit: object) -> None:
        body = ministry.answer("/briefings/").body
        visit.give(Answer(body[: body.rindex(b"<li")]))  # type: ignore[attr-defined]

    site.misbehave("/briefings/", serve)
    walked = Walked(only(source, "listing"), ago(40), TODAY)
    oldest = site.documents[4].date
    assert "breaks off" in walked.complaints[0]
    assert {str(document.id) for document in site.documents[:4]} <= walked.keys
    assert set(walked.gaps) >= set(days(oldest, oldest))


def test_a_document_that_is_listed_with_a_wrong_year_is_found(
    site: MisbehavingMinistry, source: Source
) -> None:
    rows = [
        ("5", dt.date(2027, 3, 20)),
        ("4", ago(1)),
        ("3", dt.date(2025, 3, 18)),
        ("2", ago(3)),
        ("1", ago(300)),
    ]
    site.misbehave("/briefings/", made(lambda _: rows))
    walked = Walked(only(source, "listing", page=None, pages=None), ago(14), TODAY)
    hints = {found.key: found.date_hint for found in walked.found}
    assert hints == {"5": None, "4": ago(1), "3": None, "2": ago(3)}


def test_the_first_document_of_a_year_is_found_though_it_is_listed_with_the_last_one(
    site: MisbehavingMinistry, source: Source
) -> None:
    rows = [("3", dt.date(TODAY.year - 1, 3, 18)), ("2", ago(30)), ("1", ago(40))]
    site.misbehave("/briefings/", made(lambda _: rows))
    walked = Walked(only(source, "listing", page=None, pages=None), ago(14), TODAY)
    assert {found.key: found.date_hint for found in walked.found} == {"3": None}
    assert walked.gaps == []


@pytest.mark.parametrize("below", [[0, 0, 0, 0], [1, 1], [1]])
def test_a_wrong_year_on_top_makes_no_list_one_with_the_oldest_first(
    site: MisbehavingMinistry, source: Source, below: list[int]
) -> None:
    site.misbehave("/briefings/*", paged([[ago(365), *map(ago, below)], [ago(2), ago(20)]]))
    walked = Walked(only(source, "listing", **NEXT), ago(14), TODAY)
    assert walked.found[0] == Found("100", f"{site.base}/briefings/100", None)
    assert len(walked.keys) == len(below) + 2


def test_a_document_of_an_old_window_is_found_though_it_is_listed_with_a_later_year(
    site: MisbehavingMinistry, source: Source
) -> None:
    # At the end of a page and at the beginning of one: what stands beside it tells.
    pages = [
        [ago(60), ago(200), ago(210), dt.date(2042, 1, 1)],
        [ago(220), ago(230), ago(240)],
        [ago(30), ago(250), ago(260)],
    ]
    site.misbehave("/briefings/*", paged(pages))
    walked = Walked(only(source, "listing", **NEXT), ago(259), ago(205))
    hints = {found.key: found.date_hint for found in walked.found}
    in_order = {"102": 210, "200": 220, "201": 230, "202": 240, "301": 250}
    assert hints == {"103": None, "300": None, **{key: ago(count) for key, count in in_order.items()}}
    # What is kept on top, and old, says nothing of the newer ones below it.
    site.misbehave(
        "/briefings/*", paged([[ago(900), ago(10), ago(20), ago(30)], [ago(220), ago(230), ago(270)]])
    )
    walked = Walked(only(source, "listing", **NEXT), ago(259), ago(205))
    assert {found.key for found in walked.found} == {"100", "200", "201"}


def test_a_listing_that_writes_another_session_into_every_link_ends(
    site: MisbehavingMinistry, source: Source
) -> None:
    session = itertools.count(1)
    old = [(f"{n}", ago(n)) for n in range(1, 6)]
    site.misbehave(
        "/briefings/*", made(lambda _: [(f"{key};jsessionid={next(session):032X}", day) for key, day in old])
    )
    walked = Walked(
        only(source, "listing", page=f"{site.base}/briefings/page/{{page}}", pages=None), ago(30), TODAY
    )
    assert len(site.requests) == 2
    assert "page 2 of the listing repeats earlier pages" in walked.complaints[0]


def test_two_lists_without_a_section_are_both_walked_for_an_old_window(
    site: MisbehavingMinistry, source: Source, sections: Source
) -> None:
    one = sections.model_copy(
        update={"discover": tuple(each.model_copy(update={"section": ""}) for each in sections.discover)}
    )
    walked = Walked(one, ago(40), ago(35))
    assert walked.gaps == [] and len(walked.found) == 2 * len(walked.keys) > 0
    # So they are where a calendar before them has left a day open.
    (calendar,) = only(source, "calendar").discover
    site.misbehave(f"/briefings/by-date/{ago(37):%d.%m.%Y}", server_error())
    both = one.model_copy(update={"discover": (*one.discover, calendar.model_copy(update={"section": ""}))})
    walked = Walked(both, ago(40), ago(35))
    assert walked.gaps == [] and f"{site.base}/news/" in {site.base + each.path for each in site.requests}


@pytest.mark.parametrize("answer", [not_found(), redirect("/briefings/"), made(lambda _: [])])
def test_behind_the_page_of_a_sources_first_document_there_need_be_none(
    site: MisbehavingMinistry, source: Source, answer: Misbehaviour
) -> None:
    pages = [[ago(1), ago(2)], [ago(3), ago(9)]]
    site.misbehave("/briefings/*", paged(pages))
    site.misbehave("/briefings/page/3", answer)
    walking = only(source, "listing", pages=None, first=ago(9))
    walked = Walked(walking, ago(30), TODAY)
    assert (walked.gaps, walked.complaints) == ([], [])
    assert len(walked.found) == 4
    # Else it may be a page that is missing.
    later = Walked(only(source, "listing", pages=None, first=ago(20)), ago(30), TODAY)
    assert later.gaps == days(ago(30), ago(9)) and later.complaints


def test_where_a_listing_tells_the_last_change_a_later_one_may_be_of_the_window(
    site: MisbehavingMinistry, source: Source
) -> None:
    rows = [("4", ago(1)), ("3", ago(20)), ("2", ago(25)), ("1", ago(60))]
    site.misbehave("/briefings/", made(lambda _: rows))
    walking = only(source, "listing", page=None, pages=None, updated=True)
    walked = Walked(walking, ago(30), ago(20))
    assert {found.key: found.date_hint for found in walked.found} == {"4": None, "3": ago(20), "2": ago(25)}
    assert walked.gaps == []


def test_links_are_relative_to_the_base_that_a_page_names(site: MisbehavingMinistry, source: Source) -> None:
    item = f'<li class="briefings__item"><time datetime="{ago(1)}"></time><a href="briefings/7">x</a></li>'
    page = f'<head><base href="/"></head><ul>{item}</ul>'
    site.misbehave("/briefings/", lambda _site, visit: visit.give(Answer(page.encode())))
    walked = Walked(only(source, "listing", page=None, pages=None), ago(5), TODAY)
    assert [found.url for found in walked.found] == [f"{site.base}/briefings/7"]


def test_links_of_which_none_is_a_document_prove_nothing(site: MisbehavingMinistry, source: Source) -> None:
    site.misbehave("/briefings/*", made(lambda _: [(f"statement-{n}", ago(n)) for n in range(12)]))
    walking = only(source, "listing", page=None, pages=None, next="a[rel=next]")
    walked = Walked(walking, ago(11), TODAY)
    assert walked.keys == set() and walked.gaps == days(ago(11), TODAY)
    assert walked.complaints == [f"{site.base}/briefings/: none of 12 links is a document"]


@pytest.mark.parametrize(("count", "told"), [(2, "nothing"), (4, "a note"), (11, "a complaint")])
def test_new_links_that_are_no_documents_are_told_though_older_ones_are(
    site: MisbehavingMinistry, source: Source, count: int, told: str
) -> None:
    moved = [(f"statement-{n}", ago(n // 2)) for n in range(count)]
    site.misbehave("/briefings/", made(lambda _: [*moved, ("7", ago(12)), ("6", ago(20))]))
    walked = Walked(only(source, "listing"), ago(11), TODAY)
    wanted = f"{site.base}/briefings/: none of {count} links newer than {ago(12)} is a document, such as "
    wanted += f"{site.base}/briefings/statement-0"
    assert walked.walk.notes == [wanted] * (told == "a note")
    assert walked.complaints == [wanted] * (told == "a complaint")
    assert walked.gaps == (days(ago(11), TODAY) if told == "a complaint" else [])


def paged(pages: list[list[dt.date]]) -> Misbehaviour:
    """A listing whose pages show documents of some days, each with a link to the next one."""

    def serve(site: MisbehavingMinistry, visit: Any) -> None:
        number = 1 if visit.path == "/briefings/" else int(visit.path.rpartition("/")[2])
        more = f'<a rel="next" href="/briefings/page/{number + 1}">' if number < len(pages) else ""
        own = [(f"{number}{n:02}", day) for n, day in enumerate(pages[number - 1])]
        made(lambda _: own, more)(site, visit)

    return serve


def test_pages_that_rise_one_by_one_and_fall_together_are_newest_first(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("/briefings/*", paged([days(ago(10 * n + 9), ago(10 * n)) for n in range(12)]))
    ways = only(source, "listing", page=None, pages=None, next="a[rel=next]", first=None)
    for since, until in ((ago(100), ago(60)), (ago(5), TODAY)):
        walked = Walked(ways, since, until)
        assert len(walked.keys) > (until - since).days and walked.gaps == []


def test_a_first_page_of_one_old_day_may_be_either_end_of_a_list(
    site: MisbehavingMinistry, source: Source
) -> None:
    old = dt.date(2001, 1, 1)
    pages = [[old + dt.timedelta(n)] * 9 for n in range(9)]
    ways = only(source, "listing", page=None, pages=None, next="a[rel=next]", first=None)
    site.misbehave("/briefings/*", paged(pages))
    assert Walked(ways, ago(3), TODAY).gaps == days(ago(3), TODAY)
    site.misbehave("/briefings/*", paged(pages[::-1]))
    assert Walked(ways, ago(3), TODAY).gaps == []


def test_an_import_of_one_day_or_a_new_document_on_top_hides_no_list_with_the_oldest_first(
    site: MisbehavingMinistry, source: Source
) -> None:
    ways = only(source, "listing", page=None, pages=None, next="a[rel=next]", first=None)
    rising = [days(ago(90 - 10 * n), ago(81 - 10 * n)) for n in range(9)]
    for pages in ([[ago(300)] * 9, [ago(300)] * 9, *rising], [[ago(5), *rising[0]], *rising[1:]]):
        site.misbehave("/briefings/*", paged(pages))
        assert Walked(ways, ago(3), TODAY).gaps == days(ago(3), TODAY)


def test_a_wrong_year_at_the_end_of_a_page_is_found(site: MisbehavingMinistry, source: Source) -> None:
    pages = [days(ago(10 * n + 9), ago(10 * n))[::-1] for n in range(5)]
    pages[1][-1] = pages[1][-1].replace(year=TODAY.year - 1)
    site.misbehave("/briefings/*", paged(pages))
    ways = only(source, "listing", page=None, pages=None, next="a[rel=next]", first=None)
    assert len(Walked(ways, ago(25), TODAY).keys) == 26


def test_an_old_document_on_top_says_nothing_of_where_a_list_ends(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("/briefings/*", paged([[ago(9000), TODAY, ago(1)], [ago(2), ago(400)]]))
    ways = only(source, "listing", page=None, pages=None, next="a[rel=next]", first=None)
    walked = Walked(ways, ago(6000), ago(5990))
    assert walked.gaps == days(ago(6000), ago(5990))
    assert [note for note in walked.walk.notes if f"the list ends with {ago(400)}" in note]


def test_a_list_of_the_first_day_there_is_ends_without_harm(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("/briefings/page/2", made(lambda _: [("1", dt.date.min)]))
    site.misbehave("/briefings/", made(lambda _: [("2", TODAY)], '<a rel="next" href="/briefings/page/2">'))
    ways = only(
        source, "listing", page=None, pages=None, next="a[rel=next]", first=None, date_format="%d.%m.%Y"
    )
    assert Walked(ways, ago(2), TODAY).keys <= {"1", "2"}


def test_a_document_that_a_calendar_has_on_two_days_is_believed(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("/briefings/by-date/*", made(lambda n: [(str(n // 2), None)]))
    walked = Walked(only(source, "calendar", first=None), ago(9), ago(6))
    assert walked.gaps == [] and walked.complaints == []


def test_a_feed_of_links_that_are_no_documents_proves_nothing(
    site: MisbehavingMinistry, source: Source
) -> None:
    moved = source.model_copy(update={"document": "/elsewhere/(?P<id>\\d+)"})
    walked = Walked(only(moved, "feed"), ago(3), TODAY)
    assert walked.gaps == days(ago(3), TODAY)
    assert walked.complaints == [f"{site.base}/feed.xml: none of 5 links is a document"]


def test_what_is_kept_on_top_of_every_page_does_not_lead_through_the_whole_list(
    site: MisbehavingMinistry, source: Source
) -> None:
    pinned = ("500", ago(1))
    more = '<a rel="next" href="/briefings/page/{}">'

    def serve(site: MisbehavingMinistry, visit: Any) -> None:
        number = 1 if visit.path == "/briefings/" else int(visit.path.rpartition("/")[2])
        own = [(str(n), ago(n)) for n in range(10 * number - 10, 10 * number)]
        made(lambda _: [pinned, *own], more.format(number + 1))(site, visit)

    site.misbehave("/briefings/*", serve)
    ways = only(source, "listing", page=None, pages=None, next="a[rel=next]", first=None)
    walked = Walked(ways, ago(14), TODAY)
    assert len(site.requests) <= 3 and walked.gaps == []
    assert walked.keys == {"500", *(str(n) for n in range(15))}


def test_a_day_of_a_calendar_that_fills_several_pages_is_read_to_its_end(
    site: MisbehavingMinistry, source: Source
) -> None:
    def serve(site: MisbehavingMinistry, visit: Any) -> None:
        day = dt.datetime.strptime(visit.path.split("/")[3], "%d.%m.%Y").date()
        page = int((*visit.path.split("/"), "1")[4])
        more = f'<a rel="next" href="/briefings/by-date/{day:%d.%m.%Y}/{page + 1}">' if page < 3 else ""
        made(lambda _: [(f"{(TODAY - day).days}0{page}{n}", day) for n in range(4)], more)(site, visit)

    site.misbehave("/briefings/by-date/*", serve)
    ways = only(source, "calendar", next="a[rel=next]", first=None)
    walked = Walked(ways, ago(2), ago(1))
    assert len(walked.keys) == 24 and walked.gaps == []
    site.misbehave(f"/briefings/by-date/{ago(1):%d.%m.%Y}/3", server_error())
    assert Walked(ways, ago(2), ago(1)).gaps == [ago(1)]


def test_a_calendar_that_does_not_look_at_the_day_proves_none(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("/briefings/by-date/*", made(lambda _: [(str(n), None) for n in range(10)]))
    walked = Walked(only(source, "calendar", first=None), ago(300), ago(290))
    assert walked.gaps == days(ago(300), ago(290))
    assert f"lists what the page of {ago(290)} does" in walked.complaints[0]


def test_a_calendar_that_shows_nothing_for_longer_than_is_usual_proves_nothing(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("/briefings/by-date/*", empty_listing())
    later = TODAY + dt.timedelta(60)
    alone = Walked(only(source, "calendar"), ago(40), ago(5), later)
    assert alone.gaps == days(ago(40), ago(5))
    both = Walked(source, ago(40), ago(5), later)
    assert both.keys == published(site, ago(40), ago(5)) and both.gaps == []
    few = only(source, "calendar")
    assert Walked(few, ago(13), ago(5), later).gaps == days(ago(13), ago(5))  # nor did the days before
    site.behave()
    for n in range(5, 14):
        site.misbehave(f"/briefings/by-date/{ago(n):%d.%m.%Y}", empty_listing())
    assert Walked(few, ago(13), ago(5), later).gaps == []  # so long it has been silent before


def test_a_calendar_that_is_down_is_asked_for_no_other_days_and_none_is_before_the_first_year(
    site: MisbehavingMinistry, source: Source
) -> None:
    alone = only(source, "calendar")
    site.misbehave("/briefings/by-date/*", server_error())
    assert Walked(alone, ago(2), TODAY).gaps == days(ago(2), TODAY)
    assert len(site.requests) == 3
    site.requests.clear()
    site.misbehave(f"/briefings/by-date/{TODAY:%d.%m.%Y}", empty_listing())
    assert Walked(alone, TODAY, TODAY).gaps == [TODAY]
    assert len(site.requests) == 1 + GIVE_UP
    site.misbehave("/briefings/by-date/*", empty_listing())
    assert len(Walked(alone, dt.date.min, dt.date(1, 1, 3)).gaps) == 3


def test_a_template_may_count_from_any_number(site: MisbehavingMinistry, source: Source) -> None:
    zero = f"{site.base}/offset/{{page}}"

    def serve(_site: MisbehavingMinistry, visit: object) -> None:
        path = visit.path  # type: ignore[attr-defined]
        page = int(path.rpartition("/")[2]) + 1
        visit.give(_site.answer(f"/briefings/page/{page}"))  # type: ignore[attr-defined]

    site.misbehave("/offset/*", serve)
    walked = Walked(only(source, "listing", page=zero, start=1), ago(40), TODAY)
    assert [request.path for request in site.requests] == ["/briefings/", "/offset/1", "/offset/2"]
    assert walked.keys == published(site, ago(40), TODAY)


def test_a_page_out_of_order_proves_nothing_by_itself(site: MisbehavingMinistry, source: Source) -> None:
    jumbled = {
        1: [("1", TODAY), ("2", ago(30)), ("3", ago(2)), ("4", ago(20))],
        2: [("5", ago(3)), ("6", ago(25))],
    }
    more = '<a rel="next" href="?2">Older</a>'
    walking = only(source, "listing", page=None, pages=None, next="a[rel=next]")
    site.misbehave("/briefings/*", made(lambda n: jumbled[1] if n == 1 else [], more))
    assert Walked(walking, ago(10), TODAY).gaps == days(ago(10), TODAY)
    site.misbehave("/briefings/*", made(lambda n: jumbled.get(n, []), more))
    assert Walked(walking, ago(10), TODAY).gaps == []


def test_a_listing_that_leads_elsewhere_is_not_followed(site: MisbehavingMinistry, source: Source) -> None:
    away = '<a rel="next" href="http://10.0.0.1/secret">Older</a>'
    site.misbehave("/briefings/*", made(lambda n: [(str(n), TODAY)], away))
    walked = Walked(only(source, "listing", page=None, pages=None, next="a[rel=next]"), ago(5), TODAY)
    assert walked.complaints == ["http://10.0.0.1/secret: not on the source's hosts"]
    assert walked.gaps == days(ago(5), TODAY)


# --- feeds ---------------------------------------------------------------------------------------

ZONE = ZoneInfo("Europe/Lisbon")


def feed(*moments: str, head: str = "") -> str:
    items = "".join(
        f"<item><link>/briefings/{n}</link>{f'<pubDate>{moment}</pubDate>' if moment else ''}</item>"
        for n, moment in enumerate(moments, 1)
    )
    return f'<?xml version="1.0"?>{head}<rss version="2.0"><channel><title>x</title>{items}</channel></rss>'


def given_feed(site: MisbehavingMinistry, text: str | bytes) -> None:
    body = text.encode() if isinstance(text, str) else text
    site.misbehave("/feed.xml", lambda _site, visit: visit.give(Answer(body, content_type="text/xml")))


@pytest.mark.parametrize(
    "moments",
    [
        ("Fri, 20 Mar 2026 09:00:00 GMT", "Tue, 10 Mar 2026 09:00:00 GMT", "Mon, 16 Mar 2026 09:00:00 GMT"),
        ("Tue, 10 Mar 2026 09:00:00 GMT", "Fri, 20 Mar 2026 09:00:00 GMT"),
        ("Fri, 20 Mar 2026 09:00:00 GMT", "", "Tue, 10 Mar 2026 09:00:00 GMT"),
        ("Fri, 20 Mar 2026 09:00:00 GMT", "some day", "Tue, 10 Mar 2026 09:00:00 GMT"),
        ("Fri, 20 Mar 2026 09:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 GMT"),
        ("Fri, 20 Mar 2026 09:00:00 GMT", "Wed, 30 Nov -0001 00:00:00 +0000"),
        ("Fri, 20 Mar 2026 09:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("Fri, 20 Mar 2026 09:00:00 GMT", "Thursday, January 1, 1970 - 01:00"),
        (),
    ],
    ids=[
        *("jumbled", "oldest first", "undated", "unreadable"),
        *("unset", "before year 1", "epoch", "epoch in words", "empty"),
    ],
)
def test_a_feed_out_of_order_or_without_dates_proves_nothing(
    site: MisbehavingMinistry, source: Source, moments: tuple[str, ...]
) -> None:
    given_feed(site, feed(*moments))
    walked = Walked(only(source, "feed"), ago(5), TODAY)
    assert walked.gaps == days(ago(5), TODAY)
    assert len(walked.found) <= len(moments)


def test_the_day_of_an_item_is_the_institutions(site: MisbehavingMinistry) -> None:
    text = feed(
        "Thu, 19 Mar 2026 23:30:00 -0100", "2026-07-01T23:30:00Z", "2026-03-20", "20 Mar 2026 01:00:00 +0300"
    )
    links = read_feed(Sheet(f"{site.base}/feed.xml", text), ZONE)
    assert [link.date for link in links] == [
        dt.date(2026, 3, 20), dt.date(2026, 7, 2), dt.date(2026, 3, 20), dt.date(2026, 3, 19)
    ]  # fmt: skip
    assert links[0].url == f"{site.base}/briefings/1"


def test_an_item_may_be_dated_in_words_but_not_so_that_its_month_could_be_another(
    site: MisbehavingMinistry,
) -> None:
    text = feed(
        "Пт, 20 мар 2026 10:00:00 +0300", "20.03.2026 05:00", "20 March 2026", "03/04/2026", "3-4-2026"
    )
    links = read_feed(Sheet(f"{site.base}/feed.xml", text), ZONE)
    assert [link.date for link in links] == [*[dt.date(2026, 3, 20)] * 3, None, None]


def test_the_day_of_an_item_that_is_dated_in_words_is_the_institutions_too(site: MisbehavingMinistry) -> None:
    text = feed("Вс, 19 июл 2026 20:30:00 -0400", "19 juil. 2026 23:30 GMT", "dim., 19 juil. 2026 23:30:00")
    links = read_feed(Sheet(f"{site.base}/feed.xml", text), ZONE)
    assert [link.date for link in links] == [*[dt.date(2026, 7, 20)] * 2, dt.date(2026, 7, 19)]


def test_the_picture_of_an_item_does_not_say_where_it_leads(site: MisbehavingMinistry) -> None:
    picture = "<url>https://x.example/p.png</url><title>p</title><link>https://x.example/p</link>"
    text = feed("X").replace("X", f"</pubDate><image>{picture}</image><pubDate>Fri, 20 Mar 2026 09:00:00 GMT")
    links = read_feed(Sheet(f"{site.base}/feed.xml", text), ZONE)
    assert links == [Link(f"{site.base}/briefings/1", dt.date(2026, 3, 20))]


# --- hostile input -------------------------------------------------------------------------------

BOMB = (
    '<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in itertools.pairwise("abcdefghij"))
    + "]>"
)
SECRET = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>'

HOSTILE = {
    "binary": bytes(range(256)) * 200,
    "zeros": b"\x00" * 10_000,
    "json": b'{"error": "forbidden", "code": 403}',
    "null": b"null",
    "nothing": b"",
    "bomb": feed("&j;", head=BOMB).encode(),
    "secret": feed("&x;", head=SECRET).encode(),
    "deep": b"<ul>" + b"<div>" * 50_000 + b"x",
    "unclosed": b'<li class="briefings__item"><time datetime="2026-03-19">' * 500,
    "nested": b'<li class="briefings__item"><div><a href="/x">x</a>' * 2_000,
    "deep list": b"<div>" * 1_900 + b'<li class="briefings__item"><a href="/x">x</a></li>' * 5_000,
    "names": b"<rss><channel><item><link>/briefings/1</link><author>" + b"a@" * 50_000 + b"</author>",
    "subjects": feed("X").replace("X", "".join(f"<category>{n}</category>" for n in range(9_000))).encode(),
    "comments": feed("X").replace("X", "</pubDate><description>" + "&lt;!--" * 40_000).encode(),
    "far dates": feed(
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "Mon, 01 Jan 99999999999 1:1:1"
    ).encode(),
    "odd dates": feed(
        "\u0663", "1", "Mon,", "2026-W12-5", "0 0 0 0 0 0", "Fri, 20 Mar 2026 99:00:00 +999999"
    ).encode(),
    "bad links": b'<li class="briefings__item"><a href="http://[">x</a><time>20.03.2026</time></li>'
    b'<li class="briefings__item"><a href="http://h:99999999/briefings/1">x</a></li>'
    b'<li class="briefings__item"><a href="javascript:/briefings/1">x</a></li>'
    b'<li class="briefings__item"><a href="//evil.example/briefings/666">x</a></li>',
    "bad feed links": b"<rss><channel><item><link>http://[</link></item><item><link>//evil.example/briefings/666"
    b"</link><pubDate>Fri, 20 Mar 2026 09:00:00 GMT</pubDate></item></channel></rss>",
    "long link": b'<li class="briefings__item"><a href="/briefings/1?' + b"x" * 9000 + b'">x</a></li>',
    "pages": b'<ul data-pages="' + b"9" * 5000 + b'"><li class="briefings__item"><a href="/x">x</a></li></ul>',
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_is_a_complaint_and_proves_nothing(
    site: MisbehavingMinistry, source: Source, name: str, kind: str
) -> None:
    site.misbehave("*", lambda _site, visit: visit.give(Answer(HOSTILE[name])))
    began = time.process_time()
    walked = Walked(only(source, kind, frame=".briefings"), ago(1), TODAY)
    assert time.process_time() - began < 5
    assert walked.keys <= {"1", "2", "3", "4", "5", "6"}
    assert all(found.url.startswith(site.base) and len(found.url) < 2000 for found in walked.found)
    if kind != "calendar" and not (name == "far dates" and kind == "feed"):
        assert walked.gaps == days(ago(1), TODAY)
    assert all("\n" not in complaint for complaint in walked.complaints)


@pytest.mark.slow
def test_a_huge_listing_is_read_in_reasonable_time(site: MisbehavingMinistry, source: Source) -> None:
    site.misbehave("/briefings/*", made(lambda n: [(str(k), TODAY) for k in range(20_000)] if n == 1 else []))
    began = time.process_time()
    walked = Walked(only(source, "listing"), TODAY, TODAY)
    assert len(walked.keys) == 20_000
    assert walked.gaps == [TODAY]  # the page after it is empty
    assert time.process_time() - began < 15


@settings(deadline=None, max_examples=150)
@given(text=st.text(max_size=200) | st.text("<>/=\"'& \nabcdehilmnoprst:[]!0123456789-", max_size=200))
def test_whatever_a_page_says_its_reading_never_fails(text: str) -> None:
    sheet = Sheet("https://example.org/", text)
    listing = Listing(kind="listing", url=sheet.url, item="*", date="*", date_format="%d.%m.%Y")
    for links in (
        read_feed(sheet, ZONE),
        list(read_items(listing, sheet, "Europe/Lisbon")),
        read_feed(Sheet(sheet.url, feed("X").replace("X", text)), ZONE),
        list(read_items(listing.model_copy(update={"date_format": None}), sheet, "Europe/Lisbon")),
    ):
        assert all(isinstance(link, Link) for link in links)
