"""The door for notebooks: its examples say what it does, and it reads whatever the command reads."""

from __future__ import annotations

import datetime as dt
import doctest
import subprocess
import sys
from pathlib import Path

import pytest

import storage
from storage import door, ledger, open_archive
from storage.database import Database, DatabaseError
from storage.transcript import Transcript, Turn
from tests.test_load import DAY, Desk, said

FERRY = Transcript(
    DAY,
    "On the ferry",
    (
        Turn(("When does it sail?",), label="Question", role="question"),
        Turn(("It sails on Monday.",), label="Edda Rosk", role="answer", speaker="Edda Rosk"),
    ),
    language="en",
)
BRIDGE = Transcript(DAY + dt.timedelta(1), "On the bridge", (Turn(("It stands.",), label="Speaker"),))


@pytest.fixture
def desk(database: Database) -> Desk:
    desk = Desk(database)
    desk.load(FERRY, "ferry", "ministry")
    desk.load(BRIDGE, "bridge", "ministry")
    return desk


def test_the_examples_say_what_it_does() -> None:
    database = Database("sqlite:///example.db")
    desk = Desk(database)
    desk.load(FERRY, "ferry", "ministry")
    desk.load(BRIDGE, "bridge", "ministry")
    database.close()
    tried = doctest.testmod(door)
    assert tried.failed == 0 and tried.attempted == 8


def test_it_reads_both_databases(desk: Desk, database_url: str) -> None:
    with open_archive(database_url) as archive:
        assert [each.title for each in archive.transcripts()] == [FERRY.title, BRIDGE.title]
        assert [each.title for each in archive.transcripts(since=BRIDGE.date)] == [BRIDGE.title]
        assert [turn.text for _, turn in archive.turns(role="question")] == ["When does it sail?"]
        assert [turn.label for _, turn in archive.turns(speaker="SPEAK")] == ["Speaker"]
        assert archive.find("ministry/none") is None
        found = archive.find("https://ministry.example/ferry")
        assert found is not None and found.transcript == FERRY
        by_number = archive.find(found.id)
        assert by_number is not None and by_number.as_dict() == found.as_dict()
        assert found.as_dict()["appearances"][0]["url"] == found.url
        assert [hit.title for hit in archive.search('"it stands"', since="2026-03-21")] == [BRIDGE.title]


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ({"source": "minstry"}, "there is no source 'minstry' here; there are here, ministry, quiet"),
        ({"source": ""}, "the source is empty"),
        ({"role": "Answer"}, "there is no role 'Answer'; there are question, answer,"),
        ({"speaker": "\u200b"}, "the speaker is empty"),
        ({"since": "2026-03-21", "until": "2026-03-20"}, "before it begins"),
    ],
)
def test_a_filter_that_nobody_can_mean_is_refused_as_the_command_refuses_it(
    filters: dict[str, str], told: str, desk: Desk, database_url: str
) -> None:
    with desk.database.write() as session:
        ledger.open_run(session, "nightly", "quiet", DAY, DAY)
    with open_archive(database_url) as archive:
        assert list(archive.transcripts(source="quiet")) == []
        for ask in (lambda: list(archive.turns(**filters)), lambda: archive.search("ferry", **filters)):
            with pytest.raises(ValueError, match=told):
                ask()


@pytest.mark.parametrize("few", [{"limit": -1}, {"offset": -1}])
def test_fewer_hits_than_none_are_refused_on_both_databases(
    few: dict[str, int], desk: Desk, database_url: str
) -> None:
    with open_archive(database_url) as archive, pytest.raises(ValueError, match="less than 0: -1"):
        archive.search("sails", **few)


def test_an_older_text_is_found_and_an_iterator_may_be_left(desk: Desk, database_url: str) -> None:
    desk.load(said(), "ferry", "ministry")
    with open_archive(database_url) as archive:
        found = archive.find("ministry/ferry", 1)
        assert found is not None and found.transcript == FERRY
        assert next(archive.transcripts()).revision == 2


def test_it_opens_what_the_variable_names_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DatabaseError, match="there is no database here yet"):
        open_archive()
    assert not list(tmp_path.iterdir())
    Database("sqlite:///here.db").close()
    monkeypatch.setenv("PODIUM_DATABASE_URL", "sqlite:///here.db")
    with open_archive() as archive:
        assert list(archive.transcripts()) == []


def test_it_opens_what_the_command_would_by_its_settings_file(
    tmp_path: Path, desk: Desk, database_url: str
) -> None:
    file = tmp_path / "podium.toml"
    file.write_text(f'database_url = "{database_url}"\n')
    with open_archive() as archive:
        assert [each.title for each in archive.transcripts()] == [FERRY.title, BRIDGE.title]
    file.write_text(f'DATABASE_URL = "{database_url}"\n')  # a setting's name may be in any case
    with open_archive() as archive:
        assert len(list(archive.transcripts())) == 2
    file.write_text("database_url = ")
    with pytest.raises(DatabaseError, match=r"podium\.toml: "):
        open_archive()


def test_the_package_brings_nothing_until_the_door_is_asked_for() -> None:
    program = "import sys, storage.words, storage; print('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"
    with pytest.raises(AttributeError, match="no attribute 'window'"):
        storage.window  # noqa: B018
