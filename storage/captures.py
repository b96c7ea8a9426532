"""Keeping a record for good: appended to the archive first, then written down as a capture in the database.

A capture is known by its address, its moment and its digest, so the same one is kept once, whoever brings it.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storage.archive import Record, Writer
from storage.database import Database
from storage.models import Capture
from storage.transcript import clean


def keep(database: Database, writer: Writer, source: str, record: Record) -> int:
    """Archive a record and write its capture down, unless it is known.

    Args:
        database: where captures are written down.
        writer: to the WARC file it is appended to.
        source: id of the source it belongs to.
        record: what was captured.

    Returns:
        The capture's id.

    Raises:
        storage.archive.ArchiveError: the disk refused it.
        sqlalchemy.exc.DBAPIError: the database failed.
    """
    known = _known(database, record)
    if known is not None:
        return known
    location = writer.write(record)
    capture = Capture(
        source=source,
        url=record.url,
        fetched_at=record.fetched_at,
        status=record.status,
        content_type=clean(record.header("content-type"))[:200],
        digest=record.digest,
        size=len(record.body),
        warc=location.warc,
        offset=location.offset,
        length=location.length,
    )
    try:
        with database.write() as session:
            session.add(capture)
            session.flush()
            return capture.id
    except IntegrityError:
        # Another process kept the same one a moment ago.
        known = _known(database, record)
        if known is None:
            raise
        return known


def _known(database: Database, record: Record) -> int | None:
    with database.read() as session:
        return session.scalar(
            select(Capture.id).where(
                Capture.url == record.url,
                Capture.fetched_at == record.fetched_at,
                Capture.digest == record.digest,
            )
        )
