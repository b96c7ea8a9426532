"""A large ministry's site for the benchmarks: pages made beforehand, served as fast as one process can.

Run: ``python -m benchmarks.site DOCUMENTS``; it prints its address, and ends with its input. It answers with ETags
and takes conditional requests. ``/asked`` gives the requests since it was asked for last, as JSON: what was asked
for, and under which condition, if any.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import itertools
import json
import random
import re
import sys

PER_PAGE = 20
"""Items on a page of the listing."""

DAYS = 13
"""The documents were published on the last so many days, on the first and the last for sure: all within a night's
window.
"""

_SOURCE = """\
id = "large"
name = "A large ministry"
hosts = ["127.0.0.1"]
language = "en"
timezone = "UTC"
document = '/briefings/(?P<id>\\d+)$'
loopback = true

[checked]
on = 2026-01-01
against = "the benchmark itself"
live = false

[[discover]]
kind = "listing"
url = "{base}/briefings/"
page = "{base}/briefings/page/{{page}}"
pages = 'data-pages="(\\d+)"'
first = {first}
item = "ul.briefings li"
date = "time"

[[layout]]
name = "2026"
title = ["h1.document__title"]
date = ["time.document__date"]
body = ["div.document__body"]
"""
"""The source file that describes it, less its address and the day of its oldest document."""

COMMON = """
the of and to in a is that for it was on as with be by at we this have are not from his which an they our will
or has been there would their all what so also can these who had were its about more said if no when up out
""".split()  # noqa: SIM905 - a list of so many would be a page long
"""Words that most of an English text is made of; without them none would be taken for one."""

VOCABULARY = COMMON + [
    "".join(random.Random(n).choices("aeioulnrstdmkp", k=random.Random(-n).randrange(2, 11)))
    for n in range(1, 8_000)
]
WEIGHTS = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(VOCABULARY))))

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="stylesheet" href="/static/site.css">
<script>window.dataLayer = window.dataLayer || []; function tag() {{ dataLayer.push(arguments); }}</script>
</head>
<body>
<header class="site"><a href="/">Ministry</a> {menu}</header>
<main>
{body}
</main>
<footer class="site">{menu}<p>All rights to these texts are everyone's.</p></footer>
</body>
</html>
"""
_MENU = " ".join(
    f'<a class="menu__item menu__item_{n}" href="/sections/{n}">Section {n}</a>' for n in range(24)
)


def document(number: int, day: dt.date) -> str:
    """A document's page of 5 to 30 kB, the same for the same number: questions and answers, by Zipf's law."""
    chance = random.Random(number)
    parts = [
        '<article class="document">',
        f'<time class="document__date" datetime="{day.isoformat()}T12:00:00+00:00">{day.isoformat()}</time>',
        f'<h1 class="document__title">Briefing {number}: {_words(chance, 8)}</h1>',
        '<div class="document__body">',
    ]
    for turn in range(int(chance.triangular(2, 60, 12))):
        label = "Question" if turn % 2 == 0 else "Ilse Marand"
        parts.append(f"<p><b>{label}:</b> {_words(chance, chance.randrange(20, 120)).capitalize()}.</p>")
    return _page(f"Briefing {number}", "\n".join([*parts, "</div>", "</article>"]))


def listing(numbers: range, page: int, pages: int, days: list[dt.date]) -> str:
    """A page of the listing, newest first."""
    items = "\n".join(
        f'<li><time datetime="{days[n].isoformat()}">{days[n].isoformat()}</time> '
        f'<a href="/briefings/{n}">Briefing {n}</a></li>'
        for n in numbers
    )
    following = f'<a rel="next" href="/briefings/page/{page + 1}">Older</a>' if page < pages else ""
    body = f'<ul class="briefings">\n{items}\n</ul>\n<nav data-pages="{pages}">{following}</nav>'
    return _page("Briefings", body)


def source(address: str) -> str:
    """The source file that describes the site of today at an address."""
    first = dt.datetime.now(dt.UTC).date() - dt.timedelta(DAYS - 1)
    return _SOURCE.format(base=address, first=first)


def site(count: int, today: dt.date) -> dict[str, bytes]:
    """Every page of the site, by path. Document 0 is the newest."""
    days = [today - dt.timedelta(n * (DAYS - 1) // max(1, count - 1)) for n in range(count)]
    pages = -(-count // PER_PAGE)
    found = {f"/briefings/{number}": document(number, days[number]) for number in range(count)}
    for page in range(1, pages + 1):
        numbers = range((page - 1) * PER_PAGE, min(page * PER_PAGE, count))
        path = "/briefings/" if page == 1 else f"/briefings/page/{page}"
        found[path] = listing(numbers, page, pages, days)
    return {path: text.encode() for path, text in found.items()}


class Answering(asyncio.Protocol):
    """One connection, kept open; a request has no body."""

    def __init__(self, answers: dict[str, tuple[bytes, bytes]], asked: list[tuple[str, str | None]]) -> None:
        self._answers = answers
        self._asked = asked
        self._transport: asyncio.Transport
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for request in requests:
            self._transport.write(self._answer(request))

    def _answer(self, request: bytes) -> bytes:
        path = request.split(b" ", 2)[1].decode()
        if path == "/asked":
            told = json.dumps(self._asked).encode()
            self._asked.clear()
            return _head(200, "application/json", len(told)) + told
        condition = re.search(rb"(?im)^if-none-match: *(.*?)\r?$", request)
        etag = condition[1].decode() if condition else None
        self._asked.append((path, etag))
        if path not in self._answers:
            return _head(404, "text/plain", 0)
        whole, unchanged = self._answers[path]
        return unchanged if etag and f"ETag: {etag}\r\n".encode() in unchanged else whole


async def serve(count: int) -> None:
    """Serve until the input ends."""
    answers = {}
    for path, body in site(count, dt.datetime.now(dt.UTC).date()).items():
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        whole = _head(200, "text/html; charset=utf-8", len(body), etag) + body
        answers[path] = whole, _head(304, "text/html; charset=utf-8", None, etag)
    asked: list[tuple[str, str | None]] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(answers, asked), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def _head(status: int, content_type: str, length: int | None, etag: str | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} {'OK' if status == 200 else 'Other'}", f"Content-Type: {content_type}"]
    lines += [] if length is None else [f"Content-Length: {length}"]
    lines += [f"ETag: {etag}"] if etag else []
    return "\r\n".join([*lines, "", ""]).encode()


def _words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(VOCABULARY, cum_weights=WEIGHTS, k=count))


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=title, body=body, menu=_MENU)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
