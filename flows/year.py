"""A year at a glance: what each day of each source is known to hold, and a line of it a source for a terminal."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from crawler.source_files import read_sources
from flows.missing import choose, ends_of
from flows.settings import Settings
from flows.verdict import several
from storage import coverage
from storage.database import Database
from storage.days import days_of

if TYPE_CHECKING:
    from rich.text import Text

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class SourceYear:
    """A year of one source.

    Args:
        source, name: its id, and its name for people.
        today: the last day that has begun, or that is asked about.
        documents: by day.
        proved: days that a run has proved complete.
        lost: pages of a day that were found and could not be read.
    """

    source: str
    name: str
    today: dt.date
    documents: Counter[dt.date] = field(default_factory=Counter)
    proved: frozenset[dt.date] = frozenset()
    lost: Counter[dt.date] = field(default_factory=Counter)

    def mark(self, day: dt.date) -> coverage.Mark:
        """What a day holds."""
        return coverage.mark_of(day, self.documents, self.proved, self.today)

    def summary(self, days: Sequence[dt.date]) -> str:
        """Some days in words."""
        marks = Counter(map(self.mark, days))
        count = sum(self.documents.values())
        words = [
            f"{several(count, 'document')} on {several(marks['documents'], 'day')}",
            f"{several(marks['empty'], 'day')} proved empty",
            f"{several(marks['unproved'], 'day')} never looked at",
        ]
        lost = sum(self.lost.values())
        return ", ".join(words + ([f"{several(lost, 'page')} not read"] if lost else []))


def year_days(year: int) -> list[dt.date]:
    """Every day of a year."""
    return days_of(dt.date(year, 1, 1), dt.date(year, 12, 31))


def column(day: dt.date) -> int:
    """The week of its year that a day is in, from 0; weeks begin on Monday. There are up to 54."""
    first = dt.date(day.year, 1, 1)
    return ((day - first).days + first.weekday()) // 7


def read_year(database: Database, settings: Settings, year: int, ids: Sequence[str] = ()) -> list[SourceYear]:
    """A year of each source.

    Args:
        database: to read.
        settings: name the folder of further sources.
        year: such as 2026.
        ids: sources; none for all: see `flows.missing.look`.

    Raises:
        SourceError: an id is unknown.
    """
    facts, unusable = read_sources(settings.sources)
    first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
    with database.read() as session:
        wanted = choose(session, settings, {*facts, *unusable}, ids)
        documents = coverage.documents_by_day(session, first, last)
        proved = coverage.proved_days(session, first, last)
        lost: dict[str, Counter[dt.date]] = {}
        for page in coverage.lost_pages(session, first, last):
            if page.listed:
                lost.setdefault(page.source, Counter())[page.day] += 1
    ends = ends_of(wanted, facts)
    return [
        SourceYear(
            name,
            facts[name].name if name in facts else name,
            ends[name],
            documents.get(name, Counter()),
            frozenset(proved.get(name, ())),
            lost.get(name, Counter()),
        )
        for name in wanted
    ]


LEGEND = "▁ to █ documents of a week, · proved empty, ? never looked at, ! pages not read"


def weeks(year: int, sources: Sequence[SourceYear], width: int) -> list[Text]:
    """A line a source, a sign a week, cut into as many parts as the width wants.

    A block is as high as its week's share of the source's busiest week; one with a page that could not be read
    is red on a terminal with colours.

    Args:
        year: such as 2026.
        sources: a year of each.
        width: columns that a line may have.
    """
    from rich.text import Text

    days = year_days(year)
    columns = [list(group) for _, group in groupby(days, key=column)]
    names = max([len(each.source) for each in sources], default=0) + 1
    room = max(width - names - 8, 12)
    out = []
    for start in range(0, len(columns), room):
        part = columns[start : start + room]
        out.append(Text(f"{'':{names}}{_months(part)}".rstrip(), style="bold"))
        for each in sources:
            line = Text(f"{each.source:{names}}")
            top = max(sum(each.documents[day] for day in week) for week in columns)
            for week in part:
                line.append(*_sign(each, week, top))
            total = sum(each.documents[day] for week in part for day in week)
            line.append(f" {total:>6}")
            out.append(line)
    return out


def _sign(year: SourceYear, week: Sequence[dt.date], top: int) -> tuple[str, str]:
    """The sign of a week, and its colour."""
    count = sum(year.documents[day] for day in week)
    lost = any(year.lost[day] for day in week)
    if count:
        return BLOCKS[max(0, -(-count * len(BLOCKS) // top) - 1)], "red" if lost else "blue"
    if lost:
        return "!", "bold red"
    marks = {year.mark(day) for day in week}
    if "unproved" in marks:
        return "?", "yellow"
    return ("·", "") if "empty" in marks else (" ", "")


def _months(part: Sequence[Sequence[dt.date]]) -> str:
    """Names of months above the weeks in which they begin, as far as there is room."""
    line = ""
    for at, week in enumerate(part):
        first = next((day for day in week if day.day == 1), None)
        if first is not None and len(line) <= at and at + 3 <= len(part):
            line = f"{line:{at}}{MONTHS[first.month - 1]} "
    return line
