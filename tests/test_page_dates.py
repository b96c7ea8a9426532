"""Dates, as pages print them."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crawler
from crawler.dates import event, find, stamp, told_by
from crawler.languages import months
from storage.transcript import MONTHS


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("14 May 201713:21", "2017-05-14"),
        ("Published: 2020-11-20", "2020-11-20"),
        ("(2020/11/2)", "2020-11-02"),
        ("8 мая 2025 года", "2025-05-08"),
        ("Wednesday, January 8, 2020", "2020-01-08"),
        ("Sept. 3, 2019", "2019-09-03"),
        ("1st of March 2021", "2021-03-01"),
        ("le 1er mars 2021", "2021-03-01"),
        ("28 de junio de 2021", "2021-06-28"),
        ("31. März 2003", "2003-03-31"),
        ("Wien, 31. 8. 2022 15:11", "2022-08-31"),
        ("31.8. 2022", "2022-08-31"),
        ("2020年11月2日", "2020-11-02"),
        ("令和2年11月2日", "2020-11-02"),
        ("２０２０年１１月２日", "2020-11-02"),
        ("民國109年11月2日", "2020-11-02"),
        ("2020년 11월 2일", "2020-11-02"),
        ("2020. 11. 2.", "2020-11-02"),
        ("12 يناير 2022", "2022-01-12"),
        ("١٢ يناير ٢٠٢٢", "2022-01-12"),
        ("14 أيار/مايو 2024", "2024-05-14"),
        ("Roma, 12 settembre 2020", "2020-09-12"),
        ("12 października 2020 r.", "2020-10-12"),
        ("5 березня 2024 року", "2024-03-05"),
        ("5 Kasım 2024", "2024-11-05"),
        ("5 KASIM 2024", "2024-11-05"),
        ("14 mei 2024", "2024-05-14"),
        ("den 14 maj 2024", "2024-05-14"),
        ("14. toukokuuta 2024", "2024-05-14"),
        ("Αθήνα, 14 Μαΐου 2024", "2024-05-14"),
        ("14. května 2024", "2024-05-14"),
        ("14 Mac 2024", "2024-03-14"),
        ("14 במאי 2024", "2024-05-14"),
        ("31.03.2003", "2003-03-31"),
        ("Wednesday, 25. November 2020", "2020-11-25"),
    ],
)
def test_a_date_is_read_in_the_form_its_language_has(text: str, day: str) -> None:
    found = find(text)
    assert found is not None
    assert found[0] == dt.date.fromisoformat(day)


@pytest.mark.parametrize(
    "text", ["", "May 2020", "31 February 2020", "13:21", "Resolution 2231 (2015)", "12-34-2020"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert find(text) is None


def test_two_small_numbers_are_read_as_the_country_does() -> None:
    assert find("03/04/2020", month_first=True) == (dt.date(2020, 3, 4), 0, 10)
    assert find("03/04/2020") == (dt.date(2020, 4, 3), 0, 10)
    assert find("31/04/2020 or 12/31/2020") == (dt.date(2020, 12, 31), 14, 24)


@pytest.mark.parametrize(
    "unset", ["-0001-11-30T00:00:00+00:00", "0001-01-01T00:00:00Z", "0001-01-01", "1970-01-01T00:00:00Z"]
)
@pytest.mark.parametrize("zone", [None, "America/New_York", "Asia/Tokyo"])
def test_what_a_machine_prints_where_no_date_was_set_is_none(unset: str, zone: str | None) -> None:
    if zone is None and unset.startswith("1970"):
        return  # without a zone it is read as a person's date
    assert stamp(unset, zone) is None


@pytest.mark.parametrize(
    "moment",
    [
        "2020-08-27 23:09:44 UTC",
        "2020-08-27T23:09:44+00",
        "2020-08-27 19:09 -0400",
        "Thu, 27 Aug 2020 23:09:44 GMT",
        "27 Aug 2020 19:09:44 -0400",
    ],
)
def test_an_instant_is_one_however_its_offset_is_printed(moment: str) -> None:
    assert stamp(moment, "Europe/Moscow") == dt.date(2020, 8, 28)
    assert stamp(moment) == dt.date(2020, 8, 27)


@pytest.mark.parametrize(
    "local", ["2020-08-27 23:09:44", "2020-08-27 23:09 UTC+3", "27 Aug 2020 23:09:44 EST"]
)
def test_a_time_whose_offset_is_not_known_is_read_as_it_stands(local: str) -> None:
    assert stamp(local, "Europe/Moscow") == dt.date(2020, 8, 27)


def test_an_instant_belongs_to_the_day_of_its_time_zone() -> None:
    assert stamp("2020-08-27T23:09:44Z", "Europe/Moscow") == dt.date(2020, 8, 28)
    assert stamp("2020-08-27T23:09:44Z") == dt.date(2020, 8, 27)
    assert stamp("2020-08-27", "Europe/Moscow") == dt.date(2020, 8, 27)
    assert stamp("soon", "Europe/Moscow") is None


PUBLISHED = dt.date(2017, 8, 26)


@pytest.mark.parametrize(
    "line",
    [
        "Moscow, 25 August 2017",
        "August 25, 2017",
        "Port Quill, Arcadia; August 25, 2017; 2:16 p.m. EDT",
        "Net Makers' Briefing Room, August 25, 2017 5:22 P.M. EDT",
        "Москва, 25 августа 2017 года",
        "Ciudad de México, 25 de agosto de 2017",
        "2017年8月25日，北京",
        "Part 1. The Harbour, Port Quill, August 25, 2017",
    ],
)
def test_a_dateline_gives_the_day_of_the_event(line: str) -> None:
    assert event("Fish talks", [line, "Good day."], PUBLISHED) == dt.date(2017, 8, 25)
    assert event("Fish talks", ["In the Net Room", line], PUBLISHED) == dt.date(2017, 8, 25)
    assert event("Fish talks", [line], dt.date(2017, 8, 25)) is None


@pytest.mark.parametrize(
    "line",
    [
        "The boats went out on 25 August 2017",
        "Ivan Moss: 25 August 2017",
        "Last updated 25 August 2017",
        "Have you seen August 25, 2017?",
        "Port Quill, 23-25 August 2017",
        "2017年8月25日，渔业部部长在首都会见了来访的外国代表团",
        "On August 25, 2017, the ministers of all the coasts came together in Port Quill to speak of boats.",
        "Port Quill, 25 December 2017",
    ],
)
def test_running_text_gives_no_day(line: str) -> None:
    assert event("Fish talks", [line], PUBLISHED) is None


def test_what_follows_a_long_line_is_no_dateline() -> None:
    assert (
        event("Fish talks", ["The boats go out when the weather allows. " * 4, "25 August 2017"], PUBLISHED)
        is None
    )


@pytest.mark.parametrize(
    ("title", "known"),
    [
        ("Briefing by the spokesperson, Moscow, 25 August 2017", True),
        ("Versión estenográfica. Conferencia, 25 de agosto 2017", True),
        ("2017年8月25日外交部发言人主持例行记者会", True),
        ("Transcript of the weekly briefing (August 25, 2017)", True),
        ("Брифинг, Москва, 25 августа 2017 года", True),
        ("Fish talks", False),
        ("The law of 25 August 2017 on boats is signed", False),
        ("Fish talks, Port Quill, 23-25 August 2017", False),
        ("25 August 2017 and 26 August 2017", False),
        ("In memory of 25 August 1945", False),
    ],
)
def test_a_title_gives_the_day_of_the_event_at_its_edge(title: str, known: bool) -> None:
    assert event(title, [], PUBLISHED) == (dt.date(2017, 8, 25) if known else None)


@given(st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31)))
def test_every_day_is_read_back_from_every_form(day: dt.date) -> None:
    month = MONTHS[day.month - 1].title()
    for text in (f"{day.day} {month} {day.year}", f"{month} {day.day}, {day.year}", day.isoformat()):
        found = find(f"On {text}.")
        assert found is not None
        assert found[0] == day


@given(st.text(max_size=500))
def test_no_text_makes_it_stumble(text: str) -> None:
    find(text)
    stamp(text, "Asia/Tokyo")


def test_no_two_languages_call_different_months_the_same() -> None:
    entries = tomllib.loads((Path(crawler.__file__).parent / "languages.toml").read_text(encoding="utf-8"))
    numbers = months()
    for entry in entries.values():
        for number, names in enumerate(entry["months"], 1):
            assert {numbers[name.casefold()] for name in names.split("|") if name} <= {number}
    assert "" not in numbers and set(numbers.values()) == set(range(1, 13))


@pytest.mark.parametrize(
    "text",
    [
        "2024. március 5.",
        "Budapest, 2024. március 5-én",
        "2024 m. kovo 5 d.",
        "2024. gada 5. martā",
        "ngày 5 tháng 3 năm 2024",
        "5 март 2024 г.",
        "5. марта 2024.",
        "5. ožujka 2024.",
        "5. marca 2024",
        "5. märts 2024",
        "5 मार्च, 2024",
        "५ मार्च २०२४",
    ],
)
def test_a_date_is_read_as_each_language_writes_it(text: str) -> None:
    found = find(text)
    assert found is not None and found[0] == dt.date(2024, 3, 5)


def test_a_year_that_ends_a_sentence_is_not_the_next_dates() -> None:
    found = find("So it was in 2023. March 5, 2024 changed that.")
    assert found is not None and found[0] == dt.date(2024, 3, 5)


@pytest.mark.parametrize(
    "line",
    ["Published on 3 May 2019", "By M. Moss, published on 3 May 2019", "News | Posted 3 May 2019"],
)
def test_a_line_may_say_when_a_page_was_published(line: str) -> None:
    assert told_by(line, line.index("3 May"))


@pytest.mark.parametrize(
    "line",
    ["On the report published on 3 May 2019", "The decree posted 3 May 2019", "Republished 3 May 2019"],
)
def test_when_another_text_was_published_is_not_the_pages_day(line: str) -> None:
    assert not told_by(line, line.index("3 May"))


@pytest.mark.parametrize(
    "title", ["Visit 12. – 14. 5. 2021", "Visit 30. 4. - 2. 5. 2021", "Besuch 12.–14. Mai 2021"]
)
def test_the_last_day_of_a_range_is_no_event(title: str) -> None:
    assert event(title, [], dt.date(2021, 5, 10)) is None
