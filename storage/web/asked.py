"""What a reader asks for in an address: its parameters, each within bounds, and addresses that ask likewise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlencode

from storage.days import WindowError, day_of
from storage.selection import Selection, SelectionError
from storage.transcript import clean

MOST_PAGES = 50
"""Pages of one list. Who would read on is better served by a narrower question, or an export."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A search, or a list of documents where `q` is empty.

    Args:
        q: the query, as `storage.search` has it.
        source, language, speaker, role, since, until: as `Selection` has them; empty or None for any.
        page: of the hits, from 1.
    """

    q: str = ""
    source: str = ""
    language: str = ""
    speaker: str = ""
    role: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    page: int = 1

    @property
    def selection(self) -> Selection:
        """Which turns of which documents are meant."""
        return Selection(
            self.source or None,
            self.language or None,
            self.since,
            self.until,
            self.speaker or None,
            self.role or None,
        )

    @property
    def days(self) -> str:
        """The days that are asked for, in words."""
        first, last = self.since, self.until
        if first and last and (first, last) == (dt.date(first.year, 1, 1), dt.date(first.year, 12, 31)):
            return f"{first.year}"
        return " ".join([f"from {first}"] * bool(first) + [f"until {last}"] * bool(last))

    def link(self, **changes: object) -> str:
        """The address that asks for the same with some changes, on the first page unless they say which."""
        told = asdict(replace(self, **{"page": 1} | changes))  # type: ignore[arg-type]
        if told["page"] == 1:
            del told["page"]
        return "/" + f"?{urlencode({name: value for name, value in told.items() if value})}".rstrip("?")


def asked_in(parameters: Mapping[str, str]) -> Asked:
    """What the parameters of an address ask for; those nobody knows count for nothing, nor do empty ones.

    Raises:
        SelectionError: one can't be read, or is no filter.
        storage.days.WindowError: one is no day, or the last day lies before the first.
    """
    given = _given(parameters)
    since, until = (day_of(given[name]) if name in given else None for name in ("since", "until"))
    asked = Asked(**_words(given), since=since, until=until, page=_page(given.get("page", "1")))
    asked.selection.check()
    return asked


def typed_in(parameters: Mapping[str, str]) -> Asked:
    """What `asked_in` refuses, for the form that is shown once more: only what can't be read is left out."""
    given = _given(parameters)
    days: dict[str, dt.date | None] = dict.fromkeys(("since", "until"))
    for name in days:
        with suppress(KeyError, WindowError):
            days[name] = day_of(given[name])
    return Asked(**_words(given), since=days["since"], until=days["until"], page=1)


def _given(parameters: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, value in parameters.items() if (text := clean(value))}


def _words(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given.get(name, "") for name in ("q", "source", "language", "speaker", "role")}


def _page(text: str) -> int:
    page = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    if not 1 <= page <= MOST_PAGES:
        raise SelectionError(f"there is no page {text!r}: a number from 1 to {MOST_PAGES} is wanted")
    return page
