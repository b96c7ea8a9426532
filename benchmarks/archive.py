"""An archive of 100,000 transcripts: how long a search, a reading and an export take, and what memory they take.

Run: ``python -m benchmarks.archive [--documents N] [--searches N]``. The transcripts are the texts of
`benchmarks.duplicates`, every paragraph a turn, of 30 sources, 200 speakers and 20 years, loaded in an order
that is not that of their days, with the rows of the ledger and without fingerprints. Searches are a mix of rare,
common and usual words, several words, phrases and beginnings, half of them with filters. An export is measured in
a process of its own, of a tenth of the documents and of all; its baseline is a bare SELECT of the same rows,
documents and turns, by the database's own driver.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import insert, text

from benchmarks.cost import Clock, bench, new_database, options
from benchmarks.duplicates import document
from storage.archive import Archive
from storage.database import Database
from storage.documents import document_of
from storage.export import export
from storage.index import name_of, row_id, words_of
from storage.lookup import find
from storage.models import Appearance, Base, Capture, Page, Revision, Run, Searched, Transcript, Turn
from storage.search import search
from storage.selection import Selection
from tests.conftest import Server
from tests.library import served

SOURCES, SPEAKERS, FIRST_DAY, DAYS = 30, 200, dt.date(2006, 1, 1), 7300
NAMES = ["large", *(f"source-{number}" for number in range(1, SOURCES))]
"""The sources' ids; the largest, with one document in seven, is that of `benchmarks.site`."""

CHUNK = 2_000
"""Documents that are written at once."""

BARE = "bare SELECT (baseline)"


# --- the archive ---------------------------------------------------------------------------------


EVENT = 20
"""Documents that share a word of their own, however many others there are: as those do that tell of one event."""


def event(number: int) -> str:
    """The word that a document shares with those of its event alone."""
    return f"event{number // EVENT}"


def rows_of(number: int, run_id: int, of: str | None) -> Iterator[tuple[type[Base], dict[str, Any]]]:
    """The rows of one document, in the order in which foreign keys want them."""
    chance = random.Random(f"about {number}")
    own, day = number + 1, FIRST_DAY + dt.timedelta(chance.randrange(DAYS))
    source = of or NAMES[min(int(chance.expovariate(0.15)), SOURCES - 1)]
    moment = dt.datetime.combine(day, dt.time(12), dt.UTC)
    url, digest = f"https://{source}.example/{number}", hashlib.sha256(str(number).encode()).hexdigest()
    yield Capture, {
        "id": own, "source": source, "url": url, "fetched_at": moment, "status": 200,
        "content_type": "text/html", "digest": f"sha256:{digest}", "size": 1, "warc": "x.warc.gz",
        "offset": number, "length": 1,
    }  # fmt: skip
    key = f"stored-{number}"
    yield Transcript, {"id": own, "source": source, "key": key, "first_digest": digest, "created_at": moment}
    yield Appearance, {
        "id": own, "transcript_id": own, "source": source, "key": key, "url": url, "digest": digest,
        "first_seen": moment, "capture_id": own, "unmodified": 0, "missing": 0,
    }  # fmt: skip
    yield Revision, {
        "id": own, "transcript_id": own, "number": 1, "capture_id": own, "extractor": 1, "loaded_at": moment,
        "digest": digest, "date": day, "title": f"Briefing {number}", "language": "ru" if number % 10 else "en",
        "kind": "transcript", "left_out": [], "doubts": [], "compared_at": moment,
    }  # fmt: skip
    speaker = f"Speaker {min(int(chance.expovariate(0.03)), SPEAKERS - 1)}"
    for position, words in enumerate(document(number)):
        said = " ".join(words if position else [*words, event(number)])
        answer = position % 2
        about = {"revision_id": own, "position": position}
        label, name = (speaker, speaker) if answer else ("Question", None)
        role = "answer" if answer else "question"
        yield Turn, {**about, "label": label, "role": role, "speaker": name, "text": said}
        yield Searched, {
            "id": row_id(day, own, position), **about, "name": name_of(label, name), "words": words_of([said])
        }  # fmt: skip
    yield Page, {
        "run_id": run_id, "key": key, "url": url, "capture_id": own, "disposition": "new", "revision_id": own
    }  # fmt: skip


def fill(database: Database, numbers: range, source: str | None = None) -> None:
    """Write documents as one run would load them, many at once.

    Args:
        database: to write to.
        numbers: of the documents; their rows have the ids that follow these.
        source: whose they all are; else they are of many.
    """
    run_id, moment = numbers.start + 1, dt.datetime.combine(FIRST_DAY, dt.time(12), dt.UTC)
    run = {"id": run_id, "kind": "ingest", "source": "large", "state": "completed", "reasons": []}
    run |= {"since": FIRST_DAY, "until": FIRST_DAY + dt.timedelta(DAYS), "process": "elsewhere:1"}
    with database.write() as session:
        session.execute(insert(Run), [run | {"started_at": moment, "finished_at": moment}])
    for start in range(0, len(numbers), CHUNK):
        rows: dict[type[Base], list[dict[str, Any]]] = {}
        for number in numbers[start : start + CHUNK]:
            for table, row in rows_of(number, run_id, source):
                rows.setdefault(table, []).append(row)
        with database.write() as session:
            for table, values in rows.items():
                session.execute(insert(table), values)
    if database.file is None:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


# --- searches ------------------------------------------------------------------------------------


def queries(count: int, documents: range) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kinds of queries in turn, each with what is asked, in words of some documents, and its filters."""
    chance = random.Random("queries")
    for n in range(count):
        words = chance.choice(document(chance.choice(documents)))
        at = chance.randrange(max(1, len(words) - 3))
        kinds = {
            "common word": f"w{chance.randrange(10)}",
            "usual word": f"w{chance.randrange(20, 1000)}",
            "rare word": f"w{chance.randrange(5000, 20_000)}",
            "three words": " ".join(chance.sample(words, min(3, len(words)))),
            "phrase of two": f'"{" ".join(words[at : at + 2])}"',
            "phrase of three": f'"{" ".join(words[at : at + 3])}"',
            "beginning": f"w{chance.randrange(10, 200)}*",
            "common, without": f"w{chance.randrange(10)} -w{chance.randrange(10, 100)}",
        }
        kind = list(kinds)[n // 2 % len(kinds)]
        year = FIRST_DAY + dt.timedelta(chance.randrange(DAYS))
        filters: list[dict[str, Any]] = [
            {"source": chance.choice(NAMES)},
            {"speaker": f"speaker {chance.randrange(SPEAKERS // 2)}"},
            {"role": "answer", "language": "en"},
            {"since": year, "until": year + dt.timedelta(365)},
        ]
        yield kind, kinds[kind], chance.choice(filters) if n % 2 else {}


def searched(database: Database, count: int, documents: int) -> None:
    """Search, and print how long it took by kind."""
    times: dict[str, list[float]] = {}
    slowest: list[tuple[float, str, dict[str, Any]]] = []
    for kind, query, filters in queries(count, range(documents)):
        with database.read() as session:
            selection, start = Selection(**filters), time.perf_counter()
            search(session, query, selection)
            spent = time.perf_counter() - start
        times.setdefault(kind, []).append(spent)
        times.setdefault("with filters" if filters else "without filters", []).append(spent)
        slowest.append((spent, query, filters))
    _told("searches", [spent for spent, _, _ in slowest])
    for kind, each in times.items():
        _told(f"  {kind}", each)
    for spent, query, filters in sorted(slowest, key=lambda each: -each[0])[:3]:
        print(f"    slow: {spent * 1000:5.0f} ms  {query}  {filters or ''}")


def read(database: Database, count: int, documents: int) -> None:
    """Read whole transcripts by their id, and print how long it took."""
    chance, times = random.Random("reads"), list[float]()
    for _ in range(count):
        name = str(chance.randrange(documents) + 1)
        with database.read() as session:
            start = time.perf_counter()
            found = find(session, name)
            assert found is not None and document_of(session, found).turns
            times.append(time.perf_counter() - start)
    _told("transcript reads", times)


def visited(database: Database, count: int, documents: int) -> None:
    """Read pages of the reading room as its server gives them, and print how long each kind took."""
    chance, days = random.Random("visits"), (FIRST_DAY, FIRST_DAY + dt.timedelta(DAYS))
    kinds: dict[str, Callable[[], str]] = {
        "page of a transcript": lambda: f"/transcripts/{chance.randrange(documents) + 1}",
        "page of a search": lambda: f"/?q=w{chance.randrange(20, 20_000)}",
        "page of a year": lambda: (
            f"/sources/{chance.choice(NAMES)}/{chance.randrange(*(day.year for day in days))}"
        ),
    }
    with (
        tempfile.TemporaryDirectory(prefix="podium-bench-") as folder,
        served(database, Archive(Path(folder))) as port,
        closing(HTTPConnection("127.0.0.1", port)) as connection,
    ):
        for kind, path in kinds.items():
            times = []
            for _ in range(count // len(kinds)):
                start = time.perf_counter()
                connection.request("GET", path())
                answer = connection.getresponse()
                answer.read()
                times.append(time.perf_counter() - start)
                assert answer.status == 200, answer.status
            _told(kind, times)


def _told(name: str, times: list[float]) -> None:
    ordered = sorted(times)
    middle, late = (ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000 for share in (0.5, 0.95))
    print(
        f"  {name:22} {len(times):5}  p50 {middle:7.1f} ms  p95 {late:7.1f} ms  max {ordered[-1] * 1000:7.1f} ms"
    )


# --- exports -------------------------------------------------------------------------------------


def _bare(database: Database, last: int) -> None:
    """The rows of an export, read and thrown away."""
    tables = ("captures", "transcripts", "appearances", "revisions")
    asked = [f"SELECT * FROM {table} WHERE id <= {last}" for table in tables]  # noqa: S608 - our own numbers
    asked.append(f"SELECT * FROM turns WHERE revision_id <= {last}")  # noqa: S608
    with database.engine.connect().execution_options(stream_results=True) as connection:
        for statement in asked:
            for rows in connection.exec_driver_sql(statement).partitions(1000):
                for row in rows:
                    tuple(row)


def _exported(database: Database, form: str, day: dt.date | None) -> None:
    with tempfile.TemporaryDirectory(prefix="podium-bench-") as folder:
        chosen = Selection(until=day)
        export(database, Archive(Path(folder) / "none"), Path(folder) / "out", form, chosen)  # type: ignore[arg-type]


def child(url: str, form: str, documents: int) -> None:
    """One export, in this process: its seconds and the most memory it took, printed."""
    with Database(url) as database:
        with database.engine.connect() as connection:  # the day up to which there are as many documents
            query = text("SELECT date FROM revisions ORDER BY date LIMIT 1 OFFSET :n")
            day = connection.execute(query, {"n": documents - 1}).scalar_one()
        start = time.perf_counter()
        if form == BARE:
            _bare(database, documents)
        else:
            _exported(database, form, day if isinstance(day, dt.date) else dt.date.fromisoformat(day))
        spent = time.perf_counter() - start
        print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def exports(url: str, documents: int, forms: tuple[str, ...]) -> None:
    """Each export in a process of its own, of a tenth of the documents and of all, beside the baseline."""
    for count in (documents // 10, documents):
        bare = 0.0
        for form in (BARE, *forms):
            command = [sys.executable, "-m", "benchmarks.archive", "--child", url, form, str(count)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
            seconds, memory = map(float, done.stdout.split())
            bare = bare or seconds
            told = (
                f"{count / seconds:8.0f} documents/s  peak {memory / 1024:6.0f} MiB  {seconds / bare:6.1f} x"
            )
            print(f"  {form:22} {count:7} documents  {told}")


# --- all -----------------------------------------------------------------------------------------


def measure(url: str, documents: int, count: int, forms: tuple[str, ...]) -> None:
    """Fill a database, and measure."""
    with Database(url) as database:
        print(f"\n{database.engine.dialect.name}")
        clock = Clock()
        fill(database, range(documents))
        spent = clock.stop().seconds
        with database.read() as session:
            turns = session.execute(text("SELECT count(*) FROM searched")).scalar_one()
        print(f"  {documents} documents, {turns} turns, written in {spent:.0f} s")
        searched(database, count, documents)
        read(database, count, documents)
        visited(database, count, documents)
    exports(url, documents, forms)


def steady(server: Server) -> None:
    """A quarter of a small machine's memory for PostgreSQL, as its manual advises; it begins with 128 MB.

    And nothing that it does by itself at some moment of a measurement: tables are vacuumed when they are filled.
    """
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET shared_buffers = '1GB'")
        connection.execute("ALTER SYSTEM SET autovacuum = off")
        connection.execute("CHECKPOINT")
    server.stop()
    server.start()


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return
    asked = options(__doc__, documents=100_000, searches=640).parse_args()
    with bench() as (folder, servers):
        for server in servers.values():
            if server:
                steady(server)
            measure(new_database(folder, server), asked.documents, asked.searches, ("jsonl", "parquet"))


if __name__ == "__main__":
    main()
