"""Ten thousand mutated pages, each read with a layout and without: a transcript or a refusal, and in time.

The pages are the invented ministry's, and the corpus's where it is at hand. A page is made from its number, so
what a failure names can be made again: ``mutated(pages(), 4711)``.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import random
import re
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import pytest

from benchmarks.extract import pages as corpus_pages
from crawler.page import Page, Refused, extract
from crawler.source import Source
from flows.demo_site import Ministry
from flows.demo_site.pages import document
from storage.transcript import parse, render

COUNT = 10_000
BATCH = 50
BUDGET = 5
"""CPU time for one reading of one page, in readings of as many bytes of `PLAIN` by the same process.

The worst are pages of three megabytes, the most that is read, of one-letter paragraphs: they take one. What
grows with the square of a page takes a hundred.
"""
PLAIN = b"<h1>Briefing, 1 June 2020</h1>" + b"".join(
    b"<p>MR. MOSS: That was boat %d.</p>" % number for number in range(3_000)
)

Material = Sequence[tuple[Page, Source]]
Mutation = Callable[[bytes, bytes, random.Random], bytes]


@cache
def pages() -> Material:
    """Real and invented pages, each with its source."""
    with Ministry(dt.date(2026, 3, 20)) as site:
        source = Source.model_validate(tomllib.loads(site.source_toml()))
        found = [
            (Page(site.base + text.path, document(text, 17).encode(), "text/html"), source)
            for text in site.documents
        ]
    beside = Path(__file__).parent.parent.parent / "shared" / "corpus"
    return found * 10 + corpus_pages(Path(os.environ.get("PODIUM_CORPUS") or beside))


# --- mutations: a page, another page, chance -> a page ----------------------------------------------------


def _place(body: bytes, chance: random.Random) -> int:
    """Somewhere in a page: mostly before a tag."""
    at = chance.randrange(len(body) + 1)
    return max(body.find(b"<", at), 0) if chance.random() < 0.7 else at


def _insert(body: bytes, what: bytes, chance: random.Random) -> bytes:
    at = _place(body, chance)
    return body[:at] + what + body[at:]


def cut(body: bytes, other: bytes, chance: random.Random) -> bytes:
    return body[: _place(body, chance)]


def gap(body: bytes, other: bytes, chance: random.Random) -> bytes:
    first, last = sorted((_place(body, chance), _place(body, chance)))
    return body[:first] + body[last:]


def splice(body: bytes, other: bytes, chance: random.Random) -> bytes:
    return body[: _place(body, chance)] + other[_place(other, chance) :]


def shuffle(body: bytes, other: bytes, chance: random.Random) -> bytes:
    pieces = body.split(b"<")
    first, last = sorted((chance.randrange(len(pieces) + 1), chance.randrange(len(pieces) + 1)))
    some = pieces[first:last]
    chance.shuffle(some)
    return b"<".join([*pieces[:first], *some, *pieces[last:]])


def lose_tags(body: bytes, other: bytes, chance: random.Random) -> bytes:
    share = chance.choice([0.02, 0.2, 0.9])
    return re.sub(rb"<[^<>]{1,300}>", lambda tag: b"" if chance.random() < share else tag[0], body)


def lose_marks(body: bytes, other: bytes, chance: random.Random) -> bytes:
    mark = chance.choice([b">", b'"', b"=", b"</", b" ", b"\n", b";"])
    return mark.join(piece for piece in body.split(mark) if chance.random() < 0.98)


def nest(body: bytes, other: bytes, chance: random.Random) -> bytes:
    names = [
        b"<div>",
        b"<b>",
        b"<span hidden>",
        b"<b><span>",
        b"<table><tr><td>",
        b"<ul><li>",
        b"<a href='#x'>",
        b"<p>",
    ]
    return _insert(body, chance.choice(names) * chance.choice([50, 300, 5000]), chance)


def nuls(body: bytes, other: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randrange(1, 20)):
        body = _insert(
            body, chance.choice([b"\0", b"\0" * 500, b"\x0b\x1f", b"\xef\xbf\xbe", b"\xed\xa0\x80"]), chance
        )
    return body


def noise(body: bytes, other: bytes, chance: random.Random) -> bytes:
    changed = bytearray(body)
    for _ in range(chance.choice([1, 30, 1000])):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def charset(body: bytes, other: bytes, chance: random.Random) -> bytes:
    name = chance.choice(
        ["utf-16", "utf-16-le", "utf-32", "cp1251", "shift_jis", "gb18030", "cp037", "utf-7"]
    )
    return body.decode("utf-8", "replace").encode(name, "replace")


def declared(body: bytes, other: bytes, chance: random.Random) -> bytes:
    name = chance.choice(
        [b"utf-16", b"rot13", b"hex", b"shift_jis", b"x-user-defined", b"hz", b"iso-2022-jp", b"cp037"]
    )
    return b"<meta charset='" + name + b"'>" + body


def entities(body: bytes, other: bytes, chance: random.Random) -> bytes:
    levels = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    bomb = b'<!DOCTYPE html [<!ENTITY a0 "aaaa">' + levels + b'<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    return bomb + _insert(
        body, b"&a11;&x;&#0;&#xD800;&#1114112;&#x202e;&amp" * chance.choice([1, 500]), chance
    )


def fill(body: bytes, other: bytes, chance: random.Random) -> bytes:
    pieces = [
        *(
            b"Q ",
            b": ",
            b"A",
            b"(",
            b"MR. ",
            b"a.",
            b" - ",
            b"1 January ",
            b"2020",
            b"\xe3\x80\x90",
            b"\xe2\x80\x8b",
        ),
        *(
            b"<br>",
            b"<b>A</b>:",
            b"<p><b>A B:</b> x",
            b"<p>Q. x?",
            b"<p>A: b",
            b"<td>x",
            b"<li><a href='#a'>b</a>",
        ),
        *(
            b"<h1>Fish</h1>",
            b"<time datetime='2020-01-01'>",
            b"<meta name='dc.date' content='2'>",
            b"<!--",
            b"<script>",
        ),
    ]
    return _insert(body, chance.choice(pieces) * chance.choice([20, 500, 20_000]), chance)


def repeat(body: bytes, other: bytes, chance: random.Random) -> bytes:
    first = _place(body, chance)
    piece = body[first : first + chance.choice([200, 2000, 20_000])]
    return _insert(body, piece * chance.choice([2, 10, 50]), chance)


def huge(body: bytes, other: bytes, chance: random.Random) -> bytes:
    size = chance.choice([1_000_000, 2_900_000, 20_000_000])
    piece = chance.choice([b"x", b"<p>x</p>", b"<b>A B:</b> x<br>", b"\0", b"<p>MR. MOSS:  Yes? </p>", body])
    return _insert(body, piece * ((size - len(body)) // len(piece)), chance)


LIGHT: tuple[Mutation, ...] = (
    *(
        cut,
        gap,
        splice,
        shuffle,
        lose_tags,
        lose_marks,
        nest,
        nuls,
        noise,
        charset,
        declared,
        entities,
        fill,
        repeat,
    ),
)


def mutated(material: Material, number: int) -> tuple[Page, Source]:
    """The page of a number, and the source it is read with."""
    chance = random.Random(number)
    page, source = chance.choice(material)
    body = page.body
    other = chance.choice(material)[0].body
    for mutation in chance.sample(LIGHT, chance.choice([1, 1, 2, 3])):
        body = mutation(body or b"<", other, chance)
    if chance.random() < 0.02:
        body = huge(body, other, chance)
    if chance.random() < 0.7:
        body += b"</html>"
    types = [
        "text/html",
        "",
        "text/html; charset=windows-1251",
        "text/html; charset=utf-16",
        "text/html; charset=rot13",
    ]
    captured = chance.choice([None, dt.date(2020, 1, 1)])
    return Page(page.url, body, chance.choice(types), captured), source


def plainly() -> float:
    """CPU seconds a byte for a plain page, as this machine reads it now, whatever else it does."""
    start = time.process_time()
    extract(Page("https://ministry.example/1", PLAIN, "text/html"), None)
    return (time.process_time() - start) / len(PLAIN)


def read_batch(first: int) -> tuple[list[str], Counter[str]]:
    """Read a batch of pages: what went wrong, and what became of them."""
    faults: list[str] = []
    ends: Counter[str] = Counter()
    for number in range(first, first + BATCH):
        page, source = mutated(pages(), number)
        for known in (source, None):
            name = f"page {number} ({len(page.body):,} bytes), {'with a layout' if known else 'generic'}"
            start = time.process_time()
            try:
                found = extract(page, known)
            except Refused as refused:
                ends[refused.kind] += 1
            except Exception as problem:  # noqa: BLE001 - whatever it is, it is a fault
                faults.append(f"{name}: {problem!r:.300}")
            else:
                ends["read"] += 1
                if parse(render(found)) != found:
                    faults.append(f"{name}: the text is not the transcript's")
            spent = time.process_time() - start
            if spent > 5 and spent > BUDGET * plainly() * len(page.body):
                faults.append(f"{name}: {spent:.1f} s")
    return faults, ends


@pytest.mark.slow
def test_a_mutated_page_is_read_or_refused_in_time() -> None:
    # Not by fork: the parent has threads.
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        results = list(pool.map(read_batch, range(0, COUNT, BATCH)))
    ends = sum((ends for _, ends in results), Counter[str]())
    assert [fault for faults, _ in results for fault in faults] == []
    # It would prove little if nearly all were refused at the door.
    assert ends["read"] > COUNT / 2, ends
