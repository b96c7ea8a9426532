"""Reading a page whose layout nobody described.

Trafilatura says which text is the body's. The paragraphs are then taken from the page itself, in a stretch from
where that text begins to where it ends: so bold type survives, by which speakers are known, and so does what
Trafilatura leaves out on the way. Title and date are looked for in the page's own metadata and beside the body;
htmldate is asked last, since it answers even where there is no date.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import trafilatura
from htmldate import find_date
from lxml import etree

from crawler import blocks, dates
from crawler.blocks import Paragraph
from crawler.markup import select, text_of

_PUBLISHED = (
    "meta[property='article:published_time']",
    "meta[name='article:published_time']",
    "[itemprop='datePublished']",
    "meta[name='dcterms.issued' i]",
    "meta[name='dcterms.date' i]",
    "meta[name='dc.date.issued' i]",
    "meta[name='dc.date' i]",
    "meta[name='pubdate' i]",
)
_NOT_LETTER = re.compile(r"[\W_]+")
_SEPARATOR = re.compile(r"\s+[-–—|•·:»/\\]+\s+|\s*[|_•»]\s*|--+")
BESIDE = 12
"""Paragraphs before a body among which its headline and date are looked for."""
DATE_LINE = 90
"""Characters in a line that gives a page's date; in a longer one the date is somebody's, not the page's."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found on a page; what was not is empty or None."""

    title: str = ""
    date: dt.date | None = None
    paragraphs: list[Paragraph] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def published(root: etree._Element, timezone: str | None) -> dt.date | None:
    """The publication date that the page's metadata gives, in a time zone."""
    for selector in _PUBLISHED:
        for element in select(root, (selector,)):
            value = element.get("content") or element.get("datetime")
            day = dates.stamp(value, timezone) if value else None
            if day is not None:
                return day
    for script in select(root, ("script[type='application/ld+json']",)):
        for value in _published_of(script.text or ""):
            day = dates.stamp(value, timezone)
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


def read(root: etree._Element, url: str, timezone: str | None) -> Found:
    """Title, date and paragraphs of a page.

    Args:
        root: the parsed page.
        url: its address; htmldate reads dates from it.
        timezone: the institution's, where it is known.
    """
    body = select(root, ("body",))[:1] or [root]
    paragraphs, _ = blocks.read(body, frozenset())
    stretch = _stretch(paragraphs, _body_text(root))
    if stretch is None:
        return Found()
    start, end = stretch
    title, at = _title(root, paragraphs, start)
    first = at + 1 if at is not None and start <= at < start + BESIDE else start
    # A line that is nothing but the date belongs to the page, not to what was said.
    while first < end - 1 and _is_date_line(paragraphs[first].text):
        first += 1
    day, doubts = _date(root, url, timezone, paragraphs, (at, start, end))
    left_out = [" ".join(paragraph.text.split()) for paragraph in paragraphs[start:first]]
    return Found(title, day, paragraphs[first:end], left_out, doubts)


def _body_text(root: etree._Element) -> str:
    """The letters of what Trafilatura takes for the body."""
    found = trafilatura.bare_extraction(root, favor_recall=True, include_comments=False, with_metadata=False)  # type: ignore[call-overload,unused-ignore]
    text = getattr(found, "text", None) or ""
    return _NOT_LETTER.sub("", text).casefold()


def _stretch(paragraphs: Sequence[Paragraph], body: str) -> tuple[int, int] | None:
    """The paragraphs from `start` to before `end` that hold the body and the least of anything else."""
    if not body:
        return None
    best, best_sum = None, 0
    start, total = 0, 0
    for number, paragraph in enumerate(paragraphs):
        letters = _NOT_LETTER.sub("", paragraph.text).casefold()
        # A short line is found in any long text: it counts for little either way.
        weight = len(letters) if letters and letters in body else -2 * len(letters) - 10
        if weight > 0 and len(letters) < 15:
            weight = 1
        if total <= 0:
            start, total = number, 0
        total += weight
        if total > best_sum:
            best, best_sum = (start, number + 1), total
    return best


def _title(root: etree._Element, paragraphs: Sequence[Paragraph], start: int) -> tuple[str, int | None]:
    """The page's own headline, and the paragraph where it stands.

    It is printed on the page and stands in ``<title>``, beside the site's name. Of several such lines the
    longest is meant; of none, the last heading before the body.
    """
    heads = [element.get("content") or "" for element in select(root, ("meta[property='og:title']",))]
    heads += [text_of(element) for element in select(root, ("head > title", "title"))[:1]]
    heads = [head for head in heads if head.strip()]
    joined = [_NOT_LETTER.sub("", head).casefold() for head in heads]
    best: tuple[int, int] | None = None
    for number, paragraph in enumerate(paragraphs[: start + BESIDE]):
        letters = _NOT_LETTER.sub("", paragraph.text).casefold()
        if len(letters) < 8 or not any(letters in head for head in joined):
            continue
        score = len(letters) + (20 if paragraph.heading else 0)
        if best is None or score >= best[0]:
            best = score, number
    if best is not None and best[0] * 3 > max(map(len, joined)):
        return " ".join(paragraphs[best[1]].text.split()), best[1]
    for number in range(min(start + 3, len(paragraphs)) - 1, -1, -1):
        if paragraphs[number].heading and len(paragraphs[number].text) > 8:
            return " ".join(paragraphs[number].text.split()), number
    parts = [part.strip() for part in _SEPARATOR.split(heads[0])] if heads else []
    return max(parts, key=len, default=""), None


def _is_date_line(text: str) -> bool:
    line = " ".join(text.split())
    found = dates.find(line) if len(line) <= DATE_LINE else None
    return found is not None and len(line) - (found[2] - found[1]) <= 30


def _date(
    root: etree._Element,
    url: str,
    timezone: str | None,
    paragraphs: Sequence[Paragraph],
    places: tuple[int | None, int, int],
) -> tuple[dt.date | None, list[str]]:
    """The date of publication: from metadata, from a line beside the headline, else from htmldate."""
    meta = published(root, timezone)
    beside = _beside(paragraphs, places)
    if meta is not None:
        if beside is not None and abs(beside - meta) > dt.timedelta(days=2):
            return meta, [f"the page's metadata says {meta}, beside the headline stands {beside}"]
        return meta, []
    if beside is not None:
        return beside, []
    guess = find_date(root, original_date=True, extensive_search=True, url=url)
    day = dates.stamp(guess) if guess else None
    return day, ["the date is htmldate's guess"] if day is not None else []


def _beside(paragraphs: Sequence[Paragraph], places: tuple[int | None, int, int]) -> dt.date | None:
    """The date in the line nearest to the headline: below it, above it, or at the body's end."""
    at, start, end = places
    top = at if at is not None else start
    below = range(top, min(max(start, top) + 4, len(paragraphs)))
    above = range(top - 1, max(top - BESIDE, -1), -1)
    last = range(end - 1, max(end - 3, start), -1)
    for number in (*below, *above, *last):
        line = paragraphs[number].text
        if len(line) <= DATE_LINE and number != at:
            found = dates.find(line)
            if found is not None:
                return found[0]
    found = dates.find(paragraphs[at].text) if at is not None else None
    return found[0] if found is not None else None
