"""What of docs/ is made of the code itself: the command's reference, and the picture of the tables.

Run: ``python -m flows.reference`` writes docs/commands.md and docs/tables.svg.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

DOCS = Path(__file__).parent.parent / "docs"


def pages() -> dict[str, str]:
    """The text of each file in docs/ that is made so."""
    from storage.diagram import svg

    return {"commands.md": reference(), "tables.svg": svg()}


def reference() -> str:
    """The page of every command, with its arguments and options."""
    from flows.cli import app

    command = typer.main.get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    return "\n".join([*_HEAD, *_commands(command, "podium"), ""])


_HEAD = (
    "# Commands",
    "",
    "What `podium COMMAND --help` says; `python -m flows.reference` makes this page of the command itself.",
    "Exit status: 0 done, 1 done but degraded, 2 wrong usage or configuration, 3 failed.",
)


def _commands(command: object, name: str) -> Iterator[str]:
    if isinstance(command, typer.core.TyperGroup):
        for part, each in command.commands.items():
            yield from _commands(each, f"{name} {part}")
        return
    assert isinstance(command, typer.core.TyperCommand)
    context = command.make_context(name, [], resilient_parsing=True)
    yield from ("", f"## {name}", "")
    yield from (f"    {name} {' '.join(command.collect_usage_pieces(context))}", "")
    yield from _paragraphs(command.help or "")
    rows = [
        record
        for parameter in command.get_params(context)
        if parameter.name != "help" and (record := parameter.get_help_record(context)) is not None
    ]
    if rows:
        yield from ("", "| argument or option | what |", "| --- | --- |")
        yield from (f"| {_cell(f'`{names}`')} | {_cell(told)} |" for names, told in rows)


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(text.strip().split("\n\n")):
        if number:
            yield ""
        yield " ".join(paragraph.split())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
