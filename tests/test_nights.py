"""Nights that come late, meet a host twice, or find no database: nothing is asked twice, and nothing is lost."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from crawler.source_files import load_sources
from flows.collect import Order, SourceReport, collect_all
from flows.demo import Stage
from flows.settings import Settings
from storage import models
from storage.database import Database
from storage.ledger import Tally
from tests.bureau import TODAY, Bureau, day, settings_of
from tests.site import MisbehavingMinistry
from tests.test_flows import configured, prefect

__all__ = ["configured", "prefect"]


def orders_of(settings: Settings, *names: str) -> list[Order]:
    known = load_sources(settings.sources)
    return [Order("nightly", known[name], day(14), TODAY, TODAY) for name in names]


def test_sources_on_one_host_are_never_collected_at_once_and_others_are(tmp_path: Path) -> None:
    names = ("ministry", "press", "office", "embassy")
    settings = settings_of("sqlite://", tmp_path / "sources", *names)
    for name, host in (("press", "press.ministry.example"), ("embassy", "office.example")):
        path = tmp_path / "sources" / f"{name}.toml"
        path.write_text(path.read_text().replace(f"{name}.example", host))
    place = {"ministry": "ministry", "press": "ministry", "office": "office", "embassy": "office"}
    both, lock = threading.Barrier(2), threading.Lock()
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()

    def one(order: Order, _stop: threading.Event) -> SourceReport:
        name = order.source.id
        with lock:
            now[place[name]] += 1
            most[place[name]] = max(most[place[name]], now[place[name]])
        both.wait(20)  # it takes a source of each host to pass
        with lock:
            now[place[name]] -= 1
        return SourceReport(name, 1, order.since, order.until, "completed", Tally())

    reports = collect_all(orders_of(settings, *names), one)
    assert [each.source for each in reports] == list(names)
    assert most == {"ministry": 1, "office": 1}


def test_a_night_that_comes_late_leaves_out_what_a_later_one_has_collected(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    from flows.nightly import collected_since

    settings = settings_of(database_url, tmp_path / "sources", "ministry", "office")
    orders = orders_of(settings, "ministry", "office")
    run = Bureau(database, "ministry").run("nightly", day(14), TODAY, began=TODAY)
    Bureau(database, "office").run("nightly", day(14), TODAY, "failed", began=TODAY)
    began, hour = dt.datetime.combine(TODAY, dt.time(12, 15), dt.UTC), dt.timedelta(hours=1)
    with database.write() as session:
        session.get_one(models.Run, run).finished_at = began + hour
    assert collected_since(settings, orders, began - dt.timedelta(days=3)) == {"ministry"}
    # Due while the other ran, it has waited for it.
    assert collected_since(settings, orders, began + hour) == {"ministry"}
    assert collected_since(settings, orders, began + hour + dt.timedelta(seconds=1)) == set()
    tomorrow = [replace(order, until=TODAY + dt.timedelta(1)) for order in orders]
    assert collected_since(settings, tomorrow, began) == set()
    ahead = dt.date.today() + dt.timedelta(700)  # by a clock that was wrong
    Bureau(database, "ministry").run("nightly", ahead, ahead, began=ahead)
    assert collected_since(settings, orders, began) == set()


@pytest.mark.slow
def test_a_late_run_of_the_schedule_asks_nobody_for_what_a_night_has_collected(
    configured: Stage, site: MisbehavingMinistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import nightly

    due = dt.datetime.now(dt.UTC)
    assert nightly.nightly(return_state=True).message == "every source is complete"
    site.requests.clear()
    monkeypatch.setattr(nightly, "_due", lambda: due)
    late = nightly.nightly(return_state=True)
    assert late.name == "Completed" and str(late.message).startswith(
        "nothing to do: every source had a night"
    )
    assert site.requests == []
    monkeypatch.setattr(nightly, "_due", lambda: dt.datetime.now(dt.UTC))
    assert nightly.nightly(return_state=True).message == "every source is complete"
    assert site.requests


@pytest.mark.slow
def test_a_night_waits_for_a_database_that_is_away_and_for_nothing_else(configured: Stage) -> None:
    from flows.nightly import nightly

    began = time.monotonic()
    assert nightly(sources=["nobody"], return_state=True).is_failed()
    assert time.monotonic() - began < 8
    # In the place of the database stands what none can be: for as long as it stays there.
    file = configured.folder / "podium.db"
    file.mkdir()
    back = threading.Timer(4, file.rmdir)
    back.start()
    state = nightly(return_state=True)
    back.join()
    assert (state.name, state.message) == ("Completed", "every source is complete")
