"""What a text looks like as a label: whose name, office or word for a voice it may be, and whether it can be one.

Nothing here knows where on a page the text stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from crawler.languages import Words
from storage.transcript import LABEL_LIMIT, clean

LONG_NAME = 30
"""Words in a label with an office: the longest seen has 24."""
FROM = 6
"""Words in a label that says where in the room a question comes from, at most."""
CASELESS = re.compile("[\u0590-\u08ff\u0900-\u0dff\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Of these Chinese, Japanese and Thai part no words, and Arabic and Korean join short ones to others.
_JOINED = re.compile("[\u0600-\u08ff\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_UNPARTED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
IDEOGRAPHS = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
# "国家统计局新闻发言人 付凌晖": a name of two to four signs after a space.
_NAMED = re.compile("^\\S{2,40}(?: \\S{2,40})? [\u3400-\u9fff]{1,2}[\u3040-\u30ff\u3400-\u9fff]{1,2}$")
# With the marks on and below them: accents, Hebrew points, Arabic and Indic vowels.
_LETTERS = (
    "[^\\W\\d_]+(?:[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0981-\u0dff]+[^\\W\\d_]*)*"
)
WORD = re.compile(f"{_LETTERS}(?:[-’'.]{_LETTERS})*")
REMARK = re.compile(r"\s*[(（\[][^()（）\[\]]*[)）\]]")
# A stop within a label that ends a sentence: not one after an initial or a short title (J. / Mr. / Gen.).
_STOP = re.compile(r"[!?;…。！？；]|\.(?=\s+\S|$)")
_SHORT_FORM = re.compile(r"(?:^|[\s.(-])(?:[^\W\d_]{1,4}|[^\W\d_]\.[^\W\d_])\.$")
# Ferdinand "Bing" Ramos
_NICKNAME = re.compile(r"(?<=[^\W\d_]{2}) [\"“«][^\W\d_]{2,12}[\"”»] (?=[^\W\d_])")
_QUOTATION = re.compile(r"«[^«»]*»|“[^“”]*”|„[^„“”]*[“”]|「[^「」]*」|『[^『』]*』|\"[^\"]*\"")
_QUOTES = re.compile(r"[\"“”„«»「」『』<>|=]|https?|www\.")
# רה"מ, היו"ר: before the last letter of an abbreviation
_GERSHAYIM = re.compile('(?<=[\u05d0-\u05ea])["”](?=[\u05d0-\u05ea](?![\u05d0-\u05ea]))')
_ARTICLES = frozenset(("the", "la", "le", "el", "o", "a", "der", "die"))
_WHOSE = frozenset(("from", "of", "with", "de", "du", "del", "da", "do", "vom", "von", "der", "из", "от"))
# Others of these begin what a question is of: "Question de principe".
_FROM = frozenset(("from", "vom", "из", "от"))
PARTICLES = _ARTICLES | _WHOSE
_NUMBER = re.compile(r"\d{1,3}[.)]\s+")
# "А.Гамов", "J.R.Moss": initials that no space parts from the name.
_INITIALS = re.compile(r"(?<![^\W\d_])((?:[^\W\d_]\.)+)(?=[^\W\d_]{2})")
_APART = re.compile(r",|(?<=\w)/(?=\w)|\s/\s|\s[-–—]\s")
_PARTS = re.compile(r"[-'’(«“„\"]")

# Greek asks with a semicolon. `re` looks for a sign four times as fast as for one that something is before.
_MARK = r"[?？؟\u037e;](?<![^\u0370-\u03ff\u1f00-\u1fff];)(?<!^;)"
QUESTION_MARK = re.compile(_MARK)
ASKED = re.compile(_MARK + r"[\"'”’»」』)\]）】\s]*$")
"""How a text ends that asks."""


def asks(key: str, words: Words) -> bool:
    """Whether a label's key is a questioner's: "question", or that before whose it is, as "reporter from Perm"."""
    if key in words.question or key in words.questioner:
        return True
    first, _, rest = key.partition(" ")
    if rest and len(first) > 1 and first in words.question:
        return True
    return first in words.questioner and rest.partition(" ")[0] in _WHOSE  # but not "press secretary"


def is_speech(text: str, words: Words) -> bool:
    """Whether a text holds what people say and documents do not: an I, a you, a thank you or a question."""
    if QUESTION_MARK.search(text) or not words.speech.isdisjoint(WORD.findall(text.casefold())):
        return True
    return _JOINED.search(text) is not None and any(word in text for word in words.speech)


class Look(NamedTuple):
    """What of a `Label` its text alone tells, and how long its remarks are."""

    printed: str
    key: str
    remark: int
    upper: bool
    anonymous: bool
    honorific: bool
    titled: bool
    names: int
    office: bool


@lru_cache(maxsize=1024)
def look(text: str, words: Words) -> Look | None:
    """What a text looks like as a label; None where it can be none. A page prints the same few over and over."""
    printed = clean(text)
    if not printed or len(printed) > LABEL_LIMIT or ": " in printed or printed.endswith(":"):
        return None
    core = clean(REMARK.sub(" ", printed)).rstrip(" .")
    key = key_of(printed)
    if number := _NUMBER.match(core):  # "1. Question", but not the "1. Trade" of a list
        core = core[number.end() :] if _anonymous(key, words) else ""
    asking = _asks_for(core, words)
    # Who asks may be named by his paper: "Корреспондент газеты «Заря»", "“今日北方”记者".
    if not key or not _fits(_QUOTATION.sub(" x ", core) if asking else core) or _is_topic(core, words):
        return None
    letters = [letter for letter in core if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    # "Arindam Bagchi, Official Spokesperson", but also "Head of Science, Archivist Yelena Malysheva".
    # "Joseph Moran/Channel 7", "Anna Berg – France 24".
    apart = _APART.search(core)
    if apart and key_of(core[: apart.start()]) in words.questioner and _is_paper(core[apart.end() :], words):
        key = key_of(core[: apart.start()])  # "Journalist – AFP"
    nobody = asking or _anonymous(key, words)
    names, office, honorific = _name(core[: apart.start()] if apart else core, words)
    if apart:
        whole, more, _ = _name(core, words)
        names, office = max(names, whole), office or more or _offices(core[apart.end() :].split(), words)
    return Look(
        printed,
        key,
        remark=sum(len(match[0].strip()) for match in REMARK.finditer(printed)),
        # A letter alone may be an initial or a point of a list; "Q" is neither.
        upper=(len(letters) > 1 or nobody)
        and capitals >= 0.6 * len(letters)
        and core.split()[0][:2].isupper(),
        anonymous=nobody,
        honorific=honorific,
        titled=any(
            word in words.honorific and word not in _ARTICLES
            for word in (*key.split(), *_beginnings(key.split()))
        ),
        names=names,
        office=office,
    )


@lru_cache(maxsize=1024)
def key_of(label: str) -> str:
    """What makes two labels one voice's: casefolded, without remarks in parentheses and punctuation."""
    core = REMARK.sub(" ", label)
    folded = (core if WORD.search(core) else label).replace(".", ". ").casefold()
    return " ".join(WORD.findall(folded.replace("\u0307", "")))  # Turkish İ is i and a dot


def endings_of(key: str) -> list[str]:
    """What is left of a key without its first words: ``anna berg`` and ``berg`` of ``president anna berg``."""
    words = key.split()
    return [" ".join(words[count:]) for count in range(1, len(words))]


def _anonymous(key: str, words: Words) -> bool:
    if key in words.anonymous:
        return True
    # "Remark from the audience" and "Unidentified speaker": the word and a few more, none a name.
    return bool(CASELESS.search(key)) and any(key.endswith(word) for word in words.questioner)


def _asks_for(core: str, words: Words) -> bool:
    """Whether a label is a questioner's by its first word and says whose: "Question from Perm", "Question No. 2".

    It ends in a name, a number or a quotation ("Вопрос агентства «Маяк»"), or is "Question from the floor"; in a
    script without capitals it ends in the word.
    """
    if CASELESS.search(core):
        return any(core.endswith(word) for word in words.questioner)
    tokens = core.split()
    named = 1 < len(tokens) < LONG_NAME and any(
        part[:1].isupper() or part[:1].isdigit() for part in _PARTS.split(tokens[-1])
    )
    said_from = 2 < len(tokens) <= FROM and tokens[1].casefold() in _FROM
    first = tokens[0].casefold() if named or said_from else ""
    whose = first in words.questioner and tokens[1].casefold() in _WHOSE
    return (
        whose
        or first in words.question
        or (first in words.questioner and _QUOTATION.search(core) is not None)
    )


def _is_paper(text: str, words: Words) -> bool:
    """Whether what stands behind the word for a questioner can be his paper: like a name, no title."""
    tokens = text.split()
    titles = words.honorific - _ARTICLES
    return 0 < len(tokens) <= FROM and all(
        (token[:1].isupper() or token[:1].isdigit() or token in PARTICLES)
        and token.strip(".,").casefold() not in titles
        for token in tokens
    )


def _is_topic(core: str, words: Words) -> bool:
    """Whether a text begins as what a speaker turns to: "On Ukraine", but not "В. Путин", whose В is a name's."""
    folded = core.casefold()
    after = "" if _UNPARTED.match(core) else " "  # עליזה is a name, though על is "on"
    return any(folded.startswith(word + after) for word in words.topic)


def _fits(core: str) -> bool:
    """Whether a text can be a label at all: no sentence, no quotation, no address."""
    core = _NICKNAME.sub(" ", _GERSHAYIM.sub("", core))
    if not core or _QUOTES.search(core) or len(core.split()) > LONG_NAME:
        return False
    for match in _STOP.finditer(core):
        if match[0] != "." or not _SHORT_FORM.search(core[: match.end()][-8:]):
            return False
    if CASELESS.search(core) and re.search(r"[，、,]", core) and len(core) > 40:
        return False
    return any(letter.isalpha() for letter in core)


def _name(text: str, words: Words) -> tuple[int, bool, bool]:
    """How many words look like a name's, whether an office's words are among them, and whether a title leads."""
    tokens = _INITIALS.sub(r"\1 ", text).split()
    if CASELESS.search(text):
        return int(_is_short(text)), False, False
    folded = [token.strip(".").casefold() for token in tokens]
    honorific = not words.honorific.isdisjoint(_beginnings(folded))
    capital = [any(part[:1].isupper() for part in _PARTS.split(token)) for token in tokens]
    # "Berg Anna külügyminiszter"
    while words.behind and len(capital) > 2 and folded[len(capital) - 1].endswith(tuple(words.behind)):
        capital.pop()
    # A name ends in a name: "head of department" is an office, and "what follows" a sentence.
    if not capital or not capital[-1]:
        return 0, False, honorific
    return sum(capital), _offices(tokens[: len(capital)], words), honorific


def _beginnings(tokens: Sequence[str]) -> list[str]:
    """The first word, the first two, the first three: "foreign", "foreign minister", ..."""
    return [" ".join(tokens[:count]) for count in range(1, min(len(tokens), 3) + 1)]


def _is_short(text: str) -> bool:
    """Whether a text in a script without capitals is short enough for a name, alone or after an office: some words
    where spaces part them, else a few signs, or any office and a name set apart from it."""
    if "，" in text:
        return False
    if len(text) <= 20:
        return True
    if IDEOGRAPHS.search(text):
        return _NAMED.search(text) is not None
    return len(text) <= 80 and text.count(" ") < 8


def _offices(tokens: Sequence[str], words: Words) -> bool:
    """Whether lower-case words longer than a particle ("of", "van der") are among the words."""
    return any(
        token[:1].islower() and len(token) > 3 and token.strip(".").casefold() not in words.honorific
        for token in tokens
        if not any(part[:1].isupper() for part in _PARTS.split(token))
    )
