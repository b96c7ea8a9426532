"""Re-extraction: its runs, what its dry runs propose, and what a corrected text was before"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _allow("'nightly', 'backfill', 'ingest', 'reextract'")
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision_id", sa.Integer(), nullable=False),
        sa.Column("extractor", sa.Integer(), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["revisions.id"], name=op.f("fk_corrections_revision_id_revisions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(op.f("ix_corrections_revision_id"), "corrections", ["revision_id"])
    op.create_table(
        "proposals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=16), nullable=True),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("last_capture", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
    )
    op.create_index(op.f("ix_proposals_digest"), "proposals", ["digest"])
    op.create_table(
        "proposed_changes",
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("capture_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("adds", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["capture_id"], ["captures.id"], name=op.f("fk_proposed_changes_capture_id_captures")
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"],
            ["proposals.id"],
            name=op.f("fk_proposed_changes_proposal_id_proposals"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("proposal_id", "capture_id", name=op.f("pk_proposed_changes")),
    )


def downgrade() -> None:
    op.drop_table("proposed_changes")
    op.drop_table("proposals")
    op.drop_table("corrections")
    op.execute("UPDATE runs SET kind = 'ingest' WHERE kind = 'reextract'")
    _allow("'nightly', 'backfill', 'ingest'")


def _allow(kinds: str) -> None:
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_runs_kind"), type_="check")
        batch_op.create_check_constraint(op.f("ck_runs_kind"), f"kind IN ({kinds})")
