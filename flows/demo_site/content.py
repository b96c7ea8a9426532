"""What the ministry publishes: documents, and the transcript that a careful reader takes from each.

`briefings.txt` is written for people. A document is a line ``# number``, ``key: value`` lines, and after a blank
line its paragraphs, parted by blank lines: ``[Label] ...`` starts a turn, ``## ...`` is a heading, ``{-2}`` is
the day two days before publication (``{-2y}``: with its year).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast, get_args
from zoneinfo import ZoneInfo

from storage.transcript import MONTHS, Kind, Role, Transcript, Turn

ZONE = "Etc/GMT-2"
"""Two hours ahead of UTC all year round; the sign is POSIX's."""

PEOPLE = ("Edda Rosk", "Ilse Marand", "Noor Castellan", "Pavo Linde", "Tomas Quill")

Markup = Literal["bold", "outside", "strong", "split", "plain", "capitals"]
"""How a document's page prints its labels: see `pages.label`."""

_DAY = re.compile(r"\{([+-]?\d+)(y?)\}")
_LABELLED = re.compile(r"\[([^\]]+)\] ")
_CONTENT = Path(__file__).with_name("briefings.txt")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or a heading. One with a label starts a turn; a heading ends it and has no label."""

    text: str
    label: str | None = None
    heading: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """One published document.

    Args:
        id: the number in its address.
        published: when, in the ministry's own zone; the date is the transcript's.
        modified: when its text was last changed; until then the same.
        contents: whether a table of contents stands above the text. It is in no turn; nor is the lead.
    """

    id: int
    published: dt.datetime
    modified: dt.datetime
    title: str
    kind: Kind
    blocks: tuple[Block, ...]
    lead: str | None = None
    number: str | None = None
    event_date: dt.date | None = None
    markup: Markup = "bold"
    contents: bool = False

    @property
    def path(self) -> str:
        """Where it stands on the site."""
        return f"/briefings/{self.id}"

    @property
    def date(self) -> dt.date:
        """The day of publication."""
        return self.published.date()

    @property
    def transcript(self) -> Transcript:
        """What is expected of whoever reads its page, word for word."""
        return Transcript(
            date=self.date,
            title=self.title,
            turns=tuple(_turns(self.blocks)),
            language="en",
            kind=self.kind,
            event_date=self.event_date,
            number=self.number,
        )

    def edited(self, old: str, new: str, when: dt.datetime) -> Document:
        """The document with `old` replaced by `new` wherever its title or text has it.

        Raises:
            ValueError: it has it nowhere.
        """
        blocks = tuple(replace(block, text=block.text.replace(old, new)) for block in self.blocks)
        title = self.title.replace(old, new)
        if (title, blocks) == (self.title, self.blocks):
            raise ValueError(f"{self.path}: nothing there reads {old!r}")
        return replace(self, title=title, blocks=blocks, modified=when)


def spelt(day: dt.date) -> str:
    """A day as the ministry writes it: ``9 November 2026``."""
    return f"{day.day} {MONTHS[day.month - 1].capitalize()} {day.year}"


def load_documents(today: dt.date) -> list[Document]:
    """The ministry's documents as of a day, newest first; the last one is of the day before it."""
    chunks = re.split(r"^# ", _CONTENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    documents = [_document(chunk, today) for chunk in chunks]
    return sorted(documents, key=lambda document: document.published, reverse=True)


def _document(chunk: str, today: dt.date) -> Document:
    head, *paragraphs = re.split(r"\n\n+", chunk.strip())
    number, *lines = head.splitlines()
    facts = dict(line.split(": ", 1) for line in lines)
    day = today - dt.timedelta(days=int(facts["days ago"]))
    time = dt.time.fromisoformat(facts["time"])
    published = dt.datetime.combine(day, time, tzinfo=ZoneInfo(ZONE))
    kind, markup = facts["kind"], facts["labels"]
    if kind not in get_args(Kind) or markup not in get_args(Markup):
        raise ValueError(f"{_CONTENT.name}: document {number}: unknown kind or labels")
    return Document(
        id=int(number),
        published=published,
        modified=published,
        title=_dated(facts["title"], day),
        kind=cast(Kind, kind),
        blocks=tuple(_block(_dated(text, day)) for text in paragraphs),
        lead=_dated(facts["lead"], day) if "lead" in facts else None,
        number=f"{1480 + int(number)}-{day:%d-%m-%Y}" if facts["number"] == "yes" else None,
        event_date=day + dt.timedelta(days=int(facts["event"])) if "event" in facts else None,
        markup=cast(Markup, markup),
        contents=facts.get("contents") == "yes",
    )


def _dated(text: str, day: dt.date) -> str:
    """The text on one line, with its days filled in."""

    def written(match: re.Match[str]) -> str:
        then = day + dt.timedelta(days=int(match[1]))
        return spelt(then) if match[2] else spelt(then).rpartition(" ")[0]

    return _DAY.sub(written, " ".join(text.split()))


def _block(text: str) -> Block:
    if text.startswith("## "):
        return Block(text.removeprefix("## "), heading=True)
    match = _LABELLED.match(text)
    return Block(text[match.end() :], label=match[1]) if match else Block(text)


def _turns(blocks: tuple[Block, ...]) -> Iterator[Turn]:
    """A label starts a turn, and so does a heading after a labelled one; all else goes on with the turn before."""
    starts: list[int] = []
    for n, block in enumerate(blocks):
        if not starts or block.label or (block.heading and blocks[starts[-1]].label):
            starts.append(n)
    for start, end in zip(starts, [*starts[1:], len(blocks)], strict=True):
        label = blocks[start].label
        speaker = next((name for name in PEOPLE if label and name in label), None)
        yield Turn(
            tuple(block.text for block in blocks[start:end]),
            label,
            role=_role(label, speaker),
            speaker=speaker,
        )


def _role(label: str | None, speaker: str | None) -> Role | None:
    if label is None:
        return None
    if label == "Moderator":
        return "moderator"
    return "answer" if speaker else "question"
