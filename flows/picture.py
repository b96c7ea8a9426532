"""The year picture: a calendar of each source as SVG, seven weekdays by the weeks of a year.

A day's colour says how many documents it has, and its shape what else is known, so that nobody needs the colours
to tell days without documents apart. It is legible on light and dark grounds, and says in words what it shows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from html import escape
from itertools import pairwise

from flows.year import MONTHS, SourceYear, column, year_days
from storage.coverage import SHADES, shade_of
from storage.transcript import clean

CELL, STEP = 11, 13
"""Pixels of a day, and from one to the next."""

LEFT, TOP = 44, 70
HEAD, BLOCK = 52, 52 + 7 * 13 + 22
"""Pixels above the days of a source, and from one source to the next."""

WIDTH = LEFT + 54 * STEP + 16

# Blues that grow away from the ground in lightness, and vermilion, which no colour blindness takes for blue.
_STYLE = """
svg { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #b6bec7;
  --l1: #b9d7f2; --l2: #6faedf; --l3: #2f7cbd; --l4: #0b3f75; --lost: #c2410c; }
@media (prefers-color-scheme: dark) { svg { --ground: #0d1117; --ink: #f0f6fc; --soft: #9198a1; --line: #4b535d;
  --l1: #1c4468; --l2: #2f78b7; --l3: #74b3e8; --l4: #d6eafc; --lost: #ff9a5c; } }
text { font: 11px system-ui, sans-serif; fill: var(--soft); }
.head { font-size: 18px; font-weight: 600; fill: var(--ink); } .name { font-size: 13px; font-weight: 600; fill: var(--ink); }
.ground { fill: var(--ground); } .l1 { fill: var(--l1); } .l2 { fill: var(--l2); } .l3 { fill: var(--l3); }
.l4 { fill: var(--l4); } .dot { fill: var(--soft); }
.unproved { fill: none; stroke: var(--line); } .lost { fill: none; stroke: var(--lost); stroke-width: 2; }
"""  # noqa: E501


def svg(year: int, sources: Sequence[SourceYear]) -> str:
    """The picture, as the text of an SVG file.

    Args:
        year: such as 2026.
        sources: a year of each; their names may hold anything.
    """
    height = TOP + max(len(sources), 1) * BLOCK
    days = year_days(year)
    told = "; ".join(f"{_named(each)}: {each.summary(days)}" for each in sources) or "no source"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-labelledby="title desc">',
        f'<title id="title">Documents by day of publication, {year}</title>',
        f'<desc id="desc">{told}.</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height}"/>',
        f'<text class="head" x="{LEFT}" y="28">{year}: documents by day of publication</text>',
        *_legend(),
    ]
    for number, each in enumerate(sources):
        out += _calendar(each, days, TOP + number * BLOCK)
    if not sources:
        out.append(f'<text x="{LEFT}" y="{TOP + 20}">There is no source here yet.</text>')
    return "\n".join([*out, "</svg>", ""])


def _calendar(source: SourceYear, days: Sequence[dt.date], top: int) -> Iterable[str]:
    yield "<g>"
    yield f'<text class="name" x="{LEFT}" y="{top + 13}">{_named(source)}</text>'
    yield f'<text x="{LEFT}" y="{top + 29}">{source.summary(days)}</text>'
    for month, name in enumerate(MONTHS, 1):
        first = dt.date(days[0].year, month, 1)
        x = LEFT + (column(first) + (first.weekday() > 0)) * STEP
        yield f'<text x="{x}" y="{top + 46}">{name}</text>'
    for weekday, name in ((0, "Mon"), (2, "Wed"), (4, "Fri")):
        yield f'<text x="{LEFT - 6}" y="{top + HEAD + weekday * STEP + 9}" text-anchor="end">{name}</text>'
    for day in days:
        x, y = LEFT + column(day) * STEP, top + HEAD + day.weekday() * STEP
        shapes = "".join(_day(source, day, x, y))
        if shapes:
            yield f"<g><title>{_told(source, day)}</title>{shapes}</g>"
    yield "</g>"


def _day(source: SourceYear, day: dt.date, x: int, y: int) -> Iterable[str]:
    mark, count = source.mark(day), source.documents[day]
    if mark == "documents":
        yield _box(f"l{shade_of(count)}", x, y)
    elif mark == "empty":
        yield _empty(x, y)
    elif mark == "unproved":
        yield _unproved(x, y)
    if source.lost[day]:
        yield _lost(x, y)


def _box(name: str, x: int, y: int) -> str:
    return f'<rect class="{name}" x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="2"/>'


def _empty(x: int, y: int) -> str:
    return f'<circle class="dot" cx="{x + CELL / 2}" cy="{y + CELL / 2}" r="1.5"/>'


def _unproved(x: int, y: int) -> str:
    return f'<path class="unproved" d="M{x + 2} {y + 2}l{CELL - 4} {CELL - 4}"/>'


def _lost(x: int, y: int) -> str:
    return f'<path class="lost" d="M{x + 1} {y + CELL}h{CELL - 2}"/>'


def _legend() -> Iterable[str]:
    """What the shapes mean, in a row."""
    ranges = [f"{low} to {high - 1}" if high - low > 1 else f"{low}" for low, high in pairwise(SHADES)]
    named: list[tuple[Callable[[int, int], str], str]] = [
        (partial(_box, f"l{number}"), name)
        for number, name in enumerate([*ranges, f"{SHADES[-1]} or more"], 1)
    ]
    named += [(_empty, "proved empty"), (_unproved, "never looked at"), (_lost, "a page could not be read")]
    x = LEFT
    for draw, name in named:
        yield draw(x, 42)
        yield f'<text x="{x + CELL + 5}" y="51">{name}</text>'
        x += CELL + 22 + 6 * len(name)


def _told(source: SourceYear, day: dt.date) -> str:
    count, lost = source.documents[day], source.lost[day]
    words = {
        "documents": f"{count} document{'' if count == 1 else 's'}",
        "empty": "proved empty",
        "unproved": "never looked at",
        "to-come": "to come",
    }[source.mark(day)]
    return f"{day}: {words}{f', {lost} not read' if lost else ''}"


def _named(source: SourceYear) -> str:
    """The source's name, and its id where that is another."""
    return escape(clean(source.name if source.name == source.source else f"{source.name} ({source.source})"))
