"""A copy of the archive's files on an object store, or wherever else fsspec reads: only ever read.

A crawl appends to a file and waits for the disk, which an object store has not; so files are written in a folder,
and copied when they are finished. Nothing here knows what is in a file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Store:
    """A folder on a store.

    Args:
        url: its address as fsspec takes it, such as ``s3://bucket/archive``. Keys and endpoints come from where
            the store's own tools have them: ``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, ``~/.aws``.
    """

    url: str

    def file(self, name: str) -> StoredFile:
        """One of its files, whether it is there or not."""
        return StoredFile(self.url, name)

    def names(self) -> list[str]:
        """The files below it, by their paths from there.

        Raises:
            OSError: it can't be listed.
        """

        def listed(files: Any, path: str) -> list[str]:
            return [each.removeprefix(path).lstrip("/") for each in files.find(path)]

        return _asked(self.url, listed)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file on a store. Each of its methods raises OSError where the store does not give what is asked for."""

    url: str
    warc: str

    def __str__(self) -> str:
        return f"{self.url.rstrip('/')}/{self.warc}"

    @property
    def name(self) -> str:
        """Its name without folders."""
        return self.warc.rpartition("/")[2]

    def read(self, offset: int, length: int) -> bytes:
        """Bytes from an offset on, in one request; fewer where it ends before."""
        return _asked(
            str(self), lambda files, path: bytes(files.cat_file(path, start=offset, end=offset + length))
        )

    def size(self) -> int:
        """Its length in bytes."""
        return _asked(str(self), lambda files, path: int(files.size(path)))

    def open(self, _mode: str = "rb") -> IO[bytes]:
        """The file, to be read from its start."""
        return _asked(str(self), lambda files, path: files.open(path, "rb"))


def _asked(url: str, what: Callable[[Any, str], T]) -> T:
    from fsspec.core import url_to_fs  # takes a while, and most archives have no store

    try:
        return what(*url_to_fs(url))
    except OSError:
        raise
    except Exception as problem:  # each store's library has errors of its own
        raise OSError(f"{type(problem).__name__}: {' '.join(str(problem).split())[:200]}") from problem
