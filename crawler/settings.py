"""Scrapy's settings: polite by default. `crawler.crawl` adds what one job wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from scrapy.settings import Settings

from storage.warc import LARGEST_BODY

try:
    RELEASE = version("podium")
except PackageNotFoundError:  # run from a checkout that is not installed
    RELEASE = "0"

BOT_NAME = "podium"
SPIDER_MODULES = ["crawler.spiders"]

# Politeness.
USER_AGENT = f"Podium/{RELEASE} (archive of official press briefings)"
ROBOTSTXT_OBEY = True
# The product's name alone, as RFC 9309 has it: in the words behind it are names that other robots have.
ROBOTSTXT_USER_AGENT = "Podium"
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1.0
# A delay is a promise: no request comes a quarter sooner, to look as if a person sent it.
DOWNLOAD_DELAY_JITTER = 0
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 1.0
AUTOTHROTTLE_MAX_DELAY = 60.0
COOKIES_ENABLED = False

# Never trust a page, nor a server. The time is that of a whole response, to its last byte; the size holds before
# and after decompression. The longest transcript of the sites we know has 0.5 MB of HTML.
DOWNLOAD_TIMEOUT = 60
DOWNLOAD_MAXSIZE = LARGEST_BODY  # 32 MiB
DOWNLOAD_VERIFY_CERTIFICATES = True
TWISTED_DNS_RESOLVER = "crawler.resolver.Resolver"
DOWNLOAD_WARNSIZE = 0
REDIRECT_MAX_TIMES = 5
# In seconds: a page that leads elsewhere does so at once, and one that keeps itself fresh is no redirect.
METAREFRESH_MAXDELAY = 15
RETRY_TIMES = 2
DNS_TIMEOUT = 20
# The spider decides what a status means; no response is dropped before it is archived.
HTTPERROR_ALLOW_ALL = True

# Each request waits there for its turn, which comes round among all crawls.
DOWNLOAD_HANDLERS = dict.fromkeys(("http", "https"), "crawler.handlers.InTurn")

DOWNLOADER_MIDDLEWARES = {
    # After robots.txt (100) was read; an answer comes here when no further try (550) or redirect (600) follows.
    "crawler.courtesy.Courtesy": 110,
    # Courtesy refuses other hosts with a reason, and redirects too, which Scrapy's own drops without a word.
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    # Archived as soon as it is decoded, before redirects (600) and retries (550) read it.
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": 645,
    "crawler.middlewares.Archiving": 640,
}

# On 5,000 pages this gave twice the pages a second of the default 100 (scrapy issue 5182).
CONCURRENT_ITEMS = 8
# An open door: a local HTTP server that runs Python for whoever holds a token.
REMOTE_CONTROL_ENABLED = False
TELNETCONSOLE_ENABLED = False

# A crawl logs in lines of its own form, see `crawler.crawl`.
LOG_INSTALL_ROOT_HANDLER = False


def with_these(changed: Mapping[str, Any]) -> Settings:
    """Scrapy's settings: its own, those above, and what one job changes."""
    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    settings.setdict(changed, priority="cmdline")
    return settings


def for_job(
    *,
    hosts: Sequence[str],
    contact: str | None,
    language: str | None = None,
    delay: float,
    timeout: float = 60.0,
    loopback: bool,
    replay: bool = False,
) -> dict[str, Any]:
    """The settings that one job changes.

    Args:
        hosts: those it may ask, and the hosts below them.
        contact: an address or URL for complaints; it stands in the user agent.
        language: of the pages that are wanted, where a site has several at one address.
        delay: seconds between two requests to a host; 0 where there is nobody to be polite to.
        timeout: seconds that one response may take, to its last byte.
        loopback: the site stands on this machine.
        replay: pages come from a WARC file and no request leaves.
    """
    out: dict[str, Any] = {
        "DEFAULT_REQUEST_HEADERS": {
            "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "Accept-Language": f"{language}, *;q=0.1" if language else "*",
        },
        "DOWNLOAD_DELAY": delay,
        "AUTOTHROTTLE_START_DELAY": delay,
        "DOWNLOAD_TIMEOUT": timeout,
        "PODIUM_HOSTS": list(hosts),
        "PODIUM_LOOPBACK": loopback,
        "PODIUM_REPLAY": replay,
    }
    if contact:
        out["USER_AGENT"] = f"Podium/{RELEASE} (archive of official press briefings; {contact})"
    if not delay:
        out |= {"AUTOTHROTTLE_ENABLED": False, "CONCURRENT_REQUESTS_PER_DOMAIN": 4, "CONCURRENT_REQUESTS": 64}
    if replay:
        out |= {"RETRY_ENABLED": False, "AUTOTHROTTLE_ENABLED": False, "DOWNLOAD_DELAY": 0}
    return out
