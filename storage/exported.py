"""Reading an export back: what `storage.export` wrote as text, JSON Lines or Parquet, a document at a time.

It needs no database: an export that was sent to somebody is read by its folder alone.

    >>> from pathlib import Path
    >>> from storage.exported import transcripts
    >>> for transcript in transcripts(Path("export")):  # doctest: +SKIP
    ...     print(transcript.date, transcript.title)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from storage.export import MANIFEST, ExportError
from storage.transcript import Transcript, from_dict, parse


def transcripts(folder: Path) -> Iterator[Transcript]:
    """What was said, in the order of the export; of text files only what the text format holds.

    Args:
        folder: that was exported to as text, jsonl or parquet.

    Raises:
        ExportError: it is not such an export, or not whole.
        OSError: a file can't be read.
    """
    told = _manifest(folder)
    if told["format"] == "text":
        for file in told["files"]:
            yield parse((folder / file["path"]).read_bytes().decode())
        return
    for record in records(folder):
        yield from_dict(record)


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """The objects that ``jsonl`` has a line each for, in the order of the export.

    Args:
        folder: that was exported to as jsonl or parquet: the objects are the same.

    Raises:
        ExportError: it is not such an export, or not whole.
        OSError: a file can't be read.
    """
    form = _manifest(folder)["format"]
    if form == "jsonl":
        with (folder / "documents.jsonl").open(encoding="utf-8", newline="\n") as file:
            yield from ({"links": [], **json.loads(line)} for line in file)  # an older export has none
    elif form == "parquet":
        from storage import parquet

        yield from parquet.read(folder)
    else:
        raise ExportError(f"{folder}: was exported as {form}; only jsonl and parquet have whole records")


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise ExportError(
            f"{folder}: has no {MANIFEST}; it is no export, or one that was broken off"
        ) from problem
    for file in told["files"]:
        path = folder / file["path"]
        if not path.is_file() or path.stat().st_size != file["bytes"]:
            raise ExportError(f"{path}: is not as it was exported")
    return told
