"""The audit flow: its body without Prefect, and what it leaves on a real server."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from flows import plan
from flows.audit import survey
from flows.settings import Settings
from storage.database import Database
from tests.bureau import TODAY, Bureau, day, settings_of
from tests.test_flows import artifact, prefect
from tests.test_integrity import spoil

__all__ = ["prefect"]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of an archive whose ministry has been silent for nine days."""
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)
    settings = settings_of(f"sqlite:///{tmp_path / 'podium.db'}", tmp_path / "sources", "ministry")
    database = Database(settings.database_url)
    bureau = Bureau(database)
    bureau.publish(day(9))
    bureau.run("nightly", day(14), TODAY)
    database.close()
    return settings


def test_a_survey_gives_its_verdict_first_and_the_year_beside_it(settings: Settings) -> None:
    found = survey(settings, (), 2026, rows=False)
    assert found.needs[0].startswith("ministry: silent: nothing new since 2026-03-11")
    head, verdict = found.markdown.split("\n\n")[:2]
    assert head == "# What is missing?" and verdict.startswith("**1 of 1 sources need a look")
    assert found.picture is not None and found.picture.startswith("<svg ")


def test_a_survey_of_an_archive_that_is_not_there_yet_finds_nothing_wrong(tmp_path: Path) -> None:
    found = survey(Settings(database_url=f"sqlite:///{tmp_path / 'new.db'}"), (), 2026, rows=True)
    assert (found.needs, found.verdict) == ((), "There is nothing here yet.")


def test_damaged_rows_are_told_before_all_else_where_rows_are_looked_at(settings: Settings) -> None:
    database = Database(settings.database_url)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE turns SET text = '<b>forged</b>'"))
    database.close()
    assert len(survey(settings, (), 2026, rows=False).needs) == 1
    found = survey(settings, (), 2026, rows=True)
    assert any("another digest" in need for need in found.needs)
    assert found.needs[0].startswith("damage: ") and found.markdown.startswith("**")


def test_of_a_damaged_file_nothing_else_is_told(settings: Settings) -> None:
    spoil(Database(settings.database_url))
    found = survey(settings, (), 2026, rows=True)
    assert found.needs and all(need.startswith("damage: sqlite:") for need in found.needs)
    assert found.markdown.startswith("**The database's file is damaged") and found.picture is None


@pytest.mark.slow
def test_a_silent_source_degrades_the_flow_and_its_report_and_picture_are_there(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, prefect: None
) -> None:
    from flows.audit import audit

    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    state: Any = audit(year=2026, return_state=True)
    assert state.is_completed() and state.name == "Degraded"
    assert state.message.startswith("ministry: silent: ")
    assert "1 of 1 sources need a look" in artifact("audit-report")
    kind, _, data = artifact("audit-year").partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert "Ministry of Ferries" in base64.b64decode(data).decode()
    database = Database(settings.database_url)
    Bureau(database).publish(day(2))
    database.close()
    state = audit(sources=["ministry"], return_state=True)
    assert (state.name, state.message[:15]) == ("Completed", "Nothing needs a")
