"""One crawl, from its job to its report."""

from __future__ import annotations

import logging
from contextlib import closing
from functools import partial

from scrapy.crawler import AsyncCrawlerProcess

from crawler import settings as polite
from crawler.browser import for_browser
from crawler.job import LINE_BREAK, CrawlJob, CrawlReport
from crawler.resolver import reachable
from crawler.spiders.briefing import BriefingSpider
from storage.address import LOCAL, host_of
from storage.desk import Apart, Place

# How Scrapy is set up is the same in every crawl: sixty lines before the first that tells something. By a filter,
# since Scrapy sets the levels anew when it starts.
for _talker in ("scrapy.utils.log", "scrapy.addons", "scrapy.middleware", "scrapy.crawler"):
    logging.getLogger(_talker).addFilter(lambda record: record.levelno >= logging.WARNING)


class _Line(logging.Formatter):
    """A record as a line, whatever a page, or a traceback, has in it."""

    def format(self, record: logging.LogRecord) -> str:
        return LINE_BREAK.join(super().format(record).splitlines())


def _log_in_lines() -> None:
    told = logging.StreamHandler()
    told.setLevel(logging.INFO)  # Scrapy's own loggers tell more
    told.setFormatter(_Line("%(levelname)s|%(name)s|%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[told])


def crawl(job: CrawlJob) -> CrawlReport:
    """Crawl, and say how it went. Once a process, and before that has another thread or an open database."""
    place = Place(job.database_url, job.archive, job.source.id, job.run_id, job.today)
    with closing(Apart(place)) as desk:
        return _crawl(job, desk)


def _crawl(job: CrawlJob, desk: Apart) -> CrawlReport:
    loopback = job.source.loopback and (job.wayback is None or host_of(job.wayback) in LOCAL)
    changed = polite.for_job(
        hosts=[host_of(job.wayback)] if job.wayback else job.source.hosts,
        contact=job.contact,
        language=job.source.language,
        timeout=job.timeout,
        # On this machine there is nobody to be polite to, unless somebody asks for it.
        delay=max(0.0 if loopback else job.source.delay, job.delay or 0.0),
        loopback=loopback,
        replay=job.replay is not None,
    )
    if job.chromium:
        may = partial(reachable, loopback=loopback)
        changed |= for_browser(job.chromium, job.source.hosts, job.timeout, may)
    # The desk by a function, since Scrapy copies what else is in its settings.
    changed |= {"PODIUM_JOB": job, "PODIUM_DESK": lambda: desk}
    _log_in_lines()
    process = AsyncCrawlerProcess(polite.with_these(changed))
    crawler = process.create_crawler(BriefingSpider)
    process.crawl(crawler)
    process.start()
    stats = crawler.stats.get_stats() if crawler.stats else {}
    reason = str(stats.get("finish_reason", "never started"))
    spider = crawler.spider
    if not isinstance(spider, BriefingSpider):
        return CrawlReport(finished=False, reason=reason)
    errors = stats.get("spider_exceptions/count", 0)
    complaints = [f"{host} {parting}" for host, parting in spider.courtesy.left.items()]
    complaints += spider.walk.complaints
    if errors:
        complaints.append(f"{errors} errors in the spider; see the log")
    return CrawlReport(
        finished=reason == "finished" and not errors,
        reason=reason,
        listings=spider.walk.listings,
        gaps=tuple(spider.walk.gaps),
        complaints=tuple(complaints),
        notes=tuple(spider.walk.notes),
        misses=stats.get("podium/misses", 0),
        bookmarks=spider.walk.bookmarks,
    )
