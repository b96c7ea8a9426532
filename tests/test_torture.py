"""SIGKILL at any moment, two nights at once, again and again: the archive is what it would have been without.

`make torture` kills 200 times on each database; the continuous integration 20 times. A killed command loses all
its processes at once, as when the power fails, or only its first one, as when the kernel wants its memory.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from flows.demo import Stage, stage
from flows.settings import Settings
from storage import models
from storage.archive import Archive
from storage.database import Database
from storage.warc import ArchiveError, Location, read_warc
from tests.site import MisbehavingMinistry, copy_of, invented
from tests.test_collect import children, wait_for

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("TORTURE_KILLS", "20"))
BACKFILL_KILLS = 10
AT_ONCE = 4
"""Requests that one crawl of a site on this machine has in flight."""
NIGHTS = int(os.environ.get("TORTURE_NIGHTS", "20"))
PODIUM = Path(sys.executable).parent / "podium"


@pytest.fixture
def site() -> Any:
    """The site as of today, since it is the command itself that collects it."""
    with MisbehavingMinistry(dt.datetime.now(dt.timezone(dt.timedelta(hours=2))).date()) as ministry:
        yield ministry


Place = Callable[[str], Settings]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, site: MisbehavingMinistry, tmp_path: Path) -> Place:
    """Settings for a new and empty place of its own by name, on one kind of database."""
    staged: Stage = stage(tmp_path / "stage", site)

    def new(name: str) -> Settings:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path / name / 'podium.db'}"
        else:
            url = request.getfixturevalue("postgres").create(f"{name}_{os.getpid()}_{time.monotonic_ns()}")
        return staged.settings.model_copy(
            update={"database_url": url, "archive": tmp_path / name / "archive"}
        )

    return new


Words = tuple[str, ...]
NIGHT: Words = ("nightly",)


def start(settings: Settings, words: Words = NIGHT) -> subprocess.Popen[str]:
    """A night or another command, as the schedule or a person starts it."""
    return subprocess.Popen(
        [PODIUM, *words],
        env=os.environ | settings.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(settings: Settings, words: Words = NIGHT) -> float:
    """A night that nobody disturbs; its seconds."""
    begun = time.monotonic()
    night = start(settings, words)
    told, _ = night.communicate(timeout=600)
    assert night.returncode == 0, told
    return time.monotonic() - begun


def killed(settings: Settings, seconds: float, words: Words = NIGHT, *, all_at_once: bool) -> bool:
    """A night that is killed after so long; False where it was done by then."""
    night = start(settings, words)
    with contextlib.suppress(subprocess.TimeoutExpired):
        night.wait(seconds)
    own = tree(night.pid)
    done = night.poll() is not None
    for pid in own if all_at_once else [night.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    night.wait()
    assert night.stdout is not None
    night.stdout.close()
    # Nothing that a killed night started outlives it.
    wait_for(lambda: not any(running(pid) for pid in own), 20)
    return not done


def tree(pid: int) -> list[int]:
    """A process and all that it has started, directly or not."""
    return [pid, *(below for child in children(pid) for below in tree(child))]


def running(pid: int) -> bool:
    """Whether a process is there, and more than what is left of one until its parent asks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def rows(settings: Settings) -> dict[str, Any]:
    """Everything that the archive holds, without ids and times: equal for equal histories of the site."""
    database = Database(settings.database_url)
    with database.read() as session:
        transcripts = {
            row.id: f"{row.source}/{row.key}" for row in session.scalars(select(models.Transcript))
        }
        revisions = {row.id: row for row in session.scalars(select(models.Revision))}
        names = {row.id: (transcripts[row.transcript_id], row.number) for row in revisions.values()}
        pages = session.execute(
            select(models.Page.key, models.Page.disposition).where(
                models.Page.disposition.in_(("new", "revised", "duplicate"))
            )
        )
        found: dict[str, Any] = {
            "transcripts": sorted(
                (row.source, row.key, row.first_digest) for row in session.scalars(select(models.Transcript))
            ),
            "appearances": sorted(
                (row.source, row.key, row.url, row.digest, transcripts[row.transcript_id], row.next_visit)
                for row in session.scalars(select(models.Appearance))
            ),
            "revisions": sorted(
                (
                    *names[row.id],
                    *(row.extractor, row.digest, row.date, row.title, row.language, row.kind, row.event_date),
                    *(
                        row.document_number,
                        row.left_out,
                        row.doubts,
                        row.capture.url,
                        row.compared_at is None,
                    ),
                    *((turn.position, turn.label, turn.role, turn.speaker, turn.text) for turn in row.turns),
                )
                for row in revisions.values()
            ),
            "searched": sorted(
                (*names[row.revision_id], row.position, row.name, row.words)
                for row in session.scalars(select(models.Searched))
            ),
            "fingerprints": sorted(
                (row.hash, transcripts[row.transcript_id])
                for row in session.scalars(select(models.Fingerprint))
            ),
            "links": sorted(
                (row.kind, row.similarity, *sorted((names[row.revision_id], names[row.other_id])))
                for row in session.scalars(select(models.Link))
            ),
            "loaded": Counter(pages.tuples().all()),
            "captured": {
                (row.url, row.status)
                for row in session.scalars(select(models.Capture))
                if "/briefings/1" in row.url
            },
        }
    database.close()
    return found


def check_archive(settings: Settings) -> int:
    """Every capture is read back whole, and of a torn file nothing but its end is lost; how many are torn."""
    database = Database(settings.database_url)
    archive = Archive(settings.archive)
    with database.read() as session:
        for capture in session.scalars(select(models.Capture)):
            place = Location(capture.warc, capture.offset, capture.length)
            record = archive.read(place, digest=capture.digest)
            assert (record.url, record.status) == (capture.url, capture.status)
    database.close()
    torn = 0
    for path in settings.archive.rglob("*.warc.gz"):
        try:
            list(read_warc(path))
        except ArchiveError:
            torn += 1
    return torn


def check_runs(settings: Settings) -> None:
    """Every run has ended, the last one well, and each killed one says so."""
    database = Database(settings.database_url)
    with database.read() as session:
        *before, last = session.scalars(select(models.Run).order_by(models.Run.id))
        assert last.state == "completed"
        for run in before:
            assert run.state in ("completed", "failed")
            assert run.state == "completed" or run.reasons
    database.close()


def audit(settings: Settings, flag: str) -> int:
    """The exit status of an audit: 0 where nothing is found, or all that was found is mended."""
    told = subprocess.run(
        [PODIUM, "audit", flag], env=os.environ | settings.environment(), capture_output=True, text=True
    )
    print(told.stdout, told.stderr)
    return told.returncode


def second_night(site: MisbehavingMinistry) -> None:
    """What happens at the ministry between the two nights: an edit, a second address, a slightly other text."""
    site.correct()
    newest = site.documents[1]
    site.publish(replace(newest, id=905))
    blocks = [replace(block, text=block.text.replace(" the ", " this ", 1)) for block in newest.blocks]
    site.publish(replace(newest, id=907, title="Again: " + newest.title, blocks=tuple(blocks)))
    site.misbehave("/briefings/905", copy_of(newest.path))


def test_killed_at_random_moments_it_ends_as_if_it_never_had_been(
    site: MisbehavingMinistry, place: Place
) -> None:
    chance = random.Random(KILLS)
    quiet, tortured = place("quiet"), place("tortured")
    count = 0
    for night in (1, 2):
        if night == 2:
            second_night(site)
        seconds = finish(quiet)
        while count < KILLS * night // 2:
            # From before the first line is run to after the last one.
            count += killed(tortured, chance.uniform(0.05, seconds), all_at_once=chance.random() < 0.7)
        finish(tortured)
        assert rows(tortured) == rows(quiet)
    assert [kind for kind, *_ in rows(quiet)["links"]] == ["mirror"]
    # What the kills left behind is found, mended, and then there is nothing more to find.
    assert audit(tortured, "--repair") == 0
    assert audit(tortured, "--verify") == 0
    assert rows(tortured) == rows(quiet)
    assert check_archive(tortured) == 0
    check_runs(tortured)
    print(f"killed {count} times")


@pytest.mark.parametrize(
    ("place", "split"), [("sqlite", "month"), ("postgresql", "year")], indirect=["place"]
)
def test_a_backfill_killed_at_random_moments_goes_on_and_fetches_nothing_twice_but_what_was_in_flight(
    site: MisbehavingMinistry, place: Place, tmp_path: Path, split: str
) -> None:
    for age in range(60, 3 * 365, 17):
        site.publish(invented(site.today - dt.timedelta(age)))
    # Without its calendar every window has to be found in the listing.
    file = tmp_path / "stage" / "sources" / "demo.toml"
    before, _, after = file.read_text().partition('[[discover]]\nkind = "calendar"')
    file.write_text(before + "[[layout]]" + after.partition("[[layout]]")[2])
    chance = random.Random(split)
    quiet, tortured = (place(name).model_copy(update={"delay": 0.05}) for name in ("quiet", "tortured"))
    since = site.today - dt.timedelta(3 * 365)
    words = ("backfill", "--since", f"{since}", "--until", f"{site.today}", "--split", split)
    seconds = finish(quiet, words)
    assert fetches(site) == Counter(document.path for document in site.documents)
    count = 0
    while count < BACKFILL_KILLS:
        wait = chance.uniform(0.3, seconds / 8)
        count += killed(tortured, wait, words, all_at_once=chance.random() < 0.7)
    finish(tortured, words)
    assert rows(tortured) == rows(quiet)
    again = fetches(site)
    assert set(again) == {document.path for document in site.documents}
    twice = again.total() - len(again)
    assert twice <= AT_ONCE * count
    assert check_archive(tortured) <= count  # a kill tears at most the file that is written
    check_runs(tortured)
    site.requests.clear()
    finish(tortured, words)
    assert not fetches(site)
    print(f"killed {count} times in {seconds:.0f} s; fetched twice: {twice}")


def fetches(site: MisbehavingMinistry) -> Counter[str]:
    """How often each document was asked for since this was last called."""
    paths = [request.path for request in site.requests]
    site.requests.clear()
    return Counter(path for path in paths if path.removeprefix("/briefings/").isdigit())


def test_two_nights_at_once_load_everything_once_and_neither_fails(
    site: MisbehavingMinistry, place: Place
) -> None:
    quiet = place("quiet")
    finish(quiet)
    wanted = rows(quiet)
    for number in range(NIGHTS):
        settings = place(f"race{number}")
        nights = [start(settings) for _ in range(2)]
        told = [night.communicate(timeout=120)[0] for night in nights]
        assert [night.returncode for night in nights] == [0, 0], told
        assert not any(word in text.lower() for text in told for word in ("locked", "deadlock", "error"))
        assert rows(settings) == wanted
        assert check_archive(settings) == 0
