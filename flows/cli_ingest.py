"""`podium ingest`: the captures and texts of others."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.terminal import (
    DEGRADED,
    DONE,
    FAILED,
    WRONG_USAGE,
    DatabaseUrl,
    Mistake,
    file_at,
    plain,
    settings_from,
    waiting,
)

if TYPE_CHECKING:
    from crawler.source import Source
    from flows.ingest import Ingested
    from flows.settings import Settings

WARC = (".warc", ".warc.gz")
TEXT = ".txt"
TEXTS = "texts"
"""The id that texts are kept under where none is named."""

MOST_HOSTS = 10
"""Hosts that a line names."""


def ingest(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="WARC files (.warc, .warc.gz) and texts (.txt).")
    ],
    source: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Of a WARC file only this source's documents; texts are kept under this id."
        ),
    ] = None,
    database: DatabaseUrl = None,
) -> None:
    """Take in captures and texts of others: WARC files of any tool, texts in the archive's own format.

    Of a WARC file every document of a known source is copied into the archive, read and loaded, the oldest capture
    first. A text is kept under its file's name. What is there already is not kept twice.
    """
    settings = settings_from(database)
    warcs, texts = _sorted(files)
    if source is not None and not re.fullmatch(r"[a-z][a-z0-9-]{1,39}", source):
        raise Mistake(f"not an id: {source!r}; write lower case letters, digits and dashes")
    from crawler.source_files import load_sources, require_known
    from flows import report
    from flows.ingest import ingest_texts

    sources = load_sources(settings.sources)
    if source is not None and warcs:
        require_known([source], sources)
        sources = {source: sources[source]}
    else:
        sources = {name: each for name, each in sources.items() if not each.draft}
    worst, none = DONE, 0
    for path in warcs:
        found = _taken_in(path, sources, settings)
        for line in [*report.lines(found.reports), *_passed(path, found)]:
            typer.echo(line)
        worst = max(worst, report.exit_status(found.reports))
        if not found.reports:
            problem = (
                found.torn or f"{path}: holds no document of a known source; `podium source list` lists them"
            )
            typer.echo(f"podium: {plain(problem)}", err=True)
            none += 1
            worst = max(worst, WRONG_USAGE if found.torn else DEGRADED)
    if none == len(files) and worst == DEGRADED:
        worst = FAILED
    if texts:
        reports = [ingest_texts(texts, source or TEXTS, settings)]
        for line in report.lines(reports):
            typer.echo(line)
        worst = max(worst, report.exit_status(reports))
    raise typer.Exit(worst)


def _taken_in(path: Path, sources: dict[str, Source], settings: Settings) -> Ingested:
    from flows.ingest import ingest_warc

    name = plain(path.name)
    with waiting(f"{name} ...") as say:
        return ingest_warc(path, sources, settings, lambda step: say(f"{name}: {step}"))


def _sorted(files: list[Path]) -> tuple[list[Path], list[Path]]:
    """WARC files and texts, apart."""
    from flows.ingest import name_of

    for path in files:
        if not file_at(path).name.endswith((*WARC, TEXT)):
            raise Mistake(f"{plain(str(path))}: neither a WARC file (.warc, .warc.gz) nor a text (.txt)")
    texts = [path for path in files if path.name.endswith(TEXT)]
    name, count = Counter(map(name_of, texts)).most_common(1)[0] if texts else ("", 0)
    if count > 1:
        raise Mistake(
            f"{count} texts are called {name}; a text is known by its file's name, so name each once"
        )
    return [path for path in files if path not in texts], texts


def _passed(path: Path, found: Ingested) -> list[str]:
    """A line about what no run took from a file, and one about whose hosts nobody knows."""
    out = []
    if found.passed:
        parts = ", ".join(f"{name} ({count})" for name, count in sorted(found.passed.items()))
        out.append(f"{plain(path.name)}: passed over: {parts}")
    if found.strangers:
        hosts = sorted(found.strangers.items(), key=lambda item: (-item[1], item[0]))
        named = ", ".join(f"{plain(host)} ({count})" for host, count in hosts[:MOST_HOSTS])
        more = f" and {len(hosts) - MOST_HOSTS} more hosts" if len(hosts) > MOST_HOSTS else ""
        total = sum(found.strangers.values())
        out.append(f"{plain(path.name)}: {total} responses of no known source: {named}{more}")
    return out
