"""Sources: every file of ours is whole, and a wrong one is refused by its file, line and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crawler.page import Page, extract
from crawler.source import Source, SourceError, source_of
from crawler.source_files import BUILT_IN, load_source, load_sources
from crawler.suggest import suggest

GOOD = """\
# A ministry.
id = "here"
name = "Ministry"
hosts = ["example.org"]
language = "en"
timezone = "Europe/Lisbon"
document = '^https?://(?:www\\.)?example\\.org/news/(?P<id>\\d+)'

[checked]  # when and against what
on = 2026-11-23
against = "an invented page"
live = false

[[discover]]  # the newest
kind = "feed"
url = "https://example.org/feed"

[[discover]]
kind = "listing"
url = "https://example.org/news"
page = "https://www.example.org/news/{page}"
pages = 'of (\\d+)'
item = "li.item"
date = "time"
date_format = "%d/%m/%y"

[[ discover ]]
kind = "calendar"
url = "https://example.org/on/{date:%d.%m.%Y}"
item = "li.item"

[[layout]]
name = "old"
title = ["h1"]
date = [".date"]
body = [".body"]

[[layout]]
name = "new"
title = ["h1"]
date = [".date"]
body = [
  ".body",
]
"""

BUILT_INS = sorted(BUILT_IN.glob("*.toml"), key=lambda path: path.stem)


def written(folder: Path, text: str, name: str = "here") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def source(folder: Path, **facts: str) -> Source:
    """The good source with some of its top-level lines replaced."""
    text = GOOD
    for key, value in facts.items():
        text = re.sub(rf"^{key} = .*$", lambda _: f"{key} = {value}", text, count=1, flags=re.MULTILINE)  # noqa: B023
    return load_source(written(folder, text))


@pytest.mark.parametrize("path", BUILT_INS, ids=lambda path: path.stem)
def test_a_built_in_source_loads_and_says_what_it_was_checked_against(path: Path) -> None:
    loaded = load_source(path)
    assert loaded.id == path.stem
    assert loaded.checked.against.strip()
    assert not loaded.loopback
    assert path.read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize("path", BUILT_INS, ids=lambda path: path.stem)
def test_no_discovery_page_of_a_built_in_source_is_taken_for_a_document(path: Path) -> None:
    loaded = load_source(path)
    for entry in loaded.discover:
        assert loaded.key(entry.url) is None, entry.url


def test_a_whole_file_loads(tmp_path: Path) -> None:
    loaded = load_source(written(tmp_path, GOOD))
    assert [entry.kind for entry in loaded.discover] == ["feed", "listing", "calendar"]
    assert [layout.name for layout in loaded.layout] == ["old", "new"]


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        # at the top
        ('name = "Ministry"', 'name = "Ministry"\nnmae = "x"', 4, "nmae"),
        ('name = "Ministry"\n', "", 1, "name"),  # though a layout has a key of that name
        ('name = "Ministry"', "name = 3", 3, "name"),
        ('id = "here"', 'id = "elsewhere"', 2, "id"),
        ('id = "here"', 'id = "Not An Id"', 2, "id"),
        ('"en"', '"english"', 5, "language"),
        ("Europe/Lisbon", "Europe/Nowhere", 6, "timezone"),
        ("Europe/Lisbon", "Europe", 6, "timezone"),
        ("(?P<id>", "(?P<id", 7, "document"),
        ('["example.org"]', '["example.org", 3]', 4, "hosts.1"),
        ('["example.org"]', "[]", 4, "hosts"),
        ('["example.org"]', '["example.org", "https://example.org"]', 4, "hosts.1"),
        ('["example.org"]', '["example.org", ".example.org"]', 4, "hosts.1"),
        ('["example.org"]', '["example.org", "example.org:80"]', 4, "hosts.1"),
        ('["example.org"]', '["example.org", "example.org/news"]', 4, "hosts.1"),
        ('["example.org"]', '["example.org", "2001:db8::1"]', 4, "hosts.1"),
        ('["example.org"]', '["example.org", "localhost"]', 4, "hosts"),
        # a table
        ("against = ", "agianst = ", 11, "checked.agianst"),
        ("live = false", "", 9, "checked.live"),
        ("2026-11-23", '"today"', 10, "checked.on"),
        ("[[discover]]  # the newest", "[expect]\nsilent_days = 0\n[[discover]]", 15, "expect.silent_days"),
        ("[[layout]]", "[unheard]\nof = 1\n[[layout]]", 32, "unheard"),
        # one of several tables
        ("example.org/feed", "example.net/feed", 16, "discover.0.url"),
        ("https://example.org/feed", "not an address", 16, "discover.0.url"),
        ("https://example.org/feed", "ftp://example.org/feed", 16, "discover.0.url"),
        ('kind = "feed"', 'kind = "fed"', 15, "discover.0.kind"),
        ('kind = "feed"', "", 14, "discover.0.kind"),
        ('kind = "feed"', 'kind = "feed"\nitem = "a"', 16, "discover.0.item"),
        ("www.example.org/news/{page}", "www.example.net/news/{page}", 21, "discover.1.page"),
        ("news/{page}", "news/2", 21, "discover.1.page"),
        ("of (", "of (?:", 22, "discover.1.pages"),
        ('"li.item"\ndate', '"li.item["\ndate', 23, "discover.1.item"),
        ('"li.item"\ndate', '""\ndate', 23, "discover.1.item"),
        ('"time"', "3", 24, "discover.1.date"),
        ("%d/%m/%y", "%d/%m", 25, "discover.1.date_format"),
        ("%d/%m/%y", "%Q", 25, "discover.1.date_format"),
        ("on/{date:%d.%m.%Y}", "on/today", 29, "discover.2.url"),
        ("on/{date:%d.%m.%Y}", "on/{day}", 29, "discover.2.url"),
        ("on/{date:%d.%m.%Y}", "on/{}", 29, "discover.2.url"),
        ("on/{date:%d.%m.%Y}", "on/{date.dya}", 29, "discover.2.url"),
        ('"old"\ntitle = ["h1"]', '"old"\ntitle = "h1"', 34, "layout.0.title"),
        ('"new"\ntitle = ["h1"]', '"new"\ntitle = []', 40, "layout.1.title"),
        ('"new"\ntitle = ["h1"]', '"new"', 38, "layout.1.title"),
        ('  ".body"', '  ".body", ">>"', 42, "layout.1.body.1"),
        ('"new"\n', '"new"\nsince = "long ago"\n', 40, "layout.1.since"),
        # no table at all
        ("[[discover]]  # the newest", "[discovery]", 14, "discovery"),
        ("[checked]  # when and against what", "[[checked]]", 9, "checked"),
    ],
)
def test_a_wrong_file_is_refused_by_line_and_key(
    tmp_path: Path, old: str, new: str, line: int, key: str
) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(SourceError) as caught:
        load_source(path)
    message = str(caught.value)
    assert f"{path}:{line}: {key}: " in message
    assert "\n" not in message


def test_each_wrong_key_is_named_once_in_one_line(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace('"en"', "3").replace("live = false", "live = 7"))
    with pytest.raises(SourceError) as caught:
        load_source(path)
    assert [part.split(": ")[1] for part in str(caught.value).split("; ")] == ["language", "checked.live"]


@pytest.mark.parametrize(
    ("text", "line"),
    [("id = \n", 1), ('id = "x"\n\nname = [1\n', 3), ('id = "x"\nid = "y"\n', 2), ("\n\nnot toml at all", 3)],
)
def test_what_is_not_toml_is_refused_by_line(tmp_path: Path, text: str, line: int) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SourceError, match=rf":{line}: not TOML: ") as caught:
        load_source(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_can_not_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    for path in (binary, folder, tmp_path / "absent.toml"):
        with pytest.raises(SourceError) as caught:
            load_source(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_site_on_this_machine_is_accepted_where_the_file_says_so(tmp_path: Path) -> None:
    local = GOOD.replace("example.org", "localhost").replace("[checked]", "loopback = true\n[checked]")
    assert load_source(written(tmp_path, local)).loopback


def test_a_source_file_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "absent.toml"
    with pytest.raises(SourceError) as told:
        load_source(path)
    assert str(told.value) == f"{path}: No such file or directory"


def test_a_folder_of_sources_adds_to_ours_and_replaces_one(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, GOOD.replace('id = "here"', 'id = "kremlin"'), "kremlin")
    (tmp_path / ".#here.toml").symlink_to("somebody@host.1234")  # an editor has the file open
    sources = load_sources(tmp_path)
    assert set(sources) == {path.stem for path in BUILT_INS} | {"here"}
    assert sources["kremlin"].name == "Ministry"
    with pytest.raises(SourceError, match="no such folder of sources"):
        load_sources(tmp_path / "absent")


def test_the_longest_matching_host_owns_an_address(tmp_path: Path) -> None:
    wide = source(tmp_path)
    narrow = wide.model_copy(update={"id": "narrow", "hosts": ("press.example.org",)})
    for sources in ({"a": wide, "b": narrow}, {"b": narrow, "a": wide}):
        assert source_of("https://press.example.org/1", sources) is narrow
        assert source_of("https://www.press.example.org/1", sources) is narrow
        assert source_of("https://PRESS.example.org:8080/1", sources) is narrow
        assert source_of("https://press2.example.org/1", sources) is wide
        assert source_of("https://example.org/1", sources) is wide
        for stranger in (
            *("https://notexample.org/1", "https://example.org.evil.net/", "https://evil.net/example.org"),
            *("https://example.org@evil.net/", "ftp://example.org/", "example.org", "http://[", ""),
        ):
            assert source_of(stranger, sources) is None, stranger


def test_of_two_sources_on_one_host_a_document_is_its_own(tmp_path: Path) -> None:
    found = {}
    for name in ("en", "ru"):
        text = GOOD.replace('id = "here"', f'id = "{name}x"').replace("/news/(?P", f"/{name}/news/(?P")
        file = tmp_path / f"{name}x.toml"
        file.write_text(text, encoding="utf-8")
        found[name] = load_source(file)
    for sources in (found, dict(reversed(found.items()))):
        for name, each in found.items():
            assert source_of(f"https://example.org/{name}/news/7", sources) is each


def test_a_number_identifies_a_document_however_its_address_is_spelt(tmp_path: Path) -> None:
    here = source(tmp_path)
    for spelling in (
        *("https://example.org/news/7", "http://www.example.org/news/7/", "https://example.org/news/7#top"),
        "https://EXAMPLE.org/news/7?print=1".replace("EXAMPLE", "example"),
    ):
        assert here.key(spelling) == "7"
    assert here.key("https://example.org/news/8") == "8"
    assert here.key("https://example.org/news/") is None


def test_an_address_without_a_number_identifies_a_document_but_for_its_accidents(tmp_path: Path) -> None:
    here = source(tmp_path, document="'/news/'")
    keys = {
        here.key(f"{scheme}://{www}example.org/news/On-Ferries{end}")
        for scheme in ("http", "https")
        for www in ("", "www.")
        for end in ("", "/", "#top", "/#top")
    }
    assert keys == {"example.org/news/On-Ferries"}
    others = {"https://example.org/news/on-ferries", "https://example.org/news/On-Ferries?page=2"}
    assert len({here.key(other) for other in others} | keys) == 3


def test_a_hosts_name_is_one_in_any_case_and_script(tmp_path: Path) -> None:
    file = GOOD.replace('hosts = ["example.org"]', 'hosts = ["Example.ORG", "пресса.example.net"]')
    here = load_source(written(tmp_path, file))
    assert here.hosts == ("example.org", "xn--80aj3aega.example.net")
    for url in (
        "https://пресса.example.net/1",
        "https://xn--80aj3aega.example.net/1",
        "https://EXAMPLE.org/1",
    ):
        assert source_of(url, {"here": here}) is here
    assert source_of("https://прес\u00ad.example.org\ud800/1", {"here": here}) is None


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://evil.net/news/7",
            "https://example.org.evil.net/news/7",
            "https://example.org@evil.net/news/7",
        ),
        *("javascript:'/news/7'", "file:///news/7", "//example.org/news/7", "http://[/news/7", "/news/7"),
        "https://example.org/news/7?" + "x" * 5000,
    ],
)
def test_an_address_off_the_hosts_is_no_document_whatever_its_path(tmp_path: Path, url: str) -> None:
    here = source(tmp_path, document="'/news/(?P<id>\\d+)'")
    assert here.key("https://example.org/news/7") == "7"
    assert here.key(url) is None


# --- a source file's beginning -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "others", "keys"),
    [
        ("/news/1234", ("/news/1235",), 2),
        ("/news/item-77.html", ("/news/item-78.html",), 2),
        # A number that is a date is of all documents of a day.
        ("/news/t20261127_102.html", ("/news/t20261127_103.html", "/news/t20261128_1.html"), 3),
        ("/news/briefing-2026-11-26", ("/news/briefing-2026-11-27",), 2),
        ("/news/20261126.html", ("/news/20261127.html",), 2),
        ("/news/weekly-briefing/", ("/news/another-one/",), 2),
        ("/news/12-march-talks", ("/news/13-march-talks", "/news/fish"), 3),
        ("/2026/11/25/fish-talks/", ("/2026/12/1/boat-talks/",), 2),
        # Below a year numbers begin anew.
        ("/press/2025/1", ("/press/2026/1", "/press/2026/2"), 3),
        ("/новости/паром-а", ("/новости/паром-б", "/%d0%bd%d0%be%d0%b2%d0%be%d1%81%d1%82%d0%b8/%D0%B2"), 3),
        ("/a%20b/17", ("/a%20b/18", "/a%20c/17"), 2),
        ("/it%27s/17", ("/it%27s/18",), 2),
        ("/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8/17", ("/новости/18",), 2),
    ],
)
def test_the_suggested_pattern_fits_each_document_and_tells_them_apart(
    path: str, others: tuple[str, ...], keys: int, tmp_path: Path
) -> None:
    said = "<p>We have said so before, and I say it to you again: this matter is not closed.</p>" * 4
    markup = f"<html><body><h1>Talks of boats</h1><p class='day'>9 May 2021</p>{said}</body></html>"
    page = Page(f"https://www.example.org{path}", markup.encode(), "text/html")
    file = tmp_path / "example.toml"
    text = suggest(page, extract(page, None), "example")
    file.write_text(text, encoding="utf-8")
    found = load_source(file)
    assert len({found.key(f"https://www.example.org{each}") for each in (path, *others)} - {None}) == keys
    assert re.search(r"^document = .* # REVIEW", text, re.MULTILINE)


@pytest.mark.parametrize(
    "named", ["id='post-{}' class='hentry post-{}'", "id='node-{}'", "class='css-{}y'", "class='text'"]
)
def test_a_suggested_layout_fits_another_page_of_the_site(named: str, tmp_path: Path) -> None:
    said = "<p>We have said so before, and I say it to you again: this matter is not closed.</p>" * 4

    def page_of(number: int) -> Page:
        markup = (
            f"<html><body><header>Ministry of Fish</header><article {named.format(number, number)}>"
            f"<h1 id='title-{number}'>Talks of boats {number}</h1><div id='day-{number}'>9 May 2021</div>"
            f"<div {named.format(number, number)}>{said}</div></article></body></html>"
        )
        return Page(f"https://www.example.org/news/{number}", markup.encode(), "text/html")

    file = tmp_path / "example.toml"
    file.write_text(suggest(page_of(17), extract(page_of(17), None), "example"), encoding="utf-8")
    assert extract(page_of(18), load_source(file)).doubts == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/news/ferry", "http://www.example.org/news/ferry/?utm_source=rss&fbclid=7#top"),
        ("https://example.org/news/паром 2", "https://example.org/news/%d0%bf%d0%b0%d1%80%d0%be%d0%bc%202"),
        ("https://example.org/news/i?tt[n]=12&a='b'", "https://example.org/news/i?tt%5bn%5D=12&a=%27b%27"),
        (
            "https://example.org/news/ferry?page=2",
            "https://example.org/news/ferry;jsessionid=1A?utm_id=1&page=2",
        ),
    ],
)
def test_a_document_has_one_key_however_its_address_is_spelt(one: str, other: str, tmp_path: Path) -> None:
    for pattern in ("'/news/'", "'/news/(?P<id>[^?#;]+?)/?(?:[;?#]|$)'"):
        here = source(tmp_path, document=pattern)
        assert here.key(one) == here.key(other) and (here.key(one) or "").isascii()
    assert source(tmp_path, document="'/news/паром'").key(other) == source(
        tmp_path, document="'/news/паром'"
    ).key(one)


def test_an_address_within_another_makes_it_no_document(tmp_path: Path) -> None:
    here = source(tmp_path, document="'/news/(?P<id>t\\d+)'")
    assert here.key("https://example.org/login?return=https%3A%2F%2Fexample.org%2Fnews%2Ft12") is None


def test_what_is_no_counting_stays_in_a_key(tmp_path: Path) -> None:
    here = source(tmp_path, document="'/news'")
    assert here.key("https://example.org/news?id=7&utm=1") == "example.org/news?id=7&utm=1"
    assert here.key("https://example.org/news?id=8&utm=1") != here.key("https://example.org/news?id=7&utm=1")


@pytest.mark.parametrize("charset", ["utf-8", "cp1251"])
def test_a_page_is_suggested_from_as_it_was_read(charset: str, tmp_path: Path) -> None:
    said = "".join(
        f"<p>{word} мы говорили об этом, и я повторю это вам: вопрос о лодках не закрыт.</p>"
        for word in ("Вчера", "Сегодня", "Утром", "Вечером")
    )
    markup = (
        "<html><head><title>О лодках</title><link rel='alternate' type='application/rss+xml' href='https://feeds.other.example/all'>"
        "<link rel='alternate' type='application/rss+xml' href='https://news.example.org/rss'></head><body>"
        "<h2>Министерство</h2><h2 class='headline'>О лодках</h2><span class='day'>9 мая 2021</span>"
        f"<div class='text'>{said}</div></body></html>"
    )
    page = Page("https://www.example.org/news/7", markup.encode(charset), f"text/html; charset={charset}")
    file = tmp_path / "example.toml"
    file.write_text(suggest(page, extract(page, None), "example"), encoding="utf-8")
    (layout,), (feed,) = load_source(file).layout, load_source(file).discover
    assert (layout.title, layout.date, layout.body) == (("h2.headline",), ("span.day",), ("div.text",))
    assert feed.url == "https://news.example.org/rss"  # from another host it could not be fetched
