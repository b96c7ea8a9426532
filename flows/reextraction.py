"""A re-extraction as a whole: a dry run that says what would change, and the run that writes what was accepted.

What the dry run has shown is a proposal with a digest. Nothing is written but what a proposal has, and nothing at
all where the run would do anything else.

`flows.reextract` is its flow, `flows.cli_reextract` its command. `flows.reextract_shard` reads what
`storage.reextraction` finds; changes stand in `storage.proposals` and `flows.proposal` shows them.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from crawler.page import VERSION
from crawler.source_files import load_sources, require_known
from flows.collect import SourceReport, arrivals_of, open_run
from flows.readers import Readers
from flows.reextract_shard import Pass, Seen, add_pages, reader_of, work
from flows.settings import Settings
from flows.steps import compare
from storage import ledger, proposals, reextraction
from storage.database import Database
from storage.days import check_window
from storage.reextraction import Reselection, Scope, Shard


class NotSeenError(Exception):
    """Texts would change that nobody has seen; one line that says what to do. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a dry run found.

    Args:
        seen: how many texts were read, and how many differ in what.
        digest: by which its changes are accepted; None where there are none.
        proposal: its id.
        strangers: texts that were not read, since nobody knows their source any more, by source.
    """

    seen: Seen
    digest: str | None
    proposal: int
    strangers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """What an accepted run did: a report a source, and what it saw. Without a report nothing was to be done.

    `strangers` are as in `Proposed`.
    """

    seen: Seen
    reports: tuple[SourceReport, ...] = ()
    strangers: Mapping[str, int] = field(default_factory=dict)


Watch = Callable[[str], None]


def _shard_by_shard(settings: Settings, aim: Pass, shards: Iterable[Shard]) -> Iterator[Seen]:
    with Readers() as readers:
        for shard in shards:
            yield work(settings, aim, shard, readers)


@dataclass(frozen=True, slots=True)
class Steps:
    """How the work is done: as plain calls, or as tasks of a flow."""

    each: Callable[[Settings, Pass, Iterable[Shard]], Iterable[Seen]] = _shard_by_shard
    add: Callable[[Settings, int, str, int], list[int]] = add_pages
    compare: Callable[[Database, str], Counter[str]] = compare


PLAIN = Steps()


def selection_of(
    settings: Settings, ids: Sequence[str] = (), since: dt.date | None = None, until: dt.date | None = None
) -> Reselection:
    """Which captures are meant.

    Args:
        settings: the sources that are known.
        ids: of sources; none for all.
        since, until: first and last day of publication.

    Raises:
        SourceError: a source is unknown, or a source file is unusable.
        SettingsError: there is no archive.
        WindowError: the days end before they begin.
    """
    sources = load_sources(settings.sources)
    require_known(ids, sources)
    check_window(since, until)
    settings.require_archive()
    return Reselection(tuple(sorted(set(ids) or sources)), since, until)


def propose(
    settings: Settings, selection: Reselection, steps: Steps = PLAIN, watch: Watch = lambda _step: None
) -> Proposed:
    """Read everything again and write down what would change; no text is touched.

    Raises:
        storage.database.DatabaseError: there is no database, or it can't be opened.
        sqlalchemy.exc.DBAPIError: it failed on the way.
    """
    with Database(settings.database_url, create=False) as database:
        with database.write() as session:
            number = proposals.begin(session, _reader(settings, selection), selection).id
        seen = _passed(settings, database, Pass("propose", Scope(selection), number), steps, watch)
        with database.write() as session:
            digest = proposals.finish(session, number)
        return Proposed(seen, digest, number, _strangers(settings, database))


def write(
    settings: Settings,
    selection: Reselection,
    accept: str | None,
    steps: Steps = PLAIN,
    watch: Watch = lambda _step: None,
) -> Written:
    """Write what a dry run has proposed; killed half-way and started again it does the rest.

    Args:
        settings: where things are kept.
        selection: as in the dry run.
        accept: the digest that it gave; None where nothing is expected to change.
        steps: how the work is done.
        watch: told the step it is at.

    Raises:
        NotSeenError: anything would be written that the dry run has not shown.
        storage.database.DatabaseError: there is no database, or it can't be opened.
        sqlalchemy.exc.DBAPIError: it failed on the way.
    """
    with Database(settings.database_url, create=False) as database:
        if accept is None:
            return _unchanged(settings, selection, database, steps, watch)
        with database.read() as session:
            found = proposals.find(session, accept)
        if found is None:
            raise NotSeenError(f"no dry run has shown {accept}; make one with `podium reextract --dry-run`")
        if found.selection != selection.as_dict():
            raise NotSeenError(
                f"the dry run that showed {accept} was of other sources or days; name the same"
            )
        if found.reader != _reader(settings, selection):
            raise NotSeenError(
                f"the extractor or a source file has changed since the dry run that showed {accept}; make another"
            )
        # How pages are read is the same, so only these and newer captures can differ.
        check = Pass("check", Scope(selection, found.id, found.last_capture), found.id)
        unseen = _passed(settings, database, check, steps, watch).unseen
        if unseen:
            raise NotSeenError(
                f"{unseen} changes are not among those that the dry run showed; nothing was written; make another"
            )
        return _accepted(settings, selection, database, found.id, steps, watch)


def _unchanged(
    settings: Settings, selection: Reselection, database: Database, steps: Steps, watch: Watch
) -> Written:
    """Nothing was accepted: the archive is read up to the first change."""
    seen = Seen()
    for each in _passes(settings, database, Pass("count", Scope(selection)), steps, watch):
        seen.add(each)
        if changed := seen.total("changed"):
            raise NotSeenError(
                f"the extractor reads {changed} texts or more in another way than they are stored; "
                "look at the changes first: `podium reextract --dry-run`"
            )
    return Written(seen, strangers=_strangers(settings, database))


def _accepted(
    settings: Settings, selection: Reselection, database: Database, proposal: int, steps: Steps, watch: Watch
) -> Written:
    started, now = time.monotonic(), dt.datetime.now(dt.UTC).date()
    until = selection.until or now
    since = selection.since or until
    with ExitStack() as stack:
        with database.read() as session:
            names = proposals.sources_of(session, proposal)
        runs = {
            name: stack.enter_context(open_run(database, "reextract", name, since, until)) for name in names
        }
        aim = Pass("write", Scope(selection, proposal), proposal, runs)
        seen = _passed(settings, database, aim, steps, watch)
        reports = []
        for name, run_id in runs.items():
            watch(f"{name}: load")
            added = steps.add(settings, proposal, name, run_id)
            watch(f"{name}: compare")
            links = steps.compare(database, name)
            reasons = [line for source, line in seen.told if source == name]
            with database.write() as session:
                state = ledger.close_run(session, run_id, reasons, failed=False)
                tally, arrivals = ledger.tally_of(session, run_id), arrivals_of(session, added)
            reports.append(
                SourceReport(
                    source=name,
                    run_id=run_id,
                    since=since,
                    until=until,
                    state=state,
                    tally=tally,
                    reasons=tuple(reasons),
                    notes=(f"read again with extractor {VERSION}, without a request",),
                    listings=None,
                    seconds=round(time.monotonic() - started, 1),
                    arrivals=arrivals,
                    links=links,
                )
            )
    return Written(seen, tuple(reports), _strangers(settings, database))


def _strangers(settings: Settings, database: Database) -> dict[str, int]:
    with database.read() as session:
        return reextraction.strangers(session, tuple(load_sources(settings.sources)))


def _passed(settings: Settings, database: Database, aim: Pass, steps: Steps, watch: Watch) -> Seen:
    seen = Seen()
    for each in _passes(settings, database, aim, steps, watch):
        seen.add(each)
    return seen


def _passes(settings: Settings, database: Database, aim: Pass, steps: Steps, watch: Watch) -> Iterator[Seen]:
    step = {"count": "reading", "propose": "reading", "check": "checking", "write": "writing"}[aim.what]
    watch(f"{step} ...")
    with database.read() as session:
        shards = list(reextraction.shards(session, aim.scope, reextraction.SHARD))
    done, total = 0, sum(shard.count for shard in shards)
    for shard, each in zip(shards, steps.each(settings, aim, shards), strict=False):
        done += shard.count
        watch(f"{step}: {done} of {total} captures")
        yield each


def _reader(settings: Settings, selection: Reselection) -> str:
    sources = load_sources(settings.sources)
    return reader_of({name: sources[name] for name in selection.sources})
