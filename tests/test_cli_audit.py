"""`podium audit` as a person uses it: what it says, what it changes, and how it exits."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from flows.settings import Settings
from storage.database import Database
from tests.test_cli import PODIUM, podium
from tests.test_integrity import Office


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    return Office(database, tmp_path / "archive")


@pytest.fixture
def settings(office: Office, database_url: str) -> Settings:
    return Settings(database_url=database_url, archive=office.archive.folder)


def test_nothing_found_is_told_from_nothing_looked_at(office: Office, settings: Settings) -> None:
    done = podium("audit", settings=settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "checked: 3 transcripts, 3 revisions\nnot read: the archive; --verify reads it\n"
    done = podium("audit", "--verify", settings=settings)
    size = office.path.stat().st_size
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"checked: 1 WARC files of {size:,} bytes, 3 captures, 3 transcripts, 3 revisions\n"


def test_each_finding_is_one_line_that_says_what_a_repair_does(office: Office, settings: Settings) -> None:
    office.path.write_bytes(office.path.read_bytes()[:-9])
    before = office.state()
    done = podium("audit", "--verify", settings=settings)
    assert (done.returncode, done.stderr) == (1, "")
    torn, capture, checked = done.stdout.splitlines()
    assert torn.startswith(f"torn: here/2026/{office.path.name}: ends within the record at offset ")
    assert torn.endswith(f"[a repair cuts it there and keeps the rest beside it as {office.path.name}.torn]")
    assert capture.endswith(
        "https://here.example/c: its record is not whole; resting on it: here/c [can't be repaired]"
    )
    assert checked.startswith("checked: 1 WARC files")
    assert office.state() == before


def test_a_repair_says_what_it_did_and_exits_by_what_is_left(office: Office, settings: Settings) -> None:
    office.path.rename(office.path.with_name("renamed.warc.gz"))
    done = podium("audit", "--repair", settings=settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert "[repaired: points their rows at them]" in done.stdout
    assert podium("audit", "--verify", settings=settings).returncode == 0
    office.path.with_name("renamed.warc.gz").unlink()
    done = podium("audit", "--repair", settings=settings)
    assert done.returncode == 1
    assert (
        "no such file; 3 captures; resting on it: here/a, here/b, here/c [can't be repaired]" in done.stdout
    )


def test_the_files_of_a_live_run_are_counted_and_left(office: Office, settings: Settings) -> None:
    run = office.begun()
    live = office.path.with_name(f"here-20260321T000000-r{run}-p{os.getpid()}.warc.gz")
    live.touch()
    done = podium("audit", "--repair", settings=settings)
    assert done.returncode == 0
    assert done.stdout.endswith("left alone: 1 WARC files that a run is still writing\n")
    assert live.exists()


def test_what_a_page_says_never_reaches_the_terminal_raw(office: Office, settings: Settings) -> None:
    engine = create_engine(office.database.engine.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE captures SET url = :url"), {"url": "https://a/\x1b]0;owned\x07\n"})
    engine.dispose()
    done = podium("audit", "--verify", settings=settings)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 4
    assert not set("\x1b\x07") & set(done.stdout)


def test_an_archive_that_is_not_there_is_a_mistake(settings: Settings, tmp_path: Path) -> None:
    elsewhere = settings.model_copy(update={"archive": tmp_path / "nowhere"})
    for option in ("--verify", "--repair"):
        done = podium("audit", option, settings=elsewhere)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1 and "PODIUM_ARCHIVE" in done.stderr
    assert podium("audit", settings=elsewhere).returncode == 0


def test_a_database_that_is_not_there_is_a_mistake() -> None:
    done = podium("audit")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no database here yet" in done.stderr


def test_a_line_of_progress_is_shown_to_a_person_and_findings_still_go_where_output_goes(
    office: Office, settings: Settings
) -> None:
    office.path.write_bytes(office.path.read_bytes()[:-9])
    ours, theirs = pty.openpty()
    env = os.environ | settings.environment() | {"TERM": "xterm"}
    done = subprocess.run(
        [PODIUM, "audit", "--verify"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    shown = os.read(ours, 100_000)
    os.close(ours)
    assert done.returncode == 1
    assert [line.partition(b":")[0] for line in done.stdout.splitlines()] == [b"torn", b"capture", b"checked"]
    assert b"Checking: " in shown and b"torn:" not in shown
