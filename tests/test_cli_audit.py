"""`podium audit` as a person uses it: what it says, what it changes, and how it exits."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from flows.cli import main
from flows.settings import Settings
from storage.database import Database
from tests.bureau import Bureau, day, settings_of
from tests.command import PODIUM, podium
from tests.test_integrity import Office


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    return Office(database, tmp_path / "archive")


@pytest.fixture
def settings(office: Office, database_url: str, tmp_path: Path) -> Settings:
    """Of an archive whose source is a draft, of which nothing can be missing."""
    made = settings_of(database_url, tmp_path / "drafts", "here")
    file = tmp_path / "drafts" / "here.toml"
    file.write_text(f"draft = true\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
    return made.model_copy(update={"archive": office.archive.folder})


def test_nothing_found_is_told_from_nothing_looked_at(office: Office, settings: Settings) -> None:
    done = podium("audit", settings=settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Nothing needs a look, as of ")
    assert done.stdout.endswith(
        "\nchecked: 3 transcripts, 3 revisions\nnot read: the archive; --verify reads it\n"
    )
    done = podium("audit", "--verify", settings=settings)
    size = office.path.stat().st_size
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(
        f"\nchecked: 1 WARC files of {size:,} bytes, 3 captures, 3 transcripts, 3 revisions\n"
    )


def test_each_finding_is_one_line_that_says_what_a_repair_does(office: Office, settings: Settings) -> None:
    office.path.write_bytes(office.path.read_bytes()[:-9])
    before = office.state()
    done = podium("audit", "--verify", settings=settings)
    assert (done.returncode, done.stderr) == (1, "")
    *_, torn, capture, checked = done.stdout.splitlines()
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
    assert sum(" [" in line for line in done.stdout.splitlines()) == 3
    assert not set("\x1b\x07") & set(done.stdout)


def test_a_text_that_somebody_else_has_damaged_is_one_line(office: Office, settings: Settings) -> None:
    engine = create_engine(office.database.engine.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE revisions SET title = ' ' WHERE id = 1"))
    engine.dispose()
    for command in (("show", "here/a"), ("diff", "1", "2")):
        done = podium(*command, settings=settings)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith("podium: revision 1 is damaged, as `podium audit` says: ")
        assert done.stderr.count("\n") == 1
    assert "here/a revision 1: its text can't be put together" in podium("audit", settings=settings).stdout


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
    *_, torn, capture, checked = [line.partition(b":")[0] for line in done.stdout.splitlines()]
    assert (torn, capture, checked) == (b"torn", b"capture", b"checked")
    assert b"Checking: " in shown and b"torn:" not in shown


# --- what is missing -----------------------------------------------------------------------------


Audit = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Audit:
    """Run the command within this process, on an archive whose ministry fell silent and whose nights stopped."""
    url = f"sqlite:///{tmp_path / 'podium.db'}"
    for name, value in settings_of(url, tmp_path / "sources", "ministry").environment().items():
        monkeypatch.setenv(name, value)
    database = Database(url)
    bureau = Bureau(database)
    bureau.publish(day(60))
    bureau.publish(day(30))
    bureau.run("nightly", day(44), day(29))
    bureau.lose(bureau.run("backfill", day(44), day(29)), "rejected", "no body: \x1b[31m", day(31))
    database.close()

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["podium", "audit", *words])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr()
        return subprocess.CompletedProcess(words, int(str(end.value.code)), told.out, told.err)

    return run


def test_what_needs_a_look_is_told_worst_first_and_exits_with_one(audit: Audit) -> None:
    done = audit("--quick")
    assert (done.returncode, done.stderr) == (1, "")
    verdict, head, *rest = done.stdout.splitlines()
    assert verdict.startswith("1 of 1 sources need a look, as of ") and verdict.endswith(": ministry.")
    assert head == "needs a look\tsource\twhat"
    assert [line.partition("\t")[0] for line in rest[:3]] == ["not visited", "silent", "gap"]
    assert "checked:" not in done.stdout and "\x1b" not in done.stdout


def test_json_is_one_object_with_everything(audit: Audit) -> None:
    done = audit("--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert [need["kind"] for need in found["needs"]] == ["not visited", "silent", "gap"]
    assert found["sources"][0]["last"] == str(day(30)) and found["months"][0]["documents"] == 1
    assert found["gaps"][0]["days"] == 29 and found["checked"]["transcripts"] == 2
    # these rows have no pages of a run that ended well
    assert {each["kind"] for each in found["damage"]} <= {"run"}


def test_an_audit_as_of_an_earlier_day_judges_what_was_known_then(audit: Audit) -> None:
    words = ("--quick", "--since", str(day(59)), "--until", str(day(29)))
    done = audit(*words)
    assert f"as of {day(29)}" in done.stdout and "silent" not in done.stdout.splitlines()[2]


def test_months_are_told_where_they_are_asked_for(audit: Audit) -> None:
    done = audit("--quick", "--months")
    assert f"\nministry\t{day(60):%Y-%m}\t1\t100%\t0%" in done.stdout


def test_a_year_is_a_line_a_source_and_a_picture(audit: Audit, tmp_path: Path) -> None:
    file = tmp_path / "year.svg"
    done = audit("--year", "2026", "--picture", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    head, line, legend = done.stdout.splitlines()
    assert head.split()[0] == "Jan" and line.startswith("ministry ") and "never looked at" in legend
    assert "\x1b" not in done.stdout
    assert file.read_text(encoding="utf-8").startswith("<svg ")
    assert audit("--picture", str(tmp_path / "no" / "x.svg")).returncode == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--source", "nobody"), "unknown source 'nobody'"),
        (("--since", "soon"), "not a date"),
        (("--since", "2026-02-01", "--until", "2026-01-01"), "ends (2026-01-01) before it begins"),
        (("--year", "2026", "--json"), "--source only"),
        (("--quick", "--repair"), "--quick leaves out"),
        (("--year", "26"), "1900"),
    ],
)
def test_wrong_words_are_one_line_that_says_what_to_do(
    audit: Audit, words: tuple[str, ...], told: str
) -> None:
    done = audit(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr and done.stderr.count("\n") == 1
