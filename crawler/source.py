"""Sources: what Podium knows of an institution's site, one TOML file each, checked by a pydantic model.

A source file is facts only. A file that lacks one, or has a key nobody knows, is refused with its name, its
line and the reason, before anything is fetched.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, ValidationError, model_validator

from crawler.layout import Css, Layout, Pattern

BUILT_IN = Path(__file__).parent / "sources"


class SourceError(ValueError):
    """A source that is unknown, or a source file that can't be used; the message says where and why."""


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as problem:
        raise ValueError(f"no such time zone: {name!r}") from problem
    return name


def _address(url: str) -> str:
    """A web address that may hold {page} or a {date:...} field."""
    HttpUrl(re.sub(r"\{[^}]*\}", "1", url))
    return url


Address = Annotated[str, AfterValidator(_address)]


class Section(_Facts):
    """A part of the site. Days are complete when every section of the source is."""

    section: str = Field(
        default="", description="parts of a site with listings of their own have a name each"
    )


class Feed(Section):
    """An RSS or Atom feed: its newest items, complete back to its oldest one."""

    kind: Literal["feed"]
    url: Address


class Items(Section):
    """How a page of links is laid out: a CSS selector an item, and within it the link and the date."""

    item: Css
    link: Css = Field(default="a", description="within the item; the item itself may be the link")
    date: Css | None = Field(
        default=None,
        description="within the item: its datetime attribute or its text; else a 2020-08-27 in the item",
    )
    date_format: str | None = Field(
        default=None, description="strptime format of the date's text, where it can't be told, as in 03/06/22"
    )
    frame: Css | None = Field(
        default=None, description="stands on every such page; without it an empty one is not believed"
    )


class Listing(Items):
    """A paged list, newest first. ``page`` is a template with {page}; else ``next`` selects the next link."""

    kind: Literal["listing"]
    url: Address
    page: Address | None = None
    start: int = Field(default=2, description="the number that stands in the second page's address")
    next: Css | None = None
    pages: Pattern | None = Field(
        default=None, description="a pattern over the page's source; its group is the number of pages"
    )

    @model_validator(mode="after")
    def _has_a_second_page(self) -> Self:
        if self.page is not None and "{page}" not in self.page:
            raise ValueError("page: the template has no {page}")
        return self


class Calendar(Items):
    """A page a day: ``url`` is a template such as ``https://example.org/by-date/{date:%d.%m.%Y}``."""

    kind: Literal["calendar"]
    url: Address

    @model_validator(mode="after")
    def _has_a_date(self) -> Self:
        if self.url.format(date=dt.date(2001, 2, 3)) == self.url.format(date=dt.date(2001, 2, 4)):
            raise ValueError("url: the template has no {date:...}")
        return self


Discovery = Annotated[Feed | Listing | Calendar, Field(discriminator="kind")]


class Checked(_Facts):
    """What the file was checked against, and when."""

    on: dt.date
    against: str
    live: bool = Field(description="whether that was the live site")


class Expect(_Facts):
    """What is usual for the source; an audit reports what is not."""

    silent_days: int = Field(default=14, ge=1, description="days without a new page that are still usual")


class Source(_Facts):
    """One institution's site."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")
    name: str
    hosts: tuple[str, ...] = Field(min_length=1)
    language: str = Field(pattern=r"^[a-z]{2}$", description="ISO 639-1")
    timezone: Annotated[str, AfterValidator(_zone)]
    document: Pattern = Field(
        description="which addresses are documents; a group named id is the document's number"
    )
    delay: float = Field(default=1.0, ge=1.0, description="seconds between two requests to a host, at least")
    loopback: bool = Field(default=False, description="the site stands on this machine: tests and the demo")
    checked: Checked
    expect: Expect = Expect()
    discover: tuple[Discovery, ...] = Field(min_length=1)
    layout: tuple[Layout, ...] = ()

    @model_validator(mode="after")
    def _stays_on_its_hosts(self) -> Self:
        for entry in self.discover:
            host = urlsplit(entry.url).hostname or ""
            if not self.owns(host):
                raise ValueError(f"discover: {host} is not one of the hosts")
        local = {host for host in self.hosts if host in ("localhost", "127.0.0.1", "::1")}
        if local and not self.loopback:
            raise ValueError("hosts: a site on this machine has to say loopback = true")
        return self

    def owns(self, host: str) -> bool:
        """Whether a host is one of the source's, or below one."""
        return any(host == own or host.endswith(f".{own}") for own in self.hosts)

    @cached_property
    def _document(self) -> re.Pattern[str]:
        return re.compile(self.document)

    def key(self, url: str) -> str | None:
        """What identifies the document at an address within the source, or None where it is no document.

        The document's number where the pattern has a group ``id``, else the address without scheme,
        ``www.`` and fragment.
        """
        match = self._document.search(url)
        if match is None:
            return None
        number = match.groupdict().get("id")
        if number:
            return number
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
        return urlunsplit(("", host, parts.path.rstrip("/"), parts.query, "")).removeprefix("//")


def load_source(path: Path) -> Source:
    """The source that a TOML file describes.

    Raises:
        SourceError: the file can't be read, isn't TOML, or states something wrong: `file:line: key: reason`.
    """
    try:
        text = path.read_text(encoding="utf-8")
        facts = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as problem:
        raise SourceError(f"{path}: {problem}") from problem
    except tomllib.TOMLDecodeError as problem:
        raise SourceError(f"{path}: not TOML: {problem}") from problem
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
    folders = [BUILT_IN]
    if folder is not None:
        if not folder.is_dir():
            raise SourceError(f"{folder}: no such folder of sources")
        folders.append(folder)
    sources = [load_source(path) for place in folders for path in sorted(place.glob("*.toml"))]
    return {source.id: source for source in sources}


def source_of(url: str, sources: dict[str, Source]) -> Source | None:
    """The source whose host an address is on; the one with the longest matching host where several are."""
    host = urlsplit(url).hostname or ""
    owners = [
        (len(own), source)
        for source in sources.values()
        for own in source.hosts
        if host == own or host.endswith(f".{own}")
    ]
    return max(owners, key=lambda pair: pair[0])[1] if owners else None


def _complaints(path: Path, text: str, problem: ValidationError) -> list[str]:
    out = []
    errors = problem.errors()
    places = [error["loc"] for error in errors]
    for error in errors:
        if any(place != error["loc"] and place[: len(error["loc"])] == error["loc"] for place in places):
            continue  # it only says that something within it is wrong
        # The discriminator of a union shows up as a step of its own ("discover", 0, "listing", "item").
        place = tuple(step for step in error["loc"] if step not in ("feed", "listing", "calendar"))
        name = ".".join(str(step) for step in place) or "file"
        reason = {"extra_forbidden": "unknown key", "missing": "missing"}.get(error["type"], error["msg"])
        out.append(f"{path}:{_line(text, place)}: {name}: {reason.removeprefix('Value error, ')}")
    return out


def _line(text: str, place: tuple[str | int, ...]) -> int:
    """The line where a key stands, or its table; 1 where neither is written. tomllib keeps no lines."""
    tables = [step for step in place if isinstance(step, str)]
    count = next((step for step in place if isinstance(step, int)), 0)
    lines = text.splitlines()
    start = 0
    if len(tables) > 1 or len(tables) < len(place):
        heads = [n for n, line in enumerate(lines) if line.strip().strip("[]").strip() == tables[0]]
        heads = [n for n in heads if lines[n].lstrip().startswith("[")]
        start = heads[count] if count < len(heads) else 0
    key = re.compile(rf"\s*{re.escape(tables[-1])}\s*=") if tables else None
    for n in range(start, len(lines)):
        if n > start and len(tables) > 1 and lines[n].lstrip().startswith("["):
            break
        if key and key.match(lines[n]):
            return n + 1
    return start + 1
