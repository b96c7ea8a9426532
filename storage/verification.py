"""Whether the archive holds what the database says of it: every WARC file read once, against its captures.

A file's records and its captures are walked side by side by offset, so that a million captures take one pass
over the files and a thousand queries. What is damaged is kept in memory, what is whole is not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from sqlalchemy import select, update

from storage import captures, ledger
from storage.archive import Archive, cut, made_by
from storage.captures import capture_of
from storage.database import Database, batches
from storage.integrity import Checked, Finding
from storage.ledger import Found
from storage.models import Capture, Run
from storage.store import StoredFile
from storage.warc import ArchiveError, Location, TornError, read_warc

NAMED = 3
"""Transcripts that are named where many rest on one capture or file."""


def verify(database: Database, archive: Archive, checked: Checked) -> Iterator[Finding]:
    """Everything in which the archive and the captures of the database differ.

    A finding may be mended as soon as it is given, before the next is asked for.

    Args:
        database: with the captures.
        archive: its folder, and its store for what that lacks; a store's files are not repaired.
        checked: counted up as it goes.
    """
    yield from _Verification(database, archive, checked).findings()


@dataclass(slots=True)
class _Reading:
    """What one file was found to hold."""

    torn: TornError | None = None
    damaged: list[tuple[int, int]] = field(default_factory=list)
    strays: list[tuple[Capture, list[str]]] = field(default_factory=list)
    """Records that no row describes, each with what the row of its place says otherwise, if there is one."""


class _Verification:
    def __init__(self, database: Database, archive: Archive, checked: Checked) -> None:
        self._database = database
        self._archive = archive
        self._checked = checked
        self._missing: list[str] = []
        # Captures whose record is not where their row says, with the reason; and those found elsewhere.
        self._wrong: dict[int, str] = {}
        self._moved: set[int] = set()

    def findings(self) -> Iterator[Finding]:
        closed: list[OSError] = []
        there = set(self._files(closed))
        for problem in closed:
            yield Finding("unreadable", str(problem.filename), problem.strerror or "can't be listed")
        with self._database.read() as session:
            named = set(session.scalars(select(Capture.warc).distinct()))
        for warc in sorted(there | named):
            if self._in_use(warc):
                self._checked.in_use += 1
            else:
                yield from self._file(warc)
        yield from self._lost()

    def _files(self, closed: list[OSError]) -> Iterator[str]:
        # A machine that only reads what is in the store has no folder.
        told = closed.append if self._archive.store is None else None
        been = set[str]()  # a folder may be a link to another disk, or to one above it
        for folder, below, names in os.walk(self._archive.folder, onerror=told, followlinks=True):
            if (place := os.path.realpath(folder)) in been:
                below.clear()
                continue
            been.add(place)
            for name in names:
                if name.endswith((".warc.gz", ".warc")):
                    yield (Path(folder) / name).relative_to(self._archive.folder).as_posix()
        if self._archive.store is not None:
            try:
                names = self._archive.store.names()
            except OSError as problem:
                problem.filename = self._archive.store.url
                closed.append(problem)
                return
            yield from (name for name in names if name.endswith((".warc.gz", ".warc")))

    def _in_use(self, warc: str) -> bool:
        """Whether the run that a file is named after may still be writing it."""
        maker = made_by(warc)
        if maker is None:
            return False
        with self._database.read() as session:
            run = session.get(Run, maker.run)
            if run is None or run.state != "running":
                return False
            return ledger.alive(session, run) or ledger.alive(session, run, str(maker.process))

    # --- one file --------------------------------------------------------------------------------

    def _file(self, warc: str) -> Iterator[Finding]:
        path = self._archive.place(warc)
        try:
            size = path.size() if isinstance(path, StoredFile) else path.stat().st_size
            reading = self._read(warc, path, size)
        except FileNotFoundError:
            self._missing.append(warc)
            return
        except (ArchiveError, OSError) as problem:
            why = getattr(problem.__cause__ or problem, "strerror", None) or str(problem)
            yield Finding("unreadable", warc, "; ".join(filter(None, (why, self._resting_in(warc)))))
            return
        self._checked.files += 1
        self._checked.bytes += size
        if not size and isinstance(path, Path):
            yield Finding("empty", warc, "holds nothing", "removes it", path.unlink)
        for start, end in reading.damaged:
            yield Finding("damaged", warc, f"no whole record from {start} to {end}, and whole ones after it")
        if reading.torn is not None:
            yield self._torn(warc, path, size, reading.torn)
        yield from self._strays(warc, reading)

    def _read(self, warc: str, path: Path | StoredFile, size: int) -> _Reading:
        """Walk a file's records and its captures side by side.

        After damage it goes on at the next place that a capture names. What looks like a record in between is
        none: a page may hold a WARC file.
        """
        reading, rows = _Reading(), _Rows(self._database, warc, self._checked)
        start, torn = 0, None
        while True:
            try:
                for record, place in read_warc(path, start, files=True):
                    self._pass(rows, place.offset)
                    self._hold(rows, capture_of(_source_of(warc), record, replace(place, warc=warc)), reading)
                found, end = None, size
            except TornError as problem:
                found, end = problem, problem.end
            if torn is not None and end > start:
                reading.damaged.append((torn.end, start))
                torn = None
            self._pass(rows, end)
            torn = torn or found
            if rows.next is not None and rows.next.offset == end:
                self._wrong[rows.take().id] = "its record is not whole"
            if found is None or rows.next is None or rows.next.offset >= size:
                break
            start = rows.next.offset
        while rows.next is not None:
            self._wrong[rows.take().id] = "the file ends before it"
        reading.torn = torn
        return reading

    def _pass(self, rows: _Rows, offset: int) -> None:
        """Captures before an offset, where no record was found."""
        while rows.next is not None and rows.next.offset < offset:
            self._wrong[rows.take().id] = "no record begins there"

    def _hold(self, rows: _Rows, record: Capture, reading: _Reading) -> None:
        """A record against the row of its place, if there is one."""
        if rows.next is None or rows.next.offset != record.offset:
            reading.strays.append((record, []))
            return
        row = rows.take()
        if wrong := captures.differences(row, record):
            self._wrong[row.id] = f"its record has another {', '.join(wrong)}"
            reading.strays.append((record, wrong))

    def _torn(self, warc: str, path: Path | StoredFile, size: int, torn: TornError) -> Finding:
        end, rest = torn.end, size - torn.end
        if isinstance(path, StoredFile) and torn.broken_off:
            return Finding("torn", warc, f"its copy on the store ends within the record at offset {end}")
        if isinstance(path, Path) and (torn.broken_off or _only_zeros(path, end)):
            what = f"ends within the record at offset {end}: {rest} of its bytes are there"
            if self._size_on_store(warc) > end:
                return Finding("torn", warc, f"{what}; the store's copy has more: put that in its place")
            remedy = f"cuts it there and keeps the rest beside it as {path.name}.torn"
            return Finding("torn", warc, what, remedy, partial(cut, path, end, size))
        if not end:
            return Finding("no WARC", warc, "is no WARC file")
        return Finding("damaged", warc, f"no whole record from {end} to its end at {size}")

    def _size_on_store(self, warc: str) -> int:
        """The length in bytes of a file's copy on the store; 0 where there is none."""
        try:
            return self._archive.store.file(warc).size() if self._archive.store is not None else 0
        except OSError:
            return 0

    # --- records that no row knows ---------------------------------------------------------------

    def _strays(self, warc: str, reading: _Reading) -> Iterator[Finding]:
        """Records that stand where no row of them points: their rows point elsewhere, or there are none."""
        if not reading.strays:
            return
        with self._database.read() as session:
            known = captures.known(session, [record for record, _ in reading.strays])
        new: dict[captures.Identity, Capture] = {}
        moved: dict[str, dict[int, Capture]] = {}
        for record, wrong in reading.strays:
            row = known.get(captures.identity(record))
            if row is None:
                if not wrong:
                    new.setdefault(captures.identity(record), record)
            elif row.id not in self._moved and (wrong == ["length"] or self._is_lost(row)):
                self._moved.add(row.id)
                moved.setdefault(row.warc, {})[row.id] = record
        for old, places in moved.items():
            there = "elsewhere in it" if old == warc else f"in {warc}"
            yield Finding(
                "moved", old, f"{len(places)} of its captures are not where their rows say, but {there}",
                "points their rows at them", partial(self._point, warc, places),
            )  # fmt: skip
        if new:
            first = next(iter(new.values()))
            what = f"{len(new)} of its records are not in the database: {first.url} at offset {first.offset}"
            if not _source_of(warc):
                yield Finding("unknown", warc, f"{what}; move the file into the folder of its source")
                return
            yield Finding(
                "unknown", warc, what, "adds their captures", partial(self._add, warc, [*new.values()])
            )

    def _is_lost(self, row: Capture) -> bool:
        """Whether a capture is not where its row says."""
        try:
            place = Location(row.warc, row.offset, row.length)
            record = self._archive.read(place, digest=row.digest)
        except ArchiveError:
            return True
        return (record.url, record.fetched_at) != (row.url, row.fetched_at)

    def _point(self, warc: str, places: dict[int, Capture]) -> None:
        for ids in batches(list(places)):
            here = [places[each].offset for each in ids]
            new = [
                {"id": each, "warc": warc, "offset": places[each].offset, "length": places[each].length}
                for each in ids
            ]
            with self._database.write() as session:
                # A row that claims one of the places is wrong about it: no file has a negative offset.
                claimed = (Capture.warc == warc, Capture.offset.in_(here))
                session.execute(update(Capture).where(*claimed).values(offset=-Capture.id))
                session.execute(update(Capture), new)

    def _add(self, warc: str, records: Sequence[Capture]) -> None:
        maker = made_by(warc)
        with self._database.write() as session:
            # Where a capture's row was lost, its page still has its id.
            lost = ledger.lost_captures(session, maker.run) if maker else {}
            free = captures.free_ids(session)
            for record in records:
                names = Found(record.url, record.url, moment=record.fetched_at).page, record.url
                own = next((name for name in names if name in lost), None)
                if record.status == 200 and own is not None:
                    record.id = lost.pop(own)
                elif free is not None:
                    record.id = next(free)
                session.add(record)

    # --- captures without a record ---------------------------------------------------------------

    def _lost(self) -> Iterator[Finding]:
        """The captures whose record was found nowhere, after all files have been read."""
        for warc in self._missing:
            if told := self._resting_in(warc):
                yield Finding("missing", warc, f"no such file; {told}")
        lost = [capture for capture in self._wrong if capture not in self._moved]
        for batch in batches(lost):
            with self._database.read() as session:
                rows = session.scalars(
                    select(Capture).where(Capture.id.in_(batch)).order_by(Capture.id)
                ).all()
                resting = captures.resting_on(session, batch)
            for row in rows:
                what = f"{row.url}: {self._wrong[row.id]}; {_resting(resting.get(row.id, []))}"
                yield Finding("capture", f"{row.warc} at {row.offset}", what)

    def _resting_in(self, warc: str) -> str:
        """How many captures a file should hold that were found nowhere, and what rests on them; or nothing."""
        with self._database.read() as session:
            here = session.scalars(select(Capture.id).where(Capture.warc == warc).order_by(Capture.id))
            ids = [capture for capture in here if capture not in self._moved]
            found = captures.resting_on(session, ids)
        names = dict.fromkeys(name for capture in ids for name in found.get(capture, []))
        return f"{len(ids)} captures; {_resting(list(names))}" if ids else ""


class _Rows:
    """The captures of a file by offset, read a batch at a time, the next one in view."""

    def __init__(self, database: Database, warc: str, checked: Checked) -> None:
        self._checked = checked
        self._left = self._all(database, warc)
        self.next = next(self._left, None)

    def take(self) -> Capture:
        """The next one."""
        assert self.next is not None
        taken, self.next = self.next, next(self._left, None)
        self._checked.captures += 1
        return taken

    @staticmethod
    def _all(database: Database, warc: str) -> Iterator[Capture]:
        after: int | None = None
        while True:
            with database.read() as session:
                batch = captures.in_file(session, warc, after)
            if not batch:
                return
            yield from batch
            after = batch[-1].offset


def _source_of(warc: str) -> str:
    """The source whose folder a file stands in; empty for one that stands in none."""
    return warc.partition("/")[0] if "/" in warc else ""


def _only_zeros(path: Path, start: int) -> bool:
    """Whether nothing but zeros follows: what some file systems leave of a write that a power cut ended."""
    with path.open("rb") as file:
        file.seek(start)
        return not any(block.strip(b"\0") for block in iter(lambda: file.read(1 << 20), b""))


def _resting(names: Sequence[str]) -> str:
    if not names:
        return "no transcript rests on it"
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"resting on it: {', '.join(names[:NAMED])}{more}"
