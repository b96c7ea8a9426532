"""Loading: a text is kept once, whoever published it, and each change of it is a revision; or nothing is."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage import ledger, lookup, models, visits
from storage.database import Database
from storage.ledger import Found
from storage.load import Loaded, Reading, load, load_all
from storage.sameness import SHORT_WORDS, digest
from storage.transcript import GUESSED_DATE, Transcript, Turn, render

DAY = dt.date(2026, 3, 20)
NOW = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)
LONG = " ".join(f"word{n}" for n in range(SHORT_WORDS))


def said(text: str = LONG, title: str = "On the ferry", day: dt.date = DAY) -> Transcript:
    return Transcript(
        day,
        title,
        (
            Turn(("Good morning.",), role="note"),
            Turn(("Will it sail?", "When: today?"), label="Question", role="question"),
            Turn((text, "That is all."), label="Edda Rosk", role="answer", speaker="Edda Rosk"),
            Turn((), label="Question"),
        ),
        language="en",
        kind="transcript",
        event_date=day - dt.timedelta(1),
        number="12-3",
        left_out=("Contents",),
        doubts=("two dates",),
    )


SHORT = Transcript(DAY, "Decree", (Turn(("The President signed a decree.",)),))


def second(was: Transcript, turn: Turn) -> Transcript:
    """The transcript with another second turn."""
    return replace(was, turns=(was.turns[0], turn, *was.turns[2:]))


class Desk:
    """One run, and a capture for each reading."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._offset = itertools.count()
        with database.write() as session:
            self.run = ledger.open_run(session, "nightly", "here", DAY, DAY).id

    def next_run(self) -> None:
        with self.database.write() as session:
            self.run = ledger.open_run(session, "nightly", "here", DAY, DAY).id

    def reading(self, transcript: Transcript, key: str = "a", source: str = "here") -> Reading:
        """The transcript as fetched just now, written down in the ledger."""
        url, offset = f"https://{source}.example/{key}", next(self._offset)
        with self.database.write() as session:
            ledger.discovered(session, self.run, Found(key, url))
            capture = models.Capture(
                source=source, url=url, fetched_at=NOW, status=200, content_type="text/html",
                digest=f"sha256:{offset}", size=1, warc="x.warc.gz", offset=offset, length=1,
            )  # fmt: skip
            session.add(capture)
            session.flush()
            return Reading(transcript, source, key, url, capture.id, 1)

    def captured(self, transcript: Transcript, day: int, key: str = "a", *, scheme: str = "https") -> Loaded:
        """What a capture comes to that others made of it, so many days from now."""
        self.next_run()
        reading = self.reading(transcript, key)
        with self.database.write() as session:
            capture = session.get_one(models.Capture, reading.capture_id)
            capture.fetched_at = NOW + dt.timedelta(day)
            capture.url = f"{scheme}://{capture.url.partition('://')[2]}"
            ledger.fetched(session, self.run, key, capture.id)
        return load(self.database, self.run, reading)

    def load(self, transcript: Transcript, key: str = "a", source: str = "here") -> Loaded:
        """What tonight's load of it comes to."""
        self.next_run()
        return load(self.database, self.run, self.reading(transcript, key, source))

    def counts(self) -> tuple[int, int, int]:
        """Transcripts, revisions, appearances."""
        with self.database.read() as session:
            rows = lookup.counts(session)
        return rows["transcripts"], rows["revisions"], rows["appearances"]

    def text(self, name: str, number: int | None = None) -> str:
        with self.database.read() as session:
            revision = lookup.find(session, name, number)
            assert revision is not None
            return render(lookup.transcript_of(revision))


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


# --- new, unchanged, revised ---------------------------------------------------------------------


def test_a_text_is_new_once_and_then_unchanged(desk: Desk) -> None:
    first = desk.load(said())
    again = desk.load(said())
    assert (first.disposition, again.disposition) == ("new", "unchanged")
    assert first.revision_id == again.revision_id
    assert desk.counts() == (1, 1, 1)


def test_a_load_settles_its_page_in_the_ledger(desk: Desk) -> None:
    loaded = desk.load(said())
    with desk.database.read() as session:
        (page,) = ledger.pages_of(session, desk.run)
    assert (page.disposition, page.revision_id) == ("new", loaded.revision_id)


@pytest.mark.parametrize(
    "change",
    [
        lambda was: replace(was, title="On the ferries"),
        lambda was: replace(was, date=DAY + dt.timedelta(1)),
        lambda was: replace(was, turns=was.turns[:-1]),
        lambda was: replace(was, turns=(*was.turns, Turn(("Thank you.",)))),
        lambda was: replace(was, turns=(Turn(("Good morning!",)), *was.turns[1:])),
        lambda was: replace(was, turns=(Turn(("good Morning.",)), *was.turns[1:])),
        lambda was: second(was, Turn(("Question Will it sail?", "When: today?"))),
    ],
    ids=["title", "date", "turn less", "turn more", "words", "case", "label"],
)
def test_whatever_changes_in_the_text_is_a_revision(
    desk: Desk, change: Callable[[Transcript], Transcript]
) -> None:
    was, now = said(), change(said())
    desk.load(was)
    assert desk.load(now).disposition == "revised"
    assert desk.load(now).disposition == "unchanged"
    assert desk.counts() == (1, 2, 1)
    assert (desk.text("here/a", 1), desk.text("here/a")) == (render(was), render(now))


@pytest.mark.parametrize(
    "change",
    [
        lambda was: second(was, Turn(("Will it sail? When: today?",), label="Question")),
        lambda was: replace(was, title="On  the\u00a0ferry"),
        lambda was: replace(was, left_out=("Contents", "Share"), doubts=()),
        lambda was: replace(was, date=DAY + dt.timedelta(1), doubts=(GUESSED_DATE,)),
    ],
    ids=["paragraphs", "spaces", "what was left out", "a date of today"],
)
def test_what_is_not_the_institutions_words_is_no_revision(
    desk: Desk, change: Callable[[Transcript], Transcript]
) -> None:
    desk.load(said())
    assert desk.load(change(said())).disposition == "unchanged"
    assert desk.counts() == (1, 1, 1)


def test_quotation_marks_and_dashes_of_another_form_are_no_revision(desk: Desk) -> None:
    desk.load(said(f"“Well” – it’s… {LONG}", title="On «the» ferry"))
    assert desk.load(said(f'"Well" - it\'s... {LONG}', title='On "the" ferry')).disposition == "unchanged"
    assert desk.load(said(f'"Well" - its... {LONG}', title='On "the" ferry')).disposition == "revised"


def test_what_only_a_newer_extractor_reads_differently_is_no_revision(desk: Desk) -> None:
    desk.load(said())
    desk.next_run()
    better = said(LONG + " which the older one lost")
    reading = replace(desk.reading(better), extractor=2, before=better, before_of=digest(said()))
    loaded = load(desk.database, desk.run, reading)
    assert loaded.disposition == "unchanged"
    assert loaded.reason == "only the extractor reads it in another way: 1, 2"
    desk.next_run()
    edited = replace(reading, transcript=said(LONG + " edited"), capture_id=desk.reading(said()).capture_id)
    assert load(desk.database, desk.run, edited).disposition == "revised"


def test_a_text_that_is_taken_back_is_a_revision_too(desk: Desk) -> None:
    outcomes = [desk.load(text).disposition for text in (said(), said(LONG + " more"), said())]
    assert outcomes == ["new", "revised", "revised"]
    assert desk.text("here/a", 3) == desk.text("here/a", 1)


def test_another_reading_of_the_same_capture_is_the_newest_text(desk: Desk) -> None:
    first = desk.reading(said())
    load(desk.database, desk.run, first)
    desk.next_run()
    later = desk.reading(said())
    with desk.database.write() as session:
        session.get_one(models.Capture, later.capture_id).fetched_at = NOW + dt.timedelta(1)
    assert load(desk.database, desk.run, later).disposition == "unchanged"
    desk.next_run()
    again = replace(desk.reading(said(LONG + " read better")), capture_id=first.capture_id)
    assert load(desk.database, desk.run, again).disposition == "revised"
    assert desk.text("here/a") == render(again.transcript)


def test_a_reading_of_an_older_capture_is_put_before_the_newest_text_once(desk: Desk) -> None:
    desk.load(said())
    older = desk.reading(said(LONG + " as it was"))
    with desk.database.write() as session:
        session.get_one(models.Capture, older.capture_id).fetched_at = NOW - dt.timedelta(1)
    outcomes = []
    for _ in range(2):
        desk.next_run()
        desk.reading(said())  # writes the page down in the new run
        outcomes.append(load(desk.database, desk.run, older).disposition)
    assert outcomes == ["revised", "unchanged"]
    assert [desk.text("here/a", n) for n in (1, 2)] == [render(older.transcript), render(said())]
    assert desk.load(said()).disposition == "unchanged"


@pytest.mark.parametrize(
    "story", ["abab", *(pytest.param(each, marks=pytest.mark.slow) for each in ("abac", "aaba", "abba"))]
)
def test_revisions_are_those_of_the_captures_whatever_the_order_they_come_in(desk: Desk, story: str) -> None:
    expected = [text for text, _ in itertools.groupby(story)]
    for order in itertools.permutations(range(len(story))):
        key = "".join(map(str, order))
        for day in order:
            # As archives of others have them, now by http and now by https.
            desk.captured(said(f"{LONG} {key}{story[day]}"), day - 10, key, scheme=("http", "https")[day % 2])
        with desk.database.read() as session:
            revisions = session.scalars(
                select(models.Revision)
                .join(models.Revision.transcript)
                .where(models.Transcript.key == key)
                .order_by(models.Revision.number)
            ).all()
            texts = [each.turns[2].text.partition("\n")[0][-1] for each in revisions]
            days = [(each.capture.fetched_at - NOW).days + 10 for each in revisions]
        assert texts == expected, order
        assert [story[day] for day in days] == expected and days == sorted(days), order
        assert desk.load(said(f"{LONG} {key}{story[-1]}"), key).disposition == "unchanged"


@pytest.mark.parametrize(
    ("story", "texts"),
    [
        ("one a 1, one b 5, two a 7, between a 3", "one between two"),
        # A copy that has become a text of its own; one of a text that this page has come to.
        ("one a 1, one b 5, own b 6, two a 8, between a 3", "one between two"),
        ("one a 1, own b 2, own c 3, own a 4, own c 6, two a 8, between a 5", "one own between two"),
    ],
)
def test_a_visit_to_another_document_puts_nothing_into_a_history(desk: Desk, story: str, texts: str) -> None:
    for visit in story.split(", "):
        text, key, day = visit.split()
        loaded = desk.captured(said(f"{LONG} {text}"), int(day) - 10, key)
    assert loaded.disposition == "revised"
    for number, text in enumerate(texts.split(), 1):
        assert desk.text("here/a", number) == render(said(f"{LONG} {text}"))
    with desk.database.read() as session:
        assert lookup.find(session, "here/a", len(texts.split()) + 1) is None


def test_captures_that_are_taken_in_twice_add_nothing_though_pages_share_their_texts(desk: Desk) -> None:
    one, two = said(f"{LONG} one"), said(f"{LONG} two")
    story = (one, "a", -9), (two, "b", -8), (two, "c", -7), (one, "a", -6), (two, "a", -5)
    for _ in range(3):
        for text, key, day in story:
            desk.captured(text, day, key)
        assert [desk.text("here/a", number) for number in (1, 2)] == [render(one), render(two)]
        assert desk.counts() == (2, 3, 3)


def test_a_text_that_was_seen_again_at_another_address_of_its_document_came_back(desk: Desk) -> None:
    def captured(text: str, day: int, more: str = "") -> None:
        desk.next_run()
        reading = desk.reading(said(text))
        with desk.database.write() as session:
            capture = session.get_one(models.Capture, reading.capture_id)
            page = session.scalars(select(models.Page).where(models.Page.run_id == desk.run)).one()
            capture.fetched_at, capture.url = NOW + dt.timedelta(day), capture.url + more
            page.key, page.url = f"{capture.url} {day}", capture.url
            session.flush()
            ledger.fetched(session, desk.run, page.key, capture.id)
        load(desk.database, desk.run, replace(reading, url=reading.url + more), f"{reading.url}{more} {day}")

    captured(LONG, 1)
    captured(LONG, 5, "/print?utm_source=x")
    captured(LONG + " corrected", 7)
    captured(LONG + " between", 3)
    texts = (LONG, LONG + " between", LONG, LONG + " corrected")
    assert [desk.text("here/a", number) for number in (1, 2, 3, 4)] == [render(said(text)) for text in texts]


def test_what_a_newer_extractor_reads_of_an_older_capture_is_the_text_before_the_one_between(
    desk: Desk,
) -> None:
    better = said(LONG + " which the older one lost")
    desk.captured(said(LONG + " between"), -5)
    desk.captured(said(), -3)
    desk.next_run()
    older = desk.reading(better)
    with desk.database.write() as session:
        session.get_one(models.Capture, older.capture_id).fetched_at = NOW - dt.timedelta(9)
    older = replace(older, extractor=2, before=better, before_of=digest(said()))
    assert load(desk.database, desk.run, older).disposition == "revised"
    assert desk.text("here/a", 1) == render(better) and desk.text("here/a") == render(said())


def test_a_text_that_comes_back_in_the_batch_of_its_edit_is_a_revision(desk: Desk) -> None:
    desk.captured(said(f'{LONG} "so"'), -10)
    desk.captured(said(LONG + " edited"), -9)
    back = said(f"{LONG} “so”")
    desk.next_run()
    reading = desk.reading(back)
    # What stood there when the batch began was the first text, and the source's file has it read so now.
    reading = replace(reading, before=back, before_of=digest(said(f'{LONG} "so"')))
    assert load(desk.database, desk.run, reading).disposition == "revised"
    assert desk.text("here/a") == render(back)


def test_an_older_visit_that_is_read_late_leaves_the_page_where_it_is(desk: Desk) -> None:
    moved = replace(desk.reading(said(LONG + " now")), visited_on=DAY, answered="a")
    load(desk.database, desk.run, replace(moved, url="https://here.example/new/a"))
    with desk.database.read() as session:
        (place,) = session.scalars(select(models.Appearance))
        stood = place.url, place.capture_id, place.visited_on, place.next_visit
    desk.next_run()
    older = desk.reading(said(LONG + " once"))
    with desk.database.write() as session:
        session.get_one(models.Capture, older.capture_id).fetched_at = NOW - dt.timedelta(9)
    older = replace(older, visited_on=DAY - dt.timedelta(9), answered="a", url="https://here.example/old/a")
    assert load(desk.database, desk.run, older).disposition == "revised"
    with desk.database.read() as session:
        (place,) = session.scalars(select(models.Appearance))
        assert (place.url, place.capture_id, place.visited_on, place.next_visit) == stood


# --- duplicates ----------------------------------------------------------------------------------


def test_a_text_at_another_address_is_a_duplicate_whoever_published_it(desk: Desk) -> None:
    first = desk.load(said())
    for key, source in (("b", "here"), ("a", "there")):
        again = desk.load(said(title="As others have it", day=DAY + dt.timedelta(1)), key, source)
        assert (again.disposition, again.revision_id) == ("duplicate", first.revision_id)
        assert again.reason == "same text as here a"
        # Whoever republishes keeps their own title: that is no change.
        assert desk.load(said(title="Another", day=DAY), key, source).disposition == "unchanged"
    assert desk.counts() == (1, 1, 3)
    assert desk.text("there/a") == render(said())


def test_a_duplicate_that_later_reads_differently_becomes_a_transcript_of_its_own(desk: Desk) -> None:
    desk.load(said())
    desk.load(said(), "b")
    changed = said(LONG + " and more")
    assert desk.load(changed, "b").disposition == "new"
    assert desk.counts() == (2, 2, 2)
    assert (desk.text("here/a"), desk.text("here/b")) == (render(said()), render(changed))
    assert desk.load(said(LONG + " and yet more"), "b").disposition == "revised"
    assert desk.load(said(), "a").disposition == "unchanged"


def test_a_duplicate_that_changes_as_its_original_did_stays_a_duplicate(desk: Desk) -> None:
    desk.load(said())
    desk.load(said(), "b")
    corrected = said(LONG + " corrected")
    assert desk.load(corrected).disposition == "revised"
    assert desk.load(corrected, "b").disposition == "duplicate"
    assert desk.load(corrected, "b").disposition == "unchanged"
    assert desk.counts() == (1, 2, 2)


def test_a_duplicate_that_changes_in_form_only_stays_a_duplicate(desk: Desk) -> None:
    desk.load(said(f"“Well” – it’s… {LONG}"))
    desk.load(said(f"“Well” – it’s… {LONG}", title="Elsewhere"), "a", "there")
    plain = said(f'"Well" - it\'s... {LONG}', title="Elsewhere, again")
    assert desk.load(plain, "a", "there").disposition == "unchanged"
    assert desk.counts() == (1, 1, 2)
    assert desk.load(said(f"Well - it's... {LONG}"), "a", "there").disposition == "new"


def test_a_duplicate_that_only_a_newer_extractor_reads_differently_stays_one(desk: Desk) -> None:
    desk.load(said())
    copy = desk.reading(said(), "b")
    load(desk.database, desk.run, replace(copy, visited_on=DAY))
    with desk.database.read() as session:
        last = {key: each.capture.id for key, each in lookup.last_read(session, "here", ["a", "b"]).items()}
        assert last["b"] == copy.capture_id != last["a"]
    better = said(LONG + " which the older one lost")
    for text, disposition in ((better, "unchanged"), (said(LONG + " edited"), "new")):
        desk.next_run()
        reading = replace(desk.reading(text, "b"), extractor=2, before=better, before_of=digest(said()))
        assert load(desk.database, desk.run, reading).disposition == disposition


def test_an_older_text_that_another_transcript_has_had_is_put_in_nowhere(desk: Desk) -> None:
    desk.load(said())
    copy = desk.reading(said(), "b")
    load(desk.database, desk.run, copy)
    edited = desk.reading(said(LONG + " edited"), "b")
    with desk.database.write() as session:
        session.get_one(models.Capture, edited.capture_id).fetched_at = NOW + dt.timedelta(1)
    desk.next_run()
    desk.reading(said(), "b")  # writes the page down in the new run
    assert load(desk.database, desk.run, edited).disposition == "new"
    before = desk.counts()
    desk.next_run()
    desk.reading(said(), "b")
    assert load(desk.database, desk.run, copy).disposition == "duplicate"
    assert desk.counts() == before


def test_an_older_capture_is_older_under_any_spelling_of_its_address(desk: Desk) -> None:
    moments = []
    for day, text in enumerate((said(), said(LONG + " edited"), said(LONG + " edited"))):
        reading = replace(desk.reading(text), visited_on=DAY + dt.timedelta(day))
        with desk.database.write() as session:
            session.get_one(models.Capture, reading.capture_id).fetched_at = NOW + dt.timedelta(2 * day)
        moments.append(load(desk.database, desk.run, reading).disposition)
        desk.next_run()
    between = desk.reading(said(LONG + " between"))
    with desk.database.write() as session:
        capture = session.get_one(models.Capture, between.capture_id)
        capture.fetched_at, capture.url = NOW + dt.timedelta(3), capture.url + "?from=rss"
    assert load(desk.database, desk.run, between).disposition == "revised"
    assert moments == ["new", "revised", "unchanged"]
    assert desk.text("here/a") == render(said(LONG + " edited"))


def test_a_title_that_is_taken_back_after_an_upgrade_is_a_revision(desk: Desk) -> None:
    desk.load(said())
    desk.next_run()
    load(desk.database, desk.run, replace(desk.reading(said(title="Another")), extractor=2))
    with desk.database.read() as session:
        assert set(lookup.last_read(session, "here", ["a"])) == {"a"}


def test_a_page_that_leads_to_another_document_keeps_its_own_text(desk: Desk) -> None:
    desk.load(said())
    other = replace(said(" ".join(f"other{n}" for n in range(200))), number="99")
    for day, disposition in enumerate(("failed", "failed", "gone")):
        desk.next_run()
        led = replace(desk.reading(other), answered="b", visited_on=DAY + dt.timedelta(day))
        assert load(desk.database, desk.run, led).disposition == disposition
    assert desk.counts() == (1, 1, 1)
    moved = replace(desk.reading(said(LONG + " edited")), answered="b", visited_on=DAY)
    assert load(desk.database, desk.run, moved).disposition == "revised"
    assert desk.text("here/a") == render(said(LONG + " edited"))


def test_a_document_is_asked_for_where_it_was_read_last_and_found_by_where_it_was_before(desk: Desk) -> None:
    first = replace(desk.reading(said(LONG)), answered="a", visited_on=DAY)
    load(desk.database, desk.run, first)
    moved = "https://here.example/a-with-another-slug"
    for url in ("http://www.here.example/a/", moved):  # the first is only spelt in another way
        desk.next_run()
        load(
            desk.database, desk.run, replace(desk.reading(said(LONG)), url=url, answered="a", visited_on=DAY)
        )
        with desk.database.read() as session:
            (due,) = visits.due(session, "here", DAY + dt.timedelta(40))
        assert due.url == (moved if url == moved else first.url)
    assert desk.text(moved) == desk.text(first.url) == render(said(LONG))


def test_a_document_is_found_by_its_address_as_whoever_asks_has_copied_it(desk: Desk) -> None:
    stored = "https://www.here.example/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D1%8C?id=7"
    load(desk.database, desk.run, replace(desk.reading(said(LONG)), url=stored))
    abroad = "https://xn--d1abbgf6aiiy.xn--p1ai/news/1"
    load(desk.database, desk.run, replace(desk.reading(said(LONG * 2), "b"), url=abroad))
    for copied in (
        "HTTPS://Президент.рф/news/1/",
        "президент.рф/news/1",
        "http://www.xn--d1abbgf6aiiy.xn--p1ai/news/1#top",
    ):
        assert desk.text(copied) == render(said(LONG * 2)), copied
    for copied in (
        "https://www.here.example/новость?id=7",
        "here.example/новость?id=7&utm_source=telegram",
        "http://here.example/%d0%bd%d0%be%d0%b2%d0%be%d1%81%d1%82%d1%8c?id=7#turn-2",
    ):
        assert desk.text(copied) == render(said(LONG)), copied
    quoted = "https://here.example/l'avis"  # as Scrapy sends it
    load(desk.database, desk.run, replace(desk.reading(said(LONG * 3), "c"), url=quoted))
    assert desk.text("here.example/l'avis/") == desk.text(quoted) == render(said(LONG * 3))
    raw = {
        "d": "https://here.example/%d0%bd%d0%be/",
        "e": "https://here.example/но|вость",
    }  # as others archive them
    for number, (key, url) in enumerate(raw.items()):
        text = said(LONG * (4 + number))
        load(desk.database, desk.run, replace(desk.reading(text, key), url=url))
        for copied in (
            url,
            unquote(url),
            quote(unquote(url), safe=":/"),
            url.replace("example", "example:443"),
        ):
            assert desk.text(copied) == render(text), copied
    with desk.database.read() as session:
        for other in ("https://www.here.example/новость?id=8", "https://[", "www.", "", "\udcff", "a%00"):
            assert lookup.find(session, other) is None, other


def test_a_page_is_asked_for_as_the_newest_date_says_that_it_has_had(desk: Desk) -> None:
    """An old notice in place of a new page is not left there for a month."""
    for days in (0, 300, -300):  # a date to come is a mistake
        desk.next_run()
        text = said(f"{days} {LONG}", day=DAY - dt.timedelta(days))
        load(desk.database, desk.run, replace(desk.reading(text), visited_on=DAY))
        with desk.database.write() as session:
            assert [each.key for each in visits.due(session, "here", DAY)] == ["a"]
            planned = visits.plan(session, "here", ["a"], DAY)["a"]
            visits.were_unmodified(session, "here", {"a": planned.published}, DAY)
            assert [each.key for each in visits.due(session, "here", DAY)] == ["a"]


def test_a_page_that_always_led_elsewhere_is_edited_there(desk: Desk) -> None:
    there = "https://here.example/2026/a"
    for text in (LONG, " ".join(f"other{n}" for n in range(200))):
        desk.next_run()
        led = replace(desk.reading(said(text)), url=there, answered="2026/a", visited_on=DAY)
        with desk.database.write() as session:
            session.get_one(models.Capture, led.capture_id).url = there
        done = load(desk.database, desk.run, led)
    assert done.disposition == "revised" and desk.counts() == (1, 2, 1)


def test_a_page_that_was_moved_is_edited_where_it_is_now(desk: Desk) -> None:
    home = replace(desk.reading(said()), visited_on=DAY)
    load(desk.database, desk.run, home)
    desk.load(said(), "b")
    with desk.database.write() as session:
        session.get_one(models.Capture, home.capture_id).url = "https://here.example/b"
    edited = said(LONG + " edited")
    assert [desk.load(edited, key).disposition for key in ("b", "a", "b")] == [
        *("revised", "unchanged", "unchanged")
    ]
    assert desk.counts() == (1, 2, 2)
    assert desk.text("here/a") == desk.text("here/b") == render(edited)


def test_a_text_that_was_revised_since_is_still_known_by_its_first_one(desk: Desk) -> None:
    first = desk.load(said())
    desk.load(said(LONG + " corrected"))
    late = desk.load(said(), "b")
    assert late.disposition == "duplicate"
    assert late.revision_id == first.revision_id  # the one that holds the text
    assert desk.counts() == (1, 2, 2)


def test_short_texts_of_different_days_or_titles_are_no_duplicates(desk: Desk) -> None:
    others = [
        SHORT,
        replace(SHORT, date=DAY + dt.timedelta(1)),
        replace(SHORT, title="Another decree"),
    ]
    assert [desk.load(text, str(n)).disposition for n, text in enumerate(others)] == ["new"] * 3
    assert desk.load(SHORT, "again").disposition == "duplicate"


def test_a_text_without_words_is_kept_like_any_other(desk: Desk) -> None:
    empty = Transcript(DAY, "Nothing was said", ())
    assert [desk.load(empty).disposition, desk.load(empty).disposition] == ["new", "unchanged"]
    assert desk.text("here/a") == render(empty)


# --- failures and races --------------------------------------------------------------------------


def test_a_load_that_fails_leaves_nothing(desk: Desk) -> None:
    reading = replace(desk.reading(said()), capture_id=999_999)
    with pytest.raises(IntegrityError):
        load(desk.database, desk.run, reading)
    assert desk.counts() == (0, 0, 0)
    with desk.database.read() as session:
        assert ledger.tally_of(session, desk.run).unsettled == 1
    assert desk.load(said()).disposition == "new"


def test_a_page_loaded_by_many_at_once_is_kept_once(desk: Desk) -> None:
    readings = [desk.reading(said()) for _ in range(8)]
    outcomes = race(desk, readings)
    assert sorted(outcome.disposition for outcome in outcomes) == ["new"] + ["unchanged"] * 7
    assert len({outcome.revision_id for outcome in outcomes}) == 1
    assert desk.counts() == (1, 1, 1)


def test_a_text_loaded_at_many_addresses_at_once_is_kept_once(desk: Desk) -> None:
    outcomes = race(desk, [desk.reading(said(), key) for key in "abcdefgh"])
    assert sorted(outcome.disposition for outcome in outcomes) == ["duplicate"] * 7 + ["new"]
    assert desk.counts() == (1, 1, 8)


def test_different_readings_of_a_page_at_once_are_all_kept(desk: Desk) -> None:
    desk.load(said())
    outcomes = race(desk, [desk.reading(said(f"{LONG} {n}")) for n in range(8)])
    assert [outcome.disposition for outcome in outcomes] == ["revised"] * 8
    with desk.database.read() as session:
        revision = lookup.find(session, "here/a")
        assert revision is not None
        assert revision.number == 9
    assert len({desk.text("here/a", n) for n in range(1, 10)}) == 9


def test_a_load_that_waits_for_one_who_waits_for_it_is_tried_again(desk: Desk) -> None:
    desk.load(said())
    desk.next_run()
    reading = desk.reading(said())
    with ThreadPoolExecutor(1) as pool:
        with desk.database.write() as other:
            if desk.database.engine.dialect.name == "postgresql":
                other.execute(sql("SET LOCAL deadlock_timeout = '1min'"))  # the load is to be who gives way
            other.scalars(select(models.Page).where(models.Page.run_id == desk.run).with_for_update()).one()
            loading = pool.submit(load, desk.database, desk.run, reading)
            give_up = time.monotonic() + 20  # it takes the address, and then waits for the page
            while not waits(desk.database) and time.monotonic() < give_up:
                time.sleep(0.02)
            assert not loading.done()
            other.scalars(select(models.Appearance).with_for_update()).one()
        assert loading.result().disposition == "unchanged"


def waits(database: Database) -> bool:
    """Whether somebody waits for a row; on SQLite it can't be told, and is waited for."""
    if database.engine.dialect.name == "sqlite":
        time.sleep(0.3)
        return True
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    with database.read() as session:
        return bool(session.scalar(sql(f"{ours} AND wait_event_type = 'Lock'")))


def race(desk: Desk, readings: list[Reading]) -> list[Loaded]:
    start = threading.Barrier(len(readings))

    def one(reading: Reading) -> Loaded:
        start.wait()
        return load(desk.database, desk.run, reading)

    with ThreadPoolExecutor(len(readings)) as pool:
        return list(pool.map(one, readings))


# --- many at once --------------------------------------------------------------------------------


TEXTS = [said(), said(LONG + " more"), said(LONG + " and more"), SHORT]
PAGES = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["here", "there"]), st.sampled_from(TEXTS)), max_size=8
)


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(nights=st.lists(PAGES, min_size=1, max_size=3))
def test_pages_loaded_together_come_to_what_they_come_to_one_by_one(
    nights: list[list[tuple[str, str, Transcript]]],
) -> None:
    together, one_by_one = (results(nights, together=together) for together in (True, False))
    assert together == one_by_one


def test_a_revision_among_new_pages_loaded_together_keeps_its_place() -> None:
    first, more = [("a", "here", TEXTS[0])], [("b", "here", TEXTS[2]), ("a", "here", TEXTS[1])]
    nights = [first, [*more, ("c", "here", TEXTS[1]), ("d", "there", SHORT), ("d", "here", SHORT)]]
    found = results(nights, together=True)
    assert [each.disposition for each in found[0][1]] == ["new", "revised", "duplicate", "new", "duplicate"]
    assert found == results(nights, together=False)


def results(nights: list[list[tuple[str, str, Transcript]]], *, together: bool) -> tuple[Any, Any]:
    """What the pages of each night come to, and what a database holds then."""
    with Database("sqlite://") as database:
        desk = Desk(database)
        return [outcomes_of(desk, pages, together=together) for pages in nights], stored(desk)


def outcomes_of(desk: Desk, pages: list[tuple[str, str, Transcript]], *, together: bool) -> list[Loaded]:
    """What a night's pages come to, each of another capture."""
    desk.next_run()
    readings = {}
    for key, source, transcript in pages:
        reading = desk.reading(transcript, key, source)
        page = f"{key} {reading.capture_id}"
        with desk.database.write() as session:
            ledger.discovered(session, desk.run, Found(page, reading.url))
        readings[page] = replace(reading, visited_on=DAY)
    if together:
        return load_all(desk.database, desk.run, readings)
    return [load(desk.database, desk.run, reading, page) for page, reading in readings.items()]


def stored(desk: Desk) -> list[object]:
    """All that a database says of its texts and pages, but moments."""
    with desk.database.read() as session:
        names = {row.id: (row.source, row.key) for row in session.scalars(select(models.Transcript))}
        places = [
            (
                *(names[row.transcript_id], row.source, row.key, row.digest, row.capture_id),
                *(row.visited_on, row.next_visit, row.unmodified, row.missing),
            )
            for row in session.scalars(select(models.Appearance))
        ]
        texts = [
            (
                row.id,
                names[row.transcript_id],
                row.number,
                row.capture_id,
                row.digest,
                lookup.transcript_of(row),
            )
            for row in session.scalars(select(models.Revision).order_by(models.Revision.id))
        ]
        searched = session.execute(
            select(models.Searched.revision_id, models.Searched.position, models.Searched.name)
        ).all()
        pages = [
            (row.key, row.disposition, row.reason, row.revision_id)
            for row in session.scalars(select(models.Page).order_by(models.Page.id))
        ]
        return [sorted(places), texts, sorted(map(tuple, searched)), pages]


def test_new_pages_are_loaded_in_one_transaction(desk: Desk) -> None:
    readings = {key: desk.reading(said(f"{LONG} {key}"), key) for key in "abc"}
    assert [each.disposition for each in load_all(desk.database, desk.run, readings)] == ["new"] * 3
    with desk.database.read() as session:
        moments = set(session.scalars(select(models.Transcript.created_at)))
    assert len(moments) == 1
    assert [desk.text(f"here/{key}") for key in "abc"] == [
        render(reading.transcript) for reading in readings.values()
    ]


def test_a_page_that_fails_among_new_ones_leaves_those_before_it(desk: Desk) -> None:
    readings = {key: desk.reading(said(f"{LONG} {key}"), key) for key in "abc"}
    readings["b"] = replace(readings["b"], capture_id=999_999)
    with pytest.raises(IntegrityError):
        load_all(desk.database, desk.run, readings)
    assert desk.counts() == (1, 1, 1)
    with desk.database.read() as session:
        assert ledger.tally_of(session, desk.run).unsettled == 2


def test_many_pages_loaded_by_many_at_once_are_kept_once(desk: Desk) -> None:
    pages = {key: desk.reading(said(f"{LONG} {key}"), key) for key in "abcdefgh"}
    mirrors = {key: desk.reading(said(f"{LONG} {key}"), key, "there") for key in reversed("abcdefgh")}
    start = threading.Barrier(4)

    def one(readings: dict[str, Reading]) -> list[Loaded]:
        start.wait()
        return load_all(desk.database, desk.run, readings)

    with ThreadPoolExecutor(4) as pool:
        outcomes = [each for loaded in pool.map(one, [pages, mirrors] * 2) for each in loaded]
    assert Counter(each.disposition for each in outcomes)["new"] == 8
    assert {each.disposition for each in outcomes} <= {"new", "unchanged", "duplicate"}
    assert desk.counts() == (8, 8, 16)


# --- lookup --------------------------------------------------------------------------------------


def test_a_transcript_is_found_by_id_address_and_key(desk: Desk) -> None:
    loaded = desk.load(said(), "news/7")
    with desk.database.read() as session:
        number = session.get_one(models.Revision, loaded.revision_id).transcript_id
        for name in (
            str(number),
            "https://here.example/news/7",
            "http://here.example/news/7",
            "https://here.example/news/7/",
            "here/news/7",
        ):
            found = lookup.find(session, name)
            assert found is not None, name
            assert found.id == loaded.revision_id
        for name in (
            "",
            "0",
            "9" * 18,
            "9" * 40,
            "here",
            "here/",
            "there/news/7",
            "https://here.example/",
            "%",
        ):
            assert lookup.find(session, name) is None, name
        assert lookup.find(session, str(number), 2) is None


def test_a_revision_is_found_by_the_digest_of_its_capture_whatever_its_number_becomes(desk: Desk) -> None:
    desk.load(said())
    desk.load(said("It sails on Friday."))
    with desk.database.read() as session:
        (cited,) = [digest for digest in ("sha256:0", "sha256:1") if number_of(session, digest) == 2]
    older = desk.reading(said("It sails on Sunday."))
    with desk.database.write() as session:
        session.get_one(models.Capture, older.capture_id).fetched_at = NOW - dt.timedelta(1)
    assert load(desk.database, desk.run, older).disposition == "revised"
    with desk.database.read() as session:
        assert number_of(session, cited) == 3
        assert lookup.find(session, "here/a", "sha256:none") is None


def number_of(session: Session, digest: str) -> int:
    found = lookup.find(session, "here/a", digest)
    assert found is not None
    return found.number


def test_an_address_of_two_sources_says_what_was_read_there_last(desk: Desk) -> None:
    url = "https://here.example/a"
    desk.load(said(), "a", "here")
    reading = replace(desk.reading(said("It sails on Friday."), "a", "renamed"), url=url)
    load(desk.database, desk.run, reading)
    with desk.database.write() as session:
        first, second = session.scalars(select(models.Appearance).order_by(models.Appearance.id))
        first.capture_id, second.capture_id, second.url = 1, 2, url
        session.get_one(models.Capture, 2).fetched_at = NOW + dt.timedelta(1)
    with desk.database.read() as session:
        found = lookup.find(session, url)
        assert found is not None and "Friday" in render(lookup.transcript_of(found))


def test_what_was_loaded_is_given_back_to_the_last_detail(desk: Desk) -> None:
    loaded = desk.load(said())
    with desk.database.read() as session:
        revision = lookup.find(session, "here/a")
    assert revision is not None  # and it is whole after the session has ended
    assert revision.id == loaded.revision_id
    back = lookup.transcript_of(revision)
    assert render(back) == render(said())
    details = [(turn.label, turn.role, turn.speaker, turn.paragraphs) for turn in back.turns]
    assert details == [(turn.label, turn.role, turn.speaker, turn.paragraphs) for turn in said().turns]
    for name in ("language", "kind", "event_date", "number", "left_out", "doubts"):
        assert getattr(back, name) == getattr(said(), name)


TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=20).map(lambda text: f"x{text}")


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    title=TEXT, paragraphs=st.lists(TEXT, min_size=1, max_size=3), label=st.sampled_from([None, "Q", "Ж (à)"])
)
def test_any_text_is_given_back_byte_for_byte(
    desk: Desk, title: str, paragraphs: list[str], label: str | None
) -> None:
    transcript = Transcript(DAY, title, (Turn(tuple(paragraphs), label=label), Turn(("end: x",))))
    desk.load(transcript)
    assert desk.text("here/a").encode() == render(transcript).encode()
