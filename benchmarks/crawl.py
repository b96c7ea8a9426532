"""What a crawl costs: Podium's, with archive and ledger, over a bare Scrapy spider that makes the same requests.

Run: ``python -m benchmarks.crawl [--documents N] [--known N] [--rounds N]``. First a large ministry's site,
served by a process of its own, is crawled as new, by the bare spider and by Podium in turn, each in a process of
its own. Then come nights with nothing new on an archive that knows all of the site and many older pages; there
the bare spider makes the requests that Podium's night made. Times are of whole processes, start-up included, CPU
seconds are theirs alone, and the median of the rounds counts. PostgreSQL is measured where its server programs
are.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from sqlalchemy import func, insert, select

from benchmarks.site import SOURCE
from crawler.job import CrawlJob
from crawler.page import VERSION
from flows import plan, steps
from flows.collect import collect
from flows.settings import Settings
from storage import ledger
from storage.database import Database
from storage.models import Appearance, Base, Capture, Page, Revision, Run, Transcript, Turn
from tests.conftest import postgres_server

BARE = "bare Scrapy (baseline)"

FIRST_ID = 1_000_000
"""Ids of what is written straight into the tables begin here: above what a database gives by itself."""

CHUNK = 10_000
"""Rows of a table that are written at once."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took: wall seconds, CPU seconds, and the most memory of one process, in MB.

    `caller` is the memory of the process that waited for it.
    """

    seconds: float
    cpu: float
    memory: float
    caller: float


def costs(act: Callable[..., object], *given: object) -> Cost:
    """What a call costs, made in a process that has made no other."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(_costs, act, given).result()


def _costs(act: Callable[..., object], given: Sequence[object]) -> Cost:
    def cpu() -> float:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in used)

    before, start = cpu(), time.perf_counter()
    act(*given)
    # Processes that read are its children's; it has to have ended for their work to count.
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    seconds, spent = time.perf_counter() - start, cpu() - before
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    return Cost(seconds, spent, *(peak / 1000 for peak in peaks))


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
    with closing(Database(settings.database_url)) as database, database.write() as session:
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
    with closing(Database(job.database_url)) as database, database.read() as session:
        count = session.scalar(
            select(func.count()).where(Page.run_id == job.run_id, Page.capture_id.is_not(None))
        )
        assert count == ledger.tally_of(session, job.run_id).discovered
        return count


def night(settings: Settings) -> None:
    """Podium's night: all of its steps."""
    (order,) = plan.night(settings, ["large"])
    report = collect(order, settings)
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
    (sources / "large.toml").write_text(SOURCE.format(base=address))
    url = database_url or f"sqlite:///{folder / 'podium.db'}"
    return Settings(database_url=url, archive=folder / "archive", sources=sources)


def know(database: Database, address: str, count: int) -> None:
    """Write pages down as if an earlier night had loaded them, older than any window of today."""
    moment = dt.datetime.now(dt.UTC) - dt.timedelta(30)
    run = {"id": FIRST_ID, "kind": "nightly", "source": "large", "state": "completed", "reasons": []}
    run |= {"since": moment.date(), "until": moment.date(), "started_at": moment, "finished_at": moment}
    with database.write() as session:
        session.execute(insert(Run), [run | {"process": "elsewhere:1"}])
        for start in range(FIRST_ID, FIRST_ID + count, CHUNK):
            rows: dict[type[Base], list[dict[str, Any]]] = {}
            for number in range(start, min(start + CHUNK, FIRST_ID + count)):
                for table, row in _known(number, f"{address}/briefings/{number}", moment):
                    rows.setdefault(table, []).append(row)
            for table, chunk in rows.items():
                session.execute(insert(table), chunk)


def _known(number: int, url: str, moment: dt.datetime) -> Iterator[tuple[type[Base], dict[str, Any]]]:
    key, digest, page = str(number), f"sha256:{number:052}", {"source": "large", "url": url}
    yield (
        Capture,
        page
        | {"id": number, "fetched_at": moment, "status": 200, "content_type": "text/html", "digest": digest}
        | {"size": 15_000, "warc": "large/older.warc.gz", "offset": number * 5_000, "length": 5_000},
    )
    yield (
        Transcript,
        {"id": number, "source": "large", "key": key, "first_digest": digest, "created_at": moment},
    )
    yield (
        Appearance,
        page | {"transcript_id": number, "key": key, "digest": digest, "first_seen": moment},
    )
    yield (
        Revision,
        {"id": number, "transcript_id": number, "number": 1, "capture_id": number, "extractor": VERSION}
        | {"loaded_at": moment, "digest": digest, "date": moment.date() - dt.timedelta(number % 5_000)}
        | {"title": f"Briefing {number}", "language": "en", "kind": "news", "left_out": [], "doubts": []}
        | {"compared_at": moment},
    )
    yield Turn, {"revision_id": number, "position": 0, "text": f"Text {number}. " * 200}
    yield (
        Page,
        {"run_id": FIRST_ID, "key": key, "url": url, "capture_id": number, "disposition": "new"}
        | {"revision_id": number},
    )


# --- the two measurements ------------------------------------------------------------------------


def crawls(
    address: str, documents: int, rounds: int, folder: Path, databases: dict[str, Callable[[str], str | None]]
) -> None:
    """A site that is new, by the bare spider and with every kind of database."""
    spent: dict[str, list[Cost]] = {name: [] for name in (BARE, *databases)}
    asked = set()
    for number in range(rounds):
        spent[BARE].append(costs(bare, address))
        asked.add(len(requests(address)))
        for name, new in databases.items():
            job = opened(place(folder / f"{number}-{name}", address, new(f"crawl{number}")))
            spent[name].append(costs(crawl, job))
            asked.add(len(requests(address)))
            assert captured(job) == documents
    assert len(asked) == 1, f"not the same requests: {asked}"
    show(f"{documents} documents, all new: {asked.pop()} requests", spent, documents)


def nights(address: str, rounds: int, folder: Path, known: int) -> None:
    """Nights with nothing new, and the bare spider with the same requests."""
    settings = place(folder / "known", address)
    night(settings)
    with closing(Database(settings.database_url)) as database:
        know(database, address, known)
    requests(address)
    spent: dict[str, list[Cost]] = {BARE: [], "podium, SQLite, all steps": []}
    asked, file = [], folder / "asked.json"
    for _ in range(rounds):
        spent["podium, SQLite, all steps"].append(costs(night, settings))
        asked = requests(address)
        file.write_text(json.dumps(asked))
        spent[BARE].append(costs(bare, address, file))
        again = requests(address)
        assert sorted(map(str, asked)) == sorted(map(str, again)), f"{len(asked)} requests, {len(again)}"
    conditional = sum(etag is not None for _, etag in asked)
    told = f"{len(asked)} requests, {conditional} of them conditional"
    show(f"A night with nothing new, {known} older pages known: {told}", spent, len(asked))


def show(title: str, spent: dict[str, list[Cost]], pages: int) -> None:
    """Print a table. A ratio is the median of the rounds' own; above 1, Podium is the faster."""
    print(f"\n{title}, {len(spent[BARE])} rounds")
    print(f"{'':28}{'seconds':>8}{'per s':>7}{'CPU s':>7}{'ratio':>7}{'min':>6}{'max':>6}{'CPU':>6}", end="")
    print(f"{'MB':>6}{'caller':>8}")
    for name, each in spent.items():
        seconds, cpu, memory, caller = (
            statistics.median(values)
            for values in zip(*((c.seconds, c.cpu, c.memory, c.caller) for c in each), strict=True)
        )
        ratios = [base.seconds / cost.seconds for base, cost in zip(spent[BARE], each, strict=True)]
        ratio = statistics.median(ratios)
        cpus = statistics.median(base.cpu / cost.cpu for base, cost in zip(spent[BARE], each, strict=True))
        print(
            f"{name:28}{seconds:>8.2f}{pages / seconds:>7.0f}{cpu:>7.2f}{ratio:>7.2f}{min(ratios):>6.2f}"
            f"{max(ratios):>6.2f}{cpus:>6.2f}{memory:>6.0f}{caller:>8.0f}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--documents", type=int, default=2_000, help="of the site")
    parser.add_argument(
        "--known", type=int, default=100_000, help="older pages of the archive; 0 for no nights"
    )
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print(f"{asked.documents} documents; Python {platform.python_version()}, {platform.machine()}")
    with ExitStack() as stack:
        address = stack.enter_context(serving(asked.documents))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="podium-bench-")))
        databases: dict[str, Callable[[str], str | None]] = {"podium, SQLite": lambda _: None}
        try:
            server = stack.enter_context(postgres_server())
            databases["podium, PostgreSQL"] = server.create
        except pytest.skip.Exception as problem:
            print(problem)
        crawls(address, asked.documents, asked.rounds, folder, databases)
        if asked.known:
            nights(address, asked.rounds, folder, asked.known)


if __name__ == "__main__":
    main()
