"""Reading a page whose layout nobody described.

Which paragraphs are its text, `crawler.stretch` tells. Title and date are looked for in the page's own metadata
and beside the body; htmldate is asked last, since it answers even where there is no date.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from lxml import etree
from lxml.html import HtmlElement

from crawler import blocks, dates, stretch
from crawler.blocks import BLOCKS, Paragraph
from crawler.dates import DATELINE
from crawler.languages import words
from crawler.markup import select, tag, text_of
from crawler.stretch import NOT_LETTER, STRAY
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
_SEPARATOR = re.compile(r"\s+[-–—|•·:»/\\]+\s+|\s*[|_•»]\s*|--+")
_TITLED = re.compile(
    r"(?:^|(?:^|\s)(?:news|article|page|press|doc|document|content|detail|main|post|entry)[_-])"
    r"(?:title|headline|heading)(?:$|\s)|(?:^|\s)(?:title|headline)(?:$|\s)",
    re.IGNORECASE,
)
_INDEX = re.compile(r"(?<=/)(?:index|default|home)(?:\.\w+)?$", re.IGNORECASE)
_NO_WORD = re.compile(r"^\W+")
_QUESTION_OR_CALL = re.compile(r"[?!。？！؟][\"'”’»)]*$")
BESIDE = 12
"""Paragraphs before a body among which its headline and date are looked for."""
TAKEN = 0.25
"""Of a page's text that a body holds at the least: of 558 real pages the smallest share is 0.43."""
DATE_OPENS = 40
MOST = 50
"""Dates of one name that are looked at in a page's metadata."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What was found on a page; what was not is empty or None. `month_first` is how its dates were read."""

    title: str = ""
    date: dt.date | None = None
    paragraphs: list[Paragraph] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    month_first: bool = False


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


def read(root: HtmlElement, url: str, timezone: str | None, *, month_first: bool | None = None) -> Parts:
    """Title, date and paragraphs of a page.

    Args:
        root: the parsed page.
        url: its address; htmldate reads dates from it.
        timezone: the institution's, where it is known.
        month_first: see `dates.find`; None where nobody knows: then metadata tells, else what is likely, and a doubt.
    """
    body = select(root, ("body",))[:1] or [root]
    places: list[etree._Element] = []
    furniture = stretch.furniture(body[0])
    paragraphs, _ = blocks.read(body, furniture, places)
    body_text = stretch.body(root, paragraphs)
    first = stretch.find(paragraphs, body_text)
    if first is None:
        return Parts()
    rows = stretch.Rows(paragraphs, places, first)
    title, at = _title(root, paragraphs, places, first[0], url)
    floor = at + 1 if at is not None and at < first[0] + BESIDE else 0
    start, end = stretch.widened(paragraphs, places, first, floor, rows)
    if at is not None and start <= at < start + BESIDE:
        start = at + 1
    if floor:
        # Trafilatura may pass over a page's opening paragraph: it stands between headline and text.
        start = next(
            (
                number
                for number in range(floor, start)
                if len(paragraphs[number].text) > STRAY
                and paragraphs[number].text.rstrip("”\"')）")[-1:] in tuple(".!?。！？…")
                and places[number].find(".//a") is None
            ),
            start,
        )
    captions = {" ".join((image.get("alt") or "").split()) for image in body[0].iter("img")}
    kept = [
        number
        for number in stretch.without_edges(paragraphs, places, range(start, end), body_text, rows)
        # A line that repeats what a picture is said to show is its caption.
        if paragraphs[number].text not in captions
    ]
    inside = set(kept)
    day, doubts, order = _dated(
        root,
        url,
        timezone,
        month_first,
        lambda order: _beside(paragraphs, places, (at, start, end), inside, order),
    )
    left_out = [
        " ".join(paragraphs[number].text.split())
        for number in range(min(start, first[0]), max(end, first[1]))
        if number not in inside and number != at
    ]
    for text, links in stretch.passed_over(furniture, [places[number] for number in kept]):
        left_out.append(text)
        if len(text) > STRAY and not links:
            doubts.append(f"left out, though it may be the text's: {text[:40]!r}")
    letters, taken = (sum(len(paragraphs[n].text) for n in some) for some in (range(len(paragraphs)), kept))
    if taken < letters * TAKEN:
        doubts.append(f"no more than {taken / letters:.0%} of the page's text was taken for its body")
    return Parts(title, day, [paragraphs[number] for number in kept], left_out, doubts, order)


def _links(root: etree._Element, url: str) -> tuple[set[str], set[tuple[etree._Element, str]]]:
    """What the page's links to other pages say, letters only: a menu's sections, not what the page is called.

    And of those that lead to a page above it, the site's first or a section's, in which block they say it.
    """
    elsewhere, upward = set(), set()
    for link in root.iter("a"):
        try:
            here, there = urlsplit(url), urlsplit(urljoin(url, link.get("href") or ""))
        except ValueError:
            continue
        if (there.path.rstrip("/"), there.query) == (here.path.rstrip("/"), here.query):
            continue
        letters = NOT_LETTER.sub("", text_of(link)).casefold()
        elsewhere.add(letters)
        if here.path.startswith(f"{_INDEX.sub('', there.path).rstrip('/')}/") and not there.query:
            around = next((block for block in link.iterancestors() if tag(block) in BLOCKS), root)
            upward |= {(block, letters) for block in (around, *link.iter(*BLOCKS))}
    return elsewhere, upward


def _title(
    root: etree._Element,
    paragraphs: Sequence[Paragraph],
    places: Sequence[etree._Element],
    start: int,
    url: str,
) -> tuple[str, int | None]:
    """The page's own headline, and the paragraph where it stands.

    It is printed on the page and stands in ``<title>``, beside the site's name; a short one is a heading, and
    stands before that name. Of several such lines that which is all of ``og:title`` is meant, else the longest; a
    logo or section that leads up is not, where there is another. Of none, the last ``<h1>`` before the body, else
    the last heading.
    """
    heads = [element.get("content") or "" for element in select(root, ("meta[property='og:title']",))]
    shared = {NOT_LETTER.sub("", head).casefold() for head in heads}
    heads += [text_of(element) for element in select(root, ("head > title", "title"))[:1]]
    heads = [head for head in heads if head.strip()]
    joined = [NOT_LETTER.sub("", head).casefold() for head in heads]
    elsewhere, upward = _links(root, url)
    first = {NOT_LETTER.sub("", _SEPARATOR.split(head)[0]).casefold() for head in heads}
    best: tuple[bool, bool, int, int] | None = None
    for number, paragraph in enumerate(paragraphs[: start + BESIDE]):
        letters = NOT_LETTER.sub("", paragraph.text).casefold()
        if len(letters) < 8 and not (letters and paragraph.heading and letters in first):
            continue
        if not any(letters in head for head in joined):
            continue
        own = (places[number], letters) not in upward
        score = own and letters in shared, own, len(letters) + (20 if paragraph.heading else 0)
        # Printed twice, it is the headline where the text begins; further on it heads a part of the text.
        if best is None or score > best[:3] or (score == best[:3] and number <= start):
            best = *score, number
    if best is not None and not best[0]:
        # All of <title> may be the site's own name, or that of a section, to which a menu leads: then a heading
        # between it and the body, longer than a section's, is the page's headline.
        name = paragraphs[best[3]]
        linked = NOT_LETTER.sub("", name.text).casefold() in elsewhere
        least = max(8, len(name.text) if name.heading and best[1] else 0)
        for number in range(
            best[3] + 1, min(start + 1, len(paragraphs)) if linked or not name.heading else 0
        ):
            if paragraphs[number].heading and len(paragraphs[number].text) > least:
                return " ".join(paragraphs[number].text.split()), number
    if best is not None and (best[0] or (best[1] and best[2] * 3 > max(map(len, joined)))):
        return " ".join(paragraphs[best[3]].text.split()), best[3]
    headings = [
        number
        for number in range(min(start + 3, len(paragraphs)) - 1, -1, -1)
        if paragraphs[number].heading
        and len(paragraphs[number].text) > 8
        and (places[number], NOT_LETTER.sub("", paragraphs[number].text).casefold()) not in upward
    ]
    for number in sorted(headings, key=lambda number: tag(places[number]) != "h1")[:1]:
        return " ".join(paragraphs[number].text.split()), number
    for number in range(min(start + 3, len(paragraphs)) - 1, max(start - BESIDE, 0) - 1, -1):
        # Or a line that is one by its class, as old pages have it.
        called = f"{places[number].get('class') or ''} {places[number].get('id') or ''}"
        if (
            _TITLED.search(called)
            and len(paragraphs[number].text) > 8
            and places[number].find(".//a") is None
        ):
            return " ".join(paragraphs[number].text.split()), number
    parts = [part.strip() for part in _SEPARATOR.split(heads[0])] if heads else []
    named = [part for part in parts if NOT_LETTER.sub("", part).casefold() not in elsewhere]
    # The site's name is the last one, however long.
    before = [part for part in parts[:-1] if part in named and len(part) >= 8]
    return max(before or named or parts, key=len, default=""), None


def _american(root: etree._Element, url: str) -> bool:
    """Whether a page is likely to print the month first: its host or, where no country has it, its language."""
    try:
        domain = (urlsplit(url).hostname or "").rpartition(".")[2]
    except ValueError:
        return False
    return domain in ("gov", "mil", "us") or (len(domain) > 2 and _lang(root) == "en-us")


def _lang(root: etree._Element) -> str:
    return (root.get("lang") or "").lower().replace("_", "-")


def _dated(
    root: HtmlElement,
    url: str,
    timezone: str | None,
    month_first: bool | None,
    look: Callable[[bool], _Beside],
) -> tuple[dt.date | None, list[str], bool]:
    """The date of publication, what to doubt of it, and whether the page prints the month first.

    `look` finds the date beside the headline, as it is read in the one order or the other.
    """

    def reading(order: bool) -> tuple[_Beside, dt.date | None, bool]:
        beside = look(order)
        shown, local = beside.day if beside.sure else None, beside.own and timezone is None
        return beside, published(root, timezone, month_first=order, beside=shown, local=local), order

    likely = _american(root, url) if month_first is None else month_first
    readings = [reading(order) for order in ((likely, not likely) if month_first is None else (likely,))]
    agreeing = [(beside, meta, order) for beside, meta, order in readings if _agree(beside.day, meta)]
    beside, meta, order = agreeing[0] if len(agreeing) == 1 else readings[0]
    day, doubts = _date(root, url, meta, beside)
    other = readings[-1][0].day
    either = order or (_lang(root) in _EITHER and "." not in beside.printed)
    if either and len(agreeing) != 1 and day == beside.day and other not in (day, None):
        doubts.append(f"the page writes its date in numbers: read as {day}, it may be {other}")
    return day, doubts, order


def _agree(one: dt.date | None, other: dt.date | None) -> bool:
    return one is not None and other is not None and abs(one - other) <= dt.timedelta(days=2)


def _date(
    root: HtmlElement, url: str, meta: dt.date | None, beside: _Beside
) -> tuple[dt.date | None, list[str]]:
    """The date of publication: from metadata, from a line beside the headline, else from htmldate."""
    if meta is not None:
        if beside.day is not None and not _agree(beside.day, meta):
            return meta, [f"the page's metadata says {meta}, beside the headline stands {beside.day}"]
        return meta, []
    if beside.day is not None:
        return beside.day, []
    from htmldate import find_date  # as above

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


class _Beside(NamedTuple):
    """A date beside the headline; whether its line is that date's, and the page's own, no dateline of its text.

    Where there is none, `today` is the one in the site's header.
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


def _beside(
    paragraphs: Sequence[Paragraph],
    places: Sequence[etree._Element],
    stretch: tuple[int | None, int, int],
    inside: Collection[int],
    month_first: bool,
) -> _Beside:
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
        if short and any(map(line.casefold().startswith, known.published)):
            return _Beside(found[0], line[found[1] : found[2]], sure=True, own=True)
    for number, line, found in hits:
        named = line[: found[1]].rstrip().endswith((":", "："))  # "Issued on: 30 March 2020"
        if not _is_sentence(line, found) and (named or dates.in_dateline(line, month_first=month_first)):
            bare = not any(map(str.isalpha, line[: found[1]] + line[found[2] :]))
            own = named or bare or number not in inside
            return _Beside(found[0], line[found[1] : found[2]], sure=True, own=own)
    for number, line, found in hits:
        # In a longer line it is somebody's date, unless it opens the text: "Bern, 17 August 2007 - ...".
        short = len(line) <= DATELINE and not _is_sentence(line, found)
        if short or (number in below and found[2] <= DATE_OPENS):
            return _Beside(found[0], line[found[1] : found[2]])
    found = dates.find(paragraphs[at].text, month_first=month_first) if at is not None else None
    shown = (dates.find(paragraphs[number].text, month_first=month_first) for number in today)
    return _Beside(found[0] if found else None, today=next((day for day, *_ in filter(None, shown)), None))
