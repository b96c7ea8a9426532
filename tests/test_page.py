"""Reading pages: of a known layout, of an unknown one, and of what is no page at all."""

from __future__ import annotations

import datetime as dt
import pickle
import re
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import blocks
from crawler.accept import verdict_on_headline
from crawler.markup import decode, parse, text_of
from crawler.page import Page, Refused, extract, kind_of
from crawler.source import Source
from storage.transcript import GUESSED_DATE, Transcript, Turn, render
from storage.transcript import parse as parse_text

URL = "https://news.arcadia.example/events/17"
SPEECH = "We have always said, and I repeat it today, that the boats go out when the weather allows it. "


def source(**facts: Any) -> Source:
    """An invented ministry with two layouts, the second since 2020."""
    old = {
        "name": "old",
        "until": "2019-12-31",
        "title": ["h2.head"],
        "date": ["p.date"],
        "body": ["td.text"],
    }
    new = {
        "name": "new",
        "since": "2020-01-01",
        "title": ["h1"],
        "date": ["time", ".day"],
        "body": [".body"],
        "lead": [".lead"],
        "drop": [".share", "blockquote"],
        "number": [".number"],
    }
    return Source.model_validate(
        {
            "id": "arcadia",
            "name": "Ministry of Fish of Arcadia",
            "hosts": ["arcadia.example"],
            "language": "en",
            "timezone": "Asia/Tokyo",
            "document": r"/events/(?P<id>\d+)",
            "checked": {"on": "2026-01-01", "against": "nothing", "live": False},
            "discover": [{"kind": "feed", "url": "https://arcadia.example/feed"}],
            "layout": [old, new],
        }
        | facts
    )


def page(body: str, head: str = "", **facts: Any) -> Page:
    markup = f"<!DOCTYPE html><html lang='en'><head><title>Fish talks | Arcadia</title>{head}</head>"
    return Page(URL, f"{markup}<body>{body}</body></html>".encode(), "text/html; charset=utf-8", **facts)


NEW = (
    "<nav>Home Fish Boats</nav><h1>Fish talks</h1><time datetime='2021-05-09'>May 9</time><span class='number'>"
    "7-09-05</span><div class='lead'>Ivan Moss met the press.</div><div class='body'>"
    "<p><b>Ivan Moss:</b> Good day. <span class='share'>Share this</span></p><p><b>Question</b>: Sir?</p>"
    f"<blockquote>A pull quote</blockquote><p><b>Ivan Moss:</b> {SPEECH}</p></div><footer>Imprint</footer>"
)


# --- with a layout ---------------------------------------------------------------------------------------


def test_a_page_of_a_known_layout_is_read_whole() -> None:
    found = extract(page(NEW), source())
    assert (found.title, found.date, found.language, found.kind) == (
        "Fish talks", dt.date(2021, 5, 9), "en", "transcript",
    )  # fmt: skip
    assert [(turn.label, turn.text) for turn in found.turns] == [
        ("Ivan Moss", "Good day."),
        ("Question", "Sir?"),
        ("Ivan Moss", SPEECH.strip()),
    ]
    assert found.number == "7-09-05"
    assert found.left_out == ("Ivan Moss met the press.", "Share this", "A pull quote")
    assert found.doubts == ()
    assert parse_text(render(found)) == found


def test_a_paragraph_is_no_document_number() -> None:
    found = extract(page(NEW.replace("7-09-05", "All rights reserved. " * 9)), source())
    assert found.number is None
    assert found.doubts == ("no document number: 188 characters stand in its place",)


def test_an_exchange_without_names_is_a_transcript() -> None:
    exchange = Turn(("Will it sail?",), role="question"), Turn(("It will.",), role="answer")
    assert kind_of(exchange, "On the ferry", "en") == "transcript"
    assert kind_of((Turn(("It sails.",), role="statement"),), "On the ferry", "en") == "news"


@pytest.mark.parametrize(
    ("language", "title", "kind"),
    [
        ("sv", "Nytt avtal mellan Vell och Arcadia", "news"),
        ("sv", "Statsministerns tal om havet", "statement"),
        ("sv", "Ministerns jultal", "statement"),
        ("de", "Minister verabreden engere Zusammenarbeit", "news"),
        ("de", "Rede des Ministers", "statement"),
        ("de", "Regierungserklärung der Kanzlerin", "statement"),
        ("ja", "大臣談話の発表", "statement"),
    ],
)
def test_a_short_word_within_another_makes_no_statement(language: str, title: str, kind: str) -> None:
    assert kind_of((Turn(("x",)),), title, language) == kind


def test_the_layout_of_the_captures_day_comes_first() -> None:
    both = "<h2 class='head'>Old head</h2><p class='date'>1 May 2019</p><table><tr><td class='text'>Old text</td>"
    both += f"</tr></table>{NEW}"
    assert extract(page(both, captured=dt.date(2019, 5, 2)), source()).title == "Old head"
    assert extract(page(both, captured=dt.date(2021, 5, 10)), source()).title == "Fish talks"


def test_a_layout_outside_its_days_is_better_than_none() -> None:
    assert extract(page(NEW, captured=dt.date(2019, 5, 2)), source()).title == "Fish talks"


def test_a_page_of_no_known_layout_says_so() -> None:
    body = f"<h1>Fish talks</h1><p>9 May 2021</p><div>{f'<p>{SPEECH * 3}</p>' * 4}</div>"
    found = extract(page(body), source())
    assert any("no layout of arcadia" in doubt for doubt in found.doubts)
    assert found.date == dt.date(2021, 5, 9)


def test_a_short_page_with_headline_and_body_in_their_places_is_no_wall() -> None:
    short = NEW.replace(SPEECH, "Thank you.") + "<script src='/g-recaptcha.js'></script>"
    assert extract(page(short), source()).turns
    with pytest.raises(Refused, match="a wall"):
        extract(page(short), None)


def test_an_instant_is_dated_in_the_institutions_time_zone() -> None:
    late = NEW.replace("2021-05-09'", "2021-05-09T20:30:00Z'")
    assert extract(page(late), source()).date == dt.date(2021, 5, 10)
    assert extract(page(late), source(timezone="America/New_York")).date == dt.date(2021, 5, 9)


@pytest.mark.parametrize("known", [True, False])
def test_a_dateline_is_kept_as_the_day_of_the_event(known: bool) -> None:
    dated = NEW.replace("<div class='body'>", "<div class='body'><p>Port Quill, 8 May 2021<br>2:16 p.m.</p>")
    meta = "<meta property='article:published_time' content='2021-05-09'>"
    found = extract(page(dated, meta), source() if known else None)
    assert (found.date, found.event_date) == (dt.date(2021, 5, 9), dt.date(2021, 5, 8))
    assert "Port Quill, 8 May 2021" in found.turns[0].paragraphs
    assert extract(page(NEW, meta), source() if known else None).event_date is None


def test_a_headline_is_what_a_reader_sees() -> None:
    printed = "10<sup>th</sup> <i>Fish</i> talks<span hidden>, a draft</span>, 5<sup>2</sup> boats"
    assert extract(page(NEW.replace("<h1>Fish talks", f"<h1>{printed}")), source()).title == (
        "10th Fish talks, 5² boats"
    )


def test_two_dates_that_disagree_are_a_doubt() -> None:
    meta = "<meta property='article:published_time' content='2021-03-01T10:00:00Z'>"
    found = extract(page(NEW, meta), source())
    assert found.date == dt.date(2021, 5, 9)
    assert found.doubts == ("the page says 2021-05-09, its metadata 2021-03-01",)


def test_questions_that_may_hold_their_answers_are_a_doubt() -> None:
    asked = f"<p>Q. Will it sail?</p><p>{SPEECH}</p><p>Q. When?</p><p>It will sail today.</p>"
    found = extract(
        page(NEW.replace("<b>Ivan Moss:</b> Good day.", "Good day.").replace(SPEECH, asked)), source()
    )
    assert found.doubts == ()  # he is labelled once
    alone = NEW.split("<p><b>Ivan")[0] + asked + "</div>"
    found = extract(page(alone), source())
    assert {turn.label for turn in found.turns} == {"Question"}
    assert found.doubts == ("no answer is labelled: one may stand within a question",)


def test_a_page_without_a_date_is_refused() -> None:
    with pytest.raises(Refused, match="no date") as refused:
        extract(page(NEW.replace("<time datetime='2021-05-09'>May 9</time>", "")), source())
    assert refused.value.kind == "no date"


def test_a_date_in_metadata_serves_where_the_layouts_place_is_empty() -> None:
    meta = '<script type=\'application/ld+json\'>{"@graph": [{"datePublished": "2021-05-09"}]}</script>'
    found = extract(page(NEW.replace("<time datetime='2021-05-09'>May 9</time>", ""), meta), source())
    assert found.date == dt.date(2021, 5, 9)
    assert found.doubts


def test_a_date_after_the_capture_is_a_doubt() -> None:
    assert any(
        "after its capture" in doubt
        for doubt in extract(page(NEW, captured=dt.date(2021, 5, 1)), source()).doubts
    )


def test_a_text_in_another_language_than_the_sources_is_a_doubt() -> None:
    german = NEW.replace(
        SPEECH, "Wir haben immer gesagt, dass die Boote nur bei gutem Wetter auslaufen dürfen. " * 3
    )
    found = extract(page(german), source())
    assert found.language == "de"
    assert any("'de'" in doubt for doubt in found.doubts)


def test_an_empty_body_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        extract(
            page("<h1>Fish talks</h1><time datetime='2021-05-09'>x</time><div class='body'> </div>"), source()
        )
    assert refused.value.kind == "no body"


# --- without one -----------------------------------------------------------------------------------------

UNKNOWN = (
    "<header><h1>Ministry of Fish</h1><nav><a href='/'>Home</a> <a href='/b'>Boats</a></nav></header>"
    "<div class='content'><h2>Fish talks</h2><div class='meta'><span>9 May 2021</span></div>"
    f"<div class='text'><p><strong>Ivan Moss:</strong> {SPEECH * 3}</p>"
    "<p><strong>Question:</strong> And the nets, sir?</p>"
    f"<p><strong>Ivan Moss:</strong> {SPEECH * 4}</p>"
    "<p><strong>Remark:</strong> Bravo!</p><p>(Applause.)</p></div>"
    "<div class='share-links'>Share: Facebook</div></div><footer><p>Imprint, 1 January 2020</p></footer>"
)


def test_an_unknown_page_is_read_with_its_bold_labels() -> None:
    found = extract(page(UNKNOWN), None)
    assert (found.title, found.date, found.language) == ("Fish talks", dt.date(2021, 5, 9), "en")
    assert [turn.label for turn in found.turns] == ["Ivan Moss", "Question", "Ivan Moss", "Remark"]
    assert found.turns[-1].paragraphs == ("Bravo!", "(Applause.)")


@pytest.mark.parametrize(
    "listed",
    [
        "<ul><li>Peace with our neighbours</li><li>Trade in fish and boats</li></ul>",
        "<ul><li>Peace<ul><li>Cod: 10 tonnes</li><li>Herring: 20 tonnes</li></ul></li><li>Nets</li></ul>",
        "<blockquote><p>We go down to the sea in ships</p><p>and we come home by night</p></blockquote>",
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_a_list_or_quotation_within_a_short_text_is_of_it(listed: str, last: bool) -> None:
    said = "<p><strong>Question:</strong> And the nets, sir?</p>"
    again = f"<p><strong>Ivan Moss:</strong> {SPEECH * 2}</p>"
    body = UNKNOWN.replace(said, said + again + said + again + listed if last else listed + said)
    found = extract(page(body), None)
    text = " ".join(turn.text for turn in found.turns)
    assert all(line in text for line in re.findall(r">([^<]+)<", listed))
    assert found.left_out == ("9 May 2021",)


@pytest.mark.parametrize(
    "box",
    [
        "<div class='pic'><p>Minister Moss at the quay (Photo: Coast News)</p></div>",
        "<div><p>Sign up for our newsletter</p></div>",
        "<ul><li><a href='/b'>Boats to sail on Monday</a></li></ul>",
    ],
)
def test_a_box_between_two_paragraphs_is_none_of_the_text(box: str) -> None:
    said = "<p><strong>Question:</strong> And the nets, sir?</p>"
    found = extract(page(UNKNOWN.replace(said, box + said)), None)
    assert not any(line in found.turns[0].text for line in re.findall(r">([^<]+)<", box))


def test_a_question_in_a_box_of_its_own_is_of_the_text_however_short() -> None:
    turns = (
        f"Ivan Moss:</strong> {SPEECH * 2}",
        "Question:</strong> And the nets –",
        f"Ivan Moss:</strong> {SPEECH * 2}",
    )
    boxes = "".join(f"<div class='turn{n}'><p><strong>{turn}</p></div>" for n, turn in enumerate(turns))
    found = extract(page(f"<h1>Fish talks</h1><p>9 May 2021</p><div>{boxes}</div>"), None)
    assert [turn.label for turn in found.turns] == ["Ivan Moss", "Question", "Ivan Moss"]


def test_a_pictures_caption_is_no_text() -> None:
    captioned = UNKNOWN.replace(
        "<div class='text'>",
        "<img alt='Ivan Moss in Port Quill.'><div>Ivan Moss in Port Quill.</div><div class='text'>",
    )
    assert "Port Quill" not in extract(page(captioned), None).turns[0].text


@pytest.mark.parametrize(
    "told",
    [
        "<p>Last updated: 3 June 2022</p><p>9 May 2021</p>",
        "<p>Page last updated: 3 June 2022</p><p>9 May 2021</p>",
        "<p>(This page was last updated on 3 June 2022)</p><p>9 May 2021</p>",
        "<p>Last updated 3 June 2022 | Published 9 May 2021</p>",
        "<p>Modified: 03.06.2022 10:15 Created: 09.05.2021</p>",
        "<p>Published 9 May 2021<br>Last updated 3 June 2022</p>",
        "<p>Stand: 3. Juni 2022. Veröffentlicht am 9. Mai 2021</p>",
        "<p>On the updated treaty of Quill, 9 May 2021</p>",
    ],
)
def test_the_day_of_the_last_change_is_not_the_date(told: str) -> None:
    found = extract(page(UNKNOWN.replace("<span>9 May 2021</span>", told)), None)
    assert (found.date, found.event_date, found.doubts) == (dt.date(2021, 5, 9), None, ())


@pytest.mark.parametrize(
    "told",
    [
        "<span>Publicado em</span> <span>09/05/2021 18h30</span> <span>Atualizado em 17/06/2021 10h15</span>",
        "Publié le 9 mai 2021 à 18h30 - Mis à jour le 10 mai 2021 à 10h15",
        "Last updated 16 June 2021 at 12 o'clock | Published 9 May 2021",
    ],
)
def test_a_line_that_says_when_the_page_was_published_and_changed_is_no_text(told: str) -> None:
    dated = UNKNOWN.replace("<div class='meta'><span>9 May 2021</span></div>", f"<div>{told}</div>")
    found = extract(page(dated), None)
    assert (found.date, found.turns) == (dt.date(2021, 5, 9), extract(page(UNKNOWN), None).turns)
    sentence = "Published on 9 May 2021, the ministry's report says that all the nets were lost."
    kept = extract(
        page(UNKNOWN.replace("<div class='text'>", f"<div>{sentence}</div><div class='text'>")), None
    )
    assert kept.turns[0].paragraphs == (sentence,)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("<p>9 May 2021</p>", "We met in Port Quill on 24 February 2020."),
        ("<p>Issued on: 9 May 2021</p>", "Port Quill, 24 February 2020"),
        ("<p>Port Quill, 9 May 2021.</p>", "What of the treaty of 24 February 2020?"),
        ("<p>Event date: 7 May 2021</p><p>Published 9 May 2021</p>", "We met in Port Quill."),
    ],
)
def test_a_line_that_is_a_date_goes_before_one_that_is_said(told: str, said: str) -> None:
    plain = UNKNOWN.replace("<div class='meta'><span>9 May 2021</span></div>", "")
    above = plain.replace("<h2>", f"{told}<h2>").replace(
        "<div class='text'>", f"<div class='text'><p>{said}</p>"
    )
    if told.startswith("<p>Issued"):
        above = plain.replace("<div class='text'>", f"<div class='text'>{told}<p>{said}</p>")
    assert extract(page(above), None).date == dt.date(2021, 5, 9)


@pytest.mark.parametrize("header", ["header", "div id='header'"])
@pytest.mark.parametrize(
    ("told", "signed"),
    [
        ("<p class='meta'>Press release No. 45 of 9 May 2021</p>", ""),
        ("", "<p>Port Quill, 9 May 2021</p>"),
        ("<meta name='dcterms.date' content='2021-05-09'>", ""),
    ],
)
def test_the_day_in_a_sites_header_yields_to_any_other(header: str, told: str, signed: str) -> None:
    today = f"<{header}><span>Saturday, 9 October 2021</span></{header.split()[0]}>"
    text = f"<div class='c'><h1>Fish talks</h1>{told}<p>{SPEECH}</p><p>{SPEECH * 2}</p>{signed}</div>"
    assert extract(page(today + text), None).date == dt.date(2021, 5, 9)
    alone = text.replace(told, "").replace(signed, "")
    found = extract(page(today + alone), None)
    assert (found.date, found.doubts) == (dt.date(2021, 10, 9), (GUESSED_DATE,))


@pytest.mark.parametrize(
    ("before", "after"), [("<article><header>{}</header>", ""), ("<header>{}", "</header>")]
)
def test_the_header_of_a_text_tells_its_date(before: str, after: str) -> None:
    shown = f"{before.format('9 May 2021')}<h1>Fish talks</h1>{after}<p>At the talks of 3 May 2020</p>"
    assert extract(page(f"{shown}<div><p>{SPEECH}</p><p>{SPEECH}</p></div>"), None).date == dt.date(
        2021, 5, 9
    )


def test_an_american_date_is_read_as_one_where_no_layout_fits() -> None:
    there = source(timezone="America/New_York")
    assert extract(page(UNKNOWN.replace("9 May 2021", "05/09/2021")), there).date == dt.date(2021, 5, 9)
    meta = "<meta property='article:published_time' content='05/09/2021'>"
    assert extract(page(UNKNOWN.replace("9 May 2021", ""), meta), there).date == dt.date(2021, 5, 9)


NUMBERS = UNKNOWN.replace("9 May 2021", "05/09/2021").replace(
    "<div class='text'>", "<div class='text'><p>05/08/2021</p>"
)
MAY, SEPTEMBER = dt.date(2021, 5, 9), dt.date(2021, 9, 5)
EVENTS = {MAY: dt.date(2021, 5, 8), SEPTEMBER: dt.date(2021, 8, 5)}


@pytest.mark.parametrize(
    ("url", "lang", "day"),
    [
        ("https://fish.example/1", "en", SEPTEMBER),
        ("https://fish.example/1", "en-US", MAY),
        ("https://fish.example.nz/1", "en-US", SEPTEMBER),  # as WordPress is, unless somebody sets it
        ("https://fish.gov/1", "en", MAY),
        ("https://boats.mil/1", "", MAY),
        ("https://fish.gov.nz/1", "en", SEPTEMBER),
    ],
)
def test_a_date_in_numbers_is_read_as_its_page_is_likely_to_mean_it(
    url: str, lang: str, day: dt.date
) -> None:
    shown = page(NUMBERS)
    shown = replace(shown, url=url, body=shown.body.replace(b"lang='en'", f"lang='{lang}'".encode()))
    found = extract(shown, None)
    assert (found.date, found.event_date) == (day, EVENTS[day])
    (doubt,) = found.doubts
    assert doubt == (
        f"the page writes its date in numbers: read as {day}, it may be {SEPTEMBER if day == MAY else MAY}"
    )
    worded = replace(shown, body=shown.body.replace(b"05/09/2021", b"9 May 2021"))
    assert extract(worded, None).doubts == ()
    assert extract(replace(shown, body=shown.body.replace(b"05/09/2021", b"05/19/2021")), None).doubts == ()


@pytest.mark.parametrize(
    "meta",
    [
        "<meta name='dcterms.date' content='{}'>",
        "<meta property='article:published_time' content='{}T23:30:00+00:00'>",
        '<script type=\'application/ld+json\'>{{"datePublished": "{}T14:30:00-04:00"}}</script>',
    ],
)
@pytest.mark.parametrize("day", [MAY, SEPTEMBER])
@pytest.mark.parametrize("lang", ["en", "en-US"])
def test_metadata_tells_a_month_from_a_day(meta: str, day: dt.date, lang: str) -> None:
    shown = page(NUMBERS, meta.format(day))
    found = extract(replace(shown, body=shown.body.replace(b"lang='en'", f"lang='{lang}'".encode())), None)
    assert (found.date, found.doubts) == (day, ())
    assert found.event_date == EVENTS[day]


@pytest.mark.parametrize(
    ("lang", "date"), [("fr", "05/09/2021"), ("en-GB", "05/09/2021"), ("en", "05.09.2021")]
)
def test_a_date_in_numbers_is_no_doubt_where_the_day_comes_first(lang: str, date: str) -> None:
    shown = page(NUMBERS.replace("05/09/2021", date))
    found = extract(replace(shown, body=shown.body.replace(b"lang='en'", f"lang='{lang}'".encode())), None)
    assert (found.date, found.doubts) == (SEPTEMBER, ())


def test_metadata_in_numbers_tells_no_month_from_a_day() -> None:
    (doubt,) = extract(page(NUMBERS, "<meta name='dcterms.date' content='05/09/2021'>"), None).doubts
    assert doubt.startswith("the page writes its date in numbers")


def test_a_source_tells_a_month_from_a_day_whatever_its_page_says() -> None:
    shown = page(NUMBERS, "<meta name='dcterms.date' content='2021-05-09'>")
    shown = replace(shown, body=shown.body.replace(b"lang='en'", b"lang='en-US'"))
    assert extract(shown, source()).date == SEPTEMBER
    assert extract(page(NUMBERS), source(timezone="America/New_York")).date == MAY


def test_a_heading_is_the_headline_where_every_page_has_the_sites_name_for_its_title() -> None:
    logo = UNKNOWN.replace("<h1>Ministry of Fish</h1>", "<div>Ministry of Fish and Boats</div>")
    shown = page(logo)
    static = replace(shown, body=shown.body.replace(b"Fish talks | Arcadia", b"Ministry of Fish and Boats"))
    assert extract(static, None).title == "Fish talks"


def test_a_pictures_caption_within_a_text_of_a_known_layout_is_nobodys_words() -> None:
    figure = "<figure><img src='a.jpg'><figcaption>Ivan Moss at the podium.</figcaption></figure>"
    found = extract(page(NEW.replace("<blockquote>", f"{figure}<blockquote>")), source())
    assert "Ivan Moss at the podium." in found.left_out
    assert "podium" not in "".join(turn.text for turn in found.turns)


@pytest.mark.parametrize(
    "again",
    ["<h2>Fish talks in Port Quill</h2>", "</div><div class='next'><h3>Fish talks in Port Quill</h3>"],
)
@pytest.mark.parametrize("answers", [1, 4])
def test_a_headline_may_be_repeated_below_it(again: str, answers: int) -> None:
    headline = "Fish talks in Port Quill"
    opening = f"<p>Ivan Moss met the press today. {SPEECH}</p><p>He took questions. {SPEECH}</p>"
    said = f"<p><b>Question:</b> Why?</p><p><b>Ivan Moss:</b> {SPEECH * 2}</p>" * answers
    for text in (f"{opening}{again}{said}", f"{opening}{said}{again}"):
        shown = page(f"<div><h1>{headline}</h1><p>9 May 2021</p>{text}</div>")
        found = extract(
            replace(shown, body=shown.body.replace(b"Fish talks |", headline.encode() + b" |")), None
        )
        assert (found.title, found.date) == (headline, dt.date(2021, 5, 9))
        assert "He took questions." in found.turns[0].text
        assert [turn.label for turn in found.turns].count("Ivan Moss") == answers


@pytest.mark.parametrize("headline", ["Fish", "渔业会谈"])
def test_a_short_headline_is_one_whatever_headings_the_text_has(headline: str) -> None:
    said = f"<p>{SPEECH}</p><h2>What will become of the boats?</h2><p>{SPEECH}</p>"
    shown = page(f"<main><h1>{headline}</h1><p>9 May 2021</p>{said}</main>")
    found = extract(replace(shown, body=shown.body.replace(b"Fish talks", headline.encode())), None)
    assert found.title == headline
    assert found.turns[0].paragraphs[-3:] == (
        SPEECH.strip(),
        "What will become of the boats?",
        SPEECH.strip(),
    )


def test_a_sites_name_is_no_headline_where_the_page_names_its_own() -> None:
    head = "<title>Fish talks | Ministry of Fish and Boats</title><meta property='og:title' content='Fish talks'>"
    named = UNKNOWN.replace("<h1>Ministry of Fish</h1>", "<h1>Ministry of Fish and Boats</h1>")
    assert extract(page(named, head), None).title == "Fish talks"


@pytest.mark.parametrize("known", [True, False])
def test_what_a_heading_unfolds_is_text(known: bool) -> None:
    said = "<p><b>Question:</b> Why?</p><p><b>Ada Quill:</b> So.</p>"
    folded = f"<h3><button>Answers</button></h3><div hidden>{said}</div>"
    shown = (NEW if known else UNKNOWN).replace(SPEECH, f"{SPEECH}</p>{folded}<p>Thank you.", 1)
    found = extract(page(shown), source() if known else None)
    assert [turn.label for turn in found.turns if turn.label == "Ada Quill"] == ["Ada Quill"]
    unseen = extract(
        page(shown.replace("<h3>", "<div>").replace("</h3>", "</div>")), source() if known else None
    )
    assert "Ada Quill" not in {turn.label for turn in unseen.turns}
    assert any("Ada Quill" in text for text in unseen.left_out)


@pytest.mark.parametrize(
    "called",
    [
        "field field--name-body field--label-hidden field__item",
        "content overflow-hidden",
        "print-area",
        "hidden-print content",
        "d-none d-md-block",
    ],
)
def test_a_short_text_is_no_furniture_for_how_its_element_is_called(called: str) -> None:
    text = f"<p><b>Question:</b> Why?</p><p><b>Ivan Moss:</b> {SPEECH}</p><p>So it is.</p>"
    found = extract(page(f"<h1>Fish talks</h1><p>9 May 2021</p><div class='{called}'>{text}</div>"), None)
    assert [(turn.label, len(turn.paragraphs)) for turn in found.turns] == [("Question", 1), ("Ivan Moss", 2)]


@pytest.mark.parametrize("called", ["hidden", "is-hidden", "share-links", "d-none", "caption"])
def test_furniture_is_no_text_though_it_stands_among_it(called: str) -> None:
    text = f"<p>{SPEECH}</p><p class='{called}'>Tell others of it.</p><p>{SPEECH}</p>"
    assert "Tell others" not in render(
        extract(page(f"<h1>Fish talks</h1><p>9 May 2021</p><div>{text}</div>"), None)
    )


def test_lines_that_offer_to_print_or_count_readers_are_no_text() -> None:
    offers = ("Print", "Share on Facebook", "Views: 1,234")
    below = "".join(f"<p>{offer}</p>" for offer in offers)
    around = UNKNOWN.replace("<p>(Applause.)</p>", f"<p>(Applause.)</p>{below}")
    found = extract(page(around.replace("<div class='text'>", "<div class='text'><p>Print</p>")), None)
    assert found.turns == extract(page(UNKNOWN), None).turns
    assert set(offers) <= set(found.left_out)


def test_a_line_of_copyright_below_a_text_is_nobodys_words() -> None:
    legal = "<p>Copyright 2021, Ministry of Fish. All rights reserved.</p>"
    below = UNKNOWN.replace("<p>(Applause.)</p>", f"<p>(Applause.)</p>{legal}")
    found = extract(page(below), None)
    assert found.turns == extract(page(UNKNOWN), None).turns


@pytest.mark.parametrize(
    ("below", "line"),
    [
        ("<div class='footer'>{}</div>", "Ministry of Fish, 12 Quay Street, Vell"),
        ("<div class='site-footer wide'><p>{}</p></div>", "Ministry of Fish, 12 Quay Street, Vell."),
        ("<div id='footer'>{}</div>", "Ministry of Fish, 12 Quay Street, Vell"),
        ("<div class='region region-page-footer'>{}</div>", "Ministry of Fish, 12 Quay Street, Vell"),
        ("<div>{}</div>", "Ministry of Fish, 12 Quay Street. Copyright 2021."),
        ("<div>{}</div>", "Ministry of Fish, 12 Quay Street. All rights reserved."),
    ],
)
def test_a_footer_is_nobodys_words_though_no_tag_says_so(below: str, line: str) -> None:
    text = (
        f"<h1>Fish talks</h1><p>9 May 2021</p><p><b>Question:</b> Why?</p><p><b>Ivan Moss:</b> {SPEECH}</p>"
    )
    found = extract(page(f"<div class='c'>{text}</div>{below.format(line)}"), None)
    assert found.turns == extract(page(f"<div class='c'>{text}</div>"), None).turns


@pytest.mark.parametrize(
    ("around", "end"),
    [
        ("div", "<p>And mind you: all rights reserved, copyright 2021.</p>"),
        ("div", "<div class='turn'><p><b>Question:</b></p><p>All rights reserved, you say.</p></div>"),
        ("div", "<div>Are all rights reserved?</div>"),
        ("div", "<div class='turn-footer'>(Applause.)</div>"),
        ("article", "<div class='footer'>(Applause.)</div>"),
    ],
)
def test_a_text_is_read_to_its_end_whatever_that_speaks_of(around: str, end: str) -> None:
    turn = f"<div class='turn'><p><b>Ivan Moss:</b></p><p>{SPEECH}</p></div>" * 3
    plain = f"<p><b>Ivan Moss:</b> {SPEECH}</p><p>{SPEECH}</p>"
    text = turn if "'turn'" in end else plain
    found = extract(page(f"<h1>Fish talks</h1><p>9 May 2021</p><{around}>{text}{end}</{around}>"), None)
    root = parse(end)
    assert root is not None
    assert found.turns[-1].paragraphs[-1] in text_of(root)


def test_a_section_that_a_menu_leads_to_is_no_headline() -> None:
    menu = "<ul><li><a href='/transcripts'>Transcripts</a></li><li><a href='/fish'>Fish</a></li></ul>"
    headline = "The Minister’s press conference on fish"
    listed = page(f"{menu}<h1>Transcripts</h1><h2>{headline}</h2><p>9 May 2021</p><p>{SPEECH}</p>")
    listed = replace(
        listed, body=listed.body.replace(b"Fish talks | Arcadia", b"Transcripts - Ministry of Fish")
    )
    assert extract(listed, None).title == headline


MINISTRY = "Ministry of Fish, Boats and Nets of the Republic of Arcadia"
TALKS = "Fish talks in Quill"
TOPIC = "<p>9 May 2021</p><h2>Of the nets that were lost</h2>"


@pytest.mark.parametrize(
    ("title", "above"),
    [
        (f"{TALKS} | {MINISTRY}", f"<h1><a href='/'>{MINISTRY}</a></h1><h2>{TALKS}</h2>{TOPIC}"),
        (f"{TALKS} | {MINISTRY}", f"<a href='/'><h1>{MINISTRY}</h1></a><h2>{TALKS}</h2>{TOPIC}"),
        (MINISTRY, f"<h1><a href='/index.html'>{MINISTRY}</a></h1><h2>{TALKS}</h2><p>9 May 2021</p>"),
        (f"{TALKS} | {MINISTRY}", f"<a href='/'>{MINISTRY}</a><div><p>9 May 2021</p></div>"),
        (f"Events - {TALKS} - {MINISTRY}", "<div><p>9 May 2021</p></div>"),
        (f"Details - {MINISTRY}", f"<h3><a href='/events/'>All events</a></h3><h1>{TALKS}</h1>{TOPIC}"),
        (f"{TALKS} | {MINISTRY}", f"<a href='/events'>{TALKS}</a><h1>{TALKS}</h1>{TOPIC}"),
    ],
)
def test_what_leads_up_is_no_headline_where_there_is_another(title: str, above: str) -> None:
    said = f"<p><b>Question:</b> Why?</p><p><b>Ivan Moss:</b> {SPEECH * 2}</p>" * 2
    shown = page(above + said)
    found = extract(replace(shown, body=shown.body.replace(b"Fish talks | Arcadia", title.encode())), None)
    assert found.title == TALKS
    assert render(found).count(TALKS) == 1
    assert ("the nets that were lost" in render(found)) == (TOPIC in above)


def test_a_line_is_a_headline_by_its_class_where_there_is_no_heading() -> None:
    shown = f"<div class='news-title'>The talks on fish</div><p>9 May 2021</p><p>{SPEECH * 2}</p>"
    named = page(shown)
    named = replace(named, body=named.body.replace(b"Fish talks | Arcadia", b"Ministry of Fish"))
    assert extract(named, None).title == "The talks on fish"


@pytest.mark.parametrize(("name", "day"), [("dc.date", 9), ("article:published_time", 30)])
def test_a_date_that_a_content_system_may_fill_yields_to_the_line_that_is_one(name: str, day: int) -> None:
    head = f"<meta name='{name}' content='2021-05-30'>"
    assert extract(page(UNKNOWN, head), None).date == dt.date(2021, 5, day)


@pytest.mark.parametrize(
    "meta",
    [
        "<meta property='article:published_time' content='{}'>",
        '<script type=\'application/ld+json\'>{{"datePublished": "{}"}}</script>',
    ],
)
def test_a_moment_in_utc_is_of_the_day_beside_the_headline_where_no_time_zone_is_known(meta: str) -> None:
    for moment in ("2021-05-10T03:10:00+00:00", "2021-05-08T22:30:00Z", "2021-05-09T12:00:00Z"):
        found = extract(page(UNKNOWN, meta.format(moment)), None)
        assert (found.date, found.event_date, found.doubts) == (dt.date(2021, 5, 9), None, ())
    for moment in ("2021-05-10T03:10:00+02:00", "2021-05-10T12:00:00Z"):
        assert extract(page(UNKNOWN, meta.format(moment)), None).date == dt.date(2021, 5, 10)
    late = page(UNKNOWN, meta.format("2021-05-09T20:30:00Z"))
    assert extract(late, source()).date == dt.date(2021, 5, 10)  # in Tokyo


def test_a_dateline_of_the_text_says_nothing_of_the_day_it_was_published() -> None:
    dated = UNKNOWN.replace("<div class='text'>", "<div class='text'><p>Port Quill, 8 May 2021</p>")
    meta = "<meta property='article:published_time' content='2021-05-09T08:00:00Z'>"
    found = extract(page(dated.replace("<span>9 May 2021</span>", ""), meta), None)
    assert (found.date, found.event_date) == (dt.date(2021, 5, 9), dt.date(2021, 5, 8))


def test_a_date_in_a_list_of_others_is_not_the_pages() -> None:
    other = "<a href='/1'>Older</a> <time itemprop='datePublished' datetime='2021-06-30'>30 June</time>"
    assert (
        extract(page(f"<ul><li>{other}</li></ul>{UNKNOWN}"), None).date == extract(page(UNKNOWN), None).date
    )


ROWS = {
    "a table": ("<table>{}</table>", "<tr><td><b>{}:</b></td><td>{}</td></tr>"),
    "boxes": ("<article>{}</article>", "<div class='turn'><p><strong>{}:</strong></p><p>{}</p></div>"),
    "boxes in boxes": (
        "<div>{}</div>",
        "<div class='row'><div class='who'><b>{}:</b></div><div class='what'><p>{}</p></div></div>",
    ),
}


@pytest.mark.parametrize("rows", ROWS)
def test_a_text_in_rows_is_read_to_its_last_one(rows: str) -> None:
    around, row = ROWS[rows]
    said = [("Question", "Will the boats go out?"), ("Ivan Moss", SPEECH)] * 4
    said += [("Question", "And the nets?"), ("Ivan Moss", "In hand.")]
    text = around.format("".join(row.format(*turn) for turn in said))
    found = extract(
        page(f"<h1>Fish talks</h1><p>9 May 2021</p>{text}<div><p>Quay 1, Port Quill</p></div>"), None
    )
    assert [(turn.label, *turn.paragraphs) for turn in found.turns] == [
        (label, words.strip()) for label, words in said
    ]


def test_rows_that_lay_out_a_page_are_none_of_its_text() -> None:
    text = f"<p>{SPEECH * 4}</p><p>{SPEECH * 3}</p>"
    rows = "".join(f"<tr><td>{cell}</td></tr>" for cell in ("<h1>Fish talks</h1>", f"<p>{SPEECH}</p>", text))
    found = extract(page(f"<p>9 May 2021</p><table>{rows}<tr><td>Quay 1, Port Quill</td></tr></table>"), None)
    assert "Quay" not in render(found)


def test_what_is_passed_over_within_a_text_is_listed_and_a_doubt() -> None:
    hidden = UNKNOWN.replace(
        "<p><strong>Remark", f"<div class='more hidden'>{SPEECH * 2}</div><p><strong>Remark"
    )
    found = extract(page(hidden), None)
    assert " ".join((SPEECH * 2).split()) in found.left_out
    assert [doubt for doubt in found.doubts if doubt.startswith("left out, though it may be the text's")]
    assert extract(page(UNKNOWN), None).doubts == ()


def test_a_small_part_of_a_page_is_a_doubt_as_its_body() -> None:
    answers = "".join(
        f"<p>Question: {n}?</p><div class='comment'><p>{SPEECH * 3}</p></div>" for n in range(9)
    )
    head = "<h1>Fish talks in Port Quill</h1><p>9 May 2021</p>"
    whole = f"<article>{head}<div class='body'>{answers}</div></article>"
    found = extract(page(whole), None)
    assert [doubt for doubt in found.doubts if "of the page's text was taken for its body" in doubt]


def test_a_page_is_no_sidebar_for_having_none() -> None:
    wrapped = (
        f"<div class='layout-no-sidebar'>{UNKNOWN.replace('<h1>', '<h4>').replace('</h1>', '</h4>')}</div>"
    )
    assert extract(page(wrapped), None).turns == extract(page(UNKNOWN), None).turns


# --- what is no page -------------------------------------------------------------------------------------

WALL = (
    "<html><head><script src='/TSPD/08a'></script></head>"
    "<body><noscript>Please enable JavaScript</noscript></body></html>"
)
LOST = "<html><body><h1>Страница не найдена</h1></body></html>"


@pytest.mark.parametrize(
    ("body", "content_type", "kind"),
    [
        (b"", "text/html", "empty"),
        (b" \n\0 ", "text/html", "empty"),
        (b"<html><body></body></html>", "text/html", "empty"),
        (b"%PDF-1.7 ...", "text/html", "pdf"),
        (b"<html></html>", "application/pdf", "pdf"),
        (b"\x89PNG\r\n", "", "not html"),
        (b"<html></html>", "image/png", "not html"),
        (b'{"a": 1}', "text/html", "not html"),
        (b"<?xml version='1.0'?><rss version='2.0'><channel/></rss>", "text/html", "not html"),
        (b"x" * 20_000_000, "text/html", "too large"),
        (page(NEW).body[:-300], "text/html", "truncated"),
        (WALL.encode(), "text/html", "challenge"),
        (b"<html><body><h1>Just a moment...</h1></body></html>", "", "challenge"),
        (page("<div>" * 300 + NEW).body, "text/html", "not html"),
        (page("<h1>Page not found</h1><p>Sorry.</p>").body, "text/html", "soft 404"),
        (LOST.encode("cp1251"), "text/html; charset=windows-1251", "soft 404"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("known", [True, False])
def test_what_is_no_page_is_refused_by_its_kind(
    body: bytes, content_type: str, kind: str, known: bool
) -> None:
    with pytest.raises(Refused) as refused:
        extract(Page(URL, body, content_type), source() if known else None)
    assert refused.value.kind == kind
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("attribute", [" a{}", "/a{}", ' a{}=">"', "a{}='b'"])
def test_a_tag_with_more_attributes_than_can_be_read_in_time_is_refused(attribute: str) -> None:
    many = "".join(attribute.format(number) for number in range(20_000))
    body = f"<html><body><p title=''{many}>{SPEECH}</p></body></html>".encode()
    start = time.process_time()
    with pytest.raises(Refused, match="attributes"):
        extract(Page(URL, body, "text/html"), source())
    assert time.process_time() - start < 5  # libxml2 alone would take as long for a fifth of them


@pytest.mark.parametrize(
    ("headline", "missing"),
    [
        ("404", True),
        ("Error 404", True),
        ("404 - Page Not Found", True),
        ("Page not found | Ministry of Foreign Affairs of the Republic of Marland", True),
        ("Oops! That page can't be found.", True),
        ("Sorry, the page you requested does not exist", True),
        ("Ошибка 404: страница не найдена", True),
        ("Désolé, la page demandée n'existe pas", True),
        ("Die angeforderte Seite existiert nicht", True),
        ("503 Service Unavailable", True),
        ("Briefing 404", False),
        ("Press Release No. 404", False),
        ("Press briefing No. 404 by the Spokesperson", False),
        ("On the adoption of UN Security Council resolution 404", False),
        ("The Minister on the evidence that was not found at the site", False),
        ("« Un plan de rechange n'existe pas », dit la porte-parole", False),
        ("Доказательств применения оружия не найдено, заявила представитель министерства", False),
    ],
)
def test_an_error_is_told_from_a_headline_that_has_its_words(headline: str, missing: bool) -> None:
    verdict = verdict_on_headline(parse(f"<html><body><h1>{headline}</h1><p>Text.</p></body></html>"))
    assert (verdict is not None) == missing


WHOLE = page(NEW).body.removesuffix(b"</body></html>")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "end",
    [
        b"",
        b"\n<!-- made in 0.1 s -->\n",
        b"<script>'<div>'</script>",
        b"<p>Imprint.\n",
        b"</BODY >",
        b"<hr><br>",
    ],
)
def test_a_page_may_leave_out_its_end_tags(end: bytes, known: bool) -> None:
    day = b"<meta property='article:published_time' content='2021-05-09'>"
    sloppy = Page(URL, WHOLE.replace(b"</head>", day + b"</head>") + end)
    assert extract(sloppy, source() if known else None).turns[-1].label == "Ivan Moss"
    assert extract(Page(URL, sloppy.body.decode().encode("utf-16")), source() if known else None).turns


@pytest.mark.parametrize(
    "end",
    [
        b"<",
        b"<p clas",
        b"<p>And then he sa",
        b"<!-- made in",
        b"<script>if (a",
        b"<div>",
        b"<table><tr><td>x</td>",
    ],
)
def test_a_page_that_breaks_off_is_refused(end: bytes) -> None:
    for charset in ("utf-8", "utf-16"):
        with pytest.raises(Refused, match="breaks off") as refused:
            extract(Page(URL, (WHOLE + end).decode().encode(charset)), source())
        assert refused.value.kind == "truncated"


def test_a_briefing_that_speaks_of_captchas_is_a_page() -> None:
    spoken = NEW.replace(
        SPEECH, "Please enable JavaScript, said the g-recaptcha: access denied. " + SPEECH * 20
    )
    assert extract(page(spoken), source()).turns


def test_a_refusal_survives_the_way_between_processes() -> None:
    refused = pickle.loads(pickle.dumps(Refused("no date", "nowhere")))
    assert (refused.kind, str(refused)) == ("no date", "nowhere")


# --- bytes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("charset", "header", "meta"),
    [
        ("utf-8", "text/html", ""),
        ("utf-8", "text/html; charset=windows-1251", "<meta charset='windows-1251'>"),
        ("windows-1251", "text/html; charset=windows-1251", ""),
        ("windows-1251", "text/html", "<meta http-equiv='Content-Type' content='x; charset=windows-1251'>"),
        ("windows-1251", "text/html; charset=\"windows-1251\"", "<meta charset='utf-8'>"),
        ("koi8-r", "", "<meta charset=koi8-r>"),
        ("iso2022_jp", "text/html", "<meta charset='iso-2022-jp'>"),
        ("hz", "text/html; charset=hz-gb-2312", ""),
        ("utf-16", "text/html", ""),
        ("utf-8-sig", "text/html; charset=latin-1", ""),
        ("windows-1251", "text/html; charset=x-cp1251", ""),
        ("windows-1251", "application/xhtml+xml", "<?xml version='1.0' encoding='windows-1251'?>"),
    ],
)  # fmt: skip
def test_letters_are_right_in_every_charset(charset: str, header: str, meta: str) -> None:
    first, head = (meta, "") if meta.startswith("<?") else ("", meta)
    text = f"{first}<html><head>{head}</head><body>Заявление Министерства</body></html>"
    assert "Заявление Министерства" in decode(text.encode(charset), header)


@pytest.mark.parametrize("declared", ["UTF-8", "utf-16", "iso-8859-1"])
def test_what_a_template_left_in_an_xml_declaration_is_not_believed_before_a_meta(declared: str) -> None:
    meta = "<meta http-equiv='Content-Type' content='text/html; charset=windows-1251'>"
    text = (
        f"<?xml version='1.0' encoding='{declared}'?><html><head>{meta}</head><body>Заявление</body></html>"
    )
    assert "Заявление" in decode(text.encode("windows-1251"), "text/html")


@pytest.mark.parametrize("declared", ["<?xml version='1.0' encoding='utf-16'?>", "<meta charset='utf-16'>"])
def test_what_is_read_byte_by_byte_is_not_utf_16(declared: str) -> None:
    assert "Élysée" in decode(f"{declared}<html><body>Élysée</body></html>".encode("cp1252"), "text/html")


@pytest.mark.parametrize(
    ("name", "charset", "text"),
    [
        ("iso-8859-9", "cp1254", "“Türkiye’nin” – Dışişleri"),
        ("iso-8859-8-i", "iso8859-8", "דובר המשרד"),
        ("iso-8859-6-e", "iso8859-6", "المتحدث"),
        ("windows-874", "cp874", "“โฆษก” –"),
        ("tis-620", "cp874", "“โฆษก” –"),
        ("windows-949", "cp949", "외교부 대변인 똠"),
        ("windows-31j", "cp932", "外務大臣①"),
        ("x-sjis", "cp932", "外務大臣①"),
        ("x-euc-jp", "euc-jp", "外務大臣"),
        ("x-x-big5", "big5", "外交部發言人"),
        ("gb_2312-80", "gb18030", "外交部发言人"),
        ("koi8-ru", "koi8-u", "Речник ґ"),
        ("x-mac-cyrillic", "mac-cyrillic", "Брифинг"),
        ("iso_8859-5:1988", "iso8859-5", "Брифинг"),
    ],
)
def test_a_charset_is_known_by_the_names_that_browsers_know(name: str, charset: str, text: str) -> None:
    body = f"<html><body>{text}</body></html>".encode(charset)
    assert text in decode(body, f"text/html; charset={name}")


@pytest.mark.parametrize(
    "charset", ["rot13", "base64", "idna", "punycode", "utf-7", "x-unknown", "unicode_escape"]
)
def test_a_charset_that_is_none_does_no_harm(charset: str) -> None:
    assert "Moss" in decode(b"Moss \xff\xfe \xe9", f"text/html; charset={charset}")


# --- nothing lost ----------------------------------------------------------------------------------------

INLINE = ["b", "i", "span", "a", "strong", "em", "sup"]
BLOCK = ["p", "div", "li", "h3", "td", "blockquote"]


@st.composite
def bodies(draw: st.DrawFn) -> str:
    word = st.text("abcdeé \n\u00a0\u200b\u00ad.:", max_size=12)

    def inline(depth: int) -> str:
        text = draw(word)
        if depth and draw(st.booleans()):
            name = draw(st.sampled_from(INLINE))
            text += f"<{name}>{inline(depth - 1)}</{name}>" + draw(word)
        return text + draw(st.sampled_from(["", "<br>", "<br><br>", "<script>x</script>"]))

    def block(depth: int) -> str:
        name = draw(st.sampled_from(BLOCK))
        hidden = draw(st.sampled_from(["", "", " class='share'", " hidden", " style='display:none'"]))
        inner = inline(2) + (block(depth - 1) if depth and draw(st.booleans()) else "") + inline(1)
        return f"<{name}{hidden}>{inner}</{name}>{draw(word)}"

    return "".join(block(2) for _ in range(draw(st.integers(1, 5))))


@given(bodies())
def test_every_letter_of_a_body_is_in_a_paragraph_or_in_what_was_left_out(body: str) -> None:
    root = parse(f"<html><body>{body}</body></html>")
    assert root is not None
    drop = frozenset(element for element in root.iter() if element.get("class") == "share")
    paragraphs, left_out = blocks.read([root], drop)
    kept = "".join(paragraph.text for paragraph in paragraphs)
    assert sorted(filter(str.isalpha, kept + "".join(left_out))) == sorted(filter(str.isalpha, text_of(root)))
    for paragraph in paragraphs:
        assert all(0 <= start < end <= len(paragraph.text) for start, end in paragraph.bold)


def words_of(found: Transcript) -> list[str]:
    texts = [part for turn in found.turns for part in (turn.label or "", *turn.paragraphs)]
    return sorted(" ".join([*texts, *found.left_out]).replace(":", " ").split())


def test_what_is_not_in_a_turn_is_listed() -> None:
    found = extract(page(NEW), source())
    root = parse(NEW)
    assert root is not None
    ((lead,), (body,)) = root.find_class("lead"), root.find_class("body")
    assert words_of(found) == sorted(f"{text_of(lead)} {text_of(body).replace(':', ' ')}".split())
