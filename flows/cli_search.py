"""`podium search` and `podium export`: finding what was said, and taking it elsewhere."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.terminal import DatabaseUrl, Mistake, opened, plain, settings_from, waiting, window, write

if TYPE_CHECKING:
    from rich.text import Text
    from sqlalchemy.orm import Session

    from storage.search import Hit
    from storage.selection import Selection

Source = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="ID",
        help="Only documents that stand at this source's addresses, in their newest text, whoever has it.",
    ),
]
Language = Annotated[
    str | None, typer.Option("--language", metavar="CODE", help="Only documents in it, such as ru.")
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="DATE", help="Published on this day or later, as 2017-01-01.")
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="DATE", help="Published on this day or before.")
]
Speaker = Annotated[
    str | None, typer.Option("--speaker", metavar="NAME", help="Turns of whoever has this in name or label.")
]
TurnRole = Annotated[
    Literal["question", "answer", "statement", "moderator", "note"] | None,
    typer.Option("--role", help="Turns that are this."),
]
Form = Annotated[
    Literal["text", "jsonl", "csv", "parquet", "tei", "warc"],
    typer.Option(
        "--format", help="Text files, one JSON object a line, tables, TEI, or the pages themselves."
    ),
]


def search(
    query: Annotated[
        str,
        typer.Argument(help='Words that all occur; "a phrase"; begin*; -without.'),
    ],
    speaker: Speaker = None,
    since: Since = None,
    until: Until = None,
    source: Source = None,
    role: TurnRole = None,
    language: Language = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many turns.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object a line.")] = False,
    database: DatabaseUrl = None,
) -> None:
    """Find turns by their words, the best first, in the newest text of every transcript.

    Words are found as they are written, case aside: nothing is stemmed, and accents count.
    """
    asked = _selection(source, language, since, until, speaker, role)
    from storage.search import SearchError
    from storage.search import search as run

    with opened(database) as archive, archive.read() as session:
        _known(session, source)
        try:
            hits = run(session, query, asked, limit=limit)
        except SearchError as problem:
            raise Mistake(str(problem)) from problem
    if not hits:
        typer.echo(f"podium: nothing found for {plain(query)}", err=True)
    for number, hit in enumerate(hits):
        if as_json:
            write(json.dumps(asdict(hit), ensure_ascii=False, default=str) + "\n")
        else:
            _show(hit, first=not number)


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is empty or not there yet.")],
    form: Form = "text",
    source: Source = None,
    since: Since = None,
    until: Until = None,
    language: Language = None,
    speaker: Speaker = None,
    role: TurnRole = None,
    database: DatabaseUrl = None,
) -> None:
    """Write the newest text of every transcript, or of those chosen, to files that other programs read.

    The same archive gives the same bytes. manifest.json comes last and has the digest of each file: without it an
    export is not whole.
    """
    asked = _selection(source, language, since, until, speaker, role)
    from flows.verdict import several
    from storage.export import export as run

    with opened(database) as archive, waiting("Exporting ...") as say:
        with archive.read() as session:
            _known(session, source)
        warcs = settings_from(database).warcs()
        done = run(archive, warcs, folder, form, asked, lambda count: say(f"Exporting: {count} documents"))
    told = [several(done.documents, "document"), several(done.turns, "turn"), several(done.files, "file")]
    typer.echo(f"{plain(str(folder))}: {', '.join(told)}")


def _known(session: Session, source: str | None) -> None:
    """See that there is such a source, here or in the source files."""
    if source is None:
        return
    from crawler.source import SourceError
    from crawler.source_files import load_sources
    from storage.selection import Selection

    here = session.scalar(Selection(source).revisions().limit(1)) is not None
    if not here and source not in load_sources(settings_from().sources):
        raise SourceError(f"unknown source {source!r}; `podium source list` has those that there are")


def _selection(
    source: str | None,
    language: str | None,
    since: str | None,
    until: str | None,
    speaker: str | None,
    role: str | None,
) -> Selection:
    first, last = window(since, until)
    from storage.selection import Selection

    asked = Selection(source, language, first, last, speaker, role)
    asked.check()
    return asked


def _show(hit: Hit, *, first: bool) -> None:
    """A hit for a person: with its places in colour on a terminal, and without any marks elsewhere."""
    speaker = hit.speaker or hit.label
    from storage.transcript import GUESSED_DATE

    told = [f"{hit.date}{'?' * (GUESSED_DATE in hit.doubts)}", hit.source, speaker or "", hit.title]
    head = "  ".join(plain(part) for part in told if part)
    opening = f"podium show {hit.transcript_id}"
    if not first:
        write("\n")
    if not sys.stdout.isatty():
        write(f"{head}\n  {plain(hit.passage)}\n  {opening}\n")
        return
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    console.print(head, style="bold")
    console.print("  ", _highlighted(hit), sep="")
    console.print(f"  {opening}", style="dim")


def _highlighted(hit: Hit) -> Text:
    from rich.text import Text

    text = Text(hit.passage)
    for start, end in hit.marks:
        text.stylize("bold yellow", start, end)
    return text
