"""Finding a stored transcript and giving it back as it was loaded."""

# The columns `role` and `kind` hold nothing but the words of their types; mypy can't know.

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from storage import models
from storage.address import escaped, spellings
from storage.sameness import digest
from storage.transcript import Transcript, Turn, clean


def find(session: Session, name: str, number: int | str | None = None) -> models.Revision | None:
    """A revision of the transcript that a name stands for; None where there is none.

    Args:
        session: to read in.
        name: a transcript's id, an address it appears at, or ``SOURCE/KEY``.
        number: of the revision, or the digest of the capture that it was read from, which stays what it is where
            an older text is taken in; None for the newest, or for what an address says, where its document was
            edited elsewhere only.
    """
    wanted = _named(session, name)
    if wanted is None:
        return None
    transcript_id, text = wanted
    query = (
        select(models.Revision)
        .where(models.Revision.transcript_id == transcript_id)
        .options(selectinload(models.Revision.turns), joinedload(models.Revision.capture))
    )
    if isinstance(number, str):
        query = query.where(models.Revision.capture.has(models.Capture.digest == clean(number)))
    elif number is not None:
        query = query.where(models.Revision.number == number)
    said = case((models.Revision.digest == text, 1), else_=0)
    return session.scalar(query.order_by(said.desc(), models.Revision.number.desc()).limit(1))


class DamagedError(ValueError):
    """Rows of a revision that are no transcript any more; one line."""


def transcript_of(revision: models.Revision) -> Transcript:
    """The transcript that a revision holds; rendered, it is the very text that was loaded.

    Raises:
        DamagedError: somebody else has changed its rows.
    """
    try:
        return _put_together(revision)
    except (ValueError, TypeError) as problem:  # SQLite keeps bytes in a column of texts, and any JSON
        raise DamagedError(
            f"revision {revision.id} is damaged, as `podium audit` says: {problem}"
        ) from problem


def _put_together(revision: models.Revision) -> Transcript:
    return Transcript(
        date=revision.date,
        title=revision.title,
        turns=tuple(
            Turn(
                tuple(row.text.split("\n")) if row.text else (),
                label=row.label,
                role=row.role,  # type: ignore[arg-type]
                speaker=row.speaker,
            )
            for row in revision.turns
        ),
        language=revision.language,
        kind=revision.kind,  # type: ignore[arg-type]
        event_date=revision.event_date,
        number=revision.document_number,
        left_out=tuple(revision.left_out),
        doubts=tuple(revision.doubts),
    )


def holds(revision: models.Revision, transcript: Transcript) -> bool:
    """Whether a revision holds exactly a transcript, to the last detail; much quicker than to build its own."""
    stored = (
        *(revision.date, revision.title, revision.language, revision.kind, revision.event_date),
        *(revision.document_number, tuple(revision.left_out), tuple(revision.doubts)),
        *((row.label, row.role, row.speaker, row.text) for row in revision.turns),
    )
    return stored == (
        *(transcript.date, transcript.title, transcript.language, transcript.kind, transcript.event_date),
        *(transcript.number, transcript.left_out, transcript.doubts),
        *((turn.label, turn.role, turn.speaker, turn.text) for turn in transcript.turns),
    )


def appearance_at(source: str, key: str) -> Select[tuple[models.Appearance]]:
    """The appearance of a document at an address of a source."""
    return select(models.Appearance).where(models.Appearance.source == source, models.Appearance.key == key)


def said_at(session: Session, place: models.Appearance) -> models.Revision | None:
    """The newest revision with the text that was last read at an address; None where a correction took it away."""
    return session.scalar(
        select(models.Revision)
        .where(models.Revision.transcript_id == place.transcript_id, models.Revision.digest == place.digest)
        .order_by(models.Revision.number.desc())
        .limit(1)
    )


class Last(NamedTuple):
    """What was last read at an address, and where.

    Args:
        capture: of a document's newest text; at any other address of it the one that was last read there.
        extractor: version of the extractor that read it.
        digest: of the text.
        title: of the text.
        date: of the text.
    """

    capture: models.Capture
    extractor: int
    digest: str
    title: str
    date: dt.date

    def is_again(self, read: Transcript, extractor: int) -> bool:
        """Whether an extractor has read the same once more."""
        same = (self.extractor, self.title, self.date) == (extractor, read.title, read.date)
        return same and self.digest == digest(read)


def last_read(session: Session, source: str, keys: Collection[str]) -> dict[str, Last]:
    """What was last read of known documents, by key."""
    place, text, home = models.Appearance, models.Revision, models.Transcript
    later = aliased(text)
    again = exists().where(
        later.transcript_id == text.transcript_id, later.digest == text.digest, later.number > text.number
    )
    at_home = and_(home.source == place.source, home.key == place.key)
    rows = session.execute(
        select(place.key, models.Capture, text.extractor, text.digest, text.title, text.date)
        .join(home, home.id == place.transcript_id)
        .join(text, and_(text.transcript_id == place.transcript_id, text.digest == place.digest))
        .join(models.Capture, models.Capture.id == case((at_home, text.capture_id), else_=place.capture_id))
        .where(place.source == source, place.key.in_(keys), ~again)
    )
    return {key: Last(*last) for key, *last in rows}


def copies(session: Session, source: str, keys: Collection[str]) -> set[str]:
    """Which of some documents stand at another address first, by key."""
    place, home = models.Appearance, models.Transcript
    rows = session.scalars(
        select(place.key)
        .join(home, home.id == place.transcript_id)
        .where(place.source == source, place.key.in_(keys))
        .where(or_(home.source != place.source, home.key != place.key))
    )
    return set(rows)


_LATER = aliased(models.Revision)
IS_NEWEST = ~exists().where(
    _LATER.transcript_id == models.Revision.transcript_id, _LATER.number > models.Revision.number
)
"""A revision that is its transcript's newest."""


def newest_numbers(session: Session, transcripts: Collection[int]) -> dict[int, int]:
    """The number of the newest revision of some transcripts, by their ids."""
    text = models.Revision
    rows = session.execute(
        select(text.transcript_id, func.max(text.number))
        .where(text.transcript_id.in_(transcripts))
        .group_by(text.transcript_id)
    )
    return dict(rows.tuples().all())


def recent_runs(session: Session, limit: int) -> list[models.Run]:
    """The newest runs, newest first."""
    return list(session.scalars(select(models.Run).order_by(models.Run.id.desc()).limit(limit)))


def counts(session: Session) -> dict[str, int]:
    """How many rows the archive has, by what they are."""
    tables = {
        "transcripts": models.Transcript,
        "revisions": models.Revision,
        "appearances": models.Appearance,
        "turns": models.Turn,
        "captures": models.Capture,
        "links": models.Link,
    }
    return {
        name: session.scalar(select(func.count()).select_from(table)) or 0 for name, table in tables.items()
    }


def _named(session: Session, name: str) -> tuple[int, str | None] | None:
    """The id of the transcript that a name stands for, and the digest of what the address says that it names."""
    name = name.encode(errors="replace").decode()  # a terminal may give bytes that are no text
    if re.fullmatch(r"\d{1,9}", name):
        known = session.scalar(select(models.Transcript.id).where(models.Transcript.id == int(name)))
        return None if known is None else (known, None)
    source, _, key = name.partition("/")
    urls = list(spellings(name))
    place = session.execute(
        select(models.Appearance.transcript_id, models.Appearance.digest)
        .where(
            or_(
                models.Appearance.url.in_(urls),
                (models.Appearance.source == source) & models.Appearance.key.in_([key, escaped(key)]),
            )
        )
        .outerjoin(models.Appearance.capture)
        .order_by(models.Capture.fetched_at.desc().nulls_last(), models.Appearance.id)
        .limit(1)
    ).one_or_none()
    if place is not None:
        return place._tuple()
    # Where it stood before its address was changed.
    before = session.execute(
        select(models.Revision.transcript_id, models.Revision.digest)
        .join(models.Revision.capture)
        .where(models.Capture.url.in_(urls))
        .order_by(models.Capture.fetched_at.desc(), models.Revision.id.desc())
        .limit(1)
    ).one_or_none()
    return None if before is None else before._tuple()
