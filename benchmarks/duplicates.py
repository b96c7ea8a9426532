"""Near duplicates among many: how many edited copies are found, what is found by mistake, and what it costs.

Run: ``python -m benchmarks.duplicates [--documents N]``. The archive is synthetic: texts of
60 to 300 words in a few paragraphs, drawn by Zipf's law from 20,000 words, every fifth with one of three
closing paragraphs that are the house's own. Texts are made again from their number when two are compared, so
that only what the search reads is in the database: the table of fingerprints, as `storage.duplicates` keeps it.
Then copies of some, with a share of their words exchanged, left out or added, and as many texts that are copies
of none, ask for their candidates, and the decision is taken as in a run.
"""

from __future__ import annotations

import itertools
import multiprocessing
import random
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import text

from benchmarks.cost import bench, new_database, options
from storage.database import Database
from storage.duplicates import Words, candidates, nearness
from storage.fingerprints import fingerprints
from storage.transcript import Turn
from storage.words import paragraphs_of

COPIES = 2_000
EDITED = 0.05
CHUNK = 5_000

VOCABULARY = [f"w{n}" for n in range(20_000)]
WEIGHTS = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(VOCABULARY))))


def _draw(chance: random.Random, count: int) -> list[str]:
    return chance.choices(VOCABULARY, cum_weights=WEIGHTS, k=count)


CLOSINGS = [_draw(random.Random(f"closing {n}"), 45) for n in range(3)]


def document(number: int) -> list[list[str]]:
    """The paragraphs of a text, each as its words; the same for the same number."""
    chance = random.Random(number)
    words = _draw(chance, chance.randrange(60, 300))
    paragraphs = [words[start : start + 60] for start in range(0, len(words), 60)]
    return [*paragraphs, CLOSINGS[number % 3]] if number % 5 == 0 else paragraphs


def copy_of(number: int, share: float) -> list[list[str]]:
    """A text with a share of its words edited: six of ten exchanged, two left out, two added."""
    chance = random.Random(f"copy {number}")

    def edit(word: str) -> list[str]:
        if chance.random() >= share:
            return [word]
        kind = chance.random()
        return _draw(chance, 1) if kind < 0.6 else [] if kind < 0.8 else [word, *_draw(chance, 1)]

    return [[new for word in words for new in edit(word)] for words in document(number)]


def turns(paragraphs: list[list[str]]) -> list[Turn]:
    """The text as one turn."""
    return [Turn(tuple(" ".join(words) for words in paragraphs))]


Marks = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
"""Fingerprints, and beside each the id of the transcript that it is of: the number of its text, and one."""


def chunk_marks(numbers: range) -> Marks:
    """The fingerprints of a chunk of texts."""
    marks: list[int] = []
    owners: list[int] = []
    for number in numbers:
        own = fingerprints(turns(document(number)))
        marks += own
        owners += [number + 1] * len(own)
    return np.array(marks, np.int64), np.array(owners, np.int32)


def all_marks(numbers: range) -> Marks:
    """The fingerprints of all texts in the table's order."""
    chunks = [numbers[start : start + CHUNK] for start in range(0, len(numbers), CHUNK)]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        parts = list(pool.map(chunk_marks, chunks))
    marks, owners = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.lexsort((owners, marks))
    return marks[order], owners[order]


def fill(database: Database, count: int, found: Marks) -> None:
    """Write the fingerprints of so many texts; on SQLite they hang on rows of the benchmark's own."""
    if database.engine.dialect.name == "sqlite":
        with database.engine.begin() as connection:
            raw: Any = connection.connection.driver_connection
            raw.executemany(
                "INSERT INTO transcripts (id, source, key, first_digest, created_at) VALUES (?, 's', ?1, ?1, 0)",
                ((number,) for number in range(1, count + 1)),
            )
    remember(database, found)


def remember(database: Database, found: Marks) -> None:
    """Write fingerprints as fast as the database takes them."""

    def rows() -> Iterator[tuple[int, int]]:
        for start in range(0, len(found[0]), 100_000):
            yield from zip(*(each[start : start + 100_000].tolist() for each in found), strict=True)

    with database.engine.begin() as connection:
        raw: Any = connection.connection.driver_connection
        if database.engine.dialect.name == "sqlite":
            raw.executemany("INSERT INTO fingerprints (hash, transcript_id) VALUES (?, ?)", rows())
            return
        connection.execute(
            text("SET LOCAL session_replication_role = replica")
        )  # a foreign key a row, unasked
        with (
            raw.cursor() as cursor,
            cursor.copy("COPY fingerprints (hash, transcript_id) FROM STDIN") as copy,
        ):
            for row in rows():
                copy.write_row(row)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE fingerprints"))


def size(database: Database) -> int:
    """Bytes of the table of fingerprints, its indexes included."""
    sqlite = database.engine.dialect.name == "sqlite"
    query = (
        "SELECT (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)"
        if sqlite
        else "SELECT pg_total_relation_size('fingerprints')"
    )
    with database.engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


@dataclass(slots=True)
class Score:
    """What the copies came to."""

    found: int = 0
    missed_candidate: int = 0
    missed_decision: int = 0
    wrong: int = 0
    compared: int = 0
    query: list[float] = field(default_factory=list)

    def ask(self, database: Database, paragraphs: list[list[str]], original: int | None) -> None:
        """Look for what a text is nearly the same as; `original` is the one it is a copy of, if any."""
        own = turns(paragraphs)
        marks = fingerprints(own)
        with database.read() as session:
            start = time.perf_counter()
            numbers = candidates(session, marks)
            self.query.append(time.perf_counter() - start)
        words = Words(paragraphs_of(own[0].paragraphs))
        linked = set()
        for number in numbers:
            other = Words(paragraphs_of(turns(document(number - 1))[0].paragraphs))
            self.compared += 1
            if nearness(words, other, within=False) is not None:
                linked.add(number - 1)
        self.wrong += len(linked - {original})
        if original is not None:
            self.found += original in linked
            self.missed_candidate += original + 1 not in numbers
            self.missed_decision += original + 1 in numbers and original not in linked


def measure(database: Database, count: int, copies: int) -> Score:
    """Ask for copies of some texts, and for as many that are copies of none."""
    score = Score()
    step = max(1, count // copies)
    for number in range(0, step * copies, step):
        score.ask(database, copy_of(number, EDITED), number)
        score.ask(database, document(count + number), None)
    return score


def report(name: str, score: Score, copies: int, count: int, rows: int, bytes_: int, seconds: float) -> None:
    """Print one database's figures."""
    linked = score.found + score.wrong
    times = sorted(score.query)
    print(f"\n{name}")
    print(f"  fingerprints          {rows} rows, {rows / count:.1f} a document, written in {seconds:.0f} s")
    print(f"  index                 {bytes_ / count:.0f} bytes a document, {bytes_ / 2**20:.0f} MiB")
    print(f"  recall                {score.found / copies:.4f} at {EDITED:.0%} of the words edited")
    print(
        f"    missed              {score.missed_candidate} not proposed, {score.missed_decision} not decided so"
    )
    print(f"  precision             {score.found / linked if linked else 1:.4f} ({score.wrong} wrong)")
    print(f"  compared              {score.compared / len(times):.2f} texts a query")
    middle, late = statistics.median(times), times[int(len(times) * 0.95)]
    print(f"  candidate query       median {middle * 1000:.2f} ms, p95 {late * 1000:.2f} ms")


def main() -> None:
    """Measure and print."""
    asked = options(__doc__, documents=1_000_000, copies=COPIES).parse_args()
    count, copies = asked.documents, min(asked.copies, asked.documents)
    print(f"{count} documents, {copies} copies")
    start = time.perf_counter()
    found = all_marks(range(count))
    spent = time.perf_counter() - start
    print(f"texts and fingerprints made in {spent:.0f} s: {count / spent:.0f} documents a second")
    with bench() as (folder, servers):
        for name, server in servers.items():
            with Database(new_database(folder, server)) as database:
                before = size(database)
                start = time.perf_counter()
                fill(database, count, found)
                spent = time.perf_counter() - start
                score = measure(database, count, copies)
                report(name, score, copies, count, len(found[0]), size(database) - before, spent)


if __name__ == "__main__":
    main()
