"""The layouts of a site that no saved page was at hand for, on pages written from its description."""

from __future__ import annotations

import datetime as dt
from html import escape
from pathlib import Path

import pytest

from flows import plan
from flows.collect import collect
from flows.settings import Settings
from storage import lookup
from storage.archive import Writer
from storage.database import Database
from storage.transcript import Transcript, parse, render
from storage.warc import Record

INVENTED = """\
9 march / 2017

Excerpts from Foreign Minister Tomas Quill’s answers to media questions following talks at Carrow

Question: Will the bridge be open by the summer?

Tomas Quill: It will. The engineers promised it twice: once in writing, and once on the bridge.
We have invited both mayors, and both have accepted.

Question (in Ondrian): And the ferry?

Tomas Quill: The ferry goes on as before."""

SPEECHES = "https://mid.ru/en/press_service/minister_speeches/"
BRIEFINGS = "https://mid.ru/en/press_service/spokesman/briefings/"
NUMBER = "2838153"
NEW = f"{SPEECHES}{NUMBER}/"
OLD = f"http://www.mid.ru/en/foreign_policy/news/-/asset_publisher/cKNonkJE02Bw/content/id/{NUMBER}"


def paragraphs(said: Transcript) -> str:
    """The body, with labels in bold as the site prints them."""
    out = []
    for turn in said.turns:
        for n, text in enumerate(turn.paragraphs):
            label = f"<b>{escape(turn.label)}:</b> " if turn.label and n == 0 else ""
            out.append(f"<p>{label}{escape(text)}</p>")
    return "\n".join(out)


def new_page(said: Transcript) -> str:
    """The layout since 2021."""
    return f"""<!DOCTYPE html><html lang="en"><head><title>Press service</title></head><body><header>Menu</header>
<h1 class="photo-content__title">{escape(said.title)}</h1>
<div class="photo-content__date">{said.date:%d %B %Y} 16:03</div>
<p class="article-line__note article-line__note_small">1602-25-08-2017</p>
<div class="text article-content">{paragraphs(said)}</div><footer>Smolenskaya-Sennaya Sq.</footer></body></html>"""


def old_page(said: Transcript) -> str:
    """The layout until 2021: date and time stand together without a space."""
    return f"""<!DOCTYPE html><html lang="en"><head><title>News</title></head><body><div class="article">
<h1>{escape(said.title)}</h1>
<div class="article-status-line"><span><span>{said.date:%d %B %Y}<i>16:03</i></span></span></div>
<div class="article-note"><span class="nowrap">1602-25-08-2017</span></div>
<div class="text article-content"><p>• de-DE1 en-GB1 es-ES1 ru-RU1 fr-FR1</p>
{paragraphs(said)}</div></div></body></html>"""


def listing(url: str, day: dt.date) -> str:
    """A listing with one item, of that day, and one far older."""
    older = day - dt.timedelta(400)
    return f"""<!DOCTYPE html><html lang="en"><body><ul>
<li class="announce__item"><span class="announce__date">{day:%d %B %Y}</span>
 <a class="announce__link" href="{url}">One</a></li>
<li class="announce__item"><span class="announce__date">{older:%d %B %Y}</span>
 <a class="announce__link" href="{SPEECHES}1/">Another</a></li></ul></body></html>"""


def capture(folder: Path, pages: dict[str, str], moment: dt.datetime) -> Path:
    """A WARC file of those pages."""
    with Writer(folder, "mid") as writer:
        for url, page in pages.items():
            headers = (("Content-Type", "text/html; charset=utf-8"),)
            writer.write(Record(url, moment, 200, headers, page.encode()))
    return folder / "mid.warc.gz"


@pytest.fixture(params=["invented", pytest.param("sample", marks=pytest.mark.slow)])
def text(request: pytest.FixtureRequest) -> str:
    """A text in the format: one written here, and the file that fixed the format."""
    if request.param == "invented":
        return INVENTED
    corpus: Path = request.getfixturevalue("corpus")
    (sample,) = (corpus.parent / "seed").glob("*.txt")
    return sample.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("url", "page", "year"), [(NEW, new_page, 2024), (OLD, old_page, 2018)], ids=["since 2021", "until 2021"]
)
def test_a_text_loaded_from_a_page_of_it_is_given_back_byte_for_byte(
    text: str, url: str, page: object, year: int, database_url: str, tmp_path: Path
) -> None:
    said = parse(text)
    pages = {SPEECHES: listing(url, said.date), BRIEFINGS: listing(url, said.date), url: page(said)}  # type: ignore[operator]
    file = capture(tmp_path, pages, dt.datetime(year, 6, 1, tzinfo=dt.UTC))
    settings = Settings(database_url=database_url, archive=tmp_path / "archive")
    (order,) = plan.backfill(settings, said.date, said.date, ["mid-ru"], file)
    found = collect(order, settings)
    assert (found.state, found.tally.counts) == ("completed", {"new": 1})
    database = Database(database_url)
    with database.read() as session:
        for name in (url, f"mid-ru/{NUMBER}", "1"):
            revision = lookup.find(session, name)
            assert revision is not None
            assert render(lookup.transcript_of(revision)) == text
        assert revision.document_number == "1602-25-08-2017"
    database.close()
