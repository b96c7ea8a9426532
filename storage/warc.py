"""WARC files record by record: what a record is, and reading them, from whatever tool they come.

Nothing here knows where the archive's own files are, or how they are written.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import logging
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import brotli
from warcio.archiveiterator import ArchiveIterator
from warcio.bufferedreaders import (
    BufferedReader,
    ChunkedDataException,
    ChunkedDataReader,
    DecompressingBufferedReader,
)
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord

from storage.store import StoredFile
from storage.transcript import clean

logging.getLogger("warcio").setLevel(logging.ERROR)  # its warnings quote what it reads

FILE = "file:"
"""How the address of a file begins: it came without a server's answer, so its record has none."""

LARGEST_BODY = 32 * 1024 * 1024
"""Bytes of a body, content encoding undone: a crawl takes no more, and a file from elsewhere may hold anything."""

FIRST_YEAR = 1990
"""Before it nothing was captured: there was no web."""
LONGEST_LINE = 1024 * 1024
"""Bytes of a line in a head."""

LARGEST_HEAD = 16 * LONGEST_LINE
"""Bytes of the lines of a record that are no body."""

ORIGIN = "WARC-Source-URI"
"""The head's field that says which copy a record was taken from."""

TRUNCATED = "WARC-Truncated"
"""The head's field that says why a record is not whole."""


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
        truncated: why the body is not whole, as WARC-Truncated says it (WARC 1.1, 5.13); ``disconnect`` where it
            is shorter than its head says; empty where nothing says so.
        repeats: address and moment of the capture whose body it has: of a revisit, which holds none itself.
    """

    url: str
    fetched_at: dt.datetime
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    origin: str = ""
    truncated: str = ""
    repeats: tuple[str, dt.datetime] | None = None

    @cached_property
    def digest(self) -> str:
        """The body's digest, as `digest_of` gives it."""
        return digest_of(self.body)

    def header(self, name: str) -> str:
        """The first header of that name, whatever its case; empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def digest_of(body: bytes) -> str:
    """``sha256:`` and the SHA-256 in base 32: the form of WARC-Payload-Digest (WARC 1.1, 5.9)."""
    return "sha256:" + base64.b32encode(hashlib.sha256(body).digest()).decode()


TRANSFER = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers that say how a body was transferred, and hold no longer for one that is kept decoded."""


def read_warc(
    path: Path | StoredFile,
    start: int = 0,
    *,
    others: Counter[str] | None = None,
    files: bool = False,
    revisits: bool = False,
) -> Iterator[tuple[Record, Location]]:
    """Every response of a WARC file, gzip or plain, from whatever tool.

    Args:
        path: the file.
        start: where to begin, in bytes: 0, or where a record stands.
        others: counts the records that are no response, by their type.
        files: whether what came as a file, and is no answer of a server, is given too.
        revisits: whether those that name the capture whose body they have are given too, without a body.

    Raises:
        TornError: it is no WARC file, or ends within a record. The whole records before that have been given.
        ArchiveError: it can't be opened or read.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            for record, location in records(file, path, others):
                kind = "file" if record.url.startswith(FILE) else "revisit" if record.repeats else ""
                if not kind or (files and kind == "file") or (revisits and kind == "revisit"):
                    yield record, location
                elif others is not None:
                    others[kind] += 1
    except OSError as problem:
        raise ArchiveError(f"{path}: {problem.strerror or problem}") from problem


def read_whole(
    path: Path, torn: list[ArchiveError], *, others: Counter[str] | None = None, revisits: bool = False
) -> Iterator[tuple[Record, Location]]:
    """As `read_warc`, but why there are no more is put into `torn` in place of being raised."""
    try:
        yield from read_warc(path, others=others, revisits=revisits)
    except ArchiveError as problem:
        torn.append(problem)


class _Records(ArchiveIterator):  # type: ignore[misc]
    """warcio's own, but it prints nothing: what it reads may be text of a page, and a terminal obeys it."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.reader = _Reader(file)

    def _consume_blanklines(self) -> tuple[bytes | None, int]:
        """The line that follows a record's end and the blank ones there, and the length of those."""
        self.reader.head = 0
        size = len(self.reader.readline())
        while line := self.reader.readline():
            if line.strip():
                return line, size
            size += len(line)
        return None, size


class _Reader(DecompressingBufferedReader):  # type: ignore[misc]
    """warcio's own, but damage within a gzip member, a line or a head without an end are errors: warcio prints
    a line about the one, and takes all of the others into memory."""

    head = 0
    """Bytes of lines since a body was read, or a record began."""

    def read(self, length: int | None = None) -> bytes:
        self.head = 0
        return super().read(length)  # type: ignore[no-any-return]

    def readline(self, length: int | None = None) -> bytes:
        most = LONGEST_LINE if length is None else min(length, LONGEST_LINE)
        line: bytes = super().readline(most)
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            raise ArchiveLoadFailed(f"a line of over {LONGEST_LINE:,} bytes")
        self.head += len(line)
        if self.head > LARGEST_HEAD:
            raise ArchiveLoadFailed(f"a head of over {LARGEST_HEAD:,} bytes")
        return line

    def _decompress(self, data: bytes) -> bytes:
        if self.decompressor is not None and self.num_block_read:
            unpacked: bytes = self.decompressor.decompress(data)
            return unpacked
        return super()._decompress(data)  # type: ignore[no-any-return]


class _Brotli:
    """What warcio unpacks Brotli with: its own can't be made with this library, and nothing would stop a bomb."""

    unused_data = b""

    def __init__(self) -> None:
        self._own = brotli.Decompressor()

    def decompress(self, data: bytes) -> bytes:
        unpacked: bytes = self._own.process(data, output_buffer_limit=LARGEST_BODY)
        if not (self._own.is_finished() or self._own.can_accept_more_data()):
            raise ArchiveLoadFailed(f"a block of over {LARGEST_BODY:,} bytes")
        return unpacked


class _Chunks(ChunkedDataReader):  # type: ignore[misc]
    """warcio's own, but it says where a body in chunks goes on as none: what follows may be any bytes."""

    broken = False
    """Whether a chunk is not as long as it says, or something else stands where one should begin. The last one, of
    no length, may be missing: some tools leave it out.
    """
    _begun = False

    def _try_decode(self, length_header: bytes) -> None:
        size = re.fullmatch(rb"([0-9a-fA-F]+)[ \t]*(;.*)?\r?\n", length_header)
        self._begun |= size is not None
        if size is not None and not int(size[1], 16):  # the last one; headers may follow
            self.all_chunks_read = True
            self._process_read(b"")
            return
        try:
            super()._try_decode(length_header)
        except ChunkedDataException:
            self.broken = self._begun and bool(length_header)
            raise
        self.broken = self.all_chunks_read  # it ran out within the chunk


BufferedReader.DECOMPRESSORS["br"] = _Brotli
BufferedReader.DECOMPRESSORS["x-gzip"] = BufferedReader.DECOMPRESSORS["gzip"]  # the same (RFC 9110, 8.4.1.3)


def records(
    file: IO[bytes], path: Path | StoredFile, others: Counter[str] | None = None
) -> Iterator[tuple[Record, Location]]:
    """Every response and every file."""
    found_in = _Records(file)
    end = found_in.offset
    try:
        for found in found_in:
            record = _record(found)
            end = _finish(found_in, found)
            if isinstance(record, str):
                if others is not None:
                    others[record] += 1
            else:
                offset, length = found_in.get_record_offset(), found_in.get_record_length()
                yield record, Location(path.name, offset, length)
        if file.seek(0, os.SEEK_END) > found_in.offset:
            raise EOFError("it ends within a record")
    # warcio raises the last three for a head that lacks a line.
    except (ArchiveLoadFailed, EOFError, zlib.error, ValueError, TypeError, AttributeError) as problem:
        said = (
            "a record's head is broken" if isinstance(problem, TypeError | AttributeError) else str(problem)
        )
        first = next(iter(said.strip().splitlines()), type(problem).__name__)
        told = f"{path}: not a whole WARC file: at offset {end}: {first}"
        raise TornError(told, end, broken_off=_breaks_off(file, end)) from problem


def _record(found: ArcWarcRecord) -> Record | str:
    """A record as it was captured; what it is if it is neither a response nor a file, or can't be taken."""
    head = found.rec_headers
    url = head.get_header("WARC-Target-URI") or ""
    headers: tuple[tuple[str, str], ...]
    repeats = None
    if found.rec_type == "resource" and url.startswith(FILE):
        status, headers = 200, (("Content-Type", found.content_type or ""),)
    elif found.rec_type == "response" and found.http_headers is not None:
        status, headers = _status(found), _headers(found)
    elif found.rec_type == "revisit":
        whose, when = head.get_header("WARC-Refers-To-Target-URI"), _moment(found, "WARC-Refers-To-Date")
        whose = (whose or "").strip("<>")
        if not whose or clean(whose) != whose or when is None:
            return "revisit"
        status, headers, repeats = 200, (), (whose, when)
    else:
        return found.rec_type or "record of no type"
    moment = _moment(found, "WARC-Date")
    if moment is None:
        return f"{found.rec_type} without a date"
    if moment.year < FIRST_YEAR and found.rec_type != "resource":  # as programs write a date that was not set
        return f"{found.rec_type} without a date"
    if status > 999:
        return f"{found.rec_type} without a status"
    origin = head.get_header(ORIGIN) or ""
    if repeats is not None:
        return Record(url, moment, status, headers, b"", origin, repeats=repeats)
    stream = _content(found)
    body = stream.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        return f"{found.rec_type} of over {LARGEST_BODY >> 20} MiB"
    truncated = clean(head.get_header(TRUNCATED) or "")[:40] or _broken_off(found, body)
    if isinstance(stream, _Chunks) and stream.broken:
        truncated = truncated or "unspecified"
    return Record(url, moment, status, headers, body, origin, truncated)


def _content(found: ArcWarcRecord) -> Any:
    """A record's body, transfer and content encoding undone: names of encodings have any case (RFC 9112, 7)."""
    http = found.http_headers
    if http is None or (http.get_header("transfer-encoding") or "").strip().lower() != "chunked":
        return found.content_stream()
    coding = (http.get_header("content-encoding") or "").lower()
    known = coding in BufferedReader.get_supported_decompressors()
    return _Chunks(found.raw_stream, decomp_type=coding if known else None)


def _moment(found: ArcWarcRecord, field: str) -> dt.datetime | None:
    """A moment that a record's head gives."""
    try:
        moment = dt.datetime.fromisoformat(found.rec_headers.get_header(field) or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def _broken_off(found: ArcWarcRecord, body: bytes) -> str:
    """``disconnect`` where a body that was sent as it is is shorter than the response's head says."""
    if found.http_headers is None:
        return ""
    coded, length = (
        found.http_headers.get_header(name) or "" for name in ("content-encoding", "content-length")
    )
    chunked = found.http_headers.get_header("transfer-encoding")
    sent_as_it_is = coded.lower() in ("", "identity") and not chunked
    told = re.fullmatch(r"[0-9]{1,18}", length)
    return "disconnect" if sent_as_it_is and told and len(body) < int(length) else ""


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
    undone = TRANSFER if decoded else TRANSFER - {"content-encoding"}
    return tuple((name, value) for name, value in pairs if name.lower() not in undone)
