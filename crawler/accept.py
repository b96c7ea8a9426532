"""Is this page a page? Decided before anything reads it: a wall, an error or half a page is never a transcript."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from lxml import etree

from crawler.languages import words
from crawler.markup import parse, text_of, texts

if TYPE_CHECKING:  # reading a page needs no database
    from storage.models import Disposition

GONE = frozenset({404, 410})
TOO_MANY = 429
BUSY = frozenset({TOO_MANY, 503})
CLOSED = frozenset({401, 403, 407, 451})

LARGEST = 3_000_000
"""Bytes. The longest page seen has a quarter of that."""
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
TAIL = 200_000
"""Characters at the end of a page among which its end tag is looked for."""
_OPENED = re.compile(r"<(?:html|body)[\s>]", re.IGNORECASE)
_CLOSED = re.compile(r"</(?:html|body)\s*>", re.IGNORECASE)
# What is no markup, though it may hold some; only looked for where the last of each is known to end.
_ASIDE = re.compile(r"<!--.*?-->|<script.*?</script|<style.*?</style", re.DOTALL)
# A piece of text that is worth counting; what no reader sees is passed over, to the page's end where it has none.
_TEXT = re.compile(
    r"<(head|script|style|noscript|template|svg|iframe|select|textarea)\b.*?(?:</\1|\Z)|<!--.*?(?:-->|\Z)|"
    r">([^<>]{20,})",
    re.DOTALL | re.IGNORECASE,
)
# What a headline's parts are parted by: "Page not found | Ministry of Foreign Affairs".
_PARTS = re.compile(r"[|·•–—:!?;,.()\[\]«»\"“”]| - ")
MOSTLY = 0.35
"""Of a headline's part: more than this says that there is no page. "The page you requested could not be found" has
0.45; a headline of the news that says that no proof was not found, less."""
_FRAME = re.compile(r"<(/?)(div|section|article|main|table)[\s/>]")
_STOPS = ">.!?…。！？)]”’»\"'"
_HTML_TYPE = re.compile(
    r"^\s*(?:$|;|text/html|application/xhtml\+xml|text/plain|application/octet-stream|\*/\*)", re.I
)


def verdict_on_status(status: int) -> tuple[Disposition, str] | None:
    """What a response without a page makes of it, and why; None for status 200."""
    if status == 200:
        return None
    told: Disposition = "gone" if status in GONE else "blocked" if status in BUSY | CLOSED else "failed"
    return told, f"HTTP {status}"


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


def verdict_on_end(markup: str) -> tuple[str, str] | None:
    """Why a page was cut on its way, if it was: it lacks its end tag, and what goes before it too.

    HTML lets a page leave out its last tags, and sloppy pages do.
    """
    if _CLOSED.search(markup, max(0, len(markup) - TAIL)) or not _OPENED.search(markup):
        return None
    how = _breaks_off(markup.lower())
    if how is None:
        return None
    return "truncated", f"the page breaks off {how}, after {len(markup):,} characters"


def _breaks_off(markup: str) -> str | None:
    for begin, end in (("<!--", "-->"), ("<script", "</script"), ("<style", "</style")):
        if markup.rfind(begin) > markup.rfind(end):
            return f"within {begin}"
    markup = _ASIDE.sub("", markup).rstrip()
    if markup.rfind("<") > markup.rfind(">"):
        return "within a tag"
    open_now: Counter[str] = Counter()
    for match in _FRAME.finditer(markup):
        open_now[match[2]] += -1 if match[1] else 1
    name, count = max(open_now.items(), key=lambda item: item[1], default=("", 0))
    if count > 0:
        return f"before the end of a <{name}>"
    return None if markup.endswith(tuple(_STOPS)) else "in the middle of a text"


def verdict_on_headline(root: etree._Element) -> tuple[str, str] | None:
    """Why a parsed page is an error that calls itself a success; None for a page."""
    for heading in (*islice(root.iter("title"), 1), *islice(root.iter("h1"), 2)):
        line = text_of(heading).casefold()
        # "Press release no. 404": a number says it at the beginning only.
        parts = [part for n, part in enumerate(_PARTS.split(line)) if n == 0 or not part.strip().isdigit()]
        if len(line) < 120 and any(map(_says_missing, parts)):
            return "soft 404", f"the page calls itself {line[:60]!r}"
    return None


def _says_missing(part: str) -> bool:
    """Whether such words make up much of a part of a headline: "404 not found", but no "Briefing 404"."""
    said, rest = (sum(map(str.isalnum, text)) for text in (part, _missing().sub("", part)))
    return said - rest > said * MOSTLY


@cache
def _missing() -> re.Pattern[str]:
    """The words of all languages, the longest first."""
    return re.compile("|".join(map(re.escape, sorted(words(None).missing, key=len, reverse=True))))


def _says_much(markup: str) -> bool:
    """Whether a page has more text than a wall, as far as that can be seen without parsing it.

    On pages of the corpus it takes a fifth of the time of parsing, and a fiftieth of a search for a wall's words.
    """
    length = 0
    for match in _TEXT.finditer(markup):
        length += len((match[2] or "").strip())
        if length > SHORT:
            return True
    return False


def challenge_in(markup: str) -> str | None:
    """What shows that a page which lacks all it is for is a challenge; None where nothing does."""
    root = None if _says_much(markup) else parse(markup)
    verdict = verdict_on_text(markup, root) if root is not None else None
    return verdict[1] if verdict is not None and verdict[0] == "challenge" else None


def verdict_on_text(markup: str, root: etree._Element) -> tuple[str, str] | None:
    """Why a parsed page of no known layout is a wall, or empty; None for a page.

    Only a page with little text is suspected: a briefing may well speak of captchas.

    Args:
        markup: the page.
        root: the parsed page.
    """
    length = 0
    for piece in texts(next(root.iter("body"), root)):
        length += len(piece.strip())
        if length > SHORT:
            break
    if length <= SHORT and (wall := _WALL.search(markup[:100_000])):
        return "challenge", f"a wall, not a page: {wall[0]!r}"
    if not length:
        return "empty", "the page shows no text"
    return None
