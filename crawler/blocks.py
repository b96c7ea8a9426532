"""The body of a page -> its paragraphs, with what is bold in them, and what was left out.

Speakers are told from sentences by their typography, so a paragraph keeps the spans that are bold and the
places where a line breaks. No word of the body is lost: it is in a paragraph or in what was left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from lxml import etree

from crawler.languages import Words
from crawler.markup import FOLDING, HEADINGS, SILENT, hidden, tag
from storage.transcript import INVISIBLE

BLOCKS = HEADINGS | frozenset(
    (
        *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details"),
        *("dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header"),
        *("hr", "html", "legend", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table"),
        *("tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    )
)
_BOLD = HEADINGS | {"b", "strong", "th", "dt"}
_ITALIC = frozenset(("i", "em"))
_WEIGHT = re.compile(r"font-weight\s*:\s*(bold|normal|lighter|[1-9]00)", re.IGNORECASE)
_SLANT = re.compile(r"font(?:-style)?\s*:\s*(italic|oblique|normal)", re.IGNORECASE)
_HEAVY = frozenset(("bold", "600", "700", "800", "900"))
# "• de-DE1 en-GB1 es-ES1": the site's list of a page's translations.
_TRANSLATIONS = re.compile(r"(?:•\s*)?(?:[a-z]{2}-[A-Z]{2}\d?\s*)+")
_WORD = re.compile(r"[^\W_]")
_BLANK = re.compile(r"\s{3,}")
LABELLED = 120
"""Characters of a run among which a wide space is looked for: a label stands before it."""
_KEPT = "\u00a0\u2002\u2003"  # spaces that a browser does not collapse
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph as it is set.

    Args:
        text: white space collapsed; ``\\n`` where a line breaks within the paragraph.
        bold: the spans of the text that are bold, in order, apart from each other.
        gaps: where the text goes on after a wide space.
        heading: it is a heading by its markup.
        anchor: all of it is a link to another place of the same page.
        italic: all of it is in italics.
    """

    text: str
    bold: tuple[tuple[int, int], ...] = ()
    heading: bool = False
    anchor: bool = False
    gaps: tuple[int, ...] = ()
    italic: bool = False

    @property
    def all_bold(self) -> bool:
        """Whether every letter and digit is bold."""
        at = 0
        for start, end in self.bold:
            if _WORD.search(self.text, at, start):
                return False
            at = end
        return bool(self.bold) and not _WORD.search(self.text, at)

    @property
    def lines(self) -> list[tuple[int, int]]:
        """Where each line begins and ends."""
        if "\n" not in self.text:  # nearly all
            return [(0, len(self.text))]
        stops = [*(match.start() for match in re.finditer("\n", self.text)), len(self.text)]
        return list(zip([0, *(stop + 1 for stop in stops)], stops, strict=False))

    def split(self, at: int) -> tuple[Paragraph, Paragraph]:
        """Two paragraphs, parted at a line break."""
        left = tuple((start, min(end, at)) for start, end in self.bold if start < at)
        rest = tuple((max(start - at - 1, 0), end - at - 1) for start, end in self.bold if end > at + 1)
        gaps = (
            tuple(gap for gap in self.gaps if gap < at),
            tuple(gap - at - 1 for gap in self.gaps if gap > at),
        )
        return replace(self, text=self.text[:at], bold=left, gaps=gaps[0]), replace(
            self, text=self.text[at + 1 :], bold=rest, gaps=gaps[1]
        )


_Setting = tuple[bool, bool, bool]
"""Whether text is bold, a link within the page, in italics."""
_PLAIN: _Setting = (False, False, False)
_BREAK = ("\n", _PLAIN)


class _Writer:
    """Collects the runs of text of the paragraph that is being read."""

    def __init__(self) -> None:
        self.paragraphs: list[Paragraph] = []
        self.places: list[etree._Element] = []
        self.place: etree._Element | None = None
        self._runs: list[tuple[str, _Setting]] = []

    def add(self, text: str | None, setting: _Setting, *, set_out: bool = False) -> None:
        """Add a run of text; where it is `set_out` its lines are those of the page."""
        for number, line in enumerate(text.split("\n") if text and set_out else [text]):
            if number:
                self.line_break()
            if line:
                self._runs.append((line.replace("\n", " "), setting))

    def line_break(self) -> None:
        self._runs.append(_BREAK)

    def flush(self, heading: bool) -> None:
        if not self._runs:
            return
        runs, self._runs = self._runs, []
        part: list[tuple[str, _Setting]] = []
        pending = 0
        for run in runs:
            if run[0] == "\n":
                pending += 1
            elif pending and not run[0].strip():
                continue
            else:
                if pending > 1:
                    # An empty line made with <br><br> parts paragraphs.
                    self._put(part, heading)
                    part = []
                elif pending and part:
                    part.append(_BREAK)
                pending = 0
                part.append(run)
        self._put(part, heading)

    def _put(self, runs: list[tuple[str, _Setting]], heading: bool) -> None:
        spans: list[tuple[int, int, int]] = []
        pieces: list[str] = []
        gaps: list[int] = []
        length = letters = linked = slanted = 0
        space = False
        blank = ""
        for raw, (bold, anchor, italic) in runs:
            if raw == "\n":
                if length:
                    pieces.append("\n")
                    length += 1
                space, blank = False, ""
                continue
            plain = raw.isascii()  # and has no space that is kept
            shown = raw if plain else INVISIBLE.sub("", raw)
            words = " ".join(shown.split())
            if not words:
                space, blank = space or bool(shown), (blank + shown)[-LABELLED:]
                continue
            lead = (space or shown[0].isspace()) and length > 0 and pieces[-1] != "\n"
            if lead:
                pieces.append(" ")
                length += 1
            if lead and _is_wide(blank + shown[: len(shown) - len(shown.lstrip())]):
                gaps.append(length)
            inner = "" if plain or not any(mark in shown for mark in _KEPT) else shown[:LABELLED].strip()
            wide = next((blank for blank in _BLANK.finditer(inner) if _is_wide(blank[0])), None)
            if wide is not None:
                gaps.append(length + len(" ".join(inner[: wide.start()].split())) + 1)
            space = shown[-1].isspace()
            blank = shown[len(shown.rstrip()) :] if space else ""
            pieces.append(words)
            if bold:
                if spans and not "".join(pieces[spans[-1][2] : -1]).strip():
                    spans[-1] = (spans[-1][0], length + len(words), len(pieces))
                else:
                    spans.append((length, length + len(words), len(pieces)))
            length += len(words)
            letters += len(words)
            linked += len(words) if anchor else 0
            slanted += len(words) if italic else 0
        text = "".join(pieces).rstrip()
        if text:
            bolds = tuple((start, min(end, len(text))) for start, end, _ in spans)
            whole = linked == letters > 0, slanted == letters > 0
            self.paragraphs.append(Paragraph(text, bolds, heading, whole[0], tuple(gaps), whole[1]))
            if self.place is not None:
                self.places.append(self.place)


def _is_wide(blank: str) -> bool:
    """Whether white space is as wide as a column's: three spaces or more, two of them not to be collapsed."""
    return len(blank) > 2 and sum(map(blank.count, _KEPT)) > 1


def read(
    body: Iterable[etree._Element],
    drop: frozenset[etree._Element],
    places: list[etree._Element] | None = None,
) -> tuple[list[Paragraph], list[str]]:
    """The paragraphs of a body, and the texts that were left out of them.

    Args:
        body: the element or elements that hold the text, in the page's order, none within another.
        drop: elements within it that are furniture.
        places: filled with the block element that each paragraph stands in.
    """
    writer, left_out = _Writer(), _Writer()
    for root in body:
        settings, headings, set_out = [_PLAIN], 0, 0
        walk = etree.iterwalk(root, events=("start", "end"))
        skipped: etree._Element | None = None
        for event, node in walk:
            name = tag(node)
            if event == "start":
                if not name or name in SILENT:
                    walk.skip_subtree()
                    skipped = node
                    continue
                away = node in drop or (node is not root and hidden(node))
                if away or (name == "button" and not _names(node)):
                    _read_left_out(node, left_out)
                    walk.skip_subtree()
                    skipped = node
                    continue
                if name == "br":
                    writer.line_break()
                elif name in BLOCKS or node is root:
                    writer.flush(headings > 0)
                    writer.place = node
                if name in HEADINGS:
                    headings += 1
                set_out += name == "pre"
                bold, anchor, italic = settings[-1]
                style = node.get("style")
                weight = _WEIGHT.search(style) if style else None
                slant = _SLANT.search(style) if style else None
                setting = (
                    weight[1].lower() in _HEAVY if weight else bold or name in _BOLD,
                    anchor or (name == "a" and (node.get("href") or "").startswith("#")),
                    slant[1].lower() != "normal" if slant else italic or name in _ITALIC,
                )
                settings.append(setting)
                text = node.text.translate(_RAISED) if name == "sup" and node.text else node.text
                writer.add(text, setting, set_out=set_out > 0)
                continue
            if node is skipped:
                skipped = None
            else:
                settings.pop()
                if name in BLOCKS:
                    writer.flush(headings > 0)
                    writer.place = node.getparent()
                if name in HEADINGS:
                    headings -= 1
                set_out -= name == "pre"
            if node is not root:
                writer.add(node.tail, settings[-1], set_out=set_out > 0)
        writer.flush(False)
    if places is not None:
        places += writer.places
    return writer.paragraphs, [" ".join(part.text.split()) for part in left_out.paragraphs]


def _names(button: etree._Element) -> bool:
    """Whether a button is what a reader sees of a heading: a question, say, that unfolds its answer."""
    return any(tag(above) in FOLDING for above in button.iterancestors())


def _read_left_out(node: etree._Element, writer: _Writer) -> None:
    walk = etree.iterwalk(node, events=("start", "end"))
    for event, inner in walk:
        if event == "start":
            if not tag(inner) or tag(inner) in SILENT:
                walk.skip_subtree()
            else:
                writer.add(inner.text, _PLAIN)
        elif inner is not node:
            writer.add(inner.tail, _PLAIN)
    writer.flush(False)


def without_contents(paragraphs: list[Paragraph], words: Words) -> tuple[list[Paragraph], list[str]]:
    """The paragraphs without tables of contents, links back to them, and lists of translations.

    Returns:
        what remains, and the texts that were left out.
    """
    kept: list[Paragraph] = []
    left_out: list[str] = []
    inside = False
    for paragraph in paragraphs:
        plain = paragraph.text.strip(" .:•\n").casefold()
        if plain in words.contents:
            inside = True
        elif plain in words.back or _TRANSLATIONS.fullmatch(paragraph.text):
            pass
        elif not (inside and paragraph.anchor):
            inside = False
            kept.append(paragraph)
            continue
        left_out.append(" ".join(paragraph.text.split()))
    return kept, left_out
