"""Which sources, which days: what a night and a backfill come to, before anything is fetched or written."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sqlalchemy import select

from crawler.browser import browser_for
from crawler.replay import Replay
from crawler.source import Source, SourceError
from crawler.source_files import read_sources, require_known
from flows.collect import Order, SourceReport, needs_browser
from flows.settings import Settings, SettingsError
from storage import earlier
from storage.address import LOCAL, host_of
from storage.database import Database
from storage.days import WindowError, check_window
from storage.ledger import Tally
from storage.models import Capture, Run
from storage.warc import ArchiveError

MISTAKES = (SourceError, SettingsError, WindowError, ArchiveError)
"""What is raised where what was asked for can't be planned; each says itself what is wrong."""


def night(settings: Settings, ids: Sequence[str] = (), replay: Path | None = None) -> list[Order]:
    """The orders of tonight: the last days of each source, back to what its nights owe where that is longer ago.

    Args:
        settings: the length of the window, the database, the contact.
        ids: sources; none for those that the settings name, or all.
        replay: a WARC file that answers instead of the network; its newest capture's day is today.

    Raises:
        SourceError, SettingsError, storage.warc.ArchiveError, storage.database.DatabaseError: see `choose`; or the
            archive's files are another database's.
    """
    tape = _tape(replay)
    sources = choose(settings, ids, tape, some=True)
    with Database(settings.database_url) as database:
        _require_own_files(database, settings)
        orders = []
        for source in sources:
            today = today_of(source, tape)
            since = today - dt.timedelta(settings.window_days)
            with database.read() as session:
                owed = earlier.owed(session, source.id, today)
            if owed is not None:
                since = min(since, owed.since)
            orders.append(Order("nightly", source, since, today, today, replay))
    return _with_browsers(orders, settings)


def backfill(
    settings: Settings,
    since: dt.date,
    until: dt.date,
    ids: Sequence[str] = (),
    replay: Path | None = None,
    via: Literal["wayback"] | None = None,
    *,
    again: bool = False,
    dry: bool = False,
) -> list[Order]:
    """The orders of a backfill over a range of days, both included: one a source, to be cut into windows.

    Args:
        settings: the database, the contact, the Wayback Machine's address.
        since: first day of the range.
        until: last day of the range.
        ids: sources; none for those that the settings name, or all.
        replay: a WARC file that answers instead of the network.
        via: who is asked instead of the sources' sites.
        again: known pages are asked for whole, whether they are due or not.
        dry: nothing will be asked, so neither a contact nor a browser nor a database is needed.

    Raises:
        WindowError: it ends before it begins, or begins after today.
        SourceError, SettingsError, storage.warc.ArchiveError, storage.database.DatabaseError: see `choose`.
    """
    check_window(since, until)
    if via and not dry and host_of(settings.wayback) not in LOCAL:
        require_contact(settings)
    tape = _tape(replay)
    orders = []
    for source in choose(settings, ids, tape, dry=dry):
        today = today_of(source, tape)
        if since > today:
            raise WindowError(f"the window begins on {since}, after today ({today})")
        wayback = settings.wayback if via else None
        last = min(until, today)
        orders.append(Order("backfill", source, since, last, today, replay, wayback, again))
    if dry:
        return orders
    with Database(settings.database_url) as database:
        _require_own_files(database, settings)
    return _with_browsers(orders, settings)


def _require_own_files(database: Database, settings: Settings) -> None:
    """See that the archive's files are those of the database: either without the other is a wrong address.

    Raises:
        SettingsError: it knows of no run, and there are files; or of captures, and there is none.
    """
    with database.read() as session:
        runs, captures = (session.scalar(select(kind.id).limit(1)) is not None for kind in (Run, Capture))
    walk = os.walk(settings.archive, followlinks=True)  # a folder may be a link to another disk
    files = any(name.endswith(".warc.gz") for _, _, names in walk for name in names)
    if captures and not files and settings.store is None:
        raise SettingsError(
            f"{settings.archive}: holds no WARC file, and the database knows of captures; is its disk mounted?"
        )
    if files and not runs:
        raise SettingsError(
            f"{settings.archive}: holds WARC files, and the database knows none of them; is database_url right? "
            "`podium ingest` takes them into a new one"
        )


def left_out(settings: Settings, ids: Sequence[str], replay: Path | None) -> list[SourceReport]:
    """The reports of sources that such a night leaves out, since their files can't be used: each has failed."""
    if ids or replay:
        return []
    today = dt.datetime.now(dt.UTC).date()
    _, unusable = read_sources(settings.sources)
    return [
        SourceReport(name, 0, today, today, "failed", Tally(), (str(problem),), listings=None)
        for name, problem in unusable.items()
        if not settings.collect or name in settings.collect
    ]


def choose(
    settings: Settings,
    ids: Sequence[str],
    tape: Replay | None = None,
    *,
    dry: bool = False,
    some: bool = False,
) -> list[Source]:
    """The sources of those ids, or all that the settings let a crawl visit; a draft has to be named.

    Args:
        settings: names the folder of further sources, and the contact.
        ids: none for those that the settings name; a replay then takes those whose hosts it holds.
        tape: the replay, if any: no request leaves, so no contact is needed.
        dry: nor does one in a dry run.
        some: those that nobody named and whose files can't be used are left out, see `left_out`.

    Raises:
        SourceError: an id is unknown, or a source file is unusable.
        SettingsError: the live web would be crawled without a contact.
    """
    known, unusable = read_sources(settings.sources)
    named = list(dict.fromkeys(ids or (settings.collect if tape is None else ())))
    wrong = [name for name in named or unusable if name in unusable]
    if wrong and (ids or not some):
        raise unusable[wrong[0]]
    require_known(set(named) - set(wrong), known)
    reviewed = [source for source in known.values() if not source.draft]
    chosen = [known[name] for name in named if name not in wrong] if named else reviewed
    if tape is not None:
        if not ids:
            chosen = [source for source in chosen if tape.holds(source.hosts)]
        if not chosen:
            raise SourceError(f"{tape.path}: no source has its hosts; name one with --source")
    elif not dry and not all(source.loopback for source in chosen):
        require_contact(settings)
    return chosen


def _with_browsers(orders: list[Order], settings: Settings) -> list[Order]:
    """The orders, whose browsers are there.

    Raises:
        SourceError: one is missing.
    """
    for order in orders:
        if needs_browser(order):
            browser_for(order.source, settings.chromium)
    return orders


def require_contact(settings: Settings) -> None:
    """Nobody's site is asked for anything without an address to complain to.

    Raises:
        SettingsError: there is none.
    """
    if not settings.contact:
        raise SettingsError(
            "no contact: set PODIUM_CONTACT to an e-mail address or URL that a site's owner can complain to"
        )


def today_of(source: Source, tape: Replay | None = None) -> dt.date:
    """Today in the source's time zone; in a replay the day of its newest capture."""
    moment = tape.last if tape is not None else None
    return source.day_of(moment or dt.datetime.now(dt.UTC))


def today_in(order: Order) -> dt.date:
    """Today where an order's source is; for a replay the day that it was given."""
    return order.today if order.replay else today_of(order.source)


def _tape(path: Path | None) -> Replay | None:
    if path is None:
        return None
    tape = Replay(path)
    if not len(tape):
        raise ArchiveError(f"{path}: holds no response")
    return tape
