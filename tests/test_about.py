"""What the command tells about a transcript: its revisions, addresses and near duplicates, safe for a terminal."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pytest

from flows.about import lines
from storage import lookup, visits
from storage.database import Database
from storage.elsewhere import Likeness
from storage.models import Revision
from storage.transcript import Transcript, Turn
from tests.test_duplicates import BRIEFING, DAY, FORM, Shelf, edited


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)


def told(shelf: Shelf, name: str) -> str:
    with shelf.database.read() as session:
        revision = lookup.find(session, name)
        assert revision is not None
        return "\n".join(lines(session, revision))


@pytest.mark.parametrize(("share", "percent"), [(1.0, "100%"), (0.9975, "99%"), (0.57, "57%"), (0.9, "90%")])
def test_only_all_of_the_words_are_a_hundred_per_cent(share: float, percent: str) -> None:
    assert Likeness("mirror", True, Revision(), share, None, False).percent == percent


def test_revisions_addresses_and_near_duplicates_are_told_from_both_ends(shelf: Shelf) -> None:
    shelf.put("ministry", "114", BRIEFING)
    shelf.put("ministry", "114", replace(BRIEFING, title="Corrected"))
    shelf.put("mission", "9", BRIEFING)
    shelf.put("embassy", "7", edited(BRIEFING, 0.03))
    there = told(shelf, "ministry/114")
    assert "1: Corrected" in there
    assert "revision 1: of" in there
    assert "revision 2: of" in there
    assert "stands at: https://ministry.example/114 (ministry/114, since" in there
    assert "stands at: https://mission.example/9 (mission/9, since" in there
    assert "with revision" not in there  # the headline is each site's own
    assert "mirror of: 2, " in there
    assert "embassy/7" in there
    assert "mirror of: 1, Corrected" in told(shelf, "embassy/7")


def test_an_address_says_what_stands_there_though_the_document_was_edited_elsewhere(shelf: Shelf) -> None:
    shelf.put("ministry", "114", BRIEFING)
    shelf.put("mission", "9", BRIEFING)
    shelf.put("ministry", "114", edited(BRIEFING, 0.01))
    with shelf.database.read() as session:
        for name, number in {
            "1": 2,
            "ministry/114": 2,
            "mission/9": 1,
            "https://mission.example/9": 1,
            "http://mission.example/9/": 1,
        }.items():
            found = lookup.find(session, name)
            assert found is not None and found.number == number, name
        newest = lookup.find(session, "mission/9", 2)
        assert newest is not None and newest.number == 2
    places = [line for line in told(shelf, "1").splitlines() if line.startswith("stands at")]
    assert [line.endswith(", with revision 1)") for line in places] == [False, True]


def test_what_was_alike_before_an_edit_is_told_once_and_as_what_it_was(shelf: Shelf) -> None:
    shelf.put("ministry", "114", BRIEFING)
    shelf.put("embassy", "7", edited(BRIEFING, 0.03))
    for seed in (1, 2):
        shelf.put("ministry", "114", edited(BRIEFING, 0.01, seed))
    assert alike(shelf, "1") == alike(shelf, "2") == [""]
    shelf.put("ministry", "114", Transcript(DAY, "On the form", (Turn((FORM * 3,)),)))
    assert alike(shelf, "1") == [", with revision 3"]
    assert alike(shelf, "2") == [", its revision 3"]


def alike(shelf: Shelf, name: str) -> list[str]:
    """What each line of a near duplicate ends with, behind whose it is."""
    lines = [line for line in told(shelf, name).splitlines() if line.startswith("mirror of")]
    return [re.split("embassy/7|ministry/114", line)[1].rstrip(")") for line in lines]


def test_an_address_that_is_gone_is_told_as_such(shelf: Shelf) -> None:
    shelf.put("ministry", "114", BRIEFING)
    shelf.put("mission", "9", BRIEFING)
    for days in range(1, 4):
        with shelf.database.write() as session:
            visits.was_missing(session, "ministry", "114", DAY + dt.timedelta(days), None)
    there = told(shelf, "1")
    assert re.search(r"^stood at: .*/114 \(.*; not there on 2026-03-23\)$", there, re.MULTILINE)
    assert re.search(r"^stands at: .*/9 \([^;]*\)$", there, re.MULTILINE)
