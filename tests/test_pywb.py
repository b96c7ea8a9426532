"""Our WARC files are everybody's: pywb, the web archives' own player, plays them back."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

from flows import plan
from flows.collect import collect
from flows.demo import Stage
from storage.warc import read_warc
from tests.conftest import TODAY
from tests.site import MisbehavingMinistry
from tests.test_collect import wait_for

pytestmark = pytest.mark.slow


def test_pywb_plays_our_files_back_byte_for_byte(
    site: MisbehavingMinistry, place: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = [shutil.which(name) for name in ("wb-manager", "wayback")]
    if None in programs:
        pytest.skip("pywb is not on the PATH (pip install pywb, in an environment of its own)")
    manager, wayback = map(str, programs)
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)
    (order,) = plan.night(place.settings)
    collect(order, place.settings)
    (warc,) = place.settings.archive.rglob("*.warc.gz")
    for command in (["init", "podium"], ["add", "podium", str(warc)]):
        done = subprocess.run([manager, *command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    player = subprocess.Popen(
        [wayback, "-p", str(port), "-b", "127.0.0.1"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: _answers(port), 60)
        pages = [
            record for record, _ in read_warc(warc) if "/briefings/1" in record.url and record.status == 200
        ]
        assert len(pages) >= 5
        for record in pages:
            moment = f"{record.fetched_at:%Y%m%d%H%M%S}"
            address = f"http://127.0.0.1:{port}/podium/{moment}id_/{record.url}"
            with urllib.request.urlopen(address, timeout=10) as answer:
                assert answer.read() == record.body
    finally:
        player.terminate()
        player.wait(15)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
