"""The nightly flow: what every source published in the last days, and what was late or back-dated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from flows import plan
from flows.collect import One, Order, SourceReport, collect_all
from flows.form import SourceId
from flows.settings import Settings, load_settings
from flows.tasks import collect_in_flow
from storage import ledger
from storage.database import Database, DatabaseError

SKEW = dt.timedelta(hours=1)
"""How far apart the clocks of two machines may be."""


def _name() -> str:
    return f"nightly-{dt.datetime.now(dt.UTC):%Y-%m-%d}"


@flow(name="nightly", flow_run_name=_name, persist_result=False)
def nightly(
    sources: list[SourceId] = [],  # noqa: B006 - a form's empty choice; nothing changes it
    replay: Path | None = None,
) -> State[Any]:
    """Collect tonight's window of each source.

    A run of the schedule that comes late leaves out what another night has collected since it was due.

    Args:
        sources: The institutions to collect. All of them if none is chosen.
        replay: A WARC file on the worker's machine that answers instead of the network. Empty for the network.
    """
    settings = load_settings()
    orders = plan_task(settings, sources, replay)
    if isinstance(orders, State):
        return Failed(message=orders.message)
    left_out = plan.left_out(settings, sources, replay)
    due = _due()
    if due is not None:
        had = collected_since(settings, orders, due)
        if had:
            get_run_logger().info("collected since this run was due: %s", ", ".join(sorted(had)))
        orders = [order for order in orders if order.source.id not in had]
        if not (orders or left_out):
            return Completed(
                message=f"nothing to do: every source had a night since {due:%Y-%m-%d %H:%M} UTC"
            )

    def gather(orders: Sequence[Order], one: One) -> list[SourceReport]:
        return [*collect_all(orders, one), *left_out]

    return collect_in_flow(
        orders, settings, "nightly", lambda order: f"{order.source.id} {order.today}", gather
    )


def _away(_task: object, _run: object, state: State[Any]) -> bool:
    """Whether the plan failed for the database's sake: it may be back soon."""
    return isinstance(state.result(raise_on_failure=False), DatabaseError)


@task(
    name="plan",
    task_run_name="plan",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=[10, 60],
    retry_condition_fn=_away,
)
def plan_task(settings: Settings, sources: Sequence[str], replay: Path | None) -> list[Order] | State[Any]:
    """What is collected tonight; a failed state where what was asked for can't be planned."""
    try:
        return plan.night(settings, sources, replay)
    except plan.MISTAKES as mistake:
        return Failed(message=str(mistake))


def _due() -> dt.datetime | None:
    """When the schedule wanted this run; None for a run that somebody asked for."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return run.expected_start_time if run is not None and run.auto_scheduled else None


def collected_since(settings: Settings, orders: list[Order], moment: dt.datetime) -> set[str]:
    """The ids of the orders' sources of which a night has collected as much, not failed, and ended since a moment.

    One that seems yet to begin had a clock that was ahead, and says nothing of tonight.
    """
    now = dt.datetime.now(dt.UTC)
    with Database(settings.database_url) as database, database.read() as session:
        lasts = [(order, ledger.last_night(session, order.source.id)) for order in orders]
    return {
        order.source.id
        for order, last in lasts
        if last is not None and last.finished_at is not None
        if moment <= last.finished_at and last.until >= order.until and last.started_at <= now + SKEW
    }
