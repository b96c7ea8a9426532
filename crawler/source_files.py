"""Source files: one TOML file each source of `crawler.source`.

A file that lacks a fact, or has a key nobody knows, is refused with its name, its line and the reason, before
anything is fetched.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path

from pydantic import ValidationError

from crawler.source import FactError, Source, SourceError

BUILT_IN = Path(__file__).parent / "sources"


def load_source(path: Path) -> Source:
    """The source that a TOML file describes.

    Raises:
        SourceError: the file can't be read, isn't TOML, or states something wrong: `file:line: key: reason`.
    """
    try:
        text = path.read_text(encoding="utf-8")
        facts = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as problem:
        raise SourceError(f"{path}: {getattr(problem, 'strerror', None) or problem}") from problem
    except tomllib.TOMLDecodeError as problem:
        found = re.search(r"at line (\d+)", str(problem))
        line = int(found[1]) if found else text.count("\n", 0, len(text.rstrip())) + 1
        raise SourceError(f"{path}:{line}: not TOML: {problem}") from problem
    try:
        source = Source.model_validate(facts)
    except ValidationError as problem:
        raise SourceError("; ".join(_complaints(path, text, problem))) from problem
    if source.id != path.stem:
        raise SourceError(
            f"{path}:{_line(text, ('id',))}: id: is {source.id!r}, the file's name says otherwise"
        )
    return source


def load_sources(folder: Path | None = None) -> dict[str, Source]:
    """Every source by its id: Podium's own, then those of `folder`, which may replace one of ours.

    Raises:
        SourceError: a file is unusable, or the folder is not there.
    """
    sources, unusable = read_sources(folder)
    for problem in unusable.values():
        raise problem
    return sources


def read_sources(folder: Path | None = None) -> tuple[dict[str, Source], dict[str, SourceError]]:
    """Every source by its id, as for `load_sources`, and what is wrong with files that can't be used, by theirs.

    Raises:
        SourceError: the folder is not there.
    """
    folders = [BUILT_IN]
    if folder is not None:
        if not folder.is_dir():
            raise SourceError(f"{folder}: no such folder of sources")
        folders.append(folder)
    # An editor's locks and what a Mac leaves beside a file have names that begin with a dot.
    paths = [path for place in folders for path in sorted(place.glob("[!.]*.toml"))]
    sources: dict[str, Source] = {}
    unusable: dict[str, SourceError] = {}
    for path in paths:
        try:
            sources[path.stem] = load_source(path)
        except SourceError as problem:
            unusable[path.stem] = problem
            sources.pop(path.stem, None)
    return sources, unusable


def require_known(ids: Iterable[str], known: Collection[str]) -> None:
    """See that there are sources of those ids.

    Raises:
        SourceError: there is none of one.
    """
    for name in ids:
        if name not in known:
            raise SourceError(f"unknown source {name!r}; there are: {', '.join(sorted(known))}")


def _complaints(path: Path, text: str, problem: ValidationError) -> list[str]:
    out = []
    errors = problem.errors()
    places = [error["loc"] for error in errors]
    for error in errors:
        if any(place != error["loc"] and place[: len(error["loc"])] == error["loc"] for place in places):
            continue  # it only says that something within it is wrong
        wrong = error.get("ctx", {}).get("error")
        place = error["loc"] + (wrong.place if isinstance(wrong, FactError) else ())
        if error["type"].startswith("union_tag"):
            place += ("kind",)
        # The discriminator of a union shows up as a step of its own ("discover", 0, "listing", "item").
        if place[:1] == ("discover",) and place[2:3] in (
            ("feed",),
            ("sitemap",),
            ("listing",),
            ("calendar",),
        ):
            place = place[:2] + place[3:]
        name = ".".join(str(step) for step in place) or "file"
        reason = {"extra_forbidden": "unknown key", "missing": "missing"}.get(error["type"], error["msg"])
        reason = " ".join(reason.removeprefix("Value error, ").split())
        out.append(f"{path}:{_line(text, place)}: {name}: {reason}")
    return out


def _line(text: str, place: tuple[str | int, ...]) -> int:
    """The line where a key stands, or else its table; 1 where neither is written. tomllib keeps no lines."""
    lines = text.split("\n")
    tables = [n for n, line in enumerate(lines) if re.match(r"\s*\[", line)] + [len(lines)]
    names = [str(step) for step in place if isinstance(step, str)]
    number = next((step for step in place if isinstance(step, int)), 0)
    own = re.compile(rf"\s*\[\[?\s*{re.escape(names[0])}\s*\]") if names else None
    heads = [n for n in tables[:-1] if own and own.match(lines[n])]
    if heads:
        head = heads[min(number, len(heads) - 1)]
        start, end = head + 1, next(n for n in tables if n > head)
    else:
        head, start, end = 0, 0, tables[0]
    for name in reversed(names):
        key = re.compile(rf"""\s*["']?{re.escape(name)}["']?\s*[.=]""")
        for n in range(start, end):
            if key.match(lines[n]):
                return n + 1
    return head + 1
