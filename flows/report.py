"""What a run came to, in a terminal and as an artifact in the Prefect UI."""

from __future__ import annotations

from collections.abc import Sequence

from flows.artifact import address, safe, table
from flows.collect import Arrival, SourceReport
from flows.terminal import DEGRADED, DONE, FAILED
from flows.verdict import several
from storage.models import DISPOSITIONS, RunState
from storage.transcript import clean

WORST: dict[RunState, int] = {
    "running": FAILED,
    "failed": FAILED,
    "degraded": DEGRADED,
    "completed": DONE,
}
"""The exit status that a run's state stands for."""

MOST_LISTED = 200
"""Arrivals that an artifact lists; a first backfill has thousands."""


def exit_status(reports: Sequence[SourceReport]) -> int:
    """0 done, 1 done but degraded, 3 failed: that is when every source has failed, since the others are done."""
    states = {WORST[report.state] for report in reports} or {DONE}
    return DEGRADED if len(states) > 1 else states.pop()


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


def line(report: SourceReport) -> str:
    """One plain line, safe for a terminal: how it ended, its pages, and the first reason."""
    told = f"{report.source}: {report.state} in {report.seconds} s: pages: {report.tally}"
    return f"{told}: {clean(report.reasons[0])}" if report.reasons else told


def worst_first(reports: Sequence[SourceReport]) -> list[SourceReport]:
    """The failed, then the degraded, then the others, each in the order given."""
    return sorted(reports, key=lambda report: -WORST[report.state])


def markdown(title: str, reports: Sequence[SourceReport]) -> str:
    """The verdict, what went wrong, a table of the sources with the worst first, and what is new with links."""
    reports = worst_first(reports)
    out = [f"# {safe(title)}", "", f"**{_verdict(reports)}**"]
    out += _section("What went wrong", [_trouble(report) for report in reports if report.reasons])
    out += _section("Pages by source", _pages(reports))
    if any(report.run_id for report in reports):
        out += ["", "`podium status RUN` lists every page of a run, what became of it and why."]
    notes = [f"- {report.source}: {safe(note)}" for report in reports for note in report.notes]
    out += _section("Notes", notes)
    linked = [f"- {report.source}: {_kinds(report)}" for report in reports if report.links]
    out += _section("Nearly the same as others", linked)
    arrivals = [(report.source, arrival) for report in reports for arrival in report.arrivals]
    listed = [_arrival(source, arrival) for source, arrival in arrivals[:MOST_LISTED]]
    if len(arrivals) > MOST_LISTED:
        listed.append(f"- and {len(arrivals) - MOST_LISTED} more")
    out += _section(f"New and revised: {len(arrivals)}", listed or ["Nothing."])
    return "\n".join(out) + "\n"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    """Lines under a heading; nothing where there are none."""
    return ["", f"## {title}", "", *lines] if lines else []


def _pages(reports: Sequence[SourceReport]) -> list[str]:
    """A table of the sources and how many of their pages came to what."""
    shown = [name for name in DISPOSITIONS if any(r.tally.counts.get(name) for r in reports)]
    # What is asked first stands first: a table is cut off where the window ends.
    head = ["source", "state", "pages", *shown, "run", "seconds", "from", "to", "listings"]
    rows = []
    for report in reports:
        counts = [report.tally.counts.get(name, 0) for name in shown]
        state = report.state if report.state == "completed" else f"**{report.state}**"
        listings = "" if report.listings is None else report.listings
        run = [report.run_id or "", report.seconds, report.since, report.until, listings]
        rows.append([report.source, state, *map(str, [report.tally.discovered, *counts, *run])])
    return table(head, rows)


def _arrival(source: str, arrival: Arrival) -> str:
    revised = " (revised)" if arrival.disposition == "revised" else ""
    link = f"[{safe(arrival.title)}](<{address(arrival.url)}>)"
    return f"- {arrival.date} {source}: {link}{revised}, `podium show {arrival.transcript_id}`"


def _trouble(report: SourceReport) -> str:
    told = "; ".join(safe(reason) for reason in report.reasons)
    where = f" (`podium status {report.run_id}`)" if report.run_id else ""
    return f"- **{report.source}** {report.state}: {told}{where}"


def _kinds(report: SourceReport) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(report.links.items()))


def _verdict(reports: Sequence[SourceReport]) -> str:
    """One sentence: did it go well, and if not, with whom."""
    if not reports:
        return "No source was collected."
    failed = [report.source for report in reports if WORST[report.state] == FAILED]
    degraded = [report.source for report in reports if WORST[report.state] == DEGRADED]
    whole = len(reports) - len(failed) - len(degraded)
    if not failed and not degraded:
        return f"All went well: {several(whole, 'source')} complete."
    parts = [f"{several(len(failed), 'source')} failed ({', '.join(failed)})"] if failed else []
    parts += [f"{several(len(degraded), 'source')} degraded ({', '.join(degraded)})"] if degraded else []
    parts += [f"{several(whole, 'source')} complete"] if whole else []
    return f"{'Failed' if exit_status(reports) == FAILED else 'Degraded'}: {', '.join(parts)}."
