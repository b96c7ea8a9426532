"""Whether the database is whole: what it holds about itself, without reading the archive.

Everything here only looks. A finding that can be mended brings what mends it, for a repair to call.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from sqlalchemy import (
    ColumnElement,
    ForeignKeyConstraint,
    String,
    and_,
    cast,
    exists,
    false,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from storage import index, ledger, lookup
from storage.database import Database, batches
from storage.fingerprints import marks_of
from storage.models import (
    Appearance,
    Base,
    Capture,
    Correction,
    Fingerprint,
    Page,
    Revision,
    Run,
    Transcript,
    Turn,
)
from storage.sameness import digest
from storage.values import misfits

BATCH = 200
"""Revisions that are rebuilt at a time, with all their turns."""

MOST_MISFITS = 100
"""Values that are named which are not what their columns hold."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong.

    Args:
        kind: a word or two, for people who sort findings.
        where: the row or file.
        what: is wrong there, on one line; it may hold text of a page.
        remedy: what a repair does; empty where it can do nothing.
        mend: does it.
    """

    kind: str
    where: str
    what: str
    remedy: str = ""
    mend: Callable[[], object] | None = field(default=None, repr=False, compare=False)


@dataclass(slots=True)
class Checked:
    """What was looked at so far: nothing found is not the same as nothing looked at."""

    transcripts: int = 0
    revisions: int = 0
    captures: int = 0
    files: int = 0
    bytes: int = 0
    in_use: int = 0


def damage(database: Database) -> Iterator[Finding]:
    """What SQLite itself finds wrong with its file, and what it holds in place of a date or a number.

    Where there is anything, no query can be trusted.
    """
    if database.engine.dialect.name != "sqlite":
        return
    try:
        with database.read() as session:
            lines = session.scalars(text("PRAGMA integrity_check")).all()
    except DatabaseError as problem:
        if type(problem.orig) is not sqlite3.DatabaseError:  # a lock, a full disk: no damage
            raise
        lines = [str(problem.orig)]
    lines = [line for line in lines if line != "ok"]
    yield from (Finding("database", database.url, line) for line in lines)
    if not lines:
        with database.read() as session:
            found = list(islice(misfits(session), MOST_MISFITS))
        yield from (Finding("value", where, what) for where, what in found)


def rows(database: Database, checked: Checked) -> Iterator[Finding]:
    """Every row that contradicts another."""
    yield from _dead_runs(database)
    yield from _unsettled(database)
    yield from _dangling(database)
    yield from _transcripts(database, checked)
    yield from _crossed(database)
    yield from _places(database)
    yield from _revisions(database, checked)
    broken = index.damage(database)
    if broken:
        yield Finding("search", database.url, broken, "makes it anew", partial(index.rebuild, database))


def _dead_runs(database: Database) -> Iterator[Finding]:
    def end(run_id: int) -> None:
        with database.write() as session:
            run = session.get_one(Run, run_id)
            if run.state == "running":
                ledger.end_dead(run)

    with database.read() as session:
        running = session.scalars(select(Run).where(Run.state == "running").order_by(Run.id)).all()
        dead = [run for run in running if not ledger.alive(session, run)]
    for run in dead:
        what = f"of {run.source}: running, but its process {run.process} is gone"
        yield Finding("run", f"run {run.id}", what, "ends it as failed", partial(end, run.id))


def _unsettled(database: Database) -> Iterator[Finding]:
    def fail(run_id: int) -> None:
        with database.write() as session:
            run = session.get_one(Run, run_id)
            run.state, run.reasons = "failed", [*run.reasons, *ledger.tally_of(session, run_id).lack]

    with database.read() as session:
        ended = session.execute(
            select(Run.id, Run.state, func.count())
            .join(Page, and_(Page.run_id == Run.id, Page.disposition.is_(None)))
            .where(ledger.ENDED_WELL)
            .group_by(Run.id)
            .order_by(Run.id)
        ).all()
    for run_id, state, count in ended:
        what = f"{state}, but {count} of its pages have no disposition"
        yield Finding("run", f"run {run_id}", what, "makes it failed", partial(fail, run_id))


def _dangling(database: Database) -> Iterator[Finding]:
    """Rows whose foreign key points nowhere: SQLite lets them in from a program that doesn't ask for the check."""
    for table in Base.metadata.sorted_tables:
        for key in sorted(table.foreign_key_constraints, key=lambda key: list(key.column_keys)):
            yield from _dangling_by(database, key)


def _dangling_by(database: Database, key: ForeignKeyConstraint) -> Iterator[Finding]:
    table, target = key.table, key.referred_table.alias("target")
    pairs = [(each.parent, target.c[each.column.name]) for each in key.elements]
    # What may yet tell under which id the capture of a text has to come back is not forgotten.
    # Nor, of a text whose row is lost, where its turns were read.
    text_of, said = aliased(Revision), aliased(Turn)
    rests: ColumnElement[bool] = false()
    if key.referred_table is Capture.__table__:
        rests = exists().where(text_of.capture_id == pairs[0][0])
    elif key.referred_table is Revision.__table__:
        rests = exists().where(said.revision_id == pairs[0][0])
    found = (
        select(*table.primary_key.columns, *(own for own, _ in pairs), rests)
        .select_from(table.outerjoin(target, and_(*(own == theirs for own, theirs in pairs))))
        .where(*(own.is_not(None) for own, _ in pairs), pairs[0][1].is_(None))
        .order_by(*table.primary_key.columns)
    )
    optional = all(own.nullable for own, _ in pairs)
    count = len(table.primary_key.columns)

    def forget(where: tuple[object, ...]) -> None:
        row = (column == value for column, value in zip(table.primary_key.columns, where, strict=True))
        with database.write() as session:
            session.execute(update(table).where(*row).values({own.name: None for own, _ in pairs}))

    with database.read() as session:
        for row in session.execute(found.execution_options(yield_per=1000)):
            which, value, kept = tuple(row[:count]), tuple(row[count:-1]), row[-1]
            name = ", ".join(own.name for own, _ in pairs)
            what = f"{name} {', '.join(map(str, value))}: no such row in {key.referred_table.name}"
            where = f"{table.name} {', '.join(map(str, which))}"
            if optional and not kept:
                yield Finding("foreign key", where, what, f"empties {name}", partial(forget, which))
            else:
                yield Finding("foreign key", where, what)


def _transcripts(database: Database, checked: Checked) -> Iterator[Finding]:
    revisions = (
        select(Revision.transcript_id, func.count().label("count"), func.min(Revision.number).label("first"),
               func.max(Revision.number).label("last"))
        .group_by(Revision.transcript_id)
        .subquery()
    )  # fmt: skip
    # Mostly the first one; an older text that was found later stands before it.
    began = select(Revision.id).where(
        Revision.transcript_id == Transcript.id,
        or_(
            Revision.digest == Transcript.first_digest,
            Revision.digest + ":" + cast(Transcript.id, String) == Transcript.first_digest,
        ),
    )
    query = (
        select(
            Transcript.source, Transcript.key, revisions.c.count, revisions.c.first, revisions.c.last,
            began.exists(),
            select(Appearance.id).where(Appearance.transcript_id == Transcript.id).exists(),
        )
        .outerjoin(revisions, revisions.c.transcript_id == Transcript.id)
        .order_by(Transcript.id)
    )  # fmt: skip
    with database.read() as session:
        for source, key, count, low, high, known, appears in session.execute(
            query.execution_options(yield_per=1000)
        ):
            checked.transcripts += 1
            where = f"{source}/{key}"
            if not appears:
                yield Finding("transcript", where, "has no appearance")
            if count is None:
                yield Finding("transcript", where, "has no revision")
            elif (low, high) != (1, count):
                yield Finding("transcript", where, f"its {count} revisions are numbered {low} to {high}")
            elif not known:
                yield Finding("transcript", where, "its first digest is none of its revisions'")


def _crossed(database: Database) -> Iterator[Finding]:
    """Revisions whose capture was another's, as the ledger has it: read again, they would get its text."""

    def point(revision_id: int, capture_id: int) -> None:
        with database.write() as session:
            session.get_one(Revision, revision_id).capture_id = capture_id

    same = Page.capture_id == Revision.capture_id
    told = select(Page.id).where(same, Page.revision_id.is_not(None)).exists()
    own = select(Page.id).where(same, Page.revision_id == Revision.id).exists()
    with database.read() as session:
        found = session.execute(
            select(Revision.id, Revision.number, Revision.capture_id, Transcript.source, Transcript.key)
            .join(Revision.transcript)
            .where(told, ~own)
            .order_by(Revision.id)
        ).all()
        wrote = {
            each: session.scalars(
                select(Capture.id)
                .join(Page, Capture.id == Page.capture_id)
                .where(Page.revision_id == each, Page.disposition.in_(("new", "revised")))
                .distinct()
            ).all()
            for each, *_ in found
        }
    for revision_id, number, capture_id, source, key in found:
        if not wrote[revision_id]:
            continue  # the ledger doesn't say what it was read from
        name = f"{source}/{key} revision {number}"
        what = f"the ledger says that capture {capture_id} was another's"
        if len(wrote[revision_id]) == 1:
            (right,) = wrote[revision_id]
            remedy = f"points it at capture {right}"
            yield Finding("revision", name, what, remedy, partial(point, revision_id, right))
        else:
            yield Finding("revision", name, what)


def _places(database: Database) -> Iterator[Finding]:
    """Addresses that say a text which their transcript never had, nor had before a correction."""

    def put(appearance_id: int) -> None:
        with database.write() as session:
            place = session.get_one(Appearance, appearance_id)
            texts = select(Revision.digest).where(Revision.transcript_id == place.transcript_id)
            newest = session.scalar(texts.order_by(Revision.number.desc()).limit(1))
            place.digest = newest or place.digest

    text_of = select(Revision.id).where(Revision.transcript_id == Appearance.transcript_id)
    known = text_of.where(Revision.digest == Appearance.digest).exists()
    corrected = text_of.join(Correction, Correction.revision_id == Revision.id).exists()
    home = and_(Transcript.source == Appearance.source, Transcript.key == Appearance.key)
    with database.read() as session:
        found = session.execute(
            select(Appearance.id, Appearance.source, Appearance.key, home)
            .join(Appearance.transcript)
            .where(~known, ~corrected, text_of.exists())
            .order_by(Appearance.id)
        ).all()
    for appearance_id, source, key, at_home in found:
        name, what = f"{source}/{key}", "its transcript never had the text that was last read there"
        if at_home:
            yield Finding("appearance", name, what, "takes the newest", partial(put, appearance_id))
        else:
            yield Finding("appearance", name, what)


def _revisions(database: Database, checked: Checked) -> Iterator[Finding]:
    """Revisions whose stored digest is not that of the text they hold."""
    last = 0
    while True:
        with database.read() as session:
            ids = session.scalars(
                select(Revision.id).where(Revision.id > last).order_by(Revision.id).limit(BATCH)
            ).all()
            if not ids:
                return
            last = ids[-1]
            wrong = list(_wrong_among(database, session, ids))
        checked.revisions += len(ids)
        yield from wrong


def _wrong_among(database: Database, session: Session, ids: Sequence[int]) -> Iterator[Finding]:
    def keep(transcript_id: int) -> None:
        with database.write() as session:
            index.keep(session, transcript_id)

    def compare(revision_id: int) -> None:
        with database.write() as session:
            session.get_one(Revision, revision_id).compared_at = None

    query = (
        select(Revision)
        .where(Revision.id.in_(ids))
        .order_by(Revision.id)
        .options(joinedload(Revision.transcript), selectinload(Revision.turns))
    )
    try:
        found = session.scalars(query).all()
    except (
        ValueError,
        TypeError,
    ) as problem:  # a column that holds no date or no JSON; which row, a second look says
        if len(ids) > 1:
            for each in ids:
                yield from _wrong_among(database, session, [each])
        else:
            yield Finding("revision", f"revision {ids[0]}", f"can't be read: {problem}")
        return
    unindexed = set(index.unindexed(session, found))
    unmarked = set(_unmarked(session, found))
    for revision in found:
        own = revision.transcript
        name = f"{own.source}/{own.key} revision {revision.number}" if own else f"revision {revision.id}"
        places = [turn.position for turn in revision.turns]
        if places != list(range(len(places))):
            gap = next(at for at, place in enumerate(places) if at != place)
            yield Finding("revision", name, f"its turns have no position {gap}")
            continue
        try:
            if digest(lookup.transcript_of(revision)) != revision.digest:
                yield Finding("revision", name, "its text is not the one that was loaded: another digest")
            elif revision in unindexed:
                what = "searches look in other words than its newest revision's"
                yield Finding("search", name, what, "indexes it anew", partial(keep, revision.transcript_id))
            elif revision.id in unmarked:
                what = "nearly the same texts can't be found by it: it lacks fingerprints"
                remedy = "has it compared when its source is next collected"
                yield Finding("fingerprints", name, what, remedy, partial(compare, revision.id))
        except ValueError as problem:
            yield Finding("revision", name, f"its text can't be put together: {problem.__cause__ or problem}")


def _unmarked(session: Session, revisions: Sequence[Revision]) -> Iterator[int]:
    """The ids of those that were compared, and whose transcripts lack a fingerprint of theirs."""
    compared = {each.id: each.transcript_id for each in revisions if each.compared_at is not None}
    words = index.words_in(session, compared)
    for some in batches(list(compared), 20):
        marks = {each: marks_of(words[each]) for each in some}
        wanted = sorted(set[int]().union(*marks.values()))
        owners = {compared[each] for each in some}
        there = {
            (owner, mark)
            for lot in batches(wanted)
            for owner, mark in session.execute(
                select(Fingerprint.transcript_id, Fingerprint.hash).where(
                    Fingerprint.hash.in_(lot), Fingerprint.transcript_id.in_(owners)
                )
            )
        }
        yield from (each for each in some if any((compared[each], mark) not in there for mark in marks[each]))
