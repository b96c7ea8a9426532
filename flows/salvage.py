"""What a run had fetched when it was killed or cancelled is read from the archive, not fetched again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

from crawler.source import Source
from flows.readers import Outcome, Readers
from flows.settings import Settings
from flows.steps import Intake, Steps, as_it_is
from storage import coverage, earlier, ledger, models
from storage.database import Database


def salvage(
    database: Database,
    source: Source,
    settings: Settings,
    steps: Steps,
    watch: Callable[[str], None],
) -> list[int]:
    """Read and load what the source's runs that ended too soon had archived, and end those that are dead.

    Two that do so at once load everything once.

    Args:
        database: whose ledger names the runs.
        source: whose runs.
        settings: where the archive is.
        steps: plain or as tasks of a flow.
        watch: told the step it is at.

    Returns:
        The ids of the revisions that are new.
    """
    with database.read() as session:
        runs = earlier.unread(session, source.id)
    added: list[int] = []
    for run in runs:
        # Captures of others are no visit, nor is what is read again of the archive.
        asked = run.via is None and run.kind in ("nightly", "backfill")
        with Readers() as readers:
            added += Intake(
                database,
                run.id,
                source,
                settings.warcs(),
                readers,
                visited_on=source.day_of(run.started_at) if asked else None,
                steps=steps,
                watch=watch,
                judge=dated_within(run.since, run.until) if run.via == "wayback" else as_it_is,
            ).take_all()
        with database.write() as session:
            left = session.get_one(models.Run, run.id)
            if left.state == "running":
                ledger.end_dead(left)
    return added


def bounds(day: dt.date, source: Source) -> tuple[dt.datetime, dt.datetime]:
    """When a day begins and ends in the source's time zone."""
    zone = ZoneInfo(source.timezone)
    first, last = (dt.datetime.combine(day + dt.timedelta(n), dt.time(), tzinfo=zone) for n in (0, 1))
    return first, last


def dated_within(since: dt.date, until: dt.date) -> Callable[[Outcome], Outcome]:
    """Refuses a page that is dated outside a window, which an index of captures can't tell before it is read."""

    def judge(outcome: Outcome) -> Outcome:
        day = outcome.transcript.date if outcome.transcript else None
        if day is None or since <= day <= until:
            return outcome
        return Outcome(outcome.item, reason=f"dated {day}, {coverage.OUTSIDE}")

    return judge
