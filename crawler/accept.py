"""Is this page a page? Decided before anything reads it: a wall, an error or half a page is never a transcript."""

from __future__ import annotations

import re
from itertools import islice

from lxml import etree

from crawler.languages import words
from crawler.markup import text_of, texts

LARGEST = 3_000_000
"""Bytes. The longest page seen has a quarter of that, and a hostile one this long takes some six seconds."""
SHORT = 1500
"""Characters: a wall or an error says less than this; a page that says more is no wall."""

_MAGIC = (
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "not html"),
    (b"\x89PNG", "not html"),
    (b"\xff\xd8\xff", "not html"),
    (b"GIF8", "not html"),
    (b"\x1f\x8b", "not html"),
    (b"{", "not html"),
    (b"[", "not html"),
    (b"{\\rtf", "not html"),
    (b"\xd0\xcf\x11\xe0", "not html"),
)
_FEED = re.compile(rb"<(?:rss|feed|urlset|sitemapindex|rdf:RDF)[\s>]", re.IGNORECASE)
# What walls put into their pages: F5, Cloudflare, Incapsula, Akamai, DDoS-Guard, Sucuri, PerimeterX, Qrator.
_WALL = re.compile(
    r"/TSPD/|bobcmn|cf[-_]chl|cf-browser-verification|challenge-platform|_Incapsula_Resource|ddos-guard|"
    r"sucuri_cloudproxy|px-captcha|g-recaptcha|h-captcha|hcaptcha\.com|qrator|__qrator|akamai.{0,40}reference|"
    r"errors\.edgesuite\.net|"
    r"(?:please |must )?(?:enable|turn on|allow) (?:javascript|cookies|js)\b|checking your browser|"
    r"just a moment\.\.\.|verify(?:ing)? (?:that )?you are (?:a )?human|are you a robot|unusual traffic|"
    r"access denied|request (?:has been |was )?(?:blocked|rejected)|security check|attention required|"
    r"включите javascript|проверка браузера",
    re.IGNORECASE,
)
_CLOSED = re.compile(rb"</(?:html|body)\s*>", re.IGNORECASE)
_HTML_TYPE = re.compile(
    r"^\s*(?:$|;|text/html|application/xhtml\+xml|text/plain|application/octet-stream|\*/\*)", re.I
)


def verdict_on_bytes(body: bytes, content_type: str) -> tuple[str, str] | None:
    """Why bytes can't be read as a page: a word for counting and a message; None where they may be one."""
    if not body.strip(b"\0 \t\r\n"):
        return "empty", "the response has no body"
    if len(body) > LARGEST:
        return "too large", f"{len(body):,} bytes; a page has at most {LARGEST:,}"
    start = body[:2048].lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind, f"the bytes are no HTML: they begin with {start[:8]!r}"
    if "pdf" in content_type.lower():
        return "pdf", f"the response says it is {content_type[:60]}"
    if not _HTML_TYPE.match(content_type):
        return "not html", f"the response says it is {content_type[:60]}"
    feed = _FEED.search(start)
    if feed is not None and b"<html" not in start[: feed.start()].lower():
        return "not html", "the page is a feed or a site map"
    return None


def verdict_on_end(body: bytes) -> tuple[str, str] | None:
    """Why a page was cut on its way, if it was: it has no end tag of its own."""
    if _CLOSED.search(body, max(0, len(body) - 200_000)) is None:
        return "truncated", f"the page ends without </body> or </html>, after {len(body):,} bytes"
    return None


def verdict_on_headline(root: etree._Element) -> tuple[str, str] | None:
    """Why a parsed page is an error that calls itself a success; None for a page."""
    for heading in (*islice(root.iter("title"), 1), *islice(root.iter("h1"), 2)):
        line = text_of(heading).casefold()
        if len(line) < 120 and any(word in line for word in words(None).missing):
            return "soft 404", f"the page calls itself {line[:60]!r}"
    return None


def verdict_on_text(source: str, root: etree._Element) -> tuple[str, str] | None:
    """Why a parsed page of no known layout is a wall, or empty; None for a page.

    Only a page with little text is suspected: a briefing may well speak of captchas.

    Args:
        source: the page's markup.
        root: the parsed page.
    """
    length = 0
    for piece in texts(next(root.iter("body"), root)):
        length += len(piece.strip())
        if length > SHORT:
            break
    if length <= SHORT:
        wall = _WALL.search(source[:100_000])
        if wall is not None:
            return "challenge", f"a wall, not a page: {wall[0]!r}"
    if not length:
        return "empty", "the page shows no text"
    return None
