"""Citations: what is cited can be found again, in each style, and nothing in a title is a command to LaTeX."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from storage.citation import STYLES, Cited, apa, bibtex, chicago

CITED = Cited(
    institution="Ministry of Ferries & Bridges",
    source="ministry",
    key="12-3",
    title="On the ferry: 100% of_it",
    date=dt.date(2026, 3, 20),
    url="https://ministry.example/briefings/12?lang=en#text",
    captured=dt.datetime(2026, 3, 21, 3, 15, 7, tzinfo=dt.UTC),
    digest="sha256:ABC234",
)
ARCHIVED = "captured 2026-03-21 03:15:07 UTC, sha256:ABC234"


def test_each_style_is_as_its_manual_has_it() -> None:
    assert apa(CITED) == (
        "Ministry of Ferries & Bridges. (2026, March 20). On the ferry: 100% of_it. Retrieved March 21, 2026, "
        f"from https://ministry.example/briefings/12?lang=en#text ({ARCHIVED})."
    )
    assert chicago(CITED) == (
        "Ministry of Ferries & Bridges. “On the ferry: 100% of_it.” March 20, 2026. "
        f"https://ministry.example/briefings/12?lang=en#text ({ARCHIVED})."
    )
    assert bibtex(CITED) == (
        "@misc{ministry-12-3-467b30f7,\n"
        r"  author  = {{Ministry of Ferries \& Bridges}}," "\n"
        r"  title   = {{On the ferry: 100\% of\_it}}," "\n"
        "  year    = {2026},\n"
        "  month   = {3},\n"
        "  date    = {2026-03-20},\n"
        "  url     = {https://ministry.example/briefings/12?lang=en#text},\n"
        "  urldate = {2026-03-21},\n"
        f"  note    = {{{ARCHIVED}}},\n"
        "}"
    )  # fmt: skip


def test_a_date_that_the_page_does_not_state_is_cited_as_a_guess() -> None:
    guessed = replace(CITED, guessed=True)
    assert ". (ca. 2026, March 20). On" in apa(guessed)
    assert ".” [March 20, 2026?]. https" in chicago(guessed)
    assert f"  note    = {{the date is a guess: the page states none; {ARCHIVED}}},\n" in bibtex(guessed)
    assert bibtex(guessed).replace("the date is a guess: the page states none; ", "") == bibtex(CITED)


def test_a_key_is_of_one_text_alone() -> None:
    long = replace(CITED, key=f"{'a' * 90}/1")
    others = [
        replace(CITED, digest="sha256:B"),
        replace(CITED, key="12_3"),
        long,
        replace(long, key=f"{'a' * 90}/2"),
    ]
    keys = [bibtex(cited).partition(",")[0] for cited in (CITED, *others)]
    assert len(set(keys)) == len(keys)


def test_a_title_that_ends_itself_gets_no_second_full_stop() -> None:
    asked = replace(CITED, title="Who sails?")
    assert "). Who sails? Retrieved" in apa(asked)
    assert "“Who sails?” March" in chicago(asked)


@given(st.text(), st.text(), st.text())
def test_whatever_a_page_calls_itself_is_text_in_every_style(title: str, key: str, path: str) -> None:
    cited = replace(CITED, title=title, key=key, url=f"https://ministry.example/{path}")
    told = {name: style(cited) for name, style in STYLES.items()}
    entry = told.pop("BibTeX")
    assert all("\n" not in each and ARCHIVED in each for each in told.values())
    assert entry.count("\n") == 9
    depths = [entry[:end].count("{") - entry[:end].count("}") for end in range(1, len(entry) + 1)]
    assert min(depths[:-1][entry.index("{") :]) >= 1 and depths[-1] == 0
    assert re.match(r"@misc\{[a-z0-9-]+,\n", entry)


def test_a_command_in_a_title_is_none() -> None:
    entry = bibtex(
        replace(CITED, title=r"\input{/etc/passwd} } ~^$x_1$ #%", url="https://a.example/}\\x y\x1b")
    )
    assert r"\textbackslash{}input\textbraceleft{}/etc/passwd\textbraceright{}" in entry
    assert r"\textasciitilde{}\textasciicircum{}\$x\_1\$ \#\%" in entry
    assert "{https://a.example/%7D%5Cx%20y}" in entry
