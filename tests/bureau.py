"""An invented ministry's archive, written row by row: documents, runs and lost pages on days that a test names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from flows.settings import Settings
from storage import ledger
from storage.database import Database
from storage.load import Reading, load
from storage.models import Appearance, Capture, Disposition, Page, RunKind, RunState
from storage.transcript import Transcript, Turn

TODAY = dt.date(2026, 3, 20)

FACTS = """
id = "{name}"
name = "Ministry of Ferries & Bridges"
hosts = ["{name}.example"]
language = "en"
timezone = "Europe/Tallinn"
document = '/briefings/(?P<id>\\d+)'
checked = {{ on = 2026-01-01, against = "nothing: it is invented", live = false }}
expect = {{ silent_days = 7 }}
[[discover]]
kind = "feed"
url = "https://{name}.example/feed"
"""


def day(number: int) -> dt.date:
    """So many days before today."""
    return TODAY - dt.timedelta(number)


def settings_of(database_url: str, folder: Path, *names: str) -> Settings:
    """Settings with the files of some invented sources."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.toml").write_text(FACTS.format(name=name), encoding="utf-8")
    return Settings(database_url=database_url, sources=folder)


class Bureau:
    """What one source has published, and what runs made of it."""

    def __init__(self, database: Database, source: str = "ministry") -> None:
        self.database, self.source = database, source
        self.intake = self.run("ingest", TODAY, TODAY)
        self.count = 1000 * self.intake  # so that two for one source don't meet

    def run(
        self,
        kind: RunKind,
        since: dt.date,
        until: dt.date,
        state: RunState = "completed",
        reasons: Sequence[str] = (),
        began: dt.date | None = None,
        open_days: Sequence[dt.date] = (),
        via: str | None = None,
    ) -> int:
        """A run that is over; it began on the day after its window if no other is told."""
        with self.database.write() as session:
            run = ledger.open_run(session, kind, self.source, since, until, via)
            run.state, run.reasons, run.open_days = state, list(reasons), [str(each) for each in open_days]
            start = began or until + dt.timedelta(1)
            run.started_at = run.finished_at = dt.datetime.combine(start, dt.time(12, 15), dt.UTC)
            return run.id

    def publish(
        self,
        on: dt.date,
        *turns: Turn,
        doubts: Sequence[str] = (),
        key: str | None = None,
    ) -> str:
        """A document, or another text of one that is there; its key."""
        self.count += 1
        key = key or f"{self.source}{self.count}"
        url = f"https://{self.source}.example/briefings/{key}"
        said = turns or (Turn((f"Ferry {self.count} sails.",)),)
        moment = dt.datetime.combine(TODAY, dt.time(), dt.UTC) + dt.timedelta(seconds=self.count)
        with self.database.write() as session:
            capture = Capture(
                source=self.source, url=url, fetched_at=moment, status=200, content_type="text/html",
                digest="sha256:A", size=1, warc=f"{self.source}.warc.gz", offset=self.count, length=1,
            )  # fmt: skip
            session.add(capture)
            session.flush()
            ledger.discovered(session, self.intake, ledger.Found(key, url))
            number = capture.id
        text = Transcript(on, "On the ferry", said, doubts=tuple(doubts))
        load(self.database, self.intake, Reading(text, self.source, key, url, number, 1))
        return key

    def lose(
        self,
        run: int,
        disposition: Disposition,
        reason: str,
        hint: dt.date | None = None,
        key: str | None = None,
    ) -> None:
        """A page that a run found and could not read."""
        self.count += 1
        key = key or f"lost{self.count}"
        with self.database.write() as session:
            url = f"https://{self.source}.example/briefings/{key}"
            page = Page(run_id=run, key=key, url=url, date_hint=hint, disposition=disposition, reason=reason)
            session.add(page)

    def vanish(self, key: str) -> None:
        """There is nothing at a document's address any more."""
        with self.database.write() as session:
            place = session.query(Appearance).filter_by(source=self.source, key=key).one()
            place.missing = 3
