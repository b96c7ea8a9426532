"""Real pages and feeds before and after a change: the institution's words make a revision, furniture makes none.

The pages were captured by others. They are no briefings, and most print no date, which a transcript needs: each is
given one in its markup, the same before and after. What changed is counted by means that share nothing with the
reading: a comparison of the items' own markup.
"""

from __future__ import annotations

import datetime as dt
import html
import itertools
import re
from collections.abc import Iterable
from pathlib import Path

import feedparser
import pytest
from lxml import html as markup

from crawler.page import Page, extract
from crawler.source import Source
from storage import ledger, lookup, models
from storage.database import Database
from storage.ledger import Found
from storage.load import Reading, load
from storage.transcript import Transcript
from storage.warc import Record, read_warc

pytestmark = pytest.mark.slow  # many crawls one after the other

DAY = dt.date(2017, 1, 1)
GIVEN = '<time class="given" datetime="{day}"></time>'

PAIRS = {
    # What it comes to, and where headline and body stand. What changed:
    "www.doi.gov": ("unchanged", "#page-title", ".pane-node-body"),  # pictures, and the footer
    "cpo.noaa.gov": ("unchanged", ".article h1", ".main_content"),  # today's date, and a view counter
    "www.nrel.gov": ("unchanged", "#content h1", "#content .col-sm-9"),  # links of the navigation
    "www.data.gov": ("revised", ".category-header", ".highlights-listing"),  # the link to a data set is gone
    "www.energy.gov": (
        "revised",
        ".page-title",
        "#block-system-main",
    ),  # a sentence on two presidents is gone
    "www.epa.gov": ("revised", ".page-title", ".pane-node-content"),  # half of the page is gone
}


def source(host: str, title: str, body: str) -> Source:
    """A source for one host, as its file would describe it."""
    return Source.model_validate(
        {
            "id": "real",
            "name": host,
            "hosts": [host],
            "language": "en",
            "timezone": "America/New_York",
            "document": "/",
            "checked": {"on": DAY, "against": "a capture", "live": False},
            "discover": [{"kind": "feed", "url": f"https://{host}/feed"}],
            "layout": [{"name": "real", "title": [title], "date": [".given"], "body": [body]}],
        }
    )


def read(record: Record, body: str, how: Source | None) -> Transcript:
    """What a capture reads as."""
    return extract(Page(record.url, body.encode(), "text/html; charset=utf-8", record.fetched_at.date()), how)


def dispositions(database: Database, readings: Iterable[tuple[str, Transcript]]) -> list[tuple[str, str]]:
    """Load readings one after the other, each in a run of its own: key and disposition of each."""
    out = []
    for number, (key, transcript) in enumerate(readings):
        url = f"https://real.example/{key}"
        with database.write() as session:
            run = ledger.open_run(session, "nightly", "real", DAY, DAY).id
            ledger.discovered(session, run, Found(key, url))
            capture = models.Capture(
                source="real", url=url, fetched_at=dt.datetime(2017, 1, 1, tzinfo=dt.UTC), status=200,
                content_type="", digest=str(number), size=1, warc="x.warc.gz", offset=number, length=1,
            )  # fmt: skip
            session.add(capture)
            session.flush()
            reading = Reading(transcript, "real", key, url, capture.id, 1)
        out.append((key, load(database, run, reading).disposition))
    return out


def captures(corpus: Path, name: str) -> list[Record]:
    records = [record for record, _ in read_warc(corpus / f"{name}.warc.gz")]
    return sorted(records, key=lambda record: record.fetched_at)


@pytest.mark.parametrize("host", PAIRS)
def test_a_change_of_words_is_a_revision_and_one_of_furniture_is_none(
    host: str, corpus: Path, database: Database
) -> None:
    wanted, title, body = PAIRS[host]
    how = source(host, title, body)
    given = GIVEN.format(day=DAY)
    texts = [
        read(
            record,
            re.sub(r"(<body[^>]*>)", rf"\1{given}", record.body.decode("utf-8", "replace"), count=1),
            how,
        )
        for record in captures(corpus, "change-pairs")
        if f"//{host}/" in record.url
    ]
    assert len(texts) == 2
    assert [came for _, came in dispositions(database, [("page", text) for text in texts])] == ["new", wanted]


@pytest.mark.parametrize(("host", "wanted"), [("cpo.noaa.gov", "unchanged"), ("www.epa.gov", "revised")])
def test_the_same_holds_for_pages_of_sites_that_nobody_has_described(
    host: str, wanted: str, corpus: Path, database: Database
) -> None:
    """The first of them prints no date but today's."""
    texts = [
        read(record, record.body.decode("utf-8", "replace"), None)
        for record in captures(corpus, "change-pairs")
        if f"//{host}/" in record.url
    ]
    assert [came for _, came in dispositions(database, [("page", text) for text in texts])] == ["new", wanted]


def test_every_change_of_a_feeds_items_is_a_revision_and_nothing_else_is(
    corpus: Path, database: Database
) -> None:
    """160 captures of a feed: each item is read as the page that it stands for."""
    how = source("www.state.gov", "h1", ".body")
    readings: list[tuple[str, Transcript]] = []
    known: dict[str, tuple[str, ...]] = {}
    changed = items = 0
    for record in captures(corpus, "state-rss"):
        for entry in feedparser.parse(record.body).entries:
            key, body = str(entry.id), str(entry.content[0].value)
            items += 1
            state = _state(entry.title, entry.published, body)
            changed += key in known and known[key] != state
            # Loading what has just been loaded is unchanged: one of each run of the same will do.
            if known.get(key) == state and items % 17:
                continue
            known[key] = state
            day = dt.datetime(*entry.published_parsed[:6]).date()
            page = f"<h1>{html.escape(entry.title)}</h1>{GIVEN.format(day=day)}<div class=body>{body}</div>"
            readings.append((key, read(record, f"<html><body>{page}</body></html>", how)))
    came = [disposition for _, disposition in dispositions(database, readings)]
    counts = {name: came.count(name) for name in set(came)}
    assert counts.pop("unchanged") > 60
    assert counts == {"new": len(known) - counts.get("duplicate", 0), **counts}
    assert counts["revised"] == changed > 0
    with database.read() as session:
        assert lookup.counts(session)["revisions"] == counts["new"] + changed


def _state(title: str, published: str, body: str) -> tuple[str, ...]:
    """What the item says, by a means of its own: its signs without markup and white space."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", f"{title} {body}"))
    return ("".join(text.split()), re.sub(r" \d\d:\d\d:\d\d.*", "", published))


def test_a_listing_that_lists_the_same_is_the_same_and_every_other_one_a_revision(
    corpus: Path, database: Database
) -> None:
    how = source("www.gov.uk", "h1", ".gem-c-document-list")
    readings, states = [], []
    for record in captures(corpus, "govuk"):
        body = record.body.decode("utf-8").replace("</h1>", f"</h1>{GIVEN.format(day=DAY)}", 1)
        readings.append(("listing", read(record, body, how)))
        items = markup.fromstring(body).find_class("gem-c-document-list__item")
        states.append("".join(sign for item in items for sign in item.text_content() if sign.isalnum()))
    came = [disposition for _, disposition in dispositions(database, readings)]
    wanted = ["revised" if now != before else "unchanged" for before, now in itertools.pairwise(states)]
    assert came == ["new", *wanted]
    assert {"revised", "unchanged"} <= set(wanted)
