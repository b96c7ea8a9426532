"""Copying: every row arrives as it was, in either kind of database, or nothing does."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, func, insert, select, text

from storage import duplicates, models
from storage.copy import CopyError, CopyRefused, copy
from storage.database import Database
from tests.conftest import Server
from tests.test_load import LONG, Desk, said

ROOT = Path(__file__).parent.parent
MOMENT = dt.datetime(2026, 3, 20, 1, 2, 3, 456789, tzinfo=dt.UTC)


def silent(_step: str, _rows: int) -> None:
    """For those who don't wait."""


@pytest.fixture(params=["sqlite", "postgresql"])
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that is empty, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'copies' / 'copy.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.create(f"c{abs(hash(request.node.nodeid)):x}")


@pytest.fixture
def target(target_url: str) -> Iterator[Database]:
    opened = Database(target_url)
    yield opened
    opened.close()


@pytest.fixture
def desk(database: Database) -> Desk:
    """Sources with something in every table that holds what was collected, and in every kind of column."""
    desk = Desk(database)
    desk.load(said())
    desk.load(said(title="Паром «Ёлка» 渡轮 🚢 \u0301 ' \" \\"))
    desk.load(said(), "mirrored", "there")
    with database.write() as session:
        run = session.get_one(models.Run, desk.run)
        run.reasons, run.started_at = ["naïve", 'a "quoted" \\ reason', "\u2028"], MOMENT
        assert run.finished_at is None
        session.add(models.Host(host="mfa.example", next_at=1.7e9 + 1 / 3, delay=0.1, left_until=MOMENT))
    return desk


def rows_of(database: Database) -> dict[str, list[Row[Any]]]:
    """Every row of every table."""
    with database.read() as session:
        return {
            table.name: sorted(session.execute(select(table)).all(), key=repr)
            for table in models.Base.metadata.sorted_tables
        }


def is_empty(database: Database) -> bool:
    return not any(rows_of(database).values())


def fill(database: Database, turns: int) -> None:
    """Add a revision of very many turns."""
    with database.write() as session:
        last = session.scalars(select(models.Revision).order_by(models.Revision.id.desc()).limit(1)).one()
        rows = [
            {"revision_id": last.id, "position": 100 + n, "text": f"Turn {n} " + "of many words " * 8}
            for n in range(turns)
        ]
        session.execute(insert(models.Turn), rows)


# --- what arrives --------------------------------------------------------------------------------


def test_links_and_fingerprints_arrive_too(desk: Desk, target: Database) -> None:
    desk.load(said(LONG + " more or less"), "alike", "elsewhere")
    for source in ("here", "elsewhere"):
        list(duplicates.compare(desk.database, source))
    copy(desk.database, target, lambda _step, _rows: None)
    was = rows_of(desk.database)
    assert rows_of(target) == was
    assert was["links"] and was["fingerprints"]


def test_every_row_arrives_as_it_was(desk: Desk, target: Database) -> None:
    fill(desk.database, 2500)
    told: list[tuple[str, int]] = []
    copied = copy(desk.database, target, lambda step, rows: told.append((step, rows)))
    was = rows_of(desk.database)
    assert rows_of(target) == was and was["turns"] and was["appearances"]
    assert {name: rows.count for name, rows in copied.items()} == {
        name: len(rows) for name, rows in was.items()
    }
    assert ("copying turns", 2000) in told and ("checking turns", 2000) in told
    with target.read() as session:
        assert session.get_one(models.Run, desk.run).started_at == MOMENT
        assert session.scalar(select(func.count()).where(models.Run.finished_at.is_(None))) == 4


def test_a_copy_goes_on_as_the_original_would(desk: Desk, target: Database) -> None:
    copy(desk.database, target, silent)
    desk.database = target
    assert desk.load(said("A new text " * 30), "new").disposition == "new"
    assert desk.load(said("A changed text " * 30)).disposition == "revised"
    assert desk.load(said(), "mirrored", "there").disposition == "unchanged"


def test_a_copy_of_a_copy_is_the_original(desk: Desk, target: Database, tmp_path: Path) -> None:
    back = Database(f"sqlite:///{tmp_path / 'back.db'}")
    assert copy(desk.database, target, silent) == copy(target, back, silent)
    assert rows_of(back) == rows_of(desk.database)
    back.close()


def test_an_empty_database_is_copied_too(database: Database, target: Database) -> None:
    assert {rows.count for rows in copy(database, target, silent).values()} == {0}
    assert Desk(target).load(said()).disposition == "new"


def test_what_others_write_meanwhile_is_not_half_in_the_copy(desk: Desk, target: Database) -> None:
    fill(desk.database, 1500)
    was = rows_of(desk.database)
    meanwhile = iter(["late"])

    def somebody(step: str, _rows: int) -> None:
        if step.startswith("copying") and (key := next(meanwhile, None)):
            assert desk.load(said("Said while the copy was made. " * 20), key).disposition == "new"

    copy(desk.database, target, somebody)
    assert rows_of(target) == was
    assert desk.text("here/late")


# --- what is refused or fails --------------------------------------------------------------------


def test_a_target_with_rows_is_refused_and_left_alone(desk: Desk, target: Database) -> None:
    Desk(target).load(said())
    was = rows_of(target)
    with pytest.raises(CopyRefused, match="has captures already") as caught:
        copy(desk.database, target, silent)
    assert target.url in str(caught.value)
    assert rows_of(target) == was


def test_a_database_is_not_copied_onto_itself(desk: Desk, database_url: str, tmp_path: Path) -> None:
    again = Database(database_url)
    with pytest.raises(CopyRefused, match="is the source itself"):
        copy(desk.database, again, silent)
    again.close()


def test_a_file_under_another_name_is_still_the_source(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "podium.db")
    first, second = Database("sqlite:///podium.db"), Database(f"sqlite:///{tmp_path}/link.db")
    with pytest.raises(CopyRefused, match="is the source itself"):
        copy(first, second, silent)
    first.close()
    second.close()


def test_nothing_is_copied_into_memory(database: Database) -> None:
    memory = Database("sqlite://")
    with pytest.raises(CopyRefused, match="in memory only"):
        copy(database, memory, silent)
    memory.close()


def test_what_the_target_cant_hold_is_told_with_its_table(postgres: Server, tmp_path: Path) -> None:
    source, target = Database(f"sqlite:///{tmp_path / 'a.db'}"), Database(postgres.create("narrow"))
    Desk(source).load(said())
    with source.write() as session:
        session.execute(text("UPDATE transcripts SET source = :name"), {"name": "x" * 50})
    with pytest.raises(CopyError, match="table transcripts: value too long") as caught:
        copy(source, target, silent)
    assert "\n" not in str(caught.value)
    assert is_empty(target)
    source.close()
    target.close()


def test_what_the_source_cant_give_is_told_with_its_table(target: Database, tmp_path: Path) -> None:
    source = Database(f"sqlite:///{tmp_path / 'a.db'}")
    Desk(source).load(said())
    with source.write() as session:
        session.execute(text("UPDATE captures SET fetched_at = 'yesterday'"))
    with pytest.raises(CopyError, match="table captures: "):
        copy(source, target, silent)
    assert is_empty(target)
    source.close()


def test_a_copy_that_reads_otherwise_than_the_original_is_taken_back(desk: Desk, target: Database) -> None:
    with target.write() as session:
        for statement in SPOILERS[target.engine.dialect.name]:
            session.execute(text(statement))
    with pytest.raises(CopyError, match="table turns is not what was copied") as caught:
        copy(desk.database, target, silent)
    assert target.url in str(caught.value)
    assert is_empty(target)


SPOILERS = {
    "sqlite": [
        "CREATE TRIGGER spoil AFTER INSERT ON turns BEGIN "
        "UPDATE turns SET text = text || '.' WHERE rowid = new.rowid AND position = 2; END"
    ],
    "postgresql": [
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF new.position = 2 THEN new.text := new.text || '.'; END IF; RETURN new; END $$",
        "CREATE TRIGGER spoil BEFORE INSERT ON turns FOR EACH ROW EXECUTE FUNCTION spoil()",
    ],
}
"""What makes a database keep something else than it was given."""


@pytest.mark.slow
def test_a_killed_copy_leaves_an_empty_target_that_the_next_one_fills(
    desk: Desk, database_url: str, target: Database, target_url: str
) -> None:
    fill(desk.database, 60_000)
    program = """
import sys
from storage.copy import copy
from storage.database import Database

def say(step, rows):
    print(step, rows, flush=True)

copy(Database(sys.argv[1]), Database(sys.argv[2]), say)
"""
    begun = subprocess.Popen(
        [sys.executable, "-c", program, database_url, target_url], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with begun:
        assert begun.stdout is not None
        for line in begun.stdout:
            if line == "copying turns 30000\n":
                os.kill(begun.pid, signal.SIGKILL)
                break
    assert begun.returncode == -signal.SIGKILL
    assert is_empty(target)
    assert copy(desk.database, target, silent)["turns"].count > 60_000
    assert rows_of(target) == rows_of(desk.database)
