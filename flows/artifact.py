"""Markdown for the artifacts in the Prefect UI: text made safe, and tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

from storage.transcript import clean


def safe(text: str) -> str:
    """Text that Markdown leaves alone: a page's title may hold links, tags or a table's bar.

    An address becomes no link, for a viewer that makes one takes the backslashes into it.
    """
    return re.sub(r"([\\`*_{}\[\]<>|#!~&$]|:(?=//))", r"\\\1", clean(text))


def address(url: str) -> str:
    """An address for a link; empty where it is not one of the web."""
    return re.sub(r"[<>\s\\]", "", url) if re.match(r"https?://", url) else ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table's lines. Its cells are Markdown already, so what came from elsewhere was made safe before."""
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
