"""The first schema"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "captures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("warc", sa.String(), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_captures")),
        sa.UniqueConstraint("url", "fetched_at", "digest", name=op.f("uq_captures_url_fetched_at_digest")),
        sa.UniqueConstraint("warc", "offset", name=op.f("uq_captures_warc_offset")),
    )
    with op.batch_alter_table("captures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_captures_source"), ["source"], unique=False)

    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.CheckConstraint("kind IN ('nightly', 'backfill')", name=op.f("ck_runs_kind")),
        sa.CheckConstraint(
            "state IN ('running', 'completed', 'degraded', 'failed')", name=op.f("ck_runs_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_runs_source"), ["source"], unique=False)

    op.create_table(
        "transcripts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("first_digest", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcripts")),
        sa.UniqueConstraint("first_digest", name=op.f("uq_transcripts_first_digest")),
        sa.UniqueConstraint("source", "key", name=op.f("uq_transcripts_source_key")),
    )
    op.create_table(
        "appearances",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("transcript_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["transcript_id"], ["transcripts.id"], name=op.f("fk_appearances_transcript_id_transcripts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appearances")),
        sa.UniqueConstraint("source", "key", name=op.f("uq_appearances_source_key")),
    )
    with op.batch_alter_table("appearances", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_appearances_transcript_id"), ["transcript_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appearances_url"), ["url"], unique=False)

    op.create_table(
        "revisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("transcript_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("capture_id", sa.Integer(), nullable=False),
        sa.Column("extractor", sa.Integer(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("event_date", sa.Date(), nullable=True),
        sa.Column("document_number", sa.String(), nullable=True),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.Column("doubts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["capture_id"], ["captures.id"], name=op.f("fk_revisions_capture_id_captures")
        ),
        sa.ForeignKeyConstraint(
            ["transcript_id"], ["transcripts.id"], name=op.f("fk_revisions_transcript_id_transcripts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revisions")),
        sa.UniqueConstraint("transcript_id", "number", name=op.f("uq_revisions_transcript_id_number")),
    )
    with op.batch_alter_table("revisions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_revisions_capture_id"), ["capture_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_revisions_date"), ["date"], unique=False)
        batch_op.create_index(batch_op.f("ix_revisions_digest"), ["digest"], unique=False)

    op.create_table(
        "pages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("date_hint", sa.Date(), nullable=True),
        sa.Column("capture_id", sa.Integer(), nullable=True),
        sa.Column("disposition", sa.String(length=10), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("revision_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "disposition IN ('new', 'revised', 'unchanged', 'duplicate', 'rejected', 'blocked', 'gone', 'failed')",
            name=op.f("ck_pages_disposition"),
        ),
        sa.ForeignKeyConstraint(["capture_id"], ["captures.id"], name=op.f("fk_pages_capture_id_captures")),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["revisions.id"], name=op.f("fk_pages_revision_id_revisions")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_pages_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pages")),
        sa.UniqueConstraint("run_id", "key", name=op.f("uq_pages_run_id_key")),
    )
    with op.batch_alter_table("pages", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pages_capture_id"), ["capture_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_pages_revision_id"), ["revision_id"], unique=False)

    op.create_table(
        "turns",
        sa.Column("revision_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("role", sa.String(length=10), nullable=True),
        sa.Column("speaker", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["revisions.id"], name=op.f("fk_turns_revision_id_revisions")
        ),
        sa.PrimaryKeyConstraint("revision_id", "position", name=op.f("pk_turns")),
    )
    with op.batch_alter_table("turns", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_turns_speaker"), ["speaker"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("turns", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_turns_speaker"))

    op.drop_table("turns")
    with op.batch_alter_table("pages", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pages_revision_id"))
        batch_op.drop_index(batch_op.f("ix_pages_capture_id"))

    op.drop_table("pages")
    with op.batch_alter_table("revisions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_revisions_digest"))
        batch_op.drop_index(batch_op.f("ix_revisions_date"))
        batch_op.drop_index(batch_op.f("ix_revisions_capture_id"))

    op.drop_table("revisions")
    with op.batch_alter_table("appearances", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_appearances_url"))
        batch_op.drop_index(batch_op.f("ix_appearances_transcript_id"))

    op.drop_table("appearances")
    op.drop_table("transcripts")
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_runs_source"))

    op.drop_table("runs")
    with op.batch_alter_table("captures", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_captures_source"))

    op.drop_table("captures")
