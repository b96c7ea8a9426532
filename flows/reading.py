"""`podium extract`: reading pages at hand, from a file, a WARC or the web, without keeping anything."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from crawler.page import Page, Refused, extract
from crawler.source import Source, source_of
from crawler.source_files import load_sources, require_known
from storage import transcript
from storage.address import without_port
from storage.transcript import Transcript, render
from storage.warc import ArchiveError, Record, read_whole

Format = Literal["text", "json", "jsonl"]

BATCH = 64
"""Pages of a WARC file that are held in memory at once."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How a page is read: by a named source, by its host's, or by none."""

    sources: dict[str, Source]
    named: Source | None = None
    generic: bool = False

    def source_for(self, url: str) -> Source | None:
        """The source whose pages an address is one of."""
        return self.named or source_of(url, self.sources)


@dataclass(frozen=True, slots=True)
class Read:
    """A page that was read: a transcript, or why there is none."""

    url: str
    source: str | None
    transcript: Transcript | None
    refusal: str | None = None


def choice(folder: Path | None, name: str | None, *, generic: bool) -> Choice:
    """How to read, from what the command was given.

    Raises:
        SourceError: the source is unknown, or a source file is unusable.
    """
    sources = load_sources(folder)
    if name is not None:
        require_known([name], sources)
    return Choice(sources, sources[name] if name else None, generic)


def read_file(path: Path, url: str, how: Choice) -> Read:
    """Read one saved page; its address may be unknown.

    Raises:
        OSError: the file can't be read.
    """
    return _read(Page(url, path.read_bytes()), how)


def read_record(record: Record, how: Choice) -> Read:
    """Read one fetched page, whether its address is that of a document or not."""
    return _read(page_of(record, how.source_for(record.url)), how)


def read_archive(path: Path, how: Choice) -> Iterator[Read]:
    """Read every document of a WARC file, in all cores, in the file's order; of a torn one those before the tear.

    A page of a known source that is no document of it (a listing, robots.txt) is passed over.

    Raises:
        storage.warc.ArchiveError: it is no WARC file, or torn.
    """
    torn: list[ArchiveError] = []
    records = (record for record, _ in read_whole(path, torn))
    pages = (page for record in records if (page := _page_of(record, how)) is not None)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context, _set_choice, (how,)) as pool:
        while batch := list(islice(pages, BATCH)):
            yield from pool.map(_read_chosen, batch, chunksize=8)
    if torn:
        raise torn[0]


def formatted(read: Read, form: Format) -> str:
    """A page that is a transcript, in one of the formats."""
    assert read.transcript is not None
    if form == "text":
        return render(read.transcript)
    told = {"url": read.url, "source": read.source, **transcript.as_dict(read.transcript)}
    return json.dumps(told, ensure_ascii=False, indent=1 if form == "json" else None)


def _page_of(record: Record, how: Choice) -> Page | None:
    record = replace(record, url=without_port(record.url))
    source = how.source_for(record.url)
    if record.status != 200 or (source is not None and source.key(record.url) is None):
        return None
    kind = record.header("content-type")
    if "html" not in kind and kind.split(";")[0].strip() not in ("", "application/pdf", "text/plain"):
        return None
    return page_of(record, source)


def page_of(record: Record, source: Source | None) -> Page:
    """A captured response as `extract` wants it."""
    day = source.day_of(record.fetched_at) if source else record.fetched_at.astimezone().date()
    return Page(record.url, record.body, record.header("content-type"), day)


def _read(page: Page, how: Choice) -> Read:
    source = how.source_for(page.url)
    name = source.id if source else None
    try:
        return Read(page.url, name, extract(page, None if how.generic else source))
    except Refused as refusal:
        return Read(page.url, name, None, f"{refusal.kind}: {refusal}")


_chosen: Choice


def _set_choice(how: Choice) -> None:
    """In a pool's process: what all its pages are read by, sent once."""
    global _chosen
    _chosen = how


def _read_chosen(page: Page) -> Read:
    return _read(page, _chosen)
