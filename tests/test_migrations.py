"""Migrations: an older Podium's database, with what it holds, becomes today's and goes back; on both databases."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, insert, select, text

from storage import duplicates, earlier, index, ledger, lookup, models, sameness
from storage.database import SCHEMA, Database
from storage.ledger import Found
from storage.load import load
from storage.migrations import configuration, downgrade, transaction, upgrade
from storage.models import Appearance, Fingerprint, Page, Revision, Run, Searched
from storage.search import search
from storage.selection import Selection
from storage.transcript import Transcript, Turn, render
from tests.test_load import Desk

MOMENT = "2026-03-20 12:00:00.123456+00:00"
WORDS = " ".join(f"word{n}" for n in range(120))

# What a Podium with the first schema kept: a briefing that was edited, at two addresses, and a copy with edits.
FIRST: dict[str, list[dict[str, Any]]] = {
    "captures": [
        {
            "id": n, "source": source, "url": f"https://{source}.example/{n}", "fetched_at": MOMENT, "status": 200,
            "content_type": "text/html", "digest": f"sha256:{n}", "size": 9, "warc": "x.warc.gz", "offset": n,
            "length": 9,
        }
        for n, source in enumerate(("ministry", "ministry", "embassy", "embassy"), 1)
    ],
    "runs": [
        {
            "id": 1, "kind": "nightly", "source": "ministry", "since": "2026-03-06", "until": "2026-03-20",
            "started_at": MOMENT, "finished_at": MOMENT, "state": "degraded",
            "reasons": json.dumps(
                ["1 pages blocked", "not proved complete: 2026-03-07, 2026-03-09",
                 "not proved complete: 4 days from 2026-03-11 to 2026-03-14"]
            ),
            "process": "host:1",
        }
    ],
    "transcripts": [
        {"id": 1, "source": "ministry", "key": "1", "first_digest": "a", "created_at": MOMENT},
        {"id": 2, "source": "embassy", "key": "4", "first_digest": "b", "created_at": MOMENT},
    ],
    "appearances": [
        {
            "id": n, "transcript_id": transcript, "source": source, "key": key, "url": f"https://{source}.example/{key}",
            "digest": "a", "first_seen": MOMENT,
        }
        for n, (transcript, source, key) in enumerate(
            ((1, "ministry", "1"), (1, "embassy", "3"), (2, "embassy", "4")), 1
        )
    ],
    "revisions": [
        {
            "id": n, "transcript_id": transcript, "number": number, "capture_id": n, "extractor": 5,
            "loaded_at": MOMENT, "digest": digest, "date": "2026-03-19", "title": f"Title {n}", "language": "en",
            "kind": "transcript", "event_date": None, "document_number": "12-3",
            "left_out": json.dumps(["Contents"]), "doubts": json.dumps([]),
        }
        for n, (transcript, number, digest) in enumerate(((1, 1, "a"), (1, 2, "c"), (2, 1, "b")), 1)
    ],
    "turns": [
        {
            "revision_id": n, "position": 0, "label": "Edda Rosk", "role": "answer", "speaker": "Edda Rosk",
            "text": f"{WORDS}\nThat is revision {n}.",
        }
        for n in (1, 2, 3)
    ],
    "pages": [
        {
            "id": 1, "run_id": 1, "key": "1", "url": "https://ministry.example/1", "date_hint": "2026-03-19",
            "capture_id": 1, "disposition": "new", "reason": None, "revision_id": 1,
        },
        {
            "id": 2, "run_id": 1, "key": "2", "url": "https://ministry.example/2", "date_hint": None,
            "capture_id": None, "disposition": "blocked", "reason": "HTTP 403", "revision_id": None,
        },
    ],
}  # fmt: skip


def rows(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """What the tables and columns of the first schema hold, as the database gives it."""
    there = MetaData()
    there.reflect(connection)
    out = {}
    for name, known in FIRST.items():
        columns = [there.tables[name].c[column] for column in known[0]]
        keys = list(there.tables[name].primary_key.columns)
        out[name] = [tuple(row) for row in connection.execute(select(*columns).order_by(*keys))]
    return out


@pytest.fixture
def old(database_url: str) -> Iterator[tuple[str, dict[str, list[tuple[Any, ...]]]]]:
    """The address of a database of the first schema, filled, and what it holds."""
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        upgrade(connection, "0001")
        there = MetaData()
        there.reflect(connection)
        for name, known in FIRST.items():
            table = there.tables[name]
            for row in known:
                connection.execute(
                    insert(table), {column: _value(table.c[column].type, row[column]) for column in row}
                )
        before = rows(connection)
    engine.dispose()
    yield database_url, before


def _value(kind: Any, value: Any) -> Any:
    """The value as a column of a reflected type takes it."""
    wanted = kind.python_type if kind.__class__.__name__ != "JSON" else None
    if wanted is None and value is not None:
        return json.loads(value)
    if value is None or not isinstance(value, str):
        return value
    if wanted is dt.datetime:
        return dt.datetime.fromisoformat(value)
    return dt.date.fromisoformat(value) if wanted is dt.date else value


def test_an_old_database_is_brought_up_and_holds_what_it_held(old: Any) -> None:
    url, before = old
    database = Database(url)
    with database.engine.connect() as connection:
        assert rows(connection) == before
    with database.read() as session:
        revision = lookup.find(session, "1")
        assert revision is not None
        assert (revision.number, revision.title, revision.left_out) == (2, "Title 2", ["Contents"])
        assert revision.loaded_at == dt.datetime.fromisoformat(MOMENT)
        assert render(lookup.transcript_of(revision)).endswith("That is revision 2.")
    database.close()


def test_the_days_that_a_runs_reasons_name_as_not_proved_are_kept_as_days(old: Any) -> None:
    database = Database(old[0])
    with database.read() as session:
        left = [f"2026-03-{number:02}" for number in (7, 9, 11, 12, 13, 14)]
        assert session.get_one(Run, 1).open_days == left
    database.close()


def test_what_an_older_podium_loaded_is_compared_by_the_next_run_of_its_source(old: Any) -> None:
    database = Database(old[0])
    assert sum(map(len, duplicates.compare(database, "ministry"))) == 0
    (links,) = duplicates.compare(database, "embassy")
    assert [(link.kind, link.revision_id) for link in links] == [("mirror", 3)]
    database.close()


def test_what_was_cut_into_other_words_is_indexed_and_compared_anew(database_url: str) -> None:
    database = Database(database_url)
    desk = Desk(database)
    long = "एक दो तीन चार पाँच छह सात आठ नौ दस ग्यारह बारह। "
    desk.load(Transcript(dt.date(2026, 3, 20), "वार्ता", (Turn((long * 3,), label="С. В. Лавров"),)), "stops")
    desk.load(Transcript(dt.date(2026, 3, 20), "Talks", (Turn((WORDS,), label="Edda Rosk"),)), "plain")
    for _ in duplicates.compare(database, "here"):
        pass
    with database.write() as session:
        cut, kept = session.scalars(select(Searched).order_by(Searched.revision_id)).all()
        right, whole = (cut.name, cut.words), kept.words
        cut.name, cut.words = "с. в. лавров", cut.words.replace("बारह", "बारह।")
        marks = session.scalars(select(Fingerprint.transcript_id)).all()
        assert set(marks) == {1, 2}
        session.execute(text("UPDATE alembic_version SET version_num = '0012'"))
    database.close()
    upgraded = Database(database_url)
    with upgraded.read() as session:
        cut, kept = session.scalars(select(Searched).order_by(Searched.revision_id)).all()
        assert ((cut.name, cut.words), kept.words) == (right, whole)
        assert [hit.key for hit in search(session, "बारह", Selection(speaker="с.в. лавров"))] == ["stops"]
        assert set(session.scalars(select(Fingerprint.transcript_id))) == {2}
        compared = select(Revision.transcript_id).where(Revision.compared_at.is_not(None))
        assert session.scalars(compared).all() == [2]
    assert index.damage(upgraded) is None
    upgraded.close()


def test_texts_without_spaces_that_differ_in_title_alone_are_one_text_from_now_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = (Turn(("谈判将于下周恢复，各方均已确认出席。" * 5,), label="发言人"),)
    first = Transcript(dt.date(2026, 3, 20), "渔业", said)
    database = Database(database_url)
    desk = Desk(database)
    with monkeypatch.context() as older:
        older.setattr(sameness, "printed", str.split)  # as words were counted
        loaded = [
            desk.load(replace(first, title=title), key) for key, title in (("0", "渔业"), ("1", "谈判"))
        ]
        assert [each.disposition for each in loaded] == ["new", "new"]
    desk.load(replace(first, title="Talks", turns=(Turn((WORDS,), label="Edda Rosk"),)), "plain")
    with database.write() as session:
        plain = session.scalars(select(Revision.digest).order_by(Revision.id)).all()[2]
        session.execute(text("UPDATE alembic_version SET version_num = '0013'"))
    database.close()
    upgraded = Database(database_url)
    with upgraded.read() as session:
        one = sameness.digest(first)
        assert session.scalars(select(Revision.digest).order_by(Revision.id)).all() == [one, one, plain]
        names = session.scalars(select(models.Transcript.first_digest).order_by(models.Transcript.id)).all()
        assert names == [one, f"{one}:2", plain]
        assert session.scalars(select(Appearance.digest).order_by(Appearance.id)).all() == [one, one, plain]
    desk.database = upgraded
    assert desk.load(replace(first, title="又一"), "third").disposition == "duplicate"
    assert desk.load(replace(first, title="谈判"), "1").disposition == "unchanged"
    upgraded.close()


def test_a_key_is_spelt_as_it_is_sent_and_counts_no_readers(database_url: str) -> None:
    with Database(database_url) as database:
        desk = Desk(database)
        loaded = {}
        for number, key in enumerate(("новость", "a?utm_source=rss&page=2", "b?fbclid=1", "b", "c")):
            said = Transcript(
                dt.date(2026, 3, 20), "Talks", (Turn((f"{number} " * 60 + WORDS,), label="Edda Rosk"),)
            )
            reading = replace(desk.reading(said, key), visited_on=said.date)
            loaded[key] = load(database, desk.run, reading).revision_id
        with database.write() as session:
            own = session.scalars(select(Appearance).where(Appearance.key == "c")).one()
            own.key, own.url = "Été à Oslo.txt", "file:%C3%89t%C3%A9%20%C3%A0%20Oslo.txt"
            own.transcript.key = own.key  # of a text that was taken in from a file
            session.execute(text("UPDATE alembic_version SET version_num = '0014'"))
    with Database(database_url) as database, database.read() as session:
        keys = {(page.key, page.next_visit is None) for page in session.scalars(select(Appearance))}
        assert keys == {
            ("%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D1%8C", False), ("a?page=2", False), ("Été à Oslo.txt", False),
            ("b?fbclid=1", True), ("b", False),  # of which the one is asked for no more
        }  # fmt: skip
        found = lookup.find(session, "here/новость")
        assert found is not None and found.id == loaded["новость"]
        assert {each.key for each in session.scalars(select(models.Transcript))} == {key for key, _ in keys}


def test_a_page_that_none_could_read_is_known_by_its_one_spelling_too(database_url: str) -> None:
    day = dt.date(2026, 3, 20)
    with Database(database_url) as database:
        desk = Desk(database)
        for keys in (["a?utm_source=rss"], ["b/?fbclid=1", "b"], ["новость"]):
            desk.next_run()
            for key in keys:
                desk.reading(Transcript(day, "Talks", (Turn(("unread",)),)), key)
                with database.write() as session:
                    ledger.settle(session, desk.run, key, "rejected", "no text")
        moment = "https://here.example/7?utm_source=rss 2026-03-20T12:00Z"
        with database.write() as session:  # what somebody else's file had
            taken_in = ledger.open_run(session, "ingest", "here", day, day).id
            ledger.discovered(session, taken_in, Found(moment, "https://here.example/7"))
            ledger.settle(session, taken_in, moment, "rejected", "no text")
        assert desk.load(Transcript(day, "Talks", (Turn(("said " * 60,)),)), "a").disposition == "new"
        with database.write() as session:
            session.execute(text("UPDATE revisions SET document_number = :long"), {"long": "7" * 400})
            session.execute(text("UPDATE alembic_version SET version_num = '0015'"))
    with Database(database_url) as database, database.read() as session:
        found = [each.found.key for each in earlier.lost(session, "here", day)]
        assert found == ["b", "%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D1%8C"]
        assert session.scalars(select(Revision.document_number)).all() == [None]
        assert session.scalars(select(Page.key).where(Page.run_id == taken_in)).all() == [moment]


def test_every_migration_goes_down_again_and_up_with_the_data_in_place(old: Any) -> None:
    url, before = old
    database = Database(url)
    list(duplicates.compare(database, "ministry"))
    list(duplicates.compare(database, "embassy"))
    steps = [step.revision for step in ScriptDirectory.from_config(configuration()).walk_revisions()]
    assert steps[0] == SCHEMA
    assert steps[-1] == "0001"
    for step in [*steps[1:], *reversed(steps[:-1])]:
        with transaction(database.engine) as connection:
            up = step > str(_version(connection))
            upgrade(connection, step) if up else downgrade(connection, step)
            assert _version(connection) == step
            assert rows(connection) == before
    database.close()
    again = Database(url)
    found = [links for source in ("embassy", "ministry") for links in duplicates.compare(again, source)]
    assert {link.kind for links in found for link in links} == {"mirror"}
    again.close()


def _version(connection: Connection) -> str | None:
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
