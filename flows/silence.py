"""Silence: a source that nights visit and that has published nothing for longer than its file calls usual.

The night asks about each source that it has collected, the audit about all of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.orm import Session

from crawler.source import Source
from storage import coverage
from storage.days import days_of


@dataclass(frozen=True, slots=True)
class Silence:
    """How long a source that nights visit has published nothing.

    Args:
        source: its id.
        last: day of its newest document; None where it never had one.
        days: since then; where it never had one, those of the last year that a run has proved empty.
        usual: days that its file calls usual.
        proved: days of the silence that a run has proved empty.
    """

    source: str
    last: dt.date | None
    days: int
    usual: int
    proved: int

    def __str__(self) -> str:
        last = f"nothing new since {self.last}" if self.last else "no document yet"
        days = f"{self.days} days; up to {self.usual} are usual; proved empty: {self.proved} of them"
        return f"{last}, {days}"


def silence(
    source: Source, published: Collection[dt.date], proved: Collection[dt.date], today: dt.date
) -> Silence | None:
    """The silence of a source that nights visit; None where it has published lately.

    Args:
        source: its file says what is usual.
        published: days of its documents.
        proved: days that a run has proved complete, of the last year and of its documents.
        today: the day on which it is asked.
    """
    last = max((day for day in published if day <= today), default=None)
    usual = source.expect.silent_days
    if last is None:
        return Silence(source.id, None, len(proved), usual, len(proved)) if len(proved) > usual else None
    quiet = days_of(last + dt.timedelta(1), today)
    if len(quiet) <= usual:
        return None
    return Silence(source.id, last, len(quiet), usual, sum(day in proved for day in quiet))


def silence_tonight(session: Session, source: Source, today: dt.date) -> Silence | None:
    """The same for a source whose night has loaded what it found, from the archive."""
    published = set(coverage.documents_by_day(session, until=today, source=source.id).get(source.id, ()))
    begin = min({today - dt.timedelta(365), *published})
    proved = coverage.proved_days(session, begin, today, source.id).get(source.id, set())
    quiet = silence(source, published, proved, today)
    if quiet is None:
        return None
    begin = quiet.last or today - dt.timedelta(365)
    lost = {page.day for page in coverage.lost_pages(session, begin, today, source.id) if page.listed}
    return silence(source, published, proved - lost, today)
