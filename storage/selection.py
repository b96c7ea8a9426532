"""Which documents and turns are meant: the filters that search and export share. Only newest revisions are."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import get_args

from sqlalchemy import ColumnElement, Select, and_, func, select

from storage.days import check_window
from storage.index import folded
from storage.models import Appearance, Revision, Searched, Turn
from storage.transcript import Role, clean

SEARCHED_TURN = and_(Turn.revision_id == Searched.revision_id, Turn.position == Searched.position)
"""What joins a row of `Searched` and its `Turn`."""


LONGEST_FILTER = 250
"""Characters of a filter, such as a speaker's name. SQLite refuses patterns of 50,000 bytes."""

ROLES: tuple[str, ...] = get_args(Role)


class SelectionError(ValueError):
    """A filter that nobody can have meant; one line."""


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

    def check(self) -> None:
        """See that every filter is one: an empty one, as of a variable that is not set, would let all through.

        Raises:
            SelectionError: one is empty or too long, or there is no such role or language.
            storage.days.WindowError: the last day lies before the first.
        """
        for name in ("source", "language", "speaker", "role"):
            typed = getattr(self, name)
            if typed is not None and not folded(typed):
                raise SelectionError(f"the {name} is empty; leave it out to have any")
            if typed is not None and len(typed) > LONGEST_FILTER:
                raise SelectionError(
                    f"the {name} is too long: at most {LONGEST_FILTER} characters are wanted"
                )
        if self.role is not None and self.role not in ROLES:
            raise SelectionError(f"there is no role {self.role!r}; there are {', '.join(ROLES)}")
        if self.language is not None and not re.fullmatch("[A-Za-z]{2}", self.language):
            raise SelectionError(f"no language {self.language!r}; it is a code of two letters, such as ru")
        check_window(self.since, self.until)

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
