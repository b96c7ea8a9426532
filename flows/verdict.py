"""How a run is judged by what its crawl and its pages came to, in the words of its report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from crawler.job import CrawlReport
from storage import coverage
from storage.earlier import Lost
from storage.ledger import Tally

REJECTED_SHARE = 0.2
"""More refused pages than this share of those found say that a layout changed or a wall went up."""

NEWEST_REJECTED = 3
"""So many of the newest pages say the same, however many older ones are as they were."""

GONE_SHARE, GONE_PAGES = 0.2, 5
"""More missing pages than this share, and no fewer than that many, say that a site was moved or hides them."""

REVISED_SHARE, REVISED_PAGES = 0.5, 5
"""More edits than this share of the pages that a night asked for, and no fewer, are none of the institution's."""

UNFIT_SHARE, UNFIT_PAGES = 0.5, 3
"""The same of new texts that were read without a layout, though their source has some."""


@dataclass(frozen=True, slots=True)
class Aside:
    """What the tally of a run doesn't tell.

    Args:
        outside: pages that were rejected since nobody had asked for their days.
        older: pages that were rejected since their address says what another said first.
        alike: pages that were rejected since they came to one and the same text.
        unfit: new and revised texts that fit no layout of their source.
        unasked: pages that are unchanged as nobody has asked for them.
        newest_rejected: so many of a night's newest pages were rejected; None where it was no night.
        refused: pages that a night, or a backfill, has met for the first time and could not read.
        refused_anew: addresses of known pages that a night could not read for the first time, and why.
    """

    outside: int = 0
    older: int = 0
    alike: int = 0
    unfit: int = 0
    unasked: int = 0
    newest_rejected: int | None = None
    refused: Sequence[Lost] = ()
    refused_anew: Sequence[tuple[str, str]] = ()


def failed(report: CrawlReport, tally: Tally) -> bool:
    """Whether nothing can be said of the window: the crawl broke off, or no listing could be read."""
    return not report.finished or report.listings == 0 or tally.unsettled > 0


def verdict(
    report: CrawlReport, tally: Tally, open_days: Sequence[dt.date], old: Collection[dt.date], aside: Aside
) -> tuple[list[str], list[str]]:
    """Why the run is not simply done, and what else is worth a note.

    Args:
        report: of the crawl.
        tally: its pages.
        open_days: of the days that no discovery has covered those that are its business.
        old: those of them that nights before it have told of.
        aside: what else is known of its pages.
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
    if report.misses:
        notes.append(f"not in the replayed capture: {several(report.misses, 'request')}")
    if aside.outside:
        notes.append(f"outside the window: {several(aside.outside, 'page')}")
    if aside.refused:
        one, count = aside.refused[-1], several(len(aside.refused), "page")
        told = f"new, and not read: {count}, such as {one.found.url}: {one.told[1]}"
        # A night asks for them again by itself; a backfill that were done never would.
        if aside.newest_rejected is None:
            reasons.append(f"{told}; run it once more on another day")
        else:
            notes.append(told)
    if aside.refused_anew:
        (url, why), count = aside.refused_anew[-1], several(len(aside.refused_anew), "page")
        notes.append(f"known, and not read any more: {count}, such as {url}: {why}")
    return reasons + suspicions(tally, aside), notes


def suspicions(tally: Tally, aside: Aside) -> list[str]:
    """What a run's counts alone say against it.

    Args:
        tally: its pages.
        aside: what else is known of them.
    """
    counts, night = tally.counts, aside.newest_rejected is not None
    out = [
        f"{several(count, 'page')} {name}" for name in ("blocked", "failed") if (count := counts.get(name))
    ]
    if aside.alike:
        out.append(f"{several(aside.alike, 'page')} came to one and the same text: an error in its place?")
    none_of_its = aside.outside + aside.older
    rejected, pages = counts.get("rejected", 0) - none_of_its, tally.discovered - none_of_its
    if rejected > REJECTED_SHARE * pages:
        out.append(f"{rejected} of {pages} pages rejected: a new layout, or a wall?")
    elif (aside.newest_rejected or 0) >= NEWEST_REJECTED:
        out.append(f"the newest {aside.newest_rejected} pages were all rejected: a new layout?")
    gone, revised, asked = counts.get("gone", 0), counts.get("revised", 0), pages - aside.unasked
    # Old lists have dead links; a backfill that meets nothing else meets another fault.
    if gone >= GONE_PAGES and gone > GONE_SHARE * pages and (night or gone == asked):
        out.append(f"{gone} of {pages} pages gone: has the site moved?")
    if night and revised >= REVISED_PAGES and revised > REVISED_SHARE * asked:
        out.append(f"{revised} of {asked} pages revised at once: a notice in their place?")
    texts = counts.get("new", 0) + revised
    if aside.unfit >= UNFIT_PAGES and aside.unfit > UNFIT_SHARE * texts:
        out.append(f"{aside.unfit} of {texts} texts fit no layout of their source: a new layout, or a wall?")
    return out


def several(count: int, thing: str) -> str:
    """How many of something: ``1 page``, ``2 pages``."""
    return f"{count} {thing}{'' if count == 1 else 's'}"
