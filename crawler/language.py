"""The language of a text: what the source says, unless the letters of the text say otherwise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from lxml import etree

from crawler.blocks import Paragraph
from crawler.source import Source

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

SAMPLE = 800
"""Characters the language is told from; more changes nothing on the corpus."""
GLANCE = 200
"""Characters that are enough where they are in the language that the source or the page claims."""

_CODE = re.compile(r"\s*([A-Za-z]{2})(?:[-_]|\s*$)")
SURE = 0.9
"""Probability from which the text is believed against the source or the page."""


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # and numpy, of which a crawl has no use

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def language_of(
    paragraphs: Sequence[Paragraph], root: etree._Element, source: Source | None
) -> tuple[str | None, str | None]:
    """The ISO 639-1 code of a text, and a doubt where the page or its source claims another language.

    Args:
        paragraphs: the text.
        root: the page; its ``<html lang>`` is a claim.
        source: its language is a better one.
    """
    claim = source.language if source is not None else _claimed(root)
    sample: list[str] = []
    length = 0
    for paragraph in paragraphs:
        sample.append(paragraph.text)
        length += len(paragraph.text)
        if length > SAMPLE:
            break
    text = " ".join(sample)[:SAMPLE]
    code, sure = _identifier().classify(text[:GLANCE] if claim is not None else text)
    if code != claim:
        code, sure = _identifier().classify(text)
    if claim is None or code == claim:
        return str(code), None
    # A line or two is too little to contradict anyone.
    if len(text) < 100 or sure < SURE:
        return claim, None
    if source is None:
        return str(code), None
    return str(code), f"the text is in {code!r}, the source's language is {claim!r}"


def language_of_text(text: str) -> str | None:
    """The ISO 639-1 code of a text that nobody claims to be in any language; None where it has no words."""
    return str(_identifier().classify(text[:SAMPLE])[0]) if text.strip() else None


def _claimed(root: etree._Element) -> str | None:
    match = _CODE.match(root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or "")
    return match[1].lower() if match else None
