"""What is there and what is missing: documents a day, days proved complete, lost pages, how full the rows are.

Only questions, each a query or two that stays quick on a large archive. What is usual for a source, and whether
an answer is bad news, is decided by those who ask.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, Subquery, Text, case, cast, exists, extract, func, or_, select
from sqlalchemy.orm import Session

from storage.address import spellings
from storage.database import batches
from storage.days import days_of
from storage.ledger import ENDED_WELL, OWN_NIGHT
from storage.lookup import IS_NEWEST
from storage.models import Appearance, Page, Revision, Run, Turn
from storage.transcript import GUESSED_DATE
from storage.visits import GONE_AFTER

LOST = ("rejected", "blocked", "failed")
"""Dispositions of a page that was found and not read."""

OUTSIDE = "outside the window"
"""How the reason ends for a page that was read, and refused because nobody had asked for its day."""

EACH_NAMED = 3
"""So many days are named one by one; of more their number, the first and the last."""


def spelt(days: Iterable[dt.date]) -> str:
    """Days, one by one where they are few."""
    ordered = sorted(days)
    if len(ordered) <= EACH_NAMED:
        return ", ".join(map(str, ordered))
    return f"{len(ordered)} days from {ordered[0]} to {ordered[-1]}"


# --- documents -----------------------------------------------------------------------------------


def known_sources(session: Session) -> set[str]:
    """Ids of the sources that have a document or a run."""
    places = session.scalars(select(Appearance.source).distinct())
    return {*places, *session.scalars(select(Run.source).distinct())}


def documents_by_day(
    session: Session, since: dt.date | None = None, until: dt.date | None = None, source: str | None = None
) -> dict[str, Counter[dt.date]]:
    """Documents by source and day of publication, as the newest revision has it.

    Args:
        session: to read in.
        since, until: first and last day.
        source: the one that is asked about; None for all.
    """
    stands = _stands(source)
    rows = session.execute(
        _newest(select(stands.c.source, Revision.date, func.count()), stands, since, until).group_by(
            stands.c.source, Revision.date
        )
    )
    found: dict[str, Counter[dt.date]] = defaultdict(Counter)
    for name, day, count in rows:
        found[name][day] = count
    return dict(found)


@dataclass(frozen=True, slots=True)
class Filled:
    """How full the documents of a source are: how many have what.

    Every document has a date and a title: a page without them is rejected with that reason.

    Args:
        source: its id.
        month: first day of the month; None for several together.
        documents: all of them.
        dated: the page states its date; others have a guess.
        labelled: have a turn with a label.
        speakers: have a turn whose speaker is known by name.
        questions: have a question.
        doubted: were read with a doubt.
    """

    source: str
    month: dt.date | None
    documents: int
    dated: int
    labelled: int
    speakers: int
    questions: int
    doubted: int

    @classmethod
    def together(cls, source: str, parts: Collection[Filled]) -> Filled:
        """Several months as one."""
        numbers = zip(*(astuple(part)[2:] for part in parts), strict=True)
        return cls(source, None, *(map(sum, numbers) if parts else [0] * 6))


def filled_by_month(
    session: Session, since: dt.date | None = None, until: dt.date | None = None
) -> list[Filled]:
    """How full the documents are, by source and month of publication.

    Args:
        session: to read in.
        since, until: first and last day of publication.
    """
    stands = _stands()
    year, month = extract("year", Revision.date), extract("month", Revision.date)

    def any_turn(condition: ColumnElement[bool]) -> ColumnElement[Any]:
        return _count_of(exists().where(Turn.revision_id == Revision.id, condition))

    doubts = cast(Revision.doubts, Text)
    wanted = select(
        stands.c.source, year, month, func.count(),
        _count_of(doubts.not_like(f"%{GUESSED_DATE}%")),
        any_turn(Turn.label.is_not(None)),
        any_turn(Turn.speaker.is_not(None)),
        any_turn(Turn.role == "question"),
        _count_of(doubts != "[]"),
    )  # fmt: skip
    rows = session.execute(
        _newest(wanted, stands, since, until)
        .group_by(stands.c.source, year, month)
        .order_by(stands.c.source, year, month)
    )
    return [Filled(row[0], dt.date(int(row[1]), int(row[2]), 1), *map(int, row[3:])) for row in rows]


def gone_by_source(session: Session) -> dict[str, int]:
    """Addresses of documents at which there is nothing any more, by source."""
    rows = session.execute(
        select(Appearance.source, func.count())
        .where(Appearance.missing >= GONE_AFTER)
        .group_by(Appearance.source)
    )
    return dict(rows.tuples().all())


def _stands(source: str | None = None) -> Subquery:
    """Sources, or one of them, and their transcripts: one that stands twice on a site counts once."""
    wanted = select(Appearance.source, Appearance.transcript_id).distinct()
    return (wanted if source is None else wanted.where(Appearance.source == source)).subquery()


def _newest(
    query: Select[Any], stands: Subquery, since: dt.date | None, until: dt.date | None
) -> Select[Any]:
    """A query over the newest revision of what stands somewhere."""
    query = query.select_from(stands).join(Revision, Revision.transcript_id == stands.c.transcript_id)
    query = query.where(IS_NEWEST)
    if since is not None:
        query = query.where(Revision.date >= since)
    return query if until is None else query.where(Revision.date <= until)


def _count_of(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((condition, 1), else_=0))


# --- what the ledger says ------------------------------------------------------------------------


def last_nights(session: Session, until: dt.date) -> dict[str, dt.date | None]:
    """The sources that nights visit, with the last day that one has reached without failing; None for none yet."""
    reached = func.max(case((ENDED_WELL, Run.until)))
    rows = session.execute(
        select(Run.source, reached).where(OWN_NIGHT, Run.since <= until).group_by(Run.source)
    )
    return {source: day and min(day, until) for source, day in rows}


def proved_days(
    session: Session, since: dt.date, until: dt.date, source: str | None = None
) -> dict[str, set[dt.date]]:
    """The days that a run has proved complete, by source: nothing else was listed for them.

    A night proves what lies between the night before and itself, and what that one left open; one that was
    answered from a file proves nothing. No run proves the day on which it begins, since that is not over yet.

    Args:
        session: to read in.
        since, until: first and last day that are asked about.
        source: the one that is asked about; None for all.
    """
    wanted = (
        select(Run.source, Run.kind, Run.since, Run.until, Run.started_at, Run.open_days)
        .where(or_((Run.kind == "backfill") & Run.via.is_(None), OWN_NIGHT))
        .where(ENDED_WELL)
        .where(Run.started_at <= dt.datetime.now(dt.UTC) + dt.timedelta(1))  # else its clock was ahead
        .order_by(Run.id)
    )
    runs = session.execute(wanted if source is None else wanted.where(Run.source == source))
    # Where the first ones failed, the next one owes what they had to look at: see `storage.earlier.owed`.
    first_nights = select(func.min(Run.id)).where(OWN_NIGHT).group_by(Run.source)
    begun_with = dict(
        session.execute(select(Run.source, Run.until).where(Run.id.in_(first_nights))).tuples().all()
    )
    found: dict[str, set[dt.date]] = defaultdict(set)
    nights: dict[str, tuple[dt.date, list[str]]] = {}
    for name, kind, first, last, started, open_days in runs:
        if kind == "nightly":
            before, left = nights.get(name, (begun_with.get(name, last), []))
            nights[name], first = (max(before, last), open_days), owed_from(before, left, last)
        # The source's day may be the one of twelve hours ago in UTC. A night's last day is the source's.
        today = (started - dt.timedelta(hours=12)).date()
        today = max(today, last) if kind == "nightly" else today
        last = min(last, today - dt.timedelta(1), until)
        found[name].update(day for day in days_of(max(first, since), last) if str(day) not in open_days)
    return dict(found)


Mark = Literal["documents", "empty", "unproved", "to-come"]
"""What a day holds: documents, proved to be none, not proved by any run, or still nothing."""

SHADES = (1, 2, 4, 8)
"""The fewest documents of each shade that a day is shown in."""


def mark_of(
    day: dt.date, documents: Mapping[dt.date, int], proved: Collection[dt.date], today: dt.date
) -> Mark:
    """What a day holds, by the documents of each day, the days proved and the last day that has begun."""
    if documents.get(day):
        return "documents"
    return "to-come" if day > today else "empty" if day in proved else "unproved"


def shade_of(documents: int) -> int:
    """How dark a day with so many is shown, from 0 for none."""
    return sum(documents >= fewest for fewest in SHADES)


CARRIED = 92
"""A day that no night could prove is asked for again until it is so many days old."""


def owed_from(before: dt.date, left: Iterable[str], until: dt.date) -> dt.date:
    """The first day that a night has to prove: the last one of the night before, or the first that it left open.

    Args:
        before: last day of the last night that did not fail.
        left: the days that it left open, as ISO has them.
        until: last day of the night itself.
    """
    days = map(dt.date.fromisoformat, left)
    return min([before, *(day for day in days if day >= until - dt.timedelta(CARRIED))])


@dataclass(frozen=True, slots=True)
class Lost:
    """A page that was found and could not be read.

    Args:
        source: its id.
        day: that its listing gave, or else the last day of the run.
        listed: whether the listing gave the day.
        disposition, reason: of the last run that met it.
        url: its address.
    """

    source: str
    day: dt.date
    listed: bool
    disposition: str
    reason: str
    url: str

    @property
    def kind(self) -> str:
        """The part of the reason that many pages share."""
        return self.reason.partition(":")[0].strip() or "no reason"


def lost_pages(session: Session, since: dt.date, until: dt.date, source: str | None = None) -> list[Lost]:
    """Pages of some days that were found, could not be read, and are not in the archive, each address once.

    Args:
        session: to read in.
        since, until: first and last day.
        source: the only one that is asked about.
    """
    # Two questions, since each has an index, and a question with "or" would use neither.
    by_key = exists().where(Appearance.source == Run.source, Appearance.key == Page.key)
    by_url = exists().where(Appearance.source == Run.source, Appearance.url == Page.url)
    day = func.coalesce(Page.date_hint, Run.until)
    window = (day >= since, day <= until, Run.until >= since, Run.since <= until)
    of_source = () if source is None else (Run.source == source,)
    lost = _lost(session, *window, *of_source, ~by_key, ~by_url)
    # Captures of others have no keys, and may spell an address in another way.
    found = set[tuple[str, str]]()
    for some in batches(lost, 500):
        urls = {url for each in some for url in spellings(each.url)}
        places = select(Appearance.source, Appearance.url).where(Appearance.url.in_(urls))
        found.update(session.execute(places).tuples())
    return [each for each in lost if found.isdisjoint((each.source, url) for url in spellings(each.url))]


def troubles(session: Session, since: dt.datetime) -> list[Lost]:
    """Pages that a run which began since then could not read, each address once; some may be kept from before."""
    return _lost(session, Run.started_at >= since)


def _lost(session: Session, *conditions: ColumnElement[bool]) -> list[Lost]:
    rows = session.execute(
        select(Run.source, Page.date_hint, Run.until, Page.disposition, Page.reason, Page.url)
        .join(Page, Page.run_id == Run.id)
        .where(
            Page.disposition.in_(LOST), func.coalesce(Page.reason, "").not_like(f"%{OUTSIDE}"), *conditions
        )
        .order_by(Page.id)
    )
    found = {}
    for source, hint, last, disposition, reason, url in rows:
        found[source, url] = Lost(source, hint or last, hint is not None, disposition, reason or "", url)
    return list(found.values())
