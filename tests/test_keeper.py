"""The keeper: a page counts as fetched when it is on disk and written down, and after a failure nothing does."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from storage import ledger
from storage.archive import Archive
from storage.database import Database
from storage.desk import Desk, Place
from storage.keeper import LARGEST_BATCH, Keeper
from storage.ledger import Found, Tally
from storage.models import Capture, Page
from storage.warc import ArchiveError, Location, Record, read_warc

DAY = dt.date(2026, 3, 20)


def response(name: str, moment: dt.datetime | None = None) -> Record:
    body = f"<p>{name}</p>".encode()
    return Record(f"https://here.example/{name}", moment or dt.datetime.now(dt.UTC), 200, (), body)


@pytest.fixture
def run(database: Database) -> int:
    with database.write() as session:
        return ledger.open_run(session, "nightly", "here", DAY, DAY).id


@pytest.fixture
def place(database_url: str, tmp_path: Path, run: int) -> Place:
    return Place(database_url, tmp_path / "archive", "here", run, DAY)


@pytest.fixture
def keeper(place: Place) -> Iterator[Keeper]:
    opened = Keeper(Desk(place))
    yield opened
    opened.close()


def captures(database: Database) -> dict[int, Capture]:
    with database.read() as session:
        return {row.id: row for row in session.scalars(select(Capture))}


def test_a_record_is_on_disk_and_its_row_is_written_when_its_id_is_given(
    database: Database, keeper: Keeper, tmp_path: Path
) -> None:
    for name in "abc":
        number = keeper.keep(response(name)).result(10)
        row = captures(database)[number]
        record = Archive(tmp_path / "archive").read(
            Location(row.warc, row.offset, row.length), digest=row.digest
        )
        assert record.url == row.url == f"https://here.example/{name}"


def test_many_at_once_each_get_their_own_id(database: Database, keeper: Keeper) -> None:
    waited = {f"p{n}": keeper.keep(response(f"p{n}")) for n in range(350)}
    ids = {name: answer.result(10) for name, answer in waited.items()}
    rows = captures(database)
    assert {name: rows[number].url.rpartition("/")[2] for name, number in ids.items()} == {
        name: name for name in ids
    }
    assert len(set(ids.values())) == 350


def test_the_same_capture_is_archived_once(database: Database, keeper: Keeper, tmp_path: Path) -> None:
    moment = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    together = [keeper.keep(response("a", moment)) for _ in range(3)]
    first = {answer.result(10) for answer in together}
    assert first == {keeper.keep(response("a", moment)).result(10)}
    (row,) = captures(database).values()
    assert len(list(read_warc(tmp_path / "archive" / row.warc))) == 1


def test_the_ledger_is_written_in_the_order_of_what_happened(
    database: Database, keeper: Keeper, run: int
) -> None:
    for name in ("a", "b", "c", "a"):
        keeper.discovered(Found(name, f"https://here.example/{name}"))
    number = keeper.keep(response("a")).result(10)
    keeper.fetched("a", number)
    keeper.settle("b", "gone", "HTTP 410")
    keeper.settle("b", "failed", "said later")
    keeper.flush()
    with database.read() as session:
        assert ledger.tally_of(session, run) == Tally({"gone": 1}, 2)
        assert [page.key for page, _ in ledger.to_extract(session, run, 10)] == ["a"]


def test_what_waits_when_it_is_closed_is_kept(database: Database, place: Place) -> None:
    keeper = Keeper(Desk(place))
    waited = [keeper.keep(response(f"p{n}")) for n in range(LARGEST_BATCH * 2)]
    keeper.discovered(Found("a", "https://here.example/a"))
    keeper.close()
    assert len(captures(database)) == len({answer.result(0) for answer in waited})
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Page)) == 1


def test_after_a_failure_nothing_is_kept_and_everyone_is_told(database: Database, place: Place) -> None:
    place.archive.write_text("a file where the folder should be")
    keeper = Keeper(Desk(place))
    keeper.discovered(Found("a", "https://here.example/a"))
    keeper.flush()
    waited = [keeper.keep(response(name)) for name in "ab"]
    for answer in waited:
        with pytest.raises(ArchiveError):
            answer.result(10)
    assert isinstance(keeper.failure, ArchiveError)
    for call in (
        lambda: keeper.keep(response("c")),
        lambda: keeper.settle("a", "gone", "HTTP 410"),
        keeper.flush,
    ):
        with pytest.raises(ArchiveError):
            call()
    keeper.close()
    assert not captures(database)


def test_a_page_of_no_run_fails_the_keeper(place: Place) -> None:
    keeper = Keeper(Desk(replace(place, run_id=999)))
    keeper.discovered(Found("a", "https://here.example/a"))
    with pytest.raises(IntegrityError):
        keeper.flush()
    keeper.close()
    assert keeper.failure is not None


# --- in a process of its own ---------------------------------------------------------------------

APART = """
import datetime as dt, sys
from pathlib import Path
from storage.warc import Record
from storage.desk import Apart, Place
from storage.keeper import Keeper
from storage.ledger import Found

url, archive, run = sys.argv[1:]
keeper = Keeper(Apart(Place(url, Path(archive), "here", int(run), dt.date(2026, 3, 20))))
waited = []
for n in range(50):
    keeper.discovered(Found(f"p{n}", f"https://here.example/p{n}"))
    moment = dt.datetime.now(dt.UTC)
    waited.append(keeper.keep(Record(f"https://here.example/p{n}", moment, 200, (), b"x" * 300_000)))
"""


def apart(place: Place, then: str) -> subprocess.CompletedProcess[str]:
    """A program that gives fifty pages to a keeper whose desk is a process of its own, and then does something."""
    words = [place.database_url, str(place.archive), str(place.run_id)]
    return subprocess.run(
        [sys.executable, "-c", APART + then, *words], capture_output=True, text=True, timeout=60
    )


def test_a_desk_in_another_process_keeps_the_same(database: Database, place: Place) -> None:
    done = apart(place, "keeper.close(); print(sorted(each.result(0) for each in waited))")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(sorted(captures(database)))
    assert len(captures(database)) == 50
    with database.read() as session:
        assert ledger.tally_of(session, place.run_id).discovered == 50


@pytest.mark.slow
def test_what_a_desk_was_given_is_kept_whole_though_the_crawl_is_killed(
    database: Database, place: Place
) -> None:
    done = apart(place, "waited[0].result(); import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert done.returncode == -signal.SIGKILL
    # Its pipes were held open by the desk until it had come to its end.
    rows = captures(database)
    assert rows
    for row in rows.values():
        location = Location(row.warc, row.offset, row.length)
        assert Archive(place.archive).read(location, digest=row.digest).url == row.url


@pytest.mark.slow
def test_a_failure_in_another_process_is_raised_in_this_one(place: Place) -> None:
    bad = replace(place, run_id=999)
    done = apart(bad, "keeper.discovered(Found('a', 'https://here.example/a')); keeper.flush()")
    assert done.returncode == 1
    assert "IntegrityError" in done.stderr


@pytest.mark.slow
def test_a_desk_that_is_killed_fails_the_keeper(place: Place) -> None:
    then = (
        "keeper._desk._process.kill(); keeper._desk._process.join()\n"
        "try:\n    keeper.flush(); keeper.keep(waited and Record('https://here.example/z', moment, 200, (), b''))"
        ".result()\nexcept Exception as problem:\n    print(problem)"
    )
    assert apart(place, then).stdout == "the process that keeps the archive is gone\n"
