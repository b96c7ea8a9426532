"""Days as they are written, and windows of them: first and last included."""

from __future__ import annotations

import datetime as dt

YEARS = 1900, 2200
"""The first year and the last one that anybody is asked about; others are slips of the hand."""


class WindowError(ValueError):
    """A day, or a window of days, that is none; one line."""


def day_of(text: str) -> dt.date:
    """The day that a text like ``2020-08-27`` names.

    Raises:
        WindowError: it names none.
    """
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise WindowError(f"not a date: {text!r}; write it as 2020-08-27") from None


def check_window(since: dt.date | None, until: dt.date | None) -> None:
    """See that a window, open where it has no day, is one.

    Raises:
        WindowError: it ends before it begins.
    """
    if since is not None and until is not None and until < since:
        raise WindowError(f"the window ends ({until}) before it begins ({since})")


def days_of(since: dt.date, until: dt.date) -> list[dt.date]:
    """Every day of a window; none where it ends before it begins."""
    return [since + dt.timedelta(n) for n in range((until - since).days + 1)]


def day_after(day: dt.date) -> dt.date:
    """The day after; the last day there is stays."""
    return day if day == dt.date.max else day + dt.timedelta(1)
