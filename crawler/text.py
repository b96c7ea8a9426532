"""A text that stands in the archive's own format -> a transcript with its language, speakers and kind.

As pure as reading a page: bytes in, a transcript or the reason why there is none out.
"""

from __future__ import annotations

from dataclasses import replace

from crawler.accept import LARGEST
from crawler.language import language_of_text
from crawler.page import kind_of
from crawler.turns import voiced
from storage.transcript import FormatError, Transcript, parse


def read_text(data: bytes) -> Transcript:
    """The transcript that a file in the text format holds.

    Args:
        data: the file, UTF-8.

    Raises:
        FormatError: it is not in the format; the message names the line.
    """
    if len(data) > LARGEST:
        raise FormatError(f"{len(data):,} bytes; a text has at most {LARGEST:,}")
    try:
        text = data.decode()
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise FormatError(f"line {line}: not UTF-8: {problem.reason}") from problem
    read = parse(text)
    language = language_of_text("\n".join(turn.text for turn in read.turns) or read.title)
    found = voiced(read.turns, language)
    return replace(read, turns=found, language=language, kind=kind_of(found, read.title, language))
