"""What is kept, and how: transcripts and their text format, raw captures as WARC, the database.

Nothing here knows how a page was fetched or read, or when a run happens: this package imports neither
``crawler`` nor ``flows``. ``from storage import open_archive`` is the door for notebooks: see `storage.door`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.door import open_archive

__all__ = ["USUAL", "open_archive"]

USUAL = "sqlite:///podium-data/podium.db"
"""The database's address where no setting gives one."""


def __getattr__(name: str) -> object:
    """The door, imported when it is asked for: it brings SQLAlchemy, and most of this package needs none."""
    if name == "open_archive":
        from storage.door import open_archive

        return open_archive
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
