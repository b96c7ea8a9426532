"""Values of SQLite that are not what their columns hold: it takes any, and whatever reads one fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Date,
    Integer,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from storage.models import Base, Revision, Turn, UtcTime

SHOWN = 60
"""Characters of a value that are shown."""

_WITH_THEIR_TEXT = (Revision.__table__, Turn.__table__)


def misfits(session: Session) -> Iterator[tuple[str, str]]:
    """Where such values stand, and what they are. Not those of texts: `storage.integrity` reads each of these.

    Args:
        session: of SQLite.
    """
    for table in Base.metadata.sorted_tables:
        if table in _WITH_THEIR_TEXT:
            continue
        wrong = {column: is_so for column in table.c if (is_so := _misfit(column)) is not None}
        told = [
            case((is_so, literal(f"{column.name} can't be ") + func.substr(func.quote(column), 1, SHOWN)))
            for column, is_so in wrong.items()
        ]
        keys = [cast(key, String) for key in table.primary_key]
        for row in session.execute(select(*keys, *told).where(or_(*wrong.values()))):
            where = f"{table.name} {', '.join(map(str, row[: len(keys)]))}"
            yield from ((where, what) for what in row[len(keys) :] if what is not None)


def _misfit(column: Column[Any]) -> ColumnElement[bool] | None:
    """What is true of a row whose value can't be read as the column's; None where any can."""
    kind, held = column.type, func.typeof(column)
    own: ColumnElement[Any] = literal_column(f'"{column.table.name}"."{column.name}"')  # as it is stored
    if isinstance(kind, JSON):
        bare = case(
            (func.json_valid(own) == 1, func.json_type(own).not_in(("array", "object"))), else_=true()
        )
        return and_(own.is_not(None), bare)
    if isinstance(kind, Date):
        return and_(own.is_not(None), or_(held != "text", func.date(own, "+0 days").is_distinct_from(own)))
    if isinstance(kind, UtcTime):
        whole = func.substr(own, 1, 19)  # of a moment SQLite rounds the fraction of its last second
        odd = or_(held != "text", func.datetime(whole, "+0 days").is_distinct_from(whole))
        return and_(own.is_not(None), odd)
    if isinstance(kind, Integer | Boolean):
        return held.not_in(("integer", "null"))
    return held.not_in(("text", "null")) if isinstance(kind, String) else None
