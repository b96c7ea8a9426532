"""How a run is judged by what its crawl and its pages came to, in the words of its report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from crawler.job import CrawlReport
from storage import coverage
from storage.ledger import Tally

REJECTED_SHARE = 0.2
"""More refused pages than this share of those found say that a layout changed or a wall went up."""

NEWEST_REJECTED = 3
"""So many of the newest pages say the same, however many older ones are as they were."""

GONE_SHARE, GONE_PAGES = 0.2, 5
"""More missing pages than this share, and no fewer than that many, say that a site was moved or hides them."""


def failed(report: CrawlReport, tally: Tally) -> bool:
    """Whether nothing can be said of the window: the crawl broke off, or no listing could be read."""
    return not report.finished or report.listings == 0 or tally.unsettled > 0


def verdict(
    report: CrawlReport,
    tally: Tally,
    open_days: Sequence[dt.date],
    old: Collection[dt.date],
    outside: int,
    newest_rejected: int | None,
    older: int = 0,
    alike: int = 0,
) -> tuple[list[str], list[str]]:
    """Why the run is not simply done, and what else is worth a note.

    Args:
        report: of the crawl.
        tally: its pages.
        open_days: of the days that no discovery has covered those that are its business.
        old: those of them that nights before it have told of.
        outside: pages that were rejected since nobody had asked for their days.
        newest_rejected: of a night, see `suspicions`; None for any other run.
        older: pages that were rejected since their address says what another said first.
        alike: pages that were rejected since they changed to one and the same text.
    """
    reasons, notes = [], list(report.notes)
    if not report.finished:
        reasons.append(f"the crawl broke off: {report.reason}")
    elif report.listings == 0:
        reasons.append("no listing could be read")
    reasons += report.complaints
    if fresh := [day for day in open_days if day not in old]:
        reasons.append(f"not proved complete: {coverage.spelt(fresh)}")
    if old:
        notes.append(f"still not proved complete: {coverage.spelt(old)}")
    elsewhere = [day for day in report.gaps if day not in open_days]
    if elsewhere:
        notes.append(f"not looked at, and not its to prove: {coverage.spelt(elsewhere)}")
    if alike:
        reasons.append(f"{several(alike, 'page')} changed to one and the same text: an error in its place?")
    if report.misses:
        notes.append(f"not in the replayed capture: {several(report.misses, 'request')}")
    if outside:
        notes.append(f"outside the window: {several(outside, 'page')}")
    return reasons + suspicions(tally, outside + older, newest_rejected), notes


def suspicions(tally: Tally, aside: int = 0, newest_rejected: int | None = None) -> list[str]:
    """What a run's counts alone say against it.

    Args:
        tally: its pages.
        aside: so many of the rejected are none of its business.
        newest_rejected: so many of a night's newest pages were rejected; None where it was no night.
    """
    out = [
        f"{several(count, 'page')} {name}"
        for name in ("blocked", "failed")
        if (count := tally.counts.get(name))
    ]
    rejected, pages = tally.counts.get("rejected", 0) - aside, tally.discovered - aside
    if rejected > REJECTED_SHARE * pages:
        out.append(f"{rejected} of {pages} pages rejected: a new layout, or a wall?")
    elif (newest_rejected or 0) >= NEWEST_REJECTED:
        out.append(f"the newest {newest_rejected} pages were all rejected: a new layout?")
    gone = tally.counts.get("gone", 0) if newest_rejected is not None else 0  # old lists have dead links
    if gone >= GONE_PAGES and gone > GONE_SHARE * pages:
        out.append(f"{gone} of {pages} pages gone: has the site moved?")
    return out


def several(count: int, thing: str) -> str:
    """How many of something: ``1 page``, ``2 pages``."""
    return f"{count} {thing}{'' if count == 1 else 's'}"
