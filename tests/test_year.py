"""The year at a glance, in a terminal and as a picture."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from flows import plan
from flows.picture import svg
from flows.year import BLOCKS, SourceYear, column, read_year, weeks, year_days
from storage.database import Database
from tests.bureau import TODAY, Bureau, day, settings_of

SVG = "{http://www.w3.org/2000/svg}"


def ministry(name: str = "Ministry", today: dt.date = TODAY) -> SourceYear:
    """A year with each kind of day."""
    return SourceYear(
        "ministry",
        name,
        today,
        Counter({dt.date(2026, 1, 5): 1, dt.date(2026, 1, 14): 9}),
        frozenset(dt.date(2026, 1, n) for n in range(5, 26)),
        Counter({dt.date(2026, 1, 7): 2, dt.date(2026, 2, 3): 1}),
    )


def lines(*years: SourceYear, year: int = 2026, width: int = 100) -> list[str]:
    return [line.plain for line in weeks(year, years, width)]


def test_a_day_holds_documents_or_is_proved_empty_or_nobody_looked(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)
    bureau = Bureau(database)
    bureau.publish(day(3))
    bureau.publish(dt.date(2025, 12, 31))
    run = bureau.run("backfill", day(4), day(2))
    bureau.lose(run, "failed", "HTTP 503", day(2))
    bureau.lose(run, "failed", "HTTP 503")
    settings = settings_of(database_url, tmp_path / "sources", "ministry")
    (found,) = read_year(database, settings, 2026)
    assert found.name == "Ministry of Ferries & Bridges"
    marks = {number: found.mark(day(number)) for number in (-1, 0, 2, 3, 4, 5)}
    assert marks == {-1: "to-come", 0: "unproved", 2: "empty", 3: "documents", 4: "empty", 5: "unproved"}
    assert found.documents == {day(3): 1} and found.lost == {day(2): 1}
    assert found.summary(year_days(2026)) == (
        "1 document on 1 day, 2 days proved empty, 76 days never looked at, 1 page not read"
    )
    assert read_year(database, settings, 2024)[0].documents == {}


def test_a_week_is_one_sign_as_high_as_its_share_of_the_busiest() -> None:
    head, line = lines(ministry())
    assert head.split()[:3] == ["Jan", "Feb", "Mar"]
    name, signs = line[:9], line[9:62]
    assert name == "ministry "
    assert signs[:12] == "?▁█·?!??????"
    assert set(signs[12:]) == {" "}
    assert line.endswith("     10") and BLOCKS[-1] == "█"


def test_what_a_narrow_terminal_gets_is_cut_and_loses_no_week() -> None:
    for width in (1, 40, 60, 80):
        got = lines(ministry(today=dt.date(2026, 12, 31)), width=width)
        assert max(map(len, got)) <= max(width, 29)
        assert sum(len(line[9:-7]) for line in got if line.startswith("ministry")) == 53
    assert lines() == lines(year=2026)


@pytest.mark.parametrize("year", [2012, 2023, 2026, 2028])
def test_every_day_of_a_year_has_a_place_of_its_own(year: int) -> None:
    places = {(column(each), each.weekday()) for each in year_days(year)}
    assert len(places) == len(year_days(year))
    assert max(week for week, _ in places) <= 53


def test_the_picture_says_in_words_and_shapes_what_it_shows_in_colours() -> None:
    root = ElementTree.fromstring(svg(2026, [ministry()]))
    assert root.get("role") == "img"
    title, told = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None and title.text == "Documents by day of publication, 2026"
    assert told is not None and told.text is not None
    assert "Ministry (ministry): 10 documents on 2 days" in told.text
    days = {
        str(group.findtext(f"{SVG}title")): [shape.get("class") for shape in group][1:]
        for group in root.iter(f"{SVG}g")
        if group.find(f"{SVG}title") is not None
    }
    assert days["2026-01-05: 1 document"] == ["l1"]
    assert days["2026-01-14: 9 documents"] == ["l4"]
    assert days["2026-01-06: proved empty"] == ["dot"]
    assert days["2026-01-07: proved empty, 2 not read"] == ["dot", "lost"]
    assert days["2026-02-03: never looked at, 1 not read"] == ["unproved", "lost"]
    assert len(days) == (TODAY - dt.date(2026, 1, 1)).days + 1
    text = svg(2026, [ministry()])
    assert "prefers-color-scheme: dark" in text
    for legend in ("1", "2 to 3", "4 to 7", "8 or more", "proved empty", "never looked at"):
        assert f">{legend}</text>" in text


def test_a_name_cant_break_the_picture() -> None:
    wild = "<script>alert(1)</script> & \x1b[31m ]]> \"'"
    text = svg(2026, [ministry(wild)])
    ElementTree.fromstring(text)
    assert "<script" not in text and "\x1b" not in text


def test_a_picture_of_nothing_says_so_and_asks_nobody_for_anything() -> None:
    text = svg(2026, [])
    assert "There is no source here yet." in text
    ElementTree.fromstring(text)
    assert not re.search(r"href|url\(|@import", svg(2026, [ministry()]))
