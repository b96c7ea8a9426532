"""The ministry's web server: the standard library's, on loopback, one thread a connection."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import re
import socket
import socketserver
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import unquote, urlsplit

from flows.demo_site import pages
from flows.demo_site.content import ZONE, Document, load_documents

HTML = "text/html; charset=utf-8"

_SOURCE = """\
# The demo's ministry, as it stands on this machine right now. Rewritten whenever the site starts.
id = "demo"
name = "{name}"
hosts = ["{host}"]
language = "en"
timezone = "{zone}"
document = '/briefings/(?P<id>\\d+)(?:[?#]|$)'
loopback = true

[checked]
on = {today}
against = "the site itself, as the demo serves it"
live = true

[[discover]]
kind = "feed"
url = "{base}/feed.xml"

[[discover]]
kind = "listing"
url = "{base}/briefings/"
first = {first}
page = "{base}/briefings/page/{{page}}"
pages = 'data-pages="(\\d+)"'
item = ".briefings__item"
date = "time"

[[discover]]
kind = "calendar"
url = "{base}/briefings/by-date/{{date:%d.%m.%Y}}"
item = ".briefings__item"
date = "time"
frame = ".briefings"

[[layout]]
name = "demo"
title = [".document__title"]
date = [".document__date"]
body = [".document__body"]
lead = [".document__lead"]
number = [".document__number"]
drop = [".contents", ".share"]
"""


class Request(NamedTuple):
    """One request that reached the site; `time` is of the monotonic clock."""

    path: str
    time: float
    user_agent: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address is answered with, before the visitor's own copy is taken into account.

    Args:
        etag: as it stands in the header, quotes included. Documents have weak ones: their pages carry a
            view counter, so two answers with the same text differ in bytes.
        modified: when the text changed last.
    """

    body: bytes
    status: int = HTTPStatus.OK
    content_type: str = HTML
    etag: str | None = None
    modified: dt.datetime | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Ministry:
    """The site. A context manager: it serves within `with`, or from `start` to `stop`.

    Args:
        today: the day its documents are counted back from.
        host: its address, one of this machine's own: 127.0.0.1, 127.0.0.2 and so on. Each is a host of its own.
    """

    def __init__(self, today: dt.date, host: str = "127.0.0.1") -> None:
        self.today = today
        self.host = host
        self.documents = load_documents(today)
        """What is published now, newest first."""
        self.requests: list[Request] = []
        """Every request so far, answered well or not."""
        self._views: Counter[int] = Counter()
        self._changed = max(document.modified for document in self.documents)
        self._lock = threading.Lock()
        self._server = _Server((host, 0), self)  # at a free port
        self._thread: threading.Thread | None = None
        self.closing = threading.Event()
        """Set when the site stops; an answer that dawdles on purpose waits on it."""

    @property
    def base(self) -> str:
        """The site's address, without a slash at its end."""
        return f"http://{self.host}:{self._server.server_port}"

    def start(self) -> Self:
        """Serve, in a thread of its own."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving, and end every connection that is still open."""
        self.closing.set()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def source_toml(self) -> str:
        """The source file that describes the site; it has to be called ``demo.toml``."""
        first = min(document.date for document in self.documents)
        return _SOURCE.format(
            name=pages.NAME, zone=ZONE, host=self.host, base=self.base, today=self.today, first=first
        )

    def document(self, path: str) -> Document:
        """The document at a path.

        Raises:
            KeyError: none is published there.
        """
        for document in self.documents:
            if document.path == path:
                return document
        raise KeyError(path)

    def publish(self, document: Document) -> None:
        """Add a document, or replace the one with its number, in its place by date of publication."""
        with self._lock:
            self._changed = self._now()
            others = [each for each in self.documents if each.id != document.id]
            self.documents = sorted([*others, document], key=lambda each: each.published, reverse=True)

    def withdraw(self, path: str) -> None:
        """Take a document off the site and out of every list."""
        gone = self.document(path)
        with self._lock:
            self._changed = self._now()
            self.documents = [each for each in self.documents if each.id != gone.id]

    def edit(self, path: str, old: str, new: str) -> Document:
        """Change a document's words, as a press office does, and return what it is now."""
        edited = self.document(path).edited(old, new, self._now())
        self.publish(edited)
        return edited

    def correct(self) -> Document:
        """The edit that the demo shows: the newest briefing had the number of sailings wrong."""
        return self.edit("/briefings/114", "three sailings a day", "four sailings a day")

    def answer(self, path: str) -> Answer:
        """What a well-behaved site answers at a path; a query is ignored."""
        path = unquote(urlsplit(path).path)
        documents = self.documents
        if match := re.fullmatch(r"/briefings/(\d+)", path):
            return self._document(int(match[1]))
        if match := re.fullmatch(r"/briefings/(?:page/(\d+))?", path):
            return self._listing(int(match[1] or 1))
        if match := re.fullmatch(r"/briefings/by-date/(\d\d)\.(\d\d)\.(\d{4})", path):
            return self._day(*map(int, match.groups()))
        if path == "/":
            return _stamped(pages.home(documents), self._changed)
        if path == "/briefings":
            return Answer(b"", HTTPStatus.MOVED_PERMANENTLY, headers=(("Location", "/briefings/"),))
        if path == "/feed.xml":
            text = pages.feed(documents[: pages.PER_PAGE], self.base)
            return _stamped(text, self._changed, "application/atom+xml; charset=utf-8")
        if path == "/sitemap.xml":
            return _stamped(
                pages.sitemap(documents, self.base), self._changed, "application/xml; charset=utf-8"
            )
        if path == "/robots.txt":
            return _stamped(pages.robots(self.base), None, "text/plain; charset=utf-8")
        if path == "/private/press-kit":
            return _stamped(pages.press_kit(), None)
        return self.missing()

    def missing(self) -> Answer:
        """The answer at an address where nothing is."""
        return Answer(pages.missing().encode(), HTTPStatus.NOT_FOUND)

    def serve(self, visit: Visit) -> None:
        """Answer one request; a site that misbehaves does it here."""
        visit.give(self.answer(visit.path))

    def _now(self) -> dt.datetime:
        """The time of a change. Last-Modified counts in seconds, so two changes are never in the same one."""
        return max(dt.datetime.now(self._changed.tzinfo), self._changed + dt.timedelta(seconds=1))

    def _document(self, number: int) -> Answer:
        document = next((each for each in self.documents if each.id == number), None)
        if document is None:
            return self.missing()
        with self._lock:
            self._views[number] += 1
            views = number * 7 + self._views[number]
        same = pages.document(document, views=0)
        body = pages.document(document, views)
        return Answer(body.encode(), etag=f"W/{_etag(same.encode())}", modified=document.modified)

    def _listing(self, page: int) -> Answer:
        documents = self.documents
        count = max(1, -(-len(documents) // pages.PER_PAGE))
        if not 1 <= page <= count:
            return self.missing()
        shown = documents[(page - 1) * pages.PER_PAGE : page * pages.PER_PAGE]
        return _stamped(pages.listing(shown, page, count), self._changed)

    def _day(self, day: int, month: int, year: int) -> Answer:
        try:
            date = dt.date(year, month, day)
        except ValueError:
            return self.missing()
        shown = [each for each in self.documents if each.date == date]
        return _stamped(pages.day(shown, date), self._changed)


class Visit(BaseHTTPRequestHandler):
    """One connection of a visitor; `give` sends an answer, or 304 where the visitor has it already."""

    protocol_version = "HTTP/1.1"
    server_version = "Kestria"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        """Record the request and let the site answer it."""
        site = self.server.site
        site.requests.append(Request(self.path, time.monotonic(), self.headers.get("User-Agent", "")))
        site.serve(self)

    def do_HEAD(self) -> None:
        """The same without the body: see `give`."""
        self.do_GET()

    def give(self, answer: Answer) -> None:
        """Send a whole answer."""
        known = answer.status == HTTPStatus.OK and self._has(answer)
        body = b"" if known else answer.body
        self.begin(answer, HTTPStatus.NOT_MODIFIED if known else answer.status, None if known else len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def begin(self, answer: Answer, status: int, length: int | None) -> None:
        """Send the status line and the headers; the caller writes the body."""
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(length))
        if answer.etag:
            self.send_header("ETag", answer.etag)
        if answer.modified:
            self.send_header(
                "Last-Modified", format_datetime(answer.modified.astimezone(dt.UTC), usegmt=True)
            )
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()

    def _has(self, answer: Answer) -> bool:
        """Whether the visitor's own copy is this answer: by ETag, and by date only where none is sent."""
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            ours = (answer.etag or "").removeprefix("W/")
            theirs = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
            return "*" in theirs or ours in theirs
        since = self.headers.get("If-Modified-Since")
        if since is None or answer.modified is None:
            return False
        try:
            then = parsedate_to_datetime(since)
        except ValueError:
            return False
        return then.tzinfo is not None and answer.modified.replace(microsecond=0) <= then

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the site shares its terminal with a demo or a test. `Ministry.requests` has it all."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], site: Ministry) -> None:
        self.site = site
        self._open: set[socket.socket] = set()
        super().__init__(address, Visit)

    def server_bind(self) -> None:
        # HTTPServer's own asks the resolver for the host's name, which can take seconds without a network.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.site.host, self.server_address[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A visitor who hangs up is no fault of the site's.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'


def _stamped(text: str, modified: dt.datetime | None, content_type: str = HTML) -> Answer:
    body = text.encode()
    return Answer(body, content_type=content_type, etag=_etag(body), modified=modified)
