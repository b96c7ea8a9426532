"""The ministry's site serves what it says it publishes, and misbehaves as each misbehaviour's name says."""

from __future__ import annotations

import datetime as dt
import gzip
import http.client
import time
import urllib.error
import urllib.request
import urllib.robotparser
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lxml import etree, html

from crawler.source import Calendar, Feed, Listing, Source
from crawler.source_files import load_source
from flows.demo_site import Ministry
from flows.demo_site.pages import label
from storage.transcript import clean, parse, render
from tests.site import (
    MisbehavingMinistry,
    Misbehaviour,
    after,
    challenge,
    copy_of,
    empty_listing,
    endless_calendar,
    gone,
    gzip_bomb,
    hang,
    hang_up,
    html_error,
    new_furniture,
    not_found,
    private_redirect,
    redirect_loop,
    repeated_listing,
    robots_forbid,
    same_etag,
    server_error,
    slow_drip,
    soft_404,
    times,
    too_many_requests,
    truncated,
    unavailable,
    without_date,
    wrong_charset,
)

TODAY = dt.date(2026, 11, 23)
VOID = {"meta", "link", "br", "img", "input", "hr"}


@pytest.fixture
def site() -> Iterator[Ministry]:
    with Ministry(TODAY) as ministry:
        yield ministry


@pytest.fixture
def bad() -> Iterator[MisbehavingMinistry]:
    with MisbehavingMinistry(TODAY) as ministry:
        yield ministry


@pytest.fixture
def source(site: Ministry, tmp_path: Path) -> Source:
    path = tmp_path / "demo.toml"
    path.write_text(site.source_toml(), encoding="utf-8")
    return load_source(path)


class Reply:
    """A response read to its end, over a connection of its own."""

    def __init__(self, site: Ministry, path: str, method: str = "GET", **headers: str) -> None:
        host = urlsplit(site.base)
        connection = http.client.HTTPConnection(str(host.hostname), host.port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers={"User-Agent": "test", **named})
            response = connection.getresponse()
            self.status = response.status
            self.headers = response.headers
            self.body = response.read()
        finally:
            connection.close()

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def page(self) -> html.HtmlElement:
        return html.document_fromstring(self.text)

    def header(self, name: str) -> str:
        return str(self.headers[name])


def links(page: html.HtmlElement) -> list[str]:
    return [str(link.get("href")) for link in page.cssselect(".briefings__item a")]


def test_the_source_file_is_accepted_and_names_three_ways_to_the_documents(
    site: Ministry, source: Source
) -> None:
    assert source.loopback
    assert source.owns("127.0.0.1")
    feed, listing, calendar = source.discover
    assert isinstance(feed, Feed)
    assert isinstance(listing, Listing)
    assert isinstance(calendar, Calendar)
    assert Reply(site, urlsplit(calendar.url.format(date=TODAY)).path).status == 200
    assert source.key(f"{site.base}/briefings/105") == source.key(f"{site.base}/en/briefings/105?print=1")
    assert source.key(f"{site.base}/briefings/page/2") is None
    assert source.key(f"{site.base}/briefings/by-date/01.11.2026") is None


def test_documents_are_of_the_last_forty_days_and_some_of_the_last_fourteen(site: Ministry) -> None:
    ages = [(TODAY - document.date).days for document in site.documents]
    assert len(ages) == 14
    assert ages == sorted(ages)
    assert ages[0] == 1
    assert ages[-1] < 40
    assert sum(age <= 14 for age in ages) >= 5


def test_every_expected_transcript_survives_the_text_format(site: Ministry) -> None:
    for document in site.documents:
        assert parse(render(document.transcript)) == document.transcript
        assert "{" not in render(document.transcript)


def test_every_document_holds_the_words_of_its_transcript_in_order(site: Ministry, source: Source) -> None:
    layout = source.layout[0]
    for document in site.documents:
        page = Reply(site, document.path).page
        (title,) = page.cssselect(layout.title[0])
        (date,) = page.cssselect(layout.date[0])
        (body,) = page.cssselect(layout.body[0])
        for furniture in [found for selector in layout.drop for found in body.cssselect(selector)]:
            furniture.drop_tree()
        expected = " ".join(
            text
            for turn in document.transcript.turns
            for text in ([f"{turn.label}:"] if turn.label else []) + list(turn.paragraphs)
        )
        assert clean(title.text_content()) == document.transcript.title
        assert dt.datetime.fromisoformat(str(date.get("datetime"))) == document.published
        # One document writes its questioners in capitals; the expected label is the field's.
        assert clean(body.text_content()).replace("QUESTION", "Question") == expected
        numbers = [clean(found.text_content()) for found in page.cssselect(layout.number[0])]
        assert numbers == ([document.number] if document.number else [])
        leads = [clean(found.text_content()) for found in page.cssselect(layout.lead[0])]
        assert leads == ([document.lead] if document.lead else [])


def test_labels_are_printed_in_the_ways_of_real_sites() -> None:
    assert label("Question", "bold") == "<b>Question:</b>"
    assert label("Question", "outside") == "<b>Question</b>:"
    assert label("Question", "capitals") == "<b>QUESTION:</b>"
    assert label("Ilse Marand", "capitals") == "<b>Ilse Marand:</b>"
    assert label("Radio Tesk", "split") == "<b>Radio</b> <b>Tesk:</b>"
    assert label("Question", "plain") == "Question:"
    assert label("Question (retranslated)", "bold") == "<b>Question</b><i> (retranslated)</i>:"


def test_the_listing_shows_every_document_once_five_a_page(site: Ministry) -> None:
    seen: list[str] = []
    path: str | None = "/briefings/"
    while path:
        page = Reply(site, path).page
        (items,) = page.cssselect(".briefings")
        assert items.get("data-pages") == "3"
        assert len(links(page)) <= 5
        seen += links(page)
        following = page.cssselect("a[rel=next]")
        assert [each.get("href") for each in page.cssselect("link[rel=next]")] == [
            each.get("href") for each in following
        ]
        path = following[0].get("href") if following else None
    assert seen == [document.path for document in site.documents]
    assert Reply(site, "/briefings/page/1").body == Reply(site, "/briefings/").body
    assert Reply(site, "/briefings/page/4").status == 404


def test_every_day_has_a_page_and_an_empty_one_says_so(site: Ministry) -> None:
    for age in range(45):
        date = TODAY - dt.timedelta(days=age)
        reply = Reply(site, f"/briefings/by-date/{date:%d.%m.%Y}")
        expected = [document.path for document in site.documents if document.date == date]
        assert reply.status == 200
        assert links(reply.page) == expected
        assert ("No briefings were published" in reply.text) == (not expected)
    assert Reply(site, "/briefings/by-date/31.02.2026").status == 404


def test_feed_and_site_map_name_full_addresses(site: Ministry) -> None:
    feed = etree.fromstring(Reply(site, "/feed.xml").body)
    atom = {"a": "http://www.w3.org/2005/Atom"}
    entries = [link.get("href") for link in feed.findall("a:entry/a:link", atom)]
    assert entries == [site.base + document.path for document in site.documents[:5]]
    urls = etree.fromstring(Reply(site, "/sitemap.xml").body)
    locations = [each.text for each in urls.iter("{*}loc")]
    assert locations == [site.base + document.path for document in site.documents]


def test_robots_txt_allows_all_but_the_private_part(site: Ministry) -> None:
    robots = urllib.robotparser.RobotFileParser()
    robots.parse(Reply(site, "/robots.txt").text.splitlines())
    assert robots.can_fetch("podium", f"{site.base}/briefings/105")
    assert not robots.can_fetch("podium", f"{site.base}/private/press-kit")


@pytest.mark.parametrize(
    "path", ["/briefings/999", "/briefings/105x", "/briefings/page/0", "/nothing", "/briefings/by-date/"]
)
def test_an_address_where_nothing_is_answers_404(site: Ministry, path: str) -> None:
    assert Reply(site, path).status == 404


class _Nesting(HTMLParser):
    """Fails at a tag that is closed out of order or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - html.parser passes it
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_pages_are_well_formed_utf8_of_the_length_they_declare(site: Ministry) -> None:
    day = f"/briefings/by-date/{TODAY:%d.%m.%Y}"
    for path in ["/", "/briefings/", day, "/nothing", *(document.path for document in site.documents)]:
        reply = Reply(site, path)
        assert reply.header("Content-Type") == "text/html; charset=utf-8"
        assert int(reply.header("Content-Length")) == len(reply.body)
        nesting = _Nesting()
        nesting.feed(reply.text)
        nesting.close()
        assert nesting.open == []


def test_head_answers_as_get_does_without_the_body(site: Ministry) -> None:
    got, head = Reply(site, "/briefings/"), Reply(site, "/briefings/", method="HEAD")
    assert head.body == b""
    assert head.headers["Content-Length"] == got.headers["Content-Length"]


@pytest.mark.parametrize("path", ["/briefings/114", "/briefings/", "/feed.xml", "/sitemap.xml"])
def test_an_unchanged_page_answers_304_and_an_edited_one_does_not(site: Ministry, path: str) -> None:
    first = Reply(site, path)
    tag, modified = first.header("ETag"), first.header("Last-Modified")
    for headers in ({"If_None_Match": tag}, {"If_Modified_Since": modified}):
        again = Reply(site, path, **headers)
        assert (again.status, again.body) == (304, b"")
        assert again.header("ETag") == tag
    site.edit("/briefings/114", "ferry", "steamer")
    for headers in ({"If_None_Match": tag}, {"If_Modified_Since": modified}):
        assert Reply(site, path, **headers).status == 200


def test_the_view_counter_moves_and_the_weak_etag_does_not(site: Ministry) -> None:
    first, second = Reply(site, "/briefings/105"), Reply(site, "/briefings/105")
    assert first.body != second.body
    assert first.header("ETag") == second.header("ETag")
    assert first.header("ETag").startswith("W/")


def test_a_correction_changes_the_page_and_the_transcript_expected_of_it(site: Ministry) -> None:
    before = site.document("/briefings/114")
    after = site.correct()
    assert site.document("/briefings/114") == after
    assert after.transcript != before.transcript
    assert (after.date, after.number) == (before.date, before.number)
    assert "four sailings a day" in Reply(site, after.path).text
    with pytest.raises(ValueError, match="nothing there reads"):
        site.edit(after.path, "three sailings a day", "none")


def test_a_withdrawn_document_leaves_every_list(site: Ministry) -> None:
    site.withdraw("/briefings/114")
    assert Reply(site, "/briefings/114").status == 404
    for path in ("/briefings/", "/feed.xml", "/sitemap.xml", "/"):
        assert "/briefings/114" not in Reply(site, path).text


def test_requests_are_counted_with_their_user_agent_and_nothing_is_printed(
    site: Ministry, capfd: pytest.CaptureFixture[str]
) -> None:
    Reply(site, "/briefings/105")
    Reply(site, "/nothing", User_Agent="another")
    assert [(each.path, each.user_agent) for each in site.requests] == [
        ("/briefings/105", "test"),
        ("/nothing", "another"),
    ]
    assert site.requests[0].time <= site.requests[1].time
    assert capfd.readouterr() == ("", "")


DOCUMENT = "/briefings/105"


def body_text(reply: Reply) -> str:
    (body,) = reply.page.cssselect(".document__body")
    return clean(body.text_content())


def test_a_site_that_may_misbehave_is_good_until_it_is_told_and_again_when_it_is_told(
    bad: MisbehavingMinistry,
) -> None:
    assert Reply(bad, DOCUMENT).status == 200
    bad.misbehave("/briefings/*", unavailable())
    bad.misbehave(DOCUMENT, gone())
    assert [Reply(bad, path).status for path in (DOCUMENT, "/briefings/106", "/")] == [410, 503, 200]
    bad.behave(DOCUMENT)
    assert Reply(bad, DOCUMENT).status == 503
    bad.behave()
    assert Reply(bad, DOCUMENT).status == 200
    assert len(bad.requests) == 6


def test_the_last_misbehaviour_asked_for_wins(bad: MisbehavingMinistry) -> None:
    bad.misbehave(DOCUMENT, gone())
    bad.misbehave("*", unavailable())
    assert Reply(bad, DOCUMENT).status == 503
    bad.misbehave(DOCUMENT, gone())
    assert Reply(bad, DOCUMENT).status == 410


def test_misbehaviour_can_end_or_begin_after_some_requests(bad: MisbehavingMinistry) -> None:
    bad.misbehave(DOCUMENT, times(2, unavailable()))
    bad.misbehave("/", after(2, gone()))
    assert [Reply(bad, DOCUMENT).status for _ in range(4)] == [503, 503, 200, 200]
    assert [Reply(bad, "/").status for _ in range(4)] == [200, 200, 410, 410]


@pytest.mark.parametrize(
    ("how", "status", "retry_after"),
    [
        (too_many_requests(7), 429, "7"),
        (unavailable(), 503, None),
        (unavailable(3), 503, "3"),
        (server_error(), 500, None),
        (gone(), 410, None),
        (not_found(), 404, None),
    ],
)
def test_a_refusal_has_its_status_and_its_retry_after(
    bad: MisbehavingMinistry, how: Misbehaviour, status: int, retry_after: str | None
) -> None:
    bad.misbehave(DOCUMENT, how)
    reply = Reply(bad, DOCUMENT)
    assert (reply.status, reply.headers["Retry-After"]) == (status, retry_after)


@pytest.mark.parametrize(
    ("how", "sign"),
    [
        (challenge(), "Please enable JavaScript"),
        (challenge(), "/TSPD/"),
        (soft_404(), "There is no page at this address"),
        (html_error(), "Internal Server Error"),
    ],
)
def test_a_page_that_is_none_answers_200_all_the_same(
    bad: MisbehavingMinistry, how: Misbehaviour, sign: str
) -> None:
    bad.misbehave(DOCUMENT, how)
    reply = Reply(bad, DOCUMENT)
    assert reply.status == 200
    assert sign in reply.text
    assert not reply.page.cssselect(".document__body")


def test_a_slow_drip_takes_its_time_and_gives_the_whole_page(bad: MisbehavingMinistry) -> None:
    bad.misbehave(DOCUMENT, slow_drip(pause=0.02, size=500))
    start = time.monotonic()
    reply = Reply(bad, DOCUMENT)
    assert time.monotonic() - start >= 0.02 * (len(reply.body) // 500)
    assert len(reply.body) == int(reply.header("Content-Length"))


def test_a_truncated_body_is_shorter_than_its_content_length(bad: MisbehavingMinistry) -> None:
    bad.misbehave(DOCUMENT, truncated(keep=0.25))
    with pytest.raises(http.client.IncompleteRead) as cut:
        Reply(bad, DOCUMENT)
    assert cut.value.expected is not None
    assert 0 < len(cut.value.partial) < cut.value.expected


def test_a_hang_lasts_as_long_as_it_says(bad: MisbehavingMinistry) -> None:
    bad.misbehave(DOCUMENT, hang(0.3))
    start = time.monotonic()
    assert Reply(bad, DOCUMENT).status == 200
    assert time.monotonic() - start >= 0.3


def test_a_site_that_hangs_or_drips_can_be_stopped_at_once() -> None:
    for how in (hang(60), slow_drip(pause=60)):
        with MisbehavingMinistry(TODAY) as site:
            site.misbehave(DOCUMENT, how)
            host = urlsplit(site.base)
            connection = http.client.HTTPConnection(str(host.hostname), host.port, timeout=10)
            connection.request("GET", DOCUMENT)
            start = time.monotonic()
        connection.close()
        assert time.monotonic() - start < 5


def test_hanging_up_gives_not_one_byte(bad: MisbehavingMinistry) -> None:
    bad.misbehave(DOCUMENT, hang_up())
    with pytest.raises(http.client.RemoteDisconnected):
        Reply(bad, DOCUMENT)


def test_a_wrong_charset_is_declared_for_the_same_bytes(bad: MisbehavingMinistry) -> None:
    path = "/briefings/106"
    bad.misbehave(path, wrong_charset())
    reply = Reply(bad, path)
    assert reply.headers.get_content_charset() == "windows-1251"
    assert "isn’t" in reply.body.decode("utf-8")
    assert "isn’t" not in reply.body.decode("windows-1251", errors="replace")


def test_a_redirect_loop_never_arrives(bad: MisbehavingMinistry) -> None:
    bad.misbehave(DOCUMENT, redirect_loop())
    with pytest.raises(urllib.error.HTTPError, match="infinite loop") as loop:
        urllib.request.urlopen(bad.base + DOCUMENT, timeout=10)
    loop.value.close()
    assert {each.path for each in bad.requests} == {DOCUMENT, f"{DOCUMENT}?again"}


def test_a_private_redirect_leads_off_the_site(bad: MisbehavingMinistry) -> None:
    bad.misbehave(DOCUMENT, private_redirect("http://169.254.169.254/latest/"))
    reply = Reply(bad, DOCUMENT)
    assert (reply.status, reply.header("Location")) == (302, "http://169.254.169.254/latest/")


def test_the_same_etag_says_304_though_the_text_was_edited(bad: MisbehavingMinistry) -> None:
    bad.misbehave(DOCUMENT, same_etag())
    first = Reply(bad, DOCUMENT)
    bad.edit(DOCUMENT, "640", "641")
    second = Reply(bad, DOCUMENT)
    assert body_text(first) != body_text(second)
    assert first.header("ETag") == second.header("ETag")
    assert Reply(bad, DOCUMENT, If_None_Match=first.header("ETag")).status == 304
    assert Reply(bad, DOCUMENT, If_Modified_Since=first.header("Last-Modified")).status == 304


def test_new_furniture_changes_the_page_and_not_the_text(bad: MisbehavingMinistry) -> None:
    first = Reply(bad, DOCUMENT)
    bad.misbehave(DOCUMENT, new_furniture("Moved to Quay Street."))
    second = Reply(bad, DOCUMENT, If_None_Match=first.header("ETag"))
    assert second.status == 200
    assert "Moved to Quay Street." in second.text
    assert body_text(first) == body_text(second)


def test_a_page_without_a_date_has_its_text_and_no_time_element(bad: MisbehavingMinistry) -> None:
    first = Reply(bad, DOCUMENT)
    bad.misbehave(DOCUMENT, without_date())
    second = Reply(bad, DOCUMENT)
    assert not second.page.cssselect("time")
    assert body_text(first) == body_text(second)


def test_an_empty_listing_looks_like_a_listing_and_lists_nothing(bad: MisbehavingMinistry) -> None:
    bad.misbehave("/briefings/", empty_listing())
    page = Reply(bad, "/briefings/").page
    assert page.cssselect(".briefings")
    assert links(page) == []


def test_a_repeated_listing_never_ends_and_shows_nothing_new(bad: MisbehavingMinistry) -> None:
    first = links(Reply(bad, "/briefings/").page)
    bad.misbehave("/briefings/", repeated_listing())
    bad.misbehave("/briefings/page/*", repeated_listing())
    for path in ("/briefings/", "/briefings/page/4", "/briefings/page/4000"):
        page = Reply(bad, path).page
        assert links(page) == first
        assert page.cssselect("a[rel=next]")


def test_an_endless_calendar_has_a_briefing_on_every_day_and_a_link_to_the_day_before(
    bad: MisbehavingMinistry,
) -> None:
    bad.misbehave("/briefings/by-date/*", endless_calendar())
    path = "/briefings/by-date/02.01.1900"
    for _ in range(3):
        page = Reply(bad, path).page
        (document,) = links(page)
        assert Reply(bad, document).page.cssselect(".document__body")
        path = str(page.cssselect("a[rel=next]")[0].get("href"))
    assert path == "/briefings/by-date/30.12.1899"


def test_a_gzip_bomb_is_small_until_it_is_unpacked(bad: MisbehavingMinistry) -> None:
    bad.misbehave(DOCUMENT, gzip_bomb(mebibytes=16))
    reply = Reply(bad, DOCUMENT)
    assert reply.header("Content-Encoding") == "gzip"
    assert len(reply.body) < 1 << 15
    assert len(gzip.decompress(reply.body)) == 16 << 20


def test_a_copy_is_the_same_document_under_another_address(bad: MisbehavingMinistry) -> None:
    bad.misbehave("/en/briefings/105", copy_of(DOCUMENT))
    assert body_text(Reply(bad, "/en/briefings/105")) == body_text(Reply(bad, DOCUMENT))


def test_a_document_published_again_under_another_number_is_listed_twice(bad: MisbehavingMinistry) -> None:
    bad.publish(replace(bad.document("/briefings/114"), id=905))
    assert body_text(Reply(bad, "/briefings/905")) == body_text(Reply(bad, "/briefings/114"))
    assert {"/briefings/905", "/briefings/114"} <= set(links(Reply(bad, "/briefings/").page))


def test_robots_txt_can_forbid_the_documents(bad: MisbehavingMinistry) -> None:
    bad.misbehave("/robots.txt", robots_forbid())
    robots = urllib.robotparser.RobotFileParser()
    robots.parse(Reply(bad, "/robots.txt").text.splitlines())
    assert not robots.can_fetch("podium", bad.base + DOCUMENT)
    assert robots.can_fetch("podium", f"{bad.base}/feed.xml")


def test_nothing_is_printed_however_the_site_misbehaves(
    bad: MisbehavingMinistry, capfd: pytest.CaptureFixture[str]
) -> None:
    bad.misbehave(DOCUMENT, truncated())
    bad.misbehave("/", slow_drip(pause=0.01, size=1))
    with pytest.raises(http.client.IncompleteRead):
        Reply(bad, DOCUMENT)
    host = urlsplit(bad.base)
    connection = http.client.HTTPConnection(str(host.hostname), host.port, timeout=10)
    connection.request("GET", "/")
    connection.close()
    time.sleep(0.2)
    assert capfd.readouterr() == ("", "")
