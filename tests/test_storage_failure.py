"""Storage that fails in the middle of a crawl: the site is asked for nothing more, and the next run heals."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crawler.job import CrawlJob, CrawlReport
from flows import plan, steps
from flows.collect import collect as collect_one
from flows.collect import collect_all
from flows.demo import Stage
from flows.demo_site import Visit
from flows.settings import Settings
from storage import ledger
from storage.database import Database
from tests.conftest import TODAY, Server, postgres_server
from tests.site import MisbehavingMinistry, Misbehaviour
from tests.test_collect import expected, run, texts

pytestmark = pytest.mark.slow  # many crawls one after the other

WINDOW = (TODAY - dt.timedelta(45), TODAY)
ON_THEIR_WAY = 8
"""Requests that may still get out: four are on their way at a time, and another process tells of the failure."""


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The day on which the test site publishes."""
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)


def just_before_an_answer(act: Callable[[], None], requests: list[int]) -> Misbehaviour:
    """Something happens elsewhere, once; then the page is served well. Notes the requests until it has."""
    acts = [act]

    def serve(site: MisbehavingMinistry, visit: Visit) -> None:
        if acts:
            acts.pop()()  # a database's server takes its time to end
            requests.append(len(site.requests))
        site.serve_well(visit)

    return serve


def crawl(settings: Settings) -> CrawlReport:
    """A crawl of the window by itself, watched by nobody."""
    (order,) = plan.backfill(settings, *WINDOW)
    database = Database(settings.database_url)
    with database.write() as session:
        run_id = ledger.open_run(session, "backfill", order.source.id, *WINDOW).id
    database.close()
    return steps.crawl(
        CrawlJob(
            source=order.source,
            since=order.since,
            until=order.until,
            today=order.today,
            run_id=run_id,
            database_url=settings.database_url,
            archive=settings.archive,
        )
    )


# --- a full disk ---------------------------------------------------------------------------------


class Disk:
    """A small disk of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Until not a byte more fits."""
        with self._filler.open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    continue

    def clear(self) -> None:
        """There is space again."""
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk of its own to fill")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "podium-tests", folder], capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    yield Disk(folder)
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_under_the_archive_ends_the_crawl_and_space_heals_it(
    site: MisbehavingMinistry, place: Stage, disk: Disk
) -> None:
    settings = place.settings.model_copy(update={"archive": disk.folder / "archive"})
    until: list[int] = []
    site.misbehave("/briefings/113", just_before_an_answer(disk.fill, until))
    found = run(settings, *WINDOW)
    assert found.state == "failed"
    assert "storage failed: " in found.reasons[0] and "No space left on device" in found.reasons[0]
    assert len(site.requests) - until[0] <= ON_THEIR_WAY
    assert found.tally.discovered < len(site.documents) or found.tally.unsettled
    assert texts(settings).items() <= expected(site, *WINDOW).items()
    disk.clear()
    assert run(settings, *WINDOW).state == "completed"
    assert texts(settings) == expected(site, *WINDOW)


def test_a_full_disk_under_everything_fails_the_run_and_space_heals_it(
    site: MisbehavingMinistry, place: Stage, disk: Disk
) -> None:
    settings = place.settings.model_copy(
        update={"archive": disk.folder / "archive", "database_url": f"sqlite:///{disk.folder}/podium.db"}
    )
    until: list[int] = []
    site.misbehave("/briefings/113", just_before_an_answer(disk.fill, until))
    (order,) = plan.backfill(settings, *WINDOW)
    (found,) = collect_all([order], lambda one, _stop: collect_one(one, settings))
    assert found.state == "failed" and found.reasons
    assert len(site.requests) - until[0] <= ON_THEIR_WAY
    disk.clear()
    assert run(settings, *WINDOW).state == "completed"
    assert texts(settings) == expected(site, *WINDOW)


# --- a database that is gone ---------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[Server]:
    """A PostgreSQL server that may be stopped."""
    with postgres_server() as started:
        yield started


def test_a_database_that_goes_away_ends_the_crawl_and_its_return_heals_it(
    site: MisbehavingMinistry, place: Stage, server: Server
) -> None:
    settings = place.settings.model_copy(update={"database_url": server.create("podium")})
    until: list[int] = []
    site.misbehave("/briefings/113", just_before_an_answer(server.stop, until))
    report = crawl(settings)
    assert not report.finished
    assert report.reason.startswith("storage failed: ")
    assert len(site.requests) - until[0] <= ON_THEIR_WAY
    server.start()
    assert run(settings, *WINDOW).state == "completed"
    assert texts(settings) == expected(site, *WINDOW)


def test_a_database_that_goes_away_fails_the_run(
    site: MisbehavingMinistry, place: Stage, server: Server
) -> None:
    settings = place.settings.model_copy(update={"database_url": server.create("podium")})
    site.misbehave("/briefings/113", just_before_an_answer(server.stop, []))
    (order,) = plan.backfill(settings, *WINDOW)
    (found,) = collect_all([order], lambda one, _stop: collect_one(one, settings))
    assert found.state == "failed"
    assert "OperationalError" in found.reasons[0]
    server.start()
    assert run(settings, *WINDOW).state == "completed"
    assert texts(settings) == expected(site, *WINDOW)
