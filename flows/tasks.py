"""The steps of a collection as Prefect tasks, and one source's collection as a flow run of its own."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from crawler.job import CrawlJob, CrawlReport
from crawler.source import Source
from flows import report
from flows.collect import One, Order, SourceReport, collect, collect_all
from flows.settings import Settings
from flows.steps import Item, Outcome, Steps, compare, crawl, extract_batch, load_batch
from storage.database import Database

# No step is cached: databases and process pools can't be hashed, and none may be skipped because it ran before.


@task(task_run_name="crawl {job.source.id}", cache_policy=NO_CACHE, persist_result=False)
def crawl_task(job: CrawlJob, watch: Callable[[], None]) -> CrawlReport:
    """Discover and fetch."""
    return crawl(job, watch)


@task(task_run_name="extract {source.id}", cache_policy=NO_CACHE, persist_result=False)
def extract_task(
    items: Sequence[Item], archive: Path, source: Source, pool: ProcessPoolExecutor | None
) -> list[Outcome]:
    """Read a batch of archived pages."""
    return extract_batch(items, archive, source, pool)


@task(task_run_name="load {source.id}", cache_policy=NO_CACHE, persist_result=False)
def load_task(
    database: Database,
    run_id: int,
    source: Source,
    outcomes: Sequence[Outcome],
    archive: Path,
    visited_on: dt.date | None,
) -> list[int]:
    """Load a batch of transcripts."""
    return load_batch(database, run_id, source, outcomes, archive, visited_on)


@task(task_run_name="compare {source}", cache_policy=NO_CACHE, persist_result=False)
def compare_task(database: Database, source: str) -> Counter[str]:
    """Link what is nearly the same."""
    return compare(database, source)


TASKS = Steps(crawl=crawl_task, extract=extract_task, load=load_task, compare=compare_task)


def collect_in_flow(
    orders: Sequence[Order],
    settings: Settings,
    name: str,
    gather: Callable[[Sequence[Order], One], list[SourceReport]] = collect_all,
) -> State[Any]:
    """Collect every order within the running flow, publish the report, and say how the flow ends.

    Args:
        orders: one a source and window.
        settings: where things are kept.
        name: of the report and of its artifact: lower case, digits and dashes.
        gather: collects all orders with what it is given for one of them; the reports to publish.
    """
    logger = get_run_logger()

    def one(order: Order, stop: Event) -> SourceReport:
        return collect(order, settings, steps=TASKS, stop=stop)

    reports = gather(orders, one)
    for line in report.lines(reports):
        logger.info("%s", line)
    create_markdown_artifact(
        report.markdown(name, reports),
        key=f"{name}-report",
        description="what the run found, source by source",
    )
    return final_state(reports)


def final_state(reports: Sequence[SourceReport]) -> State[Any]:
    """Completed, Completed under the name Degraded, or Failed, with the sources that made it so."""
    status = report.exit_status(reports)
    bad = "; ".join(f"{r.source}: {r.reasons[0]}" for r in reports if r.reasons)
    if status == 0:
        return Completed(message="every source is complete")
    return Completed(name="Degraded", message=bad) if status == 1 else Failed(message=bad)
