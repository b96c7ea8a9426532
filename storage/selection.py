"""Which documents and turns are meant: the filters that search and export share. Only newest revisions are."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, select

from storage.index import folded
from storage.models import Appearance, Revision, Searched, Turn
from storage.transcript import clean

SEARCHED_TURN = and_(Turn.revision_id == Searched.revision_id, Turn.position == Searched.position)
"""What joins a row of `Searched` and its `Turn`."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for; None where anything will do.

    Args:
        source: id of a source at one of whose addresses the document stands.
        language: ISO 639-1 code.
        since, until: first and last day of publication.
        speaker: a part of a turn's label or of the name it resolves to, in whatever case.
        role: of a turn, the same as the speaker's.
    """

    source: str | None = None
    language: str | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    speaker: str | None = None
    role: str | None = None

    def __post_init__(self) -> None:
        """What is typed may hold what no database takes: NUL, half a character."""
        for name in ("source", "language", "speaker", "role"):
            if (typed := getattr(self, name)) is not None:
                object.__setattr__(self, name, clean(typed))

    def of_documents(self) -> list[ColumnElement[bool]]:
        """Conditions on a row of `Revision`."""
        conditions: list[ColumnElement[bool]] = []
        if self.source is not None:
            there = select(Appearance.transcript_id).where(Appearance.source == self.source)
            conditions.append(Revision.transcript_id.in_(there))
        if self.language is not None:
            conditions.append(Revision.language == self.language.lower())
        if self.since is not None:
            conditions.append(Revision.date >= self.since)
        if self.until is not None:
            conditions.append(Revision.date <= self.until)
        return conditions

    def of_turns(self) -> list[ColumnElement[bool]]:
        """Conditions on a row of `Searched` and its `Turn`."""
        conditions: list[ColumnElement[bool]] = []
        if self.speaker is not None:
            conditions.append(Searched.name.contains(folded(self.speaker), autoescape=True))
        if self.role is not None:
            conditions.append(Turn.role == self.role)
        return conditions

    def revisions(self) -> Select[tuple[int]]:
        """The ids of the newest revisions that are meant; with a speaker or a role, that have such a turn."""
        newest = (
            select(Revision.transcript_id, func.max(Revision.number).label("number"))
            .group_by(Revision.transcript_id)
            .subquery()
        )
        query = (
            select(Revision.id)
            .join(
                newest,
                and_(newest.c.transcript_id == Revision.transcript_id, newest.c.number == Revision.number),
            )
            .where(*self.of_documents())
        )
        if turns := self.of_turns():
            has = (
                select(Searched.id)
                .join(Turn, SEARCHED_TURN)
                .where(Searched.revision_id == Revision.id, *turns)
            )
            query = query.where(has.exists())
        return query


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class OneDocument(Selection):
    """A single document.

    Args:
        transcript: id of its transcript.
    """

    transcript: int = 0

    def revisions(self) -> Select[tuple[int]]:
        """The id of its newest revision; of none where there is no such transcript."""
        own = select(Revision.id).where(Revision.transcript_id == self.transcript)
        return own.order_by(Revision.number.desc()).limit(1)
