"""What a reader asks for in an address: its parameters, each within bounds, and addresses that ask likewise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlencode

from storage.selection import LONGEST_FILTER, ROLES, Selection
from storage.transcript import clean

MOST_PAGES = 50
"""Pages of one list. Who would read on is better served by a narrower question, or an export."""


class AskedError(ValueError):
    """A parameter that can't be read; one line that says what is wanted."""


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
    """What the parameters of an address ask for; those nobody knows count for nothing.

    Raises:
        AskedError: one can't be read.
    """
    given = {name: clean(value) for name, value in parameters.items()}
    filters = {name: given.get(name, "") for name in ("source", "language", "speaker", "role")}
    for name, value in filters.items():
        if len(value) > LONGEST_FILTER:
            raise AskedError(f"{name}: at most {LONGEST_FILTER} characters are wanted")
    if filters["role"] and filters["role"] not in ROLES:
        raise AskedError(f"role: one of {', '.join(ROLES)} is wanted")
    since, until = _day(given, "since"), _day(given, "until")
    if since and until and until < since:
        raise AskedError(f"the last day ({until}) lies before the first ({since})")
    return Asked(given.get("q", ""), **filters, since=since, until=until, page=_page(given.get("page", "")))


def day_of(text: str) -> dt.date | None:
    """The day that a text like ``2026-03-20`` names; None where it is none."""
    try:
        return dt.date.fromisoformat(text) if len(text) == len("2026-03-20") else None
    except ValueError:
        return None


def _day(given: Mapping[str, str], name: str) -> dt.date | None:
    if not given.get(name):
        return None
    if (day := day_of(given[name])) is None:
        raise AskedError(f"{name}: a day like 2026-03-20 is wanted")
    return day


def _page(text: str) -> int:
    page = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1 if not text else 0
    if not 1 <= page <= MOST_PAGES:
        raise AskedError(f"page: a number from 1 to {MOST_PAGES} is wanted")
    return page
