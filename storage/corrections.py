"""Correcting a stored text in place, where a newer extractor reads its capture in another way.

A revision is one text that the institution published, and it stays that: what changes is how well it was read.
What it was before is kept beside it. All that is derived from it follows in the same transaction: turns, digests
and what searches look in; and it is compared anew with all others.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from storage import index, models, transcript
from storage.database import batches
from storage.fingerprints import fingerprints
from storage.lookup import holds, transcript_of
from storage.revisions import columns_of, write_turns
from storage.sameness import digest
from storage.transcript import Transcript


def correct(session: Session, revision_id: int, read: Transcript, extractor: int) -> None:
    """Make a revision hold what an extractor reads now, unless another process has just done it.

    Args:
        session: a transaction.
        revision_id: the revision.
        read: from the revision's own capture.
        extractor: its version.

    Raises:
        sqlalchemy.exc.IntegrityError: another process wrote the same text just now; try again.
    """
    home = select(models.Revision.transcript_id).where(models.Revision.id == revision_id)
    # Whoever loads a page of this transcript queues, in the same order; SQLite's write lock does it there.
    places = session.scalars(
        select(models.Appearance)
        .where(models.Appearance.transcript_id == home.scalar_subquery())
        .order_by(models.Appearance.id)
        .with_for_update()
    ).all()
    own = session.scalars(
        select(models.Transcript).where(models.Transcript.id == home.scalar_subquery()).with_for_update()
    ).one()
    revision = session.get_one(models.Revision, revision_id)
    if holds(revision, read):
        return
    was, text = transcript_of(revision), digest(read)
    if own.first_digest in (revision.digest, f"{revision.digest}:{own.id}"):
        began = select(models.Transcript.id).where(
            models.Transcript.first_digest == text, models.Transcript.id != own.id
        )
        # Two transcripts that turn out to be one text are not merged: both can have been cited.
        own.first_digest = text if session.scalar(began) is None else f"{text}:{own.id}"
    session.add(
        models.Correction(
            revision_id=revision.id,
            extractor=revision.extractor,
            corrected_at=dt.datetime.now(dt.UTC),
            text=transcript.as_dict(was),
        )
    )
    if text != revision.digest or was.turns != read.turns or _facts(was) != _facts(read):
        _forget_likenesses(session, revision, was, read)
    newest = session.scalar(
        select(func.max(models.Revision.number)).where(models.Revision.transcript_id == own.id)
    )
    for place in places:
        at_home = (place.source, place.key) == (own.source, own.key)
        # Where this text was last read, its corrected form would be now.
        if revision.number == newest if at_home else place.digest == revision.digest:
            place.digest = text
    for column, value in columns_of(read, text, extractor).items():
        setattr(revision, column, value)
    session.execute(
        delete(models.Turn).where(models.Turn.revision_id == revision.id),
        execution_options={"synchronize_session": False},
    )
    session.expire(revision, ["turns"])
    session.flush()
    write_turns(session, revision.id, read)
    index.keep(session, own.id)


def corrections_of(session: Session, revision_id: int) -> list[models.Correction]:
    """What a revision was before, the newest last."""
    own = models.Correction.revision_id == revision_id
    return list(session.scalars(select(models.Correction).where(own).order_by(models.Correction.id)))


def _facts(read: Transcript) -> tuple[object, ...]:
    """What translations are found by."""
    return read.number, read.language, read.date


def _forget_likenesses(
    session: Session, revision: models.Revision, was: Transcript, read: Transcript
) -> None:
    """Drop what was found by the former words, and have the revision compared again."""
    # First of all: whoever compares it just now has to be through, or its links would come after this.
    session.execute(update(models.Revision).where(models.Revision.id == revision.id).values(compared_at=None))
    others = session.scalars(
        select(models.Revision).where(
            models.Revision.transcript_id == revision.transcript_id, models.Revision.id != revision.id
        )
    )
    kept = {mark for other in others for mark in fingerprints(transcript_of(other).turns)}
    stale = sorted(fingerprints(was.turns) - kept - fingerprints(read.turns))
    for some in batches(stale):
        session.execute(
            delete(models.Fingerprint).where(
                models.Fingerprint.hash.in_(some),
                models.Fingerprint.transcript_id == revision.transcript_id,
            )
        )
    session.execute(
        delete(models.Link).where(
            or_(models.Link.revision_id == revision.id, models.Link.other_id == revision.id)
        )
    )
