"""What needs a look: silence, nights that don't come, gaps and drift, told apart from what is proved and usual."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from crawler.source import SourceError
from crawler.source_files import load_sources
from flows import missing, missing_report, plan
from flows.missing import Missing, Need, look, usual_gap
from flows.settings import Settings
from flows.silence import silence_tonight
from storage.database import Database
from storage.days import days_of
from storage.transcript import NO_LAYOUT, Turn
from tests.bureau import TODAY, Bureau, day, settings_of


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)
    monkeypatch.setattr(missing, "_utc_today", lambda: TODAY)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return settings_of(database_url, tmp_path / "sources", "ministry", "office")


@pytest.fixture
def bureau(database: Database) -> Bureau:
    return Bureau(database)


def needs(bureau: Bureau, settings: Settings, since: dt.date | None = None) -> list[tuple[str, str]]:
    found = look(bureau.database, settings, since=since)
    return [(need.kind, need.what) for need in found.needs]


def test_an_archive_without_anything_needs_no_look(database: Database, settings: Settings) -> None:
    found = look(database, settings)
    assert found == Missing(TODAY, (), (), (), (), ())
    assert missing_report.verdict(found) == "There is nothing here yet."


def test_a_source_that_publishes_and_is_visited_needs_no_look(bureau: Bureau, settings: Settings) -> None:
    for number in (1, 4, 8):
        bureau.publish(day(number))
    bureau.run("backfill", day(14), day(1))
    bureau.run("nightly", day(14), TODAY, began=TODAY)
    found = look(bureau.database, settings)
    assert found.needs == ()
    assert missing_report.verdict(found) == "Nothing needs a look, as of 2026-03-20."
    (row,) = found.sources
    assert (row.documents, row.first, row.last, row.night) == (3, day(8), day(1), TODAY)
    # today is not over, so nothing can have proved it
    assert (row.published, row.empty, row.unproved) == (3, 5, 1)


def test_silence_beyond_the_usual_is_told_with_what_of_it_is_proved(
    bureau: Bureau, settings: Settings
) -> None:
    bureau.publish(day(8))
    bureau.run("nightly", day(14), day(4))
    assert needs(bureau, settings)[1:] == [
        ("silent", "nothing new since 2026-03-12, 8 days; up to 7 are usual; proved empty: 1 of them")
    ]
    bureau.publish(day(7))
    assert [kind for kind, _ in needs(bureau, settings)] == ["not visited"]


def test_pages_that_no_night_could_read_are_told_after_a_week(bureau: Bureau, settings: Settings) -> None:
    for number in range(0, 12, 2):
        bureau.publish(day(number))
    early, late = (bureau.run("nightly", day(30), day(age), began=day(age)) for age in (9, 0))
    bureau.lose(late, "failed", "HTTP 503", key="new")  # it may be there tomorrow
    bureau.lose(early, "rejected", "pdf: it is one", key="pdf")  # nor would a later visit read it
    bureau.lose(early, "failed", "HTTP 404: not there yet", key="dead")
    bureau.lose(late, "gone", "not there", key="dead")
    bureau.lose(bureau.run("ingest", day(9), day(9)), "rejected", "no body: none", day(9), key="theirs")
    assert needs(bureau, settings) == []
    bureau.lose(early, "failed", "HTTP 503", key="other")
    for run in (early, late):
        bureau.lose(run, "rejected", "no body: none", key="text")
    told = "2 pages found and never read, such as one of 2026-03-11, https://ministry.example/briefings/"
    assert needs(bureau, settings) == [("not read", f"{told}other: failed: HTTP 503")]
    bureau.publish(day(9), key="other")
    assert needs(bureau, settings)[0][1].endswith("briefings/text: rejected: no body: none")
    for number in range(5):  # the site has films among its news
        bureau.lose(early, "rejected", "no body: none", key=f"film{number}")
    assert needs(bureau, settings) == []


def test_a_source_that_no_night_visits_is_not_called_silent(bureau: Bureau, settings: Settings) -> None:
    bureau.publish(day(300))
    assert needs(bureau, settings) == []


def test_a_source_that_never_had_a_document_is_silent_once_nights_have_proved_it(
    bureau: Bureau, settings: Settings
) -> None:
    bureau.run("nightly", day(2), TODAY, began=TODAY)
    assert needs(bureau, settings) == []
    bureau.run("backfill", day(9), day(1))
    assert needs(bureau, settings) == [
        ("silent", "no document yet, 9 days; up to 7 are usual; proved empty: 9 of them")
    ]


def test_the_night_asks_the_same_of_each_source_that_it_collects(bureau: Bureau, settings: Settings) -> None:
    bureau.publish(day(20))
    bureau.run("nightly", day(14), TODAY)
    bureau.lose(bureau.run("backfill", day(19), day(1)), "failed", "HTTP 503", day(4))
    Bureau(bureau.database, "office").publish(day(1))
    known = load_sources(settings.sources)
    with bureau.database.read() as session:
        quiet = silence_tonight(session, known["ministry"], TODAY)
        assert silence_tonight(session, known["office"], TODAY) is None
        assert silence_tonight(session, known["kremlin"], TODAY) is None
    assert quiet is not None and quiet.proved == 19  # a day with a page that could not be read is not empty
    assert [("silent", str(quiet))] == needs(bureau, settings)


def test_nights_that_no_longer_come_are_told(bureau: Bureau, settings: Settings) -> None:
    bureau.publish(day(1))
    bureau.run("nightly", day(14), day(3))
    bureau.run("nightly", day(14), day(1), "failed")
    assert needs(bureau, settings) == [("not visited", "no night since 2026-03-17 has come through")]
    Bureau(bureau.database, "office").run("nightly", day(9), day(1), "failed")
    assert ("not visited", "every night of it has failed") in needs(bureau, settings)


def test_a_draft_that_was_tried_once_is_neither_missed_nor_silent(bureau: Bureau, settings: Settings) -> None:
    assert settings.sources is not None
    file = settings.sources / "ministry.toml"
    bureau.publish(day(40))
    bureau.run("nightly", day(40), day(30))
    assert {kind for kind, _ in needs(bureau, settings)} == {"not visited", "silent"}
    file.write_text(f"draft = true\n{file.read_text()}")
    assert needs(bureau, settings) == []


def test_a_source_that_is_to_be_collected_and_never_was_is_told(bureau: Bureau, settings: Settings) -> None:
    found = look(bureau.database, settings.model_copy(update={"collect": ("office",)}))
    assert found.needs == (Need("not visited", "office", "to be collected, but no night has visited it"),)


def test_a_stretch_that_runs_have_proved_empty_is_a_gap_that_needs_no_look(
    bureau: Bureau, settings: Settings
) -> None:
    bureau.publish(day(40))
    bureau.publish(day(20))
    (need,) = needs(bureau, settings)
    assert need == (
        "gap",
        "2026-02-09 to 2026-02-27: 19 days without a document, 19 of them never looked at; up to 7 are usual",
    )
    bureau.run("backfill", day(40), day(20), "degraded", open_days=[day(33)])
    assert "19 days without a document, 1 of them never looked at" in needs(bureau, settings)[0][1]
    bureau.run("backfill", day(33), day(33))
    found = look(bureau.database, settings)
    assert found.needs == ()
    (gap,) = found.gaps
    assert (gap.since, gap.until, gap.days, gap.unproved) == (day(39), day(21), 19, 0)


def test_days_whose_pages_could_not_be_read_are_no_holiday(bureau: Bureau, settings: Settings) -> None:
    bureau.publish(day(100))
    bureau.publish(day(20))
    run = bureau.run("backfill", day(100), day(20))
    assert look(bureau.database, settings).needs == ()
    for number in (90, 80, 70):
        bureau.lose(run, "rejected", "no body", day(number))
    (need,) = needs(bureau, settings)
    assert need[0] == "gap"
    assert (
        "79 days without a document, 0 of them never looked at, 3 with a page that could not be read"
        in need[1]
    )
    (row,) = look(bureau.database, settings).sources
    assert (row.published, row.empty, row.unread) == (2, 76, 3)
    for number in (90, 80, 70):
        bureau.publish(day(number))
    assert "could not be read" not in str(needs(bureau, settings))


def test_gaps_outside_the_days_asked_about_are_left_out(bureau: Bureau, settings: Settings) -> None:
    for number in (90, 60, 59, 30, 29):
        bureau.publish(day(number))
    assert "and 1 more such stretches" in needs(bureau, settings)[0][1]
    assert "more" not in needs(bureau, settings, since=day(50))[0][1]
    found = look(bureau.database, settings, until=day(59))
    assert [gap.until for gap in found.gaps] == [day(61)]
    assert found.as_of == day(59) and found.sources[0].documents == 3


def test_a_rhythm_is_read_from_proved_days_only() -> None:
    weekly = [day(number) for number in range(994, 0, -7)]
    every = set(days_of(day(1000), TODAY))
    assert usual_gap(weekly, every, 30) == 14
    assert usual_gap(weekly, every - {day(n) for n in range(300, 1000)}, 30) == 30
    assert usual_gap(weekly[-50:], every, 30) == 30
    assert usual_gap([], every, None) is None


def test_a_source_that_is_no_longer_to_be_collected_is_neither_silent_nor_missed(
    bureau: Bureau, settings: Settings
) -> None:
    bureau.publish(day(30))
    bureau.run("nightly", day(40), day(20))
    assert {kind for kind, _ in needs(bureau, settings)} == {"not visited", "silent"}
    found = look(bureau.database, settings.model_copy(update={"collect": ("kremlin",)}))
    assert [(need.kind, need.source) for need in found.needs] == [("not visited", "kremlin")]


def test_a_source_without_a_file_is_counted_and_not_judged(database: Database, settings: Settings) -> None:
    notes = Bureau(database, "notes")
    notes.publish(day(400))
    notes.publish(day(200))
    notes.run("ingest", day(200), day(190))
    found = look(database, settings)
    assert found.needs == () and found.gaps == ()
    assert found.sources[0].usual is None


def test_a_source_that_nights_visited_and_whose_file_is_gone_is_told(
    bureau: Bureau, settings: Settings
) -> None:
    bureau.publish(day(1))
    bureau.run("nightly", day(14), day(1))
    assert needs(bureau, settings) == []
    assert settings.sources is not None
    (settings.sources / "ministry.toml").unlink()
    assert needs(bureau, settings) == [
        ("not visited", "nights have visited it, and it has no source file now")
    ]
    meant = settings.model_copy(update={"collect": ("office",)})
    assert [need.source for need in look(bureau.database, meant).needs] == ["office"]


def test_a_source_file_that_cant_be_used_is_told_and_stops_no_look(
    bureau: Bureau, settings: Settings
) -> None:
    bureau.publish(day(1))
    bureau.run("nightly", day(14), day(1))
    assert settings.sources is not None
    (settings.sources / "ministry.toml").write_text("id = [\n")
    (told,) = needs(bureau, settings)
    assert told[0] == "not visited" and "ministry.toml:1: not TOML" in told[1]
    with pytest.raises(SourceError, match="not TOML"):
        load_sources(settings.sources)
    for meant, asked, found in (
        ("office", (), ["office"]),
        ("ministry", (), ["ministry"]),
        ("", ["office"], []),
    ):
        own = settings.model_copy(update={"collect": tuple(filter(None, [meant]))})
        assert [need.source for need in look(bureau.database, own, asked).needs] == found


def test_a_layout_that_drifted_needs_a_look(bureau: Bureau, settings: Settings) -> None:
    for number in range(40, 70):
        bureau.publish(day(number))
    for number in range(33, 40):
        bureau.publish(day(number), Turn((f"Words {number}.",)))
    for number in range(30):
        bureau.publish(day(number), Turn((f"Ferry {number}.",)), doubts=[f"no layout of it {NO_LAYOUT}"])
    assert needs(bureau, settings) == [("drift", "read without a layout: 0% before, now 100%")]


def test_unread_pages_are_grouped_by_the_kind_of_their_reason(bureau: Bureau, settings: Settings) -> None:
    run = bureau.run("nightly", day(14), day(3))
    for number in range(3):
        bureau.lose(run, "rejected", f"no body: of page {number}", day(4))
    bureau.lose(run, "blocked", "challenge: a guard", day(4))
    old = bureau.run("nightly", day(60), day(50))
    bureau.lose(old, "failed", "HTTP 503", day(51))
    found = look(bureau.database, settings)
    assert [(each.disposition, each.kind, each.pages) for each in found.troubles] == [
        ("rejected", "no body", 3),
        ("blocked", "challenge", 1),
    ]


def test_an_unknown_source_is_refused_by_name(database: Database, settings: Settings) -> None:
    with pytest.raises(SourceError, match="unknown source 'nobody'"):
        look(database, settings, ["nobody"])
    assert look(database, settings, ["office"]).sources[0].documents == 0


def test_the_worst_stands_first(bureau: Bureau, settings: Settings) -> None:
    bureau.publish(day(1))
    other = Bureau(bureau.database, "office")
    other.publish(day(30))
    other.run("nightly", day(14), TODAY)
    other.publish(day(60))
    found = look(bureau.database, settings)
    assert [need.kind for need in found.needs] == ["silent", "gap"]
    assert [row.source for row in found.sources] == ["office", "ministry"]


def test_what_a_page_said_is_harmless_in_the_report(bureau: Bureau, settings: Settings) -> None:
    run = bureau.run("nightly", day(14), TODAY)
    bureau.lose(run, "rejected", "<script>|`x`\x1b[31m: y", day(4))
    text = missing_report.markdown(look(bureau.database, settings))
    assert "\x1b" not in text and "<script>" not in text.replace("\\<", "")
    assert "\\<script\\>\\|\\`x\\`" in text
