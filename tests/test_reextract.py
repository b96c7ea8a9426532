"""Re-extraction: the archive read again changes nothing by itself, and nothing that nobody has seen."""

from __future__ import annotations

import ast
import datetime as dt
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

import crawler
from crawler.page import VERSION
from crawler.source import SourceError
from flows import about, difference, plan, proposal, reextraction
from flows.collect import SourceReport, collect
from flows.demo import Stage
from flows.demo_site.content import Block, Document
from flows.reextract_shard import kinds_of
from flows.reextraction import NotSeenError, Proposed, Written
from flows.settings import Settings, SettingsError
from storage import integrity, lookup, models
from storage.corrections import corrections_of
from storage.database import Database
from storage.days import WindowError
from storage.diff import compare
from storage.integrity import Checked
from storage.search import search
from storage.transcript import Transcript, Turn, render
from storage.verification import verify
from tests.command import podium
from tests.conftest import TODAY
from tests.site import MisbehavingMinistry, redirect
from tests.test_collect import expected, rows, texts
from tests.test_ingest import DAY, NOON, captured, take

READ_BY = 19, "fa6ab01cd12bc953"
"""The extractor's version, and the beginning of the digest of the modules that read a page and of their words."""

LOST = ', ".document__body > p:last-of-type"'
"""What the layout drops of a body whose end is lost."""


def layout(settings: Settings, *, drops: str = "", date: str = ".document__date") -> None:
    """Give the site's source file another layout: as a newer or an older extractor, it reads pages otherwise."""
    assert settings.sources is not None
    path = settings.sources / "demo.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    new = {"drop = ": f'drop = [".contents", ".share"{drops}]', "date = [": f'date = ["{date}"]'}
    out = [next((new[start] for start in new if line.startswith(start)), line) for line in lines]
    path.write_text("\n".join(out) + "\n", encoding="utf-8")


@pytest.fixture
def documents(site: MisbehavingMinistry) -> list[Document]:
    """Some of the site's documents; so few that they are read without a pool."""
    return [each for each in site.documents if len(each.blocks) > 1][:4]


def kept(
    settings: Settings, site: MisbehavingMinistry, tmp_path: Path, *versions: tuple[Document, dt.datetime]
) -> None:
    """Archive and load captures of documents."""
    take(captured(tmp_path / "kept.warc.gz", site.base, *versions), settings)


def propose(settings: Settings) -> Proposed:
    return reextraction.propose(settings, reextraction.selection_of(settings))


def write(settings: Settings, accept: str | None = None) -> Written:
    return reextraction.write(settings, reextraction.selection_of(settings), accept)


def content(settings: Settings) -> dict[str, list[Any]]:
    """Everything that an archive says of its texts, without ids, moments and runs."""
    database = Database(settings.database_url)
    with database.read() as session:
        names = {
            revision.id: (revision.transcript.source, revision.transcript.key, revision.number)
            for revision in session.scalars(select(models.Revision))
        }
        transcripts = {row.id: (row.source, row.key) for row in session.scalars(select(models.Transcript))}
        found: dict[str, list[Any]] = {
            "transcripts": [
                (row.source, row.key, row.first_digest) for row in session.scalars(select(models.Transcript))
            ],
            "appearances": [
                (transcripts[row.transcript_id], row.source, row.key, row.url, row.digest, row.next_visit)
                for row in session.scalars(select(models.Appearance))
            ],
            "revisions": [
                (
                    names[row.id], row.capture.digest, row.capture.fetched_at, row.digest, row.date, row.title,
                    row.language, row.kind, str(row.event_date), str(row.document_number), row.left_out,
                    row.doubts, row.compared_at is None,
                )
                for row in session.scalars(select(models.Revision))
            ],
            "turns": [
                (names[row.revision_id], row.position, str(row.label), str(row.role), str(row.speaker), row.text)
                for row in session.scalars(select(models.Turn))
            ],
            "searched": [
                (names[row.revision_id], row.position, row.name, row.words)
                for row in session.scalars(select(models.Searched))
            ],
            "fingerprints": [
                (row.hash, transcripts[row.transcript_id]) for row in session.scalars(select(models.Fingerprint))
            ],
            "links": [
                (sorted([names[row.revision_id], names[row.other_id]]), row.kind, row.similarity)
                for row in session.scalars(select(models.Link))
            ],
        }  # fmt: skip
    database.close()
    return {name: sorted(several) for name, several in found.items()}


def assert_whole(settings: Settings) -> None:
    """An audit that reads the archive finds nothing."""
    database = Database(settings.database_url)
    found = [*verify(database, settings.warcs(), Checked()), *integrity.rows(database, Checked())]
    database.close()
    assert found == []


def corrections(settings: Settings) -> int:
    database = Database(settings.database_url)
    with database.read() as session:
        count = len(session.scalars(select(models.Correction)).all())
    database.close()
    return count


def a_mirror_of(document: Document, number: int) -> Document:
    """The document at another address, with a word more."""
    first = document.blocks[0]
    return replace(
        document, id=number, blocks=(replace(first, text=f"{first.text} Indeed."), *document.blocks[1:])
    )


# --- the same extractor --------------------------------------------------------------------------


def reading(folder: Path) -> set[str]:
    """The modules of `crawler` that reading a page comes to by imports, but for the model of a source."""
    found: set[str] = set()
    coming = {"page"}
    while coming:
        found |= coming
        trees = [ast.parse((folder / f"{name}.py").read_text(encoding="utf-8")) for name in coming]
        nodes = [each for tree in trees for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
        named = {alias.name for node in nodes if node.module == "crawler" for alias in node.names}
        named |= {node.module.split(".")[1] for node in nodes if (node.module or "").startswith("crawler.")}
        coming = named - found - {"source"}
    return found


def test_whoever_changes_how_pages_are_read_is_reminded_of_the_version() -> None:
    """Where this fails, raise `VERSION` if any transcript can change by it; and write down both anew."""
    folder = Path(crawler.__file__).parent
    files = [folder / "languages.toml", *(folder / f"{name}.py" for name in sorted(reading(folder)))]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    assert (VERSION, digest[:16]) == READ_BY


def test_the_same_extractor_reads_every_stored_text_byte_for_byte(
    site: MisbehavingMinistry, settings: Settings, documents: list[Document], tmp_path: Path
) -> None:
    one, two, *_ = documents
    edited = replace(one, blocks=(*one.blocks[:-1], replace(one.blocks[-1], text="That was not said.")))
    copy = replace(one, id=201)
    kept(
        settings, site, tmp_path,
        (one, NOON), (one, NOON + DAY), (edited, NOON + 2 * DAY), (two, NOON), (copy, NOON + 3 * DAY),
    )  # fmt: skip
    stored, before = texts(settings), content(settings)
    found = propose(settings)
    assert (found.digest, found.seen.total("read"), found.seen.total("changed")) == (None, 5, 0)
    assert write(settings).reports == ()
    assert (texts(settings), content(settings)) == (stored, before)
    assert [len(each) for each in stored.values()] == [2, 1]


def test_a_page_that_was_refused_and_still_is_changes_nothing(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    layout(settings, date=".nowhere")
    kept(settings, site, tmp_path, (documents[0], NOON))
    found = propose(settings)
    assert (found.digest, found.seen.total("read")) == (None, 1)


def test_what_a_running_crawl_is_still_to_load_is_left_to_it(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    layout(settings, date=".nowhere")
    kept(settings, site, tmp_path, (documents[0], NOON))
    layout(settings)
    database = Database(settings.database_url)
    for state, adds in (("running", 0), ("failed", 1)):
        with database.write() as session:
            session.execute(update(models.Run).values(state=state))
            session.execute(update(models.Page).values(disposition=None))
        assert propose(settings).seen.total("newly read") == adds
    database.close()


# --- another extractor ---------------------------------------------------------------------------


def test_a_dry_run_counts_the_changes_and_touches_no_text(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    layout(settings, drops=LOST)
    kept(settings, site, tmp_path, *((each, NOON) for each in documents))
    before = content(settings)
    layout(settings)
    first, again = propose(settings), propose(settings)
    assert first.seen.total("words") == first.seen.total("changed") == len(documents)
    assert first.digest == again.digest
    assert content(settings) == before
    with pytest.raises(NotSeenError, match="look at the changes first"):
        write(settings)
    assert content(settings) == before


def test_an_accepted_archive_is_that_of_an_extractor_that_always_read_so(
    site: MisbehavingMinistry, settings: Settings, documents: list[Document], tmp_path: Path
) -> None:
    one = documents[0]
    edited = replace(one, blocks=(replace(one.blocks[0], text="That was not said so."), *one.blocks[1:]))
    versions = [(each, NOON) for each in documents] + [
        (edited, NOON + DAY), (replace(one, id=201), NOON + 2 * DAY), (a_mirror_of(documents[1], 202), NOON),
    ]  # fmt: skip
    layout(settings, drops=LOST)
    kept(settings, site, tmp_path, *versions)
    layout(settings)
    accepted = write(settings, propose(settings).digest)
    assert [(report.source, report.state) for report in accepted.reports] == [("demo", "completed")]
    fresh = settings.model_copy(
        update={"database_url": f"sqlite:///{tmp_path / 'fresh.db'}", "archive": tmp_path / "fresh"}
    )
    kept(fresh, site, tmp_path, *versions)
    assert content(settings) == content(fresh)
    assert content(settings)["links"]
    assert_whole(settings)
    assert corrections(settings) == len(versions) - 1  # the copy is a duplicate
    assert propose(settings).digest is None


def test_accepting_twice_adds_nothing(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    layout(settings, drops=LOST)
    kept(settings, site, tmp_path, *((each, NOON) for each in documents))
    layout(settings)
    digest = propose(settings).digest
    write(settings, digest)
    before, counted = content(settings), rows(settings)
    (report,) = write(settings, digest).reports
    assert (report.state, report.tally.discovered) == ("completed", 0)
    assert (content(settings), rows(settings), corrections(settings)) == (before, counted, len(documents))


def test_two_that_write_at_once_correct_each_text_once(
    site: MisbehavingMinistry, settings: Settings, documents: list[Document], tmp_path: Path
) -> None:
    layout(settings, drops=LOST)
    kept(settings, site, tmp_path, *((each, NOON) for each in documents))
    layout(settings)
    digest = propose(settings).digest
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: write(settings, digest), range(2)))
    assert [report.state for each in done for report in each.reports] == ["completed"] * 2
    assert corrections(settings) == len(documents)
    assert_whole(settings)
    assert propose(settings).digest is None


def test_texts_of_a_source_that_is_gone_are_named_and_left_alone(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    kept(settings, site, tmp_path, (documents[0], NOON))
    assert settings.sources is not None
    (settings.sources / "demo.toml").unlink()
    found = propose(settings)
    assert (found.digest, found.strangers) == (None, {"demo": 1})
    told = "! demo: no such source any more, so 1 texts were not read"
    assert proposal.asides(found) == [told]
    for words in (["--dry-run"], []):
        done = podium("reextract", *words, settings=settings)
        assert done.returncode == 1 and told in done.stdout


def test_what_a_search_finds_is_the_corrected_text(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    one = replace(documents[0], blocks=(*documents[0].blocks, Block("An unheard quincunx.")))
    layout(settings, drops=LOST)
    kept(settings, site, tmp_path, (one, NOON))
    layout(settings)

    def found() -> int:
        database = Database(settings.database_url)
        with database.read() as session:
            count = len(list(search(session, "quincunx")))
        database.close()
        return count

    assert found() == 0
    write(settings, propose(settings).digest)
    assert found() == 1


# --- refusals ------------------------------------------------------------------------------------


def test_a_digest_that_no_dry_run_gave_writes_nothing(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    layout(settings, drops=LOST)
    kept(settings, site, tmp_path, *((each, NOON) for each in documents))
    layout(settings)
    before, digest = content(settings), propose(settings).digest
    with pytest.raises(NotSeenError, match="no dry run has shown 0123"):
        write(settings, "0123")
    some = reextraction.selection_of(settings, ["demo"])
    with pytest.raises(NotSeenError, match="other sources or days"):
        reextraction.write(settings, some, digest)
    layout(settings, drops=', ".views"')
    with pytest.raises(NotSeenError, match="has changed since"):
        write(settings, digest)
    assert content(settings) == before


def test_an_archive_that_has_grown_by_changes_is_refused_and_they_are_counted(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    layout(settings, drops=LOST)
    kept(settings, site, tmp_path, (documents[0], NOON))
    layout(settings)
    digest = propose(settings).digest
    kept(settings, site, tmp_path, (documents[1], NOON))  # read as it is now: no change
    layout(settings, drops=LOST)
    kept(settings, site, tmp_path, (documents[2], NOON), (documents[3], NOON))
    layout(settings)
    before = content(settings)
    with pytest.raises(NotSeenError, match=r"^2 changes are not among those"):
        write(settings, digest)
    assert content(settings) == before
    write(settings, propose(settings).digest)
    assert texts(settings) == {
        key: text for key, text in expected(site, dt.date.min, dt.date.max).items() if key in texts(settings)
    }


def test_a_text_outside_the_days_or_sources_is_left_alone(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    layout(settings, drops=LOST)
    kept(settings, site, tmp_path, *((each, NOON) for each in documents))
    layout(settings)
    days = sorted({each.date for each in documents})
    meant = reextraction.selection_of(settings, ["demo"], days[-1], days[-1])
    found = reextraction.propose(settings, meant)
    assert found.seen.total("changed") == sum(each.date == days[-1] for each in documents)
    assert reextraction.propose(settings, reextraction.selection_of(settings, ["kremlin"])).digest is None


# --- pages that were not read before, or are not any more ----------------------------------------


def test_a_page_that_can_be_read_now_is_loaded_as_new(
    site: MisbehavingMinistry, settings: Settings, documents: list[Document], tmp_path: Path
) -> None:
    one, two, *_ = documents
    layout(settings, date=".nowhere")
    kept(settings, site, tmp_path, (one, NOON), (one, NOON + DAY), (two, NOON))
    assert texts(settings) == {}
    layout(settings)
    found = propose(settings)
    assert found.seen.total("newly read") == found.seen.total("changed") == 3
    (report,) = write(settings, found.digest).reports
    assert report.tally.counts == {"new": 2, "unchanged": 1}
    assert len(report.arrivals) == 2
    assert {key: len(several) for key, several in texts(settings).items()} == {
        one.path.rsplit("/", 1)[1]: 1,
        two.path.rsplit("/", 1)[1]: 1,
    }
    assert_whole(settings)
    assert propose(settings).digest is None


@pytest.mark.slow
def test_a_page_of_a_night_that_can_be_read_now_is_visited_again_and_one_that_led_elsewhere_is_not_it(
    site: MisbehavingMinistry, place: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)
    settings = place.settings

    def night() -> None:
        (order,) = plan.backfill(settings, TODAY - 3 * DAY, TODAY, again=True)
        collect(order, settings)

    layout(settings, date=".nowhere")
    night()
    assert texts(settings) == {}
    layout(settings)
    write(settings, propose(settings).digest)
    with Database(settings.database_url).read() as session:
        places = session.scalars(select(models.Appearance)).all()
        assert places and all(each.visited_on is not None and each.next_visit is not None for each in places)
    before = texts(settings)
    first = max(before)
    site.misbehave(f"/briefings/{first}", redirect(site.documents[-1].path))
    layout(settings, date=".nowhere")
    night()
    layout(settings)
    write(settings, propose(settings).digest)
    assert texts(settings)[first] == before[first]


@pytest.mark.slow
def test_what_only_a_mended_source_file_reads_otherwise_is_no_edit(
    site: MisbehavingMinistry, place: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)
    settings = place.settings
    changing = site.documents[0]

    def night() -> SourceReport:
        (order,) = plan.backfill(settings, TODAY - 3 * DAY, TODAY, again=True)
        return collect(order, settings)

    layout(settings, drops=', "p:last-of-type"')
    lost = night().tally.counts["new"]
    layout(settings)
    site.misbehave(
        "*",
        lambda ministry, visit: visit.give(replace(ministry.answer(visit.path), etag=None, modified=None)),
    )
    assert night().tally.counts == {"unchanged": lost}
    write(settings, propose(settings).digest)
    assert texts(settings)[changing.path.rsplit("/", 1)[1]] == [render(changing.transcript)]


def test_an_edit_that_the_older_extractor_could_not_see_becomes_a_revision(
    site: MisbehavingMinistry, settings: Settings, documents: list[Document], tmp_path: Path
) -> None:
    one = documents[0]
    edited = replace(one, blocks=(*one.blocks[:-1], replace(one.blocks[-1], text="That was not said.")))
    layout(settings, drops=LOST)
    kept(settings, site, tmp_path, (one, NOON), (edited, NOON + DAY), (edited, NOON + 2 * DAY))
    ((stored,),) = texts(settings).values()
    layout(settings)
    found = propose(settings)
    assert (found.seen.total("words"), found.seen.total("newly read")) == (1, 2)
    write(settings, found.digest)
    ((first, second),) = texts(settings).values()
    assert first.startswith(stored) and second.endswith("That was not said.")
    assert propose(settings).digest is None


def test_what_would_be_refused_now_is_kept_and_named(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    kept(settings, site, tmp_path, *((each, NOON) for each in documents))
    before = content(settings)
    layout(settings, date=".nowhere")
    found = propose(settings)
    assert (found.digest, found.seen.total("now refused")) == (None, len(documents))
    source, told = found.seen.told[0]
    assert source == "demo" and "now refused: demo/" in told and "no date" in told
    assert write(settings).reports == ()
    assert content(settings) == before


def test_a_page_of_other_days_that_a_window_left_out_stays_out(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    layout(settings, date=".nowhere")
    kept(settings, site, tmp_path, (documents[0], NOON))
    layout(settings)
    database = Database(settings.database_url)
    with database.write() as session:
        day = dt.date(2012, 5, 7)
        session.execute(update(models.Run).values(since=day, until=day))
        session.execute(update(models.Page).values(reason=f"dated {documents[0].date}, outside the window"))
    database.close()
    assert propose(settings).digest is None


def test_two_texts_that_a_correction_makes_one_stay_two_and_the_archive_is_whole(
    site: MisbehavingMinistry, settings: Settings, documents: list[Document], tmp_path: Path
) -> None:
    one = replace(documents[0], blocks=(*documents[0].blocks, Block("Viewed 12 times")))
    two = replace(one, id=201, blocks=(*one.blocks[:-1], Block("Viewed 7 times")))
    kept(settings, site, tmp_path, (one, NOON), (two, NOON))
    layout(settings, drops=LOST)
    write(settings, propose(settings).digest)
    first, second = (several for several in texts(settings).values())
    assert first == second
    assert_whole(settings)
    assert [row[1] for row in content(settings)["links"]] == ["mirror"]
    # The same text at a third address is known, and each can be corrected again.
    kept(settings, site, tmp_path, (replace(one, id=202), NOON))
    assert rows(settings)["transcripts"] == 2
    layout(settings)
    write(settings, propose(settings).digest)
    assert_whole(settings)


# --- how it is done ------------------------------------------------------------------------------


def test_every_capture_is_looked_at_once_however_the_archive_is_cut(
    site: MisbehavingMinistry,
    place: Stage,
    documents: list[Document],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = place.settings
    layout(settings, drops=LOST)
    for day in range(2):  # a file each
        kept(settings, site, tmp_path, *((each, NOON + day * DAY) for each in documents))
    layout(settings)
    whole = propose(settings)
    monkeypatch.setattr("storage.reextraction.SHARD", 3)
    monkeypatch.setattr("storage.reextraction.BATCH", 2)
    cut = propose(settings)
    assert cut.digest == whole.digest
    assert cut.seen.counts == whole.seen.counts
    write(settings, cut.digest)
    assert propose(settings).digest is None


@pytest.mark.slow
@pytest.mark.parametrize("where", ["correct", "load", "compare"])
def test_killed_half_way_and_started_again_it_comes_to_the_same(
    site: MisbehavingMinistry, settings: Settings, documents: list[Document], tmp_path: Path, where: str
) -> None:
    layout(settings, drops=LOST)
    versions = [(each, NOON) for each in (*documents[:3], a_mirror_of(documents[1], 202))]
    kept(settings, site, tmp_path, *versions)
    layout(settings, date=".nowhere")
    kept(settings, site, tmp_path, (documents[3], NOON))
    layout(settings)
    digest = propose(settings).digest
    program = """
import os, signal, sys
from flows import reextract_shard, reextraction
from flows.settings import load_settings
from storage import duplicates
reextract_shard.AT_ONCE = 1
home = duplicates if sys.argv[1] == "compare" else reextract_shard
left, real = [int(sys.argv[2])], getattr(home, sys.argv[1])
def killed(*arguments):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
setattr(home, sys.argv[1], killed)
settings = load_settings()
reextraction.write(settings, reextraction.selection_of(settings), sys.argv[3])
"""
    env = os.environ | settings.environment()
    for count in (2, 3) if where == "correct" else (1,):
        words = [sys.executable, "-c", program, where, str(count), str(digest)]
        assert subprocess.run(words, env=env, timeout=60).returncode == -9
    (report,) = write(settings, digest).reports
    assert report.state == "completed"
    fresh = settings.model_copy(
        update={"database_url": f"sqlite:///{tmp_path / 'fresh.db'}", "archive": tmp_path / "fresh"}
    )
    kept(fresh, site, tmp_path, *versions)
    kept(fresh, site, tmp_path, (documents[3], NOON))
    assert content(settings) == content(fresh)
    assert corrections(settings) == 4
    assert_whole(settings)


SAID = Transcript(
    dt.date(2026, 3, 20),
    "On the ferry",
    (Turn(("Will it sail?", "Today?"), "Question", "question"), Turn(("It will.",), "Edda Rosk", "answer")),
    language="en",
    kind="transcript",
)


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (lambda t: replace(t, turns=(t.turns[0], Turn(("It won't.",), "Edda Rosk", "answer"))), ("words",)),
        (lambda t: replace(t, turns=(t.turns[0], Turn(("It will.",), "Rosk", "answer"))), ("speakers",)),
        (lambda t: replace(t, turns=(t.turns[0], Turn(("It will.",), "Edda Rosk", "moderator"))), ("speakers",)),
        (
            lambda t: replace(t, turns=(Turn(("Will it sail? Today?",), "Question", "question"), t.turns[1])),
            ("paragraphs",),
        ),
        (lambda t: replace(t, title="On ferries", date=dt.date(2026, 3, 21)), ("date", "title")),
        (lambda t: replace(t, doubts=("two dates",)), ("details",)),
        (lambda t: replace(t, title="On ferries", language="de"), ("title",)),
    ],
)  # fmt: skip
def test_a_change_is_counted_as_what_it_is(
    change: Callable[[Transcript], Transcript], kinds: tuple[str, ...]
) -> None:
    assert kinds_of(SAID, change(SAID)) == kinds
    assert compare(SAID, change(SAID), readings=True)


def test_a_cluster_without_its_library_is_refused_in_one_line(
    place: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.reextract import runner

    for name in ("prefect_dask", "prefect_dask.task_runners"):
        monkeypatch.setitem(sys.modules, name, None)
    settings = place.settings.model_copy(update={"dask": "tcp://127.0.0.1:8786"})
    with pytest.raises(SettingsError, match=r"prefect-dask is not installed; install podium\[cluster\]"):
        runner(settings)
    assert settings.environment()["PODIUM_DASK"] == "tcp://127.0.0.1:8786"


# --- the command ---------------------------------------------------------------------------------


def test_the_command_shows_then_refuses_then_writes(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    wild = Block("<script>alert(1)</script> \x1b[31m of the ministry & others.")
    layout(settings, drops=LOST)
    kept(settings, site, tmp_path, (replace(documents[0], blocks=(*documents[0].blocks, wild)), NOON))
    layout(settings)
    page = tmp_path / "changes.html"
    shown = podium("reextract", "--dry-run", "--source", "demo", "--html", str(page), settings=settings)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "source\tread\tchanged\twords\ndemo\t1\t1\t1\n" in shown.stdout
    assert "{+<script>alert(1)</script>" in shown.stdout and "\x1b" not in shown.stdout
    assert "&lt;script&gt;" in page.read_text() and "<script" not in page.read_text()
    nowhere = str(tmp_path / "nowhere" / "changes.html")
    unwritten = podium("reextract", "--dry-run", "--source", "demo", "--html", nowhere, settings=settings)
    assert (unwritten.returncode, unwritten.stdout) == (
        2,
        shown.stdout.replace(f"{page}: 1 of 1 changes\n", ""),
    )
    assert "No such file or directory" in unwritten.stderr
    refused = podium("reextract", "--source", "demo", settings=settings)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "podium reextract --dry-run" in refused.stderr
    words = shown.stdout.splitlines()[-1].split()
    assert words[:4] == ["podium", "reextract", "--source", "demo"]
    done = podium(*words[1:], settings=settings)
    assert (done.returncode, done.stderr) == (0, "")
    ((text,),) = texts(settings).values()
    assert "alert(1)" in text
    nothing = podium("reextract", settings=settings)
    told = f"nothing to change: extractor {VERSION} reads what is stored, in 1 captures\n"
    assert (nothing.returncode, nothing.stdout) == (0, told)
    for warc in settings.archive.rglob("*.warc.gz"):
        warc.unlink()
    for words in ([], ["--dry-run"]):
        unread = podium("reextract", *words, settings=settings)
        assert unread.returncode == 1
        assert "in 0 captures; 1 can't be read" in unread.stdout


def test_who_spoke_is_shown_where_no_word_changes(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    kept(settings, site, tmp_path, (documents[0], NOON))
    database = Database(settings.database_url)
    with database.write() as session:
        turn = session.scalars(select(models.Turn).where(models.Turn.role == "answer").limit(1)).one()
        number, was = (
            turn.position + 1,
            f"role [-note-]{{+answer+}}, speaker [-Nobody <b>-]{{+{turn.speaker}+}}",
        )
        turn.role, turn.speaker = "note", "Nobody <b>"
    database.close()
    page = tmp_path / "changes.html"
    done = podium("reextract", "--dry-run", "--html", str(page), settings=settings)
    assert "source\tread\tchanged\tspeakers\ndemo\t1\t1\t1\n" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("turn ")]
    assert line.startswith(f"turn {number}, ") and line.endswith(was)
    assert "Nobody &lt;b&gt;" in page.read_text(encoding="utf-8")
    assert "speaker \\[-Nobody \\<b\\>-\\]" in proposal.markdown(settings, propose(settings))


def test_a_corrected_revision_says_so(
    site: MisbehavingMinistry, place: Stage, documents: list[Document], tmp_path: Path
) -> None:
    settings = place.settings
    layout(settings, drops=LOST)
    kept(settings, site, tmp_path, (documents[0], NOON))
    ((was,),) = texts(settings).values()
    layout(settings)
    write(settings, propose(settings).digest)
    database = Database(settings.database_url)
    with database.read() as session:
        revision = lookup.find(session, "1")
        assert revision is not None and revision.extractor == VERSION
        assert any("podium diff 1 --corrected --to 1" in line for line in about.lines(session, revision))
        before, after = difference.correction(revision, corrections_of(session, revision.id)[-1])
    database.close()
    assert render(before.transcript) == was
    assert [render(after.transcript)] == texts(settings)[documents[0].path.rsplit("/", 1)[1]]


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--dry-run", "--accept", "1"], "name one"), (["--dry-run"], "there is no archive here")],
)
def test_a_mistake_is_one_line_with_status_2(words: list[str], told: str) -> None:
    done = podium("reextract", *words)
    assert done.returncode == 2
    assert told in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_selection_of_nothing_known_is_refused(place: Stage) -> None:
    place.settings.archive.mkdir()
    with pytest.raises(SourceError, match="unknown source 'atlantis'"):
        reextraction.selection_of(place.settings, ["atlantis"])
    with pytest.raises(WindowError, match="before it begins"):
        reextraction.selection_of(place.settings, [], dt.date(2020, 2, 2), dt.date(2020, 2, 1))


@pytest.mark.slow
def test_real_pages_are_read_again_byte_for_byte_in_all_cores(corpus: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'podium.db'}"
    settings = Settings(database_url=url, archive=tmp_path / "archive")
    names = ("china-mfa-zh", "diplomatic-misc", "whitehouse-2020")
    podium("ingest", *(str(corpus / f"{name}.warc.gz") for name in names), settings=settings)
    stored = texts(settings)
    found = propose(settings)
    assert (found.digest, found.seen.total("changed")) == (None, 0)
    assert found.seen.total("read") >= len(stored) > 20
