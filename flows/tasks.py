"""The steps of a collection as Prefect tasks, and one source's collection as a flow run of its own."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any, ParamSpec, TypeVar

from prefect import flow, tags, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext, TagsContext
from prefect.exceptions import FailedRun
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows import collect as collecting
from flows import environment, report
from flows.collect import One, Order, SourceReport
from flows.settings import Settings
from flows.steps import Steps, compare, crawl, extract_batch, load_batch
from flows.terminal import DEGRADED, DONE
from storage.transcript import clean

log = logging.getLogger("podium")

RETRIES = 2
"""Times that a source's collection begins again after it failed: its site or the database may be back by then."""

RETRY_SECONDS = 60
"""Between two of them."""

P = ParamSpec("P")
R = TypeVar("R")


def _task(step: Callable[P, R], run_name: str) -> Callable[P, R]:
    # None is cached: databases and process pools can't be hashed, and none may be skipped as it ran before.
    return task(task_run_name=run_name, cache_policy=NO_CACHE, persist_result=False)(step)


TASKS = Steps(
    crawl=_task(crawl, "crawl {job.source.id}"),
    extract=_task(extract_batch, "extract {source.id}"),
    load=_task(load_batch, "load {source.id}"),
    compare=_task(compare, "compare {source}"),
)


def _plainly(record: logging.LogRecord) -> bool:
    """Has a run's log say why it failed, where Prefect's worker has a traceback of its own engine instead."""
    problem = record.exc_info[1] if record.exc_info else None
    if isinstance(problem, FailedRun):
        record.msg, record.args, record.exc_info = str(problem), (), None
    return True


logging.getLogger("prefect.flow_runs").addFilter(_plainly)


class BrokeOff(Exception):  # noqa: N818 - what happened, as a run's log shows it
    """A collection failed, and is worth another attempt."""


def collect_in_run(order: Order, settings: Settings, stop: Event, name: str) -> SourceReport:
    """Collect one order in a flow run of its own, below the running flow's; it ends as its source did.

    A collection that failed begins again, at most `RETRIES` times. To be called in a thread of its own: the run is
    async, which has no use here but that a sync run waits a second for its heartbeat's thread.

    Args:
        order: what to collect.
        settings: where things are kept; they may hold a password, so they are no parameter of the run.
        stop: set from elsewhere to end it soon; the run is then cancelled.
        name: the run's name, such as `kremlin 2026-11-23` or `kremlin 2018-01`.

    Returns:
        What was found, of the last attempt. It doesn't raise what a collection raises.
    """
    found: list[SourceReport] = []

    @flow(
        name="collect",
        flow_run_name=name,
        retries=RETRIES,
        retry_delay_seconds=RETRY_SECONDS,
        persist_result=False,
        validate_parameters=False,
    )
    async def collect(source: str, since: dt.date, until: dt.date) -> State[Any]:  # noqa: ARG001 - the UI shows them
        found.clear()
        try:
            # The tags are the run's alone: for each task that has some the server is asked for their limits.
            with TagsContext(current_tags=set()):
                found.append(collecting.collect(order, settings, steps=TASKS, stop=stop))
        except collecting.Cancelled as asked:
            return Cancelled(message=str(asked))
        (result,) = found
        for line in report.lines(found):
            log.info("%s", line)
        if result.state == "failed" and _attempts_left():
            raise BrokeOff("; ".join(result.reasons))
        return state_of(result)

    async def run() -> State[Any]:
        with tags("podium", order.kind, order.source.id):
            running = asyncio.ensure_future(
                collect(order.source.id, order.since, order.until, return_state=True)
            )
        # Only between two attempts does it wait; a collection itself watches the event.
        while not running.done():
            await asyncio.wait({running}, timeout=0.5)
            if stop.is_set():
                running.cancel()
        return await running

    if stop.is_set():
        raise collecting.Cancelled("told to stop")
    state = asyncio.run(run())
    return found[0] if found else SourceReport.failed(order, str(state.message or state.name))


def _attempts_left() -> bool:
    context = FlowRunContext.get()
    return context is not None and context.flow_run is not None and context.flow_run.run_count <= RETRIES


def collect_in_flow(
    orders: Sequence[Order],
    settings: Settings,
    name: str,
    run_name: Callable[[Order], str],
    gather: Callable[[Sequence[Order], One], list[SourceReport]],
) -> State[Any]:
    """Collect every order in a run of its own, publish the report, and say how the running flow ends.

    Args:
        orders: one a source and window.
        settings: where things are kept.
        name: of the report's artifact: lower case, digits and dashes.
        run_name: the name of an order's run.
        gather: collects all orders with what it is given for one of them; the reports to publish.
    """
    logger = get_run_logger()
    # Prefect gives its extra loggers handlers and no level, and without one a crawl's lines are left out.
    log.setLevel(logger.getEffectiveLevel())

    def one(order: Order, stop: Event) -> SourceReport:
        found = collect_in_run(order, settings, stop, run_name(order))
        logger.info("%s", report.line(found))
        return found

    reports = gather(orders, one)
    create_markdown_artifact(report.markdown(str(flow_run.name), reports), key=f"{name}-report")
    return final_state(reports)


def state_of(result: SourceReport) -> State[Any]:
    """How a source's run ends: Completed, Completed under the name Degraded, or Failed, with the reasons."""
    if result.state == "completed":
        return Completed(message=f"pages: {result.tally}")
    told = clean("; ".join(result.reasons))
    return (
        Completed(name=environment.DEGRADED, message=told)
        if result.state == "degraded"
        else Failed(message=told)
    )


def final_state(reports: Sequence[SourceReport]) -> State[Any]:
    """How a run over several sources ends: as its worst source, with the sources that made it so and why."""
    bad = [
        f"{result.source}: {'; '.join(result.reasons[:2])}"
        for result in report.worst_first(reports)
        if result.reasons
    ]
    status = report.exit_status(reports)
    if status == DONE:
        return Completed(message="every source is complete")
    told = clean("; ".join(bad))
    if status == DEGRADED:
        return Completed(name=environment.DEGRADED, message=told)
    return Failed(message=told)
