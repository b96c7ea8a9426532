"""What a run came to, in a terminal and as an artifact in the Prefect UI."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flows.collect import SourceReport
from storage.models import DISPOSITIONS, RunState
from storage.transcript import clean

WORST: dict[RunState, int] = {"running": 3, "failed": 3, "degraded": 1, "completed": 0}
"""The exit status that a run's state stands for."""

MOST_LISTED = 200
"""Arrivals that an artifact lists; a first backfill has thousands."""


def exit_status(reports: Sequence[SourceReport]) -> int:
    """0 done, 1 done but degraded, 3 failed: the worst of the sources."""
    return max((WORST[report.state] for report in reports), default=0)


def lines(reports: Sequence[SourceReport]) -> list[str]:
    """A few plain lines a source, safe for a terminal."""
    out = []
    for report in reports:
        out.append(f"{report.source}: {report.since} to {report.until}: {report.state} in {report.seconds} s")
        out.append(f"  pages: {report.tally}")
        if report.listings is not None:
            out.append(f"  listings read: {report.listings}")
        if report.links:
            out.append(f"  nearly the same as others: {_kinds(report)}")
        out += [f"  ! {clean(reason)}" for reason in report.reasons]
        out += [f"  - {clean(note)}" for note in report.notes]
    return out


def markdown(title: str, reports: Sequence[SourceReport]) -> str:
    """A table a source, what went wrong, and a list of what is new with links."""
    shown = [name for name in DISPOSITIONS if any(r.tally.counts.get(name) for r in reports)]
    head = ["source", "state", "from", "to", "pages", *shown, "listings", "seconds"]
    out = [f"# {_safe(title)}", "", _verdict(reports), "", _row(head), _row(["---"] * len(head))]
    for report in reports:
        counts = [report.tally.counts.get(name, 0) for name in shown]
        state = report.state if report.state == "completed" else f"**{report.state}**"
        numbers = [report.tally.discovered, *counts, report.listings, report.seconds]
        out.append(_row([report.source, state, *map(str, [report.since, report.until, *numbers])]))
    troubled = [report for report in reports if report.reasons]
    if troubled:
        out += ["", "## What went wrong", ""]
        out += [f"- **{r.source}**: {_safe(reason)}" for r in troubled for reason in r.reasons]
    notes = [f"- {report.source}: {_safe(note)}" for report in reports for note in report.notes]
    if notes:
        out += ["", "## Notes", "", *notes]
    linked = [f"- {report.source}: {_kinds(report)}" for report in reports if report.links]
    if linked:
        out += ["", "## Nearly the same as others", "", *linked]
    arrivals = [(report.source, arrival) for report in reports for arrival in report.arrivals]
    out += ["", f"## New and revised: {len(arrivals)}", ""]
    for source, arrival in arrivals[:MOST_LISTED]:
        revised = " (revised)" if arrival.disposition == "revised" else ""
        link = f"[{_safe(arrival.title)}](<{_address(arrival.url)}>)"
        out.append(f"- {arrival.date} {source}: {link}{revised}, `podium show {arrival.transcript_id}`")
    if len(arrivals) > MOST_LISTED:
        out.append(f"- and {len(arrivals) - MOST_LISTED} more")
    if not arrivals:
        out.append("Nothing.")
    return "\n".join(out) + "\n"


def _kinds(report: SourceReport) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(report.links.items()))


def _verdict(reports: Sequence[SourceReport]) -> str:
    bad = [report.source for report in reports if report.state != "completed"]
    if not reports:
        return "No source was collected."
    if not bad:
        return f"All {len(reports)} sources are complete." if len(reports) > 1 else "The source is complete."
    return f"**{len(bad)} of {len(reports)} sources need a look: {', '.join(bad)}.**"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _safe(text: str) -> str:
    """Text that Markdown leaves alone: a page's title may hold links, tags or a table's bar."""
    return re.sub(r"([\\`*_{}\[\]<>|#!~&$])", r"\\\1", clean(text))


def _address(url: str) -> str:
    return re.sub(r"[<>\s\\]", "", url) if re.match(r"https?://", url) else ""
