"""The ledger: what became of every page in every run.

A page is written down when it is discovered, without a disposition. It gets one, for good, when it is settled.
A run that ends with an unsettled page has failed: that is how nothing is lost without a word.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import Text, bindparam, cast, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from storage.database import insert_into
from storage.models import DISPOSITIONS, Capture, Disposition, Page, Revision, Run, RunKind, RunState
from storage.transcript import clean

OWN_NIGHT = (Run.kind == "nightly") & Run.via.is_(None)
"""A run that is a night and asked the source's own site."""

ENDED_WELL = Run.state.in_(("completed", "degraded"))
"""A run that has ended and did not fail."""

SILENT = dt.timedelta(days=1)
"""After so long without a capture a run of another host counts as dead: a crawl asks every few seconds."""


@dataclass(frozen=True, slots=True)
class Found:
    """A document that a discovery came upon: its key within the source, address, and the listing's date.

    Args:
        key: what identifies the document within its source.
        url: its address.
        date_hint: the date that the listing gave it.
        moment: of the capture that is meant, where a run may have several of one document.
        status: of its response, in such a run: a refusal and a page may have come in one second.
    """

    key: str
    url: str
    date_hint: dt.date | None = None
    moment: dt.datetime | None = None
    status: int = 200

    @property
    def page(self) -> str:
        """The ledger's name of it, in one run: the document's key, or the address and moment of the capture."""
        if self.moment is None:
            return self.key
        refused = "" if self.status == 200 else f" {self.status}"
        return f"{self.url} {self.moment:%Y-%m-%dT%H:%M:%S.%fZ}{refused}"


@dataclass(frozen=True, slots=True)
class Tally:
    """A run's pages by disposition."""

    counts: dict[Disposition, int] = field(default_factory=dict)
    unsettled: int = 0

    @property
    def discovered(self) -> int:
        """Every page of the run."""
        return sum(self.counts.values()) + self.unsettled

    @property
    def lack(self) -> list[str]:
        """A line where pages have no disposition; none where all have one."""
        lacking = f"{self.unsettled} of {self.discovered} pages have no disposition"
        return [lacking] if self.unsettled else []

    def __str__(self) -> str:
        parts = [f"{self.counts[name]} {name}" for name in DISPOSITIONS if self.counts.get(name)]
        parts += [f"{self.unsettled} unsettled"] if self.unsettled else []
        return f"{self.discovered} discovered" + (f" = {' + '.join(parts)}" if parts else "")


def open_run(
    session: Session,
    kind: RunKind,
    source: str,
    since: dt.date,
    until: dt.date,
    via: str | None = None,
) -> Run:
    """A new run of this process, in state running. The source's runs that are dead are ended as failed."""
    for run in session.scalars(select(Run).where(Run.source == source, Run.state == "running")):
        if not alive(session, run):
            end_dead(run)
    run = Run(
        kind=kind,
        source=source,
        since=since,
        until=until,
        started_at=dt.datetime.now(dt.UTC),
        state="running",
        reasons=[],
        process=f"{socket.gethostname()}:{os.getpid()}{_started(os.getpid())}",
        via=via,
    )
    session.add(run)
    session.flush()
    return run


def end_dead(run: Run) -> None:
    """End a run whose process is gone, as failed."""
    run.state, run.finished_at = "failed", dt.datetime.now(dt.UTC)
    run.reasons = [*run.reasons, "interrupted: its process is gone"]


def close_run(
    session: Session,
    run_id: int,
    reasons: Iterable[str],
    *,
    failed: bool,
    open_days: Iterable[dt.date] = (),
) -> RunState:
    """End a run. It fails when told so or when a page is unsettled; any other reason makes it degraded.

    Args:
        session: to write in.
        run_id: the run.
        reasons: why it is not simply done.
        failed: whether it has failed.
        open_days: days of its window that it has not proved complete.

    Returns:
        The state it ended in.
    """
    tally = tally_of(session, run_id)
    complaints = [*reasons, *tally.lack]
    state: RunState = "failed" if failed or tally.unsettled else "degraded" if complaints else "completed"
    run = session.get_one(Run, run_id)
    run.state, run.reasons, run.finished_at = state, complaints, dt.datetime.now(dt.UTC)
    run.open_days = [str(day) for day in open_days]
    return state


def discovered(session: Session, run_id: int, found: Found) -> bool:
    """Write a page down; False where the run knows it already."""
    row = _if_new(session).values(**_row(run_id, found)).returning(Page.id)
    return session.scalar(row) is not None


def has(session: Session, run_id: int, page: str) -> bool:
    """Whether a page is written down in a run."""
    return session.scalar(select(Page.id).where(Page.run_id == run_id, Page.key == page)) is not None


def discovered_all(session: Session, run_id: int, found: Sequence[Found]) -> None:
    """Write pages down, as far as the run does not know them already."""
    session.connection().execute(_if_new(session), [_row(run_id, each) for each in found])


def _if_new(session: Session) -> sqlite.Insert | postgresql.Insert:
    return insert_into(session, Page).on_conflict_do_nothing()


def _row(run_id: int, found: Found) -> dict[str, Any]:
    return {"run_id": run_id, "key": found.page, "url": found.url, "date_hint": found.date_hint}


def fetched(session: Session, run_id: int, page: str, capture_id: int) -> None:
    """The page has a capture, to be extracted and loaded."""
    fetched_all(session, run_id, {page: capture_id})


def fetched_all(session: Session, run_id: int, captures: Mapping[str, int]) -> None:
    """The pages, by the ledger's names of them, have captures."""
    session.connection().execute(
        _FETCHED, [{"run": run_id, "page": page, "capture": number} for page, number in captures.items()]
    )


def settle(
    session: Session,
    run_id: int,
    page: str,
    disposition: Disposition,
    reason: str | None = None,
    revision_id: int | None = None,
) -> None:
    """Give a page its disposition; one that has one keeps it."""
    session.flush()  # the revision's row comes first
    settle_all(session, run_id, [(page, disposition, reason)], {page: revision_id})


def settle_all(
    session: Session,
    run_id: int,
    pages: Sequence[tuple[str, Disposition, str | None]],
    revisions: Mapping[str, int | None] = MappingProxyType({}),
) -> None:
    """Give pages their dispositions, with the reasons; one that has one keeps it.

    Args:
        session: the transaction.
        run_id: the run.
        pages: the ledger's names of them, their dispositions and reasons.
        revisions: ids of the revisions that hold their texts, as far as there are such, by page.
    """
    session.connection().execute(
        _SETTLED,
        [
            # What a site or a parser said may hold what no database stores, such as a NUL.
            {
                "run": run_id,
                "page": page,
                "is": disposition,
                "why": reason and clean(reason),
                "text": revisions.get(page),
            }
            for page, disposition, reason in pages
        ],
    )


def to_extract(
    session: Session, run_id: int, limit: int, besides: Sequence[str] = ()
) -> list[tuple[Page, Capture]]:
    """The run's pages that were fetched and not settled, at most `limit`, the oldest capture first.

    Some are left out, given by the ledger's names of them.
    """
    rows = session.execute(
        select(Page, Capture)
        .join(Page.capture)
        .where(Page.run_id == run_id, Page.disposition.is_(None), Page.key.not_in(besides))
        .order_by(Capture.fetched_at, Page.id)
        .limit(limit)
    )
    return [(page, capture) for page, capture in rows]


def lost_captures(session: Session, run_id: int) -> dict[str, int]:
    """The ids of captures that the run's pages name and that have no row, by the page's address; by the ledger's
    name of the page where that says which of an address' captures it is.
    """
    rows = session.execute(
        select(Page.key, Page.url, Page.capture_id)
        .outerjoin(Page.capture)
        .where(Page.run_id == run_id, Page.capture_id.is_not(None), Capture.id.is_(None))
    ).all()
    names = [key if key.startswith(f"{url} ") else url for key, url, _ in rows]
    times = Counter(names)
    return {name: row.capture_id for name, row in zip(names, rows, strict=True) if times[name] == 1}


def tally_of(session: Session, run_id: int) -> Tally:
    """The run's pages, counted by disposition."""
    rows = session.execute(
        select(Page.disposition, func.count()).where(Page.run_id == run_id).group_by(Page.disposition)
    )
    counts = dict(rows.tuples().all())
    unsettled = counts.pop(None, 0)
    return Tally({name: counts[name] for name in DISPOSITIONS if name in counts}, unsettled)


def newest_rejected(session: Session, run_id: int) -> int:
    """How many of a run's pages, from the newest by the listing's date on, were rejected before one was read."""
    read = session.scalars(
        select(Page.disposition)
        .where(Page.run_id == run_id)
        .where(Page.disposition.in_(("new", "revised", "unchanged", "duplicate", "rejected")))
        .order_by(Page.date_hint.desc().nulls_last(), Page.id)
    )
    return sum(1 for _ in takewhile(lambda disposition: disposition == "rejected", read))


def rejected_for(session: Session, run_id: int, ending: str) -> int:
    """How many of a run's pages were rejected for a reason with some ending."""
    count = select(func.count()).where(Page.run_id == run_id, Page.disposition == "rejected")
    return session.scalar(count.where(Page.reason.endswith(ending, autoescape=True))) or 0


def doubted(session: Session, run_id: int, doubt: str) -> int:
    """How many of the texts that a run added have a doubt with some words in it."""
    texts = select(func.count(Page.id)).join(Page.revision).where(Page.run_id == run_id)
    doubts = cast(Revision.doubts, Text)
    return session.scalar(texts.where(Page.disposition.in_(("new", "revised")), doubts.contains(doubt))) or 0


NOT_ASKED = "not asked for"
"""How the reason begins of a page that is unchanged as it was not due."""


def unasked(session: Session, run_id: int) -> int:
    """How many of a run's pages are unchanged as they were not due."""
    pages = select(func.count()).where(Page.run_id == run_id, Page.disposition == "unchanged")
    return session.scalar(pages.where(Page.reason.startswith(NOT_ASKED))) or 0


def added_by(session: Session, run_ids: Iterable[int]) -> list[int]:
    """The ids of the revisions that some runs have added."""
    pages = select(Page.revision_id).where(Page.run_id.in_(list(run_ids)), Page.revision_id.is_not(None))
    return [each for each in session.scalars(pages.where(Page.disposition.in_(("new", "revised")))) if each]


def pages_of(session: Session, run_id: int) -> list[Page]:
    """The run's pages by disposition, what went wrong first; within one newest first by the listing's date."""
    order = (Page.date_hint.desc().nulls_last(), Page.id)
    pages = session.scalars(select(Page).where(Page.run_id == run_id).order_by(*order))
    listed: list[str | None] = [*DISPOSITIONS, None]
    return sorted(pages, key=lambda page: listed.index(page.disposition), reverse=True)


def was_asked_for(session: Session, capture_id: int) -> bool:
    """Whether a crawl of the source's own site made a capture, and not somebody else."""
    asked = select(Page.id).join(Run, Run.id == Page.run_id).where(Page.capture_id == capture_id)
    own = asked.where(Run.kind.in_(("nightly", "backfill")), Run.via.is_(None)).limit(1)
    return session.scalar(own) is not None


def last_night(session: Session, source: str) -> Run | None:
    """The source's newest nightly run that asked the site itself and ended without failing."""
    return session.scalar(
        select(Run)
        .where(Run.source == source, OWN_NIGHT, ENDED_WELL)
        .order_by(Run.until.desc(), Run.id.desc())
        .limit(1)
    )


def alive(session: Session, run: Run, number: str | None = None) -> bool:
    """Whether a running run's process may still be there.

    One that has got its number since is told by when it was started, where the system says so. One on another
    host, or in a container that was made anew, can't be asked: it may be there until it has captured nothing for
    a day.

    Args:
        session: to read in.
        run: which run.
        number: of another process of the run, as a WARC file's name has it; the run's own if None.
    """
    host, _, own = run.process.rpartition(":")
    if host != socket.gethostname():
        last = session.scalar(
            select(func.max(Capture.fetched_at))
            .join(Page, Page.capture_id == Capture.id)
            .where(Page.run_id == run.id)
        )
        return max(run.started_at, last or run.started_at) > dt.datetime.now(dt.UTC) - SILENT
    pid, _, start = (number or own).partition("@")
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not start or _started(int(pid)) in ("", f"@{start}")


def _started(pid: int) -> str:
    """``@`` and when a process was started, in clock ticks since the system was (proc(5)); empty without /proc."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return f"@{status.rpartition(')')[2].split()[19]}"


_PAGE = update(Page).where(Page.run_id == bindparam("run"), Page.key == bindparam("page"))
_FETCHED = _PAGE.values(capture_id=bindparam("capture"))
_SETTLED = _PAGE.where(Page.disposition.is_(None)).values(
    disposition=bindparam("is"), reason=bindparam("why"), revision_id=bindparam("text")
)
