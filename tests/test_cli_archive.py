"""`podium diff` and `podium copy` as a person uses them: in their own process, on databases of both kinds."""

from __future__ import annotations

import os
import pty
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import html

from storage import hosts, lookup, models
from storage.database import Database
from storage.transcript import Transcript, Turn
from tests.command import PODIUM, podium
from tests.conftest import Server
from tests.test_load import DAY, Desk, said, second

OLD = said("It sails on Monday with 40 cars. " * 20)
NEW = replace(
    second(OLD, Turn(("Will it ever sail?", "When: today?"), label="Journalist")),
    title="On the <ferry> & the bridge",
)


def filled(database: Database) -> Desk:
    """An archive with a transcript that was revised, a mirror of it that wasn't, and another address of it."""
    desk = Desk(database)
    desk.load(OLD)
    desk.load(NEW)
    desk.load(replace(NEW, turns=NEW.turns[1:]), "mirror", "there")
    desk.load(NEW, "copy", "there")
    return desk


@pytest.fixture
def desk(database: Database) -> Desk:
    """Such an archive, once of each kind."""
    return filled(database)


@pytest.fixture
def local(tmp_path: Path) -> str:
    """The address of such an archive on SQLite."""
    database = Database(f"sqlite:///{tmp_path / 'podium.db'}")
    filled(database)
    database.close()
    return f"sqlite:///{tmp_path / 'podium.db'}"


def run(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return podium(*words, PODIUM_DATABASE_URL=url)


# --- diff ----------------------------------------------------------------------------------------


def test_diff_shows_what_the_newest_revision_changed(desk: Desk, database_url: str) -> None:
    done = run(database_url, "diff", "here/a")
    assert (done.returncode, done.stderr) == (0, "")
    head, shown = done.stdout.splitlines()[:2], done.stdout.splitlines()[2:]
    assert head[0] == (
        "before: here/a, revision 1, captured 2026-03-20 12:00:00 UTC, sha256:0, https://here.example/a"
    )
    assert head[1].startswith("after: here/a, revision 2, ")
    assert shown == [
        "title:",
        "  On the [-ferry-]{+<ferry> & the bridge+}",
        "turn 2, [-Question-]{+Journalist+}:",
        "  Will it {+ever+} sail? When: today?",
    ]


def test_diff_finds_a_transcript_by_address_and_compares_the_revisions_asked_for(
    desk: Desk, database_url: str
) -> None:
    desk.load(OLD)
    since_the_first = run(database_url, "diff", "https://here.example/a", "--from", "1")
    assert since_the_first.stdout.splitlines()[2:] == ["No word of date, title or turns differs."]
    last = run(database_url, "diff", "1")
    assert "Will it [-ever-] sail?" in last.stdout
    backwards = run(database_url, "diff", "1", "--from", "3", "--to", "2")
    assert "Will it {+ever+} sail?" in backwards.stdout
    assert "Will it {+ever+} sail?" in run(database_url, "diff", "1", "--to", "2").stdout


def test_diff_compares_a_mirror_with_its_original(desk: Desk, database_url: str) -> None:
    done = run(database_url, "diff", "here/a", "there/mirror")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1].endswith("https://there.example/mirror")
    assert done.stdout.splitlines()[2:] == ["turn 1, taken out:", "  [-Good morning.-]"]
    same = run(database_url, "diff", "here/a", "there/copy")
    assert same.returncode == 0
    assert same.stdout == "both are addresses of one transcript; `podium diff 1` shows its revisions\n"


def test_a_transcript_with_one_revision_has_nothing_to_compare(desk: Desk, database_url: str) -> None:
    for words in ([], ["--from", "1"], ["--to", "1"]):
        done = run(database_url, "diff", "there/mirror", *words)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "there/mirror: has one revision, nothing to compare it with\n"
    page = run(database_url, "diff", "there/mirror", "--html")
    assert (page.returncode, page.stdout) == (0, "") and "has one revision" in page.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["diff", "here/none"], "no transcript here/none"),
        (["diff", "here/a", "here/none"], "no transcript here/none"),
        (["diff", "here/a", "--to", "7"], "here/a: no revision 7; its newest is 2"),
        (["diff", "here/a", "--to", "1"], "choose another with --from or --to"),
        (["diff", "here/a", "--from", "0"], "'--from'"),
        (["diff", "here/a", "there/mirror", "--from", "1"], "--from and --to choose revisions"),
        (["diff"], "'name'"),
        (["copy"], "'--to'"),
        (["copy", "--to", "sqlite:///podium.db"], "is the source itself"),
        (["copy", "--to", "copy.db"], "not a database address"),
        (["copy", "--to", "sqlite://"], "in memory only"),
        (
            ["copy", "--from", "sqlite:///none.db", "--to", "sqlite:///copy.db"],
            "none.db: there is no database",
        ),
    ],
)
def test_a_mistake_is_one_line_with_status_2_and_writes_nothing(
    words: list[str], told: str, local: str, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = run(local, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("podium: ") and done.stderr.count("\n") == 1
    assert told in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_the_newest_revision_is_named_whichever_address_is_asked_by(desk: Desk, database_url: str) -> None:
    desk.load(second(NEW, Turn(("Is that all?",), label="Journalist")))
    for name in ("here/a", "there/copy", "https://there.example/copy"):
        done = run(database_url, "show", name, "--revision", "9")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"podium: {name}: no revision 9; its newest is 3\n"


def test_a_terminal_gets_colours_and_no_marks(desk: Desk, database_url: str) -> None:
    ours, theirs = pty.openpty()
    env = os.environ | {"PODIUM_DATABASE_URL": database_url, "TERM": "xterm-256color", "COLUMNS": "200"}
    done = subprocess.Popen([PODIUM, "diff", "here/a"], env=env, stdin=subprocess.DEVNULL, stdout=theirs)
    os.close(theirs)
    out = b""
    while True:
        try:
            out += os.read(ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
    os.close(ours)
    assert done.wait() == 0
    assert b"Will it\x1b[4;32m ever\x1b[0m sail?" in out
    assert b"{+" not in out and b"[-" not in out


def test_the_page_stands_alone_and_escapes_what_it_shows(desk: Desk, database_url: str) -> None:
    done = run(database_url, "diff", "here/a", "--html")
    assert (done.returncode, done.stderr) == (0, "")
    page = html.document_fromstring(done.stdout)
    assert not page.xpath("//script | //link | //img | //iframe | //@src | //@onclick | //ferry")
    assert page.xpath("string(//h1)") == NEW.title
    assert page.xpath("//a/@href") == ["https://here.example/a"] * 2
    assert "2026-03-20 12:00:00 UTC" in page.xpath("string(//dl)") and "sha256:1" in page.xpath(
        "string(//dl)"
    )
    assert [text.text_content() for text in page.xpath("//del")] == [
        "[taken out: ferry]",
        "[taken out: Question]",
    ]
    added = [text.text_content() for text in page.xpath("//ins")]
    assert added == ["[put in: <ferry> & the bridge]", "[put in: Journalist]", "[put in: ever]"]
    assert page.xpath("//h2[2]/bdi/@lang") == ["en"]
    assert page.xpath("//p/@dir") == ["ltr", "ltr"] and page.xpath("//p/@lang") == ["en", "en"]


def test_right_to_left_text_keeps_its_direction_beside_english_words_for_the_marks(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'podium.db'}"
    desk = Desk(Database(url))
    for day in ("الاثنين", "الجمعة"):
        words = f"{day} تبحر السفينة " + "كلمة " * 60
        desk.load(Transcript(DAY, "بيان", (Turn((words,), label="الوزير"),), language="ar"))
    page = html.document_fromstring(run(url, "diff", "1", "--html").stdout)
    (shown,) = page.xpath("//p")
    assert (shown.get("dir"), shown.get("lang")) == ("rtl", "ar")
    assert shown.xpath("string(.//span[@dir='ltr' and @lang='en'])") == "[taken out: "


def test_nothing_of_a_page_reaches_the_terminal_or_the_browser_as_a_command(
    desk: Desk, database: Database, database_url: str
) -> None:
    with database.write() as session:
        revision = lookup.find(session, "here/a")
        assert revision is not None
        revision.title = "Owned \x1b]0;owned\x07\u202e"
        revision.turns[0].text = "</p><script>alert(1)</script> \x1b[2J"
        capture = session.get_one(models.Capture, revision.capture_id)
        capture.url = "javascript:alert(1)//\x1b[2J"
    shown = run(database_url, "diff", "here/a").stdout
    page = run(database_url, "diff", "here/a", "--html").stdout
    assert not set("\x1b\x07\u202e") & set(shown + page)
    parsed = html.document_fromstring(page)
    assert not parsed.xpath("//script | //a[starts-with(@href, 'javascript')]")
    assert "<script>alert(1)</script>" in parsed.text_content()


# --- copy ----------------------------------------------------------------------------------------


def test_copy_moves_the_archive_and_says_what_it_leaves(local: str, postgres: Server, tmp_path: Path) -> None:
    target = postgres.create("moved")
    done = podium("copy", "--to", target, PODIUM_DATABASE_URL=local, PODIUM_ARCHIVE="warcs")
    assert (done.returncode, done.stderr) == (0, "")
    *rows, last = done.stdout.splitlines()
    assert rows[0] == "table\trows\tdigest"
    assert {"transcripts\t2\tok", "revisions\t3\tok", "turns\t11\tok"} <= set(rows)
    assert len(rows) == 1 + len(models.Base.metadata.tables)
    assert "not copied" in last and str(tmp_path / "warcs") in last
    assert run(target, "diff", "here/a").stdout == run(local, "diff", "here/a").stdout != ""
    again = podium("copy", "--from", local, "--to", target)
    assert (again.returncode, again.stdout) == (2, "") and again.stderr.count("\n") == 1
    assert "has captures already" in again.stderr


def test_a_copy_that_fails_is_one_line_with_status_3(postgres: Server, tmp_path: Path) -> None:
    source = Database(f"sqlite:///{tmp_path / 'podium.db'}")
    Desk(source).load(said())
    with source.write() as session:
        session.get_one(models.Transcript, 1).source = "x" * 50
    source.close()
    done = podium(
        "copy", "--from", f"sqlite:///{tmp_path / 'podium.db'}", "--to", postgres.create("narrow_by_command")
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "table transcripts: value too long" in done.stderr and done.stderr.count("\n") == 1


# --- hosts ---------------------------------------------------------------------------------------


def test_hosts_shows_who_is_left_alone_and_asks_one_again(database: Database, database_url: str) -> None:
    assert run(database_url, "hosts").stdout == "no host is left alone\n"
    with database.write() as session:
        until = hosts.leave(session, "mfa.example", "a \x1b[31mchallenge", 3600)
    assert run(database_url, "hosts").stdout.splitlines() == [
        "host\tuntil (UTC)\twhy",
        f"mfa.example\t{until:%Y-%m-%d %H:%M}\ta [31mchallenge",
    ]
    assert run(database_url, "hosts", "--lift", "mfa.example").returncode == 0
    again = run(database_url, "hosts", "--lift", "mfa.example")
    assert (again.returncode, again.stderr) == (2, "podium: mfa.example: is not left alone\n")
