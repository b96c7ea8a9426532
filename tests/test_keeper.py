"""The keeper: a page counts as fetched when it is on disk and written down, and after a failure nothing does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from storage import ledger
from storage.archive import Archive, Writer
from storage.database import Database
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
def writer(tmp_path: Path, run: int) -> Iterator[Writer]:
    with Archive(tmp_path / "archive").writer("here", run, dt.datetime.now(dt.UTC)) as opened:
        yield opened


@pytest.fixture
def keeper(database: Database, writer: Writer, run: int) -> Iterator[Keeper]:
    opened = Keeper(database, writer, "here", run)
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


def test_what_waits_when_it_is_closed_is_kept(database: Database, writer: Writer, run: int) -> None:
    keeper = Keeper(database, writer, "here", run)
    waited = [keeper.keep(response(f"p{n}")) for n in range(LARGEST_BATCH * 2)]
    keeper.discovered(Found("a", "https://here.example/a"))
    keeper.close()
    assert len(captures(database)) == len({answer.result(0) for answer in waited})
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Page)) == 1


def test_after_a_failure_nothing_is_kept_and_everyone_is_told(
    database: Database, run: int, tmp_path: Path
) -> None:
    (tmp_path / "archive").write_text("a file where the folder should be")
    writer = Archive(tmp_path / "archive").writer("here", run, dt.datetime.now(dt.UTC))
    keeper = Keeper(database, writer, "here", run)
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


def test_a_page_of_no_run_fails_the_keeper(database: Database, writer: Writer) -> None:
    keeper = Keeper(database, writer, "here", 999)
    keeper.discovered(Found("a", "https://here.example/a"))
    with pytest.raises(IntegrityError):
        keeper.flush()
    keeper.close()
    assert keeper.failure is not None
