"""Taking in the captures and texts of others: from files that real tools make, in the order of their captures."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import brotli
import pytest
from sqlalchemy import select
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from crawler.source_files import load_source
from crawler.text import read_text
from flows import ingest, plan
from flows.collect import SourceReport, collect
from flows.demo import Stage
from flows.demo_site import pages as site_pages
from flows.demo_site.content import Document
from flows.ingest import LONGEST_ADDRESS, Ingested, ingest_texts, ingest_warc
from flows.settings import Settings
from storage import ledger, models
from storage.archive import Archive
from storage.database import Database
from storage.transcript import FormatError, Transcript, Turn, render
from storage.warc import LARGEST_BODY, LARGEST_HEAD, LONGEST_LINE, Location, TornError, read_warc
from tests.command import podium
from tests.conftest import TODAY
from tests.site import MisbehavingMinistry
from tests.test_collect import WINDOW, expected, page_of, pages, rows, texts

NOON = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(1)
HTML = "text/html; charset=utf-8"


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The day on which the test site publishes."""
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)


def take(path: Path, settings: Settings) -> Ingested:
    """Ingest a WARC file's pages of the test site."""
    assert settings.sources is not None
    source = load_source(settings.sources / "demo.toml")
    return ingest_warc(path, {"demo": source}, settings)


def crawl(settings: Settings) -> SourceReport:
    """One backfill of the test site."""
    (order,) = plan.backfill(settings, *WINDOW)
    return collect(order, settings)


def only(found: Ingested) -> SourceReport:
    """The one report of an ingested file."""
    (report,) = found.reports
    return report


class Warc:
    """A WARC file in the making, as somebody else's tool writes it."""

    def __init__(self, path: Path, *, compress: bool = True) -> None:
        self.path = path
        self._file = path.open("wb")
        self._writer = WARCWriter(self._file, gzip=compress)
        self._writer.write_record(self._writer.create_warcinfo_record(path.name, {"software": "another"}))

    def response(
        self,
        url: str,
        body: bytes,
        moment: dt.datetime = NOON,
        status: str = "200 OK",
        headers: tuple[tuple[str, str], ...] = (("Content-Type", HTML),),
        kind: str = "response",
        **more: str,
    ) -> None:
        """Add a record of a page."""
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers), "Server: x", "", ""]
        block = "\r\n".join(lines).encode() + body
        told = {"WARC-Date": f"{moment:%Y-%m-%dT%H:%M:%SZ}"} | {
            k.replace("_", "-"): v for k, v in more.items()
        }
        self._writer.write_record(
            self._writer.create_warc_record(
                url, kind, payload=BytesIO(block), length=len(block), warc_headers_dict=told
            )
        )

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._file.tell()

    def request(self, url: str) -> None:
        """Add the request for a page."""
        head = StatusAndHeaders("GET / HTTP/1.1", [("Host", "x")], is_http_request=True)
        self._writer.write_record(self._writer.create_warc_record(url, "request", http_headers=head))

    def done(self) -> Path:
        """The file, whole."""
        self._file.close()
        return self.path


def page(document: Document) -> bytes:
    """A document's page."""
    return site_pages.document(document, views=1).encode()


def captured(path: Path, base: str, *versions: tuple[Document, dt.datetime]) -> Path:
    """A WARC file with some captures of some documents, in that order."""
    file = Warc(path)
    for document, moment in versions:
        file.response(f"{base}{document.path}", page(document), moment)
    return file.done()


def briefing(site: MisbehavingMinistry) -> Document:
    """The document that the site knows how to correct."""
    return site.document("/briefings/114")


def key_of(document: Document) -> str:
    """What identifies a document within the test site."""
    return document.path.rsplit("/", 1)[1]


def addresses(site: MisbehavingMinistry) -> list[str]:
    """Every document, and pages that are none."""
    return [f"{site.base}{path}" for path in ("/", "/briefings", *(each.path for each in site.documents))]


# --- what tools make -----------------------------------------------------------------------------


@pytest.mark.parametrize("more", [[], ["--no-warc-compression"]], ids=["gzip", "plain"])
def test_what_wget_saved_is_taken_in_word_for_word_and_once(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path, more: list[str]
) -> None:
    if shutil.which("wget") is None:
        pytest.skip("no wget on this machine")
    words = ["wget", "--quiet", "--output-document=/dev/null", f"--warc-file={tmp_path / 'saved'}", *more]
    subprocess.run([*words, *addresses(site)], check=True, timeout=60, capture_output=True)
    (path,) = tmp_path.glob("saved.warc*")
    found = only(take(path, settings))
    assert (found.state, found.reasons) == ("completed", ())
    assert found.tally.counts == {"new": len(site.documents)}
    assert texts(settings) == expected(site, *WINDOW)
    before = rows(settings)
    again = only(take(path, settings))
    assert again.tally.counts == {"unchanged": len(site.documents)}
    assert rows(settings) == before


def test_what_warcio_recorded_and_recompressed_is_taken_in(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    record = """
import sys
from warcio.capture_http import capture_http
import http.client
from urllib.parse import urlsplit
with capture_http(sys.argv[1]):
    for url in sys.argv[2:]:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port)
        connection.request("GET", parts.path)
        connection.getresponse().read()
        connection.close()
"""
    plain, packed = tmp_path / "recorded.warc", tmp_path / "recompressed.warc.gz"
    subprocess.run([sys.executable, "-c", record, str(plain), *addresses(site)], check=True, timeout=60)
    warcio = str(Path(sys.executable).with_name("warcio"))
    subprocess.run([warcio, "recompress", str(plain), str(packed)], check=True, capture_output=True)
    found = take(plain, place.settings)
    assert only(found).tally.counts == {"new": len(site.documents)}
    assert (found.passed["no document"], found.passed["redirect"]) == (2, 0)
    assert texts(place.settings) == expected(site, *WINDOW)
    assert only(take(packed, place.settings)).tally.counts == {"unchanged": len(site.documents)}


def test_a_file_in_common_crawls_manner_is_taken_in(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    file = Warc(tmp_path / "CC-MAIN-20260320.warc.gz")
    for document in site.documents:
        url, body = f"{site.base}{document.path}", page(document)
        file.request(url)
        decoded = (
            ("Content-Type", HTML),
            ("X-Crawl-Content-Encoding", "gzip"),
            ("Content-Length", str(len(body))),
        )
        file.response(url, body, headers=decoded, WARC_Identified_Payload_Type="text/html")
        file.response(url, b"fetchTimeMs: 12", kind="metadata", headers=())
    cut = page(briefing(site))
    url = f"{site.base}/briefings/999"
    file.response(url, cut[: len(cut) * 2 // 3], WARC_Truncated="length")
    for number in range(12):
        file.response(f"https://host{number}.example/briefings/1", b"<p>Good morning.</p>")
    path = file.done()
    found = take(path, place.settings)
    assert only(found).tally.counts == {"new": len(site.documents), "rejected": 1}
    ((_, reason),) = [row for row in pages(place.settings, 1).values() if row[0] == "rejected"]
    assert "truncated" in str(reason)
    assert len(found.strangers) == 12
    assert texts(place.settings) == expected(site, *WINDOW)


def test_a_capture_that_was_cut_where_nothing_shows_it_is_no_text(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    whole = (
        b"<h1>On the ferry</h1><p>Published 5 March 2026.</p>"
        + b"<p>It sails on every day of the week.</p>" * 99
    )
    cut = whole[: -40 * 30]
    file = Warc(tmp_path / "cut.warc.gz")
    file.response(f"{site.base}/briefings/901", cut, WARC_Truncated="disconnect")
    told = (("Content-Type", HTML), ("Content-Length", str(len(whole))))
    file.response(f"{site.base}/briefings/902", cut, headers=told)
    for odd in ("²", "9" * 5000, "-1"):  # says nothing
        file.response(f"{site.base}/other", cut, headers=(("Content-Length", odd),))
    found = only(take(file.done(), place.settings))
    assert found.tally.counts == {"rejected": 2}
    reasons = {reason for _, reason in pages(place.settings, 1).values()}
    assert reasons == {"truncated: its record says that it is not whole: disconnect"}
    # The archive's own copies say so too.
    copies = [record for path in place.settings.archive.rglob("*.gz") for record, _ in read_warc(path)]
    assert [each.truncated for each in copies] == ["disconnect"] * 2


def test_a_text_that_comes_back_as_a_revisit_is_a_revision(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    first = briefing(site)
    second = first.edited("three sailings a day", "no sailings at all", NOON)
    url = f"{site.base}{first.path}"
    told = {"WARC_Refers_To_Target_URI": url, "WARC_Refers_To_Date": f"{NOON - 9 * DAY:%Y-%m-%dT%H:%M:%SZ}"}
    file = Warc(tmp_path / "crawl.warc.gz")
    file.response(url, page(first), NOON - 9 * DAY)
    file.response(url, page(second), NOON - 6 * DAY)
    file.response(url, b"", NOON - 3 * DAY, kind="revisit", **told)
    path = file.done()
    assert only(take(path, settings)).tally.counts == {"new": 1, "revised": 2}
    wanted = {key_of(first): [render(each.transcript) for each in (first, second, first)]}
    assert texts(settings) == wanted
    # In a file of its own, and of something that was never seen.
    later = Warc(tmp_path / "later.warc.gz")
    later.response(url, b"", NOON, kind="revisit", **told)
    later.response(url, b"", NOON, kind="revisit", **told | {"WARC_Refers_To_Date": "2020-01-01T00:00:00Z"})
    found = take(later.done(), settings)
    assert only(found).tally.counts == {"unchanged": 1}
    assert found.passed == {"warcinfo": 1, "revisit of what the archive can't give": 1}
    assert texts(settings) == wanted


def test_encoded_and_chunked_responses_are_read_decoded(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    first, second, third, fourth = site.documents[:4]
    packed = gzip.compress(page(first))
    chunks = (
        b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (packed[:100], packed[100:])) + b"0\r\n\r\n"
    )
    file = Warc(tmp_path / "theirs.warc.gz")
    both = (("Content-Type", HTML), ("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked"))
    file.response(f"{site.base}{first.path}", chunks, headers=both)
    file.response(f"{site.base}{second.path}", gzip.compress(page(second)), headers=both[:2])
    brotlied = (("Content-Type", HTML), ("Content-Encoding", "br"))
    file.response(f"{site.base}{third.path}", brotli.compress(page(third)), headers=brotlied)
    old_name = (("Content-Type", HTML), ("Content-Encoding", "x-gzip"))
    file.response(f"{site.base}{fourth.path}", gzip.compress(page(fourth)), headers=old_name)
    take(file.done(), place.settings)
    assert texts(place.settings) == {
        key_of(each): [render(each.transcript)] for each in (first, second, third, fourth)
    }


# --- what became of each record ------------------------------------------------------------------


def test_what_became_of_each_record_is_in_the_ledger_and_adds_up(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    good = site.documents[0]
    url = f"{site.base}/briefings/"
    file = Warc(tmp_path / "mixed.warc.gz")
    file.request(f"{url}1")
    file.response(f"{site.base}{good.path}", page(good))
    file.response(f"{url}901", b"", status="404 Not Found")
    file.response(f"{url}902", b"", status="403 Forbidden")
    file.response(f"{url}903", b"", status="500 Internal Server Error")
    file.response(f"{url}904", b"%PDF-1.7 " * 9, headers=(("Content-Type", "application/pdf"),))
    file.response(f"{url}905", b"", status="301 Moved", headers=(("Location", f"{site.base}{good.path}"),))
    file.response(f"{url}906", b'<script src="/TSPD/1"></script>Please enable JavaScript')
    file.response(f"{site.base}{good.path}", b"", NOON + DAY, kind="revisit", WARC_Refers_To_Date="x")
    file.response(url, b"<p>a listing</p>")
    found = take(file.done(), place.settings)
    report = only(found)
    said = {key.split()[0].rsplit("/", 1)[1]: row[0] for key, row in pages(place.settings, 1).items()}
    assert said == {
        key_of(good): "new",
        "901": "gone",
        "902": "blocked",
        "903": "failed",
        "904": "rejected",
        "906": "blocked",
    }
    assert report.tally.discovered == 6 and report.tally.unsettled == 0
    assert report.state == "degraded" and "2 pages blocked" in report.reasons
    assert dict(found.passed) == {"no document": 1, "redirect": 1, "request": 1, "revisit": 1, "warcinfo": 1}


@pytest.mark.slow
def test_a_record_that_cant_be_taken_is_passed_over_and_the_others_are_read(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    good, bad = site.documents[0], f"{site.base}/briefings/90"
    packed = {"gzip": gzip.compress(bytes(2 * LARGEST_BODY)), "br": brotli.compress(bytes(2 * LARGEST_BODY))}
    file = Warc(tmp_path / "odd.warc.gz")
    for number, moment in enumerate(
        ("", "garbage", "0000-00-00T00:00:00Z", "0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00Z")
    ):
        file.response(f"{bad}{number}", b"<p>Good morning.</p>", WARC_Date=moment)
    for coding, body in packed.items():
        file.response(f"{bad}{coding}", body, headers=(("Content-Encoding", coding),))
    file.response(f"{bad}9", bytes(LARGEST_BODY + 1))
    file.response(f"{bad}?{'x' * LONGEST_ADDRESS}", b"<p>Good morning.</p>")
    file.response(f"{site.base}{good.path}", page(good))
    found = take(file.done(), place.settings)
    assert (found.passed["response without a date"], found.passed["response of over 32 MiB"]) == (5, 2)
    assert found.passed["address of over 2,083 characters"] == 1
    assert found.torn is None
    assert texts(place.settings) == {key_of(good): [render(good.transcript)]}


@pytest.mark.parametrize(
    ("endless", "told"),
    [
        (b"WARC-Type: " + b"x" * (4 * LONGEST_LINE), "a line of over 1,048,576 bytes"),
        ((b"X: " + b"y" * 995 + b"\r\n") * (2 * LARGEST_HEAD // 1000), "a head of over 16,777,216 bytes"),
    ],
    ids=["line", "head"],
)
def test_a_head_without_an_end_is_no_record(tmp_path: Path, endless: bytes, told: str) -> None:
    path = tmp_path / "endless.warc.gz"
    path.write_bytes(gzip.compress(b"WARC/1.0\r\n" + endless))
    with pytest.raises(TornError, match=told):
        next(read_warc(path))


@pytest.mark.parametrize("compress", [True, False], ids=["gzip", "plain"])
def test_a_torn_file_gives_what_is_whole_and_says_where_it_is_torn(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path, compress: bool
) -> None:
    file = Warc(tmp_path / "torn.warc.gz", compress=compress)
    ends = []
    for document in site.documents[:3]:
        file.response(f"{site.base}{document.path}", page(document))
        ends.append(file.size)
    path = file.done()
    path.write_bytes(path.read_bytes()[: ends[1] + (ends[2] - ends[1]) // 2])
    done = podium("ingest", str(path), settings=place.settings)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 discovered = 2 new" in done.stdout
    assert f"torn.warc.gz: not a whole WARC file: at offset {ends[1]}: it ends within a record" in done.stdout
    assert set(texts(place.settings)) == {key_of(each) for each in site.documents[:2]}


def test_extract_names_a_page_of_a_file_that_it_refuses_and_is_done(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    file = Warc(tmp_path / "two.warc.gz")
    file.response(f"{site.base}{site.documents[0].path}", page(site.documents[0]))
    file.response(f"{site.base}{site.documents[1].path}", b"<html><body></body></html>")
    done = podium("extract", str(file.done()), "--format", "jsonl", settings=place.settings)
    assert (done.returncode, len(done.stdout.splitlines()), len(done.stderr.splitlines())) == (0, 1, 1)


def test_extract_reads_what_is_whole_of_a_torn_file(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    path = captured(tmp_path / "torn.warc.gz", site.base, *((each, NOON) for each in site.documents[:3]))
    path.write_bytes(path.read_bytes()[:-100])
    done = podium("extract", str(path), "--format", "jsonl", settings=place.settings)
    assert [json.loads(line)["title"] for line in done.stdout.splitlines()] == [
        each.transcript.title for each in site.documents[:2]
    ]
    assert "not a whole WARC file" in done.stderr and done.returncode != 0


def test_an_address_with_its_schemes_own_port_is_that_without_it(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    document = briefing(site)
    path = captured(tmp_path / "old.warc.gz", "http://127.0.0.1:80", (document, NOON))
    done = podium("extract", str(path), "--format", "jsonl", settings=place.settings)
    assert json.loads(done.stdout)["url"] == f"http://127.0.0.1{document.path}"
    assert only(take(path, place.settings)).tally.counts == {"new": 1}
    assert set(texts(place.settings)) == {key_of(document)}


def test_a_second_record_of_one_second_is_not_archived(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    first = briefing(site)
    second = first.edited("three sailings a day", "no sailings at all", NOON)
    found = take(captured(tmp_path / "two.warc.gz", site.base, (first, NOON), (second, NOON)), settings)
    assert found.passed == {"warcinfo": 1, "second record of one capture": 1}
    assert rows(settings)["captures"] == 1


def test_a_refusal_in_the_second_of_a_page_hides_nothing(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    document = briefing(site)
    file = Warc(tmp_path / "two.warc.gz")
    file.response(f"{site.base}{document.path}", b"", status="503 Service Unavailable")
    file.response(f"{site.base}{document.path}", page(document))
    assert only(take(file.done(), place.settings)).tally.counts == {"new": 1, "blocked": 1}


def test_every_text_rests_on_a_copy_of_its_own_that_says_where_it_is_from(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    path = captured(tmp_path / "their file.warc.gz", site.base, (site.documents[0], NOON))
    take(path, settings)
    path.unlink()
    database = Database(settings.database_url)
    with database.read() as session:
        (capture,) = session.scalars(select(models.Capture))
    database.close()
    where = Location(capture.warc, capture.offset, capture.length)
    record = Archive(settings.archive).read(where, digest=capture.digest)
    assert (record.body, record.fetched_at) == (page(site.documents[0]), NOON)
    assert record.origin.startswith("file:their%20file.warc.gz#")


def test_the_window_of_a_run_is_the_days_of_its_captures(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    first, second = site.documents[:2]
    path = captured(tmp_path / "two.warc.gz", site.base, (first, NOON), (second, NOON - 40 * DAY))
    found = only(take(path, place.settings))
    assert (found.since, found.until) == ((NOON - 40 * DAY).date(), NOON.date())
    assert f"ingest\tdemo\t{found.since}\t{found.until}" in podium("status", settings=place.settings).stdout


# --- revisions -----------------------------------------------------------------------------------


def test_captures_of_one_page_become_its_revisions_oldest_first(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    first = briefing(site)
    second = first.edited("three sailings a day", "four sailings a day", NOON)
    third = first.edited("three sailings a day", "five sailings a day", NOON)
    path = captured(
        tmp_path / "many.warc.gz",
        site.base,
        (third, NOON),
        (first, NOON - 9 * DAY),
        (second, NOON - 3 * DAY),
        (first, NOON - 6 * DAY),
    )
    found = only(take(path, settings))
    assert found.tally.counts == {"new": 1, "revised": 2, "unchanged": 1}
    wanted = {key_of(first): [render(each.transcript) for each in (first, second, third)]}
    assert texts(settings) == wanted
    before = rows(settings)
    assert only(take(path, settings)).tally.counts == {"unchanged": 4}
    assert (texts(settings), rows(settings)) == (wanted, before)


@pytest.mark.slow
def test_an_older_capture_never_becomes_the_newest_text(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    old, oldest = briefing(site), briefing(site).edited("three sailings a day", "two sailings a day", NOON)
    now = site.correct()
    crawl(settings)
    found = only(take(captured(tmp_path / "old.warc.gz", site.base, (old, NOON - 300 * DAY)), settings))
    assert found.tally.counts == {"revised": 1}
    ((_, reason),) = pages(settings, found.run_id).values()
    assert "older text" in str(reason) and "the newest stays" in str(reason)
    take(captured(tmp_path / "oldest.warc.gz", site.base, (oldest, NOON - 600 * DAY)), settings)
    wanted = [render(each.transcript) for each in (oldest, old, now)]
    assert texts(settings)[key_of(now)] == wanted
    # A crawl finds nothing new in that, and neither does the file.
    assert crawl(settings).tally.counts == {"unchanged": len(site.documents)}
    path = tmp_path / "old.warc.gz"
    assert only(take(path, settings)).tally.counts == {"unchanged": 1}
    assert texts(settings)[key_of(now)] == wanted


def test_a_text_between_two_captures_of_the_newest_one_was_taken_back(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    now = briefing(site)
    between = now.edited("three sailings a day", "no sailings at all", NOON)
    ends = captured(tmp_path / "ends.warc.gz", site.base, (now, NOON - 9 * DAY), (now, NOON))
    take(ends, settings)
    take(captured(tmp_path / "between.warc.gz", site.base, (between, NOON - 3 * DAY)), settings)
    assert texts(settings)[key_of(now)] == [render(each.transcript) for each in (now, between, now)]


def test_a_later_capture_of_a_stored_page_is_a_revision(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    was = briefing(site)
    take(captured(tmp_path / "was.warc.gz", site.base, (was, NOON)), settings)
    now = site.correct()
    assert crawl(settings).tally.counts["revised"] == 1
    assert texts(settings)[key_of(now)] == [render(each.transcript) for each in (was, now)]


def test_an_older_text_at_the_address_of_a_duplicate_is_refused_with_the_reason(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    first = briefing(site)
    site.publish(replace(first, id=905))
    crawl(settings)
    before = texts(settings)
    copies = [row for row in pages(settings, 1).items() if row[1][0] == "duplicate"]
    ((number, _),) = copies
    older = replace(first, id=int(number)).edited("three sailings a day", "no sailings at all", NOON)
    found = only(take(captured(tmp_path / "old.warc.gz", site.base, (older, NOON - 300 * DAY)), settings))
    ((disposition, reason),) = pages(settings, found.run_id).values()
    assert disposition == "rejected" and str(reason).endswith(", and this one is older")
    assert found.reasons == ()
    assert texts(settings) == before


def test_a_capture_dated_in_the_future_never_stands_above_what_is_crawled(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    wrong, right = site.documents[:2]
    future = dt.datetime.now(dt.UTC) + 400 * DAY
    path = captured(tmp_path / "odd.warc.gz", site.base, (wrong, future), (right, NOON))
    found = take(path, place.settings)
    assert found.passed["dated in the future"] == 1
    text = written(tmp_path / "odd.txt", wrong.transcript, future)
    ingest_texts([text], "texts", place.settings)
    text.write_text(render(replace(wrong.transcript, title="Anew")))
    assert ingest_texts([text], "texts", place.settings).tally.counts == {"revised": 1}
    assert len(texts(place.settings)["odd.txt"]) == 2
    assert set(texts(place.settings)) == {"odd.txt", key_of(right)}


def test_two_that_take_in_one_file_at_once_keep_everything_once(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    versions = [(document, NOON) for document in site.documents]
    path = captured(tmp_path / "all.warc.gz", site.base, *versions)
    start = threading.Barrier(2)

    def one(_number: int) -> SourceReport:
        start.wait()
        return only(take(path, settings))

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(one, range(2)))
    assert [each.state for each in found] == ["completed"] * 2
    assert texts(settings) == expected(site, *WINDOW)
    assert rows(settings)["captures"] == len(site.documents)


def test_what_a_killed_ingestion_left_undone_is_done_by_the_next(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    path = captured(tmp_path / "all.warc.gz", site.base, *((each, NOON) for each in site.documents))
    program = """
import os, signal, sys
from pathlib import Path
from crawler.source_files import load_source
from flows import ingest
from flows.settings import load_settings
settings = load_settings()
source = load_source(settings.sources / "demo.toml")
left = [int(sys.argv[2])]
real = ingest.captures.keep
def keep(*arguments):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
ingest.captures.keep = keep
ingest.ingest_warc(Path(sys.argv[1]), {"demo": source}, settings)
"""
    env = os.environ | settings.environment()
    for count in (1, 3):
        killed = subprocess.run([sys.executable, "-c", program, str(path), str(count)], env=env, timeout=60)
        assert killed.returncode == -9
    assert only(take(path, settings)).state == "completed"
    assert texts(settings) == expected(site, *WINDOW)
    assert rows(settings)["captures"] == len(site.documents)
    database = Database(settings.database_url)
    with database.read() as session:
        states = [run.state for run in session.scalars(select(models.Run).order_by(models.Run.id))]
    database.close()
    assert states == ["failed", "failed", "completed"]


# --- the command ---------------------------------------------------------------------------------


def test_what_belongs_to_no_known_source_is_counted_in_one_line_with_its_hosts(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    file = Warc(tmp_path / "mixed.warc.gz")
    file.response(f"{site.base}{site.documents[0].path}", page(site.documents[0]))
    for number in range(3):
        file.response(f"https://www.other.example/{number}", b"<p>x</p>")
    file.response("https://another.example/1", b"<p>x</p>")
    path = file.done()
    done = podium("ingest", str(path), settings=place.settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "demo: 2026-03-20 to 2026-03-20: completed" in done.stdout and "from mixed.warc.gz" in done.stdout
    wanted = "mixed.warc.gz: 4 responses of no known source: www.other.example (3), another.example (1)"
    assert wanted in done.stdout.splitlines()
    again = podium("ingest", str(path), "--source", "demo", settings=place.settings)
    assert again.returncode == 0 and "1 discovered = 1 unchanged" in again.stdout
    other = podium("ingest", str(path), "--source", "kremlin", settings=place.settings)
    assert other.returncode == 3 and "holds no document of a known source" in other.stderr
    strange = Warc(tmp_path / "strange.warc.gz")
    strange.response("https://another.example/1", b"<p>x</p>")
    both = podium("ingest", str(strange.done()), str(path), settings=place.settings)
    assert both.returncode == 1 and "strange.warc.gz: holds no document" in both.stderr


def test_a_database_named_by_a_flag_is_the_one_that_is_filled(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    path = captured(tmp_path / "one.warc.gz", site.base, (site.documents[0], NOON))
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    done = podium("ingest", str(path), "--database", elsewhere, settings=place.settings)
    assert done.returncode == 0, done.stderr
    moved = place.settings.model_copy(update={"database_url": elsewhere})
    assert set(texts(moved)) == {key_of(site.documents[0])}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "'FILE...'"),
        (["none.warc.gz"], "none.warc.gz: no such file"),
        (["."], ".: a folder, not a file"),
        (["page.html"], "page.html: neither a WARC file"),
        (["no.warc.gz"], "no.warc.gz: not a whole WARC file: at offset 0"),
        (["no.warc.gz", "--source", "atlantis"], "unknown source 'atlantis'"),
        (["a.txt", "--source", "../up"], "not an id: '../up'"),
        (["a.txt", "below/a.txt"], "2 texts are called a.txt"),
    ],
)
def test_a_mistake_is_one_line_with_status_2_and_keeps_nothing(
    words: list[str], told: str, place: Stage, tmp_path: Path
) -> None:
    (tmp_path / "below").mkdir()
    for name in ("page.html", "no.warc.gz", "a.txt", "below/a.txt"):
        (tmp_path / name).write_text("Good morning.\n")
    done = podium("ingest", *words, settings=place.settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("podium: ") and done.stderr.count("\n") == 1
    assert told in done.stderr
    assert not place.settings.archive.exists()


# --- texts ---------------------------------------------------------------------------------------


def written(path: Path, transcript: Transcript, moment: dt.datetime = NOON) -> Path:
    """A text in the archive's format, written at a moment."""
    path.write_text(render(transcript), encoding="utf-8")
    os.utime(path, (moment.timestamp(), moment.timestamp()))
    return path


def test_the_formats_sample_goes_in_and_comes_out_byte_for_byte(
    settings: Settings, corpus: Path, tmp_path: Path
) -> None:
    (sample,) = (corpus.parent / "seed").glob("*.txt")
    done = podium("ingest", str(sample), settings=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 discovered = 1 new" in done.stdout
    shown = podium("show", f"texts/{sample.name}", settings=settings)
    assert shown.stdout.encode() == sample.read_bytes()
    assert "1 discovered = 1 unchanged" in podium("ingest", str(sample), settings=settings).stdout
    assert rows(settings)["captures"] == 1
    database = Database(settings.database_url)
    with database.read() as session:
        (revision,) = session.scalars(select(models.Revision))
        assert (revision.language, revision.kind) == ("en", "transcript")
        voices = {(turn.role, turn.speaker) for turn in revision.turns}
        assert voices == {("question", None), ("answer", "Sergey Lavrov")}
        capture = revision.capture
    database.close()
    where = Location(capture.warc, capture.offset, capture.length)
    record = Archive(settings.archive).read(where, digest=capture.digest)
    assert record.body == sample.read_bytes() and record.url == f"file:{sample.name}"
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("warcio")), "check", "-v", str(settings.archive / capture.warc)],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0 and "fail" not in checked.stdout


def test_a_text_that_is_not_in_the_format_is_rejected_by_name_and_line_and_the_others_go_on(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    good = written(tmp_path / "good.txt", briefing(site).transcript)
    bad = {
        "date.txt": (b"25 brumaire / 2017\n\nTitle", "line 1: a date like"),
        "title.txt": (b"25 august / 2017\nTitle", "lines 2 and 3"),
        "latin.txt": ("25 august / 2017\n\nRéunion".encode("latin-1"), "line 3: not UTF-8"),
        "empty.txt": (b"", "line 1: a date like"),
        "huge.txt": (bytes(LARGEST_BODY + 1), "33,554,433 bytes; a capture has at most 33,554,432"),
    }
    for name, (data, _) in bad.items():
        (tmp_path / name).write_bytes(data)
    done = podium("ingest", *bad, str(good), settings=place.settings)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "6 discovered = 1 new + 5 rejected" in done.stdout
    said = pages(place.settings, 1)
    for name, (_, reason) in bad.items():
        assert f"! {name}: {reason}" in done.stdout
        assert said[name][0] == "rejected" and reason in str(said[name][1])
    assert texts(place.settings) == {"good.txt": [render(briefing(site).transcript)]}
    assert "capture:" not in podium("audit", "--verify", settings=place.settings).stdout


def test_a_page_that_holds_a_known_text_is_its_duplicate(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    document = briefing(site)
    found = ingest_texts([written(tmp_path / "ferry.txt", document.transcript)], "texts", settings)
    assert found.tally.counts == {"new": 1}
    crawled = crawl(settings)
    assert crawled.tally.counts == {"new": len(site.documents) - 1, "duplicate": 1}
    assert pages(settings, crawled.run_id)[key_of(document)] == ("duplicate", "same text as texts ferry.txt")


def test_a_text_that_a_known_page_holds_is_its_duplicate(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    document = briefing(site)
    crawl(settings)
    path = written(tmp_path / "ferry.txt", document.transcript)
    found = ingest_texts([path], "others", settings)
    assert found.tally.counts == {"duplicate": 1}
    assert pages(settings, found.run_id)["ferry.txt"][1] == f"same text as demo {key_of(document)}"
    assert ingest_texts([path], "others", settings).tally.counts == {"unchanged": 1}


def test_a_page_with_the_samples_text_and_the_sample_are_one(
    site: MisbehavingMinistry, settings: Settings, corpus: Path
) -> None:
    (sample,) = (corpus.parent / "seed").glob("*.txt")
    like = read_text(sample.read_bytes())
    site.publish(page_of(site.documents[0], like))
    (order,) = plan.backfill(settings, like.date, like.date)
    assert collect(order, settings).tally.counts == {"new": 1}
    assert ingest_texts([sample], "texts", settings).tally.counts == {"duplicate": 1}


def test_a_text_that_was_written_anew_is_a_revision_and_an_older_one_stays_the_older(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    first = briefing(site).transcript
    second = replace(first, title="On the ferry, corrected")
    oldest = replace(first, title="On the ferry, as announced")
    path = tmp_path / "ferry.txt"
    for transcript, moment in ((first, NOON), (second, NOON + DAY), (oldest, NOON - DAY)):
        ingest_texts([written(path, transcript, moment)], "texts", settings)
    assert texts(settings) == {"ferry.txt": [render(each) for each in (oldest, first, second)]}


def test_an_older_text_that_stays_below_the_newest_is_told(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    text = briefing(site).transcript
    path = tmp_path / "ferry.txt"
    ingest_texts([written(path, text)], "texts", place.settings)
    corrected = written(path, replace(text, title="On the ferry, corrected"), NOON - DAY)
    done = podium("ingest", str(corrected), settings=place.settings)
    assert "ferry.txt: an older text, captured on " in done.stdout and "the newest stays" in done.stdout


def test_a_text_whose_file_has_no_date_can_be_read_back(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    path = written(tmp_path / "zip.txt", briefing(site).transcript, dt.datetime(1980, 1, 1, tzinfo=dt.UTC))
    ingest_texts([path], "texts", settings)
    database = Database(settings.database_url)
    with database.read() as session:
        (capture,) = session.scalars(select(models.Capture))
    database.close()
    assert capture.fetched_at.year > 2000
    where = Location(capture.warc, capture.offset, capture.length)
    assert Archive(settings.archive).read(where, digest=capture.digest).body == path.read_bytes()


def test_any_file_name_is_safe_in_the_ledger_the_archive_and_a_terminal(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    names = ["a b\n\x1b[31m.txt", "ünïcode «x».txt", "x\r\nWARC-Type: response.txt", "#?%2F.txt"]
    paths = []
    for name, document in zip(names, site.documents, strict=False):
        paths.append(written(tmp_path / name, document.transcript))
    odd = tmp_path / os.fsdecode(b"\xff.txt")
    paths.append(written(odd, replace(briefing(site).transcript, title="Odd", turns=(Turn(("Odd.",)),))))
    done = podium("ingest", *map(str, paths), settings=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(texts(settings)) == {ingest.name_of(path) for path in paths}
    assert "\x1b" not in done.stdout + podium("status", "1", settings=settings).stdout
    database = Database(settings.database_url)
    with database.read() as session:
        captures = list(session.scalars(select(models.Capture)))
        assert all(page.disposition == "new" for page in ledger.pages_of(session, 1))
    database.close()
    for capture in captures:
        where = Location(capture.warc, capture.offset, capture.length)
        assert Archive(settings.archive).read(where, digest=capture.digest).url == capture.url


def test_a_text_too_large_to_be_one_is_not_read() -> None:
    with pytest.raises(FormatError, match="a text has at most"):
        read_text(b"x" * 4_000_000)


def test_an_older_capture_stays_below_a_later_one_of_another_address_of_its_document(
    site: MisbehavingMinistry, settings: Settings, tmp_path: Path
) -> None:
    first = briefing(site)
    second = first.edited("three sailings a day", "two sailings a day", NOON)
    for name, document, moment, query in (
        ("a", first, NOON, ""),
        ("b", first, NOON + 2 * DAY, "?from=list"),
        ("c", second, NOON + DAY, ""),
    ):
        file = Warc(tmp_path / f"{name}.warc.gz")
        file.response(f"{site.base}{first.path}{query}", page(document), moment)
        take(file.done(), settings)
    told = [render(each.transcript) for each in (first, second, first)]
    assert texts(settings) == {key_of(first): told}


@pytest.mark.parametrize("named", ["chunked", "Chunked", " CHUNKED "])
def test_a_body_in_chunks_is_put_together_however_that_is_spelt(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path, named: str
) -> None:
    document = briefing(site)
    whole = page(document)
    parts = [whole[n : n + 1000] for n in range(0, len(whole), 1000)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])
    file = Warc(tmp_path / "a.warc.gz")
    file.response(f"{site.base}{document.path}", body, headers=(("Transfer-Encoding", named),))
    take(file.done(), place.settings)
    assert texts(place.settings) == {key_of(document): [render(document.transcript)]}


@pytest.mark.parametrize(("size", "end"), [(b"3e8\r\n", b"3e0\r\n"), (b"\r\n", b"\n")])
def test_a_body_whose_chunks_do_not_fit_is_no_text(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path, size: bytes, end: bytes
) -> None:
    whole = page(briefing(site))
    parts = whole[:1000], whole[1000:2000], whole[2000:], b""
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    file = Warc(tmp_path / "a.warc.gz")
    kind = (("Transfer-Encoding", "chunked"),)
    file.response(f"{site.base}{briefing(site).path}", body.replace(size, end), headers=kind)
    found = only(take(file.done(), place.settings))
    assert (found.state, found.tally.counts, texts(place.settings)) == ("degraded", {"rejected": 1}, {})


def test_a_body_that_breaks_off_within_a_chunk_is_no_text_though_its_page_has_its_end(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    whole = page(briefing(site))
    file = Warc(tmp_path / "a.warc.gz")
    kind = (("Transfer-Encoding", "chunked"),)
    file.response(f"{site.base}{briefing(site).path}", b"%x\r\n%s" % (len(whole) + 9, whole), headers=kind)
    found = only(take(file.done(), place.settings))
    assert (found.state, found.tally.counts, texts(place.settings)) == ("degraded", {"rejected": 1}, {})


def test_a_revisit_that_stands_before_its_capture_is_a_revision(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    first = briefing(site)
    second = first.edited("three sailings a day", "two sailings a day", NOON)
    address = f"{site.base}{first.path}"
    file = Warc(tmp_path / "a.warc.gz")
    whose = {"WARC_Refers_To_Target_URI": address, "WARC_Refers_To_Date": f"{NOON:%Y-%m-%dT%H:%M:%SZ}"}
    file.response(address, b"", NOON + 2 * DAY, kind="revisit", **whose)
    file.response(address, page(first))
    file.response(address, page(second), NOON + DAY)
    take(file.done(), place.settings)
    told = [render(each.transcript) for each in (first, second, first)]
    assert texts(place.settings) == {key_of(first): told}


def test_one_text_that_stands_in_the_place_of_several_is_none_of_theirs(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path
) -> None:
    documents = site.documents[:4]
    notice = replace(documents[0], title="The site has moved", blocks=documents[0].blocks[:1])
    file = captured(tmp_path / "a.warc.gz", site.base, *((each, NOON) for each in documents))
    take(file, place.settings)
    moved = Warc(tmp_path / "b.warc.gz")
    for each in documents:
        moved.response(f"{site.base}{each.path}", page(replace(notice, id=each.id)), NOON + DAY)
    found = only(take(moved.done(), place.settings))
    assert (found.state, found.tally.counts) == ("degraded", {"rejected": 4})
    assert "4 pages came to one and the same text: an error in its place?" in found.reasons
    assert texts(place.settings) == {key_of(each): [render(each.transcript)] for each in documents}


@pytest.mark.parametrize("told", ["aaa", "abcdef", "ababab"])
def test_however_many_captures_a_file_has_of_a_page_they_are_its_own(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path, told: str
) -> None:
    first = briefing(site)
    texts_of = {
        each: first.edited("three sailings a day", f"{each} sailings a day", NOON) for each in set(told)
    }
    file = Warc(tmp_path / "a.warc.gz")
    for views, each in enumerate(told):
        body = site_pages.document(texts_of[each], views=views + 1).encode()
        file.response(f"{site.base}{first.path}", body, NOON + views * DAY)
    assert only(take(file.done(), place.settings)).state == "completed"
    said = [each for before, each in zip(" " + told, told, strict=False) if each != before]
    assert texts(place.settings) == {key_of(first): [render(texts_of[each].transcript) for each in said]}
