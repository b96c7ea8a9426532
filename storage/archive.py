"""Raw captures as WARC files: one gzip member a record, addressed by file, offset and length.

A page is archived before anything reads it. Records are only ever appended; each crawl writes a file of its
own, so that no two processes share one.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
import itertools
import logging
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from warcio.archiveiterator import ArchiveIterator
from warcio.bufferedreaders import BufferedReader, DecompressingBufferedReader
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter
from zlib_ng import zlib_ng

from storage.store import Store, Stored

SOFTWARE = "podium"

LEVEL = 6
"""Of gzip. 9, which warcio takes, needs twice the time for 0.4 % of the bytes of the corpus."""

logging.getLogger("warcio").setLevel(logging.ERROR)  # its warnings quote what it reads

FILE = "file:"
"""How the address of a file begins: it came without a server's answer, so its record has none."""

ORIGIN = "WARC-Source-URI"
"""The head's field that says which copy a record was taken from."""


class ArchiveError(Exception):
    """A WARC file that isn't one, is torn, or holds something else than was recorded; one line."""


class TornError(ArchiveError):
    """A WARC file that can't be read to its end.

    Args:
        told: one line.
        end: where the last whole record before the damage ends, in bytes.
        broken_off: whether the file ends within a gzip member, as after a kill; otherwise what stands at `end`
            is no record, and whole ones may follow.
    """

    def __init__(self, told: str, end: int, *, broken_off: bool) -> None:
        super().__init__(told)
        self.end = end
        self.broken_off = broken_off


@dataclass(frozen=True, slots=True)
class Location:
    """Where a record stands: a file below the archive's folder, offset and length in bytes."""

    warc: str
    offset: int
    length: int


@dataclass(frozen=True)
class Record:
    """One response as it was received, content encoding undone; or a file, at an address that begins ``file:``.

    Args:
        url: its address.
        fetched_at: when it was captured.
        status: of the response; 200 for a file.
        headers: of the response; a file has its content type.
        body: what it holds.
        origin: the copy that it was taken from, where that was not the address itself.
    """

    url: str
    fetched_at: dt.datetime
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    origin: str = ""

    @cached_property
    def digest(self) -> str:
        """The body's digest, as `digest_of` gives it."""
        return digest_of(self.body)

    def header(self, name: str) -> str:
        """The first header of that name, whatever its case; empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Maker:
    """The run and the process that wrote a file, as its name says."""

    run: int
    process: int


def made_by(warc: str) -> Maker | None:
    """Who wrote a file of an archive; None where its name is not one that `Archive.writer` gives."""
    match = re.search(r"-r(\d{1,9})-p(\d{1,9})\.warc\.gz$", warc)
    return Maker(int(match[1]), int(match[2])) if match else None


def digest_of(body: bytes) -> str:
    """``sha256:`` and the SHA-256 in base 32: the form of WARC-Payload-Digest (WARC 1.1, 5.9)."""
    return "sha256:" + base64.b32encode(hashlib.sha256(body).digest()).decode()


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
        """A writer to a new file: ``SOURCE/YEAR/SOURCE-MOMENT-rRUN-pPID.warc.gz``."""
        name = f"{source}-{now:%Y%m%dT%H%M%S}-r{run}-p{os.getpid()}.warc.gz"
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
            if isinstance(path, Stored):
                member = path.read(location.offset, location.length)
            else:
                with path.open("rb") as file:
                    file.seek(location.offset)
                    member = file.read(location.length)
        except OSError as problem:
            raise ArchiveError(f"{path}: {problem.strerror or problem}") from problem
        if len(member) != location.length:
            raise ArchiveError(f"{path}: ends within the capture at offset {location.offset}")
        record = next((found for found, _ in _records(BytesIO(member), path)), None)
        if record is None or (digest is not None and record.digest != digest):
            raise ArchiveError(f"{path}: not the recorded capture at offset {location.offset}")
        return record, member

    def place(self, warc: str) -> Path | Stored:
        """Where a file is read: in the folder, or in the store where only that can have it."""
        path = self.folder / warc
        return path if self.store is None or path.exists() else self.store.file(warc)


class Writer:
    """Appends responses to one WARC file, on disk before `write` returns."""

    def __init__(self, folder: Path, warc: str) -> None:
        self._path = folder / warc
        self._warc = warc
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
            return self._append(self._file, members)
        except OSError as problem:
            raise ArchiveError(f"{self._path}: {problem.strerror}") from problem

    def close(self) -> None:
        """Close the file; a further `write` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

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
        return self._file_record(record) if record.url.startswith(FILE) else self._response(record)

    def _response(self, record: Record) -> ArcWarcRecord:
        # The body is archived decoded, so the headers that describe its transfer no longer hold.
        headers = [(k, v) for k, v in record.headers if k.lower() not in _TRANSFER]
        headers.append(("Content-Length", str(len(record.body))))
        return self._members.create_warc_record(
            record.url,
            "response",
            payload=BytesIO(record.body),
            length=len(record.body),
            http_headers=StatusAndHeaders(str(record.status), headers, protocol="HTTP/1.1"),
            warc_headers_dict=_named(record),
        )

    def _file_record(self, record: Record) -> ArcWarcRecord:
        return self._members.create_warc_record(
            record.url,
            "resource",
            payload=BytesIO(record.body),
            length=len(record.body),
            warc_content_type=record.header("content-type"),
            warc_headers_dict=_named(record),
        )


def _named(record: Record) -> dict[str, str]:
    """What a record's head says of it."""
    head = {
        "WARC-Date": f"{record.fetched_at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "WARC-Payload-Digest": record.digest,
    }
    return head | {ORIGIN: record.origin} if record.origin else head


_TRANSFER = frozenset({"content-encoding", "content-length", "transfer-encoding"})


def read_warc(
    path: Path | Stored, start: int = 0, *, others: Counter[str] | None = None, files: bool = False
) -> Iterator[tuple[Record, Location]]:
    """Every response of a WARC file, gzip or plain, from whatever tool.

    Args:
        path: the file.
        start: where to begin, in bytes: 0, or where a record stands.
        others: counts the records that are no response, by their type.
        files: whether what came as a file, and is no answer of a server, is given too.

    Raises:
        TornError: it is no WARC file, or ends within a record. The whole records before that have been given.
        ArchiveError: it can't be opened or read.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            for record, location in _records(file, path, others):
                if files or not record.url.startswith(FILE):
                    yield record, location
    except OSError as problem:
        raise ArchiveError(f"{path}: {problem.strerror or problem}") from problem


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


class _Records(ArchiveIterator):  # type: ignore[misc]
    """warcio's own, but it prints nothing: what it reads may be text of a page, and a terminal obeys it."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.reader = _Reader(file)

    def _consume_blanklines(self) -> tuple[bytes | None, int]:
        """The line that follows a record's end and the blank ones there, and the length of those."""
        size = len(self.reader.readline())
        while line := self.reader.readline():
            if line.strip():
                return line, size
            size += len(line)
        return None, size


class _Reader(DecompressingBufferedReader):  # type: ignore[misc]
    """warcio's own, but damage within a gzip member is an error: warcio prints a line and reads on."""

    def _decompress(self, data: bytes) -> bytes:
        if self.decompressor is not None and self.num_block_read:
            unpacked: bytes = self.decompressor.decompress(data)
            return unpacked
        return super()._decompress(data)  # type: ignore[no-any-return]


def _records(
    file: IO[bytes], path: Path | Stored, others: Counter[str] | None = None
) -> Iterator[tuple[Record, Location]]:
    """Every response and every file."""
    records = _Records(file)
    end = records.offset
    try:
        for found in records:
            record = _record(found)
            if record is None and others is not None:
                others[found.rec_type] += 1
            end = _finish(records, found)
            if record is not None:
                offset, length = records.get_record_offset(), records.get_record_length()
                yield record, Location(path.name, offset, length)
        if file.seek(0, os.SEEK_END) > records.offset:
            raise EOFError("it ends within a record")
    # warcio raises the last three for a head that lacks a line.
    except (ArchiveLoadFailed, EOFError, zlib.error, ValueError, TypeError, AttributeError) as problem:
        first = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
        told = f"{path}: not a whole WARC file: at offset {end}: {first}"
        raise TornError(told, end, broken_off=_breaks_off(file, end)) from problem


def _record(found: ArcWarcRecord) -> Record | None:
    """A record as it was captured; None for one that is neither a response nor a file."""
    head = found.rec_headers
    url = head.get_header("WARC-Target-URI") or ""
    headers: tuple[tuple[str, str], ...]
    if found.rec_type == "resource" and url.startswith(FILE):
        status, headers = 200, (("Content-Type", found.content_type or ""),)
    elif found.rec_type == "response" and found.http_headers is not None:
        status, headers = _status(found), _headers(found)
    else:
        return None
    moment = dt.datetime.fromisoformat(head.get_header("WARC-Date"))
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    body, origin = found.content_stream().read(), head.get_header(ORIGIN) or ""
    return Record(url, moment, status, headers, body, origin)


def _finish(records: ArchiveIterator, found: ArcWarcRecord) -> int:
    """Read to a record's end, and say where that is. warcio takes what there is of a torn one for all of it."""
    records.read_to_end()
    size, unpacker = found.rec_headers.get_header("Content-Length"), records.reader.decompressor
    whole = (size or "").isdigit() and found.raw_stream.tell() == int(size)
    if not whole or (unpacker is not None and not unpacker.eof):
        raise EOFError("it ends within a record")
    if unpacker is not None and records.next_line:
        raise ValueError("its records are not gzip members of their own")
    end: int = records.offset
    return end


def _breaks_off(file: IO[bytes], end: int) -> bool:
    """Whether a file ends within the gzip member that begins at an offset, undamaged as far as it goes."""
    file.seek(end)
    unpacker = zlib.decompressobj(wbits=31)
    try:
        while block := file.read(1 << 16):
            unpacker.decompress(block)
    except zlib.error:
        return False
    return not unpacker.eof


def _status(record: ArcWarcRecord) -> int:
    code = record.http_headers.get_statuscode()
    return int(code) if code.isdigit() else 0


def _headers(record: ArcWarcRecord) -> tuple[tuple[str, str], ...]:
    """The headers, without those of a transfer that was undone when the body was read."""
    pairs: Sequence[tuple[str, str]] = record.http_headers.headers
    coding = (record.http_headers.get_header("content-encoding") or "").lower()
    decoded = coding in BufferedReader.get_supported_decompressors()
    undone = _TRANSFER if decoded else _TRANSFER - {"content-encoding"}
    return tuple((name, value) for name, value in pairs if name.lower() not in undone)
