"""When a page was published, where nobody described its layout.

The page's own metadata is asked, and the lines beside its headline; htmldate is asked last, since it answers even
where there is no date. What the headline and the text are, `crawler.generic` tells.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from lxml import etree
from lxml.html import HtmlElement

from crawler import dates
from crawler.blocks import Paragraph
from crawler.dates import DATELINE
from crawler.languages import words
from crawler.markup import select, tag
from storage.transcript import GUESSED_DATE

# The names that metadata gives the date of publication, the best first.
_PUBLISHED = (
    *("article:published_time", "datepublished", "dcterms.issued", "dcterms.date", "dc.date.issued"),
    *("dc.date", "pubdate"),
)
# A content system may fill these with the day on which it answers.
_WEAK = frozenset(("dcterms.date", "dc.date", "pubdate"))
# Languages of pages, by their own word, that may print the month first; in others, and with full stops, few do.
_EITHER = frozenset(("", "en", "en-us", "en-ca", "en-ph"))
# Within these a date is another document's.
_LISTED = frozenset(("li", "nav", "aside", "footer"))
_NO_WORD = re.compile(r"^\W+")
_QUESTION_OR_CALL = re.compile(r"[?!。？！؟][\"'”’»)]*$")
BESIDE = 12
"""Paragraphs before a body among which its headline and date are looked for."""
DATE_OPENS = 40
MOST = 50
"""Dates of one name that are looked at in a page's metadata."""


def published(
    root: etree._Element,
    timezone: str | None,
    *,
    month_first: bool = False,
    beside: dt.date | None = None,
    local: bool = False,
) -> dt.date | None:
    """The publication date that the page's metadata gives, in a time zone; for `month_first` see `dates.find`.

    Of several dates of one name, as where other documents are listed, that which stands `beside` the headline. It
    goes before what a content system may fill with any day; where it is the `local` day, a moment in UTC that may
    be of that day is.
    """

    def day_of(value: str) -> dt.date | None:
        if local and beside is not None and dates.may_be(value, beside):
            return beside
        return dates.stamp(value, timezone, month_first=month_first)

    values: dict[str, list[str]] = {}
    for element in root.iter("meta", "time"):
        name = element.get("property") or element.get("name") or element.get("itemprop") or ""
        value = element.get("content") or element.get("datetime")
        if name and value and not any(tag(above) in _LISTED for above in element.iterancestors()):
            values.setdefault(name.lower(), []).append(value)
    for name in _PUBLISHED:
        days = [day for day in map(day_of, values.get(name, [])[:MOST]) if day is not None]
        if days and (beside is None or beside in days or name not in _WEAK):
            return beside if beside in days else days[0]
    for script in select(root, ("script[type='application/ld+json']",)):
        for value in _published_of(script.text or ""):
            day = day_of(value)
            if day is not None:
                return day
    return None


def _published_of(text: str) -> Iterator[str]:
    """The values of datePublished in a JSON-LD block."""
    if "datePublished" not in text or len(text) > 200_000:
        return
    try:
        queue: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while queue:
        item = queue.pop(0)
        if isinstance(item, list):
            queue += item
        elif isinstance(item, dict):
            if isinstance(item.get("datePublished"), str):
                yield item["datePublished"]
            queue += [value for value in item.values() if isinstance(value, list | dict)]


def read(
    root: HtmlElement,
    url: str,
    timezone: str | None,
    month_first: bool | None,
    look: Callable[[bool], Beside],
) -> tuple[dt.date | None, list[str], bool]:
    """The date of publication, what to doubt of it, and whether the page prints the month first.

    `look` finds the date beside the headline, as it is read in the one order or the other.
    """

    def reading(order: bool) -> tuple[Beside, dt.date | None, bool]:
        found = look(order)
        shown, local = found.day if found.sure else None, found.own and timezone is None
        return found, published(root, timezone, month_first=order, beside=shown, local=local), order

    likely = _american(root, url) if month_first is None else month_first
    readings = [reading(order) for order in ((likely, not likely) if month_first is None else (likely,))]
    agreeing = [each for each in readings if _agree(each[0].day, each[1])]
    found, meta, order = agreeing[0] if len(agreeing) == 1 else readings[0]
    day, doubts = _date(root, url, meta, found)
    other = readings[-1][0].day
    either = order or (_lang(root) in _EITHER and "." not in found.printed)
    if either and len(agreeing) != 1 and day == found.day and other not in (day, None):
        doubts.append(f"the page writes its date in numbers: read as {day}, it may be {other}")
    return day, doubts, order


def _american(root: etree._Element, url: str) -> bool:
    """Whether a page is likely to print the month first: its host or, where no country has it, its language."""
    try:
        domain = (urlsplit(url).hostname or "").rpartition(".")[2]
    except ValueError:
        return False
    return domain in ("gov", "mil", "us") or (len(domain) > 2 and domain != "int" and _lang(root) == "en-us")


def _lang(root: etree._Element) -> str:
    return (root.get("lang") or "").lower().replace("_", "-")


def _agree(one: dt.date | None, other: dt.date | None) -> bool:
    return one is not None and other is not None and abs(one - other) <= dt.timedelta(days=2)


def _date(
    root: HtmlElement, url: str, meta: dt.date | None, beside: Beside
) -> tuple[dt.date | None, list[str]]:
    """The date of publication: from metadata, from a line beside the headline, else from htmldate."""
    if meta is not None:
        if beside.day is not None and not _agree(beside.day, meta):
            return meta, [f"the page's metadata says {meta}, beside the headline stands {beside.day}"]
        return meta, []
    if beside.day is not None:
        return beside.day, []
    from htmldate import find_date  # as Trafilatura in `crawler.stretch`

    guess = find_date(root, original_date=True, extensive_search=False, url=url)
    day = (dates.stamp(guess) if guess else None) or beside.today
    return day, [GUESSED_DATE] if day is not None else []


def _is_sentence(line: str, found: tuple[dt.date, int, int]) -> bool:
    """Whether a line with a date is a sentence by its end: with a full stop, if words stand beside the date."""
    beside = f"{line[: found[1]]} {line[found[2] :]}"
    stopped = line.rstrip("\"'”’»)").endswith(".") and sum(map(str.islower, beside.split())) > 1
    return stopped or _QUESTION_OR_CALL.search(line) is not None


@cache
def _change() -> re.Pattern[str]:
    # "Page last updated on 6 June 2024", not "On the updated treaty, 6 June 2024".
    names = "|".join(sorted(map(re.escape, words(None).updated), key=len, reverse=True))
    return re.compile(rf"^\W*(?:{names})|(?<!\w)(?:{names})(?:\W+\w{{1,4}}){{0,4}}\W*$", re.IGNORECASE)


def _unchanged(text: str) -> str:
    """A line from behind the date of a page's change, if it begins with one: "Updated 6 June. Published 5 May"."""
    line = " ".join(text.split())
    while (
        len(line) <= dates.LONGEST
        and (found := dates.find(line)) is not None
        and _change().search(line, 0, found[1])
    ):
        line = _NO_WORD.sub("", line[found[2] :])
    return line


class Beside(NamedTuple):
    """A date beside the headline, as it is read and printed.

    `sure` is whether its line is that date's, `own` whether it is the page's, and no dateline of its text. `today`
    is the one in the site's header, where there is no other.
    """

    day: dt.date | None
    printed: str = ""
    sure: bool = False
    own: bool = False
    today: dt.date | None = None


def _of_the_site(place: etree._Element, headline: etree._Element) -> bool:
    """Whether an element stands in the header of a site, where the day of today may be, and not in its text's."""
    around = {headline, *headline.iterancestors()}
    above = (place, *place.iterancestors())
    return not any(tag(each) in ("main", "article") for each in above) and any(
        each not in around and (tag(each) == "header" or each.get("id") == "header") for each in above
    )


def beside(
    paragraphs: Sequence[Paragraph],
    places: Sequence[etree._Element],
    stretch: tuple[int | None, int, int],
    inside: Collection[int],
    month_first: bool,
) -> Beside:
    """The date in the line nearest to the headline, or at the end of the body, whose paragraphs are `inside`.

    A line that says when the page was published goes before any other, then one that is a date and no more: in
    a sentence it is somebody's. A day in the site's header may be that of the reader.
    """
    at, start, end = stretch
    top = at if at is not None else start
    below = range(top, min(max(start, top) + 4, len(paragraphs)))
    above = range(top - 1, max(top - BESIDE, -1), -1)
    last = range(end - 1, max(end - 3, start), -1)
    known = words(None)
    today = [number for number in above if _of_the_site(places[number], places[top])]
    lines = {
        number: _unchanged(paragraphs[number].text)
        for number in (*below, *above, *last)
        if number != at and number not in today
    }
    hits = [
        (number, line, found)
        for number, line in lines.items()
        if (found := dates.find(line, month_first=month_first)) is not None
    ]
    for _, line, found in hits:
        short = len(line) <= DATELINE and not _is_sentence(line, found)
        if short and (any(map(line.casefold().startswith, known.published)) or dates.told_by(line, found[1])):
            return Beside(found[0], line[found[1] : found[2]], sure=True, own=True)
    for number, line, found in hits:
        named = line[: found[1]].rstrip().endswith((":", "："))  # "Issued on: 30 March 2020"
        if not _is_sentence(line, found) and (named or dates.in_dateline(line, month_first=month_first)):
            bare = not any(map(str.isalpha, line[: found[1]] + line[found[2] :]))
            own = not named and (bare or number not in inside)
            return Beside(found[0], line[found[1] : found[2]], sure=True, own=own)
    for number, line, found in hits:
        # In a longer line it is somebody's date, unless it opens the text: "Bern, 17 August 2007 - ...".
        short = len(line) <= DATELINE and not _is_sentence(line, found)
        if short or (number in below and found[2] <= DATE_OPENS):
            return Beside(found[0], line[found[1] : found[2]])
    found = dates.find(paragraphs[at].text, month_first=month_first) if at is not None else None
    shown = (dates.find(paragraphs[number].text, month_first=month_first) for number in today)
    return Beside(found[0] if found else None, today=next((day for day, *_ in filter(None, shown)), None))
