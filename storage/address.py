"""Addresses of the web: whose they are, and each in one spelling.

What a link says of who follows it is no part of where it leads.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import product
from urllib.parse import quote, unquote, urlsplit, urlunsplit

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of this machine."""

# What newsletters, feeds and advertisements add to a link to count who follows it, and sessions without cookies.
_COUNTING = re.compile(
    r"utm_\w+|fbclid|gclid|yclid|dclid|msclkid|mc_[ce]id|_ga|phpsessid|jsessionid", re.IGNORECASE
)
_SESSION = re.compile(r";jsessionid=[^/?#;]*", re.IGNORECASE)
_KEPT = "!#$%&()*+,-./:;=?@_~"
_PLAIN = re.compile(rf"[A-Za-z0-9{re.escape(_KEPT.replace('%', ''))}]*")
_ESCAPE = re.compile(r"%[0-9a-f]{2}", re.IGNORECASE)
# Letters beyond ASCII as they are sent.
_LETTERS = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")
_PORTS = {"http": 80, "https": 443}


def host_of(url: str) -> str:
    """The host of a web address; empty where it is none, or none to ask for: it names a user, or no port."""
    try:
        url.encode()
        parts = urlsplit(url)
        asked = parts.scheme in ("http", "https") and parts.username is None and parts.port != 0
        host = parts.hostname or ""
        return "" if not asked else host if host.isascii() else host.encode("idna").decode()
    except ValueError:
        return ""


def without_port(url: str) -> str:
    """An address as sites write it: old captures have the scheme's own port in theirs."""
    try:
        parts = urlsplit(url)
        if parts.port is None or parts.port != _PORTS.get(parts.scheme):
            return url
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition(":")[0]))
    except ValueError:
        return url


def is_on(host: str, hosts: Collection[str]) -> bool:
    """Whether a host is one of several, or below one."""
    return any(host == own or host.endswith(f".{own}") for own in hosts)


def uncounted(url: str) -> str:
    """An address without the parameters that only count its readers; the address itself where it has none.

    Raises:
        ValueError: it is no address.
    """
    parts = urlsplit(url)
    kept = [each for each in parts.query.split("&") if not _COUNTING.fullmatch(each.partition("=")[0])]
    path, query = _SESSION.sub("", parts.path), "&".join(kept)
    if (path, query) == (parts.path, parts.query):
        return url
    return urlunsplit((parts.scheme, parts.netloc, path, query, parts.fragment))


def bare(url: str) -> str:
    """An address in one spelling: without scheme, ``www.``, fragment, a slash at its end and what only counts its
    readers, with host and path as they are sent.

    Raises:
        ValueError: it is no address.
    """
    host, slash, path = stem(uncounted(url)).partition("/")
    name, colon, port = host.lower().partition(":")
    sent = name if name.isascii() else name.encode("idna").decode()
    return f"{sent}{colon}{port}{slash}{escaped(path)}"


def stem(url: str) -> str:
    """An address as it is spelt, without scheme, ``www.``, fragment and a slash at its end."""
    return _BEFORE.sub("", url.partition("#")[0]).rstrip("/")


_BEFORE = re.compile(r"^(https?://)?(www\.)?", re.IGNORECASE)


def spellings(address: str) -> Iterator[str]:
    """An address as it is given, and as it may stand in the archive: it may be copied from a browser's bar, from a
    newsletter or from a citation."""
    yield address
    try:
        sent = bare(without_port(address))
        plain = {stem(address), sent, _ESCAPE.sub(lambda match: match[0].lower(), sent), unquote(sent)}
    except ValueError:
        return
    plain = {each for each in plain if "\0" not in each}  # which no database takes
    for scheme, host, each, end in product(("https://", "http://"), ("", "www."), plain, ("", "/")):
        yield f"{scheme}{host}{each}{end}"


def escaped(text: str) -> str:
    """An address, or a part of one, as it is sent: letters beyond ASCII and spaces as escapes of their UTF-8."""
    if _PLAIN.fullmatch(text):
        return text
    quoted = quote(text, safe=_KEPT, errors="replace")
    return _ESCAPE.sub(lambda match: match[0].upper(), quoted)


def unescaped(url: str) -> str:
    """An address with its letters beyond ASCII as themselves; what else is escaped stays so."""
    return _LETTERS.sub(lambda found: unquote(found[0]), url)
