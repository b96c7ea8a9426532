"""The ledger: every page of a run ends in one disposition, or the run has failed."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storage import ledger
from storage.database import Database
from storage.ledger import Found, Tally
from storage.models import DISPOSITIONS, Capture, Disposition, Page, Run, RunKind

ROOT = Path(__file__).parent.parent
DAY = dt.date(2026, 3, 20)
NOW = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)


def opened(database: Database, source: str = "here", kind: RunKind = "nightly") -> int:
    with database.write() as session:
        return ledger.open_run(session, kind, source, DAY, DAY).id


def found(key: str, day: dt.date | None = None) -> Found:
    return Found(key, f"https://example.org/{key}", day)


def discover(database: Database, run: int, *keys: str) -> None:
    with database.write() as session:
        for key in keys:
            assert ledger.discovered(session, run, found(key))


def settle(
    database: Database, run: int, key: str, disposition: Disposition, reason: str | None = None
) -> None:
    with database.write() as session:
        ledger.settle(session, run, key, disposition, reason)


def tally(database: Database, run: int) -> Tally:
    with database.read() as session:
        return ledger.tally_of(session, run)


def test_a_page_is_written_down_once_a_run(database: Database) -> None:
    first, second = opened(database), opened(database)
    with database.write() as session:
        assert ledger.discovered(session, first, found("a"))
        assert not ledger.discovered(session, first, found("a"))
        assert ledger.discovered(session, second, found("a"))
    assert tally(database, first).discovered == 1


def test_a_page_found_by_many_at_once_is_written_down_once(database: Database) -> None:
    run = opened(database)

    def discover_all(_: int) -> int:
        fresh = 0
        for key in "abcdefgh":
            with database.write() as session:
                fresh += ledger.discovered(session, run, found(key))
        return fresh

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(discover_all, range(4))) == 8
    assert tally(database, run) == Tally({}, 8)


def test_a_page_of_no_run_is_an_error(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        ledger.discovered(session, 999, found("a"))


def test_the_first_disposition_stays(database: Database) -> None:
    run = opened(database)
    discover(database, run, "a")
    settle(database, run, "a", "rejected", "no date")
    settle(database, run, "a", "new")
    with database.read() as session:
        (page,) = ledger.pages_of(session, run)
    assert (page.disposition, page.reason) == ("rejected", "no date")
    assert tally(database, run) == Tally({"rejected": 1})


def test_an_unheard_of_disposition_is_refused(database: Database) -> None:
    run = opened(database)
    discover(database, run, "a")
    with pytest.raises(IntegrityError):
        settle(database, run, "a", "skipped")  # type: ignore[arg-type]
    assert tally(database, run).unsettled == 1


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fates=st.lists(st.none() | st.sampled_from(DISPOSITIONS), max_size=12), failed=st.booleans())
def test_the_tally_adds_up_and_an_unsettled_page_fails_the_run(
    database: Database, fates: list[Disposition | None], failed: bool
) -> None:
    run = opened(database)
    discover(database, run, *map(str, range(len(fates))))
    for key, fate in enumerate(fates):
        if fate is not None:
            settle(database, run, str(key), fate)
    counted = tally(database, run)
    assert counted.discovered == len(fates)
    assert counted.unsettled == fates.count(None)
    assert counted.counts == {fate: fates.count(fate) for fate in DISPOSITIONS if fate in fates}
    with database.write() as session:
        state = ledger.close_run(session, run, [], failed=failed)
    assert state == ("failed" if failed or None in fates else "completed")


def test_a_tally_reads_as_a_sum() -> None:
    assert str(Tally()) == "0 discovered"
    assert str(Tally({"rejected": 1, "new": 2}, 3)) == "6 discovered = 2 new + 1 rejected + 3 unsettled"


def test_a_run_with_a_reason_is_degraded_and_says_why(database: Database) -> None:
    run = opened(database)
    with database.write() as session:
        assert ledger.close_run(session, run, ["2 days are not covered"], failed=False) == "degraded"
    with database.read() as session:
        row = session.get_one(Run, run)
    assert (row.state, row.reasons) == ("degraded", ["2 days are not covered"])
    assert row.finished_at is not None
    assert row.finished_at >= row.started_at


def test_a_failed_run_says_how_many_pages_it_lost(database: Database) -> None:
    run = opened(database)
    discover(database, run, "a", "b")
    settle(database, run, "a", "new")
    with database.write() as session:
        assert ledger.close_run(session, run, ["interrupted"], failed=False) == "failed"
    with database.read() as session:
        assert session.get_one(Run, run).reasons == ["interrupted", "1 of 2 pages have no disposition"]


def test_the_run_of_a_dead_process_is_ended(database: Database, database_url: str) -> None:
    program = """
import datetime as dt, sys
from storage import ledger
from storage.database import Database
database = Database(sys.argv[1])
with database.write() as session:
    for source in ("here", "there"):
        print(ledger.open_run(session, "nightly", source, dt.date(2026, 3, 20), dt.date(2026, 3, 20)).id)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, database_url], cwd=ROOT, capture_output=True, text=True, check=True
    )
    dead, elsewhere = map(int, done.stdout.split())
    own = opened(database)
    opened(database)  # looks for dead ones again, and this process is alive
    with database.read() as session:
        ended = session.get_one(Run, dead)
        assert ended.state == "failed"
        assert ended.finished_at is not None
        assert ended.reasons == ["interrupted: its process is gone"]
        assert session.get_one(Run, own).state == "running"
        assert session.get_one(Run, elsewhere).state == "running"  # its source's next run ends it


def test_a_process_that_has_got_a_dead_ones_number_is_not_it(database: Database) -> None:
    run = opened(database)
    with database.write() as session:
        found = session.get_one(Run, run)
        assert ledger.alive(session, found)
        found.process = found.process.partition("@")[0] + "@1"
    opened(database)
    with database.read() as session:
        assert session.get_one(Run, run).state == "failed"


def test_the_run_of_another_host_is_left_alone_until_it_has_captured_nothing_for_a_day(
    database: Database,
) -> None:
    now = dt.datetime.now(dt.UTC)
    run = opened(database)
    with database.write() as session:
        found = session.get_one(Run, run)
        found.process, found.started_at = "another-host:1", now - 2 * ledger.SILENT
        capture = Capture(
            source="here", url="https://here.example/a", fetched_at=now, status=200, content_type="text/html",
            digest="sha256:A", size=1, warc="a.warc.gz", offset=0, length=1,
        )  # fmt: skip
        session.add_all([capture, Page(run_id=run, key="a", url=capture.url, capture=capture)])
    opened(database)
    with database.write() as session:
        assert session.get_one(Run, run).state == "running"
        (capture,) = session.scalars(select(Capture))
        capture.fetched_at = now - ledger.SILENT
    opened(database)
    with database.read() as session:
        assert session.get_one(Run, run).state == "failed"


def test_what_is_fetched_and_not_settled_is_to_be_read_in_the_order_of_discovery(database: Database) -> None:
    run, other = opened(database), opened(database)
    discover(database, run, "d", "c", "b", "a")
    discover(database, other, "a")
    with database.write() as session:
        captures = {}
        for number, key in enumerate("abcd"):
            capture = Capture(
                source="here", url=f"https://example.org/{key}", fetched_at=NOW, status=200, content_type="",
                digest="sha256:", size=1, warc="here.warc.gz", offset=number, length=1,
            )  # fmt: skip
            session.add(capture)
            session.flush()
            captures[key] = capture.id
        for key in "abd":
            ledger.fetched(session, run, key, captures[key])
        ledger.settle(session, run, "b", "rejected", "no date")
    with database.read() as session:
        pairs = ledger.to_extract(session, run, 10)
        assert [(page.key, capture.id) for page, capture in pairs] == [
            ("d", captures["d"]),
            ("a", captures["a"]),
        ]
        assert len(ledger.to_extract(session, run, 1)) == 1
        assert ledger.to_extract(session, other, 10) == []


def test_pages_are_listed_newest_first_and_undated_ones_last(database: Database) -> None:
    run = opened(database)
    with database.write() as session:
        for key, day in (("a", None), ("b", DAY - dt.timedelta(1)), ("c", DAY), ("d", None)):
            ledger.discovered(session, run, found(key, day))
    with database.read() as session:
        assert [page.key for page in ledger.pages_of(session, run)] == ["c", "b", "a", "d"]


def test_a_reason_of_any_bytes_is_kept(database: Database) -> None:
    run = opened(database)
    discover(database, run, "a")
    settle(database, run, "a", "failed", "odd: \x00\ud800\nand so on")
    with database.read() as session:
        assert ledger.pages_of(session, run)[0].reason == "odd: and so on"


def test_the_last_night_is_the_newest_that_did_not_fail(database: Database) -> None:
    def ended(kind: RunKind, until: dt.date, *, failed: bool = False, source: str = "here") -> int:
        with database.write() as session:
            run = ledger.open_run(session, kind, source, until, until)
            ledger.close_run(session, run.id, [], failed=failed)
            return run.id

    with database.read() as session:
        assert ledger.last_night(session, "here") is None
    wanted = ended("nightly", DAY)
    ended("nightly", DAY - dt.timedelta(1))
    ended("nightly", DAY + dt.timedelta(1), failed=True)
    ended("nightly", DAY + dt.timedelta(1), source="there")
    ended("backfill", DAY + dt.timedelta(2))
    opened(database)
    with database.read() as session:
        last = ledger.last_night(session, "here")
    assert last is not None
    assert last.id == wanted
