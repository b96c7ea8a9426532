"""A backfill's windows: the range cut into months, newest first, what is done of it, and walking what is open.

A window is done when the ledger has completed backfills of the source's own site over all of its days, however
the range was cut then. So a backfill that was killed goes on where it stopped when it is started again.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal

from crawler.source import Calendar, Listing
from flows.artifact import safe, table
from flows.collect import One, Order, SourceReport
from flows.report import WORST
from storage import earlier, models
from storage.database import Database
from storage.days import day_after, days_of
from storage.ledger import Tally

Split = Literal["week", "month", "year"]
"""What a window is, where no day of it is done: a calendar's, cut off at the ends of the range."""

MOST_ROWS = 500
"""Windows that an artifact lists: forty years of months."""

NOT_BEGUN = "not begun, since a newer window failed"


@dataclass(frozen=True, slots=True)
class Window:
    """Some days of a source in a row, of one month, week or year.

    Args:
        order: to collect them.
        done: whether they were collected before; then they are not walked again.
        tried: how the last run that touched them ended, where they are open.
    """

    order: Order
    done: bool
    tried: str = ""

    @property
    def name(self) -> str:
        """The source and its days, such as ``kremlin 2018-01`` or ``kremlin 2018-01-01 to 2018-01-09``."""
        return f"{self.order.source.id} {self.days}"

    @property
    def days(self) -> str:
        """The days, as short as they can be told."""
        since, until = self.order.since, self.order.until
        if (since.day, day_after(until).day) == (1, 1):
            if (since.year, since.month) == (until.year, until.month):
                return f"{since:%Y-%m}"
            if (since.month, until.month, since.year) == (1, 12, until.year):
                return f"{since:%Y}"
        return f"{since}" if since == until else f"{since} to {until}"


def planned(database: Database | None, orders: Sequence[Order], split: Split = "month") -> list[Window]:
    """The windows of several sources' ranges, source by source and newest first.

    What another than the site answers is one window and never done: an index of captures proves no day complete,
    and gives the captures of a year for each window. A source that has neither a listing nor a calendar isn't cut
    either: its site maps are read whole for each window.

    Args:
        database: whose ledger says what is done; None where there is none yet.
        orders: one a source, each over the whole range.
        split: how the range is cut.
    """
    return [window for order in orders for window in _cut(database, order, split)]


def _cut(database: Database | None, order: Order, split: Split) -> list[Window]:
    if order.via is not None:
        return [Window(order, done=False)]
    runs: list[models.Run] = []
    if database is not None:
        with database.read() as session:
            runs = earlier.backfills(session, order.source.id, order.since, order.until)
    done = set() if order.again else _proved(order, runs)
    whole = not any(isinstance(way, Listing | Calendar) for way in order.source.discover)
    days = reversed(days_of(order.since, order.until))
    out = []
    for (_, is_done), group in groupby(days, key=lambda day: (whole or _start(day, split), day in done)):
        row = list(group)
        part = replace(order, since=row[-1], until=row[0])
        out.append(Window(part, is_done, "" if is_done else _tried(part, runs)))
    return out


def _proved(order: Order, runs: Sequence[models.Run]) -> set[dt.date]:
    """The days of which all has been collected. The day on which a run began was not over yet."""
    done: set[dt.date] = set()
    for run in runs:
        if run.state == "completed":
            last = min(run.until, order.source.day_of(run.started_at) - dt.timedelta(1))
            done.update(days_of(run.since, last))
    return done


def _tried(order: Order, runs: Sequence[models.Run]) -> str:
    last = next((run for run in runs if run.since <= order.until and run.until >= order.since), None)
    if last is None:
        return ""
    if last.state == "completed":
        return "the day was not over" if order.until == last.until else ""
    return f"{last.state}: {last.reasons[0]}" if last.reasons else last.state


def _start(day: dt.date, split: Split) -> dt.date:
    """The first day of the week, month or year that a day is in."""
    if split == "week":
        return day - dt.timedelta(day.weekday())
    return day.replace(day=1) if split == "month" else day.replace(month=1, day=1)


# --- walking them --------------------------------------------------------------------------------


Moved = Callable[[Window, SourceReport], None]
"""Told of a window and how it ended."""


@dataclass
class Backfill:
    """The windows of a backfill, as they get done.

    Args:
        windows: of all sources, as planned.
        today: the day in a source's time zone, asked before each window: a backfill may take weeks.
        moved: told after each window.
    """

    windows: list[Window]
    today: Callable[[Order], dt.date] = lambda order: order.today
    moved: Moved = lambda _window, _report: None
    reports: dict[str, SourceReport] = field(default_factory=dict)
    """How each window that was not done before ended, by its name."""
    _failed: set[str] = field(default_factory=set)

    @property
    def orders(self) -> list[Order]:
        """What is still to be walked."""
        return [window.order for window in self.windows if not window.done]

    @property
    def counts(self) -> tuple[int, int]:
        """How many windows are done, and of how many."""
        return sum(self.state(window) == "done" for window in self.windows), len(self.windows)

    def walking(self, one: One) -> One:
        """Walks a window with `one`, unless a newer one of its source failed: older ones would meet the same."""
        named = {(w.order.source.id, w.order.since): w for w in self.windows}

        def walk(order: Order, stop: threading.Event) -> SourceReport:
            window, source = named[order.source.id, order.since], order.source.id
            found = SourceReport.failed(order, NOT_BEGUN, listings=None)
            if source not in self._failed:
                self._failed.add(source)  # until it has ended otherwise: it may raise
                found = one(replace(order, today=self.today(order)), stop)
                if found.state != "failed":
                    self._failed.discard(source)
            self.reports[window.name] = found
            self.moved(window, found)
            return found

        return walk

    def state(self, window: Window) -> Literal["done", "open"]:
        """Whether a window is done by now."""
        found = self.reports.get(window.name)
        return "done" if window.done or (found is not None and found.state == "completed") else "open"

    def told(self, window: Window) -> str:
        """What there is to say of a window: how it ended, or how it was left before."""
        found = self.reports.get(window.name)
        if found is None:
            return "before" if window.done else window.tried
        return "; ".join(found.reasons) or str(found.tally)

    def by_source(self, reports: Sequence[SourceReport]) -> list[SourceReport]:
        """One report a source, in the order of the windows; a source of which all was done before has one too.

        Args:
            reports: one for each of the `orders`, in their order.
        """
        walked = [window.name for window in self.windows if not window.done]
        self.reports |= dict(zip(walked, reports, strict=True))
        out = []
        for source, group in groupby(self.windows, key=lambda window: window.order.source.id):
            own = [report for report in reports if report.source == source]
            out.append(self._together(list(group), own))
        return out

    def _together(self, windows: list[Window], reports: list[SourceReport]) -> SourceReport:
        if len(windows) == 1 and reports:
            return reports[0]
        first, last = windows[0].order, windows[-1].order
        walked = [window for window in windows if not window.done]
        pairs = [(window, report) for window, report in zip(walked, reports, strict=True)]
        begun = [(window, report) for window, report in pairs if report.reasons != (NOT_BEGUN,)]
        reasons = [f"{w.days}: {reason}" for w, report in begun for reason in report.reasons]
        if left := [window.days for window, report in pairs if report.reasons == (NOT_BEGUN,)]:
            reasons.append(f"{', '.join(left[:3])}{_more(left[3:])}: {NOT_BEGUN}")
        notes = [f"{w.days}: {note}" for w, report in begun for note in report.notes]
        if before := len(windows) - len(walked):
            notes.append(f"{before} of {len(windows)} windows were done before")
        counts: Counter[models.Disposition] = Counter()
        links: Counter[str] = Counter()
        for report in reports:
            counts.update(report.tally.counts)
            links.update(report.links)
        states: list[models.RunState] = ["completed", *(report.state for report in reports)]
        worst = max(states, key=lambda state: WORST[state])
        return SourceReport(
            source=first.source.id,
            # The last one that ended so: who reads what went wrong is led to its pages.
            run_id=next((report.run_id for _, report in reversed(begun) if report.state == worst), 0),
            since=last.since,
            until=first.until,
            state=worst,
            tally=Tally(dict(counts), sum(report.tally.unsettled for report in reports)),
            reasons=tuple(reasons),
            notes=tuple(notes),
            listings=sum(report.listings or 0 for report in reports),
            misses=sum(report.misses for report in reports),
            seconds=round(sum(report.seconds for report in reports), 1),
            arrivals=tuple(arrival for report in reports for arrival in report.arrivals),
            links=dict(links),
        )


def rows(work: Backfill) -> list[tuple[str, str, str, str]]:
    """Source, days, done or open, and what there is to say of it: a row a window."""
    return [(w.order.source.id, w.days, work.state(w), work.told(w)) for w in work.windows]


def summary(work: Backfill) -> str:
    """How many windows are done, in a sentence."""
    done, total = work.counts
    return f"{done} of {total} windows are done, {total - done} open"


def markdown(work: Backfill) -> str:
    """The windows as a table, the open ones first, since those need a look."""
    told = sorted(rows(work), key=lambda row: row[2] == "done")
    cells = [
        (source, days, state if state == "done" else "**open**", safe(last))
        for source, days, state, last in told[:MOST_ROWS]
    ]
    lines = [f"# {summary(work)}", "", *table(("source", "window", "state", "last"), cells)]
    if len(told) > MOST_ROWS:
        lines += ["", f"And {len(told) - MOST_ROWS} more."]
    return "\n".join(lines) + "\n"


def _more(left: Sequence[str]) -> str:
    return f" and {len(left)} more back to {left[-1]}" if left else ""
