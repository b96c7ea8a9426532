"""The hosts that are asked: when each may be asked next, and which are left alone, for all crawls on a database.

All times are the database's: it is the one clock that crawls on several machines share. Nothing here knows what is
asked for, or how long a host's delay is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Double, Function, delete, func, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from storage.database import insert_into
from storage.models import Host
from storage.transcript import clean

FURTHEST = 6 * 3600.0
"""Seconds. A next request that is further away was written by a clock that has been set back since."""

FORGOTTEN = 3600.0
"""Seconds after its last request in which a host is kept in the table; by then its delay is long over."""

_CLOCK = {
    # Not now(), which is the transaction's beginning: the time spent waiting for the row would be lost.
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS double precision)",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}


@dataclass(frozen=True, slots=True)
class Left:
    """A host is left alone: until when, and why."""

    until: dt.datetime
    reason: str


def reserve(session: Session, host: str, delay: float) -> float | Left:
    """Take a host's next free moment, for one request; one that is not used is lost.

    Two requests are apart by the longer of the delays that were given for them.

    Args:
        session: a transaction of its own, for the host's row is locked until its end.
        host: its name.
        delay: seconds that the host wants between two requests.

    Returns:
        The seconds to wait until then, or that the host is left alone.
    """
    now, (most, least) = _clock(session), _extremes(session)
    free = Host.next_at + most(0.0, delay - Host.delay)
    moment = most(now, least(free, now + FURTHEST))
    row = _insert(session, host=host, next_at=now + delay, delay=delay)
    row = row.on_conflict_do_update(
        index_elements=[Host.host], set_={"next_at": moment + delay, "delay": delay}
    )
    wait, *parting = session.execute(
        row.returning(Host.next_at - delay - now, Host.left_until, Host.left_reason, now)
    ).one()
    return _left(*parting) or max(0.0, wait)


def pause(session: Session, host: str, seconds: float) -> None:
    """Ask a host that was asked before for nothing during so many seconds from now."""
    most, _ = _extremes(session)
    later = most(Host.next_at, _clock(session) + seconds)
    session.execute(update(Host).where(Host.host == host).values(next_at=later))


def leave(session: Session, host: str, reason: str, seconds: float) -> dt.datetime:
    """Leave a host alone for so many seconds; of several such times the one that ends last counts.

    Returns:
        The moment until when.
    """
    until = _moment(session.execute(select(_clock(session))).scalar_one() + seconds)
    told = {"left_until": until, "left_reason": clean(reason)}
    sooner = or_(Host.left_until.is_(None), Host.left_until < until)
    row = _insert(session, host=host, next_at=0.0, delay=0.0, **told)
    session.execute(row.on_conflict_do_update(index_elements=[Host.host], set_=told, where=sooner))
    return until


def left(session: Session, host: str) -> Left | None:
    """Until when a host is left alone, and why; None where it is not."""
    wanted = select(Host.left_until, Host.left_reason, _clock(session)).where(Host.host == host)
    row = session.execute(wanted).one_or_none()
    return _left(*row) if row else None


def all_left(session: Session) -> list[tuple[str, Left]]:
    """The hosts that are left alone, the one that is so for longest first."""
    now = session.execute(select(_clock(session))).scalar_one()
    rows = session.execute(
        select(Host.host, Host.left_until, Host.left_reason)
        .where(Host.left_until > _moment(now))
        .order_by(Host.left_until.desc(), Host.host)
    )
    return [(host, Left(until, reason or "")) for host, until, reason in rows if until]


def lift(session: Session, host: str) -> bool:
    """Ask a host again; False where it was not left alone."""
    lifted = left(session, host) is not None
    session.execute(update(Host).where(Host.host == host).values(left_until=None, left_reason=None))
    return lifted


def forget(session: Session) -> None:
    """Remove the hosts whose rows say nothing any more, so that the table holds those of the last hours only."""
    now = session.execute(select(_clock(session))).scalar_one()
    over = or_(Host.left_until.is_(None), Host.left_until < _moment(now))
    session.execute(delete(Host).where(Host.next_at < now - FORGOTTEN, over))


def _left(until: dt.datetime | None, reason: str | None, now: float) -> Left | None:
    return Left(until, reason or "") if until and until > _moment(now) else None


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _clock(session: Session) -> ColumnElement[float]:
    return literal_column(_CLOCK[session.get_bind().dialect.name], Double)


def _extremes(session: Session) -> tuple[Callable[..., Function[Any]], Callable[..., Function[Any]]]:
    """The database's functions for the greatest and the least of several values."""
    own = session.get_bind().dialect.name == "postgresql"
    return (func.greatest, func.least) if own else (func.max, func.min)


def _insert(session: Session, **values: object) -> postgresql.Insert | sqlite.Insert:
    return insert_into(session, Host).values(**values)
