"""Discovery: where a source lists its documents, walked newest first until the window is behind us.

Every page of a feed, news site map, listing or calendar proves some days complete. The days of the window that
nothing has proved are its gaps, and a window with gaps isn't done: that is how a challenge page, an empty
listing or a listing that ends too early is never taken for the end of the archive.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator

from crawler.sheets import Link
from crawler.source import Calendar, Feed, Items, Listing, SiteMap
from crawler.ways import Way, Ways
from storage.address import uncounted
from storage.ledger import Found

TRAILING_DAYS = 31
"""A window that ends within so many days of today is walked from the top; an older one by calendar, if any."""

SUSPICIOUS = 5
"""So many links of a window, none of them a document, say that the source's addresses have changed."""

FEW = 3
"""So many links are worth a note where the newest are no documents; of a feed they say the same if none is one."""


class Walk(Ways):
    """One walk over everything that a source lists for a window; its arguments are those of `Ways`."""

    def address(self, found: Found) -> str:
        """Where a document is fetched: at its own address."""
        return found.url

    async def found(self) -> AsyncIterator[Found]:
        """The window's documents, each as often as it is listed, and those whose date no listing tells."""
        trailing = self.until > self.today - dt.timedelta(TRAILING_DAYS)
        order: tuple[type[Way], ...] = (
            (Feed, Listing, SiteMap, Calendar) if trailing else (Calendar, Listing, SiteMap)
        )
        dear = (Calendar,) if trailing else (Listing, SiteMap)
        entries = [entry for kind in order for entry in self.source.discover if isinstance(entry, kind)]
        wanted = dict[tuple[str, type[Way]], bool]()
        tried = set[str]()
        for entry in entries or self.source.discover:
            # The dearest ways are for what those of other kinds left open: a second list has other documents.
            left_open = entry.section not in tried or bool(self._gaps(entry.section))
            if not wanted.setdefault((entry.section, type(entry)), left_open) and isinstance(entry, dear):
                continue
            tried.add(entry.section)
            self.way = entry
            self._failures = 0
            others, links, documents, newest = list[Link](), 0, 0, dt.date.min
            async for link in self._links(entry):
                key = self.source.key(link.url)
                links += 1
                documents += key is not None
                if key is not None and link.date is not None:
                    newest = max(newest, link.date)
                day = self._told(entry, link, trailing=trailing)
                if day is None or self.since <= day <= self.until:
                    if key is not None:
                        yield Found(key, uncounted(link.url), day)
                    elif day is not None:
                        others.append(Link(link.url, day))
            # Whether the source as a whole is silent, others ask: another section of it may hide that one is dead.
            quiet = self.today - dt.timedelta(self.source.expect.silent_days)
            if trailing and len(self._covered) > 1 and dt.date.min < newest < quiet:
                self.notes.append(f"{entry.url}: nothing newer than {newest}")
            if isinstance(entry, SiteMap):
                pass  # it may be of the whole site
            elif not documents:
                # A feed is of documents, a list may be of other things besides.
                count, most = (links, FEW) if isinstance(entry, Feed) else (len(others), SUSPICIOUS)
                if count >= most:
                    self._doubt(entry, f"none of {count} links is a document", dt.date.min)
            elif trailing and newest > dt.date.min:
                newer = [link for link in others if link.date is not None and link.date > newest]
                told = f"none of {len(newer)} links newer than {newest} is a document"
                if len(newer) >= SUSPICIOUS:
                    self._doubt(entry, f"{told}, such as {newer[0].url}", newest)
                elif len(newer) >= FEW:
                    self.notes.append(f"{entry.url}: {told}, such as {newer[0].url}")

    def _doubt(self, entry: Way, what: str, after: dt.date) -> None:
        """Complain that a source's addresses look changed: no day after one is proved."""
        self.complaints.append(f"{entry.url}: {what}")
        self._covered[entry.section] -= {day for day in self._covered[entry.section] if day > after}

    def _told(self, entry: Way, link: Link, *, trailing: bool) -> dt.date | None:
        """The day that a link is listed with; None where that tells nothing of when it was published."""
        if link.date is None or link.date <= self.until:
            return link.date
        # Who was changed after the window may have been published in it; who is dated after today was not.
        changed = isinstance(entry, Items) and entry.updated
        return None if changed or (trailing and link.date > self.today) else link.date
