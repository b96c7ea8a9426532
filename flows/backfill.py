"""The backfill flow: everything that sources published in a range of days, window by window."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Literal, cast
from uuid import UUID

from prefect import flow
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows import plan, windows
from flows.collect import One, Order, SourceReport, collect_all
from flows.form import SourceId
from flows.settings import load_settings
from flows.tasks import collect_in_flow
from storage.database import existing


def _name() -> str:
    asked = flow_run.parameters
    until = asked["until"] or dt.datetime.now(dt.UTC)
    return f"backfill-{asked['since']:%Y-%m-%d}-{until:%Y-%m-%d}"


@flow(name="backfill", flow_run_name=_name, persist_result=False)
def backfill(
    since: dt.date,
    until: dt.date | None = None,
    sources: list[SourceId] = [],  # noqa: B006 - a form's empty choice; nothing changes it
    split: windows.Split = "month",
    dry_run: bool = False,
    again: bool = False,
    via: Literal["site", "wayback"] = "site",
    replay: Path | None = None,
) -> State[Any]:
    """Collect what sources published in a range of days, in windows that are walked newest first. A window that
    is done is not walked again, so a backfill that was stopped goes on when it is run again with the same dates.

    Args:
        since: First day to collect.
        until: Last day to collect. Today if empty.
        sources: The institutions to collect. All of them if none is chosen.
        split: How the range is cut. A window is done or not as a whole, and one that is not is walked again.
        dry_run: Only list the windows, done and open, as an artifact. Nobody is asked for anything.
        again: Walk windows that are done too, and ask for every page of them again, changed or not.
        via: Whom to ask: the sites themselves, or the Wayback Machine for its captures, where a site is gone.
        replay: A WARC file on the worker's machine that answers instead of the network. Empty for the network.
    """
    settings = load_settings()
    last = until or dt.datetime.now(dt.UTC).date()
    other = via if via == "wayback" else None
    try:
        orders = plan.backfill(settings, since, last, sources, replay, other, again=again, dry=dry_run)
    except plan.MISTAKES as mistake:
        return Failed(message=str(mistake))
    with existing(settings.database_url) as database:
        planned = windows.planned(database, orders, split)
    work = windows.Backfill(planned, today=plan.today_in)
    if dry_run:
        create_markdown_artifact(
            windows.markdown(work), key="backfill-plan", description="what a backfill would walk"
        )
        return Completed(message=f"a dry run: {windows.summary(work)}")
    work.moved = _progress(work)

    def gather(orders: Sequence[Order], one: One) -> list[SourceReport]:
        reports = work.by_source(collect_all(orders, work.walking(one)))
        create_markdown_artifact(
            windows.markdown(work), key="backfill-windows", description=windows.summary(work)
        )
        return reports

    return collect_in_flow(
        work.orders, settings, "backfill", lambda order: windows.Window(order, done=False).name, gather
    )


def _progress(work: windows.Backfill) -> windows.Moved:
    """Moves a bar in the UI after each window."""
    lock = Lock()
    ended = sum(window.done for window in work.windows)

    def percent() -> float:
        return round(100 * ended / len(work.windows), 1)

    # Prefect's types don't tell that a sync flow is given the id itself.
    bar = cast(
        UUID,
        create_progress_artifact(percent(), key="backfill-progress", description=windows.summary(work)),
    )

    def moved(window: windows.Window, found: SourceReport) -> None:
        nonlocal ended
        with lock:
            ended += 1
            told = f"{windows.summary(work)}; last: {window.name}: {found.state}"
            update_progress_artifact(bar, percent(), told)

    return moved
