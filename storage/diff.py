"""Differences of two texts in words: what was taken out and what was put in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

CONTEXT = 4
"""Words shown on both sides of a change."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change: the words around it, those taken out and those put in."""

    before: str
    removed: str
    added: str
    after: str

    def __str__(self) -> str:
        middle = f"[-{self.removed}-]" * bool(self.removed) + f"{{+{self.added}+}}" * bool(self.added)
        return " ".join(part for part in (self.before, middle, self.after) if part)


def changes(old: str, new: str) -> Iterator[Change]:
    """The changes from one text to another, in order. White space counts for nothing."""
    first, second = old.split(), new.split()
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind != "equal":
            yield Change(
                " ".join(first[max(0, i - CONTEXT) : i]),
                " ".join(first[i:j]),
                " ".join(second[k:m]),
                " ".join(first[j : j + CONTEXT]),
            )
