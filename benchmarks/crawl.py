"""What a crawl costs: Podium's, with archive and ledger, over a bare Scrapy spider that makes the same requests.

Run: ``python -m benchmarks.crawl [--documents N] [--known N] [--rounds N]``. First a large ministry's site,
served by a process of its own, is crawled as new, by the bare spider and by Podium in turn, each in a process of
its own. Then come nights with nothing new on an archive that knows all of the site and many older pages; there
the bare spider makes the requests that Podium's night made. Times are of whole processes, start-up included, CPU
seconds are theirs, on PostgreSQL its server's too, and the median of the rounds counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from sqlalchemy import func, select

from benchmarks.archive import fill
from benchmarks.cost import Cost, Servers, bench, costs, new_database, options, show
from benchmarks.site import source
from crawler.job import CrawlJob
from flows import plan, steps
from flows.collect import collect
from flows.settings import Settings
from storage import ledger
from storage.database import Database
from storage.models import Page

BARE = "bare Scrapy (baseline)"

FIRST_ID = 1_000_000
"""Documents written straight into the tables are numbered from here: above what a database gives by itself."""


# --- the two sides -------------------------------------------------------------------------------


def bare(address: str, asked: Path | None = None) -> None:
    """The bare spider's crawl: of all, or of the requests in a file."""
    words = [address] if asked is None else [address, str(asked)]
    command = [sys.executable, "-m", "benchmarks.bare", *words]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)  # noqa: S603 - our own module


def crawl(job: CrawlJob) -> None:
    """Podium's crawl into an archive and a ledger: the first step of a night, without the others."""
    report = steps.crawl(job)
    assert report.finished and not report.complaints and not report.gaps, report


def opened(settings: Settings) -> CrawlJob:
    """A new run of the ledger, and the crawl that it is for."""
    (order,) = plan.night(settings, ["large"])
    with Database(settings.database_url) as database, database.write() as session:
        run_id = ledger.open_run(session, "nightly", order.source.id, order.since, order.until).id
    return CrawlJob(
        source=order.source,
        since=order.since,
        until=order.until,
        today=order.today,
        run_id=run_id,
        database_url=settings.database_url,
        archive=settings.archive,
    )


def captured(job: CrawlJob) -> int:
    """How many of the run's pages have a capture; every one that was discovered has to."""
    with Database(job.database_url) as database, database.read() as session:
        count = session.scalar(
            select(func.count()).where(Page.run_id == job.run_id, Page.capture_id.is_not(None))
        )
        assert count == ledger.tally_of(session, job.run_id).discovered
        return count


def night(settings: Settings, by: steps.Steps = steps.PLAIN) -> None:
    """Podium's night: all of its steps."""
    (order,) = plan.night(settings, ["large"])
    report = collect(order, settings, steps=by)
    assert report.state == "completed", report


# --- the site and the archive --------------------------------------------------------------------


@contextmanager
def serving(documents: int) -> Iterator[str]:
    """The site in a process of its own; its address."""
    command = [sys.executable, "-m", "benchmarks.site", str(documents)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:  # noqa: S603 - our own module
        assert server.stdin is not None and server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()


def requests(address: str) -> list[tuple[str, str | None]]:
    """What the site was asked for since this was called last, robots.txt aside."""
    with urlopen(f"{address}/asked") as answer:  # noqa: S310 - our own
        told: list[tuple[str, str | None]] = json.load(answer)
    return [(path, etag) for path, etag in told if path != "/robots.txt"]


def place(folder: Path, address: str, database_url: str | None = None) -> Settings:
    """A new folder with the site's source file, and settings that keep everything there."""
    sources = folder / "sources"
    sources.mkdir(parents=True)
    (sources / "large.toml").write_text(source(address))
    url = database_url or f"sqlite:///{folder / 'podium.db'}"
    return Settings(database_url=url, archive=folder / "archive", sources=sources)


# --- the two measurements ------------------------------------------------------------------------


def crawls(address: str, documents: int, folder: Path, servers: Servers) -> dict[str, Cost]:
    """A site that is new, by the bare spider and with every kind of database."""
    requests(address)
    spent = {BARE: costs(bare, address)}
    asked = len(requests(address))
    for name, server in servers.items():
        job = opened(place(folder / name, address, new_database(folder, server)))
        spent[f"podium, {name}"] = costs(crawl, job, server=server)
        assert captured(job) == documents
        assert len(requests(address)) == asked, "not the same requests"
    return spent


def nights(address: str, rounds: int, folder: Path, known: int) -> None:
    """Nights with nothing new on an archive that knows many pages, and the bare spider with the same requests."""
    settings = place(folder / "known", address)
    night(settings)
    with Database(settings.database_url) as database:
        fill(database, range(FIRST_ID, FIRST_ID + known), "large")
    requests(address)
    asked, file, spent = [], folder / "asked.json", []
    for _ in range(rounds):
        ours = costs(night, settings)
        asked = requests(address)
        file.write_text(json.dumps(asked))
        spent.append({BARE: costs(bare, address, file), "podium, SQLite, all steps": ours})
        again = requests(address)
        assert sorted(map(str, asked)) == sorted(map(str, again)), f"{len(asked)} requests, {len(again)}"
    conditional = sum(etag is not None for _, etag in asked)
    told = f"{len(asked)} requests, {conditional} of them conditional"
    show(f"A night with nothing new, {known} older pages known: {told}", spent, BARE, len(asked))


def main() -> None:
    """Measure and print."""
    asked = options(__doc__, documents=2_000, known=100_000, rounds=5).parse_args()
    with bench() as (folder, servers), serving(asked.documents) as address:
        spent = [
            crawls(address, asked.documents, folder / str(number), servers) for number in range(asked.rounds)
        ]
        show(f"{asked.documents} documents, all new", spent, BARE, asked.documents)
        if asked.known:
            nights(address, asked.rounds, folder, asked.known)


if __name__ == "__main__":
    main()
