"""Words: what a text is cut into before two texts are compared."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage.words import LONGEST_WORD, looked_for, printed, spoken


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, it’s “3.5%”.", ["hello", "it", "s", "3", "5"]),
        ("Привет, МИР!", ["привет", "мир"]),
        ("外交部：中国。", ["外", "交", "部", "中", "国"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("शांति चाहता है। १॥", ["शांति", "चाहता", "है", "१"]),
        ("ދިވެހި", ["ދިވެހި"]),
        ("བོད་ཡིག", ["བོད", "ཡིག"]),
        ("Здоровʼя, здоров’я", ["здоров", "я", "здоров", "я"]),
        ("İsrail, I\u0307ran", ["israil", "iran"]),
        ("❤\ufe0f 1\ufe0f\u20e3", ["1"]),
        ("مرحبا، بالعالم", ["مرحبا", "بالعالم"]),
        ("", []),
    ],
)
def test_what_is_said_is_cut_into_words_in_every_script(text: str, words: list[str]) -> None:
    assert spoken(text) == words


def test_what_is_printed_keeps_case_and_punctuation() -> None:
    assert printed("Hello, it’s\n外交。") == ["Hello,", "it’s", "外", "交", "。"]


@given(
    st.text(
        st.one_of(
            st.characters(max_codepoint=0xFFFF),
            st.sampled_from("_ 'e\u0301\u0307İiI\u093f\u0f72\u0fb2\u02bc\u4e00\u0e01"),
        )
    )
    | st.text(st.characters(max_codepoint=0x7F) | st.sampled_from("’‘“”–—…\u00a0_éß"))
)
def test_a_rare_script_beside_a_text_changes_no_word_of_it(text: str) -> None:
    assert spoken(f"{text} \U00010a10") == [*spoken(text), "\U00010a10"]


@given(
    st.lists(
        st.integers(1, 3) | st.integers(LONGEST_WORD - 2, LONGEST_WORD + 2) | st.just(3 * LONGEST_WORD),
        max_size=9,
    ),
    st.sampled_from(["a", "ß", "я", "字"]),
    st.sampled_from([" ", ", ", "\u4e00", "’"]),
)
@example([LONGEST_WORD + 1], "a", " ")
@example([1, LONGEST_WORD + 1, 1], "a", " ")
def test_no_word_that_is_looked_for_is_longer_than_an_index_takes(
    lengths: list[int], letter: str, between: str
) -> None:
    text = between.join(letter * length for length in lengths)
    assert looked_for(text) == [word[:LONGEST_WORD] for word in spoken(text)]
