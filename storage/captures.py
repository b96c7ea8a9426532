"""The rows of archived responses: made from a record, held against one, found by it, and what rests on them.

A capture is one and the same wherever its record stands: its address, moment and digest say which it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from storage.archive import Location, Record
from storage.models import Capture, Revision, Transcript

BATCH = 1000
"""Rows that are read at a time."""

Identity = tuple[str, dt.datetime, str]
T = TypeVar("T")

FACTS = ("url", "fetched_at", "status", "digest", "size", "length")
"""What a row says of its record, and the record says too."""


def capture_of(source: str, record: Record, location: Location) -> Capture:
    """The row of a record, not yet in the database."""
    return Capture(
        source=source,
        url=record.url,
        fetched_at=record.fetched_at,
        status=record.status,
        content_type=record.header("content-type")[:200],
        digest=record.digest,
        size=len(record.body),
        warc=location.warc,
        offset=location.offset,
        length=location.length,
    )


def identity(capture: Capture) -> Identity:
    """What makes it this capture."""
    return capture.url, capture.fetched_at, capture.digest


def differences(row: Capture, record: Capture) -> list[str]:
    """The facts in which a row and the row of its record differ."""
    return [name for name in FACTS if getattr(row, name) != getattr(record, name)]


def in_file(session: Session, warc: str, after: int | None, limit: int = BATCH) -> list[Capture]:
    """The next captures of a WARC file by offset, at most `limit`."""
    query = select(Capture).where(Capture.warc == warc).order_by(Capture.offset).limit(limit)
    return list(session.scalars(query if after is None else query.where(Capture.offset > after)))


def known(session: Session, captures: Sequence[Capture]) -> dict[Identity, Capture]:
    """The rows of the same captures, as far as there are any."""
    wanted, found = [identity(capture) for capture in captures], {}
    columns = tuple_(Capture.url, Capture.fetched_at, Capture.digest)
    for batch in batches(wanted):
        for row in session.scalars(select(Capture).where(columns.in_(batch))):
            found[identity(row)] = row
    return found


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


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items, `BATCH` at a time."""
    for first in range(0, len(items), BATCH):
        yield items[first : first + BATCH]
