"""The revisions of a transcript: how one is written, and where among the others an older one stands.

They stand in the order of their captures, whatever the order in which those come in: what a page said first, then,
and at last. A text that was taken back is there twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from storage import index, lookup, models
from storage.address import spellings
from storage.database import insert_all
from storage.sameness import same_words
from storage.transcript import Transcript


class Text(NamedTuple):
    """What was read of a capture.

    Args:
        transcript: the text.
        digest: of it.
        capture_id: of the capture.
        extractor: version of the extractor that read it.
    """

    transcript: Transcript
    digest: str
    capture_id: int
    extractor: int


def write(session: Session, transcript_id: int, number: int, text: Text) -> int:
    """Write a revision with its turns, and give back its id; its number has to be free."""
    revision = models.Revision(**row(transcript_id, number, text))
    session.add(revision)
    session.flush()
    write_turns(session, revision.id, text.transcript)
    index.keep(session, transcript_id)
    return revision.id


def put_in(session: Session, transcript_id: int, text: Text) -> tuple[int, bool]:
    """Put an older text among the revisions of a page, by its capture's moment.

    What is said on either side of it may have been seen on its other side too: a text that was there before it and
    after it is two revisions from now on.

    Returns:
        the id of the revision that has the text, and whether it was written for it.
    """
    revisions = session.scalars(
        select(models.Revision)
        .where(models.Revision.transcript_id == transcript_id)
        .order_by(models.Revision.number)
    ).all()
    own = session.get_one(models.Capture, text.capture_id).fetched_at
    place = next(
        (place for place, each in enumerate(revisions) if each.capture.fetched_at > own), len(revisions)
    )
    before = revisions[place - 1] if place else None
    after = revisions[place] if place < len(revisions) else None
    on_this_side = {}
    if before is not None:
        on_this_side[before.id] = seen(session, before, models.Capture.fetched_at > own)
    if after is not None:
        on_this_side[after.id] = seen(session, after, models.Capture.fetched_at < own)
    for revision, other in ((before, after), (after, before)):
        parted = other is not None and on_this_side[other.id]
        if (
            revision is not None
            and not parted
            and same_words(lookup.transcript_of(revision), text.transcript)
        ):
            return revision.id, False
    number = place + 1
    if after is not None:
        number += _repeat(session, after, number, on_this_side[after.id])
    _make_room(session, transcript_id, number)
    revision_id = write(session, transcript_id, number, text)
    if before is not None:
        _repeat(session, before, number + 1, on_this_side[before.id])
    return revision_id, True


def seen(session: Session, revision: models.Revision, when: ColumnElement[bool]) -> list[models.Page]:
    """The visits at some time that found a text at its document's addresses, by their captures' moments.

    Those to addresses of other documents are not among them, be these copies now or have they been.
    """
    own = revision.transcript
    visits = session.scalars(
        select(models.Page)
        .join(models.Page.capture)
        .where(models.Page.revision_id == revision.id, models.Capture.source == own.source, when)
        .order_by(models.Capture.fetched_at, models.Page.id)
    ).all()
    keys = {page.key for page in visits}
    spelt = {page.url: set(spellings(page.url)) for page in visits}
    place = models.Appearance
    others = session.execute(
        select(place.key, place.url).where(
            place.source == own.source,
            place.key != own.key,
            or_(place.key.in_(keys), place.url.in_(set[str]().union(*spelt.values()))),
        )
    ).all()
    known, urls = (
        {key for key, _ in others},
        {url for _, url in others} - set(spellings(revision.capture.url)),
    )
    return [page for page in visits if page.key not in known and urls.isdisjoint(spelt[page.url])]


def _repeat(session: Session, revision: models.Revision, number: int, seen: Sequence[models.Page]) -> bool:
    """Make a text a second revision, from the first visit that saw it again; False where none did."""
    if not seen:
        return False
    _make_room(session, revision.transcript_id, number)
    (first, *_) = seen
    assert first.capture_id is not None
    again = Text(lookup.transcript_of(revision), revision.digest, first.capture_id, revision.extractor)
    revision_id = write(session, revision.transcript_id, number, again)
    for page in seen:
        page.revision_id = revision_id
    return True


def _make_room(session: Session, transcript_id: int, number: int) -> None:
    """Raise the numbers of a transcript's revisions from one on."""
    later = select(models.Revision).where(
        models.Revision.transcript_id == transcript_id, models.Revision.number >= number
    )
    for revision in session.scalars(later.order_by(models.Revision.number.desc())).all():
        revision.number += 1
        session.flush()  # one by one from the last: no two may have one number


def row(transcript_id: int, number: int, text: Text) -> dict[str, Any]:
    """The row of a revision."""
    return {
        "transcript_id": transcript_id,
        "number": number,
        "capture_id": text.capture_id,
        "loaded_at": dt.datetime.now(dt.UTC),
        **columns_of(text.transcript, text.digest, text.extractor),
    }


def columns_of(read: Transcript, digest: str, extractor: int) -> dict[str, Any]:
    """The columns of a revision that say how its capture was read."""
    return {
        "extractor": extractor,
        "digest": digest,
        "date": read.date,
        "title": read.title,
        "language": read.language,
        "kind": read.kind,
        "event_date": read.event_date,
        "document_number": read.number,
        "left_out": list(read.left_out),
        "doubts": list(read.doubts),
    }


def write_turns(session: Session, revision_id: int, read: Transcript) -> None:
    """Write the turns of a revision that has none."""
    insert_all(session, models.Turn, turn_rows(revision_id, read))


def turn_rows(revision_id: int, read: Transcript) -> list[dict[str, Any]]:
    """The rows of a revision's turns."""
    return [
        {
            "revision_id": revision_id,
            "position": position,
            "label": turn.label,
            "role": turn.role,
            "speaker": turn.speaker,
            "text": turn.text,
        }
        for position, turn in enumerate(read.turns)
    ]
