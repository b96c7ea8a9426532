"""What loading costs: Podium's, that decides and derives, over a bare executemany of the very rows it writes.

Run: ``python -m benchmarks.load [--documents N] [--rounds N]``. Pages of the benchmarks' large site are read
beforehand. Podium then loads them as a night does, a batch of 100 at a time: transcripts, revisions, turns, what
searches look in, appearances, the ledger; and compares them: fingerprints, candidates, links. The bare side writes
the rows that this came to, made beforehand, with SQLAlchemy Core, into the same schema, as many in a transaction
as Podium has: those of 100 documents, fingerprints those of 500. It does so once as SQLAlchemy does by itself, and
on SQLite once more with many rows of one statement, as Podium's own engine does there. All take turns, each in a
process and a database of its own.
"""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from benchmarks.cost import Clock, Cost, Servers, alone, bench, new_database, options, show
from benchmarks.crawl import place
from benchmarks.site import document
from crawler.page import Page as Markup
from crawler.page import Refused, extract
from crawler.source import Source
from crawler.source_files import load_sources
from flows.readers import Item, Outcome
from flows.steps import BATCH, compare, load_batch
from storage import duplicates, ledger
from storage.archive import Archive
from storage.database import Database
from storage.ledger import Found
from storage.models import Appearance, Base, Capture, Fingerprint, Page, Revision, Searched, Transcript, Turn
from storage.warc import Location
from tests.conftest import Server

BASE = "http://127.0.0.1:1"
DAY = dt.date(2026, 3, 20)
BARE = "bare executemany (baseline)"
WIDE = "bare, rows in one statement"
LOAD = "podium: load"
ALL = "podium: load and compare"
TABLES: tuple[type[Base], ...] = (Transcript, Revision, Turn, Searched, Appearance, Fingerprint, Page)


@dataclass(frozen=True, slots=True)
class Bench:
    """What both sides work with: files, so that each process begins alike.

    Args:
        folder: of the pages as they were read, of the bare side's rows, and of the SQLite files.
        source: whose pages they are.
        server: of PostgreSQL; None for SQLite.
    """

    folder: Path
    source: Source
    server: Server | None

    @property
    def outcomes(self) -> Path:
        """The pages as they were read."""
        return self.folder / "outcomes"

    @property
    def rows(self) -> Path:
        """The rows that the pages come to on this kind of database."""
        return self.folder / f"rows-{'postgresql' if self.server else 'sqlite'}"


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


def podium(of: Bench) -> tuple[Cost, Cost]:
    """Podium's load, and its load with the comparison."""
    outcomes: list[Outcome] = pickle.loads(of.outcomes.read_bytes())  # noqa: S301 - our own
    with Database(new_database(of.folder, of.server)) as database:
        run_id = crawled(database, outcomes)
        clock = Clock(of.server)
        for start in range(0, len(outcomes), BATCH):
            load_batch(database, run_id, of.source, outcomes[start : start + BATCH], Archive(of.folder), DAY)
        loaded = clock.stop()
        compare(database, "large")
        whole = clock.stop()
        if not of.rows.exists():
            of.rows.write_bytes(pickle.dumps(_written(database)))
    return loaded, whole


def _written(database: Database) -> list[dict[str, list[dict[str, Any]]]]:
    """The rows that a load has left, by table, those of 100 documents together, and fingerprints of 500."""
    with database.engine.connect() as connection:
        loaded = connection.execute(select(Revision.id, Revision.transcript_id).order_by(Revision.id)).all()
        batch_of = {
            "transcript_id": {own: at // BATCH for at, (_, own) in enumerate(loaded)},
            "revision_id": {own: at // BATCH for at, (own, _) in enumerate(loaded)},
        }
        together = duplicates.BATCH // BATCH
        found: list[dict[str, list[dict[str, Any]]]] = [{} for _ in range(-(-len(loaded) // BATCH))]
        for table in TABLES:
            by = "revision_id" if table in (Turn, Searched, Page) else "transcript_id"
            for row in _rows(connection, table):
                at = batch_of[by][row["id" if table is Transcript else by]]
                if table is Fingerprint:  # with the last of the documents whose are committed at once
                    at = min(at - at % together + together - 1, len(found) - 1)
                found[at].setdefault(table.__tablename__, []).append(row)
    return found


def _rows(connection: Connection, table: type[Base]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(select(table.__table__)).mappings()]


def bare(of: Bench, wide: bool = False) -> Cost:
    """The same rows, as they are; `wide` writes many of them by one statement."""
    batches = pickle.loads(of.rows.read_bytes())  # noqa: S301 - our own
    outcomes: list[Outcome] = pickle.loads(of.outcomes.read_bytes())  # noqa: S301 - our own
    with Database(new_database(of.folder, of.server)) as database:
        database.engine.dialect.use_insertmanyvalues_wo_returning = wide
        crawled(database, outcomes)
        with database.write() as session:
            session.query(Page).delete()  # they are written whole
        clock = Clock(of.server)
        for rows in batches:
            with database.write() as session:
                for table in TABLES:
                    if table.__tablename__ in rows:
                        session.connection().execute(insert(table), rows[table.__tablename__])
        return clock.stop()


# --- measuring -----------------------------------------------------------------------------------


def benches(documents: int, folder: Path, servers: Servers) -> dict[str, Bench]:
    """What so many documents need on every kind of database: they are read."""
    settings = place(folder, BASE)
    source = load_sources(settings.sources)["large"]
    found = {name: Bench(folder, source, server) for name, server in servers.items()}
    (folder / "outcomes").write_bytes(pickle.dumps(read_pages(documents, source)))
    return found


def measure(of: Bench) -> dict[str, Cost]:
    """Both sides, Podium first: the first time it gives the bare side's rows."""
    loaded, whole = alone(podium, of)
    spent = {BARE: alone(bare, of), LOAD: loaded, ALL: whole}
    return spent if of.server else spent | {WIDE: alone(bare, of, wide=True)}


def main() -> None:
    """Measure and print."""
    asked = options(__doc__, documents=2_000, rounds=5).parse_args()
    with bench() as (folder, servers):
        for name, each in benches(asked.documents, folder / "load", servers).items():
            spent = [measure(each) for _ in range(asked.rounds)]
            show(f"{asked.documents} new documents, {name}", spent, BARE, asked.documents)


if __name__ == "__main__":
    main()
