"""How things are shown: the templates, and the forms of days, languages, passages and addresses in them.

Whatever a template prints is cleaned of control characters and marks of direction, then escaped: `inert` stands
before every value, so that no template can forget it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from urllib.parse import quote

from babel import Locale, UnknownLocaleError
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from storage.transcript import GUESSED_DATE, MONTHS, clean


def inert(value: object) -> object:
    """A value as it may be printed. The spaces at both ends of a text stay, since it may be a part of one."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    text = clean(value)
    return f"{' ' * value[:1].isspace()}{text}{' ' * value[-1:].isspace()}" if text else " " * bool(value)


def direction(language: str | None) -> str:
    """The direction of a language's script, as HTML names it; of one that nobody knows a browser looks itself."""
    try:
        return str(Locale.parse(language or "").text_direction)
    except (UnknownLocaleError, ValueError):
        return "auto"


def tongue(language: str | None) -> Markup:
    """The attributes of an element that holds text in a language."""
    named = Markup('lang="{}" ').format(clean(language)) if language else Markup()
    return named + Markup('dir="{}"').format(direction(language))


def language_name(code: str) -> str:
    """A language's English name, or its code where that is all that is known."""
    return str(Locale("en").languages.get(code, code))


def spelt(day: dt.date) -> str:
    """A day for people: ``20 March 2026``."""
    return f"{day.day} {MONTHS[day.month - 1].capitalize()} {day.year}"


def moment(when: dt.datetime) -> str:
    """A moment for people, to the minute."""
    return f"{spelt(when.astimezone(dt.UTC))}, {when.astimezone(dt.UTC):%H:%M} UTC"


def several(count: int, word: str, many: str = "") -> str:
    """A number of things: ``1 turn``, ``1,200 turns``."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"


def marked(passage: str, marks: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """A passage in parts, each with whether it is marked."""
    parts, at = [], 0
    for start, end in marks:
        parts += [(passage[at:start], False), (passage[start:end], True)]
        at = end
    return [part for part in [*parts, (passage[at:], False)] if part[0]]


def on_the_web(url: str) -> bool:
    """Whether an address is one that a browser may be sent to; others are shown as text."""
    return url.startswith(("http://", "https://"))


def guessed(doubts: Sequence[str]) -> bool:
    """Whether the date of a document with these doubts is a guess."""
    return GUESSED_DATE in doubts


def part(text: str) -> str:
    """A text as one part of an address's path."""
    return quote(text, safe="")


def environment() -> Environment:
    """The templates of the reading room."""
    made = Environment(
        loader=PackageLoader("storage.web"),
        autoescape=True,
        finalize=inert,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"direction": direction, "tongue": tongue, "several": several}
    made.filters |= {
        "spelt": spelt,
        "moment": moment,
        "marked": marked,
        "language_name": language_name,
        "part": part,
    }
    made.tests |= {"on_the_web": on_the_web, "guessed": guessed}
    return made
