"""What the commands share: their exit statuses, their one-line errors, and text that a terminal can be shown."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flows.settings import Settings
    from storage.database import Database

DONE, DEGRADED, WRONG_USAGE, FAILED = 0, 1, 2, 3
"""Exit statuses: done; done but degraded; wrong usage or configuration; failed."""

SHORT = 20
"""Characters of a word that a table never cuts."""

DatabaseUrl = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="SQLAlchemy address of the database.")
]
Name = Annotated[str, typer.Argument(help="A transcript's number, an address it is at, or SOURCE/KEY.")]
Sources = Annotated[
    list[str] | None, typer.Option("--source", metavar="ID", help="Only this source; may be repeated.")
]
ReplayFile = Annotated[
    Path | None,
    typer.Option("--replay", metavar="WARC", help="Answer from a WARC file instead of the network."),
]


class Mistake(Exception):  # noqa: N818 - the user's, not the program's
    """Wrong usage or configuration: one line, exit status 2."""


def window(since: str | None, until: str | None) -> tuple[dt.date | None, dt.date | None]:
    """The first and the last day that two flags name; None for one that was not given.

    Raises:
        storage.days.WindowError: one is no date.
    """
    from storage.days import day_of

    return day_of(since) if since is not None else None, day_of(until) if until is not None else None


def file_at(path: Path) -> Path:
    """A file, or a pipe, that a user names.

    Raises:
        Mistake: there is none.
    """
    if not path.exists() or path.is_dir():
        raise Mistake(f"{plain(str(path))}: {'a folder, not a file' if path.is_dir() else 'no such file'}")
    return path


def settings_from(database: str | None = None) -> Settings:
    """The settings in force, with the database that a flag named."""
    from flows.settings import load_settings

    return load_settings(database_url=database)


@contextmanager
def opened(database: str | None) -> Iterator[Database]:
    """The database that a flag or else the settings name; it has to be there."""
    from storage.database import Database

    with Database(settings_from(database).database_url, create=False) as archive:
        yield archive


@contextmanager
def waiting(text: RenderableType) -> Iterator[Callable[[str], None]]:
    """A line on the terminal where a person waits, and what puts another text there; no line anywhere else."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _text: None
        return
    from rich.live import Live
    from rich.spinner import Spinner

    line = Spinner("dots", text)
    # What is printed meanwhile stands above the line; but not what goes to a file.
    with Live(line, console=console, transient=True, redirect_stdout=sys.stdout.isatty()):
        yield lambda text: line.update(text=plain(text))


def reachable(api: str) -> None:
    """See that a Prefect server answers.

    Raises:
        Mistake: none does.
    """
    from urllib.request import urlopen

    try:
        urlopen(f"{api}/health", timeout=5).close()  # noqa: S310 - the address is the user's own setting
    except (OSError, ValueError) as problem:
        raise Mistake(
            f"no Prefect server answers at {api}; start `podium up`, or unset PREFECT_API_URL to run without"
        ) from problem


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table for a person; where output is piped, tab-separated lines that a program can cut."""
    cells = [[plain(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [list(head), *cells]:
            write("\t".join(row) + "\n")
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE)
    for at, name in enumerate(head):
        # Where a table is too wide, ids, dates and numbers stay whole: longer texts can be wrapped.
        longest = max((len(row[at]) for row in cells), default=0)
        whole = longest if longest <= SHORT and not any(" " in row[at] for row in cells) else 0
        shown.add_column(name, min_width=whole)
    for row in cells:
        shown.add_row(*map(Text, row))
    Console().print(shown)


def plain(text: str) -> str:
    """Text that a terminal shows and doesn't obey: no control characters, on one line."""
    from storage.transcript import clean

    return clean(text)


def write(text: str) -> None:
    """Text as it is; only what is known to be clean."""
    sys.stdout.write(text)
