"""How long the command takes to begin: `podium --help` and `podium show`, beside Python importing SQLAlchemy.

Run: ``python -m benchmarks.start [--rounds N]``. Each is a process of its own, all of them in turn, with files
that have been read before. A ratio is to the import of the same round; CPU seconds tell more than seconds where
the machine has other work.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.crawl import place
from benchmarks.load import BASE
from benchmarks.reextract import fill, pages

PODIUM = str(Path(sys.executable).parent / "podium")
BARE = "import sqlalchemy (baseline)"


def spent(words: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds of a command."""

    def cpu() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before, start = cpu(), time.perf_counter()
    subprocess.run(words, env=env, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    return time.perf_counter() - start, cpu() - before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    print(f"{asked.rounds} rounds; Python {platform.python_version()}, {platform.machine()}\n")
    with tempfile.TemporaryDirectory(prefix="podium-bench-") as name:
        settings, records = place(Path(name), BASE), pages()
        fill(settings, [next(records)])
        env = os.environ | settings.environment()
        commands = {
            BARE: [sys.executable, "-c", "import sqlalchemy"],
            "podium --help": [PODIUM, "--help"],
            "podium show 1": [PODIUM, "show", "1"],
        }
        taken: dict[str, list[tuple[float, float]]] = {what: [] for what in commands}
        for number in range(asked.rounds + 1):
            for what, words in commands.items():
                cost = spent(words, env)
                if number:  # the first reads the files from the disk
                    taken[what].append(cost)
    print(f"{'':30}{'seconds':>8}{'least':>7}{'CPU s':>7}{'ratio':>7}{'min':>6}{'max':>6}{'CPU':>6}")
    for what, each in taken.items():
        seconds, cpu = (statistics.median(values) for values in zip(*each, strict=True))
        ratios = [ours[0] / bare[0] for ours, bare in zip(each, taken[BARE], strict=True)]
        cpus = statistics.median(ours[1] / bare[1] for ours, bare in zip(each, taken[BARE], strict=True))
        print(
            f"{what:30}{seconds:>8.2f}{min(each)[0]:>7.2f}{cpu:>7.2f}{statistics.median(ratios):>7.2f}",
            end="",
        )
        print(f"{min(ratios):>6.2f}{max(ratios):>6.2f}{cpus:>6.2f}")


if __name__ == "__main__":
    main()
