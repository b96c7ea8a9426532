"""Real pages: what a careful reader takes from them is what the extractor takes, and fast enough.

The pages are not in the repository. They are looked for in the folder that PODIUM_CORPUS names, else beside the
checkout; without them these tests are skipped.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator

from crawler.page import Page, Refused, extract
from crawler.source import Source, source_of
from crawler.source_files import load_sources
from storage.transcript import Transcript, clean, parse, render
from tests.command import podium

HERE = Path(__file__).resolve().parent
CORPUS = Path(os.environ.get("PODIUM_CORPUS") or HERE.parent.parent / "shared" / "corpus")

pytestmark = pytest.mark.skipif(
    not (CORPUS / "gold").is_dir(),
    reason="the corpus of real pages is not here: name its folder in PODIUM_CORPUS",
)

STEP = 4
"""Of the largest site every fourth page is read; of the others all are."""


def gold() -> dict[str, dict[str, Any]]:
    found = {}
    for site in sorted(path for path in (CORPUS / "gold").iterdir() if path.is_dir()):
        files = sorted(site.glob("*.json"))
        for file in files[:: STEP if len(files) > 100 else 1]:
            document = json.loads(file.read_text(encoding="utf-8"))
            found[document["url"]] = document
    return found


@pytest.fixture(scope="module")
def pages() -> list[tuple[Page, dict[str, Any]]]:
    wanted = gold()
    found = []
    for warc in sorted(CORPUS.glob("*.warc.gz")):
        if not (CORPUS / "gold" / warc.name.split(".")[0]).is_dir():
            continue
        with warc.open("rb") as stream:
            for record in ArchiveIterator(stream):
                url = record.rec_headers.get_header("WARC-Target-URI")
                if record.rec_type == "response" and url in wanted:
                    content_type = record.http_headers.get_header("Content-Type")
                    found.append((Page(url, record.content_stream().read(), content_type), wanted[url]))
    return found


def letters(texts: list[str]) -> str:
    return "".join("".join(clean(text).split()) for text in texts if re.search(r"[^\W_]", text))


def label_key(label: str | None) -> str | None:
    words = re.findall(r"\w+", re.sub(r"\([^()]*\)", " ", label or "").casefold())
    return "question" if words == ["q"] else " ".join(words) or None


def turns_of(document: list[tuple[str | None, list[str]]], lead: str | None) -> list[tuple[str | None, str]]:
    found = [(label_key(label), letters(texts)) for label, texts in document]
    found = [turn for turn in found if turn[1]]
    start = letters([lead]) if lead else ""
    if start and found and found[0][0] is None and found[0][1].startswith(start):
        rest = found[0][1].removeprefix(start)
        found = [*([(None, rest)] if rest else []), *found[1:]]
    return found


def shares(pages: list[tuple[Page, dict[str, Any]]], sources: dict[str, Source]) -> dict[str, float]:
    """The share of pages whose title, date, language and turns are what the gold says."""
    right = dict.fromkeys(("title", "date", "language", "turns"), 0)
    for page, wanted in pages:
        found: Transcript | None
        try:
            found = extract(page, source_of(page.url, sources) if sources else None)
        except Refused:
            continue
        right["title"] += found.title == clean(wanted["title"])
        right["date"] += found.date.isoformat() == wanted["date"]
        right["language"] += found.language == wanted["language"]
        mine = turns_of([(turn.label, list(turn.paragraphs)) for turn in found.turns], wanted.get("lead"))
        right["turns"] += mine == turns_of(
            [(turn["label"], turn["paragraphs"]) for turn in wanted["turns"]], None
        )
        assert parse(render(found)) == found
    return {name: count / len(pages) for name, count in right.items()}


def test_a_known_layout_is_read_as_a_careful_reader_would(pages: list[tuple[Page, dict[str, Any]]]) -> None:
    found = shares(pages, load_sources())
    assert min(found.values()) >= 0.99, found


@pytest.mark.slow
def test_an_unknown_layout_is_read_nearly_as_well(pages: list[tuple[Page, dict[str, Any]]]) -> None:
    found = shares(pages, {})
    assert min(found.values()) >= 0.95, found


def test_the_command_prints_every_page_of_a_file_and_is_done() -> None:
    done = podium("extract", "--format", "jsonl", str(CORPUS / "diplomatic-misc.warc.gz"))
    wanted = {
        json.loads(each.read_text(encoding="utf-8"))["url"]
        for each in (CORPUS / "gold" / "diplomatic-misc").glob("*.json")
    }
    assert done.returncode == 0
    assert wanted <= {json.loads(line)["url"] for line in done.stdout.splitlines()}


# --- hostile pages ---------------------------------------------------------------------------------------


def mutations(body: bytes, chance: random.Random) -> Iterator[bytes]:
    """A page that was cut, shuffled, nested, filled, or declared what it is not."""
    first, last = sorted((chance.randrange(len(body)), chance.randrange(len(body))))
    pieces = body.split(b"<")
    chance.shuffle(pieces)
    entities = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///x">]>'
    yield body[:first] + b"</html>"
    yield body[:first] + body[last:]
    yield b"<".join(pieces) + b"</html>"
    yield body[:first] + b"<div>" * 5000 + body[first:]
    yield body[:first] + b"<b><span>" * 3000 + body[first:]
    yield body[:first] + b"\0" * 500 + body[first:]
    yield entities + body[:first] + b"&b;&c;&#0;&#xD800;&#1114112;" + body[first:]
    yield body.decode("utf-8", "replace").encode("utf-16") + b"<\0/\0h\0t\0m\0l\0>\0</html>"
    filler = (
        b"Q ",
        b": ",
        b"A",
        b"(",
        b"MR. ",
        b"a.",
        b"1 January ",
        b"<br>",
        b"<b>A</b>:",
        b"<p><b>A B:</b> x",
        b"\xe3\x80\x90",
    )
    yield body[:first] + chance.choice(filler) * 20_000 + body[first:]
    yield body.replace(b"</p>", b"").replace(b"<p>", b"<br>")


@pytest.mark.slow
def test_a_hostile_page_is_read_or_refused_in_time(pages: list[tuple[Page, dict[str, Any]]]) -> None:
    chance = random.Random(17)
    sources = load_sources()
    for page, _ in chance.sample(pages, 8):
        for body in mutations(page.body, chance):
            for source in (source_of(page.url, sources), None):
                content_type = chance.choice(
                    ["text/html", "text/html; charset=windows-1251", "text/html; charset=rot13"]
                )
                start = time.process_time()
                try:
                    found = extract(Page(page.url, body, content_type), source)
                except Refused:
                    pass
                else:
                    assert parse(render(found)) == found
                assert time.process_time() - start < 10
