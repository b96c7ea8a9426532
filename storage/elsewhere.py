"""Where else a text stands, and which other transcripts are nearly the same: as seen from one of its revisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from storage.lookup import newest_numbers
from storage.models import Appearance, Link, LinkKind, Revision
from storage.visits import GONE_AFTER


@dataclass(frozen=True, slots=True)
class Place:
    """An address of a transcript.

    Args:
        url, source, key: of the page.
        first_seen: when it was first loaded from there.
        same: whether it says the words of the revision that is looked at.
        number: of the newest revision with the words that it says; None where no revision has them any more.
        missed_on: the day of the last visit, where the page is gone.
    """

    url: str
    source: str
    key: str
    first_seen: dt.datetime
    same: bool
    number: int | None
    missed_on: dt.date | None


@dataclass(frozen=True, slots=True)
class Likeness:
    """Another transcript that is nearly the same.

    Args:
        kind: how.
        first: whether the own text is the first of the two, that is the excerpt.
        other: the newest revision of the other that is.
        share: of the words that both have in common; None for a translation.
        number: the newest own revision that is, if not the one that is looked at.
        outdated: whether the other has a newer text, which is not.
    """

    kind: LinkKind
    first: bool
    other: Revision
    share: float | None
    number: int | None
    outdated: bool

    @property
    def percent(self) -> str:
        """The share, rounded down: only all of the words are 100%."""
        return f"{round((self.share or 0) * 10_000) // 100}%"


class Alike(NamedTuple):
    """Another transcript whose newest text is nearly the same as a text.

    `id` is that transcript's. `kind` says what the text is of the other: a ``mirror``, a ``translation``, an
    ``excerpt``, or the ``whole`` that the other is an excerpt of. `similarity` is the share of words in common.
    """

    id: int
    kind: str
    similarity: float | None


def alike(session: Session, revisions: Collection[int]) -> dict[int, list[Alike]]:
    """What each of some revisions, by their ids, is nearly the same as now, in the order of the others' ids."""
    found: dict[int, list[Alike]] = {number: [] for number in revisions}
    other, later = aliased(Revision), aliased(Revision)
    superseded = select(later.id).where(
        later.transcript_id == other.transcript_id, later.number > other.number
    )
    for own, end, excerpt in (
        (Link.revision_id, Link.other_id, "excerpt"),
        (Link.other_id, Link.revision_id, "whole"),
    ):
        rows = session.execute(
            select(own, other.transcript_id, Link.kind, Link.similarity)
            .join(other, other.id == end)
            .where(own.in_(list(found)), ~superseded.exists())
        )
        for number, transcript, kind, share in rows:
            found[number].append(Alike(transcript, excerpt if kind == "excerpt" else kind, share))
    return {number: sorted(each, key=lambda link: link[:2]) for number, each in found.items()}


def places(session: Session, revision: Revision) -> Iterator[Place]:
    """The addresses of a revision's transcript, the first one first."""
    own = select(Revision.digest, Revision.number).where(Revision.transcript_id == revision.transcript_id)
    numbers = dict(session.execute(own.order_by(Revision.number)).tuples().all())
    query = select(Appearance).where(Appearance.transcript_id == revision.transcript_id)
    for each in session.scalars(query.order_by(Appearance.id)):
        gone = each.visited_on if each.missing >= GONE_AFTER else None
        same = each.digest == revision.digest
        yield Place(each.url, each.source, each.key, each.first_seen, same, numbers.get(each.digest), gone)


def likenesses(session: Session, revision: Revision) -> list[Likeness]:
    """What a revision's transcript is nearly the same as: of each other one the likeness that says most of both
    as they are, in the order in which they were found."""
    found: dict[int, tuple[tuple[bool, int, int], Likeness]] = {}
    links = links_of(session, revision.transcript_id)
    others = {end.transcript_id for link in links for end in (link.revision, link.other)}
    newest = newest_numbers(session, others)
    for link in links:
        first = link.revision.transcript_id == revision.transcript_id
        own, other = (link.revision, link.other) if first else (link.other, link.revision)
        here = own.number == revision.number
        like = Likeness(
            link.kind,  # type: ignore[arg-type]
            first,
            other,
            link.similarity,
            None if here else own.number,
            other.number < newest[other.transcript_id],
        )
        weight = (here, own.number, other.number)
        if other.transcript_id not in found or weight > found[other.transcript_id][0]:
            found[other.transcript_id] = weight, like
    return [like for _, like in found.values()]


def links_of(session: Session, transcript_id: int) -> list[Link]:
    """What a transcript's texts are nearly the same as, oldest first."""
    # Asked for first: PostgreSQL goes through all links for an "or" of two subqueries.
    own = session.scalars(select(Revision.id).where(Revision.transcript_id == transcript_id)).all()
    return list(
        session.scalars(
            select(Link)
            .where(or_(Link.revision_id.in_(own), Link.other_id.in_(own)))
            .order_by(Link.id)
            .options(
                joinedload(Link.revision).joinedload(Revision.transcript),
                joinedload(Link.other).joinedload(Revision.transcript),
            )
        )
    )
