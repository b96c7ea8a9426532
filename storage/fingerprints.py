"""Fingerprints: a few numbers that a text shares with whatever is nearly the same.

Two kinds stand in one table. *Bands* are of the whole text: a MinHash signature over its shingles (runs of a few
words), cut into bands of which texts that are mostly the same share at least one (Broder 1997; Leskovec, Rajaraman
and Ullman, Mining of Massive Datasets, 3.4). *Passages* are of each longer paragraph: the least hashes of its
shingles, which it keeps wherever it is quoted; they find a short excerpt of a long transcript, whose signatures
have little in common. A shared fingerprint only proposes: `storage.duplicates` compares the texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

from storage.transcript import Turn
from storage.words import paragraphs_of

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

KEPT = 2**16
"""Words whose hashes are kept: some 8 MB."""

SEED = 1
"""Of the permutations. Changed, as after a new version of the algorithm, every stored fingerprint is void."""


def fingerprints(turns: Iterable[Turn]) -> set[int]:
    """The fingerprints of a text, as signed 64-bit numbers; none for one of hardly any words.

    Labels don't count: whoever republishes a text may name its speakers in another way.
    """
    return marks_of(paragraphs_of(text for turn in turns for text in turn.paragraphs))


def marks_of(paragraphs: Sequence[Sequence[str]]) -> set[int]:
    """The fingerprints of a text, given as the words of its paragraphs."""
    words = [word for paragraph in paragraphs for word in paragraph]
    if len(words) < SHINGLE:
        return set()
    return _bands(words) | _passages(words, map(len, paragraphs))


def _bands(words: Sequence[str]) -> set[int]:
    signature = RMinHash(num_perm=BANDS * ROWS, seed=SEED)
    signature.update(list(map(" ".join, zip(*(words[start:] for start in range(SHINGLE)), strict=False))))
    digest: list[int] = signature.digest()
    bands = (digest[band * ROWS : (band + 1) * ROWS] for band in range(BANDS))
    return {_number(f"band {band} {' '.join(map(str, rows))}") for band, rows in enumerate(bands)}


def _passages(words: Sequence[str], lengths: Iterable[int]) -> set[int]:
    """The least hashes of each paragraph that is a passage, given the lengths of all in words."""
    numbers = np.fromiter(map(_NUMBERS.__getitem__, words), np.int64, len(words))
    hashes = _runs(numbers.view(np.uint64)).view(np.int64)
    found, start = set[int](), 0
    for length in lengths:
        if length >= PASSAGE:
            own = np.sort(hashes[start : start + length - PASSAGE_SHINGLE + 1])
            found.update(own[: 1 + length // PASSAGE_WORDS].tolist())
        start += length
    return found


def _runs(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A hash of every run of `PASSAGE_SHINGLE` words, made of the words' own: a polynomial, its bits mixed.

    The mixing is the end of MurmurHash3 (Appleby 2011). Without it neighbouring runs have hashes that follow one
    another, and the least of a paragraph would say less of it.
    """
    count = max(len(numbers) - PASSAGE_SHINGLE + 1, 0)
    hashes = np.zeros(count, np.uint64)
    for start in range(PASSAGE_SHINGLE):
        hashes = hashes * _BASE + numbers[start : start + count]
    for factor in _MIX:
        hashes = (hashes ^ (hashes >> np.uint64(33))) * factor
    return hashes ^ (hashes >> np.uint64(33))


_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


class _Numbers(dict[str, int]):
    """The hashes of words, kept: the same few thousand are most of any text."""

    def __missing__(self, word: str) -> int:
        if len(self) >= KEPT:
            self.clear()
        found = self[word] = _number(word)
        return found


_NUMBERS = _Numbers()
