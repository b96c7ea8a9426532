"""When two texts are the same: for all of the archive, and for two readings of one page.

Nothing here knows where a text is kept or published.
"""

from __future__ import annotations

import hashlib

from storage.transcript import GUESSED_DATE, Transcript
from storage.words import printed

SHORT_WORDS = 60
"""Below this many words a text may recur honestly ("The President signed ..."): date and title tell it apart."""


RUN = 4
"""Words in the runs by which two texts are compared: shorter ones are shared by accident."""


def digest(transcript: Transcript) -> str:
    """What makes two transcripts the same text: labels and words in order, case and spacing aside.

    Title and date don't count, since those who republish a text give it their own; they do for a text under
    `SHORT_WORDS` words.
    """
    return hashlib.sha256(_text(transcript).encode()).hexdigest()


def _text(transcript: Transcript) -> str:
    """What a digest is made of."""
    lines = [line for turn in transcript.turns for line in (turn.label, *turn.paragraphs) if line]
    words = " ".join(lines)  # one space between any two: each line is clean
    if words.count(" ") < SHORT_WORDS - 1 and len(printed(words)) < SHORT_WORDS:
        words = " ".join([*lines, transcript.date.isoformat(), transcript.title])
    return words.casefold()


# Marks that a content management system exchanges by itself, all over a site.
_TYPOGRAPHY = str.maketrans(
    dict.fromkeys("“”„‟«»″", '"')
    | dict.fromkeys("‘’‚‛′`´", "'")
    | dict.fromkeys("‐‑‒–—―−", "-")
    | {"…": "..."}
)


def same_text(one: Transcript, other: Transcript) -> bool:
    """Whether two transcripts have the same digest but for the form of quotation marks and dashes."""
    return _text(one).translate(_TYPOGRAPHY) == _text(other).translate(_TYPOGRAPHY)


def same_document(one: Transcript, other: Transcript) -> bool:
    """Whether two texts are one document's, edited perhaps: half of the shorter one stands in the other.

    Counted in runs of `RUN` words: any two texts of a language share most of its small words.
    """
    texts = [printed(_text(each).translate(_TYPOGRAPHY)) for each in (one, other)]
    runs = [{tuple(text[n : n + RUN]) for n in range(len(text) - RUN + 1)} for text in texts]
    return len(runs[0] & runs[1]) * 2 >= max(min(map(len, runs)), 1)


def same_words(stored: Transcript, read: Transcript) -> bool:
    """Whether two readings of one page differ in nothing that the institution said.

    Labels, words, punctuation, title and date count. The division into paragraphs doesn't, nor the form of
    quotation marks and dashes, nor a date that is a guess.
    """
    if stored.date != read.date and GUESSED_DATE not in read.doubts:
        return False
    return _words(stored) == _words(read)


def _words(transcript: Transcript) -> list[tuple[str | None, str]]:
    turns = [(turn.label, " ".join(turn.paragraphs)) for turn in transcript.turns]
    lines = [(None, transcript.title), *turns]
    return [(label and label.translate(_TYPOGRAPHY), line.translate(_TYPOGRAPHY)) for label, line in lines]
