"""What is missing, told: as tables in a terminal, as Markdown in the Prefect UI, as one object of JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer

from flows import artifact
from flows.artifact import safe
from flows.missing import Covered, Gap, Missing
from flows.terminal import plain, table
from storage.coverage import Filled

MOST_SHOWN = 40
"""Rows that a table of needs or troubles shows; the object of JSON has all."""

MOST_GAPS = 10
"""The longest gaps that are shown."""

_SOURCES = (
    "source",
    "newest",
    "usual silence",
    "last night",
    "days with",
    "proved empty",
    "not read",
    "never looked at",
)
_GAPS = ("without a document", "from", "to", "days", "usual", "never looked at", "not read")
_SHARES = ("dated", "labelled", "speakers", "questions", "doubted")


def verdict(missing: Missing) -> str:
    """What needs a look, in one sentence."""
    if not missing.sources:
        return "There is nothing here yet."
    if not missing.needs:
        return f"Nothing needs a look, as of {missing.as_of}."
    sources = list(dict.fromkeys(need.source for need in missing.needs))
    shown = ", ".join(sources[:10]) + (", ..." if len(sources) > 10 else "")
    return f"{len(sources)} of {len(missing.sources)} sources need a look, as of {missing.as_of}: {shown}."


def show(missing: Missing, *, months: bool = False) -> None:
    """Print it as tables, the worst first.

    Args:
        missing: what was found.
        months: by month as well.
    """
    typer.echo(plain(verdict(missing)))
    if missing.needs:
        table(
            ("needs a look", "source", "what"),
            [(n.kind, n.source, n.what) for n in missing.needs[:MOST_SHOWN]],
        )
        _more(len(missing.needs))
    if missing.sources:
        table(_SOURCES, [_source_cells(row) for row in missing.sources])
        table(("source", "documents", "gone", *_SHARES), [_filled_cells(row) for row in missing.sources])
    if months:
        rows = [
            (each.source, f"{each.month:%Y-%m}", each.documents, *_shares(each)) for each in missing.months
        ]
        table(("source", "month", "documents", *_SHARES), rows)
    if missing.gaps:
        table(_GAPS, [_gap_cells(gap) for gap in missing.gaps[:MOST_GAPS]])
        _more(len(missing.gaps), MOST_GAPS)
    if missing.troubles:
        table(
            ("not read", "source", "why", "pages", "such as"),
            [(t.disposition, t.source, t.kind, t.pages, t.example) for t in missing.troubles[:MOST_SHOWN]],
        )
        _more(len(missing.troubles))


def _more(count: int, shown: int = MOST_SHOWN) -> None:
    if count > shown:
        typer.echo(f"and {count - shown} more; --json lists all")


def markdown(missing: Missing) -> str:
    """The verdict, then what it rests on."""
    said = safe(verdict(missing))
    out = [
        "# What is missing?",
        "",
        f"**{said}**" if missing.needs else said,
    ]
    # A list, since a table of the UI cuts a long cell off.
    out += ["", *(f"- **{n.kind}**: {safe(n.source)}: {safe(n.what)}" for n in missing.needs[:MOST_SHOWN])]
    if missing.sources:
        out += ["", "## Sources", *_table(_SOURCES, [_source_cells(row) for row in missing.sources])]
        filled = [_filled_cells(row) for row in missing.sources]
        out += [
            "",
            "## How full the documents are",
            *_table(("source", "documents", "gone", *_SHARES), filled),
        ]
    if missing.gaps:
        gaps = [_gap_cells(gap) for gap in missing.gaps[:MOST_GAPS]]
        out += ["", f"## Stretches without a document: {len(missing.gaps)}", *_table(_GAPS, gaps)]
    if missing.troubles:
        cells = [(t.disposition, t.source, t.kind, t.pages) for t in missing.troubles[:MOST_SHOWN]]
        out += ["", "## Pages that could not be read", *_table(("not read", "source", "why", "pages"), cells)]
    return "\n".join(out) + "\n"


def as_dict(missing: Missing) -> dict[str, Any]:
    """An object that JSON can hold, once its days are made text."""
    return asdict(missing) | {"gaps": [asdict(gap) | {"days": gap.days} for gap in missing.gaps]}


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    return ["", *artifact.table(head, [[safe(str(cell)) for cell in row] for row in rows])]


def _source_cells(row: Covered) -> tuple[object, ...]:
    usual = "" if row.usual is None else row.usual
    return (
        *(row.source, row.last or "none", usual, row.night or "none"),
        *(row.published, row.empty, row.unread, row.unproved),
    )


def _gap_cells(gap: Gap) -> tuple[object, ...]:
    return gap.source, gap.since, gap.until, gap.days, gap.usual, gap.unproved, gap.unread


def _filled_cells(row: Covered) -> tuple[object, ...]:
    return row.source, row.filled.documents, row.gone, *_shares(row.filled)


def _shares(filled: Filled) -> list[str]:
    counts = (filled.dated, filled.labelled, filled.speakers, filled.questions, filled.doubted)
    return [_share(count, filled.documents) for count in counts]


def _share(count: int, of: int) -> str:
    """A share in per cent, rounded towards the middle: 100% and 0% mean all and none."""
    if not of or count in (0, of):
        return "" if not of else "100%" if count else "0%"
    return f"{min(max(round(100 * count / of), 1), 99)}%"
