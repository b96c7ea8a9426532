"""The `podium` command. Each command imports what it uses, so that `podium --help` stays quick."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.cli_archive import archive_app, named
from flows.cli_audit import audit
from flows.cli_browse import browse
from flows.cli_collect import backfill, nightly
from flows.cli_ingest import ingest
from flows.cli_operate import deploy, up
from flows.cli_reextract import reextract
from flows.cli_search import export, search
from flows.cli_source import record_of, source_app
from flows.terminal import (
    DONE,
    FAILED,
    WRONG_USAGE,
    DatabaseUrl,
    Mistake,
    Name,
    file_at,
    opened,
    plain,
    settings_from,
    table,
    write,
)

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""

app = typer.Typer(
    name="podium",
    help="A complete, clean, citable archive of what institutions say from the podium.",
    epilog="Exit status: 0 done, 1 done but degraded, 2 wrong usage or configuration, 3 failed.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(archive_app)
app.add_typer(source_app, name="source")
app.command()(nightly)
app.command()(backfill)
app.command()(up)
app.command()(deploy)
app.command()(audit)
app.command()(ingest)
app.command()(reextract)
app.command()(search)
app.command()(browse)
app.command()(export)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        from crawler.page import VERSION

        typer.echo(f"podium {version('podium')}, extractor {VERSION}")
        raise typer.Exit


@app.callback()
def _main(
    _shown: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version, and the extractor's.", callback=_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


Form = Annotated[
    Literal["text", "json", "jsonl"],
    typer.Option("--format", help="The text format, JSON, or one object of JSON a line."),
]


@app.command()
def demo(
    folder: Annotated[
        Path | None, typer.Argument(help="An empty folder to keep it in; a temporary one if none is named.")
    ] = None,
) -> None:
    """See it at work: a ministry's site on this machine is collected and shown. Needs no network."""
    from flows.demo import demo as run

    raise typer.Exit(run(folder))


@app.command()
def status(
    run: Annotated[int | None, typer.Argument(max=2**31 - 1, help="A run: lists its pages.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many runs.")] = 20,
    database: DatabaseUrl = None,
) -> None:
    """Show the runs, or what became of every page of one."""
    from storage import ledger, lookup, models

    with opened(database) as archive, archive.read() as session:
        if run is not None:
            found = session.get(models.Run, run)
            if found is None:
                raise Mistake(f"no run {run}; `podium status` lists them")
            typer.echo(
                f"run {run}: {found.kind} of {found.source}, {found.since} to {found.until}: {found.state}"
            )
            typer.echo(f"pages: {ledger.tally_of(session, run)}")
            for reason in found.reasons:
                typer.echo(f"! {plain(reason)}")
            table(
                ("disposition", "date", "address", "reason"),
                [
                    (page.disposition or "unsettled", page.date_hint or "", page.url, page.reason or "")
                    for page in ledger.pages_of(session, run)
                ],
            )
            return
        rows = [
            (r.id, r.kind, r.source, r.since, r.until, r.state, ledger.tally_of(session, r.id))
            for r in lookup.recent_runs(session, limit)
        ]
        table(("run", "kind", "source", "from", "to", "state", "pages"), rows)
        typer.echo(", ".join(f"{count} {name}" for name, count in lookup.counts(session).items()))


@app.command()
def show(
    name: Name,
    revision: Annotated[
        str | None,
        typer.Option(
            metavar="N|DIGEST",
            help="An older text of it, by its number or the digest of its capture; the newest if not given.",
        ),
    ] = None,
    about: Annotated[
        bool, typer.Option("--about", help="Not the text, but its revisions, addresses and near duplicates.")
    ] = False,
    database: DatabaseUrl = None,
) -> None:
    """Print a transcript of the archive in the text format, or what is known about it."""
    from storage import lookup
    from storage.transcript import render

    number: int | str | None = revision
    if revision is not None and not revision.startswith("sha256:"):
        if not re.fullmatch("[1-9][0-9]{0,8}", revision):
            raise Mistake(f"neither a revision's number nor a digest: {plain(revision)!r}")
        number = int(revision)
    with opened(database) as archive, archive.read() as session:
        found = named(session, name, number)
        if about:
            from flows.about import lines

            for line in lines(session, found):
                typer.echo(plain(line))
            return
        text = render(lookup.transcript_of(found))
    # The format has no line end at its end: a file made of this output is the text itself, byte for byte.
    write(text + "\n" if sys.stdout.isatty() else text)


@app.command()
def extract(
    page: Annotated[
        str,
        typer.Argument(metavar="FILE|URL|WARC", help="A page, saved or on the web, or a WARC file of pages."),
    ],
    form: Form = "text",
    url: Annotated[
        str | None, typer.Option(help="The page's address; chooses the source by its host.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="ID", help="Read it as a page of this source.")
    ] = None,
    generic: Annotated[bool, typer.Option("--generic", help="Read it as a page of an unknown site.")] = False,
) -> None:
    """Read a page and print its transcript; nothing is kept.

    A page of a WARC file that can't be read is named on the error output, and the others are printed.
    """
    from flows import reading

    how = reading.choice(settings_from().sources, source, generic=generic)
    found: Iterator[reading.Read]
    if page.startswith(("http://", "https://")):
        found = iter([reading.read_record(record_of(page, None), how)])
    elif page.endswith((".warc", ".warc.gz")):
        found = reading.read_archive(file_at(Path(page)), how)
    else:
        found = iter([reading.read_file(file_at(Path(page)), url or "", how)])
    count = refused = 0
    for read in found:
        if read.transcript is None:
            refused += 1
            typer.echo(f"podium: {plain(read.url or page)}: {plain(read.refusal or '')}", err=True)
            continue
        if form == "text" and count:
            write("\n\n")
        write(reading.formatted(read, form) + ("" if form == "text" else "\n"))
        count += 1
    if form == "text" and count and sys.stdout.isatty():
        write("\n")
    if not count:
        if not refused:
            typer.echo(f"podium: {plain(page)}: holds no document of a known source; try --generic", err=True)
        raise typer.Exit(FAILED)


# --- behind the commands -------------------------------------------------------------------------


def main() -> None:
    """Run the command; every error that a user can mend is one line that says how."""
    for name in ("stdout", "stderr"):
        if (stream := getattr(sys, name)) is None:  # closed by whoever began this
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123
        elif isinstance(stream, TextIOWrapper):  # texts are of every language, whatever the terminal's
            stream.reconfigure(encoding="utf-8")
    # Sources, settings, archive and database state their own errors: all are one line already.
    command = typer.main.get_command(app)
    try:
        status = command.main(standalone_mode=False)  # after Ctrl-C within a command, 130
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # nobody reads any more; Typer ends so then, and no command of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = DONE
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except typer.TyperException as problem:
        # Without arguments the message is the help text; every other is made one line.
        text = problem.format_message() if hasattr(problem, "format_message") else str(problem)
        text = text.replace(": Value error, ", ": ", 1)  # the library's own word before a choice that is none
        typer.echo(text if text.startswith("Usage:") else f"podium: {' '.join(text.split())}", err=True)
        status = WRONG_USAGE
    except Exception as problem:  # noqa: BLE001 - sorted below; what has no place there is told whole
        status = _status_of(problem)
        if status is None:
            traceback.print_exc()
            status = FAILED
        elif status != INTERRUPTED:
            typer.echo(f"podium: {plain(_told(problem))}", err=True)
    if status == INTERRUPTED:
        typer.echo("podium: interrupted", err=True)
    sys.exit(status if isinstance(status, int) else DONE)


MISTAKES = {
    "crawler.source.SourceError",
    "flows.demo.DemoError",
    "flows.deploy.DeployError",
    "flows.reextraction.NotSeenError",
    "flows.settings.SettingsError",
    "flows.terminal.Mistake",
    "flows.up.UpError",
    "storage.copy.CopyRefused",
    "storage.database.DatabaseError",
    "storage.days.WindowError",
    "storage.export.ExportRefused",
    "storage.selection.SelectionError",
    "storage.warc.ArchiveError",
}
FAILURES = {
    "builtins.OSError",
    "crawler.fetch.FetchError",
    "sqlalchemy.exc.DBAPIError",
    "storage.copy.CopyError",
    "storage.export.ExportError",
    "storage.lookup.DamagedError",
}
"""Errors that say themselves what to do, the user's and others. By name: a mistake imports nothing more."""


def _status_of(problem: Exception) -> int | None:
    """The exit status of an error that says itself what to do, or None for one that is ours to mend.

    What Ctrl-C brought about is no error of its own: pydantic passes it on as one when it met one of its models.
    """
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            return INTERRUPTED
        cause = cause.__cause__ or cause.__context__
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(problem).__mro__}
    if names & MISTAKES:
        return WRONG_USAGE
    return FAILED if names & FAILURES else None


def _told(problem: Exception) -> str:
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror
    if hasattr(problem, "orig"):
        from storage.database import cause_of

        return f"the database: {cause_of(problem)}"
    return str(problem)


if __name__ == "__main__":
    main()
