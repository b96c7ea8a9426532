"""Loading transcripts: new, revised, unchanged or duplicate, decided and written in one transaction.

Pages that stand one after another and are all new come in together: a database takes many rows at once in a
fraction of the time. Any other page has a transaction of its own.

A text from a capture that is older than the page's last one is put in where it belongs among the page's revisions,
and never becomes the newest.

Seen means loaded: there is no mark beside the rows themselves. Two processes that load the same page at once
are decided by the tables' unique constraints; the one that loses looks again.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from storage import index, ledger, lookup, models, revisions, visits
from storage.address import spellings
from storage.database import Database, insert_all, is_crossed
from storage.lookup import appearance_at
from storage.sameness import digest, same_document, same_text, same_words
from storage.transcript import Transcript

OLDER = ", and this one is older"
"""How the reason ends for which a copy's older text is not loaded."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load came to. `revision_id` is the revision that holds the text now; None where it was rejected."""

    disposition: models.Disposition
    revision_id: int | None
    reason: str | None = None

    @property
    def added(self) -> int | None:
        """The revision where this load has written it."""
        return self.revision_id if self.disposition in ("new", "revised") else None


@dataclass(frozen=True, slots=True)
class Reading:
    """A transcript with where it comes from.

    Args:
        extractor: version of the extractor that read it.
        before: what the same extractor makes of the capture that was read last, at a document's own address that
            of the newest text: what only the extractor or a source's file changed is no edit of the institution's.
        before_of: digest of the text that is stored of that capture: once another is the last one, `before` says
            nothing.
        answered: key of the address that answered, where it is another: the page led there.
        visited_on: the day on which its site was asked for it; None where somebody else's capture was taken in.
        to_come: captures of the page that are read anew: what those after this one were taken for says nothing.
    """

    transcript: Transcript
    source: str
    key: str
    url: str
    capture_id: int
    extractor: int
    before: Transcript | None = None
    before_of: str | None = None
    answered: str | None = None
    visited_on: dt.date | None = None
    to_come: frozenset[int] = frozenset()


def load(database: Database, run_id: int, reading: Reading, page: str | None = None) -> Loaded:
    """Write a transcript and settle its page in the ledger, in one transaction.

    Args:
        database: to write to.
        run_id: the run.
        reading: the transcript.
        page: the ledger's name of the page, where it is not the document's key.

    Raises:
        sqlalchemy.exc.DBAPIError: the database failed; nothing was written.
    """

    def decide(session: Session) -> Loaded:
        loaded = _led_away(session, reading) or _decide(session, reading)
        if reading.visited_on is not None and loaded.revision_id is not None:
            visits.was_read(
                session,
                reading.source,
                reading.key,
                reading.capture_id,
                reading.visited_on,
                reading.url if reading.answered == reading.key else None,
            )
        ledger.settle(
            session, run_id, page or reading.key, loaded.disposition, loaded.reason, loaded.revision_id
        )
        return loaded

    return database.write_again(decide)


def load_all(database: Database, run_id: int, readings: Mapping[str, Reading]) -> list[Loaded]:
    """Load pages as `load` would one after another, those that are new together.

    Args:
        database: to write to.
        run_id: the run.
        readings: the transcripts, by the ledger's names of their pages; in the order in which they are loaded.

    Returns:
        What became of each, in that order.

    Raises:
        sqlalchemy.exc.DBAPIError: the database failed; of that page and those after it nothing was written.
    """
    texts = {page: digest(reading.transcript) for page, reading in readings.items()}
    with database.read() as session:
        new = _unknown(session, readings, texts)
    loaded: list[Loaded] = []
    for is_new, pages in itertools.groupby(readings, key=new.__contains__):
        some = {page: readings[page] for page in pages}
        loaded += (is_new and _load_new(database, run_id, some, texts)) or [
            load(database, run_id, reading, page) for page, reading in some.items()
        ]
    return loaded


def _unknown(session: Session, readings: Mapping[str, Reading], texts: Mapping[str, str]) -> set[str]:
    """The pages that nobody has loaded, with texts that nobody has; nor any that stands before in the list."""
    addresses = {(reading.source, reading.key) for reading in readings.values()}
    place = models.Appearance.source, models.Appearance.key
    known = session.execute(select(*place).where(tuple_(*place).in_(addresses)))
    seen: set[object] = {tuple(row) for row in known}
    text = models.Revision.digest
    seen.update(session.scalars(select(text).where(text.in_(set(texts.values())))))
    new = set()
    for page, reading in readings.items():
        own = {(reading.source, reading.key), texts[page]}
        if seen.isdisjoint(own):
            new.add(page)
        seen |= own
    return new


def _load_new(
    database: Database, run_id: int, readings: Mapping[str, Reading], texts: Mapping[str, str]
) -> list[Loaded]:
    """Write transcripts that are new in one transaction; none where another process has got in the way."""
    try:
        with database.write() as session:
            if len(_unknown(session, readings, texts)) < len(readings):
                return []
            return _create_all(session, run_id, readings, texts)
    except DBAPIError as problem:
        if not is_crossed(problem):
            raise
        return []


def _create_all(
    session: Session, run_id: int, readings: Mapping[str, Reading], texts: Mapping[str, str]
) -> list[Loaded]:
    # Executed by the connection: as objects of a session the rows take several times as long.
    connection, now = session.connection(), dt.datetime.now(dt.UTC)
    rows: list[dict[str, Any]] = [
        {"source": each.source, "key": each.key, "first_digest": texts[page], "created_at": now}
        for page, each in readings.items()
    ]
    own = dict(zip(readings, connection.execute(_TRANSCRIPTS, rows).scalars(), strict=True))
    rows = [revisions.row(own[page], 1, _text(texts[page], reading)) for page, reading in readings.items()]
    written = dict(zip(readings, connection.execute(_REVISIONS, rows).scalars(), strict=True))
    turns = [
        row for page, each in readings.items() for row in revisions.turn_rows(written[page], each.transcript)
    ]
    insert_all(session, models.Turn, turns)
    index.add(session, turns, {written[page]: each.transcript.date for page, each in readings.items()})
    rows = [
        {"transcript_id": own[page], "source": each.source, "key": each.key, "url": each.url}
        | {"digest": texts[page], "first_seen": now}
        | visits.first(each.capture_id, each.transcript.date, each.visited_on)
        for page, each in readings.items()
    ]
    connection.execute(insert(models.Appearance), rows)
    ledger.settle_all(session, run_id, [(page, "new", None) for page in readings], written)
    return [Loaded("new", written[page]) for page in readings]


_TRANSCRIPTS = insert(models.Transcript).returning(models.Transcript.id, sort_by_parameter_order=True)
_REVISIONS = insert(models.Revision).returning(models.Revision.id, sort_by_parameter_order=True)


def _led_away(session: Session, reading: Reading) -> Loaded | None:
    """What becomes of a known page that leads to another document: it is not there. None for any other page.

    A page that was moved leads away too, but to its own text, edited perhaps; and one that led there when it was
    read last has its text there.
    """
    here = session.scalar(appearance_at(reading.source, reading.key))
    if here is None or reading.visited_on is None or reading.answered in (None, reading.key):
        return None
    if here.capture is not None and here.capture.url == reading.url:
        return None
    there = session.scalar(appearance_at(reading.source, reading.answered))
    if there is None or there.transcript_id == here.transcript_id:
        last = lookup.said_at(session, here)
        if last is None or same_document(lookup.transcript_of(last), reading.transcript):
            return None
    told = visits.was_missing(session, reading.source, reading.key, reading.visited_on, None)
    return Loaded(told[0], None, f"redirected to {reading.url}: {told[1]}")


def _parted(session: Session, reading: Reading, current: models.Revision) -> bool:
    """Whether another text stands between a capture and the newest revision."""
    between = (
        select(models.Revision.id)
        .join(models.Revision.capture)
        .where(
            models.Revision.transcript_id == current.transcript_id,
            models.Revision.number < current.number,
            models.Capture.fetched_at > _captured(session, reading),
        )
        .limit(1)
    )
    return session.scalar(between) is not None


def _is_home(session: Session, reading: Reading, own: models.Transcript) -> bool:
    """Whether an address is a transcript's own, or the one that its own leads to now."""
    if (own.source, own.key) == (reading.source, reading.key):
        return True
    home = session.scalar(appearance_at(own.source, own.key)) if own.source == reading.source else None
    return home is not None and home.capture is not None and home.capture.url == reading.url


def _decide(session: Session, reading: Reading) -> Loaded:
    text = digest(reading.transcript)
    # Loads of one page queue; SQLite's write lock does it there.
    here = session.scalar(appearance_at(reading.source, reading.key).with_for_update())
    if here is not None and _is_home(session, reading, here.transcript):
        return _decide_at_home(session, reading, text, here)
    return _decide_elsewhere(session, reading, text, here)


def _decide_at_home(session: Session, reading: Reading, text: str, here: models.Appearance) -> Loaded:
    """What becomes of a reading at its transcript's own address: there an edit is a revision."""
    own = here.transcript
    current = _current(session, own.id)
    same = same_words(lookup.transcript_of(current), reading.transcript)
    # Older than the newest text, it was said before something else, though it is that text.
    if same and not (current.number > 1 and _captured(session, reading) < current.capture.fetched_at):
        here.digest = current.digest
        return Loaded("unchanged", current.id)
    before = reading.before if reading.before_of == current.digest else None
    again = not same and before is not None and same_words(before, reading.transcript)
    if again and not _parted(session, reading, current):
        return _only_read_anew(current, reading)
    if _is_before(session, reading, here, current):
        # As a copy it may have stood here of what another transcript has had.
        elsewhere = None if same else _oldest_with(session, text, own.id)
        if elsewhere is not None:
            first = elsewhere.transcript
            reason = f"same text as {first.source} {first.key}, and older than its own"
            return Loaded("duplicate", elsewhere.id, reason)
        return _put_in(session, own.id, _text(text, reading))
    if same:
        return Loaded("unchanged", current.id)
    here.digest = text
    number = current.number + 1
    return Loaded("revised", revisions.write(session, own.id, number, _text(text, reading)))


def _decide_elsewhere(
    session: Session, reading: Reading, text: str, here: models.Appearance | None
) -> Loaded:
    """What becomes of a reading at a new address, or at one that a transcript stands at besides its own."""
    known = _oldest_with(session, text)
    last = lookup.said_at(session, here) if here is not None else None
    if here is not None and here.digest == text and (said := last or known) is not None:
        return Loaded("unchanged", said.id)
    if last is not None and same_text(lookup.transcript_of(last), reading.transcript):
        return Loaded("unchanged", last.id)
    before = reading.before if last is not None and reading.before_of == last.digest else None
    if last is not None and before is not None and same_text(before, reading.transcript):
        return _only_read_anew(last, reading)
    if here is not None and _is_before(session, reading, here):
        first = here.transcript
        return Loaded("rejected", None, f"its last text is that of {first.source} {first.key}{OLDER}")
    if known is None:
        loaded = _create(session, text, reading)
        transcript_id = session.get_one(models.Revision, loaded.revision_id).transcript_id
    else:
        first, transcript_id = known.transcript, known.transcript_id
        loaded = Loaded("duplicate", known.id, f"same text as {first.source} {first.key}")
    if here is None:
        here = models.Appearance(
            source=reading.source, key=reading.key, url=reading.url, first_seen=dt.datetime.now(dt.UTC)
        )
        session.add(here)
    here.transcript_id, here.digest = transcript_id, text
    session.flush()
    return loaded


def _text(text: str, reading: Reading) -> revisions.Text:
    return revisions.Text(reading.transcript, text, reading.capture_id, reading.extractor)


def _captured(session: Session, reading: Reading) -> dt.datetime:
    return session.get_one(models.Capture, reading.capture_id).fetched_at


def _put_in(session: Session, transcript_id: int, text: revisions.Text) -> Loaded:
    revision_id, fresh = revisions.put_in(session, transcript_id, text)
    if not fresh:
        return Loaded("unchanged", revision_id)
    captured = session.get_one(models.Capture, text.capture_id).fetched_at
    return Loaded("revised", revision_id, f"an older text, captured on {captured:%Y-%m-%d}: the newest stays")


def _oldest_with(session: Session, text: str, besides: int | None = None) -> models.Revision | None:
    """The oldest transcript that has had a text, one aside, by its newest revision with it."""
    query = select(models.Revision).where(models.Revision.digest == text)
    if besides is not None:
        query = query.where(models.Revision.transcript_id != besides)
    return session.scalar(
        query.order_by(models.Revision.transcript_id, models.Revision.number.desc()).limit(1)
    )


def _only_read_anew(last: models.Revision, reading: Reading) -> Loaded:
    reason = f"only the extractor reads it in another way: {last.extractor}, {reading.extractor}"
    if last.extractor == reading.extractor:
        reason = "only the source's file has it read in another way"
    return Loaded("unchanged", last.id, reason)


def is_older(session: Session, capture: models.Capture, besides: Collection[int] = ()) -> bool:
    """Whether a page was read well from a later capture of the same address than this one, some aside."""
    later = (
        select(models.Page.id)
        .join(models.Page.capture)
        .where(
            models.Capture.url.in_(set(spellings(capture.url))),
            models.Capture.source == capture.source,
            models.Capture.fetched_at > capture.fetched_at,
            models.Capture.id.not_in(besides),
            models.Page.disposition.in_(("new", "revised", "unchanged", "duplicate")),
        )
        .limit(1)
    )
    return session.scalar(later) is not None


def _is_before(
    session: Session, reading: Reading, here: models.Appearance, current: models.Revision | None = None
) -> bool:
    """Whether a reading is older than what its address said last. Later captures may have held the same text.

    Others may spell the address in another way, or name another one of the same document: what the site itself
    answered last is known by its key, and who saw the newest text by its visits.
    """
    own = session.get_one(models.Capture, reading.capture_id)
    if current is not None and current.capture_id == own.id:
        return False
    later = [
        capture
        for capture in (current.capture if current is not None else None, here.capture)
        if capture is not None and capture.id not in reading.to_come and capture.fetched_at > own.fetched_at
    ]
    if later or is_older(session, own, reading.to_come):
        return True
    seen = revisions.seen(session, current, models.Capture.fetched_at > own.fetched_at) if current else []
    return any(page.capture_id not in reading.to_come for page in seen)


def _current(session: Session, transcript_id: int) -> models.Revision:
    newest = select(func.max(models.Revision.number)).where(models.Revision.transcript_id == transcript_id)
    return session.scalars(
        select(models.Revision).where(
            models.Revision.transcript_id == transcript_id,
            models.Revision.number == newest.scalar_subquery(),
        )
    ).one()


def _create(session: Session, text: str, reading: Reading) -> Loaded:
    transcript = models.Transcript(
        source=reading.source, key=reading.key, first_digest=text, created_at=dt.datetime.now(dt.UTC)
    )
    session.add(transcript)
    session.flush()
    return Loaded("new", revisions.write(session, transcript.id, 1, _text(text, reading)))
