"""What is missing: sources that fell silent, gaps in their calendars, pages that are read worse than before.

`look` puts the questions of `storage.coverage` and `storage.drift` beside what a source's file expects of it, and
says what needs a look. Nothing here prints.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from sqlalchemy.orm import Session

from crawler.source import Source
from crawler.source_files import read_sources, require_known
from flows import plan
from flows.settings import Settings
from flows.silence import silence
from flows.verdict import several
from storage import coverage, earlier
from storage.coverage import Filled
from storage.database import Database
from storage.days import days_of
from storage.drift import drifts

Kind = Literal["not visited", "silent", "gap", "not read", "drift"]
"""What needs a look, the worst first."""

KINDS: tuple[Kind, ...] = get_args(Kind)

MISSED_NIGHTS = 2
"""Days since the last night of a source that was not in vain, after which it counts as not visited."""

RHYTHM = 100
"""Distances between days of publication that tell a rhythm: of fewer the 99th percentile is the longest."""

LATE_DAYS = 7
"""Days after which a page that was found is usually read, if it ever is."""

HABIT = 5
"""Pages that were rejected in three months: more are a habit of the site, pictures without a text say."""

TROUBLED_DAYS = 30
"""Days whose runs are asked for pages that could not be read."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a look, on one line."""

    kind: Kind
    source: str
    what: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Days without a document, in a stretch in which the source usually publishes.

    Args:
        source: its id.
        since, until: the first and the last of the days.
        usual: days without a document in a row that are usual.
        unproved: of the days, those that no run has proved complete.
        unread: of the others, those with a page that could not be read.
    """

    source: str
    since: dt.date
    until: dt.date
    usual: int
    unproved: int
    unread: int

    @property
    def days(self) -> int:
        """How many."""
        return (self.until - self.since).days + 1


@dataclass(frozen=True, slots=True)
class Trouble:
    """Pages of a source that could not be read, for one kind of reason."""

    source: str
    disposition: str
    kind: str
    pages: int
    example: str


@dataclass(frozen=True, slots=True)
class Covered:
    """One source.

    Args:
        source: its id.
        documents: of the days asked about.
        first, last: days of its oldest and newest document of all; None where there is none.
        usual: days of silence that its file calls usual; None without a file.
        night: the last day that a night has reached; None where no night visits it.
        published: days with a document.
        empty: days proved to have none.
        unread: of the other days that were looked at, those with a page that could not be read.
        unproved: days without a document that no run has proved complete.
        gone: addresses at which there is nothing any more.
        filled: how full its documents are.
    """

    source: str
    documents: int
    first: dt.date | None
    last: dt.date | None
    usual: int | None
    night: dt.date | None
    published: int
    empty: int
    unread: int
    unproved: int
    gone: int
    filled: Filled


@dataclass(frozen=True, slots=True)
class Missing:
    """What a look found, as of a day; the worst first."""

    as_of: dt.date
    needs: tuple[Need, ...]
    sources: tuple[Covered, ...]
    gaps: tuple[Gap, ...]
    troubles: tuple[Trouble, ...]
    months: tuple[Filled, ...]


def look(
    database: Database,
    settings: Settings,
    ids: Sequence[str] = (),
    since: dt.date | None = None,
    until: dt.date | None = None,
) -> Missing:
    """Look at what is there and say what is missing.

    Args:
        database: to read.
        settings: name the folder of further sources, and those that are to be collected.
        ids: sources; none for all that have a document or a run, or are to be collected.
        since: first day that is asked about; the first of each source if none.
        until: last day; today in each source's zone if none, and at most.

    Raises:
        SourceError: an id is unknown.
    """
    facts, unusable = read_sources(settings.sources)
    with database.read() as session:
        wanted = choose(session, settings, {*facts, *unusable}, ids)
        ends = ends_of(wanted, facts, until)
        latest = max(ends.values(), default=until or _utc_today())
        days = coverage.documents_by_day(session, until=latest)
        begin = _begin(days, wanted, latest)
        proved = coverage.proved_days(session, begin, latest)
        nights = coverage.last_nights(session, latest)
        gone = coverage.gone_by_source(session)
        months = [each for each in coverage.filled_by_month(session, since, latest) if each.source in wanted]
        lost = coverage.lost_pages(session, begin, latest)
        lately = [page for page in lost if page.day >= latest - dt.timedelta(400)]
        needs = [
            Need("not visited", name, f"its file can't be used: {problem}")
            for name, problem in unusable.items()
            if name in (ids or settings.collect or unusable)
        ]
        gaps: list[Gap] = []
        rows: list[Covered] = []
        for name in wanted:
            end, own, source = ends[name], days.get(name, Counter()), facts.get(name)
            sure = proved.get(name, set())
            usual = source.expect.silent_days if source else None
            unread = {page.day for page in lost if page.source == name and page.listed} & sure - own.keys()
            found = _gaps(name, sorted(own), sure, unread, usual)
            found = [gap for gap in found if gap.until >= (since or gap.until) and gap.since <= end]
            gaps += found
            needs += _gap_need(name, found)
            if name not in {*facts, *unusable} and not settings.collect and name in nights:
                needs.append(
                    Need("not visited", name, "nights have visited it, and it has no source file now")
                )
            if source is not None and (name in settings.collect or not (settings.collect or source.draft)):
                needs += _visited(name, nights, name in settings.collect, end)
                quiet = silence(source, own, sure - unread, end) if name in nights else None
                needs += [Need("silent", name, str(quiet))] if quiet else []
            needs += _lost_need(name, earlier.lost(session, name, end), end)
            needs += [Need("drift", name, str(drift)) for drift in drifts(session, name, end, lately)]
            asked = days_of(max(filter(None, (since, min(own, default=end)))), end)
            marks = Counter(coverage.mark_of(day, own, sure, end) for day in asked)
            gone_wrong = sum(day in unread for day in asked)
            rows.append(
                Covered(
                    source=name,
                    documents=sum(own[day] for day in asked),
                    first=min(own, default=None),
                    last=max(own, default=None),
                    usual=usual,
                    night=nights.get(name),
                    published=marks["documents"],
                    empty=marks["empty"] - gone_wrong,
                    unread=gone_wrong,
                    unproved=marks["unproved"],
                    gone=gone.get(name, 0),
                    filled=Filled.together(name, [each for each in months if each.source == name]),
                )
            )
        began = dt.datetime.combine(latest - dt.timedelta(TROUBLED_DAYS), dt.time(), dt.UTC)
        troubles = _troubles(each for each in coverage.troubles(session, began) if each.source in wanted)
    return Missing(
        as_of=latest,
        needs=tuple(sorted(needs, key=lambda need: (KINDS.index(need.kind), need.source))),
        sources=tuple(sorted(rows, key=lambda row: _worst(row.source, needs))),
        gaps=tuple(
            sorted(gaps, key=lambda gap: (-gap.unproved - gap.unread, -gap.days, gap.source, gap.since))
        ),
        troubles=troubles,
        months=tuple(months),
    )


def _begin(days: Mapping[str, Iterable[dt.date]], ids: Iterable[str], latest: dt.date) -> dt.date:
    """The first day on which it matters what runs have proved: of the oldest document, or a year ago."""
    return min([latest - dt.timedelta(365), *(day for name in ids for day in days.get(name, ()))])


def choose(session: Session, settings: Settings, files: Collection[str], ids: Sequence[str]) -> list[str]:
    """The ids that are asked about, in order.

    Args:
        session: to read.
        settings: name those that are to be collected.
        files: the ids that have a source file, of use or not.
        ids: sources; none for all.

    Raises:
        SourceError: nobody knows one.
    """
    known = coverage.known_sources(session)
    require_known(ids, {*known, *files})
    return sorted(set(ids) or known | (set(settings.collect) & set(files)))


def ends_of(
    ids: Iterable[str], facts: Mapping[str, Source], until: dt.date | None = None
) -> dict[str, dt.date]:
    """Today in each source's zone, or the day asked for where that is earlier."""
    ends = {name: plan.today_of(facts[name]) if name in facts else _utc_today() for name in ids}
    return {name: min(day, until or day) for name, day in ends.items()}


def usual_gap(days: Sequence[dt.date], proved: Collection[dt.date], otherwise: int | None) -> int | None:
    """How many days without a document in a row are usual for a source.

    Twice the 99th percentile of the distances between its days of publication, where there are `RHYTHM` of them
    that runs have proved from end to end: days that nobody looked at say nothing of a rhythm.

    Args:
        days: on which it published, in order.
        proved: days that a run has proved complete.
        otherwise: the answer where these are too few.
    """
    distances = sorted(
        (late - early).days
        for early, late in pairwise(days)
        if all(day in proved for day in days_of(early + dt.timedelta(1), late))
    )
    if len(distances) < RHYTHM:
        return otherwise
    return 2 * distances[math.ceil(0.99 * len(distances)) - 1]


def _gaps(
    name: str, days: Sequence[dt.date], proved: set[dt.date], unread: set[dt.date], otherwise: int | None
) -> list[Gap]:
    usual = usual_gap(days, proved, otherwise)
    if usual is None:
        return []
    found = []
    for early, late in pairwise(days):
        between = days_of(early + dt.timedelta(1), late - dt.timedelta(1))
        if len(between) > usual:
            unproved = sum(day not in proved for day in between)
            wrong = sum(day in unread for day in between)
            found.append(Gap(name, between[0], between[-1], usual, unproved, wrong))
    return found


def _gap_need(name: str, gaps: Sequence[Gap]) -> list[Need]:
    """One for all gaps of a source that somebody should look at."""
    open_ones = [gap for gap in gaps if gap.unproved + gap.unread]
    if not open_ones:
        return []
    worst = max(open_ones, key=lambda gap: gap.unproved + gap.unread)
    wrong = f", {worst.unread} with a page that could not be read" if worst.unread else ""
    more = f", and {len(open_ones) - 1} more such stretches" if len(open_ones) > 1 else ""
    what = (
        f"{worst.since} to {worst.until}: {worst.days} days without a document, {worst.unproved} of them never "
        f"looked at{wrong}; up to {worst.usual} are usual{more}"
    )
    return [Need("gap", name, what)]


def _lost_need(name: str, lost: Sequence[earlier.Lost], end: dt.date) -> list[Need]:
    """One for all pages of a source that nights have found and not been able to read for a week."""
    pages = [page for page in lost if page.first <= end - dt.timedelta(LATE_DAYS)]
    if sum(page.told[0] == "rejected" for page in pages) > HABIT:
        pages = [page for page in pages if page.told[0] != "rejected"]
    if not pages:
        return []
    last = max(pages, key=lambda page: page.first)
    what = (
        f"{several(len(pages), 'page')} found and never read, such as one of {last.first}, {last.found.url}"
    )
    return [Need("not read", name, f"{what}: {': '.join(last.told)}")]


def _visited(name: str, nights: Mapping[str, dt.date | None], wanted: bool, end: dt.date) -> list[Need]:
    if name not in nights:
        return [Need("not visited", name, "to be collected, but no night has visited it")] if wanted else []
    last = nights[name]
    if last is None:
        return [Need("not visited", name, "every night of it has failed")]
    if (end - last).days <= MISSED_NIGHTS:
        return []
    return [Need("not visited", name, f"no night since {last} has come through")]


def _troubles(pages: Iterable[coverage.Lost]) -> tuple[Trouble, ...]:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for page in pages:
        groups.setdefault((page.source, page.disposition, page.kind), []).append(page.url)
    found = [Trouble(*group, len(urls), urls[-1]) for group, urls in groups.items()]
    return tuple(sorted(found, key=lambda trouble: (-trouble.pages, trouble.source, trouble.kind)))


def _worst(source: str, needs: Iterable[Need]) -> tuple[int, str]:
    return min(
        (KINDS.index(need.kind) for need in needs if need.source == source), default=len(KINDS)
    ), source


def _utc_today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
