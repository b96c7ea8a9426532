"""What becomes of the cost of a page when there are ten and a hundred times as many, and with a larger archive.

Run: ``python -m benchmarks.growth [--scale SHARE] [--rounds N] [--only PART] [--write]``. First the parts of a
night take 1, 10 and 100 times the work, each beside a baseline, in turn, in the same run. Then nights of 500 new
pages, their comparison and searches meet 1,000, 10,000 and 100,000 stored transcripts. What counts is CPU,
PostgreSQL's included; of a search it is how long one waits. Every figure is the median of the rounds, and so is
every ratio; of the largest work there is one round. ``--write`` writes docs/benchmarks.md and its pictures.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import sqlite3
import statistics
import sys
import textwrap
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from importlib.metadata import version
from itertools import pairwise, starmap
from pathlib import Path
from typing import Any

import psycopg
import trafilatura
from lxml import etree

from benchmarks import archive, crawl, duplicates, load, night, site
from benchmarks.cost import Clock, Servers, alone, bench, copy_of, drop, end_forking, new_database, options
from benchmarks.lines import Line, draw, table
from crawler import blocks
from crawler.markup import decode, parse, select
from crawler.page import Page, extract
from crawler.source_files import load_sources
from crawler.turns import turns
from flows import steps
from flows.settings import Settings
from storage.database import Database
from storage.search import search
from storage.selection import Selection
from tests.conftest import Server

TIMES = (1, 10, 100)
STORED, NEW, SEARCHES = 1_000, 500, 160
"""Transcripts that are stored at first, new pages of a night, and searches of a round."""

MET = ("night", "compare", "search, same 20", "search, median", "search, 95 of 100")
"""What is measured on an archive of each size."""

TODAY = dt.date(2026, 3, 20)

SCRAPY, TRAFILATURA, ROWS = "bare Scrapy", "bare Trafilatura, cut body", "bare executemany"

Name = tuple[str, str, str]
"""A part, the database that it was measured on (empty if none), and what it is held against."""

Round = dict[Name, tuple[float, float]]
"""What one round came to: milliseconds of each part, and of what it is held against."""


def lines_of(taken: dict[int, list[Round]]) -> list[Line]:
    """The rounds at each size as lines."""
    found = []
    for name in next(iter(taken.values()))[0]:
        each = [[one[name] for one in rounds] for rounds in taken.values()]
        values = [statistics.median(own for own, _ in pairs) for pairs in each]
        ratios = [statistics.median(own / base for own, base in pairs) for pairs in each]
        found.append(Line(*name, list(taken), values, ratios))
    return found


def sizes(least: int, scale: float) -> list[int]:
    """The sizes of a measurement that begins with so many."""
    return [max(2, round(least * scale)) * times for times in TIMES]


def told(what: str) -> None:
    """Say what is done next: all of it takes a while."""
    print(f"  {what}", file=sys.stderr, flush=True)


# --- with more work ------------------------------------------------------------------------------


def crawling(pages: int, folder: Path, servers: Servers) -> Round:
    """A crawl of a site that is new, into an archive and a ledger."""
    with crawl.serving(pages) as address:
        spent = crawl.crawls(address, pages, folder, servers)
    base = spent[crawl.BARE].cpu
    return {("crawl", name, SCRAPY): (spent[f"podium, {name}"].cpu, base) for name in servers}


def reading(pages: int, folder: Path, _servers: Servers) -> Round:
    """The extraction of pages by their layout in one process, and of that the cutting into turns alone."""
    settings = crawl.place(folder, load.BASE)
    source = load_sources(settings.sources)["large"]
    spent: dict[str, float] = defaultdict(float)

    def timed(what: str, act: Callable[[Any], object], given: Iterable[Any]) -> None:
        start = time.process_time()
        for each in given:
            act(each)
        spent[what] += time.process_time() - start

    def read(numbers: range) -> None:
        bodies = [site.document(number, TODAY).encode() for number in numbers]
        documents = [Page(f"{load.BASE}/briefings/1", body, "text/html", TODAY) for body in bodies]
        timed("extract", lambda page: extract(page, source), documents)
        roots = [parse(decode(body, "text/html")) for body in bodies]
        cut = [select(root, source.layout[0].body) for root in roots if root is not None]
        timed(
            TRAFILATURA,
            trafilatura.bare_extraction,
            [etree.tostring(*body, encoding="unicode") for body in cut],
        )
        paragraphs = [blocks.read(body, frozenset())[0] for body in cut]
        timed("turns", lambda each: turns(each, "en"), paragraphs)

    read(range(1))  # what is loaded once is no page's share
    spent.clear()
    for first in range(0, pages, steps.BATCH):  # in turn, so that a busy moment meets them all
        read(range(first, min(first + steps.BATCH, pages)))
    return {(what, "", TRAFILATURA): (spent[what], spent[TRAFILATURA]) for what in ("extract", "turns")}


def loading(pages: int, folder: Path, servers: Servers) -> Round:
    """Loading, alone and with the comparison."""
    found: Round = {}
    for name, of in load.benches(pages, folder, servers).items():
        spent = load.measure(of)
        for part, key in (("load", load.LOAD), ("load and compare", load.ALL)):
            found[part, name, ROWS] = (spent[key].cpu, spent[load.BARE].cpu)
    return found


def whole(pages: int, folder: Path, servers: Servers) -> Round:
    """A night, all its steps, and beside it what it can't do without."""
    with crawl.serving(pages) as address:
        base = sum(cost.cpu for cost in night.parts(address, pages).values())
        spent = night.nights(address, pages, folder, servers)
    beside = f"{SCRAPY} + Trafilatura, cut body"
    return {("night", name, beside): (spent[f"podium, {name}"].cpu, base) for name in servers}


PARTS: dict[Callable[[int, Path, Servers], Round], int] = {
    crawling: 200,
    reading: 50,
    loading: 50,
    whole: 100,
}
"""The parts, and the pages that each takes at first."""


def with_more_work(scale: float, rounds: int, folder: Path, servers: Servers) -> list[Line]:
    """Every part at every size."""
    found = []
    for part, least in PARTS.items():
        taken: dict[int, list[Round]] = {}
        for pages, often in zip(sizes(least, scale), (rounds, rounds, 1), strict=True):
            for number in range(often):
                told(f"{part.__name__} {pages:,} pages, round {number + 1}")
                spent = part(pages, folder / f"{part.__name__}-{pages}-{number}", servers)
                each = {
                    name: (own * 1000 / pages, base * 1000 / pages) for name, (own, base) in spent.items()
                }
                taken.setdefault(pages, []).append(each)
        found += lines_of(taken)
    return found


# --- with a larger archive -----------------------------------------------------------------------


def filled(grown: dict[range, duplicates.Marks], folder: Path, server: Server | None) -> list[str]:
    """Databases with ever more transcripts: their index, their fingerprints and their pages in the ledger."""
    url, found = new_database(folder, server), []
    for numbers, marks in grown.items():
        told(f"{numbers.stop - crawl.FIRST_ID:,} transcripts are stored")
        with Database(url) as database:
            archive.fill(database, numbers)
            duplicates.remember(database, marks)
        found.append(copy_of(url, server))
    drop(url, server)
    return found


def a_night(settings: Settings, server: Server | None) -> tuple[float, float]:
    """CPU seconds of a night, and of its comparison alone."""
    compared = []

    def compare(database: Database, source: str) -> Any:
        end_forking()  # what they have spent on reading is none of its own
        clock = Clock(server)
        links = steps.compare(database, source)
        compared.append(clock.stop().cpu)
        return links

    clock = Clock(server)
    crawl.night(settings, steps.Steps(compare=compare))
    return clock.stop().cpu, sum(compared)


def met(of: str, stored: int, address: str, new: int, folder: Path, server: Server | None) -> list[float]:
    """CPU milliseconds a page of a night on a copy of a database, and of its comparison."""
    url = copy_of(of, server)
    settings = crawl.place(folder / "night", address, url)
    settings.archive.mkdir()
    (
        settings.archive / "elsewhere.warc.gz"
    ).touch()  # a night asks whether there is any where captures are known
    spent = alone(a_night, settings, server)
    assert night.loaded(settings) == stored + new
    drop(url, server)
    return [each * 1000 / new for each in spent]


def waited(of: str, queries: Iterable[tuple[str, dict[str, Any]]]) -> list[float]:
    """Milliseconds of a search: the median, and what 95 of 100 stay below."""
    spent = []
    with Database(of) as database:
        for query, filters in queries:
            with database.read() as session:
                selection, start = Selection(**filters), time.perf_counter()
                search(session, query, selection)
                spent.append((time.perf_counter() - start) * 1000)
    return [statistics.median(spent), sorted(spent)[int(len(spent) * 0.95)]]


def with_a_larger_archive(scale: float, rounds: int, folder: Path, servers: Servers) -> list[Line]:
    """Nights and searches on archives of every size, one after the other in each round."""
    stored, new, found = sizes(STORED, scale), max(2, round(NEW * scale)), []
    bounds = [crawl.FIRST_ID + count for count in (0, *stored)]
    grown = {numbers: duplicates.all_marks(numbers) for numbers in starmap(range, pairwise(bounds))}
    first = next(iter(grown))
    asked = [each[1:] for each in archive.queries(SEARCHES, first)]
    events: list[tuple[str, dict[str, Any]]] = [
        (archive.event(number), {}) for number in first[:: max(1, len(first) // SEARCHES)]
    ]
    for name, server in servers.items():
        if server:
            archive.steady(server)
        archives = dict(zip(stored, filled(grown, folder, server), strict=True))
        taken: dict[int, list[Round]] = {count: [] for count in stored}
        with crawl.serving(new) as address:
            for number in range(rounds):
                spent = {}
                for count, of in archives.items():
                    told(f"{name}, {count:,} transcripts, round {number + 1}")
                    place = folder / f"{name}-{count}-{number}"
                    nightly = met(of, count, address, new, place, server)
                    spent[count] = [*nightly, waited(of, events)[0], *waited(of, asked)]
                for count in stored:
                    pairs = zip(MET, spent[count], spent[stored[0]], strict=True)
                    taken[count].append({(part, name, ""): (own, least) for part, own, least in pairs})
        found += lines_of(taken)
    return found


# --- shown ---------------------------------------------------------------------------------------

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
SHOWN = {
    "work": ("With more work", "A page's CPU over its baseline's, with more pages"),
    "archive": ("With a larger archive", "Over the smallest archive's, with more transcripts stored"),
}
"""The two parts of the page, and what their pictures show."""


def measured_on(servers: Servers, rounds: int) -> str:
    """The machine and the versions, as far as they matter."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    told = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    for server in filter(None, servers.values()):
        with psycopg.connect(server.url("postgres")) as connection:
            told.append(f"PostgreSQL {connection.info.server_version // 10_000}")
    told += [f"{name} {version(name)}" for name in ("Scrapy", "Trafilatura", "SQLAlchemy")]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB"
    return textwrap.fill(f"Measured on {machine}, with {', '.join(told)}; {rounds} rounds.", 120)


def section(name: str, lines: list[Line], servers: Servers, rounds: int, write: bool) -> str:
    """A part of the page, and its picture where it is to be written."""
    heads = [f"{times}x" for times in TIMES] if name == "work" else [f"{n:,}" for n in lines[0].sizes]
    head, shown = SHOWN[name]
    text = [f"## {head}", measured_on(servers, rounds), table(lines, heads)]
    if write:
        picture = f"images/growth-{name}.svg"
        draw(PAGE.parent / picture, lines, heads, shown)
        text.append(f"![{shown}]({picture})")
    return "\n\n".join(text)


def written(name: str, text: str) -> None:
    """Put a part of the page in the place of the one that is there."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(
        f"<!-- {name}, by benchmarks.growth -->\n"
    )
    _, end, after = rest.partition(f"<!-- end of {name} -->\n")
    PAGE.write_text(f"{before}{begin}\n{text}\n\n{end}{after}", encoding="utf-8")


MEASURED = {"work": with_more_work, "archive": with_a_larger_archive}


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = options(__doc__, rounds=3)
    parser.add_argument("--scale", type=float, default=1, help="of all sizes: 0.01 to try it out")
    parser.add_argument("--only", choices=MEASURED, help="one of the two parts")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and its pictures")
    asked = parser.parse_args()
    with bench() as (folder, servers):
        for name in [asked.only] if asked.only else MEASURED:
            lines = MEASURED[name](asked.scale, asked.rounds, folder, servers)
            text = section(name, lines, servers, asked.rounds, asked.write)
            print(f"\n{text}", flush=True)
            if asked.write:
                written(name, text)


if __name__ == "__main__":
    main()
