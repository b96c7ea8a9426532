"""What the earlier runs of a source leave to the next one: pages to read, answers that still hold, days that are
proved, and bookmarks in its listings. So a run that was killed goes on instead of beginning again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from itertools import takewhile
from typing import Any, NamedTuple, cast

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, aliased

from storage import coverage, ledger
from storage.ledger import Found
from storage.models import Appearance, Capture, Disposition, Page, Run
from storage.visits import EVERY_RUN

Told = tuple[Disposition, str]
"""What became of a page, and why."""


def unread(session: Session, source: str) -> list[Run]:
    """The source's runs that go on no more though pages of them were fetched and never read, the oldest first."""
    waiting = (
        select(Page.id)
        .join(Page.capture)
        .where(Page.run_id == Run.id, Page.disposition.is_(None), Capture.id.is_not(None))
        .exists()
    )
    runs = session.scalars(
        select(Run)
        .where(Run.source == source, Run.state.in_(("running", "failed")), waiting)
        .order_by(Run.id)
    )
    return [run for run in runs if run.state == "failed" or not ledger.alive(session, run)]


def same_day(session: Session, run: Run, day: tuple[dt.datetime, dt.datetime]) -> list[Run]:
    """The earlier runs of its source on one day after which a run need not ask again for what they asked for.

    A backfill asks for no page twice a day. A night does, for edits; but what a failed night has asked for, the
    one that makes up for it takes as answered.

    Args:
        session: to read in.
        run: the one that is about to ask.
        day: from when to when it lasts.
    """
    runs = session.scalars(
        select(Run)
        .where(Run.source == run.source, Run.kind.in_(("nightly", "backfill")), Run.id < run.id)
        .where(Run.started_at >= day[0], Run.started_at < day[1])
        .order_by(Run.id.desc())
    )
    # Of another's captures a window takes what it covers, and refuses the rest.
    own = [
        each
        for each in runs
        if each.via == run.via and (each.via is None or (each.since, each.until) == (run.since, run.until))
    ]
    if run.kind == "backfill":
        return own
    return list(
        takewhile(lambda each: each.state == "failed", (each for each in own if each.kind == "nightly"))
    )


class Owed(NamedTuple):
    """What a source's nights leave to the next one.

    Args:
        since: the day from which it has to look.
        proof: the day from which it has to prove that it saw all.
        left: days that the last night could not prove.
    """

    since: dt.date
    proof: dt.date
    left: frozenset[dt.date] = frozenset()


def owed(session: Session, source: str, today: dt.date) -> Owed | None:
    """What the nights of a source leave to the next one; None where there was none.

    It begins with the last day of the last one that did not fail, or with the first that this one left open. Where
    all failed, it looks from the first day of the first of them, and proves from its last.

    Args:
        session: to read in.
        source: its id.
        today: the next night's last day.
    """
    last = ledger.last_night(session, source)
    if last is not None:
        begin = coverage.owed_from(last.until, last.open_days, today)
        return Owed(begin, begin, frozenset(map(dt.date.fromisoformat, last.open_days)))
    first = session.scalar(
        select(Run).where(Run.source == source, ledger.OWN_NIGHT).order_by(Run.id).limit(1)
    )
    return Owed(first.since, first.until) if first is not None else None


MOST_LOST = 100
"""Pages that were never read and are asked for again in one night, those first that were not for longest."""

HOPELESS = ("pdf", "too large", "redirected for good to ")
"""How the reasons begin of pages that no later visit would read."""


class Lost(NamedTuple):
    """A page that nights have found and none could read.

    Args:
        found: the page.
        first, last: the days of the first and the last night that met it.
        told: what became of it in the last one, and why.
    """

    found: Found
    first: dt.date
    last: dt.date
    told: Told


def lost(session: Session, source: str, today: dt.date) -> list[Lost]:
    """The pages that nights have found, none could read, and another may: until the days that no night could prove
    are asked for no more either.

    Args:
        session: to read in.
        source: its id.
        today: the day that is asked about.
    """
    return [each for each in _unread(session, source, today) if not each.told[1].startswith(HOPELESS)]


def refused_first(session: Session, source: str, today: dt.date) -> list[Lost]:
    """The pages that a night has met for the first time, and could not read though it has them.

    Args:
        session: to read in.
        source: its id.
        today: the night's last day.
    """
    found = _unread(session, source, today)
    return [each for each in found if each.first == today and each.told[0] == "rejected"]


def refused_anew(session: Session, run: Run) -> list[tuple[str, str]]:
    """The known pages that a night has rejected, and none that did not fail since they were last read well:
    addresses and reasons.

    Args:
        session: to read in.
        run: the night.
    """
    earlier, before = aliased(Page), aliased(Run)
    again = (
        exists()
        .where(earlier.key == Page.key, earlier.disposition == "rejected", earlier.run_id == before.id)
        # One that broke off or was killed has told nobody.
        .where(before.source == run.source, before.id < run.id, before.state != "failed")
        .where(or_(Appearance.visited_on.is_(None), before.until >= Appearance.visited_on))
    )
    rows = session.execute(
        select(Page.url, Page.reason)
        .join(Appearance, (Appearance.source == run.source) & (Appearance.key == Page.key))
        .where(Page.run_id == run.id, Page.disposition == "rejected", ~again)
        .order_by(Page.id)
    )
    return [(url, why or "") for url, why in rows]


def refused_once(session: Session, run: Run, since: dt.datetime) -> list[Lost]:
    """The pages that a backfill could not read, that may be read on another day, and that it has met for the first
    time: what refuses again on another day is a habit of the site.

    Args:
        session: to read in.
        run: the backfill.
        since: when its day begins.
    """
    earlier, before = aliased(Page), aliased(Run)
    again = (
        exists()
        .where(earlier.key == Page.key, earlier.disposition == "rejected", earlier.run_id == before.id)
        .where(before.source == run.source, before.via.is_(None), before.started_at < since)
    )
    rows = session.execute(
        select(Page.key, Page.url, Page.reason)
        .where(Page.run_id == run.id, Page.disposition == "rejected", ~again)
        .where(~exists().where(Appearance.source == run.source, Appearance.key == Page.key))
        .where(~exists().where(Appearance.source == run.source, Appearance.url == Page.url))
        .order_by(Page.id)
    )
    found = [Lost(Found(key, url), run.until, run.until, ("rejected", why or "")) for key, url, why in rows]
    return [each for each in found if not each.told[1].startswith(HOPELESS)]


def _unread(session: Session, source: str, today: dt.date) -> list[Lost]:
    begin = today - dt.timedelta(coverage.CARRIED)
    rows = session.execute(
        select(Page.key, Page.url, Page.disposition, Page.reason, Run.until)
        .join(Run, Page.run_id == Run.id)
        .where(Run.source == source, ledger.OWN_NIGHT, Run.until.between(begin, today))
        .where(Page.disposition.in_((*coverage.LOST, "gone")))
        .where(~exists().where(Appearance.source == source, Appearance.key == Page.key))
        .where(~exists().where(Appearance.source == source, Appearance.url == Page.url))
        .order_by(Page.id)
    )
    found: dict[str, Lost] = {}
    for key, url, disposition, reason, day in rows:
        first = found[key].first if key in found else day
        found[key] = Lost(Found(key, url), first, day, (disposition, reason or ""))
    return [each for each in found.values() if each.told[0] != "gone"]


def due_again(session: Session, source: str, today: dt.date) -> list[Found]:
    """Those of the lost pages that are to be asked for today, those first that were not for longest.

    As known ones are, daily in the first week after they were found and weekly later. So a page whose text comes
    late is not lost, nor one whose site was down for as long as it was listed.

    Args:
        session: to read in.
        source: its id.
        today: the next night's day.
    """
    due = [
        each
        for each in lost(session, source, today)
        if each.last < today and ((today - each.first).days < EVERY_RUN or (today - each.last).days >= 7)
    ]
    return [each.found for each in sorted(due, key=lambda each: each.last)[:MOST_LOST]]


def answers(session: Session, run_ids: Iterable[int]) -> dict[str, Told]:
    """What became of the pages of some runs, by the ledger's names of them, as far as it stands for the whole day.

    What was blocked, failed or was never answered is not among them: it may do better now.
    """
    rows = session.execute(
        select(Page.key, Page.disposition, Page.reason)
        .where(Page.run_id.in_(list(run_ids)))
        .where(Page.disposition.in_(("new", "revised", "unchanged", "duplicate", "rejected", "gone")))
        .order_by(Page.id)
    )
    return {key: _again(cast(Disposition, disposition), reason) for key, disposition, reason in rows}


def _again(disposition: Disposition, reason: str | None) -> Told:
    """What a page comes to that is not asked for again."""
    if disposition in ("rejected", "gone"):
        return disposition, reason or ""
    asked = "asked for on the same day already"
    return "unchanged", reason or asked if disposition == "unchanged" else asked


def backfills(session: Session, source: str, since: dt.date, until: dt.date) -> list[Run]:
    """The source's backfills of its own site that touch some days, the newest first."""
    return list(
        session.scalars(
            select(Run)
            .where(Run.source == source, Run.kind == "backfill", Run.via.is_(None))
            .where(Run.since <= until, Run.until >= since)
            .order_by(Run.id.desc())
        )
    )


def bookmarks(session: Session, source: str, until: dt.date) -> dict[str, Any]:
    """For each listing of the source the bookmark nearest before the pages that list a day, by its address."""
    rows = session.scalars(
        select(Run.bookmarks)
        .where(Run.source == source, Run.since > until, Run.bookmarks.is_not(None), Run.via.is_(None))
        .order_by(Run.since, Run.id.desc())
        .limit(20)
    )
    found: dict[str, Any] = {}
    for each in rows:
        found = (each or {}) | found
    return found
