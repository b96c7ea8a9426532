"""A Wayback Machine on loopback: a CDX server and raw captures, over real HTTP.

It speaks the protocol of web.archive.org's CDX server as far as Podium asks for it: ranges of days, a filter by
status, adjacent captures of one digest collapsed, JSON, and pages with resume keys.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import re
import threading
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Held:
    """A capture that the machine holds."""

    original: str
    moment: dt.datetime
    body: bytes
    status: int = 200

    @property
    def timestamp(self) -> str:
        """Its moment as the machine writes it."""
        return f"{self.moment:%Y%m%d%H%M%S}"

    @property
    def digest(self) -> str:
        """Of its body."""
        return hashlib.sha1(self.body).hexdigest()


class Machine:
    """The machine. A context manager: it serves within `with`.

    Args:
        held: what it holds.
        rows: rows of an answer, whatever a visitor asks for.
    """

    def __init__(self, *held: Held, rows: int = 1000) -> None:
        self.held = list(held)
        self.rows = rows
        self.requests: list[str] = []
        self.busy: Counter[str] = Counter()
        """How often a path still answers 429."""
        self.index: str | None = None
        """What the index answers instead of its rows."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _visit(self))
        self._server.daemon_threads = True

    @property
    def base(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def find(self, path: str) -> Held | None:
        """The capture whose raw bytes stand at a path."""
        match = re.fullmatch(r"/web/(\d{14})id_/(.+)", path)
        named = match.groups() if match else None
        return next((each for each in self.held if (each.timestamp, each.original) == named), None)

    def answer(self, path: str) -> str:
        """What the index answers to a query."""
        if self.index is not None:
            return self.index
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        assert asked["matchType"] == "domain" and asked["output"] == "json"
        name, _, wanted = asked["filter"].partition(":")
        assert name == "statuscode"
        found: list[Held] = []
        for each in sorted(self.held, key=lambda one: (one.original, one.timestamp)):
            host = urlsplit(each.original).hostname or ""
            inside = asked["from"] <= each.timestamp[: len(asked["from"])]
            inside &= each.timestamp[: len(asked["to"])] <= asked["to"]
            if not inside or str(each.status) != wanted or not f".{host}".endswith(f".{asked['url']}"):
                continue
            if not found or (found[-1].original, found[-1].digest) != (each.original, each.digest):
                found.append(each)
        start = int(asked.get("resumeKey", "at+0").rpartition("+")[2])
        end = start + min(self.rows, int(asked["limit"]))
        fields = asked["fl"].split(",")
        answer: list[list[str]] = [[str(getattr(each, name)) for name in fields] for each in found[start:end]]
        if not answer:
            return "[]"
        if end < len(found):
            answer += [[], [f"at+{end}"]]
        return json.dumps([fields, *answer])


def _visit(machine: Machine) -> type[BaseHTTPRequestHandler]:
    class Visit(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            machine.requests.append(self.path)
            path = urlsplit(self.path).path
            if machine.busy[path] > 0:
                machine.busy[path] -= 1
                self.give(429, b"slow down", "text/plain", ("Retry-After", "1"))
            elif path == "/cdx/search/cdx":
                self.give(200, machine.answer(self.path).encode(), "application/json")
            elif (held := machine.find(self.path)) is not None:
                coding = ("Content-Encoding", "gzip")
                self.give(200, gzip.compress(held.body), "text/html; charset=utf-8", coding)
            else:
                self.give(404, b"not in archive", "text/plain")

        def give(self, status: int, body: bytes, kind: str, *more: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), *more):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing; `Machine.requests` has it all."""

    return Visit
