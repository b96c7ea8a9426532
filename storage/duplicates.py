"""Near duplicates: what is nearly the same as what, found through the database and decided on the texts.

A revision is compared once, after it was loaded. First the fingerprints of all that is new are committed, then
each is held against every transcript that shares some: so of two texts that two processes load at once, the one
that is compared later sees the other. Nothing is merged or deleted; a link is one more row.

- A *mirror* is the same text with edits: most words of each stand in the other.
- An *excerpt* stands in a longer one.
- A *translation* has the institution's own number of the document in common, and another language.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, joinedload

from storage import index, models
from storage.database import Database, batches, insert_into
from storage.fingerprints import marks_of
from storage.sameness import RUN, SHORT_WORDS

if TYPE_CHECKING:
    from tldextract import TLDExtract

SHARED, SHARED_WITHIN = 0.8, 0.9
"""The least share of a text's words that stand in the other: between two sources, and within one.

Within one source the same words are often a form filled in again: of 556 real pages the notes on a weekly meeting
share up to 77% (95 words), the one true pair, a speech and the report of it, 95%.
"""

COMMON = 50
"""A fingerprint that more other transcripts have is a phrase of the house, and proposes nothing."""

MOST_COMPARED = 20
"""Candidates that are compared, those with the most fingerprints in common first."""

TRANSLATED_DAYS = 31
"""A translation is published within so many days of its original. Numbers may begin anew each year."""

BATCH = 500
"""Revisions that are compared between two commits.

Their fingerprints go to random places of a large index, and each page of it that they touch is written down once.
"""

LOT = 100
"""Revisions whose words are in memory at a time, some 20 MB."""

_Marked = tuple[models.Revision, set[int]]
"""A revision with its fingerprints."""


@dataclass(frozen=True, slots=True)
class Near:
    """That two texts are nearly the same. `first` says whether the first of them is the excerpt."""

    kind: models.LinkKind
    similarity: float | None = None
    first: bool = True


class _Pair(NamedTuple):
    """Two revisions that are nearly the same, the one that is compared first."""

    revision: models.Revision
    other: models.Revision
    near: Near


class Words:
    """A text's words, given by paragraph, ready to be compared with many others."""

    def __init__(self, paragraphs: Iterable[Iterable[str]]) -> None:
        self.words = [word for paragraph in paragraphs for word in paragraph]
        words = self.words
        self._runs = [tuple(words[n : n + RUN]) for n in range(len(words) - RUN + 1)]
        self._set = frozenset(self._runs)

    def share_in(self, other: Words) -> float:
        """The share of the words, 0 to 1, that stand in the other text in runs of at least `RUN`."""
        inside = bytearray(len(self.words))
        for start, run in enumerate(self._runs):
            if run in other._set:
                inside[start : start + RUN] = b"\1" * RUN
        return sum(inside) / len(inside) if inside else 0.0


def nearness(one: Words, other: Words, *, within: bool) -> Near | None:
    """Whether two texts are nearly the same, and how; None where they aren't.

    Args:
        one, other: the texts.
        within: both are of one source.
    """
    if min(len(one.words), len(other.words)) < SHORT_WORDS:
        return None
    least = SHARED_WITHIN if within else SHARED
    ours, theirs = one.share_in(other), other.share_in(one)
    if min(ours, theirs) >= least:
        return Near("mirror", _rounded(min(ours, theirs)))
    if max(ours, theirs) >= least:
        return Near("excerpt", _rounded(max(ours, theirs)), first=ours > theirs)
    return None


def _rounded(share: float) -> float:
    """A share to four places; only that of all the words is 1."""
    return 1.0 if share == 1 else min(round(share, 4), 0.9999)


def compare(database: Database, source: str) -> Iterator[list[models.Link]]:
    """Compare what a source has loaded since it was last compared with the whole archive; a batch at a time.

    Killed half-way, it goes on where it stopped; two at once write each link once. A text that is corrected
    meanwhile is compared again.

    Yields:
        The links that each batch added.
    """
    # One after another: SQLite works in this process, where two threads would only take turns.
    while batch := _uncompared(database, source):
        yield _compare(database, batch)


def _compare(database: Database, batch: Sequence[_Marked]) -> list[models.Link]:
    """Compare a batch; the links that are new."""
    marks = [(revision.transcript_id, own) for revision, own in batch]
    database.write_again(lambda session: remember(session, marks))
    with database.read() as session:
        found = [pair for each in batch for pair in _pairs(session, *each)]
    read = {each.id: _facts(each) for each in (*(own for own, _ in batch), *(pair.other for pair in found))}

    def keep(session: Session) -> list[models.Link]:
        # In one order for all, so that two comparisons never wait for each other crosswise.
        rows = session.execute(
            select(models.Revision.id, *_FACTS)
            .where(models.Revision.id.in_(read))
            .order_by(models.Revision.id)
            .with_for_update(key_share=True)
        )
        same = {number for number, *facts in rows if tuple(facts) == read[number]}
        links = [_link(pair) for pair in found if {pair.revision.id, pair.other.id} <= same]
        links.sort(key=itemgetter("revision_id", "other_id"))
        done = models.Revision.id.in_([own.id for own, _ in batch if own.id in same])
        session.execute(update(models.Revision).where(done).values(compared_at=dt.datetime.now(dt.UTC)))
        return [known for link in links if (known := _add(session, link)) is not None]

    return database.write_again(keep)


_FACTS = (
    models.Revision.digest,
    models.Revision.document_number,
    models.Revision.language,
    models.Revision.date,
)
"""What a revision is compared by."""


def _facts(revision: models.Revision) -> tuple[object, ...]:
    return tuple(getattr(revision, fact.key) for fact in _FACTS)


def _uncompared(database: Database, source: str) -> list[_Marked]:
    """The next revisions that nobody has compared."""
    with database.read() as session:
        found = session.scalars(
            select(models.Revision)
            .join(models.Revision.transcript)
            .where(models.Revision.compared_at.is_(None), models.Transcript.source == source)
            .order_by(models.Revision.id)
            .limit(BATCH)
            .options(joinedload(models.Revision.transcript))
        ).all()
        marked: list[_Marked] = []
        for lot in batches(found, LOT):
            words = index.words_in(session, [revision.id for revision in lot])
            marked += [(revision, marks_of(words[revision.id])) for revision in lot]
    return marked


def remember(session: Session, marks: Iterable[tuple[int, Iterable[int]]]) -> None:
    """Keep the fingerprints of transcripts, given by id; those that are known stay as they are."""
    rows = sorted({(mark, number) for number, own in marks for mark in own})
    if not rows:
        return
    connection = session.connection()
    if connection.dialect.name == "postgresql":  # else each row would be a statement of its own
        hashes, owners = (f"{{{','.join(map(str, column))}}}" for column in zip(*rows, strict=True))
        connection.execute(_ALL_ROWS, {"hashes": hashes, "owners": owners})
    else:
        known = "INSERT INTO fingerprints (hash, transcript_id) VALUES (?, ?) ON CONFLICT DO NOTHING"
        connection.exec_driver_sql(known, rows)


_ALL_ROWS = text(
    "INSERT INTO fingerprints (hash, transcript_id)"
    " SELECT * FROM unnest(CAST(:hashes AS bigint[]), CAST(:owners AS integer[])) ON CONFLICT DO NOTHING"
)


# One statement, however many fingerprints; and a phrase of the house costs no more than a rare one.
_OWNERS = {
    name: text(f"""
        SELECT owners FROM (
          SELECT (SELECT {together} FROM (
                    SELECT transcript_id FROM fingerprints
                    WHERE hash = {mark} AND transcript_id <> :besides LIMIT :most) AS own) AS owners
          FROM {marks} AS mark) AS shared
        WHERE owners IS NOT NULL""")  # noqa: S608 - words of our own
    for name, together, mark, marks in (
        ("sqlite", "group_concat(transcript_id)", "mark.value", "json_each(:marks)"),
        (
            "postgresql",
            "string_agg(transcript_id::text, ',')",
            "mark.value::bigint",
            "json_array_elements_text(:marks)",
        ),
    )
}


def candidates(session: Session, marks: Iterable[int], besides: int = 0) -> list[int]:
    """Transcripts that share fingerprints, those with the most in common first, at most `MOST_COMPARED`.

    Args:
        session: to read in.
        marks: the fingerprints.
        besides: the id of the transcript that they are of, which is left out; 0 if they are of none.
    """
    query = _OWNERS[session.get_bind().dialect.name]
    asked = {"marks": json.dumps(list(marks)), "besides": besides, "most": COMMON + 1}
    shared: Counter[int] = Counter()
    for owners in session.scalars(query, asked):
        numbers = owners.split(",")
        if len(numbers) <= COMMON:
            shared.update(map(int, numbers))
    return sorted(shared, key=lambda number: (-shared[number], number))[:MOST_COMPARED]


def _pairs(session: Session, revision: models.Revision, marks: set[int]) -> Iterator[_Pair]:
    """What is nearly the same as a revision: of each other transcript one revision, the newest that is."""
    numbers = candidates(session, marks, revision.transcript_id)
    own = _words_of(session, revision) if numbers else Words([])
    for number in numbers:
        if (pair := _nearest(session, revision, own, number)) is not None:
            yield pair
    for other in _translations(session, revision):
        yield _Pair(revision, other, Near("translation"))


def _words_of(session: Session, revision: models.Revision) -> Words:
    return Words(index.words_in(session, [revision.id])[revision.id])


def _nearest(session: Session, revision: models.Revision, own: Words, number: int) -> _Pair | None:
    texts = session.scalars(
        select(models.Revision)
        .where(models.Revision.transcript_id == number)
        .order_by(models.Revision.number.desc())
        .options(joinedload(models.Revision.transcript))
        .limit(5)
    )
    for other in texts:
        within = other.transcript.source == revision.transcript.source
        found = nearness(own, _words_of(session, other), within=within)
        if found is not None:
            return _Pair(revision, other, found)
    return None


def _translations(session: Session, revision: models.Revision) -> Sequence[models.Revision]:
    """Revisions of the document in other languages: same number, same institution, about the same day."""
    if not revision.document_number or not revision.language:
        return []
    around = dt.timedelta(TRANSLATED_DAYS)
    rows = session.scalars(
        select(models.Revision)
        .where(
            models.Revision.document_number == revision.document_number,
            models.Revision.language != revision.language,
            models.Revision.transcript_id != revision.transcript_id,
            models.Revision.date.between(
                revision.date - min(around, revision.date - dt.date.min),
                revision.date + min(around, dt.date.max - revision.date),
            ),
        )
        .order_by(models.Revision.transcript_id, models.Revision.number.desc())
        .options(joinedload(models.Revision.capture))
    )
    newest = {row.transcript_id: row for row in reversed(list(rows))}
    home = _institution(session.get_one(models.Capture, revision.capture_id).url)
    return [row for row in newest.values() if _institution(row.capture.url) == home]


def _institution(url: str) -> str:
    """An address's host without what names its languages: the label below the public suffix, and that.

    ``en.kremlin.ru`` is ``kremlin.ru``, and ``www.mfa.gov.by`` is ``mfa.gov.by``: all of a state stands below its
    ``gov``. Only ever compared together with a document's number.
    """
    host = urlsplit(url).hostname or ""
    return _suffixes()(host).top_domain_under_public_suffix or ".".join(host.split(".")[-2:])


@cache
def _suffixes() -> TLDExtract:
    """The list of public suffixes (publicsuffix.org) that comes with the library: nothing is fetched or kept."""
    from tldextract import TLDExtract  # with what it imports a tenth of a second, for few documents

    return TLDExtract(cache_dir=None, suffix_list_urls=())


def _link(pair: _Pair) -> dict[str, Any]:
    """The row of a link."""
    revision, other, near = pair
    first = near.first if near.kind == "excerpt" else revision.id > other.id
    one, two = (revision, other) if first else (other, revision)
    return {
        "revision_id": one.id,
        "other_id": two.id,
        "kind": near.kind,
        "similarity": near.similarity,
        "found_at": dt.datetime.now(dt.UTC),
    }


def _add(session: Session, row: Mapping[str, Any]) -> models.Link | None:
    """Keep a link; None where it is known."""
    return session.scalar(
        insert_into(session, models.Link).values(row).on_conflict_do_nothing().returning(models.Link)
    )
