"""A page beside its reading, paragraph by paragraph: what a person looks at who writes or reviews a layout."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import zip_longest

from lxml import etree

from crawler.blocks import BLOCKS
from crawler.markup import decode, parse, select, tag, text_of
from crawler.page import Page
from crawler.source import Source
from storage.transcript import Transcript


def beside(page: Page, source: Source, transcript: Transcript) -> list[tuple[str, str]]:
    """Rows of two cells: a paragraph as the page has it, and as it was read; empty where the other has none.

    The left side is every innermost block of the body that the source's layouts name, or of the whole page where
    none fits. The right side is the turns, then what was left out.
    """
    left = _paragraphs(page, source)
    right = [
        f"{turn.label}: {text}" if turn.label and n == 0 else text
        for turn in transcript.turns
        for n, text in enumerate(turn.paragraphs)
    ]
    right += [f"(left out) {text}" for text in transcript.left_out]
    matcher = SequenceMatcher(
        None, [_key(text) for text in left], [_key(text) for text in right], autojunk=False
    )
    rows: list[tuple[str, str]] = []
    for _, i, j, k, m in matcher.get_opcodes():
        rows += zip_longest(left[i:j], right[k:m], fillvalue="")
    return rows


def _paragraphs(page: Page, source: Source) -> list[str]:
    root = parse(decode(page.body, page.content_type))
    if root is None:
        return []
    bodies = next((found for layout in source.layout if (found := select(root, layout.body))), [root])
    blocks = (block for body in bodies for block in body.iter() if tag(block) in BLOCKS or block is body)
    return [text for block in blocks if not _parted(block) and (text := text_of(block))]


def _parted(element: etree._Element) -> bool:
    """Whether blocks stand within it, so that its text is theirs."""
    return any(tag(inner) in BLOCKS for inner in element.iterdescendants())


def _key(text: str) -> str:
    return "".join(filter(str.isalnum, text.removeprefix("(left out) "))).casefold()
