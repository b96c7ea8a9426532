"""How `benchmarks.growth` shows what it found: lines over sizes, as a table and as a picture.

Nothing here knows what was measured.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table and a line of a picture: medians at each size, the second ten times the first, and so on.

    Args:
        part: what was measured.
        database: on which; empty if on none.
        baseline: what the ratios are to; empty if to the first size.
        sizes: pages, or stored transcripts.
        values: milliseconds.
        ratios: of these to the baseline.
    """

    part: str
    database: str
    baseline: str
    sizes: Sequence[int]
    values: Sequence[float]
    ratios: Sequence[float]


def table(lines: Sequence[Line], heads: Sequence[str]) -> str:
    """A table in Markdown: of each size the milliseconds, and in parentheses the ratio."""
    held = any(line.baseline for line in lines)
    rows = [["", "", *(["baseline", "1x is"] if held else []), *heads]]
    for line in lines:
        about = [line.baseline, f"{line.sizes[0]:,} pages"] if held else []
        pairs = zip(line.values, line.ratios, strict=True)
        rows.append([line.part, line.database, *about, *(f"{own:.2f} ({ratio:.2f})" for own, ratio in pairs)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * max(3, width) for width in widths])
    return "\n".join(f"| {' | '.join(map(str.ljust, row, widths))} |" for row in rows)


COLOURS = ("#2f7fd8", "#d9572b", "#0f9b6c", "#9a5be0", "#ad7d0a", "#d6457f")
"""Of the lines: three times as light or as dark as the ground, be it white or nearly black."""

NEAR, FAR = (0.5, 0.6, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3), (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
"""What is written at the axis of ratios: of a few, and of many."""

INK, GROUND = "#1f2328", "#ffffff"
THEMES = f""":root {{ --ink: {INK}; --ground: {GROUND}; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #f0f6fc; --ground: #0d1117; }} }}
"""


def draw(path: Path, lines: Sequence[Line], heads: Sequence[str], title: str) -> None:
    """A picture of the ratios, a panel for each database; the same bytes for the same lines."""
    fixed: dict[Any, Any] = {"svg.hashsalt": "podium", "svg.fonttype": "none", "font.family": "sans-serif"}
    fixed |= {f"{what}.color": INK for what in ("text", "xtick", "ytick")}
    fixed |= {f"axes.{what}color": INK for what in ("edge", "label", "title")}
    times = [10**at for at in range(len(heads))]
    last = times[-1]
    panels = list(dict.fromkeys(line.database for line in lines if line.database))
    parts = list(dict.fromkeys(line.part for line in lines))
    low, high = (pick(ratio for line in lines for ratio in line.ratios) for pick in (min, max))
    low, high = min(low, 0.9) / 1.15, max(high, 1.1) * 1.15
    ticks = [tick for tick in (NEAR if high / low < 8 else FAR) if low <= tick <= high]
    with rc_context(fixed):
        figure = Figure(figsize=(10, 4.2), layout="constrained", facecolor=GROUND)
        figure.suptitle(title, fontsize=11)
        for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            own = [line for line in lines if line.database in (panel, "")]
            axes.set(title=panel, facecolor=GROUND, xscale="log", yscale="log")
            axes.set(xlim=(0.8, last * 20), ylim=(low, high))
            axes.set_xticks(times, heads)
            axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_minor_locator(NullLocator())  # a logarithmic axis has its own
            axes.spines[["top", "right"]].set_visible(False)
            axes.axhspan(0.9, 1.1, color=INK, alpha=0.08, linewidth=0)
            places = apart([line.ratios[-1] for line in own], low, high)
            for line, place in zip(own, places, strict=True):
                colour = COLOURS[parts.index(line.part)]
                axes.plot(times, line.ratios, color=colour, marker="o", markersize=4)
                axes.plot((last, last * 1.4), (line.ratios[-1], place), color=colour, linewidth=0.8)
                axes.text(last * 1.5, place, f"{line.part}: {line.ratios[-1]:.2f}", va="center", fontsize=9)
        figure.savefig(path, metadata={"Date": None})
    drawn = path.read_text(encoding="utf-8").replace(INK, "var(--ink)").replace(GROUND, "var(--ground)")
    drawn = drawn.replace("*{stroke-linejoin", f"{THEMES}*{{stroke-linejoin", 1)
    path.write_text("".join(f"{line.rstrip()}\n" for line in drawn.splitlines()), encoding="utf-8")


def apart(values: Sequence[float], low: float, high: float) -> list[float]:
    """Where the labels of values stand on a logarithmic axis, so that none covers another."""
    gap = (high / low) ** 0.07
    order, found = sorted(range(len(values)), key=lambda n: values[n]), list(values)
    for before, after in itertools.pairwise(order):
        found[after] = max(found[after], found[before] * gap)
    top = high / gap**0.5
    for at in reversed(order):
        found[at] = min(found[at], top)
        top = found[at] / gap
    return found
