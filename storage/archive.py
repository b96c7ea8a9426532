"""Raw captures as WARC files: one gzip member a record, addressed by file, offset and length.

A page is archived before anything reads it. Records are only ever appended; each crawl writes files of its
own, so that no two processes share one.
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote_from_bytes

from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter
from zlib_ng import zlib_ng

from storage.store import Store, StoredFile
from storage.warc import FILE, ORIGIN, TRANSFER, TRUNCATED, ArchiveError, Location, Record, records

SOFTWARE = "podium"

LEVEL = 6
"""Of gzip. 9, which warcio takes, needs twice the time for 0.4 % of the bytes of the corpus."""

LARGEST_FILE = 1 << 30
"""Bytes after which a crawl begins another file: what the WARC standard (ISO 28500) recommends."""


@dataclass(frozen=True, slots=True)
class Maker:
    """The run and the process that wrote a file, as its name says."""

    run: int
    process: int


def made_by(warc: str) -> Maker | None:
    """Who wrote a file of an archive; None where its name is not one that `Archive.writer` gives."""
    match = re.search(r"-r(\d{1,9})-p(\d{1,9})(?:-\d{1,9})?\.warc\.gz$", warc)
    return Maker(int(match[1]), int(match[2])) if match else None


class Archive:
    """A folder of WARC files, and a copy of them elsewhere, where what the folder lacks is read.

    Args:
        folder: which is written to and read.
        store: the copy's address, as `storage.store` takes it; None where there is none.
    """

    def __init__(self, folder: Path, store: str | None = None) -> None:
        self.folder = folder
        self.store = Store(store) if store else None

    def writer(self, source: str, run: int, now: dt.datetime) -> Writer:
        """A writer to a new file: ``SOURCE/YEAR/SOURCE-MOMENT-rRUN-pPID.warc.gz``, and ``-pPID-2`` after it."""
        name = f"{source}-{now:%Y%m%dT%H%M%S}-r{run}-p{os.getpid()}"
        return Writer(self.folder, f"{source}/{now:%Y}/{name}")

    def read(self, location: Location, *, digest: str | None = None) -> Record:
        """The record at a location.

        Raises:
            ArchiveError: there is no whole response record there, or its body has another digest.
        """
        return self.member(location, digest=digest)[0]

    def member(self, location: Location, *, digest: str | None = None) -> tuple[Record, bytes]:
        """The record at a location, and the bytes of its gzip member.

        Raises:
            ArchiveError: as `read` does.
        """
        path = self.place(location.warc)
        try:
            if isinstance(path, StoredFile):
                member = path.read(location.offset, location.length)
            else:
                with path.open("rb") as file:
                    file.seek(location.offset)
                    member = file.read(location.length)
        except OSError as problem:
            raise ArchiveError(f"{path}: {problem.strerror or problem}") from problem
        if len(member) != location.length:
            raise ArchiveError(f"{path}: ends within the capture at offset {location.offset}")
        record = next((found for found, _ in records(BytesIO(member), path)), None)
        if record is None or (digest is not None and record.digest != digest):
            raise ArchiveError(f"{path}: not the recorded capture at offset {location.offset}")
        return record, member

    def place(self, warc: str) -> Path | StoredFile:
        """Where a file is read: in the folder, or in the store where only that can have it."""
        path = self.folder / warc
        return path if self.store is None or path.exists() else self.store.file(warc)


class Writer:
    """Appends responses to a WARC file, on disk before `write` returns, and begins another where it is full.

    Args:
        folder: of the archive.
        name: of the first file in it, without ``.warc.gz``.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._names = (name if number == 1 else f"{name}-{number}" for number in itertools.count(1))
        self._warc = f"{next(self._names)}.warc.gz"
        self._file: io.FileIO | None = None
        self._members = WARCWriter(BytesIO(), gzip=False, warc_version="1.1")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, record: Record) -> Location:
        """Append a record; the file is made by the first.

        Raises:
            ArchiveError: the disk refused it. The file is as it was before.
        """
        return self.write_all([record])[0]

    def write_all(self, records: Iterable[Record]) -> list[Location]:
        """Append records, in one go: the disk is waited for once.

        Raises:
            ArchiveError: the disk refused them. The file is as it was before.
        """
        members = [self._member(self._made(record)) for record in records]
        try:
            if self._file is None:
                self._file = self._open()
            places = self._append(self._file, members)
        except OSError as problem:
            raise ArchiveError(f"{self._path}: {problem.strerror}") from problem
        if self._file.tell() >= LARGEST_FILE:
            self.close()
            self._warc = f"{next(self._names)}.warc.gz"
        return places

    def close(self) -> None:
        """Close the file; a further `write` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def _path(self) -> Path:
        return self._folder / self._warc

    def _open(self) -> io.FileIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = io.FileIO(self._path, "ab")
        if file.seek(0, os.SEEK_END) == 0:
            about = {"software": SOFTWARE, "format": "WARC File Format 1.1"}
            made = self._members.create_warcinfo_record(self._path.name, about)
            try:
                self._append(file, [self._member(made)])
            except OSError:
                file.close()
                raise
        return file

    def _member(self, record: ArcWarcRecord) -> bytes:
        """A record as it stands in the file: a gzip member of its own."""
        self._members.out = BytesIO()
        self._members.write_record(record)
        return zlib_ng.compress(self._members.out.getbuffer(), LEVEL, wbits=31)

    def _append(self, file: io.FileIO, members: list[bytes]) -> list[Location]:
        start, written = file.tell(), 0
        together = memoryview(b"".join(members))
        try:
            while written < len(together):
                written += file.write(together[written:])
            os.fsync(file.fileno())
        except OSError:
            # Half a record would tear the file for everyone who reads it from its start.
            file.truncate(start)
            file.seek(start)
            raise
        ends = list(itertools.accumulate(map(len, members), initial=start))
        return [Location(self._warc, offset, end - offset) for offset, end in itertools.pairwise(ends)]

    def _made(self, record: Record) -> ArcWarcRecord:
        kind, more = "resource", {"warc_content_type": record.header("content-type")}
        if not record.url.startswith(FILE):
            # The body is archived decoded, so the headers that describe its transfer no longer hold.
            headers = [(_ascii(k), _ascii(v)) for k, v in record.headers if k.lower() not in TRANSFER]
            headers.append(("Content-Length", str(len(record.body))))
            answer = StatusAndHeaders(str(record.status), headers, protocol="HTTP/1.1")
            kind, more = "response", {"http_headers": answer}
        return self._members.create_warc_record(
            record.url,
            kind,
            payload=BytesIO(record.body),
            length=len(record.body),
            warc_headers_dict=_named(record),
            **more,
        )


def _ascii(text: str) -> str:
    """A header's name or value as a WARC file can hold it: what isn't ASCII is percent-encoded, byte by byte."""
    if text.isascii():
        return text
    try:
        sent = text.encode("latin-1")  # as HTTP reads the bytes of a header
    except UnicodeEncodeError:
        sent = text.encode()
    return quote_from_bytes(sent, safe=bytes(range(128)))


def _named(record: Record) -> dict[str, str]:
    """What a record's head says of it."""
    head = {
        "WARC-Date": f"{record.fetched_at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "WARC-Payload-Digest": record.digest,
    }
    more = {ORIGIN: record.origin, TRUNCATED: record.truncated}
    return head | {field: value for field, value in more.items() if value}


def cut(path: Path, end: int, size: int) -> Path:
    """Cut a torn file at the end of its last whole record. The rest is kept beside it; a file cut to nothing goes.

    Args:
        path: the file.
        end: bytes that stay.
        size: bytes that it had when it was read: another size says that somebody writes to it.

    Returns:
        Where the rest is: NAME.torn, with a number where there is such a file of something else.

    Raises:
        ArchiveError: it has another size.
        OSError: the disk refused it. The file is as it was before.
    """
    with path.open("r+b") as file:
        if file.seek(0, os.SEEK_END) != size:
            raise ArchiveError(f"{path}: changed while it was read")
        file.seek(end)
        rest = file.read()
        beside = next(place for place in _beside(path) if not place.exists() or place.read_bytes() == rest)
        unfinished = beside.with_name(f"{beside.name}.part")
        with unfinished.open("wb") as kept:
            kept.write(rest)
            kept.flush()
            os.fsync(kept.fileno())
        unfinished.replace(beside)
        file.truncate(end)
        os.fsync(file.fileno())
    if not end:
        path.unlink()
    return beside


def _beside(path: Path) -> Iterator[Path]:
    yield path.with_name(f"{path.name}.torn")
    yield from (path.with_name(f"{path.name}.torn{number}") for number in itertools.count(2))
