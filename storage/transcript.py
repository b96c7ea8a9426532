"""The transcript, and the text format it is kept in.

The format is fixed by a sample file: a date line, a title line, then one block a turn, blocks parted by a
blank line::

    25 august / 2017

    Title on one line

    Question: first paragraph of the turn
    second paragraph of the same turn

    Sergey Lavrov: ...

`parse` and `render` are each other's inverse. A `Turn` is always held in canonical form (see `clean`), so
what is built, stored, printed and read back compares equal.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

Role = Literal["question", "answer", "statement", "moderator", "note"]
Kind = Literal["transcript", "statement", "news"]

LABEL_LIMIT = 250
"""Characters in a label. The longest seen on a real page has 194: a title, two offices and a name."""

GUESSED_DATE = "the date is a guess: the page states none"
"""The doubt of a transcript whose date may be that of any day, today's included."""

NO_LAYOUT = "fits the page: read without one"
"""How the doubt ends of a transcript that its source's layouts could not read."""

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)

INVISIBLE = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
"""Soft hyphens, zero-width marks, marks of direction, byte order marks: never part of the words. The joiners
U+200C and U+200D are none, since Persian and Indic words are spelt with them."""
# C0 and C1 controls and lone surrogates, which no text file can hold; white space among them is collapsed.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
# The line a labelled turn starts with: the label ends at the first colon that a space or nothing follows.
_LABELLED = re.compile(rf"(?P<label>(?:(?!: ).){{1,{LABEL_LIMIT}}}?)(?<!:):(?: |$)")
# U+2060 WORD JOINER, invisible and without width, stands before text that only looks labelled. `clean` takes it
# out of every text, so it can mean nothing else.
_UNLABELLED = "\u2060"
_DATE = re.compile(r"(?P<day>[1-9][0-9]?) (?P<month>[a-z]+) / (?P<year>[0-9]{4})")


class FormatError(ValueError):
    """A text that is not in the transcript format; the message names the line."""


def clean(text: str) -> str:
    """Text in canonical form: NFC, no invisible or control characters, white space runs as one space."""
    if text.isascii():
        return " ".join(_CONTROL.sub("", text).split())
    # Twice: dropping a character can bring a letter and its accent together.
    text = _CONTROL.sub("", INVISIBLE.sub("", unicodedata.normalize("NFC", text)))
    return " ".join(unicodedata.normalize("NFC", text).split())


@dataclass(frozen=True, slots=True)
class Turn:
    """What one voice says before the next one speaks.

    Args:
        paragraphs: the text, one string a paragraph; empty ones are dropped.
        label: as the page prints it before the colon, remark included (``Question (in English)``), or None
            for text that nobody is named for. At most `LABEL_LIMIT` characters, with no colon followed by
            a space and none at its end.
        role: what the turn is in the exchange; None where nobody has said. Not part of the text format.
        speaker: the name the label resolves to within the document. Not part of the text format.

    Raises:
        ValueError: the label can't be told from the text it stands before, or the turn is empty.
    """

    paragraphs: tuple[str, ...]
    label: str | None = None
    role: Role | None = field(default=None, compare=False)
    speaker: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        label = clean(self.label) if self.label is not None else None
        if label is not None and (
            not label or len(label) > LABEL_LIMIT or ": " in label or label.endswith(":")
        ):
            raise ValueError(f"not a label: {label[:60]!r}")
        paragraphs = tuple(text for text in map(clean, self.paragraphs) if text)
        if label is None and not paragraphs:
            raise ValueError("a turn without a label needs a paragraph")
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "paragraphs", paragraphs)

    @property
    def text(self) -> str:
        """The paragraphs, one a line."""
        return "\n".join(self.paragraphs)


@dataclass(frozen=True, slots=True)
class Transcript:
    """One briefing, statement or news item, as its page gives it.

    Args:
        date: the page's own date of publication, in the institution's time zone.
        title: the page's headline, on one line.
        turns: in the page's order.
        language: ISO 639-1 code. Like all that follows, not part of the text format.
        kind: ``transcript`` when anyone is named as speaking, else ``statement`` or ``news``.
        event_date: the day of the event, where the page names a different one.
        number: the institution's own number of the document, where it prints one.
        left_out: what stands in the page's body and on purpose in no turn (a table of contents, ...).
        doubts: what a reader should know: two dates that disagree, a label nobody resolved, ...

    Raises:
        ValueError: the title is empty.
    """

    date: dt.date
    title: str
    turns: tuple[Turn, ...]
    language: str | None = field(default=None, compare=False)
    kind: Kind = field(default="news", compare=False)
    event_date: dt.date | None = field(default=None, compare=False)
    number: str | None = field(default=None, compare=False)
    left_out: tuple[str, ...] = field(default=(), compare=False)
    doubts: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        title = clean(self.title)
        if not title:
            raise ValueError("a transcript needs a title")
        object.__setattr__(self, "title", title)


def render(transcript: Transcript) -> str:
    """The transcript in the text format; LF line ends, none at the end of the text.

    Unlabelled text that would read as labelled (``There were two answers: yes and no.``) is printed with an
    invisible U+2060 before it, so that `parse` gives back the same turns.
    """
    day = transcript.date
    blocks = [f"{day.day} {MONTHS[day.month - 1]} / {day.year:04d}", transcript.title]
    for turn in transcript.turns:
        if turn.label is not None:
            blocks.append(f"{turn.label}: {turn.text}" if turn.paragraphs else f"{turn.label}:")
        elif _LABELLED.match(turn.paragraphs[0]):
            blocks.append(_UNLABELLED + turn.text)
        else:
            blocks.append(turn.text)
    return "\n\n".join(blocks)


def parse(text: str) -> Transcript:
    """The transcript that a text in the format holds.

    Args:
        text: as `render` makes it; a byte order mark, CRLF line ends and blank lines at the end are forgiven.

    Raises:
        FormatError: the date line or the title is missing or malformed.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").rstrip("\n").split("\n")
    day = parse_date(lines[0])
    if len(lines) < 3 or clean(lines[1]) or not clean(lines[2]):
        raise FormatError("lines 2 and 3: a blank line and a title on one line are wanted")
    if len(lines) > 3 and clean(lines[3]):
        raise FormatError("line 4: a blank line is wanted after the title")
    turns = []
    for blank, block in groupby(lines[4:], key=lambda line: not clean(line)):
        if blank:
            continue
        first, *rest = block
        match = None if first.startswith(_UNLABELLED) else _LABELLED.match(clean(first))
        if match is None:
            turns.append(Turn((first, *rest)))
        else:
            turns.append(Turn((match.string[match.end() :], *rest), label=match["label"]))
    return Transcript(day, lines[2], tuple(turns))


def as_dict(transcript: Transcript) -> dict[str, Any]:
    """The transcript with all that the text format has no room for, as JSON can hold it."""
    return {
        "title": transcript.title,
        "date": transcript.date.isoformat(),
        "language": transcript.language,
        "kind": transcript.kind,
        "event_date": transcript.event_date.isoformat() if transcript.event_date else None,
        "number": transcript.number,
        "turns": [
            {
                "label": turn.label,
                "role": turn.role,
                "speaker": turn.speaker,
                "paragraphs": list(turn.paragraphs),
            }
            for turn in transcript.turns
        ],
        "left_out": list(transcript.left_out),
        "doubts": list(transcript.doubts),
    }


def from_dict(told: Mapping[str, Any]) -> Transcript:
    """The transcript that `as_dict` made an object of; other keys of it are passed over.

    Raises:
        KeyError, TypeError, ValueError: it is no such object.
    """
    return Transcript(
        date=dt.date.fromisoformat(told["date"]),
        title=told["title"],
        turns=tuple(
            Turn(tuple(turn["paragraphs"]), turn["label"], turn["role"], turn["speaker"])
            for turn in told["turns"]
        ),
        language=told["language"],
        kind=told["kind"],
        event_date=dt.date.fromisoformat(told["event_date"]) if told["event_date"] else None,
        number=told["number"],
        left_out=tuple(told["left_out"]),
        doubts=tuple(told["doubts"]),
    )


def parse_date(line: str) -> dt.date:
    """The date of a line like ``25 august / 2017``.

    Raises:
        FormatError: it is no such line, or no such day.
    """
    match = _DATE.fullmatch(line.strip())
    try:
        if match is None:
            raise ValueError
        return dt.date(int(match["year"]), MONTHS.index(match["month"]) + 1, int(match["day"]))
    except ValueError:
        raise FormatError(f"line 1: a date like '25 august / 2017' is wanted, not {line[:40]!r}") from None
