"""What the hits of a search have in common: how many there are of each source, year, speaker and language.

Only so many are counted, the newest: a word that stands everywhere costs no more than a rare
one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from storage.index import folded
from storage.models import Appearance, Revision, Searched, Turn
from storage.search import met, parse
from storage.selection import SEARCHED_TURN, Selection

MOST_COUNTED = 1000
"""Hits that are counted."""


@dataclass(frozen=True, slots=True)
class Facets:
    """Hits by what they are.

    Args:
        total: how many were counted.
        more: whether there are others.
        sources: by the id of each source at one of whose addresses the document stands.
        years: by year of publication.
        speakers: by name, or by label where no name is known, of those who don't ask: the hits whose name or label
            has this in it, as the filter finds them.
        languages: by ISO 639-1 code.
    """

    total: int
    more: bool
    sources: Counter[str]
    years: Counter[int]
    speakers: Counter[str]
    languages: Counter[str]


def facets(session: Session, query: str, selection: Selection, most: int = MOST_COUNTED) -> Facets:
    """Count the hits of a query.

    Args:
        session: to read in.
        query: as for `storage.search.search`.
        selection: which turns of which documents.
        most: how many are counted.

    Raises:
        storage.search.SearchError: the query has no word to look for, or too many.
    """
    newest = met(session, parse(query), selection).limit(most + 1).subquery()
    rows = session.execute(
        select(
            Revision.transcript_id,
            Revision.date,
            Revision.language,
            Turn.role,
            Turn.speaker,
            Turn.label,
            Searched.name,
        )
        .select_from(Searched)
        .join(newest, newest.c.id == Searched.id)
        .join(Revision, Revision.id == Searched.revision_id)
        .join(Turn, SEARCHED_TURN)
        .order_by(Searched.id)
    ).all()
    counted = rows[:most]
    places = _places(session, {row.transcript_id for row in counted})
    return Facets(
        len(counted),
        len(rows) > most,
        Counter(source for row in counted for source in places[row.transcript_id]),
        Counter(row.date.year for row in counted),
        _speakers(counted),
        Counter(row.language for row in counted if row.language),
    )


def _speakers(rows: Sequence[Row[Any]]) -> Counter[str]:
    shown = {row.speaker or row.label for row in rows if row.role != "question" and row.label}
    names = Counter(row.name for row in rows)
    return Counter(
        {
            one: sum(count for name, count in names.items() if sought in name)
            for one in shown
            for sought in [folded(one)]
        }
    )


def _places(session: Session, transcripts: Collection[int]) -> dict[int, set[str]]:
    """The sources at whose addresses transcripts stand."""
    found: dict[int, set[str]] = defaultdict(set)
    rows = session.execute(
        select(Appearance.transcript_id, Appearance.source).where(Appearance.transcript_id.in_(transcripts))
    )
    for transcript, source in rows:
        found[transcript].add(source)
    return found
