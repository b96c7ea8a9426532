"""A page as it was fetched -> a transcript, or the reason why it is none."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from crawler.source import Source
from storage.transcript import Transcript

VERSION = 1
"""The extractor's version. Raise it with every change that can change a transcript."""


class Refused(Exception):  # noqa: N818 - a verdict on the page, not a fault
    """The page holds no transcript. `kind` is a word for counting, the message says more."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Page:
    """One captured response, as `extract` wants it."""

    url: str
    body: bytes
    content_type: str = ""
    captured: dt.date | None = None


def extract(page: Page, source: Source | None) -> Transcript:
    raise Refused("unread", "not written yet")
