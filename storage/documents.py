"""Documents as they are handed out: the newest text of a transcript, and where it comes from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from storage import lookup, transcript
from storage.elsewhere import Alike, alike
from storage.models import Appearance, Capture, Revision, Transcript
from storage.selection import Selection
from storage.transcript import Turn

BATCH = 100
"""Documents held in memory at once."""


class DocumentError(ValueError):
    """A stored text that is not whole; one line."""


@dataclass(frozen=True, slots=True)
class Document:
    """One text of a transcript and where it comes from.

    Args:
        id: of the transcript.
        revision: its number.
        source, key: of the transcript.
        transcript: what was said.
        capture: what it was read from.
        appearances: where it stands, the first address first.
        numbers: of the transcript's revisions, by digest: an address may still say an older one.
        links: what it is nearly the same as.
    """

    id: int
    revision: int
    source: str
    key: str
    transcript: transcript.Transcript
    capture: Capture
    appearances: tuple[Appearance, ...]
    numbers: Mapping[str, int]
    links: tuple[Alike, ...]

    @property
    def title(self) -> str:
        """The page's headline."""
        return self.transcript.title

    @property
    def date(self) -> dt.date:
        """The day of publication."""
        return self.transcript.date

    @property
    def turns(self) -> tuple[Turn, ...]:
        """What was said, in order."""
        return self.transcript.turns

    @property
    def url(self) -> str:
        """The address it was read from."""
        return self.capture.url

    @property
    def captured(self) -> str:
        """The moment of its capture, ISO 8601."""
        return f"{self.capture.fetched_at:%Y-%m-%dT%H:%M:%S.%fZ}"

    def as_dict(self) -> dict[str, Any]:
        """The object that ``podium extract --format jsonl`` prints, and what the archive knows beside it."""
        return {
            "id": self.id,
            "revision": self.revision,
            "key": self.key,
            "url": self.url,
            "source": self.source,
            **transcript.as_dict(self.transcript),
            "capture": {"url": self.url, "time": self.captured, "digest": self.capture.digest},
            "appearances": [
                {
                    "source": place.source,
                    "key": place.key,
                    "url": place.url,
                    "revision": self.numbers.get(place.digest),
                }
                for place in self.appearances
            ],
            "links": [link._asdict() for link in self.links],
        }


def document_of(session: Session, revision: Revision) -> Document:
    """The document that a revision is.

    Raises:
        DocumentError: its text can't be put together.
    """
    numbers = _numbers(session, [revision])[revision.transcript_id]
    return _document(revision, numbers, alike(session, [revision.id])[revision.id])


def _numbers(session: Session, revisions: Sequence[Revision]) -> dict[int, dict[str, int]]:
    """The numbers of the revisions of some revisions' transcripts, by digest, by the transcripts' ids."""
    # As rows: where `Transcript.revisions` is loaded for many, CPython 3.11 sooner or later ends in a segmentation
    # fault when those objects are collected.
    found: dict[int, dict[str, int]] = {each.transcript_id: {} for each in revisions}
    rows = session.execute(
        select(Revision.transcript_id, Revision.digest, Revision.number)
        .where(Revision.transcript_id.in_(list(found)))
        .order_by(Revision.transcript_id, Revision.number)
    )
    for transcript_id, digest, number in rows:
        found[transcript_id][digest] = number
    return found


def _document(revision: Revision, numbers: Mapping[str, int], links: Sequence[Alike]) -> Document:
    own = revision.transcript
    try:
        text = lookup.transcript_of(revision)
    except ValueError as problem:
        raise DocumentError(f"{own.source}/{own.key}: {problem}; see `podium audit`") from problem
    places = sorted(own.appearances, key=lambda place: place.id)
    return Document(
        *(own.id, revision.number, own.source, own.key, text, revision.capture),
        *(tuple(places), numbers, tuple(links)),
    )


def documents(session: Session, selection: Selection) -> Generator[Document, None, None]:
    """The newest texts that are meant, in the order in which their transcripts came.

    Close it before the session where it may not be read to its end.

    Raises:
        DocumentError: a text can't be put together.
    """
    query = (
        select(Revision)
        .where(Revision.id.in_(selection.revisions()))
        .order_by(Revision.transcript_id)
        .options(
            joinedload(Revision.capture),
            joinedload(Revision.transcript).selectinload(Transcript.appearances),
            selectinload(Revision.turns),
        )
        .execution_options(yield_per=BATCH)
    )
    with closing(session.scalars(query)) as found:
        for batch in found.partitions(BATCH):
            links = alike(session, [revision.id for revision in batch])
            numbers = _numbers(session, batch)
            for revision in batch:
                yield _document(revision, numbers[revision.transcript_id], links[revision.id])
