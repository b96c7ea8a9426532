"""Turns: what a label is, whose it is, and that no word is lost between paragraphs and turns."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import blocks
from crawler.blocks import Paragraph
from crawler.languages import words
from crawler.looks import is_speech
from crawler.markup import parse
from crawler.turns import cut, turns, voiced
from storage.transcript import Turn

# A speech long enough to be believed, that a document would not hold.
SPEECH = "We have said so before, and I say it to you again: this matter is not closed. " * 3


def read(markup: str, language: str = "en") -> tuple[Turn, ...]:
    root = parse(f"<html><body><div>{markup}</div></body></html>")
    assert root is not None
    paragraphs, _ = blocks.read([root], frozenset())
    paragraphs, _ = blocks.without_contents(paragraphs, words(language))
    return turns(paragraphs, language)[0]


def labels(*paragraphs: str, language: str = "en") -> list[str | None]:
    markup = "".join(f"<p>{text}</p>" for text in paragraphs).replace("~", SPEECH)
    return [turn.label for turn in read(markup, language)]


# --- what is a label -------------------------------------------------------------------------------------


def test_a_colon_in_an_ordinary_sentence_is_no_speaker() -> None:
    assert labels("The Minister of Fish said one thing: no.", "He added: never.", "Result: none.") == [None]


def test_a_sentence_that_begins_like_a_label_stays_with_its_speaker() -> None:
    said = ("<b>Ada Quill:</b> Sir?", "<b>Ivan Moss:</b> We asked.", "Question: at what expense? At ours.")
    assert labels(*said) == ["Ada Quill", "Ivan Moss"]


def test_a_line_of_an_announcement_is_no_speaker() -> None:
    assert labels(
        "<b>WHAT:</b> Press conference", "<b>WHO:</b> Minister Moss", "<b>Media contact:</b> Ada Quill"
    ) == [None]


def test_the_subjects_of_a_briefing_are_no_speaker() -> None:
    assert labels("SUBJECTS: Fish; boats.", "PRIME MINISTER: ~", "JOURNALIST: Why?", "PRIME MINISTER: ~") == [
        None, "PRIME MINISTER", "JOURNALIST", "PRIME MINISTER",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Question {}:", "Answer:"),
        ("{}. Question:", "Answer:"),
        ("<br>Question {}</p><p>", "<br>Answer</p><p>"),
    ],
)
def test_a_question_may_have_a_number_and_stand_on_a_line_of_its_own(question: str, answer: str) -> None:
    said = [f"{label} {text}" for n in "12" for label, text in ((question.format(n), "Why?"), (answer, "~"))]
    markup = "".join(f"<p>{text}</p>" for text in said).replace("~", SPEECH)
    found = read(markup)
    assert [turn.role for turn in found] == ["question", "answer"] * 2
    assert [turn.paragraphs for turn in found] == [("Why?",), (SPEECH.strip(),)] * 2
    assert [set(turn.label or "") & set("12") for turn in found] == [{"1"}, set(), {"2"}, set()]


def test_a_numbered_list_has_no_speakers() -> None:
    points = ("1. Bilateral Trade: ~", "2. Security Council: ~")
    assert labels("Question: Why?", "Ivan Moss: ~", *points, "Question: When?", "Ivan Moss: ~") == [
        "Question", "Ivan Moss", "Question", "Ivan Moss",
    ]  # fmt: skip


def test_a_document_with_bold_headings_has_no_speakers() -> None:
    parts = ("Rule of Law", "Asset Recovery", "Border Management")
    text = "The parties will strengthen their cooperation and report on it every year."
    assert labels(*(f"<b>{part}:</b> {text}" for part in parts)) == [None]


@pytest.mark.parametrize("mark", ["<b>~:</b>", "~:"])
def test_an_answer_may_be_as_stiff_as_a_document(mark: str) -> None:
    stiff = (
        "The position of Arcadia has not changed since it was published, and it will not change this year."
    )
    voices = ("Ivan Moss", "Ada Quill", "Coast News", "Ada Quill")
    said = ("Has the position changed?", stiff, "It is said: “It will.” What is the comment?", stiff)
    lines = [f"{mark.replace('~', voice)} {text}" for voice, text in zip(voices, said, strict=True)]
    assert labels(*lines) == list(voices)
    # Not so where nobody is asked.
    assert labels(*(line.replace("?", ".") for line in lines)) == [None]


@pytest.mark.parametrize("said", ["You said, “It will sail.”", "中方有何评论？", "（笑）"])
def test_bold_that_ends_as_speech_does_is_the_speakers(said: str) -> None:
    assert labels("<b>Question: You spoke.</b>", f"<b>{said}</b>", "<b>Ada Quill:</b> I did. ~") == [
        *("Question", "Ada Quill")
    ]


def test_a_quotation_after_a_name_in_a_news_item_is_no_turn() -> None:
    assert labels("Ivan Moss: “We will see”, he said on Monday.", "Nothing else was announced.") == [None]


@pytest.mark.parametrize(
    "markup",
    [
        "<b>Ivan Moss:</b> Good day.",
        "<b>Ivan Moss</b>: Good day.",
        "<b>Ivan</b> <b>Moss:</b> Good day.",
        "I<b>van Moss:</b> Good day.",
        "<b>Ivan Moss: G</b>ood day.",
        "<strong>Ivan Moss:</strong>Good day.",
        "<span style='font-weight: bold'>Ivan Moss:</span> Good day.",
        "Ivan Moss: Good day.",
        "<b>Ivan Moss.</b> Good day.",
        "<b>Ivan Moss</b> Good day.",
    ],
)
def test_a_label_is_known_however_its_bold_is_set(markup: str) -> None:
    found = read(f"<p><b>Question</b>: Sir?</p><p><b>Ivan Moss:</b> Yes.</p><p>{markup}</p>")
    assert found[-1] == Turn(("Good day.",), "Ivan Moss")


@pytest.mark.parametrize("line", ["<h3>~</h3>", "<p><b>~</b></p>"])
def test_a_label_may_stand_above_what_is_said_and_have_no_colon(line: str) -> None:
    voices = ("Question (Coast News)", "Foreign Minister", "Question (Boat News)", "Foreign Minister")
    said = "".join(f"{line.replace('~', voice)}<p>We will.</p><p>You know it.</p>" for voice in voices)
    found = read("<h2>Q&amp;A</h2>" + said)
    assert [turn.label for turn in found] == [None, *voices]
    assert {turn.paragraphs for turn in found[1:]} == {("We will.", "You know it.")}


@pytest.mark.parametrize(
    "headings", [("Journalist", "Minister of Fish", "Ambassador"), ("Trade", "Security Council", "Trade")]
)
def test_the_headings_of_a_document_are_no_speakers(headings: tuple[str, ...]) -> None:
    assert [turn.label for turn in read("".join(f"<h3>{each}</h3><p>{SPEECH}</p>" for each in headings))] == [
        None
    ]


def test_a_remark_stays_with_its_label() -> None:
    assert labels("<b>Question</b> (retranslated): Sir?", "<b>Ivan Moss (in German):</b> Ja.") == [
        "Question (retranslated)",
        "Ivan Moss (in German)",
    ]


def test_an_office_may_be_long_begin_in_lower_case_and_hold_commas() -> None:
    office = "deputy head of the Office for Fish, Boats and scientific work, archivist of Arcadia Ada Quill"
    assert labels("<b>Ivan Moss:</b> Please.", f"<b>{office}:</b> Thank you.") == ["Ivan Moss", office]


def test_the_speaker_may_change_within_a_paragraph() -> None:
    found = read("<p><b>Ivan Moss:</b> Please. <b>Ada Quill:</b> Thank you.</p><p><b>Ivan Moss:</b> So.</p>")
    assert [(turn.label, turn.text) for turn in found] == [
        ("Ivan Moss", "Please."),
        ("Ada Quill", "Thank you."),
        ("Ivan Moss", "So."),
    ]


@pytest.mark.parametrize("form", ["{}. ", "{} ", "<b>{}.</b> ", "<b>{}</b> "])
def test_an_answer_may_be_a_bare_a(form: str) -> None:
    q, a = form.format("Q"), form.format("A")
    said = (
        q + "Will it sail?",
        a + "It will. ~",
        "A boat sails.",
        q + "When?",
        a + "Soon.",
        q + "Thank you.",
    )
    assert labels(*said) == ["Question", "A", "Question", "A", "Question"]
    assert [turn.role for turn in read("".join(f"<p>{each}</p>" for each in said))][1::2] == ["answer"] * 2


@pytest.mark.parametrize("answer", ["A. ", "A{}. "])
def test_a_bare_letter_may_have_a_number(answer: str) -> None:
    said = [(f"Q{n}. Will it sail?", f"{answer.format(n)}It will. ~") for n in (1, 2, 10)]
    marks = [(f"Q{n}", answer.format(n)[:-2]) for n in (1, 2, 10)]
    assert labels(*(line for pair in said for line in pair)) == [mark for pair in marks for mark in pair]
    assert labels("Q1 2024 was strong.", "Q2 2024 was weak. ~", "Q3 2024 was strong.") == [None]


def test_an_a_that_begins_a_sentence_or_a_list_is_no_answer() -> None:
    said = ("Q Will it sail?", "A boat, they say.", "MR. MOSS: It will. ~", "A. When it thaws.", "Q When?")
    assert labels(*said, "MR. MOSS: Soon.", "Q Where?") == [
        *("Question", "MR. MOSS", "Question", "MR. MOSS", "Question"),
    ]


def test_a_question_may_be_a_bare_q() -> None:
    found = read(
        "<p>2:16 P.M. EDT</p><p>MR. MOSS:&nbsp; Good afternoon. One thing: fish.</p>"
        "<p>Q&nbsp;&nbsp; Sir, a follow-up: why?</p><p>MR. MOSS:  Because. (Laughter.)<br>END  2:25 P.M. EDT</p>"
    )
    assert [(turn.label, turn.text) for turn in found] == [
        (None, "2:16 P.M. EDT"),
        ("MR. MOSS", "Good afternoon. One thing: fish."),
        ("Question", "Sir, a follow-up: why?"),
        ("MR. MOSS", "Because. (Laughter.)"),
        (None, "END 2:25 P.M. EDT"),
    ]


def test_the_lines_of_a_set_text_are_its_own() -> None:
    found = read("<pre>QUESTION: Will it\nsail?\n\nMR. MOSS: Yes.\nMR. ROSK: No, I\nthink.</pre>")
    assert [(turn.label, turn.text) for turn in found] == [
        ("Question", "Will it sail?"),
        ("MR. MOSS", "Yes."),
        ("MR. ROSK", "No, I think."),
    ]


def test_an_answer_on_the_line_below_a_bold_question_is_not_the_questioners() -> None:
    asked = "<p><b>Question: Will it sail?<br>In May?</b><br>It will. ~</p><p><b>Question:</b><br>When?</p>"
    found = read(asked.replace("~", SPEECH))
    assert [turn.label for turn in found] == ["Question", None, "Question"]
    assert "When?" in found[2].text


def test_a_button_that_is_a_heading_is_text() -> None:
    found = read(
        "<h3><button>Question: Will it sail?</button></h3><p>Answer: It will.</p><button>Share</button>"
    )
    assert [(turn.label, turn.text) for turn in found] == [
        ("Question", "Will it sail?"),
        ("Answer", "It will."),
    ]


def test_what_is_raised_stays_apart_from_figures() -> None:
    assert read("<p>In 2020<sup>1</sup> 10<sup>6</sup> boats came <sup>th</sup>.</p>")[0].text == (
        "In 2020¹ 10⁶ boats came th."
    )


def test_a_break_that_is_closed_is_a_break() -> None:
    assert labels("Question: Will it sail?</br>Answer: It will. ~</br>Question: When?") == [
        *("Question", "Answer", "Question")
    ]


@pytest.mark.parametrize(
    ("language", "asked", "said", "topics"),
    [
        ("en", "Question", "Minister Rosk", ("On Arcadia", "As for Quill", "First")),
        ("ru", "Вопрос", "Эдда Роск", ("По Аркадии", "О Квилле", "Первое", "Второе")),
        ("es", "Pregunta", "Edda Rosk", ("Sobre Arcadia", "Primero", "Segundo")),
        ("fr", "Question", "Edda Rosk", ("Sur l’Arcadie", "Premièrement")),
        ("zh", "问", "罗斯克", ("关于阿卡迪亚", "第一", "第二")),
        ("de", "Frage", "Edda Rosk", ("Zu Arkadien", "Erstens", "Zweitens")),
    ],
)
def test_what_a_speaker_turns_to_is_no_speaker(
    language: str, asked: str, said: str, topics: tuple[str, ...]
) -> None:
    answer = [f"{said}: ~", *(f"{topic}: I tell you, {SPEECH}" for topic in topics)]
    lines = [f"{asked}: x?", *answer, f"{asked}: y?", *answer]
    assert set(labels(*lines, language=language)) == {"Question" if language == "en" else asked, said}


def test_an_initial_is_no_preposition() -> None:
    assert labels("В. Путин: ~", "Вопрос: Да?", "В. Путин: Да. ~", language="ru")[0] == "В. Путин"


def test_a_line_break_may_part_turns() -> None:
    found = read("<p>MS. QUILL: Thank you.<br>Q Why?<br>MS. QUILL: Because<br>of the fish.</p>")
    assert [(turn.label, turn.text) for turn in found] == [
        ("MS. QUILL", "Thank you."),
        ("Question", "Why?"),
        ("MS. QUILL", "Because of the fish."),
    ]


@pytest.mark.parametrize(
    ("language", "said", "wanted"),
    [
        ("en", ("MR MOSS: ~", "QUESTION: Sir?", "MR MOSS: No."), ["MR MOSS", "Question", "MR MOSS"]),
        ("en", ("Reporter: Sir?", "Minister MOSS: No. ~"), ["Reporter", "Minister MOSS"]),
        ("en", ("<b>Fish Daily:</b> Why?", "<b>Ada Quill:</b> So."), ["Fish Daily", "Ada Quill"]),
        (
            "en",
            ("Shri Moss, Official Spokesperson: ~", "Question: Sir?", "Shri Moss: Yes."),
            ["Shri Moss, Official Spokesperson", "Question", "Shri Moss"],
        ),
        (
            "ru",
            ("Вопрос: Что?", "И.И.Мохов: ~", "Вопрос: Где?", "Ответ: Тут."),
            ["Вопрос", "И.И.Мохов", "Вопрос", "Ответ"],
        ),
        ("zh", ("问：请介绍情况。", "答：中方立场是：反对。"), ["问", "答"]),
        (
            "zh",
            ("鱼报记者：请问？", "王小明：谢谢。", "船报记者：请问？", "王小明：没有。"),
            ["鱼报记者", "王小明", "船报记者", "王小明"],
        ),
        (
            "ja",
            ("【魚新聞 大谷記者】伺います。", "【小川大臣】はい。", "【小川大臣】以上です。"),
            ["魚新聞 大谷記者", "小川大臣", "小川大臣"],
        ),
        (
            "ja",
            (
                "（冒頭発言）始めます。",
                "（記者）伺います。（笑）",
                "（小川大臣）",
                "はい。",
                "（笑）",
                "（記者）では。",
                "（小川大臣）以上です。",
            ),
            [None, "記者", "小川大臣", "記者", "小川大臣"],
        ),
        ("ja", ("Ｑ：伺います。", "Ａ：はい。", "Ｑ：では。", "Ａ：以上です。"), ["Ｑ", "Ａ"] * 2),
        (
            "fr",
            ("Question : Pourquoi ?", "Le ministre : ~", "Question : Quand ?", "Le ministre : ~"),
            ["Question", "Le ministre"] * 2,
        ),
        ("fr", ("Bonsoir.", "Q - Pourquoi - et quand ?", "R - Demain - ou jamais."), [None, "Q", "R"]),
        (
            "de",
            ("Frage: Warum?", "Moos: ~", "Zusatzfrage: Wann?", "StS Quill: ~"),
            ["Frage", "Moos", "Zusatzfrage", "StS Quill"],
        ),
        (
            "es",
            ("<b>PREGUNTA:</b> ¿Qué?", "<b>PRESIDENTA ANA PEZ:</b> Eso: nada."),
            ["PREGUNTA", "PRESIDENTA ANA PEZ"],
        ),
        (
            "pt",
            ("<b>Jornalista:</b> Por quê?", "<b>Ministra Ana Peixe:</b> Sim."),
            ["Jornalista", "Ministra Ana Peixe"],
        ),
        ("ar", ("سؤال: ما رأيكم؟", "جواب: نعم."), ["سؤال", "جواب"]),
        ("it", ("Domanda: Perché?", "Risposta: Perché sì."), ["Domanda", "Risposta"]),
        ("pl", ("Pytanie: Dlaczego?", "Ada Quill: ~"), ["Pytanie", "Ada Quill"]),
        ("uk", ("Журналістка: Чому?", "Міністр Іван Мох: ~"), ["Журналістка", "Міністр Іван Мох"]),
        ("tr", ("SORU: Neden?", "SAYIN BAKAN: ~"), ["SORU", "SAYIN BAKAN"]),
    ],
)
def test_each_language_has_its_own_word_for_a_question(
    language: str, said: tuple[str, ...], wanted: list[str | None]
) -> None:
    assert labels(*said, language=language) == wanted


def test_an_anonymous_questioner_prints_as_question_and_keeps_a_number() -> None:
    assert labels("QUESTION: Sir?", "MR MOSS: No. ~", "Q: Why?", "MR MOSS: So. ~") == [
        "Question", "MR MOSS", "Question", "MR MOSS",
    ]  # fmt: skip
    assert labels("Question 1: Sir?", "Answer: No. ~", "Question 2: Why?", "Answer: So.")[::2] == [
        "Question 1",
        "Question 2",
    ]


# --- text that nobody is named for -----------------------------------------------------------------------


def test_a_section_heading_ends_a_turn() -> None:
    found = read(
        "<p><b>Ada Quill:</b> Yes.</p><h3>On fish</h3><p>They are well.</p><p><b>Question:</b> Why?</p>"
        "<p><b>Ada Quill:</b> So.</p>"
    )
    assert [(turn.label, turn.text) for turn in found][:2] == [
        ("Ada Quill", "Yes."),
        (None, "On fish\nThey are well."),
    ]


def test_an_answer_below_a_bold_question_is_not_the_questioners() -> None:
    assert labels("<b>Q. What do you expect?</b>", "Much. ~", "<b>Q. And then?</b>", "More. ~") == [
        "Question", None, "Question", None,
    ]  # fmt: skip


def test_a_table_of_contents_is_no_text() -> None:
    root = parse(
        "<html><body><h3>Table of contents</h3><ul><li><a href='#1'>On fish</a></li></ul>"
        "<p>• de-DE1 en-GB1 ru-RU1</p><h3>On fish</h3><p>They are well.</p>"
        "<p><a href='#top'>Back to contents</a></p></body></html>"
    )
    assert root is not None
    paragraphs, _ = blocks.read([root], frozenset())
    kept, left_out = blocks.without_contents(paragraphs, words("en"))
    assert [paragraph.text for paragraph in kept] == ["On fish", "They are well."]
    assert left_out == ["Table of contents", "On fish", "• de-DE1 en-GB1 ru-RU1", "Back to contents"]


# --- who speaks, and what it is --------------------------------------------------------------------------


def test_a_speaker_is_one_under_a_long_and_a_short_label() -> None:
    found = read(
        "<p><b>President of Arcadia Ivan Moss:</b> Please.</p><p><b>Question</b>: Sir?</p>"
        "<p><b>Ivan Moss (in German):</b> Ja.</p><p><b>Ivan Moss:</b> So.</p>"
    )
    assert [turn.speaker for turn in found] == ["Ivan Moss", None, "Ivan Moss", "Ivan Moss"]


def test_a_turn_says_what_it_is_in_the_exchange() -> None:
    found = read(
        "<p>Arcady, 9 May</p><p><b>Moderator:</b> Welcome.</p><p><b>Ivan Moss:</b> Good day.</p>"
        "<p><b>Question</b>: Sir?</p><p><b>Ivan Moss:</b> Yes.</p>"
    )
    assert [turn.role for turn in found] == ["note", "moderator", "statement", "question", "answer"]


def test_in_an_interview_who_asks_is_the_questioner() -> None:
    asked = "<p><b>Ada Quill:</b> And {}?</p><p><b>Ivan Moss:</b> Well, {}.</p>"
    found = read("".join(asked.format(word, word) for word in ("fish", "boats", "nets")))
    assert [turn.role for turn in found] == ["question", "answer"] * 3


def test_a_fact_sheet_whose_heads_begin_with_an_article_has_no_speakers() -> None:
    heads = ("The Indo-Pacific", "Climate Change", "Global Health", "The Quad")
    text = "The two sides agreed to strengthen their cooperation and to report on it every year."
    assert labels("Outcomes were announced.", *(f"<b>{head}:</b> {text}" for head in heads)) == [None]


def test_offices_are_not_one_voice_because_one_names_the_other() -> None:
    found = read(
        "<p><b>Deputy Spokesman:</b> Good day.</p><p><b>Question:</b> Sir?</p><p><b>Spokesman:</b> Yes.</p>"
        "<p><b>Vice President:</b> So.</p><p><b>President:</b> Indeed.</p>"
    )
    assert len({turn.speaker for turn in found}) == 5


def speakers(*labels: str, language: str = "en") -> list[str | None]:
    return [
        turn.speaker for turn in read("".join(f"<p><b>{each}:</b> {SPEECH}</p>" for each in labels), language)
    ]


@pytest.mark.parametrize(
    ("language", "deputy", "own"),
    [
        ("en", "Deputy Press Secretary", "Press Secretary"),
        ("de", "Stellvertretende Sprecherin", "Sprecherin"),
        ("fr", "Ancien Premier ministre", "Premier ministre"),
        ("ru", "Второй официальный представитель", "Официальный представитель"),
        ("ar", "نائب رئيس الوزراء", "رئيس الوزراء"),
        ("he", "סגן ראש הממשלה", "ראש הממשלה"),
    ],
)
def test_a_deputy_is_not_who_is_deputized_for(language: str, deputy: str, own: str) -> None:
    assert [turn.speaker for turn in voiced(labelled(deputy, own), language)] == [deputy, own]
    assert [
        turn.speaker for turn in voiced(labelled("Assistant Secretary Moss", "Secretary Moss"), "en")
    ] == ["Secretary Moss"] * 2


def test_two_who_have_one_office_are_told_apart_and_one_who_laughs_is_not_two() -> None:
    offices = (
        "Joint Secretary (East)",
        "Joint Secretary (XP)",
        "Director (Laughs)",
        "Director (In Thai)",
        "Director",
    )
    assert [turn.speaker for turn in voiced(labelled(*offices), "en")] == [
        *offices[:2],
        *["Director"] * 3,
    ]
    one = "Igor Ivanovich Moss", "I. Moss", "Foreign Secretary Moss", "Moss"
    assert {turn.speaker for turn in voiced(labelled(*one), "en")} == {"Moss"}


def labelled(*labels: str) -> list[Turn]:
    return [Turn((SPEECH,), label) for label in labels]


def test_an_office_within_another_is_somebody_elses() -> None:
    offices = (
        "Deputy Foreign Minister",
        "Foreign Minister",
        "Minister of Fish",
        "First Deputy Minister of Fish",
    )
    assert speakers("Question", *offices) == [None, *offices]
    named = ("Foreign Minister Anna Berg", "Anna Berg", "The Foreign Minister", "Mr. Ivan King", "Ivan King")
    assert speakers("Question", *offices[:2], *named)[3:] == [
        *("Anna Berg", "Anna Berg", "Foreign Minister", "Ivan King", "Ivan King")
    ]


def test_a_name_behind_an_office_and_a_comma_is_the_speakers() -> None:
    said = ("Quay Union Secretary General, Anna Berg", "Question", "Anna Berg")
    assert speakers(*said) == ["Anna Berg", None, "Anna Berg"]
    spanish = ("PRESIDENTA DE ARCADIA, ANA PEZ GIL", "PREGUNTA", "PRESIDENTA ANA PEZ GIL")
    assert speakers(*spanish, language="es") == [spanish[2], None, spanish[2]]
    # Whom a reporter works for is not his name.
    papers = ("Anna Berg, Coast News", "Question", "Coast News", "Ms. Rosk, Vell Times", "Vell Times")
    assert speakers(*papers) == ["Anna Berg", None, "Coast News", "Ms. Rosk", "Vell Times"]


def test_two_reporters_of_one_paper_are_two_voices() -> None:
    papers = ("Coast News, Berg", "Coast News, Rosk")
    assert speakers("Minister Quill", *papers, "Reporter, Coast News") == ["Minister Quill", *papers, None]
    one = ("Anna Berg, Minister of Fish", "Question", "Anna Berg, Head of the Delegation")
    assert speakers(*one) == ["Anna Berg", None, "Anna Berg"]


@pytest.mark.parametrize(
    ("label", "speaker"),
    [
        ("Trade, Industry and Fish Minister Ada Quill", "Ada Quill"),
        ("Trade, Industry and Fish Minister Anna Berg", "Trade, Industry and Fish Minister Anna Berg"),
        ("Minister of Fish, Anna Berg", "Minister of Fish, Anna Berg"),
        ("MINISTER OF FISH, ANNA BERG", "MINISTER OF FISH, ANNA BERG"),
        (
            "Head of the Service for Nets, Hooks and Lines Anna Berg",
            "Head of the Service for Nets, Hooks and Lines Anna Berg",
        ),
        ("Anna Berg, First Deputy Minister of Fish", "Anna Berg"),
        ("ANNA BERG, FIRST DEPUTY MINISTER OF FISH", "ANNA BERG"),
        ("Anna Berg, Chairman of the Chamber of Fish", "Anna Berg"),
        ("Anna Berg, Official Spokesperson", "Anna Berg"),
        ("Ms. Berg, Coast Times", "Ms. Berg"),
    ],
)
def test_an_office_with_commas_is_no_speaker(label: str, speaker: str) -> None:
    found = read(
        f"<p><b>{label}:</b> {SPEECH}</p><p><b>Ada Quill:</b> {SPEECH}</p><p><b>Question:</b> Why?</p>"
    )
    assert [turn.speaker for turn in found] == [speaker, "Ada Quill", None]


def roles(*paragraphs: str, language: str = "en") -> list[str]:
    markup = "".join(f"<p>{text}</p>" for text in paragraphs).replace("~", SPEECH)
    return [turn.role for turn in read(markup, language) if turn.role is not None]


def test_who_calls_on_a_reporter_asks_nothing() -> None:
    said = (
        "SECRETARY MOSS: ~",
        "MR QUILL: We will take questions. Anna Berg?",
        "QUESTION: When?",
        "SECRETARY MOSS: ~",
    )
    assert roles("MR QUILL: Welcome. ~", *said, *said[1:]) == [
        *("statement", "statement", "statement", "question", "answer", "answer", "question", "answer")
    ]


def test_papers_that_one_voice_answers_ask_with_or_without_a_question_mark() -> None:
    asked = ("What is your response?", "Two questions. The first is on trade.", "A follow-up on that. Why?")
    papers = ("Coast News", "Vell Times", "Arcadia Post")
    said = [
        (f"<b>{paper}:</b> {text}", "<b>Ada Quill:</b> ~") for paper, text in zip(papers, asked, strict=True)
    ]
    lines = [line for pair in said for line in pair]
    assert roles("<b>Ada Quill:</b> ~", *lines) == ["statement", *["question", "answer"] * 3]
    # Not where the others talk to each other, nor where hardly any of them asks.
    assert (
        roles(*lines, f"<b>Coast News:</b> {asked[1]}", f"<b>Vell Times:</b> {asked[1]}", lines[1])[2]
        != "question"
    )
    stiff = [line.replace("?", ".") for line in lines]
    assert "question" not in roles("<b>Question:</b> Why?", *stiff)[1:]


PAPERS = tuple(
    (f"<b>{paper}:</b> {text}", "<b>Minister Quill:</b> ~")
    for paper, text in (
        ("Coast News", "What is your response?"),
        ("Vell Times", "I would like to hear of the boats."),
        ("Arcadia Post", "Two questions. Will they sail?"),
        ("Quay Radio", "Please tell us of the nets."),
    )
)


@pytest.mark.parametrize(
    "opening",
    [
        ("<b>Ms. QUILL Ada, Minister for Fish:</b> ~",),
        ("<b>Minister Quill:</b> ~", "<b>Chancellor Berg:</b> ~"),
        ("<b>Ivan Rosk:</b> Good day. Minister, please.", "<b>Minister Quill:</b> ~"),
    ],
)
def test_who_opens_before_the_first_question_asks_nothing(opening: tuple[str, ...]) -> None:
    said = [line for pair in PAPERS for line in pair]
    assert roles(*opening, *said) == ["statement"] * len(opening) + ["question", "answer"] * 4


def test_papers_ask_though_another_answers_once_and_two_of_them_ask_in_a_row() -> None:
    guest = (PAPERS[2][0], "<b>Admiral Moss:</b> ~")
    said = [line for pair in (*PAPERS, guest, PAPERS[0]) for line in pair]
    assert roles(*said, PAPERS[1][0], PAPERS[3][0], PAPERS[3][1]) == [
        *["question", "answer"] * 6, "question", "question", "answer",
    ]  # fmt: skip
    # Who calls on a paper is never answered.
    called = ("<b>Ivan Rosk:</b> The last one, please.", *PAPERS[0])
    assert roles("<b>Minister Quill:</b> ~", *said, *called)[-3:] == ["answer", "question", "answer"]


def test_papers_in_a_row_of_questions_ask_with_or_without_a_question_mark() -> None:
    answer = "<b>Minister Quill:</b> ~"
    row = [
        "<b>Coast News:</b> On the boats. Will they sail?",
        "<b>Vell Times:</b> Two. One is on nets, please.",
        "<b>Arcadia Post:</b> And the fish?",
        "<b>Vell Radio:</b> Would you like to comment.",
        "<b>Quay Radio:</b> When do they land?",
    ]
    asked = ("<b>Coast News:</b> Why?", answer)
    assert roles(answer, *row, answer, *asked * 2) == [
        "statement", *["question"] * 5, "answer", *["question", "answer"] * 2,
    ]  # fmt: skip
    # Who speaks for the house between them is no questioner, be it that he answers elsewhere, too.
    admiral = "<b>Admiral Moss:</b> ~"
    said = roles(answer, *row[:3], admiral, row[4], answer, row[0], admiral, row[2], answer, *asked)
    assert (said[4], said[8]) == ("answer", "answer")
    assert roles(answer, *row[:3], admiral, row[4], answer, *asked * 2)[4] == "answer"


def test_in_greek_a_semicolon_asks() -> None:
    asked = "<p><b>Άννα Μπεργκ:</b> Και {}{}</p><p><b>Ιβάν Μος:</b> Εγώ σας το είπα.</p>"
    for mark in (";", "\u037e"):
        found = read("".join(asked.format(word, mark) for word in ("ψάρια", "βάρκες", "δίχτυα")), "el")
        assert [turn.role for turn in found] == ["question", "answer"] * 3


@pytest.mark.parametrize(
    ("language", "end"),
    [
        ("ja", "（以上）"),
        ("ja", "【以上】"),
        ("ja", "（了）"),
        ("ko", "‹끝›"),
        ("en", "[END]"),
        ("zh", "（完）"),
    ],
)
def test_the_transcripts_last_line_is_nobodys_in_whatever_brackets(language: str, end: str) -> None:
    said = {"ja": ("問", "大臣", "はい。"), "ko": ("질문", "장관", "네."), "zh": ("问", "部长", "好。")}
    asked, who, text = said.get(language, ("Question", "Ada Quill", "Yes."))
    found = read(
        "".join(f"<p><b>{asked}:</b> {text}</p><p><b>{who}:</b> {text}</p>" for _ in "12") + f"<p>{end}</p>",
        language,
    )
    assert [turn.label for turn in found] == [asked, who, asked, who, None]


@pytest.mark.parametrize("dash", ["–", "-"])
def test_a_bold_label_may_hold_a_dash_before_whom_the_question_is_of(dash: str) -> None:
    asked = f"<b>Question {dash} Coast News:</b> Will the boats go out?"
    assert labels(asked, "<b>Ada Quill:</b> ~", asked, "<b>Ada Quill:</b> ~") == [
        f"Question {dash} Coast News", "Ada Quill",
    ] * 2  # fmt: skip
    called = read(f"<p>{asked}</p><p><b>Ada Quill:</b> {SPEECH}</p>" * 2)
    assert [turn.speaker for turn in called] == [None, "Ada Quill"] * 2
    bare = f"<b>Q {dash} Coast News:</b> Will the boats go out?"
    (first, *_) = read(f"<p>{bare}</p><p><b>Ada Quill:</b> {SPEECH}</p>" * 2)
    assert (first.text, first.speaker) == ("Will the boats go out?", None)
    bold = "<b>Q – On fish: will the boats go out?</b>"
    assert labels(bold, "A – ~", bold, "A – ~") == ["Question", "A"] * 2


def test_papers_ask_beside_a_reporter_without_a_name_unless_most_questions_have_none() -> None:
    reporter = ("<b>Reporter:</b> Why so?", "<b>Minister Quill:</b> ~")
    said = [line for pair in (reporter, *PAPERS) for line in pair]
    assert roles(*said) == ["question", "answer"] * 5
    # Else who speaks between two turns of one voice may well add to what was said.
    assert roles(*said, *reporter * 2)[5] == "answer"


def test_a_letter_that_asks_is_a_label_among_labels_in_capitals() -> None:
    assert labels(
        "GEN. MOSS: ~", "Q: When?", "GEN. MOSS: ~", "Q: And the boats?", "ADM. QUILL: No.", "GEN. MOSS: ~"
    ) == [*("GEN. MOSS", "Question", "GEN. MOSS", "Question", "ADM. QUILL", "GEN. MOSS")]
    spanish = ("SR. PRESIDENTE.- ~", "P.- ¿Y Vell?", "SRA. QUILL.- Muchas gracias.", "SR. PRESIDENTE.- ~")
    assert labels(*spanish, "PREGUNTA.- Otra.", *spanish[2:], language="es").count("SRA. QUILL") == 2


def test_a_questioner_or_a_moderator_may_be_named_behind_the_word() -> None:
    assert roles(
        "<b>Moderator Anna Berg:</b> Welcome.",
        "<b>Minister Moss:</b> ~",
        "<b>Journalist, Coast News:</b> I have two questions on trade.",
        "<b>Minister Moss:</b> ~",
        "<b>Reporter from Vell:</b> Two more, please.",
        "<b>Minister Moss:</b> ~",
        "<b>Moderator, Anna Berg:</b> Thank you.",
        "<b>Press Secretary Quill:</b> ~",
    ) == [*("moderator", "statement", "question", "answer", "question", "answer", "moderator", "answer")]
    chair = ("<b>Question:</b> When?", "<b>Chair Moss:</b> ~")
    assert roles(*chair, *chair) == ["question", "answer"] * 2


def test_a_japanese_question_and_answer_may_stand_in_parentheses_and_on_lines() -> None:
    said = "この問題について引き続き関係国と緊密に連携してまいりたいと考えております。"
    for ask, answer in (("（問）", "（答）"), ("問）", "答）"), ("（記者）", "（大臣）")):
        pair = (f"{ask}本日の閣議について伺います。", f"{answer}{said}")
        assert roles(*pair, *pair, language="ja") == ["question", "answer"] * 2
        assert roles("<br>".join((*pair, *pair)), language="ja") == ["question", "answer"] * 2


def test_a_voice_from_the_hall_is_nobody_in_spanish_too() -> None:
    said = ("MINISTRA QUILL: ~", "INTERVENCIÓN: ¿Y los barcos?", "MINISTRA QUILL: ~", "TRADUCTORA: Gracias.")
    found = read(
        "".join(f"<p>{text}</p>" for text in (*said, "PREGUNTA: ¿Cuándo?", said[0])).replace("~", SPEECH),
        "es",
    )
    assert [turn.speaker for turn in found if turn.label in ("INTERVENCIÓN", "TRADUCTORA")] == [None, None]


def test_a_voice_is_one_however_its_letters_are_set() -> None:
    found = read(
        "<p><b>Ivan Moss:</b> So.</p><p><b>Question:</b> Sir?</p><p><b>Ivan MosS:</b> Yes.</p>"
        "<p><b>Ivan Moss:</b> No.</p>"
    )
    assert [turn.speaker for turn in found] == ["Ivan Moss", None, "Ivan Moss", "Ivan Moss"]


def test_a_bold_name_without_its_colon_opens_a_turn_among_bold_labels() -> None:
    others = ("<b>Ivan Moss:</b> Welcome. ~", "<b>Question:</b> Sir?", "<b>Ivan Moss:</b> Yes. ~")
    guest = "<b>Ada Quill.</b> Thank you. ~"
    assert labels(*others, guest, "<b>Ivan Moss:</b> Please. ~")[3:] == ["Ada Quill", "Ivan Moss"]
    born = "<b>Ada Quill</b> was born in the year of the flood."
    heading = "<b>Climate Change.</b> Both sides agreed to report on the height of the sea every year."
    for other in (born, heading):
        assert labels(*others, other) == ["Ivan Moss", "Question", "Ivan Moss"]


def test_a_note_of_when_a_briefing_ended_is_nobodys() -> None:
    found = read(
        "<p><b>QUESTION:</b> Sir?</p><p><b>MR MOSS:</b> Yes.</p><p>(The briefing was concluded at 3:09 p.m.)</p>"
    )
    assert [(turn.label, turn.text) for turn in found][-2:] == [
        ("MR MOSS", "Yes."),
        (None, "(The briefing was concluded at 3:09 p.m.)"),
    ]
    assert (
        labels("<b>MR MOSS:</b> ~", "(John 3:16)", "So it is written.", "<b>MR MOSS:</b> ~")
        == ["MR MOSS"] * 2
    )


def test_a_dash_after_a_full_stop_ends_a_label() -> None:
    said = ("P.- Señor portavoz, ¿cuándo?", "Portavoz.- Pues mañana.", "P.- ¿Y hoy?", "Portavoz.- Hoy no.")
    found = read("".join(f"<p>{each}</p>" for each in said), "es")
    assert [(turn.label, turn.role) for turn in found][1::2] == [("Portavoz", "answer")] * 2
    assert [turn.role for turn in found][::2] == ["question"] * 2


def test_a_stop_and_a_hyphen_within_a_word_end_no_label() -> None:
    said = ("Ivan Moss: Welcome. ~", "Question: Sir?", "Ivan Moss: Yes. ~")
    for text in ("U.S.-Arcadian ties are good.", "The U.S.–Borealis border is long.", "St.-Quill is a town."):
        assert labels(*said, text, "Question: And?", text) == [
            "Ivan Moss",
            "Question",
            "Ivan Moss",
            "Question",
        ]


def test_whose_a_question_is_may_stand_with_it() -> None:
    asked = read("<p>Frage Jung: Was sagt das Amt?</p><p>Breul (AA): Das prüfen wir noch.</p>" * 2, "de")
    assert [turn.role for turn in asked] == ["question", "answer"] * 2
    assert [turn.text for turn in asked][:2] == ["Was sagt das Amt?", "Das prüfen wir noch."]
    told = read(
        "<p><b>Ivan Moss:</b> Good day.</p><p><b>Question from Perm Territory:</b> Tell us of fish.</p>"
        "<p><b>Ivan Moss:</b> Gladly.</p>"
    )
    assert [turn.role for turn in told] == ["statement", "question", "answer"]


WHOSE = ("Journalist – Coast News", "Reporter - Boat News", "Journalist – AB")


@pytest.mark.parametrize(
    "form",
    [
        "<p>{}: {}</p>",
        "<p><b>{}:</b> {}</p>",
        "<p><b>{}</b> {}</p>",
        "<p><b>{}</b> – {}</p>",
        "<h4>{}</h4><p>{}</p>",
        "<p><b>{}</b><br>{}</p>",
    ],
)
def test_behind_a_dash_a_questioners_paper_is_of_the_label(form: str) -> None:
    turn = form.format("Minister Moss", SPEECH)
    found = read(turn + "".join(form.format(label, "Will it sail?") + turn for label in WHOSE))
    assert [turn.label for turn in found[1::2]] == list(WHOSE)
    assert {turn.role for turn in found[1::2]} == {"question"}
    assert {turn.paragraphs for turn in found[1::2]} == {("Will it sail?",)}


def test_behind_a_dash_a_questioners_paper_is_of_the_label_of_a_question_in_bold() -> None:
    answer = f"<p><b>Minister Moss:</b> {SPEECH}</p>"
    found = read(answer + "".join(f"<p><b>{label}: Will it sail?</b></p>{answer}" for label in WHOSE))
    assert [(turn.label, turn.text) for turn in found[1::2]] == [(label, "Will it sail?") for label in WHOSE]
    # Not so what is asked.
    assert labels("<b>Journalist – Arcadia: will it sail?</b>", "<b>Minister Moss:</b> ~") == [
        "Journalist", "Minister Moss",
    ]  # fmt: skip


@pytest.mark.parametrize("label", ["Ada Quill – Coast News", "Ada Quill - Coast News"])
def test_in_a_bold_label_a_dash_ends_nothing(label: str) -> None:
    assert labels(f"<b>{label}:</b> Why?", "<b>Minister Moss:</b> ~")[0] == label


def test_whom_a_question_is_from_may_stand_once_in_plain_type() -> None:
    said = ("Minister Moss: ~", "Journalist from Coast News: Why?", "Minister Moss: ~")
    assert labels(*said) == ["Minister Moss", "Journalist from Coast News", "Minister Moss"]


def test_a_telephone_number_of_the_press_is_no_question() -> None:
    assert labels("Press – Harbour Office: 22 11 00", "Media – Boat Office: 22 11 01", "~") == [None]


def test_a_paper_of_one_word_may_ask_in_bold_to_the_end() -> None:
    answer = f"<b>Ada Quill:</b> {SPEECH}"
    said = (
        "<b>Coast News: Will it sail?</b>",
        answer,
        "<b>ANP: And when will it go to Quay again?</b>",
        answer,
    )
    assert labels(*said) == ["Coast News", "Ada Quill", "ANP", "Ada Quill"]


def test_a_second_office_holder_who_adds_a_word_asks_nothing() -> None:
    papers = ("Berg, Coast News", "Lund, Boat News")
    answer = f"<p><b>Spokesperson Moss:</b> {SPEECH}</p>"
    asked = "".join(f"<p><b>{paper}:</b> Will it sail?</p>{answer}" for paper in papers)
    found = read(answer + asked + "<p><b>Joint Secretary Quill:</b> May I add: it will.</p>" + answer)
    assert {turn.role for turn in found if turn.label == "Joint Secretary Quill"} == {"answer"}


INITIALS = (
    ("CL", "Good day to you all. Dr Moss, please."),
    ("TAM", "Thank you, and good day."),
    ("CL", "Thank you. Coast News."),
    ("AQ", "Thank you. Will it sail?"),
    ("CL", "I thank you. Dr Moss."),
    ("TAM", "It will, I say to you."),
)


@pytest.mark.parametrize(
    "form",
    [
        "<p>{}&nbsp; &nbsp; &nbsp; &nbsp; {}</p>",
        "<p><b>{}</b>&nbsp;&nbsp;&nbsp;{}</p>",
        "<p>00:01:00</p><p>{}&nbsp; &nbsp; &nbsp;{}</p>",
        "<tr><td>{}</td><td>{}</td></tr>",
    ],
)
def test_initials_in_a_column_of_their_own_are_labels(form: str) -> None:
    found = read("".join(form.format(*turn) for turn in INITIALS).replace("<tr>", "<table><tr>", 1))
    assert [(turn.label, turn.text) for turn in found] == list(INITIALS)
    assert found[3].role == "question"


@pytest.mark.parametrize("form", ["<p>{}</p><p>{}</p>", "<h4>{}</h4><p>{}</p>", "<p><b>{}</b><br>{}</p>"])
def test_among_initials_a_moderator_has_his_word(form: str) -> None:
    said = [("Moderator" if who == "CL" else who, text) for who, text in (*INITIALS, *INITIALS[1:])]
    said += [said[3], said[1]]
    assert [(turn.label, turn.text) for turn in read("".join(form.format(*turn) for turn in said))] == said


@pytest.mark.parametrize(
    "facts",
    [
        (("Capital", "Quay"), ("Money", "Your crown"), ("Capital", "Sound")),
        (("Moderator", "Ada Quill, who thanks you"), ("Coffee", "11.00"), ("Moderator", "Ivan Moss")),
    ],
)
def test_facts_in_columns_have_no_speakers(facts: tuple[tuple[str, str], ...]) -> None:
    assert labels(*(f"{name}&nbsp;&nbsp;&nbsp; {fact}" for name, fact in facts)) == [None]


@pytest.mark.parametrize("stamp", ["[00:00:12] {}:", "0:00:12 <b>{}:</b>", "(00:00:12) {}:"])
def test_the_moment_of_a_recording_before_a_label_is_left_out(stamp: str) -> None:
    said = [("Ada Quill", "I say to you: no."), ("Question", "Why?"), ("Ada Quill", "Because I said so.")]
    paragraphs, _ = blocks.read(
        [parse("<div>" + "".join(f"<p>{stamp.format(who)} {what}</p>" for who, what in said) + "</div>")],
        frozenset(),
    )
    found, left_out = turns(paragraphs, "en")
    assert [(turn.label, turn.text) for turn in found] == said
    assert len(left_out) == 3
    assert labels("10:30 Moderator: Ada Quill", "11:00 Moderator: Ivan Moss") == [None]


def test_a_time_in_a_text_without_labels_is_of_it() -> None:
    assert read("<p>The winner took</p><p>02:13:44</p>")[0].paragraphs == ("The winner took", "02:13:44")


@pytest.mark.parametrize(
    "lines",
    [
        ("Journalist of the Year: Ada Quill of Coast News", "Reporter of the Year: Ivan Moss of Boat News"),
        ("<b>Press – Harbour Office:</b> Ada Quill, 22 11 00.", "<b>Media, Boats:</b> Ivan Moss, 22 11 01."),
        ("Press, Harbour Office: Ada Quill (weekdays).", "Media, Boat Office: Ivan Moss (weekdays)."),
        (
            "<b>Reporter of the Year</b>",
            "Ada Quill",
            "<b>Press/Radio</b>",
            "Boats",
            "<b>Minister Moss</b>",
            "Fish",
        ),
    ],
)
def test_who_asks_for_a_paper_is_heard_to_speak(lines: tuple[str, ...]) -> None:
    assert labels("The parties will report every year.", *lines, "The prizes are given in May.") == [None]


def test_a_paper_that_is_heard_may_say_little_or_be_in_plain_type() -> None:
    answer = f"<b>Minister Moss:</b> {SPEECH}"
    asked = ("<b>Journalist – AFP:</b> Will it sail?", "Journalist – AFP: without microphone")
    assert labels(answer, asked[0], answer, asked[1], answer) == ["Minister Moss", "Journalist – AFP"] * 2 + [
        "Minister Moss"
    ]


def test_behind_a_bold_name_and_a_dash_a_word_and_a_colon_are_said() -> None:
    asked = "<b>Question</b> – Will it sail?"
    said = "<b>Spokesperson of the Ministry of Fish Ada Quill</b> – Yes, sure: we will. ~"
    found = read("".join(f"<p>{line}</p>" for line in (asked, said, asked, said)).replace("~", SPEECH))
    assert {turn.label for turn in found[1::2]} == {"Spokesperson of the Ministry of Fish Ada Quill"}
    assert all(turn.text.startswith("Yes, sure: we will.") for turn in found[1::2])


@pytest.mark.parametrize(
    "heading", ["Arcadia: What comes next for us and for you?", "Fish: We will catch more of it this year."]
)
@pytest.mark.parametrize("form", ["<p><b>{}</b></p>", "<h4>{}</h4>"])
def test_a_heading_with_a_colon_between_two_turns_is_no_speaker(heading: str, form: str) -> None:
    answer, asked = f"<p><b>Minister Moss:</b> {SPEECH}</p>", "<p><b>Question:</b> Why?</p>"
    found = read(answer + asked + answer + form.format(heading) + answer)
    assert {turn.label for turn in found if turn.label} == {"Minister Moss", "Question"}


def test_senators_who_ask_without_a_question_mark_ask() -> None:
    asked = ("Will it sail?", "I ask you to comment on the ferry.", "Is it safe?", "When?")
    names = ("Berg", "Lund", "Quill", "Rosk")
    answer = f"<p>Minister Moss: {SPEECH}</p>"
    found = read(
        answer + "".join(f"<p>Senator {n}: {q}</p>{answer}" for n, q in zip(names, asked, strict=True))
    )
    assert [turn.role for turn in found[1::2]] == ["question"] * 4


TABLES = (
    "<p>Who is in it?</p><table>"
    + "".join(
        f"<tr><td>{code}</td><td>{at}</td></tr>"
        for at, code in enumerate(("EU", "UN", "USA", "EU", "WTO", "EU", "IMF", "UN"))
    )
    + "</table>",
    "".join(f"<p>May you do it?</p><p><b>{word}</b></p>" for word in ("YES", "NOT", "YES", "NOT", "YES")),
    "<p>When can you come?<br>"
    + "<br>".join(f"{day}&nbsp;&nbsp;&nbsp; 10–18" for day in ("Monday", "Friday", "Sunday") * 3)
    + "<br>We thank you.</p>",
)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_takes_no_labels_from_a_page(table: str) -> None:
    turn = f"<p><b>Minister Moss:</b> {SPEECH}</p><p><b>Question:</b> Why?</p>"
    assert [each.label for each in read(turn + turn + table) if each.label] == [
        "Minister Moss",
        "Question",
    ] * 2
    assert [each.label for each in read(f"<p>The rules.</p>{table}<p>We thank you.</p>")] == [None]


def test_the_stop_behind_a_voice_before_a_wide_space_is_not_of_its_label() -> None:
    gap = ".&nbsp;&nbsp;&nbsp; "
    assert labels(*(f"Q{gap}Why?", f"A{gap}I say so.") * 2) == ["Question", "A"] * 2


def test_a_runners_time_is_a_word_of_the_speakers() -> None:
    table = (
        "<table><tr><td>Ada Berg</td><td>2:13:44</td></tr><tr><td>Eva Lund</td><td>2:14:01</td></tr></table>"
    )
    found = read(f"<p>Question: Who won?</p><p>Minister Moss: {SPEECH}</p>{table}<p>Question: Why?</p>")
    assert found[1].paragraphs[1:] == ("Ada Berg", "2:13:44", "Eva Lund", "2:14:01")


@pytest.mark.parametrize(
    "stamps", [("[59:12]", "[1:00:12]"), ("(09:12)", "(1:00:12)"), ("0:01:12 –", "0:02:12 -")]
)
def test_the_first_hour_of_a_recording_has_labels_too(stamps: tuple[str, str]) -> None:
    first, second = stamps
    said = (
        f"{first} Ada Quill: ~",
        f"{first} Question: Why?",
        f"{second} Ada Quill: ~",
        f"{second} Question: When?",
    )
    assert labels(*said) == ["Ada Quill", "Question"] * 2


@pytest.mark.parametrize(
    "line", ["AB&nbsp;&nbsp;&nbsp;The boat went to the quay.<br>", "AB<br>The boat went.<br>"]
)
def test_many_lines_with_initials_are_read_in_time(line: str) -> None:
    began = time.process_time()
    read(f"<p>Why?</p><p>{(line + line.replace('AB', 'CD')) * 4000}</p>")
    assert time.process_time() - began < 10


def test_many_moments_below_a_long_paragraph_are_read_in_time() -> None:
    began = time.process_time()
    read(f"<p>Question: Why?</p><p>Minister Moss: {SPEECH * 2000}</p>{'<p>00:12:34</p>' * 8000}")
    assert time.process_time() - began < 10


def test_a_reporter_of_a_paper_asks_where_words_are_not_parted() -> None:
    found = read("<p>凤凰卫视记者：能否介绍情况。</p><p>毛宁：我们一直关注。</p>" * 2, "zh")
    assert [turn.role for turn in found] == ["question", "answer"] * 2


# --- an interview in which nobody is named ---------------------------------------------------------------

ASKED_IN_BOLD = (
    "Minister, the boats have not gone out this year. How do you explain that?",
    "And when?",
    "You spoke of a hundred nets, and of new quays. Where are they?",
)


def interview(turn: str, *more: str, asked: tuple[str, ...] = ASKED_IN_BOLD, said: str = SPEECH) -> str:
    return "<p>We met on the quay.</p>" + "".join(turn.format(each, said) for each in asked) + "".join(more)


@pytest.mark.parametrize(
    "turn",
    [
        "<p><b>{}</b></p><p>{}</p>",
        "<p><b>{}</b><br>{}</p>",
        "<p><em>{}</em></p><p>{}</p>",
        "<p style='font-style: italic'>{}</p><p>{}</p>",
        "<p style='FONT-STYLE: Italic'>{}</p><p>{}</p>",
        "<em>{}<p style='font-style: normal'>{}</p></em>",
    ],
)
def test_bold_questions_and_plain_answers_without_a_name_are_an_exchange(turn: str) -> None:
    found = read(interview(turn, "<h3>About us</h3><p>We print interviews.</p>"))
    assert [(turn.label, turn.role) for turn in found] == [
        *((None, role) for role in ("statement", *["question", "answer"] * 3, "note")),
    ]
    assert [turn.text for turn in found[1:-1]] == [
        text for each in ASKED_IN_BOLD for text in (each, SPEECH.strip())
    ]
    assert [turn.text for turn in found][::7] == ["We met on the quay.", "About us\nWe print interviews."]


@pytest.mark.parametrize("dash", ["—", "– ", "- "])
def test_a_dash_may_begin_questions_and_answers(dash: str) -> None:
    found = read(interview(f"<p>{dash}{{}}</p><p>{dash}{{}}</p><p>And more.</p>"))
    assert [turn.role for turn in found] == ["statement", *["question", "answer"] * 3]
    assert [turn.text for turn in found[1::2]] == [f"{dash}{text}" for text in ASKED_IN_BOLD]
    assert [turn.paragraphs[1:] for turn in found[2::2]] == [("And more.",)] * 3


def test_a_list_that_asks_is_no_interview() -> None:
    asked = [f"- {text}" for text in ASKED_IN_BOLD]
    assert labels("These are the questions:", *asked, "~", *asked) == [None]
    known = [
        part for text in asked for part in (text, "- The harbour office decides, by the rules of 2019. " * 5)
    ]
    assert labels("Frequently asked:", *known) == [None]
    back = [part for text in asked for part in (text, "- Why do you ask me?", "- ~")]
    assert labels("We met on the quay.", *back) == [None]


def test_a_word_in_italics_and_a_quotation_make_no_question() -> None:
    assert labels(*(f"<i>Arcadia {n}</i> sails? ~" for n in range(4))) == [None]
    for said in (("We sail.", "We wait.", "Who sails?"), ("Do you sail?", "Do you wait?", "Who are you?")):
        quoted = "".join(f"<p><i>“{each}”</i></p><p>{SPEECH}</p>" for each in said)
        assert [turn.role for turn in read(quoted)] == ["statement"]


def test_a_style_that_takes_italics_back_makes_no_question() -> None:
    upright = interview("<p><i style='font-style: normal'>{}</i></p><p>{}</p>")
    assert [turn.role for turn in read(upright)] == ["statement"]


def test_bold_above_the_first_question_introduces_and_a_bold_remark_among_them_is_the_questioners() -> None:
    turn = "<p><b>{}</b></p><p>{}</p>"
    lead = "<p><b>The minister on boats.</b></p>"
    remark = turn.format("That is not much.", "Wait and see.")
    found = read(lead + interview(turn, remark).removeprefix("<p>We met on the quay.</p>"))
    assert [turn.role for turn in found] == ["statement", *["question", "answer"] * 4]
    assert (found[0].text, found[-2].text) == ("The minister on boats.", "That is not much.")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("Who may fish?", "How do I register?", "Where do I pay?"), "You may register at our quay. " * 10),
        (("Who may fish?", "What does it cost?", "When is it?"), SPEECH),
        (("How do you explain that?", "And when?"), SPEECH),
        (("How do you explain that?", "And when?", "Why?", "Our boats.", "Our nets.", "Our quays."), SPEECH),
    ],
)
def test_bold_questions_of_a_document_are_its_headings(asked: tuple[str, ...], said: str) -> None:
    for turn in ("<p><b>{}</b></p><p>{}</p>", "<p><b>{}</b><br>{}</p>"):
        assert len(read(interview(turn, asked=asked, said=said))) == 1
    assert len(read(interview("<h3>{}</h3><p>{}</p>"))) == 1


@pytest.mark.parametrize("named", [("", "Ivan Moss", ""), ("Ada Quill", "Ivan Moss", "Ada Quill")])
def test_an_answer_to_a_bold_question_may_have_a_label(named: tuple[str, ...]) -> None:
    asked = (
        *ASKED_IN_BOLD[:1],
        "Just one question, and it is for Mr. Moss. Will the boats sail? Thank you.",
        ASKED_IN_BOLD[2],
    )
    said = [f"<b>{name}:</b> {SPEECH}" if name else SPEECH for name in named]
    page = "".join(f"<p><b>{q}</b></p><p>{a}</p>" for q, a in zip(asked, said, strict=True))
    found = read(f"<p>We met on the quay.</p>{page}")
    assert [turn.role for turn in found] == ["statement", *["question", "answer"] * 3]
    assert [turn.label or "" for turn in found] == ["", *(label for name in named for label in ("", name))]
    assert [turn.text for turn in found[1::2]] == list(asked)


def test_who_speaks_already_asks_himself_in_bold() -> None:
    asked = "".join(f"<p><b>{each}</b></p><p>{SPEECH}</p>" for each in ASKED_IN_BOLD)
    said = f"<p><b>Minister Berg:</b> Good day to you.</p>{asked}<p><b>Minister Moss:</b> {SPEECH}</p>"
    assert [turn.label for turn in read(said)] == ["Minister Berg", "Minister Moss"]
    led = said.replace("Minister Berg", "Moderator").replace("Minister Moss", "Moderator")
    assert [turn.role for turn in read(led)] == ["moderator", *["question", "answer"] * 3, "moderator"]


@given(st.lists(st.sampled_from([*ASKED_IN_BOLD, "Our boats.", "On nets"]), max_size=9), st.data())
def test_no_text_of_an_interview_is_lost(asked: list[str], data: st.DataObject) -> None:
    page = []
    for text in asked:
        mark = data.draw(st.sampled_from(["\n", ""]))
        page.append(
            Paragraph(f"{text}{mark}{SPEECH if mark else ''}", ((0, len(text)),), data.draw(st.booleans()))
        )
        named = data.draw(st.sampled_from(["", "Moss: ", "Ada Quill: "]))
        bold = ((0, len(named) - 1),) if named and data.draw(st.booleans()) else ()
        page += [Paragraph(f"{named}{SPEECH}", bold)] * data.draw(st.integers(0, 2))
    found = "".join(
        part
        for piece in cut(page, words("en"))
        for part in (piece.lead, piece.label or "", piece.mark, *piece.paragraphs)
    )
    assert "".join(found.split()) == "".join("".join(p.text for p in page).split())


# --- nothing is lost -------------------------------------------------------------------------------------


@st.composite
def paragraphs(draw: st.DrawFn) -> list[Paragraph]:
    names = ["Ivan Moss", "MR. MOSS", "Question", "Q", "Ada Quill (in German)", "问", "THE PRESIDENT", "Note"]
    marks = [": ", ":", "：", " ", ". ", " - ", " (aside): ", "\n"]
    said = st.text(string.ascii_letters + " .:?!()\n“”-*问答【】é\u0301\u00a0", max_size=40)
    found = []
    for _ in range(draw(st.integers(1, 12))):
        text, spans = "", []
        for _ in range(draw(st.integers(1, 3))):
            if draw(st.booleans()):
                start = len(text)
                text += draw(st.sampled_from(names))
                if draw(st.booleans()):
                    spans.append((start, len(text)))
                text += draw(st.sampled_from(marks))
            text += draw(said)
        found.append(Paragraph(text, tuple(spans), draw(st.booleans())))
    return found


@given(paragraphs(), st.sampled_from(["en", "zh", "fr", None]))
def test_no_text_is_lost_or_invented_between_paragraphs_and_pieces(
    page: list[Paragraph], language: str | None
) -> None:
    pieces = cut(page, words(language))
    parts = [
        part for piece in pieces for part in (piece.lead, piece.label or "", piece.mark, *piece.paragraphs)
    ]
    assert "".join("".join(parts).split()) == "".join("".join(p.text for p in page).split())


@given(paragraphs(), st.sampled_from(["en", "zh", None]))
def test_any_paragraphs_make_turns_that_the_format_can_hold(
    page: list[Paragraph], language: str | None
) -> None:
    found, left_out = turns(page, language)
    # Only a label's colon, its brackets and lines without a letter are not in the turns.
    words_before = sum(character.isalpha() for p in page for character in p.text)
    assert bool(found) == bool(words_before) or not words_before
    assert all(not any(character.isalnum() for character in text) for text in left_out)


# --- forms of other languages ----------------------------------------------------------------------------


def test_a_hebrew_abbreviation_is_no_quotation() -> None:
    said = ("<b>שאלה:</b> מתי?", '<b>רה"מ כהן:</b> מחר.', "<b>שאלה:</b> ואחר כך?", '<b>רה"מ כהן:</b> נראה.')
    assert labels(*said, language="he") == ["שאלה", 'רה"מ כהן', "שאלה", 'רה"מ כהן']


@pytest.mark.parametrize(
    ("language", "ask", "name"),
    [
        ("he", "שאלה", "עליזה ברק"),  # על is "on"
        ("hi", "प्रश्न", "परिवहन मंत्री"),  # पर is "on"
        ("hu", "Kérdés", "Az elnök"),
        ("ar", "سؤال", "حولية سالم"),
    ],
)
def test_a_name_may_begin_with_the_letters_of_another_word(language: str, ask: str, name: str) -> None:
    said = (f"{ask}: ~", f"{name}: ~") * 2
    assert labels(*said, language=language) == [ask, name] * 2


@pytest.mark.parametrize("label", ["<b>{}:</b> ", "{}: "])
def test_an_office_may_stand_behind_a_name_in_small_letters(label: str) -> None:
    names = ["Kérdés", "Berg Anna külügyminiszter", "Kérdés", "Berg Anna külügyminiszter"]
    assert labels(*(f"{label.format(name)}~" for name in names), language="hu") == names


def test_an_office_may_have_three_words() -> None:
    names = ["Phóng viên", "Người phát ngôn", "Phóng viên", "Người phát ngôn"]
    assert labels(*(f"{name}: ~" for name in names), language="vi") == names


def test_letters_of_a_word_within_another_are_nobodys_speech() -> None:
    assert not is_speech("כלי השיט עוגנים בנמל עד האביב", words("he"))  # in כלי is לי
    assert not is_speech("आपदा प्रबंधन की बैठक हुई", words("hi"))
    assert is_speech("मैं आपसे सहमत हूँ", words("hi")) and is_speech("אני מסכים", words("he"))


def test_initials_need_no_space_before_a_name() -> None:
    said = ("В.Нордин: Добрый день! Работаем.", "А.Гамов: Здравствуйте! Газета «Заря». Будет ли рыба?")
    assert labels(*said, "В.Нордин: Будет.", language="ru") == ["В.Нордин", "А.Гамов", "В.Нордин"]


def test_a_ministry_in_chinese_may_say_that_a_reporter_asks() -> None:
    assert labels("有记者问：请问有何评论？", "答：中方注意到有关情况。", language="zh") == ["有记者问", "答"]


def test_a_heading_above_the_questions_asks_nothing_in_chinese() -> None:
    said = ("今天天气很好。", "记者提问：", "问：请问有何评论？", "答：没有，谢谢。")
    assert labels(*said, language="zh") == [None, "问", "答"]


def test_a_name_and_its_office_may_be_in_plain_type_and_small_letters() -> None:
    said = ("Jan Mlyn, mluvčí vlády: ~", "Petr Most, předseda vlády: ~", "Jan Mlyn, mluvčí vlády: Děkuji.")
    assert labels(*said, "Jozef Sek, ministr obchodu: Ano.", language="cs") == [
        "Jan Mlyn, mluvčí vlády", "Petr Most, předseda vlády",
        "Jan Mlyn, mluvčí vlády", "Jozef Sek, ministr obchodu",
    ]  # fmt: skip


def test_who_leads_a_conference_in_plain_type_may_say_a_word() -> None:
    said = (
        "Frage: Wann?",
        "Jäger (BMF): ~",
        "Zusatzfrage: Und dann?",
        "Jäger (BMF): Ja.",
        "Vors. Feld: Danke.",
    )
    assert labels(*said, language="de")[-2:] == ["Jäger (BMF)", "Vors. Feld"]


def test_who_speaks_once_among_capitals_may_have_a_dash() -> None:
    said = (
        "QUESTION – Quand ?",
        "LE PRÉSIDENT – Demain.",
        "QUESTION – Et après ?",
        "LE PRÉSIDENT – Je verrai.",
    )
    assert labels(*said, "LA CHANCELIÈRE ANNA BERG – Merci.", language="fr")[-1] == "LA CHANCELIÈRE ANNA BERG"


@pytest.mark.parametrize(
    "line",
    ["CONFÉRENCE DE PRESSE – PALAIS DU QUAI", "PARIS, FRANCE – Texte du ministère.", "FIN DE SÉANCE – 12 h"],
)
def test_a_heading_in_capitals_with_a_dash_is_no_speaker(line: str) -> None:
    said = (
        "QUESTION – Quand ?",
        "LE PRÉSIDENT – Demain.",
        "QUESTION – Et après ?",
        "LE PRÉSIDENT – Je verrai.",
    )
    assert line.partition(" –")[0] not in labels(line, *said, language="fr")
    assert line.partition(" –")[0] not in labels(*said, line, language="fr")


def test_an_agenda_and_a_list_of_those_appointed_have_no_speakers() -> None:
    assert labels(
        "Anna Berg, minister of fisheries: opening remarks on the harbours",
        "Jan Moss, director of ports: the new harbour",
        "Anna Berg, minister of fisheries: closing remarks",
    ) == [None]


def test_a_press_office_may_lead_a_conference() -> None:
    said = ("Press Office: Good morning, and thank you for coming.", "Question: When?", "Minister Moss: ~")
    assert labels(*said, "Press Office: Thank you all.") == [
        "Press Office", "Question", "Minister Moss", "Press Office",
    ]  # fmt: skip


def test_greek_capitals_have_no_accents() -> None:
    said = ("ΔΗΜΟΣΙΟΓΡΑΦΟΣ: Πότε;", "Ν. ΜΩΡΑΣ: Αύριο.", "ΣΥΝΤΟΝΙΣΤΗΣ: Ευχαριστούμε.")
    assert [turn.role for turn in read("".join(f"<p><b>{line}</b></p>" for line in said), "el")][
        -1
    ] == "moderator"


@pytest.mark.parametrize("heading", ["Questions and Answers:", "Middle East Peace Process:", "<b>Syria:</b>"])
def test_a_heading_with_a_colon_is_no_speaker(heading: str) -> None:
    said = (
        "<b>Minister Moss:</b> ~",
        f"<b>{heading}</b>",
        "<b>Question:</b> When?",
        "<b>Minister Moss:</b> Now.",
    )
    assert labels(*said) == ["Minister Moss", None, "Question", "Minister Moss"]


def test_who_has_a_title_is_a_speaker_though_he_says_nothing() -> None:
    said = ("QUESTION: When?", "MR. MOSS:", "QUESTION: Why?", "MS. BERG: ~", "MR. QUILL: Yes, I do.")
    assert labels(*said) == ["Question", "MR. MOSS", "Question", "MS. BERG", "MR. QUILL"]


@pytest.mark.parametrize("note", ["Editor’s Note:", "Editor's note:", "Notes to Editors:"])
def test_a_note_of_the_page_is_nobodys(note: str) -> None:
    said = ("<b>Question:</b> When?", "<b>Minister Moss:</b> Now.", f"<b>{note}</b> It was held in Quay.")
    assert labels(*said) == ["Question", "Minister Moss", None]


def test_what_is_said_below_a_note_in_its_midst_is_the_speakers_still() -> None:
    said = (
        "<b>Question:</b> When?",
        "<b>Minister Moss:</b> Now.",
        "Editor’s note: he meant 2019.",
        "I said so.",
    )
    assert labels(*said, "<b>Question:</b> Why?") == ["Question", "Minister Moss", "Question"]
    assert labels(*said[:3], "<b>Question:</b> Why?") == ["Question", "Minister Moss", None, "Question"]


@pytest.mark.parametrize("form", ["<p>{}</p><p>M. Moss:</p><p>{}</p>", "<p>{}<br>M. Moss:<br>{}</p>"])
def test_who_alone_is_labelled_does_not_ask_himself(form: str) -> None:
    said = [("Will it sail?", "It will. I said so."), ("And when?", "Now, as I say."), ("Why?", "I like it.")]
    found = read("".join(form.format(*each) for each in said))
    assert [(turn.label, turn.paragraphs[0]) for turn in found][1:4] == [
        ("M. Moss", "It will. I said so."), (None, "And when?"), ("M. Moss", "Now, as I say."),
    ]  # fmt: skip
