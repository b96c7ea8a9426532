"""Discovery in an index of captures: the Wayback Machine's, or another that answers like its CDX server.

It stands in for `crawler.discovery.Walk` where a site is gone, or has thrown its past away. An index says what was
captured, never what was published: it proves no day complete, and it knows no dates of publication.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator
from urllib.parse import urlencode

from crawler.job import Bookmark
from crawler.source import Source
from crawler.ways import MOST_PAGES, Fetch, Missed
from storage.address import without_port
from storage.days import days_of
from storage.ledger import Found

CAPTURED_WITHIN = dt.timedelta(366)
"""How long after its publication a document's capture is looked for."""

ROWS = 10_000
"""Captures asked for at once: less than a megabyte."""

_FIELDS = ["timestamp", "original"]


class Wayback:
    """Everything that an index of captures has of a source's documents.

    Args:
        endpoint: address of the machine, without a slash at its end.
        source: whose documents.
        since: first day of the window.
        until: last day of the window.
        today: no day after it was captured.
        fetch: gets a page of the index, or raises `Missed`.
    """

    def __init__(
        self, endpoint: str, source: Source, since: dt.date, until: dt.date, today: dt.date, fetch: Fetch
    ) -> None:
        self.endpoint = endpoint
        self.source = source
        self.since = since
        self.until = min(until, today)
        self.listings = 0
        self.complaints: list[str] = []
        self.notes: list[str] = []
        self.bookmarks: dict[str, Bookmark] = {}
        """None: an index of captures has no pages that shift."""
        self._fetch = fetch

    @property
    def gaps(self) -> list[dt.date]:
        """Every day of the window: nothing here proves one complete."""
        return days_of(self.since, self.until)

    def address(self, found: Found) -> str:
        """Where the machine gives a capture's bytes as they were received."""
        return f"{self.endpoint}/web/{found.moment:%Y%m%d%H%M%S}id_/{found.url}"

    async def found(self) -> AsyncIterator[Found]:
        """The captures of the source's documents, made in the window or the year after it, page by page."""
        count = 0
        for host in self.source.hosts:
            async for row in self._rows(host):
                found = self._found(row)
                if found is not None:
                    count += 1
                    yield found
        if self.listings and not count:
            self.complaints.append(f"{self.endpoint}: has no capture of a document of {self.source.id}")

    async def _rows(self, host: str) -> AsyncIterator[list[str]]:
        resume: str | None = None
        for _ in range(MOST_PAGES):
            try:
                rows, following = await self._page(host, resume)
            except (Missed, ValueError) as problem:
                self.complaints.append(f"{self.endpoint}: index of {host}: {problem}")
                return
            for row in rows:
                yield row
            if following is None:
                return
            if following == resume:
                self.complaints.append(f"{self.endpoint}: index of {host}: repeats itself")
                return
            resume = following
        self.complaints.append(f"{self.endpoint}: index of {host}: no end after {MOST_PAGES} pages")

    async def _page(self, host: str, resume: str | None) -> tuple[list[list[str]], str | None]:
        """A page of the index, and the key to the next one.

        Raises:
            Missed: it could not be had.
            ValueError: it is none.
        """
        asked = {
            "url": host,
            "matchType": "domain",
            # East of Greenwich a day begins on the one before in UTC.
            "from": f"{self.since - dt.timedelta(1):%Y%m%d}",
            "to": f"{self.until + CAPTURED_WITHIN:%Y%m%d}",
            "filter": "statuscode:200",
            "collapse": "digest",
            "output": "json",
            "fl": ",".join(_FIELDS),
            "limit": str(ROWS),
            "showResumeKey": "true",
        }
        if resume is not None:
            asked["resumeKey"] = resume
        sheet = await self._fetch(f"{self.endpoint}/cdx/search/cdx?{urlencode(asked)}")
        rows = read_index(sheet.text)
        self.listings += 1
        return rows

    def _found(self, row: list[str]) -> Found | None:
        """The document that a row is a capture of."""
        timestamp, original = row
        url = without_port(original)
        key = self.source.key(url)
        try:
            moment = dt.datetime.strptime(timestamp, "%Y%m%d%H%M%S").replace(tzinfo=dt.UTC)
        except ValueError:
            return None
        return Found(key, url, moment=moment) if key is not None else None


def read_index(text: str) -> tuple[list[list[str]], str | None]:
    """The rows of an index's answer, and the key to the ones that follow; None where it is the last.

    Raises:
        ValueError: it is no such answer.
    """
    try:
        answer = json.loads(text) if text.strip() else []
    except ValueError:
        raise ValueError("not the answer of a CDX server") from None
    if answer == []:
        return [], None
    if not isinstance(answer, list) or answer[0] != _FIELDS:
        raise ValueError("not the answer of a CDX server")
    resume, rows = None, answer[1:]
    if len(rows) > 1 and rows[-2] == []:
        *rows, _, last = rows
        if not _is_row(last, 1):
            raise ValueError("the key to the index's next page is none")
        resume = last[0]
    if not all(_is_row(row, len(_FIELDS)) for row in rows):
        raise ValueError("a row of the index has other fields than were asked for")
    return rows, resume


def _is_row(row: object, width: int) -> bool:
    return isinstance(row, list) and len(row) == width and all(isinstance(cell, str) for cell in row)
