"""What a crawl owes the hosts it asks: which it may ask at all, how fast, and when it leaves one alone.

Everything that goes out passes here: documents, discovery pages, robots.txt, and the redirects and further tries
of each. A host that is left alone gets no further request from this crawl, nor from another on its database for a
while. Nothing here knows what a page is for.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Self

from scrapy import Request, signals
from scrapy.core.downloader import Downloader
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, IgnoreRequest
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response
from scrapy.robotstxt import ProtegoRobotParser
from twisted.python.failure import Failure

from crawler.accept import BUSY, CLOSED, TOO_MANY
from crawler.job import CrawlJob
from crawler.middlewares import LISTED
from crawler.resolver import refused
from crawler.together import Together
from storage.address import host_of, is_on
from storage.models import Disposition

log = logging.getLogger(__name__)

LONGEST_WAIT = 600.0
"""Seconds. A host that asks for longer pauses, one or all together, is left alone: another night will do."""

REFUSALS = 3
"""Pages in a row that a host refuses, after which it is left alone; a page or two may be closed by themselves."""

OUTAGE = 6
"""Documents' answers of 503 in a row after which a host is left alone, where they are of `REFUSALS` or more: one
or two may be broken by themselves, and would else keep every other from being read."""

LEAST_DELAY = 0.1
"""Seconds between two requests to a host that asked for a pause and had no delay."""

SLOWEST = 60.0
"""Seconds between two requests to which a host's complaints slow a crawl; robots.txt may ask for more."""

LARGEST_ROBOTS = 500 * 1024
"""Bytes of a robots.txt that are read: as much as RFC 9309 asks for."""

NIGHT = 6 * 3600.0
"""Seconds for which other crawls leave a host alone too, where it does not say itself for how long."""

LONGEST_PARTING = 7 * 86400.0
"""Seconds for which a host is left alone at most, whatever it says."""

FORBIDDEN = "forbidden by robots.txt"


class Astray(IgnoreRequest):
    """The request is to a host that is not the source's, and was not sent."""


class LeftAlone(IgnoreRequest):
    """The request is to a host that is left alone, and was not sent.

    Args:
        reason: one line.
        disposition: what became of the host's pages by it.
    """

    def __init__(self, reason: str, disposition: Disposition) -> None:
        super().__init__(reason)
        self.disposition = disposition


@dataclass(frozen=True, slots=True)
class Parting:
    """Why a host is left alone, what becomes of its pages, and until when other crawls leave it alone too."""

    reason: str
    disposition: Disposition
    until: dt.datetime | None = None

    def __str__(self) -> str:
        until = f" until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""
        return f"left alone{until}: {self.reason}"


class Courtesy:
    """The downloader middleware that holds to it. It has to stand between robots.txt and the further tries."""

    def __init__(self, crawler: Crawler) -> None:
        self.left: dict[str, Parting] = {}
        """The hosts that are left alone."""
        self._crawler = crawler
        self._hosts: list[str] = crawler.settings.getlist("PODIUM_HOSTS")
        self._agent: str = crawler.settings["ROBOTSTXT_USER_AGENT"]
        self._replay = crawler.settings.getbool("PODIUM_REPLAY")
        self._refusals: Counter[tuple[str, bool]] = Counter()
        self._unavailable: dict[str, list[str]] = {}
        """The addresses of a host's last documents in a row that were answered with 503."""
        self._waited: dict[str, float] = {}
        self._visits: dict[str, tuple[dt.time, dt.time]] = {}
        job: CrawlJob | None = crawler.settings.get("PODIUM_JOB")
        # Without a delay, as on this machine, there is nothing to keep together.
        shared = job is not None and not self._replay and crawler.settings.getfloat("DOWNLOAD_DELAY") > 0
        self._together = Together(job.database_url) if job and shared else None
        if self._together:
            crawler.signals.connect(self._together.close, signals.spider_closed)
        if not self._replay:  # what was captured has been asked for already
            crawler.signals.connect(self._answered, signals.response_downloaded)
            crawler.signals.connect(self._read_robots, signals.robots_parsed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Scrapy's way to make one; PODIUM_HOSTS are the hosts it may ask, and those below them."""
        return cls(crawler)

    def leave(
        self, host: str, reason: str, disposition: Disposition = "blocked", seconds: float = NIGHT
    ) -> None:
        """Ask a host for nothing more in this crawl, whatever waits to be sent; the first reason counts.

        Args:
            host: its name.
            reason: one line.
            disposition: what becomes of its pages.
            seconds: for which other crawls leave it alone too; 0 for what each of them has to find out itself.
        """
        if self._replay or host in self.left:
            return
        parting = Parting(reason, disposition)
        self._part(host, parting)
        if self._together and seconds:
            until = self._together.leave(host, reason, min(seconds, LONGEST_PARTING))
            self.left[host] = replace(parting, until=until)

    async def turn(self, request: Request) -> None:
        """Wait until a request may be sent, in turn with all other crawls.

        Raises:
            LeftAlone: this crawl or another has left the host alone by now.
        """
        if self._together is None:
            return
        host = host_of(request.url)
        slot = self._downloader.slots[self._downloader.get_slot_key(request)]
        found = await self._together.turn(host, slot.delay)
        if found and host not in self.left:
            self._part(host, Parting(found.reason, "blocked", found.until))
        if host in self.left:
            raise self._left_alone(host)

    def process_request(self, request: Request) -> None:
        """Stop what may not be asked."""
        host = host_of(request.url)
        # A host's own robots.txt may be kept elsewhere.
        led = _for_robots(request) and request.meta.get("redirect_times")
        if not is_on(host, self._hosts) and not led:
            raise Astray(f"{request.url[:200]}: not on the source's hosts")
        if (visit := self._visits.get(host)) and not _within(visit, dt.datetime.now(dt.UTC).time()):
            self.leave(
                host,
                f"robots.txt wants no visits but from {visit[0]:%H:%M} to {visit[1]:%H:%M} UTC",
                seconds=0,
            )
        if host in self.left:
            raise self._left_alone(host)

    def process_response(self, request: Request, response: Response) -> Response:
        """Judge a host by an answer that no further try will better."""
        host, status = host_of(response.url), response.status
        if _for_robots(request):
            return self._judge_robots(_first_host(request), response)
        if status == TOO_MANY:
            self.leave(host, f"HTTP {status}, however often it was asked")
        # A list that answers between them says nothing of the documents.
        kind = host, LISTED in request.meta
        self._refusals[kind] = self._refusals[kind] + 1 if status in CLOSED else 0
        if self._refusals[kind] >= REFUSALS:
            self.leave(host, f"it refused {REFUSALS} pages in a row, with HTTP {status} at last")
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Judge a host by the lack of an answer."""
        host = host_of(request.url)
        if host in refused:
            self.leave(host, f"its name leads to {refused[host]}, which is not on the web", "failed", 0)
        if _for_robots(request) and not isinstance(exception, IgnoreRequest | CloseSpider):
            self.leave(_first_host(request), f"robots.txt: {reason_of(exception)}", "failed", 0)

    def _judge_robots(self, host: str, response: Response) -> Response:
        """RFC 9309: a robots.txt that is not there forbids nothing, one that can't be had forbids everything."""
        if response.status >= 500 or response.status in BUSY:
            self.leave(host, f"robots.txt: HTTP {response.status}")
        rules = response.body if response.status == 200 else b""
        if len(rules) > LARGEST_ROBOTS:
            # Of a line that is cut nothing is read: half of a path forbids more than all of it.
            rules = b"\n".join(rules[:LARGEST_ROBOTS].splitlines()[:-1])
        return response.replace(body=rules)

    def _read_robots(self, robotparser: ProtegoRobotParser, request: Request) -> None:
        host, rules = host_of(request.url), robotparser.rp
        rate = rules.request_rate(self._agent)
        delay = max(rules.crawl_delay(self._agent) or 0.0, rate.seconds / rate.requests if rate else 0.0)
        if delay > LONGEST_WAIT:
            self.leave(host, f"robots.txt wants {delay:.0f} s between two requests", seconds=delay)
        elif delay:
            self._never_faster(host, delay)
        if visit := rules.visit_time(self._agent):
            self._visits[host] = visit.start_time, visit.end_time

    def _never_faster(self, host: str, delay: float) -> None:
        """Keep a delay for a host, whatever AutoThrottle makes of its answers."""
        downloader = self._downloader
        usual = self._crawler.settings.getfloat("DOWNLOAD_DELAY")
        downloader.per_slot_settings[host] = {"delay": max(delay, usual)}
        if slot := downloader.slots.get(host):
            slot.delay = max(slot.delay, delay)
        if throttle := self._crawler.get_extension(AutoThrottle):
            throttle.mindelay = max(throttle.mindelay, delay)
            throttle.maxdelay = max(throttle.maxdelay, delay)

    def _answered(self, response: Response, request: Request) -> None:
        """Slow down at each answer that asks for it, before anything else is sent there."""
        host = host_of(response.url)
        if response.status not in BUSY:
            if LISTED not in request.meta:
                self._unavailable.pop(host, None)
            return
        if response.status != TOO_MANY and LISTED not in request.meta:
            urls = self._unavailable.setdefault(host, [])
            urls.append(response.url)
            if len(urls) >= OUTAGE and len(set(urls)) >= REFUSALS:
                self.leave(host, f"{len(urls)} answers in a row were HTTP {response.status}")
        wait = retry_after(response)
        self._waited[host] = self._waited.get(host, 0.0) + wait
        if self._waited[host] > LONGEST_WAIT:
            self.leave(
                host, f"HTTP {response.status}, and it wants to be left alone for {wait:.0f} s", seconds=wait
            )
        elif slot := self._downloader.slots.get(host):
            slot.delay = max(slot.delay, min(slot.delay * 2, SLOWEST), LEAST_DELAY)
            slot.lastseen = max(slot.lastseen, monotonic() + wait)
            if self._together and wait:
                self._together.pause(host, wait)

    def _part(self, host: str, parting: Parting) -> None:
        log.warning("%s is %s", host, parting)
        self.left[host] = parting
        slot = self._downloader.slots.get(host)
        while slot is not None and slot.queue:
            _, waiting = slot.queue.popleft()
            waiting.errback(Failure(self._left_alone(host)))  # type: ignore[no-untyped-call]

    def _left_alone(self, host: str) -> LeftAlone:
        parting = self.left[host]
        return LeftAlone(f"{host} is {parting}", parting.disposition)

    @property
    def _downloader(self) -> Downloader:
        assert self._crawler.engine is not None
        return self._crawler.engine.downloader


def courtesy_of(crawler: Crawler) -> Courtesy:
    """The crawl's middleware of this kind, which knows the hosts that it asks."""
    found = crawler.get_downloader_middleware(Courtesy)
    assert found is not None
    return found


def retry_after(response: Response) -> float:
    """The seconds that a response asks to be waited, in number or as a date; 0 where it says nothing of use."""
    told = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    if told.isascii() and told.isdigit():
        return float(told[:9])
    try:
        moment = parsedate_to_datetime(told)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())
    except (ValueError, OverflowError, TypeError, IndexError):
        return 0.0


def reason_of(problem: BaseException | None) -> str:
    """One line about a request that failed."""
    text = " ".join(str(problem).split())
    name = type(problem).__name__
    if "certificate verify failed" in text:
        return "its TLS certificate is not to be trusted"
    if isinstance(problem, IgnoreRequest):
        return FORBIDDEN if text == "Forbidden by robots.txt" else (text or "ignored")[:300]
    return f"{name}: {text}"[:300] if text else name


def _for_robots(request: Request) -> bool:
    """Whether Scrapy itself asks, for a robots.txt; a redirect keeps the mark."""
    return bool(request.meta.get("dont_obey_robotstxt"))


def _first_host(request: Request) -> str:
    """The host that was asked before any redirect: its rules are what a robots.txt elsewhere has."""
    return host_of(request.meta.get("redirect_urls", [request.url])[0])


def _within(visit: tuple[dt.time, dt.time], now: dt.time) -> bool:
    """Whether a time of day in UTC is one of visits; they may go on past midnight."""
    start, end = visit
    return start <= now <= end if start <= end else now >= start or now <= end
