"""`podium reextract`: the archive read again by the extractor of now; nothing is written that nobody has seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.terminal import (
    DEGRADED,
    DONE,
    DatabaseUrl,
    Mistake,
    Sources,
    plain,
    settings_from,
    table,
    waiting,
    window,
)

if TYPE_CHECKING:
    from flows.reextract_shard import Seen
    from flows.reextraction import Proposed, Written
    from flows.settings import Settings

LINE = "Reading the archive ..."
MOST_IN_PAGE = 500
"""Changes that a page of HTML shows."""


def reextract(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; no text is touched.")
    ] = False,
    accept: Annotated[
        str | None,
        typer.Option("--accept", metavar="DIGEST", help="Write the changes that a dry run has shown."),
    ] = None,
    source: Sources = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="First day of publication, such as 2020-05-10.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Last day of publication.")] = None,
    limit: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="How many changes a dry run shows word by word.")
    ] = 10,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write the changes of a dry run to a page of HTML as well."
        ),
    ] = None,
    database: DatabaseUrl = None,
) -> None:
    """Read every archived page again with the extractor of now. No site is asked.

    Make a dry run first: it shows the changes and gives them a digest. With that digest they are written, and
    nothing else is. Exit status 2: texts would change that no dry run has shown; 1: some are of no known source.
    """
    if dry_run and accept:
        raise Mistake("--dry-run shows changes and --accept writes them; name one")
    if html is not None and not dry_run:
        raise Mistake("--html shows the changes of a dry run; add --dry-run")
    first, last = window(since, until)
    settings = settings_from(database)
    from flows import proposal, reextraction, report

    selection = reextraction.selection_of(settings, source or (), first, last)
    if dry_run:
        with waiting(LINE) as watch:
            proposed = reextraction.propose(settings, selection, watch=watch)
        words = [word for name in source or () for word in ("--source", name)]
        words += ["--since", str(first)] if first else []
        words += ["--until", str(last)] if last else []
        _show(settings, proposed, limit, html, words)
        raise typer.Exit(_passed_by(proposed, source))
    with waiting(LINE) as watch:
        written = reextraction.write(settings, selection, accept and accept.strip(), watch=watch)
    for line in report.lines(written.reports):
        typer.echo(line)
    if not written.reports:
        typer.echo(_nothing(written.seen))
    for line in proposal.asides(written):
        typer.echo(plain(line))
    raise typer.Exit(max(report.exit_status(written.reports), _passed_by(written, source)))


def _passed_by(found: Proposed | Written, source: list[str] | None) -> int:
    """The exit status for what was not read: captures that can't be, and those of sources that nobody named."""
    unread = found.seen.total("unreadable") or (found.strangers and not source)
    return DEGRADED if unread else DONE


def _show(settings: Settings, proposed: Proposed, limit: int, html: Path | None, words: list[str]) -> None:
    """What a dry run found, and how it is accepted; `words` choose the same captures again."""
    from flows import proposal

    head, rows = proposal.counted(proposed.seen)
    table(head, rows)
    for line in proposal.asides(proposed):
        typer.echo(plain(line))
    if proposed.digest is None:
        typer.echo(_nothing(proposed.seen))
        if html is not None:
            typer.echo(f"{plain(str(html))}: not written, since nothing changes")
        return
    count = proposed.seen.total("changed")
    proposal.show(settings, proposed, limit)
    if count > limit:
        typer.echo(
            f"... and {count - limit} more; --limit shows more of them, --html FILE makes a page of them"
        )
    failed = None
    if html is not None:
        try:
            html.write_text(proposal.page(settings, proposed, MOST_IN_PAGE), encoding="utf-8")
            typer.echo(f"{plain(str(html))}: {min(count, MOST_IN_PAGE)} of {count} changes")
        except OSError as problem:
            failed = Mistake(f"{plain(str(html))}: {problem.strerror}")
    typer.echo("Nothing is written yet. To write all of it:")
    typer.echo(f"  podium reextract {' '.join([*words, '--accept', proposed.digest])}")
    if failed:
        raise failed


def _nothing(seen: Seen) -> str:
    from crawler.page import VERSION

    unread = seen.total("unreadable")
    read = seen.total("read") - unread
    told = f"nothing to change: extractor {VERSION} reads what is stored, in {read} captures"
    return f"{told}; {unread} can't be read, and `podium audit --verify` tells why" if unread else told
