"""What a re-extraction costs: two cores over one, and memory as the archive grows.

Run: ``python -m benchmarks.reextract [--captures N] [--rounds N]``. Pages of the benchmarks' large site are
archived, read and loaded, on SQLite: a tenth of the captures, then all. A dry run reads them all again, held to
one core and on every core in turn, each in a process of its own. The ratio is the speed-up over one core as a
share of the cores: 1.00 is perfect. Seconds mislead where the machine has other work; so what it has to give is
measured beside each round, by processes that only count, and CPU seconds are given apart for all and for those
that read: what is spent twice, and what can't be spread, shows there.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks.cost import alone, end_forking, options
from benchmarks.crawl import place
from benchmarks.load import BASE
from benchmarks.site import document
from crawler.source_files import load_sources
from flows import reextraction
from flows.readers import Readers
from flows.settings import Settings
from flows.steps import Intake
from storage import ledger
from storage.captures import keep
from storage.database import Database
from storage.ledger import Found
from storage.warc import Record

DAY = dt.date(2026, 3, 20)
NOON = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)
HTML = (("Content-Type", "text/html; charset=utf-8"),)

PAGES = 400
"""Different pages. The captures are of these in turn, each with its own address and number."""

AT_ONCE = 500
"""Captures that are archived at once."""

CORES = os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall seconds, CPU seconds and most memory in MB: of the process with the database, and of its readers."""

    seconds: float
    own_cpu: float
    readers_cpu: float
    own_memory: float
    reader_memory: float

    @property
    def cpu(self) -> float:
        """CPU seconds of all processes."""
        return self.own_cpu + self.readers_cpu


def pages() -> Iterator[Record]:
    """Captures without end, each of a document of its own."""
    texts = [document(10_000 + number, DAY) for number in range(PAGES)]
    number = 20_000
    while True:
        for text in texts:
            number += 1
            if any(code in str(number) for code in ("403", "404", "500", "502", "503")):
                continue  # the page would call itself an error
            own = text.replace("Briefing 1", f"Briefing {number}: 1")
            own = own.replace("</b> ", f"</b> Of {number}: ", 1)
            yield Record(f"{BASE}/briefings/{number}", NOON, 200, HTML, own.encode())


def fill(settings: Settings, records: list[Record]) -> None:
    """Archive captures and load what they say, as one run."""
    assert settings.sources is not None
    source = load_sources(settings.sources)["large"]
    with Database(settings.database_url) as database:
        with database.write() as session:
            run_id = ledger.open_run(session, "ingest", "large", DAY, DAY).id
        with settings.warcs().writer("large", run_id, NOON) as writer:
            for start in range(0, len(records), AT_ONCE):
                some = records[start : start + AT_ONCE]
                ids = keep(database, writer, "large", some)
                found = [Found(str(source.key(each.url)), each.url) for each in some]
                with database.write() as session:
                    ledger.discovered_all(session, run_id, found)
                    names = (each.page for each in found)
                    ledger.fetched_all(session, run_id, dict(zip(names, ids, strict=True)))
        with Readers() as readers:
            Intake(database, run_id, source, settings.warcs(), readers).take_all()
        with database.write() as session:
            ledger.close_run(session, run_id, (), failed=False)


def read_again(settings: Settings, cores: int, expected: int) -> Cost:
    """A dry run on so many cores."""
    os.sched_setaffinity(0, set(range(cores)))
    start = time.perf_counter()
    seen = reextraction.propose(settings, reextraction.selection_of(settings)).seen
    seconds = time.perf_counter() - start
    end_forking()
    assert (seen.total("read"), seen.total("changed")) == (expected, 0), seen
    own, readers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return Cost(
        seconds,
        *(each.ru_utime + each.ru_stime for each in (own, readers)),
        *(each.ru_maxrss / 1000 for each in (own, readers)),
    )


def capacity() -> float:
    """How many times as much processes that only count do on all cores as one does: what there is to be had."""

    def seconds(count: int) -> float:
        context = multiprocessing.get_context("spawn")
        several = [context.Process(target=_count, args=(cores,)) for cores in range(count)]
        start = time.perf_counter()
        for each in several:
            each.start()
        for each in several:
            each.join()
        return time.perf_counter() - start

    return CORES * seconds(1) / seconds(CORES)


def _count(core: int) -> None:
    os.sched_setaffinity(0, {core})
    number = 0
    while number < 30_000_000:
        number += 1


def show(count: int, spent: dict[int, list[Cost]], had: list[float]) -> None:
    """Print what all captures took, by cores."""
    print(f"\n{count} captures read again, {len(had)} rounds")
    print(
        f"{'':16}{'seconds':>8}{'per s':>7}{'CPU s':>7}{'readers':>9}{'ratio':>7}{'min':>6}{'max':>6}", end=""
    )
    print(f"{'MB':>6}{'reader':>8}")
    for cores, each in spent.items():
        seconds, cpu, readers = (
            statistics.median(values)
            for values in zip(*((c.seconds, c.cpu, c.readers_cpu) for c in each), strict=True)
        )
        pairs = zip(spent[1], each, strict=True)
        ratios = [one.seconds / several.seconds / cores for one, several in pairs]
        memory, reader = (
            max(values) for values in zip(*((c.own_memory, c.reader_memory) for c in each), strict=True)
        )
        name = f"{cores} core{'s' if cores > 1 else ''}"
        print(f"{name:16}{seconds:>8.1f}{count / seconds:>7.0f}{cpu:>7.1f}{readers:>9.1f}", end="")
        print(
            f"{statistics.median(ratios):>7.2f}{min(ratios):>6.2f}{max(ratios):>6.2f}{memory:>6.0f}{reader:>8.0f}"
        )
    shares = [each / CORES for each in had]
    print(
        f"to be had: {statistics.median(shares):.2f} of {CORES} cores ({min(shares):.2f} to {max(shares):.2f})"
    )


def main() -> None:
    """Measure and print."""
    asked = options(__doc__, captures=20_000, rounds=3).parse_args()
    print(f"{CORES} cores; Python {platform.python_version()}, {platform.machine()}")
    with tempfile.TemporaryDirectory(prefix="podium-bench-") as name:
        settings, records = place(Path(name), BASE), pages()
        few = max(1, asked.captures // 10)
        alone(fill, settings, list(islice(records, few)))
        first = alone(read_again, settings, CORES, few)
        print(f"{few} captures: {first.own_memory:.0f} MB, a reader {first.reader_memory:.0f} MB", flush=True)
        for start in range(few, asked.captures, few):
            alone(fill, settings, list(islice(records, min(few, asked.captures - start))))
        spent: dict[int, list[Cost]] = {cores: [] for cores in sorted({1, CORES})}
        had = []
        for _ in range(asked.rounds):
            had.append(capacity())
            for cores in spent:
                spent[cores].append(alone(read_again, settings, cores, asked.captures))
        show(asked.captures, spent, had)


if __name__ == "__main__":
    main()
