"""What a re-extraction reads again: every archived page that may hold a text, with what is stored of it.

Captures are walked in the order in which their records stand in the archive's files, a batch at a time, so that
memory doesn't grow with their number. A shard is a stretch of that order. Nothing here reads a page.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy.orm import Session, joinedload, selectinload

from storage.archive import made_by
from storage.coverage import OUTSIDE
from storage.database import Database
from storage.load import is_older
from storage.lookup import transcript_of
from storage.models import Appearance, Capture, Page, ProposedChange, Revision, Run, Transcript
from storage.sameness import digest, same_words
from storage.transcript import Transcript as Text
from storage.warc import FILE

BATCH = 200
"""Captures held in memory at once, with their texts."""

SHARD = 5000
"""Captures of a shard."""


Place = tuple[str, int]
"""A file of the archive and an offset in it."""


@dataclass(frozen=True, slots=True)
class Reselection:
    """Which captures are read again.

    Args:
        sources: ids of sources.
        since, until: first and last day of publication; a page without a text has the day that its listing gave
            it, or that of its capture. None where any will do.
    """

    sources: tuple[str, ...]
    since: dt.date | None = None
    until: dt.date | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        days = {name: day and day.isoformat() for name, day in (("since", self.since), ("until", self.until))}
        return {"sources": sorted(self.sources), **days}

    def has(self, day: dt.date) -> bool:
        """Whether a day is among those selected."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Scope:
    """A selection, narrowed to what one pass has to look at.

    Args:
        selection: of captures.
        proposal: id of the proposal whose captures are looked at; None for all of the selection.
        after: with a proposal, the captures that are newer than this one are looked at too.
    """

    selection: Reselection
    proposal: int | None = None
    after: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """On a row of `Capture`."""
        found = [
            Capture.source.in_(self.selection.sources),
            Capture.status == 200,
            ~Capture.url.startswith(FILE, autoescape=True),
        ]
        if self.proposal is not None:
            proposed = Capture.id.in_(
                select(ProposedChange.capture_id).where(ProposedChange.proposal_id == self.proposal)
            )
            found.append(proposed if self.after is None else or_(proposed, Capture.id > self.after))
        return found


@dataclass(frozen=True, slots=True)
class Shard:
    """A stretch of the archive, from the first of its captures to the last."""

    first: Place
    last: Place
    count: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A capture and what is stored of it.

    Args:
        capture: of a page.
        page: the newest row that the ledger has of it.
        revision: the text that rests on it, with its turns; None where none does.
    """

    capture: Capture
    page: Page | None = None
    revision: Revision | None = None


@dataclass(slots=True)
class Known:
    """The texts of the transcript that stands at an address, and whether the address is the transcript's own."""

    own: bool
    digest: str
    revisions: list[Revision] = field(default_factory=list)

    def holds(self, read: Text, revision: Revision, text: Text) -> bool:
        """Whether what was read is one of the texts, in the given reading of it."""
        if self.own:
            return same_words(text, read)
        return digest(read) in (self.digest, revision.digest, digest(text))


def newest_capture(session: Session) -> int:
    """The highest id of a capture; 0 where there is none."""
    return session.scalar(select(func.max(Capture.id))) or 0


def strangers(session: Session, known: Sequence[str]) -> dict[str, int]:
    """How many texts rest on captures of sources that nobody knows any more, by source."""
    rows = session.execute(
        select(Capture.source, func.count())
        .join(Revision, Revision.capture_id == Capture.id)
        .where(Capture.source.not_in(known), ~Capture.url.startswith(FILE, autoescape=True))
        .group_by(Capture.source)
        .order_by(Capture.source)
    )
    return dict(rows.tuples().all())


def shards(session: Session, scope: Scope, size: int) -> Iterator[Shard]:
    """Cut what is to be looked at into stretches of about equal numbers of captures, in the archive's order."""
    rows = session.execute(
        select(Capture.warc, Capture.offset)
        .where(*scope.conditions())
        .order_by(Capture.warc, Capture.offset)
        .execution_options(yield_per=size)
    )
    for part in rows.partitions(size):
        (first, last) = ((row.warc, row.offset) for row in (part[0], part[-1]))
        yield Shard(first, last, len(part))


def batches(database: Database, scope: Scope, shard: Shard) -> Iterator[list[Stored]]:
    """The captures of a shard with what is stored of them, in the archive's order.

    Those that a run which goes on is still to load are left to it, and those of other days than the selection's
    are left out.
    """
    after: Place | None = None
    place = tuple_(Capture.warc, Capture.offset)
    within = and_(place >= shard.first, place <= shard.last)
    while True:
        with database.read() as session:
            found = session.scalars(
                select(Capture)
                .where(*scope.conditions(), within if after is None else and_(within, place > after))
                .order_by(Capture.warc, Capture.offset)
                .limit(BATCH)
            ).all()
            stored = _with_texts(session, found)
        if not found:
            return
        after = (found[-1].warc, found[-1].offset)
        yield [each for each in stored if scope.selection.has(_day_of(each))]


def of_captures(session: Session, ids: Sequence[int]) -> list[Stored]:
    """Some captures with what is stored of them, in the order of the ids."""
    rows = {row.id: row for row in session.scalars(select(Capture).where(Capture.id.in_(ids)))}
    return _with_texts(session, [rows[each] for each in ids if each in rows])


def _with_texts(session: Session, captures: Sequence[Capture]) -> list[Stored]:
    ids = [capture.id for capture in captures]
    # Where an older reading of the same capture stands before it, that one is history.
    revisions = {
        row.capture_id: row
        for row in session.scalars(
            select(Revision)
            .where(Revision.capture_id.in_(ids), Revision.extractor > 0)
            .order_by(Revision.number)
            .options(selectinload(Revision.turns), joinedload(Revision.transcript))
        )
    }
    loose = [each for each in ids if each not in revisions]
    pages = {
        row.capture_id: row
        for row in session.scalars(
            select(Page)
            .where(Page.capture_id.in_(loose))
            .order_by(Page.id)
            .options(joinedload(Page.revision))
        )
    }
    going_on = set(session.scalars(select(Run.id).where(Run.state == "running")))
    return [
        Stored(each, pages.get(each.id), revisions.get(each.id))
        for each in captures
        if each.id in revisions or not _is_written_by(each, pages.get(each.id), going_on)
    ]


def _is_written_by(capture: Capture, page: Page | None, runs: set[int]) -> bool:
    """Whether one of some runs has still to say what became of a capture."""
    if page is not None:
        return page.disposition is None and page.run_id in runs
    maker = made_by(capture.warc)
    return maker is not None and maker.run in runs


def _day_of(stored: Stored) -> dt.date:
    page = stored.page
    text = stored.revision or (page.revision if page is not None else None)
    if text is not None:
        return text.date
    return (page and page.date_hint) or stored.capture.fetched_at.date()


def known_at(session: Session, source: str, keys: Sequence[str]) -> dict[str, Known]:
    """What stands at the addresses of some documents, by key."""
    places = session.execute(
        select(Appearance, Transcript)
        .join(Appearance.transcript)
        .where(Appearance.source == source, Appearance.key.in_(keys))
    ).all()
    texts: dict[int, list[Revision]] = {}
    for revision in session.scalars(
        select(Revision)
        .where(Revision.transcript_id.in_({transcript.id for _, transcript in places}))
        .order_by(Revision.number)
        .options(selectinload(Revision.turns), joinedload(Revision.capture))
    ):
        texts.setdefault(revision.transcript_id, []).append(revision)
    return {
        place.key: Known(
            (transcript.source, transcript.key) == (source, place.key),
            place.digest,
            texts.get(transcript.id, []),
        )
        for place, transcript in places
    }


def would_add(session: Session, stored: Stored, read: Text, known: Known | None) -> bool:
    """Whether loading a page without a text, now that it can be read, adds anything; what is stored aside."""
    page = stored.page
    if page is not None and page.disposition == "rejected" and (page.reason or "").endswith(OUTSIDE):
        run = session.get_one(Run, page.run_id)
        if not run.since <= read.date <= run.until:
            return False
    if known is None:
        return True
    if any(known.holds(read, revision, transcript_of(revision)) for revision in known.revisions):
        return False
    if not is_older(session, stored.capture):
        return True
    own = [revision.id for revision in known.revisions]
    elsewhere = select(Revision.id).where(Revision.digest == digest(read), Revision.id.not_in(own)).limit(1)
    return known.own and session.scalar(elsewhere) is None
