"""The tables as a picture: a box each with its columns, and a line from each that points to another table."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from sqlalchemy import Table

from storage.models import Base

ROW, WIDTH, GAP, ABOVE = 16, 170, 90, 34
"""Pixels: a column's row, a box, between boxes from left to right and from top to bottom."""

_STYLE = """
svg { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #b6bec7; --head: #e7eef7; }
@media (prefers-color-scheme: dark) { svg { --ground: #0d1117; --ink: #f0f6fc; --soft: #9198a1; --line: #4b535d;
  --head: #1c2c40; } }
text { font: 11px system-ui, sans-serif; fill: var(--soft); } .name { font-weight: 600; fill: var(--ink); }
.key { fill: var(--ink); } .ground, .box { fill: var(--ground); } .box, .head { stroke: var(--line); }
.head { fill: var(--head); } .line { fill: none; stroke: var(--soft); }
"""


def svg() -> str:
    """The picture, as the text of an SVG file: what a table points to stands on its left."""
    places = _places()
    width = max(x for x, _ in places.values()) + WIDTH + ABOVE
    height = max(y + _height(Base.metadata.tables[name]) for name, (_, y) in places.items()) + ABOVE
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title">',
        '<title id="title">The tables of the database and which of them point to which</title>',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{width}" height="{height}"/>',
    ]
    for table in Base.metadata.sorted_tables:
        out += _lines(table, places)
    for table in Base.metadata.sorted_tables:
        out += _box(table, *places[table.name])
    return "\n".join([*out, "</svg>", ""])


def _places() -> dict[str, tuple[int, int]]:
    """Where each box stands: in the column after that of the last table it points to."""
    depths: dict[str, int] = {}
    bottoms: dict[int, int] = {}
    places = {}
    for table in Base.metadata.sorted_tables:
        others = [key.column.table.name for key in table.foreign_keys]
        depth = depths[table.name] = max((depths[other] + 1 for other in others), default=0)
        y = bottoms.get(depth, ABOVE)
        places[table.name] = (ABOVE + depth * (WIDTH + GAP), y)
        bottoms[depth] = y + _height(table) + ABOVE
    return places


def _height(table: Table) -> int:
    return (len(table.columns) + 1) * ROW + 6


def _box(table: Table, x: int, y: int) -> Iterator[str]:
    yield f'<rect class="box" x="{x}" y="{y}" width="{WIDTH}" height="{_height(table)}"/>'
    yield f'<rect class="head" x="{x}" y="{y}" width="{WIDTH}" height="{ROW + 2}"/>'
    yield f'<text class="name" x="{x + 6}" y="{y + 13}">{escape(table.name)}</text>'
    for row, column in enumerate(table.columns, 1):
        name = "key" if column.primary_key else "column"
        at = y + row * ROW + 14
        yield f'<text class="{name}" x="{x + 6}" y="{at}">{escape(column.name)}</text>'


def _lines(table: Table, places: dict[str, tuple[int, int]]) -> Iterator[str]:
    x, y = places[table.name]
    for row, column in enumerate(table.columns, 1):
        for key in column.foreign_keys:
            left, top = places[key.column.table.name]
            start, end, half, right = y + row * ROW + 10, top + 9, GAP // 2, left + WIDTH
            curve = f"M{x} {start}C{x - half} {start} {right + half} {end} {right} {end}"
            yield f'<path class="line" d="{curve}"/>'
