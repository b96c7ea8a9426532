"""`podium audit`: whether what is kept is whole, and mending what can be mended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from flows.terminal import DEGRADED, DONE, DatabaseUrl, Mistake, plain, settings_from

if TYPE_CHECKING:
    from pathlib import Path

    from storage.database import Database
    from storage.integrity import Checked, Finding


def audit(
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every WARC file of the archive again as well.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended; reads the archive too.")
    ] = False,
    database: DatabaseUrl = None,
) -> None:
    """Look for damage: rows that contradict each other, records that are not what was recorded.

    Without --repair nothing is changed, and each finding says what a repair does about it. Files that a run is
    still writing are left alone. Exit status 0: nothing is wrong, or all of it was mended; 1: something is.
    """
    from rich.console import Console

    from storage.database import Database
    from storage.integrity import Checked

    settings = settings_from(database)
    kept = Database(settings.database_url, create=False)
    checked, left = Checked(), 0
    console = Console(stderr=True)
    line = console.status(_Line(checked)) if console.is_terminal else None
    try:
        with line or nullcontext():
            for finding in _findings(kept, settings.archive if verify or repair else None, checked):
                mended, outcome = _outcome(finding, repair=repair)
                left += not mended
                if line:
                    line.stop()
                typer.echo(plain(f"{finding.kind}: {finding.where}: {finding.what} [{outcome}]"))
                if line:
                    line.start()
    finally:
        kept.close()
    typer.echo(f"checked: {_Line(checked)}")
    if not (verify or repair):
        typer.echo("not read: the archive; --verify reads it")
    if checked.in_use:
        typer.echo(f"left alone: {checked.in_use} WARC files that a run is still writing")
    raise typer.Exit(DEGRADED if left else DONE)


def _findings(database: Database, archive: Path | None, checked: Checked) -> Iterator[Finding]:
    """Everything that is wrong: the archive first, since a repair of it gives rows back that others point to."""
    from storage import integrity
    from storage.verification import verify

    broken = False
    for finding in integrity.damage(database):
        broken = True
        yield finding
    if broken:
        return
    if archive is not None:
        if not archive.is_dir():
            raise Mistake(f"{archive}: there is no archive here; say in PODIUM_ARCHIVE where it is")
        yield from verify(database, archive, checked)
    yield from integrity.rows(database, checked)


def _outcome(finding: Finding, *, repair: bool) -> tuple[bool, str]:
    """Whether a finding is mended, and what came of it or would."""
    from sqlalchemy.exc import DBAPIError

    from storage.archive import ArchiveError

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
