"""The backfill flow: everything that sources published in a window of days."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows import plan
from flows.settings import load_settings
from flows.tasks import collect_in_flow


def _name() -> str:
    asked = flow_run.parameters
    return f"backfill-{asked['since']:%Y-%m-%d}-{asked['until']:%Y-%m-%d}"


@flow(name="backfill", flow_run_name=_name, validate_parameters=True, persist_result=False)
def backfill(
    since: dt.date,
    until: dt.date,
    sources: list[str] | None = None,
    replay: Path | None = None,
    via: Literal["wayback"] | None = None,
    again: bool = False,
) -> State[Any]:
    """Collect a window of each source.

    Args:
        since: first day of the window.
        until: last day of the window.
        sources: ids of sources; none for all.
        replay: a WARC file on the worker's machine that answers instead of the network.
        via: who is asked instead of the sources' sites.
        again: known pages are asked for whole, whether they are due or not.
    """
    settings = load_settings()
    orders = plan.backfill(settings, since, until, sources or (), replay, via, again=again)
    return collect_in_flow(
        orders, settings, "backfill", lambda order: f"{order.source.id} {order.since} {order.until}"
    )
