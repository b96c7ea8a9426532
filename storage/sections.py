"""The sections that a difference is read in: the date, the title and each turn, with what became of it.

A terminal, a page to send and the reading room show the same ones, each in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from storage.diff import Change, Difference, Piece, TurnChange


@dataclass(frozen=True, slots=True)
class Section:
    """One thing that changed: the date, the title or a turn, with its label and what became of it."""

    heading: str
    label: Change | None
    remark: str
    passages: tuple[Change, ...]


def sections(found: Difference) -> Iterator[Section]:
    """What changed, in the order of reading."""
    if found.date:
        old, new = (day.isoformat() for day in found.date)
        yield Section("date", None, "", (Change((Piece("removed", old), Piece("added", new))),))
    if found.title:
        yield Section("title", None, "", found.title)
    for turn in found.turns:
        yield _turn(turn)


def _turn(changed: TurnChange) -> Section:
    old, new = changed.old, changed.new
    if old and new:
        heading = f"turn {new.number}" + f" (was {old.number})" * (new.number != old.number)
        respaced = not changed.changes and old.turn.text != new.turn.text
        remark = "the same words, spaced or parted into paragraphs otherwise" if respaced else ""
        return Section(heading, _replaced(old.turn.label, new.turn.label), remark, changed.changes)
    there, kind, remark = (new, "added", "put in") if new else (old, "removed", "taken out")
    assert there is not None
    return Section(
        f"turn {there.number}",
        _replaced(there.turn.label, there.turn.label),
        remark,
        tuple(Change((Piece(kind, text),)) for text in there.turn.paragraphs),  # type: ignore[arg-type]
    )


def _replaced(old: str | None, new: str | None) -> Change | None:
    """A whole text that gave way to another, or stayed; None where there was and is none."""
    if old == new:
        return Change((Piece("kept", new),)) if new else None
    pieces = (Piece("removed", old or ""), Piece("added", new or ""))
    return Change(tuple(piece for piece in pieces if piece.text))
