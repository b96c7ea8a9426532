"""The demo's ministry, misbehaving on demand: over real sockets, an address at a time.

::

    with MisbehavingMinistry(today) as site:
        site.misbehave("/briefings/105", challenge())
        site.misbehave("/briefings/page/*", times(2, unavailable()))

A misbehaviour is made by a small function, and answers a request in the ministry's stead. What a ministry does
in good faith (`edit`, `publish`, `withdraw`) is in `flows.demo_site.Ministry`.
"""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from http import HTTPStatus
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import brotli

# Scrapy's own: the standard library's from Python 3.14 on.
from scrapy.utils._compression import zstd

from flows.demo_site import Answer, Block, Document, Ministry, Visit, pages
from flows.demo_site.content import ZONE, spelt

Misbehaviour = Callable[["MisbehavingMinistry", Visit], None]


class MisbehavingMinistry(Ministry):
    """The ministry, until it is told otherwise. A document with a number of six digits is an invented
    one: the number is its day's ordinal, and only an `endless_calendar` links it.
    """

    def __init__(self, today: dt.date, host: str = "127.0.0.1") -> None:
        super().__init__(today, host)
        self._ways: dict[str, Misbehaviour] = {}

    def misbehave(self, where: str, how: Misbehaviour) -> None:
        """From now on answer like this at a path, or at all that match a pattern (``*``, ``/briefings/*``).

        Queries don't count. Of several that match, the one that was asked for last is taken.
        """
        self._ways = {**{place: way for place, way in self._ways.items() if place != where}, where: how}

    def behave(self, where: str | None = None) -> None:
        """Be good again: at a path or pattern that was named before, or everywhere."""
        self._ways = {place: way for place, way in self._ways.items() if where not in (None, place)}

    def serve(self, visit: Visit) -> None:
        path = urlsplit(visit.path).path
        for where, how in reversed(self._ways.items()):
            if fnmatchcase(path, where):
                how(self, visit)
                return
        super().serve(visit)

    def serve_well(self, visit: Visit) -> None:
        """Answer as the ministry would."""
        super().serve(visit)

    def answer(self, path: str) -> Answer:
        match = re.fullmatch(r"/briefings/(\d{6})", urlsplit(path).path)
        if match is None:
            return super().answer(path)
        return Answer(pages.document(invented(dt.date.fromordinal(int(match[1]))), views=1).encode())


def times(count: int, how: Misbehaviour) -> Misbehaviour:
    """Misbehaves at the first `count` requests, then serves well."""
    turn = itertools.count(1)
    return lambda site, visit: how(site, visit) if next(turn) <= count else site.serve_well(visit)


def after(count: int, how: Misbehaviour) -> Misbehaviour:
    """Serves the first `count` requests well, then misbehaves."""
    turn = itertools.count(1)
    return lambda site, visit: how(site, visit) if next(turn) > count else site.serve_well(visit)


def too_many_requests(retry_after: int | str = 1) -> Misbehaviour:
    """429, with the seconds to wait in Retry-After, or the moment until when."""
    return _status(HTTPStatus.TOO_MANY_REQUESTS, ("Retry-After", str(retry_after)))


def unavailable(retry_after: int | None = None) -> Misbehaviour:
    """503, with Retry-After where seconds are given; `times(2, unavailable())` then serves well."""
    headers = [] if retry_after is None else [("Retry-After", str(retry_after))]
    return _status(HTTPStatus.SERVICE_UNAVAILABLE, *headers)


def forbidden() -> Misbehaviour:
    """403: the page is there, and not for everyone."""
    return _status(HTTPStatus.FORBIDDEN)


def server_error() -> Misbehaviour:
    """500; at ``/robots.txt`` it means that nothing may be fetched."""
    return _status(HTTPStatus.INTERNAL_SERVER_ERROR)


def gone() -> Misbehaviour:
    """410: the page was removed, though lists may still name it."""
    return _status(HTTPStatus.GONE)


def not_found() -> Misbehaviour:
    """404, though lists may still name the page."""
    return _status(HTTPStatus.NOT_FOUND)


def slow_drip(pause: float = 0.05, size: int = 256) -> Misbehaviour:
    """The right page, `size` bytes at a time with a pause before each."""

    def drip(site: MisbehavingMinistry, visit: Visit) -> None:
        answer = site.answer(visit.path)
        visit.begin(answer, answer.status, len(answer.body))
        visit.wfile.flush()
        for start in range(0, len(answer.body), size):
            if site.closing.wait(pause):
                break
            visit.wfile.write(answer.body[start : start + size])
            visit.wfile.flush()
        visit.close_connection = True

    return drip


def truncated(keep: float = 0.5) -> Misbehaviour:
    """The connection closes after a part of the body; Content-Length promises all of it."""

    def cut(site: MisbehavingMinistry, visit: Visit) -> None:
        answer = site.answer(visit.path)
        visit.begin(answer, answer.status, len(answer.body))
        visit.wfile.write(answer.body[: int(len(answer.body) * keep)])
        visit.close_connection = True

    return cut


def hang(seconds: float) -> Misbehaviour:
    """Nothing at all for so many seconds, then the right page."""

    def wait(site: MisbehavingMinistry, visit: Visit) -> None:
        if site.closing.wait(seconds):
            visit.close_connection = True
        else:
            site.serve_well(visit)

    return wait


def hang_up() -> Misbehaviour:
    """The connection closes without a byte of an answer."""

    def close(site: MisbehavingMinistry, visit: Visit) -> None:
        visit.close_connection = True

    return close


def wrong_charset(name: str = "windows-1251") -> Misbehaviour:
    """The header declares a charset that the page is not in; the page's own meta element is right."""
    return _changed(lambda answer: replace(answer, content_type=f"text/html; charset={name}"))


def crowded(attributes: int = 20_000) -> Misbehaviour:
    """A tag with so many attributes, which takes a parser the square of it."""
    many = b"<body " + b" ".join(b"a%d" % number for number in range(attributes)) + b" "
    return _changed(lambda answer: replace(answer, body=answer.body.replace(b"<body", many, 1)))


def redirect_loop() -> Misbehaviour:
    """302 from the address to itself with ``?again``, and from there back."""

    def loop(site: MisbehavingMinistry, visit: Visit) -> None:
        path = urlsplit(visit.path)
        redirect(path.path if path.query else f"{path.path}?again")(site, visit)

    return loop


def redirect(to: str, *, lasting: bool = False) -> Misbehaviour:
    """302, or 301 where it is to last, to another address, a path or a full one."""
    status = HTTPStatus.MOVED_PERMANENTLY if lasting else HTTPStatus.FOUND
    return _always(Answer(b"", status, headers=(("Location", to),)))


def private_redirect(to: str = "http://10.0.0.1/briefings/105") -> Misbehaviour:
    """302 to an address inside somebody's own network."""
    return redirect(to)


def same_etag() -> Misbehaviour:
    """The same ETag and Last-Modified whatever the page says, hence 304 though it was edited."""
    return _changed(
        lambda answer: replace(
            answer, etag='"always-the-same"', modified=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        )
    )


def challenge() -> Misbehaviour:
    """Status 200 with a wall's page in place of the right one: a script of ``/TSPD/``, no content."""
    return _page(
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"><meta name="robots" content="noindex">'
        '<script src="/TSPD/08a3b1c2d4ab2000?type=9"></script></head>'
        "<body><noscript>Please enable JavaScript to view the page content.<br>"
        "Your support ID is: 5311467205582011906.</noscript></body></html>\n"
    )


def soft_404() -> Misbehaviour:
    """Status 200 with the page that says that nothing is there."""
    return _page(pages.missing())


def html_error() -> Misbehaviour:
    """Status 200 with a server's error page."""
    return _page(
        "<html><head><title>500 Internal Server Error</title></head><body>"
        "<h1>Internal Server Error</h1><p>The server encountered an internal error or misconfiguration "
        "and was unable to complete your request.</p></body></html>\n"
    )


def empty_listing() -> Misbehaviour:
    """Status 200 with a listing of the usual make that lists nothing."""
    return _page(pages.listing([], 1, 1))


def without_date() -> Misbehaviour:
    """The right page without any time element, ETag or Last-Modified."""
    return _rewritten(lambda text: re.sub(r"<time\b.*?</time>", "", text, flags=re.DOTALL))


def same_text(
    text: str = "The content is not available at the moment. Please try again later.",
) -> Misbehaviour:
    """The right page with one text in place of its own, as while a site's storage is down; never 304."""
    said = rf"\g<1><p>{text}</p></div></article>"
    return _rewritten(
        lambda page: re.sub(r'(<div class="document__body[^>]*>).*</article>', said, page, flags=re.DOTALL)
    )


def never_changed() -> Misbehaviour:
    """304, though the whole page was asked for."""
    return _status(HTTPStatus.NOT_MODIFIED)


def notice() -> Misbehaviour:
    """Status 200 with a page that no layout fits, a notice with an older date and another number each time."""
    number = itertools.count(4711)

    def tell(_site: MisbehavingMinistry, visit: Visit) -> None:
        text = (
            "We value your privacy. Before you go on, say which cookies we may keep here, and for how long."
        )
        body = (
            '<html lang="en"><head><title>Before you go on</title>'
            '<meta property="article:published_time" content="2025-05-01T09:00:00Z"></head>'
            f"<body><main><h1>Before you go on</h1><p>{text}</p><p>Your request is number {next(number)}.</p>"
            f"<p>{text.replace('cookies', 'files')}</p></main></body></html>"
        )
        visit.give(Answer(body.encode()))

    return tell


def new_furniture(text: str = "The office is closed on Founders’ Day.") -> Misbehaviour:
    """The right page with another footer and no validators, so never 304; the text is the same."""
    return _rewritten(lambda page: page.replace("</footer>", f"<p>{text}</p></footer>"))


def refreshing() -> Misbehaviour:
    """The right page, which a browser is to load anew every half a minute."""

    def refresh(site: MisbehavingMinistry, visit: Visit) -> None:
        meta = f'<meta http-equiv="refresh" content="30; url={visit.path}">'
        _rewritten(lambda page: page.replace("<head>", f"<head>{meta}", 1))(site, visit)

    return refresh


def endless_calendar() -> Misbehaviour:
    """Every day that there ever was has a briefing, and a link to the day before. For by-date pages."""

    def endless(site: MisbehavingMinistry, visit: Visit) -> None:
        date = dt.datetime.strptime(urlsplit(visit.path).path.rpartition("/")[2], "%d.%m.%Y").date()
        before = date - dt.timedelta(days=1)
        link = f'<a rel="next" href="/briefings/by-date/{before:%d.%m}.{before.year:04d}">Day before</a>'
        text = pages.day([invented(date)], date).replace("</main>", f"{link}\n</main>")
        visit.give(Answer(text.encode()))

    return endless


def repeated_listing() -> Misbehaviour:
    """Every page of the listing shows the first one's items and links one more. For listing pages."""

    def repeat(site: MisbehavingMinistry, visit: Visit) -> None:
        last = urlsplit(visit.path).path.rpartition("/")[2]
        page = int(last) if last.isdigit() else 1
        visit.give(Answer(pages.listing(site.documents[: pages.PER_PAGE], page, page + 1).encode()))

    return repeat


def changing() -> Misbehaviour:
    """The right page, and each time with another paragraph of words at its end."""
    turn = itertools.count(1)
    return _rewritten(
        lambda page: page.replace('<div class="share">', f'<p>Notice {next(turn)}.</p><div class="share">', 1)
    )


def wrong_length(more: int = 100) -> Misbehaviour:
    """The whole page, and a Content-Length that promises some bytes more; then nothing comes."""

    def promise(site: MisbehavingMinistry, visit: Visit) -> None:
        answer = site.answer(visit.path)
        visit.begin(answer, answer.status, len(answer.body) + more)
        visit.wfile.write(answer.body)
        visit.close_connection = True

    return promise


def gzip_bomb(mebibytes: int = 64) -> Misbehaviour:
    """A small gzip body that becomes so many MiB when it is unpacked."""
    return packed("gzip", mebibytes)


def packed(coding: str, mebibytes: int) -> Misbehaviour:
    """So many MiB of spaces, packed as ``gzip``, ``br`` or ``zstd``, or not at all with ``identity``."""
    block = b" " * (1 << 20) * mebibytes
    body = {
        "gzip": lambda: gzip.compress(block),
        "br": lambda: brotli.compress(block, quality=1),
        "zstd": lambda: zstd.compress(block),
        "identity": lambda: block,
    }[coding]()
    return _always(Answer(body, headers=(("Content-Encoding", coding),)))


def clock(day: dt.date) -> Misbehaviour:
    """The right page below a head that names a day, in the form in which the page names its own."""
    head = f'<body>\n<time class="document__date">{spelt(day)}</time>'
    return _rewritten(lambda text: text.replace("<body>", head, 1))


def linked(*addresses: str) -> Misbehaviour:
    """A listing whose first document stands there under other addresses too."""

    def more(text: str) -> str:
        item = re.search(r"<li .*?</li>", text, re.DOTALL)
        if item is None:
            return text
        others = [re.sub(r'href="[^"]*"', f'href="{each}"', item[0], count=1) for each in addresses]
        return text[: item.start()] + "".join(others) + text[item.start() :]

    return _rewritten(more)


def copy_of(path: str) -> Misbehaviour:
    """The page of another address: a document under a second one."""
    return lambda site, visit: visit.give(site.answer(path))


def robots(*rules: str) -> Misbehaviour:
    """A robots.txt that asks everyone for something. For ``/robots.txt``."""
    return _page("\n".join(("User-agent: *", *rules, "")), "text/plain; charset=utf-8")


def robots_of(agent: str, *rules: str) -> Misbehaviour:
    """A robots.txt that asks one robot for something. For ``/robots.txt``."""
    return _page("\n".join((f"User-agent: {agent}", *rules, "")), "text/plain; charset=utf-8")


def robots_forbid(path: str = "/briefings/") -> Misbehaviour:
    """A robots.txt that keeps everyone out of a part of the site. For ``/robots.txt``."""
    return robots(f"Disallow: {path}")


def _status(status: HTTPStatus, *headers: tuple[str, str]) -> Misbehaviour:
    body = f"<html><body><h1>{status.value} {status.phrase}</h1></body></html>\n".encode()
    return _always(Answer(body, status, headers=headers))


def _page(text: str, content_type: str = "text/html; charset=utf-8") -> Misbehaviour:
    return _always(Answer(text.encode(), content_type=content_type))


def _always(answer: Answer) -> Misbehaviour:
    return lambda _site, visit: visit.give(answer)


def _changed(change: Callable[[Answer], Answer]) -> Misbehaviour:
    return lambda site, visit: visit.give(change(site.answer(visit.path)))


def _rewritten(change: Callable[[str], str]) -> Misbehaviour:
    return _changed(
        lambda answer: replace(answer, body=change(answer.body.decode()).encode(), etag=None, modified=None)
    )


def invented(day: dt.date) -> Document:
    """A short document of a day."""
    published = dt.datetime.combine(day, dt.time(12), tzinfo=ZoneInfo(ZONE))
    return Document(
        id=day.toordinal(),
        published=published,
        modified=published,
        title=f"On the events of {spelt(day)}",
        kind="news",
        blocks=(Block(f"On {spelt(day)} nothing happened at the ministry, and it was duly noted."),),
    )
