"""The command as a person uses it: in its own process, with wrong input too."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from crawler.source import SourceError
from flows import cli, plan
from flows.collect import collect
from flows.demo import Stage, stage
from flows.settings import Settings
from storage.archive import Archive
from storage.transcript import parse, render
from storage.warc import Record
from tests.command import PODIUM, podium, podium_process
from tests.conftest import TODAY
from tests.site import MisbehavingMinistry


@pytest.fixture(scope="module")
def ministry() -> Iterator[MisbehavingMinistry]:
    """A site that behaves."""
    with MisbehavingMinistry(TODAY) as site:
        yield site


@pytest.fixture(scope="module")
def filled(ministry: MisbehavingMinistry, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings whose archive holds what that site has published, for tests that read it."""
    place = stage(tmp_path_factory.mktemp("filled") / "podium", ministry)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)
        (order,) = plan.backfill(place.settings, TODAY - dt.timedelta(45), TODAY)
        assert collect(order, place.settings).state == "completed"
    return place.settings


@pytest.fixture
def saved(site: MisbehavingMinistry, tmp_path: Path) -> Path:
    """A WARC file with the site's documents and a listing."""
    with Archive(tmp_path).writer("saved", 1, dt.datetime(2026, 3, 20, tzinfo=dt.UTC)) as writer:
        for path in ["/briefings/", *(document.path for document in site.documents)]:
            writer.write(
                Record(
                    url=f"{site.base}{path}",
                    fetched_at=dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC),
                    status=200,
                    headers=(("Content-Type", "text/html; charset=utf-8"),),
                    body=site.answer(path).body,
                )
            )
    (file,) = tmp_path.glob("saved/*/*.warc.gz")
    return file


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nightly", "--source", "atlantis"], "unknown source 'atlantis'"),
        (["nightly"], "no contact: set PODIUM_CONTACT"),
        (["backfill", "--since", "yesterday"], "not a date: 'yesterday'"),
        (["backfill", "--since", "2020-02-30"], "not a date: '2020-02-30'"),
        (["backfill", "--since", "2020-02-03", "--until", ""], "not a date: ''"),
        (["reextract", "--until", ""], "not a date: ''"),
        (["backfill"], "--since"),
        (
            ["backfill", "--since", "2020-05-02", "--until", "2020-05-01"],
            "ends (2020-05-01) before it begins",
        ),
        (["backfill", "--since", "9999-01-01", "--source", "kremlin"], "before it begins (9999-01-01)"),
        (["backfill", "--since", "2020-05-01", "--replay", "none.warc.gz"], "none.warc.gz: No such file"),
        (["backfill", "--since", "2020-05-01", "--replay", "text.warc.gz"], "text.warc.gz"),
        (["nightly", "--replay", "empty.warc.gz", "--source", "kremlin"], "empty.warc.gz"),
        (["show", "1"], "there is no database here yet"),
        (["status"], "there is no database here yet"),
        (["status", "seven"], "'run'"),
        (["show"], "'name'"),
        (["source", "check", "kremlin", "--page", "http://en.kremlin.ru/1"], "name it with --replay"),
        (["extract", "nowhere.html"], "nowhere.html: no such file"),
        (["extract", "."], ".: a folder, not a file"),
        (
            ["extract", "text.warc.gz", "--format", "yaml"],
            "'--format': 'yaml' is not one of 'text', 'json', 'jsonl'",
        ),
        (["extract", "text.warc.gz"], "text.warc.gz"),
        (["source", "check", "atlantis"], "unknown source 'atlantis'"),
        (["source", "check", "wrong.toml"], "wrong.toml:2: hoosts: unknown key"),
        (["up", "--port", "0"], "'--port'"),
        (["sing"], "No such command 'sing'"),
        (["--sing"], "--sing"),
    ],
)
def test_a_mistake_is_one_line_with_status_2_and_writes_nothing(
    words: list[str], told: str, tmp_path: Path
) -> None:
    (tmp_path / "text.warc.gz").write_text("This is no WARC file.\n")
    (tmp_path / "empty.warc.gz").write_bytes(b"")
    (tmp_path / "wrong.toml").write_text('id = "wrong"\nhoosts = ["example.org"]\n')
    before = sorted(tmp_path.rglob("*"))
    done = podium(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("podium: ") and done.stderr.count("\n") == 1
    assert told in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_every_error_that_is_told_in_one_line_is_known_by_its_name() -> None:
    for name in cli.MISTAKES | cli.FAILURES:
        module, _, kind = name.rpartition(".")
        found = getattr(import_module(module), kind)
        assert f"{found.__module__}.{found.__qualname__}" == name


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:////proc/podium/podium.db", "/proc/podium"),
        ("sqlite:///text.db", "file is not a database"),
        ("postgresql://someone:secret@127.0.0.1:9/podium", "127.0.0.1"),
        ("mysql://127.0.0.1/podium", "only sqlite and postgresql"),
        ("postgresql+asyncpg://someone:secret@127.0.0.1:9/podium", "leave +asyncpg out"),
        ("podium.db", "not a database address"),
    ],
)
def test_a_database_that_cant_be_opened_is_one_line_without_its_password(
    url: str, told: str, saved: Path, tmp_path: Path, place: Stage
) -> None:
    (tmp_path / "text.db").write_text("This is no database.\n" * 100)
    sources = str(place.settings.sources)
    done = podium("nightly", "--replay", str(saved), "--database", url, PODIUM_SOURCES=sources)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert told in done.stderr and "secret" not in done.stderr
    assert not (tmp_path / "podium-data").exists()


def test_a_new_database_beside_another_ones_files_is_refused(
    filled: Settings, saved: Path, tmp_path: Path
) -> None:
    for words in (["nightly"], ["backfill", "--since", "2026-03-01"]):
        done = podium(
            *words, "--replay", str(saved), "--database", f"sqlite:///{tmp_path}/typo.db", settings=filled
        )
        assert (
            done.returncode == 2 and "is database_url right?" in done.stderr and done.stderr.count("\n") == 1
        )


def test_a_database_without_its_archive_is_refused(filled: Settings, saved: Path, tmp_path: Path) -> None:
    (empty := tmp_path / "not-mounted").mkdir()
    away = filled.model_copy(update={"archive": empty})
    done = podium("nightly", "--replay", str(saved), settings=away)
    assert done.returncode == 2 and "is its disk mounted?" in done.stderr and done.stderr.count("\n") == 1
    assert not list(empty.iterdir())


def test_another_process_is_told_where_things_are_wherever_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for driver in ("sqlite", "sqlite+pysqlite"):
        told = Settings(database_url=f"{driver}:///a/x.db", store="copies").environment()
        assert told["PODIUM_DATABASE_URL"] == f"{driver}:///{tmp_path}/a/x.db"
        assert told["PODIUM_STORE"] == f"{tmp_path}/copies"
    for given in ("sqlite:////srv/x.db", "sqlite:///:memory:", "postgresql://host/x"):
        told = Settings(database_url=given, store="s3://bucket/copies").environment()
        assert (told["PODIUM_DATABASE_URL"], told["PODIUM_STORE"]) == (given, "s3://bucket/copies")


@pytest.mark.slow
def test_a_source_file_that_cant_be_used_fails_alone(place: Stage, site: MisbehavingMinistry) -> None:
    assert place.settings.sources is not None
    (place.settings.sources / "typo.toml").write_text('id = "typo"\nhosts = nobody\n')
    settings = place.settings.model_copy(update={"collect": ("demo", "typo")})
    wrong = r"typo\.toml:2: not TOML"
    for asked in (["typo"], ["demo", "typo"]):
        with pytest.raises(SourceError, match=wrong):
            plan.night(settings, asked)
    with pytest.raises(SourceError, match=wrong):
        plan.backfill(settings, TODAY, TODAY)
    everybody = plan.choose(settings.model_copy(update={"collect": ()}), [], dry=True, some=True)
    assert {"demo", "kremlin"} < {source.id for source in everybody}
    done = podium_process("nightly", settings=settings)
    assert done.returncode == 1 and re.search(wrong, done.stdout), done.stderr
    assert done.stdout.index("demo: ") < done.stdout.index("typo: ")
    named = podium_process("nightly", "--source", "demo", settings=settings)
    assert named.returncode == 0, named.stderr


def test_a_broken_settings_file_or_variable_is_named(tmp_path: Path) -> None:
    (tmp_path / "podium.toml").write_text('contcat = "x"\n')
    done = podium("source", "list")
    assert done.returncode == 2 and "contcat" in done.stderr and done.stderr.count("\n") == 1
    (tmp_path / "podium.toml").unlink()
    done = podium("source", "list", PODIUM_WINDOW_DAYS="many")
    assert done.returncode == 2 and "window_days" in done.stderr.lower() and done.stderr.count("\n") == 1


def test_settings_come_from_flags_then_variables_then_the_file(filled: Settings, tmp_path: Path) -> None:
    (tmp_path / "podium.toml").write_text(f'database_url = "{filled.database_url}"\n')
    assert podium("status").returncode == 0
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    assert "elsewhere.db" in podium("status", PODIUM_DATABASE_URL=elsewhere).stderr
    flag = podium("status", "--database", filled.database_url, PODIUM_DATABASE_URL=elsewhere)
    assert flag.returncode == 0


def test_without_arguments_it_says_what_it_can_do() -> None:
    done = podium_process()
    assert "Usage: podium" in done.stdout + done.stderr
    collecting = ("demo", "nightly", "backfill", "up", "status")
    for command in (*collecting, "show", "diff", "copy", "extract", "source"):
        assert command in done.stdout + done.stderr


def test_show_prints_the_stored_text_byte_for_byte(filled: Settings, ministry: MisbehavingMinistry) -> None:
    for document in ministry.documents:
        wanted = render(document.transcript)
        by_url = podium("show", f"{ministry.base}{document.path}", settings=filled)
        assert (by_url.returncode, by_url.stdout) == (0, wanted)
    number = ministry.documents[0].path.rsplit("/", 1)[1]
    assert podium("show", f"demo/{number}", settings=filled).stdout == render(
        ministry.documents[0].transcript
    )
    assert podium("show", "999", settings=filled).returncode == 2


def test_status_adds_up_to_the_pages_discovered(filled: Settings, ministry: MisbehavingMinistry) -> None:
    runs = podium("status", settings=filled)
    assert f"{len(ministry.documents)} discovered = {len(ministry.documents)} new" in runs.stdout
    pages = podium("status", "1", settings=filled)
    listed = [line for line in pages.stdout.splitlines() if line.startswith("new\t")]
    assert len(listed) == len(ministry.documents)
    assert podium("status", "7", settings=filled).returncode == 2


def test_extract_reads_a_saved_page_and_a_warc_alike(
    saved: Path, site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    document = site.documents[0]
    page = tmp_path / "page.html"
    page.write_bytes(site.answer(document.path).body)
    address = f"{site.base}{document.path}"
    text = podium("extract", str(page), "--url", address, settings=place.settings)
    assert (text.returncode, text.stdout) == (0, render(document.transcript))
    one = json.loads(
        podium("extract", str(page), "--url", address, "--format", "json", settings=place.settings).stdout
    )
    done = podium("extract", str(saved), "--format", "jsonl", settings=place.settings)
    many = {read["url"]: read for read in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0 and many[address] == one
    assert many.keys() == {f"{site.base}{each.path}" for each in site.documents}
    for key in ("url", "source", "title", "date", "language", "kind", "turns"):
        assert key in one
    assert one["date"] == document.date.isoformat()
    assert set(one["turns"][0]) == {"label", "role", "speaker", "paragraphs"}


def test_extract_says_why_a_page_was_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html><body><p>Please enable JavaScript to view this page.</p></body></html>")
    done = podium("extract", str(page))
    assert done.returncode == 3 and done.stdout == "" and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_replay_answers_from_the_file_and_counts_what_it_lacks(
    saved: Path, place: Stage, site: MisbehavingMinistry
) -> None:
    site.stop()
    done = podium_process(
        "backfill", "--since", "2026-01-01", "--replay", str(saved), settings=place.settings
    )
    assert "not in the replayed capture" in done.stdout
    assert "5 discovered = 5 new" in done.stdout  # the listing's first page; the others were not captured
    assert done.returncode == 1 and "not proved complete" in done.stdout
    again = podium_process(
        "backfill", "--since", "2026-01-01", "--replay", str(saved), settings=place.settings
    )
    assert "5 discovered = 5 unchanged" in again.stdout
    counts = podium_process("status", settings=place.settings).stdout.splitlines()[-1]
    assert "5 transcripts" in counts and "6 captures" in counts


def test_the_version_is_told_to_who_cites_it() -> None:
    done = podium("--version")
    assert done.returncode == 0 and done.stdout.startswith("podium 0.1.0, extractor ")


def test_source_list_says_what_each_was_checked_against(place: Stage) -> None:
    done = podium("source", "list")
    lines = {line.split("\t")[0]: line for line in done.stdout.splitlines()}
    assert {"kremlin", "mid-ru", "china-mfa", "state-gov"} <= lines.keys()
    assert "never checked live" in lines["mid-ru"]


def test_source_list_has_all_that_can_be_used_beside_a_file_that_cant(tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("name = [\n")
    done = podium("source", "list", PODIUM_SOURCES=str(tmp_path))
    assert done.returncode == 2 and "\nkremlin\t" in done.stdout
    assert "wrong.toml:1: not TOML" in done.stderr and len(done.stderr.splitlines()) == 1


def test_source_check_shows_what_was_read(saved: Path, place: Stage, site: MisbehavingMinistry) -> None:
    done = podium("source", "check", "demo", "--replay", str(saved), settings=place.settings)
    assert done.returncode == 0
    assert f"demo: {len(site.documents)} read, 0 refused" in done.stdout
    assert site.documents[0].title in done.stdout


def test_a_page_is_shown_beside_what_was_read(saved: Path, place: Stage, site: MisbehavingMinistry) -> None:
    document = site.document("/briefings/109")
    address = f"{site.base}{document.path}"
    words = ["source", "check", "demo", "--replay", str(saved), "--page"]
    done = podium(*words, address, settings=place.settings)
    assert done.returncode == 0 and document.title in done.stdout
    rows = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line][1:]
    said = [text for turn in document.transcript.turns for text in turn.paragraphs]
    for text in said:
        assert any(text in row[0] and text in row[1] for row in rows), text
    assert podium(*words, f"{site.base}/briefings/999", settings=place.settings).returncode == 2


@pytest.mark.slow
def test_what_a_backfill_says_goes_to_its_file_while_a_person_watches(
    site: MisbehavingMinistry, place: Stage
) -> None:
    words = ["backfill", "--since", f"{TODAY}", "--until", f"{TODAY}", "--source", "demo"]
    master, terminal = pty.openpty()
    screen = bytearray()

    def watch() -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while seen := os.read(master, 4096):
                screen.extend(seen)

    person = threading.Thread(target=watch)
    person.start()
    env = os.environ | place.settings.environment() | {"TERM": "xterm"}
    done = subprocess.run([PODIUM, *words], env=env, stdout=subprocess.PIPE, stderr=terminal, text=True)
    os.close(terminal)
    person.join()
    os.close(master)
    assert done.returncode == 0 and b"Collecting" in screen
    assert done.stdout.startswith(f"demo {TODAY}: completed: ")


@pytest.mark.slow
def test_a_source_begins_with_a_page_and_a_review(site: MisbehavingMinistry, tmp_path: Path) -> None:
    document = site.document("/briefings/112")
    page, address = tmp_path / "page.html", f'{site.base}{document.path}?said="it\'s"'
    page.write_bytes(site.answer(document.path).body)
    file, text = tmp_path / "sources" / "vell.toml", tmp_path / "sources" / "vell" / "112.txt"
    begun = podium("source", "new", str(page), "--url", address, "--id", "vell")
    assert begun.returncode == 1 and "REVIEW" in begun.stdout
    assert "REVIEW" in file.read_text() and not text.exists()
    waiting = podium("source", "check", str(file))
    assert waiting.returncode == 1 and "waits for a review" in waiting.stdout and "a draft" in waiting.stdout
    settings = Settings(sources=file.parent)
    assert "vell" not in {source.id for source in plan.choose(settings, [], dry=True)}
    assert [source.id for source in plan.choose(settings, ["vell"])] == ["vell"]
    text.with_name("112.txt.new").rename(text)
    assert render(document.transcript) in text.read_text()
    reviewed = podium("source", "check", str(file))
    assert reviewed.returncode == 0 and "as reviewed" in reviewed.stdout
    text.write_text(text.read_text().replace("footpaths", "bicycle paths", 1))
    changed = podium("source", "check", str(file))
    assert changed.returncode == 3 and "[-bicycle paths.-]{+footpaths.+}" in changed.stdout
    again = podium("source", "new", str(page), "--url", address, "--id", "vell")
    assert again.returncode == 2 and again.stderr.count("\n") == 1


def test_a_source_takes_the_place_of_one_of_podiums_own_by_name_only(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html><body><h1>Boats</h1><p>9 May 2021</p><p>They go out, I say.</p></body></html>")
    address = ("--url", "https://www.state.gov/remarks/some-thing/")
    done = podium("source", "new", str(page), *address)
    assert done.returncode == 2 and "--id" in done.stderr and not (tmp_path / "sources").exists()


def test_a_source_for_a_page_that_cant_be_read_is_not_begun(tmp_path: Path) -> None:
    page = tmp_path / "wall.html"
    page.write_text("<html><body><p>Please enable JavaScript to view this page.</p></body></html>")
    done = podium("source", "new", str(page), "--url", "https://example.org/briefings/1")
    assert done.returncode == 3 and done.stderr.count("\n") == 1
    assert not (tmp_path / "sources").exists()


@pytest.mark.slow
def test_a_page_is_read_from_the_web_and_a_live_site_is_checked(
    site: MisbehavingMinistry, place: Stage
) -> None:
    document = site.documents[0]
    contact = {"PODIUM_CONTACT": "archive@example.org"}
    read = podium_process("extract", f"{site.base}{document.path}", settings=place.settings, **contact)
    assert (read.returncode, read.stdout) == (0, render(document.transcript))
    asked = [request.path for request in site.requests]
    assert asked == ["/robots.txt", document.path]
    lost = podium_process("extract", f"{site.base}/briefings/1", settings=place.settings, **contact)
    assert lost.returncode == 3 and "HTTP 404" in lost.stderr
    here = podium_process("extract", f"{site.base}{document.path}", settings=place.settings)
    assert here.returncode == 0  # nobody's site but one's own
    unnamed = podium_process("extract", "https://ministry.example/1", settings=place.settings)
    assert unnamed.returncode == 2 and "PODIUM_CONTACT" in unnamed.stderr
    live = podium_process("source", "check", "demo", "--live", settings=place.settings)
    assert "demo: ok" in live.stdout and "listings read:" in live.stdout
    assert not Path(place.settings.archive).exists()


def test_a_pipe_that_closes_is_no_error(filled: Settings) -> None:
    env = os.environ | filled.environment()
    done = subprocess.run(
        f"{PODIUM} show 1 | head -c 20", shell=True, env=env, capture_output=True, text=True
    )
    assert done.stderr == "" and len(done.stdout) == 20
    short = f"set -o pipefail; {PODIUM} status | head -1; {PODIUM} show 1 >&-"
    done = subprocess.run(["bash", "-c", short], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)


def test_ctrl_c_is_told_as_such_when_it_meets_a_model_of_prefects() -> None:
    """Pydantic makes an error of its own of what interrupts the writing of a model."""
    short = """
import pydantic
from flows import cli, demo
class Model(pydantic.BaseModel):
    @pydantic.model_serializer
    def write(self):
        raise KeyboardInterrupt
demo.demo = lambda folder: Model().model_dump()
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", short, "demo"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "podium: interrupted\n")


def test_text_is_utf_8_whatever_the_terminal_is_said_to_be(filled: Settings) -> None:
    right = podium_process("show", "1", settings=filled)
    western = podium_process("show", "1", settings=filled, PYTHONIOENCODING="cp437:strict", LC_ALL="C")
    assert (western.returncode, western.stdout) == (0, right.stdout)
    assert "’" in right.stdout  # which code page 437 hasn't


def test_control_characters_of_a_page_never_reach_the_terminal(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    document = site.documents[0]
    page = tmp_path / "page.html"
    body = site.answer(document.path).body.replace(b"</h1>", b" \x1b]0;owned\x07\xe2\x80\xae</h1>")
    page.write_bytes(body)
    done = podium("extract", str(page), "--url", f"{site.base}{document.path}", settings=place.settings)
    assert done.returncode == 0
    assert not set("\x1b\x07\u202e") & set(done.stdout)
    assert parse(done.stdout).title.endswith("]0;owned")


@pytest.mark.slow
def test_the_demo_ends_with_a_transcript_and_where_it_is_kept(tmp_path: Path) -> None:
    done = podium_process("demo", str(tmp_path / "here"))
    assert done.returncode == 0, done.stdout + done.stderr
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    shown = [line.strip() for line in readme.splitlines() if re.match(r"    (\d\. |   pages: )", line)]
    assert len(shown) == 6
    anywhere = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:43467", done.stdout)
    assert [line for line in shown if line not in anywhere] == []
    assert "\n\nQuestion: " in done.stdout and "Next:" in done.stdout
    assert (tmp_path / "here" / "podium.db").exists()
    assert (tmp_path / "here" / "prefect").is_dir()  # a server of its own, whatever the user has configured
    again = podium_process("demo", str(tmp_path / "here"))
    assert again.returncode == 2 and "not empty" in again.stderr
