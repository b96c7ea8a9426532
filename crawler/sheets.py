"""Discovery pages, read: feeds, site maps, listings and by-date pages give links with the dates beside them.

Functions of a page's text; nothing is fetched here, and whatever a page says, its reading doesn't fail.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from io import BytesIO
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

import feedparser
from lxml import etree
from parsel import Selector

from crawler import dates
from crawler.accept import LARGEST
from crawler.markup import crowded
from crawler.source import Items, Listing


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


def absolute(base: str, href: str) -> str | None:
    """An address on a page, absolute; None where it is none, such as ``http://[``."""
    try:
        return urljoin(base, href.strip())
    except ValueError:
        return None


_OTHER = re.compile(
    r"<(/?)(?!(?:[\w.-]+:)?(?:rss|rdf|feed|channel|items?|entry|link|guid|id|pubdate|published|issued|updated|modified"
    r"|date|source|image|textinput)[\s/>])[a-z][\w:.-]*",
    re.IGNORECASE,
)
"""A tag of a feed that says neither where an item leads nor when it is of, and holds no other link."""


def read_feed(sheet: Sheet, zone: ZoneInfo) -> list[Link]:
    """The items of an RSS or Atom feed, with their dates of publication in a time zone."""
    # Names, subjects and texts can be such that feedparser takes hours for a megabyte: without names of their own
    # they are no more than text to it. By any without a prefix it would take a picture, whose link is no item's,
    # to be at its end. Of what is cut off at the end nothing is proved.
    text = _OTHER.sub(r"<\1xml:x", sheet.text[:LARGEST])
    if crowded(text):
        return []
    # It fetches what looks like an address, so it is only ever given bytes.
    parsed = feedparser.parse(text.encode(), response_headers={"content-type": "text/xml; charset=utf-8"})
    links = []
    for entry in parsed.entries:
        target = entry.get("link") or entry.get("id")
        url = absolute(sheet.url, target) if target else None
        if url is not None:
            links.append(Link(url, _moment(entry, zone)))
    return links


def _moment(entry: feedparser.FeedParserDict, zone: ZoneInfo) -> dt.date | None:
    for name in ("published", "updated"):
        # Asked whether it is there first: feedparser warns where it gives one of the two for the other.
        if name in entry and (day := _day(entry[name], zone)) is not None:
            return day
    return None


_EPOCH = dt.date(1969, 12, 31), dt.date(1970, 1, 1)
"""The days of 1970's first second, which a program prints in words, too, where no moment was set."""
_EITHER = re.compile(r"(?<!\d)\d{1,2}[-/]\d")
_UTC = re.compile(r"(?:GMT|UTC)$")
_NO_YEAR = re.compile(r"(?<![\d:.+-])0\d{3}(?!\d)|-0001(?!\d)")


def _day(stated: str | None, zone: ZoneInfo) -> dt.date | None:
    """The day of a moment as feeds and site maps write it, in a time zone."""
    if _NO_YEAR.search(stated or ""):  # which the one below would take for 2001
        return None
    for read in (dt.datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read((stated or "").strip())
            return dates.told(moment, zone)
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
    # "Вт, 01 дек 2026 10:00"; of "02/12/2026" the month can't be told.
    words = " ".join((stated or "").split())
    found = dates.find(words) if not _EITHER.search(words) else None
    if found is None or found[0] in _EPOCH:
        return None
    day, _, end = found
    hour = _UTC.sub("Z", words[end:]).replace(" ", "")
    try:
        return dates.told(dt.datetime.fromisoformat(f"{day} {hour}"), zone)
    except (ValueError, OverflowError):
        return day


@dataclass(frozen=True, slots=True)
class Entry:
    """A document in a site map, or a map in an index of maps.

    Args:
        url: absolute.
        published: its date of publication, which only news site maps tell.
        modified: the day of its last change; publication was then or before.
    """

    url: str
    published: dt.date | None
    modified: dt.date | None


_MAP_END = re.compile(
    r"</(?:\w+:)?(?:urlset|sitemapindex)\s*+>\s*+(?:<!--(?:(?!-->).)*+-->\s*+)*+$", re.DOTALL
)
_BARE_AND = re.compile(r"(<!\[CDATA\[.*?(?:\]\]>|\Z))|&(?!(?:#\d+|#x[0-9a-fA-F]+|\w+);)", re.DOTALL)
"""An ampersand that a site wrote as it stands in an address: a parser that forgives would drop what follows.
Within CDATA it has to stand so."""


def is_whole_map(sheet: Sheet) -> bool:
    """Whether a site map has its end: what reads it passes over a break."""
    return _MAP_END.search(sheet.text, max(0, len(sheet.text) - 20_000)) is not None


def read_sitemap(sheet: Sheet, zone: ZoneInfo) -> tuple[list[Entry], list[Entry]]:
    """The maps that a site map names if it is an index, and the documents that it lists."""
    # Scrapy's own reader doesn't look into news:news, where the date of publication stands.
    steps = etree.iterparse(
        BytesIO(_BARE_AND.sub(lambda found: found[1] or "&amp;", sheet.text).encode()),
        encoding="utf-8",
        tag=("{*}sitemap", "{*}url"),
        recover=True,
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
    )
    maps: list[Entry] = []
    documents: list[Entry] = []
    try:
        for _, element in steps:
            # Its own children: a picture or a film of the document has a loc and a date too.
            loc, modified, published = map(
                element.findtext, ("{*}loc", "{*}lastmod", "{*}news/{*}publication_date")
            )
            url = absolute(sheet.url, loc or "")
            if (loc or "").strip() and url is not None:
                entry = Entry(url, _day(published, zone), _day(modified, zone))
                (documents if etree.QName(element).localname == "url" else maps).append(entry)
            element.clear()
    except etree.XMLSyntaxError:  # what was read until then holds
        pass
    return maps, documents


MOST_NESTED = 1_000
"""Items that may stand each in the other, as they do where a site forgets to close them: five seconds' work."""


def _depth(root: etree._Element, items: Collection[etree._Element]) -> int:
    """How many items stand each in the other, at most."""
    deepest = inside = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if element in items:
            inside += 1 if event == "start" else -1
            deepest = max(deepest, inside)
    return deepest


def read_items(entry: Items, sheet: Sheet, timezone: str) -> Iterator[Link]:
    """The links of a listing or calendar page, in its order; dates are days in the time zone."""
    page = _page(sheet)
    base = _base(sheet, page)
    items = page.css(entry.item)
    own = {item.root for item in items}
    if len(own) > MOST_NESTED and _depth(page.root, own) > MOST_NESTED:
        return  # each would be searched with all that are within it
    for item in items:
        anchors = [item] if item.root.tag == "a" else item.css(entry.link)
        href = next((anchor.attrib["href"] for anchor in anchors if anchor.attrib.get("href")), None)
        url = absolute(base, href) if href else None
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
        if stamped := dates.stamp(place.attrib.get("datetime", ""), timezone):
            return stamped
        if found := dates.find(_text(place)):
            return found[0]
    return None


def _formatted(stated: str, form: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(stated, form).date()
    except ValueError:
        return None


def _page(sheet: Sheet) -> Selector:
    # Told nothing, parsel takes a page that happens to be JSON for JSON, and then has no CSS.
    return Selector(sheet.text, type="html")


def _base(sheet: Sheet, page: Selector) -> str:
    """What the addresses on a page are relative to."""
    return absolute(sheet.url, page.css("base").attrib.get("href", "")) or sheet.url


def _text(place: Selector) -> str:
    return " ".join(place.xpath("string()").get("").split())


def has_frame(entry: Items, sheet: Sheet) -> bool:
    """Whether a page without items is of the usual make, and so can be believed."""
    return entry.frame is not None and bool(_page(sheet).css(entry.frame))


def page_count(entry: Listing, sheet: Sheet) -> int | None:
    """The number of pages that a listing says it has."""
    match = re.search(entry.pages, sheet.text) if entry.pages else None
    return int(match[1]) if match and re.fullmatch(r"\d{1,9}", match[1] or "") else None


def is_last(entry: Listing, sheet: Sheet, number: int, last: int | None) -> bool:
    """Whether page `number` of a listing, of `last` pages if it says so, says that it is the last one.

    One without any way to another doesn't: it may be the first of many. Nor does the first one without a next
    link, which may look otherwise by now.
    """
    if last is not None:
        return number >= last
    linked = entry.page is None and entry.next is not None and number > 1
    return linked and next_page(entry, sheet, number) is None


def next_page(entry: Listing, sheet: Sheet | None, number: int) -> str | None:
    """The address of the page after page `number`."""
    if entry.page is not None:
        return entry.page.replace("{page}", str(entry.start + number - 1))
    return next_link(entry.next, sheet) if entry.next is not None and sheet is not None else None


def next_link(selector: str, sheet: Sheet) -> str | None:
    """Where the link leads that a selector finds on a page."""
    page = _page(sheet)
    href = page.css(selector).attrib.get("href")
    return absolute(_base(sheet, page), href) if href else None
