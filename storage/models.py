"""The tables.

A *capture* is one archived response. A *transcript* is one thing said, whoever published it; each text it has
had is a *revision* with its *turns*, and each address it stands at an *appearance*. *Fingerprints* propose which
transcripts are nearly the same, and a *link* says that two are. What is *searched* are the turns of the newest
revisions. A *run* is one collection of one source over one window, and a *page* is the ledger's row of what became
of one document in it. A *host* is one that is asked, by however many crawls at once. A *proposal* is what a dry
run of a re-extraction showed, change by change, and a *correction* what a text was before one was accepted.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal, get_args

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

Disposition = Literal["new", "revised", "unchanged", "duplicate", "rejected", "blocked", "gone", "failed"]
"""What became of a page in a run: exactly one of these."""

RunState = Literal["running", "completed", "degraded", "failed"]
RunKind = Literal["nightly", "backfill", "ingest", "reextract"]

LinkKind = Literal["mirror", "excerpt", "translation"]
"""How two transcripts are nearly the same."""

DISPOSITIONS: tuple[Disposition, ...] = get_args(Disposition)


class UtcTime(TypeDecorator[dt.datetime]):
    """A moment in UTC, to the microsecond. SQLite keeps no time zone, so it gets and gives naive UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        value = value.astimezone(dt.UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: dt.datetime | None, _dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)


def one_of(column: str, words: Any) -> CheckConstraint:
    """A constraint that a column holds one of the words of a Literal type, or nothing."""
    listed = ", ".join(f"'{word}'" for word in get_args(words))
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can name it too."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dt.datetime: UtcTime, list[str]: JSON, dict[str, Any]: JSON}  # noqa: RUF012


class Run(Base):
    """One collection of one source over one window of days."""

    __tablename__ = "runs"
    __table_args__ = (one_of("kind", RunKind), one_of("state", RunState))

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    source: Mapped[str] = mapped_column(String(40), index=True)
    since: Mapped[dt.date]
    until: Mapped[dt.date]
    started_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]
    state: Mapped[str] = mapped_column(String(10))
    reasons: Mapped[list[str]] = mapped_column(doc="why the run is degraded or failed")
    open_days: Mapped[list[str]] = mapped_column(
        default=list, server_default="[]", doc="days of its window that it has not proved complete"
    )
    process: Mapped[str] = mapped_column(
        doc="host:pid of the process that runs it, @ and when it was started"
    )
    via: Mapped[str | None] = mapped_column(
        String(10), doc="who answered instead of the source's site: wayback, replay"
    )
    bookmarks: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), doc="where it left each listing, by the listing's address"
    )


class Capture(Base):
    """One archived response: where its WARC record stands, and what is worth knowing without reading it."""

    __tablename__ = "captures"
    __table_args__ = (
        UniqueConstraint("url", "fetched_at", "digest"),
        UniqueConstraint("warc", "offset"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(40), index=True)
    url: Mapped[str]
    fetched_at: Mapped[dt.datetime]
    status: Mapped[int] = mapped_column(doc="HTTP status")
    content_type: Mapped[str]
    digest: Mapped[str] = mapped_column(doc="sha256:BASE32 of the body, as in WARC-Payload-Digest")
    size: Mapped[int] = mapped_column(doc="bytes of the body")
    etag: Mapped[str | None] = mapped_column(doc="as the site sent it")
    last_modified: Mapped[str | None] = mapped_column(doc="as the site sent it")
    warc: Mapped[str] = mapped_column(doc="file below the archive's folder")
    offset: Mapped[int] = mapped_column(doc="of the record's gzip member, in bytes")
    length: Mapped[int] = mapped_column(doc="of the record's gzip member, in bytes")


class Transcript(Base):
    """One thing said. Its own address is the one it was first loaded from."""

    __tablename__ = "transcripts"
    __table_args__ = (UniqueConstraint("source", "key"), UniqueConstraint("first_digest"))

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(doc="what identifies the document within its source")
    first_digest: Mapped[str] = mapped_column(
        doc="of the text it began with: two loads of one text meet here. With the transcript's id behind it where "
        "a correction has made it the text that another began with"
    )
    created_at: Mapped[dt.datetime]

    revisions: Mapped[list[Revision]] = relationship(back_populates="transcript", order_by="Revision.number")
    appearances: Mapped[list[Appearance]] = relationship(back_populates="transcript")


class Appearance(Base):
    """An address that a transcript stands at, and when it is visited: see `storage.visits`."""

    __tablename__ = "appearances"
    __table_args__ = (UniqueConstraint("source", "key"), Index(None, "source", "next_visit"))

    id: Mapped[int] = mapped_column(primary_key=True)
    transcript_id: Mapped[int] = mapped_column(ForeignKey("transcripts.id"), index=True)
    source: Mapped[str] = mapped_column(String(40))
    key: Mapped[str]
    url: Mapped[str] = mapped_column(index=True)
    digest: Mapped[str] = mapped_column(doc="of the text last read there")
    first_seen: Mapped[dt.datetime]
    capture_id: Mapped[int | None] = mapped_column(
        ForeignKey("captures.id"), doc="last fetched and read well"
    )
    visited_on: Mapped[dt.date | None] = mapped_column(
        doc="day of the last visit; none yet where it was ingested"
    )
    next_visit: Mapped[dt.date | None] = mapped_column(
        doc="first day of the next one; none where there is none"
    )
    unmodified: Mapped[int] = mapped_column(default=0, doc="visits since it was last fetched whole")
    missing: Mapped[int] = mapped_column(default=0, doc="days since then on which it was not there")

    transcript: Mapped[Transcript] = relationship(back_populates="appearances")
    capture: Mapped[Capture | None] = relationship()


class Revision(Base):
    """One text of a transcript, and the capture it was read from."""

    __tablename__ = "revisions"
    __table_args__ = (
        UniqueConstraint("transcript_id", "number"),
        # Small, however large the table is: what has still to be compared.
        Index(
            "ix_revisions_uncompared",
            "id",
            sqlite_where=text("compared_at IS NULL"),
            postgresql_where=text("compared_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    transcript_id: Mapped[int] = mapped_column(ForeignKey("transcripts.id"))
    number: Mapped[int] = mapped_column(doc="1, 2, ... within the transcript, the oldest text first")
    capture_id: Mapped[int] = mapped_column(ForeignKey("captures.id"), index=True)
    extractor: Mapped[int] = mapped_column(doc="version of the extractor that read it")
    loaded_at: Mapped[dt.datetime]
    digest: Mapped[str] = mapped_column(index=True)
    date: Mapped[dt.date] = mapped_column(index=True)
    title: Mapped[str]
    language: Mapped[str | None] = mapped_column(String(2))
    kind: Mapped[str] = mapped_column(String(10))
    event_date: Mapped[dt.date | None]
    document_number: Mapped[str | None] = mapped_column(index=True)
    left_out: Mapped[list[str]]
    doubts: Mapped[list[str]]
    compared_at: Mapped[dt.datetime | None] = mapped_column(doc="when it was held against all others")

    transcript: Mapped[Transcript] = relationship(back_populates="revisions")
    capture: Mapped[Capture] = relationship()
    turns: Mapped[list[Turn]] = relationship(order_by="Turn.position")


class Turn(Base):
    """One turn of a revision."""

    __tablename__ = "turns"

    revision_id: Mapped[int] = mapped_column(ForeignKey("revisions.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, doc="0, 1, ... within the revision")
    label: Mapped[str | None]
    role: Mapped[str | None] = mapped_column(String(10))
    speaker: Mapped[str | None] = mapped_column(index=True)
    text: Mapped[str] = mapped_column(doc="paragraphs, one a line")


class Searched(Base):
    """The words of one turn of a newest revision, for searches: see `storage.index`."""

    __tablename__ = "searched"
    __table_args__ = (UniqueConstraint("revision_id", "position"),)

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"),  # its integers have 64 bits
        primary_key=True,
        autoincrement=False,
        doc="smaller the newer, see `storage.index.row_id`",
    )
    revision_id: Mapped[int] = mapped_column(ForeignKey("revisions.id"))
    position: Mapped[int] = mapped_column(doc="of the turn")
    name: Mapped[str] = mapped_column(doc="speaker and label, without case")
    words: Mapped[str] = mapped_column(doc="as they are looked for, a space on each side of each")


class Fingerprint(Base):
    """A hash that a transcript's texts share with whatever is nearly the same: see `storage.fingerprints`.

    The table is its own index: rows are only ever looked up by hash.
    """

    __tablename__ = "fingerprints"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's own form

    hash: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    transcript_id: Mapped[int] = mapped_column(ForeignKey("transcripts.id"), primary_key=True)


class Link(Base):
    """Two texts that are nearly the same, of two transcripts.

    An excerpt's row begins with the excerpt; every other with the revision that was loaded later.
    """

    __tablename__ = "links"
    __table_args__ = (UniqueConstraint("revision_id", "other_id"), one_of("kind", LinkKind))

    id: Mapped[int] = mapped_column(primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revisions.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("revisions.id"), index=True)
    kind: Mapped[str] = mapped_column(String(11))
    similarity: Mapped[float | None] = mapped_column(
        doc="share of the words of the one that stand in the other, the smaller of both; an excerpt's own share"
    )
    found_at: Mapped[dt.datetime]

    revision: Mapped[Revision] = relationship(foreign_keys=[revision_id])
    other: Mapped[Revision] = relationship(foreign_keys=[other_id])


class Page(Base):
    """The ledger: what became of one document in one run. Without a disposition it is still to do."""

    __tablename__ = "pages"
    __table_args__ = (UniqueConstraint("run_id", "key"), one_of("disposition", Disposition))

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    key: Mapped[str] = mapped_column(doc="the document's, or the address and moment of one capture of it")
    url: Mapped[str]
    date_hint: Mapped[dt.date | None] = mapped_column(doc="the date that the listing gave it")
    capture_id: Mapped[int | None] = mapped_column(ForeignKey("captures.id"), index=True)
    disposition: Mapped[str | None] = mapped_column(String(10))
    reason: Mapped[str | None]
    revision_id: Mapped[int | None] = mapped_column(ForeignKey("revisions.id"), index=True)

    capture: Mapped[Capture | None] = relationship()
    revision: Mapped[Revision | None] = relationship()


class Correction(Base):
    """A text that a revision held until a newer extractor read its capture in another way."""

    __tablename__ = "corrections"

    id: Mapped[int] = mapped_column(primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revisions.id"), index=True)
    extractor: Mapped[int] = mapped_column(doc="version of the extractor that had read it")
    corrected_at: Mapped[dt.datetime]
    text: Mapped[dict[str, Any]] = mapped_column(doc="as `storage.transcript.as_dict` has it")


class Proposal(Base):
    """What a dry run of a re-extraction would change. Without a digest it is not finished."""

    __tablename__ = "proposals"

    id: Mapped[int] = mapped_column(primary_key=True)
    made_at: Mapped[dt.datetime]
    digest: Mapped[str | None] = mapped_column(
        String(16), index=True, doc="of all its changes and how they came"
    )
    reader: Mapped[str] = mapped_column(doc="digest of the extractor's version and of the sources' layouts")
    selection: Mapped[dict[str, Any]] = mapped_column(doc="the sources and days that were looked at")
    last_capture: Mapped[int] = mapped_column(doc="the newest capture that was there")


class ProposedChange(Base):
    """One change of a proposal: of the text that rests on a capture, or of a page that has none."""

    __tablename__ = "proposed_changes"

    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id", ondelete="CASCADE"), primary_key=True)
    capture_id: Mapped[int] = mapped_column(ForeignKey("captures.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(doc="of what is read there now")
    adds: Mapped[bool] = mapped_column(doc="whether no text rests on the capture yet")


class Host(Base):
    """A host that crawls ask: when it may be asked next, and until when it is left alone; see `storage.hosts`."""

    __tablename__ = "hosts"

    host: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[float] = mapped_column(
        Double, doc="the moment before which it is not asked, in seconds since 1970 by the database's clock"
    )
    delay: Mapped[float] = mapped_column(Double, doc="seconds between the last request and next_at")
    left_until: Mapped[dt.datetime | None] = mapped_column(doc="nobody asks it before")
    left_reason: Mapped[str | None]
