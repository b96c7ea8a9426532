"""One crawl in a process of its own: ``python -m crawler REPORT`` with the job as JSON on its input.

Twisted's reactor can't be started twice, so neither can a crawl. The report is written at the end, at once and
whole; a crawl that was killed leaves none, which is how its caller knows.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path


def main() -> int:
    """Read the job, crawl, write the report; 0 when the spider came to its own end."""
    gc.disable()  # for a tenth of a second, that is how long it would look for garbage among what is imported
    from crawler.crawl import crawl
    from crawler.garbage import spare_imported
    from crawler.job import CrawlJob

    spare_imported()
    gc.enable()
    path = Path(sys.argv[1])
    report = crawl(CrawlJob.model_validate_json(sys.stdin.read()))
    partial = path.with_suffix(".partial")
    partial.write_text(report.model_dump_json(), encoding="utf-8")
    partial.replace(path)
    return 0 if report.finished else 1


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # All is kept and closed. Taking the interpreter down piece by piece would take another tenth of a second.
    os._exit(status)
