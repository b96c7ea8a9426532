"""Extraction on real pages: documents a second on one core, against Trafilatura's default on the same pages.

Run: ``python -m benchmarks.extract [CORPUS]``; the corpus is else PODIUM_CORPUS or ../shared/corpus. Each reader
reads all pages once a round, the readers in turn, and the median of the rounds counts.
"""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import trafilatura

from crawler.page import Page, Refused, extract
from crawler.source import Source, source_of
from crawler.source_files import load_sources
from storage.warc import read_warc

ROUNDS = 5


def pages(corpus: Path) -> list[tuple[Page, Source]]:
    """Every document of the corpus that a source describes."""
    sources = load_sources()
    found = []
    for path in sorted(corpus.glob("*.warc.gz")):
        for record, _ in read_warc(path):
            source = source_of(record.url, sources)
            if source is not None and source.key(record.url) is not None:
                kind = record.header("content-type")
                found.append((Page(record.url, record.body, kind, record.fetched_at.date()), source))
    return found


def with_layout(page: Page, source: Source) -> None:
    """Podium, by the source's layout."""
    with contextlib.suppress(Refused):
        extract(page, source)


def without_layout(page: Page, _source: Source) -> None:
    """Podium, as for an institution nobody has described."""
    with contextlib.suppress(Refused):
        extract(page, None)


def default(page: Page, _source: Source) -> None:
    """Trafilatura with default settings, title and date included: the baseline."""
    trafilatura.bare_extraction(page.body, url=page.url, with_metadata=True)


def text_only(page: Page, _source: Source) -> None:
    """Trafilatura with default settings, the text alone."""
    trafilatura.bare_extraction(page.body, url=page.url)


READERS: dict[str, Callable[[Page, Source], None]] = {
    "podium, layout": with_layout,
    "podium, generic": without_layout,
    "trafilatura, default, with metadata (baseline)": default,
    "trafilatura, default, text alone": text_only,
}


def seconds(reader: Callable[[Page, Source], None], documents: list[tuple[Page, Source]]) -> float:
    """CPU seconds of this process for one reading of all documents."""
    start = time.process_time()
    for page, source in documents:
        reader(page, source)
    return time.process_time() - start


def main() -> None:
    """Measure and print a table."""
    beside = Path(__file__).parent.parent.parent / "shared" / "corpus"
    corpus = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PODIUM_CORPUS") or beside)
    documents = pages(corpus)
    if not documents:
        sys.exit(f"{corpus}: no documents here; name the folder of real pages")
    rounds: dict[str, list[float]] = {name: [] for name in READERS}
    for _ in range(ROUNDS):
        for name, reader in READERS.items():
            rounds[name].append(seconds(reader, documents))
    size = sum(len(page.body) for page, _ in documents) / len(documents)
    print(f"{len(documents)} documents of {size / 1000:.0f} kB, {ROUNDS} rounds, one core")
    print(f"Python {platform.python_version()}, {platform.machine()}")
    base = rounds["trafilatura, default, with metadata (baseline)"]
    print(f"{'':48}{'documents/s':>12}{'ratio':>8}{'min':>7}{'max':>7}")
    for name, spent in rounds.items():
        ratios = [b / s for b, s in zip(base, spent, strict=True)]
        rate = len(documents) / statistics.median(spent)
        middle = statistics.median(ratios)
        print(f"{name:48}{rate:>12.0f}{middle:>8.2f}{min(ratios):>7.2f}{max(ratios):>7.2f}")


if __name__ == "__main__":
    main()
