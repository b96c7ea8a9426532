"""A whole night on a site that is all new, beside what else one would use for it.

Run: ``python -m benchmarks.night [--documents N] [--rounds N] [--peers PYTHON]``. The site stands in a process of
its own. Podium's night is the command ``podium nightly``, which crawls, archives, extracts, loads and compares.
Beside it, in turn:

- *the parts*: a bare Scrapy spider that makes the same requests and keeps nothing, and Trafilatura's defaults
  on the body of each page alone, already cut out. Their CPU seconds together are what a night can't do without;
- *the afternoon's script*: `benchmarks.afternoon`;
- *news-please* and *newspaper4k*, where PYTHON is an interpreter that has them (they don't go into one environment
  with Podium): each reads the pages from memory, and neither crawls nor keeps anything.

Times are of whole processes, start-up included, CPU seconds are theirs, on PostgreSQL its server's too, and the
median of the rounds counts.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import trafilatura
from lxml import etree, html
from sqlalchemy import func, select

from benchmarks import site
from benchmarks.cost import Cost, Servers, bench, command, costs, new_database, options
from benchmarks.crawl import BARE, bare, place, serving
from benchmarks.start import PODIUM
from flows.settings import Settings
from storage.database import Database
from storage.models import Revision

CUT = "bare Trafilatura, cut body"
AFTERNOON = "the afternoon's script"

PEERS = {
    "news-please": "from newsplease import NewsPlease\ndef read(url, text): NewsPlease.from_html(text, url=url)",
    "newspaper4k": "import newspaper\ndef read(url, text): newspaper.article(url, input_html=text)",
}
"""The readers of other projects, as their own documentation calls them."""

_READ_ALL = "import json, sys\n{reader}\nfor url, text in json.load(open(sys.argv[1])): read(url, text)\n"


def cut(documents: int) -> None:
    """Trafilatura's defaults on the body of each document."""
    for page in _pages(documents):
        (body,) = html.fromstring(page).xpath("//div[@class='document__body']")
        trafilatura.bare_extraction(etree.tostring(body, encoding="unicode"))


def cutting(documents: int) -> None:
    """The same without Trafilatura: what making and cutting the pages takes."""
    for page in _pages(documents):
        (body,) = html.fromstring(page).xpath("//div[@class='document__body']")
        etree.tostring(body, encoding="unicode")


def _pages(documents: int) -> list[str]:
    made = site.site(documents, dt.datetime.now(dt.UTC).date())
    return [made[f"/briefings/{number}"].decode() for number in range(documents)]


def afternoon(address: str, file: Path) -> None:
    """The afternoon's script, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.afternoon", address, str(file)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)  # noqa: S603 - our own module


def peer(python: str, name: str, pages: Path) -> None:
    """Another project's reader on all pages."""
    command = [python, "-c", _READ_ALL.format(reader=PEERS[name]), str(pages)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def night(settings: Settings) -> None:
    """Podium's night, as a user begins it."""
    command([PODIUM, "nightly", "--source", "large"], settings.environment())


def loaded(settings: Settings) -> int:
    """How many texts there are."""
    with Database(settings.database_url) as database, database.read() as session:
        return session.scalar(select(func.count()).select_from(Revision)) or 0


def kept(file: Path) -> int:
    """How many the afternoon's script has."""
    with closing(sqlite3.connect(file)) as database:
        (count,) = database.execute("SELECT count(*) FROM briefings").fetchone()
        return int(count)


def parts(address: str, documents: int) -> dict[str, Cost]:
    """What a night can't do without."""
    spent = {BARE: costs(bare, address)}
    whole, without = costs(cut, documents), costs(cutting, documents)
    spent[CUT] = Cost(whole.seconds - without.seconds, whole.cpu - without.cpu, whole.memory, whole.caller)
    return spent


def nights(address: str, documents: int, folder: Path, servers: Servers) -> dict[str, Cost]:
    """Podium's night with every kind of database."""
    spent = {}
    for name, server in servers.items():
        settings = place(folder / name, address, new_database(folder, server))
        spent[f"podium, {name}"] = costs(night, settings, server=server)
        assert loaded(settings) == documents
    return spent


def measure(
    address: str, documents: int, folder: Path, servers: Servers, python: str | None
) -> dict[str, Cost]:
    """One round of everything."""
    spent = parts(address, documents) | nights(address, documents, folder, servers)
    spent[AFTERNOON] = costs(afternoon, address, folder / "afternoon.db")
    assert kept(folder / "afternoon.db") == documents
    if python is not None:
        pages = folder / "pages.json"
        pages.write_text(
            json.dumps([(f"{address}/briefings/{n}", text) for n, text in enumerate(_pages(documents))])
        )
        for name in PEERS:
            spent[name] = costs(peer, python, name, pages)
    return spent


def show(rounds: list[dict[str, Cost]], documents: int) -> None:
    """Print a table. Ratios are medians of the rounds' own."""

    def middle(of: Callable[[dict[str, Cost]], float]) -> float:
        return statistics.median(map(of, rounds))

    print(f"{'':28}{'seconds':>8}{'per s':>7}{'CPU s':>7}{'MB':>6}{'CPU/parts':>11}{'speed/script':>14}")
    for name in rounds[0]:
        seconds, cpu = middle(lambda r: r[name].seconds), middle(lambda r: r[name].cpu)  # noqa: B023 - used at once
        parts = middle(lambda r: r[name].cpu / (r[BARE].cpu + r[CUT].cpu))  # noqa: B023
        speed = middle(lambda r: r[AFTERNOON].seconds / r[name].seconds)  # noqa: B023
        memory = middle(lambda r: max(r[name].memory, r[name].caller))  # noqa: B023
        print(
            f"{name:28}{seconds:>8.2f}{documents / seconds:>7.0f}{cpu:>7.2f}{memory:>6.0f}{parts:>11.2f}"
            f"{speed:>14.2f}"
        )


def main() -> None:
    """Measure and print."""
    parser = options(__doc__, documents=2_000, rounds=3)
    parser.add_argument("--peers", metavar="PYTHON", help="an interpreter with news-please and newspaper4k")
    asked = parser.parse_args()
    with bench() as (folder, servers), serving(asked.documents) as address:
        print(f"{asked.documents} documents, all new, {asked.rounds} rounds")
        rounds = [
            measure(address, asked.documents, folder / str(number), servers, asked.peers)
            for number in range(asked.rounds)
        ]
        show(rounds, asked.documents)


if __name__ == "__main__":
    main()
