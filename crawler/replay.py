"""Replay: the answers of a WARC file instead of the network's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from pathlib import Path

from w3lib.url import canonicalize_url

from storage.address import host_of, is_on, uncounted
from storage.archive import Archive
from storage.warc import Location, Record, read_warc


class Replay:
    """The responses of one WARC file by address; of several captures of one address the newest.

    Bodies stay on disk and are read again when asked for, so a large file costs little memory.

    Args:
        path: the WARC file, gzip or plain.

    Raises:
        storage.warc.ArchiveError: it is no WARC file, or torn.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._newest: dict[str, tuple[dt.datetime, Location]] = {}
        self._hosts: set[str] = set()
        for record, location in read_warc(path):
            self._hosts.add(host_of(record.url))
            key = _key(record.url)
            if key not in self._newest or record.fetched_at >= self._newest[key][0]:
                self._newest[key] = (record.fetched_at, location)

    def __len__(self) -> int:
        return len(self._newest)

    @property
    def last(self) -> dt.datetime | None:
        """The moment of the newest capture; None for a file without responses."""
        return max((moment for moment, _ in self._newest.values()), default=None)

    def holds(self, hosts: Collection[str]) -> bool:
        """Whether an address on one of the hosts was captured."""
        return any(is_on(host, hosts) for host in self._hosts)

    def answer(self, url: str) -> Record | None:
        """The captured response to an address, or None: a miss."""
        known = self._newest.get(_key(url))
        return Archive(self.path.parent).read(known[1]) if known else None


def _key(url: str) -> str:
    """An address without scheme, www., fragment and the accidents of its spelling."""
    try:
        url = canonicalize_url(uncounted(url))
    except ValueError:  # no web address, and so the answer to none
        return url
    return url.partition("://")[2].removeprefix("www.").rstrip("/")
