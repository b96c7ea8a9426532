"""A first source file for a site nobody has described, from one of its pages. A person reviews it."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from lxml.html import HtmlElement

from crawler.dates import find
from crawler.markup import decode, parse
from crawler.page import Page
from storage.address import LOCAL, host_of, is_on, unescaped
from storage.transcript import Transcript, clean

_PLAIN = re.compile(r"[A-Za-z_](?:[^\W\d]|-)*")
_NUMBERED = re.compile(r"([A-Za-z_-]{0,12})(\d+)(\.[A-Za-z]{2,5}|)")
_DATE = re.compile(r"(?:19|20)\d\d(?:\d\d){0,2}")


def suggest(page: Page, transcript: Transcript, source_id: str) -> str:
    """The text of a TOML file whose layout reads the page; what it can't know is marked ``REVIEW``.

    Args:
        page: one document of the site, which `crawler.page.extract` has read.
        transcript: what generic extraction made of it.
        source_id: the file's name and the source's id.
    """
    root = parse(decode(page.body, page.content_type))
    assert root is not None, "a page that was read"
    parts = urlsplit(page.url)
    host = (parts.hostname or "").removeprefix("www.")
    base = f"{parts.scheme}://{parts.netloc}"
    feed = _feed(root, page.url)
    there, _, last = parts.path.rstrip("/").rpartition("/")
    folder, last = unescaped(there), unescaped(last)  # as a pattern may have them
    if feed:
        found = f'kind = "feed"\nurl = {_quoted(feed)}'
    else:
        found = (
            'kind = "listing"'
            f"\nurl = {_quoted(f'{base}{_undated(there)}/')} # REVIEW: the page that lists the documents"
            '\nitem = "li"                     # REVIEW: one entry of the list\nlink = "a"'
            "\nnext = \"a[rel=next]\"            # REVIEW: the link to the next page, or page = '...{page}'"
        )
    # Documents of other days stand in other folders.
    above, dated = re.subn(r"\d+", r"\\d+", re.escape(f"{folder}/"))
    pattern = above + _of_any(last, unique=not dated) + "/?(?:[?#]|$)"
    local = "loopback = true\n" if host in LOCAL else ""
    title, day, body = _title(root, transcript), _day(root, transcript), _body(root, transcript)
    return f"""draft = true                     # REVIEW every line of this file, then take this one out
id = {_quoted(source_id)}
name = {_quoted(_site_name(root) or host)}
hosts = [{_quoted(host)}]
language = {_quoted(transcript.language or "en")}
timezone = "Etc/UTC"             # REVIEW: the institution's own
document = '{pattern.replace("'", "[^/?#]")}' # REVIEW: it fits each document's address, and no other; \
what `id` holds is one document's on the whole site
{local}
[checked]
on = {page.captured or "1970-01-01"}
against = {_quoted(f"one page, {page.url}")}
live = false

[[discover]]
{found}

[[layout]]                       # REVIEW: it reads other pages too
name = "first"
title = [{_quoted(title)}]
date = [{_quoted(day)}]
body = [{_quoted(body)}]
"""


def _feed(root: HtmlElement, url: str) -> str | None:
    """The first feed that the page names on its own host, from which alone it may be fetched."""
    kinds = 'contains(@type, "rss") or contains(@type, "atom")'
    for address in root.xpath(f'//link[@rel="alternate"][{kinds}]/@href'):
        feed = urljoin(url, str(address))
        if is_on(host_of(feed), [host_of(url).removeprefix("www.")]):
            return feed
    return None


def _title(root: HtmlElement, transcript: Transcript) -> str:
    for element in root.iter("h1", "h2", "h3"):
        if clean(element.text_content()) == transcript.title:
            return _selector(root, element)
    return "h1"


def _day(root: HtmlElement, transcript: Transcript) -> str:
    """The smallest element that states the date: by its attribute, else by a short text."""
    for element in root.iter("time"):
        stated = find(element.get("datetime") or element.text_content())
        if stated and stated[0] == transcript.date:
            return _selector(root, element)
    for element in reversed([each for each in root.iter() if isinstance(each.tag, str)]):
        text = clean(element.text_content())
        stated = find(text) if len(text) < 60 else None
        if stated and stated[0] == transcript.date:
            return _selector(root, element)
    return "time"


def _body(root: HtmlElement, transcript: Transcript) -> str:
    """The deepest element that holds every paragraph."""
    wanted = ["".join(text.split()) for turn in transcript.turns for text in turn.paragraphs]
    place = root.find("body")
    if place is None:
        return "body"
    while True:
        inner = next(
            (child for child in place if isinstance(child.tag, str) and _holds(child, wanted)),
            None,
        )
        if inner is None:
            return _selector(root, place)
        place = inner


def _holds(element: HtmlElement, wanted: list[str]) -> bool:
    text = "".join(element.text_content().split())
    return all(each in text for each in wanted)


def _selector(root: HtmlElement, element: HtmlElement) -> str:
    """A CSS selector that this element is the first match of: by id, else by class, else below its parent."""
    tag, name = str(element.tag), element.get("id", "")
    # With a number it may be this one page's: "post-17", "css-1y".
    if _PLAIN.fullmatch(name):
        return f"#{name}"
    for word in element.get("class", "").split():
        if _PLAIN.fullmatch(word) and root.cssselect(f"{tag}.{word}")[0] is element:
            return f"{tag}.{word}"
    parent = element.getparent()
    if parent is None or root.cssselect(tag)[0] is element:
        return tag
    return f"{_selector(root, parent)} > {tag}"


def _site_name(root: HtmlElement) -> str:
    return clean(next(iter(root.xpath('//meta[@property="og:site_name"]/@content')), ""))


def _undated(folder: str) -> str:
    """A folder up to the first part that is a number: ``/news/2026/11`` is ``/news``."""
    return re.split(r"/\d+(?=/|$)", folder, maxsplit=1)[0]


def _of_any(last: str, *, unique: bool) -> str:
    """A pattern of the last part of any document's address, from one; its number is the id if it is no date.

    Args:
        last: that part.
        unique: no number stands before it: below a year or a month, numbers may begin anew.
    """
    numbered = _NUMBERED.fullmatch(last) if unique else None
    if numbered is None or _DATE.fullmatch(numbered[2]):
        return "[^/?#]+"
    return rf"{re.escape(numbered[1])}(?P<id>\d+){re.escape(numbered[3])}"


def _quoted(text: str) -> str:
    """A TOML basic string."""
    return '"' + clean(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
