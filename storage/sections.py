"""The sections that a difference is read in: date, title, details and each turn, with what became of it.

A terminal, a page to send and the reading room show the same ones, each in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storage.diff import Change, Detail, Difference, Piece, TurnChange, replaced


@dataclass(frozen=True, slots=True)
class Section:
    """One thing that changed: the date, the title, a detail, or a turn with its label; and what became of it."""

    heading: str
    label: Change | None
    remark: Change | None
    passages: tuple[Change, ...]


def sections(found: Difference) -> Iterator[Section]:
    """What changed, in the order of reading."""
    if found.date:
        old, new = (day.isoformat() for day in found.date)
        yield Section("date", None, None, (replaced(old, new),))
    if found.title:
        yield Section("title", None, None, found.title)
    for detail in found.details:
        yield Section(detail.name, None, None, detail.changes)
    for turn in found.turns:
        yield _turn(turn)


def _turn(changed: TurnChange) -> Section:
    old, new = changed.old, changed.new
    if old and new:
        heading = f"turn {new.number}" + f" (was {old.number})" * (new.number != old.number)
        respaced = not changed.changes and old.turn.text != new.turn.text
        words = "the same words, spaced or parted into paragraphs otherwise" if respaced else ""
        remark = _remark(words, changed.voice)
        return Section(heading, _labelled(old.turn.label, new.turn.label), remark, changed.changes)
    there, kind, words = (new, "added", "put in") if new else (old, "removed", "taken out")
    assert there is not None
    return Section(
        f"turn {there.number}",
        _labelled(there.turn.label, there.turn.label),
        _remark(words, changed.voice),
        tuple(Change((Piece(kind, text),)) for text in there.turn.paragraphs),  # type: ignore[arg-type]
    )


def _remark(words: str, voice: Sequence[Detail]) -> Change | None:
    """What became of a turn beside its words, on one line; None where nothing did."""
    pieces = [Piece("kept", words)] if words else []
    for detail in voice:
        pieces.append(Piece("kept", f", {detail.name}" if pieces else detail.name))
        pieces += (Piece(piece.kind, f" {piece.text}") for piece in detail.changes[0].pieces)
    return Change(tuple(pieces)) if pieces else None


def _labelled(old: str | None, new: str | None) -> Change | None:
    """A label that gave way to another, or stayed; None where there was and is none."""
    if old == new:
        return Change((Piece("kept", new),)) if new else None
    return replaced(old or "", new or "")
