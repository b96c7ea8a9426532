"""How a run is judged by what its crawl and its pages came to, in the words of its report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from crawler.job import CrawlReport
from storage import coverage
from storage.ledger import Tally

REJECTED_SHARE = 0.2
"""More refused pages than this share of those read say that a layout changed or a wall went up."""


def failed(report: CrawlReport, tally: Tally) -> bool:
    """Whether nothing can be said of the window: the crawl broke off, or no listing could be read."""
    return not report.finished or report.listings == 0 or tally.unsettled > 0


def verdict(
    report: CrawlReport, tally: Tally, open_days: Sequence[dt.date], outside: int
) -> tuple[list[str], list[str]]:
    """Why the run is not simply done, and what else is worth a note.

    Of the days that no discovery has covered only some are its business: the `open_days`.
    """
    reasons, notes = [], []
    if not report.finished:
        reasons.append(f"the crawl broke off: {report.reason}")
    elif report.listings == 0:
        reasons.append("no listing could be read")
    reasons += report.complaints
    if open_days:
        reasons.append(f"not proved complete: {coverage.spelled(open_days)}")
    older = [day for day in report.gaps if day not in open_days]
    if older:
        notes.append(f"not looked at, and not its to prove: {coverage.spelled(older)}")
    if report.misses:
        notes.append(f"not in the replayed capture: {several(report.misses, 'request')}")
    if outside:
        notes.append(f"outside the window: {several(outside, 'page')}")
    return reasons + suspicions(tally, outside), notes


def suspicions(tally: Tally, aside: int = 0) -> list[str]:
    """What a run's counts alone say against it; so many of the rejected pages are none of its business."""
    out = [
        f"{several(count, 'page')} {name}"
        for name in ("blocked", "failed")
        if (count := tally.counts.get(name))
    ]
    rejected, pages = tally.counts.get("rejected", 0) - aside, tally.discovered - aside
    if rejected > REJECTED_SHARE * pages:
        out.append(f"{rejected} of {pages} pages rejected: a new layout, or a wall?")
    return out


def several(count: int, thing: str) -> str:
    """How many of something: ``1 page``, ``2 pages``."""
    return f"{count} {thing}{'' if count == 1 else 's'}"
