"""`podium demo`: a ministry's site on this machine, collected twice by the nightly flow, and one transcript."""

from __future__ import annotations

import datetime as dt
import os
import shlex
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from sqlalchemy import select

from flows import environment
from flows.demo_site import Ministry
from flows.settings import Settings
from flows.terminal import DONE, FAILED
from storage import ledger, lookup, models
from storage.database import Database
from storage.transcript import render

SOURCE = "demo"


class DemoError(Exception):
    """The demo can't be set up; one line."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder with everything that a collection of the demo site needs."""

    folder: Path
    settings: Settings


def stage(folder: Path | None, site: Ministry) -> Stage:
    """Write the site's source file into a folder, and settings that keep everything there.

    Args:
        folder: empty or not there yet; None for a new one among the temporary files.
        site: already serving.

    Raises:
        DemoError: the folder holds something, or can't be written.
    """
    try:
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="podium-demo-"))
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DemoError(f"{folder}: not empty; the demo starts afresh, name another folder")
        sources = folder / "sources"
        sources.mkdir()
        (sources / f"{SOURCE}.toml").write_text(site.source_toml(), encoding="utf-8")
    except OSError as problem:
        raise DemoError(f"{folder}: {problem.strerror}") from problem
    return Stage(
        folder,
        Settings(
            database_url=f"sqlite:///{(folder / 'podium.db').absolute()}",
            archive=(folder / "archive").absolute(),
            sources=sources.absolute(),
            collect=(SOURCE,),
        ),
    )


def demo(folder: Path | None = None) -> int:
    """Serve, collect, correct, collect again, show. Returns the exit status."""
    console = Console()
    with Ministry(dt.datetime.now(dt.UTC).date()) as site:
        place = stage(folder, site)
        console.print(f"[bold]1.[/] A ministry publishes its briefings at {site.base}/briefings/")
        environment.use_ephemeral(str(place.folder / "prefect"))
        os.environ.update(place.settings.environment())
        with console.status("Starting Prefect (about ten seconds the first time) ..."):
            from flows.nightly import nightly  # reads the variables when it is imported
        console.print("[bold]2.[/] The nightly flow collects it: crawl, archive as WARC, extract, load")
        with _watching(console, place.settings):
            first = nightly(return_state=True)
        _say(console, place.settings)
        site.correct()
        console.print("[bold]3.[/] The ministry corrects a figure; the next night keeps both texts")
        with _watching(console, place.settings):
            second = nightly(return_state=True)
        _say(console, place.settings)
    if not (first.name == second.name == "Completed"):
        console.print(f"[red]The demo failed:[/] {first.message}; {second.message}", highlight=False)
        return FAILED
    _show(console, place)
    return DONE


@contextmanager
def _watching(console: Console, settings: Settings) -> Iterator[None]:
    """A line that counts the pages of the newest run while it goes on."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.5):
            if (Path(settings.archive).parent / "podium.db").exists():
                status.update(f"Collecting: {_newest(settings)}")

    with console.status("Collecting ...") as status:
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def _newest(settings: Settings) -> str:
    """The tally of the newest run."""
    with Database(settings.database_url) as database, database.read() as session:
        runs = lookup.recent_runs(session, 1)
        return str(ledger.tally_of(session, runs[0].id)) if runs else "starting"


def _say(console: Console, settings: Settings) -> None:
    console.print(f"   pages: [green]{_newest(settings)}[/]", highlight=False)


def _show(console: Console, place: Stage) -> None:
    with Database(place.settings.database_url) as database, database.read() as session:
        # The one with the most turns has the most to show.
        wanted = select(models.Revision).where(
            models.Revision.kind == "transcript", models.Revision.number == 1
        )
        revision = max(session.scalars(wanted), key=lambda found: len(found.turns))
        text = render(lookup.transcript_of(revision))
        number, url, rows = revision.transcript_id, revision.capture.url, lookup.counts(session)
    console.print("[bold]4.[/] One of its transcripts, in the archive's text format:")
    console.print()
    console.out(text, highlight=False)
    console.print()
    summary = ", ".join(f"{count} {name}" for name, count in rows.items())
    console.out(f"From:     {url}", highlight=False)
    console.out(f"Archive:  {place.folder}: {summary}", highlight=False)
    console.out(f"Database: {place.folder / 'podium.db'}", highlight=False)
    console.print("\nNext:")
    here = f"--database {shlex.quote(place.settings.database_url)}"
    for command, why in (
        (f"show {number} {here}", "the transcript again, from the database"),
        (f"status {here}", "both runs; `status 2` lists what became of each page of the second"),
        ("source list", "the institutions that Podium knows"),
        ("up", "the schedule and its UI, on http://127.0.0.1:4200"),
    ):
        console.out(f"  .venv/bin/podium {command}\n      {why}", highlight=False)
