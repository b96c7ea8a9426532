"""Near duplicates: fingerprints, links, and what has still to be compared"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fingerprints",
        sa.Column("hash", sa.BigInteger(), nullable=False),
        sa.Column("transcript_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transcript_id"], ["transcripts.id"], name=op.f("fk_fingerprints_transcript_id_transcripts")
        ),
        sa.PrimaryKeyConstraint("hash", "transcript_id", name=op.f("pk_fingerprints")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=11), nullable=False),
        sa.Column("similarity", sa.Float(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('mirror', 'excerpt', 'translation')", name=op.f("ck_links_kind")),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["revisions.id"], name=op.f("fk_links_revision_id_revisions")
        ),
        sa.ForeignKeyConstraint(["other_id"], ["revisions.id"], name=op.f("fk_links_other_id_revisions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
        sa.UniqueConstraint("revision_id", "other_id", name=op.f("uq_links_revision_id_other_id")),
    )
    op.create_index(op.f("ix_links_other_id"), "links", ["other_id"], unique=False)
    # What was loaded before has no date here, so the next run of its source compares it.
    op.add_column("revisions", sa.Column("compared_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_revisions_document_number"), "revisions", ["document_number"], unique=False)
    op.create_index(
        "ix_revisions_uncompared",
        "revisions",
        ["id"],
        unique=False,
        sqlite_where=sa.text("compared_at IS NULL"),
        postgresql_where=sa.text("compared_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_revisions_uncompared", table_name="revisions")
    op.drop_index(op.f("ix_revisions_document_number"), table_name="revisions")
    op.drop_column("revisions", "compared_at")
    op.drop_index(op.f("ix_links_other_id"), table_name="links")
    op.drop_table("links")
    op.drop_table("fingerprints")
