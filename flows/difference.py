"""The difference of two stored texts as a person reads it: in a terminal, in plain text, or as a page of HTML.

What differs is `storage.diff`'s to say. The texts come from pages of the web: they are cleaned before a terminal
gets them and escaped before a browser does.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Literal

from flows.terminal import plain, write
from storage import lookup
from storage.diff import Change, compare
from storage.models import Correction, Revision
from storage.sections import Section, sections
from storage.transcript import Transcript, from_dict

NOTHING = "No word of date, title or turns differs."


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two texts, and the capture that it was read from."""

    name: str
    url: str
    captured: dt.datetime
    digest: str
    transcript: Transcript

    @property
    def moment(self) -> str:
        """When it was captured, for people."""
        return f"{self.captured:%Y-%m-%d %H:%M:%S} UTC"


def side(revision: Revision) -> Side:
    """A revision as one side; its session must be open."""
    return Side(
        f"{revision.transcript.source}/{revision.transcript.key}, revision {revision.number}",
        revision.capture.url,
        revision.capture.fetched_at,
        revision.capture.digest,
        lookup.transcript_of(revision),
    )


def correction(revision: Revision, last: Correction) -> tuple[Side, Side]:
    """What a revision was before its last correction and what it is now; its session must be open."""
    now = side(revision)
    return (
        replace(now, name=f"{now.name}, extractor {last.extractor}", transcript=from_dict(last.text)),
        replace(now, name=f"{now.name}, extractor {revision.extractor}"),
    )


# --- in a terminal -------------------------------------------------------------------------------

Line = tuple[str | Change, ...]
"""Parts of a line: our own words, and passages of the texts."""

INDENT = "  "
STYLES = {"kept": "", "removed": "red strike", "added": "green underline"}


def show(old: Side, new: Side) -> None:
    """Print what differs: in colour in a terminal, as ``[-removed-]{+added+}`` elsewhere."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if not (sys.stdout.isatty() and console.color_system):
        for line in lines(old, new):
            write("".join(plain(str(part)) if isinstance(part, Change) else part for part in line) + "\n")
        return
    for line in lines(old, new):
        shown = Text(style="" if line[0] == INDENT else "bold")
        for part in line:
            if isinstance(part, Change):
                for piece in part.pieces:
                    shown.append(_spaced(piece.text), STYLES[piece.kind])
            else:
                shown.append(part)
        console.print(shown)


def lines(old: Side, new: Side) -> Iterator[Line]:
    """What differs, line by line."""
    for word, one in (("before", old), ("after", new)):
        yield (f"{word}: {plain(f'{one.name}, captured {one.moment}, {one.digest}, {one.url}')}",)
    found = _sections(old, new)
    for section in found:
        told = [part for told in (section.label, section.remark) if told for part in (", ", told)]
        yield (section.heading, *told, ":" * bool(section.passages))
        for passage in section.passages:
            yield INDENT, passage
    if not found:
        yield (NOTHING,)


def _sections(old: Side, new: Side) -> list[Section]:
    """What differs: of two readings of one capture the details too."""
    captures = [(one.url, one.captured, one.digest) for one in (old, new)]
    return list(sections(compare(old.transcript, new.transcript, readings=captures[0] == captures[1])))


def _spaced(text: str) -> str:
    """Text that a terminal shows and doesn't obey, with the space it begins with."""
    return " " * text.startswith(" ") + plain(text)


# --- as a page -----------------------------------------------------------------------------------

STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --page: #fff; --faint: #5a5a5a; --line: #d5d5d5;
  --link: #0b57a4; --out: #8f1414; --out-page: #fde7e7; --in: #0d5723; --in-page: #e2f4e6; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e6e6; --page: #161616; --faint: #a5a5a5;
  --line: #3c3c3c; --link: #8ab8f0; --out: #ffb4ab; --out-page: #4a1c1c; --in: #9ee0ae; --in-page: #173b22; } }
body { margin: 2rem auto; max-width: 44rem; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif;
  color: var(--text); background: var(--page); overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.3; }
h2, h3 { font-size: 1rem; margin: 2rem 0 0; padding-top: 1rem; border-top: 1px solid var(--line); }
dt { font-weight: bold; } dd { margin: 0 0 .5rem; } dd, .remark { color: var(--faint); }
a { color: var(--link); }
del { color: var(--out); background: var(--out-page); text-decoration: line-through; }
ins { color: var(--in); background: var(--in-page); text-decoration: underline; }
.aside { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
"""


def page(old: Side, new: Side) -> str:
    """A page of HTML that shows what differs and needs nothing else: no script, no other file."""
    return _document(f"Changes: {new.transcript.title}", list(_shown(old, new, "h1")))


def page_of_many(title: str, lead: Sequence[str], pairs: Iterable[tuple[Side, Side]]) -> str:
    """One such page of several pairs of texts.

    Args:
        title: of the page.
        lead: lines above them.
        pairs: each before and after.
    """
    out = [f"<h1>{_escaped(title)}</h1>", *(f"<p>{_escaped(line)}</p>" for line in lead)]
    for old, new in pairs:
        out += ["<article>", *_shown(old, new, "h2"), "</article>"]
    return _document(title, out)


def _document(title: str, body: Sequence[str]) -> str:
    out = [
        "<!doctype html>",
        '<html lang="en">',
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{_escaped(title)}</title>",
        f"<style>{STYLE}</style>",
        "<main>",
        *body,
        "</main>",
        "</html>",
    ]
    return "\n".join(out) + "\n"


def _shown(old: Side, new: Side, heading: Literal["h1", "h2"]) -> Iterator[str]:
    """What differs, under a heading with the text's title."""
    language = new.transcript.language or old.transcript.language or ""
    below = "h2" if heading == "h1" else "h3"
    yield f'<{heading} lang="{escape(language)}" dir="auto">{_escaped(new.transcript.title)}</{heading}>'
    yield f"<dl>{_source('Before', old)}{_source('After', new)}</dl>"
    found = _sections(old, new)
    for section in found:
        label = f', <bdi lang="{escape(language)}">{_marked(section.label)}</bdi>' if section.label else ""
        remark = f' <span class="remark">{_marked(section.remark)}</span>' if section.remark else ""
        yield f"<{below}>{section.heading.capitalize()}{label}{remark}</{below}>"
        yield from (
            f'<p lang="{escape(language)}" dir="auto">{_marked(text)}</p>' for text in section.passages
        )
    if not found:
        yield f"<p>{NOTHING}</p>"


def _source(word: str, one: Side) -> str:
    address = _escaped(one.url)
    if one.url.startswith(("http://", "https://")):
        address = f'<a href="{address}" rel="noreferrer">{address}</a>'
    moment = f'<time datetime="{one.captured.isoformat()}">{one.moment}</time>'
    digest = f"<code>{_escaped(one.digest)}</code>"
    return f"<dt>{word}: {_escaped(one.name)}</dt><dd>{address}<br>captured {moment}<br>{digest}</dd>"


def _marked(change: Change) -> str:
    """A passage, with words for those who don't see its colours."""
    out = ""
    for piece in change.pieces:
        text = _escaped(piece.text)
        out += " " * piece.text.startswith(" ")
        if piece.kind == "kept":
            out += text
        else:
            tag, word = ("del", "taken out") if piece.kind == "removed" else ("ins", "put in")
            out += f"<{tag}>{_aside(f'[{word}: ')}{text}{_aside(']')}</{tag}>"
    return out


def _aside(words: str) -> str:
    # With a direction of its own it doesn't count where `dir="auto"` looks for the text's.
    return f'<span class="aside" lang="en" dir="ltr">{words}</span>'


def _escaped(text: str) -> str:
    return escape(plain(text))
