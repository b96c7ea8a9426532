"""Whether a source's pages are read as they used to be: a site's new layout shows in what is made of its pages.

The documents of the last days are held against those of the year before. Shares are compared by Fisher's exact
test, numbers by Mann and Whitney's: each says itself how many pages are enough. Of pages that were always read
well three bad ones in a row are; of pages of which a third was always bad it takes dozens.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from storage.coverage import Lost
from storage.models import Appearance, Revision, Turn
from storage.transcript import NO_LAYOUT

RECENT_DAYS, BEFORE_DAYS = 30, 365
"""The days that are judged, and those before them that they are held against."""

MARGIN = 0.15
"""A share has to grow by more than this, however many pages say so."""

CHANCE = 1e-4
"""How likely so large a growth may be by chance: four shares of ten sources each day make 15,000 looks a year."""

TIMES = 2.0
"""A median has to change by this factor, however many documents say so."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was made of the pages of one source in some days.

    Args:
        documents: that were loaded.
        generic: of them read without a layout.
        doubted: of them read with any other doubt.
        speakerless: of them without a speaker who is known by name.
        rejected: pages that were refused and are not kept.
        turns: of each document.
        letters: characters of each document: not every script parts its words.
    """

    documents: int
    generic: int
    doubted: int
    speakerless: int
    rejected: int
    turns: tuple[int, ...]
    letters: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Drift:
    """Something that moved: `before` and `now` are shares from 0 to 1, or medians where `share` is false."""

    what: str
    before: float
    now: float
    share: bool = True

    def __str__(self) -> str:
        if self.share:
            return f"{self.what}: {self.before:.0%} before, now {self.now:.0%}"
        return f"{self.what}: {self.before:.0f} before, now {self.now:.0f}"


def drifts(session: Session, source: str, until: dt.date, lost: list[Lost]) -> list[Drift]:
    """What moved in the last days of a source, beside the year before.

    Args:
        session: to read in.
        source: its id.
        until: the last of the days.
        lost: pages of any source and day that could not be read.
    """
    edge = until - dt.timedelta(RECENT_DAYS - 1)
    begin = edge - dt.timedelta(BEFORE_DAYS)
    refused = [each.day for each in lost if each.source == source and each.disposition == "rejected"]
    read = _read(session, source, begin, until)
    before, now = (
        _sample(
            [row for row in read if first <= row[0] <= last], sum(first <= day <= last for day in refused)
        )
        for first, last in ((begin, edge - dt.timedelta(1)), (edge, until))
    )
    return compare(before, now)


def compare(before: Sample, now: Sample) -> list[Drift]:
    """What is worse now, and medians that moved either way."""
    pages, pages_now = before.documents + before.rejected, now.documents + now.rejected
    shares = [
        ("rejected", before.rejected, pages, now.rejected, pages_now),
        ("read without a layout", before.generic, before.documents, now.generic, now.documents),
        ("read with a doubt", before.doubted, before.documents, now.doubted, now.documents),
        ("without a speaker", before.speakerless, before.documents, now.speakerless, now.documents),
    ]
    out = [
        Drift(what, bad / all_, bad_now / all_now)
        for what, bad, all_, bad_now, all_now in shares
        if all_ and all_now and _grew(bad, all_, bad_now, all_now)
    ]
    medians = [
        ("turns a document", before.turns, now.turns),
        ("characters a document", before.letters, now.letters),
    ]
    return out + [
        Drift(what, median(old), median(new), share=False)
        for what, old, new in medians
        if old and new and _moved(old, new)
    ]


def _grew(bad: int, of: int, bad_now: int, of_now: int) -> bool:
    return bad_now / of_now - bad / of > MARGIN and chance(bad, of, bad_now, of_now) < CHANCE


def chance(bad: int, of: int, bad_now: int, of_now: int) -> float:
    """How likely it is that so many of the bad pages, or more, fall among the newer ones if nothing changed.

    Fisher's exact test, one side: `bad` of `of` pages before, `bad_now` of `of_now` now.
    """
    all_bad, everything = bad + bad_now, of + of_now
    whole = _ways(everything, of_now)
    return sum(
        math.exp(_ways(all_bad, k) + _ways(everything - all_bad, of_now - k) - whole)
        for k in range(bad_now, min(all_bad, of_now) + 1)
    )


def _moved(old: Sequence[int], new: Sequence[int]) -> bool:
    low, high = sorted((median(old), median(new)))
    return high >= TIMES * max(low, 1) and rank_chance(old, new) < CHANCE


def rank_chance(old: Sequence[int], new: Sequence[int]) -> float:
    """How likely it is that the newer numbers stand so far above or below the older ones if nothing changed.

    Mann and Whitney's test in its normal form. A median alone jumps where a source has short and long documents.
    """
    ordered = sorted([*old, *new])
    first: dict[int, int] = {}
    counts = Counter(ordered)
    for at, number in enumerate(ordered):
        first.setdefault(number, at)
    size, of_new = len(ordered), len(new)
    ranks = sum(first[number] + (counts[number] + 1) / 2 for number in new)
    ties = sum(count**3 - count for count in counts.values())
    spread = of_new * len(old) / 12 * (size + 1 - ties / (size * (size - 1)))
    if spread <= 0:
        return 1.0
    away = abs(ranks - of_new * (size + 1) / 2) / math.sqrt(spread)
    return math.erfc(away / math.sqrt(2))


def _ways(of: int, taken: int) -> float:
    """The logarithm of the number of ways to take some of several."""
    return math.lgamma(of + 1) - math.lgamma(taken + 1) - math.lgamma(of - taken + 1)


_Row = tuple[dt.date, list[str], int, int, bool]
"""A document's date, doubts, turns and characters, and whether it has a speaker."""


def _read(session: Session, source: str, since: dt.date, until: dt.date) -> list[_Row]:
    newest = (
        select(Revision.transcript_id, func.max(Revision.number).label("number"))
        .where(
            Revision.transcript_id.in_(
                select(Appearance.transcript_id).where(Appearance.source == source).distinct()
            )
        )
        .group_by(Revision.transcript_id)
        .subquery()
    )
    chosen = (
        select(Revision.id)
        .join(
            newest,
            (newest.c.transcript_id == Revision.transcript_id) & (newest.c.number == Revision.number),
        )
        .where(Revision.date >= since, Revision.date <= until)
        .subquery()
    )
    turns = (
        select(
            Turn.revision_id,
            func.count().label("turns"),
            func.sum(func.length(Turn.text)).label("letters"),
            func.max(case((Turn.speaker.is_not(None), 1), else_=0)).label("speaker"),
        )
        .where(Turn.revision_id.in_(select(chosen.c.id)))
        .group_by(Turn.revision_id)
        .subquery()
    )
    rows = session.execute(
        select(Revision.date, Revision.doubts, turns.c.turns, turns.c.letters, turns.c.speaker).join(
            turns, turns.c.revision_id == Revision.id
        )
    )
    return [(day, doubts, count, int(letters), bool(named)) for day, doubts, count, letters, named in rows]


def _sample(rows: list[_Row], rejected: int) -> Sample:
    without = [any(NO_LAYOUT in doubt for doubt in row[1]) for row in rows]
    return Sample(
        documents=len(rows),
        generic=sum(without),
        doubted=sum(bool(row[1]) and not alone for row, alone in zip(rows, without, strict=True)),
        speakerless=sum(not row[4] for row in rows),
        rejected=rejected,
        turns=tuple(row[2] for row in rows),
        letters=tuple(row[3] for row in rows),
    )
