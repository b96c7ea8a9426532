"""Reading the archive again with the extractor of now: what would change, and writing what was accepted.

Three passes share one way of looking: a dry run *proposes* every change, an accepted run first *checks* that it
would do nothing else, then *writes*. Each is done shard by shard, as plain calls or as tasks of a flow. No site is
asked.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeVar

from sqlalchemy.orm import Session

from crawler.page import VERSION
from crawler.source import Source
from crawler.source_files import load_sources
from flows.readers import Item, Outcome, Readers, begin_batch, item_of, read_capture
from flows.settings import Settings
from storage import ledger, lookup, proposals, reextraction
from storage.corrections import correct
from storage.database import Database, batches
from storage.ledger import Found
from storage.load import Loaded, Reading, load
from storage.reextraction import Known, Scope, Shard, Stored
from storage.transcript import Transcript

T = TypeVar("T")

Kind = Literal[
    "words", "speakers", "paragraphs", "date", "title", "details", "newly read", "now refused", "unreadable"
]
"""How a reading differs from what is stored. A text may differ in several ways; in speakers or paragraphs only
where its words are the same, in details (language, kind, doubts, ...) only where all else is."""

KEPT: tuple[Kind, ...] = ("now refused", "unreadable")
"""What is reported and changes nothing: the stored text stays."""

AT_ONCE = 20
"""Corrections in one transaction."""

MOST_TOLD = 20
"""Reasons that one shard reports word for word."""


@dataclass(frozen=True, slots=True)
class Reextracted:
    """A capture whose reading differs from what is stored: how, and both texts as far as there are such."""

    stored: Stored
    item: Item
    kinds: tuple[Kind, ...]
    old: Transcript | None = None
    read: Transcript | None = None
    reason: str = ""

    @property
    def changes(self) -> bool:
        """Whether anything is to be written."""
        return self.read is not None


@dataclass(frozen=True, slots=True)
class Pass:
    """What is done with each shard.

    Args:
        what: count the changes, write them down as a proposal, hold them against it, or write them.
        scope: what is looked at.
        proposal: its id; None only where changes are counted.
        runs: of the ledger, by source, where changes are written.
    """

    what: Literal["count", "propose", "check", "write"]
    scope: Scope
    proposal: int | None = None
    runs: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Seen:
    """What became of a shard, or of many.

    Args:
        counts: texts by source and kind; under "read" every capture, under "changed" those that change.
        unseen: changes that the proposal does not have.
        told: why texts were left as they are, the first of them, with their sources.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    unseen: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)

    def add(self, other: Seen) -> None:
        """Take in what became of another shard."""
        self.counts += other.counts
        self.unseen += other.unseen
        self.told += other.told[: MOST_TOLD - len(self.told)]

    def total(self, name: str) -> int:
        """Texts of all sources under one name."""
        return sum(count for (_, kind), count in self.counts.items() if kind == name)


def reader_of(sources: Mapping[str, Source]) -> str:
    """What identifies how pages are read: the extractor's version and the source files."""
    told = [VERSION, sorted((name, source.model_dump_json()) for name, source in sources.items())]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def kinds_of(old: Transcript, new: Transcript) -> tuple[Kind, ...]:
    """How two readings of one capture differ, that are not equal to the last detail."""
    out: list[Kind] = []
    words = [[word for turn in each.turns for word in turn.text.split()] for each in (old, new)]
    voices = [
        [(turn.label, turn.role, turn.speaker, turn.text.split()) for turn in each.turns]
        for each in (old, new)
    ]
    if words[0] != words[1]:
        out.append("words")
    elif voices[0] != voices[1]:
        out.append("speakers")
    elif old.turns != new.turns:
        out.append("paragraphs")
    out += ["date"] if old.date != new.date else []
    out += ["title"] if old.title != new.title else []
    return tuple(out) or ("details",)


# --- one shard -----------------------------------------------------------------------------------


def work(settings: Settings, aim: Pass, shard: Shard, readers: Readers | None = None) -> Seen:
    """One pass over one shard.

    Args:
        settings: where things are kept.
        aim: the pass.
        shard: of the archive.
        readers: the processes that read; of its own if none are given.
    """
    if readers is None:
        with Readers() as own:
            return work(settings, aim, shard, own)
    seen = Seen()
    with Database(settings.database_url, create=False) as database:
        reading = Reextractor(database, settings, readers)
        begun = map(reading.begin, reextraction.batches(database, aim.scope, shard))
        for batch in _ahead(begun):
            differing = reading.differing(batch, seen)
            if aim.what == "write":
                _write(database, aim, differing, seen)
            elif aim.what != "count":
                _hold(database, aim, differing, seen)
    return seen


AHEAD = 3
"""Batches that are begun before one is looked at, so that the processes that read never wait."""


def _ahead(several: Iterable[T]) -> Iterator[T]:
    """The items, `AHEAD` more of them begun before one is given."""
    begun: deque[T] = deque()
    for item in several:
        begun.append(item)
        if len(begun) > AHEAD:
            yield begun.popleft()
    yield from begun


class Reextractor:
    """Reads captures again and says which differ from what is stored."""

    def __init__(self, database: Database, settings: Settings, readers: Readers) -> None:
        self._database = database
        self._archive = settings.warcs()
        self._sources = load_sources(settings.sources)
        self._readers = readers

    def of(self, batch: Sequence[Stored], seen: Seen) -> list[Reextracted]:
        """Read captures, and say which differ."""
        return self.differing(self.begin(batch), seen)

    def begin(self, batch: Sequence[Stored]) -> list[tuple[list[Stored], Iterator[Outcome]]]:
        """Have the captures of a batch read, source by source."""
        by_source: dict[str, list[tuple[Stored, Item]]] = {}
        for stored in batch:
            item = _item(stored, self._sources[stored.capture.source])
            if item is not None:
                by_source.setdefault(stored.capture.source, []).append((stored, item))
        # Within a process of a cluster that may have no children, this one reads.
        alone = multiprocessing.current_process().daemon
        found = []
        for name, pairs in by_source.items():
            items = [item for _, item in pairs]
            pool = None if alone else self._readers.pool_for(items)
            outcomes = begin_batch(items, self._archive, self._sources[name], pool)
            found.append(([stored for stored, _ in pairs], outcomes))
        return found

    def differing(
        self, begun: Sequence[tuple[list[Stored], Iterator[Outcome]]], seen: Seen
    ) -> list[Reextracted]:
        """The captures of a batch whose reading differs from what is stored."""
        found: list[Reextracted] = []
        outcomes = [pair for several, read in begun for pair in zip(several, read, strict=True)]
        known = self._known(outcomes)
        for stored, outcome in outcomes:
            name = stored.capture.source
            seen.counts[name, "read"] += 1
            differs = self._judge(stored, outcome, known.get((name, outcome.item.key)))
            if differs is None:
                continue
            found.append(differs)
            seen.counts[name, "changed"] += differs.changes
            seen.counts.update((name, kind) for kind in differs.kinds)
            if not differs.changes and len(seen.told) < MOST_TOLD:
                seen.told.append((name, f"{differs.kinds[0]}: {_name(stored)}: {differs.reason}"))
        return found

    def _known(self, outcomes: Sequence[tuple[Stored, Outcome]]) -> dict[tuple[str, str], Known]:
        """What stands where a page was read that no text rests on, by source and key."""
        keys: dict[str, list[str]] = {}
        for stored, outcome in outcomes:
            if stored.revision is None and outcome.transcript is not None:
                keys.setdefault(stored.capture.source, []).append(outcome.item.key)
        with self._database.read() as session:
            return {
                (source, key): known
                for source, several in keys.items()
                for key, known in reextraction.known_at(session, source, several).items()
            }

    def _judge(self, stored: Stored, outcome: Outcome, there: Known | None) -> Reextracted | None:
        read, item = outcome.transcript, outcome.item
        if stored.revision is not None:
            if read is None:
                kind: Kind = "unreadable" if outcome.disposition == "failed" else "now refused"
                return Reextracted(stored, item, (kind,), reason=outcome.reason or "")
            if lookup.holds(stored.revision, read):
                return None
            old = lookup.transcript_of(stored.revision)
            return Reextracted(stored, item, kinds_of(old, read), old, read)
        if read is None:
            return None
        with self._database.read() as session:
            adds = reextraction.would_add(session, stored, read, there)
        if not adds or (there is not None and self._is_known(there, read)):
            return None
        return Reextracted(stored, item, ("newly read",), read=read)

    def _is_known(self, there: Known, read: Transcript) -> bool:
        """Whether a page says what one of the texts there says, as that is read now."""
        for revision in there.revisions:
            source = self._sources.get(revision.capture.source)
            if source is None:
                continue
            again = read_capture(item_of("", "", revision.capture, source), self._archive, source).transcript
            if again is not None and there.holds(read, revision, again):
                return True
        return False


def _item(stored: Stored, source: Source) -> Item | None:
    """What a capture is read as; None where it is no document's: a listing, robots.txt."""
    capture, page = stored.capture, stored.page
    if stored.revision is not None:
        key: str | None = stored.revision.transcript.key
    elif page is not None:
        key = source.key(page.url) or page.key
    else:
        key = source.key(capture.url)
    if key is None:
        return None
    return item_of(Found(key, capture.url, moment=capture.fetched_at).page, key, capture, source)


def _name(stored: Stored) -> str:
    own = stored.revision.transcript if stored.revision is not None else None
    return f"{own.source}/{own.key}" if own is not None else stored.capture.url


# --- what is done with the changes ---------------------------------------------------------------


def _hold(database: Database, aim: Pass, found: Sequence[Reextracted], seen: Seen) -> None:
    """Write the changes down in the proposal, or count those that it does not have."""
    changes = [
        (each.item.capture_id, proposals.digest_of(each.read), each.stored.revision is None)
        for each in found
        if each.read is not None
    ]
    assert aim.proposal is not None
    if aim.what == "propose":
        with database.write() as session:
            proposals.add(session, aim.proposal, changes)
        return
    with database.read() as session:
        known = proposals.changes_of(session, aim.proposal, [capture for capture, _, _ in changes])
    seen.unseen += sum(known.get(capture) != digest for capture, digest, _ in changes)


def _write(database: Database, aim: Pass, found: Sequence[Reextracted], seen: Seen) -> None:
    """Correct the texts that were accepted; pages without a text are not this pass's."""
    assert aim.proposal is not None
    wanted = [each for each in found if each.read is not None and each.stored.revision is not None]
    # In one order for all, so that two writers never wait for each other crosswise.
    wanted.sort(key=lambda each: each.stored.revision.transcript_id if each.stored.revision else 0)
    with database.read() as session:
        known = proposals.changes_of(session, aim.proposal, [each.item.capture_id for each in wanted])
    accepted = [
        each
        for each in wanted
        if each.read is not None and known.get(each.item.capture_id) == proposals.digest_of(each.read)
    ]
    seen.unseen += len(wanted) - len(accepted)
    for some in batches(accepted, AT_ONCE):
        database.write_again(partial(_correct_all, aim, some))


def _correct_all(aim: Pass, some: Sequence[Reextracted], session: Session) -> None:
    for each in some:
        _correct(session, aim, each)


def _correct(session: Session, aim: Pass, each: Reextracted) -> None:
    """Correct one text, and say so in the ledger."""
    revision, capture, item = each.stored.revision, each.stored.capture, each.item
    assert each.read is not None and revision is not None
    correct(session, revision.id, each.read, VERSION)
    run = aim.runs[capture.source]
    ledger.discovered(session, run, Found(item.key, item.url, moment=capture.fetched_at))
    ledger.fetched(session, run, item.page, capture.id)
    how = f"corrected, {', '.join(each.kinds)}: read by extractor {revision.extractor}, now by {VERSION}"
    ledger.settle(session, run, item.page, "unchanged", how, revision.id)


def add_pages(settings: Settings, proposal: int, source: str, run_id: int) -> list[int]:
    """Load a source's pages that can be read now, the oldest capture first.

    Returns:
        The ids of the revisions that are new.
    """
    added: list[int] = []
    with Database(settings.database_url, create=False) as database, Readers() as readers:
        reading = Reextractor(database, settings, readers)
        home = load_sources(settings.sources)[source]
        with database.read() as session:
            wanted = proposals.additions(session, proposal, source)
        for ids in batches(wanted, reextraction.BATCH):
            with database.read() as session:
                stored = [each for each in reextraction.of_captures(session, ids) if each.revision is None]
                known = proposals.changes_of(session, proposal, ids)
                urls = [each.capture.url for each in stored]
                to_come = proposals.added_at(session, proposal, urls)
            for each in reading.of(stored, Seen()):
                if each.read is None or known[each.item.capture_id] != proposals.digest_of(each.read):
                    continue
                answered = home.key(each.item.url)
                loaded = _add(database, run_id, each, each.read, to_come[each.item.url], answered)
                if loaded.added is not None:
                    added.append(loaded.added)
    return added


def _add(
    database: Database,
    run_id: int,
    each: Reextracted,
    read: Transcript,
    to_come: frozenset[int],
    answered: str | None,
) -> Loaded:
    """Load a page that can be read now, as the crawl would have that asked its site for it, if one did."""
    capture, item = each.stored.capture, each.item
    with database.write() as session:
        visited_on = item.captured if ledger.was_asked_for(session, capture.id) else None
        ledger.discovered(session, run_id, Found(item.key, item.url, moment=capture.fetched_at))
        ledger.fetched(session, run_id, item.page, capture.id)
    reading = Reading(
        read,
        capture.source,
        item.key,
        item.url,
        capture.id,
        VERSION,
        answered=answered,
        visited_on=visited_on,
        to_come=to_come,
    )
    return load(database, run_id, reading, item.page)


def shown(settings: Settings, proposal: int, limit: int) -> Iterator[Reextracted]:
    """The first changes of a proposal, with both texts."""
    with Database(settings.database_url, create=False) as database, Readers() as readers:
        reading = Reextractor(database, settings, readers)
        with database.read() as session:
            stored = reextraction.of_captures(session, proposals.first(session, proposal, limit))
        for some in batches(stored, reextraction.BATCH):
            yield from reading.of(some, Seen())
