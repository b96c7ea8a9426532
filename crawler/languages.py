"""What each language calls a question, a moderator, a month: the data of ``languages.toml``, ready for use.

A word list belongs in the data file, never in code. Nothing here looks at a page.
"""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words of one language, or of all languages together; every word is casefolded.

    `anonymous` are the labels that say what a voice is and not whose it is.
    """

    question: frozenset[str]
    answer: frozenset[str]
    questioner: frozenset[str]
    moderator: frozenset[str]
    voice: frozenset[str]
    honorific: frozenset[str]
    deputy: frozenset[str]
    behind: frozenset[str]
    field: frozenset[str]
    note: frozenset[str]
    topic: frozenset[str]
    speech: frozenset[str]
    own: frozenset[str]
    end: frozenset[str]
    contents: frozenset[str]
    back: frozenset[str]
    published: frozenset[str]
    updated: frozenset[str]
    furniture: frozenset[str]
    statement: frozenset[str]
    missing: frozenset[str]
    anonymous: frozenset[str]
    print: str | None = None


_LISTS = [each.name for each in fields(Words) if each.name not in ("anonymous", "print")]


@cache
def _data() -> dict[str, dict[str, list[str] | str]]:
    return tomllib.loads((Path(__file__).parent / "languages.toml").read_text(encoding="utf-8"))


def _forms(word: str) -> set[str]:
    """A word as it is compared: with either apostrophe, and in Greek without accents too, as in capitals."""
    forms = {word.casefold(), word.casefold().replace("'", "’")}
    if "\u0370" <= word[:1] <= "\u03ff" or "\u1f00" <= word[:1] <= "\u1fff":
        parts = unicodedata.normalize("NFD", word.casefold())
        forms.add(unicodedata.normalize("NFC", parts.replace("\u0301", "")))
    return forms


@cache
def words(language: str | None) -> Words:
    """The words of a language; of every language together where it is None or not in the data."""
    data = _data()
    chosen = [data[language]] if language in data else list(data.values())
    lists = {
        name: frozenset(form for entry in chosen for word in entry.get(name, ()) for form in _forms(word))
        for name in _LISTS
    }
    lists["field"] |= lists["note"]
    if len(chosen) > 1:
        lists["own"] = frozenset()  # "mi" is "me" in one language and "we" in another
    printed = chosen[0].get("print") if len(chosen) == 1 else None
    anonymous = frozenset[str]().union(*(lists[name] for name in _LISTS[:5]))
    return Words(**lists, anonymous=anonymous, print=printed if isinstance(printed, str) else None)


@cache
def months() -> dict[str, int]:
    """The number of a month by its name, in every language.

    Two languages that call different months the same would be an error in the data; a test looks.
    """
    numbers: dict[str, int] = {}
    for entry in _data().values():
        for number, names in enumerate(entry.get("months", ()), 1):
            for name in filter(None, names.split("|")):
                numbers.setdefault(name.casefold(), number)
                numbers.setdefault(name.lower(), number)  # as a text is searched: casefolding parts "Μαΐου"
    return numbers
