"""Whose the labels of a page are: one name for all of a speaker's, and who among the named asks.

Nothing here looks at type or place, only at what the labels say and in which order they come.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby, pairwise
from operator import itemgetter

from crawler.languages import Words
from crawler.looks import REMARK, key_of
from storage.transcript import clean

ANSWERS = 3
"""Answers of one voice to all others that make a page an interview."""
_WHOSE = re.compile(r",|\s[-–—/]\s")
ROW = 3
"""Questions with a question mark between two answers that make a row of questioners."""


def speakers(labels: Iterable[str], known: Words) -> dict[str, str | None]:
    """The name that each label resolves to: the shortest of the page's labels that it ends in or begins with.

    ``President of Russia Vladimir Putin`` is ``Vladimir Putin`` where the page calls him so later on, and
    ``Arindam Bagchi, Official Spokesperson`` is ``Arindam Bagchi``. Nobody's labels resolve to None.
    """
    whole = {label: clean(REMARK.sub("", label)).rstrip(" .") for label in labels}
    papers = _papers(whole.values(), known)
    cores: dict[str, str] = {}
    for label, core in whole.items():
        cores[label] = (core if core in papers else _holder(core, known)) or core or clean(label)
    keys: dict[str, str] = {}
    for core in cores.values():
        keys.setdefault(key_of(core), core)
    remarks, titled = _remarks(whole, known), _without_titles(keys, known)
    names: dict[str, str | None] = {}
    for label, core in cores.items():
        key = key_of(core)
        if key_of(label) in known.anonymous or key in known.anonymous:
            names[label] = None
            continue
        words_of = key.split()
        name = keys[key]
        for count in range(1, len(words_of)):
            shorter = " ".join(words_of[-count:])
            if (
                shorter not in keys
                or shorter in known.anonymous
                or known.honorific.issuperset(shorter.split())
            ):
                continue
            # One word is a family name only where it is labelled so; two or more may be any name, but an office
            # is another's than the one whose name holds it: "The Foreign Minister", not "Deputy Foreign Minister".
            if not _is_another(words_of[:-count], keys[shorter], known):
                name = keys[shorter]
                break
        names[label] = _behind(whole[label], titled, known) or name + remarks.get(label, "")
    return names


def _is_another(before: Sequence[str], shorter: str, known: Words) -> bool:
    """Whether the words before a shorter label make somebody else of who is labelled by it."""
    if all(len(word) < 5 and word in known.honorific for word in before):
        return False  # "The Foreign Minister", "Mr. President"
    if _is_office(shorter, known):
        return True
    # "Assistant Secretary Moss" may be "Secretary Moss"; a "Stellvertretender Sprecher" is not the "Sprecher".
    tokens = shorter.split()
    named = len(tokens) > 1 and _is_title(tokens[0], known) and tokens[-1][:1].isupper()
    return known.deputy.issuperset(before) and not named


def _remarks(whole: dict[str, str], known: Words) -> dict[str, str]:
    """The remarks, by label, that tell apart who has the same office: "Joint Secretary (East)" and "(XP)"."""
    found: dict[str, dict[str, str]] = {}
    for label, core in whole.items():
        remark = REMARK.search(label)
        if remark is not None and remark[0].strip(" (（[")[:1].isupper() and _is_office(core, known):
            found.setdefault(key_of(core), {})[label] = f" {remark[0].strip()}"
    # A direction is none: "Prime Minister (Laughs)", who is the Prime Minister elsewhere.
    bare = {key_of(core) for label, core in whole.items() if REMARK.search(label) is None}
    several = [each for key, each in found.items() if len(set(each.values())) > 1 and key not in bare]
    return {label: remark for each in several for label, remark in each.items()}


def _papers(cores: Iterable[str], known: Words) -> set[str]:
    """The labels with a comma of which several share what stands before it, and hold no title: "NHK, Yoshida"."""
    shared: dict[str, set[str]] = {}
    for core in cores:
        shared.setdefault(key_of(core.partition(",")[0]), set()).add(core)
    return {
        core
        for key, named in shared.items()
        if len(set(map(key_of, named))) > 1
        and all("," in core for core in named)
        and key not in known.anonymous
        for core in named
        if not any(_is_title(word.strip(","), known) for each in named for word in each.split())
    }


def _behind(core: str, titled: dict[str, str], known: Words) -> str | None:
    """Whose name follows an office and a comma, where the page has it as a label, with a title or without."""
    office, _, rest = core.partition(",")
    behind = key_of(rest)
    return titled.get(behind) if " " in behind and _is_office(office, known) else None


def _without_titles(keys: dict[str, str], known: Words) -> dict[str, str]:
    """Labels by their keys, and by what is left of these without a title or two."""
    found = dict(keys)
    for key, name in keys.items():
        words_of = key.split()
        for count in range(1, len(words_of)):
            if words_of[count - 1] not in known.honorific:
                break
            found.setdefault(" ".join(words_of[count:]), name)
    return found


def _is_office(core: str, known: Words) -> bool:
    """Whether a label is an office by itself: "Foreign Minister", "Minister of Fish"."""
    tokens = core.split()
    led = len(tokens) > 1 and len(tokens[0]) > 3 and _is_title(tokens[0], known) and _is_particle(tokens[1])
    return led or (bool(tokens) and _is_title(tokens[-1], known))


def _holder(core: str, known: Words) -> str:
    """Whose a label is: what stands before its first comma, unless that is an office and the name comes behind.

    ``Ivan Moss, Minister of Health`` is ``Ivan Moss``; ``Trade, Industry and Fish Minister Ivan Moss`` and
    ``Minister of Trade, Ivan Moss`` are all of that.
    """
    whose = _of_whom(core)
    if key_of(whose) in known.anonymous:
        return whose
    first, comma, rest = core.partition(",")
    if not comma:
        return core
    tokens, behind = first.split(), rest.split()
    titles = [at for at, word in enumerate(behind) if len(word) > 2 and _is_title(word, known)]
    if not titles:
        led = _is_office(first, known) and not _is_title(tokens[-1], known)
        return core if led else clean(first)
    name = behind[titles[-1] + 1 :]
    named = titles[0] > 0 and 0 < len(name) < 4 and name[0][:1].isupper() and not _is_particle(name[0])
    return core if named else clean(first)


def interviewers(voices: Sequence[str], ends: Counter[str], long: Collection[str]) -> set[str]:
    """Who ask where no label says so: whom an answer follows each time, most of them with a question mark.

    Papers are labelled by their names so, and one may say: "Two questions, please." Who speaks most answers, and
    so do those who mostly speak after a question, or spoke before the first and not just between turns of his.

    Args:
        voices: who speaks, in order; "" for a questioner whose label says so.
        ends: of each, the turns that end as a question.
        long: who says more than a line or two at once and asks nothing.
    """
    counts = Counter(filter(None, voices))
    main, most = max(counts.items(), key=itemgetter(1), default=("", 0))
    asked = [not voice or (voice != main and ends[voice] * 2 > counts[voice]) for voice in voices]
    first = asked.index(True) if any(asked) else 0
    next_to: dict[str, list[str]] = {}
    for voice, after in pairwise((*voices, main)):
        next_to.setdefault(voice, []).append(after)
    told = {main}
    for number, voice in enumerate(voices[:first]):
        if main not in voices[:number] or set(next_to[voice]) != {main}:
            told.add(voice)
    answers = Counter(voice for before, voice in zip(asked, voices[1:], strict=False) if before)
    told |= {voice for voice in counts if ends[voice] * 2 <= counts[voice] < answers[voice] * 2}
    asking = set(counts) - told
    while others := {
        voice
        for voice in asking
        if not asking | told >= set(next_to[voice])
        or sum(after in told for after in next_to[voice]) * 2 < counts[voice]
    }:
        told |= others
        asking -= others
    asking |= _in_rows(voices, main, asked) - set(long)
    marks, turns_of = (sum(each[voice] for voice in asking) for each in (ends, counts))
    sure = most >= ANSWERS and marks * 2 >= turns_of and ends[main] * 2 <= most
    # Where more questions have the word for one, who has a name is somebody else.
    return asking if sure and marks >= len(next_to.get("", ())) else set()


def _in_rows(voices: Sequence[str], main: str, asked: Sequence[bool]) -> set[str]:
    """Who speaks nowhere but in a row of questioners: once between two turns of who answers, where most ask."""
    inside, others = set[str](), {main}
    for is_main, row in groupby(zip(voices, asked, strict=True), lambda turn: turn[0] == main):
        said = list(row)
        spoke = Counter(voice for voice, _ in said)
        marks = sum(mark for _, mark in said)
        in_row = not is_main and marks >= ROW and marks * 2 > len(said)
        for voice, times in spoke.items():
            (inside if in_row and times == 1 else others).add(voice)
    return inside - others - {""}


def voice_of(label: str, known: Words) -> str:
    """A label's key, without whose the voice is: ``journalist`` of ``Journalist, Reuters``."""
    first = key_of(_of_whom(label))
    return first if first in known.anonymous else key_of(label)


def _of_whom(label: str) -> str:
    """What stands in a label before whom the voice is of: ``Question`` of ``Question – AFP``."""
    return clean(_WHOSE.split(label, maxsplit=1)[0])


def _is_title(word: str, known: Words) -> bool:
    return word.strip(".").casefold() in known.honorific and word.casefold() != "the"


def _is_particle(word: str) -> bool:
    """``of``, ``de``, also in a label in capitals."""
    return word.islower() or (word.isupper() and len(word) < 4 and "." not in word)
