"""Near duplicates: linked when and only when their texts say so, whoever loaded them and in whatever order."""

from __future__ import annotations

import datetime as dt
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from flows.demo_site.content import load_documents
from storage import duplicates, ledger, lookup, models
from storage.corrections import correct
from storage.database import Database
from storage.duplicates import Words, candidates, nearness
from storage.elsewhere import alike, links_of
from storage.fingerprints import fingerprints
from storage.ledger import Found
from storage.load import Reading, load
from storage.transcript import Transcript, Turn, render
from storage.words import paragraphs_of

DAY = dt.date(2026, 3, 20)
NOW = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)
# The demo ministry's longest briefing.
BRIEFING = max((each.transcript for each in load_documents(DAY)), key=lambda each: len(render(each)))

FORM = (
    "The Minister held a weekly meeting by video link with the heads of the departments of the ministry. "
    "Taking part in the meeting were the First Deputy Minister, the State Secretary, the heads of the "
    "departments of protocol, of consular affairs, of the press and of the Tesk valley, the ambassador at "
    "large for the joint fund and the head of the secretariat of the ministry."
)
AGENDA = (
    "The discussion was of the winter timetable of the ferry, on which the harbour masters of both sides had "
    "written to the ministry in the course of the week, and of the pilots who are wanted for it.",
    "Those present exchanged views on the school year of the children of consular staff in Ondria, and agreed "
    "that the fees of the second half of it should be met from the budget of the year that has begun.",
)


def edited(transcript: Transcript, share: float, seed: int = 1) -> Transcript:
    """The transcript with a share of its words exchanged for others."""
    chance = random.Random(seed)

    def edit(text: str) -> str:
        return " ".join(
            f"edit{chance.randrange(10**6)}" if chance.random() < share else word for word in text.split()
        )

    return replace(
        transcript,
        turns=tuple(
            replace(turn, paragraphs=tuple(edit(text) for text in turn.paragraphs))
            for turn in transcript.turns
        ),
    )


class Shelf:
    """Loads transcripts at addresses, each in a run of its own, and compares them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._count = 0

    def load(self, source: str, key: str, transcript: Transcript, url: str | None = None) -> str:
        """Load without comparing; the disposition."""
        url = url or f"https://{source}.example/{key}"
        self._count += 1
        with self.database.write() as session:
            run = ledger.open_run(session, "nightly", source, DAY, DAY).id
            ledger.discovered(session, run, Found(key, url))
            capture = models.Capture(
                source=source, url=url, fetched_at=NOW, status=200, content_type="text/html",
                digest=f"sha256:{self._count}", size=1, warc="x.warc.gz", offset=self._count, length=1,
            )  # fmt: skip
            session.add(capture)
            session.flush()
            number = capture.id
        return load(self.database, run, Reading(transcript, source, key, url, number, 1)).disposition

    def compare(self, source: str) -> int:
        return sum(map(len, duplicates.compare(self.database, source)))

    def put(self, source: str, key: str, transcript: Transcript, url: str | None = None) -> str:
        """Load and compare, as a run does."""
        disposition = self.load(source, key, transcript, url)
        self.compare(source)
        return disposition

    @property
    def links(self) -> list[tuple[str, str, str]]:
        """Every link as kind and the two documents, sorted."""
        with self.database.read() as session:
            rows = session.scalars(select(models.Link)).all()
            return sorted(
                (row.kind, _name(row.revision.transcript), _name(row.other.transcript)) for row in rows
            )

    @property
    def similarity(self) -> float | None:
        with self.database.read() as session:
            return session.scalars(select(models.Link.similarity)).one()


def _name(transcript: models.Transcript) -> str:
    return f"{transcript.source}/{transcript.key}"


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)


# --- what is what --------------------------------------------------------------------------------


def test_a_mirror_with_another_title_and_a_few_edits_is_linked_as_one(shelf: Shelf) -> None:
    shelf.put("ministry", "114", BRIEFING)
    mirror = replace(edited(BRIEFING, 0.05), title="The spokesperson on the ferry", date=DAY)
    assert shelf.put("embassy", "7", mirror) == "new"
    assert shelf.links == [("mirror", "embassy/7", "ministry/114")]
    assert shelf.similarity is not None
    assert 0.8 < shelf.similarity < 1


def test_a_mirror_that_names_its_speakers_differently_is_linked(shelf: Shelf) -> None:
    shelf.put("ministry", "114", BRIEFING)
    turns = tuple(
        replace(
            turn, label=turn.label and turn.label.upper() + " (MFA)", paragraphs=turn.paragraphs or ("Yes.",)
        )
        for turn in BRIEFING.turns
    )
    shelf.put("embassy", "7", replace(BRIEFING, turns=turns))
    assert shelf.links == [("mirror", "embassy/7", "ministry/114")]
    assert shelf.similarity == 1


def test_a_mirror_in_arabic_is_found_whether_vowels_are_written_or_not(shelf: Shelf) -> None:
    plain = [f"{chr(0x628 + n % 20)}{chr(0x628 + n // 20)}{chr(0x641 + n % 7)}" for n in range(160)]
    pointed = [f"{word[0]}\u064e{word[1]}\u0640{word[2]}\u064f" for word in plain]
    for place, words in (("ministry", plain), ("embassy", pointed)):
        shelf.put(place, "1", Transcript(DAY, "بيان", (Turn((" ".join(words),)),), language="ar"))
    assert shelf.links == [("mirror", "embassy/1", "ministry/1")]
    assert shelf.similarity == 1


def test_the_very_same_text_is_one_transcript_at_two_addresses_and_not_linked(shelf: Shelf) -> None:
    shelf.put("ministry", "114", BRIEFING)
    assert shelf.put("embassy", "7", replace(BRIEFING, title="Another title")) == "duplicate"
    assert shelf.links == []


def test_a_page_that_moved_is_the_same_transcript_or_if_it_was_edited_too_a_mirror(shelf: Shelf) -> None:
    shelf.put("ministry", "news/114", BRIEFING)
    assert shelf.put("ministry", "archive/114", BRIEFING) == "duplicate"
    assert shelf.put("ministry", "2027/114", edited(BRIEFING, 0.01)) == "new"
    assert shelf.links == [("mirror", "ministry/2027/114", "ministry/news/114")]


@pytest.mark.parametrize("first", ["whole", "excerpt"])
def test_an_excerpt_is_linked_to_the_longer_one_whichever_came_first(shelf: Shelf, first: str) -> None:
    answer = max(
        (turn for turn in BRIEFING.turns if turn.label != "Question"), key=lambda turn: len(turn.text)
    )
    excerpt = replace(BRIEFING, title="From the briefing", turns=(Turn(answer.paragraphs),))
    places = {"whole": ("ministry", "114", BRIEFING), "excerpt": ("embassy", "7", excerpt)}
    for name in (first, *(places.keys() - {first})):
        shelf.put(*places[name])
    assert shelf.links == [("excerpt", "embassy/7", "ministry/114")]


def test_two_briefings_of_one_day_with_much_the_same_form_are_not_linked(shelf: Shelf) -> None:
    one, two = (Transcript(DAY, "Weekly meeting", (Turn((FORM, agenda)),)) for agenda in AGENDA)
    shared = Words(paragraphs_of([FORM, AGENDA[0]])).share_in(Words(paragraphs_of([FORM, AGENDA[1]])))
    assert 0.6 < shared < 0.8
    assert [shelf.put("ministry", str(n), each) for n, each in enumerate((one, two))] == ["new", "new"]
    shelf.put("embassy", "2", replace(two, title="A meeting", turns=(Turn((FORM, AGENDA[1][:-20])),)))
    assert shelf.links == [("mirror", "embassy/2", "ministry/1")]


def test_a_form_filled_in_again_by_the_same_house_is_not_linked(shelf: Shelf) -> None:
    long = (FORM, FORM.replace("Minister", "Deputy"), AGENDA[0])
    one = Transcript(DAY, "Weekly meeting", (Turn(long),))
    two = Transcript(
        DAY, "Weekly meeting", (Turn((*long[:2], "It was about the school year in Ondria." * 3)),)
    )
    shelf.put("ministry", "1", one)
    shelf.put("ministry", "2", two)
    assert shelf.links == []


def test_short_texts_are_never_linked(shelf: Shelf) -> None:
    text = "The Minister signed a decree on the ferry between Port Aldane and Vell, and on the pier that it needs."
    shelf.put("ministry", "1", Transcript(DAY, "Decree", (Turn((text,)),)))
    shelf.put("embassy", "1", Transcript(DAY, "A decree", (Turn((text + " It is in force.",)),)))
    assert shelf.links == []


def test_a_translation_is_linked_by_the_number_that_both_pages_print(shelf: Shelf) -> None:
    russian = "Брифинг о паромной линии между Порт-Алданом и Веллом. " * 12
    english = replace(BRIEFING, number="1602-25-08-2017", language="en", date=DAY)
    other = Transcript(
        DAY + dt.timedelta(1), "Брифинг", (Turn((russian,)),), number="1602-25-08-2017", language="ru"
    )
    shelf.put("mfa-en", "1", english, "https://www.mfa.example/en/1")
    shelf.put("mfa-ru", "1", other, "https://mfa.example/ru/1")
    # The same number of another institution, and of another year.
    shelf.put("rail-ru", "1", replace(other, title="x", turns=(Turn((russian * 2,)),)), "https://rail.test/1")
    late = replace(other, date=DAY + dt.timedelta(400), turns=(Turn((russian * 3,)),))
    shelf.put("mfa-ru", "2", late, "https://mfa.example/ru/2")
    # Two institutions of one state.
    for host, said, language in (("mfa", english.turns, "en"), ("rail", (Turn((russian * 4,)),), "ru")):
        text = replace(other, title=host, turns=said[:9], number="77", language=language)
        shelf.put(host, "7", text, f"https://www.{host}.gov.by/7")
    kinds = {link for link in shelf.links if link[0] == "translation"}
    assert kinds == {("translation", "mfa-ru/1", "mfa-en/1")}


def test_a_chinese_text_with_edits_is_a_mirror(shelf: Shelf) -> None:
    chance = random.Random(3)
    signs = [chr(chance.randrange(0x4E00, 0x5E00)) for _ in range(600)]
    other = [sign if chance.random() > 0.03 else "改" for sign in signs]
    shelf.put("fm", "1", Transcript(DAY, "例行记者会", (Turn(("".join(signs),), label="汪文斌"),)))
    shelf.put("embassy", "1", Transcript(DAY, "记者会", (Turn(("".join(other),), label="汪文斌"),)))
    assert shelf.links == [("mirror", "embassy/1", "fm/1")]


# --- in whatever order, however often -------------------------------------------------------------


def test_a_revision_is_compared_too_and_nothing_that_was_found_is_lost(shelf: Shelf) -> None:
    shelf.put("ministry", "114", BRIEFING)
    shelf.put("embassy", "7", edited(BRIEFING, 0.03))
    other = Transcript(DAY, "x", (Turn((FORM * 3,)),))
    assert shelf.put("embassy", "7", other) == "revised"
    assert shelf.links == [("mirror", "embassy/7", "ministry/114")]
    assert shelf.put("embassy", "7", edited(BRIEFING, 0.04, seed=2)) == "revised"
    assert shelf.links == [("mirror", "embassy/7", "ministry/114")] * 2


def test_comparing_twice_adds_nothing(shelf: Shelf) -> None:
    shelf.put("ministry", "114", BRIEFING)
    shelf.put("embassy", "7", edited(BRIEFING, 0.03))
    with shelf.database.write() as session:
        session.execute(update(models.Revision).values(compared_at=None))
        marks = session.scalar(select(func.count()).select_from(models.Fingerprint))
    assert shelf.compare("embassy") == shelf.compare("ministry") == 0
    assert len(shelf.links) == 1
    with shelf.database.read() as session:
        assert session.scalar(select(func.count()).select_from(models.Fingerprint)) == marks


def test_a_batch_after_another_compares_every_text_once(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "BATCH", 2)
    for n in range(5):
        shelf.load("embassy", str(n), edited(BRIEFING, 0.02, seed=n))
    found = [len(links) for links in duplicates.compare(shelf.database, "embassy")]
    assert found == [1, 2 + 3, 4]
    assert len(shelf.links) == len(set(shelf.links)) == 5 * 4 // 2
    with shelf.database.read() as session:
        assert session.scalar(select(func.count()).where(models.Revision.compared_at.is_(None))) == 0


@pytest.mark.slow
def test_of_two_that_are_compared_at_once_the_link_is_found_and_kept_once(shelf: Shelf) -> None:
    for round_ in range(5):
        copies = [edited(BRIEFING, 0.02, seed) for seed in range(4 * round_, 4 * round_ + 4)]
        for n, copy in enumerate(copies):
            shelf.load(f"s{n}", str(round_), copy)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(shelf.compare, ["s0", "s1", "s2", "s3"] * 2))
    assert len(shelf.links) == len(set(shelf.links)) == 20 * 19 // 2


@pytest.mark.parametrize("corrected", ["embassy/7", "ministry/114"])
def test_a_text_that_is_corrected_while_it_is_compared_is_compared_as_it_came_to_be(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, corrected: str
) -> None:
    """One that is corrected to a mirror of another, and one that is a mirror no longer."""
    other, mirror = Transcript(DAY, "x", (Turn((FORM * 3,)),)), edited(BRIEFING, 0.03)
    shelf.put("ministry", "114", BRIEFING)
    shelf.load("embassy", "7", other if corrected == "embassy/7" else mirror)
    pairs, left = duplicates._pairs, [mirror if corrected == "embassy/7" else other]

    def meanwhile(session: Session, revision: models.Revision, marks: set[int]) -> list[object]:
        found = list(pairs(session, revision, marks))
        with shelf.database.write() as another:
            while left:
                place = lookup.find(another, corrected)
                assert place is not None
                correct(another, place.id, left.pop(), 2)
        return found

    monkeypatch.setattr(duplicates, "_pairs", meanwhile)
    shelf.compare("embassy")
    shelf.compare("ministry")
    assert shelf.links == ([("mirror", "embassy/7", "ministry/114")] if corrected == "embassy/7" else [])


def test_a_phrase_of_the_house_proposes_nothing(shelf: Shelf) -> None:
    closing = (
        "This briefing was held in the press room of the ministry; the recording is on its site for a year."
    )
    chance = random.Random(5)
    for n in range(duplicates.COMMON + 5):
        words = " ".join(f"w{chance.randrange(10**9)}" for _ in range(80))
        shelf.load("ministry", str(n), Transcript(DAY, f"No {n}", (Turn((words, closing)),)))
    shelf.compare("ministry")
    opening = " ".join(f"v{n}" for n in range(400)), " ".join(f"u{n}" for n in range(400))
    marks = set.intersection(*(fingerprints([Turn((words, closing))]) for words in opening))
    assert marks
    with shelf.database.read() as session:
        assert candidates(session, marks) == []
    assert shelf.links == []


def test_only_the_newest_texts_are_alike_now(shelf: Shelf) -> None:
    shelf.put("ministry", "114", BRIEFING)
    shelf.put("embassy", "7", edited(BRIEFING, 0.03))

    def now(name: str, number: int | None = None) -> list[int]:
        with shelf.database.read() as session:
            revision = lookup.find(session, name, number)
            assert revision is not None
            return [each.id for each in alike(session, [revision.id])[revision.id]]

    assert (now("ministry/114"), now("embassy/7")) == ([2], [1])
    shelf.put("embassy", "7", Transcript(DAY, "x", (Turn((FORM * 3,)),)))
    assert (now("ministry/114"), now("embassy/7"), now("embassy/7", 1)) == ([], [], [1])


def test_links_of_a_transcript_are_found_from_both_ends(shelf: Shelf) -> None:
    shelf.put("ministry", "114", BRIEFING)
    shelf.put("embassy", "7", edited(BRIEFING, 0.03))
    with shelf.database.read() as session:
        for name in ("ministry/114", "embassy/7"):
            revision = lookup.find(session, name)
            assert revision is not None
            assert [link.kind for link in links_of(session, revision.transcript_id)] == ["mirror"]


# --- the comparison itself ------------------------------------------------------------------------

WORDS = st.lists(st.sampled_from([f"word{n}" for n in range(40)]), min_size=60, max_size=200)


@given(WORDS)
def test_a_text_is_a_mirror_of_itself(words: list[str]) -> None:
    text = Words([words])
    found = nearness(text, text, within=True)
    assert found is not None
    assert (found.kind, found.similarity) == ("mirror", 1.0)


@given(WORDS, WORDS)
def test_nearness_is_the_same_from_both_ends(one: list[str], two: list[str]) -> None:
    first, second = Words([one]), Words([two])
    there, back = nearness(first, second, within=False), nearness(second, first, within=False)
    assert (there and (there.kind, there.similarity)) == (back and (back.kind, back.similarity))


@given(WORDS)
def test_a_text_shares_fingerprints_with_itself_however_it_is_cut_into_paragraphs(words: list[str]) -> None:
    whole = fingerprints([Turn((" ".join(words),))])
    half = len(words) // 2
    parts = fingerprints([Turn((" ".join(words[:half]), " ".join(words[half:])), label="Edda Rosk")])
    assert len(whole & parts) >= 24


def test_fingerprints_are_those_that_are_stored() -> None:
    """They are kept in databases: a change of them, as by a new version of the library, voids what is stored."""
    found = fingerprints([Turn((FORM, *AGENDA))])
    assert len(found) == 24 + 4
    assert (min(found), max(found)) == (-9185591069750466512, 8555267547278669304)
