"""The archive of raw captures: what was written is read back, and a torn file is never read as data."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import os
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from crawler.replay import Replay
from storage.archive import Archive, made_by
from storage.warc import ArchiveError, Location, Record, TornError, digest_of, read_warc

NOON = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)
TRANSFER = {"content-encoding", "content-length", "transfer-encoding"}

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,15}", fullmatch=True).filter(
    lambda name: name.lower() not in TRANSFER
)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20) | st.just("a; b=c d")
RECORDS = st.builds(
    Record,
    url=st.from_regex(r"https?://[a-z]{1,8}\.example/[a-zA-Z0-9/?&=%._~-]{0,20}", fullmatch=True),
    fetched_at=st.datetimes(dt.datetime(1996, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)),
    status=st.integers(100, 599),
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=5).map(tuple),
    body=st.binary(max_size=2000) | st.just(b"HTTP/1.1 200 OK\r\n\r\n") | st.just(b"WARC/1.1\r\n\r\n" * 9),
)


def page(
    body: bytes = b"<p>Good morning.</p>", url: str = "https://example.org/1", **facts: object
) -> Record:
    headers = facts.get("headers", (("Content-Type", "text/html"),))
    return Record(url, NOON, 200, headers, body)  # type: ignore[arg-type]


def archived(folder: Path, *records: Record) -> tuple[Archive, list[Location]]:
    archive = Archive(folder)
    with archive.writer("here", 7, NOON) as writer:
        return archive, [writer.write(record) for record in records]


def foreign(path: Path, *payloads: bytes, compress: bool) -> Path:
    """A WARC file as other tools write it: a request beside each response, HTTP bytes as on the wire."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=compress)
        writer.write_record(writer.create_warcinfo_record(path.name, {"software": "another"}))
        for number, payload in enumerate(payloads):
            url = f"https://example.org/{number}"
            head = StatusAndHeaders(
                f"GET /{number} HTTP/1.1", [("Host", "example.org")], is_http_request=True
            )
            writer.write_record(writer.create_warc_record(url, "request", http_headers=head))
            writer.write_record(
                writer.create_warc_record(url, "response", payload=BytesIO(payload), length=len(payload))
            )
    return path


# --- our own files -------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.lists(RECORDS, min_size=1, max_size=4))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record]
) -> None:
    archive, locations = archived(tmp_path_factory.mktemp("archive"), *records)
    assert [
        archive.read(place, digest=record.digest) for place, record in zip(locations, records, strict=True)
    ] == records
    path = archive.folder / locations[0].warc
    assert [record for record, _ in read_warc(path)] == records
    assert [(place.offset, place.length) for _, place in read_warc(path)] == [
        (place.offset, place.length) for place in locations
    ]


def test_offset_and_length_address_one_gzip_member(tmp_path: Path) -> None:
    _, locations = archived(tmp_path, *(page(bytes([n]) * 100_000) for n in range(3)))
    data = (tmp_path / locations[0].warc).read_bytes()
    end = locations[0].offset
    assert gzip.decompress(data[:end]).startswith(b"WARC/1.1\r\nWARC-Type: warcinfo")
    for number, place in enumerate(locations):
        assert place.offset == end
        end += place.length
        unpacker = zlib.decompressobj(wbits=31)
        text = unpacker.decompress(data[place.offset : end])
        assert unpacker.eof
        assert not unpacker.unused_data
        assert bytes([number]) * 100_000 in text
    assert end == len(data)


def test_a_file_stands_below_its_source_and_year(tmp_path: Path) -> None:
    _, (place,) = archived(tmp_path, page())
    assert place.warc.startswith("here/2026/here-20260320T120000-r7-p")
    assert place.warc.endswith(".warc.gz")


def test_a_writer_that_was_closed_goes_on_where_it_ended(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    writer = archive.writer("here", 7, NOON)
    first = writer.write(page(b"one"))
    writer.close()
    second = writer.write(page(b"two"))
    writer.close()
    assert [archive.read(place).body for place in (first, second)] == [b"one", b"two"]
    assert len(list(read_warc(tmp_path / first.warc))) == 2


def test_a_full_file_is_followed_by_another_of_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.archive.LARGEST_FILE", 20_000)
    records = [page(os.urandom(9_000), f"https://example.org/{n}") for n in range(7)]
    archive, locations = archived(tmp_path, *records)
    assert [archive.read(place) for place in locations] == records
    warcs = list(dict.fromkeys(place.warc for place in locations))
    assert [sum(place.warc == warc for place in locations) for warc in warcs] == [3, 3, 1]
    assert {made_by(warc) for warc in warcs} == {made_by(locations[0].warc)}
    for warc in warcs:
        kept = [record for record, _ in read_warc(tmp_path / warc)]
        assert kept == [
            record for record, place in zip(records, locations, strict=True) if place.warc == warc
        ]


def test_a_writer_that_writes_nothing_leaves_no_file(tmp_path: Path) -> None:
    with Archive(tmp_path).writer("here", 7, NOON):
        pass
    assert not list(tmp_path.iterdir())


def test_a_record_is_on_disk_when_write_returns(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    writer = archive.writer("here", 7, NOON)
    place = writer.write(page(b"x" * 10))
    assert archive.read(place).body == b"x" * 10  # while the writer is open
    writer.close()


def test_others_find_nothing_wrong_with_our_files(tmp_path: Path) -> None:
    records = [page(b"x" * n, f"https://example.org/{n}") for n in (0, 1, 100_000)]
    _, locations = archived(tmp_path, *records)
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("warcio")), "check", "-v", str(tmp_path / locations[0].warc)],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "digest pass" in checked.stdout
    assert "fail" not in checked.stdout


def test_the_description_of_an_undone_transfer_is_not_kept_with_the_body(tmp_path: Path) -> None:
    headers = (
        ("content-encoding", "gzip"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "20"),
        ("X-Kept", "yes"),
    )
    archive, (place,) = archived(tmp_path, page(b"the decoded body, longer than it was", headers=headers))
    record = archive.read(place)
    assert record.body == b"the decoded body, longer than it was"
    assert record.headers == (("X-Kept", "yes"),)


def test_a_header_with_odd_bytes_does_not_harm_its_record(tmp_path: Path) -> None:
    headers = (
        ("X-Odd", 'a\xe9\xff\x80"\x7f'),
        ("X-Empty", ""),
        # As a site's bytes of UTF-8 are read: a raw path, a cookie's name.
        ("Link", '</\xd1\x81/1>; rel="canonical"'),
        ("Set-Cookie", "gr\xc3\xb6\xc3\x9fe=1; Path=/"),
        ("X-Colon", ": :"),
        ("X-Same", "1"),
        ("X-Same", "2"),
    )
    archive, (place,) = archived(tmp_path, page(headers=headers))
    record = archive.read(place, digest=digest_of(b"<p>Good morning.</p>"))
    assert [name for name, _ in record.headers] == [name for name, _ in headers]
    assert record.header("x-colon") == ": :"
    assert record.header("link") == '</%D1%81/1>; rel="canonical"'
    assert [value for name, value in record.headers if name == "X-Same"] == ["1", "2"]


def test_another_body_than_was_recorded_is_an_error(tmp_path: Path) -> None:
    archive, (first, second) = archived(tmp_path, page(b"one"), page(b"two"))
    with pytest.raises(ArchiveError, match="not the recorded capture at offset"):
        archive.read(first, digest=digest_of(b"two"))
    assert archive.read(second, digest=digest_of(b"two")).body == b"two"


def test_a_location_that_holds_no_record_is_an_error(tmp_path: Path) -> None:
    archive, (place,) = archived(tmp_path, page())
    for wrong in (
        Location(place.warc, 0, place.offset),  # the file's own description
        Location(place.warc, place.offset + 5, place.length - 5),
        Location(place.warc, place.offset, place.length - 1),
        Location(place.warc, place.offset, place.length + 1),
        Location(place.warc, place.offset + place.length, 0),
        Location("absent.warc.gz", 0, 1),
    ):
        with pytest.raises(ArchiveError) as caught:
            archive.read(wrong)
        assert "\n" not in str(caught.value)


def test_a_flipped_bit_is_an_error(tmp_path: Path) -> None:
    archive, (place,) = archived(tmp_path, page(b"Good morning. " * 50))
    path = tmp_path / place.warc
    whole = path.read_bytes()
    # The byte before the gzip member's trailer may end in bits that mean nothing.
    filler = place.offset + place.length - 9
    for at in range(place.offset + 10, place.offset + place.length, 7):
        if at == filler:
            continue
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        with pytest.raises(ArchiveError):
            archive.read(place, digest=digest_of(b"Good morning. " * 50))


def test_a_full_disk_leaves_no_half_record(tmp_path: Path) -> None:
    # A limit on the size of files refuses a write half-way, as a full disk does.
    program = """
import datetime as dt, random, resource, signal, sys
from pathlib import Path
from storage.archive import Archive
from storage.warc import ArchiveError, Record
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
noise = random.Random(1).randbytes(50_000)
moment = dt.datetime(2026, 3, 20, tzinfo=dt.UTC)
writer = Archive(Path(sys.argv[1])).writer("here", 7, moment)
writer.write(Record("https://example.org/1", moment, 200, (), b"small"))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    writer.write(Record("https://example.org/2", moment, 200, (), noise))
except ArchiveError as problem:
    print(problem)
writer.write(Record("https://example.org/3", moment, 200, (), b"small too"))
writer.close()
"""
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "File too large" in done.stdout
    (path,) = tmp_path.rglob("*.warc.gz")
    assert [record.body for record, _ in read_warc(path)] == [b"small", b"small too"]


def test_a_file_is_read_from_any_of_its_records_on(tmp_path: Path) -> None:
    archive, locations = archived(tmp_path, *(page(bytes([n]) * 100) for n in range(3)))
    for number, place in enumerate(locations):
        read = list(read_warc(archive.folder / place.warc, place.offset))
        assert [record.body[0] for record, _ in read] == list(range(number, 3))
        assert [found.offset for _, found in read] == [each.offset for each in locations[number:]]


def test_a_torn_file_says_where_its_last_whole_record_ends(tmp_path: Path) -> None:
    archive, locations = archived(tmp_path, page(b"one"), page(b"two"))
    path = archive.folder / locations[0].warc
    whole = path.read_bytes()
    ends = [0, *(place.offset for place in locations), len(whole)]
    for size in set(range(len(whole))) - set(ends):
        path.write_bytes(whole[:size])
        with pytest.raises(TornError) as caught:
            list(read_warc(path))
        assert caught.value.broken_off
        assert caught.value.end == max(end for end in ends if end <= size)


def test_damage_is_told_from_a_file_that_ends_early(tmp_path: Path) -> None:
    archive, (first, second) = archived(tmp_path, page(b"one"), page(bytes(range(256)) * 400))
    path = archive.folder / first.warc
    whole = path.read_bytes()
    for at, end in (
        (first.offset, first.offset),
        (second.offset + 1, second.offset),
        (len(whole) - 6, second.offset),
    ):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        with pytest.raises(TornError) as caught:
            list(read_warc(path))
        assert (caught.value.end, caught.value.broken_off) == (end, False)


def test_nothing_of_a_damaged_file_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    archive, (place,) = archived(tmp_path, page(bytes(range(256)) * 400))
    path = archive.folder / place.warc
    whole = path.read_bytes()
    path.write_bytes(whole[:-6] + b"??????")
    wrong = b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: http://a/ \x1b]0;owned\x07\r\n" + (
        b"WARC-Date: 2026-03-20T12:00:00Z\r\nContent-Length: 19\r\n\r\nHTTP/1.1 200 OK\r\n\r\nand more\r\n"
    )
    (tmp_path / "wrong.warc").write_bytes(wrong)
    for file in (path, tmp_path / "wrong.warc"):
        with contextlib.suppress(ArchiveError):
            list(read_warc(file))
    assert capfd.readouterr() == ("", "")


def test_a_file_names_the_run_and_process_that_wrote_it(tmp_path: Path) -> None:
    _, (place,) = archived(tmp_path, page())
    maker = made_by(place.warc)
    assert maker is not None
    assert (maker.run, maker.process) == (7, os.getpid())
    assert made_by("here/2026/saved.warc.gz") is None


# --- files of others -----------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [True, False], ids=["gzip", "plain"])
def test_a_torn_record_is_never_read_as_data(tmp_path: Path, compress: bool) -> None:
    payloads = [b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n" + body for body in (b"first " * 20, b"second " * 20)]
    whole = foreign(tmp_path / "whole.warc", *payloads, compress=compress).read_bytes()
    bodies = [b"first " * 20, b"second " * 20]
    torn = tmp_path / "torn.warc"
    ends = {place.offset + place.length for _, place in read_warc(tmp_path / "whole.warc")}
    for size in range(len(whole)):
        torn.write_bytes(whole[:size])
        read: list[bytes] = []
        try:
            read.extend(record.body for record, _ in read_warc(torn))
        except ArchiveError as problem:
            assert "\n" not in str(problem)
        assert read == bodies[: len(read)], size
        assert len(read) == sum(end <= size for end in ends) or not compress


@pytest.mark.parametrize("compress", [True, False], ids=["gzip", "plain"])
def test_a_file_that_ends_within_its_last_record_is_an_error(tmp_path: Path, compress: bool) -> None:
    payload = b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n" + b"first " * 20
    path = foreign(tmp_path / "one.warc", payload, compress=compress)
    whole = path.read_bytes()
    ((_, place),) = read_warc(path)
    ends_with = 0 if compress else 4  # the blank lines after a plain record belong to no record
    for size in range(place.offset + 1, len(whole) - ends_with):
        path.write_bytes(whole[:size])
        with pytest.raises(ArchiveError, match=r"one\.warc"):
            list(read_warc(path))


@pytest.mark.parametrize("compress", [True, False], ids=["gzip", "plain"])
def test_the_files_of_others_are_read(tmp_path: Path, compress: bool) -> None:
    packed = gzip.compress(b"packed")
    chunks = b"3\r\nchu\r\n3\r\nnks\r\n0\r\n\r\n"
    path = foreign(
        tmp_path / "theirs.warc",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nplain",
        b"HTTP/1.1 404 Not Found\r\nX-A: b\r\nContent-Encoding: gzip\r\n\r\n" + packed,
        b"HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks,
        b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Encoding: unheard-of\r\n\r\nas it is",
        b"HTTP/1.0 200\r\nX-Odd: \xff\xfe\xe9\x80\r\nno colon here\r\n\r\nodd",
        compress=compress,
    )
    read = list(read_warc(path))
    assert [record.body for record, _ in read] == [b"plain", b"packed", b"chunks", b"as it is", b"odd"]
    assert [record.status for record, _ in read] == [200, 404, 200, 200, 200]
    assert [record.url for record, _ in read] == [f"https://example.org/{n}" for n in range(5)]
    assert all(record.fetched_at.tzinfo is dt.UTC for record, _ in read)
    # Whoever is handed a decoded body and the header would decode it once more.
    assert [record.header("content-encoding") for record, _ in read] == ["", "", "", "unheard-of", ""]
    assert read[2][0].header("transfer-encoding") == ""
    assert [Archive(tmp_path).read(place) for _, place in read] == [record for record, _ in read]


@pytest.mark.parametrize(
    "data",
    [
        *(b"<html><body>no archive</body></html>", b"\x00" * 1000, b"\x1f\x8b", b"PK\x03\x04" + b"\x00" * 40),
        *(gzip.compress(b"no archive"), b"WARC/1.1\r\n", b"WARC/1.1\r\nWARC-Type: response\r\n\r\n"),
    ],
    ids=["html", "zeros", "two-bytes", "zip", "gzip", "head", "no-length"],
)
def test_what_is_no_warc_file_is_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "no.warc.gz"
    path.write_bytes(data)
    with pytest.raises(ArchiveError) as caught:
        list(read_warc(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_absent_or_a_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.warc.gz"):
        with pytest.raises(ArchiveError, match=str(path)):
            list(read_warc(path))


def test_an_empty_file_has_no_captures(tmp_path: Path) -> None:
    path = tmp_path / "empty.warc.gz"
    path.touch()
    assert not list(read_warc(path))


# --- replay --------------------------------------------------------------------------------------


def test_a_replay_answers_with_the_newest_capture_however_the_address_is_spelt(tmp_path: Path) -> None:
    later = NOON + dt.timedelta(minutes=1)
    archive, (place, *_) = archived(
        tmp_path,
        Record("http://www.example.org/a?y=2&utm_source=rss&x=1", later, 200, (), b"new"),
        Record("https://example.org/a/?x=1&y=2#top".replace("/?", "?"), NOON, 200, (), b"old"),
        Record("https://example.org/b", NOON, 404, (), b"gone"),
    )
    replay = Replay(archive.folder / place.warc)
    assert len(replay) == 2
    assert replay.last == later
    for spelling in ("https://example.org/a?x=1&y=2", "http://www.example.org/a?y=2&x=1#there"):
        answer = replay.answer(spelling)
        assert answer is not None
        assert answer.body == b"new"
    assert replay.answer("https://example.org/c") is None
    assert replay.answer("http://[") is None


def test_a_replay_knows_whose_hosts_it_holds(tmp_path: Path) -> None:
    archive, (place, *_) = archived(
        tmp_path,
        page(url="http://127.0.0.1:8080/a"),
        page(url="https://www.spm.example/a"),
        page(url="https://notmfa.example?x"),
    )
    replay = Replay(archive.folder / place.warc)
    for hosts in (
        ("127.0.0.1",),
        ("www.spm.example",),
        ("spm.example",),
        ("other.example", "notmfa.example"),
    ):
        assert replay.holds(hosts), hosts
    strangers: list[tuple[str, ...]] = [("mfa.example",), ("example.org",), ()]
    for others in strangers:
        assert not replay.holds(others), others
