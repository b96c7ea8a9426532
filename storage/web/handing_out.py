"""What leaves the reading room as a file: a document in the forms of an export, and the archived page itself.

An archived page is somebody else's, and may hold any script: it is never given out as what a browser runs.
"""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast, get_args

from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.responses import Response

from storage.archive import Archive
from storage.database import Database
from storage.export import MANIFEST, ExportError, Format, export
from storage.models import Capture
from storage.selection import OneDocument
from storage.warc import ArchiveError, Location

FORMATS: tuple[str, ...] = get_args(Format)
"""The forms of an export."""

_READABLE = re.compile(r"text/|application/(json|xml|xhtml)|.*\+(json|xml)", re.IGNORECASE)
_CHARSET = re.compile(r"charset=[\"']?([a-z0-9._-]{1,40})", re.IGNORECASE)
_META = re.compile(r"<meta[^<>]{0,300}?charset\s*=\s*[\"']?\s*([a-z0-9._-]{1,40})", re.IGNORECASE)
HEAD = 4096
"""Bytes of a page in which its own word on its charset is looked for, as `crawler.markup` does."""

_ALONE = {"Content-Security-Policy": "sandbox; default-src 'none'"}


def document(database: Database, archive: Archive, transcript_id: int, form: str) -> Response:
    """The newest text of a document; several files come as one ZIP file."""
    if form not in FORMATS:
        raise HTTPException(404, f"There is no such form; there are {', '.join(FORMATS)}.")
    with TemporaryDirectory(prefix="podium-") as name:
        folder = Path(name) / "export"
        try:
            export(database, archive, folder, cast(Format, form), OneDocument(transcript=transcript_id))
        except ExportError as problem:
            raise HTTPException(404, _not_there(problem)) from problem
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
        if len(files) == 1:
            return _file(files[0].name, files[0].read_bytes())
        return _file(f"{transcript_id}-{form}.zip", _zipped(folder, files))


def capture(session: Session, archive: Archive, capture_id: int) -> Response:
    """An archived page as its bytes: as plain text where it is text, and else as a file."""
    row = session.get(Capture, capture_id)
    if row is None:
        raise HTTPException(404, "There is no such capture.")
    try:
        record = archive.read(Location(row.warc, row.offset, row.length), digest=row.digest)
    except ArchiveError as problem:
        raise HTTPException(404, _not_there(problem)) from problem
    if not _READABLE.match(row.content_type):
        return _file(f"capture-{row.id}.bin", record.body)
    own = record.body[:HEAD].decode("ascii", "replace") if "html" in row.content_type.lower() else ""
    found = _CHARSET.search(row.content_type) or _META.search(own)
    charset = found[1] if found else "utf-8"
    return Response(record.body, headers={"Content-Type": f"text/plain; charset={charset}"} | _ALONE)


def _file(name: str, body: bytes) -> Response:
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(body, headers=headers | _ALONE)


def _zipped(folder: Path, files: list[Path]) -> bytes:
    """Files as one; the same files give the same bytes."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            packed.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _not_there(problem: Exception) -> str:
    return f"The archive does not have that page whole: {problem}."
