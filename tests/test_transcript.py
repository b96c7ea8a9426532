"""The text format: `parse` and `render` undo each other whatever is said, and errors name the line."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.sameness import SHORT_WORDS, digest, same_document
from storage.transcript import LABEL_LIMIT, FormatError, Transcript, Turn, clean, parse, render
from storage.words import printed

SAMPLE = """\
3 march / 2021

Briefing by the Spokesperson: the ferry, the pier and two other matters

Good morning. There are three announcements today.
The first one is short.

Question: Will the pier open?
If so: when?

Edda Rosk: Yes. On Monday, at 9:30.
To be exact: at the eastern end.

\u2060There were two answers: yes and no.

Question (retranslated): And the ferry?

Edda Rosk:"""

# Text that the format could stumble over, beside all of Unicode.
AWKWARD = st.sampled_from(
    [
        *(": ", ":", "::", " :", "\n", "\r\n", "\r", "\t", "\x00", "\x0b", "\x0c", "\x1c", "\x1e", "\x7f"),
        *("\x85", "\xa0", "\xad", "\u0301", "\u0338", "\u200b", "\u200d", "\u2028", "\u2029", "\u2060"),
        *("\u3000", "\ufeff", "\ud800", "\ufffe", "Question: ", "e\u0301", "\u1100\u1161", "\U0001f600"),
    ]
)
TEXT = st.lists(AWKWARD | st.text(max_size=8) | st.characters(exclude_categories=()), max_size=12).map(
    "".join
)


def is_label(text: str) -> bool:
    label = clean(text)
    return bool(label) and len(label) <= LABEL_LIMIT and ": " not in label and not label.endswith(":")


TURNS = st.builds(
    Turn,
    paragraphs=st.lists(TEXT.filter(clean), min_size=1, max_size=4).map(tuple),
    label=st.none() | TEXT.filter(is_label),
) | st.builds(Turn, paragraphs=st.just(()), label=TEXT.filter(is_label))
TRANSCRIPTS = st.builds(
    Transcript,
    date=st.dates(),
    title=TEXT.filter(clean),
    turns=st.lists(TURNS, max_size=5).map(tuple),
)


@settings(deadline=None)
@given(TRANSCRIPTS)
@example(Transcript(dt.date(2020, 1, 2), "T", (Turn(("There were two answers:", "yes", "no")),)))
@example(Transcript(dt.date(2020, 1, 2), "T", (Turn((":: a", "b")), Turn(("a:: b: c",)))))
@example(Transcript(dt.date(1, 1, 1), "T: t", (Turn((), label="A"), Turn(("x" * 300 + ": y",)))))
def test_what_is_rendered_is_parsed_back(transcript: Transcript) -> None:
    text = render(transcript)
    assert parse(text) == transcript
    assert render(parse(text)) == text


@settings(deadline=None)
@given(TRANSCRIPTS)
def test_a_rendered_text_is_canonical(transcript: Transcript) -> None:
    text = render(transcript)
    assert unicodedata.is_normalized("NFC", text)
    assert text == text.rstrip()
    assert text.encode().decode() == text
    lines = text.split("\n")
    assert lines == text.splitlines()
    for line in lines:
        assert line == line.strip()
        assert "  " not in line
    assert not {char for char in text if char.isspace()} - {" ", "\n"}


@settings(deadline=None)
@given(TRANSCRIPTS, st.integers(0, 80))
def test_the_digest_is_of_labels_and_words_and_of_a_short_text_of_its_date_and_title(
    transcript: Transcript, more: int
) -> None:
    longer = replace(transcript, turns=(*transcript.turns, Turn(("Word " * more + "End",))))
    words = [word for turn in longer.turns for word in f"{turn.label or ''} {turn.text}".split()]
    if len(printed(" ".join(words))) < SHORT_WORDS:
        words += [longer.date.isoformat(), *longer.title.split()]
    assert digest(longer) == hashlib.sha256(" ".join(words).casefold().encode()).hexdigest()


@settings(deadline=None)
@given(TEXT)
def test_cleaning_a_clean_text_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_no_mark_that_nobody_sees_makes_another_text() -> None:
    marks = "\u00ad\u061c\u200b\u200e\u200f\u202b\u2060\u2066\ufeff"
    assert clean("".join(f"{mark}ب" for mark in marks)) == "ب" * len(marks)
    assert clean("می\u200cخواهیم") == "می\u200cخواهیم"  # a joiner is a letter's form


@settings(deadline=None)
@given(st.lists(TEXT, max_size=6).map("\n".join), st.booleans())
def test_any_text_is_parsed_or_refused_by_line(body: str, headed: bool) -> None:
    text = f"1 may / 2020\n\n{body}" if headed else body
    try:
        transcript = parse(text)
    except FormatError as problem:
        assert str(problem).startswith("line")
    else:
        assert parse(render(transcript)) == transcript


def test_the_sample_gives_back_its_very_bytes(corpus: Path) -> None:
    samples = sorted((corpus.parent / "seed").glob("*.txt"))
    if not samples:
        pytest.skip("the sample of the text format is not beside the corpus")
    for path in samples:
        data = path.read_bytes()
        assert render(parse(data.decode())).encode() == data


def test_an_invented_sample_gives_back_its_very_bytes() -> None:
    transcript = parse(SAMPLE)
    assert render(transcript) == SAMPLE
    assert transcript == Transcript(
        dt.date(2021, 3, 3),
        "Briefing by the Spokesperson: the ferry, the pier and two other matters",
        (
            Turn(("Good morning. There are three announcements today.", "The first one is short.")),
            Turn(("Will the pier open?", "If so: when?"), label="Question"),
            Turn(("Yes. On Monday, at 9:30.", "To be exact: at the eastern end."), label="Edda Rosk"),
            Turn(("There were two answers: yes and no.",)),
            Turn(("And the ferry?",), label="Question (retranslated)"),
            Turn((), label="Edda Rosk"),
        ),
    )


def test_a_mark_of_byte_order_windows_lines_and_blank_lines_at_the_end_are_forgiven() -> None:
    assert parse("\ufeff" + SAMPLE.replace("\n", "\r\n") + "\r\n\r\n") == parse(SAMPLE)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "line 1:"),
        ("25 August / 2017\n\nTitle", "line 1:"),
        ("25 august 2017\n\nTitle", "line 1:"),
        ("025 august / 2017\n\nTitle", "line 1:"),
        ("31 june / 2017\n\nTitle", "line 1:"),
        ("25 august / 0000\n\nTitle", "line 1:"),
        ("2٥ august / 2017\n\nTitle", "line 1:"),
        ("25 august / 2017", "lines 2 and 3:"),
        ("25 august / 2017\nTitle", "lines 2 and 3:"),
        ("25 august / 2017\n\n\nTitle", "lines 2 and 3:"),
        ("25 august / 2017\n\n\u200b", "lines 2 and 3:"),
        ("25 august / 2017\n\nTitle\nanother line", "line 4:"),
    ],
)
def test_an_error_names_the_line(text: str, where: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse(text)
    assert str(caught.value).startswith(where)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("label", ["", " ", "\u200b", "a: b", "a:", "a:\xa0b", "x" * (LABEL_LIMIT + 1)])
def test_a_label_that_can_not_be_told_from_the_text_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match="not a label"):
        Turn(("text",), label=label)


def test_the_longest_label_is_a_label_and_one_more_character_is_text() -> None:
    label = "x" * LABEL_LIMIT
    assert Turn(("y",), label=label).label == label
    assert parse(f"1 may / 2020\n\nT\n\n{label}: y").turns[0].label == label
    assert parse(f"1 may / 2020\n\nT\n\nx{label}: y").turns[0].label is None


def test_an_empty_turn_or_title_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a paragraph"):
        Turn(("", "\u200b \n"))
    with pytest.raises(ValueError, match="needs a title"):
        Transcript(dt.date(2020, 1, 1), " \x00", ())


def test_what_the_format_does_not_hold_does_not_tell_two_transcripts_apart() -> None:
    turn = Turn(("a",), label="Q", role="question", speaker="Q")
    assert turn == Turn(("a",), label="Q")
    day = dt.date(2020, 1, 1)
    assert Transcript(day, "t", (turn,), language="en", doubts=("x",)) == Transcript(day, "t", (turn,))


def test_an_edited_text_is_the_same_document_in_a_script_without_spaces_too() -> None:
    chance = random.Random(5)
    said = ["".join(chr(chance.randrange(0x4E00, 0x5E00)) for _ in range(80)) for _ in range(3)]
    day = dt.date(2026, 3, 20)
    before = Transcript(day, "会谈", (Turn(tuple(said)),))
    after = Transcript(day, "会谈", (Turn((said[0], said[1][:40] + "新" + said[1][41:], said[2])),))
    other = Transcript(day, "会谈", (Turn(tuple(text[::-1] for text in said)),))
    assert same_document(before, after) and not same_document(before, other)
