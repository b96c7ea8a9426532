"""Reading a page whose layout nobody described: Trafilatura finds the body, the page's own marks the rest."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import trafilatura
from lxml import etree

from crawler import dates
from crawler.blocks import Paragraph
from crawler.markup import select, text_of

_PUBLISHED = (
    "meta[property='article:published_time']",
    "meta[name='article:published_time']",
    "meta[itemprop='datePublished']",
    "time[itemprop='datePublished']",
    "meta[name='dcterms.issued' i]",
    "meta[name='dcterms.date' i]",
    "meta[name='dc.date.issued' i]",
    "meta[name='dc.date' i]",
    "meta[name='pubdate' i]",
)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found on a page; what was not is empty or None."""

    title: str
    date: dt.date | None
    paragraphs: list[Paragraph]
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
    return None


def read(root: etree._Element, url: str, timezone: str | None) -> Found:
    """Title, date and paragraphs of a page."""
    found = trafilatura.bare_extraction(root, url=url, with_metadata=True, include_formatting=True)
    if found is None or isinstance(found, dict):
        return Found("", None, [])
    day = dates.stamp(found.date) if found.date else None
    headline = next((text for text in map(text_of, select(root, ("h1",))) if text), found.title or "")
    return Found(headline, day, [Paragraph(line) for line in (found.text or "").splitlines() if line])
