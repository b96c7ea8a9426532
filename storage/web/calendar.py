"""A year of one source as twelve small calendars: what each day is known to hold."""

from __future__ import annotations

import datetime as dt
from calendar import Calendar
from collections import Counter
from dataclasses import dataclass

from sqlalchemy.orm import Session

from storage import coverage
from storage.transcript import MONTHS


@dataclass(frozen=True, slots=True)
class Day:
    """A day: what it holds, how many documents, how dark, and how many pages were found and could not be read."""

    date: dt.date
    mark: coverage.Mark
    documents: int
    shade: int
    lost: int


@dataclass(frozen=True, slots=True)
class Month:
    """A month by its weeks, which begin on Monday; None where a week's day is another month's."""

    name: str
    weeks: tuple[tuple[Day | None, ...], ...]


def year_of(session: Session, source: str, year: int, today: dt.date) -> list[Month]:
    """The months of a year of a source.

    Args:
        session: to read in.
        source: its id.
        year: such as 2026.
        today: the last day that has begun.
    """
    first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
    documents = coverage.documents_by_day(session, first, last, source).get(source, Counter())
    proved = coverage.proved_days(session, first, last, source).get(source, set())
    lost = Counter(page.day for page in coverage.lost_pages(session, first, last, source) if page.listed)

    def cell(day: dt.date) -> Day:
        mark, shade = coverage.mark_of(day, documents, proved, today), coverage.shade_of(documents[day])
        return Day(day, mark, documents[day], shade, lost[day])

    return [
        Month(
            name.capitalize(),
            tuple(
                tuple(cell(dt.date(year, number, day)) if day else None for day in week)
                for week in Calendar().monthdayscalendar(year, number)
            ),
        )
        for number, name in enumerate(MONTHS, 1)
    ]
