"""The reading room as an ASGI application: its addresses, its pages of errors, and what is refused at its door."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage.archive import Archive
from storage.database import Database
from storage.web import display
from storage.web.pages import Pages

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer that has none of its own. Nothing is kept by a browser: the archive changes, and it is near."""


def room(
    database: Database, archive: Archive, names: Mapping[str, str], host: str = "127.0.0.1"
) -> Starlette:
    """The application.

    Args:
        database: opened read-only.
        archive: with the captures.
        names: of institutions, by the ids of their sources.
        host: the name or address that it is served at.
    """
    pages = Pages(database, archive, names, display.environment())
    return Starlette(
        routes=[
            Route("/", pages.home),
            Route("/sources", pages.sources),
            Route("/sources/{source}", pages.source),
            Route("/sources/{source}/{year:year}", pages.year),
            Route("/sources/{source}/days/{day}", pages.day),
            Route("/transcripts/{id:row}", pages.transcript),
            Route("/transcripts/{id:row}/revisions/{number:row}", pages.transcript),
            Route("/transcripts/{id:row}/changes/{number:row}", pages.changes),
            Route("/transcripts/{id:row}/corrections/{number:row}", pages.correction),
            Route("/transcripts/{id:row}/files/{form}", pages.download),
            Route("/captures/{id:row}", pages.capture),
            Mount("/static", StaticFiles(directory=Path(__file__).with_name("static"))),
        ],
        middleware=[Middleware(Door, host=host)],
        exception_handlers={HTTPException: partial(_refused, pages), Exception: partial(_failed, pages)},
    )


class Door:
    """Answers only what is asked of this machine, and sends its headers with every answer.

    A page from elsewhere can have its own name resolve to this machine, and then ask it as if it were its own; but
    that name stands in ``Host``. So none is accepted but ``localhost``, an address, and the room's own name.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._host = host.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app = self._app if self._is_ours(Headers(scope=scope).get("host", "")) else _STRANGER
        await app(scope, receive, with_headers)

    def _is_ours(self, host: str) -> bool:
        name = re.sub(r":\d{1,5}$", "", host).lower()
        if name in ("localhost", self._host):
            return True
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True


_STRANGER = PlainTextResponse("This reading room answers to localhost and to addresses only.\n", 400)


class _Row(Convertor[int]):
    """A number that a row can have in either database."""

    regex = "[1-9][0-9]{0,8}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


class _Year(_Row):
    """A year as addresses have it, with four digits."""

    regex = "[1-9][0-9]{3}"


register_url_convertor("row", _Row())
register_url_convertor("year", _Year())


def _refused(pages: Pages, _request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    phrase = HTTPStatus(problem.status_code).phrase
    # Where nobody said more, Starlette's detail is the phrase.
    detail = problem.detail if problem.detail != phrase else _TOLD.get(problem.status_code, "")
    page = pages.show("error.html", problem.status_code, phrase=phrase, detail=detail)
    page.headers.update(problem.headers or {})
    return page


_TOLD = {
    404: "There is no such page in this reading room.",
    405: "This room is for reading: it answers GET and HEAD only.",
}


def _failed(pages: Pages, _request: Request, _problem: Exception) -> Response:
    detail = "The archive could not be read. The terminal in which the room was opened says why."
    return pages.show("error.html", 500, phrase="Internal Server Error", detail=detail)
