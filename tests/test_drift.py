"""Drift: a layout that changed is told, and what only chance changed is not."""

from __future__ import annotations

import random
from math import comb

import pytest

from storage.coverage import Lost
from storage.database import Database
from storage.drift import Sample, chance, compare, drifts, rank_chance
from storage.transcript import NO_LAYOUT, Turn
from tests.bureau import TODAY, Bureau, day


def sample(documents: int, bad: int = 0, rejected: int = 0) -> Sample:
    return Sample(documents, bad, 0, 0, rejected, (), ())


def test_three_bad_pages_in_a_row_are_enough_where_all_were_good() -> None:
    (found,) = compare(sample(100), sample(3, bad=3))
    assert str(found) == "read without a layout: 0% before, now 100%"
    assert compare(sample(100), sample(2, bad=2)) == []


def test_a_share_that_was_always_bad_needs_many_pages_and_a_better_one_is_no_drift() -> None:
    assert compare(sample(90, bad=30), sample(10, bad=7)) == []
    assert compare(sample(900, bad=300), sample(100, bad=70))
    assert compare(sample(100, bad=100), sample(50)) == []


def test_a_small_change_is_none_however_many_pages_say_so() -> None:
    assert compare(sample(10_000), sample(10_000, bad=1_400)) == []


def test_rejected_pages_count_beside_those_that_were_read() -> None:
    (found,) = compare(sample(100, rejected=1), sample(2, rejected=8))
    assert str(found) == "rejected: 1% before, now 80%"


def test_where_there_is_nothing_to_compare_nothing_moved() -> None:
    assert compare(sample(0), sample(50, bad=50)) == []
    assert compare(sample(50), sample(0)) == []


@pytest.mark.parametrize(("bad", "of", "bad_now", "of_now"), [(0, 100, 3, 3), (5, 40, 9, 20), (3, 3, 0, 5)])
def test_the_chance_is_that_of_fishers_exact_test(bad: int, of: int, bad_now: int, of_now: int) -> None:
    all_bad, everything = bad + bad_now, of + of_now
    exact = sum(
        comb(all_bad, k) * comb(everything - all_bad, of_now - k)
        for k in range(bad_now, min(all_bad, of_now) + 1)
    ) / comb(everything, of_now)
    assert chance(bad, of, bad_now, of_now) == pytest.approx(exact)


def test_a_median_that_jumps_by_chance_is_no_drift_and_texts_cut_in_half_are() -> None:
    draw = random.Random(7)
    mixed = tuple(draw.choice([1, 1, 30]) for _ in range(300))
    now = tuple(draw.choice([1, 30, 30]) for _ in range(15))
    assert compare(Sample(300, 0, 0, 0, 0, mixed, mixed), Sample(15, 0, 0, 0, 0, now, now)) == []
    long = tuple(draw.randrange(4_000, 9_000) for _ in range(300))
    short = tuple(number // 4 for number in long[:20])
    found = compare(Sample(300, 0, 0, 0, 0, (), long), Sample(20, 0, 0, 0, 0, (), short))
    assert [drift.what for drift in found] == ["characters a document"]
    assert rank_chance([4] * 50, [4] * 50) == 1.0


def test_a_new_layout_shows_in_the_pages_of_the_last_days_alone(database: Database) -> None:
    bureau = Bureau(database)
    said = Turn(("It sails.",), label="Edda Rosk", speaker="Edda Rosk")
    for number in range(40, 70):
        bureau.publish(day(number), said, Turn((f"Ferry {number}.",)))
    for number in range(4):
        words = Turn((f"Ferry {number}.",)), Turn(("That is all.",))
        bureau.publish(day(number), *words, doubts=[f"no layout of it {NO_LAYOUT}"])
    lost = [Lost("ministry", day(2), True, "rejected", "no body", f"https://x/{n}") for n in range(9)]
    strangers = [Lost("office", day(2), True, "rejected", "no body", f"https://y/{n}") for n in range(9)]
    with database.read() as session:
        found = drifts(session, "ministry", TODAY, lost + strangers)
        assert [drift.what for drift in found] == ["rejected", "read without a layout", "without a speaker"]
        assert drifts(session, "ministry", day(10), lost) == []
        assert drifts(session, "nobody", TODAY, lost) == []
