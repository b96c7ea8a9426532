"""The documentation is true: what is made of the code is current, and links, queries and blocks work."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from sqlalchemy import text

from flows import plan
from flows.cli import app
from flows.collect import collect
from flows.demo import stage
from flows.reference import DOCS, pages
from storage.database import Database
from storage.duplicates import compare
from storage.models import Base
from tests.conftest import TODAY
from tests.site import MisbehavingMinistry
from tests.test_load import Desk, said

ROOT = DOCS.parent


def test_what_is_made_of_the_code_is_current() -> None:
    for name, wanted in pages().items():
        assert (DOCS / name).read_text(encoding="utf-8") == wanted, "run python -m flows.reference"


def test_every_command_and_option_is_in_the_reference_and_says_what_it_is_for() -> None:
    page, seen = (DOCS / "commands.md").read_text(encoding="utf-8"), 0

    def look(command: object, name: str) -> None:
        nonlocal seen
        if isinstance(command, typer.core.TyperGroup):
            for part, each in command.commands.items():
                look(each, f"{name} {part}")
            return
        seen += 1
        assert isinstance(command, typer.core.TyperCommand)
        own = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert command.help and " ".join(command.help.split("\n\n")[0].split()) in own
        for parameter in command.params:
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                assert option in own, (name, option)
            assert getattr(parameter, "help", None), (name, parameter.name)

    look(typer.main.get_command(app), "podium")
    assert seen > 15


def test_every_table_and_column_is_in_the_picture_and_every_table_in_the_text() -> None:
    picture, page = ((DOCS / name).read_text(encoding="utf-8") for name in ("tables.svg", "data-model.md"))
    for table in Base.metadata.sorted_tables:
        assert f">{table.name}</text>" in picture
        assert all(f">{column.name}</text>" in picture for column in table.columns)
        assert re.search(f"\\*\\*{table.name.removesuffix('s')}s?\\*\\*", page, re.I), table.name


def test_every_page_is_in_the_navigation_once() -> None:
    nav = (ROOT / ".mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    assert sorted(re.findall(r": (\S+\.md)$", nav, re.M)) == sorted(path.name for path in DOCS.glob("*.md"))


def test_the_queries_of_the_docs_run_and_find_what_they_say(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'podium.db'}")
    desk = Desk(database)
    desk.load(said())
    edited = said(" ".join(f"Another {n} texts." for n in range(90)))
    desk.load(edited)
    desk.load(edited, "copy", "mirror")
    desk.load(replace(edited, title="A mirror", turns=edited.turns[1:]), "a", "there")
    for source in ("here", "there"):
        list(compare(database, source))
    queries = re.findall(r"```sql\n(.*?)```", (DOCS / "sql.md").read_text(encoding="utf-8"), re.S)
    with database.read() as session:
        answers, edits, places, likes = (session.execute(text(query)).all() for query in queries)
    assert answers == [("2026", "Edda Rosk", 2)]
    assert [row.number for row in edits] == [2] and edits[0].url == "https://here.example/a"
    assert [row.addresses for row in places] == [2] and "https://mirror.example/copy" in places[0].urls
    assert [(row.kind, row.title, row.of_title) for row in likes] == [("mirror", "A mirror", "On the ferry")]
    database.close()


def blocks(name: str) -> str:
    """The Python of a page, one block after another."""
    return "\n".join(re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.S))


def test_the_example_of_the_text_format_runs() -> None:
    exec(compile(blocks("text-format.md"), "text-format.md", "exec"), {})


@pytest.mark.slow
def test_the_notebook_runs_on_the_demos_archive(
    site: MisbehavingMinistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)
    settings = stage(tmp_path / "podium-demo", site).settings
    (order,) = plan.backfill(settings, TODAY - dt.timedelta(45), TODAY)
    collect(order, settings)
    site.correct()
    (order,) = plan.night(settings)
    collect(order, settings)
    command = [sys.executable, "-c", blocks("notebook.md")]
    quiet = {**os.environ, "MPLBACKEND": "Agg", "MPLCONFIGDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=quiet, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "words  " in done.stdout and "[-" in done.stdout and "[ferry]" in done.stdout
    assert "</svg>" in (tmp_path / "speakers.svg").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_fetches_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "-f",
        str(ROOT / ".mkdocs.yml"),
        "-d",
        "site",
    ]
    done = subprocess.run([*command[:-1], str(tmp_path / "site")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    built = list((tmp_path / "site").rglob("*.html"))
    assert len(built) >= len(list(DOCS.glob("*.md")))
    for page in built:
        fetched = re.findall(
            r'<(?:script|link|img|iframe)[^>]*?(?:src|href)="?(https?:[^\s">]*)',
            page.read_text(encoding="utf-8"),
        )
        assert not fetched, page
