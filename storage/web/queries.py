"""What the pages of the reading room ask the database, beside what others ask too. Each question has an index."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from storage.lookup import IS_NEWEST
from storage.models import Appearance, Revision, Transcript
from storage.selection import Selection

NEAR = dt.timedelta(366)
"""How far apart in time a document is looked for by day from the one before or after it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A document as a list has it; `id` is the transcript's."""

    id: int
    source: str
    date: dt.date
    title: str
    language: str | None
    kind: str
    doubts: list[str]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A source's documents: how many, and the days of publication of the first and the last."""

    source: str
    documents: int
    first: dt.date
    last: dt.date


def latest(session: Session, selection: Selection, limit: int, offset: int) -> list[Listed]:
    """Documents, the newest first; of a selection its speaker and role don't count."""
    query = _listed().where(*selection.of_documents())
    ordered = query.order_by(Revision.date.desc(), Revision.transcript_id.desc())
    return _all(session, ordered.limit(limit).offset(offset))


def on_day(session: Session, source: str, day: dt.date) -> list[Listed]:
    """The documents of a source of one day, in the order in which they came."""
    query = _listed().where(*Selection(source=source, since=day, until=day).of_documents())
    return _all(session, query.order_by(Revision.transcript_id))


def neighbours(session: Session, of: Revision) -> tuple[Listed | None, Listed | None]:
    """The document before and the one after a revision's, of the same source; its transcript has to be loaded."""
    day, number = Revision.date, Revision.transcript_id
    earlier = day <= of.date, or_(day < of.date, number < of.transcript_id)
    later = day >= of.date, or_(day > of.date, number > of.transcript_id)
    return (
        _nearest(session, of, earlier, day >= of.date - NEAR, (day.desc(), number.desc())),
        _nearest(session, of, later, day <= of.date + NEAR, (day, number)),
    )


def _nearest(
    session: Session,
    of: Revision,
    side: Sequence[ColumnElement[bool]],
    near: ColumnElement[bool],
    order: Sequence[Any],
) -> Listed | None:
    """The first document on one side of a revision, of its source and not its own: of a near day, else of any."""
    # Of an older text of the document its newest may be published before or after it.
    others = _listed().where(Revision.transcript_id != of.transcript_id, *side).order_by(*order).limit(1)
    # A subquery, so that the days are walked from this one on: joined, SQLite sorts all that the source has. Where
    # nothing is near, that is the shorter way.
    home = aliased(Transcript)
    source = select(home.source).where(home.id == Revision.transcript_id).scalar_subquery()
    own = of.transcript.source
    found = _all(session, others.where(source == own, near))
    found = found or _all(session, others.where(Transcript.source == own))
    return found[0] if found else None


def revisions_of(session: Session, transcript_id: int) -> Sequence[Revision]:
    """The texts of a transcript with their captures, the oldest first; their turns are not loaded."""
    own = select(Revision).where(Revision.transcript_id == transcript_id)
    return session.scalars(own.order_by(Revision.number).options(joinedload(Revision.capture))).all()


def counts_by_source(session: Session) -> list[tuple[str, int]]:
    """How many documents stand at addresses of each source."""
    count = func.count(Appearance.transcript_id.distinct())
    rows = session.execute(
        select(Appearance.source, count).group_by(Appearance.source).order_by(Appearance.source)
    )
    return list(rows.tuples())


def shelves(session: Session, source: str | None = None) -> list[Shelf]:
    """The sources that have documents, in order; or only one of them."""
    query = (
        select(
            Appearance.source,
            func.count(Appearance.transcript_id.distinct()),
            func.min(Revision.date),
            func.max(Revision.date),
        )
        .join(Revision, Revision.transcript_id == Appearance.transcript_id)
        .where(IS_NEWEST)
        .group_by(Appearance.source)
        .order_by(Appearance.source)
    )
    rows = session.execute(query if source is None else query.where(Appearance.source == source))
    return [Shelf(*row) for row in rows]


def _listed() -> Select[Any]:
    """The newest revision of each transcript."""
    return (
        select(
            Transcript.id,
            Transcript.source,
            Revision.date,
            Revision.title,
            Revision.language,
            Revision.kind,
            Revision.doubts,
        )
        .select_from(Revision)
        .join(Transcript, Transcript.id == Revision.transcript_id)
        .where(IS_NEWEST)
    )


def _all(session: Session, query: Select[Any]) -> list[Listed]:
    return [Listed(*row) for row in session.execute(query)]
