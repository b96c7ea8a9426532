"""What is known about a transcript beside its text: its revisions, the addresses it stands at, what is like it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from storage import elsewhere, models
from storage.corrections import corrections_of


def lines(session: Session, revision: models.Revision) -> Iterator[str]:
    """Lines for a person, each as the pages gave it: clean them before they are shown.

    Args:
        session: to read in.
        revision: one of the transcript's.
    """
    transcript = session.get_one(models.Transcript, revision.transcript_id)
    yield f"{transcript.id}: {revision.title}"
    for text in transcript.revisions:
        capture = text.capture
        yield (
            f"revision {text.number}: of {text.date}, {len(text.turns)} turns, from {capture.url} "
            f"as of {capture.fetched_at:%Y-%m-%d %H:%M} UTC, {capture.digest}"
        )
        for doubt in text.doubts:
            yield f"  ? {doubt}"
        for was in corrections_of(session, text.id):
            yield (
                f"  corrected on {was.corrected_at:%Y-%m-%d}: what extractor {was.extractor} had read "
                f"is in `podium diff {transcript.id} --corrected --to {text.number}`"
            )
    for place in elsewhere.places(session, revision):
        behind = f", with revision {place.number}" if place.number is not None and not place.same else ""
        since = f"{place.source}/{place.key}, since {place.first_seen:%Y-%m-%d}{behind}"
        gone = f"; not there on {place.missed_on}" if place.missed_on else ""
        yield f"{'stood' if gone else 'stands'} at: {place.url} ({since}{gone})"
    yield from map(_like, elsewhere.likenesses(session, revision))


def _like(like: elsewhere.Likeness) -> str:
    words = {"mirror": "mirror of", "translation": "translation of"}
    words["excerpt"] = "excerpt of" if like.first else "has as an excerpt"
    other = like.other
    share = f"{like.percent} of the words, " if like.share is not None else ""
    text = f", its revision {other.number}" if like.outdated else ""
    own = f", with revision {like.number}" if like.number is not None else ""
    place = f"{other.transcript.source}/{other.transcript.key}"
    return f"{words[like.kind]}: {other.transcript_id}, {other.title} ({share}{place}{text}{own})"
