"""When a known page is asked for again, and how: nothing twice without need, and no edit missed.

A page is asked for at every run in its first week, then weekly for a month, monthly for a year, and then no more.
One that refuses after its first week is asked for again a week later, so that it doesn't stand before others.
It is asked whether it changed since it was last read well; but some sites send the same validators with another
text, so every `FULL_EVERY`th time the whole page is asked for. Nothing here knows how a page is fetched.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Date, bindparam, case, func, or_, select, update
from sqlalchemy.orm import Session

from storage import models
from storage.address import bare
from storage.ledger import Found
from storage.lookup import appearance_at

EVERY_RUN, WEEKLY, MONTHLY = 7, 31, 366
"""Days after its publication until which a page is asked for at every run, weekly, and monthly."""

FULL_EVERY = 5
"""Of so many visits one asks for the whole page."""

GONE_AFTER = 3
"""Days on which a page was not there, after which it is gone."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Whether a page is to be asked for today, and with which headers; of a known one also its date of publication
    and when it is asked for next if not today.
    """

    due: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    published: dt.date | None = None
    next_on: dt.date | None = None
    visited_on: dt.date | None = None

    def is_due(self, listed: dt.date | None) -> bool:
        """Whether to ask today for a page that is listed with a date: one of after its own says that it is new."""
        if self.due or listed is None or self.published is None or self.visited_on is None:
            return self.due
        return self.published < listed and self.visited_on <= listed


def plan(session: Session, source: str, keys: Collection[str], today: dt.date) -> dict[str, Visit]:
    """How to ask for pages.

    Args:
        session: to read in.
        source: id of the source.
        keys: the documents'.
        today: the day in the source's time zone.

    Returns:
        The visits to those that are known, by key; any other is due, and nothing is known of it.
    """
    rows = session.connection().execute(_PLAN, {"of": source, "keys": list(keys), "today": today})
    out = {}
    for key, visited_on, next_on, unmodified, etag, last_modified, published in rows:
        due = visited_on is None or (next_on is not None and next_on <= today)
        known = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        conditions = {name: value for name, value in known.items() if value}
        out[key] = Visit(
            due, conditions if unmodified < FULL_EVERY - 1 else {}, published, next_on, visited_on
        )
    return out


# The newest of the dates that it has had: what stands in its place for a while may be dated long before it. One to
# come is a mistake.
_published = func.coalesce(
    select(func.max(models.Revision.date))
    .where(models.Revision.transcript_id == models.Appearance.transcript_id)
    .where(models.Revision.date <= bindparam("today", type_=Date))
    .correlate(models.Appearance)
    .scalar_subquery(),
    bindparam("today", type_=Date),
)


def _published_on(session: Session, place: models.Appearance, today: dt.date) -> dt.date:
    own = select(_published).select_from(models.Appearance).where(models.Appearance.id == place.id)
    return session.scalars(own, {"today": today}).one()


# Columns instead of objects, and many pages at a time: a night asks this of every page that is listed.
_PLAN = (
    select(
        models.Appearance.key,
        models.Appearance.visited_on,
        models.Appearance.next_visit,
        models.Appearance.unmodified,
        models.Capture.etag,
        models.Capture.last_modified,
        _published,
    )
    .outerjoin(models.Appearance.capture)
    .where(
        models.Appearance.source == bindparam("of"),
        models.Appearance.key.in_(bindparam("keys", expanding=True)),
    )
)


def due(session: Session, source: str, today: dt.date) -> list[Found]:
    """The pages of a source that are to be asked for today, listed or not, the longest due first."""
    rows = session.execute(
        select(models.Appearance.key, models.Appearance.url)
        .where(models.Appearance.source == source, models.Appearance.next_visit <= today)
        .order_by(models.Appearance.next_visit, models.Appearance.id)
    )
    return [Found(key, url) for key, url in rows]


def first(capture_id: int, day: dt.date, today: dt.date | None) -> dict[str, Any]:
    """The columns of an appearance that say of a new page that it was asked for and read well.

    Args:
        capture_id: what it was read from.
        day: its date of publication.
        today: the day of the visit; None where somebody else's capture was taken in.
    """
    return {
        "capture_id": None if today is None else capture_id,
        "visited_on": today,
        "next_visit": None if today is None else _next(day, today),
        "unmodified": 0,
        "missing": 0,
    }


def was_read(
    session: Session,
    source: str,
    key: str,
    capture_id: int,
    today: dt.date,
    url: str | None = None,
) -> None:
    """A page was asked for and read well. A visit before its last one changes nothing.

    Args:
        session: the transaction of its load.
        source: id of the source.
        key: the document's.
        capture_id: what it was read from.
        today: the day of the visit.
        url: the address that answered, where that is the document's own: there it is asked for from now on.
    """
    place = session.scalar(appearance_at(source, key))
    if place is not None and (place.visited_on is None or place.visited_on <= today):
        if url is not None and bare(url) != bare(place.url):
            place.url = url
        place.capture_id, place.unmodified, place.missing = capture_id, 0, 0
        following, home = _next(_published_on(session, place, today), today), _home(session, place)
        if following and home is not None and home.next_visit is not None and home.next_visit > today:
            # Asked for in one night, an edit of both is one revision.
            following = min(following, home.next_visit)
        place.visited_on, place.next_visit = today, following


def _home(session: Session, place: models.Appearance) -> models.Appearance | None:
    """The address of its source at which a text was first, where that is another one."""
    first = session.get_one(models.Transcript, place.transcript_id)
    if first.source != place.source or first.key == place.key:
        return None
    return session.scalar(appearance_at(first.source, first.key))


def were_unmodified(
    session: Session, source: str, published: Mapping[str, dt.date | None], today: dt.date
) -> None:
    """Pages were asked for, and the site says that they did not change.

    Args:
        session: the transaction.
        source: id of the source.
        published: the pages' dates of publication, by key; None where nothing is known of a page.
        today: the day of the visit.
    """
    # In one order for all, so that two never wait for each other crosswise.
    rows = [
        {"of": source, "page": key, "day": today, "next": _next(day, today)}
        for key, day in sorted(published.items())
        if day is not None
    ]
    if rows:
        session.connection().execute(_UNMODIFIED, rows)


_UNMODIFIED = (
    update(models.Appearance)
    .where(models.Appearance.source == bindparam("of"), models.Appearance.key == bindparam("page"))
    .values(
        unmodified=models.Appearance.unmodified + 1,
        missing=0,
        visited_on=bindparam("day"),
        next_visit=bindparam("next"),
    )
)


def was_missing(
    session: Session, source: str, key: str, today: dt.date, listed: dt.date | None
) -> tuple[models.Disposition, str]:
    """A page was asked for and is not there: its disposition, and why.

    One that was never read is gone, but not in its first days: a list may be ahead of its pages. One that was read
    is asked for on three days first, and then monthly: it can come back.

    Args:
        session: the transaction.
        source, key: the page.
        today: the day of the visit.
        listed: the date that it is listed with, if any.
    """
    place = session.scalar(appearance_at(source, key))
    if place is None:
        new = listed is not None and (today - listed).days < GONE_AFTER
        return ("failed", "not there yet") if new else ("gone", "not there")
    if place.visited_on is not None and place.visited_on > today:
        return "failed", "was not there"  # as an older capture says, that is read late
    if place.visited_on != today or not place.missing:
        place.missing += 1
    place.visited_on, place.next_visit = today, today
    if place.missing < GONE_AFTER:
        return "failed", f"not there, on {place.missing} of {GONE_AFTER} days"
    old = (today - _published_on(session, place, today)).days >= MONTHLY
    place.next_visit = None if old else today + dt.timedelta(30)
    return "gone", f"not there, on {place.missing} days"


def put_off(session: Session, source: str, run_id: int, today: dt.date) -> None:
    """Put off the visits that a run's answers refused, a week each; a year after publication there are no more.

    Not those of a page's first week, nor of one that the run was kept from asking for, nor of one that is missing.

    Args:
        session: the transaction.
        source: id of the source.
        run_id: the run.
        today: its day.
    """
    answered = or_(
        models.Page.capture_id.is_not(None),
        models.Page.reason.startswith("HTTP "),
        models.Page.reason.startswith("redirected "),
    )
    refused = select(models.Page.key).where(
        models.Page.run_id == run_id,
        models.Page.disposition.in_(("blocked", "failed", "rejected")),
        answered,
    )
    page = models.Appearance
    over = _published <= today - dt.timedelta(MONTHLY)
    session.execute(
        update(page)
        .where(page.source == source, page.key.in_(refused), page.next_visit <= today, page.missing == 0)
        .where(_published <= today - dt.timedelta(EVERY_RUN))
        .values(next_visit=case((over, None), else_=today + dt.timedelta(7))),
        {"today": today},
        execution_options={"synchronize_session": False},
    )


def _next(published: dt.date, today: dt.date) -> dt.date | None:
    age = (today - published).days
    if age < EVERY_RUN:
        return today
    if age < WEEKLY:
        return today + dt.timedelta(7)
    return today + dt.timedelta(30) if age < MONTHLY else None
