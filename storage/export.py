"""Exporting the newest text of documents to files: text, JSON lines, tables, TEI, or captures as WARC.

The same archive gives the same bytes: no time and no address of the machine is in them. One document after another
is read and written, so memory stays flat. `manifest.json` gets its name last, when everything is whole.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from storage import tei
from storage.archive import Archive
from storage.database import Database
from storage.documents import BATCH, Document, DocumentError, documents
from storage.selection import Selection
from storage.transcript import render
from storage.warc import ArchiveError, Location

Format = Literal["text", "jsonl", "csv", "parquet", "tei", "warc"]

MANIFEST = "manifest.json"

SLUG = 80
"""Characters of a key in a file's name."""

Progress = Callable[[int], None]
"""Told now and then how many documents are done."""


class ExportRefused(Exception):  # noqa: N818 - the user's mistake, not a failure
    """The folder can't be exported to; one line. Nothing was written."""


class ExportError(Exception):
    """Something couldn't be exported; one line. There is no manifest."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export came to. `files` doesn't count the manifest."""

    documents: int
    turns: int
    files: int


def export(
    database: Database,
    archive: Archive,
    folder: Path,
    form: Format,
    selection: Selection,
    progress: Progress = lambda _done: None,
) -> Exported:
    """Write documents to a folder.

    Args:
        database: read in one transaction, so that the export is of one moment.
        archive: with the captures; only WARC needs it.
        folder: made if it is not there; nothing may be in it.
        form: of the files.
        selection: which documents.
        progress: called after each batch.

    Raises:
        ExportRefused: the folder is not empty.
        ExportError: a capture is not in the archive, a text is not whole, or the disk refused it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportRefused(f"{folder}: is not an empty folder; name another")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _export(database, archive, folder, form, selection, progress)
    except OSError as problem:  # of a buffer that is written at last it doesn't say which file's
        told = f"{problem.filename or folder}: {problem.strerror}; what is in {folder} is no whole export"
        raise ExportError(told) from problem


def _export(
    database: Database, archive: Archive, folder: Path, form: Format, selection: Selection, progress: Progress
) -> Exported:
    counted = [0, 0]
    with _Output(folder).open() as output, database.read() as session:

        def counting() -> Generator[Document, None, None]:
            with closing(documents(session, selection)) as found:
                for document in found:
                    yield document
                    counted[0] += 1
                    counted[1] += len(document.transcript.turns)
                    if not counted[0] % BATCH:
                        progress(counted[0])

        try:
            with closing(counting()) as found:
                _FORMATS[form](found, output, archive)
        except DocumentError as problem:
            raise ExportError(str(problem)) from problem
        chosen = {name: str(value) for name, value in asdict(selection).items() if value is not None}
        output.finish(form, chosen, counted[0], counted[1])
    return Exported(counted[0], counted[1], output.files)


# --- files ---------------------------------------------------------------------------------------


class _Output:
    """A folder that files are written to, each noted in the manifest when it is whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun = folder / f"{MANIFEST}.part"
        self.files = 0

    @contextmanager
    def open(self) -> Iterator[_Output]:
        with self._begun.open("x", encoding="utf-8", newline="\n") as self._manifest:
            self._manifest.write('{\n "files": [')
            yield self

    @contextmanager
    def file(self, name: str) -> Iterator[_Digested]:
        """A new file, open for writing."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as raw:
            file = _Digested(raw)
            yield file
        noted = {"path": name, "bytes": file.size, "sha256": file.digest.hexdigest()}
        self._manifest.write(f"{',' if self.files else ''}\n  {json.dumps(noted)}")
        self.files += 1

    def finish(self, form: Format, chosen: dict[str, str], documents: int, turns: int) -> None:
        """Give the manifest its name."""
        rest = {"format": form, "selection": chosen, "documents": documents, "turns": turns}
        told = json.dumps(rest, ensure_ascii=False, indent=1).removeprefix("{")
        self._manifest.write(f"\n ],{told}\n")
        self._manifest.flush()
        self._begun.replace(self._folder / MANIFEST)


class _Digested:
    """A file that counts and digests what is written to it."""

    def __init__(self, file: io.BufferedWriter) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.digest.update(data)
        self.size += len(data)


def name_of(document: Document, ending: str) -> str:
    """A file's name below the folder: ``SOURCE/YEAR/DATE-KEY.ENDING``.

    Of the key only what every system and address takes is kept. A key that isn't as it was, or looks like one that
    isn't, is told apart by a digest of it.
    """
    day = document.date
    return f"{_slug(document.source)}/{day.year:04d}/{day.isoformat()}-{_slug(document.key)}.{ending}"


def _slug(key: str) -> str:
    slug = re.sub("[^a-z0-9]+", "-", key.lower()).strip("-")[:SLUG]
    if slug == key and slug and not re.search("(^|-)[0-9a-f]{16}$", slug):
        return slug
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{slug}-{digest}".lstrip("-")


# --- formats -------------------------------------------------------------------------------------


def _texts(documents: Iterator[Document], output: _Output, _archive: Archive) -> None:
    for document in documents:
        with output.file(name_of(document, "txt")) as file:
            file.write(render(document.transcript).encode())


def _teis(documents: Iterator[Document], output: _Output, _archive: Archive) -> None:
    for document in documents:
        capture = document.capture
        with output.file(name_of(document, "xml")) as file:
            file.write(
                tei.render(
                    document.transcript,
                    source=document.source,
                    url=document.url,
                    captured=document.captured,
                    digest=capture.digest,
                )
            )


def _jsonl(documents: Iterator[Document], output: _Output, _archive: Archive) -> None:
    with output.file("documents.jsonl") as file:
        for document in documents:
            file.write(json.dumps(document.as_dict(), ensure_ascii=False).encode() + b"\n")


DOCUMENT_COLUMNS = (
    *("id", "revision", "source", "key", "title", "date", "language", "kind", "event_date", "number"),
    *("url", "captured", "digest", "turns", "doubts"),
)
TURN_COLUMNS = ("document", "position", "label", "role", "speaker", "text")
LINK_COLUMNS = ("document", "other", "kind", "similarity")


def _tables(documents: Iterator[Document], output: _Output, _archive: Archive) -> None:
    with (
        output.file("documents.csv") as first,
        output.file("turns.csv") as second,
        output.file("links.csv") as third,
    ):
        first.write("\ufeff".encode() + _row(DOCUMENT_COLUMNS))
        second.write("\ufeff".encode() + _row(TURN_COLUMNS))
        third.write("\ufeff".encode() + _row(LINK_COLUMNS))
        for document in documents:
            text, which = document.transcript, (document.id, document.revision, document.source, document.key)
            about = (text.title, text.date, text.language, text.kind, text.event_date, text.number)
            whence = (document.url, document.captured, document.capture.digest)
            first.write(_row([*which, *about, *whence, len(text.turns), "\n".join(text.doubts)]))
            for position, turn in enumerate(text.turns):
                second.write(_row([document.id, position, turn.label, turn.role, turn.speaker, turn.text]))
            for link in document.links:
                third.write(_row([document.id, *link]))


def _parquet(documents: Iterator[Document], output: _Output, _archive: Archive) -> None:
    from storage import parquet  # Arrow takes a while, and no other format needs it

    with output.file(parquet.DOCUMENTS) as first, output.file(parquet.TURNS) as second:
        parquet.write(documents, first, second)


def _row(cells: Sequence[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow([neutral("" if cell is None else str(cell)) for cell in cells])
    return line.getvalue().encode()


_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "'")


def neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe stands before what would begin one.

    One stands before an apostrophe too, so that `as_was` can take it away again.
    """
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def as_was(cell: str) -> str:
    """The cell that `neutral` was given."""
    return cell.removeprefix("'")


def _captures(documents: Iterator[Document], output: _Output, archive: Archive) -> None:
    """Records as they stand in the archive, byte for byte; each once."""
    written = set[int]()
    with output.file("captures.warc.gz") as file:
        for document in documents:
            capture = document.capture
            if capture.id in written:
                continue
            place = Location(capture.warc, capture.offset, capture.length)
            try:
                _, member = archive.member(place, digest=capture.digest)
            except ArchiveError as problem:
                raise ExportError(f"{problem}; see `podium audit --verify`") from problem
            file.write(member)
            written.add(capture.id)


_FORMATS: dict[Format, Callable[[Iterator[Document], _Output, Archive], None]] = {
    "text": _texts,
    "jsonl": _jsonl,
    "csv": _tables,
    "parquet": _parquet,
    "tei": _teis,
    "warc": _captures,
}
