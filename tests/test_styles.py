"""Labels in every style that institutions print them in, and what looks like one and is none."""

from __future__ import annotations

import pytest

from tests.test_turns import SPEECH, labels, read, roles

SAID = (
    ("Journalist", "Will the boats go out?"),
    ("Anna Berg", SPEECH.strip()),
    ("Journalist", "And the nets?"),
    ("Anna Berg", "They are mended, as I told you."),
    ("Journalist", "When do they sail?"),
    ("Anna Berg", "Soon, I hope."),
)


@pytest.mark.parametrize(
    "turn",
    [
        "<p><b>{}:</b> {}</p>",
        "<p><b>{}</b><br>{}</p>",
        "<p><b>{}.</b> {}</p>",
        "<p><b>{}</b> {}</p>",
        "<p><b>{}</b></p><p>{}</p>",
        "<h3>{}</h3><p>{}</p>",
        "<dt>{}</dt><dd>{}</dd>",
        "<p>{}: {}</p>",
        "<p>{} – {}</p>",
        "<p>{}</p><p>{}</p>",
        "<p>{}<br>{}</p>",
        "<div class='speaker'>{}</div><div>{}</div>",
        "<tr><td>{}</td><td>{}</td></tr>",
    ],
)
def test_a_label_is_known_in_every_style(turn: str) -> None:
    markup = "".join(turn.format(*each) for each in SAID)
    found = read(f"<table>{markup}</table>" if turn.startswith("<tr>") else markup)
    assert [(each.label, " ".join(each.paragraphs)) for each in found] == list(SAID)
    assert [each.role for each in found] == ["question", "answer"] * 3


@pytest.mark.parametrize("speech", ["<p>{}</p>", "<p><b>{}</b></p>"])
def test_names_in_capitals_on_lines_of_their_own_are_labels_though_nobody_asks(speech: str) -> None:
    said = ("ANNA BERG", "IVAN MOSS") * 2
    markup = "".join(f"{speech.format(name) if name else ''}<p>{SPEECH}</p>" for name in said)
    assert [turn.label for turn in read(markup)] == list(said)


@pytest.mark.parametrize("turn", ["<p>{}</p><p>{}</p>", "<p><b>{}</b></p><p>{}</p>", "<p>{}<br>{}</p>"])
def test_a_family_name_in_capitals_is_a_label_where_it_is_heard_again_and_again(turn: str) -> None:
    names = ("MOSS", "BERG (QUAY NEWS)", "MOSS", "VAN DER SEE (RADIO)", "MOSS")
    asked = "Minister, will you go?"
    said = [(name, asked if "(" in name else SPEECH) for name in names]
    found = read("".join(turn.format(*each) for each in said))
    assert [each.label for each in found] == list(names)
    assert [each.role for each in found] == ["statement", "question", "answer", "question", "answer"]
    once = [("BACKGROUND", SPEECH), ("DECISION (DRAFT)", SPEECH), ("BACKGROUND", SPEECH)]
    thrice = [
        (head, "You may apply at our quay. I hope you will. " * 5) for head in ("ELIGIBILITY", "DEADLINE") * 3
    ]
    for headings in (once, thrice):
        assert {each.label for each in read("".join(turn.format(*each) for each in headings))} == {None}


def test_who_speaks_once_is_known_by_whom_the_others_are_said_to_speak_for() -> None:
    names = ("Berg (BMF)", "Winkler (AA)", "Berg (BMF)", "Hinters (BMI)", "Winkler (AA)")
    lines = "".join(f"<p><b>Frage</b></p><p>Warum?</p><p><b>{name}</b></p><p>{SPEECH}</p>" for name in names)
    assert [turn.label for turn in read(lines, "de")] == [
        label for name in names for label in ("Frage", name)
    ]


def test_who_speaks_once_in_plain_type_is_known_so_too() -> None:
    berg, winkler, hinters = (
        "Berg (BMF): ~",
        "Winkler (AA): Das kann ich Ihnen sagen.",
        "Hinters (BMI): Ja, so ist es.",
    )
    said = ("Frage: Warum?", berg, winkler, hinters, "Frage: Und?", berg)
    assert labels(*said, language="de") == [
        *("Frage", "Berg (BMF)", "Winkler (AA)", "Hinters (BMI)", "Frage", "Berg (BMF)")
    ]
    short = ("Frage: Warum?", "Minister Moss: Ja.", winkler, "Frage: Und?", berg, "Frage: Nein?", berg)
    assert labels(*short, language="de")[:3] == ["Frage", "Minister Moss", "Winkler (AA)"]
    plain = ("Frage: Warum?", "Berg: ~", "Artikel (neu): Das sage ich Ihnen.", "Frage: Und?", "Berg: ~")
    assert labels(*plain, language="de") == ["Frage", "Berg", "Frage", "Berg"]


@pytest.mark.parametrize(
    ("moderator", "language"), [("Vorsitzende Wolf", "de"), ("Vors. Wolf", "de"), ("Moderator Wolf", "en")]
)
def test_who_moderates_once_is_known_by_the_word(moderator: str, language: str) -> None:
    asked = "Frage" if language == "de" else "Question"
    said = [(asked, "Ja?"), ("Berg", SPEECH), (moderator, "Danke, you."), (asked, "Ja?"), ("Berg", SPEECH)]
    found = read("".join(f"<p><b>{label}</b></p><p>{text}</p>" for label, text in said), language)
    assert [turn.label for turn in found] == [label for label, _ in said]
    assert found[2].role == "moderator"


def test_a_page_on_which_everybody_speaks_once_is_read_by_whom_they_speak_for() -> None:
    names = ("Frage Jung", "Berg (AA)", "Vorsitzende Wolf", "Frage Rosk", "Minister Moss", "Kall (BMI)")
    lines = "".join(f"<p><b>{name}</b></p><p>Das ist so.</p>" for name in names)
    assert [turn.label for turn in read(lines, "de")] == list(names)


def test_a_page_in_one_paragraph_may_name_its_questioners_within_a_line_alone() -> None:
    said = "MR MOSS: Good day. ~ QUESTION: Why is it so? MR MOSS: You know it. QUESTION: And? MR MOSS: No."
    found = read(f"<p>{said}</p>".replace("~", SPEECH))
    assert [turn.label for turn in found] == ["MR MOSS", "Question", "MR MOSS", "Question", "MR MOSS"]
    assert [turn.role for turn in found] == ["statement", *["question", "answer"] * 2]


def test_a_bold_question_between_two_turns_of_one_voice_is_anothers() -> None:
    answers = ("It will. I said so.", "You will see it.", "Thank you.")
    markup = f"<p><b>Berg:</b> {answers[0]}</p>"
    for question, answer in zip(("Will it sail, then?", "And <i>when</i>?"), answers[1:], strict=True):
        markup += f"<p><b>{question}</b></p><p><b>Berg:</b> {answer}</p>"
    found = read(markup)
    assert [(turn.label, turn.role) for turn in found] == [
        ("Berg", "statement"), (None, "question"), ("Berg", "answer"), (None, "question"), ("Berg", "answer"),
    ]  # fmt: skip


def test_a_heading_that_asks_is_nobodys_question_where_questions_have_labels() -> None:
    markup = f"<p><b>Berg:</b> {SPEECH}</p><h3>Will it sail?</h3><p><b>Berg:</b> {SPEECH}</p>"
    found = read(markup + f"<p><b>Question:</b> Why?</p><p><b>Berg:</b> {SPEECH}</p>")
    assert [(turn.label, turn.role) for turn in found][:3] == [
        ("Berg", "statement"), (None, "note"), ("Berg", "statement"),
    ]  # fmt: skip


def test_bold_emphasis_within_a_speech_stays_its_speakers() -> None:
    voices = ("<b>Anna Berg:</b> ~", "<b>Ivan Moss:</b> ~")
    said = (voices[0], "<b>Who would have thought so?</b>", "I would.", voices[1], voices[0])
    assert labels(*said) == ["Anna Berg", "Ivan Moss", "Anna Berg"]


def test_a_long_office_in_plain_type_after_a_bold_name_belongs_to_the_label() -> None:
    office = "Anna Berg, Minister of Fisheries and Oceans of the Republic of Arcadia"
    said = f"<b>Anna Berg</b>{office[9:]}: ~", "<b>Question:</b> Why?", "<b>Anna Berg:</b> ~"
    assert labels(*said) == [office, "Question", "Anna Berg"]


@pytest.mark.parametrize(
    ("language", "question", "answer"),
    [
        ("ru", "Вопрос агентства «Север-Медиа»", "Анна Берг"),
        ("zh", "“今日北方”记者", "国务院新闻办公室新闻局副局长、新闻发言人 王小明"),
        ("en", "Question No. 1", "Anna Berg"),
        ("en", "JOSEPH MORAN/GTV 7", "SECRETARY BERG"),
        ("en", 'Ferdinand "Bing" Ramos', "Secretary Berg"),
        ("ar", "سؤال", "المتحدث الرسمي باسم وزارة الخارجية"),
        ("ko", "기자", "대변인"),
    ],
)
def test_a_label_may_be_long_quote_or_number(language: str, question: str, answer: str) -> None:
    said = ((question, "Why?"), (answer, SPEECH)) * 2
    found = read("".join(f"<p><b>{label}:</b> {text}</p>" for label, text in said), language)
    assert [turn.label for turn in found] == [question, answer] * 2
    assert [turn.role for turn in found] == ["question", "answer"] * 2


@pytest.mark.parametrize(
    ("language", "question", "answer"),
    [
        ("nl", "Vraag", "Antwoord"),
        ("sv", "Fråga", "Svar"),
        ("da", "Spørgsmål", "Svar"),
        ("no", "Spørsmål", "Svar"),
        ("fi", "Kysymys", "Vastaus"),
        ("el", "ΔΗΜΟΣΙΟΓΡΑΦΟΣ", "ΑΠΑΝΤΗΣΗ"),
        ("cs", "Otázka", "Odpověď"),
        ("ro", "Întrebare", "Răspuns"),
        ("id", "Wartawan", "Jawaban"),
        ("ms", "Soalan", "Jawapan"),
        ("he", "שאלה", "תשובה"),
        ("hu", "Kérdés", "Válasz"),
        ("sk", "Otázka", "Odpoveď"),
        ("bg", "Въпрос", "Отговор"),
        ("hr", "Novinarka", "Odgovor"),
        ("sr", "Питање", "Одговор"),
        ("sr", "Novinar", "Odgovor"),
        ("sl", "Vprašanje", "Odgovor"),
        ("lt", "Klausimas", "Atsakymas"),
        ("lv", "Jautājums", "Atbilde"),
        ("et", "Küsimus", "Vastus"),
        ("vi", "Phóng viên", "Trả lời"),
        ("fa", "خبرنگار", "پاسخ"),
        ("hi", "प्रश्न", "उत्तर"),
    ],
)
def test_the_words_for_question_and_answer_are_known_in_every_language(
    language: str, question: str, answer: str
) -> None:
    found = read("".join(f"<p>{label}: {SPEECH}</p>" for label in (question, answer) * 2), language)
    assert [(turn.label, turn.role) for turn in found] == [(question, "question"), (answer, "answer")] * 2


def test_brackets_around_a_word_for_a_voice_are_a_label() -> None:
    said = ("&lt;질문&gt; 언제입니까?", f"&lt;답변&gt; {SPEECH}") * 2
    assert [turn.label for turn in read("".join(f"<p>{each}</p>" for each in said), "ko")] == [
        "질문",
        "답변",
    ] * 2
    assert labels("Question: Why?", "Anna Berg: ~", "[Applause] ~", "Question: When?", "Anna Berg: ~") == [
        "Question", "Anna Berg", "Question", "Anna Berg",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "fact",
    [
        "Media Team: Jane Doe, press@quay.example",
        "Crisis Line: +44 20 7946 0000",
        "Chairing the Meeting: Anna Berg, Minister of Fish",
        "Energy Security: we will invest in the quays.",
    ],
)
def test_a_fact_among_labels_is_no_speaker(fact: str) -> None:
    around = ("Question: Why?", "Anna Berg: ~", fact, "That is what I can tell you.", "Question: When?")
    found = read("".join(f"<p>{each}</p>" for each in (*around, "Anna Berg: Soon.")).replace("~", SPEECH))
    assert [turn.label for turn in found] == ["Question", "Anna Berg", "Question", "Anna Berg"]
    assert found[1].paragraphs[1:] == (fact, "That is what I can tell you.")


@pytest.mark.parametrize("line", [". So.", "So.<br> . Now."])
def test_a_line_that_begins_with_a_full_stop_has_no_label_there(line: str) -> None:
    said = ("Q. Why?", "The President. ~", "Q. When?", "The President. ~")
    assert labels(line, *said) == [None, *["Question", "The President"] * 2]


def test_who_is_heard_once_may_open_with_a_quotation() -> None:
    said = (
        "Ada Quill, Quay Radio: Why, Minister?",
        "Anna Berg: ~",
        "Carl Poe, Vell News: “Fish” and chips, you say?",
    )
    found = read("".join(f"<p>{each}</p>" for each in (*said, "Anna Berg: ~", said[0])).replace("~", SPEECH))
    assert [turn.label for turn in found][1:4] == ["Anna Berg", "Carl Poe, Vell News", "Anna Berg"]


@pytest.mark.parametrize(
    "points",
    [
        ("First: more boats", "Second: more nets", "Third: more quays"),
        (
            *(f"point {number} of our plan for the quays" for number in range(10)),
            "and write to rosk@quay.example",
        ),
        ("ကျွန်ုပ်တို့ သွားမည်။", "ငါးများ ရှိသည်။", "https://quay.example"),
    ],
)
def test_points_that_close_an_answer_are_the_speakers(points: tuple[str, ...]) -> None:
    said = ("Question: Why?", "Anna Berg: ~", "Question: How?", "Anna Berg: ~ In three steps.")
    found = read("".join(f"<p>{each}</p>" for each in (*said, *points)).replace("~", SPEECH))
    assert found[3].paragraphs[1:][: len(points) - 1] == points[: len(points) - 1]


@pytest.mark.parametrize("asked", ["What did you say?", "Tell us what you said."])
def test_who_is_asked_may_answer_with_a_quotation(asked: str) -> None:
    assert labels(f"Question: {asked}", "Anna Berg: “It will sail”, I said. ~") == [
        "Question",
        "Anna Berg",
    ]


def test_what_a_briefing_in_capitals_turns_to_is_no_speaker_by_a_figure_or_as_its_index() -> None:
    said = (
        "MR. MOSS: ~",
        "FLU-19: You know it, I said so.",
        "QUESTION: Why?",
        "MR. MOSS: ~",
        "QUESTION: And?",
    )
    assert labels("INDEX:", "ARCADIA", "1-3 Boats", *said, "MR. MOSS: No.", "ROSK: I agree.") == [
        *(None, "MR. MOSS", "Question", "MR. MOSS", "Question", "MR. MOSS", "ROSK")
    ]


@pytest.mark.parametrize(
    "end",
    [
        "Ends/Tuesday, May 14, 2024",
        "NNNN",
        "END<br>14 May 2024",
        "(end transcript)</p><p>Home | Back",
        "<b>For information media. Not an official record.</b>",
        "Source: Quay Radio",
        "Ivan Rosk</p><p>Spokesperson for Fish</p><p>rosk@quay.example</p><p>+32 0460 75 45 53",
        "Author: Ivan Rosk</p><p>Photo: Quay Radio",
    ],
)
def test_the_line_that_ends_a_text_is_nobodys(end: str) -> None:
    assert labels("Question: Why?", "Anna Berg: ~", "Question: When?", "Anna Berg: ~", end)[-2:] == [
        "Anna Berg",
        None,
    ]


@pytest.mark.parametrize(
    "said",
    [
        "Finally: we will not.",
        "Write to us at press@quay.example.",
        "Source: I cannot tell you.",
        "(Laughter.)",
        "Thank you</p><p>Thank you all",
    ],
)
def test_the_last_words_of_a_text_are_its_last_speakers(said: str) -> None:
    assert (
        labels("Question: Why?", "Anna Berg: ~", "Question: When?", "Anna Berg: ~", said)[-1] == "Anna Berg"
    )
    assert labels("<b>Question:</b> When?", "<b>Anna Berg:</b> ", "press@quay.example")[-1] == "Anna Berg"


STOPPED = (
    ("The President", "Good day. ~"),
    ("Q", "Mr. President, why?"),
    ("The President", "You know it. ~"),
    ("Q", "And when? You said so."),
    ("The President", "Soon. ~"),
    ("Chancellor A. Berg", "Thank you. ~"),
    ("Audience members", "No!"),
)


@pytest.mark.parametrize("turn", ["<i>{}.</i> {}", "{}. {}"])
@pytest.mark.parametrize("capitals", [False, True])
def test_a_full_stop_ends_a_label_among_questioners_of_the_same_form(turn: str, capitals: bool) -> None:
    names = [(name.upper() if capitals else name, said) for name, said in STOPPED]
    more = ("Mr. President. It is cold.", "Yes. It is.", "The President met Mr. Moss. It was cold.")
    wanted = ["Question" if name == "Q" else name for name, _ in names]
    assert labels(*(turn.format(*each) for each in names), *more) == wanted


def test_names_in_capitals_may_end_in_a_full_stop_where_one_is_asked() -> None:
    voices = ("CHAIR MOSS", "ANNA BERG", "CHAIR MOSS", "IVAN ROSK", "CHAIR MOSS")
    texts = ("Good day. ~", "Will it rise?", "It will. ~", "And then?", "No. ~")
    said = [f"<p>{voice}. {text}</p>" for voice, text in zip(voices, texts, strict=True)]
    found = read("".join(said).replace("~", SPEECH))
    assert [turn.label for turn in found] == list(voices)
    assert [turn.role for turn in found] == ["statement", *["question", "answer"] * 2]


def test_a_sentence_that_ends_early_is_no_label() -> None:
    signs = ("WARNING SIGN. Do not come here.", "CAUTION AHEAD. You may fall.", "WARNING SIGN. Do not stay.")
    assert labels(*signs, *signs) == [None]
    # Those who ask here are answered by an A.
    pair = ("Q. What is it?", "A. You know it. ~")
    assert labels(*pair, "The Prime Minister. She leads.", *pair) == ["Question", "A"] * 2


def test_a_question_from_the_floor_is_a_question() -> None:
    answer = "<b>Anna Berg:</b> ~"
    said = (
        "<b>Question from the floor:</b> Thank you. Will it sail?",
        answer,
        "<b>Question:</b> When?",
        answer,
    )
    assert labels("<b>Moderator:</b> Please.", *said)[1::2] == ["Question from the floor", "Question"]
    assert roles(*said) == ["question", "answer"] * 2
    stated = (
        "<b>Question of principle:</b> we do not.",
        "<b>Question from the floor that nobody wanted:</b> none.",
    )
    assert labels(*said, *stated) == ["Question from the floor", "Anna Berg", "Question", "Anna Berg"]


@pytest.mark.parametrize(
    "turn", ["<p><b>{}</b></p><p>{}</p>", "<h3>{}</h3><p>{}</p>", "<p><b>{}</b><br>{}</p>"]
)
def test_names_above_what_is_said_are_labels_where_one_of_them_answers(turn: str) -> None:
    said = [
        ("Anna Berg", SPEECH),
        ("Tom Moss (Quay News)", "Minister, will you go?"),
        ("Anna Berg", SPEECH),
        ("Eva Lund", "And the nets, will they be mended?"),
        ("Anna Berg", SPEECH),
    ]
    found = read("".join(turn.format(*each) for each in said))
    assert [each.label for each in found] == [name for name, _ in said]
    assert [each.role for each in found] == ["statement", "question", "answer", "question", "answer"]


def test_headings_of_a_document_answer_nobody() -> None:
    heads = (
        "Fair Shares",
        "Who is it for?",
        "How It Works",
        "Who pays?",
        "Fair Shares",
        "Why now?",
        "Fair Shares",
    )
    text = "The harbour office has set out the rules below in full and without any change. " * 3
    assert labels(*(part for head in heads for part in (f"<b>{head}</b>", text))) == [None]


@pytest.mark.parametrize("heads", [("Short Answer", "Long Answer"), ("Short Answer",)])
@pytest.mark.parametrize("form", ["<h3>{}</h3>", "<p><b>{}</b></p>"])
def test_a_heading_below_every_question_is_nobody_who_answers(heads: tuple[str, ...], form: str) -> None:
    text = "You may fish in the bay if you have a licence, and the office will help you to get one. " * 3
    answer, more = (
        "".join(f"{form.format(head)}<p>{text}</p>" for head in part)
        for part in (heads, ["Further Reading"] * 2)
    )
    asked = ("May I fish?", "Do I need a licence?", "Where do I pay?")
    markup = "".join(f"<p>{each}</p>{answer}" for each in asked) + more
    assert [turn.label for turn in read(markup)] == [None]
