"""Every benchmark runs to its end and prints its table; how fast anything is, no test says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SMALL = {
    "archive": "--documents 2000 --searches 16",
    "crawl": "--documents 13 --known 50 --rounds 1",
    "duplicates": "--documents 2000 --copies 20",
    "flows": "--sources 1 --rounds 1",
    "growth": "--only archive --scale 0.02 --rounds 1",
    "load": "--documents 20 --rounds 1",
    "night": "--documents 13 --rounds 1",
    "reextract": "--captures 40 --rounds 1",
    "start": "--rounds 1",
}
"""What makes each one small; those that measure the real pages are not among them.

Of `growth` the other part does what `crawl`, `load` and `night` do.
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_runs_to_its_end(name: str) -> None:
    words = [sys.executable, "-m", f"benchmarks.{name}", *SMALL[name].split()]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) > 3, done.stdout
