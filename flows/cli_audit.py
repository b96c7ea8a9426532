"""`podium audit`: what is missing, whether what is kept is whole, and mending what can be mended."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.terminal import (
    DEGRADED,
    DONE,
    DatabaseUrl,
    Mistake,
    Sources,
    plain,
    settings_from,
    waiting,
    window,
    write,
)
from storage.days import YEARS

if TYPE_CHECKING:
    from flows.settings import Settings
    from storage.archive import Archive
    from storage.database import Database
    from storage.integrity import Checked, Finding


def audit(
    source: Sources = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="First day that is asked about.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Last day; what was known then is judged as of it.")
    ] = None,
    months: Annotated[
        bool, typer.Option("--months", help="Say by month how full the documents are.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object of JSON.")] = False,
    year: Annotated[
        int | None,
        typer.Option(
            min=YEARS[0], max=YEARS[1], metavar="YEAR", help="Show only a year at a glance, a line a source."
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE.svg", help="Write the year as a picture; this year if none is named."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out the check of every row: minutes on a large archive.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every WARC file of the archive again as well.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended; reads the archive too.")
    ] = False,
    database: DatabaseUrl = None,
) -> None:
    """Say what is missing, and look for damage.

    Missing: sources that fell silent or that no night visits, days that nobody looked at, pages that are read
    worse than before. Damage: rows that contradict each other, records that are not what was recorded.
    Without --repair nothing is changed, and each finding says what a repair does about it. Files that a run is
    still writing are left alone.

    Exit status 0: nothing needs a look, or all damage was mended; 1: something does.
    """
    from storage.database import Database
    from storage.days import check_window

    first, last = window(since, until)
    check_window(first, last)
    if last and last.year < YEARS[0]:
        raise Mistake(f"a day long before there was anything to audit: {last}")
    if quick and (verify or repair):
        raise Mistake("--quick leaves out what --verify and --repair look at; name one")
    settings = settings_from(database)
    archive = settings.warcs() if verify or repair else None
    if archive is not None:
        settings.require_archive()
    with Database(settings.database_url, create=False) as kept:
        if year or picture:
            if since or until or months or as_json or quick or verify or repair:
                raise Mistake("--year and --picture show a whole year; of the others they take --source only")
            _year(kept, settings, year or dt.datetime.now(dt.UTC).year, source or (), picture)
            raise typer.Exit(DONE)
        from flows import missing, missing_report

        damage = _Damage(repair=repair, quiet=as_json)
        needs, told = False, dict[str, Any]()
        if quick or damage.whole(kept):
            found = missing.look(kept, settings, source or (), first, last)
            needs, told = bool(found.needs), missing_report.as_dict(found)
            if not as_json:
                missing_report.show(found, months=months)
            if not quick:
                damage.look(kept, archive)
    if as_json:
        told |= {"damage": damage.found, "checked": None if quick else asdict(damage.checked)}
        write(json.dumps(told, default=str, indent=1) + "\n")
    elif not quick:
        damage.close(archive)
    raise typer.Exit(DEGRADED if needs or damage.left else DONE)


def _year(kept: Database, settings: Settings, year: int, ids: Sequence[str], picture: Path | None) -> None:
    """Print a year, a line a source, and write it as a picture where one is wanted."""
    from rich.console import Console

    from flows.picture import svg
    from flows.year import LEGEND, read_year, weeks

    years = read_year(kept, settings, year, ids)
    console = Console()
    for line in weeks(year, years, console.width):
        console.print(line, soft_wrap=True)
    typer.echo(LEGEND if years else "There is no source here yet.")
    if picture is not None:
        try:
            picture.write_text(svg(year, years), encoding="utf-8")
        except OSError as problem:
            raise Mistake(f"{plain(str(picture))}: {problem.strerror}") from problem


class _Damage:
    """The part that looks for damage: it prints each finding when it is found, a repair may take long.

    Args:
        repair: mend what can be mended.
        quiet: print nothing.

    Attributes:
        checked: what was looked at.
        found: every finding, as JSON can hold it.
        left: how many are not mended.
    """

    def __init__(self, *, repair: bool, quiet: bool) -> None:
        from storage.integrity import Checked

        self.repair, self.quiet = repair, quiet
        self.checked = Checked()
        self.found: list[dict[str, str]] = []
        self.left = 0

    def whole(self, kept: Database) -> bool:
        """Whether the database's file is whole: where it isn't, no query can be trusted."""
        from storage import integrity

        self._take(integrity.damage(kept))
        return not self.found

    def look(self, kept: Database, archive: Archive | None) -> None:
        """Look at the archive where one is given, and at the rows.

        The archive comes first: a repair of it gives rows back that others point to.
        """
        from storage import integrity
        from storage.verification import verify

        if archive is not None:
            self._take(verify(kept, archive, self.checked))
        self._take(integrity.rows(kept, self.checked))

    def _take(self, findings: Iterator[Finding]) -> None:
        """Mend and print findings as they come, with a line of progress where a person waits."""
        while True:
            with waiting(_Line(self.checked)):
                if (finding := next(findings, None)) is None:
                    return
                mended, outcome = _outcome(finding, repair=self.repair)
            self.left += not mended
            told = {"kind": finding.kind, "where": finding.where, "what": finding.what, "outcome": outcome}
            self.found.append(told)
            if not self.quiet:
                typer.echo(plain(f"{finding.kind}: {finding.where}: {finding.what} [{outcome}]"))

    def close(self, archive: Archive | None) -> None:
        """Print what was looked at: nothing found is not the same as nothing looked at."""
        typer.echo(f"checked: {_Line(self.checked)}")
        if archive is None:
            typer.echo("not read: the archive; --verify reads it")
        if self.checked.in_use:
            typer.echo(f"left alone: {self.checked.in_use} WARC files that a run is still writing")


def _outcome(finding: Finding, *, repair: bool) -> tuple[bool, str]:
    """Whether a finding is mended, and what came of it or would."""
    from sqlalchemy.exc import DBAPIError

    from storage.warc import ArchiveError

    if finding.mend is None:
        return False, "can't be repaired"
    if not repair:
        return False, f"a repair {finding.remedy}"
    try:
        finding.mend()
    except (ArchiveError, DBAPIError, OSError) as problem:
        return False, f"not repaired: {problem}"
    return True, f"repaired: {finding.remedy}"


@dataclass(frozen=True)
class _Line:
    """What was looked at so far, as rich and people print it."""

    checked: Checked

    def __str__(self) -> str:
        seen = self.checked
        archive = f"{seen.files} WARC files of {seen.bytes:,} bytes, {seen.captures} captures, "
        return f"{archive if seen.files else ''}{seen.transcripts} transcripts, {seen.revisions} revisions"

    def __rich__(self) -> str:
        return f"Checking: {self}"
