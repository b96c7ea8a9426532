"""Several crawls of one host at once are together as polite as one: two commands, one database, one site."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from flows.demo import stage
from flows.settings import Settings
from storage import models
from storage.database import Database
from tests.site import MisbehavingMinistry, robots, too_many_requests

pytestmark = pytest.mark.slow  # many crawls one after the other

PODIUM = Path(sys.executable).parent / "podium"
TODAY = dt.datetime.now(dt.timezone(dt.timedelta(hours=2))).date()
DELAY = 0.4
TOLERANCE = 0.15
"""Seconds by which a request may come sooner: its way to the site takes now longer, now shorter."""


@pytest.fixture
def site() -> Iterator[MisbehavingMinistry]:
    """The site as of today, since it is the command itself that collects it."""
    with MisbehavingMinistry(TODAY) as ministry:
        yield ministry


@pytest.fixture
def settings(site: MisbehavingMinistry, tmp_path: Path, database_url: str) -> Settings:
    """Settings with a delay, which a site on this machine has only when it is asked for."""
    place = stage(tmp_path / "podium", site)
    return place.settings.model_copy(update={"database_url": database_url, "delay": DELAY})


def start(settings: Settings, *more: str) -> subprocess.Popen[str]:
    """A backfill of a week, which takes some ten requests."""
    window = ("--since", str(TODAY - dt.timedelta(9)), "--until", str(TODAY - dt.timedelta(2)))
    return subprocess.Popen(
        [PODIUM, "backfill", *window, *more],
        env=os.environ | settings.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(settings: Settings) -> tuple[int, str]:
    """A backfill from beginning to end: its exit status, and what it said."""
    backfill = start(settings)
    told, _ = backfill.communicate(timeout=120)
    return backfill.returncode, told


def gaps(site: MisbehavingMinistry) -> list[float]:
    """Seconds between the requests that reached the site, whoever sent them."""
    return [later - sooner for sooner, later in pairwise(sorted(visit.time for visit in site.requests))]


def last_reasons(settings: Settings) -> str:
    database = Database(settings.database_url)
    with database.read() as session:
        run = session.scalars(select(models.Run).order_by(models.Run.id.desc())).first()
        assert run is not None
        reasons = " / ".join(run.reasons)
    database.close()
    return reasons


def hosts(settings: Settings) -> list[models.Host]:
    database = Database(settings.database_url)
    with database.read() as session:
        found = list(session.scalars(select(models.Host)))
    database.close()
    return found


# --- the delay -----------------------------------------------------------------------------------


def test_two_crawls_at_once_keep_the_delay_of_their_host_together(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    both = [start(settings), start(settings)]
    told = [each.communicate(timeout=180)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], told
    found = gaps(site)
    assert len(found) > 12
    assert min(found) > DELAY - TOLERANCE, sorted(found)[:5]
    assert len(hosts(settings)) == 1


def test_the_delay_that_robots_txt_asks_for_holds_for_both(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    site.misbehave("/robots.txt", robots("Crawl-delay: 1"))
    both = [start(settings), start(settings)]
    told = [each.communicate(timeout=180)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], told
    # Before it is read nobody knows it, and each of the two reads it.
    rules = max(visit.time for visit in site.requests if visit.path == "/robots.txt")
    after = sorted(visit.time for visit in site.requests if visit.time >= rules)
    assert min(later - sooner for sooner, later in pairwise(after)) > 1 - TOLERANCE


def test_a_pause_that_one_crawl_was_asked_for_is_kept_by_the_other(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    first = start(settings)
    while not any("/briefings/" in visit.path for visit in site.requests):
        time.sleep(0.05)
        assert first.poll() is None
    site.misbehave("*", too_many_requests(4))
    seen = len(site.requests)
    while len(site.requests) == seen:
        time.sleep(0.02)
    site.behave()
    second = start(settings)
    for each in (first, second):
        each.communicate(timeout=180)
    moments = sorted(visit.time for visit in site.requests)
    assert moments[seen + 1] - moments[seen] > 4 - TOLERANCE
    assert [first.returncode, second.returncode] == [0, 0]


def test_a_site_on_this_machine_costs_the_database_nothing_without_a_delay(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    status, told = finish(settings.model_copy(update={"delay": None}))
    assert status == 0, told
    assert hosts(settings) == []


# --- left alone ----------------------------------------------------------------------------------


def test_a_crawl_that_is_under_way_stops_at_a_wall_that_another_met(
    site: MisbehavingMinistry, settings: Settings
) -> None:
    running = start(settings)
    while len(site.requests) < 3:
        time.sleep(0.05)
        assert running.poll() is None
    database = Database(settings.database_url)
    with database.write() as session:
        later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        session.get_one(models.Host, "127.0.0.1").left_until = later
        session.get_one(models.Host, "127.0.0.1").left_reason = "a wall"
    database.close()
    asked = len(site.requests)
    told, _ = running.communicate(timeout=60)
    assert running.returncode in (1, 3), told
    assert len(site.requests) <= asked + 1
    assert "UTC: a wall" in last_reasons(settings)
