"""Fingerprints: a few numbers that a text shares with whatever is nearly the same.

Two kinds stand in one table. *Bands* are of the whole text: a MinHash signature over its shingles (runs of a few
words), cut into bands of which texts that are mostly the same share at least one (Broder 1997; Leskovec, Rajaraman
and Ullman, Mining of Massive Datasets, 3.4). *Passages* are of each longer paragraph: the least hashes of its
shingles, which it keeps wherever it is quoted; they find a short excerpt of a long transcript, whose signatures
have little in common. A shared fingerprint only proposes: `storage.duplicates` compares the texts.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence

from rensa import RMinHash

from storage.transcript import Turn
from storage.words import spoken

SHINGLE = 3
"""Words in a shingle of a signature. Of texts with 5% of their words edited three quarters are kept."""

BANDS, ROWS = 24, 4
"""Of 3,000 texts of 60 to 1,000 words and their copies with 5% of the words edited, these proposed all but 9."""

PASSAGE = 20
"""Words in the shortest paragraph that is a passage: a shorter one may be said by anyone."""

PASSAGE_SHINGLE = 6
"""Words in a shingle of a passage. Shorter runs are common turns of speech."""

PASSAGE_WORDS = 40
"""A passage has one hash, and one more for every so many words: an edit may take one of them."""

SEED = 1
"""Of the permutations. Changed, as after a new version of the algorithm, every stored fingerprint is void."""


def shingles(words: Sequence[str], length: int) -> list[str]:
    """Every run of so many words, in order."""
    return list(map(" ".join, zip(*(words[start:] for start in range(length)), strict=False)))


def fingerprints(turns: Iterable[Turn]) -> set[int]:
    """The fingerprints of a text, as signed 64-bit numbers; none for one of hardly any words.

    Labels don't count: whoever republishes a text may name its speakers in another way.
    """
    return marks_of(text for turn in turns for text in turn.paragraphs)


def marks_of(paragraphs: Iterable[str]) -> set[int]:
    """The fingerprints of a text, given as its paragraphs."""
    several = [spoken(text) for text in paragraphs]
    found = {mark for words in several if len(words) >= PASSAGE for mark in _passage(words)}
    whole = shingles([word for words in several for word in words], SHINGLE)
    return found | _bands(whole) if whole else found


def _bands(whole: list[str]) -> set[int]:
    signature = RMinHash(num_perm=BANDS * ROWS, seed=SEED)
    signature.update(whole)
    digest: list[int] = signature.digest()
    bands = (digest[band * ROWS : (band + 1) * ROWS] for band in range(BANDS))
    return set(_numbers(f"band {band} {' '.join(map(str, rows))}" for band, rows in enumerate(bands)))


def _passage(words: list[str]) -> list[int]:
    count = 1 + len(words) // PASSAGE_WORDS
    return sorted(_numbers(f"passage {run}" for run in set(shingles(words, PASSAGE_SHINGLE))))[:count]


def _numbers(texts: Iterable[str]) -> tuple[int, ...]:
    digests = b"".join([hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts])
    return struct.unpack(f">{len(digests) // 8}q", digests)
