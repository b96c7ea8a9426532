"""Goldens: saved pages of a source, each with the text that a person has read beside it.

Beside ``kremlin.toml`` stands a folder ``kremlin`` with pairs: ``NAME.warc.gz``, one captured page, and
``NAME.txt``, its transcript. A text that nobody has reviewed is called ``NAME.txt.new`` and proves nothing; a
person reads it beside the page and renames it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crawler.page import Refused, extract
from crawler.source import Source
from flows.reading import page_of
from storage.archive import Writer
from storage.diff import Change, changes
from storage.transcript import render
from storage.warc import Record, read_warc


@dataclass(frozen=True, slots=True)
class Golden:
    """One saved page and its expected text."""

    capture: Path

    @property
    def name(self) -> str:
        """The pair's name."""
        return self.capture.name.removesuffix(".warc.gz")

    @property
    def text(self) -> Path:
        """The reviewed text, which may not be there yet."""
        return self.capture.with_name(f"{self.name}.txt")

    @property
    def unreviewed(self) -> Path:
        """The text that waits for a review."""
        return self.capture.with_name(f"{self.name}.txt.new")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of reading a golden's page again: no changes, or what they are; or that it was never reviewed."""

    golden: Golden
    reviewed: bool
    changes: tuple[Change, ...] = ()
    refusal: str | None = None


def keep(folder: Path, source: Source, record: Record) -> Golden:
    """Save a page, and what the source reads there as a text to be reviewed.

    Raises:
        Refused: the source can't read it; nothing is written.
        FileExistsError: a golden of that page is there.
    """
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", source.key(record.url) or "page").strip("-.")[-80:] or "page"
    golden = Golden(folder / source.id / f"{name}.warc.gz")
    text = render(extract(page_of(record, source), source))
    if golden.capture.exists():
        raise FileExistsError(f"{golden.capture}: there is such a golden")
    with Writer(folder, f"{source.id}/{golden.name}") as writer:
        writer.write(record)
    golden.unreviewed.write_text(text, encoding="utf-8")
    return golden


def check(folder: Path, source: Source) -> Iterator[Verdict]:
    """Read every golden page of a source again and compare.

    Raises:
        storage.warc.ArchiveError: a capture can't be read.
    """
    for capture in sorted((folder / source.id).glob("*.warc.gz")):
        golden = Golden(capture)
        record = next(record for record, _ in read_warc(capture))
        expected = golden.text if golden.text.exists() else golden.unreviewed
        wanted = expected.read_text(encoding="utf-8") if expected.exists() else ""
        if source.key(record.url) is None:
            refusal = "its address is no document's: see the pattern `document`"
            yield Verdict(golden, expected == golden.text, refusal=refusal)
            continue
        try:
            found = render(extract(page_of(record, source), source))
        except Refused as refusal:
            yield Verdict(golden, expected == golden.text, refusal=f"{refusal.kind}: {refusal}")
            continue
        yield Verdict(golden, expected == golden.text, tuple(changes(wanted, found)))
