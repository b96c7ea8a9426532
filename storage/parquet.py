"""Documents as two Parquet tables, typed, and the objects that they were made of back again.

`documents` has a row a document, `turns` a row a turn, both in the order of the export; ``turns.document`` is
``documents.id``. Rows are written and read a few thousand at a time, so memory stays flat.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from storage.documents import Document

DOCUMENTS, TURNS = "documents.parquet", "turns.parquet"

ROWS = 5_000
"""Rows of a row group, what is held in memory of a table at once."""

_TEXTS = pa.list_(pa.field("element", pa.string(), nullable=False))
_PLACE = pa.struct(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("source", "key", "url")),
        pa.field("revision", pa.int32()),
    ]
)
_LINK = pa.struct(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("similarity", pa.float64()),
    ]
)

DOCUMENT = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("revision", pa.int32(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("date", pa.date32(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("event_date", pa.date32()),
        pa.field("number", pa.string()),
        pa.field("turns", pa.int32(), nullable=False),
        pa.field("left_out", _TEXTS, nullable=False),
        pa.field("doubts", _TEXTS, nullable=False),
        pa.field("captured", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("digest", pa.string(), nullable=False),
        pa.field("appearances", pa.list_(pa.field("element", _PLACE, nullable=False)), nullable=False),
        pa.field("links", pa.list_(pa.field("element", _LINK, nullable=False)), nullable=False),
    ]
)

TURN = pa.schema(
    [
        pa.field("document", pa.int64(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("role", pa.string()),
        pa.field("speaker", pa.string()),
        pa.field("paragraphs", _TEXTS, nullable=False),
    ]
)


class Sink(Protocol):
    """What bytes are written to."""

    def write(self, data: bytes) -> None:
        """Write all of them."""


def write(documents: Iterable[Document], first: Sink, second: Sink) -> None:
    """Write the documents to the one file, and their turns to the other."""
    with _Rows(first, DOCUMENT) as abouts, _Rows(second, TURN) as turns:
        for document in documents:
            text, told = document.transcript, document.as_dict()
            own = {
                "date": text.date,
                "event_date": text.event_date,
                "turns": len(text.turns),
                "captured": document.capture.fetched_at,
                "digest": document.capture.digest,
            }
            abouts.add(told | own)
            for position, turn in enumerate(told["turns"]):
                turns.add({"document": document.id, "position": position} | turn)


def read(folder: Path) -> Iterator[dict[str, Any]]:
    """The objects that `Document.as_dict` gave for what is in a folder, in order."""
    turns = _read(folder / TURNS)
    for about in _read(folder / DOCUMENTS):
        own = [_turn(row) for row in islice(turns, about["turns"])]
        captured = about["captured"].astimezone(dt.UTC)
        yield {
            **{name: about[name] for name in ("id", "revision", "key", "url", "source", "title")},
            "date": about["date"].isoformat(),
            "language": about["language"],
            "kind": about["kind"],
            "event_date": about["event_date"].isoformat() if about["event_date"] else None,
            "number": about["number"],
            "turns": own,
            "left_out": about["left_out"],
            "doubts": about["doubts"],
            "capture": {
                "url": about["url"],
                "time": f"{captured:%Y-%m-%dT%H:%M:%S.%fZ}",
                "digest": about["digest"],
            },
            "appearances": about["appearances"],
            "links": about.get("links", []),  # an older export has none
        }


def _turn(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("label", "role", "speaker", "paragraphs")}


def _read(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS):
            yield from batch.to_pylist()


class _Rows:
    """A table that is written as rows are added."""

    def __init__(self, sink: Sink, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(_File(sink), schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> _Rows:
        return self

    def __exit__(self, *_problem: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, row: dict[str, Any]) -> None:
        """One row more; what the schema has no column for is passed over."""
        self._rows.append(row)
        if len(self._rows) == ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []


class _File(io.RawIOBase):
    """A sink as the file that Arrow wants."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._sink.write(piece)
        self._at += len(piece)
        return len(piece)
