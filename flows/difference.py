"""The difference of two stored texts as a person reads it: in a terminal, in plain text, or as a page of HTML.

What differs is `storage.diff`'s to say. The texts come from pages of the web: they are cleaned before a terminal
gets them; a page's template escapes them.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from flows.terminal import plain, write
from storage import lookup
from storage.diff import Change, compare
from storage.models import Correction, Revision
from storage.sections import Section, sections
from storage.transcript import Transcript, from_dict

NOTHING = "No word of date, title or turns differs."


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two texts, and the capture that it was read from."""

    name: str
    url: str
    captured: dt.datetime
    digest: str
    transcript: Transcript

    @property
    def moment(self) -> str:
        """When it was captured, for people."""
        return f"{self.captured:%Y-%m-%d %H:%M:%S} UTC"


def side(revision: Revision) -> Side:
    """A revision as one side; its session must be open."""
    return Side(
        f"{revision.transcript.source}/{revision.transcript.key}, revision {revision.number}",
        revision.capture.url,
        revision.capture.fetched_at,
        revision.capture.digest,
        lookup.transcript_of(revision),
    )


def correction(revision: Revision, last: Correction) -> tuple[Side, Side]:
    """What a revision was before its last correction and what it is now; its session must be open."""
    now = side(revision)
    return (
        replace(now, name=f"{now.name}, extractor {last.extractor}", transcript=from_dict(last.text)),
        replace(now, name=f"{now.name}, extractor {revision.extractor}"),
    )


# --- in a terminal -------------------------------------------------------------------------------

Line = tuple[str | Change, ...]
"""Parts of a line: our own words, and passages of the texts."""

INDENT = "  "
STYLES = {"kept": "", "removed": "red strike", "added": "green underline"}


def show(old: Side, new: Side) -> None:
    """Print what differs: in colour in a terminal, as ``[-removed-]{+added+}`` elsewhere."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if not (sys.stdout.isatty() and console.color_system):
        for line in lines(old, new):
            write("".join(plain(str(part)) if isinstance(part, Change) else part for part in line) + "\n")
        return
    for line in lines(old, new):
        shown = Text(style="" if line[0] == INDENT else "bold")
        for part in line:
            if isinstance(part, Change):
                for piece in part.pieces:
                    shown.append(_spaced(piece.text), STYLES[piece.kind])
            else:
                shown.append(part)
        console.print(shown)


def lines(old: Side, new: Side) -> Iterator[Line]:
    """What differs, line by line."""
    for word, one in (("before", old), ("after", new)):
        yield (f"{word}: {plain(f'{one.name}, captured {one.moment}, {one.digest}, {one.url}')}",)
    found = _sections(old, new)
    for section in found:
        told = [part for told in (section.label, section.remark) if told for part in (", ", told)]
        yield (section.heading, *told, ":" * bool(section.passages))
        for passage in section.passages:
            yield INDENT, passage
    if not found:
        yield (NOTHING,)


def _sections(old: Side, new: Side) -> list[Section]:
    """What differs: of two readings of one capture the details too."""
    captures = [(one.url, one.captured, one.digest) for one in (old, new)]
    return list(sections(compare(old.transcript, new.transcript, readings=captures[0] == captures[1])))


def _spaced(text: str) -> str:
    """Text that a terminal shows and doesn't obey, with the space it begins with."""
    return " " * text.startswith(" ") + plain(text)


# --- as a page -----------------------------------------------------------------------------------


def page(title: str, pairs: Iterable[tuple[Side, Side]], lead: Sequence[str] | None = None) -> str:
    """A page of HTML that shows what differs and needs nothing else: no script, no other file.

    Args:
        title: of the page; a reader sees it where there is a lead, and else the texts' own.
        pairs: before and after.
        lead: lines above them.
    """
    from storage.web.display import environment

    found = ((old, new, _sections(old, new)) for old, new in pairs)
    template = environment().get_template("difference.html")
    return template.render(title=title, lead=lead, pairs=found, nothing=NOTHING)
