"""The index that searches look in: the words of every turn of the newest revision of each transcript.

A row of the table `searched` is one turn, its words cut by `storage.words` and parted by spaces, so that a phrase
is a part of that text, in whatever script. Rows are numbered by day, the newest first, so that a search can stop
when it has enough of them. `searched_words` finds the rows that have some words: a column with a GIN index on
PostgreSQL, an FTS5 table on SQLite that triggers keep equal to the rows. Either knows whole words and beginnings,
but no phrases: these `storage.search` finds in the text. Nothing is stemmed and no accent is dropped, since what
is cited is cited as it was said.

The rows can be made again from the revisions at any time.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from storage.database import Database, insert_all
from storage.lookup import newest_numbers
from storage.models import Revision, Searched, Transcript, Turn
from storage.transcript import clean
from storage.words import caseless, paragraphs_of, pointless

LONGEST_TEXT = 250_000
"""Characters of a turn that are indexed: PostgreSQL takes 1 MiB of words, at four bytes a character at most.

No speech is so long: this is some 40,000 words, five hours.
"""

MOST_TURNS = 2**16
"""Turns of a revision that are indexed, and the room that each revision has among the numbers of rows."""

MOST_REVISIONS = 2**25
"""The room that each day has. With that of a revision and all days of Python's calendar it fills 63 bits."""


def row_id(day: dt.date, revision_id: int, position: int) -> int:
    """The number of a turn's row: smaller the newer its day, then the smaller its revision's id and its place."""
    return first_id(day) + revision_id * MOST_TURNS + position


def first_id(day: dt.date) -> int:
    """The least number that a row of a day can have."""
    return (dt.date.max.toordinal() - day.toordinal()) * MOST_REVISIONS * MOST_TURNS


def past_id(day: dt.date) -> int:
    """The least number that is no row's of a day or of a newer one."""
    return first_id(day) + MOST_REVISIONS * MOST_TURNS


def words_of(paragraphs: Iterable[str]) -> str:
    """The words of a turn as the index keeps them: a space on each side of a word, two between paragraphs."""
    return "".join(f" {' '.join(words)} " for words in paragraphs_of(paragraphs))[:LONGEST_TEXT]


@lru_cache(4096)
def name_of(label: str | None, speaker: str | None) -> str:
    """What a turn's speaker is looked for in: the resolved name and the label, without case."""
    return folded(f"{speaker or ''}\n{label or ''}") if speaker != label else folded(speaker or "")


def folded(text: str) -> str:
    """A name as it is compared, line by line: without case, vowel points and the space after an initial.

    One dash stands for all, and one apostrophe.
    """
    lines = (caseless(pointless(clean(line))) for line in text.split("\n"))
    return "\n".join(_AFTER_INITIAL.sub(".", line.translate(_SIGNS)) for line in lines)


_AFTER_INITIAL = re.compile(r"\. +(?=\w)")
_SIGNS = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-") | dict.fromkeys("’‘ʼʻ`´", "'")
)


def keep(session: Session, transcript_id: int) -> None:
    """Make the index hold the newest revision of a transcript, and no other of it."""
    # Whoever else does it for this transcript queues; SQLite's write lock does it there.
    session.execute(
        select(Transcript.id).where(Transcript.id == transcript_id).with_for_update(key_share=True)
    )
    own = select(Revision.id).where(Revision.transcript_id == transcript_id)
    session.execute(
        delete(Searched).where(Searched.revision_id.in_(own)),
        execution_options={"synchronize_session": False},
    )
    newest = own.order_by(Revision.number.desc()).limit(1).scalar_subquery()
    turns = session.execute(
        select(Revision.date, Turn.revision_id, Turn.position, Turn.label, Turn.speaker, Turn.text)
        .join(Revision, Revision.id == Turn.revision_id)
        .where(Turn.revision_id == newest)
        .order_by(Turn.position)
    )
    rows = [dict(row) for row in turns.mappings()]
    add(session, rows, {row["revision_id"]: row["date"] for row in rows})


def add(session: Session, turns: Iterable[Mapping[str, Any]], days: Mapping[int, dt.date]) -> None:
    """Put turns of newest revisions in; the index has none of these revisions yet.

    Args:
        session: to write in.
        turns: rows of `Turn`.
        days: of the revisions, by their ids.
    """
    rows = [
        {
            "id": row_id(days[turn["revision_id"]], turn["revision_id"], turn["position"]),
            "revision_id": turn["revision_id"],
            "position": turn["position"],
            "name": name_of(turn["label"], turn["speaker"]),
            "words": words_of(turn["text"].split("\n")),
        }
        for turn in turns
        if turn["position"] < MOST_TURNS
    ]
    # FTS5 writes to the disk whenever a smaller number follows a larger one.
    insert_all(session, Searched, sorted(rows, key=itemgetter("id")))


def words_in(session: Session, revisions: Collection[int]) -> dict[int, list[list[str]]]:
    """The words of revisions, by id and paragraph: as the index has them, else cut from the turns."""
    found: dict[int, list[list[str]]] = {number: [] for number in revisions}
    held = select(Searched.revision_id, Searched.words).where(Searched.revision_id.in_(revisions))
    cut_off = set[int]()
    for number, words in session.execute(held.order_by(Searched.id)):
        found[number] += [paragraph.split() for paragraph in words.split("  ") if paragraph]
        if len(words) >= LONGEST_TEXT:
            cut_off.add(number)
    for number in [number for number, words in found.items() if not words or number in cut_off]:
        turns = select(Turn.text).where(Turn.revision_id == number).order_by(Turn.position)
        found[number] = paragraphs_of(line for said in session.scalars(turns) for line in said.split("\n"))
    return found


def unindexed(session: Session, revisions: Sequence[Revision]) -> Iterator[Revision]:
    """The revisions among some, loaded with their turns, that the index holds otherwise than it should."""
    ids = [revision.id for revision in revisions]
    owners = [revision.transcript_id for revision in revisions]
    newest = newest_numbers(session, owners)
    there: dict[int, list[tuple[int, int, str, str]]] = {}
    for row in session.scalars(
        select(Searched).where(Searched.revision_id.in_(ids)).order_by(Searched.position)
    ):
        there.setdefault(row.revision_id, []).append((row.id, row.position, row.name, row.words))
    for revision in revisions:
        wanted = [
            (
                row_id(revision.date, revision.id, turn.position),
                turn.position,
                name_of(turn.label, turn.speaker),
                words_of(turn.text.split("\n")),
            )
            for turn in revision.turns[:MOST_TURNS]
            if revision.number == newest[revision.transcript_id]
        ]
        if there.get(revision.id, []) != wanted:
            yield revision


def damage(database: Database) -> str | None:
    """What is wrong with SQLite's own index of the table; None where nothing is, and on PostgreSQL."""
    if database.engine.dialect.name != "sqlite":
        return None
    try:
        with database.write() as session:
            session.execute(
                text("INSERT INTO searched_words (searched_words, rank) VALUES ('integrity-check', 1)")
            )
    except DatabaseError as problem:
        # The check is written as an insert, which nobody may do who can only read.
        if getattr(problem.orig, "sqlite_errorname", "").startswith("SQLITE_READONLY"):
            return None
        if getattr(problem.orig, "sqlite_errorname", "") != "SQLITE_CORRUPT_VTAB":
            raise
        return "searched_words is not the index of the table searched"
    return None


def rebuild(database: Database) -> None:
    """Make SQLite's own index of the table anew."""
    with database.write() as session:
        session.execute(text("INSERT INTO searched_words (searched_words) VALUES ('rebuild')"))
