"""Discovery: where a source lists its documents, walked newest first until the window is behind us.

Every page of a feed, listing or calendar proves some days complete. The days of the window that nothing has
proved are its gaps, and a window with gaps isn't done: that is how a challenge page, an empty listing or a
listing that ends too early is never taken for the end of the archive.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

import feedparser
from parsel import Selector

from crawler import dates
from crawler.source import Calendar, Feed, Items, Listing, Section, Source, host_of
from storage.ledger import Found

TRAILING_DAYS = 31
"""A window that ends within so many days of today is walked from the top; an older one by calendar, if any."""

GIVE_UP = 5
"""Days in a row that fail, after which a calendar is left alone: the site is down, or has put up a wall."""

UNDATED_PAGES = 5
"""How far a listing without dates is walked: nothing on it says when the window is behind us."""

MOST_PAGES = 5_000
"""No listing is walked further: the longest seen had 1,198 pages."""


class Missed(Exception):  # noqa: N818 - an outcome, not a fault
    """A discovery page that could not be had; the message says why.

    Args:
        reason: one line.
        in_replay: a replayed capture lacks it, which says nothing about the site.
        absent: the site says that there is no such page, as some do for a day without documents.
    """

    def __init__(self, reason: str, *, in_replay: bool = False, absent: bool = False) -> None:
        super().__init__(reason)
        self.in_replay = in_replay
        self.absent = absent


@dataclass(frozen=True, slots=True)
class Link:
    """A link on a discovery page, absolute, with the date that stands beside it."""

    url: str
    date: dt.date | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A discovery page as fetched: its address after redirects, and its text."""

    url: str
    text: str


Fetch = Callable[[str], Awaitable[Sheet]]


class Walk:
    """One walk over everything that a source lists for a window.

    Args:
        source: whose pages.
        since: first day of the window.
        until: last day of the window.
        today: the day of the walk, in the source's time zone; in a replay the capture's.
        fetch: gets a discovery page, or raises `Missed`.
    """

    def __init__(self, source: Source, since: dt.date, until: dt.date, today: dt.date, fetch: Fetch) -> None:
        self.source = source
        self.since = since
        self.until = min(until, today)
        self.today = today
        self.listings = 0
        self.complaints: list[str] = []
        self._failures = 0
        self._fetch = fetch
        self._zone = ZoneInfo(source.timezone)
        self._covered: dict[str, set[dt.date]] = {entry.section: set() for entry in source.discover}

    @property
    def gaps(self) -> list[dt.date]:
        """Days of the window that nothing has proved complete in every section, oldest first."""
        return sorted({day for section in self._covered for day in self._gaps(section)})

    def _gaps(self, section: str) -> list[dt.date]:
        window = (self.since + dt.timedelta(n) for n in range((self.until - self.since).days + 1))
        return [day for day in window if day not in self._covered[section]]

    def address(self, found: Found) -> str:
        """Where a document is fetched: at its own address."""
        return found.url

    async def found(self) -> AsyncIterator[Found]:
        """The window's documents, each as often as it is listed, and those whose date no listing tells."""
        trailing = self.until > self.today - dt.timedelta(TRAILING_DAYS)
        order: tuple[type[Feed | Listing | Calendar], ...] = (
            (Feed, Listing, Calendar) if trailing else (Calendar, Listing)
        )
        entries = [entry for kind in order for entry in self.source.discover if isinstance(entry, kind)]
        tried = set()
        for entry in entries or self.source.discover:
            # The last way is the dearest: it is for what the ones before it left open.
            if isinstance(entry, order[-1]) and entry.section in tried and not self._gaps(entry.section):
                continue
            tried.add(entry.section)
            self._failures = 0
            async for link in self._links(entry):
                key = self.source.key(link.url)
                if key is not None and (link.date is None or self.since <= link.date <= self.until):
                    yield Found(key, link.url, link.date)

    def _fail(self, complaint: str) -> None:
        self.complaints.append(complaint)
        self._failures += 1

    def _links(self, entry: Feed | Listing | Calendar) -> AsyncIterator[Link]:
        if isinstance(entry, Feed):
            return self._feed(entry)
        return self._listing(entry) if isinstance(entry, Listing) else self._calendar(entry)

    async def _sheet(self, url: str) -> Sheet | None:
        if not self.source.owns(host_of(url)):
            self.complaints.append(f"{url[:200]}: not on the source's hosts")
            return None
        try:
            sheet = await self._fetch(url)
        except Missed as problem:
            if problem.absent:
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
            self._fail(f"{entry.url}: a feed without items")
            return
        self._failures = 0
        days = [link.date for link in links if link.date is not None]
        if len(days) == len(links) and days == sorted(days, reverse=True):
            self._cover(entry, days[-1], _after(self.today))
        for link in links:
            yield link

    async def _calendar(self, entry: Calendar) -> AsyncIterator[Link]:
        days, covered, mixed = self._gaps(entry.section)[::-1], self._covered[entry.section], False
        for day in days:
            if self._failures >= GIVE_UP:
                self.complaints.append(f"{entry.url}: given up after {GIVE_UP} failures in a row")
                return
            async for link in self._day(entry, day):
                mixed |= link.date != day
                yield link
        if mixed:
            # The Kremlin's page of a day is that page of its listing where the day begins. The rest of the day
            # may stand on the page of a day beside it, so no day is complete without those.
            for beside in (_after(days[0]), days[-1] - dt.timedelta(1)):
                if beside <= self.today and beside not in covered:
                    async for link in self._day(entry, beside):
                        yield link
            covered -= {
                day for day in days if not {day - dt.timedelta(1), min(_after(day), self.today)} <= covered
            }

    async def _day(self, entry: Calendar, day: dt.date) -> AsyncIterator[Link]:
        sheet = await self._sheet(entry.url.format(date=day))
        if sheet is None:
            return
        links = [Link(link.url, link.date or day) for link in read_items(entry, sheet, self.source.timezone)]
        dates = [link.date or day for link in links]
        if dates and not min(dates) <= day <= max(dates):
            self._fail(f"{sheet.url}: lists other days than {day}")
        elif dates or _has_frame(entry, sheet):
            self._covered[entry.section].add(day)
            self._failures = 0
        else:
            self._fail(f"{sheet.url}: neither items nor the frame of a listing")
        for link in links:
            yield link

    async def _listing(self, entry: Listing) -> AsyncIterator[Link]:
        url: str | None = entry.url
        before: dt.date | None = _after(self.today)
        seen: set[str] = set()
        number, last, missed, undated = 1, None, 0, 0
        while url is not None and number <= MOST_PAGES:
            sheet = await self._sheet(url)
            if sheet is None:
                # With numbered pages one hole can be stepped over; what lay in it stays a gap.
                before, missed = None, missed + 1
                if missed > 1 or entry.page is None:
                    return
            else:
                missed = 0
                links = list(read_items(entry, sheet, self.source.timezone))
                fresh = [link for link in links if link.url not in seen]
                if not fresh:
                    what = "repeats earlier pages" if links else "has no items"
                    self._fail(f"{sheet.url}: page {number} of the listing {what}")
                    return
                self._failures = 0
                seen.update(link.url for link in fresh)
                last = _page_count(entry, sheet) or last
                for link in fresh:
                    yield link
                days = [link.date for link in links if link.date is not None]
                if days:
                    # A page out of order proves nothing by itself; the one after it may.
                    floor = days[-1] if days == sorted(days, reverse=True) else max(days)
                    self._cover(entry, floor, days[0] if before is None else before)
                    before = _after(floor)
                    if max(days) < self.since:
                        return
                else:
                    undated += 1
                    if undated >= UNDATED_PAGES:
                        return
                if _is_last(entry, sheet, number, last):
                    if before is not None and days:
                        self._cover(entry, dt.date.min, before)
                    return
            number, url = number + 1, _next_page(entry, sheet, number)
        if url is not None:
            self.complaints.append(f"{entry.url}: no end after {MOST_PAGES} pages of the listing")

    def _cover(self, entry: Section, after: dt.date, before: dt.date) -> None:
        """The days between two dates, both excluded, are complete in the entry's section."""
        first, end = max(_after(after), self.since), min(before, _after(self.until))
        days = (end - first).days
        self._covered[entry.section].update(first + dt.timedelta(n) for n in range(days))


def _after(day: dt.date) -> dt.date:
    """The day after; the last day there is stays."""
    return day if day == dt.date.max else day + dt.timedelta(1)


def _absolute(base: str, href: str) -> str | None:
    """An address on a page, absolute; None where it is none, such as ``http://[``."""
    try:
        return urljoin(base, href.strip())
    except ValueError:
        return None


def read_feed(sheet: Sheet, zone: ZoneInfo) -> list[Link]:
    """The items of an RSS or Atom feed, with their dates of publication in a time zone."""
    # feedparser fetches what looks like an address, so it is only ever given bytes.
    parsed = feedparser.parse(
        sheet.text.encode(), response_headers={"content-type": "text/xml; charset=utf-8"}
    )
    links = []
    for entry in parsed.entries:
        target = entry.get("link") or entry.get("id")
        url = _absolute(sheet.url, target) if target else None
        if url is not None:
            links.append(Link(url, _moment(entry, zone)))
    return links


def _moment(entry: feedparser.FeedParserDict, zone: ZoneInfo) -> dt.date | None:
    for name in ("published", "updated"):
        if name not in entry:
            continue
        for read in (dt.datetime.fromisoformat, parsedate_to_datetime):
            try:
                moment = read(entry[name])
                return (moment.astimezone(zone) if moment.tzinfo else moment).date()
            except (ValueError, OverflowError, TypeError, IndexError):
                continue
    return None


def read_items(entry: Items, sheet: Sheet, timezone: str) -> Iterator[Link]:
    """The links of a listing or calendar page, in its order; dates are days in the time zone."""
    for item in _page(sheet).css(entry.item):
        anchors = [item] if item.root.tag == "a" else item.css(entry.link)
        href = next((anchor.attrib["href"] for anchor in anchors if anchor.attrib.get("href")), None)
        url = _absolute(sheet.url, href) if href else None
        if url is not None:
            yield Link(url, _item_date(entry, item, timezone))


_ISO = re.compile(r"(?<!\d)\d{4}-\d{1,2}-\d{1,2}(?!\d)")


def _item_date(entry: Items, item: Selector, timezone: str) -> dt.date | None:
    if entry.date is None:
        # A title may name any day, so only the form that machines print counts here.
        match = _ISO.search(_text(item))
        found = dates.find(match[0]) if match else None
        return found[0] if found else None
    for place in item.css(entry.date):
        if entry.date_format:
            return _formatted(_text(place), entry.date_format)
        stamped = dates.stamp(place.attrib.get("datetime", ""), timezone)
        found = dates.find(_text(place))
        if stamped or found:
            return stamped or (found[0] if found else None)
    return None


def _formatted(stated: str, form: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(stated, form).date()
    except ValueError:
        return None


def _page(sheet: Sheet) -> Selector:
    # Told nothing, parsel takes a page that happens to be JSON for JSON, and then has no CSS.
    return Selector(sheet.text, type="html")


def _text(place: Selector) -> str:
    return " ".join(place.xpath("string()").get("").split())


def _has_frame(entry: Items, sheet: Sheet) -> bool:
    return entry.frame is not None and bool(_page(sheet).css(entry.frame))


def _page_count(entry: Listing, sheet: Sheet) -> int | None:
    match = re.search(entry.pages, sheet.text) if entry.pages else None
    return int(match[1]) if match and re.fullmatch(r"\d{1,9}", match[1] or "") else None


def _is_last(entry: Listing, sheet: Sheet, number: int, last: int | None) -> bool:
    if last is not None:
        return number >= last
    return entry.page is None and _next_page(entry, sheet, number) is None


def _next_page(entry: Listing, sheet: Sheet | None, number: int) -> str | None:
    """The address of the page after page `number`."""
    if entry.page is not None:
        return entry.page.replace("{page}", str(entry.start + number - 1))
    if entry.next is None or sheet is None:
        return None
    href = _page(sheet).css(entry.next).attrib.get("href")
    return _absolute(sheet.url, href) if href else None
