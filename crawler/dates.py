"""Dates as pages print them, in the languages of ``languages.toml``.

A date is found in text (``14 May 201713:21``, ``8 мая 2025 года``, ``2020年11月20日``) or in a machine's form
(a ``datetime`` attribute). No clock is read: whether a date lies in the future is for the caller to ask.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from functools import cache
from zoneinfo import ZoneInfo

from crawler.languages import months, words

# Digits may follow a year only as a time of day that lost its space: "14 May 201713:21".
_YEAR = r"(?P<year>(?:19|20)\d\d)(?=\D|\d{1,2}:\d\d|$)"
_ISO = re.compile(
    rf"(?<!\d){_YEAR}(?P<mark>[-./]|\. )(?P<month>0?[1-9]|1[0-2])(?P=mark)(?P<day>0?[1-9]|[12]\d|3[01])(?!\d)"
)
# "31.08.2022", "31/08/2022" and, with spaces, "31. 8. 2022".
_NUMERIC = re.compile(
    rf"(?<![\d.])(?P<one>\d{{1,2}})(?:(?P<mark>[-/])|\.\s?)(?P<two>\d{{1,2}})(?(mark)(?P=mark)|\.\s?){_YEAR}"
)
_IDEOGRAPHIC = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)\s?[年년]\s?(?P<month>1[0-2]|0?[1-9])\s?[月월]\s?(?P<day>3[01]|[12]\d|0?[1-9])\s?[日号號일]"
)
_ERA = re.compile(
    r"(?P<era>平成|令和|民國|民国)\s?(?P<number>\d{1,3}|元)\s?年\s?(?P<month>\d{1,2})\s?月\s?(?P<day>\d{1,2})\s?日"
)
_ERAS = {"平成": 1988, "令和": 2018, "民國": 1911, "民国": 1911}
_STAMP = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.\d+)?\s?"
    r"(?P<zone>(?:Z|UTC|GMT)(?![\w+-])|[+-]\d\d(?::?\d\d)?(?!\d))"
)
# "Thu, 16 May 2024 22:00:00 GMT", as HTTP and feeds have it.
_SENT = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)? (?:GMT|UTC?|[+-]\d{4})(?![\w+-])")

# "12-14 May 2020", "12. – 14. 5. 2020": a range, and not one day.
_RANGE = re.compile(r"\d\.?\s?[-–—]\s?$")
# What parts the word for published from whose a line is before it; the beginning of a line does, too.
_APART = ("", *",;:|/·•-–—()[]")
# What may follow a date at the end of a title: a bracket, "года", "г.".
_TRAIL = re.compile(r"\W*\w{0,4}\W*")
_CLOCK = re.compile(r"\d{1,2}[:.]\d\d|\b[ap]\.?m\b\.?", re.IGNORECASE)

# When a day begins in UTC+14, and when it ends in UTC-12.
_FIRST, _LAST = dt.timedelta(hours=-14), dt.timedelta(hours=36)

BEFORE_DATE = 15
"""Characters between the word for published or updated and the date that it says: " on Monday, "."""
EVENT_BEFORE = dt.timedelta(days=180)
"""A title that names an earlier day than this remembers it: an anniversary, an agreement."""
EVENT_AFTER = dt.timedelta(days=31)
"""Announcements come no longer before."""
DATELINE = 90
"""Characters in a dateline, at most."""

LONGEST = 400
"""Characters of a text that are searched; a date element holds a date, not an essay."""


@cache
def _worded() -> tuple[re.Pattern[str], ...]:
    # Longest first, so that "march" is not read as "mar"; an abbreviation may end in a full stop.
    names = "|".join(sorted(map(re.escape, months()), key=len, reverse=True))
    # "14 أيار/مايو 2024": two calendars' names of one month.
    month = rf"(?P<month>{names})(?![^\W\d_])\.?(?:\s?/\s?(?:{names})(?![^\W\d_]))?"
    day = r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|ª|\.)?[\s,-]{0,3}(?:de |of |den )?"
    day_first = rf"{day}{month}[\s,-]{{0,3}}(?:de |del |of |năm )?{_YEAR}"
    month_first = rf"(?<![^\W\d_]){month}\s*(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s*,?\s*{_YEAR}"
    # "2024. március 5.", "2024 m. kovo 5 d."; and "2024. gada 5. martā".
    year_first = rf"(?<!\d){_YEAR}(?:\.|\s?m\.)\s?{month}\s(?P<day>\d{{1,2}})(?=\.|-[^\W\d_]|\s?d\.|$)"
    of_year = rf"(?<!\d){_YEAR}\.?\s?gada\s(?P<day>\d{{1,2}})\.\s?{month}"
    return tuple(re.compile(form, re.IGNORECASE) for form in (day_first, month_first, year_first, of_year))


EARLIEST = 1900
"""Year. What a machine prints before it was never set (0001-01-01, -0001-11-30); nor was 1970's first second."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def find(text: str, *, month_first: bool = False) -> tuple[dt.date, int, int] | None:
    """The first date in a text, and where it begins and ends.

    Args:
        text: only its first `LONGEST` characters are looked at.
        month_first: how to read ``03/04/2020``, when both numbers could be a month.

    Returns:
        None where there is no date, or only such as are no day of any month.
    """
    text = " ".join(text[: LONGEST * 2].split())[:LONGEST]
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)
    found: list[tuple[int, int, dt.date]] = []

    def keep(match: re.Match[str], year: int, month: int, day: int) -> None:
        try:
            found.append((match.start(), match.end(), dt.date(year, month, day)))
        except ValueError:
            return

    for match in _ISO.finditer(text):
        keep(match, int(match["year"]), int(match["month"]), int(match["day"]))
    for match in _IDEOGRAPHIC.finditer(text):
        keep(match, int(match["year"]), int(match["month"]), int(match["day"]))
    for match in _ERA.finditer(text):
        year = _ERAS[match["era"]] + (1 if match["number"] == "元" else int(match["number"]))
        keep(match, year, int(match["month"]), int(match["day"]))
    for pattern in _worded():
        for match in pattern.finditer(text):
            keep(match, int(match["year"]), months()[match["month"].casefold()], int(match["day"]))
    for match in _NUMERIC.finditer(text):
        one, two = int(match["one"]), int(match["two"])
        day, month = (two, one) if (month_first or two > 12) and one <= 12 else (one, two)
        keep(match, int(match["year"]), month, day)
    if not found:
        return None
    start, end, day_found = min(found, key=lambda hit: (hit[0], -hit[1]))
    return day_found, start, end


def event(
    title: str, opening: Iterable[str], published: dt.date, *, month_first: bool = False
) -> dt.date | None:
    """The day of the event, where a dateline or the title names another day than that of the publication.

    Args:
        title: it may begin or end with a date.
        opening: the first lines of the text; a dateline is a date, and no more beside it than a place and a time.
        published: the date of publication.
        month_first: see `find`.
    """
    day = _dateline(opening, month_first)
    if day is None:
        day = _title_date(title, month_first)
        if day is not None and published - day > EVENT_BEFORE:
            return None
    return day if day is not None and day != published and day - published <= EVENT_AFTER else None


def _dateline(lines: Iterable[str], month_first: bool) -> dt.date | None:
    for text in lines:
        if len(" ".join(text.split())) > DATELINE:
            return None
        day = in_dateline(text, month_first=month_first)
        if day is not None:
            return day
    return None


def in_dateline(text: str, *, month_first: bool = False) -> dt.date | None:
    """The date of a line that holds no more beside it than a place and a time; None for any other line.

    Args:
        text: the line.
        month_first: see `find`.
    """
    line = " ".join(text.split())
    found = find(line, month_first=month_first) if len(line) <= DATELINE else None
    if found is None or _RANGE.search(line, 0, found[1]):
        return None
    beside = _CLOCK.sub(" ", f"{line[: found[1]]}, {line[found[2] :]}")
    return found[0] if ": " not in line and line[-1] not in "?!…" and _is_place(beside) else None


def is_line(text: str) -> bool:
    """Whether a text is a date, with little beside it, or says when a page was published or changed."""
    line = " ".join(text.split())
    found = find(line) if len(line) <= DATELINE else None
    known = words(None)
    if found is None:
        return False
    told = line[-1:] not in tuple(".?!。？！…:：") and (
        told_by(line, found[1])
        or any(
            line.casefold().startswith(word) and found[1] - len(word) <= BEFORE_DATE for word in known.updated
        )
    )
    return told or len(line) - (found[2] - found[1]) <= 30


def told_by(line: str, start: int) -> bool:
    """Whether a line says that what stands at `start` is when a page was published: "by M. Moss, published on".

    The word begins the line or follows a mark: in "On the report published on" it tells of another text.
    """
    before = line[:start].casefold()
    return any(
        before.startswith(word, at) and before[:at].rstrip()[-1:] in _APART
        for word in words(None).published
        if (at := before.rfind(word)) >= 0 and start - at - len(word) <= BEFORE_DATE
    )


def _is_place(text: str) -> bool:
    """Whether a text can be a place, a weekday, a time zone: a few words, the longer ones with a capital."""
    found = re.findall(r"[^\W\d_]+", text)
    known = words(None)
    return (
        len(found) <= 8
        and not any(len(word) > 4 and word[0].islower() for word in found)
        and not any(word.casefold() in known.updated or word.casefold() in known.field for word in found)
        and (sum(map(len, found)) <= 10 or any(word[0].isupper() for word in found))
    )


def _title_date(title: str, month_first: bool) -> dt.date | None:
    found = find(title, month_first=month_first)
    if found is None or len(title) > LONGEST or _RANGE.search(title, 0, found[1]):
        return None
    day, start, end = found
    at_edge = start == 0 or _TRAIL.fullmatch(title, end) is not None
    another = find(title[end:], month_first=month_first)
    return day if at_edge and another is None else None


def stamp(value: str, timezone: str | None = None, *, month_first: bool = False) -> dt.date | None:
    """The day of a machine-readable date, in a time zone where it names an instant.

    Args:
        value: ``2020-05-20T21:30:00Z``, ``Wed, 20 May 2020 21:30:00 GMT``, or any text that `find` understands.
        timezone: the institution's; without one, the day is that of the stamp's own offset.
        month_first: see `find`.
    """
    moment = _instant(value) if timezone is not None else None
    if moment is not None and timezone is not None:
        try:
            return told(moment, ZoneInfo(timezone))
        except OverflowError:
            return None
    found = find(value, month_first=month_first)
    return found[0] if found and found[0].year >= EARLIEST else None


def may_be(value: str, day: dt.date) -> bool:
    """Whether a moment in UTC is one of a day somewhere on Earth: many systems print UTC, wherever they stand."""
    moment = _instant(value)
    if moment is None or moment.utcoffset() != dt.timedelta(0):
        return False
    since = moment - dt.datetime.combine(day, dt.time(), dt.UTC)
    return _FIRST <= since < _LAST


def _instant(value: str) -> dt.datetime | None:
    """The moment that a machine-readable date names; None where it gives no offset from UTC."""
    sent, match = _SENT.search(value[:LONGEST]), _STAMP.search(value[:LONGEST])
    try:
        if match is not None:
            zone = match["zone"] if match["zone"][0] in "+-" else "+00:00"
            return dt.datetime.fromisoformat(f"{match['date']}T{match['time']}{zone}")
        return parsedate_to_datetime(sent[0]) if sent is not None else None
    except ValueError:
        return None


def told(moment: dt.datetime, zone: ZoneInfo) -> dt.date | None:
    """The day of a moment as a machine prints it, in a time zone; None for what one prints where none was set.

    Raises:
        OverflowError: it is the year 1 or 9999, and another one there.
    """
    day = (moment.astimezone(zone) if moment.tzinfo else moment).date()
    unset = day.year < EARLIEST or moment.replace(tzinfo=moment.tzinfo or dt.UTC) == _EPOCH
    return None if unset else day
