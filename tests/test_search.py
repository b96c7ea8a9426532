"""Search: what is asked for is found and nothing else, in every script, in both databases, whatever is typed."""

from __future__ import annotations

import datetime as dt
import itertools
import re
import threading
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update
from sqlalchemy import insert as into

from storage import index, integrity, lookup, models
from storage import search as searching
from storage.copy import copy
from storage.database import Database, batches
from storage.index import words_of
from storage.integrity import Checked
from storage.load import load
from storage.migrations import downgrade, transaction
from storage.models import Searched
from storage.search import MOST_TERMS, PASSAGE, Hit, SearchError, met, parse, search
from storage.selection import Selection
from storage.transcript import Transcript, Turn, clean
from storage.words import paragraphs_of, placed, spoken
from tests.conftest import Server
from tests.test_load import DAY, Desk

LAVROV = "Russia's Minister Sergey Lavrov"
SAID = {
    "zone": Transcript(
        DAY,
        "On the zone",
        (
            Turn(("Is the de-escalation zone safe?",), label="Question", role="question"),
            Turn(
                ("The de-escalation zone is safe.", "A safe zone, a zone of safety."),
                label="Minister",
                role="answer",
                speaker=LAVROV,
            ),
        ),
        language="en",
    ),
    "zon": Transcript(
        DAY + dt.timedelta(1),
        "О зоне",
        (Turn(("Зоны деэскалации. Ёлка, елка и straße.",), label="С.В.Лавров", speaker="Сергей Лавров"),),
        language="ru",
    ),
    "外": Transcript(
        DAY + dt.timedelta(2),
        "外交部",
        (Turn(("中国外交部发言人表示，交外部门。",), label="毛宁", role="answer"),),
        language="zh",
    ),
    "ar": Transcript(DAY, "بيان", (Turn(("قال الوزير إن السَّلامُ ممكن، وســلام",), label="الوزير"),), language="ar"),
    "th": Transcript(DAY, "แถลงข่าว", (Turn(("กระทรวงการต่างประเทศแถลง ที่นี่",), label="โฆษก"),), language="th"),
    "he": Transcript(DAY, "מסיבת עיתונאים", (Turn(('צה"ל פועל בעזה, במבצע',), label="דובר צה״ל"),), language="he"),
    "hi": Transcript(DAY, "वार्ता", (Turn(("भारत शांति चाहता है। बात होगी",), label="प्रवक्ता"),), language="hi"),
    "tr": Transcript(DAY, "Soru", (Turn(("İnsan ve İsrail",), label="İbrahim O’Brien‑Kaya"),), language="tr"),
    "cafe": Transcript(DAY, "At the café", (Turn(("A café is no cafe; don't say 100% or a_b.",)),), language="fr"),
}  # fmt: skip


@pytest.fixture
def desk(database: Database) -> Desk:
    desk = Desk(database)
    for key, transcript in SAID.items():
        desk.load(transcript, key, "there" if key == "cafe" else "here")
    return desk


def hits(desk: Desk, query: str, limit: int = 20, offset: int = 0, **filters: object) -> list[Hit]:
    chosen = Selection(**filters)  # type: ignore[arg-type]
    with desk.database.read() as session:
        return search(session, query, chosen, limit=limit, offset=offset)


def found(desk: Desk, query: str, **filters: object) -> list[str]:
    """The turns that are found, as KEY:POSITION."""
    return [f"{hit.key}:{hit.position}" for hit in hits(desk, query, **filters)]


def marked(hit: Hit) -> str:
    """The passage with its places in brackets."""
    out = hit.passage
    for start, end in reversed(hit.marks):
        out = f"{out[:start]}[{out[start:end]}]{out[end:]}"
    return out


# --- what a query means --------------------------------------------------------------------------


MEANT: list[tuple[str, list[str]]] = [
    ("zone", ["zone:1", "zone:0"]),
    ("ZONE safe", ["zone:1", "zone:0"]),
    ("safe question", []),
    ('"safe zone"', ["zone:1"]),
    ("“safe zone”", ["zone:1"]),
    ('"zone safe"', ["zone:0"]),
    ('"safe a safe"', []),  # it would go over the end of a paragraph
    ("de-escalation", ["zone:0", "zone:1"]),
    ("escalation-de", []),
    ("zone -is -safety", []),
    ("zone -safety", ["zone:0"]),
    ('zone -"is safe"', ["zone:0"]),
    ("safe* -zones", ["zone:1", "zone:0"]),
    ("saf", []),
    ("saf*", ["zone:1", "zone:0"]),
    ('"a zone of saf"*', ["zone:1"]),
    ("деэскал*", ["zon:0"]),
    ("ЗОНЫ", ["zon:0"]),
    ("зона", []),  # nothing is stemmed
    ("ёлка", ["zon:0"]),
    ("STRASSE", ["zon:0"]),
    ("外交部", ["外:0"]),
    ("外交部发言人", ["外:0"]),
    ("外交门", []),
    ("外 门", ["外:0"]),
    ("السلام", ["ar:0"]),
    ("سلام*", []),
    ("وسلام", ["ar:0"]),
    ("السَّلام ممكن", ["ar:0"]),
    ("กระทรวง", ["th:0"]),
    ("ต่างประเทศ", ["th:0"]),
    ("ประเทศต่าง", []),
    ('צה"ל במבצע', ["he:0"]),
    ('"צה״ל פועל" במבצע', ["he:0"]),
    ("है", ["hi:0"]),
    ('"चाहता है बात"', ["hi:0"]),
    ("insan israil", ["tr:0"]),
    ("İSRAİL", ["tr:0"]),
    ("café", ["cafe:0"]),
    (unicodedata.normalize("NFD", "café"), ["cafe:0"]),
    ("cafés", []),
    ("don't", ["cafe:0"]),
    ("100%", ["cafe:0"]),
    ("1_0", []),
    ("a_b", ["cafe:0"]),
    ("zone OR nothing", []),
    ("NEAR(zone safe)", []),
    ('zone "', ["zone:1", "zone:0"]),
    ('"safe zone', ["zone:1"]),
    ('"safe zone", a', ["zone:1"]),
    ('("safe zone")', ["zone:1"]),
    ('"safe zone"; "zone safe"', []),
    ('zone -"is safe", ', ["zone:0"]),
    ("saf*, zone", ["zone:1", "zone:0"]),
    ("(saf*)", ["zone:1", "zone:0"]),
    ('5" zone', []),
]


def test_a_query_finds_what_it_says(desk: Desk) -> None:
    for query, wanted in MEANT:
        assert sorted(found(desk, query)) == sorted(wanted), query


def test_a_query_without_a_word_is_refused_in_one_line(desk: Desk) -> None:
    for query in ("", " ", "-", "*", '"', '""', "-zone", "!?", "\x00", "\ud800", "\u202e"):
        with pytest.raises(SearchError, match="needs a word"):
            found(desk, query)


def test_a_query_of_any_length_is_answered_or_refused(desk: Desk) -> None:
    assert found(desk, " ".join(f"w{n}" for n in range(MOST_TERMS))) == []
    assert found(desk, "外" * 1900) == []
    assert found(desk, "x" * 1900 + "*") == []
    with pytest.raises(SearchError, match="at most 50 words"):
        found(desk, " ".join(f"w{n}" for n in range(MOST_TERMS + 1)))
    with pytest.raises(SearchError, match="at most 2000 characters"):
        found(desk, "x" * 2001)


@pytest.mark.parametrize("few", [-1, 3000])
def test_filters_choose_turns(desk: Desk, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.search.FEW", few)
    assert found(desk, "zone", speaker="lavrov") == ["zone:1"]
    assert found(desk, "zone", speaker="QUEST") == ["zone:0"]
    assert found(desk, "zone", speaker="%") == found(desk, "zone", speaker="_") == []
    assert found(desk, "зоны", speaker="ЛАВРОВ") == found(desk, "зоны", speaker="с.в.") == ["zon:0"]
    assert found(desk, "зоны", speaker="С. В. Лавров") == ["zon:0"]
    assert found(desk, "insan", speaker="ibrahim o'brien-kaya") == ["tr:0"]
    assert found(desk, "zone", role="question") == ["zone:0"]
    assert found(desk, "zone", role="question", speaker="lavrov") == []
    assert found(desk, "a", source="there") == ["cafe:0"] and found(desk, "a", source="nowhere") == []
    assert found(desk, "zone", language="ru") == [] and found(desk, "зоны", language="RU") == ["zon:0"]
    assert found(desk, "外", since=DAY + dt.timedelta(2), until=DAY + dt.timedelta(2)) == ["外:0"]
    assert found(desk, "外", until=DAY + dt.timedelta(1)) == []
    assert found(desk, "外", since=DAY + dt.timedelta(3)) == []


def test_filters_of_no_use_find_nothing_and_fail_nothing(desk: Desk) -> None:
    for typed in ("\ud800x", "\x00x", "' OR 1 = 1 --", "%", "x" * 10_000):
        for name in ("source", "language", "speaker", "role"):
            assert found(desk, "zone", **{name: typed}) == []


def test_a_document_is_of_every_source_that_it_stands_at(desk: Desk) -> None:
    desk.load(SAID["外"], "copy", "mirror")
    assert found(desk, "外", source="mirror") == found(desk, "外", source="here") == ["外:0"]


def test_a_hit_shows_its_places_in_the_passage_that_has_most_of_them(desk: Desk) -> None:
    (hit,) = hits(desk, "straße ёл*")
    assert marked(hit) == "Зоны деэскалации. [Ёлка], елка и [straße]."
    assert marked(hits(desk, "外交部")[0]) == "中国[外交部]发言人表示，交外部门。"
    assert marked(hits(desk, "السلام")[0]) == "قال الوزير إن [السَّلامُ] ممكن، وســلام"
    assert marked(hits(desk, "safety zone")[0]) == "A safe [zone], a [zone] of [safety]."
    assert (hit.source, hit.title, hit.speaker, hit.revision) == ("here", "О зоне", "Сергей Лавров", 1)


def test_a_passage_of_a_long_turn_is_short_and_holds_the_place(desk: Desk) -> None:
    words = [f"word{n}" for n in range(500)]
    desk.load(Transcript(DAY, "Long", (Turn((" ".join(words),)),)), "long")
    for asked in ("word0", "word250", "word499", '"' + " ".join(words[200:260]) + '"'):
        (hit,) = hits(desk, asked)
        assert len(hit.passage) < PASSAGE + 250
        assert [hit.passage[a:b] for a, b in hit.marks] == [asked.strip('"')]
        assert set(re.findall(r"\w+", hit.passage)) <= set(words)


def test_the_best_come_first_then_the_newest_and_pages_follow_each_other(desk: Desk) -> None:
    for n in range(8):
        many = "grain and " * (n % 4 + 1) + f"of {n} " + "and so on " * 20
        desk.load(Transcript(DAY + dt.timedelta(n), f"Grain {n}", (Turn((many,)),)), f"g{n}")
    order = found(desk, "grain")
    assert order == [f"g{n}:0" for n in (7, 3, 6, 2, 5, 1, 4, 0)]
    assert [each for start in (0, 3, 6) for each in found(desk, "grain", limit=3, offset=start)] == order


def test_of_more_turns_than_are_ranked_the_newest_are_and_the_others_follow_by_date(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(8):
        many = "grain and " * (n % 4 + 1) + f"of {n} " + "and so on " * 20
        desk.load(Transcript(DAY + dt.timedelta(n), f"Grain {n}", (Turn((many,)),)), f"g{n}")
    monkeypatch.setattr("storage.search.RANKED", 3)
    order = [f"g{n}:0" for n in (7, 6, 5, 4, 3, 2, 1, 0)]
    assert found(desk, "grain") == order
    assert [
        each for start in (0, 2, 4, 6, 8) for each in found(desk, "grain", limit=2, offset=start)
    ] == order
    monkeypatch.setattr("storage.search.RANKED", 5)
    assert found(desk, "grain") == [f"g{n}:0" for n in (7, 3, 6, 5, 4, 2, 1, 0)]
    days = {"since": DAY + dt.timedelta(2), "until": DAY + dt.timedelta(5)}
    assert found(desk, "grain", **days) == [f"g{n}:0" for n in (3, 2, 5, 4)]
    assert len(found(desk, "grain", since=dt.date.min, until=dt.date.max)) == 8


# --- against an oracle ---------------------------------------------------------------------------

PIECE = st.sampled_from([*"abABеё外交กéßİاَ1_-*\"  \n.'\\%:()&|!^\0", "ss", "abc", "é"])
TEXT = st.lists(PIECE, max_size=12).map("".join)
ANY = st.one_of(TEXT, st.text(st.characters(exclude_categories=()), max_size=12))


def oracle(turn: Turn, query: str) -> bool:
    """Whether a turn is meant, decided the slow way."""
    asked = parse(query)
    runs = [[word for word, _, _ in placed(paragraph)] for paragraph in turn.paragraphs]

    def has(words: tuple[str, ...], prefix: bool) -> bool:
        for run in runs:
            for n in range(len(run) - len(words) + 1):
                *before, last = run[n : n + len(words)]
                if before == list(words[:-1]) and (
                    last.startswith(words[-1]) if prefix else last == words[-1]
                ):
                    return True
        return False

    return all(has(term.words, term.prefix) for term in asked.wanted) and not any(
        has(term.words, term.prefix) for term in asked.excluded
    )


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(ANY, min_size=1, max_size=4), queries=st.lists(ANY, min_size=1, max_size=8))
def test_whatever_is_typed_finds_what_it_means_and_no_error_of_the_database(
    desk: Desk, texts: list[str], queries: list[str]
) -> None:
    said = Transcript(DAY, "x", tuple(Turn((f"x {line}", line), label="L") for line in texts))
    desk.load(said, "any", "fuzz")
    for query in queries:
        try:
            answer = hits(desk, query, source="fuzz")
        except SearchError:
            continue
        meant = [n for n, turn in enumerate(said.turns) if oracle(turn, query)]
        assert sorted(hit.position for hit in answer) == meant, (query, texts)
        assert all(hit.marks for hit in answer)


@given(ANY)
def test_placed_words_are_the_spoken_ones_and_stand_where_they_are_said_to(line: str) -> None:
    line = clean(line)
    words = placed(line)
    if not re.search("[\u0591-\u06ff]", line):
        assert [word for word, _, _ in words] == spoken(line)
    for (_, start, end), (_, later, _) in itertools.pairwise(words):
        assert start < end <= later


def test_both_databases_answer_alike(desk: Desk, tmp_path: object, postgres: Server) -> None:
    url = f"sqlite:///{tmp_path}/other.db" if desk.database.file is None else postgres.create("alike")
    other = Database(url)
    for n in range(30):
        line = "grain ship " * (n % 3) + "port " * (n % 5) + f"word{n}"
        desk.load(Transcript(DAY, f"{n}", (Turn((line,)),)), f"n{n}")
    copy(desk.database, other, lambda _step, _rows: None)
    for query in ("zone", "grain", "port grain", "word* port", "外交部", "port -grain", '"grain ship"'):
        with desk.database.read() as one, other.read() as two:
            assert search(one, query) == search(two, query) != []
    assert not list(integrity.rows(other, Checked()))
    other.close()


# --- the index -----------------------------------------------------------------------------------


def rows(database: Database) -> list[tuple[object, ...]]:
    with database.read() as session:
        query = select(Searched.revision_id, Searched.position, Searched.name, Searched.words)
        return [
            tuple(row) for row in session.execute(query.order_by(Searched.revision_id, Searched.position))
        ]


def test_the_words_of_every_revision_can_be_had_whatever_of_it_is_indexed(desk: Desk) -> None:
    newer = Transcript(DAY, "О зоне", (Turn(("Passed over.", "…", "It's so.")), Turn(("Again.",))))
    desk.load(newer, "zon")
    long = Transcript(DAY, "Long", (Turn((" ".join(f"word{n}" for n in range(60_000)), "At the end.")),))
    desk.load(long, "long")
    with desk.database.write() as session:
        session.execute(delete(Searched).where(Searched.words.contains(" café ")))
    with desk.database.read() as session:
        kept = {row.id: lookup.transcript_of(row).turns for row in session.scalars(select(models.Revision))}
        cut = {
            number: paragraphs_of(text for turn in turns for text in turn.paragraphs)
            for number, turns in kept.items()
        }
        assert index.words_in(session, list(kept)) == cut
    assert len(cut) == len(SAID) + 2


def test_only_the_newest_revision_is_found(desk: Desk) -> None:
    desk.load(Transcript(DAY, "О зоне", (Turn(("Passed over.",)), Turn(("Again.",)))), "zon")
    assert found(desk, "зоны") == [] and found(desk, "again") == ["zon:1"]
    older = desk.reading(Transcript(DAY, "О зоне", (Turn(("An ancient text.",)),)), "zon")
    with desk.database.write() as session:
        moment = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        session.execute(
            update(models.Capture).where(models.Capture.id == older.capture_id).values(fetched_at=moment)
        )
    assert load(desk.database, desk.run, older).disposition == "revised"
    assert found(desk, "ancient") == [] and found(desk, "again") == ["zon:1"]
    assert not list(integrity.rows(desk.database, Checked()))


def test_a_search_answers_as_of_one_moment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    before, told, edits = found(desk, "safe"), searching._told, [Transcript(DAY, "x", (Turn(("Gone.",)),))]

    def meanwhile(ids: Sequence[int]) -> object:
        while edits:
            desk.load(edits.pop(), "zone")
        return told(ids)

    monkeypatch.setattr(searching, "_told", meanwhile)
    monkeypatch.setattr(searching, "batches", lambda ids: batches(ids, 1))
    assert found(desk, "safe") == before != []
    assert not edits and found(desk, "safe") == []


def test_a_load_that_fails_leaves_nothing_in_the_index(desk: Desk) -> None:
    before = rows(desk.database)
    with pytest.raises(ZeroDivisionError), desk.database.write() as session:
        session.execute(delete(Searched))
        raise ZeroDivisionError
    assert rows(desk.database) == before and found(desk, "zone")


def test_loads_of_one_page_at_once_leave_its_newest_text_in_the_index(desk: Desk) -> None:
    readings = [desk.reading(Transcript(DAY, "x", (Turn((f"text{n} " * 70,)),)), "race") for n in range(6)]
    start = threading.Barrier(len(readings))

    def one(n: int) -> None:
        start.wait()
        load(desk.database, desk.run, readings[n])

    with ThreadPoolExecutor(len(readings)) as pool:
        list(pool.map(one, range(len(readings))))
    assert not list(integrity.rows(desk.database, Checked()))
    assert len(found(desk, "text*")) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM searched WHERE position = 1",
        "UPDATE searched SET words = ' wrong ' WHERE position = 1",
        "UPDATE searched SET name = 'wrong' WHERE position = 1",
    ],
)
def test_an_audit_finds_an_index_that_does_not_match_and_mends_it(desk: Desk, statement: str) -> None:
    before = rows(desk.database)
    with desk.database.write() as session:
        session.execute(text(statement))
    (finding,) = integrity.rows(desk.database, Checked())
    assert (finding.kind, finding.where) == ("search", "here/zone revision 1")
    assert finding.mend is not None
    finding.mend()
    assert rows(desk.database) == before
    assert not list(integrity.rows(desk.database, Checked()))


def test_an_audit_finds_a_superseded_text_in_the_index(desk: Desk) -> None:
    desk.load(Transcript(DAY, "О зоне", (Turn(("Passed over.",)),)), "zon")
    with desk.database.write() as session:
        old = session.scalars(select(models.Revision.id).where(models.Revision.number == 2)).one() - 5
        session.execute(into(Searched).values(id=1, revision_id=old, position=9, name="", words=" x "))
    (finding,) = integrity.rows(desk.database, Checked())
    assert finding.mend is not None
    finding.mend()
    assert not list(integrity.rows(desk.database, Checked()))


def test_an_audit_finds_an_fts_table_that_does_not_match_and_mends_it(desk: Desk) -> None:
    if desk.database.file is None:
        pytest.skip("PostgreSQL's index is its own to keep")
    with desk.database.write() as session:
        session.execute(text("INSERT INTO searched_words (searched_words) VALUES ('delete-all')"))
    assert found(desk, "zone") == []
    (finding,) = integrity.rows(desk.database, Checked())
    assert finding.what == "searched_words is not the index of the table searched"
    assert finding.mend is not None
    finding.mend()
    assert found(desk, "zone") and index.damage(desk.database) is None


@pytest.mark.parametrize("schema", ["0003", "0008"])
def test_what_an_older_podium_loaded_is_indexed_when_it_is_opened(
    desk: Desk, database_url: str, schema: str
) -> None:
    desk.load(Transcript(DAY, "О зоне", (Turn(("Passed over.",)),)), "zon")
    before = rows(desk.database)
    with transaction(desk.database._writing) as connection:
        downgrade(connection, schema)
    again = Database(database_url)
    assert rows(again) == before
    with again.read() as session:
        assert search(session, "passed") and not search(session, "зоны")
    assert not list(integrity.rows(again, Checked()))
    again.close()


def test_searches_use_the_index(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.search.FEW", -1)
    with desk.database.write() as session:
        own = session.scalars(select(models.Revision.id).limit(1)).one()
        values = [
            {"id": n, "revision_id": own, "position": 100 + n, "name": "", "words": f" w{n} x "}
            for n in range(3000)
        ]
        session.execute(into(Searched), values)
        if desk.database.file is not None:
            query = met(session, parse("w7 x"), Selection(source="here", role="answer"))
            asked = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            plan = session.execute(text(f"EXPLAIN QUERY PLAN {asked}".replace(":", "\\:"))).all()
            assert "searched_words VIRTUAL TABLE" in plan[0].detail, plan
            assert not any(
                "TEMP B-TREE" in line.detail or "SCAN searched " in line.detail for line in plan
            ), plan
        else:
            session.execute(text("ANALYZE searched"))
            has = "searched_words @@ 'w7'\\:\\:tsquery"
            plan = session.execute(text(f"EXPLAIN SELECT * FROM searched WHERE {has}")).scalars().all()
            assert any("searched_words" in line for line in plan), plan


def test_words_longer_than_any_are_indexed_as_far_as_they_count(desk: Desk) -> None:
    words = [chr(0x20000 + n) * 1 + "é" * 3000 for n in range(3)] + ["w" * 5000, "plain"]
    desk.load(Transcript(DAY, "Long", (Turn((" ".join(words),)),)), "long")
    for asked in ("plain", "w" * 1500, "w" * 300 + "*"):
        assert found(desk, asked) == ["long:0"], asked


def test_a_turn_of_many_different_words_is_loaded(desk: Desk) -> None:
    line = " ".join(f"слово{n}х" for n in range(60_000))
    desk.load(Transcript(DAY, "Long", (Turn((line,)),)), "long")
    assert found(desk, "слово7х") == ["long:0"]
    assert len(words_of([line])) == 250_000
