"""Commands on the archive as a whole: what changed in a text, the database copied elsewhere, hosts left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.terminal import DatabaseUrl, Mistake, Name, opened, plain, settings_from, table, waiting, write

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from storage.models import Revision

archive_app = typer.Typer()


@archive_app.command()
def diff(
    name: Name,
    other: Annotated[
        str | None, typer.Argument(help="Another transcript, such as a mirror's, to compare it with.")
    ] = None,
    since: Annotated[
        int | None,
        typer.Option("--from", min=1, max=1_000_000, metavar="N", help="Revision; the one before if none."),
    ] = None,
    until: Annotated[
        int | None,
        typer.Option("--to", min=1, max=1_000_000, metavar="N", help="Revision; the newest if none."),
    ] = None,
    corrected: Annotated[
        bool,
        typer.Option(
            "--corrected", help="What a newer extractor corrected in a revision: the newest, or --to."
        ),
    ] = False,
    html: Annotated[
        bool, typer.Option("--html", help="Print one page of HTML, to send to somebody.")
    ] = False,
    database: DatabaseUrl = None,
) -> None:
    """Show what changed in a transcript, word by word and turn by turn."""
    from flows import difference
    from storage.corrections import corrections_of

    with opened(database) as archive, archive.read() as session:
        if corrected:
            if other is not None or since is not None:
                raise Mistake("--corrected looks at one revision; leave out --from and the second name")
            old = new = named(session, name, until)
            last = corrections_of(session, new.id)[-1:]
        elif other is None:
            old, new = _revisions(session, name, since, until)
        elif since or until:
            raise Mistake(
                "--from and --to choose revisions of one transcript; leave them out, or the second name"
            )
        else:
            old, new = named(session, name), named(session, other)
        if old.transcript_id == new.transcript_id and other is not None:
            told = (
                f"both are addresses of one transcript; `podium diff {new.transcript_id}` shows its revisions"
            )
        elif corrected and last:
            told, (before, after) = "", difference.correction(new, last[0])
        elif corrected:
            told = f"{plain(name)}: revision {new.number} was never corrected"
        elif old.id == new.id:
            told = f"{plain(name)}: has one revision, nothing to compare it with"
        else:
            told = ""
            before, after = difference.side(old), difference.side(new)
    if told:
        typer.echo(told, err=html)
    elif html:
        write(difference.page(f"Changes: {after.transcript.title}", [(before, after)]))
    else:
        difference.show(before, after)


@archive_app.command()
def copy(
    target: Annotated[
        str,
        typer.Option("--to", metavar="URL", help="Address of an empty database, or of a file to be made."),
    ],
    source: Annotated[
        str | None, typer.Option("--from", metavar="URL", help="The database of the settings if not given.")
    ] = None,
) -> None:
    """Copy the database into another: a backup, or a move.

    Either may be SQLite or PostgreSQL. Every row is read back and compared before anything is kept; others may use
    the source meanwhile.
    """
    from storage.copy import copy as run
    from storage.database import Database

    with waiting("Opening ...") as say, opened(source) as here, Database(target) as there:
        copied = run(here, there, lambda step, rows: say(f"{step}: {rows} rows"))
    table(("table", "rows", "digest"), [(name, rows.count, "ok") for name, rows in copied.items()])
    folder = plain(str(settings_from().archive.absolute()))
    typer.echo(f"The WARC files are plain files and were not copied: copy {folder} with any tool.")


def _revisions(
    session: Session, name: str, since: int | None, until: int | None
) -> tuple[Revision, Revision]:
    """Two revisions of a transcript; the same one twice where it has no other."""
    newest = named(session, str(named(session, name).transcript_id))
    new = named(session, name, until or newest.number)
    old = named(session, name, since or max(1, new.number - 1))
    if old.id == new.id and newest.number > 1:
        raise Mistake(
            f"revision {new.number} can't be compared with itself; choose another with --from or --to"
        )
    return old, new


def named(session: Session, name: str, number: int | str | None = None) -> Revision:
    """The revision that a name and a number mean.

    Raises:
        Mistake: there is none.
    """
    from storage import lookup

    found = lookup.find(session, name, number)
    if found is not None:
        return found
    newest = lookup.find(session, name)
    if newest is None:
        raise Mistake(f"no transcript {plain(name)}; `podium search` and `podium browse` find what there is")
    # An address may still say an older text than its transcript's newest.
    newest = lookup.find(session, str(newest.transcript_id)) or newest
    raise Mistake(f"{plain(name)}: no revision {plain(str(number))}; its newest is {newest.number}")


@archive_app.command()
def hosts(
    lift: Annotated[
        str | None, typer.Option("--lift", metavar="HOST", help="Ask this host again from now on.")
    ] = None,
    database: DatabaseUrl = None,
) -> None:
    """Show the hosts that are left alone: until when, and why.

    A host that put up a wall or asked to be left alone is asked for nothing by any crawl until then. Lift that
    only when you know that it was a mistake or is over.
    """
    from storage import hosts as kept

    with opened(database) as archive:
        if lift is not None:
            with archive.write() as session:
                if not kept.lift(session, lift):
                    raise Mistake(f"{plain(lift)}: is not left alone")
            typer.echo(f"{plain(lift)}: asked again from now on")
            return
        with archive.read() as session:
            left = kept.all_left(session)
    if not left:
        typer.echo("no host is left alone")
        return
    table(
        ["host", "until (UTC)", "why"],
        [[host, f"{each.until:%Y-%m-%d %H:%M}", each.reason] for host, each in left],
    )
