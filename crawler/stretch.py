"""Which paragraphs of a page are its text, where nobody described its layout.

Trafilatura says which text is the body's. The paragraphs are then taken from the page itself, in a stretch from
where that text begins to where it ends: so bold type survives, by which speakers are known, and so does what
Trafilatura leaves out on the way.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import takewhile

from lxml import etree
from lxml.html import HtmlElement

from crawler import dates
from crawler.blocks import Paragraph
from crawler.languages import words
from crawler.markup import hidden, tag, text_of

_NOT_LETTER = re.compile(r"[\W_]+")
"""What doesn't count where a line is looked for in other words' midst."""
_PARTS = frozenset(("li", "dd", "dt", "td", "blockquote"))
_FURNITURE_TAGS = frozenset(("nav", "footer", "aside", "figcaption"))
# Words that web sites give, by convention, to what is no text of the page. "field--label-hidden" (Drupal's body),
# "overflow-hidden", "hidden-print" and "print-area" speak of something else.
_FURNITURE = re.compile(
    r"(?:^|[\s_-])(?<!has-)(?<!with-)(?<!without-)"
    r"(?:share|sharing|social|breadcrumbs?|tooltip|popup|modal|cookies?|related|gallery|slider|carousel|"
    r"pagination|pager|captions?|newsletter|subscribe|toolbar|tags|menu|nav|navigation|navbar|sr-only|"
    r"(?<!no-)sidebar|visually-?hidden|screen-reader(?:-text)?|addthis|sharethis|"
    r"print(?![\s_-]?(?:area|block|body|contents?|wrap(?:per)?|container|section|zone)(?:$|[\s_-]))|"
    r"skip|banner|contentinfo|complementary)(?:$|[\s_-])"
    r"|(?:^|\s)(?:(?:is|js|u|element)-)?hidden(?![_-](?:print|xs|sm|md|lg)\b)(?:$|[\s_-])(?!.*\b(?:sm|md|lg|xl):)"
    r"|(?:^|\s)d-none(?:$|\s)(?!.*\bd-(?:sm|md|lg|xl)-)",
    re.IGNORECASE,
)
_FOOTER = re.compile(
    r"(?:(?:site|page|main|global|region)[-_]+)*footer(?:[-_]+(?:wrapper|container))?", re.IGNORECASE
)
_COUNTED = re.compile(r"[\s\d.,:|•()-]+$")
_LEGAL = re.compile(r"\W*(?:©|\(c\)|copyright\b)", re.IGNORECASE)
_RESERVED = re.compile(r"©|\bcopyright\W+\d|\ball rights reserved\b", re.IGNORECASE)
CROWD = 4000
"""Children of one element from which Trafilatura's time grows with their square: 26 seconds for 20,000."""
MANY = 2500
"""Paragraphs from which Trafilatura is asked for its own opinion only: jusText, its second one, takes a time that
grows with their square (24 seconds for 19,000)."""
SEARCHED = 10_000_000_000
"""Characters that are gone through, at most, to find a page's paragraphs in its body: some seconds. On a longer
page a paragraph is the body's if it is long."""
STRAY = 120
"""Characters of a line at a body's edge that may be left out."""
SHORT = 15
CHUNK = 24
ROWS = 3
"""Elements side by side that look alike, from which they are rows of a text."""


def furniture(body: etree._Element) -> frozenset[etree._Element]:
    """Elements that call themselves navigation, sharing links and the like, and hold little text."""
    found = set()
    for element in body.iter():
        name = tag(element)
        if name in _FURNITURE_TAGS:
            found.add(element)
            continue
        label = f"{element.get('class') or ''} {element.get('role') or ''}"
        called = (len(label) > 1 and _FURNITURE.search(label)) or _foots(element)
        if called and name not in ("body", "html", "main", "article"):
            found.add(element)
    # A wrapper may be called "content-with-sidebar" and hold the whole page.
    return frozenset(element for element in found if not _holds_much(element))


def _foots(element: etree._Element) -> bool:
    """Whether an element calls itself the footer of a site or page, and not of a part of its text."""
    names = f"{element.get('class') or ''} {element.get('id') or ''}".split()
    return any(map(_FOOTER.fullmatch, names)) and not any(
        tag(above) in ("main", "article") for above in element.iterancestors()
    )


def _holds_much(element: etree._Element) -> bool:
    length = 0
    for event, inner in etree.iterwalk(element, events=("start",)):
        del event
        if tag(inner) in ("h1", "main", "article"):
            return True
        length += len(inner.text or "") + len(inner.tail or "")
        if length > 3000:
            return True
    return False


def body(root: HtmlElement, paragraphs: Sequence[Paragraph]) -> str:
    """The letters of what Trafilatura takes for the body; of all longer lines, where it would take minutes."""
    count = len(paragraphs)
    if count > CROWD * 4 or any(len(element) > CROWD for element in root.iter()):
        text = " ".join(paragraph.text for paragraph in paragraphs if len(paragraph.text) > STRAY)
    else:
        import trafilatura  # 0.14 s and 15 MB, with htmldate, py3langid and numpy, that a crawl has no use for

        found = trafilatura.bare_extraction(
            root, fast=count > MANY, favor_recall=True, include_comments=False, with_metadata=False
        )
        text = getattr(found, "text", None) or ""
    return letters_of(text)


def letters_of(text: str) -> str:
    """What of a text is compared with another's: letters and digits, without case."""
    return _NOT_LETTER.sub("", text).casefold()


def find(paragraphs: Sequence[Paragraph], body: str) -> tuple[int, int] | None:
    """The paragraphs from `start` to before `end` that hold the body and the least of anything else."""
    if not body:
        return None
    best, best_sum = None, 0
    start, total = 0, 0
    searches = len(paragraphs) + sum(len(paragraph.text) for paragraph in paragraphs) // CHUNK
    too_long = searches * len(body) > SEARCHED
    for number, paragraph in enumerate(paragraphs):
        letters = letters_of(paragraph.text)
        if too_long:
            weight = len(letters) if len(letters) > STRAY else -len(letters) - 10
        else:
            weight = _weight(letters, body)
        if total <= 0:
            start, total = number, 0
        total += weight
        if total > best_sum:
            best, best_sum = (start, number + 1), total
    return best


def _weight(letters: str, body: str) -> int:
    """How much a paragraph speaks for lying within the body; below 0, against it."""
    if letters in body:
        # A short line is found in any long text.
        return len(letters) if len(letters) >= SHORT else 0
    chunks = [letters[at : at + CHUNK] for at in range(0, len(letters) - CHUNK + 1, CHUNK)]
    inside = sum(chunk in body for chunk in chunks)
    if inside * 2 > len(chunks):
        return inside * CHUNK
    return -len(letters) - 10


class Rows:
    """Elements side by side that look alike and share a text: a table's rows, a box around each turn.

    Args:
        paragraphs: of the page.
        places: the element that each stands in.
        stretch: the paragraphs of the text.
    """

    def __init__(
        self, paragraphs: Sequence[Paragraph], places: Sequence[etree._Element], stretch: tuple[int, int]
    ) -> None:
        letters: Counter[etree._Element] = Counter()
        for number in range(*stretch):
            for element in (places[number], *places[number].iterancestors()):
                letters[element] += len(paragraphs[number].text)
        alike: dict[_Shape, list[int]] = {}
        for element, count in letters.items():
            alike.setdefault(_shape(element), []).append(count)
        # Of the rows that lay out a whole page one holds nearly all of its text.
        self._shapes = {
            shape for shape, rows in alike.items() if len(rows) >= ROWS and max(rows) * 2 <= sum(rows)
        }
        self._plain: dict[etree._Element, bool] = {}

    def hold(self, place: etree._Element, other: etree._Element) -> bool:
        """Whether a place stands in the row of another or in one beside it, and there is no link in that row."""
        chain = {other, *other.iterancestors()}
        return any(
            row.getparent() in chain and _shape(row) in self._shapes and self._is_plain(row)
            for row in (place, *place.iterancestors())
        )

    def _is_plain(self, row: etree._Element) -> bool:
        if row not in self._plain:
            self._plain[row] = row.find(".//a") is None
        return self._plain[row]


_Shape = tuple[etree._Element | None, str, str]


def _shape(element: etree._Element) -> _Shape:
    return element.getparent(), tag(element), element.get("class") or ""


def widened(
    paragraphs: Sequence[Paragraph],
    places: Sequence[etree._Element],
    stretch: tuple[int, int],
    floor: int,
    rows: Rows,
) -> tuple[int, int]:
    """The stretch with the paragraphs on either side that stand in the same element as its first and last.

    Or in one beside it, where they hold no link: "END" may stand in an element of its own. Or in further rows.
    """

    def joins(number: int, edge: int) -> bool:
        above, inner = places[number].getparent(), places[edge].getparent()
        if above is None or inner is None or paragraphs[number].anchor:
            return False
        if above is inner or (above is inner.getparent() and places[number].find(".//a") is None):
            return True
        return rows.hold(places[number], places[edge])

    start, end = stretch
    while start > floor and joins(start - 1, start):
        start -= 1
    while end < len(paragraphs) and joins(end, end - 1):
        end += 1
    return start, end


def without_edges(
    paragraphs: Sequence[Paragraph],
    places: Sequence[etree._Element],
    numbers: range,
    body: str,
    rows: Rows,
) -> list[int]:
    """The paragraphs without what a page sets between its headline and its text, or below it.

    A dateline of the page, a picture's caption, a time: short, near the edge, and set in another element than
    the text; a sentence among them stays if Trafilatura takes it for the body's, and so does a row of the text.
    A list or a quotation between two long paragraphs of it is no edge.
    """
    letters: Counter[etree._Element | None] = Counter()
    for number in numbers:
        letters[places[number].getparent()] += len(paragraphs[number].text)
    if not letters:
        return []
    main = letters.most_common(1)[0][0]

    beside = main.getparent() if main is not None else None
    first, last = set(numbers[:6]), set(numbers[-3:])
    firm = [n for n in numbers if places[n].getparent() is main and len(paragraphs[n].text) > STRAY]
    inside = range(firm[0], firm[-1]) if firm else range(0)

    def stray(number: int) -> bool:
        text = paragraphs[number].text
        above = places[number].getparent()
        if _offers(text):
            return True
        if number in inside and _in_list(places[number], main):
            return False
        if number in last and _LEGAL.match(text):
            return True
        if above is main or len(text) > STRAY or text.endswith((":", "：")) or _asks(text):
            return False
        if number in first and dates.is_line(text):
            return True
        if main is not None and rows.hold(places[number], main):
            return False
        if number in last and _RESERVED.search(text) and text[-1] not in "?!":
            return True
        if above is beside:
            return False
        sentence = text.rstrip("”\"')）")[-1:] in tuple(".!?。！？…:：")
        known = letters_of(text) in body
        return not (known and (sentence or number not in first))

    dropped = {number for number in (*numbers[:6], *numbers[6:][-6:]) if stray(number)}
    left = [number for number in numbers if number not in dropped]
    return left or list(numbers)


def _offers(text: str) -> bool:
    """Whether a line offers to print or share a text or counts its readers: "Share on Facebook", "Views: 1234"."""
    return len(text) <= STRAY and _COUNTED.sub("", text).casefold() in words(None).furniture


def _in_list(place: etree._Element, main: etree._Element | None) -> bool:
    """Whether a place without a link is in an entry of a list, a cell or a quotation, below a text's element."""
    within = takewhile(lambda above: above is not main, (place, *place.iterancestors()))
    return any(tag(each) in _PARTS for each in within) and place.find(".//a") is None


def _asks(text: str) -> bool:
    """Whether a line has a word for a question before a colon: "Question: And the fish -"."""
    word, colon, _ = text.replace("：", ":").partition(":")
    return bool(colon) and word.strip().casefold() in words(None).question


def passed_over(
    furniture: frozenset[etree._Element], places: Sequence[etree._Element]
) -> Iterator[tuple[str, bool]]:
    """Furniture and hidden text in the element that holds all of a text, and whether there are links in it."""
    if not places:
        return
    chain = [places[0], *places[0].iterancestors()]
    steps = {element: step for step, element in enumerate(chain)}
    highest = 0
    for place in places:
        above: etree._Element | None = place
        while above is not None and above not in steps:
            above = above.getparent()
        highest = max(highest, steps[above] if above is not None else 0)
    for element in chain[highest].iter():
        if (element in furniture or hidden(element)) and furniture.isdisjoint(element.iterancestors()):
            text = text_of(element)
            if text:
                yield text, element.find(".//a") is not None
