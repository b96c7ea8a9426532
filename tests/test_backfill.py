"""A backfill is cut into windows; what is done is not walked again, and what was archived is not fetched again."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from flows import plan, report, windows
from flows.collect import Order, SourceReport, collect, collect_all
from flows.demo import Stage, stage
from flows.settings import Settings
from flows.steps import PLAIN
from flows.windows import Backfill, Split
from storage import ledger, models
from storage.database import Database
from storage.ledger import Tally
from tests.command import podium, podium_process
from tests.site import MisbehavingMinistry, gone, server_error, soft_404, without_date
from tests.test_collect import expected, pages, texts

TODAY = dt.datetime.now(dt.timezone(dt.timedelta(hours=2))).date()
"""Where the test site is. What is done depends on when the ledger says that a run began."""


@pytest.fixture
def site() -> Any:
    """The test site as of today."""
    with MisbehavingMinistry(TODAY) as ministry:
        yield ministry


@pytest.fixture
def place(site: MisbehavingMinistry, tmp_path: Path) -> Stage:
    """A folder for the test site's collections."""
    return stage(tmp_path / "podium", site)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


# --- cutting -------------------------------------------------------------------------------------


@pytest.fixture
def order(place: Stage) -> Order:
    """Two months and some days, long ago."""
    (found,) = plan.backfill(place.settings, day("2018-01-10"), day("2018-03-31"))
    return found


def cut(order: Order, database: Database | None = None, split: Split = "month") -> list[tuple[str, bool]]:
    return [(window.days, window.done) for window in windows.planned(database, [order], split)]


Ran = Callable[..., int]


@pytest.fixture
def ran(database: Database) -> Ran:
    """Writes a run into the ledger as if it had been."""

    def run(
        since: str, until: str, state: str = "completed", reasons: tuple[str, ...] = (), **facts: Any
    ) -> int:
        told: dict[str, Any] = {"kind": "backfill", "source": "demo", "via": None} | facts
        with database.write() as session:
            found = ledger.open_run(
                session, told["kind"], told["source"], day(since), day(until), told["via"]
            )
            found.state, found.reasons = state, list(reasons)
            return found.id

    return run


def test_a_range_is_cut_into_months_the_newest_first(order: Order) -> None:
    assert cut(order) == [("2018-03", False), ("2018-02", False), ("2018-01-10 to 2018-01-31", False)]
    assert [days for days, _ in cut(order, split="year")] == ["2018-01-10 to 2018-03-31"]
    weeks = [days for days, _ in cut(order, split="week")]
    assert (len(weeks), weeks[1], weeks[-1]) == (12, "2018-03-19 to 2018-03-25", "2018-01-10 to 2018-01-14")


def test_days_that_were_collected_are_done_however_the_range_was_cut_then(
    order: Order, database: Database, ran: Ran
) -> None:
    ran("2018-02-20", "2018-03-20")
    ran("2017-01-01", "2018-01-31")
    assert cut(order, database) == [
        ("2018-03-21 to 2018-03-31", False),
        ("2018-03-01 to 2018-03-20", True),
        ("2018-02-20 to 2018-02-28", True),
        ("2018-02-01 to 2018-02-19", False),
        ("2018-01-10 to 2018-01-31", True),
    ]
    assert cut(order, database, "year")[1] == ("2018-02-20 to 2018-03-20", True)
    assert not any(done for _, done in cut(replace(order, again=True), database))


def test_only_a_completed_backfill_of_the_site_itself_makes_days_done(
    order: Order, database: Database, ran: Ran
) -> None:
    ran("2018-01-01", "2018-12-31", kind="nightly")
    ran("2018-01-01", "2018-12-31", source="another")
    ran("2018-01-01", "2018-12-31", via="wayback")
    ran("2018-01-01", "2018-12-31", via="replay")
    ran("2018-01-01", "2018-02-05", state="failed", reasons=("no listing could be read",))
    ran("2018-03-01", "2018-03-31", state="degraded", reasons=("1 page blocked",))
    found = windows.planned(database, [order])
    assert [(window.done, window.tried) for window in found] == [
        (False, "degraded: 1 page blocked"),
        (False, "failed: no listing could be read"),
        (False, "failed: no listing could be read"),
    ]


def test_a_day_that_was_not_over_is_open(place: Stage, database: Database, ran: Ran) -> None:
    ran(f"{TODAY - dt.timedelta(3)}", f"{TODAY}")
    (order,) = plan.backfill(place.settings, TODAY - dt.timedelta(3), TODAY)
    still, *before = windows.planned(database, [order])
    assert (still.days, still.done, still.tried) == (f"{TODAY}", False, "the day was not over")
    assert all(window.done for window in before)


def test_what_another_answers_is_one_window_and_never_done(
    order: Order, database: Database, ran: Ran
) -> None:
    ran("2018-01-01", "2018-12-31")
    asked = replace(order, wayback="http://127.0.0.1")
    assert cut(asked, database) == [("2018-01-10 to 2018-03-31", False)]


def test_a_source_of_site_maps_alone_is_not_cut_for_they_are_read_whole_each_time(order: Order) -> None:
    feeds = tuple(way for way in order.source.discover if way.kind == "feed")
    asked = replace(order, source=order.source.model_copy(update={"discover": feeds}))
    assert cut(asked) == [("2018-01-10 to 2018-03-31", False)]


# --- walking -------------------------------------------------------------------------------------


def walked(order: Order, *states: models.RunState) -> tuple[Backfill, SourceReport]:
    """A backfill whose windows end like this, the newest first."""
    left = list(states)

    def one(order: Order, _stop: threading.Event) -> SourceReport:
        state = left.pop(0)
        reasons = () if state == "completed" else (f"it {state}",)
        tally = Tally({"new": 2})
        run_id = len(states) - len(left)
        return SourceReport(order.source.id, run_id, order.since, order.until, state, tally, reasons)

    work = Backfill(windows.planned(None, [order]))
    (found,) = work.by_source(collect_all(work.orders, work.walking(one)))
    assert not left
    return work, found


def test_a_window_that_failed_is_open_by_its_name_and_older_ones_are_not_begun(order: Order) -> None:
    work, found = walked(order, "completed", "failed")
    assert (found.state, found.tally.discovered) == ("failed", 4)
    assert found.reasons == (
        "2018-02: it failed",
        "2018-01-10 to 2018-01-31: not begun, since a newer window failed",
    )
    assert [work.state(window) for window in work.windows] == ["done", "open", "open"]
    assert (found.since, found.until) == (order.since, order.until)
    text = windows.markdown(work)
    assert text.startswith("# 1 of 3 windows are done, 2 open")
    assert "| demo | 2018-02 | **open** | it failed |" in text


def test_a_degraded_window_is_open_and_older_ones_are_walked(order: Order) -> None:
    work, found = walked(order, "completed", "degraded", "completed")
    assert (found.state, found.reasons) == ("degraded", ("2018-02: it degraded",))
    assert report.exit_status([found]) == 1 and work.counts == (2, 3)


def test_a_report_names_the_run_in_which_it_went_wrong(order: Order) -> None:
    _, found = walked(order, "completed", "degraded", "completed")
    assert "2018-02: it degraded (`podium status 2`)" in report.markdown("backfill", [found])


def test_a_window_whose_collection_raises_is_open(order: Order) -> None:
    def one(_order: Order, _stop: threading.Event) -> SourceReport:
        raise OSError("no | space")

    work = Backfill(windows.planned(None, [order]))
    (found,) = work.by_source(collect_all(work.orders, work.walking(one)))
    assert found.state == "failed" and found.reasons[0] == "2018-03: OSError: no | space"
    assert "| **open** | OSError: no \\| space |" in windows.markdown(work)


def test_sources_are_walked_side_by_side_and_each_ones_windows_in_turn(order: Order) -> None:
    elsewhere = {"id": "other", "hosts": ("elsewhere.example",)}  # of one host they would go in turn
    other = replace(order, source=order.source.model_copy(update=elsewhere))
    both = threading.Barrier(2, timeout=10)
    begun: dict[str, list[dt.date]] = {"demo": [], "other": []}

    def one(order: Order, _stop: threading.Event) -> SourceReport:
        both.wait()
        begun[order.source.id].append(order.since)
        return SourceReport(order.source.id, 1, order.since, order.until, "completed", Tally())

    work = Backfill(windows.planned(None, [order, other]))
    found = work.by_source(collect_all(work.orders, work.walking(one)))
    assert [(each.source, each.state) for each in found] == [("demo", "completed"), ("other", "completed")]
    months = [day("2018-03-01"), day("2018-02-01"), day("2018-01-10")]
    assert begun == {"demo": months, "other": months}


# --- what was archived ---------------------------------------------------------------------------


def backfill(settings: Settings, days: int = 45, *, again: bool = False) -> SourceReport:
    """The days until today as one window."""
    (order,) = plan.backfill(settings, TODAY - dt.timedelta(days), TODAY, again=again)
    return collect(order, settings)


def night(settings: Settings) -> SourceReport:
    (order,) = plan.night(settings)
    return collect(order, settings)


def broken_off(settings: Settings, order: Order) -> None:
    """A collection that was killed after its crawl: all is archived, nothing is read."""

    def killed(*_: object) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(order, settings, steps=replace(PLAIN, extract=killed))
    with Database(settings.database_url) as database, database.write() as session:
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        host = session.scalars(select(models.Run.process)).first()
        assert host is not None
        gone_by = f"{host.partition(':')[0]}:{dead.pid}"
        session.execute(update(models.Run).values(state="running", reasons=[], process=gone_by))


def asked(site: MisbehavingMinistry) -> list[str]:
    """The documents that were asked for since this was last called."""
    paths = [request.path for request in site.requests]
    site.requests.clear()
    return sorted(path for path in paths if path.removeprefix("/briefings/").isdigit())


@pytest.mark.slow
def test_what_a_killed_backfill_had_archived_is_read_and_not_fetched_again(
    site: MisbehavingMinistry, place: Stage
) -> None:
    settings = place.settings
    site.misbehave("/briefings/112", without_date())
    (order,) = plan.backfill(settings, TODAY - dt.timedelta(45), TODAY)
    broken_off(settings, order)
    assert len(asked(site)) == len(site.documents)
    found = backfill(settings)
    assert asked(site) == []
    assert found.tally.counts == {"unchanged": len(site.documents) - 1, "rejected": 1}
    assert len(found.arrivals) == len(site.documents) - 1
    wanted = expected(site, order.since, TODAY)
    assert wanted.pop("112") and texts(settings) == wanted
    first = pages(settings, 1)
    assert first.pop("112")[0] == "rejected"
    assert {disposition for disposition, _ in first.values()} == {"new"}
    with Database(settings.database_url) as opened, opened.read() as session:
        dead = session.get_one(models.Run, 1)
        assert (dead.state, dead.reasons) == ("failed", ["interrupted: its process is gone"])


@pytest.mark.slow
def test_what_a_killed_night_had_archived_is_read_and_not_fetched_again_but_the_next_night_asks(
    site: MisbehavingMinistry, place: Stage
) -> None:
    (order,) = plan.night(place.settings)
    broken_off(place.settings, order)
    first = asked(site)
    assert first
    assert night(place.settings).state == "completed"
    assert asked(site) == []
    assert texts(place.settings) == expected(site, order.since, TODAY)
    site.correct()
    assert night(place.settings).tally.counts["revised"] == 1
    assert "/briefings/114" in asked(site)


@pytest.mark.slow
def test_a_backfill_asks_for_no_page_twice_a_day_but_for_what_was_blocked_or_failed(
    site: MisbehavingMinistry, place: Stage
) -> None:
    site.misbehave("/briefings/113", gone())
    site.misbehave("/briefings/101", server_error())
    night(place.settings)
    recent = set(asked(site))
    assert backfill(place.settings).tally.counts["gone"] == 1
    assert set(asked(site)) == {document.path for document in site.documents} - recent
    site.behave()
    assert backfill(place.settings).tally.counts["new"] == 1
    assert asked(site) == ["/briefings/101"]


# --- the command ---------------------------------------------------------------------------------


def test_a_dry_run_lists_the_windows_and_asks_nobody(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    since = (TODAY - dt.timedelta(70)).isoformat()
    before = sorted(tmp_path.rglob("*"))
    dry = podium("backfill", "--since", since, "--dry-run", settings=place.settings)
    assert dry.returncode == 0 and site.requests == [] and sorted(tmp_path.rglob("*")) == before
    rows = [line.split("\t") for line in dry.stdout.splitlines()]
    assert rows[0] == ["source", "window", "state", "last"]
    assert len(rows) >= 4 and all(row[2] == "open" for row in rows[1:-1])
    # Nor is a contact needed for it.
    live = podium(
        "backfill", "--since", "2020-01-01", "--until", "2020-12-31", "--dry-run", "--source", "kremlin"
    )
    assert live.returncode == 0 and "0 of 12 windows are done, 12 open" in live.stdout


@pytest.mark.slow
def test_the_same_command_again_walks_only_what_is_open(site: MisbehavingMinistry, place: Stage) -> None:
    since, until = TODAY - dt.timedelta(45), TODAY - dt.timedelta(1)
    command = ("backfill", "--since", f"{since}", "--until", f"{until}")
    older = [document for document in site.documents if document.date < TODAY.replace(day=1)]
    site.misbehave(older[0].path, server_error())
    first = podium_process(*command, settings=place.settings)
    assert first.returncode == 1 and "1 page failed" in first.stdout
    site.behave()
    asked(site)
    second = podium_process(*command, settings=place.settings)
    assert second.returncode == 0, second.stdout
    assert asked(site) == [older[0].path] and "were done before" in second.stdout
    assert texts(place.settings) == expected(site, since, until)
    third = podium_process(*command, settings=place.settings)
    assert third.returncode == 0 and site.requests == []


@pytest.mark.slow
def test_a_window_with_a_page_that_could_not_be_read_is_walked_once_more_on_another_day(
    site: MisbehavingMinistry, place: Stage
) -> None:
    site.misbehave("/briefings/103", soft_404())
    site.misbehave("/briefings/104", soft_404())
    first = backfill(place.settings)
    assert first.state == "degraded" and "not read: 2 pages" in first.reasons[0]
    site.behave("/briefings/103")
    with Database(place.settings.database_url) as opened, opened.write() as session:
        for run in session.scalars(select(models.Run)):
            run.started_at -= dt.timedelta(1)
    second = backfill(place.settings)
    assert (second.state, second.tally.counts["new"]) == ("completed", 1), second.reasons
    assert second.tally.counts["rejected"] == 1  # it refuses for good
