"""Labels that end in a mark that is no colon, and lists, directions and hyphens that look alike."""

from __future__ import annotations

import string

import pytest

from tests.test_turns import SPEECH, labels, read, roles

ASKED = {
    "en": ("Minister, will the boats go out?", "And the nets, are they mended?"),
    "ja": (
        "港湾の予算について、大臣のお考えをお聞かせください。",
        "地方の負担はどのようになるのでしょうか。",
    ),
    "ar": ("ما هي ميزانية الموانئ للسنة القادمة؟", "وماذا عن الصيادين الصغار؟"),
    "tr": ("Sayın Bakan, limanların bütçesi ne olacak?", "Peki küçük balıkçılar ne olacak?"),
}
ANSWERED = {
    "en": SPEECH,
    "ja": "関係省庁と調整をしているところでございまして、年末までに決めてまいりたいと思います。",
    "ar": "نعمل مع الوزارات المعنية على ذلك وسوف نعلن القرار قبل نهاية السنة الجارية.",
    "tr": "Bütçe üzerinde bakanlıklarla çalışıyoruz ve yıl sonuna kadar karar vereceğiz.",
}


@pytest.mark.parametrize("form", ["<p>{}{}</p>", "<p>{}<br>{}</p>"])
@pytest.mark.parametrize(
    ("language", "ask", "answer"),
    [
        ("en", "Q) ", "A) "),
        ("en", "(Q) ", "(A) "),
        ("en", "Q/ ", "A/ "),
        ("en", "Q- ", "A- "),
        ("en", "[Reporter] ", "[Minister Berg] "),
        ("en", "&gt;&gt; REPORTER: ", "&gt;&gt; ANNA BERG: "),
        ("ja", "問　", "答　"),
        ("ja", "○記者　", "○大臣　"),
        ("ja", "Ｑ．", "Ａ．"),
        ("ar", "س/ ", "ج/ "),
        ("ar", "سؤال/ ", "جواب/ "),
        ("tr", "GAZETECİ- ", "BAKAN BERK- "),
        ("tr", "SORU- ", "CEVAP- "),
        ("tr", "MUHABİR - ", "BAKAN BERK - "),
    ],
)
def test_a_label_may_end_in_a_mark_that_is_no_colon(language: str, ask: str, answer: str, form: str) -> None:
    if "<br>" in form and ask[-1] not in ") ]":
        form = "<p>{}{}</p>"
    first, second = ASKED[language]
    said = ((ask, first), (answer, ANSWERED[language]), (ask, second), (answer, ANSWERED[language]))
    found = read("".join(form.format(*each) for each in said), language)
    assert [turn.role for turn in found] == ["question", "answer"] * 2
    assert [turn.text for turn in found] == [text.strip() for _, text in said]


def test_a_name_before_a_mark_is_a_voice_if_it_answers() -> None:
    said = (
        "Q) Will you go?",
        "Minister Berg) ~",
        "Q) And the nets?",
        "(Laughter) They laugh.",
        "Minister Berg) ~",
    )
    assert labels(*said) == ["Question", "Minister Berg", "Question", "Minister Berg"]


@pytest.mark.parametrize("mark", ["{}) ", "({}) ", "{}/ ", "{}- ", "[{}] "])
def test_the_points_of_a_list_are_no_voices(mark: str) -> None:
    # In Italian d asks, and in Spanish and French p or q does and r answers.
    for letters in (string.ascii_lowercase, string.ascii_uppercase[:5], string.ascii_uppercase):
        points = [f"{mark.format(letter)}The {letter} boats will sail in spring." for letter in letters]
        for language in ("en", "de", "es", "fr", "it", "xx"):
            assert labels(*points, *points, language=language) == [None]


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("en", ("(Press) The harbour opens", "(Speech) The president on boats")),
        ("en", ("Reporter- Anna Berg", "Camera- Tom Moss")),
        ("en", ("Press/ Media registration", "Harbour/ Port guide")),
        ("en", ("Press) The papers of a town.", "Quay) A wall along the water.")),
        ("de", ("Journalist- Wer für Zeitungen schreibt;", "Kai- Ein Ufer aus Stein;")),
        ("ja", ("質問　記者団", "記者会見　午後三時")),
        ("zh", ("记者 张三 报道", "新华社 北京电 港口今天开放。")),
        ("ko", ("기자) 신문에 글을 쓰는 사람.", "항구) 배를 대는 곳.")),
        ("ar", ("المراسل/ أحمد", "القاهرة/ أعلنت الوزارة ميزانية الموانئ.")),
    ],
)
def test_who_asks_no_sentence_is_no_voice(language: str, lines: tuple[str, str]) -> None:
    assert labels(*lines, *lines, language=language) == [None]


@pytest.mark.parametrize(
    ("language", "ask", "answer"),
    [
        ("ja", "（問）", "（答）"),
        ("ja", "問）", "答）"),
        ("ja", "＜Ｑ＞", "＜Ａ＞"),
        ("ko", "(질문) ", "(답변) "),
        ("ko", "&lt;Q&gt; ", "&lt;A&gt; "),
        ("ko", "〈Q〉 ", "〈A〉 "),
        ("en", "[Q] ", "[A] "),
    ],
)
def test_one_question_and_its_answer_are_enough(language: str, ask: str, answer: str) -> None:
    said = (f"{ask}港湾の予算は？", f"{answer}年末までに決めてまいります。")
    assert roles(*said, language=language) == ["question", "answer"]


def test_a_text_in_which_words_are_parted_has_no_label_before_a_space() -> None:
    said = (
        "기자 회견이 항구에서 열렸다.",
        "장관 베르크는 배에 대해 말했다.",
        "기자 들은 그물에 대해 물었다.",
        "장관 베르크는 웃었다.",
    )
    assert labels(*said, language="ko") == [None]


def test_half_of_a_word_is_no_label() -> None:
    said = ("Frage- und Antwortrunden finden im Hafen statt.", "Wind- und Wetterdaten stehen im Anhang.")
    assert labels(*said, *said, "Fisch- und Netzfang ruhen.", language="de") == [None]


def test_a_voice_from_the_room_may_ask() -> None:
    assert roles(
        "<b>Minister Moss:</b> ~",
        "<b>Voice:</b> And the boats?",
        "<b>Minister Moss:</b> ~",
        "<b>Voice:</b> Hear!",
    ) == ["statement", "question", "answer", "note"]


def test_who_calls_on_a_questioner_asks_nothing() -> None:
    assert roles(
        "<b>Minister Moss:</b> ~",
        "<b>Staff:</b> Last question, please. Who is it?",
        "<b>Question:</b> And the boats?",
        "<b>Minister Moss:</b> ~",
    ) == ["statement", "note", "question", "answer"]
