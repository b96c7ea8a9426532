"""What is there and what is missing, asked of both databases."""

from __future__ import annotations

import datetime as dt

import pytest

from storage import coverage, earlier, models
from storage.database import Database
from storage.transcript import GUESSED_DATE, Turn
from tests.bureau import TODAY, Bureau, day

SAID = Turn(("It sails.",), label="Edda Rosk", role="answer", speaker="Edda Rosk")
ASKED = Turn(("Does it sail?",), label="Question", role="question")


@pytest.fixture
def bureau(database: Database) -> Bureau:
    return Bureau(database)


def test_a_document_counts_on_the_day_of_its_newest_revision_and_once_a_source(bureau: Bureau) -> None:
    key = bureau.publish(day(5), SAID)
    bureau.publish(day(4), SAID, ASKED, key=key)
    bureau.publish(day(4), ASKED, SAID, SAID)
    bureau.publish(day(4), ASKED, SAID, SAID)  # the same at another address
    Bureau(bureau.database, "office").publish(day(9))
    with bureau.database.read() as session:
        found = coverage.documents_by_day(session)
        assert found == {"ministry": {day(4): 2}, "office": {day(9): 1}}
        assert coverage.documents_by_day(session, day(4), TODAY) == {"ministry": {day(4): 2}}
        assert coverage.known_sources(session) == {"ministry", "office"}


def test_how_full_the_documents_are_is_told_by_month(bureau: Bureau) -> None:
    bureau.publish(dt.date(2026, 1, 31), SAID, ASKED)
    bureau.publish(dt.date(2026, 2, 1), ASKED, doubts=(GUESSED_DATE,))
    bureau.publish(dt.date(2026, 2, 2))
    with bureau.database.read() as session:
        january, february = coverage.filled_by_month(session)
        assert coverage.filled_by_month(session, dt.date(2026, 2, 1), TODAY) == [february]
    assert january == coverage.Filled("ministry", dt.date(2026, 1, 1), 1, 1, 1, 1, 1, 0)
    assert february == coverage.Filled("ministry", dt.date(2026, 2, 1), 2, 1, 1, 0, 1, 1)
    together = coverage.Filled.together("ministry", [january, february])
    assert (together.documents, together.labelled, together.doubted) == (3, 2, 1)
    assert coverage.Filled.together("ministry", []).documents == 0


def proved(bureau: Bureau, since: int = 30, until: int = 0) -> set[int]:
    """Days before today that runs have proved."""
    with bureau.database.read() as session:
        found = coverage.proved_days(session, day(since), day(until)).get("ministry", set())
    return {(TODAY - each).days for each in found}


def test_a_backfill_proves_its_days_but_those_that_it_left_open(bureau: Bureau) -> None:
    assert proved(bureau) == set()
    bureau.run("backfill", day(20), day(16))
    assert proved(bureau) == {20, 19, 18, 17, 16}
    assert proved(bureau, 18, 17) == {18, 17}
    bureau.run("backfill", day(12), day(9), "degraded", open_days=[day(11)])
    assert proved(bureau, 12, 9) == {12, 10, 9}
    bureau.run("backfill", day(8), day(2), "degraded", open_days=[day(7), day(5), day(4)])
    assert proved(bureau, 8, 2) == {8, 6, 3, 2}
    bureau.run("backfill", day(20), day(16), "degraded", open_days=[day(17)])
    assert proved(bureau, 20, 16) == {20, 19, 18, 17, 16}  # the first has proved it


def test_a_failed_run_and_one_of_captures_prove_no_day(bureau: Bureau) -> None:
    bureau.run("backfill", day(20), day(16), "failed")
    bureau.run("backfill", day(20), day(16), "running")
    bureau.run("ingest", day(20), day(16))
    bureau.run("backfill", day(20), day(16), via="replay")
    assert proved(bureau) == set()


def test_a_night_proves_what_lies_between_the_night_before_and_itself(bureau: Bureau) -> None:
    bureau.run("nightly", day(20), day(6), began=day(6))
    assert proved(bureau) == set()  # the day on which it began is not over
    bureau.run("nightly", day(19), day(5), "failed", began=day(5))
    bureau.run("nightly", day(17), day(3), began=day(3))
    assert proved(bureau) == {6, 5, 4}


def test_what_a_night_leaves_open_is_owed_until_it_is_proved(bureau: Bureau) -> None:
    def owed(today: dt.date) -> tuple[dt.date, dt.date, int]:
        with bureau.database.read() as session:
            found = earlier.owed(session, "ministry", today)
        assert found is not None
        return found.since, found.proof, len(found.left)

    bureau.run("nightly", day(40), day(26), began=day(26))
    bureau.run("nightly", day(39), day(25), "degraded", began=day(25), open_days=[day(26), day(25)])
    assert (owed(day(24)), proved(bureau)) == ((day(26), day(26), 2), set())
    bureau.run("nightly", day(38), day(24), "degraded", began=day(24), open_days=[day(26)])
    assert (owed(day(23)), proved(bureau)) == ((day(26), day(26), 1), {25})
    bureau.run("nightly", day(37), day(23), began=day(23))
    assert (owed(day(22)), proved(bureau)) == ((day(23), day(23), 0), {26, 25, 24})
    bureau.run("nightly", day(37), day(22), "degraded", began=day(22), open_days=[day(23)])
    assert owed(day(23 - coverage.CARRIED)) == (day(23), day(23), 1)
    assert owed(day(22 - coverage.CARRIED)) == (day(22), day(22), 1)  # it is given up


def test_a_night_after_failed_ones_proves_what_they_had_to_look_at(bureau: Bureau) -> None:
    for n in (9, 8, 7):
        bureau.run("nightly", day(n + 14), day(n), "failed", began=day(n))
    bureau.run("nightly", day(23), day(6), began=day(6))
    assert proved(bureau) == {9, 8, 7}


def test_the_day_of_a_backfill_is_not_over_wherever_its_source_is(bureau: Bureau) -> None:
    late = dt.datetime.combine(day(8), dt.time(3), dt.UTC)  # the evening of the day before, in America
    run = bureau.run("backfill", day(20), day(9))
    with bureau.database.write() as session:
        session.get_one(models.Run, run).started_at = late
    assert 10 in proved(bureau) and 9 not in proved(bureau)


def test_a_night_that_was_answered_from_a_file_proves_nothing(bureau: Bureau) -> None:
    bureau.run("nightly", day(20), day(6), began=day(6))
    bureau.run("nightly", day(17), day(3), began=day(3), via="replay")
    assert proved(bureau) == set()
    with bureau.database.read() as session:
        assert coverage.last_nights(session, TODAY) == {"ministry": day(6)}
        assert earlier.owed(session, "ministry", TODAY) == earlier.Owed(day(6), day(6))
    bureau.run("nightly", day(17), day(2), began=day(2))
    assert proved(bureau) == {6, 5, 4, 3}


def test_the_last_night_is_the_last_that_was_not_in_vain(bureau: Bureau) -> None:
    bureau.run("nightly", day(20), day(6))
    bureau.run("nightly", day(20), day(5), "failed")
    Bureau(bureau.database, "office").run("nightly", day(9), day(8), "failed")
    Bureau(bureau.database, "museum").run("backfill", day(9), day(8))
    with bureau.database.read() as session:
        assert coverage.last_nights(session, TODAY) == {"ministry": day(6), "office": None}


def test_a_lost_page_is_one_that_is_not_kept_in_the_end(bureau: Bureau) -> None:
    run = bureau.run("nightly", day(14), day(2))
    later = bureau.run("nightly", day(14), day(1))
    read = bureau.publish(day(3))
    bureau.lose(run, "failed", "HTTP 503", day(3), key=read)
    bureau.lose(run, "blocked", "challenge: of a guard", day(4), key="wall")
    bureau.lose(later, "rejected", "no date: of any kind", day(4), key="wall")
    bureau.lose(later, "rejected", "", key="bare")
    bureau.lose(later, "rejected", f"dated 2019-01-01, {coverage.OUTSIDE}", day(4))
    bureau.lose(later, "gone", "HTTP 404", day(4))
    with bureau.database.write() as session:  # as captures of others are written down
        url = f"http://ministry.example/briefings/{read}"
        session.add(
            models.Page(run_id=run, key=f"{url} 2020", url=url, disposition="blocked", reason="challenge: x")
        )
    with bureau.database.read() as session:
        wall, bare = coverage.lost_pages(session, day(10), TODAY)
        assert (wall.disposition, wall.kind, wall.day, wall.listed) == ("rejected", "no date", day(4), True)
        assert (bare.kind, bare.day, bare.listed) == ("no reason", day(1), False)
        assert coverage.lost_pages(session, day(3), day(3)) == []
        began = dt.datetime.combine(day(1), dt.time(), dt.UTC)
        assert {page.url.rpartition("/")[2] for page in coverage.troubles(session, began)} == {
            *(read, "wall", "bare")
        }


def test_addresses_at_which_there_is_nothing_any_more_are_counted(bureau: Bureau) -> None:
    bureau.publish(day(3))
    bureau.vanish(bureau.publish(day(3)))
    with bureau.database.read() as session:
        assert coverage.gone_by_source(session) == {"ministry": 1}
