"""What an archive of many pages and sources would take: measured on real pages, then reckoned up.

Run: ``python -m benchmarks.scale [--pages N] [--sources N] [CORPUS]``. The corpus, else PODIUM_CORPUS or
../shared/corpus, is ingested into an archive and a PostgreSQL database, in one process: bytes by table and index,
and CPU seconds of that process and of the server's. Then nights and the backfill of as many sources as asked for
are simulated, with workers that collect so many at once and a delay that each host is owed. Sizes grow with the
pages, so they are multiplied; what a real archive of that size does to a cache or a vacuum is not in them.
"""

from __future__ import annotations

import argparse
import heapq
import os
import platform
import random
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, text

from benchmarks.cost import Clock
from crawler.source_files import load_sources
from flows import readers, reextraction
from flows.collect import AT_ONCE
from flows.ingest import ingest_warc
from flows.settings import Settings
from storage import lookup, visits
from storage.database import Database
from storage.models import Fingerprint
from tests.conftest import Server, postgres_server

DELAY = 1.0
"""Seconds between two requests to a host: the least that a source may say."""

DISCOVERY = 6
"""Requests of a night for no document: robots.txt, a feed, the pages of a listing that the window takes."""

PROCESS = 1.0
"""Seconds of a crawl that are no request's: its process starts, and its pages are read and loaded."""

WINDOW = 50
"""Pages of a backfill's window, each of which is a crawl."""

YEARS = 20
"""For which a source has published, evenly: what its pages come to a day."""

SPREAD = 1.2
"""Of the sources' sizes, a lognormal distribution's: the largest of 5,000 has some forty times the average."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One document's share of what the corpus came to.

    Args:
        documents: how many there were.
        cpu: seconds of an ingest: archived, read, loaded, compared.
        again: CPU seconds of a re-extraction's dry run.
        warc: bytes of the archive.
        turns, fingerprints: rows of these.
        tables, indexes: bytes in the database, by table.
    """

    documents: int
    cpu: float
    again: float
    warc: float
    turns: float
    fingerprints: float
    tables: dict[str, float]
    indexes: dict[str, float]

    @property
    def database(self) -> float:
        """Bytes in the database, indexes included."""
        return sum(self.tables.values()) + sum(self.indexes.values())


# --- measured ------------------------------------------------------------------------------------


def measure(corpus: Path, server: Server, folder: Path) -> Measured:
    """Ingest the corpus, read it again, and weigh what is there."""
    # A file of a few pages would start a pool of processes for them: that is no page's share of a large archive.
    readers.FEW = readers.SMALL = 1_000_000_000
    settings = Settings(database_url=server.create("scale"), archive=folder / "archive")
    sources = load_sources()
    clock = Clock(server)
    for path in sorted(corpus.glob("*.warc.gz")):
        ingest_warc(path, sources, settings)
    cpu = clock.stop().cpu
    clock = Clock(server)
    reextraction.propose(settings, reextraction.selection_of(settings))
    again = clock.stop().cpu
    with Database(settings.database_url) as database, database.read() as session:
        documents, turns = (lookup.counts(session)[name] for name in ("transcripts", "turns"))
        fingerprints = session.scalar(select(func.count()).select_from(Fingerprint)) or 0
        rows = session.execute(
            text("""
                SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
                WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            """)
        ).all()
    weight = sum(path.stat().st_size for path in settings.archive.rglob("*.warc.gz"))
    return Measured(
        documents,
        cpu / documents,
        again / documents,
        weight / documents,
        turns / documents,
        fingerprints / documents,
        {name: size / documents for name, size, _ in rows},
        {name: size / documents for name, _, size in rows},
    )


# --- simulated -----------------------------------------------------------------------------------


def sizes(pages: int, sources: int) -> list[float]:
    """Pages of each source."""
    chance = random.Random(1)
    drawn = [chance.lognormvariate(0, SPREAD) for _ in range(sources)]
    return [pages * each / sum(drawn) for each in drawn]


def visits_of_a_page() -> float:
    """How often a page is asked for after its first visit, by `storage.visits`."""
    weekly, monthly = visits.WEEKLY - visits.EVERY_RUN, visits.MONTHLY - visits.WEEKLY
    return visits.EVERY_RUN + weekly / 7 + monthly / 30


def night(pages: float) -> float:
    """Seconds of a source's night: its listing, what is new and what is due, a delay apart."""
    new = pages / (YEARS * 365)
    return PROCESS + DELAY * (DISCOVERY + new * (1 + visits_of_a_page()))


def hours(tasks: Iterable[float], slots: int) -> float:
    """Hours until all are done, the longest first, so many at once."""
    free = [0.0] * slots
    for seconds in sorted(tasks, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return max(free) / 3600


def report(found: Measured, pages: int, sources: int) -> None:
    """Print all of it."""
    print(f"\nMeasured on {found.documents} documents, each:")
    print(f"  archived, read, loaded, compared  {found.cpu * 1000:8.1f} CPU ms")
    print(f"  read again                        {found.again * 1000:8.1f} CPU ms")
    print(f"  turns, fingerprints               {found.turns:8.1f} {found.fingerprints:8.1f}")
    print(f"  WARC                              {found.warc:8.0f} bytes")
    print(f"  database                          {found.database:8.0f} bytes, of these:")
    largest = sorted(found.tables, key=lambda name: -found.tables[name] - found.indexes[name])
    for name in largest[:8]:
        print(f"    {name:14}{found.tables[name]:8.0f} table {found.indexes[name]:8.0f} indexes")
    print(f"\n{pages:,} pages:")
    print(f"  WARC      {found.warc * pages / 1e12:6.2f} TB")
    indexes = sum(found.indexes.values()) * pages
    print(f"  database  {found.database * pages / 1e12:6.2f} TB, indexes {indexes / 1e12:.2f} of it")
    print(f"  taken in  {found.cpu * pages / 3600:6.0f} core hours")
    print(f"  again     {found.again * pages / 3600:6.0f} core hours")
    each = sizes(pages, sources)
    largest_night, largest_backfill = night(max(each)), max(each) * (PROCESS / WINDOW + DELAY)
    print(
        f"\n{sources:,} sources, {pages / sources:,.0f} pages each on average, the largest {max(each):,.0f}:"
    )
    print(f"  requests a night           {sum((night(n) - PROCESS) / DELAY for n in each):10,.0f}")
    print(f"  the largest source's night {largest_night / 3600:10.2f} h")
    print(f"  its backfill               {largest_backfill / 3600:10,.0f} h")
    print(f"  {'workers':>8}{'at once':>8}{'a night, h':>12}{'all from the start, days':>26}")
    for workers in (1, 2, 4, 8, 16, 32, 64):
        slots = workers * AT_ONCE
        whole = hours((n * (PROCESS / WINDOW + DELAY) for n in each), slots)
        print(f"  {workers:>8}{slots:>8}{hours(map(night, each), slots):>12.1f}{whole / 24:>26.0f}")


def main() -> None:
    """Measure, simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    beside = Path(__file__).parent.parent.parent / "shared" / "corpus"
    default = Path(os.environ.get("PODIUM_CORPUS") or beside)
    parser.add_argument("corpus", nargs="?", type=Path, default=default)
    parser.add_argument("--pages", type=int, default=100_000_000)
    parser.add_argument("--sources", type=int, default=5_000)
    asked = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}")
    with tempfile.TemporaryDirectory(prefix="podium-bench-") as name, postgres_server() as server:
        report(measure(asked.corpus, server, Path(name)), asked.pages, asked.sources)


if __name__ == "__main__":
    main()
