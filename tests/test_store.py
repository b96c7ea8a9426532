"""An archive whose files have been copied to a store: what the folder lacks is read there, and only read."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import reextraction
from flows.demo import Stage
from flows.demo_site.content import Document
from flows.settings import Settings
from storage.archive import Archive
from storage.database import Database
from storage.integrity import Checked, Finding
from storage.verification import verify
from storage.warc import ArchiveError, Location, read_warc
from tests.command import podium_process
from tests.site import MisbehavingMinistry
from tests.test_flows import wait_for
from tests.test_ingest import DAY, NOON
from tests.test_machines import running
from tests.test_reextract import LOST, kept, layout

BIN = Path(sys.executable).parent


@pytest.fixture
def away(site: MisbehavingMinistry, place: Stage, tmp_path: Path) -> Settings:
    """An archive of a few captures, whose files are all in a store, and none in the folder."""
    layout(place.settings, drops=LOST)
    kept(place.settings, site, tmp_path, *((each, NOON) for each in some(site)))
    copy = tmp_path / "copy"
    shutil.move(place.settings.archive, copy)
    return place.settings.model_copy(update={"store": f"file://{copy}"})


def some(site: MisbehavingMinistry) -> list[Document]:
    return [each for each in site.documents if len(each.blocks) > 1][:4]


def proposed(settings: Settings) -> tuple[int, int]:
    """How many texts a re-extraction reads, and how many it would change."""
    seen = reextraction.propose(settings, reextraction.selection_of(settings)).seen
    return seen.total("read"), seen.total("changed")


def found(settings: Settings) -> tuple[list[Finding], Checked]:
    checked = Checked()
    with Database(settings.database_url) as database:
        return list(verify(database, settings.warcs(), checked)), checked


def test_what_the_folder_lacks_is_read_in_the_store(site: MisbehavingMinistry, away: Settings) -> None:
    layout(away)
    assert proposed(away) == (4, 4)
    assert not away.archive.exists()


def test_the_reading_room_reads_in_the_store_too(away: Settings) -> None:
    room = subprocess.Popen(
        [BIN / "podium", "browse", "--port", "0"], env=os.environ | away.environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert room.stdout is not None
        address = room.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"{address}captures/1") as answer:
            assert b"<html" in answer.read()
    finally:
        room.send_signal(signal.SIGINT)
        room.communicate(timeout=20)


def test_what_is_new_is_written_in_the_folder_and_both_are_one_archive(
    site: MisbehavingMinistry, away: Settings, tmp_path: Path
) -> None:
    kept(away, site, tmp_path, *((each, NOON + DAY) for each in some(site)[:2]))
    layout(away)
    assert proposed(away) == (6, 4)
    findings, checked = found(away)
    assert (findings, checked.files, checked.captures) == ([], 2, 6)


def test_a_file_in_the_folder_counts_before_its_copy(away: Settings) -> None:
    copy = Path(str(away.store).removeprefix("file://"))
    shutil.copytree(copy, away.archive)
    for path in copy.rglob("*.warc.gz"):
        path.write_bytes(b"")
    layout(away)
    assert proposed(away) == (4, 4)


def test_a_torn_file_whose_copy_in_the_store_is_whole_is_told_and_not_cut(away: Settings) -> None:
    (copy,) = Path((away.store or "").removeprefix("file://")).rglob("*.warc.gz")
    torn = away.archive / copy.relative_to((away.store or "").removeprefix("file://"))
    torn.parent.mkdir(parents=True)
    torn.write_bytes(copy.read_bytes()[:-100])
    findings, _ = found(away)
    (finding,) = [each for each in findings if each.kind == "torn"]
    assert finding.mend is None and finding.what.endswith("the store's copy has more: put that in its place")
    shutil.copy(copy, torn)
    assert found(away)[0] == []


def test_a_copy_that_is_not_whole_is_told_and_not_repaired(away: Settings) -> None:
    (path,) = Path(str(away.store).removeprefix("file://")).rglob("*.warc.gz")
    whole = path.read_bytes()
    path.write_bytes(whole[:-50])
    findings, _ = found(away)
    assert [(each.kind, each.mend) for each in findings] == [("torn", None), ("capture", None)]
    path.unlink()
    assert {each.kind for each in found(away)[0]} == {"missing"}


def test_a_store_that_does_not_answer_is_one_line(away: Settings, tmp_path: Path) -> None:
    nowhere = Archive(tmp_path / "empty", "nothing://of/the/kind")
    with pytest.raises(ArchiveError, match=r"nothing://of/the/kind/a/b.warc.gz: .*Protocol"):
        nowhere.read(Location("a/b.warc.gz", 0, 10))
    gone = away.model_copy(update={"store": f"file://{tmp_path / 'gone'}"})
    done = podium_process("export", str(tmp_path / "out"), "--format", "warc", settings=gone)
    assert done.returncode == 3 and len(done.stderr.splitlines()) == 1
    assert "No such file" in done.stderr


# --- S3 ------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of an S3 server on this machine; its settings are where AWS's own tools look for them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    words = [str(BIN / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with running(words, tmp_path / "moto.log"):

        def answers() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_for(answers, 120)
        yield "s3://archive/podium"


@pytest.mark.slow
def test_an_archive_on_s3_is_read_again_shown_exported_and_verified(
    site: MisbehavingMinistry, place: Stage, bucket: str, tmp_path: Path
) -> None:
    from s3fs import S3FileSystem

    settings, documents = place.settings, [each for each in site.documents if len(each.blocks) > 1][:12]
    layout(settings, drops=LOST)
    kept(settings, site, tmp_path, *((each, NOON) for each in documents))
    s3 = S3FileSystem()
    s3.mkdir("archive")
    s3.put(f"{settings.archive}/", bucket, recursive=True)  # as `aws s3 sync` does
    shutil.rmtree(settings.archive)
    settings = settings.model_copy(update={"store": bucket})
    layout(settings)
    dry = podium_process(
        "reextract", "--dry-run", settings=settings
    )  # so many that the pool's processes read them
    assert dry.returncode == 0, dry.stderr
    assert f"demo\t{len(documents)}\t{len(documents)}" in dry.stdout
    done = podium_process(*dry.stdout.splitlines()[-1].split()[1:], settings=settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert podium_process("show", "1", settings=settings).returncode == 0
    out = tmp_path / "out"
    exported = podium_process("export", str(out), "--format", "warc", settings=settings)
    assert exported.returncode == 0, exported.stderr
    records = [record for path in out.rglob("*.warc.gz") for record, _ in read_warc(path)]
    assert len(records) == len(documents)
    whole = podium_process("audit", "--verify", "--since", "2026-03-20", settings=settings)
    assert "1 WARC files" in whole.stdout, whole.stdout + whole.stderr
    assert not settings.archive.exists()
