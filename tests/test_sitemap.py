"""Site maps: what they find, and the few days that they prove."""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from crawler.sheets import Sheet, is_whole_map, read_sitemap
from crawler.source import SiteMap, Source
from crawler.source_files import load_source
from flows import plan
from flows.demo import Stage
from flows.demo_site import Answer
from tests.conftest import TODAY
from tests.site import MisbehavingMinistry, Misbehaviour, server_error
from tests.test_collect import expected, run, texts
from tests.test_discovery import Walked, ago, days, published

ZONE = ZoneInfo("Europe/Lisbon")
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<{kind} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">'
)


@pytest.fixture
def source(site: MisbehavingMinistry, tmp_path: Path) -> Source:
    """The ministry, known by its site map alone."""
    path = tmp_path / "demo.toml"
    path.write_text(site.source_toml(), encoding="utf-8")
    way = SiteMap(kind="sitemap", url=f"{site.base}/sitemap.xml")
    return load_source(path).model_copy(update={"discover": (way,)})


def urlset(*entries: str) -> str:
    return HEAD.format(kind="urlset") + "".join(f"<url>{entry}</url>" for entry in entries) + "</urlset>"


def index(*entries: str) -> str:
    within = "".join(f"<sitemap>{entry}</sitemap>" for entry in entries)
    return HEAD.format(kind="sitemapindex") + within + "</sitemapindex>"


def loc(address: str, changed: dt.date | None = None) -> str:
    return f"<loc>{address}</loc>" + (f"<lastmod>{changed}T23:30:00+00:00</lastmod>" if changed else "")


def news(address: str, day: dt.date) -> str:
    date = f"<news:publication_date>{day}T09:00:00Z</news:publication_date>"
    return f"<loc>{address}</loc><news:news><news:title>x</news:title>{date}</news:news>"


def newest(site: MisbehavingMinistry, count: int) -> str:
    """A news site map of the newest documents, in no order."""
    documents = sorted(site.documents[:count], key=lambda document: document.title)
    return urlset(*(news(site.base + document.path, document.date) for document in documents))


def given(body: str | bytes, content_type: str = "application/xml") -> Misbehaviour:
    answer = Answer(body.encode() if isinstance(body, str) else body, content_type=content_type)
    return lambda _site, visit: visit.give(answer)


def test_a_site_map_with_days_of_change_finds_every_document_and_proves_no_day(
    site: MisbehavingMinistry, source: Source
) -> None:
    walked = Walked(source, ago(14), TODAY)
    assert walked.keys >= published(site, ago(14), TODAY)
    assert all(found.date_hint is None for found in walked.found)
    assert walked.gaps == days(ago(14), TODAY)
    # What last changed before the window was not published in it.
    changed = {str(document.id) for document in site.documents if document.modified.date() >= ago(14)}
    assert walked.keys == changed


def test_a_news_site_map_is_complete_back_to_its_oldest_document(
    site: MisbehavingMinistry, source: Source
) -> None:
    site.misbehave("/sitemap.xml", given(newest(site, 5)))
    oldest = site.documents[4].date
    walked = Walked(source, ago(30), TODAY)
    assert walked.keys == {str(document.id) for document in site.documents[:5]}
    assert {found.date_hint for found in walked.found} == {document.date for document in site.documents[:5]}
    assert walked.gaps == days(ago(30), oldest)
    assert walked.complaints == []


def test_a_news_site_map_with_one_document_undated_proves_nothing(
    site: MisbehavingMinistry, source: Source
) -> None:
    text = newest(site, 5).replace("</urlset>", f"<url>{loc(site.base + '/briefings/1')}</url></urlset>")
    site.misbehave("/sitemap.xml", given(text))
    assert Walked(source, ago(3), TODAY).gaps == days(ago(3), TODAY)


def test_the_pictures_and_films_of_a_document_are_not_it(site: MisbehavingMinistry, source: Source) -> None:
    picture = "<image:image xmlns:image='urn:image'><image:loc>/a.jpg</image:loc></image:image>"
    film = "<v:video xmlns:v='urn:video'><v:publication_date>2001-01-01</v:publication_date></v:video>"
    site.misbehave("/sitemap.xml", given(urlset(news(f"{site.base}/briefings/7", ago(1)) + picture + film)))
    (found,) = Walked(source, ago(5), TODAY).found
    assert (found.url, found.date_hint) == (f"{site.base}/briefings/7", ago(1))


def test_an_ampersand_as_it_stands_is_of_the_address(site: MisbehavingMinistry) -> None:
    here = f"{site.base}/view.php?lang=en&id=7&amp;x=&#65;"
    maps, (entry,) = read_sitemap(Sheet(site.base, urlset(loc(here))), ZONE)
    assert (maps, entry.url) == ([], f"{site.base}/view.php?lang=en&id=7&x=A")
    _, entries = read_sitemap(
        Sheet(site.base, urlset(loc("<![CDATA[/a?b=1&c=2]]>"), loc("/d?e=1&f=2"))), ZONE
    )
    assert [each.url.partition(site.base)[2] for each in entries] == ["/a?b=1&c=2", "/d?e=1&f=2"]


def test_a_map_may_end_in_many_comments(site: MisbehavingMinistry) -> None:
    started = time.process_time()
    text = urlset(loc(f"{site.base}/briefings/1"))
    assert is_whole_map(Sheet(site.base, text + "<!-- cached -->\n" * 60))
    assert not is_whole_map(Sheet(site.base, text + "<!-- cached -->" * 60 + "x"))
    assert time.process_time() - started < 1


def test_the_day_that_a_listing_tells_is_known_of_what_a_site_map_has_too(
    site: MisbehavingMinistry, source: Source, tmp_path: Path
) -> None:
    listing = next(each for each in load_source(tmp_path / "demo.toml").discover if each.kind == "listing")
    both = source.model_copy(update={"discover": (*source.discover, listing)})
    hints: dict[str, dt.date | None] = {}
    for found in Walked(both, ago(14), TODAY).found:
        hints.setdefault(found.key, found.date_hint)
    told = {str(document.id): document.date for document in site.documents if document.date >= ago(14)}
    assert told and hints.items() >= told.items()


def test_an_index_is_followed_to_maps_that_changed_since_the_window_began(
    site: MisbehavingMinistry, source: Source
) -> None:
    maps = {"/new.xml": ago(1), "/old.xml": ago(90), "/undated.xml": None}
    site.misbehave("/sitemap.xml", given(index(*(loc(site.base + path, day) for path, day in maps.items()))))
    for number, path in enumerate(maps):
        site.misbehave(path, given(urlset(loc(f"{site.base}/briefings/{number}", ago(1)))))
    walked = Walked(source, ago(14), TODAY)
    assert [request.path for request in site.requests] == ["/sitemap.xml", "/undated.xml", "/new.xml"]
    assert walked.keys == {"0", "2"}


def test_an_index_without_end_ends(
    site: MisbehavingMinistry, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawler.ways.MOST_MAPS", 5)
    number = itertools.count(1)
    site.misbehave(
        "*",
        lambda _site, visit: given(index(*(loc(f"{site.base}/{next(number)}.xml") for _ in range(10))))(
            _site, visit
        ),
    )
    walked = Walked(source, ago(5), TODAY)
    assert len(site.requests) == 5
    assert walked.complaints[-1] == f"{site.base}/sitemap.xml: 6 more maps than the 5 that are read"
    assert walked.complaints[0] == f"{site.base}/1.xml: an index within an index, of 10 maps, is not read"


def test_documents_without_any_date_are_taken_up_to_a_number(
    site: MisbehavingMinistry, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawler.ways.MOST_UNDATED", 20)
    site.misbehave("/sitemap.xml", given(urlset(*(loc(f"{site.base}/briefings/{n}") for n in range(1, 31)))))
    walked = Walked(source, ago(5), TODAY)
    assert len(walked.keys) == 20
    assert walked.complaints == [f"{site.base}/sitemap.xml: 10 documents without any date were left"]


def test_a_map_that_leads_elsewhere_is_not_followed(site: MisbehavingMinistry, source: Source) -> None:
    site.misbehave("/sitemap.xml", given(index(loc("http://10.0.0.1/sitemap.xml"))))
    walked = Walked(source, ago(5), TODAY)
    assert walked.complaints == ["http://10.0.0.1/sitemap.xml: not on the source's hosts"]


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in itertools.pairwise("abcdefghij"))
    + "]>"
)
HOSTILE = {
    "nothing": "",
    "html": "<!DOCTYPE html><html><body><p>Hello",
    "binary": "\x00\x01\x02" * 1000,
    "empty": urlset(),
    "no address": urlset("<loc></loc>", "<lastmod>2026-03-20</lastmod>", loc("http://[")),
    "bomb": BOMB + f"<urlset><url><loc>&j;</loc><lastmod>{TODAY}</lastmod></url></urlset>",
    "secret": '<!DOCTYPE x [<!ENTITY s SYSTEM "file:///etc/passwd">]><urlset><url><loc>&s;</loc></url></urlset>',
    "subset": '<!DOCTYPE x SYSTEM "http://10.0.0.1/x.dtd"><urlset><url><loc>x</loc></url></urlset>',
    "deep": "<urlset>" + "<url>" * 100_000,
    "cut": urlset(loc("/briefings/1"))[:-20],
    "odd dates": urlset("<loc>/briefings/1</loc><lastmod>some day</lastmod>"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_map_proves_nothing_and_gives_nothing_away(
    site: MisbehavingMinistry, source: Source, name: str
) -> None:
    site.misbehave("/sitemap.xml", given(HOSTILE[name]))
    walked = Walked(source, ago(3), TODAY)
    assert walked.keys <= {"1"}
    assert walked.gaps == days(ago(3), TODAY)
    maps, documents = read_sitemap(Sheet("https://example.org/", HOSTILE[name]), ZONE)
    assert not any("root:" in entry.url or len(entry.url) > 200 for entry in [*maps, *documents])


def test_a_day_of_change_is_the_institutions() -> None:
    _, (entry,) = read_sitemap(Sheet("https://example.org/", urlset(loc("/1", dt.date(2026, 7, 1)))), ZONE)
    assert (entry.url, entry.modified) == ("https://example.org/1", dt.date(2026, 7, 2))


@pytest.mark.slow
@pytest.mark.parametrize("content_type", ["application/gzip", "application/xml"])
def test_a_packed_news_map_is_enough_for_a_night(
    site: MisbehavingMinistry, place: Stage, monkeypatch: pytest.MonkeyPatch, content_type: str
) -> None:
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)
    file = place.folder / "sources" / "demo.toml"
    head, _, _ = file.read_text(encoding="utf-8").partition("[[discover]]")
    _, mark, layout = file.read_text(encoding="utf-8").partition("[[layout]]")
    way = f'[[discover]]\nkind = "sitemap"\nurl = "{site.base}/news.xml.gz"\n\n'
    file.write_text(head + way + mark + layout, encoding="utf-8")
    site.misbehave("/news.xml.gz", given(gzip.compress(newest(site, 14).encode()), content_type))
    window = (ago(14), TODAY)
    found = run(place.settings, *window)
    assert found.state == "completed", found.reasons
    assert texts(place.settings) == expected(site, *window)
    site.misbehave("/news.xml.gz", given(gzip.compress(b" " * (60 << 20)), content_type))
    found = run(place.settings, *window)
    assert found.state == "failed" and "can't be unpacked" in " ".join(found.reasons)


def test_a_map_of_the_whole_site_may_hold_no_document_of_the_window(
    site: MisbehavingMinistry, source: Source
) -> None:
    others = urlset(*(loc(f"{site.base}/about/{n}", ago(1)) for n in range(9)))
    site.misbehave("/sitemap.xml", given(others))
    assert Walked(source, ago(5), TODAY).complaints == []


def test_a_map_that_breaks_off_proves_nothing_and_finds_what_it_lists(
    site: MisbehavingMinistry, source: Source
) -> None:
    whole = newest(site, 5)
    cut = whole[: whole.rindex("<news:title>")]
    for body in (cut, whole.replace("</urlset>", "")):
        site.misbehave("/sitemap.xml", given(body))
        walked = Walked(source, ago(2), TODAY)
        assert walked.gaps == days(ago(2), TODAY)
        assert walked.complaints == [f"{site.base}/sitemap.xml: a site map without its end"]
    site.misbehave("/sitemap.xml", given(whole + "<!-- made in 0.1 s -->\n"))
    assert Walked(source, ago(2), TODAY).complaints == []


def test_an_old_window_is_left_to_other_ways_first(site: MisbehavingMinistry, tmp_path: Path) -> None:
    path = tmp_path / "demo.toml"
    path.write_text(site.source_toml(), encoding="utf-8")
    whole = load_source(path)
    way = SiteMap(kind="sitemap", url=f"{site.base}/sitemap.xml")
    source = whole.model_copy(update={"discover": (way, *whole.discover)})
    assert Walked(source, ago(40), ago(35)).gaps == []
    assert not any(request.path == "/sitemap.xml" for request in site.requests)
    site.misbehave("/briefings/*", server_error())
    walked = Walked(source, ago(39), ago(35))
    assert any(request.path == "/sitemap.xml" for request in site.requests)
    assert walked.gaps == days(ago(39), ago(35))
