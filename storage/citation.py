"""Citations of a transcript: APA, Chicago and BibTeX, each with the moment and the digest of the archived page.

A page of the web changes and goes; whoever checks a citation finds by these two the very bytes that were read.
A date that the page does not state is cited as the guess it is.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from storage.transcript import GUESSED_DATE, MONTHS, clean


@dataclass(frozen=True, slots=True)
class Cited:
    """What is cited.

    Args:
        institution: that published it; its name, or the source's id where that is all that is known.
        source, key: of the transcript.
        title: of the page.
        date: of publication.
        url: that the page was read from.
        captured: the moment of that.
        digest: of the archived page.
        guessed: whether the date is a guess.
    """

    institution: str
    source: str
    key: str
    title: str
    date: dt.date
    url: str
    captured: dt.datetime
    digest: str
    guessed: bool = False


def apa(cited: Cited) -> str:
    """As the seventh edition of the APA's manual has a page that may change."""
    day, seen = cited.date, cited.captured
    published = f"{'ca. ' * cited.guessed}{day.year}, {_month(day)} {day.day}"
    retrieved = f"Retrieved {_month(seen)} {seen.day}, {seen.year}, from {_address(cited.url)}"
    title = _ended(cited.title)
    return f"{_ended(cited.institution)} ({published}). {title} {retrieved} ({_archived(cited)})."


def chicago(cited: Cited) -> str:
    """As an entry of a bibliography in the Chicago Manual of Style."""
    day = cited.date
    title = clean(cited.title)
    title = f"“{title}”" if title.endswith(("?", "!", ".", "…")) else f"“{title}.”"
    published = f"{_month(day)} {day.day}, {day.year}"
    published = f"[{published}?]" if cited.guessed else published
    return f"{_ended(cited.institution)} {title} {published}. {_address(cited.url)} ({_archived(cited)})."


def bibtex(cited: Cited) -> str:
    """An entry for BibTeX and biblatex, its key a text's own. A title's commands are text there."""
    day = cited.date
    name = re.sub("[^a-z0-9]+", "-", f"{cited.source}-{cited.key}".lower()).strip("-")[:60].rstrip("-")
    own = hashlib.sha256(
        f"{cited.source}\n{cited.key}\n{cited.digest}".encode("utf-8", "replace")
    ).hexdigest()
    fields = {
        "author": f"{{{_tex(cited.institution)}}}",
        "title": f"{{{_tex(cited.title)}}}",
        "year": f"{day.year:04d}",
        "month": f"{day.month}",
        "date": day.isoformat(),
        "url": _address(cited.url),
        "urldate": f"{cited.captured:%Y-%m-%d}",
        "note": _tex(f"{GUESSED_DATE}; " * cited.guessed + _archived(cited)),
    }
    lines = "".join(f"  {field:<7} = {{{value}}},\n" for field, value in fields.items())
    return f"@misc{{{name}-{own[:8]},\n{lines}}}"


STYLES: dict[str, Callable[[Cited], str]] = {"APA": apa, "Chicago": chicago, "BibTeX": bibtex}
"""The styles by name, in the order in which they are shown."""


def _month(day: dt.date) -> str:
    return MONTHS[day.month - 1].capitalize()


def _archived(cited: Cited) -> str:
    # No number of the revision: it becomes another where an older text is taken in.
    return f"captured {cited.captured:%Y-%m-%d %H:%M:%S} UTC, {clean(cited.digest)}"


def _ended(text: str) -> str:
    """A part of a citation, with the full stop that ends it unless another mark does."""
    text = clean(text)
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."


def _address(url: str) -> str:
    """An address on which nothing can end early: what none has unescaped is escaped."""
    return quote(clean(url), safe="%/:?#[]@!$&'()*+,;=~-._")


# BibTeX counts every brace, one with a backslash too: these come in pairs.
_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{mark: rf"\{mark}" for mark in "#$%&_"},
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(char, char) for char in clean(text))
