"""A page as it was fetched -> a transcript, or the reason why it is none.

A pure function of bytes, address and source: no network, no clock, nothing kept between two pages. The source's
layouts say where title, date and body stand; a page of an unknown institution, or of no known layout, is read
by `crawler.generic`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lxml import etree
from lxml.html import HtmlElement

from crawler import accept, blocks, dates, generic, publication
from crawler.conserve import conserved
from crawler.language import language_of
from crawler.languages import words
from crawler.layout import Layout
from crawler.looks import CASELESS, WORD
from crawler.markup import decode, parse, select, tag, text_of, texts, unread
from crawler.source import Source
from crawler.turns import turns
from storage.transcript import NO_LAYOUT, Kind, Transcript, Turn

VERSION = 19
"""The extractor's version. Raise it with every change that can change a transcript; a test reminds of it."""

DISAGREE = dt.timedelta(days=2)
"""Two dates of one page that lie further apart are worth a doubt; many sites publish the day after."""

LONGEST_NUMBER = 100
"""Characters of a document's number. PostgreSQL's index of them takes no 2,704 bytes."""

SHORT_WORD = 5
"""Letters of a word that may be a part of another one, in scripts that part words by spaces."""

OPENING = 4
"""Paragraphs at the top of a body among which a dateline is looked for."""


class Refused(Exception):  # noqa: N818 - a verdict on the page, not a fault
    """The page holds no transcript. `kind` is a word for counting, the message says more.

    The kinds: empty, too large, pdf, not html, truncated, challenge, soft 404, no title, no date, no body.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.kind = kind

    def __str__(self) -> str:
        return str(self.args[1])


@dataclass(frozen=True, slots=True)
class Page:
    """One captured response, as `extract` wants it.

    Args:
        url: the address it was asked under.
        body: its bytes, after any content encoding.
        content_type: the header's value, with the charset where it gives one.
        captured: the day of the capture; picks the layout, and no date may lie after it.
    """

    url: str
    body: bytes
    content_type: str = ""
    captured: dt.date | None = None


@dataclass(frozen=True, slots=True)
class _Parts:
    """What was found on a page, before it is cut into turns."""

    title: str
    date: dt.date
    paragraphs: list[blocks.Paragraph]
    left_out: list[str]
    doubts: list[str]
    shown: list[str]
    month_first: bool
    number: str | None = None


def extract(page: Page, source: Source | None) -> Transcript:
    """The transcript on a page.

    Args:
        page: the capture.
        source: whose page it is; None reads it without knowing its layout.

    Raises:
        Refused: the page holds none, or can't be trusted to hold all of it.
    """
    _accept(accept.verdict_on_bytes(page.body, page.content_type))
    markup = decode(page.body, page.content_type)
    _accept(accept.verdict_on_end(markup))
    root = parse(markup)
    if root is None:
        raise Refused("not html", unread(markup))
    doubts: list[str] = []
    fit = _layout_of(root, source, page.captured) if source is not None else None
    if fit is None:
        # A page with headline and body where its source has them is no wall.
        _accept(accept.verdict_on_text(markup, root))
    _accept(accept.verdict_on_headline(root))
    if source is not None and fit is not None:
        parts = _by_layout(root, fit, source)
    else:
        if source is not None and source.layout:
            doubts.append(f"no layout of {source.id} {NO_LAYOUT}")
        parts = _without_layout(root, page, source)
    if not any(paragraph.text for paragraph in parts.paragraphs):
        raise Refused("no body", "the page's body holds no text")
    language, doubt = language_of(parts.paragraphs, root, source)
    doubts += [doubt] if doubt else []
    if page.captured is not None and parts.date > page.captured + dt.timedelta(days=1):
        doubts.append(f"dated {parts.date}, after its capture on {page.captured}")
    paragraphs, contents = blocks.without_contents(parts.paragraphs, words(language))
    found_turns, marks = turns(paragraphs, language)
    if not found_turns:
        raise Refused("no body", "the page's body holds no words")
    left_out = (*parts.left_out, *contents, *marks)
    if _without_answers(found_turns):
        doubts.append("no answer is labelled: one may stand within a question")
    if wrong := conserved(parts.shown, found_turns, left_out):
        raise Refused("text lost", wrong)
    return Transcript(
        date=parts.date,
        title=parts.title,
        turns=found_turns,
        language=language,
        event_date=_event_of(parts, paragraphs),
        kind=kind_of(found_turns, parts.title, language),
        number=parts.number,
        left_out=left_out,
        doubts=(*doubts, *parts.doubts),
    )


def _without_answers(found: Sequence[Turn]) -> bool:
    """Whether questions are labelled and no answer is, though more than a question follows."""
    longer = 0
    for turn, following in zip(found, [*found, None][1:], strict=True):
        if turn.role == "question" and turn.label is not None:
            if following is not None and following.role != "question":
                return False
            longer += len(turn.paragraphs) > 1
    return longer > 0 and sum(turn.role == "question" for turn in found) > 1


def wall_on(page: Page, source: Source | None) -> str | None:
    """What shows that a page is a challenge in place of the source's; None for any other page.

    It is asked of every page while the source is crawled; only those that say little are parsed.
    """
    if len(page.body) > accept.LARGEST:
        return None
    markup = decode(page.body, page.content_type)
    wall = accept.challenge_in(markup)
    if wall is None or source is None:
        return wall
    root = parse(markup)
    return None if root is not None and _layout_of(root, source, page.captured) is not None else wall


def _accept(verdict: tuple[str, str] | None) -> None:
    if verdict is not None:
        raise Refused(*verdict)


class _Fit(NamedTuple):
    """A layout that fits a page, and the elements that it calls headline and body."""

    layout: Layout
    headlines: list[etree._Element]
    body: list[etree._Element]


def _layout_of(root: etree._Element, source: Source, captured: dt.date | None) -> _Fit | None:
    """The layout that fits the page; of several, one that holds for the capture's day."""

    def off(layout: Layout) -> bool:
        if captured is None:
            return False
        early = layout.since is not None and captured < layout.since
        return early or (layout.until is not None and captured > layout.until)

    for layout in sorted(source.layout, key=off):
        headlines = select(root, layout.title)
        body = _outermost(select(root, layout.body)) if headlines else []
        if body:
            return _Fit(layout, headlines, body)
    return None


def _outermost(elements: Iterable[etree._Element]) -> list[etree._Element]:
    """The elements that are within no other of them."""
    chosen: list[etree._Element] = []
    seen: set[etree._Element] = set()
    for element in elements:
        if not any(above in seen for above in element.iterancestors()):
            chosen.append(element)
            seen.add(element)
    return chosen


def _by_layout(root: etree._Element, fit: _Fit, source: Source) -> _Parts:
    doubts: list[str] = []
    layout = fit.layout
    title = next((text for text in map(_shown, fit.headlines) if text), "")
    if not title:
        raise Refused("no title", f"layout {layout.name}: the headline is empty")
    date = _date_of(root, layout, source)
    published = publication.published(root, source.timezone, month_first=_month_first(source))
    if date is None:
        if published is None:
            raise Refused("no date", f"layout {layout.name}: no date where the page should have it")
        date = published
        doubts.append("the date is from the page's metadata: the layout's place for it is empty")
    elif published is not None and abs(published - date) > DISAGREE:
        doubts.append(f"the page says {date}, its metadata {published}")
    away = (*layout.lead, *layout.drop)
    drop = {element for part in fit.body for selector in away for element in select(part, (selector,))}
    drop |= {caption for part in fit.body for caption in part.iter("figcaption")}
    paragraphs, left_out = blocks.read(fit.body, frozenset(drop))
    within = set(fit.body)
    leads = [lead for lead in select(root, layout.lead) if within.isdisjoint((lead, *lead.iterancestors()))]
    left_out = [*(text for text in map(text_of, leads) if text), *left_out]
    number = next((text for text in map(_shown, select(root, layout.number)) if text), None)
    if number is not None and len(number) > LONGEST_NUMBER:
        doubts.append(f"no document number: {len(number)} characters stand in its place")
        number = None
    shown = [text for part in (*leads, *fit.body) for text in texts(part)]
    return _Parts(title, date, paragraphs, left_out, doubts, shown, _month_first(source), number)


def _shown(element: etree._Element) -> str:
    """The text of an element on one line, as a reader sees it: spaces only where the page has them."""
    return " ".join(" ".join(part.text for part in blocks.read([element], frozenset())[0]).split())


def _date_of(root: etree._Element, layout: Layout, source: Source) -> dt.date | None:
    """The publication date where the layout says it stands."""
    month_first = _month_first(source)
    for selector in layout.date:
        for element in select(root, (selector,)):
            machine = element.get("datetime") or (element.get("content") if tag(element) == "meta" else None)
            day = dates.stamp(machine, source.timezone, month_first=month_first) if machine else None
            if day is not None:
                return day
            found = dates.find(text_of(element), month_first=month_first)
            if found is not None:
                return found[0]
    return None


def _event_of(parts: _Parts, paragraphs: list[blocks.Paragraph]) -> dt.date | None:
    opening = [line for paragraph in paragraphs[:OPENING] for line in paragraph.text.split("\n")]
    return dates.event(parts.title, opening, parts.date, month_first=parts.month_first)


def _month_first(source: Source) -> bool:
    """Whether ``03/04/2020`` is the fourth of March."""
    return source.language == "en" and source.timezone.startswith("America/")


def _without_layout(root: HtmlElement, page: Page, source: Source | None) -> _Parts:
    timezone, month_first = (source.timezone, _month_first(source)) if source is not None else (None, None)
    found = generic.read(root, page.url, timezone, month_first=month_first)
    if not found.paragraphs:
        raise Refused("no body", "no text was found on the page")
    if not found.title:
        raise Refused("no title", "no headline was found on the page")
    if found.date is None:
        raise Refused("no date", "no date of publication was found on the page")
    shown = [paragraph.text for paragraph in found.paragraphs] + found.left_out
    return _Parts(
        found.title, found.date, found.paragraphs, found.left_out, found.doubts, shown, found.month_first
    )


def kind_of(found: tuple[Turn, ...], title: str, language: str | None) -> Kind:
    """What a document is: a transcript where anyone is named or asks, a statement where its title says so."""
    if any(turn.label is not None or turn.role == "question" for turn in found):
        return "transcript"
    line = title.casefold()
    whole = set(WORD.findall(line))
    return "statement" if any(_stands_in(word, line, whole) for word in words(language).statement) else "news"


def _stands_in(word: str, line: str, whole: Collection[str]) -> bool:
    """Whether a word is in a line, a short one by itself: Swedish "tal" is a speech, and "avtal" is none."""
    return word in (whole if len(word) < SHORT_WORD and not CASELESS.search(word) else line)
