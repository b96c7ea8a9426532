"""Names to addresses, and only to addresses that a site of its kind can have.

It is the last look before a connection. Whatever a link, a redirect or a name server says, a crawl of the web
never reaches this machine or a network around it; a crawl of a site on this machine reaches nothing else.
Scrapy's resolver with a time limit knows IPv4 only, so no IPv6 address is ever connected to.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.resolver import CachingThreadedResolver
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError

from crawler.browser import proxies

refused: dict[str, str] = {}
"""Names of this process whose address was refused, with that address. Twisted drops what a resolver says of it."""


def reachable(address: str, *, loopback: bool) -> bool:
    """Whether a crawl may connect to an IP address.

    Args:
        address: as the resolver gives it.
        loopback: the site stands on this machine.
    """
    place = ipaddress.ip_address(address)
    return place.is_loopback if loopback else place.is_global and not place.is_multicast


class Resolver(CachingThreadedResolver):
    """Scrapy's resolver, which refuses an address that is not `reachable`; for TWISTED_DNS_RESOLVER."""

    _loopback = False
    _proxies: frozenset[str] = frozenset()

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: Any) -> Self:
        """Scrapy's way to make one."""
        made = super().from_crawler(crawler, reactor)
        made._loopback = crawler.settings.getbool("PODIUM_LOOPBACK")
        made._proxies = proxies()
        return made

    def getHostByName(self, name: str, timeout: Sequence[int] = ()) -> Deferred[str]:  # noqa: N802 - Twisted's name
        """The name's address, or DNSLookupError."""
        return super().getHostByName(name, timeout).addCallback(self._checked, name)

    def _checked(self, address: str, name: str) -> str:
        if name in self._proxies or reachable(address, loopback=self._loopback):
            return address
        refused[name] = address
        raise DNSLookupError(f"{name} is at {address}")
