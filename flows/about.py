"""What is known about a transcript beside its text: its revisions, the addresses it stands at, what is like it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from storage import lookup, models
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
    newest = transcript.revisions[-1].digest
    for place in transcript.appearances:
        old = next((text.number for text in transcript.revisions if text.digest == place.digest), None)
        behind = f", with revision {old}" if old is not None and place.digest != newest else ""
        yield f"stands at: {place.url} ({place.source}/{place.key}, since {place.first_seen:%Y-%m-%d}{behind})"
    # Each of several revisions may be like the same text.
    yield from dict.fromkeys(_like(link, transcript.id) for link in lookup.links_of(session, transcript.id))


def _like(link: models.Link, transcript_id: int) -> str:
    ours = link.revision.transcript_id == transcript_id
    other = link.other if ours else link.revision
    words = {"mirror": "mirror of", "translation": "translation of"}
    words["excerpt"] = "excerpt of" if ours else "has as an excerpt"
    share = f"{link.similarity:.0%} of the words, " if link.similarity is not None else ""
    place = f"{other.transcript.source}/{other.transcript.key}"
    return f"{words[link.kind]}: {other.transcript_id}, {other.title} ({share}{place})"
