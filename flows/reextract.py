"""The re-extraction flow: the archive read again by the extractor of now, shard by shard, without a request."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from prefect import flow, task, unmapped
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows import plan, proposal, reextraction, report, tasks
from flows.form import SourceId
from flows.reextract_shard import Pass, Seen, add_pages, work
from flows.reextraction import NotSeenError, Steps
from flows.settings import Settings, SettingsError, load_settings
from storage.reextraction import Shard


def runner(settings: Settings) -> TaskRunner[Any]:
    """What runs the shards: a Dask cluster where one is named, else this process.

    Here it is one shard at a time, for each is read in all cores.

    Raises:
        SettingsError: a cluster is named, but prefect-dask is not installed.
    """
    if settings.dask is None:
        return ThreadPoolTaskRunner(max_workers=1)
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as problem:
        raise SettingsError(
            "setting dask: prefect-dask is not installed; install podium[cluster], or unset PODIUM_DASK"
        ) from problem
    cluster: TaskRunner[Any] = DaskTaskRunner(address=settings.dask)
    return cluster


@task(task_run_name="{aim.what} {shard.first}", cache_policy=NO_CACHE, persist_result=False)
def shard_task(settings: Settings, aim: Pass, shard: Shard) -> Seen:
    """One pass over one shard."""
    return work(settings, aim, shard)


@task(task_run_name="load {source}", cache_policy=NO_CACHE, persist_result=False)
def add_task(settings: Settings, number: int, source: str, run_id: int) -> list[int]:
    """Load the pages that can be read now."""
    return add_pages(settings, number, source, run_id)


def _shards(settings: Settings, aim: Pass, shards: Iterable[Shard]) -> Iterator[Seen]:
    futures = shard_task.map(unmapped(settings), unmapped(aim), list(shards))
    return (future.result() for future in futures)


TASKS = Steps(each=_shards, add=add_task, compare=tasks.TASKS.compare)


def _name() -> str:
    return f"reextract-{dt.datetime.now(dt.UTC):%Y-%m-%d}"


@flow(
    name="reextract",
    flow_run_name=_name,
    persist_result=False,
    task_runner=runner(load_settings()),
)
def reextract(
    sources: list[SourceId] = [],  # noqa: B006 - a form's empty choice; nothing changes it
    since: dt.date | None = None,
    until: dt.date | None = None,
    dry_run: bool = True,
    accept: str | None = None,
) -> State[Any]:
    """Read every archived page again with the extractor of now. No site is asked.

    Args:
        sources: The institutions whose pages are read. All of them if none is chosen.
        since: First day of publication. The first of all if empty.
        until: Last day of publication. Today if empty.
        dry_run: Show what would change and write none of it.
        accept: The digest that a dry run's report gave, to write what it has shown.
    """
    settings, logger = load_settings(), get_run_logger()
    try:
        selection = reextraction.selection_of(settings, sources, since, until)
    except plan.MISTAKES as mistake:
        return Failed(message=str(mistake))
    if dry_run:
        proposed = reextraction.propose(settings, selection, TASKS)
        create_markdown_artifact(
            proposal.markdown(settings, proposed),
            key="reextract-proposal",
            description="what would change, by source and kind",
        )
        count = proposed.seen.total("changed")
        told = f"{count} changes: accept {proposed.digest}" if proposed.digest else "nothing would change"
        return Completed(message=told)
    try:
        written = reextraction.write(settings, selection, accept, TASKS)
    except NotSeenError as refusal:
        return Failed(message=str(refusal))
    for line in report.lines(written.reports):
        logger.info("%s", line)
    create_markdown_artifact(
        report.markdown("reextract", written.reports),
        key="reextract-report",
        description="what was written, source by source",
    )
    return tasks.final_state(written.reports) if written.reports else Completed(message="nothing to change")
