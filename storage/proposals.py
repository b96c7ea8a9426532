"""What a dry run of a re-extraction would change: written down, so that nothing is changed that nobody has seen.

A proposal has a digest of all its changes, whatever their order, of the extractor and of the selection. Only by
that digest it can be accepted, and each change is held against its row once more before it is written.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from storage import transcript
from storage.models import Capture, Proposal, ProposedChange
from storage.reextraction import Reselection, newest_capture
from storage.transcript import Transcript

UNFINISHED = dt.timedelta(1)
"""Age of an unfinished proposal after which its dry run is taken for dead."""


def digest_of(read: Transcript) -> str:
    """What identifies a reading, to its last detail."""
    return _digest(transcript.as_dict(read))


def begin(session: Session, reader: str, selection: Reselection) -> Proposal:
    """A new proposal without changes. What dead dry runs have left is removed."""
    now = dt.datetime.now(dt.UTC)
    dead = select(Proposal.id).where(Proposal.digest.is_(None), Proposal.made_at < now - UNFINISHED)
    for number in session.scalars(dead).all():
        _remove(session, number)
    made = Proposal(
        made_at=now,
        reader=reader,
        selection=selection.as_dict(),
        last_capture=newest_capture(session),
    )
    session.add(made)
    session.flush()
    return made


def add(session: Session, proposal_id: int, changes: Sequence[tuple[int, str, bool]]) -> None:
    """Write changes down: capture, digest of what is read there, whether it is a page without a text."""
    rows = [
        {"proposal_id": proposal_id, "capture_id": capture, "digest": digest, "adds": adds}
        for capture, digest, adds in changes
    ]
    if rows:
        # A task that is tried again writes its shard anew.
        session.execute(
            delete(ProposedChange).where(
                ProposedChange.proposal_id == proposal_id,
                ProposedChange.capture_id.in_([capture for capture, _, _ in changes]),
            )
        )
        session.execute(insert(ProposedChange), rows)


def finish(session: Session, proposal_id: int) -> str | None:
    """Give a proposal its digest; it replaces an older one with the same. One without changes goes: None."""
    made, total, empty = session.get_one(Proposal, proposal_id), 0, True
    for capture, digest in session.execute(
        select(ProposedChange.capture_id, ProposedChange.digest)
        .where(ProposedChange.proposal_id == proposal_id)
        .execution_options(yield_per=1000)
    ):
        empty = False
        total = (total + int(_digest([capture, digest]), 16)) % 2**256
    if empty:
        session.delete(made)
        return None
    found = _digest([total, made.reader, made.selection])[:16]
    for older in session.scalars(select(Proposal.id).where(Proposal.digest == found)).all():
        _remove(session, older)
    made.digest = found
    return found


def find(session: Session, digest: str) -> Proposal | None:
    """The finished proposal with a digest."""
    return session.scalar(select(Proposal).where(Proposal.digest == digest))


def changes_of(session: Session, proposal_id: int, captures: Sequence[int]) -> dict[int, str]:
    """The digests that a proposal has of some captures, by capture."""
    rows = session.execute(
        select(ProposedChange.capture_id, ProposedChange.digest).where(
            ProposedChange.proposal_id == proposal_id, ProposedChange.capture_id.in_(captures)
        )
    )
    return dict(rows.tuples().all())


def first(session: Session, proposal_id: int, limit: int) -> list[int]:
    """The captures of a proposal's first changes, in the archive's order."""
    return list(
        session.scalars(
            select(Capture.id)
            .join(ProposedChange, ProposedChange.capture_id == Capture.id)
            .where(ProposedChange.proposal_id == proposal_id)
            .order_by(Capture.warc, Capture.offset)
            .limit(limit)
        )
    )


def additions(session: Session, proposal_id: int, source: str) -> list[int]:
    """The captures of a source's pages that a proposal adds, the oldest first."""
    return list(
        session.scalars(
            select(Capture.id)
            .join(ProposedChange, ProposedChange.capture_id == Capture.id)
            .where(ProposedChange.proposal_id == proposal_id, ProposedChange.adds, Capture.source == source)
            .order_by(Capture.fetched_at, Capture.id)
        )
    )


def added_at(session: Session, proposal_id: int, urls: Sequence[str]) -> dict[str, frozenset[int]]:
    """The captures that a proposal adds of some addresses, by address."""
    rows = session.execute(
        select(Capture.url, Capture.id)
        .join(ProposedChange, ProposedChange.capture_id == Capture.id)
        .where(ProposedChange.proposal_id == proposal_id, ProposedChange.adds, Capture.url.in_(urls))
    )
    found: dict[str, set[int]] = {}
    for url, number in rows:
        found.setdefault(url, set()).add(number)
    return {url: frozenset(numbers) for url, numbers in found.items()}


def sources_of(session: Session, proposal_id: int) -> list[str]:
    """The sources that a proposal changes anything of."""
    return list(
        session.scalars(
            select(Capture.source)
            .join(ProposedChange, ProposedChange.capture_id == Capture.id)
            .where(ProposedChange.proposal_id == proposal_id)
            .distinct()
            .order_by(Capture.source)
        )
    )


def _remove(session: Session, proposal_id: int) -> None:
    session.execute(delete(ProposedChange).where(ProposedChange.proposal_id == proposal_id))
    session.execute(delete(Proposal).where(Proposal.id == proposal_id))


def _digest(told: Mapping[str, object] | Sequence[object]) -> str:
    text = json.dumps(told, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
