"""`podium nightly` and `podium backfill`: collecting, by this process or as a run of a Prefect server."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flows.terminal import (
    DEGRADED,
    DONE,
    FAILED,
    DatabaseUrl,
    Mistake,
    ReplayFile,
    Sources,
    plain,
    reachable,
    settings_from,
    table,
    waiting,
)

if TYPE_CHECKING:
    from threading import Event

    from flows.collect import Order, SourceReport
    from flows.settings import Settings
    from flows.windows import Backfill, Window

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show the log.")]


def nightly(
    source: Sources = None, replay: ReplayFile = None, database: DatabaseUrl = None, verbose: Verbose = False
) -> None:
    """Collect the last days of every source: what the schedule runs.

    With PREFECT_API_URL set the run shows in that server's UI.
    """
    _logs(verbose)
    settings = settings_from(database)
    from flows import plan

    orders = plan.night(settings, source or (), replay)
    if os.environ.get("PREFECT_API_URL"):
        _in_prefect(settings, "nightly", {"sources": source or [], "replay": _absolute(replay)})
    left_out = plan.left_out(settings, source or (), replay)
    _finish([*_collect(orders, settings), *left_out])


def backfill(
    since: Annotated[str, typer.Option(metavar="DATE", help="First day, such as 2020-05-10.")],
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Last day; today if not given.")] = None,
    source: Sources = None,
    split: Annotated[
        Literal["week", "month", "year"], typer.Option("--split", help="How long a window is.")
    ] = "month",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the windows, done and open, and ask nobody for anything.")
    ] = False,
    replay: ReplayFile = None,
    via: Annotated[
        Literal["wayback"] | None,
        typer.Option("--via", help="Ask the Wayback Machine for captures instead of the sites themselves."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Walk windows that are done too, and ask for every page again.")
    ] = False,
    database: DatabaseUrl = None,
    verbose: Verbose = False,
) -> None:
    """Collect a range of days, both ends included, window by window and the newest first.

    A window that is done is not walked again, so after an interruption the same command goes on where it
    stopped. With PREFECT_API_URL set the run shows in that server's UI.
    """
    from storage.days import day_of

    _logs(verbose)
    first, last = day_of(since), dt.datetime.now(dt.UTC).date() if until is None else day_of(until)
    if via and replay:
        raise Mistake("--via and --replay are two ways to answer; name one")
    settings = settings_from(database)
    from flows import plan, windows
    from storage.database import existing

    orders = plan.backfill(settings, first, last, source or (), replay, via, again=again, dry=dry_run)
    if not dry_run and os.environ.get("PREFECT_API_URL"):
        asked = {"since": first, "until": last, "sources": source or [], "replay": _absolute(replay)}
        _in_prefect(settings, "backfill", asked | {"via": via or "site", "again": again, "split": split})
    with existing(settings.database_url) as archive:
        planned = windows.planned(archive, orders, split)
    work = windows.Backfill(planned, today=plan.today_in, moved=_say)
    if dry_run:
        table(("source", "window", "state", "last"), windows.rows(work))
        typer.echo(windows.summary(work))
        raise typer.Exit(DONE)
    _finish(work.by_source(_collect(work.orders, settings, work)))


# --- behind the commands -------------------------------------------------------------------------


def _say(window: Window, found: SourceReport) -> None:
    """A line a window, as it ends."""
    typer.echo(f"{window.name}: {found.state}: {found.tally}")


def _collect(orders: Sequence[Order], settings: Settings, work: Backfill | None = None) -> list[SourceReport]:
    """Collect without Prefect, with a line of progress where a person watches."""
    from flows.collect import collect, collect_all
    from storage.ledger import Tally

    now: dict[str, str] = {}
    with waiting("Collecting ...") as say:

        def progress(source: str, step: str, tally: Tally | None) -> None:
            now[source] = f"{source}: {step}: {tally}" if tally else f"{source}: {step}"
            done = "{} of {} windows done | ".format(*work.counts) if work else ""
            say(done + " | ".join(now.values()))

        def one(order: Order, stop: Event) -> SourceReport:
            return collect(order, settings, progress=progress, stop=stop)

        return collect_all(orders, work.walking(one) if work else one)


def _finish(reports: Sequence[SourceReport]) -> None:
    from flows import report

    for text in report.lines(reports):
        typer.echo(text)
    raise typer.Exit(report.exit_status(reports))


def _in_prefect(settings: Settings, name: str, asked: dict[str, Any]) -> None:
    """Run a flow on the configured Prefect server, and exit as it ends."""
    from flows import environment

    os.environ.update({key: value for key, value in environment.PREFECT.items() if key not in os.environ})
    os.environ.update(settings.environment())
    os.environ["PREFECT_API_URL"] = os.environ["PREFECT_API_URL"].rstrip("/")
    reachable(os.environ["PREFECT_API_URL"])
    from importlib import import_module

    flow: Callable[..., Any] = getattr(import_module(f"flows.{name}"), name)
    state = flow(**asked, return_state=True)
    typer.echo(f"{name}: {state.name}: {plain(state.message or '')}")
    degraded = state.name == environment.DEGRADED
    raise typer.Exit(FAILED if not state.is_completed() else DEGRADED if degraded else DONE)


def _absolute(path: Path | None) -> Path | None:
    return path.absolute() if path else None


def _logs(verbose: bool) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.ERROR,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
