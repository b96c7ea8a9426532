"""Differences of two texts: the words taken out and those put in, turn by turn where the texts are transcripts.

Words are aligned at those that stand once in both texts, and only what is left between is searched for more: so a
long transcript is compared in time that grows with its length. Nothing here knows how a difference is shown.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise, zip_longest
from typing import Literal, NamedTuple

from storage.transcript import Transcript, Turn
from storage.words import printed, spans

CONTEXT = 4
"""Words shown on both sides of a change."""

REWRITTEN = 3
"""A change this many times as long as the words kept beside it, on both sides of them, takes them in."""

MOST_SEARCHED = 10_000
"""Pairs of words searched for a match where none stands once in both texts; above it they count as replaced."""

MOST_ROUNDS = 20
"""How often the words between two aligned ones are aligned in their turn. Prose needs three or four."""

ALIKE = 0.4
"""The share of their words that two turns have in common at least, to be one turn before and after."""


class Edit(NamedTuple):
    """Words ``start`` to ``end`` of the old text gave way to words ``new_start`` to ``new_end`` of the new one."""

    start: int
    end: int
    new_start: int
    new_end: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of one text, with the white space before them as a space."""

    kind: Literal["kept", "removed", "added"]
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A passage that changed, with some words around it; changes close together are one passage."""

    pieces: tuple[Piece, ...]

    def __str__(self) -> str:
        out, last = "", ""
        for piece in self.pieces:
            words = piece.text.lstrip()
            # What was put in stands right behind what it replaces.
            gap = " " * (len(piece.text) - len(words)) if (last, piece.kind) != ("removed", "added") else ""
            out += gap + {"kept": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}[piece.kind].format(words)
            last = piece.kind
        return out.strip()


@dataclass(frozen=True, slots=True)
class Numbered:
    """A turn with its number in its transcript, from 1."""

    number: int
    turn: Turn


@dataclass(frozen=True, slots=True)
class TurnChange:
    """A turn that changed. Without an old one it was put in whole, without a new one it was taken out whole.

    One that stands on both sides with its label and without changes has the same words in other paragraphs, or
    another `voice`.
    """

    old: Numbered | None
    new: Numbered | None
    changes: tuple[Change, ...] = ()
    voice: tuple[Detail, ...] = ()


@dataclass(frozen=True, slots=True)
class Detail:
    """Something that the text format has no room for and that changed, with what became of each line of it."""

    name: str
    changes: tuple[Change, ...]


DETAILS = ("language", "kind", "event_date", "number", "left_out", "doubts")
VOICE = ("role", "speaker")


@dataclass(frozen=True, slots=True)
class Difference:
    """What tells two transcripts apart; empty where their texts are the same, and the details asked for too."""

    date: tuple[dt.date, dt.date] | None
    title: tuple[Change, ...]
    turns: tuple[TurnChange, ...]
    details: tuple[Detail, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.date or self.title or self.turns or self.details)


def compare(old: Transcript, new: Transcript, *, readings: bool = False) -> Difference:
    """What changed from one transcript to another, its turns in the order of reading.

    Args:
        old, new: the two.
        readings: both were read from one capture: whatever differs was read otherwise, so details and the role and
            speaker of each turn count too. Of two pages they would only repeat what a label says, turn by turn.
    """
    return Difference(
        (old.date, new.date) if old.date != new.date else None,
        tuple(changes(old.title, new.title)) or tuple(_lines_changed([old.title], [new.title])),
        tuple(_turn_changes(old.turns, new.turns, VOICE if readings else ())),
        tuple(_details(old, new, DETAILS if readings else ())),
    )


def _details(old: object, new: object, names: Sequence[str]) -> Iterator[Detail]:
    """What changed of the attributes with these names; nothing has none of them."""
    for name in names:
        was, now = (_lines(getattr(each, name, None)) for each in (old, new))
        if was != now:
            yield Detail(name.replace("_", " "), tuple(_lines_changed(was, now)))


def _lines(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _lines_changed(old: Sequence[object], new: Sequence[object]) -> Iterator[Change]:
    for edit in edits(old, new):
        for was, now in zip_longest(old[edit.start : edit.end], new[edit.new_start : edit.new_end]):
            yield replaced("" if was is None else str(was), "" if now is None else str(now))


def replaced(old: str, new: str) -> Change:
    """A whole text that gave way to another; of none nothing is shown."""
    pieces = (Piece("removed", old), Piece("added", new))
    return Change(tuple(piece for piece in pieces if piece.text))


def changes(old: str, new: str) -> Iterator[Change]:
    """The passages that changed from one text to another, in order. White space counts for nothing."""
    was, now = _Cut(old), _Cut(new)
    close: list[Edit] = []
    for edit in edits(was.words, now.words):
        if close and edit.start - close[-1].end > 2 * CONTEXT:
            yield _passage(was, now, close)
            close = []
        close.append(edit)
    if close:
        yield _passage(was, now, close)


def edits(old: Sequence[object], new: Sequence[object]) -> Iterator[Edit]:
    """What turns one sequence of words into another, in order; between two edits both have the same words.

    A word or two that both happen to have amid a passage that was rewritten are part of the edit.
    """
    last: Edit | None = None
    i = k = 0
    for start, new_start in [*_aligned(old, new), (len(old), len(new))]:
        if (i, k) != (start, new_start):
            edit = Edit(i, start, k, new_start)
            if last and (i - last.end) * REWRITTEN <= min(_size(last), _size(edit)):
                last = Edit(last.start, start, last.new_start, new_start)
            else:
                if last:
                    yield last
                last = edit
        i, k = start + 1, new_start + 1
    if last:
        yield last


def _size(edit: Edit) -> int:
    return max(edit.end - edit.start, edit.new_end - edit.new_start)


# --- passages ------------------------------------------------------------------------------------


class _Cut:
    """A text cut into words, and put together again as it was printed: no space between Chinese characters."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._spans = spans(text)
        self.words = [text[start:end] for start, end in self._spans]

    def __len__(self) -> int:
        return len(self._spans)

    def spaced(self, place: int) -> bool:
        """Whether white space stands before a word."""
        start = self._spans[place][0] if place < len(self) else 0
        return start > 0 and self._text[start - 1].isspace()

    def between(self, start: int, end: int, *, spaced: bool = False) -> str:
        """The words from one to another, with a space before them if there is one or it is asked for."""
        if start >= end:
            return ""
        words = self._text[self._spans[start][0] : self._spans[end - 1][1]]
        return " " * (spaced or self.spaced(start)) + " ".join(words.split())


def _passage(was: _Cut, now: _Cut, close: Sequence[Edit]) -> Change:
    begin, end = max(0, close[0].new_start - CONTEXT), min(len(now), close[-1].new_end + CONTEXT)
    pieces = [Piece("kept", "…" * (begin > 0) + now.between(begin, close[0].new_start))]
    kept_until = [*(edit.new_start for edit in close[1:]), end]
    for edit, until in zip(close, kept_until, strict=True):
        pieces += [
            Piece("removed", was.between(edit.start, edit.end)),
            Piece("added", now.between(edit.new_start, edit.new_end)),
            Piece("kept", now.between(edit.new_end, until, spaced=was.spaced(edit.end))),
        ]
    pieces.append(Piece("kept", " …" * (end < len(now))))
    return Change(tuple(piece for piece in pieces if piece.text))


# --- turns ---------------------------------------------------------------------------------------


def _turn_changes(old: Sequence[Turn], new: Sequence[Turn], voice: Sequence[str]) -> Iterator[TurnChange]:
    i = k = 0
    for at, new_at in [*_same_turns(old, new), (len(old), len(new))]:
        for n in range(i, at):
            yield TurnChange(Numbered(n + 1, old[n]), None, voice=tuple(_details(old[n], None, voice)))
        for n in range(k, new_at):
            yield TurnChange(None, Numbered(n + 1, new[n]), voice=tuple(_details(None, new[n], voice)))
        if at < len(old):
            was, now = Numbered(at + 1, old[at]), Numbered(new_at + 1, new[new_at])
            spoken = tuple(_details(was.turn, now.turn, voice))
            if was.turn != now.turn or spoken:
                yield TurnChange(was, now, tuple(changes(was.turn.text, now.turn.text)), spoken)
        i, k = at + 1, new_at + 1


def _same_turns(old: Sequence[Turn], new: Sequence[Turn]) -> list[tuple[int, int]]:
    """The pairs of turns that are one before and after, in order: those with most in common, label included.

    Where none has, but as many turns with the same labels stand between two such pairs, they were rewritten.
    """
    was, now = ([[f"{turn.label}:", *printed(turn.text)] for turn in turns] for turns in (old, new))
    homes = [n for n, words in enumerate(was) for _ in words]
    new_homes = [n for n, words in enumerate(now) for _ in words]
    aligned = _aligned([word for words in was for word in words], [word for words in now for word in words])
    shared = Counter((homes[i], new_homes[k]) for i, k in aligned)
    # The words are aligned in order, so pairs of turns that share no turn can't cross.
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for (i, k), count in shared.most_common():
        alike = 2 * count / (len(was[i]) + len(now[k]))
        if alike >= ALIKE and i not in pairs and k not in taken:
            pairs[i] = k
            taken.add(k)
    found = sorted(pairs.items())
    for (i, k), (at, new_at) in pairwise([(-1, -1), *found, (len(old), len(new))]):
        between, new_between = range(i + 1, at), range(k + 1, new_at)
        if [old[n].label for n in between] == [new[n].label for n in new_between]:
            found += zip(between, new_between, strict=True)
    return sorted(found)


# --- alignment -----------------------------------------------------------------------------------


def _aligned(old: Sequence[object], new: Sequence[object]) -> list[tuple[int, int]]:
    """The places of words that both have, in the same order."""
    found: list[tuple[int, int]] = []
    waiting = [(Edit(0, len(old), 0, len(new)), 0)]
    while waiting:
        (i, j, k, m), rounds = waiting.pop()
        while i < j and k < m and old[i] == new[k]:
            found.append((i, k))
            i, k = i + 1, k + 1
        while i < j and k < m and old[j - 1] == new[m - 1]:
            j, m = j - 1, m - 1
            found.append((j, m))
        if i == j or k == m:
            continue
        anchors = _anchors(old, new, Edit(i, j, k, m)) if rounds < MOST_ROUNDS else []
        if anchors:
            found += anchors
            for (a, b), (c, d) in pairwise([(i - 1, k - 1), *anchors, (j, m)]):
                waiting.append((Edit(a + 1, c, b + 1, d), rounds + 1))
        elif (j - i) * (m - k) <= MOST_SEARCHED:
            matcher = SequenceMatcher(None, old[i:j], new[k:m], autojunk=False)
            for a, b, size in matcher.get_matching_blocks():
                found += zip(range(i + a, i + a + size), range(k + b, k + b + size), strict=True)
    return sorted(found)


def _anchors(old: Sequence[object], new: Sequence[object], within: Edit) -> list[tuple[int, int]]:
    """The places of words that stand once on each side: as many as are in the same order on both."""
    i, j, k, m = within
    there = _once(new[k:m])
    places = [(i + a, k + there[word]) for word, a in _once(old[i:j]).items() if word in there]
    return _longest_rising(places)


def _once(words: Sequence[object]) -> dict[object, int]:
    """The words that occur once, with their places, in order."""
    count = Counter(words)
    return {word: n for n, word in enumerate(words) if count[word] == 1}


def _longest_rising(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of places in the order of their first number, the most whose second number rises too."""
    # For each length the run that ends lowest: its end, and the run as its last place and the run before that.
    ends: list[int] = []
    runs: list[tuple[tuple[int, int], object]] = []
    for place in places:
        length = bisect_left(ends, place[1])
        run = (place, runs[length - 1] if length else None)
        ends[length : length + 1], runs[length : length + 1] = [place[1]], [run]
    found = []
    rest: object = runs[-1] if runs else None
    while isinstance(rest, tuple):
        place, rest = rest
        found.append(place)
    return found[::-1]
