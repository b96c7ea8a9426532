"""What a re-extraction would change, as people read it: in a terminal, as a page of HTML, in the Prefect UI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from crawler.page import VERSION
from flows import difference
from flows.artifact import safe, table
from flows.difference import Side
from flows.reextract_shard import KEPT, Kind, Reextracted, Seen, shown
from flows.reextraction import Proposed, Written
from flows.settings import Settings
from flows.terminal import plain, write
from storage.models import Capture
from storage.transcript import Transcript

NAMES = ("read", "changed", *get_args(Kind))

MOST_IN_REPORT = 20
"""Changes that an artifact shows."""


def counted(seen: Seen) -> tuple[list[str], list[list[str]]]:
    """A table of how many texts differ in what, a row a source; kinds that none has are left out."""
    names = [name for name in NAMES if name in NAMES[:2] or seen.total(name)]
    sources = sorted({source for source, _ in seen.counts})
    return ["source", *names], [
        [source, *(str(seen.counts[source, name]) for name in names)] for source in sources
    ]


def asides(found: Proposed | Written) -> list[str]:
    """What else was come upon: what stays as it is, and what nobody can read."""
    out = left(found.seen)
    for source, count in found.strangers.items():
        out.append(f"! {source}: no such source any more, so {count} texts were not read")
    return out


def left(seen: Seen) -> list[str]:
    """What differs and stays as it is stored: how many, and the first of them with the reason."""
    count = sum(seen.total(kind) for kind in KEPT)
    if not count:
        return []
    out = [f"! {count} texts can't be read from their captures now; they stay as they are stored"]
    out += [f"! {line}" for _, line in seen.told]
    return out + [f"! ... and {count - len(seen.told)} more"] * (count > len(seen.told))


def show(settings: Settings, proposed: Proposed, limit: int) -> None:
    """Print the first changes, word by word."""
    for change in shown(settings, proposed.proposal, limit):
        write("\n")
        if pair := _sides(change):
            difference.show(*pair)
        else:
            write(f"{plain(_new(change))}\n")
    write("\n")


def page(settings: Settings, proposed: Proposed, limit: int) -> str:
    """The first changes as a page of HTML that needs nothing else."""
    changes = list(shown(settings, proposed.proposal, limit))
    count = proposed.seen.total("changed")
    lead = [f"{count} changes by extractor {VERSION}, {proposed.digest}. Shown are {len(changes)}."]
    lead += [_new(change) for change in changes if _sides(change) is None]
    pairs = (pair for change in changes if (pair := _sides(change)) is not None)
    return difference.page("What would change", pairs, lead)


def markdown(settings: Settings, proposed: Proposed) -> str:
    """The counts and the first changes for the Prefect UI."""
    head, rows = counted(proposed.seen)
    out = ["# What would change", "", *table(head, list(rows)), ""]
    out += [f"- {safe(line)}" for line in asides(proposed)]
    if proposed.digest is None:
        return "\n".join([*out, "", "Nothing would change."]) + "\n"
    count = proposed.seen.total("changed")
    out += ["", f"To write these {count} changes, run it again with accept `{proposed.digest}`.", ""]
    for change in shown(settings, proposed.proposal, MOST_IN_REPORT):
        out += _listed(change)
    if count > MOST_IN_REPORT:
        out += ["", f"and {count - MOST_IN_REPORT} more"]
    return "\n".join(out) + "\n"


def _listed(change: Reextracted) -> Iterator[str]:
    pair = _sides(change)
    if pair is None:
        yield f"- {safe(_new(change))}"
        return
    yield f"- {safe(pair[1].name)}: {', '.join(change.kinds)}"
    for line in list(difference.lines(*pair))[2:]:
        yield "  - " + safe("".join(map(str, line)).strip())


def _sides(change: Reextracted) -> tuple[Side, Side] | None:
    """A text as it is stored and as it is read now; None for a page without a text."""
    revision = change.stored.revision
    if revision is None or change.old is None or change.read is None:
        return None
    own, capture = revision.transcript, change.stored.capture
    name = f"{own.source}/{own.key}, revision {revision.number}"
    return (
        _side(f"{name}, extractor {revision.extractor}", capture, change.old),
        _side(f"{name}, extractor {VERSION}", capture, change.read),
    )


def _side(name: str, capture: Capture, text: Transcript) -> Side:
    return Side(name, capture.url, capture.fetched_at, capture.digest, text)


def _new(change: Reextracted) -> str:
    read = change.read
    assert read is not None
    where = f"{change.stored.capture.url}, captured {change.stored.capture.fetched_at:%Y-%m-%d %H:%M} UTC"
    return f"newly read: {read.date}, {read.title}, {len(read.turns)} turns, from {where}"
