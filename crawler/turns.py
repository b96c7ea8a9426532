"""Paragraphs -> turns: cut at the labels, each with its speaker and what it is in the exchange.

`cut` loses nothing and invents nothing: its pieces, joined, are the paragraphs. What a label is, `crawler.labels`
decides; what a piece means, `turns` does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import NamedTuple

from crawler.blocks import Paragraph
from crawler.candidates import Label
from crawler.labels import CONTACT, find
from crawler.languages import Words, words
from crawler.looks import ASKED, CASELESS, QUESTION_MARK, REMARK, asks, is_speech, key_of
from crawler.styles import SPEECH
from crawler.unlabelled import SPOKEN, asked_between, end_of_bold, interview
from crawler.voices import interviewers, speakers, voice_of
from storage.transcript import Role, Turn, clean

_LETTER = re.compile(r"[^\W_]")
# The time at which a briefing closed: "6:53 P.M. EDT", "END 2:25 P.M. PDT", "(The briefing was concluded ...)".
_CLOSING = re.compile(
    r"(?:END\W*)?\d{1,2}[:.]\d\d\s*(?:[AaPp]\.?\s?[Mm]\.?)\s*(?:\(?[A-Z][A-Za-z. ]{0,20}\)?)?\.?"
    r"|\([^()\n]{3,80}\d{1,2}[:.]\d\d\s*[AaPp]\.?\s?[Mm]\.?[^()\n]{0,10}\)\.?"
)
# The moment of a recording on a line of its own; "10:30" may be an hour of the day.
_STAMP = re.compile(r"[\[(]?\d{1,2}:[0-5]\d:[0-5]\d[\])]?")
_SECTION = re.compile(r"\*{2,}\s?\S")
_COLON = re.compile(r"[:：]")
CLOSING = 3
"""Lines at a page's end among which whom to call is looked for."""
HEADING = 200
"""Characters in a section heading, at most; longer bold text is emphasis."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a page that one voice fills.

    Args:
        lead: what stands before the label on its line: a bracket, a dash, the moment of a recording.
        label: as printed; None where nobody is named.
        mark: what stands between the label and the speech: a colon, spaces.
        paragraphs: the text; it may be empty after a label.
        role: what it is in the exchange, where its type tells so and not a label.
    """

    lead: str
    label: str | None
    mark: str
    paragraphs: tuple[str, ...]
    role: Role | None = None


_NOBODY = "", None, ""


def cut(paragraphs: Sequence[Paragraph], known: Words) -> list[Piece]:
    """The pieces of a page. Their parts, joined, are the text of the paragraphs, but for white space."""
    parts = interview(paragraphs, known)
    lines = [line for _, part in parts for line in part] or paragraphs
    found = find(lines, known)
    if parts and (any(asks(label.key, known) for label in found) or _asks_himself(found, parts, known)):
        parts, lines, found = [], paragraphs, find(paragraphs, known)
    labels: dict[int, list[Label]] = {}
    for label in found:
        labels.setdefault(label.paragraph, []).append(label)
    # Where the parts of an interview begin: its questions are bold, and its answers plain.
    starts = accumulate((len(part) for _, part in parts), initial=0)
    roles = {start: role for start, (role, _) in zip(starts, parts, strict=False)}
    asked = frozenset[int]() if parts else asked_between(lines, labels, known)
    heads = _heads(found, lines, known)
    for number in heads:
        labels.pop(number)
    closing = _closing(lines, labels, known)
    begins = {*labels, *roles, *asked}
    end = max(begins, default=-1)
    pieces: list[Piece] = []
    # The last piece is written down when the next one begins: until then its speech grows.
    last: tuple[str, str | None, str] | None = None
    what: Role | None = None
    speech: list[str] = []
    # Whether the last label's own paragraph is a question set in bold from beginning to end.
    asked_in_bold = False

    def begin(next_one: tuple[str, str | None, str] | None, role: Role | None = None) -> None:
        nonlocal last, what, speech
        if last is not None:
            pieces.append(Piece(*last, tuple(speech), what))
        last, what, speech = next_one, role, []

    for number, paragraph in enumerate(lines):
        here = labels.get(number, [])
        text = paragraph.text
        before = text[: here[0].begin] if here else text
        # A note in the midst of a speech that goes on below it would take the rest from its speaker.
        noted = _is_note(text, known) and (number > end or number + 1 in begins)
        if before.strip():
            if (
                last is None
                or number in roles
                or (number in asked and (number - 1 not in asked or last[1] is not None))
            ):
                begin(_NOBODY, roles.get(number))
            elif what == "answer" and (noted or _unvoiced(paragraph, known)):
                begin(_NOBODY, "note")
            elif not here and last[1] is not None:
                # Where questions are bold and answers have no label, the answer is not the questioner's.
                answers = asked_in_bold and not paragraph.all_bold
                if answers or noted or number >= closing or number in heads or _unvoiced(paragraph, known):
                    begin(_NOBODY)
            speech.append(before)
        for label, following in zip(here, [*here, None][1:], strict=True):
            named = text[label.start : label.end]
            begin((text[label.begin : label.start], named, text[label.end : label.resume]))
            stop = following.begin if following else len(text)
            line = end_of_bold(paragraph, label.resume, stop) if label.key in known.question else stop
            if text[label.resume : line].strip():
                speech.append(text[label.resume : line])
            if line < stop:
                begin(_NOBODY)
                speech.append(text[line:stop])
            asked_in_bold = label.key in known.question and paragraph.all_bold and bool(speech)
    begin(None)
    return pieces


def _heads(found: Sequence[Label], lines: Sequence[Paragraph], known: Words) -> frozenset[int]:
    """The lines that are labels by their look, occur once and say nothing before the next one: headings.

    "Questions and Answers:", "Middle East Peace Process:", and "记者提问：" above the first "问：".
    """
    counts = Counter(label.key for label in found)
    return frozenset(
        label.paragraph
        for label, following in pairwise(found)
        if counts[label.key] == 1
        and (not label.anonymous or (asks(label.key, known) and asks(following.key, known)))
        # "MR. MOSS:", whose words were a film or stand in another's line.
        and not (label.honorific and label.titled)
        and label.begin == 0
        and not lines[label.paragraph].text[label.resume :].strip()
        and (following.paragraph, following.begin) == (label.paragraph + 1, 0)
    )


def _asks_himself(
    labels: Sequence[Label], parts: Sequence[tuple[Role, Sequence[Paragraph]]], known: Words
) -> bool:
    """Whether somebody speaks already where the first question in bold comes, and does not only lead to it."""
    before = [label.key for label in labels if label.paragraph < len(parts[0][1])]
    return bool(before) and not {before[-1], before[-1].partition(" ")[0]} & (known.moderator | known.voice)


def _without_end(paragraph: Paragraph, known: Words) -> list[Paragraph]:
    """A paragraph, parted before a line that ends the transcript: it may follow the last words after a <br>."""
    for start, stop in paragraph.lines[1:]:
        if stop - start < HEADING and _ends(paragraph.text[start:stop].strip(), known):
            return list(paragraph.split(start - 1))
    return [paragraph]


def _ends(line: str, known: Words) -> bool:
    """Whether a line ends a transcript: "Ends/Tuesday, May 14, 2024" as well."""
    line = re.split(r"[/\n]", line, maxsplit=1)[0]
    return (
        line.strip(" .#*-–—()[]<>‹›（）【】［］〈〉＜＞").casefold() in known.end
        or _CLOSING.fullmatch(line) is not None
    )


def _closing(paragraphs: Sequence[Paragraph], labels: dict[int, list[Label]], known: Words) -> int:
    """Where a page's last lines begin that nobody says: who wrote it, whom to call and his name above."""
    last = max(labels, default=len(paragraphs))
    # What follows the last label is the speaker's, in its own paragraph or the next.
    said = last in labels and paragraphs[last].text[labels[last][-1].resume :].strip()
    least = last + 1 if said else last + 2
    closing = range(max(len(paragraphs) - CLOSING, least), len(paragraphs))
    for number in closing:
        line = paragraphs[number].text
        called = CONTACT.search(line) is not None
        if _unspoken(line) and (called or _is_of_page(line, known)):
            first = number
            while called and first > least and _unspoken(above := paragraphs[first - 1].text):
                if is_speech(above, known):
                    break
                first -= 1
            return first if number - first < CLOSING else number  # more lines are a list of the speaker's
    return len(paragraphs)


def _is_of_page(line: str, known: Words) -> bool:
    """Whether a line is a fact about the page: "Author: Anna Berg", not a speaker's "First: more boats"."""
    name, *rest = _COLON.split(line, maxsplit=1)
    fact = "".join(rest).strip()
    return name.strip().casefold() in known.field and bool(fact) and not fact[0].islower()


def _unspoken(line: str) -> bool:
    return len(line) <= HEADING and SPOKEN.search(line.strip()) is None


def _is_note(text: str, known: Words) -> bool:
    """Whether a paragraph is what the page says of the text: "Editor's note: ...", "Notes to editors"."""
    return _COLON.split(text.strip(), maxsplit=1)[0].strip().casefold() in known.note


def _unvoiced(paragraph: Paragraph, known: Words) -> bool:
    """Whether a paragraph ends what the last speaker says: a section's heading, or the end of the transcript."""
    text = paragraph.text.strip()
    if _ends(text, known) or _SECTION.match(text):
        return True
    if not (paragraph.heading or paragraph.all_bold) or len(text) > HEADING:
        return False
    # Bold text that ends like a sentence, or is a direction in parentheses, is the speaker's still.
    return bool(_LETTER.search(text)) and (paragraph.heading or SPOKEN.search(text) is None)


def _are_moments(lines: Sequence[Paragraph], labels: Collection[str]) -> bool:
    """Whether most lines that may be a recording's moment follow a sentence's end or a label: a runner's time
    follows his name."""
    between = other = 0
    ended = True
    for line in lines:
        text = line.text.strip()
        if not _STAMP.fullmatch(text):
            ended = text in labels or SPOKEN.search(text) is not None
        elif ended:
            between += 1
        else:
            other += 1
    return between > other and bool(labels)


def turns(paragraphs: Sequence[Paragraph], language: str | None) -> tuple[tuple[Turn, ...], list[str]]:
    """The turns of a page, and what was left out: paragraphs without letter or digit (``* * *``), and moments of a
    recording.

    Args:
        paragraphs: the page's body.
        language: ISO 639-1 code; its words for a question are known, or every language's where it is None.
    """
    known = words(language)
    lines = [part for paragraph in paragraphs for part in _without_end(paragraph, known)]
    left_out = [clean(paragraph.text) for paragraph in paragraphs if not _LETTER.search(paragraph.text)]
    lines = [paragraph for paragraph in lines if _LETTER.search(paragraph.text)]
    spoken = [line for line in lines if not _STAMP.fullmatch(line.text.strip())]
    stamps = [clean(line.text) for line in lines if _STAMP.fullmatch(line.text.strip())]
    pieces = cut(spoken, known)
    if stamps and not _are_moments(lines, {piece.label for piece in pieces if piece.label is not None}):
        pieces, stamps = cut(lines, known), []
    left_out += [*stamps, *(clean(piece.lead) for piece in pieces if _LETTER.search(piece.lead))]
    labels = list(dict.fromkeys(piece.label for piece in pieces if piece.label is not None))
    printed = {label: _printed(clean(label), known) for label in labels}
    names = speakers(labels, known)
    roles = _roles(pieces, names, known)
    found = tuple(
        Turn(piece.paragraphs, printed[piece.label], role, names[piece.label])
        if piece.label is not None
        else Turn(piece.paragraphs, None, role)
        for piece, role in zip(pieces, roles, strict=True)
    )
    return found, [text for text in left_out if text]


def voiced(found: Sequence[Turn], language: str | None) -> tuple[Turn, ...]:
    """Turns that somebody has cut and labelled already, with their speakers and what they are in the exchange."""
    known = words(language)
    names = speakers(dict.fromkeys(turn.label for turn in found if turn.label is not None), known)
    roles = _roles([Piece("", turn.label, "", turn.paragraphs) for turn in found], names, known)
    return tuple(
        replace(turn, role=role, speaker=names[turn.label] if turn.label is not None else None)
        for turn, role in zip(found, roles, strict=True)
    )


def _printed(label: str, known: Words) -> str:
    """A label as the archive prints it: an anonymous questioner's in the one form of its language."""
    remark = REMARK.search(label)
    word = clean(label[: remark.start()] + label[remark.end() :] if remark else label)
    if known.print is None or word.rstrip(".").casefold() not in known.question:
        return label
    return known.print + (f" {remark[0].strip()}" if remark else "")


def _roles(pieces: Sequence[Piece], names: dict[str, str | None], known: Words) -> list[Role]:
    """What each piece is in the exchange.

    Labels that say so decide; else who asks more than half of the time is a questioner, and who speaks after a
    question answers it. Before the first question everybody makes a statement.
    """
    if all(piece.label is None for piece in pieces):
        return [piece.role or "statement" for piece in pieces]
    key_by_label = {label: voice_of(label, known) for label in names}
    keys = [key_by_label[piece.label] if piece.label is not None else None for piece in pieces]
    who = [names[piece.label] if piece.label is not None else None for piece in pieces]
    exchange = _exchange(pieces, keys, who, known)
    roles: list[Role] = []
    asked = False
    for number, (piece, key, name) in enumerate(zip(pieces, keys, who, strict=True)):
        role: Role
        if piece.role is not None:
            role = piece.role
        elif key is None:
            # Where no question has a label, what ends as one between two turns of one voice is another's.
            between = 0 < number < len(keys) - 1 and keys[number - 1] == keys[number + 1] is not None
            unlabelled = between and not exchange.marked and ASKED.search(piece.paragraphs[-1])
            role = "question" if unlabelled else "note"
        else:
            role = _role_of(key, name, exchange, known) or ("answer" if asked else "statement")
            following = keys[number + 1] if number + 1 < len(keys) else None
            called = following is not None and asks(following, known)  # "Staff: Last question?"
            if role == "note" and not called and piece.paragraphs and ASKED.search(piece.paragraphs[-1]):
                role = "question"  # a voice from the room
        roles.append(role)
        asked = asked or role == "question"
    return roles


class _Exchange(NamedTuple):
    """Who does what on a page.

    Args:
        marked: whether a label says that somebody asks.
        asking: the names of those who ask though no label says so.
        turns: how many each name has.
        answers: how many of these follow a question.
    """

    marked: bool
    asking: set[str]
    turns: Counter[str]
    answers: Counter[str]


def _exchange(
    pieces: Sequence[Piece], keys: Sequence[str | None], who: Sequence[str | None], known: Words
) -> _Exchange:
    """Who does what, by the keys and names of all pieces."""
    by_word = [key is not None and asks(key, known) for key in keys]
    marked = any(by_word)
    counts = Counter(name for name in who if name is not None)
    ends: Counter[str] = Counter()
    for piece, name, followed in zip(pieces, who, [*by_word[1:], False], strict=True):
        # No question is followed by a question: who calls on somebody asks nothing.
        if name is not None and not followed and piece.paragraphs:
            ends[name] += ASKED.search(piece.paragraphs[-1]) is not None
    most = max(counts.values(), default=0)
    asking = {
        name for name in counts if ends[name] * 2 > counts[name] and (not marked or counts[name] < most)
    }
    long = {
        name
        for piece, name in zip(pieces, who, strict=True)
        if name is not None
        if len(text := " ".join(piece.paragraphs)) > SPEECH and QUESTION_MARK.search(text) is None
    }
    voices = ["" if asked else name for asked, name in zip(by_word, who, strict=True)]
    labelled = [voice for voice, key in zip(voices, keys, strict=True) if key is not None]
    spoken = [voice for voice in labelled if voice is not None]
    asking |= interviewers(spoken, ends, long) - _holders(pieces, who, asking, known).difference(+ends)
    answers = Counter(
        voice for before, voice in pairwise(labelled) if voice and (before == "" or before in asking)
    )
    return _Exchange(marked, asking, counts, answers)


def _holders(pieces: Sequence[Piece], who: Sequence[str | None], asking: set[str], known: Words) -> set[str]:
    """The names with an office that nobody has who asks: in a hearing all of these are senators.

    A second spokesperson who adds a word speaks between two turns of the first, as a reporter does.
    """
    titles: dict[str, set[str]] = {}
    for piece, name in zip(pieces, who, strict=True):
        if name is not None and piece.label is not None:
            words_of = key_of(piece.label).split()
            offices = {word for word in words_of if len(word) > 4 and word in known.honorific}
            titles[name] = titles.get(name, set()) | offices
    theirs = {title for name in asking for title in titles[name]}
    return {name for name, own in titles.items() if own - theirs}


def _role_of(key: str, name: str | None, exchange: _Exchange, known: Words) -> Role | None:
    """What a labelled piece is by its label; None where only its place among the others tells."""
    ends_so = CASELESS.search(key) is not None and any(key.endswith(word) for word in known.questioner)
    if asks(key, known) or ends_so or name in exchange.asking:
        return "question"
    # "Moderator Anna Berg", but not the Chair who answers.
    answers = name is not None and exchange.answers[name] * 2 > exchange.turns[name]
    if key in known.moderator or (key.partition(" ")[0] in known.moderator and not answers):
        return "moderator"
    if key in known.answer:
        return "answer"
    return "note" if key in known.voice else None
