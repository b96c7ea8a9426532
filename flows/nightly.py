"""The nightly flow: what every source published in the last days, and what was late or back-dated."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows import plan
from flows.settings import load_settings
from flows.tasks import collect_in_flow


def _name() -> str:
    return f"nightly-{dt.datetime.now(dt.UTC):%Y-%m-%d}"


@flow(name="nightly", flow_run_name=_name, validate_parameters=True, persist_result=False)
def nightly(sources: list[str] | None = None, replay: Path | None = None) -> State[Any]:
    """Collect tonight's window of each source.

    Args:
        sources: ids of sources; none for all.
        replay: a WARC file on the worker's machine that answers instead of the network.
    """
    settings = load_settings()
    return collect_in_flow(plan.night(settings, sources or (), replay), settings, "nightly")
