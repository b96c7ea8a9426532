"""What a crawl is told and what it tells: two messages between its process and its caller, and its log."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from crawler.source import Source

LINE_BREAK = "\x1e"
"""Stands for a line break within a record of a crawl's log, which is a line: ``LEVEL|logger|message``."""


class Bookmark(BaseModel):
    """The page of a listing before the one on which a window was left: an older window is walked from there.

    Listings shift their entries towards higher pages only, so that page begins after the older window, or shows by
    its dates that it doesn't.
    """

    model_config = ConfigDict(frozen=True)

    page: int
    url: str


class CrawlJob(BaseModel):
    """One crawl: one source, one window of days (both ends included), one run of the ledger.

    `replay` is a WARC file that answers instead of the network, `wayback` the address of a Wayback Machine that
    is asked instead of the source's site, `chromium` the browser that renders its pages. `again` asks for every
    page of the window, due or not, and whole; `revisit` also for known pages that are due and not in the window.
    What the runs in `asked` were told is not asked for again. `bookmarks` are those of the source's listings, by
    their addresses.
    """

    model_config = ConfigDict(frozen=True)

    source: Source
    since: dt.date
    until: dt.date
    today: dt.date
    run_id: int
    database_url: str
    archive: Path
    replay: Path | None = None
    wayback: str | None = None
    again: bool = False
    revisit: bool = False
    asked: tuple[int, ...] = ()
    bookmarks: dict[str, Bookmark] = {}
    chromium: Path | None = None
    contact: str | None = None
    delay: float | None = None
    timeout: float = 60.0


class CrawlReport(BaseModel):
    """How a crawl went. Its pages are in the ledger.

    Args:
        finished: whether the spider came to its own end.
        listings: discovery pages read.
        gaps: days of the window that no discovery covered from end to end.
        complaints: what went wrong in discovery, one line each.
        notes: what is worth knowing of it besides.
        misses: requests that a replayed capture had no answer to.
        bookmarks: where each listing was left, by its address.
    """

    finished: bool
    reason: str
    listings: int = 0
    gaps: tuple[dt.date, ...] = ()
    complaints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    misses: int = 0
    bookmarks: dict[str, Bookmark] = {}
