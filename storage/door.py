"""The archive for notebooks and scripts: open it, look for something, go through it. Nothing here writes.

    >>> from storage import open_archive
    >>> archive = open_archive("sqlite:///example.db")
    >>> for document in archive.transcripts(source="ministry", since="2026-03-01"):
    ...     print(document.date, document.title)
    2026-03-20 On the ferry
    2026-03-21 On the bridge

A document has ``id``, ``revision``, ``source``, ``key``, ``url``, ``date``, ``title`` and ``turns``. All that was
read is its ``transcript``, and ``as_dict()`` an object that JSON can hold. A filter that nobody can have meant is
a ValueError: one that is empty, a role or a source that there is not, a last day before the first.

    >>> archive.close()
"""

from __future__ import annotations

import datetime as dt
import os
import tomllib
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Self

from sqlalchemy import exists, select, union
from sqlalchemy.orm import Session

from storage import USUAL, index, lookup
from storage.database import Database, DatabaseError
from storage.days import day_of
from storage.documents import Document, document_of, documents
from storage.models import Appearance, Run
from storage.search import Hit, search
from storage.selection import Selection, SelectionError
from storage.transcript import Turn

Day = dt.date | str
"""A day, or one as ``2026-03-20``."""


def open_archive(url: str | None = None) -> OpenArchive:
    """Open an archive that is there.

    Args:
        url: an SQLAlchemy address, such as ``sqlite:///podium.db``; if not given, the one that the command would
            use: of ``PODIUM_DATABASE_URL``, of ``podium.toml`` in the working folder, or its default there.

    Raises:
        storage.database.DatabaseError: it can't be opened, or ``podium.toml`` can't be read.
    """
    return OpenArchive(Database(url or _usual(), create=False))


def _usual() -> str:
    """The address that the command would use in the working folder, whose settings have names in any case."""
    names = {name.casefold(): value for name, value in os.environ.items()}
    if url := names.get("podium_database_url"):
        return url
    file = Path("podium.toml")
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except (OSError, ValueError) as problem:
        raise DatabaseError(f"{file}: {problem}") from problem
    return str({name.casefold(): value for name, value in settings.items()}.get("database_url", USUAL))


class OpenArchive:
    """An archive that is open; close it, or use it in a ``with`` statement.

    Every iterator reads the archive as it goes, so what it gives is never all in memory.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def transcripts(
        self,
        source: str | None = None,
        since: Day | None = None,
        until: Day | None = None,
        language: str | None = None,
    ) -> Generator[Document, None, None]:
        """The newest text of every transcript, in the order in which they came.

        Args:
            source: id of a source at one of whose addresses it stands.
            since, until: first and last day of publication.
            language: ISO 639-1 code.

        >>> with open_archive("sqlite:///example.db") as archive:
        ...     [document.title for document in archive.transcripts(until="2026-03-20")]
        ['On the ferry']
        """
        yield from self._documents(Selection(source, language, _day(since), _day(until)))

    def turns(
        self,
        speaker: str | None = None,
        role: str | None = None,
        source: str | None = None,
        since: Day | None = None,
        until: Day | None = None,
        language: str | None = None,
    ) -> Generator[tuple[Document, Turn], None, None]:
        """Turns, each with its document.

        Args:
            speaker: a part of a label or of the name it resolves to, in whatever case.
            role: such as ``question`` or ``answer``.
            source, since, until, language: as for `transcripts`.

        >>> with open_archive("sqlite:///example.db") as archive:
        ...     for document, turn in archive.turns(speaker="rosk"):
        ...         print(document.date, turn.label, turn.text, sep=": ")
        2026-03-20: Edda Rosk: It sails on Monday.
        """
        chosen = Selection(source, language, _day(since), _day(until), speaker, role)
        name = index.folded(speaker or "")
        for document in self._documents(chosen):
            for turn in document.turns:
                if role in (None, turn.role) and name in index.name_of(turn.label, turn.speaker):
                    yield document, turn

    def find(self, name: int | str, revision: int | str | None = None) -> Document | None:
        """The document that a name stands for; None where there is none.

        Args:
            name: a transcript's id, an address it appears at, or ``SOURCE/KEY``.
            revision: the number of an older text, or the digest of its capture; the newest if not given.

        >>> with open_archive("sqlite:///example.db") as archive:
        ...     archive.find("ministry/ferry").title
        'On the ferry'
        """
        with self.database.read() as session:
            found = lookup.find(session, str(name), revision)
            return document_of(session, found) if found is not None else None

    def search(
        self,
        query: str,
        speaker: str | None = None,
        role: str | None = None,
        source: str | None = None,
        since: Day | None = None,
        until: Day | None = None,
        language: str | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> list[Hit]:
        """Turns by their words, the best first; see `storage.search`.

        Args:
            query: all words of it; ``"a phrase"``, ``begin*``, ``-without``.
            speaker, role, source, since, until, language: as for `turns`.
            limit, offset: how many at most, and how many to pass over.

        Raises:
            storage.search.SearchError: the query has no word to look for, or too many.
            ValueError: `limit` or `offset` is less than 0.

        >>> with open_archive("sqlite:///example.db") as archive:
        ...     [(hit.speaker, hit.passage) for hit in archive.search("sails mon*")]
        [('Edda Rosk', 'It sails on Monday.')]
        """
        if limit < 0 or offset < 0:  # one database takes it for no limit, the other for an error
            raise ValueError(f"neither limit nor offset can be less than 0: {min(limit, offset)}")
        chosen = Selection(source, language, _day(since), _day(until), speaker, role)
        with self.database.read() as session:
            _check(session, chosen)
            return search(session, query, chosen, limit=limit, offset=offset)

    def _documents(self, selection: Selection) -> Generator[Document, None, None]:
        with self.database.read() as session:
            _check(session, selection)
            with closing(documents(session, selection)) as found:
                yield from found


def _check(session: Session, chosen: Selection) -> None:
    """See that every filter is one, as the command does; a source is one that anything was ever looked for at.

    Raises:
        ValueError: one is none.
    """
    chosen.check()
    columns = (Appearance.source, Run.source)
    if chosen.source is None or any(
        session.scalar(select(exists().where(column == chosen.source))) for column in columns
    ):
        return
    here = sorted(session.scalars(union(*map(select, columns))))
    raise SelectionError(f"there is no source {chosen.source!r} here; there are {', '.join(here) or 'none'}")


def _day(day: Day | None) -> dt.date | None:
    return day_of(day) if isinstance(day, str) else day
