"""Bytes -> a parsed page, and elements -> text. Knows HTML and character sets, not what a page says.

Everything here is safe on hostile input: libxml2 keeps its limits on depth and size, no entity is expanded, no
address is fetched, and no function recurses.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import cache

import webencodings
from lxml import etree, html
from lxml.cssselect import CSSSelector

_META = re.compile(rb"<meta[^<>]{0,300}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml[^<>]{0,100}?\sencoding\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_HEADER = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_WIDER = {"gbk": "gb18030"}
# By the WHATWG's table no page is read that names one of these; the escapes of some can be read all the same.
_UNREAD = frozenset(("replacement", "x-user-defined"))
_WIDE = frozenset(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"))
_NO_CHARSET = frozenset(("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7"))
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# Characters that XML forbids, besides U+FFFE, U+FFFF and lone surrogates; libxml2 would stop at a NUL.
_FORBIDDEN = bytes(code for code in range(32) if code not in b"\t\n\f\r")
# A tag, its quoted values whole; what of it is none, to count. libxml2 holds each attribute against all before it.
_TAG = re.compile(r"<[A-Za-z](?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_APART = re.compile(r"[\s/]+")
MOST_ATTRIBUTES = 10_000
"""Attributes of one tag: with so many half a second is spent on it, with ten times as many a minute."""
# Browsers make <br> of it, libxml2 nothing.
_BREAK = re.compile(r"</br\s*/?>", re.IGNORECASE)
# Of these sets the bytes are ASCII, and so UTF-8, while an escape says what they stand for.
_ESCAPES = {"iso2022_jp": b"\x1b$", "iso2022_kr": b"\x1b$", "hz": b"~{"}
HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])
FOLDING = HEADINGS | {"dt", "summary"}
"""Elements whose buttons unfold what follows."""
_STYLE_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)

SILENT = frozenset(
    (
        *("audio", "canvas", "datalist", "embed", "head", "iframe", "map", "math", "noscript", "object"),
        *("option", "script", "select", "style", "svg", "template", "textarea", "title", "video"),
    )
)
"""Elements whose text no reader sees as text."""


def _codec(name: str | None) -> str | None:
    """Python's name of the character set that a page names: as browsers know it, else as Python does."""
    label = webencodings.lookup(name or "")
    try:
        found = codecs.lookup(name or "") if label is None or label.name in _UNREAD else label.codec_info
    except (LookupError, ValueError):
        return None
    # rot13 and base64 are codecs as well, and not of text; of these no page is made, whatever it says.
    if not getattr(found, "_is_text_encoding", True) or found.name in _NO_CHARSET:
        return None
    return _WIDER.get(found.name, found.name)


def decode(body: bytes, content_type: str = "") -> str:
    """The text of a page's bytes.

    A byte order mark decides; else bytes that are valid UTF-8 are UTF-8, whatever is declared (a text of some
    length in another set is never valid UTF-8 by chance, but for those that are declared and shift by escapes);
    else the header's charset, then the page's own: of HTML that of its <meta> before that of an XML declaration,
    which templates leave there. What can be read as a <meta> is never UTF-16, whatever it says.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    header = _HEADER.search(content_type)
    own = [_META.search(body, 0, 4096), _XML.match(body, 0, 4096)]
    if "xml" in content_type.casefold():
        own.reverse()
    inside = [_codec(found[1].decode("ascii")) for found in own if found]
    declared = [
        _codec(header[1]) if header else None,
        *(None if charset in _WIDE else charset for charset in inside),
    ]
    for charset in declared:
        if charset in _ESCAPES and _ESCAPES[charset] in body:
            return body.decode(charset, "replace")
    try:
        # A page that was cut within a character is still UTF-8: `final` is False.
        return codecs.getincrementaldecoder("utf-8")().decode(body, False)
    except UnicodeDecodeError:
        pass
    for charset in declared:
        # Those that declare UTF-8 are nearly that, or declare it wrongly: see below.
        if charset and charset != "utf-8":
            return body.decode(charset, "replace")
    # UTF-8 with a few bad bytes keeps nearly all its letters; anything else is read as Western.
    text = body.decode("utf-8", "replace")
    return text if text.count("\ufffd") * 100 <= len(text) else body.decode("cp1252", "replace")


# Every element is an HtmlElement: lxml.html's own parser asks a function of Python for the class of each.
_CLASSES = etree.ElementDefaultClassLookup(element=html.HtmlElement)


def crowded(text: str) -> bool:
    """Whether a tag has more than `MOST_ATTRIBUTES`."""
    return any(
        len(_APART.findall(_QUOTED.sub(" ", tag[0]))) > MOST_ATTRIBUTES
        for tag in (_TAG.finditer(text) if len(text) > 2 * MOST_ATTRIBUTES else ())
        if len(tag[0]) > 2 * MOST_ATTRIBUTES
    )


def parse(text: str) -> html.HtmlElement | None:
    """The root element of a page; None where there is none, or none to be trusted: `unread` tells why."""
    return _parse(text)[0]


def unread(text: str) -> str:
    """Why a page that `parse` gives nothing of is none, in a few words."""
    return _parse(text)[1]


def _parse(text: str) -> tuple[html.HtmlElement | None, str]:
    if crowded(text):
        return None, f"a tag has over {MOST_ATTRIBUTES:,} attributes"
    parser = etree.HTMLParser(
        encoding="utf-8", huge_tree=False, no_network=True, remove_comments=True, remove_pis=True
    )
    parser.set_element_class_lookup(_CLASSES)
    text = _BREAK.sub("<br>", text.replace("\ufffe", "").replace("\uffff", ""))
    body = text.encode("utf-8", "ignore").translate(None, _FORBIDDEN)
    nothing = "there is no HTML in the page"
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError, AssertionError):
        return None, nothing
    if stops := parser.error_log.filter_from_fatals():
        # What libxml2 gives then ends where it stopped, at elements nested over 256 deep.
        return None, f"it can't be read to its end: {stops[0].message.split(',')[0].strip()}"
    return (root, "") if isinstance(root, html.HtmlElement) else (None, nothing)


def tag(element: etree._Element) -> str:
    """The element's name in lower case; empty for comments and their like."""
    name = element.tag
    return name.lower() if isinstance(name, str) else ""


_compiled = cache(CSSSelector)


def select(root: etree._Element, selectors: tuple[str, ...]) -> list[etree._Element]:
    """What the first selector that selects anything selects."""
    for selector in selectors:
        found = _compiled(selector)(root)
        if found:
            return list(found)
    return []


def hidden(element: etree._Element) -> bool:
    """Whether the element itself says that it is not shown, and isn't what a heading above it unfolds."""
    style = element.get("style")
    away = element.get("hidden") is not None or (
        style is not None and _STYLE_HIDDEN.search(style) is not None
    )
    return away and not _unfolds(element)


def _unfolds(element: etree._Element) -> bool:
    """Whether a button or link in the heading before an element shows it to a reader who asks."""
    before = element.getprevious()
    while before is not None and not tag(before):
        before = before.getprevious()
    return (
        before is not None
        and tag(before) in FOLDING
        and any(tag(each) in ("a", "button") for each in before.iter())
    )


def texts(element: etree._Element) -> Iterator[str]:
    """The pieces of text that an element shows, in order, scripts and the like left out."""
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, node in walk:
        if event == "start":
            if (tag(node) in SILENT and node is not element) or not tag(node):
                walk.skip_subtree()
            elif node.text:
                yield node.text
        elif node.tail and node is not element:
            yield node.tail


def text_of(element: etree._Element) -> str:
    """The text of an element on one line; a space stands where one element ends and the next begins."""
    return " ".join(" ".join(texts(element)).split())
