"""Full text search over the turns of the newest revisions, with the same answers from SQLite and PostgreSQL.

A search is for all of its words. What stands in quotation marks is a phrase, and so is what has no space in it but
several words (``de-escalation``, or a word of a script that parts none); a ``*`` at the end of a word is for all
that begin so; a ``-`` before one excludes it. Anything else is literal, and punctuation is nothing.

The database's index finds turns by their words, and their text decides what the index can't: phrases, and what is
excluded. Both databases compute one rank, so their order is one too. A word that everybody says stands in too many
turns to rank them all: of more than `RANKED` the newest so many are ranked, and the others follow by date.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    Select,
    cast,
    func,
    literal,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session

from storage.database import batches
from storage.index import first_id, past_id
from storage.models import Revision, Searched, Transcript, Turn
from storage.selection import EVERYTHING, SEARCHED_TURN, Selection
from storage.transcript import clean
from storage.words import LONGEST_WORD, placed

LONGEST_QUERY = 2000
"""Characters of a query."""

MOST_TERMS = 50
"""Words and phrases of a query. SQLite takes expressions of 1,000 parts."""

MOST_PROPOSING = 20
"""Words of a query that the index is asked for, the longest first: more of them hardly leave out more turns."""

RANKED = 500
"""Turns that are ranked: the newest that meet a query, where more do. The others follow them by date."""

FEW = 3000
"""Documents whose turns SQLite reads one by one rather than ask its index about all."""

PASSAGE = 300
"""Characters of a turn that a hit shows, about."""

USUAL_LENGTH = 600
"""Characters of a usual turn: a word counts for less in a longer one."""

# A quotation mark opens where no letter is before it and closes where none is after it: between letters, as
# in a Hebrew acronym, it is part of the word.
_TERM = re.compile(
    r"""(?P<minus>(?<!\S)-)?
        (?: (?<!\w)"(?P<phrase>(?:[^"]|(?<=\w)"(?=\w))*)(?:"(?!\w)|$)
          | (?P<word>(?:[^\s"*]|(?<=\w)"(?=\w)|\*(?=\w))+) )
        (?P<star>\*+)?""",
    re.VERBOSE,
)
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))


class SearchError(ValueError):
    """A query that can't be answered; one line that says why."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word or a phrase that is looked for; of a `prefix` the last word only begins so."""

    words: tuple[str, ...]
    prefix: bool = False

    @property
    def pattern(self) -> str:
        """The part of `Searched.words` that it is."""
        return f" {' '.join(self.words)}{'' if self.prefix else ' '}"


@dataclass(frozen=True, slots=True)
class Query:
    """What a text asks for."""

    wanted: tuple[Term, ...]
    excluded: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A turn that was found.

    Args:
        transcript_id: what `storage.lookup.find` finds it by.
        revision: the number of its revision.
        position: of the turn in it, from 0.
        source, key: of the transcript.
        date: of publication.
        title: of the transcript.
        language: of the transcript.
        doubts: about it, such as that its date is a guess.
        label, speaker, role: of the turn.
        passage: what the turn says about the first place of the hit, of one paragraph, cut off at ``…``.
        marks: the places of the hit in the passage, each from and to.
    """

    transcript_id: int
    revision: int
    position: int
    source: str
    key: str
    date: dt.date
    title: str
    language: str | None
    doubts: tuple[str, ...]
    label: str | None
    speaker: str | None
    role: str | None
    passage: str
    marks: tuple[tuple[int, int], ...]


def search(
    session: Session,
    query: str,
    selection: Selection = EVERYTHING,
    *,
    limit: int = 20,
    offset: int = 0,
) -> list[Hit]:
    """The turns that a query finds, the best first, and the newest first among equals and after `RANKED`.

    Args:
        session: to read in, several times: all of one moment, as `storage.database.Database.read` gives it.
        query: what is looked for, as the module's description has it.
        selection: which turns of which documents.
        limit: how many hits at most.
        offset: how many to pass over.

    Raises:
        SearchError: the query has no word to look for, or too many.
    """
    asked = parse(query)
    every = met(session, asked, selection)
    newest = every.add_columns(_rank(asked.wanted).label("rank")).limit(RANKED).subquery()
    ranked = select(newest.c.id).order_by(newest.c.rank.desc(), newest.c.id).limit(limit).offset(offset)
    ids = list(session.scalars(ranked))
    first, end = max(offset, RANKED), offset + limit
    if first < end:
        ids += session.scalars(every.limit(end - first).offset(first))
    found = {
        number: _hit(revision, of, key, turn, asked.wanted)
        for some in batches(ids)
        for number, revision, of, key, turn in session.execute(_told(some))
    }
    return [found[number] for number in ids]


def parse(query: str) -> Query:
    """What a query asks for.

    Raises:
        SearchError: it has no word to look for, or too many.
    """
    if len(query) > LONGEST_QUERY:
        raise SearchError(f"a query has at most {LONGEST_QUERY} characters, not {len(query)}")
    wanted, excluded = dict[Term, None](), dict[Term, None]()
    for found in _TERM.finditer(clean(query).translate(_QUOTES)):
        words = tuple(word[:LONGEST_WORD] for word, _, _ in placed(found["phrase"] or found["word"] or ""))
        if words:
            (excluded if found["minus"] else wanted)[Term(words, bool(found["star"]))] = None
    if not wanted:
        raise SearchError("a search needs a word to look for")
    if len(wanted) + len(excluded) > MOST_TERMS:
        raise SearchError(f"a query has at most {MOST_TERMS} words and phrases")
    return Query(tuple(wanted), tuple(excluded))


# --- in the database -----------------------------------------------------------------------------


def met(session: Session, asked: Query, selection: Selection) -> Select[tuple[int]]:
    """The ids of the rows that meet a query and the filters, the newest first.

    PostgreSQL weighs index and filters. SQLite begins with the index, unless the filters leave few documents.
    """
    words = Searched.words
    query = select(Searched.id).where(
        *selection.of_turns(),
        *(~words.contains(term.pattern, autoescape=True) for term in asked.excluded),
    )
    checked = _unsettled(asked.wanted)
    documents = replace(selection, since=None, until=None).of_documents()  # days are in the rows' numbers
    if documents:
        query = query.join(Revision, Revision.id == Searched.revision_id).where(*documents)
    if selection.role is not None:
        query = query.join(Turn, SEARCHED_TURN)
    number: ColumnElement[int] = Searched.__table__.c.id
    if session.get_bind().dialect.name == "postgresql":
        query = query.where(
            text("searched.searched_words @@ :sought\\:\\:tsquery").bindparams(sought=_tsquery(asked.wanted))
        )
    elif not (documents and _few(session, documents)):
        # From row to row in the index's order: the plus keeps SQLite from asking it for one row at a time.
        number = literal_column("searched_words.rowid", Integer)
        query = query.join(table("searched_words"), Searched.id == literal_column("+searched_words.rowid"))
        query = query.where(text("searched_words MATCH :sought").bindparams(sought=_match(asked.wanted)))
    else:
        checked = asked.wanted
    query = query.where(*(words.contains(term.pattern, autoescape=True) for term in checked))
    if selection.since is not None:
        query = query.where(number < past_id(selection.since))
    if selection.until is not None:
        query = query.where(number >= first_id(selection.until))
    return query.order_by(number)


def _few(session: Session, documents: Sequence[ColumnElement[bool]]) -> bool:
    """Whether conditions leave so few documents that it is quicker to look at every turn of them."""
    some = select(Revision.id).where(*documents).limit(FEW + 1).subquery()
    return session.scalars(select(func.count()).select_from(some)).one() <= FEW


def _told(ids: Sequence[int]) -> Select[tuple[int, Revision, str, str, Turn]]:
    """What hits show of rows."""
    return (
        select(Searched.id, Revision, Transcript.source, Transcript.key, Turn)
        .join(Revision, Revision.id == Searched.revision_id)
        .join(Transcript, Transcript.id == Revision.transcript_id)
        .join(Turn, SEARCHED_TURN)
        .where(Searched.id.in_(ids))
    )


def _tsquery(terms: Sequence[Term]) -> str:
    """Turns with all the words, for PostgreSQL's index; no word has a mark in it that means more."""
    whole, begun = _words(terms)
    return " & ".join([*(f"'{word}'" for word in whole), *(f"'{word}':*" for word in begun)])


def _match(terms: Sequence[Term]) -> str:
    """The same for SQLite's."""
    whole, begun = _words(terms)
    return " AND ".join([*(f'"{word}"' for word in whole), *(f'"{word}" *' for word in begun)])


def _unsettled(terms: Sequence[Term]) -> tuple[Term, ...]:
    """The terms that an index of words leaves open: phrases, and words that it isn't asked for."""
    whole, _ = _words(terms)
    return tuple(term for term in terms if len(term.words) > 1 or not (term.prefix or term.words[0] in whole))


def _words(terms: Sequence[Term]) -> tuple[list[str], list[str]]:
    """The words that the index is asked for, and those that only begin so."""
    whole = {word for term in terms for word in (term.words[:-1] if term.prefix else term.words)}
    begun = {term.words[-1] for term in terms if term.prefix}
    return sorted(whole, key=lambda word: (-len(word), word))[:MOST_PROPOSING], sorted(begun)


def _rank(terms: Sequence[Term]) -> ColumnElement[float]:
    """How much of a turn the terms are. Each counts for less the more often it stands there, as in BM25."""
    words = Searched.words
    length = cast(func.length(words), Float)
    rank: ColumnElement[float] = literal(0.0)
    for term in terms:
        pattern = term.pattern
        times = (length - cast(func.length(func.replace(words, pattern, "")), Float)) / float(len(pattern))
        rank = rank + times / (times + 0.3 + 0.9 * length / float(USUAL_LENGTH))
    return rank


# --- one hit -------------------------------------------------------------------------------------


def _hit(revision: Revision, source: str, key: str, turn: Turn, terms: Sequence[Term]) -> Hit:
    passage, marks = _passage(turn.text, terms)
    return Hit(
        transcript_id=revision.transcript_id,
        revision=revision.number,
        position=turn.position,
        source=source,
        key=key,
        date=revision.date,
        title=revision.title,
        language=revision.language,
        doubts=tuple(revision.doubts),
        label=turn.label,
        speaker=turn.speaker,
        role=turn.role,
        passage=passage,
        marks=marks,
    )


def _passage(said: str, terms: Sequence[Term]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The passage of a turn that has the most of the terms, and their places in it."""
    best, shown, places = 0, "", list[tuple[int, int, Term]]()
    for paragraph in map(clean, said.split("\n")):
        found = _places(paragraph, terms)
        if (count := len({term for _, _, term in found})) > best:
            best, shown, places = count, paragraph, found
    if not places:
        return clean(said)[:PASSAGE], ()
    start, end = _window(shown, *places[0][:2])
    before, after = "…" if start else "", "…" if end < len(shown) else ""
    shift = len(before) - start
    marks = _merged([(at + shift, to + shift) for at, to, _ in places if to <= end])
    return f"{before}{shown[start:end]}{after}", marks


def _places(paragraph: str, terms: Sequence[Term]) -> list[tuple[int, int, Term]]:
    """Where terms stand in a paragraph, in order."""
    words = placed(paragraph)
    at: dict[str, list[int]] = {}
    for index, (word, _, _) in enumerate(words):
        at.setdefault(word[:LONGEST_WORD], []).append(index)
    found = []
    for term in terms:
        first, prefix_only = term.words[0], term.prefix and len(term.words) == 1
        starts = (
            [index for word, places in at.items() if word.startswith(first) for index in places]
            if prefix_only
            else at.get(first, [])
        )
        for index in starts:
            run = words[index : index + len(term.words)]
            if len(run) == len(term.words) and _is(term, [word[:LONGEST_WORD] for word, _, _ in run]):
                found.append((run[0][1], run[-1][2], term))
    return sorted(found, key=lambda place: place[:2])


def _is(term: Term, run: Sequence[str]) -> bool:
    *before, last = term.words
    return list(run[:-1]) == before and (run[-1].startswith(last) if term.prefix else run[-1] == last)


def _window(paragraph: str, first: int, last: int) -> tuple[int, int]:
    """From where to where a passage goes whose first mark is known; it cuts no word that spaces part."""
    start = max(0, first - PASSAGE // 3)
    end = min(len(paragraph), max(start + PASSAGE, last))
    start = min(first, max(0, end - PASSAGE))
    if start and (space := paragraph.find(" ", start, first)) >= 0:
        start = space + 1
    if end < len(paragraph) and (space := paragraph.rfind(" ", last, end)) >= 0:
        end = space
    return start, end


def _merged(marks: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Places without those that lie in others."""
    out: list[tuple[int, int]] = []
    for start, end in marks:
        if out and start < out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return tuple(out)
