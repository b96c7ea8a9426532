"""Export: what was kept comes out whole, in every format, the same each time, whatever pages call their things."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, get_args
from urllib.parse import quote

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from sqlalchemy import event, inspect

from flows import reading
from storage import captures, duplicates, ledger, lookup, models, tei
from storage.archive import Archive
from storage.database import Database
from storage.documents import documents
from storage.export import (
    MANIFEST,
    Exported,
    ExportError,
    ExportRefused,
    Format,
    as_was,
    export,
    neutral,
)
from storage.exported import records, transcripts
from storage.ledger import Found
from storage.load import Reading, load
from storage.selection import Selection
from storage.transcript import GUESSED_DATE, Transcript, Turn, from_dict, parse, render
from storage.warc import Record, read_warc
from tests.test_load import DAY, said

WARCIO = str(Path(sys.executable).parent / "warcio")
NOON = dt.datetime(2026, 3, 20, 12, 0, 0, 123456, tzinfo=dt.UTC)
FORMATS = get_args(Format)
TEI = "{http://www.tei-c.org/ns/1.0}"

HOSTILE = Transcript(
    DAY,
    "=HYPERLINK(\"http://x\") </title><script>alert('1')</script> & ]]> \ufffe\uffff",
    (
        Turn(("-1+2", "@SUM(A1)", "'quoted'"), label="=cmd|' /C calc'!A0", role="answer", speaker="+Mr <X>"),
        Turn(("There were two: yes.",)),
        Turn(("(Laughter \u200f\u202e)",), role="note"),
        Turn((), label="Вопрос"),
        Turn(("كلمة سلام‌ها",), label="الوزير", speaker="الوزير", role="answer"),
    ),
    language="ar",
    kind="transcript",
    number="@1",
    doubts=("=1",),
    left_out=("<b>",),
)
KEYS = [
    "../../etc/passwd", "..", ".", "", "a", "A", "a/b", "a-b", "a\\b", "a\x00b", "a\nb\x1b[2J", "con",
    "\u202egpj.a", "х", "у", "x" * 300, "x" * 301, "a-0123456789abcdef", "=1+1",
]  # fmt: skip


class Office:
    """A database with an archive, in which every document has its capture."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.archive = database, Archive(folder)
        self.kept: dict[tuple[str, str], Transcript] = {}
        with database.write() as session:
            self.run = ledger.open_run(session, "nightly", "here", DAY, DAY).id
        self.writer = self.archive.writer("here", self.run, NOON)

    def keep(self, transcript: Transcript, key: str, source: str = "here", n: int = 0) -> None:
        url = f"https://{source}.example/{quote(key)}"
        body = f"<p>{len(self.kept)} {n}</p>".encode()
        record = Record(url, NOON + dt.timedelta(n), 200, (("Content-Type", "text/html"),), body)
        with self.writer:
            (capture,) = captures.keep(self.database, self.writer, source, [record])
        key = key.replace("\x00", "")
        with self.database.write() as session:
            self.run = ledger.open_run(session, "nightly", source, DAY, DAY).id
            ledger.discovered(session, self.run, Found(key, url))
        loaded = load(self.database, self.run, Reading(transcript, source, key, url, capture, 1))
        if loaded.disposition in ("new", "revised"):
            self.kept[source, key] = transcript

    def export(self, folder: Path, form: Format, **chosen: Any) -> Exported:
        return export(self.database, self.archive, folder, form, Selection(**chosen))


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    office = Office(database, tmp_path / "archive")
    for n, key in enumerate(KEYS):
        turns = (*HOSTILE.turns, Turn((f"number {n} " * 70,)))
        office.keep(
            Transcript(
                DAY, HOSTILE.title, turns, language="ar", kind="transcript", number="@1", doubts=("=1",),
                left_out=("<b>",),
            ),
            key,
        )  # fmt: skip
    office.keep(said(), "revised")
    undated = replace(said("Another text now. " * 30), doubts=(GUESSED_DATE, "no layout"))
    office.keep(undated, "revised", n=1)
    office.keep(said("Another text now. " * 30), "copy", "mirror")
    return office


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def details(transcript: Transcript) -> tuple[object, ...]:
    """Everything in a transcript, what the text format has no room for too."""
    turns = [(turn.label, turn.role, turn.speaker, turn.paragraphs) for turn in transcript.turns]
    names = ("date", "title", "language", "kind", "event_date", "number", "left_out", "doubts")
    return (turns, *(getattr(transcript, name) for name in names))


# --- every format --------------------------------------------------------------------------------


def test_every_format_is_the_same_twice_and_its_manifest_has_the_digest_of_each_file(
    office: Office, tmp_path: Path
) -> None:
    for form in FORMATS:
        first, second = tmp_path / f"{form}1", tmp_path / f"{form}2"
        done = office.export(first, form)
        assert office.export(second, form) == done
        files = bytes_of(first)
        assert bytes_of(second) == files
        manifest = json.loads(files.pop(MANIFEST))
        assert {each["path"]: (each["bytes"], each["sha256"]) for each in manifest["files"]} == {
            name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()
        }
        assert (manifest["format"], manifest["documents"], manifest["turns"]) == (form, 20, done.turns)
        assert done == Exported(20, manifest["turns"], len(files))


@pytest.mark.any_database
def test_names_stay_in_the_folder_and_are_of_plain_characters(office: Office, tmp_path: Path) -> None:
    for form in ("text", "tei"):
        office.export(tmp_path / "out" / form, form)  # type: ignore[arg-type]
        names = [PurePosixPath(name) for name in bytes_of(tmp_path / "out" / form) if name != MANIFEST]
        assert len({str(name).lower() for name in names}) == len(office.kept)
        for name in names:
            assert name.parts[:2] == ("here", "2026") and len(name.parts) == 3
            assert name.name.startswith("2026-03-20-") and len(name.name) < 130
            assert set(name.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert (tmp_path / "out" / "text" / "here" / "2026" / "2026-03-20-a.txt").exists()
    assert {path.name for path in tmp_path.iterdir()} - {"out", "archive"} <= {
        f"podium.db{end}" for end in ("", "-wal", "-shm")
    }


def test_texts_read_back_are_what_was_loaded(office: Office, tmp_path: Path) -> None:
    office.export(tmp_path / "out", "text")
    files = {name: data for name, data in bytes_of(tmp_path / "out").items() if name != MANIFEST}
    assert sorted(files.values()) == sorted(render(each).encode() for each in office.kept.values())
    for data in files.values():
        assert parse(data.decode()) in office.kept.values()


def test_json_lines_read_back_are_what_was_loaded_to_the_last_detail(office: Office, tmp_path: Path) -> None:
    office.export(tmp_path / "out", "jsonl")
    lines = (tmp_path / "out" / "documents.jsonl").read_bytes().decode().split("\n")
    told = [json.loads(line) for line in lines if line]
    assert {(each["source"], each["key"]): details(from_dict(each)) for each in told} == {
        name: details(transcript) for name, transcript in office.kept.items()
    }
    last = told[-1]
    assert (last["revision"], last["id"]) == (2, len(KEYS) + 1)
    assert last["capture"]["url"] == last["url"] == "https://here.example/revised"
    assert last["capture"]["time"] == "2026-03-21T12:00:00.123456Z"
    assert [tuple(each[name] for name in ("source", "key", "revision")) for each in last["appearances"]] == [
        ("here", "revised", 2),
        ("mirror", "copy", 2),
    ]
    with office.database.read() as session:
        revision = lookup.find(session, "here/revised")
        assert revision is not None and revision.capture.digest == last["capture"]["digest"]


def test_an_export_whose_file_was_cut_is_not_read_as_whole(office: Office, tmp_path: Path) -> None:
    office.export(tmp_path / "out", "jsonl")
    assert list(records(tmp_path / "out"))
    path = tmp_path / "out" / "documents.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(ExportError, match=r"documents\.jsonl: is not as it was exported"):
        list(records(tmp_path / "out"))


def test_a_disk_that_fills_up_is_told_with_the_file(office: Office, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails then, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(ExportError, match="is no whole export"):
            office.export(tmp_path / "out", "jsonl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_tables_read_back_are_what_was_loaded_and_no_cell_is_a_formula(
    office: Office, tmp_path: Path
) -> None:
    office.export(tmp_path / "out", "csv")
    tables = {}
    for name in ("documents", "turns"):
        with (tmp_path / "out" / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        cells = [cell for row in rows for cell in row.values()]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        tables[name] = [{column: as_was(cell) for column, cell in row.items()} for row in rows]
    turns: dict[str, list[tuple[str | None, ...]]] = {}
    for row in tables["turns"]:
        turns.setdefault(row["document"], []).append(
            (row["label"] or None, row["role"] or None, row["speaker"] or None, row["text"])
        )
    found = {
        (row["source"], row["key"]): (
            *(row[name] for name in ("title", "date", "number", "doubts")),
            turns[row["id"]],
        )
        for row in tables["documents"]
    }
    assert found == {
        name: (
            each.title,
            str(each.date),
            each.number or "",
            "\n".join(each.doubts),
            [(turn.label, turn.role, turn.speaker, turn.text) for turn in each.turns],
        )
        for name, each in office.kept.items()
    }


def test_text_json_lines_and_parquet_read_back_are_the_same_records(office: Office, tmp_path: Path) -> None:
    for form in ("text", "jsonl", "parquet", "csv"):
        office.export(tmp_path / form, form)  # type: ignore[arg-type]
    texts, lines, tables = (list(transcripts(tmp_path / form)) for form in ("text", "jsonl", "parquet"))
    assert texts == lines == tables == list(office.kept.values())
    assert [details(each) for each in tables] == [details(each) for each in office.kept.values()]
    assert list(records(tmp_path / "parquet")) == list(records(tmp_path / "jsonl"))
    with pytest.raises(ExportError, match="only jsonl and parquet"):
        list(records(tmp_path / "csv"))
    (tmp_path / "jsonl" / MANIFEST).unlink()
    with pytest.raises(ExportError, match="broken off"):
        list(transcripts(tmp_path / "jsonl"))


@pytest.mark.any_database
def test_parquet_has_types_and_reads_back_from_several_row_groups_and_from_none(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.parquet.ROWS", 7)
    office.export(tmp_path / "out", "parquet")
    assert pq.ParquetFile(tmp_path / "out" / "turns.parquet").num_row_groups > 10
    assert list(transcripts(tmp_path / "out")) == list(office.kept.values())
    documents, turns = (
        pq.read_table(tmp_path / "out" / f"{name}.parquet") for name in ("documents", "turns")
    )
    types = {field.name: str(field.type) for field in (*documents.schema, *turns.schema)}
    assert (types["date"], types["captured"]) == ("date32[day]", "timestamp[us, tz=UTC]")
    assert types["paragraphs"] == "list<element: string not null>"
    last = documents.to_pylist()[-1]
    assert (last["key"], last["date"], last["captured"]) == ("revised", DAY, NOON + dt.timedelta(1))
    own = turns.filter(pc.equal(turns["document"], last["id"])).to_pylist()
    assert [row["position"] for row in own] == [0, 1, 2, 3]
    assert own[1]["paragraphs"] == ["Will it sail?", "When: today?"] and own[3]["paragraphs"] == []
    office.export(tmp_path / "none", "parquet", source="nowhere")
    assert list(records(tmp_path / "none")) == []


def test_only_a_parquet_export_loads_arrow() -> None:
    program = "import sys, flows.cli, storage.export, storage.exported; print('pyarrow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parent
    )
    assert done.stdout == "False\n", done.stderr


@pytest.mark.slow
def test_every_transcript_of_the_corpus_reads_back_from_every_format(
    database: Database, corpus: Path, tmp_path: Path
) -> None:
    office = Office(database, tmp_path / "archive")
    for n, (source, transcript) in enumerate(real_transcripts(corpus)):
        office.keep(transcript, str(n), source)
    for form in ("text", "jsonl", "parquet"):
        done = office.export(tmp_path / form, form)  # type: ignore[arg-type]
        assert done.documents == len(office.kept) > 400
        assert list(transcripts(tmp_path / form)) == list(office.kept.values())
    kept = [details(each) for each in office.kept.values()]
    assert [details(each) for each in transcripts(tmp_path / "parquet")] == kept
    both = zip(records(tmp_path / "parquet"), records(tmp_path / "jsonl"), strict=True)
    assert all(one == other for one, other in both)


def real_transcripts(corpus: Path) -> Iterator[tuple[str, Transcript]]:
    """What is read from the corpus' pages, each with its source."""
    how = reading.choice(None, None, generic=False)
    for warc in sorted(corpus.glob("*.warc.gz")):
        for read in reading.read_archive(warc, how):
            if read.transcript is not None:
                yield read.source or "unknown", read.transcript


@given(st.text())
def test_a_neutral_cell_is_no_formula_and_can_be_had_as_it_was(cell: str) -> None:
    assert as_was(neutral(cell)) == cell
    assert not neutral(cell).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


@pytest.mark.any_database
def test_tei_is_well_formed_and_says_what_was_said_by_whom(office: Office, tmp_path: Path) -> None:
    office.export(tmp_path / "out", "tei")
    roots = [etree.parse(str(path)).getroot() for path in (tmp_path / "out").rglob("*.xml")]
    assert len(roots) == len(office.kept)
    schema = etree.RelaxNG(file=str(Path(__file__).parent / "tei.rng"))

    def fit(text: str) -> str:
        return text.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")

    said_by = {tuple(map(fit, (turn.text for turn in each.turns))): each for each in office.kept.values()}
    for root in roots:
        body = root.find(f"{TEI}text/{TEI}body/{TEI}div")
        turns = [each for each in body if each.tag != f"{TEI}head" and not each.get("type")]
        texts = ["\n".join(each.itertext("{*}seg", "{*}note")) for each in turns]
        texts = ["\n".join(line for line in text.split("\n") if line.strip()) for text in texts]
        (was,) = [each for words, each in said_by.items() if list(words) == texts]
        assert root.findtext(f".//{TEI}titleStmt/{TEI}title") == fit(was.title)
        people = {
            each.get("{http://www.w3.org/XML/1998/namespace}id"): each.findtext(f"{TEI}persName")
            for each in root.iter(f"{TEI}person")
        }
        who = [people[each.get("who")[1:]] for each in turns if each.get("who")]
        assert who == [fit(turn.speaker) for turn in was.turns if turn.speaker]
        ids = root.xpath("//@xml:id")
        assert len(set(ids)) == len(ids)
        assert {each[1:] for each in root.xpath("//@ana | //@who")} <= set(ids)
        schema.assertValid(root)
        digest, url = (root.xpath(f"string(//*[@type='{name}'])") for name in ("digest", "URI"))
        doubts = [each.text for each in root.findall(f".//{TEI}bibl/{TEI}note[@type='doubt']")]
        assert tuple(doubts) == was.doubts
        (day,) = root.xpath("//*[local-name()='bibl']/*[@cert]") or [None]
        assert (day is not None) == (GUESSED_DATE in was.doubts)
        assert digest.startswith("sha256:") and url.startswith("https://here.example/")


def test_the_schema_of_tei_refuses_what_is_not_so() -> None:
    schema = etree.RelaxNG(file=str(Path(__file__).parent / "tei.rng"))

    def valid(transcript: Transcript, was: str = "", now: str = "") -> bool:
        where = {
            "source": "here",
            "url": "https://x",
            "captured": "2026-03-20T12:00:00.000001Z",
            "digest": "sha256:x",
        }
        return bool(
            schema.validate(
                etree.fromstring(tei.render(transcript, **where).replace(was.encode(), now.encode()))
            )
        )

    notes = Transcript(DAY, "Nobody speaks", (Turn(("(Laughter)",), role="note"),))
    assert valid(said()) and valid(notes)
    assert not valid(said(), "debateSection", "commentSection")
    assert not valid(notes, "commentSection", "debateSection")
    assert not valid(said(), "2026-03-20", "20 March")
    assert not valid(said(), "#speaker1", "speaker1")
    assert not valid(said(), "<body>", "<body><p/>")


@pytest.mark.slow
def test_tei_of_real_transcripts_is_valid(corpus: Path) -> None:
    schema = etree.RelaxNG(file=str(Path(__file__).parent / "tei.rng"))
    where = {"url": "https://x", "captured": "2026-03-20T12:00:00.000001Z", "digest": "sha256:x"}
    valid = 0
    for source, transcript in real_transcripts(corpus):
        schema.assertValid(etree.fromstring(tei.render(transcript, source=source, **where)))
        valid += 1
    assert valid > 400


def test_a_warc_file_holds_the_captures_byte_for_byte_and_passes_a_check(
    office: Office, tmp_path: Path
) -> None:
    office.export(tmp_path / "out", "warc")
    path = tmp_path / "out" / "captures.warc.gz"
    done = subprocess.run([WARCIO, "check", str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with office.database.read() as session:
        newest = [revision.capture for revision in _newest(session)]
    records = [record for record, _ in read_warc(path)]
    assert [(each.url, each.digest) for each in records] == [(each.url, each.digest) for each in newest]


def _newest(session: Any) -> list[models.Revision]:
    found = [lookup.find(session, str(n + 1)) for n in range(len(KEYS) + 1)]
    return [revision for revision in found if revision is not None]


# --- near duplicates -----------------------------------------------------------------------------


def words(*numbers: int) -> Transcript:
    """A text of 200 words of its own for each of some numbers."""
    own = tuple(Turn((" ".join(f"w{number}x{n}" for n in range(200)),)) for number in numbers)
    return Transcript(DAY, f"On {numbers}", own)


@pytest.fixture
def doubled(database: Database, tmp_path: Path) -> Office:
    """A text, a mirror and an excerpt of it at other sources, and one that is its mirror no more."""
    office = Office(database, tmp_path / "archive")
    for source, transcript in (
        ("here", words(1, 2, 3)),
        ("mirror", words(1, 2, 3)),
        ("part", words(2)),
        ("edited", words(1, 2, 3)),
    ):
        note = Turn((f"From {source}.",), role="note")
        office.keep(replace(transcript, turns=(*transcript.turns, note)), "a", source)
        list(duplicates.compare(database, source))
    office.keep(words(7), "a", "edited", n=1)
    list(duplicates.compare(database, "edited"))
    return office


def test_what_is_nearly_the_same_is_told_of_both_in_every_form_that_has_room(
    doubled: Office, tmp_path: Path
) -> None:
    for form in ("jsonl", "parquet", "csv"):
        doubled.export(tmp_path / form, form)  # type: ignore[arg-type]
    told = {each["source"]: each["links"] for each in records(tmp_path / "jsonl")}
    assert {source: [(link["id"], link["kind"]) for link in links] for source, links in told.items()} == {
        "here": [(2, "mirror"), (3, "whole")],
        "mirror": [(1, "mirror"), (3, "whole")],
        "part": [(1, "excerpt"), (2, "excerpt")],
        "edited": [],
    }
    assert {link["similarity"] > 0.8 for links in told.values() for link in links} == {True}
    assert list(records(tmp_path / "parquet")) == list(records(tmp_path / "jsonl"))
    with (tmp_path / "csv" / "links.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [(row["document"], row["other"], row["kind"]) for row in csv.DictReader(file)]
    assert rows == [
        ("1", "2", "mirror"), ("1", "3", "whole"), ("2", "1", "mirror"), ("2", "3", "whole"),
        ("3", "1", "excerpt"), ("3", "2", "excerpt"),
    ]  # fmt: skip


@pytest.mark.any_database
def test_a_link_to_what_was_not_chosen_is_told_too(doubled: Office, tmp_path: Path) -> None:
    doubled.export(tmp_path / "out", "jsonl", source="part")
    (only,) = records(tmp_path / "out")
    assert [link["id"] for link in only["links"]] == [1, 2]


@pytest.mark.any_database
def test_each_text_is_kept_once_by_the_lines_of_the_docs(
    doubled: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubled.export(tmp_path / "DIR", "jsonl")
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs" / "duplicates.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(.*?)```", page, re.S)
    names: dict[str, Any] = {}
    exec(compile(lines, "duplicates.md", "exec"), names)
    assert [each["source"] for each in names["once"]] == ["here", "edited"]


def test_links_are_asked_for_a_batch_at_a_time(office: Office) -> None:
    asked: list[str] = []
    event.listen(office.database.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    with office.database.read() as session:
        assert len(list(documents(session, Selection()))) == 20
    assert len([each for each in asked if "FROM links" in each]) == 2


# --- what is chosen, refused or fails ------------------------------------------------------------


def test_filters_choose_documents(office: Office, tmp_path: Path) -> None:
    def count(**chosen: Any) -> int:
        folder = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        done = office.export(folder, "text", **chosen)
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        assert told["selection"] == {name: str(value) for name, value in chosen.items()}
        return done.documents

    assert count(source="here") == 20 and count(source="mirror") == 1 and count(source="nowhere") == 0
    assert (
        count(language="en") == 1 and count(speaker="ROSK") == 1 and count(speaker="rosk", role="note") == 0
    )
    assert count(speaker="+mr <x>", role="answer") == 19
    assert count(since=DAY, until=DAY) == 20
    assert count(since=DAY + dt.timedelta(1)) == count(until=DAY - dt.timedelta(1)) == 0


@pytest.mark.any_database
def test_a_folder_with_anything_in_it_is_refused_and_left_alone(office: Office, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("Dear")
    (tmp_path / "file").write_text("Dear")
    for name in ("full", "file"):
        with pytest.raises(ExportRefused, match="is not an empty folder"):
            office.export(tmp_path / name, "text")
    assert bytes_of(tmp_path / "full") == {"letter.txt": b"Dear"}
    (tmp_path / "empty").mkdir()
    assert office.export(tmp_path / "empty", "text").documents == 20


@pytest.mark.any_database
def test_an_export_that_fails_has_no_manifest(office: Office, tmp_path: Path) -> None:
    for path in office.archive.folder.rglob("*.warc.gz"):
        path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ExportError, match="podium audit --verify"):
        office.export(tmp_path / "out", "warc")
    assert not (tmp_path / "out" / MANIFEST).exists()
    with pytest.raises(ExportRefused):
        office.export(tmp_path / "out", "warc")


@pytest.mark.any_database
def test_memory_holds_a_batch_and_progress_is_told(office: Office, tmp_path: Path) -> None:
    for n in range(90):
        office.keep(said(f"Text number {n}. " * 40), f"many-{n}")
    told: list[int] = []
    export(office.database, office.archive, tmp_path / "out", "jsonl", Selection(), told.append)
    assert told == [100]


def test_going_through_an_archive_loads_no_list_of_revisions(office: Office) -> None:
    # Loaded for many documents, and again and again, it ends CPython 3.11 in a segmentation fault.
    seen, most = 0, 0
    with office.database.read() as session, closing(documents(session, Selection())) as found:
        for document in found:
            most = max(most, len(document.numbers))
            for each in session.identity_map.values():
                if isinstance(each, models.Transcript):
                    seen += 1
                    assert "revisions" in inspect(each).unloaded
    assert seen
    assert most == 2
