"""A document as TEI, in the manner of ParlaMint: a header that says where it comes from, then its utterances.

A turn of somebody is a `u` that points to its speaker and its role; its label, as the page prints it, is a `note`
before it. A stage direction is a `note`, and any other text that nobody is named for a `u` without a speaker.
Each doubt about the reading is a `note` on the page.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from storage.transcript import GUESSED_DATE, Transcript, Turn

NAMESPACE = "http://www.tei-c.org/ns/1.0"

# What XML 1.0 has no way to hold (2.2), and what a parser would make something else of (2.11, 3.3.3).
_UNFIT = re.compile("[^\u0020-\u007e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(transcript: Transcript, *, source: str, url: str, captured: str, digest: str) -> bytes:
    """The document as UTF-8; what XML can't hold is U+FFFD.

    Args:
        transcript: what was said.
        source: id of its source.
        url: address that it was read from.
        captured: the moment of that, ISO 8601.
        digest: of the captured page.
    """
    root = ET.Element("TEI", {"xmlns": NAMESPACE})
    if transcript.language:
        root.set("xml:lang", _fit(transcript.language))
    file = _below(_below(root, "teiHeader"), "fileDesc")
    _below(_below(file, "titleStmt"), "title", transcript.title, type="main")
    _below(_below(file, "publicationStmt"), "p", "Extracted by Podium from the page named below.")
    source_of = _below(_below(file, "sourceDesc"), "bibl")
    _below(source_of, "title", transcript.title)
    _below(source_of, "publisher", source)
    day = _below(source_of, "date", transcript.date.isoformat(), when=transcript.date.isoformat())
    if GUESSED_DATE in transcript.doubts:
        day.set("cert", "low")
    _below(source_of, "idno", url, type="URI")
    _below(source_of, "idno", digest, type="digest")
    _below(source_of, "date", captured, type="captured", when=captured)
    if transcript.number:
        _below(source_of, "idno", transcript.number, type="number")
    for doubt in transcript.doubts:
        _below(source_of, "note", doubt, type="doubt")
    speakers = _speakers(transcript)
    _roles(root[0], transcript)
    _profile(root[0], transcript, speakers)
    spoken = any(not _is_direction(turn) for turn in transcript.turns)
    kind = "debateSection" if spoken else "commentSection"
    division = _below(_below(_below(root, "text"), "body"), "div", type=kind)
    _below(division, "head", transcript.title)
    for number, turn in enumerate(transcript.turns, 1):
        _turn(division, turn, number, speakers)
    ET.indent(root, " ")
    text: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"


def _roles(header: ET.Element, transcript: Transcript) -> None:
    roles = sorted({turn.role for turn in transcript.turns if turn.role})
    if roles:
        taxonomy = _below(
            _below(_below(header, "encodingDesc"), "classDecl"), "taxonomy", **{"xml:id": "roles"}
        )
        _below(_below(taxonomy, "desc"), "term", "What a turn is in the exchange")
        for role in roles:
            _below(_below(_below(taxonomy, "category", **{"xml:id": role}), "catDesc"), "term", role)


def _profile(header: ET.Element, transcript: Transcript, speakers: dict[str, str]) -> None:
    profile = ET.Element("profileDesc")
    if transcript.event_date:
        setting = _below(_below(profile, "settingDesc"), "setting")
        day = transcript.event_date.isoformat()
        _below(setting, "date", day, when=day)
    if speakers:
        people = _below(_below(profile, "particDesc"), "listPerson")
        for name, key in speakers.items():
            _below(_below(people, "person", **{"xml:id": key}), "persName", name)
    if len(profile):
        header.append(profile)


def _speakers(transcript: Transcript) -> dict[str, str]:
    """Who speaks and has a name, each with an id, in order of the first word."""
    names = dict.fromkeys(turn.speaker for turn in transcript.turns if turn.speaker)
    return {name: f"speaker{number}" for number, name in enumerate(names, 1)}


def _is_direction(turn: Turn) -> bool:
    return turn.label is None and turn.role == "note"


def _turn(division: ET.Element, turn: Turn, number: int, speakers: dict[str, str]) -> None:
    if _is_direction(turn):
        for paragraph in turn.paragraphs:
            _below(division, "note", paragraph)
        return
    if turn.label is not None:
        _below(division, "note", turn.label, type="speaker")
    said = _below(division, "u", **{"xml:id": f"u{number}"})
    if turn.speaker:
        said.set("who", f"#{speakers[turn.speaker]}")
    if turn.role:
        said.set("ana", f"#{turn.role}")
    for paragraph in turn.paragraphs:
        _below(said, "seg", paragraph)


def _below(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, name, {key: _fit(value) for key, value in attributes.items()})
    if text:
        element.text = _fit(text)
    return element


def _fit(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)
