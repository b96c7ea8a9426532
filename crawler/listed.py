"""What the dates of a list are worth: which of them are not to be believed, and which end of it is the newer one.

Functions of the dates alone. Lists are typed by hand: a year is a wrong one, and something old is kept on top.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile

from crawler.sheets import Link


class Dates:
    """The dates of a list, page after page.

    Args:
        since, until: first and last day of the window.
        today: the day of the walk.

    Attributes:
        days: of the page that was taken last.
        rising: it looks like one of a list with the oldest first.
        in_order: so far every date is that of the one above it, or an earlier one.
    """

    def __init__(self, since: dt.date, until: dt.date, today: dt.date) -> None:
        self.days: list[dt.date] = []
        self.rising = False
        self.in_order = True
        self._since, self._until, self._today = since, until, today
        self._above: dt.date | None = None  # the last date so far
        self._top: dt.date | None = None  # the newest date of the last page that had some
        self._bottom: dt.date | None = None  # the oldest date of the page before, where that one rose
        self._older: list[Link] = []  # what that page ends with: dated before the window

    def take(self, links: Sequence[Link]) -> list[Link]:
        """The links of the next page, and of the one before those whose dates it refutes.

        A day before the window is not believed where a later one stands below it, which the next page may do.

        Args:
            links: of one page, of which those of earlier pages are left out.
        """
        self.days = days = [link.date for link in links if link.date is not None]
        newest = max((day for day in days if day <= self._today), default=dt.date.min)
        refuted = [Link(each.url, None) for each in self._older if each.date and each.date < newest]
        found = list(_believed(links, self._above, self._since, self._until, self._today))
        run = [*filter(None, [self._above]), *days]
        self.in_order = self.in_order and run == sorted(run, reverse=True)
        self.rising = bool(days) and _rises(days, self._top, self._since, self._bottom)
        self._older = [] if self.rising else [*takewhile(self._is_older, reversed(found))]
        self._above = days[-1] if days else self._above
        self._top = max(days, default=self._top)
        self._bottom = min(days) if self.rising else None
        return refuted + found

    def _is_older(self, link: Link) -> bool:
        return link.date is not None and link.date < self._since


def _believed(
    links: Sequence[Link], above: dt.date | None, since: dt.date, until: dt.date, today: dt.date
) -> Iterator[Link]:
    """The links of a page, some without their dates: those are typed wrongly, or of what is kept on top.

    So is a day before the window where a later one stands below it, and a day behind the window between two that
    are not. On a page with the oldest first every date is believed.

    Args:
        links: of one page, of which those of earlier pages are left out.
        above: the last date before them; None where there is none.
        since, until: first and last day of the window.
        today: a day after it is one to come, and tells nothing of the others.
    """
    dated = [(n, link.date) for n, link in enumerate(links) if link.date is not None]
    up, down = _steps([day for _, day in dated if day <= today])
    if up > max(1, down):  # what is dated wrongly, or kept on top, rises once
        yield from links
        return
    doubted, below = set[int](), dt.date.min
    for n, day in reversed(dated):
        if day < min(since, below):
            doubted.add(n)
        if day <= today:
            below = max(below, day)
    days = [above, *(day for _, day in dated), dt.date.min]
    for (n, day), before, after in zip(dated, days, days[2:], strict=False):
        if before is not None and after is not None and max(before, after) <= until < day:
            doubted.add(n)
    for n, link in enumerate(links):
        yield Link(link.url, None) if n in doubted else link


def _rises(
    days: Sequence[dt.date], top: dt.date | None, since: dt.date, bottom: dt.date | None = None
) -> bool:
    """Whether a page looks like one of a list with the oldest first.

    Args:
        days: the page's, one at least.
        top: the newest day of the page before; None on the first one.
        since: first day of the window: a first page of one older day may be either end of a list.
        bottom: the oldest day of the page before, where that one rose: something new may be kept on top of it.
    """
    up, down = _steps(days)
    # One that is kept on top of a newest-first list rises once.
    within = up > down
    if top is None:
        return within or (len(days) > 1 and len(set(days)) == 1 and days[0] < since)
    goes_on = bottom is not None and up >= down and (max(days) > bottom or (not down and max(days) == bottom))
    return goes_on or min(days) > top or (within and max(days) >= top)


def _steps(days: Sequence[dt.date]) -> tuple[int, int]:
    """How often a day is followed by a later one, and by an earlier one."""
    pairs = list(pairwise(days))
    return sum(one < other for one, other in pairs), sum(one > other for one, other in pairs)
