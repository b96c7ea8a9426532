"""Integrity: damage is found wherever it is, said once, and mended without losing anything."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, delete, func, or_, select, text, update

from storage import captures, integrity, ledger, lookup
from storage.archive import Archive
from storage.captures import capture_of
from storage.database import Database
from storage.duplicates import compare
from storage.integrity import Checked, Finding
from storage.ledger import Found
from storage.load import Reading, load
from storage.models import Appearance, Capture, Fingerprint, Page, Revision, Run, Searched, Transcript, Turn
from storage.transcript import Transcript as Text
from storage.transcript import Turn as Said
from storage.verification import verify
from storage.warc import ArchiveError, Location, Record, read_warc

ROOT = Path(__file__).parent.parent
DAY = dt.date(2026, 3, 20)
NOON = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)
FIRST = "WHERE revision_id = 1"
WARCIO = str(Path(sys.executable).with_name("warcio"))


class Office:
    """A database and its archive: one run of one source, some pages with their transcripts."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.archive = Archive(folder)
        self.run = self.collected("a", "b", "c")
        (self.path,) = folder.rglob("*.warc.gz")

    def collected(self, *keys: str, source: str = "here") -> int:
        """A run that fetches and loads some pages."""
        run = self.begun(source)
        with self.archive.writer(source, run, NOON) as writer:
            for number, key in enumerate(keys):
                record = page(key, source, NOON + dt.timedelta(seconds=number, microseconds=run))
                location = writer.write(record)
                with self.database.write() as session:
                    ledger.discovered(session, run, Found(key, record.url))
                    capture = capture_of(source, record, location)
                    session.add(capture)
                    session.flush()
                    ledger.fetched(session, run, key, capture.id)
                    capture_id = capture.id
                said = Text(
                    DAY, f"On {key}", (Said((f"Good morning {source} {key}.",)), Said(("Yes.",), label="Q"))
                )
                load(self.database, run, Reading(said, source, key, record.url, capture_id, 1))
        with self.database.write() as session:
            ledger.close_run(session, run, [], failed=False)
        return run

    def begun(self, source: str = "here") -> int:
        with self.database.write() as session:
            return ledger.open_run(session, "nightly", source, DAY, DAY).id

    def findings(self, *, repair: bool = False) -> list[Finding]:
        """What an audit of everything finds; mended as it goes where asked."""
        self.checked = Checked()
        found = []
        for finding in self._all():
            found.append(finding)
            if repair and finding.mend is not None:
                finding.mend()
        return found

    def _all(self) -> Iterator[Finding]:
        yield from integrity.damage(self.database)
        yield from verify(self.database, self.archive, self.checked)
        yield from integrity.rows(self.database, self.checked)

    def damage(self) -> list[Finding]:
        """What is found in the archive alone."""
        self.checked = Checked()
        return list(verify(self.database, self.archive, self.checked))

    def kinds(self, *, repair: bool = False) -> list[str]:
        return [finding.kind for finding in self.findings(repair=repair)]

    def body(self, capture: Capture) -> bytes:
        place = Location(capture.warc, capture.offset, capture.length)
        return self.archive.read(place, digest=capture.digest).body

    def captures(self) -> list[Capture]:
        with self.database.read() as session:
            return list(session.scalars(select(Capture).order_by(Capture.id)))

    @contextmanager
    def by_hand(self) -> Iterator[Connection]:
        """A transaction of another program, which heeds no foreign key."""
        engine = create_engine(self.database.engine.url)
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            yield connection
        engine.dispose()

    def state(self) -> tuple[object, ...]:
        """Everything that is kept, to compare: rows and bytes."""
        with self.database.read() as session:
            tables = [Run, Page, Capture, Transcript, Appearance, Revision, Turn]
            rows = [
                sorted(map(str, session.execute(select(*table.__table__.columns)).tuples()))
                for table in tables
            ]
        files = {path.name: path.read_bytes() for path in self.archive.folder.rglob("*") if path.is_file()}
        return rows, files


def page(key: str, source: str = "here", moment: dt.datetime = NOON) -> Record:
    body = f"<p>Good morning {source} {key}.</p>".encode()
    return Record(f"https://{source}.example/{key}", moment, 200, (("Content-Type", "text/html"),), body)


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    return Office(database, tmp_path / "archive")


def passes_warcio(path: Path) -> bool:
    done = subprocess.run([WARCIO, "check", str(path)], capture_output=True, text=True)
    return done.returncode == 0 and not done.stdout and not done.stderr


# --- nothing wrong -------------------------------------------------------------------------------


def test_an_archive_without_damage_has_no_findings_and_says_what_was_looked_at(office: Office) -> None:
    office.collected("d", source="there")
    assert office.findings() == []
    checked = office.checked
    assert (checked.captures, checked.files, checked.transcripts, checked.revisions) == (4, 2, 4, 4)
    assert checked.bytes == sum(path.stat().st_size for path in office.archive.folder.rglob("*.gz"))


def test_an_audit_without_repair_changes_nothing(office: Office) -> None:
    data = office.path.read_bytes()
    office.path.write_bytes(data[:-5])
    with office.by_hand() as connection:
        connection.execute(delete(Capture).where(Capture.id == 1))
    before = office.state()
    assert len(office.findings()) >= 3
    assert office.state() == before


@pytest.mark.any_database
def test_more_captures_than_a_batch_are_all_held_against_their_records(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = office.begun()
    with office.archive.writer("here", run, NOON) as writer, office.database.write() as session:
        for number in range(1100):
            record = page(str(number))
            session.add(capture_of("here", record, writer.write(record)))
        ledger.close_run(session, run, [], failed=False)
    assert office.findings() == []
    assert office.checked.captures == 1103
    with office.database.write() as session:
        session.execute(update(Capture).where(Capture.url.like("%/1077")).values(size=1))
    (finding,) = office.findings()
    assert finding.what.startswith("https://here.example/1077: its record has another size")


# --- torn and damaged files ----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.any_database
def test_a_file_cut_at_any_byte_of_its_last_record_is_torn_or_lacks_it_and_is_mended(office: Office) -> None:
    whole = office.path.read_bytes()
    last = office.captures()[-1]
    first_two = [record for record, _ in read_warc(office.path)][:2]
    beside = office.path.with_name(office.path.name + ".torn")
    for size in range(last.offset, len(whole)):
        office.path.write_bytes(whole[:size])
        found = office.damage()
        torn, capture = (None, *found) if size == last.offset else found
        assert capture.kind == "capture" and capture.mend is None, size
        assert capture.what.startswith("https://here.example/c: ") and "here/c" in capture.what
        read = []
        try:
            read.extend(record for record, _ in read_warc(office.path))
        except ArchiveError:
            assert torn is not None and torn.kind == "torn"
        assert read == first_two, size
        if torn is not None:
            assert torn.mend is not None
            torn.mend()
            assert beside.read_bytes() == whole[last.offset : size]
            beside.unlink()
        assert office.path.read_bytes() == whole[: last.offset]
        assert [record for record, _ in read_warc(office.path)] == first_two
    assert passes_warcio(office.path)
    assert office.kinds() == ["capture"]


@pytest.mark.any_database
def test_a_file_cut_within_its_first_record_is_kept_beside(office: Office, tmp_path: Path) -> None:
    office.archive = Archive(tmp_path / "other")
    path = tmp_path / "other" / "here" / "2026" / "here-20260320T120000-r9-p9.warc.gz"
    path.parent.mkdir(parents=True)
    whole = office.path.read_bytes()[: office.captures()[0].offset]
    for size in (*range(1, 20), *range(20, len(whole), 20)):
        path.write_bytes(whole[:size])
        (torn,) = (finding for finding in office.damage() if finding.kind == "torn")
        assert torn.mend is not None
        torn.mend()
        assert not path.exists()
        assert path.with_name(path.name + ".torn").read_bytes() == whole[:size]
        path.with_name(path.name + ".torn").unlink()


@pytest.mark.any_database
def test_zeros_after_the_last_record_are_cut_off(office: Office) -> None:
    whole = office.path.read_bytes()
    office.path.write_bytes(whole + bytes(5000))
    assert office.kinds(repair=True) == ["torn"]
    assert office.path.read_bytes() == whole
    assert office.findings() == []


def test_what_was_kept_beside_a_file_is_never_overwritten(office: Office) -> None:
    whole = office.path.read_bytes()
    last = office.captures()[-1].offset
    for size in (len(whole) - 1, len(whole) - 2, len(whole) - 2):
        office.path.write_bytes(whole[:size])
        office.findings(repair=True)
    kept = {path.suffix: path.read_bytes() for path in office.path.parent.iterdir() if "torn" in path.suffix}
    assert kept == {".torn": whole[last:-1], ".torn2": whole[last:-2]}


@pytest.mark.any_database
def test_a_flipped_byte_is_found_and_what_comes_after_it_still_reads(office: Office) -> None:
    whole = office.path.read_bytes()
    first, second, third = office.captures()
    records = list(read_warc(office.path))
    for at in range(first.offset, second.offset, 3):
        office.path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        found = office.damage()
        assert office.checked.captures == 3
        if not found:  # the date of a gzip member, or a bit that fills up a byte: nothing was changed
            assert list(read_warc(office.path)) == records
            continue
        damaged, capture = found
        assert (damaged.kind, damaged.mend) == ("damaged", None), at
        assert f"from {first.offset} to {second.offset}" in damaged.what
        assert capture.kind == "capture" and "/a: its record is not whole" in capture.what
    office.path.write_bytes(whole[: first.offset + 30] + b"?" + whole[first.offset + 31 :])
    assert office.kinds(repair=True) == ["damaged", "capture"]
    assert third.offset < office.path.stat().st_size


@pytest.mark.any_database
def test_a_flipped_byte_in_the_last_record_loses_no_byte(office: Office) -> None:
    whole = office.path.read_bytes()
    beside = office.path.with_name(office.path.name + ".torn")
    for at in range(office.captures()[2].offset, len(whole), 19):
        damaged = whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
        office.path.write_bytes(damaged)
        # Decoding what was flipped may run into the file's end, which looks like a torn record.
        assert office.kinds(repair=True) in ([], ["damaged", "capture"], ["torn", "capture"]), at
        assert office.path.read_bytes() + (beside.read_bytes() if beside.exists() else b"") == damaged
        beside.unlink(missing_ok=True)


@pytest.mark.any_database
def test_two_records_damaged_apart_are_two_findings(office: Office) -> None:
    first, _, third = office.captures()
    data = bytearray(office.path.read_bytes())
    data[first.offset + 40] ^= 1
    office.path.write_bytes(bytes(data[: third.offset + 30]))
    assert office.kinds() == ["damaged", "torn", "capture", "capture"]


@pytest.mark.any_database
def test_what_looks_like_a_record_within_a_damaged_one_is_none(office: Office, tmp_path: Path) -> None:
    # A page that holds a WARC file, and can't be made smaller: its bytes stand in the record as they are.
    with Archive(tmp_path / "forged").writer("here", 1, NOON) as writer:
        writer.write(page("forged"))
    (forged,) = (tmp_path / "forged").rglob("*.gz")
    noise = os.urandom(40_000)
    run = office.begun()
    with office.archive.writer("there", run, NOON) as writer, office.database.write() as session:
        record = Record("https://there.example/x", NOON, 200, (), noise + forged.read_bytes() + noise)
        session.add(capture_of("there", record, writer.write(record)))
        ledger.close_run(session, run, [], failed=False)
    (path,) = (office.archive.folder / "there").rglob("*.gz")
    data = path.read_bytes()
    assert forged.read_bytes() in data
    for damaged in (data[:-9], data[:2000] + b"?" + data[2001:]):
        path.write_bytes(damaged)
        found = office.findings(repair=True)
        assert {finding.kind for finding in found} <= {"torn", "damaged", "capture"}
        assert len(office.captures()) == 4


@pytest.mark.any_database
@pytest.mark.parametrize(
    "data",
    [b"<html>", b"PK\x03\x04" + bytes(40), gzip.compress(b"no archive"), b"text " * 10_000],
    ids=["html", "zip", "gzip", "long"],
)
def test_a_file_that_is_no_warc_file_is_found_and_left(office: Office, data: bytes) -> None:
    other = office.path.with_name("other.warc.gz")
    other.write_bytes(data)
    assert office.kinds(repair=True) == ["no WARC"]
    assert other.read_bytes() == data


@pytest.mark.any_database
def test_a_file_of_one_gzip_member_is_not_taken_for_a_torn_one(office: Office) -> None:
    other = office.path.with_name("other.warc.gz")
    data = gzip.compress(gzip.decompress(office.path.read_bytes()))
    other.write_bytes(data)
    assert office.kinds(repair=True) == ["no WARC"]
    assert other.read_bytes() == data


@pytest.mark.any_database
def test_an_empty_file_is_removed(office: Office) -> None:
    empty = office.path.with_name("here-20260320T120000-r1-p1.warc.gz")
    empty.touch()
    assert office.kinds() == ["empty"]
    assert office.kinds(repair=True) == ["empty"]
    assert not empty.exists()


@pytest.mark.any_database
def test_a_file_that_cant_be_read_is_one_finding(office: Office) -> None:
    # A link to itself: unlike permissions, it stops root as well.
    office.path.unlink()
    office.path.symlink_to(office.path)
    (finding,) = office.findings()
    assert finding.kind == "unreadable"
    assert (
        "Too many levels of symbolic links; 3 captures; resting on it: here/a, here/b, here/c" in finding.what
    )


def test_a_folder_that_is_a_link_to_another_disk_is_read_as_well_and_a_loop_once(
    office: Office, tmp_path: Path
) -> None:
    (office.archive.folder / "here").rename(tmp_path / "disk")
    (office.archive.folder / "here").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "loop").symlink_to(tmp_path / "disk")
    assert office.kinds() == []
    office.path.with_name("here-20260320T120000-r1-p1.warc.gz").touch()
    assert office.kinds() == ["empty"]


# --- captures and records that lost each other ---------------------------------------------------


@pytest.mark.any_database
def test_a_file_that_is_gone_names_what_rests_on_it(office: Office) -> None:
    office.path.unlink()
    (finding,) = office.findings()
    assert (finding.kind, finding.mend) == ("missing", None)
    assert finding.what == "no such file; 3 captures; resting on it: here/a, here/b, here/c"


def test_a_renamed_file_is_found_again(office: Office) -> None:
    office.collected("d", source="there")
    office.path.rename(office.archive.folder / "old-captures.warc.gz")
    (finding,) = office.findings()
    assert (finding.kind, finding.where) == ("moved", office.captures()[0].warc)
    assert office.kinds(repair=True) == ["moved"]
    assert {capture.warc for capture in office.captures()[:3]} == {"old-captures.warc.gz"}
    assert office.findings() == []


def test_a_file_compressed_anew_in_its_place_is_read_at_its_new_offsets(office: Office) -> None:
    whole = office.path.read_bytes()
    ends = [0, *(capture.offset for capture in office.captures()), len(whole)]
    members = [gzip.decompress(whole[start:end]) for start, end in pairwise(ends)]
    office.path.write_bytes(b"".join(gzip.compress(member, 1) for member in members))
    assert "moved" in office.kinds(repair=True)
    assert office.findings() == []
    assert [office.body(capture) for capture in office.captures()] == [page(key).body for key in "abc"]


def test_a_row_with_another_length_is_put_right(office: Office) -> None:
    _, second, third = office.captures()
    for length in (9, second.length + third.length, 9000):
        with office.database.write() as session:
            session.execute(update(Capture).where(Capture.id == 2).values(length=length))
        assert office.kinds(repair=True) == ["moved"]
        assert office.findings() == []
        assert office.body(office.captures()[1]) == page("b").body


def test_captures_that_changed_places_are_put_right(office: Office) -> None:
    first, second, _ = office.captures()
    with office.database.write() as session:
        for capture, offset, length in (
            (first, -1, 0),
            (second, first.offset, first.length),
            (first, second.offset, second.length),
        ):
            session.execute(
                update(Capture).where(Capture.id == capture.id).values(offset=offset, length=length)
            )
    office.findings(repair=True)
    office.findings(repair=True)
    assert office.findings() == []
    assert [capture.offset for capture in office.captures()[:2]] == [first.offset, second.offset]


@pytest.mark.any_database
def test_a_copy_of_a_file_is_nothing_wrong(office: Office) -> None:
    shutil.copy(office.path, office.path.with_name("copy.warc.gz"))
    assert office.findings() == []
    office.path.unlink()
    assert office.kinds(repair=True) == ["moved"]
    assert office.findings() == []


@pytest.mark.any_database
def test_a_copy_of_a_file_mends_no_row_that_says_something_else(office: Office) -> None:
    shutil.copy(office.path, office.path.with_name("another.warc.gz"))
    with office.database.write() as session:
        session.execute(update(Capture).where(Capture.id == 2).values(status=404))
    assert office.kinds(repair=True) == ["capture"]


@pytest.mark.any_database
def test_a_copy_of_a_file_stands_in_for_a_damaged_one(office: Office) -> None:
    shutil.copy(office.path, office.path.with_name("another.warc.gz"))
    data = bytearray(office.path.read_bytes())
    data[office.captures()[1].offset + 30] ^= 1
    office.path.write_bytes(data)
    assert sorted(office.kinds(repair=True)) == ["damaged", "moved"]
    assert office.body(office.captures()[1]) == page("b").body
    assert office.kinds() == ["damaged"]


@pytest.mark.any_database
def test_a_record_whose_row_was_never_written_is_given_one(office: Office) -> None:
    run = office.begun()
    with office.archive.writer("here", run, NOON) as writer:
        writer.write(page("late"))
    with office.database.write() as session:
        ledger.close_run(session, run, [], failed=True)
    (finding,) = office.findings()
    assert finding.kind == "unknown"
    assert "1 of its records are not in the database: https://here.example/late at offset" in finding.what
    assert office.kinds(repair=True) == ["unknown"]
    added = office.captures()[-1]
    assert (added.source, added.url, added.content_type) == ("here", "https://here.example/late", "text/html")
    assert office.body(added) == page("late").body
    assert office.findings() == []


@pytest.mark.any_database
def test_a_record_outside_every_source_is_not_given_one(office: Office) -> None:
    with Archive(office.archive.folder).writer("here", 0, NOON) as writer:
        place = writer.write(page("late"))
    (office.archive.folder / place.warc).rename(office.archive.folder / "late.warc.gz")
    (finding,) = office.findings()
    assert finding.kind == "unknown" and finding.mend is None
    assert finding.what.endswith("move the file into the folder of its source")


def test_a_lost_row_comes_back_under_its_id_with_all_that_pointed_to_it(office: Office) -> None:
    before = office.state()
    with office.by_hand() as connection:
        connection.execute(delete(Capture).where(Capture.id == 2))
    assert sorted(office.kinds()) == ["foreign key", "foreign key", "unknown"]
    assert office.kinds(repair=True) == ["unknown"]
    assert office.state() == before
    assert office.findings() == []


def test_a_lost_row_of_no_page_takes_no_id_that_a_text_rests_on(office: Office) -> None:
    """As of a robots.txt in an earlier file, whose row was lost together with the newest ones."""
    older = office.begun("elsewhere")
    with office.archive.writer("elsewhere", older, NOON) as writer:
        (robots,) = captures.keep(office.database, writer, "elsewhere", [page("robots.txt", "elsewhere")])
    with office.database.write() as session:
        ledger.close_run(session, older, [], failed=False)
    newest = office.collected("d")
    with office.by_hand() as connection:
        lost = select(Page.capture_id).where(Page.run_id == newest)
        connection.execute(delete(Capture).where(or_(Capture.id == robots, Capture.id.in_(lost))))
    office.findings(repair=True)
    assert office.findings() == []
    with office.database.read() as session:
        revision = lookup.find(session, "here/d")
        assert revision is not None and revision.capture.url == "https://here.example/d"


def test_a_repair_while_a_file_is_away_keeps_what_tells_the_ids_of_its_captures(office: Office) -> None:
    before, away = office.state(), office.archive.folder.parent / "away.warc.gz"
    with office.by_hand() as connection:
        connection.execute(delete(Capture).where(Capture.id == 2))
    office.path.rename(away)
    office.findings(repair=True)
    away.rename(office.path)
    office.findings(repair=True)
    assert office.state() == before
    assert office.findings() == []


def test_lost_rows_of_one_address_come_back_each_under_its_own_id(office: Office) -> None:
    run = office.begun()
    with office.archive.writer("here", run, NOON) as writer:
        for day in range(3):
            (number,) = captures.keep(
                office.database, writer, "here", [page("e", moment=NOON + dt.timedelta(day))]
            )
            found = Found("e", "https://here.example/e", moment=NOON + dt.timedelta(day))
            with office.database.write() as session:
                ledger.discovered(session, run, found)
                ledger.fetched(session, run, found.page, number)
    with office.database.write() as session:
        for row in session.scalars(select(Page).where(Page.run_id == run)):
            ledger.settle(session, run, row.key, "rejected", "no text")
        ledger.close_run(session, run, [], failed=False)
    before = office.state()
    with office.by_hand() as connection:
        connection.execute(delete(Capture).where(Capture.url == "https://here.example/e"))
    assert "unknown" in office.kinds(repair=True)
    assert office.state() == before
    assert office.findings() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("digest", "sha256:" + "A" * 56),
        ("size", 3),
        ("status", 404),
        ("url", "https://here.example/z"),
    ],
)
def test_a_row_that_says_something_else_than_its_record_is_found_and_left(
    office: Office, name: str, value: object
) -> None:
    with office.database.write() as session:
        session.execute(update(Capture).where(Capture.id == 2).values({name: value}))
    before = office.state()
    (finding,) = office.findings(repair=True)
    assert (finding.kind, finding.mend) == ("capture", None)
    assert f": its record has another {name}; resting on it: here/b" in finding.what
    assert office.state() == before


# --- runs ----------------------------------------------------------------------------------------


def test_the_file_of_a_run_that_may_be_alive_is_left_alone(office: Office) -> None:
    run = office.begun()
    with office.archive.writer("here", run, NOON) as writer:
        writer.write(page("late"))
        (path,) = office.archive.folder.rglob(f"*-r{run}-*")
        for data in (path.read_bytes(), path.read_bytes()[:-3], b""):
            path.write_bytes(data)
            assert office.findings(repair=True) == []
            assert (office.checked.in_use, path.read_bytes()) == (1, data)
    with office.database.write() as session:
        ledger.close_run(session, run, [], failed=True)
    assert office.kinds() == ["empty"]


def test_a_dead_run_is_ended_and_its_torn_file_mended(office: Office, database_url: str) -> None:
    program = """
import datetime as dt, os, signal, sys
from pathlib import Path
from storage import ledger
from storage.archive import Archive
from storage.database import Database
from storage.duplicates import compare
from tests.test_integrity import DAY, NOON, page
database = Database(sys.argv[1])
with database.write() as session:
    run = ledger.open_run(session, "nightly", "there", DAY, DAY).id
writer = Archive(Path(sys.argv[2])).writer("there", run, NOON)
writer.write(page("late"))
place = writer.write(page("torn"))
os.truncate(Path(sys.argv[2]) / place.warc, place.offset + 50)
os.kill(os.getpid(), signal.SIGKILL)
"""
    folder = str(office.archive.folder)
    done = subprocess.run(
        [sys.executable, "-c", program, database_url, folder], cwd=ROOT, capture_output=True
    )
    assert done.returncode == -9, done.stderr
    assert office.kinds() == ["torn", "unknown", "run"]
    assert office.kinds(repair=True) == ["torn", "unknown", "run"]
    with office.database.read() as session:
        run = session.scalars(select(Run).where(Run.source == "there")).one()
    assert (run.state, run.reasons) == ("failed", ["interrupted: its process is gone"])
    assert office.captures()[-1].url == "https://here.example/late"
    before = office.state()
    assert office.findings(repair=True) == []
    assert office.state() == before


def test_a_run_of_another_host_is_not_ended(office: Office) -> None:
    run = office.begun()
    with office.database.write() as session:
        session.get_one(Run, run).process = "another-host:1"
    assert office.findings(repair=True) == []


def test_an_ended_run_with_an_unsettled_page_is_made_failed(office: Office) -> None:
    with office.database.write() as session:
        ledger.discovered(session, office.run, Found("z", "https://here.example/z"))
        session.get_one(Run, office.run).open_days = ["2026-01-02"]
        finished = session.get_one(Run, office.run).finished_at
    (finding,) = office.findings(repair=True)
    assert (finding.kind, finding.what) == ("run", "completed, but 1 of its pages have no disposition")
    with office.database.read() as session:
        run = session.get_one(Run, office.run)
    assert (run.state, run.reasons, run.finished_at) == (
        "failed",
        ["1 of 4 pages have no disposition"],
        finished,
    )
    assert run.open_days == ["2026-01-02"]  # they are as little proved as before
    assert office.findings() == []


# --- rows ----------------------------------------------------------------------------------------


def test_a_row_that_points_nowhere_is_found_in_every_table(office: Office) -> None:
    with office.by_hand() as connection:
        connection.execute(update(Page).where(Page.id == 1).values(run_id=99, capture_id=98, revision_id=97))
        connection.execute(update(Revision).where(Revision.id == 2).values(transcript_id=96))
        connection.execute(update(Appearance).where(Appearance.id == 3).values(transcript_id=95))
        connection.execute(
            update(Turn).where(Turn.revision_id == 3, Turn.position == 1).values(revision_id=94)
        )
    found = {(each.where, each.what): each.remedy for each in office.findings() if each.kind == "foreign key"}
    assert found == {
        ("pages 1", "capture_id 98: no such row in captures"): "empties capture_id",
        ("pages 1", "revision_id 97: no such row in revisions"): "empties revision_id",
        ("pages 1", "run_id 99: no such row in runs"): "",
        ("revisions 2", "transcript_id 96: no such row in transcripts"): "",
        ("appearances 3", "transcript_id 95: no such row in transcripts"): "",
        ("turns 94, 1", "revision_id 94: no such row in revisions"): "",
    }
    office.findings(repair=True)
    left = [each for each in office.findings() if each.kind == "foreign key"]
    assert len(left) == 4
    with office.database.read() as session:
        row = session.get_one(Page, 1)
        assert (row.capture_id, row.revision_id, row.disposition) == (None, None, "new")


@pytest.mark.parametrize(
    ("statement", "where", "what"),
    [
        ("DELETE FROM appearances WHERE id = 1", "here/a", "has no appearance"),
        ("UPDATE transcripts SET first_digest = 'x' WHERE id = 1", "here/a", "first digest"),
        ("UPDATE revisions SET digest = 'x' WHERE id = 1", "here/a", "first digest"),
        ("UPDATE revisions SET number = 2 WHERE id = 1", "here/a", "its 1 revisions are numbered 2 to 2"),
        ("UPDATE revisions SET title = ' ' WHERE id = 1", "here/a revision 1", "needs a title"),
        (f"DELETE FROM turns {FIRST} AND position = 0", "here/a revision 1", "no position 0"),
        (f"DELETE FROM turns {FIRST} AND position = 1", "here/a revision 1", "another digest"),
        (f"UPDATE turns SET position = 2 {FIRST} AND position = 1", "here/a revision 1", "no position 1"),
        (f"UPDATE turns SET text = 'No.' {FIRST} AND position = 1", "here/a revision 1", "another digest"),
        (f"UPDATE turns SET label = 'a: b' {FIRST} AND position = 1", "here/a revision 1", "not a label"),
    ],
)
def test_rows_that_contradict_each_other_are_found(
    office: Office, statement: str, where: str, what: str
) -> None:
    with office.by_hand() as connection:
        connection.execute(text(statement))
    found = office.findings()
    assert any(each.where == where and what in each.what for each in found), found


def test_a_transcript_without_a_revision_is_found(office: Office) -> None:
    with office.by_hand() as connection:
        connection.execute(update(Page).values(revision_id=None))
        connection.execute(delete(Searched).where(Searched.revision_id == 3))
        connection.execute(delete(Turn).where(Turn.revision_id == 3))
        connection.execute(delete(Revision).where(Revision.id == 3))
    (finding,) = office.findings()
    assert (finding.kind, finding.where, finding.what) == ("transcript", "here/c", "has no revision")


def test_every_text_that_was_revised_is_rebuilt(office: Office) -> None:
    with office.database.read() as session:
        revision = lookup.find(session, "here/a")
        assert revision is not None
        was = lookup.transcript_of(revision)
        capture = revision.capture_id
    said = Text(DAY, was.title, (*was.turns, Said(("Thank you.",))))
    load(office.database, office.run, Reading(said, "here", "a", "https://here.example/a", capture, 1))
    assert office.findings() == []
    assert office.checked.revisions == 4
    with office.by_hand() as connection:
        connection.execute(update(Revision).where(Revision.number == 2).values(number=3))
    (finding,) = office.findings()
    assert finding.what == "its 2 revisions are numbered 1 to 3"


def test_a_value_that_is_no_date_is_one_finding(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'podium.db'}")
    office = Office(database, tmp_path / "archive")
    with office.by_hand() as connection:
        connection.execute(text("UPDATE revisions SET left_out = 'no json' WHERE id = 2"))
    (finding,) = office.findings()
    assert (finding.kind, finding.where) == ("revision", "revision 2")
    assert office.checked.revisions == 3
    database.close()


def spoil(database: Database) -> None:
    """Close an SQLite database and overwrite a page of its file, of an index of the turns."""
    assert database.file is not None
    with database.engine.connect() as connection:
        root = connection.execute(
            text("SELECT rootpage FROM sqlite_master WHERE name = 'ix_turns_speaker'")
        ).scalar()
        size = connection.execute(text("PRAGMA page_size")).scalar()
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.rollback()
    database.close()
    with Path(database.file).open("r+b") as file:
        file.seek((root - 1) * size)  # type: ignore[operator]
        file.write(b"\xff" * 200)


def test_damage_that_sqlite_finds_in_its_own_file_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'podium.db'}"
    database = Database(url)
    Office(database, tmp_path / "archive")
    spoil(database)
    database = Database(url)
    found = list(integrity.damage(database))
    assert found and all(finding.kind == "database" and finding.mend is None for finding in found)
    database.close()


def test_repairing_twice_changes_nothing_the_second_time(office: Office) -> None:
    second = office.collected("d", "e", source="there")
    office.path.write_bytes(office.path.read_bytes()[:-7])
    (other,) = office.archive.folder.rglob(f"*-r{second}-*")
    other.rename(other.with_name("renamed.warc.gz"))
    with office.by_hand() as connection:
        connection.execute(delete(Capture).where(Capture.id == 1))
        connection.execute(update(Page).where(Page.id == 5).values(revision_id=99))
    assert office.kinds(repair=True) == ["torn", "unknown", "moved", "capture", "foreign key"]
    before = office.state()
    assert office.kinds(repair=True) == ["capture"]  # what is gone can't be mended
    assert office.state() == before
    with office.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Capture)) == 5


# --- values, and what no other row contradicts ----------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "where", "what"),
    [
        ("UPDATE runs SET since = 'garbage'", "runs 1", "since can't be 'garbage'"),
        ("UPDATE runs SET finished_at = 'garbage'", "runs 1", "finished_at can't be 'garbage'"),
        ("UPDATE runs SET open_days = 'null'", "runs 1", "open_days can't be 'null'"),
        ("UPDATE captures SET fetched_at = 'x' WHERE id = 2", "captures 2", "fetched_at can't be 'x'"),
        ("UPDATE captures SET offset = 'x' WHERE id = 2", "captures 2", "offset can't be 'x'"),
        ("UPDATE captures SET warc = x'FFFE' WHERE id = 2", "captures 2", "warc can't be X'FFFE'"),
        (
            "UPDATE pages SET date_hint = '2026-02-30' WHERE id = 3",
            "pages 3",
            "date_hint can't be '2026-02-30'",
        ),
    ],
)
def test_a_value_that_is_not_what_its_column_holds_is_one_finding(
    tmp_path: Path, statement: str, where: str, what: str
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'podium.db'}")
    office = Office(database, tmp_path / "archive")
    with office.by_hand() as connection:
        connection.execute(text(statement))
    found = [(each.kind, each.where, each.what) for each in integrity.damage(database)]
    assert found == [("value", where, what)]
    database.close()


def test_a_moment_at_the_end_of_its_second_is_one(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'podium.db'}")
    office = Office(database, tmp_path / "archive")
    with office.by_hand() as connection:
        connection.execute(text("UPDATE runs SET finished_at = '2026-11-30 18:44:59.999999'"))
    assert list(integrity.damage(database)) == []
    database.close()


def test_captures_that_two_texts_have_exchanged_are_put_back(office: Office) -> None:
    before = office.state()
    with office.by_hand() as connection:
        connection.execute(text("UPDATE revisions SET capture_id = 3 - capture_id WHERE id IN (1, 2)"))
    found = office.findings(repair=True)
    assert [(each.kind, each.where) for each in found] == [
        ("revision", "here/a revision 1"),
        ("revision", "here/b revision 1"),
    ]
    assert office.state() == before
    assert office.findings() == []


def test_an_address_with_a_text_that_its_transcript_never_had_takes_the_newest(office: Office) -> None:
    before = office.state()
    with office.by_hand() as connection:
        connection.execute(
            text("UPDATE appearances SET digest = (SELECT digest FROM revisions WHERE id = 2) WHERE id = 1")
        )
    (finding,) = office.findings(repair=True)
    assert (finding.kind, finding.where) == ("appearance", "here/a")
    assert office.state() == before


def test_lost_fingerprints_are_made_again_by_the_next_comparison(office: Office) -> None:
    list(compare(office.database, "here"))
    marks = select(Fingerprint.hash, Fingerprint.transcript_id).order_by(*Fingerprint.__table__.primary_key)
    with office.database.read() as session:
        before = session.execute(marks).all()
    assert before and office.findings() == []
    with office.by_hand() as connection:
        connection.execute(delete(Fingerprint).where(Fingerprint.transcript_id == 2))
    (finding,) = office.findings(repair=True)
    assert (finding.kind, finding.where) == ("fingerprints", "here/b revision 1")
    list(compare(office.database, "here"))
    with office.database.read() as session:
        assert session.execute(marks).all() == before
    assert office.findings() == []


def test_what_a_page_says_of_a_text_whose_row_is_lost_is_not_forgotten(office: Office) -> None:
    with office.by_hand() as connection:
        connection.execute(delete(Revision).where(Revision.id == 3))
    office.findings(repair=True)
    with office.database.read() as session:
        assert session.get_one(Page, 3).revision_id == 3
