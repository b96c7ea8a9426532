"""Reading a page whose layout nobody described.

Which paragraphs are its text, `crawler.stretch` tells, and when it was published `crawler.publication`. The
headline is looked for in the page's own metadata and above the body.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from lxml import etree
from lxml.html import HtmlElement

from crawler import blocks, publication, stretch
from crawler.blocks import BLOCKS, Paragraph
from crawler.markup import select, tag, text_of
from crawler.publication import BESIDE
from crawler.stretch import STRAY, letters_of

_SEPARATOR = re.compile(r"\s+[-–—|•·:»/\\]+\s+|\s*[|_•»]\s*|--+")
_TITLED = re.compile(
    r"(?:^|(?:^|\s)(?:news|article|page|press|doc|document|content|detail|main|post|entry)[_-])"
    r"(?:title|headline|heading)(?:$|\s)|(?:^|\s)(?:title|headline)(?:$|\s)",
    re.IGNORECASE,
)
_INDEX = re.compile(r"(?<=/)(?:index|default|home)(?:\.\w+)?$", re.IGNORECASE)
LEAST = 8
"""Letters of a headline that only its words speak for, and characters of one that is a heading: about as few."""
TAKEN = 0.25
"""Of a page's text that a body holds at the least: of 558 real pages the smallest share is 0.43."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What was found on a page; what was not is empty or None. `month_first` is how its dates were read."""

    title: str = ""
    date: dt.date | None = None
    paragraphs: list[Paragraph] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    month_first: bool = False


def read(root: HtmlElement, url: str, timezone: str | None, *, month_first: bool | None = None) -> Parts:
    """Title, date and paragraphs of a page.

    Args:
        root: the parsed page.
        url: its address; htmldate reads dates from it.
        timezone: the institution's, where it is known.
        month_first: see `dates.find`; None where nobody knows: then metadata tells, else what is likely.
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
    day, doubts, order = publication.read(
        root,
        url,
        timezone,
        month_first,
        lambda order: publication.beside(paragraphs, places, (at, start, end), inside, order),
    )
    left_out = [
        _line(paragraphs[number].text)
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


def _line(text: str) -> str:
    return " ".join(text.split())


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
        letters = letters_of(text_of(link))
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
    shared = {letters_of(head) for head in heads}
    heads += [text_of(element) for element in select(root, ("head > title", "title"))[:1]]
    heads = [head for head in heads if head.strip()]
    elsewhere, upward = _links(root, url)
    lines = _Lines(paragraphs, places, start, elsewhere, upward)
    number = lines.named(heads, shared)
    number = lines.heading() if number is None else number
    number = lines.called_so() if number is None else number
    if number is not None:
        return _line(paragraphs[number].text), number
    parts = [part.strip() for part in _SEPARATOR.split(heads[0])] if heads else []
    named = [part for part in parts if letters_of(part) not in elsewhere]
    # The site's name is the last one, however long.
    before = [part for part in parts[:-1] if part in named and len(part) >= LEAST]
    return max(before or named or parts, key=len, default=""), None


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of a page among which its headline is looked for.

    Args:
        paragraphs, places: of the page.
        start: where its body begins.
        elsewhere, upward: what links say, see `_links`.
    """

    paragraphs: Sequence[Paragraph]
    places: Sequence[etree._Element]
    start: int
    elsewhere: set[str]
    upward: set[tuple[etree._Element, str]]

    def named(self, heads: Sequence[str], shared: Collection[str]) -> int | None:
        """The line that stands in the page's metadata too; `shared` is what ``og:title`` is, letters only."""
        joined = [letters_of(head) for head in heads]
        first = {letters_of(_SEPARATOR.split(head)[0]) for head in heads}
        best, at = (False, False, 0), None
        for number, paragraph in enumerate(self.paragraphs[: self.start + BESIDE]):
            letters = self._letters(number)
            if len(letters) < LEAST and not (letters and paragraph.heading and letters in first):
                continue
            if not any(letters in head for head in joined):
                continue
            own = not self._leads_up(number)
            score = own and letters in shared, own, len(letters) + (20 if paragraph.heading else 0)
            # Printed twice, it is the headline where the text begins; further on it heads a part of the text.
            if score > best or (score == best and number <= self.start):
                best, at = score, number
        whole, own, length = best
        if at is None or whole:
            return at
        if (below := self._below(at, own)) is not None:
            return below
        return at if own and length * 3 > max(map(len, joined)) else None

    def _below(self, at: int, own: bool) -> int | None:
        """The heading between a line that is named and the body, longer than a section's.

        All of ``<title>`` may be the site's own name, or that of a section, to which a menu leads.
        """
        name = self.paragraphs[at]
        if name.heading and letters_of(name.text) not in self.elsewhere:
            return None
        least = max(LEAST, len(name.text) if name.heading and own else 0)
        return next(
            (
                number
                for number in range(at + 1, min(self.start + 1, len(self.paragraphs)))
                if self._is_heading(number, least) and self._letters(number) not in self.elsewhere
            ),
            None,
        )

    def heading(self) -> int | None:
        """The last ``<h1>`` before the body, else the last heading; if there is one, one that no link repeats."""
        found = [n for n in self._upwards(0) if self._is_heading(n, LEAST) and not self._leads_up(n)]
        plain = [number for number in found if self._letters(number) not in self.elsewhere]
        return min(plain or found, key=lambda number: tag(self.places[number]) != "h1", default=None)

    def called_so(self) -> int | None:
        """The last line before the body that is a headline by its class, as old pages have it."""
        for number in self._upwards(max(self.start - BESIDE, 0)):
            place = self.places[number]
            called = f"{place.get('class') or ''} {place.get('id') or ''}"
            long = len(self.paragraphs[number].text) > LEAST
            if _TITLED.search(called) and long and place.find(".//a") is None:
                return number
        return None

    def _upwards(self, first: int) -> range:
        return range(min(self.start + 3, len(self.paragraphs)) - 1, first - 1, -1)

    def _is_heading(self, number: int, least: int) -> bool:
        return self.paragraphs[number].heading and len(self.paragraphs[number].text) > least

    def _letters(self, number: int) -> str:
        return letters_of(self.paragraphs[number].text)

    def _leads_up(self, number: int) -> bool:
        return (self.places[number], self._letters(number)) in self.upward
