"""Paragraphs -> turns. (First form: bold or plain names before a colon.)"""

from __future__ import annotations

import re
from collections.abc import Sequence

from crawler.blocks import Paragraph
from storage.transcript import Turn

_LABEL = re.compile(r"([A-Z][\w .’'()-]{1,60}):\s")


def turns(paragraphs: Sequence[Paragraph], language: str | None) -> tuple[Turn, ...]:
    found: list[tuple[str | None, list[str]]] = []
    for paragraph in paragraphs:
        text = paragraph.text.replace("\n", " ")
        match = _LABEL.match(text)
        if match or not found:
            found.append((match[1] if match else None, []))
        found[-1][1].append(text[match.end() :] if match else text)
    return tuple(Turn(tuple(texts), label) for label, texts in found if label or any(texts))
