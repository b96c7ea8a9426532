"""Runs that take in the captures and texts of others"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _allow("'nightly', 'backfill', 'ingest'")


def downgrade() -> None:
    op.execute("UPDATE runs SET kind = 'backfill' WHERE kind = 'ingest'")
    _allow("'nightly', 'backfill'")


def _allow(kinds: str) -> None:
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_runs_kind"), type_="check")
        batch_op.create_check_constraint(op.f("ck_runs_kind"), f"kind IN ({kinds})")
