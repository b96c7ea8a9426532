"""Captures: a record kept for good, its row held against it or found by it, and what rests on it.

A record is appended to the archive first, then its row is written. A capture is one and the same wherever its
record stands: its address, moment and digest say which it is, so the same one is kept once, whoever brings it.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage.address import spellings
from storage.archive import Writer
from storage.database import BATCH, Database, batches
from storage.models import Appearance, Capture, Page, Revision, Transcript
from storage.transcript import clean
from storage.warc import Location, Record

Identity = tuple[str, dt.datetime, str]

_IDENTITY = (Capture.url, Capture.fetched_at, Capture.digest)

_NAMES = (Capture.id, Page.capture_id, Revision.capture_id, Appearance.capture_id)
"""Where the ids of captures stand."""

FACTS = ("url", "fetched_at", "status", "digest", "size", "length")
"""What a row says of its record, and the record says too."""


def free_ids(session: Session) -> Iterator[int] | None:
    """Ids for new captures that no row names, be it that a lost one had it; None where the database sees to that.

    SQLite gives a new row the id above the highest one that is there.
    """
    if session.get_bind().dialect.name != "sqlite":
        return None
    return itertools.count(max(session.scalar(select(func.max(each))) or 0 for each in _NAMES) + 1)


def capture_of(source: str, record: Record, location: Location) -> Capture:
    """The row of a record, not yet in the database."""
    return Capture(**_facts(source, record, location))


def _facts(source: str, record: Record, location: Location) -> dict[str, Any]:
    return {
        "source": source,
        "url": record.url,
        "fetched_at": record.fetched_at,
        "status": record.status,
        "content_type": clean(record.header("content-type"))[:200],
        "digest": record.digest,
        "size": len(record.body),
        "warc": location.warc,
        "offset": location.offset,
        "length": location.length,
        "etag": clean(record.header("etag"))[:200] or None,
        "last_modified": clean(record.header("last-modified"))[:200] or None,
    }


def keep(
    database: Database,
    writer: Writer,
    source: str,
    records: Sequence[Record],
    *,
    began: dt.datetime | None = None,
) -> list[int]:
    """Archive records and write their captures down, unless they are known.

    Args:
        database: where captures are written down.
        writer: to the WARC file they are appended to.
        source: id of the source they belong to.
        records: what was captured.
        began: what was captured since then is new, and not looked for.

    Returns:
        The captures' ids, in the records' order.

    Raises:
        storage.warc.ArchiveError: the disk refused it.
        sqlalchemy.exc.DBAPIError: the database failed.
    """
    ids = _ids(database, [each for each in records if began is None or each.fetched_at < began])
    new = {identity(each): each for each in records if identity(each) not in ids}
    places = writer.write_all(new.values()) if new else []
    rows = {same: _facts(source, new[same], place) for same, place in zip(new, places, strict=True)}
    try:
        ids |= _written(database, rows)
    except IntegrityError:
        # Another process kept one of them a moment ago.
        ids |= _ids(database, list(new.values()))
        ids |= _written(database, {same: row for same, row in rows.items() if same not in ids})
    return [ids[identity(each)] for each in records]


def _written(database: Database, rows: Mapping[Identity, dict[str, Any]]) -> dict[Identity, int]:
    if not rows:
        return {}
    with database.write() as session:
        ids = session.connection().execute(_INSERT, list(rows.values()))
        return dict(zip(rows, ids.scalars(), strict=True))


# Executed by the connection: as objects of a session the rows take twice as long.
_INSERT = insert(Capture).returning(Capture.id, sort_by_parameter_order=True)


def _ids(database: Database, records: Sequence[Record]) -> dict[Identity, int]:
    """The ids of the captures that are known already."""
    found: dict[Identity, int] = {}
    with database.read() as session:
        for batch in batches([identity(each) for each in records]):
            rows = session.execute(select(*_IDENTITY, Capture.id).where(tuple_(*_IDENTITY).in_(batch)))
            found |= {(url, moment, digest): number for url, moment, digest, number in rows}
    return found


def identity(capture: Capture | Record) -> Identity:
    """What makes it this capture."""
    return capture.url, capture.fetched_at, capture.digest


def differences(row: Capture, record: Capture) -> list[str]:
    """The facts in which a row and the row of its record differ."""
    return [name for name in FACTS if getattr(row, name) != getattr(record, name)]


def in_file(session: Session, warc: str, after: int | None) -> list[Capture]:
    """The next captures of a WARC file by offset, at most `storage.database.BATCH`."""
    query = select(Capture).where(Capture.warc == warc).order_by(Capture.offset).limit(BATCH)
    return list(session.scalars(query if after is None else query.where(Capture.offset > after)))


def known(session: Session, captures: Sequence[Capture]) -> dict[Identity, Capture]:
    """The rows of the same captures, as far as there are any."""
    wanted, found = [identity(capture) for capture in captures], {}
    for batch in batches(wanted):
        for row in session.scalars(select(Capture).where(tuple_(*_IDENTITY).in_(batch))):
            found[identity(row)] = row
    return found


def at(session: Session, url: str, moment: dt.datetime) -> Capture | None:
    """The page that was captured at an address, in one of its spellings, at a moment; None where none was."""
    return session.scalar(
        select(Capture)
        .where(Capture.url.in_(set(spellings(url))), Capture.fetched_at == moment, Capture.status == 200)
        .order_by(Capture.url != url, Capture.id)
        .limit(1)
    )


def resting_on(session: Session, captures: Sequence[int]) -> dict[int, list[str]]:
    """The transcripts, as ``SOURCE/KEY``, that were read from each of some captures."""
    resting: dict[int, list[str]] = {}
    for batch in batches(captures):
        rows = session.execute(
            select(Revision.capture_id, Transcript.id, Transcript.source, Transcript.key)
            .join(Revision.transcript)
            .where(Revision.capture_id.in_(batch))
            .distinct()
            .order_by(Transcript.id)
        )
        for capture_id, _, source, key in rows:
            resting.setdefault(capture_id, []).append(f"{source}/{key}")
    return resting
