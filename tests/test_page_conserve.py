"""No text is lost or invented between a page's body and its turns, and a page where it is, is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import blocks
from crawler.conserve import conserved
from crawler.page import Page, Refused, extract
from crawler.source import Source
from flows.demo import Stage
from storage.transcript import Turn
from tests.site import MisbehavingMinistry

SAID = Turn(("We have met twice.", "The pier is open, isn’t it?"), "Tomas Quill")
ASKED = Turn(("And the ferry?",), "Question")
SHOWN = ["Tomas Quill:", "We have met twice. ", "The pier is open, isn’t it?", "Q And the ferry?"]


def test_spacing_case_and_the_spelling_of_a_question_are_no_loss() -> None:
    assert conserved(SHOWN, [SAID, ASKED], []) is None
    assert conserved([text.upper() for text in SHOWN], [SAID, ASKED], []) is None
    assert (
        conserved(
            ["Tomas Quill: We havemet twice.The pier is open, isn't it? Q And the ferry?"], [SAID, ASKED], []
        )
        is None
    )


def test_what_was_left_out_on_purpose_is_no_loss() -> None:
    assert conserved([*SHOWN, "Back to contents"], [SAID, ASKED], ["Back to contents"]) is None


@given(st.integers(0, 3), st.data())
def test_a_lost_or_invented_word_is_seen(place: int, data: st.DataObject) -> None:
    word = data.draw(st.text("abcdzж中7", min_size=1))
    more = [*SHOWN]
    more[place] += f" {word}"
    assert "in no turn" in str(conserved(more, [SAID, ASKED], []))
    longer = Turn((*SAID.paragraphs, word), SAID.label)
    assert "not in the body" in str(conserved(SHOWN, [longer, ASKED], []))


def test_a_page_whose_reading_lost_a_paragraph_is_refused(
    site: MisbehavingMinistry, place: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault is put into the reading itself, since no page is known that has it."""
    from crawler.source_files import load_sources

    source: Source = load_sources(place.settings.sources)["demo"]
    document = site.documents[0]
    page = Page(f"{site.base}{document.path}", site.answer(document.path).body, "text/html; charset=utf-8")
    assert extract(page, source) == document.transcript
    whole = blocks.read

    def forgetful(*args: object) -> object:
        paragraphs, left_out = whole(*args)  # type: ignore[arg-type]
        return paragraphs[:1] + paragraphs[2:], left_out

    monkeypatch.setattr(blocks, "read", forgetful)
    with pytest.raises(Refused, match="letters of the body are in no turn") as refusal:
        extract(page, source)
    assert refusal.value.kind == "text lost"
