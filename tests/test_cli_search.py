"""`podium search` and `podium export` as a person uses them: in their own process."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest
from sqlalchemy import update

from storage import models
from storage.database import Database
from storage.transcript import GUESSED_DATE, Transcript, Turn, parse
from tests.command import PODIUM, podium
from tests.test_load import DAY, Desk
from tests.test_search import SAID


@pytest.fixture
def local(tmp_path: Path) -> str:
    """The address of an archive on SQLite."""
    url = f"sqlite:///{tmp_path / 'podium.db'}"
    database = Database(url)
    desk = Desk(database)
    for key, transcript in SAID.items():
        desk.load(transcript, key)
    database.close()
    return url


def run(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return podium(*words, PODIUM_DATABASE_URL=url)


# --- search --------------------------------------------------------------------------------------


def test_search_prints_who_said_what_when_and_how_to_open_it(local: str) -> None:
    done = run(local, "search", "de-escalation zone", "--speaker", "lavrov", "--since", "2026-01-01")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "2026-03-20  here  Russia's Minister Sergey Lavrov  On the zone\n"
        "  The de-escalation zone is safe.\n"
        "  podium show 1\n"
    )
    opened = run(local, *done.stdout.splitlines()[-1].split()[1:])
    assert "The de-escalation zone is safe." in opened.stdout


def test_a_date_that_is_a_guess_has_a_question_mark(local: str) -> None:
    database = Database(local)
    with database.write() as session:
        session.execute(update(models.Revision).values(doubts=["no layout", GUESSED_DATE]))
    database.close()
    assert run(local, "search", "外交部").stdout.startswith("2026-03-22?  here  ")
    told = json.loads(run(local, "search", "外交部", "--json").stdout)
    assert (told["date"], told["doubts"]) == ("2026-03-22", ["no layout", GUESSED_DATE])


def test_search_prints_one_object_a_line(local: str) -> None:
    done = run(local, "search", "zone", "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["position"] for each in told] == [1, 0]
    assert told[1]["date"] == "2026-03-20" and told[1]["role"] == "question"
    ((start, end),) = told[1]["marks"]
    assert told[1]["passage"][start:end] == "zone"


def test_filters_and_the_limit_hold(local: str) -> None:
    assert run(local, "search", "zone", "--role", "question", "--json").stdout.count("\n") == 1
    assert run(local, "search", "zone", "--limit", "1", "--json").stdout.count("\n") == 1
    assert "外交部" in run(local, "search", "外交部", "--language", "zh", "--source", "here").stdout


def test_nothing_found_is_one_line_and_no_failure(local: str) -> None:
    for words in (["nothing"], ["zone", "--until", "2020-01-01"], ["no\x1b[2Jthing", "--json"]):
        done = run(local, "search", *words)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.startswith("podium: nothing found for ") and done.stderr.count("\n") == 1
        assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["search"], "'query'"),
        (["search", "!"], "needs a word"),
        (["search", "zone", "--role", "king"], "'--role'"),
        (["search", "zone", "--since", "soon"], "not a date: 'soon'"),
        (["search", "zone", "--since", "2020-02-01", "--until", "2020-01-01"], "ends (2020-01-01) before"),
        (["search", "zone", "--speaker", ""], "the speaker is empty; leave it out to have any"),
        (["search", "zone", "--speaker", "\u200b \u0651"], "the speaker is empty"),
        (["search", "zone", "--speaker", "x" * 60_000], "the speaker is too long: at most 250 characters"),
        (["search", "zone", "--language", "russian"], "no language 'russian'; it is a code of two letters"),
        (["search", "zone", "--source", " "], "the source is empty"),
        (["search", "zone", "--since", ""], "not a date: ''"),
        (["export", "out", "--speaker", ""], "the speaker is empty"),
        (["export", "out", "--language", ""], "the language is empty"),
        (["export", "out", "--language", "zh-CN"], "no language 'zh-CN'"),
        (["export", "out", "--until", ""], "not a date: ''"),
        (["search", "zone", "--limit", "0"], "'--limit'"),
        (["search", "zone", "--database", "sqlite:///none.db"], "there is no database here yet"),
        (["export"], "'DIR'"),
        (["export", "full"], "full: is not an empty folder"),
        (["export", "out", "--format", "docx"], "'--format'"),
        (["export", "out", "--since", "soon"], "not a date"),
        (["export", "out", "--database", "sqlite:///none.db"], "there is no database here yet"),
    ],
)
def test_a_mistake_is_one_line_with_status_2_and_writes_nothing(
    words: list[str], told: str, local: str, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").touch()
    before = sorted(tmp_path.rglob("*"))
    done = run(local, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("podium: ") and done.stderr.count("\n") == 1
    assert told in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def on_a_terminal(url: str, *words: str) -> bytes:
    ours, theirs = pty.openpty()
    env = os.environ | {"PODIUM_DATABASE_URL": url, "TERM": "xterm-256color", "COLUMNS": "100"}
    done = subprocess.Popen([PODIUM, *words], env=env, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    out = b""
    while True:
        try:
            out += os.read(ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
    os.close(ours)
    assert done.wait() == 0
    return out


def test_a_terminal_sees_the_places_of_a_hit(local: str) -> None:
    shown = on_a_terminal(local, "search", "de-escalation", "--role", "answer")
    assert b"The \x1b[1;33mde-escalation\x1b[0m zone is safe." in shown


@pytest.mark.parametrize(
    ("wanted", "told"),
    [("0", "neither"), ("x", "neither"), ("sha256:X", "no revision"), ("9", "no revision")],
)
def test_a_revision_that_is_none_is_a_mistake(local: str, wanted: str, told: str) -> None:
    done = run(local, "show", "here/zone", "--revision", wanted)
    assert (done.returncode, done.stdout) == (2, "") and told in done.stderr


def test_a_revision_is_shown_by_its_digest(local: str) -> None:
    shown = run(local, "show", "here/zone", "--revision", "sha256:0")
    assert shown.returncode == 0 and shown.stdout == run(local, "show", "here/zone").stdout != ""


def test_a_title_stands_on_a_terminal_as_it_is() -> None:
    local = "sqlite:///ratio.db"
    database = Database(local)
    Desk(database).load(Transcript(DAY, "Ratio 2:a:1 :on: [b]x[/b]", (Turn(("A ratio.",)),)), "ratio")
    database.close()
    assert b"Ratio 2:a:1 :on: [b]x[/b]" in on_a_terminal(local, "search", "ratio")


def test_nothing_of_a_page_reaches_the_terminal_as_a_command(local: str) -> None:
    database = Database(local)
    with database.write() as session:
        session.execute(update(models.Revision).values(title="Owned \x1b]0;owned\x07\u202e [bold]"))
        session.execute(update(models.Turn).values(text="A zone \x1b[2J zone [red]", speaker="\x1b[2J"))
    database.close()
    assert not set("\x1b\x07\u202e") & set(run(local, "search", "zone").stdout)
    shown = on_a_terminal(local, "search", "zone")
    assert b"\x1b[2J" not in shown and b"\x07" not in shown and b"[red]" in shown and b"[bold]" in shown


# --- export --------------------------------------------------------------------------------------


def test_export_writes_what_show_prints(local: str, tmp_path: Path) -> None:
    done = run(local, "export", "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "out: 9 documents, 10 turns, 9 files\n"
    text = (tmp_path / "out" / "here" / "2026" / "2026-03-20-zone.txt").read_bytes().decode()
    assert text == run(local, "show", "here/zone").stdout
    assert parse(text).title == "On the zone"
    again = run(local, "export", "out")
    assert again.returncode == 2 and "is not an empty folder" in again.stderr


def test_export_takes_the_filters_of_search(local: str, tmp_path: Path) -> None:
    done = run(local, "export", "out", "--format", "jsonl", "--speaker", "лавров", "--language", "ru")
    assert done.stdout == "out: 1 document, 1 turn, 1 file\n"
    (line,) = (tmp_path / "out" / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["title"] == "О зоне"


def test_a_capture_that_is_not_in_the_archive_is_one_line_with_status_3(local: str, tmp_path: Path) -> None:
    done = run(local, "export", "out", "--format", "warc")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1 and "podium audit --verify" in done.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.slow
def test_a_killed_export_has_no_manifest(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'many.db'}"
    database = Database(url)
    desk = Desk(database)
    for n in range(300):
        desk.load(Transcript(DAY, f"Number {n}", (Turn((f"Text {n}. " * 100,)),)), f"many-{n}")
    database.close()
    begun = subprocess.Popen(
        [PODIUM, "export", "out"], env=os.environ | {"PODIUM_DATABASE_URL": url}, stdout=subprocess.DEVNULL
    )
    while len(list((tmp_path / "out").rglob("*.txt"))) < 50:
        assert begun.poll() is None
        time.sleep(0.001)
    os.kill(begun.pid, signal.SIGKILL)
    begun.wait()
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_help_names_both_and_stays_quick() -> None:
    done = podium("--help")
    assert "search" in done.stdout and "export" in done.stdout
