"""Sources: what Podium knows of an institution's site, facts only, checked by a pydantic model."""

from __future__ import annotations

import datetime as dt
import re
from functools import cached_property
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, ValidationError, model_validator

from crawler.layout import Css, Layout, Pattern
from storage.address import LOCAL, escaped, host_of, is_on, uncounted, unescaped

LONGEST_URL = 2_000
"""Bytes in a document's address. PostgreSQL can't index a text of more than 2,704."""

_HOST = re.compile(r"(?!\.)[\w.-]+")


class SourceError(ValueError):
    """A source that is unknown, or a source file that can't be used; the message says where and why."""


class FactError(ValueError):
    """What only a look at several keys can tell, with the key that it is about."""

    def __init__(self, place: tuple[str | int, ...], reason: str) -> None:
        super().__init__(reason)
        self.place = place


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
    try:
        HttpUrl(re.sub(r"\{[^}]*\}", "1", url))
    except ValidationError as problem:
        raise ValueError(f"not a web address: {url!r}") from problem
    return url


def _date_format(form: str) -> str:
    day = dt.date(2022, 6, 3)
    try:
        if dt.datetime.strptime(day.strftime(form), form).date() == day:
            return form
    except ValueError:
        pass
    raise ValueError(f"not a strptime format of a day: {form!r}")


def _numbered(expression: str) -> str:
    if re.compile(expression).groups != 1:
        raise ValueError(f"a pattern with one group is wanted: {expression!r}")
    return expression


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


class SiteMap(Section):
    """An XML site map, plain or gzip, or an index of them. One of news, with dates of publication, is complete
    back to its oldest document; one with days of change only finds documents and proves no day.
    """

    kind: Literal["sitemap"]
    url: Address


class Items(Section):
    """How a page of links is laid out: a CSS selector an item, and within it the link and the date."""

    item: Css
    link: Css = Field(default="a", description="within the item; the item itself may be the link")
    date: Css | None = Field(
        default=None,
        description="within the item: its datetime attribute or its text; else a 2020-08-27 in the item",
    )
    date_format: Annotated[str, AfterValidator(_date_format)] | None = Field(
        default=None, description="strptime format of the date's text, where it can't be told, as in 03/06/22"
    )
    updated: bool = Field(
        default=False, description="the dates are those of the last change; publication was then or before"
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
    pages: Annotated[Pattern, AfterValidator(_numbered)] | None = Field(
        default=None, description="a pattern over the page's source; its group is the number of pages"
    )
    first: dt.date | None = Field(
        default=None,
        description="day of the first document: a list that ends there is whole, one that ends later may be cut "
        "and proves no day before its oldest document",
    )

    @model_validator(mode="after")
    def _has_a_second_page(self) -> Self:
        if self.page is not None and "{page}" not in self.page:
            raise FactError(("page",), "the template has no {page}")
        return self


class Calendar(Items):
    """A page a day: ``url`` is a template such as ``https://example.org/by-date/{date:%d.%m.%Y}``. Where a day can
    fill several, ``next`` selects the link to the next one.
    """

    kind: Literal["calendar"]
    url: Address
    next: Css | None = None

    @model_validator(mode="after")
    def _has_a_date(self) -> Self:
        try:
            days = {self.url.format(date=dt.date(2001, 2, day)) for day in (3, 4)}
        except (LookupError, ValueError, AttributeError) as problem:
            raise FactError(("url",), f"not a template: {self.url!r}") from problem
        if len(days) == 1:
            raise FactError(("url",), "the template has no {date:...}")
        return self


Discovery = Annotated[Feed | SiteMap | Listing | Calendar, Field(discriminator="kind")]


def _host(name: str) -> str:
    """A host's name as addresses have it: in lower case, and of other letters than ASCII's as the DNS has it."""
    if name.count(":") > 1:
        raise ValueError("an IPv6 address is never connected to: give the site's name")
    found = host_of(f"https://{name}")
    if not found or not _HOST.fullmatch(name):
        raise ValueError("a host's name, without scheme, port and path, is expected")
    return found


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
    draft: bool = Field(default=False, description="not reviewed: it is collected only where it is named")
    hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = Field(min_length=1)
    language: str = Field(pattern=r"^[a-z]{2}$", description="ISO 639-1")
    timezone: Annotated[str, AfterValidator(_zone)]
    document: Pattern = Field(
        description="which addresses are documents; a group named id is the document's number"
    )
    delay: float = Field(default=1.0, ge=1.0, description="seconds between two requests to a host, at least")
    loopback: bool = Field(default=False, description="the site stands on this machine: tests and the demo")
    render: bool = Field(
        default=False, description="a script puts the text in, so pages are fetched with a browser"
    )
    checked: Checked
    expect: Expect = Expect()
    discover: tuple[Discovery, ...] = Field(min_length=1)
    layout: tuple[Layout, ...] = ()

    @model_validator(mode="after")
    def _has_one_calendar_a_section(self) -> Self:
        found = set[str]()
        for number, entry in enumerate(self.discover):
            if isinstance(entry, Calendar):
                if entry.section in found:
                    told = "a second calendar needs a section of its own, or no day is asked for"
                    raise FactError(("discover", number, "section"), told)
                found.add(entry.section)
        return self

    @model_validator(mode="after")
    def _stays_on_its_hosts(self) -> Self:
        for number, entry in enumerate(self.discover):
            for name in ("url", "page"):
                address = getattr(entry, name, None)
                if address is not None and not self.owns(host_of(address)):
                    reason = f"{host_of(address) or address} is not one of the hosts"
                    raise FactError(("discover", number, name), reason)
        if LOCAL.intersection(self.hosts) and not self.loopback:
            raise FactError(("hosts",), "a site on this machine has to say loopback = true")
        return self

    def owns(self, host: str) -> bool:
        """Whether a host is one of the source's, or below one."""
        return is_on(host, self.hosts)

    def day_of(self, moment: dt.datetime) -> dt.date:
        """The day of a moment in the institution's time zone."""
        return moment.astimezone(ZoneInfo(self.timezone)).date()

    @cached_property
    def _document(self) -> re.Pattern[str]:
        return re.compile(self.document)

    def key(self, url: str) -> str | None:
        """What identifies the document at an address within the source, or None where it is none of its documents.

        The document's number where the pattern has a group ``id``, else the address without scheme,
        ``www.``, fragment and what only counts its readers. Letters beyond ASCII are as they are sent; a pattern
        may have them either way.
        """
        match = self._document.search(url)
        if match is None and "%" in url:
            match = self._document.search(unescaped(url))
        if match is None or len(escaped(url)) > LONGEST_URL or not self.owns(host_of(url)):
            return None
        number = match.groupdict().get("id")
        if number:
            return escaped(number)
        parts = urlsplit(uncounted(url))
        host = host_of(url).removeprefix("www.")
        path, query = escaped(parts.path.rstrip("/")), escaped(parts.query)
        return urlunsplit(("", host, path, query, "")).removeprefix("//")


def source_of(url: str, sources: dict[str, Source]) -> Source | None:
    """The source whose host an address is on: of several one that calls it a document, with the longest host."""
    host = host_of(url)
    owners = [
        (source.key(url) is not None, len(own), source)
        for source in sources.values()
        for own in source.hosts
        if is_on(host, (own,))
    ]
    return max(owners, key=lambda owner: owner[:2])[2] if owners else None
