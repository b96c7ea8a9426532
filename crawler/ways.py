"""The ways to a source's documents: feeds, site maps, listings and calendars, walked as far as a window needs.

Every page of one gives links and proves some days complete. What of it is a document, and in which order the ways
are tried, `crawler.discovery` decides.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType
from zoneinfo import ZoneInfo

from crawler.accept import challenge_in, verdict_on_end
from crawler.job import Bookmark
from crawler.listed import Dates
from crawler.sheets import (
    Entry,
    Link,
    Sheet,
    has_frame,
    is_last,
    is_whole_map,
    next_link,
    next_page,
    page_count,
    read_feed,
    read_items,
    read_sitemap,
)
from crawler.source import Calendar, Feed, Listing, Section, SiteMap, Source
from storage.address import host_of, uncounted
from storage.days import day_after, days_of

GIVE_UP = 5
"""Days in a row that fail, after which a calendar is left alone: the site is down, or has put up a wall."""

UNTOLD_PAGES = 5
"""How far a listing is walked that has no dates, or the oldest first: nothing says when a window is behind us."""

MOST_PAGES = 5_000
"""No listing is walked further: the longest seen had 1,198 pages."""

MOST_OF_A_DAY = 100
"""Pages of one day of a calendar that are read."""

MOST_MAPS = 100
"""Files of one site map that are read, the newest first. One a month is usual, and an index may name 50,000."""

MOST_UNDATED = 1_000
"""Documents that are taken from a site map though nothing says when they were published or changed."""


class Missed(Exception):  # noqa: N818 - an outcome, not a fault
    """A discovery page that could not be had; the message says why.

    Args:
        reason: one line.
        in_replay: a replayed capture lacks it, which says nothing about the site.
        absent: the site says that there is no such page, as some do for a day without documents.
        told: the reason holds for more than this page, and is reported elsewhere.
    """

    def __init__(
        self, reason: str, *, in_replay: bool = False, absent: bool = False, told: bool = False
    ) -> None:
        super().__init__(reason)
        self.told = told
        self.in_replay = in_replay
        self.absent = absent


Way = Feed | SiteMap | Listing | Calendar
Fetch = Callable[[str], Awaitable[Sheet]]


class Ways:
    """A source's ways, walked for one window.

    Args:
        source: whose pages.
        since: first day of the window.
        until: last day of the window.
        today: the day of the walk, in the source's time zone; in a replay the capture's.
        fetch: gets a discovery page, or raises `Missed`.
        wall: told the address of a page that is a challenge, and what shows it.
        bookmarks: of listings, by their addresses: where to begin instead of at the first page.

    Attributes:
        bookmarks: where this walk left each listing, for an older window's walk.
    """

    def __init__(
        self,
        source: Source,
        since: dt.date,
        until: dt.date,
        today: dt.date,
        fetch: Fetch,
        wall: Callable[[str, str], None] = lambda _url, _what: None,
        bookmarks: Mapping[str, Bookmark] = MappingProxyType({}),
    ) -> None:
        self.source = source
        self.since = since
        self.until = min(until, today)
        self.today = today
        self.listings = 0
        self.complaints: list[str] = []
        self.notes: list[str] = []
        self.bookmarks: dict[str, Bookmark] = {}
        self.way: Way = source.discover[0]
        """What is walked right now."""
        self._failures = 0
        self._fetch = fetch
        self._wall = wall
        self._begin = bookmarks
        self._zone = ZoneInfo(source.timezone)
        self._covered: dict[str, set[dt.date]] = {entry.section: set() for entry in source.discover}

    @property
    def gaps(self) -> list[dt.date]:
        """Days of the window that nothing has proved complete in every section, oldest first."""
        return sorted({day for section in self._covered for day in self._gaps(section)})

    def _gaps(self, section: str) -> list[dt.date]:
        return [day for day in days_of(self.since, self.until) if day not in self._covered[section]]

    def _fail(self, complaint: str) -> None:
        self.complaints.append(complaint)
        self._failures += 1

    def _nothing_on(self, sheet: Sheet, complaint: str) -> None:
        """A page that shows nothing of what it is for, which may be because it is a challenge."""
        self._fail(f"{sheet.url}: {complaint}")
        if wall := challenge_in(sheet.text):
            self._wall(sheet.url, wall)

    def _links(self, entry: Way) -> AsyncIterator[Link]:
        if isinstance(entry, Feed):
            return self._feed(entry)
        if isinstance(entry, SiteMap):
            return self._sitemap(entry)
        return self._listing(entry) if isinstance(entry, Listing) else self._calendar(entry)

    async def _sheet(self, url: str, *, may_be_absent: bool = False) -> Sheet | None:
        """A discovery page; None where it can't be had, and an empty one where there is none and need not be."""
        if not self.source.owns(host_of(url)):
            self.complaints.append(f"{url[:200]}: not on the source's hosts")
            return None
        try:
            sheet = await self._fetch(url)
        except Missed as problem:
            if problem.told:
                self._failures += 1
            elif problem.absent and may_be_absent:
                return Sheet(url, "")
            elif problem.absent:
                self.complaints.append(f"{url}: {problem}")
            elif not problem.in_replay:
                self._fail(f"{url}: {problem}")
            return None
        self.listings += 1
        return sheet

    async def _feed(self, entry: Feed) -> AsyncIterator[Link]:
        sheet = await self._sheet(entry.url)
        if sheet is None:
            return
        links = read_feed(sheet, self._zone)
        if not links:
            self._nothing_on(sheet, "a feed without items")
            return
        self._failures = 0
        days = [link.date for link in links if link.date is not None]
        if len(days) == len(links) and days == sorted(days, reverse=True):
            self._cover(entry, days[-1], day_after(self.today))
        for link in links:
            yield link

    async def _sitemap(self, entry: SiteMap) -> AsyncIterator[Link]:
        """A map's documents. One with dates of publication for all is complete back to its oldest; any other
        proves nothing, for a day of change says only that publication was not later.
        """
        waiting, read, undated = [entry.url], 0, 0
        while waiting and read < MOST_MAPS:
            sheet = await self._sheet(waiting.pop(0))
            read += 1
            if sheet is None:
                continue
            maps, documents = read_sitemap(sheet, self._zone)
            if not maps and not documents:
                self._nothing_on(sheet, "a site map without entries")
                continue
            if whole := is_whole_map(sheet):
                self._failures = 0
            else:
                self._fail(f"{sheet.url}: a site map without its end")
            if read == 1:  # an index within an index is none, by the protocol
                waiting += self._newest(maps)
            elif maps:
                self.complaints.append(
                    f"{sheet.url}: an index within an index, of {len(maps)} maps, is not read"
                )
            days = [each.published for each in documents if each.published is not None]
            if days and len(days) == len(documents) and read == 1 and whole:
                self._cover(entry, min(days), day_after(self.today))
            for each in documents:
                if each.published is None and each.modified is None:
                    undated += 1
                    if undated > MOST_UNDATED:
                        continue
                if self._may_be_newer(each):
                    yield Link(each.url, each.published)
        if waiting:
            self.complaints.append(
                f"{entry.url}: {len(waiting)} more maps than the {MOST_MAPS} that are read"
            )
        if undated > MOST_UNDATED:
            more = f"{undated - MOST_UNDATED} documents without any date were left"
            self.complaints.append(f"{entry.url}: {more}")

    def _newest(self, maps: list[Entry]) -> list[str]:
        """The maps that may list a document of the window, the last changed first."""
        chosen = [each for each in maps if self._may_be_newer(each)]
        chosen.sort(key=lambda each: each.modified or dt.date.max, reverse=True)
        return [each.url for each in chosen]

    def _may_be_newer(self, entry: Entry) -> bool:
        """Whether what was last changed on that day may have been published in the window."""
        return entry.published is not None or entry.modified is None or entry.modified >= self.since

    async def _calendar(self, entry: Calendar) -> AsyncIterator[Link]:
        days, covered, mixed = self._gaps(entry.section)[::-1], self._covered[entry.section], False
        shown = dict[frozenset[str], dt.date]()
        found = False
        for day in days:
            if self._failures >= GIVE_UP:
                address = entry.url.format(date=day)
                told = f"not asked for, nor any day before {day}: {GIVE_UP} failures in a row"
                self.complaints.append(f"{address}: {told}")
                return
            links = [link async for link in self._day(entry, day)]
            mixed |= any(link.date != day for link in links)
            found = found or bool(links)
            other = shown.setdefault(frozenset(uncounted(link.url) for link in links), day)
            if len(links) > 1 and other != day and not mixed:
                # It has no dates beside the links, or the same document would be of two days.
                self._fail(f"{entry.url.format(date=day)}: lists what the page of {other} does")
                covered -= set(days)
                return
            for link in links:
                yield link
        # Where none is covered, as the site is down, there is nothing to doubt.
        if not found and not covered.isdisjoint(days) and not await self._shows_before(entry, days):
            covered -= set(days)  # longer than the source was ever silent: whatever these pages are, no proof
        if mixed:
            # The Kremlin's page of a day is that page of its listing where the day begins. The rest of the day
            # may stand on the page of a day beside it, so no day is complete without those.
            for beside in (day_after(days[0]), days[-1] - dt.timedelta(1)):
                if beside <= self.today and beside not in covered:
                    async for link in self._day(entry, beside):
                        yield link
            covered -= {
                day for day in days if not {day - dt.timedelta(1), min(day_after(day), self.today)} <= covered
            }

    async def _shows_before(self, entry: Calendar, quiet: list[dt.date]) -> bool:
        """Whether a calendar shows anything so shortly before days of nothing that the source may be silent."""
        most = min(self.source.expect.silent_days - len(quiet) + 1, (quiet[-1] - dt.date.min).days)
        for n in range(1, most + 1):
            try:
                sheet = await self._fetch(entry.url.format(date=quiet[-1] - dt.timedelta(n)))
            except Missed as problem:  # of a day that nobody asks about
                self._failures += not (problem.absent or problem.in_replay)
                if self._failures >= GIVE_UP:
                    return False
                continue
            if any(read_items(entry, sheet, self.source.timezone)):
                return True
        return False

    async def _day(self, entry: Calendar, day: dt.date) -> AsyncIterator[Link]:
        sheet = await self._sheet(entry.url.format(date=day))
        if sheet is None:
            return
        links, whole = await self._of_day(entry, sheet, day)
        dates = [link.date or day for link in links]
        if dates and not min(dates) <= day <= max(dates):
            self._fail(f"{sheet.url}: lists other days than {day}")
        elif not whole:
            pass  # and what was wrong is told
        elif dates or has_frame(entry, sheet):
            self._covered[entry.section].add(day)
            self._failures = 0
        else:
            self._nothing_on(sheet, "neither items nor the frame of a listing")
        for link in links:
            yield link

    async def _of_day(self, entry: Calendar, sheet: Sheet, day: dt.date) -> tuple[list[Link], bool]:
        """The links of a day, on its page and on those that follow it, and whether these could all be had."""
        links, seen, page = list[Link](), {sheet.url}, sheet
        while True:
            links += [
                Link(link.url, link.date or day) for link in read_items(entry, page, self.source.timezone)
            ]
            url = next_link(entry.next, page) if entry.next else None
            if url is None or url in seen:
                return links, True
            if len(seen) >= MOST_OF_A_DAY:
                self._fail(f"{sheet.url}: no end after {MOST_OF_A_DAY} pages of the day")
                return links, False
            seen.add(url)
            following = await self._sheet(url)
            if following is None:
                return links, False
            page = following

    async def _listing(self, entry: Listing) -> AsyncIterator[Link]:
        url: str | None = entry.url
        before: dt.date | None = day_after(self.today)
        seen: set[str] = set()
        dates = Dates(self.since, self.until, self.today)
        ended = False  # the page before has the source's first document
        number, last, missed, untold = 1, None, 0, 0
        here, first = Bookmark(page=1, url=entry.url), None
        bookmark = self._begin.get(entry.url)
        if bookmark is not None and (first := await self._beginning(entry, bookmark)) is not None:
            # What stands before it is newer than the window, so only the page's own days bound what it proves.
            number, url, before, here = bookmark.page, bookmark.url, None, bookmark
        while url is not None and number <= MOST_PAGES:
            sheet, first = first or await self._sheet(url, may_be_absent=ended), None
            if sheet is None:
                # With numbered pages one hole can be stepped over; what lay in it stays a gap.
                before, missed = None, missed + 1
                if missed > 1 or entry.page is None:
                    return
            else:
                missed = 0
                links = list(read_items(entry, sheet, self.source.timezone))
                # A site writes session ids into the links of who sends no cookies.
                fresh = [link for link in links if uncounted(link.url) not in seen]
                if ended and not fresh and challenge_in(sheet.text) is None:
                    # Behind its end a list has no page, or one without items, or one of those before again.
                    if before is not None:
                        self._cover(entry, dt.date.min, before)
                    return
                if not links:
                    self._nothing_on(sheet, f"page {number} of the listing has no items")
                    return
                if not fresh:
                    self._fail(f"{sheet.url}: page {number} of the listing repeats earlier pages")
                    return
                self._failures = 0
                seen.update(uncounted(link.url) for link in fresh)
                for link in dates.take(fresh):
                    yield link
                cut = verdict_on_end(sheet.text)
                if cut is not None:
                    self._fail(f"{sheet.url}: {cut[1]}")
                count = page_count(entry, sheet)
                if count and last and count < last:
                    # Something was taken away, and what stood behind it may have slipped past.
                    self._fail(f"{sheet.url}: the listing shrank from {last} to {count} pages on the way")
                    return
                last = count or last
                days = dates.days
                ending = cut is None and is_last(entry, sheet, number, last)
                ended = cut is None and entry.first is not None and bool(days) and days[-1] <= entry.first
                # Where a page is out of order, an older document may stand anywhere: there is no bookmark then.
                if days and dates.in_order and (ending or days[-1] < self.since):
                    self.bookmarks.setdefault(entry.url, here)
                here = Bookmark(page=number, url=url)
                untold = 0 if days and not dates.rising else untold + 1
                if not untold:
                    # A page out of order proves nothing by itself; the one after it may.
                    floor = days[-1] if days == sorted(days, reverse=True) else max(days)
                    self._cover(entry, floor, days[0] if before is None else before)
                    before = day_after(floor) if cut is None else None
                    if max(days) < self.since:
                        return
                elif untold >= UNTOLD_PAGES:
                    how = "with the oldest first" if days else "without dates"
                    self.notes.append(f"{entry.url}: left after {untold} pages {how}, which prove no day")
                    return
                if ending:
                    if before is not None and days:
                        oldest = min(days)
                        whole = entry.first is not None and oldest <= entry.first
                        self._cover(entry, dt.date.min if whole else oldest - dt.timedelta(1), before)
                        if not whole and oldest > self.since:
                            told = "if the site has none that is older, say so with `first`"
                            self.notes.append(f"{entry.url}: the list ends with {oldest}; {told}")
                    return
            number, url = number + 1, next_page(entry, sheet, number)
            if ended and url is None and before is not None:
                # All of a list may stand on one page, with no way to another.
                self._cover(entry, dt.date.min, before)
        if url is not None:
            self.complaints.append(f"{entry.url}: no end after {MOST_PAGES} pages of the listing")

    async def _beginning(self, entry: Listing, bookmark: Bookmark) -> Sheet | None:
        """The page at a bookmark, where it begins after the window: entries were taken away where it doesn't."""
        try:
            sheet = await self._fetch(bookmark.url)
        except Missed:  # the walk from the first page meets the same trouble and tells it, or doesn't
            return None
        self.listings += 1
        days = [link.date for link in read_items(entry, sheet, self.source.timezone)]
        dated = [day for day in days if day is not None]
        whole = dated == sorted(dated, reverse=True) and len(dated) == len(days)
        return sheet if dated and whole and dated[0] > self.until else None

    def _cover(self, entry: Section, after: dt.date, before: dt.date) -> None:
        """The days between two dates, both excluded, are complete in the entry's section."""
        first, end = max(day_after(after), self.since), min(before, day_after(self.until))
        days = (end - first).days
        self._covered[entry.section].update(first + dt.timedelta(n) for n in range(days))
