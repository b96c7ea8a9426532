"""What loading costs: Podium's, that decides and derives, over a bare executemany of the very rows it writes.

Run: ``python -m benchmarks.load [--documents N] [--rounds N]``. Pages of the benchmarks' large site are read
beforehand. Podium then loads them as a night does, a batch of 100 at a time: transcripts, revisions, turns, what
searches look in, appearances, the ledger; and compares them: fingerprints, candidates, links. The bare side writes
the rows that this came to, made beforehand, with SQLAlchemy Core, a transaction for 100 documents, into the same
schema. Both take turns, each in a process and a database of its own. CPU seconds are those of that process, and on
PostgreSQL those of the server's processes too; they tell more than seconds where the machine has other work.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import pickle
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from benchmarks.crawl import place
from benchmarks.site import document
from crawler.page import Page as Markup
from crawler.page import Refused, extract
from crawler.source import Source, load_sources
from flows.readers import Item, Outcome
from flows.steps import BATCH, compare, load_batch
from storage import ledger
from storage.archive import Archive
from storage.database import Database
from storage.ledger import Found
from storage.models import Appearance, Base, Capture, Fingerprint, Page, Revision, Searched, Transcript, Turn
from storage.warc import Location
from tests.conftest import Server, postgres_server

BASE = "http://127.0.0.1:1"
DAY = dt.date(2026, 3, 20)
BARE = "bare executemany (baseline)"
LOAD = "podium: load"
ALL = "podium: load and compare"
TABLES: tuple[type[Base], ...] = (Transcript, Revision, Turn, Searched, Appearance, Fingerprint, Page)


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall seconds and CPU seconds."""

    seconds: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Bench:
    """What both sides work with: files, so that each process begins alike.

    Args:
        folder: of the pages as they were read, of the bare side's rows, and of the SQLite files.
        sources: folder of the site's source file.
        server: of PostgreSQL; None for SQLite.
    """

    folder: Path
    sources: Path
    server: Server | None

    def new(self, name: str) -> str:
        """The address of an empty database."""
        return self.server.create(name) if self.server else f"sqlite:///{self.folder / name}.db"

    @property
    def rows(self) -> Path:
        """The rows that the pages come to on this kind of database."""
        return self.folder / f"rows-{'postgresql' if self.server else 'sqlite'}"


class Clock:
    """Measures a stretch of work: this process and, where there is one, the database's server."""

    def __init__(self, server: Server | None) -> None:
        self._server = server
        self._start = time.perf_counter()
        self._spent = self._cpu()

    def stop(self) -> Cost:
        """What it took since it was made."""
        return Cost(time.perf_counter() - self._start, self._cpu() - self._spent)

    def _cpu(self) -> float:
        return time.process_time() + (_server_cpu(self._server) if self._server else 0.0)


def _server_cpu(server: Server) -> float:
    """CPU seconds of a server's processes that are there."""
    parent = (server.folder / "data" / "postmaster.pid").read_text().split()[0]
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended since it was listed
        if fields[1] == parent:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


# --- the two sides -------------------------------------------------------------------------------


def read_pages(count: int, source: Source) -> list[Outcome]:
    """So many pages of the site as the extractor reads them; one that it refuses is passed over."""
    found: list[Outcome] = []
    number = 10_000
    while len(found) < count:
        number += 1
        page = Markup(f"{BASE}/briefings/{number}", document(number, DAY).encode(), "text/html", DAY)
        try:
            read = extract(page, source)
        except Refused:
            continue
        at = len(found) + 1
        where = Location("large/bench.warc.gz", at * 5_000, 5_000)
        digest = f"sha256:{at:052}"
        item = Item(str(number), str(number), page.url, at, where, digest, 15_000, "text/html", DAY)
        found.append(Outcome(item, read))
    return found


def crawled(database: Database, outcomes: Iterable[Outcome]) -> int:
    """Write down what a crawl leaves: a run, its pages and their captures. The run's id."""
    moment = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)
    items = [outcome.item for outcome in outcomes]
    shared = {"source": "large", "fetched_at": moment, "status": 200, "content_type": "text/html"}
    with database.write() as session:
        run_id = ledger.open_run(session, "nightly", "large", DAY, DAY).id
        session.execute(
            insert(Capture),
            [
                shared
                | {"id": item.capture_id, "url": item.url, "digest": item.digest, "size": item.size}
                | {"warc": item.location.warc, "offset": item.location.offset, "length": item.location.length}
                for item in items
            ],
        )
        ledger.discovered_all(session, run_id, [Found(item.key, item.url) for item in items])
        ledger.fetched_all(session, run_id, {item.page: item.capture_id for item in items})
    return run_id


def podium(bench: Bench, name: str) -> tuple[Cost, Cost]:
    """Podium's load, and its load with the comparison."""
    outcomes: list[Outcome] = pickle.loads((bench.folder / "outcomes").read_bytes())  # noqa: S301 - our own
    source = load_sources(bench.sources)["large"]
    with closing(Database(bench.new(name))) as database:
        run_id = crawled(database, outcomes)
        clock = Clock(bench.server)
        for start in range(0, len(outcomes), BATCH):
            load_batch(database, run_id, source, outcomes[start : start + BATCH], Archive(bench.folder), DAY)
        loaded = clock.stop()
        compare(database, "large")
        whole = clock.stop()
        if not bench.rows.exists():
            bench.rows.write_bytes(pickle.dumps(_written(database)))
    return loaded, whole


def _written(database: Database) -> list[dict[str, list[dict[str, Any]]]]:
    """The rows that a load has left, by table, those of 100 documents together."""
    with database.engine.connect() as connection:
        loaded = connection.execute(select(Revision.id, Revision.transcript_id).order_by(Revision.id)).all()
        batch_of = {
            "transcript_id": {own: at // BATCH for at, (_, own) in enumerate(loaded)},
            "revision_id": {own: at // BATCH for at, (own, _) in enumerate(loaded)},
        }
        found: list[dict[str, list[dict[str, Any]]]] = [{} for _ in range(-(-len(loaded) // BATCH))]
        for table in TABLES:
            by = "revision_id" if table in (Turn, Searched, Page) else "transcript_id"
            for row in _rows(connection, table):
                at = batch_of[by][row["id" if table is Transcript else by]]
                found[at].setdefault(table.__tablename__, []).append(row)
    return found


def _rows(connection: Connection, table: type[Base]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(select(table.__table__)).mappings()]


def bare(bench: Bench, name: str) -> Cost:
    """The same rows, as they are."""
    batches = pickle.loads(bench.rows.read_bytes())  # noqa: S301 - our own
    outcomes: list[Outcome] = pickle.loads((bench.folder / "outcomes").read_bytes())  # noqa: S301 - our own
    with closing(Database(bench.new(name))) as database:
        crawled(database, outcomes)
        with database.write() as session:
            session.query(Page).delete()  # they are written whole
        clock = Clock(bench.server)
        for rows in batches:
            with database.write() as session:
                for table in TABLES:
                    session.connection().execute(insert(table), rows[table.__tablename__])
        return clock.stop()


# --- measuring -----------------------------------------------------------------------------------


def alone(act: Callable[..., Any], *given: object) -> Any:
    """What a call gives, made in a process that has made no other."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(act, *given).result()


def measure(bench: Bench, rounds: int) -> dict[str, list[Cost]]:
    """Both sides in turn; a first round of Podium's, which gives the rows, does not count."""
    alone(podium, bench, "first")
    spent: dict[str, list[Cost]] = {BARE: [], LOAD: [], ALL: []}
    for number in range(rounds):
        spent[BARE].append(alone(bare, bench, f"bare{number}"))
        loaded, whole = alone(podium, bench, f"podium{number}")
        spent[LOAD].append(loaded)
        spent[ALL].append(whole)
    return spent


def show(title: str, spent: dict[str, list[Cost]], documents: int) -> None:
    """Print a table. A ratio is the median of the rounds' own: the share of the bare rate."""
    print(f"\n{title}, {len(spent[BARE])} rounds")
    print(f"{'':28}{'seconds':>8}{'per s':>7}{'CPU s':>7}{'ratio':>7}{'min':>6}{'max':>6}", end="")
    print(f"{'CPU':>6}{'min':>6}{'max':>6}")
    for name, each in spent.items():
        seconds, cpu = (
            statistics.median(values) for values in zip(*((c.seconds, c.cpu) for c in each), strict=True)
        )
        ratios = [base.seconds / cost.seconds for base, cost in zip(spent[BARE], each, strict=True)]
        cpus = [base.cpu / cost.cpu for base, cost in zip(spent[BARE], each, strict=True)]
        print(f"{name:28}{seconds:>8.2f}{documents / seconds:>7.0f}{cpu:>7.2f}", end="")
        print(f"{statistics.median(ratios):>7.2f}{min(ratios):>6.2f}{max(ratios):>6.2f}", end="")
        print(f"{statistics.median(cpus):>6.2f}{min(cpus):>6.2f}{max(cpus):>6.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--documents", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print(f"{asked.documents} documents; Python {platform.python_version()}, {platform.machine()}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="podium-bench-")))
        settings = place(folder / "site", BASE)
        assert settings.sources is not None
        outcomes = read_pages(asked.documents, load_sources(settings.sources)["large"])
        (folder / "outcomes").write_bytes(pickle.dumps(outcomes))
        servers: list[Server | None] = [None]
        try:
            servers.append(stack.enter_context(postgres_server()))
        except pytest.skip.Exception as problem:
            print(problem)
        for server in servers:
            bench = Bench(folder, settings.sources, server)
            spent = measure(bench, asked.rounds)
            title = f"{asked.documents} new documents, {'PostgreSQL' if server else 'SQLite'}"
            show(title, spent, asked.documents)


if __name__ == "__main__":
    main()
