"""The house stays as it was planned: imports run one way, and the top level holds what belongs there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {
    "storage": {"storage"},
    "crawler": {"crawler", "storage"},
    "flows": {"flows", "crawler", "storage"},
}
"""Each package, and those of ours that it may import."""

TOP = {
    *("crawler", "flows", "storage", "tests", "docs", "deploy", "benchmarks"),
    *(
        "prefect.yaml",
        "pyproject.toml",
        "README.md",
        "scrapy.cfg",
        "Makefile",
        "LICENSE",
        "requirements.lock",
        "requirements-extras.lock",
    ),
}


def modules() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The top-level packages that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            room = path.relative_to(ROOT).parts[0]
            names.add((node.module or "").partition(".")[0] if not node.level else room)
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    ours = imported(path) & {*ROOMS, "tests"}
    assert ours <= ROOMS[room], f"{room} must not import {', '.join(sorted(ours - ROOMS[room]))}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_the_top_level_holds_what_belongs_there() -> None:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    top = {name.partition("/")[0] for name in listed.split("\0") if name}
    assert {name for name in top if not name.startswith(".")} <= TOP


def test_processes_that_read_pages_load_no_database() -> None:
    program = "import sys, flows.warm; print('sqlalchemy' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
