"""Differences: every changed word is shown, by turn, in every script; and a long transcript takes no time."""

from __future__ import annotations

import datetime as dt
import random
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.diff import Numbered, TurnChange, changes, compare, edits
from storage.sections import sections
from storage.transcript import Transcript, Turn, as_dict

DAY = dt.date(2026, 3, 20)
OLD = Transcript(
    DAY,
    "On the ferry",
    (
        Turn(("Good morning.",)),
        Turn(("Will it sail?",), label="Question"),
        Turn(("It sails on Monday with 40 cars.", "That is all."), label="Edda Rosk"),
        Turn(("And the bridge, when will that be built?",), label="Question"),
        Turn(("No.",), label="Edda Rosk"),
    ),
)


def shown(old: str, new: str) -> list[str]:
    return [str(change) for change in changes(old, new)]


def with_turn(number: int, *turns: Turn) -> Transcript:
    """The old transcript with other turns in place of one."""
    return replace(OLD, turns=(*OLD.turns[: number - 1], *turns, *OLD.turns[number:]))


def applied(old: list[str], new: list[str]) -> list[str]:
    """The new words, made of the old ones and the edits."""
    out, i = [], 0
    for edit in edits(old, new):
        out += old[i : edit.start] + new[edit.new_start : edit.new_end]
        i = edit.end
    return out + old[i:]


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        ("We met on Monday.", "We met on Friday.", ["We met on [-Monday.-]{+Friday.+}"]),
        ("We met.", "We  met.\n", []),
        ("", "We met.", ["{+We met.+}"]),
        ("We met.", "", ["[-We met.-]"]),
        ("a b c d e f g", "a b c d f g", ["a b c d [-e-] f g"]),
        ("a b c d e f g", "a b c d e x f g", ["… b c d e {+x+} f g"]),
        (
            "0 1 2 3 4 5 6 7 8 9 a b c d",
            "0 X 2 3 4 5 6 7 Y 9 a b c d",
            ["0 [-1-]{+X+} 2 3 4 5 6 7 [-8-]{+Y+} 9 a b c …"],
        ),
        ("1 2 3 4 5 6 7 8 9 b", "2 3 4 5 6 7 8 9", ["[-1-] 2 3 4 5 6 7 8 9 [-b-]"]),
        ("1 2 3 4 5 6 7 8 9 a b", "2 3 4 5 6 7 8 9 a b c", ["[-1-] 2 3 4 5 …", "… 8 9 a b {+c+}"]),
        ("中国外交部发言人毛宁", "中国国防部发言人毛宁", ["中国[-外交-]{+国防+}部发言人 …"]),
        ("приезд в Минск", "отъезд в Минск", ["[-приезд-]{+отъезд+} в Минск"]),
    ],
)
def test_changes_are_shown_in_words_as_they_were_printed(old: str, new: str, seen: list[str]) -> None:
    assert shown(old, new) == seen


def test_a_passage_that_was_rewritten_is_one_change_whatever_small_words_it_keeps() -> None:
    old = "He thanked the envoys warmly and their guests of honour from abroad."
    new = "She left for home early without the press of cameras and microphones."
    assert len(list(edits(old.split(), new.split()))) == 1


WORDS = st.lists(st.sampled_from(["a", "b", "c", "the", "the", "x", "y", "z"]), max_size=40)


@given(WORDS, WORDS)
def test_the_edits_lead_from_the_old_words_to_the_new(old: list[str], new: list[str]) -> None:
    assert applied(old, new) == new
    assert bool(list(edits(old, new))) == (old != new)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_are_compared_and_one_text_with_itself_shows_nothing(old: str, new: str) -> None:
    assert bool(shown(old, new)) == (bool(shown(new, old)))
    assert shown(old, old) == []


# --- turns ---------------------------------------------------------------------------------------


def test_a_transcript_is_no_different_from_itself() -> None:
    assert not compare(OLD, OLD)


def test_a_change_is_told_with_its_turn() -> None:
    now = Turn(("It sails on Friday with 40 cars.", "That is all."), label="Edda Rosk")
    (found,) = compare(OLD, with_turn(3, now)).turns
    assert (found.old, found.new) == (Numbered(3, OLD.turns[2]), Numbered(3, now))
    assert [str(change) for change in found.changes] == [
        "It sails on [-Monday-]{+Friday+} with 40 cars. That …"
    ]


def test_a_turn_put_in_or_taken_out_whole_is_told_so_and_the_others_are_left_alone() -> None:
    extra = Turn(("Who pays for it, if I may ask?",), label="Question")
    more = with_turn(4, extra, OLD.turns[3])
    assert compare(OLD, more).turns == (TurnChange(None, Numbered(4, extra)),)
    assert compare(more, OLD).turns == (TurnChange(Numbered(4, extra), None),)


def test_a_rewritten_turn_is_known_by_its_place_and_label() -> None:
    (found,) = compare(OLD, with_turn(5, Turn(("Yes!",), label="Edda Rosk"))).turns
    assert [str(change) for change in found.changes] == ["[-No.-]{+Yes!+}"]


def test_a_new_label_or_other_paragraphs_are_a_change_without_a_word_changed() -> None:
    relabelled = Turn(OLD.turns[2].paragraphs, label="E. Rosk")
    joined = Turn((OLD.turns[2].text.replace("\n", " "),), label="Edda Rosk")
    for now in (relabelled, joined):
        (found,) = compare(OLD, with_turn(3, now)).turns
        assert (found.old, found.new, found.changes) == (Numbered(3, OLD.turns[2]), Numbered(3, now), ())


def test_title_and_date_are_compared_too() -> None:
    found = compare(OLD, replace(OLD, title="On the bridge", date=DAY + dt.timedelta(1)))
    assert found.date == (DAY, DAY + dt.timedelta(1))
    assert [str(change) for change in found.title] == ["On the [-ferry-]{+bridge+}"]
    assert not found.turns


def test_titles_that_differ_in_spaces_alone_are_shown_whole() -> None:
    (change,) = compare(replace(OLD, title="中 国"), replace(OLD, title="中国")).title
    assert str(change) == "[-中 国-]{+中国+}"


# --- two readings of one capture -----------------------------------------------------------------


def told(old: Transcript, new: Transcript) -> list[tuple[str, str, list[str]]]:
    """The sections of two readings, each with its remark."""
    return [
        (each.heading, str(each.remark or ""), [str(passage) for passage in each.passages])
        for each in sections(compare(old, new, readings=True))
    ]


def test_who_spoke_is_told_of_two_readings_and_not_of_two_pages() -> None:
    was = Turn(OLD.turns[2].paragraphs, "Edda Rosk", "answer", "Edda Rosk")
    now = replace(was, role="question", speaker=None)
    assert told(with_turn(3, was), with_turn(3, now)) == [
        ("turn 3", "role [-answer-]{+question+}, speaker [-Edda Rosk-]", [])
    ]
    joined = replace(now, paragraphs=(was.text.replace("\n", " "),), role="answer")
    assert told(with_turn(3, was), with_turn(3, joined)) == [
        ("turn 3", "the same words, spaced or parted into paragraphs otherwise, speaker [-Edda Rosk-]", [])
    ]
    added = told(replace(OLD, turns=OLD.turns[:2]), replace(OLD, turns=(*OLD.turns[:2], was)))
    assert [(heading, remark) for heading, remark, _ in added] == [
        ("turn 3", "put in, role {+answer+}, speaker {+Edda Rosk+}")
    ]
    assert not compare(with_turn(3, was), with_turn(3, now))


def test_details_are_told_of_two_readings_and_not_of_two_pages() -> None:
    was = replace(OLD, language="en", event_date=DAY, doubts=("one", "two"), left_out=("Contents",))
    now = replace(OLD, language="de", kind="transcript", number="7-1", doubts=("two", "three"))
    assert told(was, now) == [
        ("language", "", ["[-en-]{+de+}"]),
        ("kind", "", ["[-news-]{+transcript+}"]),
        ("event date", "", ["[-2026-03-20-]"]),
        ("number", "", ["{+7-1+}"]),
        ("left out", "", ["[-Contents-]"]),
        ("doubts", "", ["[-one-]", "{+three+}"]),
    ]
    assert not compare(was, now)


READINGS = st.builds(
    Transcript,
    st.sampled_from([DAY, DAY + dt.timedelta(1)]),
    st.sampled_from(["On the ferry", "On  the ferry!", "中国", "中 国"]),
    st.lists(
        st.builds(
            Turn,
            st.sampled_from([("Yes.",), ("Yes.", "No."), ("Yes. No.",), ("N o.",)]),
            st.sampled_from([None, "Q"]),
            st.sampled_from([None, "question", "answer"]),
            st.sampled_from([None, "Edda Rosk"]),
        ),
        max_size=3,
    ).map(tuple),
    st.sampled_from([None, "en"]),
    st.sampled_from(["news", "transcript"]),
    st.sampled_from([None, DAY]),
    st.sampled_from([None, "1"]),
    st.lists(st.sampled_from("ab"), max_size=2).map(tuple),
    st.lists(st.sampled_from("ab"), max_size=2).map(tuple),
)


@given(READINGS, READINGS)
def test_two_readings_that_differ_in_anything_show_it(old: Transcript, new: Transcript) -> None:
    assert bool(told(old, new)) == (as_dict(old) != as_dict(new))


TURNS = st.lists(
    st.builds(
        lambda label, words: Turn((" ".join(words),), label=label),
        st.sampled_from(["Q", "A"]),
        st.lists(st.sampled_from("abcdefgh"), max_size=6),
    ),
    max_size=8,
)


@given(TURNS, TURNS)
def test_every_turn_is_as_it_was_or_told_of_once_and_in_order(old: list[Turn], new: list[Turn]) -> None:
    found = compare(Transcript(DAY, "T", tuple(old)), Transcript(DAY, "T", tuple(new))).turns
    was = [each.old.number for each in found if each.old]
    now = [each.new.number for each in found if each.new]
    assert was == sorted(set(was)) and now == sorted(set(now))
    rest = [turn for n, turn in enumerate(old, 1) if n not in was]
    assert rest == [turn for n, turn in enumerate(new, 1) if n not in now]


# --- long ones -----------------------------------------------------------------------------------


def spoken_at_length(words: int) -> list[str]:
    """Words as common and as rare as those of prose."""
    weights = [1 / (rank + 1) for rank in range(6000)]
    return random.Random(1).choices([f"w{rank}" for rank in range(6000)], weights, k=words)


def in_turns(words: list[str]) -> Transcript:
    turns = [" ".join(words[n : n + 50]) for n in range(0, len(words), 50)]
    return Transcript(DAY, "T", tuple(Turn((text,), label="QA"[n % 2]) for n, text in enumerate(turns)))


def test_a_transcript_of_20000_words_with_an_edit_in_every_turn_is_compared_at_once() -> None:
    old = spoken_at_length(20_000)
    new = [f"{word}’" if n % 50 == 7 else word for n, word in enumerate(old)]
    begun = time.perf_counter()
    found = compare(in_turns(old), in_turns(new))
    assert time.perf_counter() - begun < 2  # 0.1 s measured
    assert [len(turn.changes) for turn in found.turns] == [1] * 400


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["x", "y"] * 10_000, ["x", "z"] * 10_000),
        (spoken_at_length(20_000), spoken_at_length(20_000)[::-1]),
        (
            [word for n in range(200) for word in (*["x", "y"] * 50, str(n))],
            [word for n in range(200) for word in (*["z", "x"] * 50, str(n))],
        ),
    ],
    ids=["two words", "backwards", "two words between rare ones"],
)
def test_no_text_takes_long_to_compare(old: list[str], new: list[str]) -> None:
    begun = time.perf_counter()
    assert applied(old, new) == new
    assert time.perf_counter() - begun < 5  # 1 s measured
