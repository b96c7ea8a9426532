"""The reading room as its server answers: all there is to read, whatever is asked, and nothing that does harm."""

from __future__ import annotations

import datetime as dt
import http.client
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise, product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from storage import captures, lookup, models
from storage.archive import Archive
from storage.database import Database, DatabaseError
from storage.facets import facets
from storage.selection import Selection
from storage.transcript import render
from storage.warc import Record
from storage.web import handing_out, queries
from storage.web.asked import MOST_PAGES
from storage.web.display import direction, language_name
from storage.web.handing_out import FORMATS
from storage.web.pages import LISTED
from tests.library import ARABIC, HOSTILE_PAGE, served, stock
from tests.test_load import DAY, Desk, said


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Room:
    """A reading room that is served."""

    database: Database
    port: int

    def get(self, path: str, method: str = "GET", host: str = "localhost") -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, headers={"Host": host})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def number(self, key: str) -> int:
        """The id of the transcript with a key."""
        with self.database.read() as session:
            return (
                session.query(models.Transcript.id)
                .filter_by(key="../../x" if key == "hostile" else key)
                .one()[0]
            )


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def shelved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """The reading room of the small archive, once for each kind of database."""
    folder = tmp_path_factory.mktemp("room")
    url = f"sqlite:///{folder / 'podium.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").create("reading_room")
    with_everything = Database(url)
    archive = stock(with_everything, folder / "archive").archive
    with_everything.close()
    database = Database(url, read_only=True)
    with served(database, archive) as port:
        yield Room(database, port)
    database.close()


class Outline(HTMLParser):
    """What stands in a page: the levels of its headings, its ids, its links, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags[tag] += 1
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if tag == "a" and "href" in given else []
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        assert not [name for name in given if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        self.text += data


PAGES = (
    "/",
    "/?page=2",
    "/?source=vell&language=ar",
    "/?speaker=Marand",
    "/?q=ferry",
    "/?q=ferry&source=vell&since=2026-01-01&until=2026-12-31&role=answer",
    "/?q=nothingatall",
    "/?q=" + quote("外交部"),
    "/sources",
    "/sources/demo/2026",
    "/sources/vell/2024",
    "/sources/demo/days/2026-03-16",
    "/sources/demo/days/2026-03-17",
    *(f"/transcripts/{{{key}}}" for key in ("101", "114", "mirror", "ar", "ru", "hostile")),
    "/transcripts/{114}/revisions/1",
    "/transcripts/{114}/changes/2",
    "/transcripts/{ru}/corrections/1",
)
"""A page of each kind; in braces stands the key of a transcript."""


def path_in(shelved: Room, page: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda key: str(shelved.number(key[1])), page)


@pytest.mark.parametrize(
    ("code", "name", "runs"),
    [("el", "Greek", "ltr"), ("ug", "Uyghur", "rtl"), ("ar", "Arabic", "rtl"), ("zz", "zz", "auto")],
)
def test_a_language_has_its_name_and_direction(code: str, name: str, runs: str) -> None:
    assert (language_name(code), direction(code)) == (name, runs)
    assert direction(None) == "auto"


def test_every_page_is_whole_and_runs_nothing(shelved: Room) -> None:
    links = set[str]()
    for page in PAGES:
        answer = shelved.get(path_in(shelved, page))
        assert answer.status == 200, page
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Cache-Control"] == "no-store"
        shown = Outline(answer.text)
        assert shown.levels[0] == 1 and shown.levels.count(1) == 1, page
        assert all(after <= before + 1 for before, after in pairwise(shown.levels)), page
        assert len(shown.ids) == len(set(shown.ids)), page
        assert shown.tags["script"] == 1 and not shown.tags["img"] and not shown.tags["style"], page
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", answer.text), page
        links.update(link.partition("#")[0] for link in shown.links if link.startswith("/"))
    for link in sorted(links):
        assert shelved.get(link).status in (200, 302), link


@pytest.mark.parametrize("asked", ["/?q=ferry", "/?q=ferry&since=2026-03-15", "/?q=the&until=2026-03-17"])
def test_a_search_marks_its_hits_and_what_it_is_narrowed_to_leaves_as_many_as_it_says(
    shelved: Room, asked: str
) -> None:
    page = shelved.get(asked).text
    (count,) = re.findall(r'class="found">(\d+) turns', page)
    choices = re.findall(r'href="([^"]*)"><bdi>[^<]*</bdi></a> <span class="count">(\d+)', page)
    assert len(choices) > 1
    for link, told in choices:
        narrowed = shelved.get(unescape(link)).text
        assert re.search(rf'class="found">{told} turns?<', narrowed), link
        assert int(told) <= int(count)


def test_hits_are_marked_before_the_choices(shelved: Room) -> None:
    page = shelved.get("/?q=ferry").text
    assert "<mark>ferry</mark>" in page and f"/transcripts/{shelved.number('114')}#turn-" in page
    assert page.index("<mark>") < page.index(">Narrow to<")


def test_only_so_many_hits_are_counted_and_that_is_said(shelved: Room) -> None:
    with shelved.database.read() as session:
        some, all_of_them = (facets(session, "the", Selection(), most) for most in (5, 1000))
    assert (some.total, some.more, sum(some.years.values())) == (5, True, 5)
    assert all_of_them.total > 5 and not all_of_them.more
    assert all_of_them.years.total() == all_of_them.languages.total() == all_of_them.total


def test_a_list_goes_on_where_the_page_before_it_ended(shelved: Room) -> None:
    first, second = (Outline(shelved.get(f"/?page={n}").text) for n in (1, 2))
    one, two = ([link for link in page.links if link.startswith("/transcripts/")] for page in (first, second))
    assert len(one) == LISTED - 1 or len(one) == LISTED
    assert not set(one) & set(two)


def test_a_page_past_the_last_one_says_so_and_leads_back(shelved: Room) -> None:
    for path, back in (("/?q=ferry&page=9", "/?q=ferry"), ("/?source=demo&page=9", "/?source=demo")):
        page = shelved.get(path)
        assert page.status == 200 and "There is no page 9" in page.text
        links = Outline(page.text).links
        assert back in links and not [link for link in links if "page=8" in link]
    assert "Nothing found" in shelved.get("/?q=nowhere").text


def test_what_is_not_ranked_is_not_said_to_be_the_best(
    shelved: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "the best first" in shelved.get("/?q=ferry").text
    monkeypatch.setattr("storage.web.pages.RANKED", 1)
    assert "the best of the newest 1 first, then by date" in shelved.get("/?q=ferry").text


def test_a_transcript_reads_as_it_was_loaded(shelved: Room) -> None:
    page = shelved.get(f"/transcripts/{shelved.number('ar')}").text
    assert f'<h1 lang="ar" dir="rtl">{ARABIC.title}</h1>' in page
    shown = Outline(page)
    for number, turn in enumerate(ARABIC.turns, 1):
        assert f"turn-{number}" in shown.ids
        for paragraph in turn.paragraphs:
            assert paragraph in shown.text
    assert '<p class="role" lang="en" dir="ltr">question</p>' in page
    assert "https://vell.kestria.example/ar" in shown.links


def test_a_transcript_knows_its_revisions_its_places_and_its_likes(shelved: Room) -> None:
    number, mirror = shelved.number("114"), shelved.number("mirror")
    newest, older = (shelved.get(f"/transcripts/{number}{end}").text for end in ("", "/revisions/1"))
    assert "four sailings" in newest and "The institution has changed this text." in newest
    assert "three sailings" in older and "This is an older text, revision 1 of 2." in older
    assert "Another text of this document" not in older
    assert f'Nearly the same as <a href="/transcripts/{mirror}"' in newest
    changed = shelved.get(f"/transcripts/{number}/changes/2").text
    assert re.search("<del>.*three.*</del>.*<ins>.*four.*</ins>", changed)
    assert "https://vell.kestria.example/same" in shelved.get(f"/transcripts/{shelved.number('112')}").text
    read = shelved.get(f"/transcripts/{shelved.number('ru')}").text
    assert f"/transcripts/{shelved.number('ru')}/corrections/1" in read


def test_a_date_that_is_a_guess_is_shown_and_cited_as_one(shelved: Room) -> None:
    page, found = shelved.get(f"/transcripts/{shelved.number('zh')}"), shelved.get(f"/?q={quote('外交部')}")
    assert "5 November 2024</time></a> (a guess)" in page.text and "(ca. 2024, November 5)" in page.text
    assert "5 November 2024</time> (a guess)" in found.text
    assert "5 November 2024</time> (a guess)" in shelved.get("/?language=zh").text
    assert "(a guess)" not in shelved.get(f"/transcripts/{shelved.number('ru')}").text


def test_a_correction_says_who_spoke_where_no_word_of_the_turn_changed(shelved: Room) -> None:
    corrected = Outline(shelved.get(f"/transcripts/{shelved.number('ru')}/corrections/1").text).text
    assert re.search(r"Turn 2, +И.Маранд +speaker .*Ильзе Маранд.* .*Ильзе Маранд <1>", corrected)


def test_before_and_after_lead_through_a_source_and_back(shelved: Room) -> None:
    seen, path = [], f"/transcripts/{shelved.number('101')}"
    while True:
        page = shelved.get(path).text
        seen.append(path)
        if (after := re.search(r'href="([^"]*)" rel="next"', page)) is None:
            break
        assert f'href="{path}" rel="prev"' in shelved.get(after[1]).text
        path = after[1]
    assert len(seen) == len(set(seen)) == 14


def test_a_document_is_taken_away_in_every_form_of_an_export(shelved: Room) -> None:
    number = shelved.number("ru")
    for of, form in product((number, shelved.number("hostile")), FORMATS):
        answer = shelved.get(f"/transcripts/{of}/files/{form}")
        assert answer.status == 200 and answer.body, form
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert re.fullmatch('attachment; filename="[a-z0-9.-]+"', answer.headers["Content-Disposition"])
    taken = shelved.get(f"/transcripts/{number}/files/text").text
    with shelved.database.read() as session:
        found = lookup.find(session, str(number))
        assert found is not None and taken == render(lookup.transcript_of(found))


def test_an_archived_page_is_shown_in_its_own_charset(tmp_path: Path) -> None:
    page = '<meta charset="windows-1251"><p>Брифинг'.encode("cp1251")
    database, archive = Database(f"sqlite:///{tmp_path / 'podium.db'}"), Archive(tmp_path / "archive")
    moment = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)
    record = Record("https://here.example/a", moment, 200, (("Content-Type", "text/html"),), page)
    with archive.writer("here", 1, moment) as writer, database.write() as session:
        session.add(captures.capture_of("here", record, writer.write(record)))
    with database.read() as session:
        answer = handing_out.capture(session, archive, 1)
    assert (answer.body, answer.headers["Content-Type"]) == (page, "text/plain; charset=windows-1251")
    database.close()


def test_an_archived_page_is_text_and_never_a_page(shelved: Room) -> None:
    with shelved.database.read() as session:
        capture = session.query(models.Capture).filter(models.Capture.url.startswith("javascript:")).one()
    answer = shelved.get(f"/captures/{capture.id}")
    assert answer.body == HOSTILE_PAGE
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")


ASKED_BADLY = {
    "/?page=0": "a number from 1 to",
    f"/?page={MOST_PAGES + 1}": "a number from 1 to",
    "/?page=1e3": "a number from 1 to",
    "/?page=²": "a number from 1 to",
    "/?since=soon": "not a date",
    "/?until=2026-02-30": "not a date",
    "/?since=2026-02-01&until=2026-01-01": "before it begins",
    "/?role=king": "there is no role",
    f"/?source={'x' * 251}": "at most 250 characters",
    "/?q=!": "a search needs a word",
    f"/?q={'a+' * 1001}": "at most 2000 characters",
    f"/?q={'+'.join(f'w{n}' for n in range(51))}": "at most 50 words",
}


def test_what_cant_be_asked_is_a_page_that_says_what_is_wanted(shelved: Room) -> None:
    for path, told in ASKED_BADLY.items():
        answer = shelved.get(quote(path, safe="/?=&+%"))
        assert answer.status == 400 and told in Outline(answer.text).text, path


def test_what_cant_be_asked_leaves_the_form_as_it_was_filled_in(shelved: Room) -> None:
    page = shelved.get("/?q=ferry&speaker=Marand&source=demo&since=2026-03-10&until=2026-03-01")
    for typed in ("ferry", "Marand", "demo", "2026-03-10", "2026-03-01"):
        assert f'value="{typed}"' in page.text
    links = Outline(page.text).links
    assert "/?q=ferry&source=demo&speaker=Marand" in links  # without the days
    assert "<title>Search – Podium" in shelved.get("/?since=soon&until=2026-03-01").text


def test_what_is_not_there_is_a_page_that_leads_back(shelved: Room) -> None:
    number = shelved.number("101")
    for path in (
        *("/nothing", "/transcripts/0", "/transcripts/999999999", "/transcripts/99999999999999999999"),
        *("/transcripts/x", f"/transcripts/{number}/revisions/2", f"/transcripts/{number}/changes/1"),
        *(f"/transcripts/{number}/corrections/1", f"/transcripts/{number}/files/gold", "/captures/999999999"),
        *(
            "/sources/%00",
            "/sources/%00/2026",
            "/sources/nowhere",
            "/sources/demo/1999",
            "/sources/demo/20260",
            "/sources/demo/days/2026-02-30",
        ),
        *("/static/../app.py", "/static/%2e%2e/app.py", "/static/nothing.css"),
    ):
        answer = shelved.get(path)
        assert answer.status == 404 and 'href="/sources"' in answer.text, path


def test_the_room_answers_this_machine_only_and_only_those_who_read(shelved: Room) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", ""):
        assert shelved.get("/", host=host).status == 400, host
    for host in ("localhost:8150", "127.0.0.1", "127.0.0.1:80", "[::1]:8150"):
        assert shelved.get("/", host=host).status == 200, host
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = shelved.get("/", method)
        assert answer.status == 405 and "GET" in answer.headers["Allow"], method
    whole, head = shelved.get("/sources"), shelved.get("/sources", "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]


def test_a_database_that_is_opened_to_read_refuses_every_change(shelved: Room) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)read.?only"), shelved.database.write() as session:
        session.query(models.Turn).delete()


def test_a_database_of_another_schema_is_not_migrated_by_a_reader(
    database: Database, database_url: str
) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(DatabaseError, match="schema 0001"):
        Database(database_url, read_only=True)


def test_nothing_of_a_transcript_is_looked_for_by_reading_a_whole_table(shelved: Room) -> None:
    path = f"/transcripts/{shelved.number('114')}"
    asked: list[tuple[str, Any]] = []
    engine = shelved.database.engine
    listening = (engine, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
    event.listen(*listening)
    shelved.get(path)
    event.remove(*listening)
    assert len(asked) > 5
    if engine.dialect.name != "sqlite":
        return  # its plans depend on how much there is
    with engine.connect() as connection:
        for statement, values in asked:
            if statement.startswith("SELECT"):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
                assert not [step for step in plan if "SCAN" in step[3]], statement


def test_an_empty_archive_says_how_to_fill_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'podium.db'}"
    Database(url).close()
    database = Database(url, read_only=True)
    with served(database, Archive(tmp_path)) as port:
        empty = Room(database, port)
        assert "podium demo" in empty.get("/").text
        assert "podium nightly" in empty.get("/sources").text
        assert "Nothing found" in empty.get("/?q=word").text
    database.close()


def test_the_document_before_one_may_be_years_older(database: Database) -> None:
    desk, year = Desk(database), dt.timedelta(365)
    desk.load(said("Others. " * 70, day=DAY + year), "x", "there")
    desk.load(said(day=DAY), "a")
    desk.load(said("Another. " * 70, day=DAY + 3 * year), "b")
    with database.read() as session:
        old, new = (lookup.find(session, f"here/{key}") for key in "ab")
        assert old is not None and new is not None
        assert [each and each.id for each in queries.neighbours(session, old)] == [None, new.transcript_id]
        assert [each and each.id for each in queries.neighbours(session, new)] == [old.transcript_id, None]


def test_only_the_newest_texts_have_days_and_neighbours(database: Database) -> None:
    desk, day = Desk(database), dt.timedelta(1)
    desk.load(said(day=DAY + 9 * day), "a")
    desk.load(said(day=DAY), "a")
    desk.load(said("Another. " * 70, day=DAY + day), "b")
    desk.load(said("Another. " * 70, day=DAY + day), "copy")
    with database.read() as session:
        assert queries.shelves(session) == [queries.Shelf("here", 2, DAY, DAY + day)]
        assert queries.counts_by_source(session) == [("here", 2)]
        old = lookup.find(session, "here/a", 1)
        assert old is not None
        before, after = queries.neighbours(session, old)
        assert before is not None and (before.id, after) == (2, None)
